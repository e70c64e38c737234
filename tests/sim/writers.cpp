// One write after the other, per writer.
#include "sim/writers.hpp"

namespace repl::sim {

Writers::Writers(World& world, int count)
    : world_(world), random_(world.random.fork()), writers_(static_cast<std::size_t>(count)) {}

void Writers::start() {
  writing_ = true;
  for (std::size_t i = 0; i < writers_.size(); ++i) next(i, random_.between(think_shortest, think_longest));
}

void Writers::next(std::size_t writer, Duration pause) {
  world_.events.after(pause, [this, writer] {
    if (writing_) write(writer);
  });
}

void Writers::write(std::size_t writer) {
  auto* server = &world_.server(writers_[writer].target);
  const auto attempt = ++writers_[writer].attempt;
  world_.network.send(kClients, server->index(), [=, this] {
    server->request(
        kClients,
        [=, this](const Server::Action& completed) {
          server->write([=, this](std::optional<Error> error, Transaction t) {
            const bool persons_doing = server->opened_by_person;
            completed();
            world_.network.send(server->index(), kClients, [=, this] {
              if (!error) {
                // Even a client that has gone on meanwhile was told.
                log_.push_back({t, server->index(), world_.events.now(), persons_doing});
              }
              answered(writer, attempt, !error);
            });
          });
        },
        [=, this](Reach) { answered(writer, attempt, false); });
  });
  world_.events.after(patience, [=, this] { answered(writer, attempt, false); });
}

void Writers::answered(std::size_t writer, std::uint64_t attempt, bool accepted) {
  auto& w = writers_[writer];
  if (attempt != w.attempt) return;
  ++w.attempt;
  if (accepted) {
    if (everywhere) w.target = random_.below(static_cast<int>(world_.servers.size()));
    next(writer, random_.between(think_shortest, think_longest));
    return;
  }
  w.target = (w.target + 1) % static_cast<int>(world_.servers.size());
  next(writer, random_.between(Duration{5'000}, Duration{100'000}));
}

}  // namespace repl::sim

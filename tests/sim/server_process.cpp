// The life of a simulated server's process: start, crash, freeze, thaw, and what its sockets do meanwhile.
#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {

Server::Server(World& world, int index, NodeId id)
    : world_(world),
      index_(index),
      id_(std::move(id)),
      uuid_(fmt::format("{0:08x}-0000-4000-8000-{0:012x}", index + 1)),
      random_(world.random.fork()) {}

Address Server::address() const {
  return {"127.0.0.1", static_cast<std::uint16_t>(3301 + index_)};
}

void Server::changed() {
  if (world_.hooks.changed) world_.hooks.changed();
}

void Server::start() {
  if (life_ != Life::Down || tearing_down_) return;
  world_.trace.line("{} starts", id_);
  life_ = Life::Up;
  started_ = world_.events.now();
  recover();
  if (disk_.channel) {
    // skip_replica_start is OFF: both threads start again, whatever was stopped before.
    start_applier([](const auto&) {});
    start_receiver([](const auto&) {});
  }
  changed();
}

void Server::recover() {
  for (const auto& t : disk_.binary_log) {
    // Crash recovery commits what reached the binary log, acknowledged or not.
    if (!has(t)) {
      world_.trace.line("{} recovers {}:{}, which was in its binary log", id_, t.origin, t.number);
      take_into_data(t);
    }
  }
  commits_.clear();
  hung_writes_.clear();
  running_writes_ = 0;
  dumps_.clear();
  receiver_ = {};
  applier_ = {};
  read_only_wait_.reset();
  variables_ = disk_.persisted;
  const auto on = [&](const char* name) {
    const auto found = disk_.persisted.find(name);
    return found != disk_.persisted.end() && found->second == "ON";
  };
  read_only_ = on("super_read_only") && !disk_.ignores_persisted_read_only ? ReadOnly::Super : ReadOnly::Off;
  offline_ = on("offline_mode");
  source_enabled_ = on("rpl_semi_sync_source_enabled");
  source_status_ = source_enabled_;
  replica_enabled_ = on("rpl_semi_sync_replica_enabled");
  const auto count = disk_.persisted.find("rpl_semi_sync_source_wait_for_replica_count");
  wait_for_count_ = count == disk_.persisted.end() ? 1 : std::stoi(count->second);
  control_session_ = 0;
  if (on("relay_log_recovery")) {
    if (!disk_.relay_log.empty()) {
      world_.trace.line("{} throws {} relay log events away (relay_log_recovery)", id_, disk_.relay_log.size());
    }
    disk_.relay_log.clear();
    disk_.received = {};
  }
}

void Server::crash() {
  if (life_ == Life::Down) return;
  world_.trace.line("{} is killed", id_);
  life_ = Life::Down;
  ++clones_;
  cloning_ = nullptr;
  tearing_down_ = true;
  ++incarnation_;
  deferred_.clear();
  draining_ = false;
  const auto dead = incarnation_;
  world_.events.after(random_.between(pace.teardown_shortest, pace.teardown_longest), [this, dead] {
    if (dead == incarnation_ && tearing_down_) torn_down();
  });
  changed();
}

void Server::torn_down() {
  world_.trace.line("{}'s sockets close", id_);
  tearing_down_ = false;
  for (const auto& dump : dumps_) {
    auto* replica = &world_.server(dump.replica);
    world_.network.send(
        index_, dump.replica,
        [replica, connection = dump.connection] { replica->gate([=] { replica->connection_broke(connection); }); },
        dump.stream);
  }
  dumps_.clear();
  close_receiver();
  for (auto& [id, open] : std::exchange(open_requests_, {})) {
    world_.network.send(index_, open.first, [lost = open.second] { lost(Reach::Lost); });
  }
  changed();
}

void Server::crash_and_restart(Duration down) {
  crash();
  const auto dead = incarnation_;
  const auto recovery = random_.between(pace.recovery_shortest, pace.recovery_longest);
  world_.events.after(std::max(down, pace.teardown_longest) + recovery, [this, dead] {
    if (dead == incarnation_) start();
  });
}

void Server::freeze() {
  if (life_ != Life::Up) return;
  world_.trace.line("{} freezes", id_);
  life_ = Life::Frozen;
  changed();
}

void Server::thaw() {
  if (life_ != Life::Frozen) return;
  world_.trace.line("{} thaws, {} messages and timers wait", id_, deferred_.size());
  life_ = Life::Up;
  draining_ = true;
  drain_deferred();
  changed();
}

void Server::drain_deferred() {
  if (life_ != Life::Up) return;
  if (deferred_.empty()) {
    draining_ = false;
    return;
  }
  auto next = std::move(deferred_.front());
  deferred_.pop_front();
  next();
  if (life_ != Life::Up) return;
  const auto alive = incarnation_;
  world_.events.after(random_.between(Duration{1}, Duration{200}), [this, alive] {
    if (alive == incarnation_) drain_deferred();
  });
}

void Server::gate(Action action) {
  if (life_ == Life::Down) return;
  if (life_ == Life::Frozen || draining_) {
    deferred_.push_back(std::move(action));
  } else {
    action();
  }
}

void Server::later(Duration delay, Action action) {
  world_.events.after(delay, [this, alive = incarnation_, action = std::move(action)]() mutable {
    if (alive == incarnation_) gate(std::move(action));
  });
}

void Server::request(Endpoint from, std::function<void(Action)> request, std::function<void(Reach)> lost) {
  if (life_ == Life::Down && !tearing_down_) {
    world_.network.send(index_, from, [lost = std::move(lost)] { lost(Reach::Refused); });
    return;
  }
  const auto id = ++requests_;
  open_requests_[id] = {from, std::move(lost)};
  gate([this, id, request = std::move(request)] { request([this, id] { open_requests_.erase(id); }); });
}

bool Server::take_control(std::uint64_t session) {
  if (session < control_session_) return false;
  if (session > control_session_ && read_only_wait_ && read_only_wait_->session == control_session_ &&
      control_session_ != 0) {
    const auto reply = read_only_wait_->reply;
    read_only_wait_.reset();
    reply(Error{ErrorCode::SessionSuperseded, fmt::format("{}: the session was killed by its successor", id_)});
    read_only_settled();
  }
  control_session_ = session;
  return true;
}

}  // namespace repl::sim

// Making and running a world.
#include "sim/world.hpp"

namespace repl::sim {

World::World(std::uint64_t seed, int nodes) : random(seed), network(events, random.fork()), trace(events) {
  for (int i = 0; i < nodes; ++i) {
    servers.push_back(std::make_unique<Server>(*this, i, NodeId{fmt::format("db{}", i + 1)}));
  }
}

Server* World::find(const NodeId& id) {
  for (const auto& server : servers) {
    if (server->id() == id) return server.get();
  }
  return nullptr;
}

bool World::run_until(Time limit, const std::function<bool()>& done) {
  if (done && done()) return true;
  while (events.run_one(limit)) {
    if (done && done()) return true;
  }
  return done && done();
}

}  // namespace repl::sim

// All that a simulated run consists of, beside repld, its clients and the checker, which hook in here.
#pragma once

#include <memory>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"
#include "sim/server.hpp"
#include "sim/trace.hpp"

namespace repl::sim {

/// What the checker wants to hear of at once.
struct Hooks {
  std::function<void()> changed;  ///< A server opened, closed, died, or its acknowledging replicas changed.
  std::function<void(const Server&, const Transaction&)> acknowledging;  ///< A client is about to be told "committed".
  std::function<void(const Server&)> data_reset;          ///< RESET on a node with an application's data.
  std::function<void(const std::string&)> not_simulated;  ///< A step that the simulator cannot carry out was ordered.
};

struct World {
  explicit World(std::uint64_t seed, int nodes = 0);

  Server& server(int index) { return *servers[static_cast<std::size_t>(index)]; }
  const Server& server(int index) const { return *servers[static_cast<std::size_t>(index)]; }
  /// Null when there is no such node.
  Server* find(const NodeId& id);
  /// Runs events until `limit`, or until `done` holds; whether it held.
  bool run_until(Time limit, const std::function<bool()>& done = nullptr);
  bool run_for(Duration span, const std::function<bool()>& done = nullptr) {
    return run_until(events.now() + span, done);
  }
  std::uint64_t new_id() { return ++ids_; }

  EventQueue events;
  Random random;
  Network network;
  Trace trace;
  Hooks hooks;
  std::vector<std::unique_ptr<Server>> servers;

 private:
  std::uint64_t ids_ = 0;
};

}  // namespace repl::sim

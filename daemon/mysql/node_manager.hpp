// The set of nodes of one cluster: carries out what the controller orders, on all nodes at once, and reports what came
// of it. Probes go through the shared Watcher (non-blocking), steps through NodeMySQL on one worker thread per node in
// use.
#pragma once

#include <functional>
#include <memory>

#include "control/controller.hpp"
#include "model/spec.hpp"
#include "mysql/node_manager_stats.hpp"
#include "mysql/secrets.hpp"

namespace repl::mysql {

class Watcher;

/// Loads the connector's driver. Call it once in main before any thread is started: the first call is not thread-safe.
void init_driver();

/// Thread-safe. Results are handed to `sink` from the watcher's or a worker's thread; it must not block.
class NodeManager {
 public:
  using Sink = std::function<void(control::Input)>;
  using Clock = std::function<Time()>;

  NodeManager(ClusterId cluster, Watcher& watcher, Clock clock, Sink sink);
  ~NodeManager();  ///< Ends all sessions; orders that are under way report ErrorCode::Stopping or nothing.

  /// Takes up nodes, addresses, accounts and TLS of `spec`; sessions of nodes that did not change are kept.
  void configure(const Spec& spec);
  /// Lets go of the steps that `output` cancels. Before configure().
  void cancel(const control::Output& output);
  /// Starts probes and steps of an output and moves the sentinel; returns at once. Every probe and step is answered
  /// once, at its deadline at the latest (and 50 ms). Steps of one node run in their order; those that only wait run
  /// beside them.
  void start(const control::Output& output);

  /// For /metrics; at any time.
  NodeManagerStats stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // callbacks of the watcher hold it weakly
};

}  // namespace repl::mysql

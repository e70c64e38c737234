// The set of nodes of one cluster: carries out what the controller orders, on all nodes at once, and reports what came of
// it. Probes go through the shared Watcher (non-blocking), steps through NodeMySQL on one worker thread per node in use.
#pragma once

#include <functional>
#include <memory>

#include "control/controller.hpp"
#include "model/spec.hpp"

namespace repl::mysql {

class Watcher;

/// Reads the password a reference points to. @errors SecretUnavailable: says which reference, never the value.
Result<std::string> resolve_secret(const SecretRef& ref);

/// Counters for /metrics; read at any time.
struct NodeManagerStats;

/// Thread-safe. Results are handed to `sink` from the watcher's or a worker's thread; it must not block.
class NodeManager {
 public:
  using Sink = std::function<void(control::Input)>;
  using Clock = std::function<Time()>;

  NodeManager(ClusterId cluster, Watcher& watcher, Clock clock, Sink sink);
  ~NodeManager();  ///< Ends all sessions; orders that are under way report ErrorCode::Stopping or nothing.

  /// Takes up nodes, addresses, accounts and TLS of `spec`; sessions of nodes that did not change are kept.
  void configure(const Spec& spec);
  /// Starts probes and steps of an output and moves the sentinel; returns at once.
  void start(const control::Output& output);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repl::mysql

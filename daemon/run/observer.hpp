// What the runners tell those who only watch: metrics and the log. Nothing that an observer does may change what is
// decided.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/operation.hpp"
#include "model/snapshot.hpp"

namespace repl::run {

/// Called from the runners' threads, several at a time: implementations are thread-safe, return at once and never
/// throw. Every call has an empty default, so that an observer says only what it cares about.
class Observer {
 public:
  virtual ~Observer() = default;

  /// A cluster is managed from now on (at the start of repld, or applied for the first time).
  virtual void cluster_added(const ClusterId&) {}
  virtual void cluster_forgotten(const ClusterId&) {}

  /// The cluster's loop came round at `now`; at least once in its wake-up interval. What /liveness is built on.
  virtual void loop_turned(const ClusterId&, Time /*now*/) {}

  /// The operation is new, went on or ended, and the store holds it. Called for each controller output that names it.
  virtual void operation_changed(const ClusterId&, const Operation&) {}
  /// An event was stored.
  virtual void event_recorded(const ClusterId&, const Event&) {}
  /// A probe was answered or given up.
  virtual void probe_done(const ClusterId&, const Snapshot&) {}
  /// A chunk of a table has been compared on all nodes.
  virtual void chunk_verified(const ClusterId&, std::uint64_t /*rows*/) {}
  /// A run of a hook ended. Outcomes are those of run/hook_program.hpp.
  virtual void hook_ended(const ClusterId&, HookPoint, std::string_view /*outcome*/, Duration /*took*/) {}
  /// One Store::write() returned. `durable` is false when it failed.
  virtual void journal_written(const ClusterId&, Duration /*took*/, bool /*durable*/) {}
};

}  // namespace repl::run

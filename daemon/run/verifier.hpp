// Verifications of one cluster: starts, stops and takes them up again, one at a time, each on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "run/clock.hpp"
#include "run/observer.hpp"
#include "run/registry.hpp"
#include "store/store.hpp"
#include "verify/run.hpp"

namespace repl::run {

/// Thread-safe.
class Verifier {
 public:
  using State = std::function<std::shared_ptr<const ClusterState>()>;
  using Publish = std::function<void(std::shared_ptr<const verify::Run>)>;

  /// @param publish  called with each step of a run, from its thread; and before this returns with what the store has:
  ///                 the last full run that was done, then the latest of all
  Verifier(ClusterId cluster, store::Store& store, const Clock& clock, Observer& observer, State state,
           Publish publish);
  /// Ends the run under way; it goes on when repld is back.
  ~Verifier();

  /// @errors Conflict: one is running; NotSupported; PreconditionFailed: nothing to resume, or nobody to compare with
  Result<std::string> start(const VerifyOrder& order);
  /// Returns when the run has ended, the chunk under way included. @errors PreconditionFailed: none is running
  Result<void> stop();

  /// Takes up what a former repld was about, and starts what is due by `consistency.checksumEvery`. Called from the
  /// cluster's loop at each turn; returns at once.
  void look(Time now);

 private:
  Result<void> may_start(const ClusterState& state) const;
  void launch(verify::Run run, std::vector<verify::TableProgress> tables);  // mutex_ is held
  verify::Due what_is_due(const ClusterState& state, Time now) const;       // mutex_ is held
  void know(const verify::Run& run);                                        // mutex_ is held
  void publish(const verify::Run& run);

  const ClusterId cluster_;
  store::Store& store_;
  const Clock& clock_;
  Observer& observer_;
  const State state_;
  const Publish publish_;

  mutable std::mutex mutex_;
  std::optional<verify::Run> latest_;  // under mutex_
  std::optional<verify::Run> full_;    // under mutex_: the newest full one
  Time not_before_{};                  // under mutex_: the next attempt to start what is due
  bool take_up_ = false;               // under mutex_: the latest run was under way when repld ended
  std::atomic<bool> asked_to_stop_{false};
  std::atomic<bool> running_{false};
  std::jthread thread_;  // under mutex_; last: ends before what it uses
};

}  // namespace repl::run

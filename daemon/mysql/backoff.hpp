// When to try a failing server again: exponential backoff with jitter, and a circuit breaker. Pure: time and chance
// come in as arguments.
#pragma once

#include <chrono>

#include "mysql/endpoint.hpp"

namespace repl::mysql {

/// The pause before attempt `attempt` (1: the first repetition): doubles from 100 ms up to 10 s, then spread evenly
/// over the upper half by `chance` in [0, 1), so that many sessions that failed together do not come back together.
std::chrono::milliseconds backoff(int attempt, double chance);

/// Stops a server that fails again and again from costing a time-out at every call: after kFailures failures in a row
/// calls are refused at once, until a pause has passed; then one trial is let through, and its outcome decides. One
/// thread at a time.
class CircuitBreaker {
 public:
  static constexpr int kFailures = 5;

  /// Whether a call may be tried now. True in the half-open state for one caller only, who must report the outcome.
  bool admits(Deadline now);
  void succeeded();
  /// @param chance  see backoff()
  void failed(Deadline now, double chance);

  bool is_open() const { return failures_ >= kFailures; }
  /// Until when calls are refused; of use only while is_open().
  Deadline closed_until() const { return retry_at_; }

 private:
  int failures_ = 0;
  Deadline retry_at_{};
};

}  // namespace repl::mysql

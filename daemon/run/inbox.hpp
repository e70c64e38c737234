// Where everything that happens to a cluster arrives, in order, for the one thread that decides.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <utility>

#include "control/controller.hpp"
#include "run/clock.hpp"

namespace repl::run {

/// Thread-safe; any thread puts, one takes.
class Inbox {
 public:
  explicit Inbox(const Clock& clock) : clock_(clock) {}

  void put(control::Input input) {
    {
      const std::lock_guard lock{mutex_};
      waiting_.push_back(std::move(input));
    }
    arrived_.notify_one();
  }

  /// The oldest input; Tick when none comes until `wake_up` or stop is asked for.
  control::Input take_until(Time wake_up, const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    const auto pause = wake_up - clock_.now();
    if (pause.count() > 0) {
      arrived_.wait_for(lock, stop, pause, [this] { return !waiting_.empty(); });
    }
    if (waiting_.empty()) return control::Tick{};
    auto input = std::move(waiting_.front());
    waiting_.pop_front();
    return input;
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<control::Input> waiting_;  // under mutex_
};

}  // namespace repl::run

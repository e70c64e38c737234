// Virtual time: what is to happen, in order. Nothing waits; the clock jumps to the next event.
#pragma once

#include <functional>
#include <vector>

#include "model/ids.hpp"

namespace repl::sim {

/// Runs are counted from here, so that traces show small numbers.
inline constexpr Time kStart{std::chrono::hours{24 * 365}};

class EventQueue {
 public:
  using Action = std::function<void()>;

  Time now() const { return now_; }
  /// Events of the same instant run in the order in which they were added. A past instant means: now.
  void at(Time when, Action action);
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Runs the next event; false when there is none, or none up to `limit` (the clock is at `limit` then).
  bool run_one(Time limit);
  std::uint64_t events_run() const { return run_; }

 private:
  struct Event {
    Time when;
    std::uint64_t order;
    Action action;
  };
  static bool later(const Event& a, const Event& b) { return a.when != b.when ? a.when > b.when : a.order > b.order; }

  Time now_ = kStart;
  std::uint64_t added_ = 0;
  std::uint64_t run_ = 0;
  std::vector<Event> heap_;
};

}  // namespace repl::sim

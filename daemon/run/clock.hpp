// The clock of the ends: the one place besides the system that knows what time it is.
#pragma once

#include <chrono>

#include "model/ids.hpp"

namespace repl::run {

/// Wall-clock time at construction plus steady time since: it never jumps while the process lives, so that deadlines
/// and cool-downs are safe from a corrected system clock. Thread-safe.
class Clock {
 public:
  Clock()
      : wall_(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())),
        steady_(std::chrono::steady_clock::now()) {}

  Time now() const { return wall_ + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - steady_); }

 private:
  Time wall_;
  std::chrono::steady_clock::time_point steady_;
};

}  // namespace repl::run

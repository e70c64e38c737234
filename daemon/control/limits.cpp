// Cool-down and failovers per day.
#include "control/limits.hpp"

#include <algorithm>

namespace repl::control {
namespace {
constexpr auto kDay = std::chrono::hours{24};
}

Result<void> may_fail_over_again(const FailoverSpec& limits, const Memory& memory, Time now) {
  int today = 0;
  for (const auto at : memory.automatic_failovers) {
    if (memory.acknowledged && at <= *memory.acknowledged) continue;
    if (now < at + limits.cooldown) {
      const auto left = std::chrono::duration_cast<std::chrono::seconds>(at + limits.cooldown - now);
      return fail(ErrorCode::Conflict,
                  "the last automatic failover was {} s ago and the cool-down is {} s ({} s left); look why, then "
                  "`replctl ack`",
                  std::chrono::duration_cast<std::chrono::seconds>(now - at).count(), limits.cooldown.count(),
                  left.count());
    }
    if (now < at + kDay) ++today;
  }
  if (today >= limits.per_day) {
    return fail(ErrorCode::Conflict,
                "{} automatic failovers within a day, the limit is {}; look why, then `replctl ack`", today,
                limits.per_day);
  }
  return {};
}

void forget_old_failovers(const FailoverSpec& limits, Memory& memory, Time now) {
  const auto kept = std::max<Duration>(kDay, limits.cooldown);
  std::erase_if(memory.automatic_failovers, [&](Time at) { return at + kept < now; });
}

}  // namespace repl::control

// Directed schedules: each was written to show one thing, and says what it expects.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/schedule.hpp"

namespace repl::sim {

/// One per row of the failure catalogue that the simulator can show.
std::vector<Schedule> directed_schedules();

/// What a schedule is about to do when it is struck at every step.
struct Work {
  Goal goal = Goal::None;
  std::optional<Change> change{};  ///< Of the spec, applied while clients write; empty: the first apply, or no apply.
};
inline constexpr Work kApply{Goal::Converge};
inline constexpr Work kSwitchOver{Goal::SwitchOver};
inline constexpr Work kFailOver{Goal::FailOver};
inline constexpr Work kRejoin{Goal::Rejoin};
/// Those four, and an apply of each change.
std::vector<Work> all_work();
/// "switchover", "to-semi-sync".
std::string_view to_string(Work work);
/// `work` and nothing else; a reference run of it tells how many moments and orders there are.
Schedule undisturbed(Work work, std::uint64_t seed = 1);
/// `work`, with `fault` at its n-th moment.
Schedule struck(Work work, const Fault& fault, int moment);
/// `work`, with `fault` in its n-th step.
Schedule struck(Work work, StepFault fault, int order);

/// What is done at every moment of every work: repld and each server killed, frozen, cut off.
std::vector<Fault> faults_for_every_step();

/// "random", "quiet", a directed one, or one that is struck at a step ("switchover-17-kill-db2"); empty: no such name.
std::optional<Schedule> schedule_named(const std::string& name, std::uint64_t seed);

/// Seeds and schedules that once failed, each with the reason why.
std::vector<Schedule> regressions();

}  // namespace repl::sim

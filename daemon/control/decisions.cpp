// What the controller does by itself: the first problem with a goal, when nothing forbids it.
#include <algorithm>

#include "control/execution.hpp"
#include "control/limits.hpp"
#include "control/state.hpp"
#include "diagnose/rules.hpp"
#include "model/time_text.hpp"
#include "plan/failover.hpp"
#include "plan/repair.hpp"

namespace repl::control {
namespace {

constexpr const char* kOurselves = "repld";
constexpr const char* kFailover = "failover";
/// repld itself has detached it, in a failover: that is taken back wherever it is, and needed for the next decision.
constexpr std::string_view kLeftDetached = "LeftDetached";

/// Of what is under way, this may be given up when the primary is lost: it can be done later. An apply as long as it
/// has not opened another primary, and unless the primary is away because the apply restarts it.
bool gives_way(const Operation& op, const std::optional<NodeId>& primary) {
  if (op.goal == Goal::Converge) return !past_point_of_no_return(op) && !restarts(op, primary);
  return (op.goal == Goal::Repair || op.goal == Goal::Rejoin) && op.state == OperationState::Running;
}

bool clones(const Operation& op, const std::optional<NodeId>& node) {
  return std::any_of(op.plan.steps.begin(), op.plan.steps.end(), [&](const PlannedStep& planned) {
    return std::holds_alternative<CloneFrom>(planned.step) && node_of(planned.step) == node;
  });
}

}  // namespace

/// Nothing is decided on what was seen before the last operation ended.
bool Controller::State::looked_since_last_change() const {
  return std::all_of(view->observations().begin(), view->observations().end(), [&](const Observation& o) {
    return o.seen() && o.latest->taken_at - o.latest->took >= changed_at;
  });
}

Result<void> Controller::State::may_act_on(const Problem& failover, Time now) const {
  if (!memory.spec->failover.automatic) {
    return fail(ErrorCode::Conflict, "failover.automatic is false: `replctl failover {}` decides", cluster);
  }
  if (auto allowed = may_fail_over_again(memory.spec->failover, memory, now); !allowed) return allowed;
  if (auto allowed = plan::may_fail_over(*memory.spec, memory.office, *view, std::nullopt, plan::Urgency::Automatic);
      !allowed) {
    return allowed;
  }
  if (const auto retry = retries.find(kFailover); retry != retries.end() && now < retry->second.not_before) {
    return fail(ErrorCode::DeadlineExceeded, "{}: the last attempt failed: {}; the next is made at {}", failover.name,
                retry->second.why, time_text(retry->second.not_before));
  }
  return {};
}

void Controller::State::decide(Time now) {
  forget_old_failovers(memory.spec->failover, memory, now);
  const bool lost =
      std::any_of(problems.begin(), problems.end(), [](const Problem& p) { return p.goal == Goal::FailOver; });
  if (!lost) announced_block.reset();
  if (!looked_since_last_change()) return;
  const auto* primary = memory.office.primary ? view->find(*memory.office.primary) : nullptr;
  // Where several nodes write, and in groups, nobody has to be decided about.
  const bool primary_alive =
      memory.spec->several_writers() || memory.spec->is_group() || (primary != nullptr && primary->alive());
  bool acted = false;

  const bool another_took_over = std::any_of(problems.begin(), problems.end(),
                                             [](const Problem& p) { return p.name == diagnose::kAnotherPrimary; });

  for (auto& problem : problems) {
    if (problem.goal == Goal::None || !problem.established) continue;
    if (memory.spec->observes()) {
      problem.blocked = only_looks_on(cluster);
      continue;
    }
    if (another_took_over) {
      problem.blocked = "somebody has made another node the primary";
      continue;
    }
    const auto key = fmt::format("{}/{}", problem.name, problem.node ? problem.node->name : "");
    if (memory.restored) {
      problem.blocked = fmt::format(
          "restored from the backup of {}, and the servers are not as it says: `replctl resume` "
          "when its primary is the right one",
          time_text(*memory.restored));
      continue;
    }
    if (memory.paused) {
      problem.blocked = "automation is paused: `replctl resume`";
      continue;
    }
    if (memory.spec->drift == Drift::Report && diagnose::is_drift(problem.name)) {
      problem.blocked = "drift is only reported: `replctl apply` takes it back";
      continue;
    }
    if (const auto* kept_off = maintenance_around(problem);
        kept_off != nullptr && !must_be_fenced(problem) && problem.name != kLeftDetached) {
      problem.blocked = describe(*kept_off);
      continue;
    }
    if (problem.goal == Goal::FailOver) {
      if (busy()) {
        if (only_hooks_are_left(*memory.operation)) {
          const auto allowed = may_act_on(problem, now);
          if (allowed) {
            put_hooks_off(problem.name, now);
          } else {
            problem.blocked = allowed.error().message;
          }
        } else if (gives_way(*memory.operation, memory.office.primary) && may_act_on(problem, now)) {
          let_go({*memory.office.primary}, "gave way: the primary is lost", now);
        }
        continue;
      }
      if (acted) continue;
      if (const auto allowed = may_act_on(problem, now); !allowed) {
        problem.blocked = allowed.error().message;
        if (announced_block != allowed.error().code) note(now, Severity::Critical, "failover-blocked", problem.blocked);
        announced_block = allowed.error().code;
        continue;
      }
      attempting = kFailover;
      acted = true;
      start(now, plan::plan_secure(*memory.spec, memory.office, *view), kOurselves,
            fmt::format("{}: {}", problem.name, problem.evidence), Phase::Secure);
      continue;
    }
    const auto retry = retries.find(key);
    const bool resting = retry != retries.end() && now < retry->second.not_before;
    if (is_urgent(problem.goal) && busy() && only_hooks_are_left(*memory.operation) && !resting) {
      put_hooks_off(problem.name, now);
      continue;
    }
    if (problem.goal == Goal::Fence && busy() && !resting && memory.operation->state == OperationState::Running &&
        only_clones_run(*memory.operation) && gives_way(*memory.operation, memory.office.primary) &&
        !clones(*memory.operation, problem.node)) {
      let_go({}, fmt::format("gave way: {}", problem.evidence), now);
      continue;
    }
    if (busy() || acted || applying) continue;
    // While the primary is in doubt nothing is tidied up; only what a decision needs.
    if (!primary_alive && problem.goal != Goal::Fence && problem.name != kLeftDetached) continue;
    if (resting) {
      problem.blocked = "the last attempt failed; the next is made in a moment";
      continue;
    }
    if (problem.goal == Goal::Rejoin && memory.spec->failover.rejoin == Rejoin::Never) {
      problem.blocked = "failover.rejoin is never";
      continue;
    }
    auto repair = plan::plan_repair(problem, *memory.spec, memory.office, *view);
    if (!repair) {
      problem.blocked = repair.error().message;
      continue;
    }
    if (repair->empty()) continue;
    if (const auto* kept_off = maintenance_in_the_way_of(*repair);
        kept_off != nullptr && !must_be_fenced(problem) && problem.name != kLeftDetached) {
      problem.blocked = fmt::format("{} is {}", *kept_off->node, describe(*kept_off));
      continue;
    }
    attempting = key;
    acted = true;
    start(now, std::move(*repair), kOurselves, fmt::format("{}: {}", problem.name, problem.evidence));
  }
  run_due_hooks(now);
}

void Controller::State::decide_resumption(Time now) {
  if (!view->complete()) return;
  auto& op = *memory.operation;
  const auto go_on = [&](const char* how) {
    resuming = false;
    resume(op);
    note(now, Severity::Warning, "operation-resumed",
         fmt::format("{} of before the restart: {}", to_string(op.goal), how));
    remember();
    progress(now);
  };
  const auto go_back = [&](std::string why) {
    resuming = false;
    resume(op);
    note(now, Severity::Warning, "operation-resumed",
         fmt::format("{} of before the restart is taken back: {}", to_string(op.goal), why));
    take_back(op, Error{ErrorCode::Conflict, std::move(why)}, now);
    remember();
    progress(now);
  };

  if (op.state == OperationState::Undoing) return go_on("is taken back");
  if (past_point_of_no_return(op)) return go_on("is finished: it was past the point of no return");
  if (op.plan.moves_primary()) return go_back("repld was restarted before the point of no return");
  // Replicas may have acknowledged something since they were read: they are attached, looked at and judged anew.
  if (op.goal == Goal::FailOver) return go_back("repld was restarted before anybody was promoted; it is decided anew");
  go_on("goes on");
}

}  // namespace repl::control

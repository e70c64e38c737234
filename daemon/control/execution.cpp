// The rules of execution. A step before the point of no return that fails ends the plan and everything is taken back,
// last step first; from the point of no return on, failed steps are tried again and best-effort ones are given up.
#include "control/execution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/spec_text.hpp"

namespace repl::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kAttempts = 5;
constexpr int kAttemptsOnTheDead = 2;
constexpr int kAttemptsOfHooks = 3;
/// Two minutes: a server that recovers.
constexpr int kAttemptsOnTheRestarting = 40;
bool is_gone(ErrorCode code) {
  return code == ErrorCode::ConnectionRefused || code == ErrorCode::ConnectionLost || code == ErrorCode::BreakerOpen ||
         code == ErrorCode::DeadlineExceeded;
}
/// Beyond its own limit, a step's result may be this late before it is given up.
constexpr Duration kGrace = seconds{3};
/// A commit with its acknowledgement and two fsyncs, on a slow disk.
constexpr Duration kPerRetired = milliseconds{10};

/// A program of somebody else's talks to things that need a moment to come back.
Duration pause_before_attempt(const Step& step, int attempts) {
  if (std::holds_alternative<RunHook>(step)) return seconds{1} * (1 << std::min(attempts - 1, 5));
  return milliseconds{100} * (1 << std::min(attempts, 5));
}

/// Runs after the change, which stands whatever comes of it.
bool is_hook_afterwards(const Step& step) {
  const auto* hook = std::get_if<RunHook>(&step);
  return hook != nullptr && hook->after();
}

/// And nothing is half done when nobody waits for its end.
bool takes_long(const Step& step) {
  return std::holds_alternative<CloneFrom>(step) || std::holds_alternative<RestartServer>(step) ||
         std::holds_alternative<WaitForApplied>(step) || std::holds_alternative<WaitForGtids>(step) ||
         std::holds_alternative<WaitForAckers>(step);
}

bool makes_server_start_anew(const Step& step) {
  return std::holds_alternative<CloneFrom>(step) || std::holds_alternative<RestartServer>(step);
}

bool running(StepState s) {
  return s == StepState::Running || s == StepState::Undoing;
}
bool settled(const PlannedStep& step, const StepProgress& p) {
  return p.state == StepState::Done || (step.best_effort && p.state == StepState::Failed);
}

/// Half of a repair is no worse than none of it, and taking a fence back would open what must stay closed.
bool only_goes_forward(Goal goal) {
  return goal == Goal::Fence || goal == Goal::Repair || goal == Goal::Rejoin;
}

bool any_running(const Operation& op) {
  return std::any_of(op.progress.begin(), op.progress.end(), [](const StepProgress& p) { return running(p.state); });
}

Operation& end(Operation& op, OperationState state, Time now) {
  op.state = state;
  op.finished = now;
  return op;
}

/// When the result of a running step, or of its inverse, will be given up.
Time overdue_at(const Operation& op, std::size_t index) {
  const auto& p = op.progress[index];
  const auto& step = op.plan.steps[index].step;
  const auto back = p.state == StepState::Undoing ? inverse(step) : std::nullopt;
  return p.changed_at + time_limit(back ? *back : step) + kGrace;
}

/// The step has, or may have, changed something that its inverse takes back.
bool to_be_undone(const StepProgress& p) {
  return p.state == StepState::Done || (p.state == StepState::Failed && p.result && !p.result->certain);
}

/// A server that was restarted since has lost what is not persisted: semi-sync goes on again before it is opened again.
void prepare_opening_again(Operation& op) {
  const auto point = op.plan.point_of_no_return;
  if (point >= op.plan.steps.size() || op.progress[point].state != StepState::Waiting) return;
  for (const auto before : op.plan.steps[point].after) {
    const auto* semi_sync = std::get_if<SetSemiSyncSource>(&op.plan.steps[before].step);
    if (semi_sync != nullptr && op.progress[before].state == StepState::Done) {
      op.progress[before].state = StepState::Waiting;
    }
  }
}

StepOrder order(const Operation& op, std::size_t index, bool undo, Step step, Time now) {
  const auto deadline = now + time_limit(step);
  return {op.id, op.term, index, undo, std::move(step), deadline};
}

/// "; not taken back: 2 steps on db1": what was done on a server that died meanwhile stands.
std::string left_on_the_dead(const Operation& op) {
  std::map<NodeId, std::size_t> left;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    const auto& p = op.progress[i];
    const bool was_made = p.result && (p.result->ok() || !p.result->certain);
    if (p.state == StepState::Skipped && was_made && inverse(op.plan.steps[i].step)) {
      ++left[node_of(op.plan.steps[i].step)];
    }
  }
  std::string out;
  for (const auto& [node, count] : left) {
    out +=
        fmt::format("{}{} step{} on {}", out.empty() ? "; not taken back: " : ", ", count, count == 1 ? "" : "s", node);
  }
  return out.empty() ? out : out + ". `replctl apply` makes it as declared once it answers";
}

/// Its server was gone when it was to be taken back.
bool was_given_up(const StepProgress& p) {
  return p.state == StepState::Skipped && p.changed_at != Time{};
}

/// It would take writes with something on it that was not taken back, such as how it counts its keys. Closed it is
/// found again, and opened as it should be.
bool opens_what_is_half_undone(const Operation& op, std::size_t index, const Step& back) {
  const auto* opens = std::get_if<SetReadOnly>(&back);
  if (opens == nullptr || opens->to != ReadOnly::Off) return false;
  for (auto i = index + 1; i < op.plan.steps.size(); ++i) {
    const bool sets = std::holds_alternative<SetVariable>(op.plan.steps[i].step);
    if (sets && node_of(op.plan.steps[i].step) == opens->node && was_given_up(op.progress[i])) return true;
  }
  return false;
}

std::vector<StepOrder> start_undoing(Operation& op, Time now) {
  if (any_running(op)) return {};
  for (std::size_t i = op.plan.steps.size(); i-- > 0;) {
    auto& p = op.progress[i];
    if (!to_be_undone(p)) {
      if (p.state == StepState::Waiting) p.state = StepState::Skipped;
      continue;
    }
    const auto back = inverse(op.plan.steps[i].step);
    if (!back) {
      p.state = StepState::Undone;
      continue;
    }
    if (opens_what_is_half_undone(op, i, *back)) {
      p.state = StepState::Skipped;
      continue;
    }
    if (p.attempts > 0 && now < p.changed_at + pause_before_attempt(*back, p.attempts)) return {};
    p.state = StepState::Undoing;
    ++p.attempts;
    p.changed_at = now;
    return {order(op, i, true, *back, now)};
  }
  if (op.error) op.error->message += left_on_the_dead(op);
  end(op, OperationState::TakenBack, now);
  return {};
}

/// The server was restarted while its steps were taken back, and came back closed: what had opened it for that, and had
/// turned its clients away before, is taken back once more.
void open_again_for_undoing(Operation& op, std::size_t index) {
  const auto& node = node_of(op.plan.steps[index].step);
  for (auto i = index + 1; i < op.plan.steps.size(); ++i) {
    const auto& step = op.plan.steps[i].step;
    auto& p = op.progress[i];
    if (node_of(step) != node || !(p.state == StepState::Undone || was_given_up(p))) continue;
    if (!std::holds_alternative<SetReadOnly>(step) && !std::holds_alternative<SetOfflineMode>(step)) continue;
    p.state = StepState::Done;
    p.attempts = 0;
  }
}

void step_failed(Operation& op, std::size_t index, Time now) {
  auto& p = op.progress[index];
  const auto& planned = op.plan.steps[index];
  const auto& error = *p.result->error;
  if (op.state == OperationState::Undoing) {
    p.state = StepState::Failed;
    return;
  }
  const bool no_return = past_point_of_no_return(op);
  if (p.result->certain == false) p.doubtful = true;
  const bool is_the_point = index == op.plan.point_of_no_return;
  if (is_the_point && !p.doubtful && error.code == ErrorCode::ServerRefused) {
    // The server itself said no, to this and to any attempt before: nobody can have written. The one way back from
    // here.
    p.state = StepState::Failed;
    take_back(op, error, now);
    return;
  }
  const bool afterwards = is_hook_afterwards(planned.step);
  // A server that does not come back is no reason to hold up what else may be needed; it is found again.
  const bool once = planned.best_effort && std::holds_alternative<RestartServer>(planned.step);
  // A former repld began it, so that the server may be away because it starts anew.
  const bool comes_back = p.doubtful && makes_server_start_anew(planned.step) &&
                          (error.code == ErrorCode::ConnectionRefused || error.code == ErrorCode::BreakerOpen);
  const int attempts = once ? 1 : comes_back ? kAttemptsOnTheRestarting : afterwards ? kAttemptsOfHooks : kAttempts;
  if ((no_return || afterwards || comes_back || only_goes_forward(op.goal)) && p.attempts < attempts) {
    p.state = StepState::Waiting;  // again, after a pause
    if (is_the_point) prepare_opening_again(op);
    return;
  }
  p.state = StepState::Failed;
  if (planned.best_effort) return;
  if (no_return && !(is_the_point && !p.doubtful)) {
    op.error = error;
    end(op, OperationState::NeedsPerson, now);
  } else {
    take_back(op, error, now);
  }
}

/// Why it had to be taken back, and what went wrong on the way: whoever is told of it has to know both.
Error with_way_back(const Operation& op, const StepDone& done, std::string_view how) {
  const auto& step = op.plan.steps[done.step].step;
  const auto back = inverse(step);
  const auto& why = *done.result.error;
  return {op.error ? op.error->code : why.code,
          fmt::format("{}; taking it back {} \"{}\": {}", op.error ? op.error->message : "cancelled", how,
                      describe(back ? *back : step), why.message)};
}

/// Best-effort steps that wait. The change itself stands: its last steps are such that a way back would meet them half
/// done.
void give_up_the_rest(Operation& op, const Error& why, Time now) {
  for (auto& p : op.progress) {
    if (p.state != StepState::Waiting) continue;
    p.state = StepState::Failed;
    p.changed_at = now;
    p.result = StepResult{.error = why};
  }
}

}  // namespace

Duration time_limit(const Step& step) {
  return std::visit(Overloaded{
                        [](const WaitForApplied& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const ApplyReceived& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const WaitForGtids& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const WaitForAckers& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const SetReadOnly& s) -> Duration { return s.lock_wait + seconds{3}; },
                        [](const DetachReceiver&) -> Duration { return seconds{4}; },
                        [](const CloseReturned&) -> Duration { return seconds{15}; },
                        [](const CloneFrom& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const RestartServer& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const StartGroup& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const StopGroup&) -> Duration { return seconds{60}; },
                        [](const SetGroupPrimary&) -> Duration { return seconds{60}; },
                        [](const SetGroupMode&) -> Duration { return seconds{60}; },
                        [](const RenewReceiver&) -> Duration { return seconds{15}; },
                        [](const RetireGtids& s) -> Duration {
                          return seconds{30} +
                                 kPerRetired * static_cast<std::int64_t>(std::min(s.retired.count(), kRetiredAtMost));
                        },
                        [](const RunHook& s) -> Duration { return s.timeout + seconds{2}; },
                        [](const auto&) -> Duration { return seconds{10}; },
                    },
                    step);
}

Operation begin(OperationId id, Plan plan, Term term, Time now) {
  Operation op;
  op.id = std::move(id);
  op.goal = plan.goal;
  op.term = term;
  op.progress.resize(plan.steps.size());
  op.plan = std::move(plan);
  op.started = now;
  return op;
}

bool past_point_of_no_return(const Operation& op) {
  const auto point = op.plan.point_of_no_return;
  if (point >= op.progress.size()) return false;
  const auto& p = op.progress[point];
  return p.state == StepState::Done || (p.attempts > 0 && p.state != StepState::Failed &&
                                        p.state != StepState::Undone && op.state == OperationState::Running);
}

bool opened(const Operation& op) {
  const auto point = op.plan.point_of_no_return;
  return point < op.progress.size() && op.progress[point].state == StepState::Done;
}

bool may_have_opened(const Operation& op) {
  const auto point = op.plan.point_of_no_return;
  return point < op.progress.size() && (op.progress[point].state == StepState::Done || op.progress[point].doubtful);
}

bool left_something(const Operation& op) {
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    if (was_given_up(op.progress[i]) && inverse(op.plan.steps[i].step)) return true;
  }
  return false;
}

std::vector<StepOrder> start_ready(Operation& op, Time now) {
  if (op.state == OperationState::Undoing) return start_undoing(op, now);
  std::vector<StepOrder> out;
  if (op.state != OperationState::Running) return out;
  for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
    auto& p = op.progress[i];
    const auto& planned = op.plan.steps[i];
    if (p.state != StepState::Waiting) continue;
    const bool ready = std::all_of(planned.after.begin(), planned.after.end(), [&](std::size_t before) {
      return settled(op.plan.steps[before], op.progress[before]);
    });
    if (!ready || (p.attempts > 0 && now < p.changed_at + pause_before_attempt(planned.step, p.attempts))) continue;
    p.state = StepState::Running;
    ++p.attempts;
    p.changed_at = now;
    out.push_back(order(op, i, false, planned.step, now));
  }
  if (all_finished(op)) end(op, OperationState::Done, now);
  return out;
}

void take_result(Operation& op, const StepDone& done, Time now) {
  if (is_over(op.state) || done.operation != op.id || done.step >= op.progress.size()) return;
  auto& p = op.progress[done.step];
  if (p.state != (done.undo ? StepState::Undoing : StepState::Running)) return;
  p.changed_at = now;
  if (done.undo) {
    const bool starts_anew = makes_server_start_anew(op.plan.steps[done.step].step);
    const int attempts_on_the_dead = starts_anew ? kAttemptsOnTheRestarting : kAttemptsOnTheDead;
    if (done.result.ok()) {
      p.state = StepState::Undone;
    } else if (done.result.error->code == ErrorCode::PreconditionFailed ||
               ((is_gone(done.result.error->code) || done.result.error->code == ErrorCode::ReadOnlyServer) &&
                p.attempts >= attempts_on_the_dead)) {
      // A server that died comes back closed; what is left to do on it is found by looking.
      p.state = StepState::Skipped;
      op.error = with_way_back(op, done, "passed over");
    } else if (p.attempts < 2 * kAttempts) {
      p.state = StepState::Done;  // still to be undone, after a pause
      if (done.result.error->code == ErrorCode::ReadOnlyServer) open_again_for_undoing(op, done.step);
    } else {
      p.result = done.result;
      p.state = StepState::Failed;
      op.error = with_way_back(op, done, "stopped at");
      end(op, OperationState::NeedsPerson, now);
    }
    return;
  }
  p.result = done.result;
  if (done.result.ok()) {
    p.state = StepState::Done;
    if (op.state == OperationState::Undoing) p.attempts = 0;
  } else {
    step_failed(op, done.step, now);
  }
}

void expire_overdue(Operation& op, Time now) {
  if (is_over(op.state)) return;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    const auto& p = op.progress[i];
    if (!running(p.state) || now < overdue_at(op, i)) continue;
    StepResult result;
    result.error =
        Error{ErrorCode::DeadlineExceeded, fmt::format("{}: no result in time", describe(op.plan.steps[i].step))};
    result.certain = false;
    take_result(op, StepDone{op.id, i, p.state == StepState::Undoing, std::move(result)}, now);
  }
}

void take_back(Operation& op, Error why, Time now) {
  if (is_over(op.state)) return;
  if (!only_goes_forward(op.goal) && only_best_effort_is_left(op)) return give_up_the_rest(op, why, now);
  if (!op.error) op.error = std::move(why);
  if (only_goes_forward(op.goal)) {
    end(op, OperationState::GivenUp, now);
    return;
  }
  op.state = OperationState::Undoing;
  for (auto& p : op.progress) {
    if (running(p.state)) continue;
    // One that was started before a restart of repld, or is to be tried again, may have been carried out.
    if (p.state == StepState::Waiting) p.state = p.attempts > 0 ? StepState::Done : StepState::Skipped;
    p.attempts = 0;
  }
  op.finished = now;
}

std::vector<StepCancel> give_way(Operation& op, const std::set<NodeId>& lost, Error why, Time now) {
  std::vector<StepCancel> cancels;
  if (is_over(op.state)) return cancels;
  const auto is_lost = [&](const Step& step) { return lost.contains(node_of(step)); };
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    auto& p = op.progress[i];
    const auto& step = op.plan.steps[i].step;
    if (!running(p.state) || !(is_lost(step) || takes_long(step))) continue;
    cancels.push_back({op.id, i});
    p.changed_at = now;
    if (p.state == StepState::Undoing) {
      p.state = StepState::Skipped;
      continue;
    }
    p.result = StepResult{.error = why, .certain = false};
    p.state = StepState::Failed;
  }
  if (op.state == OperationState::Running) take_back(op, std::move(why), now);
  if (op.state != OperationState::Undoing) return cancels;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    auto& p = op.progress[i];
    const auto& step = op.plan.steps[i].step;
    // Nobody restarts a server once more while something is lost.
    const bool restarts = !lost.empty() && std::holds_alternative<RestartServer>(step);
    if (to_be_undone(p) && (is_lost(step) || restarts)) p.state = StepState::Skipped;
  }
  return cancels;
}

bool only_clones_run(const Operation& op) {
  bool any = false;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    if (!running(op.progress[i].state)) continue;
    if (!std::holds_alternative<CloneFrom>(op.plan.steps[i].step)) return false;
    any = true;
  }
  return any;
}

bool restarts(const Operation& op, const std::optional<NodeId>& node) {
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    const auto& step = op.plan.steps[i].step;
    if (running(op.progress[i].state) && std::holds_alternative<RestartServer>(step) && node_of(step) == node) {
      return true;
    }
  }
  return false;
}

bool only_best_effort_is_left(const Operation& op) {
  // Securing is only the first half of a failover.
  if (op.state != OperationState::Running || op.phase == Phase::Secure) return false;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    if (!op.plan.steps[i].best_effort && op.progress[i].state != StepState::Done) return false;
  }
  return !all_finished(op);
}

bool only_hooks_are_left(const Operation& op) {
  if (op.state != OperationState::Running) return false;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    if (!settled(op.plan.steps[i], op.progress[i]) && !is_hook_afterwards(op.plan.steps[i].step)) return false;
  }
  return !all_finished(op);
}

void give_up_hooks(Operation& op, const std::string& how, Time now) {
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    auto& p = op.progress[i];
    if (!is_hook_afterwards(op.plan.steps[i].step) || settled(op.plan.steps[i], p)) continue;
    p.state = StepState::Failed;
    p.changed_at = now;
    const auto& hook = std::get<RunHook>(op.plan.steps[i].step);
    p.result = StepResult{
        .error = Error{ErrorCode::HookFailed, fmt::format("{} hook {} {}", to_string(hook.point), hook.program, how)}};
  }
}

void resume(Operation& op) {
  for (auto& p : op.progress) {
    if (p.state == StepState::Running) {
      p.state = StepState::Waiting;
      p.doubtful = true;
    }
    if (p.state == StepState::Undoing) p.state = StepState::Done;
    if (op.state == OperationState::Undoing && p.state == StepState::Waiting) p.state = StepState::Done;
  }
  if (op.state == OperationState::Running && past_point_of_no_return(op)) prepare_opening_again(op);
}

bool all_finished(const Operation& op) {
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    if (!settled(op.plan.steps[i], op.progress[i])) return false;
  }
  return true;
}

Time next_wake_up(const Operation& op, Time now) {
  auto next = now + seconds{60};
  if (is_over(op.state)) return next;
  for (std::size_t i = 0; i < op.progress.size(); ++i) {
    const auto& p = op.progress[i];
    if (running(p.state)) {
      next = std::min(next, overdue_at(op, i));
    } else if (p.attempts > 0 &&
               (p.state == StepState::Waiting || p.state == StepState::Done || p.state == StepState::Failed)) {
      const auto again = p.changed_at + pause_before_attempt(op.plan.steps[i].step, p.attempts);
      if (again > now) next = std::min(next, again);
    }
  }
  return next;
}

}  // namespace repl::control

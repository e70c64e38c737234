// The owner's programs: what is told of their runs, what is kept of those that failed, and the hooks of a change that
// repld has not made itself. That they run, and when, is in the plans.
#include "plan/hooks.hpp"

#include <algorithm>

#include "control/execution.hpp"
#include "control/state.hpp"
#include "model/last_line.hpp"
#include "model/spec_text.hpp"

namespace repl::control {

void Controller::State::tell_of_hook(const StepDone& done, Time now) {
  const auto& op = *memory.operation;
  if (done.operation != op.id || done.undo || done.step >= op.plan.steps.size()) return;
  const auto* hook = std::get_if<RunHook>(&op.plan.steps[done.step].step);
  if (hook == nullptr || op.progress[done.step].state != StepState::Running) return;
  if (!done.result.ok()) {
    note(now, Severity::Warning, "hook-failed", done.result.error->message, hook->node);
    return;
  }
  const auto said = last_line(done.result.output);
  note(now, Severity::Info, "hook-done",
       fmt::format("{} hook {} in {:.3f} s{}{}", to_string(hook->point), hook->program,
                   std::chrono::duration<double>(done.result.took).count(), said.empty() ? "" : ": ", said),
       hook->node);
}

void Controller::State::keep_failed_hooks(const Operation& over) {
  std::vector<std::string> failed;
  bool ran = false;
  for (std::size_t i = 0; i < over.plan.steps.size(); ++i) {
    const auto* hook = std::get_if<RunHook>(&over.plan.steps[i].step);
    const auto& p = over.progress[i];
    if (hook == nullptr || !hook->after()) continue;
    ran = ran || p.state == StepState::Done || p.state == StepState::Failed;
    if (p.state != StepState::Failed || !p.result || !p.result->error) continue;
    failed.push_back(fmt::format("{} ({} to {}, operation {})", p.result->error->message,
                                 hook->from ? hook->from->name : "nobody", hook->node, over.id));
  }
  if (ran) memory.office.failed_hooks = std::move(failed);
}

/// A second writer, or none, is worse than a program that is told later.
void Controller::State::put_hooks_off(std::string_view urgent, Time now) {
  auto& op = *memory.operation;
  put_off.clear();
  for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
    const auto* hook = std::get_if<RunHook>(&op.plan.steps[i].step);
    if (hook != nullptr && hook->after() && op.progress[i].state != StepState::Done) put_off.push_back(*hook);
  }
  give_up_hooks(op, fmt::format("was put off, {} comes first", urgent), now);
  progress(now);
}

/// Those of a group that has elected its primary by itself, and those that were put off.
void Controller::State::run_due_hooks(Time now) {
  auto& due = memory.office.hooks_due;
  if (!due && put_off.empty()) return;
  if (busy() || applying || memory.paused || memory.restored || memory.maintenance_of({}) != nullptr) return;
  if (memory.spec->observes()) return;
  if (std::any_of(problems.begin(), problems.end(), [](const Problem& p) { return is_urgent(p.goal); })) return;
  auto plan = due ? plan::plan_hooks_of_election(*memory.spec, memory.office) : plan::plan_hooks(put_off);
  auto cause =
      due ? fmt::format("GroupElected: the group has made {} its primary instead of {}", *memory.office.primary, *due)
          : fmt::format("PutOff: hooks that run after {} became the primary", put_off.front().node);
  due.reset();
  put_off.clear();
  remember();
  if (plan.empty()) return;
  attempting = "hooks";
  start(now, std::move(plan), "repld", std::move(cause));
}

}  // namespace repl::control

// The owner's programs: what is told of their runs, what is kept of those that failed, and the hooks of a change that
// repld has not made itself. That they run, and when, is in the plans.
#include "plan/hooks.hpp"
#include "control/execution.hpp"
#include "control/state.hpp"
#include "model/spec_text.hpp"

namespace repl::control {
namespace {

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const auto cut = text.rfind('\n');
  return cut == std::string::npos ? text : text.substr(cut + 1);
}

}  // namespace

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

void Controller::State::run_hooks_of_election(Time now) {
  auto& due = memory.office.hooks_due;
  if (!due || busy() || applying || memory.paused || memory.restored || memory.maintenance_of({}) != nullptr) {
    return;
  }
  auto plan = plan::plan_hooks_of_election(*memory.spec, memory.office);
  auto cause =
      fmt::format("GroupElected: the group has made {} its primary instead of {}", *memory.office.primary, *due);
  due.reset();
  remember();
  if (plan.empty() || memory.spec->observes()) return;
  attempting = "hooks";
  start(now, std::move(plan), "repld", std::move(cause));
}

}  // namespace repl::control

// Threads of hooks.
#include "run/hooks.hpp"

#include <spdlog/spdlog.h>

#include "model/log_scope.hpp"
#include "run/hook_program.hpp"

namespace repl::run {

Hooks::Hooks(ClusterId cluster, std::string directory, const Clock& clock, Observer& observer,
             std::function<void(control::Input)> sink)
    : cluster_(std::move(cluster)),
      directory_(std::move(directory)),
      clock_(clock),
      observer_(observer),
      sink_(std::move(sink)) {}

Hooks::~Hooks() {
  for (auto& run : runs_) run.thread.request_stop();
}

void Hooks::start(control::Output& output) {
  const auto is_hook = [](const control::StepOrder& order) { return std::holds_alternative<RunHook>(order.step); };
  if (std::none_of(output.steps.begin(), output.steps.end(), is_hook)) return;
  std::erase_if(runs_,
                [](const Run& run) { return run.over.wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
  for (const auto& order : output.steps) {
    if (is_hook(order)) start(order, std::get<RunHook>(order.step), output.remember.value());
  }
  std::erase_if(output.steps, is_hook);
}

void Hooks::start(const control::StepOrder& order, const RunHook& hook, const Memory& memory) {
  auto environment = hook_environment(hook, memory.operation.value(), memory.watched().value());
  std::vector<std::shared_future<void>> earlier;
  for (auto& run : runs_) {
    if (run.operation == order.operation) continue;
    run.thread.request_stop();
    earlier.push_back(run.over);
  }
  std::promise<void> over;
  auto& run = runs_.emplace_back(Run{order.operation, over.get_future().share(), {}});
  run.thread = std::jthread{[this, order, hook, environment = std::move(environment), earlier = std::move(earlier),
                             over = std::move(over)](const std::stop_token& stop) mutable {
    for (const auto& other : earlier) other.wait();
    const LogScope scope{cluster_.name, order.operation.value};
    const auto began = clock_.now();
    auto ended = run_hook(hook, directory_, environment, stop);
    ended.result.took = clock_.now() - began;
    if (ended.result.ok()) {
      spdlog::info("{} ({:.1f} ms)", describe(order.step), static_cast<double>(ended.result.took.count()) / 1e3);
    } else {
      spdlog::warn("{}: {}", describe(order.step), ended.result.error->message);
    }
    if (!ended.result.output.empty()) spdlog::info("{} said:\n{}", hook.program, ended.result.output);
    observer_.hook_ended(cluster_, hook.point, to_string(ended.outcome), ended.result.took);
    // Whoever takes over runs it again.
    if (ended.outcome != HookOutcome::Stopped) {
      sink_(control::StepDone{order.operation, order.index, order.undo, std::move(ended.result)});
    }
    over.set_value();
  }};
}

}  // namespace repl::run

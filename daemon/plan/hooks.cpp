// Hooks as steps of a plan.
#include "plan/hooks.hpp"

namespace repl::plan {

std::vector<Builder::Index> add_hooks(Builder& plan, const Spec& spec, HookPoint point, const NodeId& to,
                                      const std::optional<NodeId>& from, std::vector<Builder::Index> after) {
  for (const auto& program : spec.hooks.at(point)) {
    const RunHook hook{to, from, point, program, spec.hooks.timeout};
    after = {plan.add_beside(hook, std::move(after), hook.after() ? Must::BestEffort : Must::Succeed)};
  }
  return after;
}

Plan plan_hooks(const std::vector<RunHook>& hooks) {
  Builder plan{Goal::Repair};
  std::vector<Builder::Index> after;
  for (const auto& hook : hooks) after = {plan.add_beside(hook, std::move(after), Must::BestEffort)};
  return std::move(plan).take();
}

Plan plan_hooks_of_election(const Spec& spec, const Office& office) {
  Builder plan{Goal::Repair};
  if (office.primary) add_hooks(plan, spec, HookPoint::PostFailover, *office.primary, office.hooks_due);
  return std::move(plan).take();
}

}  // namespace repl::plan

// The owner's programs in a plan. Pure.
#pragma once

#include <optional>
#include <vector>

#include "plan/builder.hpp"

namespace repl::plan {

/// Adds the hooks of `point`, one after the other, the first of them after `after`; they wait for nothing else, and
/// nothing waits for them that is not told to. Those after the change are best effort.
/// @param to, from  who becomes, or became, the primary, and who was
/// @return what has to be done for all of them to be done: the last one; `after` when there is none
std::vector<Builder::Index> add_hooks(Builder& plan, const Spec& spec, HookPoint point, const NodeId& to,
                                      const std::optional<NodeId>& from, std::vector<Builder::Index> after = {});

/// These alone, one after the other.
Plan plan_hooks(const std::vector<RunHook>& hooks);

/// The postFailover hooks alone, of a group that has elected `office.primary` by itself. Empty without hooks.
Plan plan_hooks_of_election(const Spec& spec, const Office& office);

}  // namespace repl::plan

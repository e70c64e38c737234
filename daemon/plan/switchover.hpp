// Planned change of the primary while the old one is alive. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "plan/candidate.hpp"

namespace repl::plan {

/// Makes `wanted`, or the best candidate, the primary.
///
/// Replicas that will follow the candidate are moved below it before writes are held up, where the acknowledgement
/// count allows; then the old primary is closed, the candidate applies all that one has, and opens: no transaction is
/// lost, and there are never two writers.
///
/// @param timeout  the most that writes are held up before it is taken back
/// @errors PreconditionFailed, NotAReplica, NotPromotable, ErrantTransactions: nothing to undo, no step has run
Result<Plan> plan_switchover(const Spec& spec, const Office& office, const View& view,
                             const std::optional<NodeId>& wanted, std::chrono::milliseconds timeout);

/// The same in a group, which moves its primary itself: `wanted`, or the ONLINE member that is preferred most, then of
/// the greatest weight.
/// @errors PreconditionFailed, NoSuchNode, NotPromotable
Result<Plan> plan_group_switchover(const Spec& spec, const Office& office, const View& view,
                                   const std::optional<NodeId>& wanted);

}  // namespace repl::plan

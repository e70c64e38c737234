// Failover as two plans: secure (the replicas let go of the old primary and their positions become known), then
// promote. Between the two lies the choice of the candidate. Pure.
#pragma once

#include <optional>

#include "plan/candidate.hpp"

namespace repl::plan {

/// What keeps the old primary from taking writes that count.
struct Fence {
  /// Detached ackers that are needed before it holds; 0: it holds already.
  int detached_ackers_needed = 0;
  std::string how;  ///< One sentence, for the reasons of the plan.
};

/// Judges the fence of a primary that is to be replaced without its help. See docs/architecture.md, "Fencing".
/// @errors NotFenced: the old primary could go on taking writes; says what would have to be declared
Result<Fence> judge_fence(const Spec& spec, const Office& office, const View& view);

/// Is a failover possible at all, by what is known before anything is touched: fence, quorum, candidates, minReplicas?
/// The same conditions are checked again on the secured positions.
Result<void> may_fail_over(const Spec& spec, const Office& office, const View& view,
                           const std::optional<NodeId>& wanted, Urgency urgency);

/// Detaches every reachable direct replica. Each step is best effort: whether those that worked are enough is decided
/// by plan_promotion().
Plan plan_secure(const Spec& spec, const Office& office, const View& view);

/// The second half, appended to `secured`, whose steps keep their indices.
/// @param detached  positions of the nodes whose DetachReceiver was done
/// @errors QuorumMissing, NotFenced, NotPromotable, Diverged: take the secured steps back
Result<Plan> plan_promotion(const Spec& spec, const Office& office, const View& view, const Plan& secured,
                            const Positions& detached, const std::optional<NodeId>& wanted, Urgency urgency);

}  // namespace repl::plan

// Plans that take back one deviation: a node that came back, a primary that was restarted, a flag that drifted. Pure.
#pragma once

#include "model/operation.hpp"
#include "model/problem.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// The plan for a problem whose goal is Reopen, Rejoin, Repair or Fence; empty when the view shows nothing to be done.
/// @errors Internal: no plan is known for the problem; PreconditionFailed: not possible in this view
Result<Plan> plan_repair(const Problem& problem, const Spec& spec, const Office& office, const View& view);

/// There is a plan for every rule with such a goal; checked by a test.
bool knows_repair(const std::string& problem_name);

}  // namespace repl::plan

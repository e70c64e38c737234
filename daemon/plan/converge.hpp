// From what the servers are to what the spec wants: the plan of an apply. Pure, level-triggered: an equal state gives
// an empty plan.
#pragma once

#include <set>

#include "model/operation.hpp"
#include "model/revision.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"
#include "plan/variables.hpp"

namespace repl::plan {

/// @param office  who is primary now; nobody before the first apply: then it becomes the declared source
/// @param before  the spec in force; null before the first apply
/// @param view    with an inventory of every node that answers
/// @param prior   what the variables were that no spec names any more: they go back to that
/// @param may_lose_data  nodes whose own data may be thrown away, each named by a person
/// @param discard_former  accounts whose former password is to work no longer; that of replication goes by itself
/// @errors PreconditionFailed, Diverged, ErrantTransactions, NotSupported: every reason at once; no step has run
Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const PriorSettings& prior = {}, const std::set<NodeId>& may_lose_data = {},
                           const std::set<AccountRole>& discard_former = {});

/// The office after that plan is done.
Office office_after(const Spec& wanted, const Office& office, const View& view, Time now);

}  // namespace repl::plan

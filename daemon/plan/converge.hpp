// From what the servers are to what the spec wants: the plan of an apply. Pure, level-triggered: an equal state gives
// an empty plan.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// Server variables whose values plan_converge() compares; to be asked for with the inventory.
std::vector<std::string> variables_to_look_at(const Spec& spec);

/// @param office  who is primary now; nobody before the first apply: then it becomes the declared source
/// @param before  the spec in force; null before the first apply
/// @param view    with an inventory of every node that answers
/// @param may_lose_data  nodes whose own data may be thrown away, each named by a person
/// @errors PreconditionFailed, Diverged, ErrantTransactions, NotSupported: every reason at once; no step has run
Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const std::set<NodeId>& may_lose_data = {});

/// The office after that plan is done.
Office office_after(const Spec& wanted, const Office& office, const View& view, Time now);

/// Do two texts mean the same value of a server variable (ON, 1 and TRUE do)?
bool same_value(const std::string& a, const std::string& b);

}  // namespace repl::plan

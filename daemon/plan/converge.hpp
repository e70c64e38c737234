// From what the servers are to what the spec wants: the plan of an apply. Pure, level-triggered: an equal state gives
// an empty plan.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/revision.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// Every server variable that is kept on that node, by name: the spec's, its semi-sync set-up, and repld's own.
std::map<std::string, std::string> variables_of(const Spec& spec, const NodeId& node);

/// What the variable is; of a plugin that is not loaded, what it will be as long as nobody has set it.
std::string value_before(const Inventory& has, const std::string& name);

/// Server variables whose values plan_converge() compares; to be asked for with the inventory.
std::vector<std::string> variables_to_look_at(const Spec& spec);

/// @param office  who is primary now; nobody before the first apply: then it becomes the declared source
/// @param before  the spec in force; null before the first apply
/// @param view    with an inventory of every node that answers
/// @param prior   what the variables were that no spec names any more: they go back to that
/// @errors PreconditionFailed, Diverged, ErrantTransactions, NotSupported: every reason at once; no step has run
Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const PriorSettings& prior = {});

/// The office after that plan is done.
Office office_after(const Spec& wanted, const Office& office, const View& view, Time now);

/// Do two texts mean the same value of a server variable (ON, 1 and TRUE do)?
bool same_value(const std::string& a, const std::string& b);

}  // namespace repl::plan

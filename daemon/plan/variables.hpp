// Which server variables a spec means on a node. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/snapshot.hpp"
#include "model/spec.hpp"
#include "model/spec_variables.hpp"
#include "model/variable_value.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// Every server variable that is kept on that node, by name: the spec's, its semi-sync and group set-up, how several
/// writers count their keys, and the base (base.hpp).
std::map<std::string, std::string> variables_of(const Spec& spec, const NodeId& node);

/// What the variable is; of a plugin that is not loaded, what it will be as long as nobody has set it.
std::string value_before(const Inventory& has, const std::string& name);

/// What `diff` says of variables beside the file's own lines, by the latest inventories: values of the base that would
/// be set, and servers that would be restarted. "db1, db2: sync_binlog 0 -> 1 (base: nodes that may take writes)"
std::vector<std::string> variable_notes(const Spec& wanted, const View& view);

/// Server variables whose values plan_converge() compares; to be asked for with the inventory.
std::vector<std::string> variables_to_look_at(const Spec& spec);

}  // namespace repl::plan

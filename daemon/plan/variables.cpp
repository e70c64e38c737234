// Variables by the spec.
#include "plan/variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "plan/base.hpp"
#include "plan/group.hpp"

namespace repl::plan {
namespace {

const std::map<std::string, std::string> kDefaultsOfPlugins{
    {"rpl_semi_sync_source_timeout", "10000"},
    {"rpl_semi_sync_source_wait_no_replica", "ON"},
    {"rpl_semi_sync_source_wait_point", "AFTER_SYNC"},
    {"group_replication_single_primary_mode", "ON"},
    {"group_replication_enforce_update_everywhere_checks", "OFF"},
    {"group_replication_recovery_ssl_ca", ""},
    {"group_replication_recovery_ssl_verify_server_cert", "OFF"},
    {"validate_password.length", "8"},
    {"validate_password.policy", "MEDIUM"},
};

}  // namespace

std::map<std::string, std::string> variables_of(const Spec& spec, const NodeId& node) {
  auto out = base_of(spec, node);
  for (const auto& [name, value] : declared_variables(spec, node)) out[name] = value;
  return out;
}

std::string value_before(const Inventory& has, const std::string& name) {
  if (const auto found = has.variables.find(name); found != has.variables.end()) return found->second;
  const auto found = kDefaultsOfPlugins.find(name);
  return found == kDefaultsOfPlugins.end() ? std::string{} : found->second;
}

std::vector<std::string> variable_notes(const Spec& wanted, const View& view) {
  std::map<std::string, std::string> nodes_of;  // by what is done; sorted, so that equal diffs read alike
  const auto tell = [&](std::string what, const NodeId& node) {
    auto& nodes = nodes_of[std::move(what)];
    nodes += (nodes.empty() ? "" : ", ") + node.name;
  };
  for (const auto& node : wanted.nodes) {
    const auto* seen = view.find(node.id);
    if (seen == nullptr || !seen->inventory) continue;
    const auto& has = *seen->inventory;
    for (const auto& [name, value] : variables_of(wanted, node.id)) {
      const auto found = has.variables.find(name);
      if (found == has.variables.end() || same_value(found->second, value)) continue;
      const auto change = fmt::format("{} {} -> {}", name, found->second.empty() ? "''" : found->second, value);
      const auto* row = base_row(wanted, node.id, name);
      if (has.fixed_until_restart.contains(name)) {
        tell(change + " needs a restart of the server", node.id);
      } else if (row != nullptr && !is_met_by(*row, found->second)) {
        tell(fmt::format("{} ({})", change, origin_of(*row)), node.id);
      }
    }
  }
  std::vector<std::string> out;
  for (const auto& [what, nodes] : nodes_of) out.push_back(fmt::format("{}: {}", nodes, what));
  return out;
}

std::vector<std::string> variables_to_look_at(const Spec& spec) {
  std::set<std::string> names{
      "auto_increment_increment", "auto_increment_offset", "enforce_gtid_consistency", "gtid_executed", "gtid_mode",
      kSkipErrorsVariable};
  if (spec.tls.verifies()) names.insert({"ssl_ca", "group_replication_recovery_ssl_ca"});
  for (const auto& node : spec.nodes) {
    for (const auto& [name, value] : variables_of(spec, node.id)) names.insert(name);
    for (const auto& [name, value] : group_variables_of_stopped(spec, node, "")) names.insert(name);
  }
  return {names.begin(), names.end()};
}

}  // namespace repl::plan

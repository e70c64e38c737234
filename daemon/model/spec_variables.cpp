// What each part of a spec means for server variables. Source of the group's values: the measurements of
// docs/architecture.md, "Groups".
#include "model/spec_variables.hpp"

#include <algorithm>

#include "model/spec_text.hpp"

namespace repl {
namespace {

std::size_t position_in_file(const Spec& spec, const NodeId& node) {
  const auto at = std::find_if(spec.nodes.begin(), spec.nodes.end(), [&](const NodeSpec& n) { return n.id == node; });
  return static_cast<std::size_t>(at - spec.nodes.begin()) + 1;
}

std::string group_seeds(const Spec& spec) {
  std::string out;
  for (const auto& node : spec.nodes) out += (out.empty() ? "" : ",") + to_string(node.address);
  return out;
}

}  // namespace

std::map<std::string, std::string> semi_sync_variables(const Spec& spec) {
  if (!spec.semi_sync()) return {};
  const auto timeout = spec.sync.on_too_few == OnTooFewReplicas::Wait ? kForever : spec.sync.timeout;
  return {{"rpl_semi_sync_source_timeout", std::to_string(timeout.count())},
          {"rpl_semi_sync_source_wait_no_replica", "ON"},
          {"rpl_semi_sync_source_wait_point", "AFTER_SYNC"}};
}

std::map<std::string, std::string> auto_increment(const Spec& spec, const NodeId& node) {
  if (!spec.several_writers()) return {};
  return {{"auto_increment_increment", std::to_string(spec.nodes.size())},
          {"auto_increment_offset", std::to_string(position_in_file(spec, node))}};
}

std::map<std::string, std::string> group_variables(const Spec& spec, const NodeSpec& node) {
  if (!spec.is_group()) return {};
  const auto weight = spec.group.weights.find(node.id.name);
  return {
      {"group_replication_group_seeds", group_seeds(spec)},
      {"group_replication_start_on_boot", "ON"},
      {"group_replication_recovery_get_public_key", "ON"},
      // What others fetch data from is the address in the file, whatever name the server has for itself.
      {"group_replication_advertise_recovery_endpoints", to_string(node.address)},
      {"group_replication_member_expel_timeout", std::to_string(spec.group.expel_after.count())},
      {"group_replication_unreachable_majority_timeout", std::to_string(spec.group.majority_timeout.count())},
      {"group_replication_consistency", std::string{to_string(spec.group.consistency)}},
      {"group_replication_member_weight", std::to_string(weight == spec.group.weights.end() ? 50 : weight->second)},
  };
}

bool is_said_by_group(std::string_view variable) {
  return variable == "group_replication_member_expel_timeout" ||
         variable == "group_replication_unreachable_majority_timeout" || variable == "group_replication_consistency" ||
         variable == "group_replication_member_weight";
}

std::map<std::string, std::string> declared_variables(const Spec& spec, const NodeId& node) {
  auto out = semi_sync_variables(spec);
  for (const auto& [name, value] : auto_increment(spec, node)) out[name] = value;
  if (spec.password_policy.min_length) {
    out[std::string{kPasswordLength}] = std::to_string(*spec.password_policy.min_length);
    out["validate_password.policy"] = "MEDIUM";
  }
  if (const auto* found = spec.find(node)) {
    for (const auto& [name, value] : group_variables(spec, *found)) out[name] = value;
  }
  for (const auto& [name, value] : spec.settings_of(node)) out[name] = value;
  return out;
}

}  // namespace repl

// Server variables that follow from a spec: those that `settings` name, and those that the rest of it means. Values as
// the server prints them. Pure.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "model/spec.hpp"

namespace repl {

/// rpl_semi_sync_source_timeout under `onTooFewReplicas: wait`, in milliseconds: the greatest the server takes, 49
/// days.
inline constexpr std::chrono::milliseconds kForever{4'294'967'295};

/// Of the component that checks passwords; its variables are there only when it is.
inline constexpr std::string_view kPasswordVariables = "validate_password.";
inline constexpr std::string_view kPasswordLength = "validate_password.length";

/// Static semi-sync variables of every node. Empty in async mode. The enabling ones are not among them: those change
/// with the role; nor is the acknowledgement count, which a failover lowers on purpose.
std::map<std::string, std::string> semi_sync_variables(const Spec& spec);

/// auto_increment_increment and _offset where several nodes write: each counts in steps of their number from its own
/// place in the file.
std::map<std::string, std::string> auto_increment(const Spec& spec, const NodeId& node);

/// Variables of a member of a group that can change at any time. Empty without a group topology.
std::map<std::string, std::string> group_variables(const Spec& spec, const NodeSpec& node);
/// Of those, what `groupReplication` speaks of; the others say how members find each other.
bool is_said_by_group(std::string_view variable);

/// All that the spec says of the node's variables, in whatever words; without the base (plan/base.hpp).
std::map<std::string, std::string> declared_variables(const Spec& spec, const NodeId& node);

}  // namespace repl

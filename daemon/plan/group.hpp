// How group replication has to be set up on a node, by the spec, and who may start a group that is down.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// The group's name: the one that some node has already, else one derived from the cluster's name and the UUID of
/// `seed`, so that the same file makes other groups elsewhere.
std::string group_name(const Spec& spec, const View& view, const std::string& seed_uuid);

/// Variables of a member that can only change while it is out of the group (the others: model/spec_variables.hpp).
/// Values as the server prints them. Empty without a group topology.
std::map<std::string, std::string> group_variables_of_stopped(const Spec& spec, const NodeSpec& node,
                                                              const std::string& group_name);

/// The mode is stored on the members that are ONLINE when it changes; one that was away is refused (3092) until it is
/// told.
std::vector<SetVariable> group_mode_corrections(bool multi_primary, const Snapshot& node);

/// Who has everything that any node has, received and not yet applied included; of several, one that nobody works on.
/// @errors PreconditionFailed: not all nodes answer, or somebody works on the only one that has everything; Diverged:
/// no node has everything. A person decides then.
Result<NodeId> bootstrap_candidate(const Spec& spec, const View& view);

}  // namespace repl::plan

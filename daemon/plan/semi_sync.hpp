// How semi-sync has to be set up on a node, by the spec.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// rpl_semi_sync_source_timeout under `onTooFewReplicas: wait`, in milliseconds: the greatest the server takes, 49
/// days.
inline constexpr std::chrono::milliseconds kForever{4'294'967'295};
/// From here on a time-out counts as practically infinite.
inline constexpr std::chrono::milliseconds kPracticallyForever = std::chrono::hours{24};

/// Static semi-sync variables of every node, by name. Empty in async mode. The enabling ones are not among them: those
/// change with the role.
std::map<std::string, std::string> semi_sync_variables(const Spec& spec);

/// Of semi_sync_variables(), those that differ on the node by its snapshot, as steps.
std::vector<SetVariable> semi_sync_corrections(const Spec& spec, const Snapshot& node);

/// Switches the source side off as it is; the acknowledgement count stays.
SetSemiSyncSource semi_sync_source_off(const Snapshot& node);

/// Acknowledgements to wait for when `present` ackers are there: what the spec wants, not more than there are, never
/// fewer than one.
int acks_to_wait_for(const Spec& spec, const NodeId& primary, int present);

/// Commits on a node with this semi-sync state are acknowledged to clients only when replicas have them.
bool commits_wait(const SemiSync& state);

}  // namespace repl::plan

// How semi-sync has to be set up on a node, by the spec.
#pragma once

#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// Of semi_sync_variables() (model/spec_variables.hpp), those that differ on the node by its snapshot, as steps.
std::vector<SetVariable> semi_sync_corrections(const Spec& spec, const Snapshot& node);

/// Switches the source side off as it is; the acknowledgement count stays.
SetSemiSyncSource semi_sync_source_off(const Snapshot& node);

/// Acknowledgements to wait for when `present` ackers are there: what the spec wants, not more than there are, never
/// fewer than one.
int acks_to_wait_for(const Spec& spec, const NodeId& primary, int present);

/// Commits on a node with this semi-sync state are acknowledged to clients only when replicas have them.
bool commits_wait(const SemiSync& state);

}  // namespace repl::plan

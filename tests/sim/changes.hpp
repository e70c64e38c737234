// Changes of what is declared, as somebody applies them while the cluster runs: each as a function of the spec in
// force.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "model/spec.hpp"

namespace repl::sim {

enum class Change {
  ToAsync,
  ToSemiSync,
  ToSync,
  MoreAcks,    ///< Two, or one again.
  ToChain,     ///< The last replica follows another one.
  ToFlat,      ///< Everybody follows the primary.
  MoveSource,  ///< Another node is named as the source.
  Delay,       ///< The last replica is delayed, or no longer.
  Setting,
  NoSetting,   ///< What `Setting` has named is named no more.
  AddNode,     ///< A spare server joins; to begin with it is empty.
  RemoveNode,  ///< The last replica leaves.
  Restart,     ///< A setting that only a start of the server makes true, or no longer.
  ToRing,
  ToTree,   ///< The first node of a ring becomes the source of the others.
  Reorder,  ///< Two nodes of a ring change places.
};
/// Those of source-replica topologies, and those of rings. ToRing and ToTree lead from the one to the other.
inline constexpr std::array kTreeChanges{Change::ToAsync, Change::ToSemiSync, Change::ToSync,     Change::MoreAcks,
                                         Change::ToChain, Change::ToFlat,     Change::MoveSource, Change::Delay,
                                         Change::Setting, Change::NoSetting,  Change::AddNode,    Change::RemoveNode};
inline constexpr std::array kRingChanges{Change::ToAsync, Change::ToSemiSync, Change::Reorder,
                                         Change::Setting, Change::AddNode,    Change::RemoveNode,
                                         Change::Restart, Change::ToTree,     Change::ToRing};
/// The variable that Change::Setting names.
inline constexpr const char* kSetting = "binlog_expire_logs_seconds";
/// The one that Change::Restart names.
inline constexpr const char* kRestartSetting = "report_host";
std::string_view to_string(Change change);

/// `spec` as a ring of its nodes, or as a tree below its first node.
Spec as_ring(Spec spec);
Spec as_tree(Spec spec);

/// The node with the n-th server of a run.
NodeSpec node_spec(int index);

/// `in_force` after the change, with `primary` in office. Empty: it makes no sense there, such as to remove one of two
/// nodes.
/// @param servers how many servers there are, the spare ones included
std::optional<Spec> changed(const Spec& in_force, Change change, const NodeId& primary, int servers);

}  // namespace repl::sim

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
  AddNode,     ///< A spare server joins; to begin with it is empty.
  RemoveNode,  ///< The last replica leaves.
};
inline constexpr std::array kAllChanges{Change::ToAsync, Change::ToSemiSync, Change::ToSync,     Change::MoreAcks,
                                        Change::ToChain, Change::ToFlat,     Change::MoveSource, Change::Delay,
                                        Change::Setting, Change::AddNode,    Change::RemoveNode};
std::string_view to_string(Change change);

/// The node with the n-th server of a run.
NodeSpec node_spec(int index);

/// `in_force` after the change, with `primary` in office. Empty: it makes no sense there, such as to remove one of two
/// nodes.
/// @param servers how many servers there are, the spare ones included
std::optional<Spec> changed(const Spec& in_force, Change change, const NodeId& primary, int servers);

}  // namespace repl::sim

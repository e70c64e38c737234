// What only the servers can answer before an apply: who they are, what they have, and whether it can be brought
// together without losing anything. Every reason against it is told at once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan::converge {

/// A node that answers, as the planners see it.
struct Node {
  const NodeSpec* spec = nullptr;
  const Snapshot* now = nullptr;
  const Inventory* has = nullptr;

  const NodeId& id() const { return spec->id; }
  bool empty() const { return has->user_schemas.empty(); }
  bool follows() const { return now->channel() != nullptr && !is_detached(*now->channel()); }
  bool member() const {
    return now->member_state() == MemberState::Online || now->member_state() == MemberState::Recovering;
  }
  /// As performance_schema shows it; places in binary logs are never among these.
  std::string gtid_executed() const {
    const auto found = has->variables.find("gtid_executed");
    return found == has->variables.end() ? std::string{} : found->second;
  }
  /// Gets what others write.
  bool attached() const { return follows() || member(); }
  /// What runs as a replica is never opened to create something on it.
  bool may_write() const { return now->read_only == ReadOnly::Off || !attached(); }
};

/// What an apply may do beyond what is safe by itself.
struct Allowed {
  std::set<NodeId> to_lose_data;  ///< Spelled out by a person, node by node.
};

struct Checked {
  /// The nodes that take part. A known one that does not answer is left out.
  std::map<NodeId, Node> nodes;
  /// Whose data all get: the primary where there is one.
  NodeId seed;
  /// Of an empty node, an installer's transactions: to be reset before it follows anybody.
  std::map<NodeId, GtidSet> to_forget;
  /// Nodes that get their data by a clone, with what is lost on them.
  std::map<NodeId, GtidSet> to_clone;
  /// Nodes of which a person has said so. Any other is cloned over only while it is empty.
  std::set<NodeId> may_lose_data;
  /// Of what is lost or reset on them: transactions whose numbers a server could give to others. They are committed
  /// empty at the end.
  GtidSet to_retire;
  /// The file names another source than the one before: the primary moves there.
  std::optional<NodeId> moves_to;
  /// Without GTIDs: replicas that follow another node than they should, or have to begin where an empty source is. The
  /// primary is closed while they are put in their place.
  std::set<NodeId> to_place;
  /// The nodes give their transactions no GTIDs and will: a step at a time, all at once.
  bool changes_to_gtids = false;
  std::vector<std::string> notes;

  const Node& at_seed() const { return nodes.at(seed); }
};

/// @param before  the spec in force; null before the first apply
/// @errors PreconditionFailed, Diverged, ErrantTransactions, NotSupported: all reasons in one text
Result<Checked> check(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                      const Allowed& allowed);

}  // namespace repl::plan::converge

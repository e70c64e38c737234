// What has to be on a node before it replicates, whatever the topology: its data, plugins, accounts, variables, and
// that it is closed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/revision.hpp"
#include "plan/builder.hpp"
#include "plan/converge/checks.hpp"

namespace repl::plan::converge {

/// What the planners of all topologies share: what is wanted, what was found, and the plan as it grows.
struct Draft {
  const Spec& wanted;
  const Office& office;
  const Spec* before;  ///< Null before the first apply.
  const View& view;
  const Checked& checked;
  const PriorSettings& prior;                       ///< What variables were that no spec names any more.
  const std::set<AccountRole>& discard_former;      ///< Accounts whose former password is to work no longer.
  Spec known = with_leaving_nodes(wanted, before);  ///< With the nodes that leave: one may follow such a node still.
  Builder plan{Goal::Converge};
  /// Done before any replica stops acknowledging: the other way round commits would hang.
  std::vector<Builder::Index> expects_less{};
  /// Done before any node that takes writes is closed: what takes long while they still may.
  std::vector<Builder::Index> closes_after{};
  std::set<AccountRole> rotated{};  ///< Accounts that get another password in this plan.
  /// Done before anybody is told the declared login of replication: it is known where they follow.
  std::vector<Builder::Index> login_is_known{};
  bool replication_account_is_made = false;  ///< In what was planned so far, through the binary log.
  /// By donor, which gives its data to one node at a time (3634).
  std::map<NodeId, Builder::Index> last_clone_of{};
  /// Nodes that follow another than when they were looked at, from an early step on.
  std::map<NodeId, NodeId> moved{};
  /// By node, what only a start of its server makes true. restarts.cpp makes steps of it, when all else is planned.
  std::map<NodeId, std::vector<StartVariable>> restarts{};

  bool first() const { return before == nullptr; }
  bool was_ring() const { return before != nullptr && before->is_ring(); }
  bool was_group() const { return before != nullptr && before->is_group(); }
  /// Somebody replicates already, whoever has set it up.
  bool runs() const;
  bool leaves_several_writers() const {
    return before != nullptr && before->several_writers() && !wanted.several_writers();
  }
  /// Nothing replicates yet in the way that is wanted: what a node lacks is made on each by itself, out of the binary
  /// log. In what runs already it is made once and replicates.
  bool begins() const { return first() || (wanted.is_group() && !seed().member()); }
  /// An empty node that replays what its source has logged gets the account from there. Made on it beforehand, the
  /// source's own CREATE USER would stop its applier: how it came to the source is not known.
  bool gets_account_from_source(const Node& node) const;
  bool gives_account_to_new_nodes() const;
  const Node& seed() const { return checked.at_seed(); }
  /// The latest step of every node so far.
  std::vector<Builder::Index> last_steps() const;
  std::vector<Builder::Index> last_step_of(const NodeId& node) const;
  /// The same as last_steps(), with the nodes that leave.
  std::vector<Builder::Index> all_last_steps() const;
};

enum class Stays {
  Open,    ///< It takes writes, or will at the end of the plan.
  Paused,  ///< It takes writes, and is made super-read-only for a moment; semi-sync stays as it is.
  Closed,  ///< It is made super-read-only for good.
  AsItIs,  ///< Somebody else sees to it: the group, or an earlier step.
};

inline constexpr std::chrono::milliseconds kPauseWithin{5'000};

/// gtid_mode one step up to `mode` on those of `nodes` that are not there yet. Skipping a step is refused by the
/// server.
void use_gtids(Draft& draft, const std::vector<const Node*>& nodes, GtidMode mode, std::vector<Builder::Index> after);
/// OFF -> WARN or WARN -> ON, where it is not so already.
void enforce_gtid_consistency(Draft& draft, const Node& node, const std::string& from, const std::string& to);

/// @param detaches  it follows nobody any more when this starts, so it may be opened for what it lacks
/// @return what the node is when that is done
ReadOnly prepare(Draft& draft, const Node& node, Stays stays, bool detaches = false);

/// Makes the replica side of semi-sync true. Call it for all nodes once all are prepared, and `expects_less` is whole.
/// @param after  what it waits for where the node begins to acknowledge
void acknowledge(Draft& draft, const Node& node, std::vector<Builder::Index> after = {});

/// The spec in force says that it takes no writes, whatever it does.
bool was_closed_by_spec(const Draft& draft, const NodeId& node);

/// Whom the node follows; empty: nobody of the topology.
std::optional<NodeId> source_now(const Draft& draft, const Snapshot& node);

/// Removes the node's channel; taken back, it follows again whom it followed.
void forget_source(Draft& draft, const Node& node, std::vector<Builder::Index> after);

/// A delayed replica that becomes a node without a delay applies what it holds back before anything waits for it.
/// The step after which it has; empty when there is no delay.
std::optional<Builder::Index> take_off_delay(Draft& draft, const Node& node);

/// An empty node's own few transactions are reset before it follows anybody.
void forget_own(Draft& draft, const Node& node);

/// The node's server has to be started anew for this variable.
void add_restart(Draft& draft, const NodeId& node, StartVariable variable);

/// Those of `wanted` that are otherwise on the node. What only a start changes goes to `draft.restarts`.
void set_variables(Draft& draft, const Node& node, const std::map<std::string, std::string>& wanted);

/// Nodes that counted their keys in steps, as several writers do, count one by one again. Only once a single one
/// writes.
void count_one_by_one(Draft& draft, const Node& node, const std::vector<Builder::Index>& after);

/// Uses up the numbers of what the plan throws away, when everything else is done: the nodes that acknowledge the empty
/// transactions must lack them, or nobody would. Best effort: what it leaves is found and repaired.
void retire_discarded(Draft& draft);

/// What answers at an address that the new spec does not have is a server that stays: it has another address now.
bool only_moved(const Draft& draft, const Snapshot& leaving);

/// Nodes that leave get back what their variables were, and what is not brought back is said. To be called when their
/// release is planned. Best effort: nobody looks at them afterwards.
void put_back_on_leaving(Draft& draft);

/// Nodes that the new spec does not have any more, and that answer.
std::vector<const Snapshot*> leaving(const Draft& draft);

}  // namespace repl::plan::converge

// What the rules speak of, counted once per view, so that each rule is one expression. Pure values.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::diagnose {

/// What a replica's own observation says about the primary.
enum class Witness {
  Hears,    ///< Its receiver runs and heard the primary lately.
  Lost,     ///< Its receiver lost the primary: connecting, or running in silence.
  Nothing,  ///< No statement: unreachable, stopped by hand, pointed elsewhere, or our own fault (password, keys).
};

struct NodeFacts {
  const NodeSpec* spec = nullptr;
  const Observation* seen = nullptr;
  const Snapshot* now = nullptr;     ///< Null unless the latest probe was answered.
  const Channel* channel = nullptr;  ///< Null: not reachable, or no channel.
  bool is_primary = false;
  /// By the spec it takes writes: the primary; in source-source, circular and multi-primary every node.
  bool writer = false;
  /// By the spec; the primary instead of a node with transactions of its own, or one that does not answer, unless it
  /// follows that one already.
  std::optional<NodeId> should_follow;
  std::optional<NodeId> follows;  ///< The node its channel points to; empty: nobody, away, or nobody we know.
  bool detached = false;          ///< Reachable, and without a channel or pointed away.
  bool foreign_source = false;    ///< Its channel points to a server that is not in the spec.
  bool acker = false;             ///< By the spec its acknowledgement counts under the primary in office.
  bool acknowledges = false;      ///< It is an acker, and attached so that it can acknowledge now.
  /// Its channel keeps a place in the binary log of the node it should follow; what counts without GTIDs.
  bool same_log = false;
  Witness witness = Witness::Nothing;  ///< Direct replicas only.
  const Snapshot* primary_now = nullptr;
  const Snapshot* source_now = nullptr;  ///< Of the node it should follow; null while that one does not answer.
  GtidSet errant;                        ///< Empty as well when not compared yet.
  bool compared = false;
  GtidSet purged_but_needed;  ///< Gone from its source's binary logs (the primary's, in a tree), and lacking here.
  /// Ring: transactions of this very server that others have and it lacks. It would issue their numbers again, and
  /// never takes them back from a source: a receiver drops what bears its own server_id.
  GtidSet own_lost;
};

struct DeviatingSetting {
  std::string name, is, wanted;
  bool needs_restart = false;  ///< Only a start of the server makes it otherwise.
};

struct Facts {
  const Spec* spec = nullptr;
  const Office* office = nullptr;
  const View* view = nullptr;

  const NodeFacts* primary = nullptr;  ///< Null while nobody is in office. Points into `nodes`.
  std::vector<NodeFacts> nodes;

  bool primary_reachable = false;
  bool primary_alive = false;  ///< At least an error packet came back.
  bool primary_refused = false;
  bool primary_silent_for_good = false;  ///< `misses` probes in a row without an answer.
  int primary_misses = 0;
  int others = 0;  ///< Nodes beside the primary.
  int others_reached = 0;
  int replicas_hearing = 0;
  int replicas_that_lost_it = 0;
  int ackers_reached = 0;  ///< Of office.ackers.
  int ackers_needed = 0;   ///< n - a + 1; 0 when commits do not wait.
  int writable_others = 0;
  int acks_possible = 0;   ///< Healthy ackers that are attached now.
  int foreign_ackers = 0;  ///< Semi-sync clients of the primary, when last reached, beyond those that are in the spec.
  /// A closed primary's source, when that one takes writes: somebody has moved the primary without repld.
  std::optional<NodeId> another_primary;
  /// What a closed primary lacks of what replicas have received from it, or what was there when it came into office:
  /// its data went back. Nodes in quarantine are not asked.
  GtidSet primary_lacks;

  // Groups only.
  int members_online = 0;               ///< Reachable nodes that are ONLINE members in a view with a majority.
  int members_without_majority = 0;     ///< Reachable nodes that are ONLINE members in their own eyes alone.
  std::optional<NodeId> group_primary;  ///< Single-primary: named by itself and by a majority's view.
  bool two_groups = false;              ///< Two nodes are ONLINE in views that do not know each other.

  /// We reach fewer than half of the other nodes: more likely we are cut off than they.
  bool observer_isolated() const { return others > 0 && 2 * others_reached < others; }
};

/// `facts` point into the arguments, which must outlive them.
Facts count_facts(const Spec& spec, const Office& office, const View& view);

/// Of n ackers of which `acks` must acknowledge, so many must be heard before a commit that was acknowledged cannot be
/// missed. 0 when commits do not wait. Source: docs/architecture.md, "Quorum".
int quorum(std::size_t ackers, int acks);

/// Errors of a receiver that pass when the connection does: refused, lost, timed out, turned away, too many. They stay
/// in the channel of a receiver that was stopped since.
bool is_connection_error(int receiver_errno);

/// Longest silence of a running receiver that still counts as hearing its source: three heartbeats.
Duration silence_limit(const Channel& channel);

/// The node whose server has that UUID, by what is known of it; empty when none has.
std::optional<NodeId> node_with_uuid(const Spec& spec, const View& view, const std::string& server_uuid);

/// The channel's place is in the binary log of that node's server, as far as that one was ever reached: it may follow
/// it from there without GTIDs.
bool has_place_in_log_of(const NodeId& source, const Channel& channel, const View& view);

/// It answers, and has nothing of its own that whoever follows it would get: a replica may be put below it.
bool can_feed(const NodeId& node, const View& view);

/// The node that `channel` points to; empty when away or not in the spec.
std::optional<NodeId> source_node(const Spec& spec, const Channel& channel);

/// The node that new transactions come from now, of several the first; null when none answers that takes writes.
const NodeFacts* writing_node(const Facts& facts);
/// Of what was thrown away with the node's data: what the writer lacks, so that its numbers are free. Empty without a
/// writer.
GtidSet numbers_not_retired(const Facts& facts, const NodeFacts& node);
/// Nodes beside the writer that have some of `transactions`, executed or received, and which.
std::vector<std::pair<NodeId, GtidSet>> holders_of(const Facts& facts, const GtidSet& transactions);
/// Nodes that do not answer.
std::vector<NodeId> silent_nodes(const Facts& facts);

/// By how semi-sync is set up on a node that takes writes and has it on, its commits go on alone when replicas are
/// slow or away, or are seen before replicas have them, although they are declared to wait.
bool commits_may_go_alone(const Spec& spec, const NodeFacts& node);

/// Variables that are otherwise on the node than the spec says, or means; empty while nobody has looked thoroughly, or
/// it does not answer. Not the base, which nobody is fought about, and not what rules of their own are for.
std::vector<DeviatingSetting> deviating_settings(const Spec& spec, const NodeFacts& node);
/// The same of how a node of a ring counts its automatic keys.
std::vector<DeviatingSetting> deviating_keys(const Spec& spec, const NodeFacts& node);
/// Errors that the node's applier passes by although the spec names none; "" when there are none, or nobody looked.
std::string undeclared_skipped_errors(const Spec& spec, const NodeFacts& node);

}  // namespace repl::diagnose

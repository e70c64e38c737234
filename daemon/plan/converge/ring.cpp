// source-source and circular. Two nodes that count their automatic keys in other steps must never write at the same
// time, and a session keeps the steps it began with. So whenever the order or the number of nodes changes, all of them
// stop for a moment: writes are closed, clients are cut off, everybody gets everything, and then all open again.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "plan/converge/passwords.hpp"
#include "plan/converge/planners.hpp"
#include "plan/semi_sync.hpp"
#include "plan/variables.hpp"

namespace repl::plan::converge {
namespace {

class Ring {
 public:
  explicit Ring(Draft& draft)
      : draft_(draft), plan_(draft.plan), wanted_(draft.wanted), nodes_(draft.checked.nodes), pauses_(must_pause()) {}

  void make() && {
    // The data of an empty node come from the seed.
    prepare(draft_, draft_.seed(), stays(draft_.seed()));
    if (!pauses_) rotate_passwords(draft_, draft_.seed());
    for (const auto& [id, node] : nodes_) {
      if (id != draft_.checked.seed) prepare(draft_, node, stays(node));
    }
    if (pauses_) {
      pause();
      for (const auto& [id, node] : nodes_) set_variables(draft_, node, auto_increment(wanted_, id));
    }
    for (const auto& [id, node] : nodes_) forget_own(draft_, node);
    // Nobody follows a source that is still to be reset, or that lacks an account.
    const auto ready = draft_.last_steps();
    for (const auto& [id, node] : nodes_) attach(node, ready);
    const auto has_all = pauses_ ? everybody_has_everything() : std::vector<Builder::Index>{};
    for (const auto& [id, node] : nodes_) open(node, has_all);
    accounts_through_the_binary_log(draft_, draft_.seed(), draft_.last_steps());
    if (!pauses_) settle_passwords(draft_, draft_.seed());
    for (const auto* node : leaving(draft_)) release(draft_, *node, has_all);
  }

 private:
  std::optional<NodeId> source_of(const NodeId& node) const { return wanted_.source_of(node, NodeId{}); }
  bool open_now(const Node& node) const { return node.now->read_only == ReadOnly::Off; }
  bool follows_right(const Node& node) const {
    return node.follows() && diagnose::source_node(draft_.known, *node.now->channel()) == source_of(node.id());
  }

  /// Nodes count otherwise than they will, or have never been a ring.
  bool must_pause() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      const auto wanted = auto_increment(wanted_, n.first);
      const bool counts_otherwise = std::any_of(wanted.begin(), wanted.end(), [&](const auto& variable) {
        return !same_value(value_before(*n.second.has, variable.first), variable.second);
      });
      return counts_otherwise || (draft_.first() && !follows_right(n.second));
    });
  }

  bool was_in_the_ring(const NodeId& node) const { return draft_.was_ring() && draft_.before->find(node) != nullptr; }
  /// A new node, or one that a tree has closed, is opened at the end.
  Stays stays(const Node& node) const {
    if (open_now(node) && !pauses_) return Stays::Open;
    return was_in_the_ring(node.id()) || node.id() == draft_.checked.seed ? Stays::Paused : Stays::Closed;
  }
  /// It had clients that counted as they must not any more.
  bool cuts_clients(const Node& node) const {
    return pauses_ && open_now(node) && (!node.empty() || node.attached()) && !node.now->offline_mode;
  }

  /// The nodes of the new ring are closed as they are prepared; here are those that leave.
  void pause() {
    std::vector<std::string> names;
    for (const auto& [id, node] : nodes_) {
      if (cuts_clients(node)) names.push_back(id.name);
    }
    for (const auto* node : leaving(draft_)) {
      if (node->read_only == ReadOnly::Off) {
        plan_.add(
            SetReadOnly{.node = node->node, .from = ReadOnly::Off, .to = ReadOnly::Super, .lock_wait = kPauseWithin});
        names.push_back(node->node.name);
      }
      if (node->semi_sync.replica_enabled) plan_.add(SetSemiSyncReplica{node->node, true, false});
      if (node->semi_sync.source_enabled) {
        // Nobody will follow it: its applier would wait for acknowledgements.
        plan_.add(semi_sync_source_off(*node));
      }
    }
    if (!names.empty()) {
      plan_.because(fmt::format("writes stop for a moment on {}: the steps in which nodes count their keys change",
                                fmt::join(names, ", ")));
    }
  }

  void attach(const Node& node, const std::vector<Builder::Index>& ready) {
    const auto& id = node.id();
    const auto source = source_of(id);
    if (!source || !nodes_.contains(*source)) return;
    const bool cloned = draft_.checked.to_clone.contains(id);
    const auto* channel = cloned ? nullptr : node.now->channel();
    if (channel != nullptr && channel->applier == ThreadState::Stopped && channel->applier_errno != 0) {
      plan_.because(fmt::format("{} is left where it is: its applier stopped at error {}", id, channel->applier_errno));
      return;
    }
    if (!cloned && follows_right(node)) {
      if (channel->receiver == ThreadState::Stopped || channel->applier == ThreadState::Stopped) {
        plan_.add(StartReplication{id});
      }
      return;
    }
    const auto follows = !cloned && node.follows() ? diagnose::source_node(draft_.known, *channel) : std::nullopt;
    plan_.add(FollowSource{.replica = id, .from = follows, .to = *source, .channel = wanted_.channel_name()}, ready);
  }

  std::vector<Builder::Index> everybody_has_everything() {
    std::vector<NodeId> order;
    for (const auto& spec : wanted_.nodes) {
      if (nodes_.contains(spec.id)) order.push_back(spec.id);
    }
    return drain_ring(draft_, order, draft_.last_steps());
  }

  void open(const Node& node, const std::vector<Builder::Index>& has_all) {
    const auto& id = node.id();
    const auto& now = *node.now;
    const bool cloned = draft_.checked.to_clone.contains(id);
    std::vector<Builder::Index> before = has_all;
    if (cuts_clients(node)) {
      // Cuts the clients: a session goes on counting as it began. Receivers are cut too, and come back within a second.
      plan_.add(SetOfflineMode{id, false, true}, has_all);
      before.push_back(plan_.add(SetOfflineMode{id, true, false}));
    }
    const bool waits = !cloned && now.semi_sync.source_enabled && stays(node) != Stays::Closed;
    if (wanted_.semi_sync() && !waits) {
      auto after = before;
      const auto attached = draft_.last_steps();
      after.insert(after.end(), attached.begin(), attached.end());
      after.push_back(plan_.add_beside(WaitForAckers{id, 1, kAckersTimeout}, after));
      before.push_back(plan_.add(SetSemiSyncSource{id, false, true, now.semi_sync.wait_for_count, 1}, after));
    } else if (!wanted_.semi_sync() && waits) {
      plan_.add(semi_sync_source_off(now));
    }
    if (open_now(node) && !pauses_ && !cloned) return;
    plan_.add(
        SetReadOnly{
            .node = id, .from = ReadOnly::Super, .to = ReadOnly::Off, .only_with_semi_sync = wanted_.semi_sync()},
        before);
    if (now.offline_mode) plan_.add(SetOfflineMode{id, true, false});
  }

  Draft& draft_;
  Builder& plan_;
  const Spec& wanted_;
  const std::map<NodeId, Node>& nodes_;
  const bool pauses_;
};

}  // namespace

void plan_ring(Draft& draft) {
  Ring{draft}.make();
}

}  // namespace repl::plan::converge

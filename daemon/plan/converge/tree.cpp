// source-replica. The primary goes on taking writes; it is opened last where it does not yet.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "plan/converge/passwords.hpp"
#include "plan/converge/planners.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan::converge {
namespace {

class Tree {
 public:
  explicit Tree(Draft& draft)
      : draft_(draft),
        plan_(draft.plan),
        wanted_(draft.wanted),
        primary_(draft.checked.seed),
        nodes_(draft.checked.nodes) {}

  void make() && {
    const auto& primary = nodes_.at(primary_);
    // A commit that waits for acknowledgements must find its replicas in order.
    // Without GTIDs one that begins where its source is now gets nothing that was written before.
    const bool waits =
        primary.now->read_only != ReadOnly::Off || primary.now->semi_sync.source_enabled || wanted_.by_position();
    if (commits_hang()) {
      free_the_donor();
    } else {
      expect_less(primary);
    }
    if (draft_.was_ring()) {
      close_writers_that_leave();
    } else {
      no_acknowledgements_from_those_who_leave();
    }
    const auto members_left = replicas_leave_the_group();
    // The data of an empty node come from one that is ready, so the sources are prepared first.
    const auto left = prepare(draft_, primary, Stays::Open);
    if (!leaves_group(primary)) rotate_passwords(draft_, primary);
    for (const auto* node : from_the_top()) prepare(draft_, *node, stays(*node), leaves_group(*node));
    // In a ring each waited for the next one.
    if (draft_.was_ring()) {
      draft_.expects_less = draft_.last_steps();
      no_acknowledgements_from_those_who_leave();
    }
    for (const auto& [id, node] : nodes_) acknowledge(draft_, node);
    if (draft_.checked.changes_to_gtids) change_to_gtids();
    const auto at_rest = pause(left);
    if (!waits) accounts_through_the_binary_log(draft_, primary, {});
    const auto has_all = draft_.was_ring() ? drained() : at_rest;
    for (const auto* node : from_the_top()) attach(*node, has_all);
    for (const auto& [id, node] : nodes_) count_one_by_one(draft_, node, has_all);
    const bool is_closed = leaves_group(primary) || !draft_.checked.to_place.empty() || commits_hang();
    open(primary, is_closed ? ReadOnly::Super : left, has_all, members_left);
    if (waits) accounts_through_the_binary_log(draft_, primary, draft_.last_steps());
    if (!leaves_group(primary)) settle_passwords(draft_, primary);
    for (const auto* node : leaving(draft_)) {
      if (node->channel() != nullptr) release(draft_, *node, {});
    }
    have_what_those_who_leave_acknowledged();
  }

 private:
  bool leaves_group(const Node& node) const { return draft_.was_group() && node.member(); }
  /// A member is closed by its group.
  Stays stays(const Node& node) const { return node.member() ? Stays::AsItIs : Stays::Closed; }

  /// By the spec; but nobody is put below a node that does not answer, for it may live and take a replica for the
  /// acknowledgement that its fence denies it, nor below one in quarantine. The primary takes its place; who follows a
  /// lost node already waits for it.
  std::optional<NodeId> source_of(const NodeId& node) const {
    const auto declared = wanted_.source_of(node, primary_);
    if (!declared || declared == primary_ || wanted_.by_position()) return declared;
    const auto found = nodes_.find(node);
    const bool lost = !nodes_.contains(*declared);
    const bool follows_it = found != nodes_.end() && found->second.follows() &&
                            diagnose::source_node(draft_.known, *found->second.now->channel()) == declared;
    const auto* seen = draft_.view.find(*declared);
    const bool keeps_its_own = seen != nullptr && seen->quarantined && !draft_.checked.to_clone.contains(*declared);
    return (lost && !follows_it) || keeps_its_own ? std::optional{primary_} : declared;
  }

  /// Acknowledgements to wait for in the end. A node that is down is no reason to give up what is in force.
  int acks(const Node& primary) const {
    if (!wanted_.semi_sync()) return 0;
    const auto present = static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      return n.first != primary_ && n.second.spec->delay.count() == 0 && source_of(n.first) == primary_;
    }));
    const auto& has = primary.now->semi_sync;
    const auto in_force = has.source_enabled ? std::min(has.wait_for_count, wanted_.acks_wanted(primary_)) : 0;
    return std::max(acks_to_wait_for(wanted_, primary_, present), in_force);
  }

  /// Who has left is not asked any more in a failover: what it alone has acknowledged must be on those that are.
  void have_what_those_who_leave_acknowledged() {
    if (!wanted_.semi_sync() || draft_.before == nullptr || !draft_.before->semi_sync()) return;
    bool acker_leaves = false;
    std::vector<Builder::Index> released;
    for (const auto& node : draft_.before->nodes) {
      const auto* now = draft_.view.reachable(node.id);
      if (wanted_.find(node.id) != nullptr || (now != nullptr && !now->semi_sync.replica_enabled)) continue;
      acker_leaves = true;
      if (const auto last = plan_.last_of(node.id)) released.push_back(*last);
    }
    if (!acker_leaves) return;
    for (const auto& [id, node] : nodes_) {
      const bool acks = id != primary_ && node.follows() && node.now->semi_sync.replica_enabled &&
                        node.spec->delay.count() == 0 && source_of(id) == primary_;
      if (acks) plan_.add(WaitForApplied{id, primary_, kDrainTimeout}, released);
    }
  }

  /// Nobody outside the topology may hold the only copy of an acknowledged commit.
  void no_acknowledgements_from_those_who_leave() {
    for (const auto* node : leaving(draft_)) {
      if (node->semi_sync.replica_enabled) plan_.add(SetSemiSyncReplica{node->node, true, false}, draft_.expects_less);
    }
  }

  /// In a ring they write: what they would take now would be with them alone.
  void close_writers_that_leave() {
    for (const auto* node : leaving(draft_)) {
      if (node->read_only == ReadOnly::Super) continue;
      plan_.add(
          SetReadOnly{.node = node->node, .from = node->read_only, .to = ReadOnly::Super, .lock_wait = kPauseWithin});
      // What it still applies would wait for an acknowledgement, and nobody will follow it.
      if (node->semi_sync.source_enabled) plan_.add(semi_sync_source_off(*node));
    }
  }

  /// Before any replica stops acknowledging: the other way round commits would hang.
  void expect_less(const Node& primary) {
    const auto& has = primary.now->semi_sync;
    const auto wanted = acks(primary);
    if (!has.source_enabled || wanted >= has.wait_for_count) return;
    draft_.expects_less = {plan_.add(SetSemiSyncSource{primary_, true, wanted_.semi_sync(), has.wait_for_count,
                                                       wanted_.semi_sync() ? wanted : has.wait_for_count})};
  }

  /// The primary stays until replicas follow it: it takes writes so long.
  std::vector<Builder::Index> replicas_leave_the_group() {
    std::vector<Builder::Index> out;
    if (!draft_.was_group()) return out;
    for (const auto& [id, node] : nodes_) {
      if (id != primary_ && node.member()) out.push_back(plan_.add(StopGroup{.node = id, .back = GroupStart::Join}));
    }
    for (const auto* node : leaving(draft_)) {
      if (node->member_state() != MemberState::Offline) out.push_back(plan_.add(StopGroup{.node = node->node}));
    }
    return out;
  }

  /// The members of the former ring have stopped writing (Stays::Closed), and the primary has what they wrote.
  std::vector<Builder::Index> drained() {
    // From the primary round to it again; those that are not in the ring any more are passed by.
    std::vector<NodeId> order;
    auto at = primary_;
    do {
      order.push_back(at);
      NodeId next = at;
      for (const auto& node : draft_.before->nodes) {
        if (draft_.before->source_of(node.id, at) == at) next = node.id;
      }
      at = next;
    } while (at != primary_ && order.size() <= draft_.before->nodes.size());
    std::vector<Builder::Index> closed;
    for (const auto& node : order) {
      const auto last = node == primary_ ? std::vector<Builder::Index>{} : draft_.last_step_of(node);
      closed.insert(closed.end(), last.begin(), last.end());
    }
    // One round is enough for the primary: each passes on what came before it.
    auto after = closed;
    for (std::size_t i = 2; i < order.size(); ++i) {
      after = {plan_.add(WaitForApplied{order[i], order[i - 1], kDrainTimeout}, after)};
    }
    after.push_back(plan_.add_beside(WaitForApplied{primary_, order.back(), kDrainTimeout}, after));
    return after;
  }

  /// Tried on 9.7: a clone waits for commits of its donor that wait for an acknowledgement, and without GTIDs it may be
  /// that only a clone can give one.
  bool commits_hang() const {
    return wanted_.by_position() && !draft_.checked.to_clone.empty() &&
           nodes_.at(primary_).now->semi_sync.wait_sessions > 0;
  }

  /// Their clients are cut off without an answer, so nobody is told that what only the primary has is safe. It is
  /// opened again when a clone acknowledges.
  void free_the_donor() {
    plan_.add(CloseReturned{primary_});
    plan_.add(SetOfflineMode{primary_, true, false});
    plan_.because(
        fmt::format("commits on {} wait for an acknowledgement, and a clone would wait for them: their clients "
                    "are cut off, and it takes no writes until a clone follows it",
                    primary_));
  }

  /// Writers never wait: first every server takes transactions with and without GTIDs, then every new one gets one, and
  /// when none without is left anywhere, they must.
  void change_to_gtids() {
    const auto replicas = from_the_top();
    std::vector<const Node*> all{&nodes_.at(primary_)};
    all.insert(all.end(), replicas.begin(), replicas.end());
    for (const auto* node : all) enforce_gtid_consistency(draft_, *node, "OFF", "WARN");
    for (const auto* node : all) enforce_gtid_consistency(draft_, *node, "WARN", "ON");
    use_gtids(draft_, all, GtidMode::OffPermissive, draft_.last_steps());
    use_gtids(draft_, all, GtidMode::OnPermissive, draft_.last_steps());
    auto after = draft_.last_steps();
    for (const auto* node : all) plan_.add(WaitForGtids{node->id(), kGtidsTimeout}, after);
    after = draft_.last_steps();
    for (const auto* node : replicas) {
      // What was written without is applied: by each when its source has it.
      after = {plan_.add(
          WaitForApplied{node->id(), *wanted_.source_of(node->id(), primary_), kDrainTimeout + node->spec->delay},
          after)};
    }
    use_gtids(draft_, all, GtidMode::On, draft_.last_steps());
    after = draft_.last_steps();
    for (const auto* node : replicas) {
      // One after the other: each is away for a moment, in which others acknowledge.
      const auto source = *wanted_.source_of(node->id(), primary_);
      after = {plan_.add(FollowSource{.replica = node->id(), .from = source, .to = source, .delay = node->spec->delay},
                         after, Must::BestEffort)};
    }
    plan_.because("gtid_mode goes through its permissive values while writes go on; each step can be taken back");
  }

  /// Without GTIDs: nobody writes, and everybody has applied everything, so that the end of a log is a place that all
  /// have in common. The steps after which that is so; the primary is opened at the end of the plan.
  std::vector<Builder::Index> pause(ReadOnly left) {
    if (draft_.checked.to_place.empty()) return {};
    std::vector<Builder::Index> after;
    if (left != ReadOnly::Super) {
      after = {
          plan_.add(SetReadOnly{.node = primary_, .from = left, .to = ReadOnly::Super, .lock_wait = kPauseWithin})};
    } else if (const auto last = plan_.last_of(primary_)) {
      after = {*last};
    }
    std::vector<const Node*> attached;
    for (const auto& [id, node] : nodes_) {
      if (id != primary_ && node.follows() && !draft_.checked.to_clone.contains(id) && node.spec->delay.count() == 0) {
        attached.push_back(&node);
      }
    }
    const auto depth = [&](const Node* node) { return hops(node->id()); };
    std::stable_sort(attached.begin(), attached.end(),
                     [&](const Node* a, const Node* b) { return depth(a) < depth(b); });
    for (const auto* node : attached) {
      if (const auto source = diagnose::source_node(draft_.known, *node->now->channel())) {
        after.push_back(plan_.add(WaitForApplied{node->id(), *source, kDrainTimeout}, after));
      }
    }
    if (!attached.empty()) plan_.because("writes pause for a moment: without GTIDs a replica is moved only meanwhile");
    return after;
  }

  /// How far below the primary it is now.
  int hops(NodeId node) const {
    int out = 0;
    for (; node != primary_ && out <= static_cast<int>(draft_.known.nodes.size()); ++out) {
      const auto* now = draft_.view.reachable(node);
      if (now == nullptr || now->channel() == nullptr) return out;
      const auto source = diagnose::source_node(draft_.known, *now->channel());
      if (!source) return out;
      node = *source;
    }
    return out;
  }

  /// The nodes beside the primary, sources before those that follow them.
  std::vector<const Node*> from_the_top() const {
    const auto depth = [&](NodeId node) {
      int hops = 0;
      while (const auto source = source_of(node)) {
        node = *source;
        ++hops;
      }
      return hops;
    };
    std::vector<const Node*> out;
    for (const auto& [id, node] : nodes_) {
      if (id != primary_) out.push_back(&node);
    }
    std::stable_sort(out.begin(), out.end(),
                     [&](const Node* a, const Node* b) { return depth(a->id()) < depth(b->id()); });
    return out;
  }

  void attach(const Node& node, const std::vector<Builder::Index>& has_all) {
    const auto& id = node.id();
    const auto source = source_of(id);
    if (!source) return;
    if (source != wanted_.source_of(id, primary_)) {
      plan_.because(fmt::format("{} follows {} for now: {} does not answer or is in quarantine", id, *source,
                                *wanted_.source_of(id, primary_)));
    }
    const bool cloned = draft_.checked.to_clone.contains(id);
    const auto* channel = cloned ? nullptr : node.now->channel();
    const bool follows_now = !cloned && node.follows();
    auto follows = follows_now ? diagnose::source_node(draft_.known, *channel) : std::nullopt;
    const bool right =
        (follows_now && follows == source && channel->delay == node.spec->delay) || draft_.checked.changes_to_gtids;
    if (follows_now && channel->applier == ThreadState::Stopped && channel->applier_errno != 0) {
      if (!right) {
        plan_.because(
            fmt::format("{} is left where it is: its applier stopped at error {}", id, channel->applier_errno));
      }
      return;
    }
    forget_own(draft_, node);
    if (draft_.checked.changes_to_gtids) return;
    if (!right && wanted_.by_position() && !cloned && !draft_.checked.to_place.contains(id)) {
      // It goes on where it was. Taken back, it stays attached: with the channel its place would be lost.
      if (channel == nullptr || !diagnose::has_place_in_log_of(*source, *channel, draft_.view)) return;
      follows = source;
    }
    if (!right) {
      // The source's replication account must be there first: all that was prepared on it.
      auto after = draft_.expects_less;
      if (const auto last = plan_.last_of(*source)) after.push_back(*last);
      after.insert(after.end(), has_all.begin(), has_all.end());
      plan_.add(FollowSource{.replica = id,
                             .from = follows,
                             .to = *source,
                             .delay = node.spec->delay,
                             .delay_before = follows_now ? std::optional{channel->delay} : std::nullopt},
                after);
    } else if (channel->receiver == ThreadState::Stopped || channel->applier == ThreadState::Stopped) {
      plan_.add(StartReplication{id});
    }
  }

  /// @param from  what it is by then: super-read-only when it was opened for its own account, or has left its group
  void open(const Node& primary, ReadOnly from, const std::vector<Builder::Index>& has_all,
            std::vector<Builder::Index> members_left) {
    const auto& now = *primary.now;
    const auto wanted = acks(primary);
    const bool all_first = !draft_.checked.to_place.empty() || commits_hang();
    auto before_opening = all_first ? draft_.last_steps() : std::vector<Builder::Index>{};
    const bool source_enabled = now.semi_sync.source_enabled && !commits_hang();
    if (wanted_.semi_sync() && (!source_enabled || now.semi_sync.wait_for_count < wanted)) {
      // Only once replicas are there to acknowledge: with none, every commit would hang.
      auto after = draft_.last_steps();
      after.push_back(plan_.add_beside(WaitForAckers{primary_, wanted, kAckersTimeout}, after));
      before_opening.push_back(
          plan_.add(SetSemiSyncSource{primary_, source_enabled, true, now.semi_sync.wait_for_count, wanted}, after));
    }
    if (leaves_group(primary)) {
      members_left.insert(members_left.end(), before_opening.begin(), before_opening.end());
      before_opening.push_back(
          plan_.add(StopGroup{.node = primary_, .back = GroupStart::Bootstrap}, std::move(members_left)));
    }
    if (now.channel() != nullptr) forget_source(draft_, primary, has_all);
    if (from != ReadOnly::Off) {
      const auto step = plan_.add(
          SetReadOnly{.node = primary_, .from = from, .to = ReadOnly::Off, .only_with_semi_sync = wanted_.semi_sync()},
          before_opening);
      if (now.offline_mode) plan_.add(SetOfflineMode{primary_, true, false}, {step});
    }
  }

  Draft& draft_;
  Builder& plan_;
  const Spec& wanted_;
  const NodeId& primary_;
  const std::map<NodeId, Node>& nodes_;
};

}  // namespace

void plan_tree(Draft& draft) {
  Tree{draft}.make();
}

void release(Draft& draft, const Snapshot& node, std::vector<Builder::Index> after) {
  const auto* channel = node.channel();
  if (channel == nullptr) return;
  const auto known = draft.before == nullptr ? std::nullopt : diagnose::source_node(*draft.before, *channel);
  draft.plan.add(ForgetSource{node.node, known.value_or(NodeId{}), channel->delay, channel->name}, std::move(after),
                 Must::BestEffort);
}

std::vector<Builder::Index> drain_ring(Draft& draft, const std::vector<NodeId>& order,
                                       std::vector<Builder::Index> after) {
  // Twice round, less two hops: then the last one has passed on what the first one wrote to everybody.
  const auto n = order.size();
  for (std::size_t hop = 1; hop + 1 < 2 * n; ++hop) {
    after = {draft.plan.add_beside(WaitForApplied{order[hop % n], order[(hop - 1) % n], kDrainTimeout}, after)};
  }
  return after;
}

}  // namespace repl::plan::converge

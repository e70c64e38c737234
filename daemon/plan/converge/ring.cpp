// source-source and circular. Two nodes that count their automatic keys in other steps must never write at the same
// time, and a session keeps the steps it began with. So whenever the order or the number of nodes changes, all of them
// stop for a moment: writes are closed, clients are cut off, everybody gets everything, and then all open again.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

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
    expect_nothing();
    for (const auto& [id, node] : nodes_) {
      if (const auto caught_up = take_off_delay(draft_, node)) draft_.closes_after.push_back(*caught_up);
    }
    replication_account_first(draft_, draft_.seed());
    if (draft_.was_ring()) close_gaps(draft_);
    let_newcomers_catch_up();
    // The data of an empty node come from the seed.
    prepare(draft_, draft_.seed(), stays(draft_.seed()));
    if (!pauses_) rotate_passwords(draft_, draft_.seed());
    for (const auto& [id, node] : nodes_) {
      if (id != draft_.checked.seed && !is_newcomer(node)) prepare(draft_, node, stays(node));
    }
    for (const auto& [id, node] : nodes_) {
      if (!is_newcomer(node)) acknowledge(draft_, node);
    }
    if (pauses_) {
      pause();
      for (const auto& [id, node] : nodes_) set_variables(draft_, node, auto_increment(wanted_, id));
    } else {
      for (const auto* node : leaving(draft_)) close_leaving(draft_, *node);
    }
    const auto passed_on = those_who_stay_have_what_others_wrote();
    for (const auto& [id, node] : nodes_) {
      if (!is_newcomer(node)) forget_own(draft_, node);
    }
    // Nobody follows a source that is still to be reset, or that lacks an account.
    auto ready = draft_.last_steps();
    ready.insert(ready.end(), passed_on.begin(), passed_on.end());
    for (const auto& [id, node] : nodes_) {
      if (!is_newcomer(node)) attach(node, ready);
      if (moves_later_.contains(id)) {
        plan_.add(FollowSource{.replica = id, .from = draft_.checked.seed, .to = *source_of(id)}, ready);
      }
      // Before, it would acknowledge what nobody in the ring has yet, and be asked by nobody when it does not stay.
      if (is_newcomer(node)) acknowledge(draft_, node, ready);
    }
    const auto has_all = pauses_ ? everybody_has_everything() : std::vector<Builder::Index>{};
    std::map<NodeId, std::vector<Builder::Index>> before_opening;
    for (const auto& [id, node] : nodes_) before_opening[id] = make_ready_to_open(node, has_all);
    open(draft_.seed(), before_opening.at(draft_.checked.seed), Must::Succeed);
    accounts_through_the_binary_log(draft_, draft_.seed(), draft_.last_steps());
    if (!pauses_) settle_passwords(draft_, draft_.seed());
    const auto all_done = draft_.all_last_steps();
    for (const auto* node : leaving(draft_)) {
      if (!pauses_ && node->semi_sync.replica_enabled) {
        // Others acknowledge in its place.
        plan_.add(SetSemiSyncReplica{node->node, true, false}, all_done);
      }
      release(draft_, *node, all_done);
    }
    // What another node has acknowledged would be with it alone when the plan was taken back: they open when nothing is
    // left that may fail, and one that does not open then is found closed, and opened.
    const auto nothing_may_fail = all_that_must_succeed();
    for (const auto& [id, node] : nodes_) {
      if (id == draft_.checked.seed) continue;
      auto& before = before_opening.at(id);
      before.insert(before.end(), nothing_may_fail.begin(), nothing_may_fail.end());
      open(node, before, Must::BestEffort);
    }
  }

 private:
  std::optional<NodeId> source_of(const NodeId& node) const { return wanted_.source_of(node, NodeId{}); }
  std::optional<NodeId> next_of(const NodeId& node) const {
    for (const auto& [id, other] : nodes_) {
      if (source_of(id) == node) return id;
    }
    return std::nullopt;
  }
  bool open_now(const Node& node) const { return node.now->read_only == ReadOnly::Off; }
  bool follows_right(const Node& node) const {
    return node.follows() && source_now(draft_, *node.now) == source_of(node.id());
  }

  bool must_pause() const { return counts_otherwise() || writer_leaves(); }
  /// Its keys may be those that another will give.
  bool writer_leaves() const {
    const auto nodes = leaving(draft_);
    return std::any_of(nodes.begin(), nodes.end(), [](const auto* node) { return node->read_only == ReadOnly::Off; });
  }
  /// Nodes count otherwise than they will, or have never been a ring.
  bool counts_otherwise() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      const auto wanted = auto_increment(wanted_, n.first);
      const bool differs = std::any_of(wanted.begin(), wanted.end(), [&](const auto& variable) {
        return !same_value(value_before(*n.second.has, variable.first), variable.second);
      });
      return differs || (draft_.first() && !follows_right(n.second));
    });
  }

  /// The server, whatever its name was.
  bool was_in_the_ring(const NodeId& node) const {
    return draft_.was_ring() && draft_.before->find(wanted_.find(node)->address) != nullptr;
  }
  /// A new node, or one that a tree has closed, is opened at the end.
  Stays stays(const Node& node) const {
    if (open_now(node) && !pauses_) return Stays::Open;
    return was_in_the_ring(node.id()) || node.id() == draft_.checked.seed ? Stays::Paused : Stays::Closed;
  }
  /// It had clients that counted as they must not any more.
  bool cuts_clients(const Node& node) const {
    return pauses_ && open_now(node) && (!node.empty() || node.attached()) && !node.now->offline_mode;
  }

  bool waits_now(const Node& node) const {
    return !draft_.checked.to_clone.contains(node.id()) && node.now->semi_sync.source_enabled &&
           stays(node) != Stays::Closed;
  }

  /// It comes to a ring that runs, from outside.
  bool is_newcomer(const Node& node) const {
    return draft_.was_ring() && !was_in_the_ring(node.id()) && !node.attached() && node.id() != draft_.checked.seed;
  }

  /// They get their data before the ring stops for them.
  void let_newcomers_catch_up() {
    for (const auto& spec : wanted_.nodes) {
      const auto found = nodes_.find(spec.id);
      if (found == nodes_.end() || !is_newcomer(found->second)) continue;
      const auto& node = found->second;
      prepare(draft_, node, Stays::Closed);
      forget_own(draft_, node);
      const auto source = nodes_.find(*source_of(spec.id));
      // Another newcomer may not have its data yet.
      const auto from = source == nodes_.end() || is_newcomer(source->second) ? draft_.checked.seed : source->first;
      plan_.add(FollowSource{.replica = spec.id, .from = std::nullopt, .to = from, .channel = wanted_.channel_name()});
      draft_.closes_after.push_back(plan_.add(WaitForApplied{spec.id, from, kCatchUpTimeout}));
      if (from != *source_of(spec.id)) moves_later_.insert(spec.id);
    }
  }

  /// Before any node stops acknowledging: the other way round the commits of the one before it would hang.
  void expect_nothing() {
    if (wanted_.semi_sync()) return;
    for (const auto& [id, node] : nodes_) {
      if (waits_now(node)) draft_.expects_less.push_back(plan_.add(semi_sync_source_off(*node.now)));
    }
  }

  /// The nodes of the new ring are closed as they are prepared; here are those that leave.
  void pause() {
    std::vector<std::string> names;
    auto closed = draft_.last_steps();
    for (const auto& [id, node] : nodes_) {
      if (cuts_clients(node)) names.push_back(id.name);
    }
    for (const auto* node : leaving(draft_)) {
      close_leaving(draft_, *node);
      const auto last = draft_.last_step_of(node->node);
      closed.insert(closed.end(), last.begin(), last.end());
      if (node->read_only == ReadOnly::Off) names.push_back(node->node.name);
    }
    for (const auto& [id, node] : nodes_) {
      // Nobody writes now, and what a node still applies its next one may have already: it would not acknowledge that.
      if (wanted_.semi_sync() && waits_now(node)) plan_.add(semi_sync_source_off(*node.now), closed);
    }
    for (const auto* node : leaving(draft_)) {
      // The one before it may wait for its acknowledgements until then.
      if (node->semi_sync.replica_enabled) plan_.add(SetSemiSyncReplica{node->node, true, false}, closed);
    }
    if (!names.empty()) {
      plan_.because(fmt::format("writes stop for a moment on {}: {}", fmt::join(names, ", "),
                                counts_otherwise() ? "the steps in which nodes count their keys change"
                                                   : "what a node that leaves has written is passed on first"));
    }
  }

  /// Before anybody follows another: what a node that leaves wrote is nowhere else until its next one has it.
  std::vector<Builder::Index> those_who_stay_have_what_others_wrote() {
    if (!draft_.was_ring()) return {};
    const auto nodes = leaving(draft_);
    const auto leaves = [&](const NodeId& id) {
      return std::any_of(nodes.begin(), nodes.end(), [&](const auto* node) { return node->node == id; });
    };
    const auto order = ring_from(draft_, draft_.checked.seed);
    std::vector<Builder::Index> after;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto& next = order[(i + 1) % order.size()];
      if (!leaves(order[i]) || next == order[i]) continue;
      // Of several in a row each passes on what came before it.
      if (after.empty()) after = draft_.all_last_steps();
      after = {plan_.add_beside(WaitForApplied{next, order[i], kDrainTimeout}, after)};
    }
    return after;
  }

  /// A replica of before has a channel without a name, and a channel gets one only when it is made. Nobody writes now.
  bool gets_a_name(const Node& node) const {
    if (!pauses_ || draft_.first() || draft_.was_ring() || !node.follows()) return false;
    const auto& channel = *node.now->channel();
    const auto source = source_now(draft_, *node.now);
    return channel.name.empty() && channel.delay.count() == 0 && source && draft_.view.reachable(*source) != nullptr;
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
    if (!cloned && gets_a_name(node)) {
      const auto from = *source_now(draft_, *node.now);
      plan_.add(WaitForApplied{id, from, kDrainTimeout}, ready);
      plan_.add(ForgetSource{id, from, channel->delay, channel->name});
      plan_.add(FollowSource{.replica = id, .from = std::nullopt, .to = *source, .channel = wanted_.channel_name()},
                ready);
      return;
    }
    if (!cloned && follows_right(node)) {
      if (channel->receiver == ThreadState::Stopped || channel->applier == ThreadState::Stopped) {
        plan_.add(StartReplication{id});
      }
      return;
    }
    const auto follows = !cloned && node.follows() ? source_now(draft_, *node.now) : std::nullopt;
    plan_.add(FollowSource{.replica = id, .from = follows, .to = *source, .channel = wanted_.channel_name()}, ready);
  }

  std::vector<Builder::Index> everybody_has_everything() {
    std::vector<NodeId> order;
    for (const auto& spec : wanted_.nodes) {
      if (nodes_.contains(spec.id)) order.push_back(spec.id);
    }
    return drain_ring(draft_, order, draft_.last_steps());
  }

  std::vector<Builder::Index> all_that_must_succeed() const {
    std::vector<Builder::Index> out;
    for (Builder::Index i = 0; i < plan_.steps().size(); ++i) {
      if (!plan_.steps()[i].best_effort) out.push_back(i);
    }
    return out;
  }

  /// The steps after which it may take writes.
  std::vector<Builder::Index> make_ready_to_open(const Node& node, const std::vector<Builder::Index>& has_all) {
    const auto& id = node.id();
    const auto& now = *node.now;
    std::vector<Builder::Index> before = has_all;
    if (cuts_clients(node)) {
      // Cuts the clients: a session goes on counting as it began. Receivers are cut too, and come back within a second.
      plan_.add(SetOfflineMode{id, false, true}, has_all);
      before.push_back(plan_.add(SetOfflineMode{id, true, false}));
    }
    if (wanted_.semi_sync() && (pauses_ || !waits_now(node))) {
      auto after = before;
      const auto attached = draft_.last_steps();
      after.insert(after.end(), attached.begin(), attached.end());
      after.push_back(plan_.add_beside(WaitForAckers{id, 1, kAckersTimeout}, after));
      // Of what the next node has already it acknowledges nothing.
      const auto next = next_of(id);
      if (next && !pauses_) after.push_back(plan_.add_beside(WaitForApplied{id, *next, kDrainTimeout}, after));
      before.push_back(plan_.add(SetSemiSyncSource{id, false, true, now.semi_sync.wait_for_count, 1}, after));
    }
    return before;
  }

  void open(const Node& node, const std::vector<Builder::Index>& before, Must must) {
    const auto& id = node.id();
    if (open_now(node) && !pauses_ && !draft_.checked.to_clone.contains(id)) return;
    plan_.add(
        SetReadOnly{
            .node = id, .from = ReadOnly::Super, .to = ReadOnly::Off, .only_with_semi_sync = wanted_.semi_sync()},
        before, must);
    if (node.now->offline_mode) plan_.add(SetOfflineMode{id, true, false}, {}, must);
  }

  Draft& draft_;
  Builder& plan_;
  const Spec& wanted_;
  const std::map<NodeId, Node>& nodes_;
  const bool pauses_;
  std::set<NodeId> moves_later_;  ///< Newcomers that follow the seed until the node before them has its data.
};

}  // namespace

void plan_ring(Draft& draft) {
  Ring{draft}.make();
}

}  // namespace repl::plan::converge

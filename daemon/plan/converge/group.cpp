// Group replication. A group that runs is joined; one that does not is started from the node whose data all get.
// Members join one after the other: several at once hold each other up in the choice of donors.
#include <algorithm>

#include "plan/converge/passwords.hpp"
#include "plan/converge/planners.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan::converge {
namespace {

class Group {
 public:
  explicit Group(Draft& draft)
      : draft_(draft),
        plan_(draft.plan),
        wanted_(draft.wanted),
        nodes_(draft.checked.nodes),
        seed_(draft.checked.seed) {}

  void make() && {
    const auto& seed = draft_.seed();
    const bool runs = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& n) { return n.second.member(); });
    const auto has_all = draft_.was_ring() ? close_ring() : std::vector<Builder::Index>{};
    draft_.expects_less = has_all;
    if (seed.now->semi_sync.source_enabled) {
      // Replicas of before leave it now; the group agrees on commits in its own way.
      draft_.expects_less.push_back(plan_.add(semi_sync_source_off(*seed.now)));
    }
    const bool joins = runs && !seed.member();  // it is prepared with the others then
    auto was = ReadOnly::Super;
    if (!joins) {
      was = prepare(draft_, seed, seed.member() ? Stays::AsItIs : Stays::Open);
      acknowledge(draft_, seed);
    }
    if (seed.member()) {
      replication_account_first(draft_, seed);
      rotate_passwords(draft_, seed);
    }
    auto last = runs ? change_mode() : start(seed, has_all, was);
    last.insert(last.end(), draft_.login_is_known.begin(), draft_.login_is_known.end());
    for (const auto& spec : wanted_.nodes) {
      const auto found = nodes_.find(spec.id);
      if (found == nodes_.end() || spec.id == seed_) continue;
      if (found->second.member()) {
        prepare(draft_, found->second, Stays::AsItIs);
        acknowledge(draft_, found->second);
      } else {
        last = {join(found->second, last)};
      }
    }
    if (joins) last = {join(seed, last)};
    for (const auto& [id, node] : nodes_) count_one_by_one(draft_, node, last);
    accounts_through_the_binary_log(draft_, seed, last);
    if (seed.member()) settle_passwords(draft_, seed);
    leave(last);
  }

 private:
  bool multi() const { return wanted_.topology == TopologyType::GroupMultiPrimary; }

  /// All but the seed stop writing, and the seed gets what they wrote.
  std::vector<Builder::Index> close_ring() {
    std::vector<Builder::Index> closed;
    std::vector<NodeId> order;
    for (const auto& spec : draft_.before->nodes) {
      const auto found = nodes_.find(spec.id);
      if (found == nodes_.end()) continue;
      order.push_back(spec.id);
      if (found->second.now->read_only == ReadOnly::Off && spec.id != seed_) {
        closed.push_back(plan_.add(SetReadOnly{spec.id, ReadOnly::Off, ReadOnly::Super}));
      }
    }
    return order.size() < 2 ? closed : drain_ring(draft_, order, closed);
  }

  /// @param was  what the seed is by then
  std::vector<Builder::Index> start(const Node& seed, std::vector<Builder::Index> after, ReadOnly was) {
    if (seed.now->channel() != nullptr) forget_source(draft_, seed, after);
    const auto started =
        plan_.add(StartGroup{.node = seed_, .how = GroupStart::Bootstrap, .from = was}, std::move(after));
    if (seed.now->offline_mode) plan_.add(SetOfflineMode{seed_, true, false});
    return {started};
  }

  /// The step after which the node is a member.
  Builder::Index join(const Node& node, std::vector<Builder::Index> after) {
    const auto& id = node.id();
    const bool cloned = draft_.checked.to_clone.contains(id);
    const bool detaches = node.follows() && !cloned;
    // It has all it received applied; the group gives it the rest.
    if (detaches) forget_source(draft_, node, after);
    prepare(draft_, node, Stays::Closed, detaches);
    acknowledge(draft_, node);
    forget_own(draft_, node);
    const auto joined = plan_.add(StartGroup{.node = id, .how = GroupStart::Join}, std::move(after));
    if (node.now->offline_mode) plan_.add(SetOfflineMode{id, true, false});
    return joined;
  }

  /// Told to the members of now: those that join come with the new mode. All of them must be ONLINE.
  std::vector<Builder::Index> change_mode() {
    const Node* teller = draft_.seed().member() ? &draft_.seed() : nullptr;
    for (const auto& [id, node] : nodes_) {
      if (teller == nullptr && node.member()) teller = &node;
    }
    if (teller == nullptr || teller->now->group.single_primary != multi()) return {};
    return {plan_.add(SetGroupMode{teller->id(), !multi(), multi()})};
  }

  void leave(const std::vector<Builder::Index>& after) {
    for (const auto* node : leaving(draft_)) {
      if (node->member_state() != MemberState::Offline) {
        plan_.add(StopGroup{.node = node->node}, after);
      } else {
        release(draft_, *node, after);
      }
    }
  }

  Draft& draft_;
  Builder& plan_;
  const Spec& wanted_;
  const std::map<NodeId, Node>& nodes_;
  const NodeId& seed_;
};

}  // namespace

void plan_group(Draft& draft) {
  Group{draft}.make();
}

}  // namespace repl::plan::converge

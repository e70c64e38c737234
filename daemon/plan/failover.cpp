// Planning a failover.
#include "plan/failover.hpp"

#include <algorithm>

#include "diagnose/facts.hpp"
#include "plan/hooks.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan {
namespace {

/// Draining may take as long as the backlog that maxLag allows, and some.
std::chrono::milliseconds drain_limit(const Spec& spec) {
  return spec.failover.max_lag + std::chrono::seconds{30};
}

bool holds_all(const Positions& positions, const GtidSet& needed) {
  return std::any_of(positions.begin(), positions.end(), [&](const auto& p) { return p.second.contains(needed); });
}

/// Where no replica has all that earlier terms acknowledged, a closed node without a source may: the primary of before,
/// which was not attached yet. Its history stands still, so its snapshot is its position.
Positions with_closed_nodes(const Spec& spec, const Office& office, const View& view, Positions positions) {
  if (!spec.waits_for_acks() || holds_all(positions, office.inherited)) return positions;
  for (const auto& node : spec.nodes) {
    const auto* now = view.reachable(node.id);
    if (now == nullptr || node.id == office.primary || now->read_only != ReadOnly::Super) continue;
    if (now->channel() == nullptr && now->executed.contains(office.inherited)) positions[node.id] = now->executed;
  }
  return positions;
}

Result<void> check_inheritance(const Spec& spec, const Office& office, const Positions& positions) {
  if (!spec.waits_for_acks() || holds_all(positions, office.inherited)) return {};
  return fail(ErrorCode::QuorumMissing,
              "{}: no reached node has all that was acknowledged before {} came into office (term {}). Bring {} or "
              "another node that has it back, or decide by hand",
              spec.cluster, *office.primary, office.term.number, *office.primary);
}

bool is_delayed(const Spec& spec, const NodeId& node) {
  const auto* declared = spec.find(node);
  return declared != nullptr && declared->delay.count() > 0;
}

/// A node in quarantine, or one that is delayed since it acknowledged, has been heard only if all else that it has is
/// known from nodes that may be followed at once: what it alone holds stays with it.
bool is_heard(const NodeId& node, const Spec& spec, const View& view, const Positions& positions) {
  const auto found = positions.find(node);
  if (found == positions.end()) return false;
  const auto* seen = view.find(node);
  const bool keeps_its_own = seen != nullptr && seen->has_its_own();
  if (!keeps_its_own && !is_delayed(spec, node)) return true;
  GtidSet elsewhere = keeps_its_own ? seen->errant.value_or(GtidSet{}) : GtidSet{};
  for (const auto& [other, position] : positions) {
    const auto* other_seen = view.find(other);
    const bool follows_at_once = other_seen != nullptr && !other_seen->has_its_own() && !is_delayed(spec, other);
    if (follows_at_once) elsewhere = unite(elsewhere, position);
  }
  return elsewhere.contains(found->second);
}

Result<void> check_quorum(const Spec& spec, const Office& office, const View& view, const Positions& positions) {
  const auto needed = diagnose::quorum(office.ackers.size(), office.acks);
  const auto reached = static_cast<int>(std::count_if(
      office.ackers.begin(), office.ackers.end(), [&](const NodeId& n) { return is_heard(n, spec, view, positions); }));
  if (const auto foreign = diagnose::count_facts(spec, office, view).foreign_ackers; needed > 0 && foreign > 0) {
    return fail(
        ErrorCode::QuorumMissing,
        "{}: {} semi-sync replica{} of {} {} not in the topology, and may alone have what was acknowledged. Look "
        "there first",
        spec.cluster, foreign, foreign == 1 ? "" : "s", *office.primary, foreign == 1 ? "is" : "are");
  }
  if (reached < needed) {
    std::string missing;
    for (const auto& node : office.ackers) {
      if (!is_heard(node, spec, view, positions)) missing += (missing.empty() ? "" : ", ") + node.name;
    }
    return fail(ErrorCode::QuorumMissing,
                "{}: commits acknowledged by {} may be on it alone: {} of {} ackers were reached, {} are needed "
                "({} acks). Bring it back; what a node in quarantine or a delayed one alone has must be saved by hand",
                spec.cluster, missing, reached, office.ackers.size(), needed, office.acks);
  }
  if (static_cast<int>(positions.size()) < spec.failover.min_replicas) {
    return fail(ErrorCode::NotPromotable, "{}: {} replicas are reachable, minReplicas is {}", spec.cluster,
                positions.size(), spec.failover.min_replicas);
  }
  return {};
}

/// Reachable nodes that replicate from the old primary directly, or did and are pointed away.
std::vector<NodeId> to_detach(const Spec& spec, const Office& office, const View& view) {
  std::vector<NodeId> out;
  for (const auto& node : spec.nodes) {
    if (node.id == office.primary) continue;
    const auto* now = view.reachable(node.id);
    if (now == nullptr || now->channel() == nullptr) continue;
    const bool away = is_detached(*now->channel());
    const bool direct = diagnose::source_node(spec, *now->channel()) == office.primary;
    const bool was_direct =
        away && spec.source_of(node.id, *office.primary) == office.primary &&
        (!spec.by_position() || diagnose::has_place_in_log_of(*office.primary, *now->channel(), view));
    if (direct || was_direct) out.push_back(node.id);
  }
  return out;
}

/// Writes wait for the slowest of the others at most so long; who needs longer is cloned anew.
constexpr std::chrono::milliseconds kFollowersDrain{10'000};

/// Without GTIDs a replica follows the candidate only when it has applied exactly as much, before that one opens.
bool applies_what_it_received(Builder& plan, const NodeSpec& node, const NodeId& candidate, const Spec& spec,
                              const View& view, const Positions& detached) {
  const auto position = detached.find(node.id);
  const auto* now = view.reachable(node.id);
  if (now == nullptr || position == detached.end() || view.find(node.id)->has_its_own()) return false;
  const auto behind = subtract(detached.at(candidate), position->second);
  if (!behind.empty() || node.delay.count() > 0 || spec.source_of(node.id, candidate) != candidate) {
    const auto why = !behind.empty()          ? fmt::format("has received {} less", how_much(behind))
                     : node.delay.count() > 0 ? std::string{"is delayed"}
                                              : std::string{"should follow another node"};
    plan.because(fmt::format("{} {} and cannot follow {} without GTIDs: it is left detached, to be cloned", node.id,
                             why, candidate));
    return false;
  }
  plan.add(ApplyReceived{node.id, position->second, kFollowersDrain}, {}, Must::BestEffort);
  return true;
}

}  // namespace

Result<Fence> judge_fence(const Spec& spec, const Office& office, const View& view) {
  const auto* seen = view.find(*office.primary);
  const bool refused = seen != nullptr && seen->latest && seen->latest->reach == Reach::Refused;
  if (refused && office.returns_read_only) {
    return Fence{0, fmt::format("{} is dead (connection refused) and comes back read-only", *office.primary)};
  }
  if (spec.failover.fencing == FencingMode::Hook) {
    return Fence{0, fmt::format("the preFailover hooks make sure that {} is off, before anybody else is opened",
                                *office.primary)};
  }
  const auto needed = diagnose::quorum(office.ackers.size(), office.acks);
  // Semi-sync is not persisted: a server that comes back writable acknowledges alone.
  if (office.returns_read_only && office.commits_wait && spec.waits_for_acks() &&
      spec.failover.fencing != FencingMode::None && needed > 0) {
    return Fence{needed, fmt::format("{} gets no acknowledgement once {} of its {} ackers are pointed away",
                                     *office.primary, needed, office.ackers.size())};
  }
  if (spec.failover.fencing == FencingMode::None) {
    return Fence{0, "fencing is `none`: two writers are possible, as declared"};
  }
  return fail(
      ErrorCode::NotFenced,
      "{}: {} does not answer but may still take writes, and nothing keeps it from that: its commits did not "
      "wait for replicas when it last answered. Make sure that it is off, or restart it; semi-sync with "
      "`onTooFewReplicas: wait` gives a fence without an agent, `fencing: {{mode: hook}}` asks a program of yours, "
      "`fencing: {{mode: none}}` goes without",
      spec.cluster, *office.primary);
}

Result<void> may_fail_over(const Spec& spec, const Office& office, const View& view,
                           const std::optional<NodeId>& wanted, Urgency urgency) {
  const auto fence = judge_fence(spec, office, view);
  if (!fence) return tl::unexpected(fence.error());
  Positions positions;
  for (const auto& node : to_detach(spec, office, view)) positions[node] = view.reachable(node)->position();
  if (const auto enough = check_quorum(spec, office, view, positions); !enough) return enough;
  positions = with_closed_nodes(spec, office, view, std::move(positions));
  if (const auto whole = check_inheritance(spec, office, positions); !whole) return whole;
  if (const auto choice = choose_candidate(spec, office, view, positions, wanted, urgency); !choice) {
    return tl::unexpected(choice.error());
  }
  return {};
}

Plan plan_secure(const Spec& spec, const Office& office, const View& view) {
  Builder plan{Goal::FailOver};
  for (const auto& node : to_detach(spec, office, view)) {
    plan.add(DetachReceiver{node, *office.primary}, {}, Must::BestEffort);
  }
  return std::move(plan).take();
}

Result<Plan> plan_promotion(const Spec& spec, const Office& office, const View& view, const Plan& secured,
                            const Positions& detached, const std::optional<NodeId>& wanted, Urgency urgency) {
  const auto fence = judge_fence(spec, office, view);
  if (!fence) return tl::unexpected(fence.error());
  if (const auto enough = check_quorum(spec, office, view, detached); !enough) return tl::unexpected(enough.error());
  const auto detached_ackers = static_cast<int>(
      std::count_if(office.ackers.begin(), office.ackers.end(), [&](const NodeId& n) { return detached.contains(n); }));
  if (detached_ackers < fence->detached_ackers_needed) {
    return fail(ErrorCode::NotFenced, "{}: only {} of {} needed ackers could be pointed away from {}", spec.cluster,
                detached_ackers, fence->detached_ackers_needed, *office.primary);
  }
  const auto positions = with_closed_nodes(spec, office, view, detached);
  if (const auto whole = check_inheritance(spec, office, positions); !whole) return tl::unexpected(whole.error());
  auto choice = choose_candidate(spec, office, view, positions, wanted, urgency);
  if (!choice) return tl::unexpected(choice.error());

  const auto& old_primary = *office.primary;
  const auto& candidate = choice->candidate;
  const auto* candidate_now = view.reachable(candidate);

  Builder plan{Goal::FailOver};
  for (const auto& s : secured.steps) plan.add(s.step, s.after, Must::BestEffort);
  plan.because(fence->how);
  for (auto& reason : choice->reasons) plan.because(std::move(reason));

  // They take their time while the candidate drains, and only its opening waits for them.
  const auto hooks = add_hooks(plan, spec, HookPoint::PreFailover, candidate, old_primary);

  // Everyone else first: they follow while the candidate still drains.
  std::vector<NodeId> followers;
  for (const auto& node : spec.nodes) {
    if (node.id == candidate || node.id == old_primary) continue;
    if (spec.by_position()) {
      if (applies_what_it_received(plan, node, candidate, spec, view, detached)) followers.push_back(node.id);
      continue;
    }
    const auto* now = view.reachable(node.id);
    auto source = spec.source_of(node.id, candidate);
    if (now == nullptr || !source) continue;
    if (view.find(node.id)->has_its_own()) continue;  // quarantined: stays detached
    const bool detached_now = detached.contains(node.id);
    const auto* channel = now->channel();
    const auto follows = channel == nullptr || detached_now ? std::nullopt : diagnose::source_node(spec, *channel);
    if (channel == nullptr || follows == source) continue;
    if (source != candidate && !diagnose::can_feed(*source, view)) source = candidate;  // declared below a lost node
    if (!detached_now && !follows) continue;  // away or foreign: not ours to move here
    if (source == candidate) followers.push_back(node.id);
    if (node.id == choice->most_advanced) continue;  // it feeds the candidate first; added below
    // Taken back, it points to the old primary again; it is never without a channel, for then it could bear no witness.
    plan.add(
        FollowSource{
            .replica = node.id, .from = detached_now ? old_primary : follows, .to = *source, .delay = node.delay},
        {}, Must::BestEffort);
  }

  Builder::Index caught_up = 0;
  if (choice->most_advanced == candidate) {
    caught_up = plan.add(ApplyReceived{candidate, positions.at(candidate), drain_limit(spec)});
  } else {
    const auto& ahead = choice->most_advanced;
    const auto drained = plan.add(ApplyReceived{ahead, positions.at(ahead), drain_limit(spec)});
    const auto follow = plan.add(FollowSource{.replica = candidate, .from = old_primary, .to = ahead}, {drained});
    caught_up = plan.add(WaitForApplied{candidate, ahead, drain_limit(spec)}, {follow});
  }
  std::vector<Builder::Index> before_opening{caught_up};
  before_opening.insert(before_opening.end(), hooks.begin(), hooks.end());
  if (spec.by_position()) {
    // Once the candidate is open, where its log ended when they had the same is not known any more.
    for (const auto& node : followers) {
      before_opening.push_back(
          plan.add(FollowSource{.replica = node, .from = old_primary, .to = candidate}, {caught_up}, Must::BestEffort));
    }
  }
  for (const auto& correction : semi_sync_corrections(spec, *candidate_now)) {
    before_opening.push_back(plan.add(correction));
  }
  if (spec.semi_sync()) {
    int present = 0;
    for (const auto& f : followers) present += spec.find(f)->delay.count() == 0 ? 1 : 0;
    const auto acks = acks_to_wait_for(spec, candidate, present);
    if (acks < spec.acks_wanted(candidate)) {
      plan.because(fmt::format("commits wait for {} of {} acks until more replicas are back", acks,
                               spec.acks_wanted(candidate)));
    }
    // Only now: enabled while it still applies, its own applier would wait for acknowledgements.
    before_opening.push_back(plan.add(SetSemiSyncSource{candidate, candidate_now->semi_sync.source_enabled, true,
                                                        candidate_now->semi_sync.wait_for_count, acks}));
  }
  if (candidate_now->offline_mode) before_opening.push_back(plan.add(SetOfflineMode{candidate, true, false}));
  const auto open = plan.add(SetReadOnly{.node = candidate,
                                         .from = candidate_now->read_only,
                                         .to = ReadOnly::Off,
                                         .only_with_semi_sync = spec.semi_sync()},
                             before_opening);
  plan.opens(open, candidate);

  add_hooks(plan, spec, HookPoint::PostFailover, candidate, old_primary, {open});
  plan.add(ForgetSource{candidate, old_primary}, {open}, Must::BestEffort);
  if (choice->most_advanced != candidate) {
    const auto& ahead = choice->most_advanced;
    const auto source = spec.source_of(ahead, candidate).value_or(candidate);
    plan.add(
        FollowSource{
            .replica = ahead, .from = std::nullopt, .to = view.reachable(source) == nullptr ? candidate : source},
        {open}, Must::BestEffort);
  }
  return std::move(plan).take();
}

}  // namespace repl::plan

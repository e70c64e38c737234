// Planning a switchover.
#include "plan/switchover.hpp"

#include <algorithm>

#include "diagnose/facts.hpp"
#include "plan/hooks.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan {
namespace {

using std::chrono::milliseconds;

/// A healthy replica that hears its source and applies.
bool replicating(const Snapshot* now) {
  return now != nullptr && now->channel() != nullptr && now->channel()->receiver == ThreadState::Running &&
         now->channel()->applier == ThreadState::Running;
}

Result<void> check(const Spec& spec, const Office& office, const View& view, const std::optional<NodeId>& wanted) {
  if (!office.primary) {
    return fail(ErrorCode::PreconditionFailed, "{}: no primary is in office yet; apply the topology first",
                spec.cluster);
  }
  const auto& primary = *office.primary;
  if (wanted == primary) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} is the primary already", spec.cluster, primary);
  }
  if (wanted && spec.find(*wanted) == nullptr) {
    return fail(ErrorCode::NoSuchNode, "{}: no node is called {}", spec.cluster, *wanted);
  }
  const auto* now = view.reachable(primary);
  if (now == nullptr) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: {} does not answer, so there is nothing to switch over from; see `replctl failover`", spec.cluster,
                primary);
  }
  if (now->read_only != ReadOnly::Off) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} is read-only; wait until it has been reopened", spec.cluster,
                primary);
  }
  const auto& inventory = view.find(primary)->inventory;
  if (inventory && inventory->faults_of(AccountRole::Replication).contains(AccountFault::Password)) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: no server takes the declared password of the replication account yet, so {} could not follow the "
                "new primary: `replctl rotate {}` first",
                spec.cluster, primary, spec.cluster);
  }
  if (wanted) {
    const auto* c = view.find(*wanted);
    if (c != nullptr && c->has_its_own()) {
      return fail(ErrorCode::ErrantTransactions, "{}: {} has transactions that {} lacks: {}", spec.cluster, *wanted,
                  primary, c->errant ? c->errant->to_string() : "it was not compared again since they were found");
    }
    if (const auto* there = view.reachable(*wanted);
        spec.by_position() && replicating(there) && diagnose::source_node(spec, *there->channel()) != primary) {
      return fail(ErrorCode::NotPromotable,
                  "{}: {} does not follow {} directly, and without GTIDs only such a replica can take over",
                  spec.cluster, *wanted, primary);
    }
    if (!replicating(view.reachable(*wanted))) {
      return fail(ErrorCode::NotAReplica, "{}: {} does not replicate now; `replctl problems` says why", spec.cluster,
                  *wanted);
    }
  }
  if (spec.waits_for_acks()) {
    const auto facts = diagnose::count_facts(spec, office, view);
    if (facts.acks_possible < now->semi_sync.wait_for_count) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: commits on {} need {} acks and {} replicas can give one: closing it would hang behind them. "
                  "Bring a replica back first",
                  spec.cluster, primary, now->semi_sync.wait_for_count, facts.acks_possible);
    }
  }
  return {};
}

/// Whom `node` follows once `candidate` is the primary: as declared, and the candidate instead of who cannot feed it.
std::optional<NodeId> source_under(const NodeId& candidate, const NodeId& node, const Spec& spec, const View& view) {
  const auto declared = spec.source_of(node, candidate);
  const bool stands = !declared || declared == candidate || spec.by_position() || diagnose::can_feed(*declared, view);
  return stands ? declared : std::optional{candidate};
}

bool may_move_early(const Spec& spec, const Snapshot& old_primary, bool candidate_acknowledges) {
  return !spec.waits_for_acks() || (old_primary.semi_sync.wait_for_count <= 1 && candidate_acknowledges);
}

}  // namespace

Result<Plan> plan_switchover(const Spec& spec, const Office& office, const View& view,
                             const std::optional<NodeId>& wanted, milliseconds timeout) {
  if (const auto ok = check(spec, office, view, wanted); !ok) return tl::unexpected(ok.error());
  const auto& primary = *office.primary;

  Positions positions;
  for (const auto& node : spec.nodes) {
    const auto* now = view.reachable(node.id);
    if (node.id == primary || !replicating(now)) continue;
    if (!spec.by_position()) {
      positions[node.id] = now->position();
    } else if (diagnose::source_node(spec, *now->channel()) == primary) {
      positions[node.id] = view.reachable(primary)->written();  // by the time it counts, all of them have all
    }
  }
  // Somebody asked for it: the limits of automatic failover on region do not hold, but lag decides how long writes
  // wait.
  auto choice = choose_candidate(spec, office, view, positions, wanted, wanted ? Urgency::ByHand : Urgency::Automatic);
  if (!choice) return tl::unexpected(choice.error());
  const auto& candidate = choice->candidate;
  const auto* old_now = view.reachable(primary);
  const auto* new_now = view.reachable(candidate);

  Builder plan{Goal::SwitchOver};
  for (auto& reason : choice->reasons) plan.because(std::move(reason));

  struct Move {
    NodeId node;
    std::optional<NodeId> from;
    NodeId to;
    std::chrono::seconds delay;
  };
  std::vector<Move> moves;
  int present = 0;  // the old primary will acknowledge too, but it attaches last
  for (const auto& node : spec.nodes) {
    if (node.id == candidate || node.id == primary) continue;
    const auto* now = view.reachable(node.id);
    const auto* seen = view.find(node.id);
    if (now == nullptr || now->channel() == nullptr || seen->has_its_own()) continue;
    const auto source = source_under(candidate, node.id, spec, view);
    const auto follows = diagnose::source_node(spec, *now->channel());
    if (!source || !follows) continue;
    if (source == candidate && node.delay.count() == 0) ++present;
    if (follows == source) continue;
    const bool can_move = !spec.by_position() || (follows == primary && source == candidate && node.delay.count() == 0);
    if (can_move) {
      moves.push_back({node.id, follows, *source, node.delay});
    } else {
      plan.because(
          fmt::format("{} stays below {}: without GTIDs only undelayed replicas of the old primary move to the "
                      "new one",
                      node.id, *follows));
    }
  }

  // Nothing is touched before they agree.
  const auto hooks = add_hooks(plan, spec, HookPoint::PreSwitchover, candidate, primary);

  // One acknowledgement is enough and the candidate itself gives it: its new replicas can move before writes are held
  // up.
  const auto below = diagnose::source_node(spec, *new_now->channel());
  const bool candidate_acknowledges = new_now->semi_sync.replica_status && below == primary;
  const bool early = !spec.by_position() && may_move_early(spec, *old_now, candidate_acknowledges);
  std::vector<Builder::Index> moved;
  const auto move_all = [&](std::vector<Builder::Index> after, Must must) {
    for (const auto& m : moves) {
      moved.push_back(
          plan.add(FollowSource{.replica = m.node, .from = m.from, .to = m.to, .delay = m.delay}, after, must));
    }
  };
  // A chained candidate goes to the primary first: the node above it may be among those that are to follow it.
  auto direct = hooks;
  if (below != primary) {
    direct = {plan.add(FollowSource{.replica = candidate, .from = below, .to = primary}, hooks)};
  }
  moved = direct;
  if (early) move_all(direct, Must::Succeed);

  const auto lock_wait = std::max(milliseconds{1000}, timeout / 2);
  const auto closed = plan.add(
      SetReadOnly{primary, old_now->read_only, ReadOnly::Super, lock_wait, old_now->semi_sync.source_enabled}, moved);
  const auto caught_up = plan.add(WaitForApplied{candidate, primary, timeout}, {closed});
  std::vector<Builder::Index> before_opening{closed, caught_up};
  const auto old_follows = [&](std::vector<Builder::Index> after) -> std::optional<Builder::Index> {
    const auto source = source_under(candidate, primary, spec, view);
    if (!source || (spec.by_position() && source != candidate)) return std::nullopt;
    return plan.add(
        FollowSource{.replica = primary, .from = std::nullopt, .to = *source, .delay = spec.find(primary)->delay},
        std::move(after), Must::BestEffort);
  };
  if (spec.by_position()) {
    // All have the same now, and the end of the candidate's log is where they go on; once it is open nobody knows that
    // any more. The old primary last: until then it is by it that they are found to have the same.
    for (const auto& m : moves) {
      plan.add(WaitForApplied{m.node, primary, timeout}, {closed}, Must::BestEffort);
    }
    move_all({closed, caught_up}, Must::BestEffort);
    before_opening.insert(before_opening.end(), moved.begin(), moved.end());
    if (const auto step = old_follows(before_opening)) before_opening.push_back(*step);
  } else if (!early) {
    move_all({closed}, Must::BestEffort);
  }
  for (const auto& correction : semi_sync_corrections(spec, *new_now)) before_opening.push_back(plan.add(correction));
  if (spec.semi_sync()) {
    const auto acks = acks_to_wait_for(spec, candidate, present);
    before_opening.push_back(plan.add(SetSemiSyncSource{candidate, new_now->semi_sync.source_enabled, true,
                                                        new_now->semi_sync.wait_for_count, acks}));
  }
  if (new_now->offline_mode) before_opening.push_back(plan.add(SetOfflineMode{candidate, true, false}));
  const auto open = plan.add(
      SetReadOnly{
          .node = candidate, .from = new_now->read_only, .to = ReadOnly::Off, .only_with_semi_sync = spec.semi_sync()},
      before_opening);
  plan.opens(open, candidate);

  add_hooks(plan, spec, HookPoint::PostSwitchover, candidate, primary, {open});
  plan.add(ForgetSource{candidate, primary}, {open}, Must::BestEffort);
  if (old_now->semi_sync.source_enabled) {
    // It takes a second, in which the server answers nobody about its binary log.
    plan.add(semi_sync_source_off(*old_now), {open}, Must::BestEffort);
  }
  if (!spec.by_position()) static_cast<void>(old_follows({open}));
  return std::move(plan).take();
}

Result<Plan> plan_group_switchover(const Spec& spec, const Office& office, const View& view,
                                   const std::optional<NodeId>& wanted) {
  if (!office.primary) return fail(ErrorCode::PreconditionFailed, "{}: the group has no primary now", spec.cluster);
  if (wanted == office.primary) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} is the primary already", spec.cluster, *wanted);
  }
  if (wanted && spec.find(*wanted) == nullptr) {
    return fail(ErrorCode::NoSuchNode, "{}: no node is called {}", spec.cluster, *wanted);
  }
  const auto weight = [&](const NodeSpec& n) {
    const auto found = spec.group.weights.find(n.id.name);
    return found == spec.group.weights.end() ? 50 : found->second;
  };
  const NodeSpec* best = nullptr;
  for (const auto& node : spec.nodes) {
    const auto* now = view.reachable(node.id);
    const bool may = now != nullptr && now->in_group() && node.id != office.primary;
    if (wanted ? node.id != *wanted : node.promotion == Promotion::Never) continue;
    if (!may) {
      if (!wanted) continue;
      return fail(ErrorCode::NotPromotable, "{}: {} is not an ONLINE member of the group", spec.cluster, node.id);
    }
    const auto rank = [&](const NodeSpec& n) { return std::pair{-static_cast<int>(n.promotion), weight(n)}; };
    if (best == nullptr || rank(node) > rank(*best)) best = &node;
  }
  if (best == nullptr) {
    return fail(ErrorCode::NotPromotable, "{}: no other member is ONLINE and may be promoted", spec.cluster);
  }
  Builder plan{Goal::SwitchOver};
  const auto hooks = add_hooks(plan, spec, HookPoint::PreSwitchover, best->id, office.primary);
  const auto moved = plan.add(SetGroupPrimary{best->id, *office.primary}, hooks);
  add_hooks(plan, spec, HookPoint::PostSwitchover, best->id, office.primary, {moved});
  plan.because(fmt::format("{} is an ONLINE member; the group hands the writes over", best->id));
  return std::move(plan).take();
}

}  // namespace repl::plan

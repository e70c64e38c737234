// Which planner plans it, and what the office is afterwards.
#include "plan/converge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "plan/converge/passwords.hpp"
#include "plan/converge/planners.hpp"
#include "plan/group.hpp"
#include "plan/observe.hpp"
#include "plan/semi_sync.hpp"
#include "plan/switchover.hpp"

namespace repl::plan {
namespace {

/// The declared source; of a group, who the members say it is.
NodeId first_primary(const Spec& wanted, const View& view) {
  if (const auto* declared = wanted.declared_source()) return declared->id;
  for (const auto& node : wanted.nodes) {
    const auto* now = view.reachable(node.id);
    const auto* self = now == nullptr ? nullptr : now->group.find(now->server_uuid);
    if (self != nullptr && now->in_group() && self->primary) return node.id;
  }
  return wanted.nodes.front().id;
}

/// What does not change what a switchover is planned from: who follows whom, who takes writes and who acknowledges.
bool leaves_replication_alone(const PlannedStep& planned) {
  return std::visit(Overloaded{[](const SetVariable& s) { return !s.name.starts_with("auto_increment_"); },
                               [](const ResetVariable& s) { return !s.name.starts_with("auto_increment_"); },
                               [](const PersistReadOnly&) { return true; },
                               [](const StartReplication&) { return true; }, [](const CreateAccount&) { return true; },
                               [](const AmendAccount&) { return true; }, [](const auto&) { return false; }},
                    planned.step);
}

/// A primary is moved by itself, or after what would be done without the move as well (somebody has changed a variable
/// by hand): what else a file changes would change what the switchover is planned from.
Result<Plan> with_move_of_primary(Plan rest, const NodeId& to, const Spec& wanted, const Office& office,
                                  const View& view) {
  if (!std::all_of(rest.steps.begin(), rest.steps.end(), leaves_replication_alone)) {
    return fail(
        ErrorCode::NotSupported,
        "{}: nothing was changed: the file makes {} the source instead of {}, and changes other things as well: apply "
        "it with {} as the source first, then move the source in an apply of its own",
        wanted.cluster, to, *office.primary, *office.primary);
  }
  auto plan = plan_switchover(wanted, office, view, to, converge::kMovesWithin);
  if (!plan) return plan;
  Builder both{Goal::Converge};
  both.append(std::move(rest), {});
  std::vector<Builder::Index> all(both.steps().size());
  std::iota(all.begin(), all.end(), Builder::Index{0});
  both.append(std::move(*plan), all);
  return std::move(both).take();
}

}  // namespace

Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const PriorSettings& prior, const std::set<NodeId>& may_lose_data,
                           const std::set<AccountRole>& discard_former) {
  if (wanted.observes()) return plan_observe(wanted, office, before, view);
  if (takes_over_without_primary(wanted, office, before, view)) {
    Plan plan{.goal = Goal::Converge};
    plan.reasons.push_back(
        fmt::format("{} does not answer: the cluster is taken over as it is; apply again when all "
                    "nodes answer, to give them what they lack",
                    *office.primary));
    return plan;
  }
  const auto checked = converge::check(wanted, office, before, view, {may_lose_data});
  if (!checked) return tl::unexpected(checked.error());
  converge::Draft draft{wanted, office, before, view, *checked, prior, discard_former};
  for (const auto& note : checked->notes) draft.plan.because(note);
  if (wanted.is_group()) {
    converge::plan_group(draft);
  } else if (wanted.is_ring()) {
    converge::plan_ring(draft);
  } else {
    converge::plan_tree(draft);
  }
  converge::take_back_grants(draft);
  converge::put_back_on_leaving(draft);
  converge::retire_discarded(draft);
  auto plan = draft.restarts.empty() ? Result<Plan>{std::move(draft.plan).take()} : converge::with_restarts(draft);
  if (!plan || !checked->moves_to) return plan;
  return with_move_of_primary(std::move(*plan), *checked->moves_to, wanted, office, view);
}

Office office_after(const Spec& wanted, const Office& office, const View& view, Time now) {
  Office after = office;
  if (wanted.several_writers()) {
    // Nobody is the primary; a term begins when that is new.
    const bool same = !office.primary && office.term.number > 0;
    return same ? office : Office{.term = Term{office.term.number + 1}, .primary = std::nullopt, .since = now};
  }
  if (!after.primary) {
    after = Office{.term = Term{office.term.number + 1}, .primary = first_primary(wanted, view), .since = now};
    if (const auto* primary = view.reachable(*after.primary)) after.inherited = primary->executed;
  }
  if (wanted.by_position()) after.inherited = {};
  std::set<NodeId> ackers;
  for (const auto& node : wanted.ackers(*after.primary)) ackers.insert(node);
  const auto acks =
      wanted.waits_for_acks() ? acks_to_wait_for(wanted, *after.primary, static_cast<int>(ackers.size())) : 0;
  // Ackers of before stay: a commit that one of them alone acknowledged is not known to have reached the others.
  if (office.primary) ackers.insert(office.ackers.begin(), office.ackers.end());
  std::erase_if(ackers, [&](const NodeId& n) { return wanted.find(n) == nullptr; });
  after.acks = office.primary && office.acks > 0 && acks > 0 ? std::min(office.acks, acks) : acks;
  after.ackers = std::move(ackers);
  return after;
}

}  // namespace repl::plan

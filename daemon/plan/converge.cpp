// Which planner plans it, and what the office is afterwards.
#include "plan/converge.hpp"

#include <algorithm>
#include <set>

#include "plan/converge/planners.hpp"
#include "plan/group.hpp"
#include "plan/semi_sync.hpp"

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

}  // namespace

Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const PriorSettings& prior, const std::set<NodeId>& may_lose_data) {
  const auto checked = converge::check(wanted, office, before, view, {may_lose_data});
  if (!checked) return tl::unexpected(checked.error());
  converge::Draft draft{wanted, office, before, view, *checked, prior};
  for (const auto& note : checked->notes) draft.plan.because(note);
  if (wanted.is_group()) {
    converge::plan_group(draft);
  } else if (wanted.is_ring()) {
    converge::plan_ring(draft);
  } else {
    converge::plan_tree(draft);
  }
  return std::move(draft.plan).take();
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

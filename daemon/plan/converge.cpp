// Which planner plans it, and what the office is afterwards.
#include "plan/converge.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "plan/converge/planners.hpp"
#include "plan/group.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan {
namespace {

std::string canonical(const std::string& value) {
  std::string upper;
  for (const char c : value) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "1" || upper == "TRUE" || upper == "YES") return "ON";
  if (upper == "0" || upper == "FALSE" || upper == "NO") return "OFF";
  return upper;
}

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

bool same_value(const std::string& a, const std::string& b) {
  return canonical(a) == canonical(b);
}

std::vector<std::string> variables_to_look_at(const Spec& spec) {
  std::set<std::string> names;
  for (const auto& node : spec.nodes) {
    for (const auto& [name, value] : converge::variables_of(spec, node.id)) names.insert(name);
    for (const auto& [name, value] : group_variables_of_stopped(spec, node, "")) names.insert(name);
  }
  names.insert({"auto_increment_increment", "auto_increment_offset"});
  return {names.begin(), names.end()};
}

Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const std::set<NodeId>& may_lose_data) {
  const auto checked = converge::check(wanted, office, before, view, {may_lose_data});
  if (!checked) return tl::unexpected(checked.error());
  converge::Draft draft{wanted, office, before, view, *checked};
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

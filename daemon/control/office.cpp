// Who is primary, and what the quorum of a later failover has to know about its ackers.
#include <algorithm>

#include "control/state.hpp"
#include "diagnose/facts.hpp"
#include "plan/converge.hpp"
#include "plan/observe.hpp"
#include "plan/semi_sync.hpp"

namespace repl::control {

/// A group elects its primary; repld takes note.
void Controller::State::follow_group(Time now) {
  auto& office = memory.office;
  const auto facts = diagnose::count_facts(*memory.spec, office, *view);
  if (!facts.group_primary || facts.group_primary == office.primary) return;
  const auto old = office.primary;
  const auto* primary = view->reachable(*facts.group_primary);
  office = Office{.term = Term{office.term.number + 1},
                  .primary = facts.group_primary,
                  .ackers = {},
                  .inherited = primary != nullptr ? primary->executed : GtidSet{},
                  .since = now,
                  .failed_hooks = office.failed_hooks};
  put_off.clear();
  const bool on_request = std::exchange(handed_to, std::nullopt) == office.primary;
  if (old && !on_request && !memory.spec->observes() && !memory.spec->hooks.post_failover.empty()) {
    office.hooks_due = old;
  }
  observed.primary_changed();
  note(now, Severity::Warning, "primary-changed",
       fmt::format("the group has made {} its primary, term {}{}", *office.primary, office.term.number,
                   old ? fmt::format("; {} was primary before", *old) : std::string{}),
       office.primary);
  remember();
}

void Controller::State::follow_office(Time now) {
  auto& office = memory.office;
  if (memory.spec->is_group()) return follow_group(now);
  if (!office.primary) return;
  const auto before = office;
  const auto* primary = view->reachable(*office.primary);
  if (primary != nullptr) {
    office.returns_read_only = primary->super_read_only_persisted;
    // A closed primary acknowledges nothing, whatever its semi-sync says.
    if (primary->read_only == ReadOnly::Off) office.commits_wait = plan::commits_wait(primary->semi_sync);
  }
  for (const auto& node : memory.spec->nodes) {
    const auto* now_seen = view->reachable(node.id);
    if (now_seen == nullptr || now_seen->channel() == nullptr || node.id == *office.primary) continue;
    const bool acknowledges = now_seen->semi_sync.replica_status &&
                              diagnose::source_node(*memory.spec, *now_seen->channel()) == office.primary;
    if (acknowledges) office.ackers.insert(node.id);
  }
  if (primary != nullptr && memory.spec->waits_for_acks() && primary->semi_sync.source_enabled &&
      primary->read_only == ReadOnly::Off) {
    const auto count = primary->semi_sync.wait_for_count;
    if (count < office.acks) office.acks = count;
    if (count <= office.acks) {
      settling.reset();
    } else if (!settling || settling->first != count) {
      settling = std::pair{count, primary->written()};
    } else if (std::all_of(office.ackers.begin(), office.ackers.end(), [&](const NodeId& n) {
                 const auto* s = view->reachable(n);
                 return s != nullptr && s->position().contains(settling->second);
               })) {
      office.acks = count;
      settling.reset();
    }
  }
  if (office != before) remember();
}

/// Once `spec` is in force. Before the first one there is no office, only the term of a former repld to go on from; and
/// it begins anew where somebody has moved a primary that repld only looks at.
Office Controller::State::office_with(const Spec& spec, Time now) const {
  const bool goes_on = memory.spec && !plan::names_another_primary(spec, memory.office, &*memory.spec);
  if (goes_on) return plan::office_after(spec, memory.office, *view, now);
  auto office = plan::office_after(spec, Office{}, *view, now);
  office.term.number += memory.office.term.number;
  return office;
}

void Controller::State::take_office(const Operation& operation, Time now) {
  auto& office = memory.office;
  const auto& promoted = *operation.plan.promotes;
  int acks = office.acks;
  std::set<NodeId> followers;
  for (const auto& planned : operation.plan.steps) {
    if (const auto* s = std::get_if<SetSemiSyncSource>(&planned.step); s != nullptr && s->node == promoted && s->to) {
      acks = memory.spec->waits_for_acks() ? s->acks_to : 0;
    }
    if (const auto* f = std::get_if<FollowSource>(&planned.step); f != nullptr && f->to == promoted) {
      const auto* node = memory.spec->find(f->replica);
      if (node != nullptr && node->delay.count() == 0 && memory.spec->semi_sync()) followers.insert(f->replica);
    }
  }
  for (const auto& node : memory.spec->nodes) {
    // Also one that does not answer just now: it may go on acknowledging.
    const auto* observed_node = view->find(node.id);
    const auto* seen = observed_node != nullptr && observed_node->reached ? &*observed_node->reached : nullptr;
    if (seen != nullptr && seen->channel() != nullptr && seen->semi_sync.replica_enabled && node.delay.count() == 0 &&
        diagnose::source_node(*memory.spec, *seen->channel()) == promoted) {
      followers.insert(node.id);
    }
  }
  const auto* seen = view->reachable(promoted);
  const auto old = office.primary;
  office = Office{.term = operation.term,
                  .primary = promoted,
                  .ackers = std::move(followers),
                  .acks = memory.spec->waits_for_acks() ? acks : 0,
                  .inherited = memory.spec->by_position() ? GtidSet{} : inheritance(operation),
                  .returns_read_only = seen != nullptr && seen->super_read_only_persisted,
                  .commits_wait = memory.spec->waits_for_acks(),
                  .since = now,
                  .failed_hooks = office.failed_hooks};
  changed_at = now;  // what was seen before says nothing about who takes writes
  put_off.clear();
  settling.reset();
  observed.primary_changed();
  observed.look_at_all(now);
  note(now, Severity::Info, "primary-changed",
       fmt::format("{} takes writes now, in term {}{}", promoted, office.term.number,
                   old ? fmt::format("; {} was primary before", *old) : std::string{}),
       promoted);
  remember();
}

}  // namespace repl::control

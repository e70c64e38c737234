// Transactions that a clone throws away with a node's data: remembered before it does, until their numbers are used up.
#include "control/state.hpp"
#include "diagnose/facts.hpp"

namespace repl::control {

/// Only those that the plan will commit empty: what an installer left on an empty node is nobody's loss.
void Controller::State::remember_discarded(const Step& step, Time now) {
  const auto* clone = std::get_if<CloneFrom>(&step);
  const auto* reset = std::get_if<ResetGtids>(&step);
  if (clone == nullptr && reset == nullptr) return;
  const auto& node = node_of(step);
  GtidSet alone;
  for (const auto& planned : memory.operation->plan.steps) {
    const auto* retire = std::get_if<RetireGtids>(&planned.step);
    if (retire == nullptr) continue;
    alone = unite(alone, intersect(retire->retired, clone != nullptr ? clone->discarded : reset->discarded));
  }
  if (alone.empty() || (memory.discarded.contains(node) && memory.discarded.at(node).contains(alone))) return;
  memory.discarded[node] = unite(memory.discarded[node], alone);
  note(now, Severity::Warning, "transactions-discarded",
       fmt::format("{} that only {} has {} thrown away{}: {}", how_much(alone), node, alone.count() == 1 ? "is" : "are",
                   clone != nullptr ? fmt::format(" with its data, for a clone of {}", clone->donor) : std::string{},
                   in_words(alone)),
       node);
}

/// What is executed where writes come from gets everywhere. What the node has still was not thrown away: its clone
/// failed before.
void Controller::State::forget_what_is_retired(Time now) {
  if (memory.discarded.empty() || !memory.spec || busy()) return;
  const auto facts = diagnose::count_facts(*memory.spec, memory.office, *view);
  const auto* writes = diagnose::writing_node(facts);
  if (writes == nullptr) return;
  for (auto entry = memory.discarded.begin(); entry != memory.discarded.end();) {
    auto& [node, discarded] = *entry;
    const auto used_up = intersect(discarded, writes->now->executed);
    auto left = subtract(discarded, used_up);
    if (const auto* seen = view->reachable(node)) left = subtract(left, seen->executed);
    if (!used_up.empty()) {
      note(now, Severity::Info, "numbers-retired",
           fmt::format("{} thrown away with the data of {} {} empty on {} now, so that nobody gives {} again: {}",
                       how_much(used_up), node, used_up.count() == 1 ? "is" : "are", writes->spec->id,
                       used_up.count() == 1 ? "its number" : "their numbers", in_words(used_up)),
           node);
    }
    if (left != discarded) remember();
    discarded = std::move(left);
    entry = discarded.empty() ? memory.discarded.erase(entry) : std::next(entry);
  }
}

}  // namespace repl::control

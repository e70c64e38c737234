// The loop of the controller: take the input up, look, go on with what is under way, decide, say what comes next.
#include "control/controller.hpp"

#include <algorithm>

#include "control/execution.hpp"
#include "control/state.hpp"
#include "diagnose/facts.hpp"
#include "diagnose/rules.hpp"
#include "model/time_text.hpp"

namespace repl::control {
namespace {
using std::chrono::seconds;
constexpr Duration kLongestSleep = seconds{5};

template <class T>
void append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}
}  // namespace

Controller::Controller(ClusterId cluster, Memory remembered, Time now) : state_(std::make_unique<State>()) {
  state_->cluster = std::move(cluster);
  state_->memory = std::move(remembered);
  state_->started = now;
  state_->resuming = state_->busy();
  if (const auto watched = state_->memory.watched()) state_->observed.watch(watched->nodes, now);
  state_->view = state_->observed.view(now);
}
Controller::~Controller() = default;
Controller::Controller(Controller&&) noexcept = default;
Controller& Controller::operator=(Controller&&) noexcept = default;

const Memory& Controller::memory() const {
  return state_->memory;
}

Output Controller::step(Time now, const Input& input) {
  auto& s = *state_;
  s.out = {};
  s.memory_changed = false;
  s.end_maintenance_that_is_over(now);
  s.take(now, input);
  s.look(now);
  if (s.applying) s.apply_when_looked_at(now);
  if (s.resuming) {
    s.decide_resumption(now);
  } else {
    const bool was_busy = s.busy();
    if (was_busy) s.progress(now);
    // What was found before may be what the operation was there to change.
    if (was_busy && !s.busy()) s.look(now);
    if (s.memory.spec && s.view->complete()) {
      s.decide(now);
      s.keep_record(now);
    }
  }
  s.look_thoroughly(now);
  s.finish(now);
  return std::move(s.out);
}

void Controller::State::take(Time now, const Input& input) {
  const auto detection = memory.spec ? memory.spec->failover.detection : DetectionSpec{};
  std::visit(Overloaded{
                 [&](const ProbeDone& p) {
                   // It may have missed an apply, or come back otherwise than it went.
                   if (observed.take(p.snapshot, memory.office.primary, detection, now)) look_thoroughly_soon(now);
                 },
                 [&](const SentinelBroke& s) {
                   if (s.node == memory.office.primary) observed.look_closely(now);
                 },
                 [&](const StepDone& s) {
                   if (!busy()) return;
                   tell_of_hook(s, now);
                   take_result(*memory.operation, s, now);
                 },
                 [&](const RecordDone& r) { take_record(r, now); },
                 [&](const Request& r) { request(now, r); },
                 [](const Tick&) {},
             },
             input);
  observed.expire(now, memory.office.primary, detection);
}

void Controller::State::look(Time now) {
  const auto let_in_again = std::erase_if(memory.closed, [&](const NodeId& node) {
    const auto* seen = view->reachable(node);
    return seen != nullptr && !seen->offline_mode && !busy();
  });
  if (let_in_again > 0) remember();
  forget_what_is_retired(now);
  observed.mark(memory);
  auto seen = observed.view(now);
  if (seen != view) {
    view = std::move(seen);
    out.view = view;
    if (memory.spec) follow_office(now);
  }
  if (!memory.spec) return;
  auto found = diagnose::diagnose(*memory.spec, memory.office, *view);
  decltype(first_seen) still;
  for (auto& problem : found) {
    const std::pair key{problem.name, problem.node};
    const auto before = first_seen.find(key);
    problem.since = before == first_seen.end() ? now : before->second;
    problem.established = now >= problem.since + diagnose::hold_of(problem.name, *memory.spec);
    problem.in_maintenance = maintenance_around(problem) != nullptr;
    still[key] = problem.since;
    if (busy()) continue;  // what it does on purpose looks like a problem meanwhile
    if (problem.established && announced.insert(key).second) {
      note(now, problem.in_maintenance ? Severity::Info : problem.severity, "problem-found",
           fmt::format("{}: {}{}", problem.name, problem.evidence, problem.in_maintenance ? " (in maintenance)" : ""),
           problem.node);
    }
    if (problem.name == "ErrantTransactions" && problem.established && !memory.restored &&
        memory.quarantined.insert(*problem.node).second) {
      note(now, Severity::Critical, "quarantined", problem.evidence, problem.node);
      remember();
    }
  }
  for (auto gone = announced.begin(); gone != announced.end();) {
    if (busy() || still.contains(*gone)) {
      ++gone;
      continue;
    }
    note(now, Severity::Info, "problem-gone", gone->first, gone->second);
    gone = announced.erase(gone);
  }
  first_seen = std::move(still);
  for (auto node = memory.quarantined.begin(); node != memory.quarantined.end();) {
    const auto* seen_node = view->find(*node);
    const bool has_left = memory.spec->find(*node) == nullptr;
    if (!has_left && !(seen_node != nullptr && seen_node->errant && seen_node->errant->empty())) {
      ++node;
      continue;
    }
    note(now, Severity::Info, "released", "nothing of its own any more: out of quarantine", *node);
    node = memory.quarantined.erase(node);
    remember();
  }
  problems = std::move(found);
  if (memory.restored) compare_with_restored(now);
}

/// What a restored backup says holds once every server is found just so: then repld may go by it. No problem is one of
/// them; beside that, what no problem would tell: of whom nothing is known yet, and whom the backup does not know.
void Controller::State::compare_with_restored(Time now) {
  if (!problems.empty() || (!memory.office.primary && !memory.spec->several_writers())) return;
  const auto facts = diagnose::count_facts(*memory.spec, memory.office, *view);
  const bool as_it_says = std::all_of(facts.nodes.begin(), facts.nodes.end(), [&](const diagnose::NodeFacts& node) {
    if (node.now == nullptr) return false;
    if (memory.spec->is_ring()) return node.follows && node.follows == node.should_follow;
    if (memory.spec->is_group()) return node.now->in_group() && node.now->group.members.size() == facts.nodes.size();
    return node.is_primary || node.compared;
  });
  if (!as_it_says || facts.two_groups) return;
  note(
      now, Severity::Info, "restored-confirmed",
      fmt::format("every server is as the backup of {} says; repld acts by itself again", time_text(*memory.restored)));
  memory.restored.reset();
  remember();
}

void Controller::State::finish(Time now) {
  const auto detection = memory.spec ? memory.spec->failover.detection : DetectionSpec{};
  append(out.probes, observed.due(now, detection, memory.office.primary));
  out.wake_up = std::min(now + kLongestSleep, observed.next_wake_up());
  if (busy()) out.wake_up = std::min(out.wake_up, next_wake_up(*memory.operation, now));
  if (applying) out.wake_up = std::min(out.wake_up, applying->until);
  if (memory.spec && next_inventory > now) out.wake_up = std::min(out.wake_up, next_inventory);
  for (const auto& m : memory.maintenance) out.wake_up = std::min(out.wake_up, m.until);
  if (memory.spec) {
    for (const auto& p : problems) {
      const auto due = p.since + diagnose::hold_of(p.name, *memory.spec);
      if (!p.established) out.wake_up = std::min(out.wake_up, due);
    }
    for (const auto& [key, retry] : retries) {
      if (retry.not_before > now) out.wake_up = std::min(out.wake_up, retry.not_before);
    }
  }
  out.wake_up = std::max(out.wake_up, now);
  out.sentinel = memory.spec ? memory.office.primary : std::nullopt;
  if (!published || *published != problems) {
    published = std::make_shared<const std::vector<Problem>>(problems);
    out.problems = published;
  }
  if (memory_changed) out.remember = memory;
}

void Controller::State::note(Time now, Severity severity, std::string kind, std::string text,
                             std::optional<NodeId> node) {
  Event event{
      .at = now, .severity = severity, .kind = std::move(kind), .node = std::move(node), .text = std::move(text)};
  if (busy()) event.operation = memory.operation->id;
  out.events.push_back(std::move(event));
}

}  // namespace repl::control

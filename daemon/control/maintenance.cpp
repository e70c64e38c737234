// Maintenance: a person works on a node, or on all of a cluster, and repld keeps its hands off until that is over.
#include <algorithm>

#include "control/execution.hpp"
#include "control/state.hpp"
#include "model/time_text.hpp"

namespace repl::control {
namespace {

std::string what_of(const Maintenance& m) {
  return m.node ? m.node->name : "the cluster";
}

bool changes(const Plan& plan, const NodeId& node) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [&](const PlannedStep& planned) { return node_of(planned.step) == node; });
}

}  // namespace

void Controller::State::begin_maintenance(Time now, const BeginMaintenance& what, const std::string& by) {
  std::erase_if(memory.maintenance, [&](const Maintenance& m) { return m.node == what.node; });
  memory.maintenance.push_back(
      {.node = what.node, .since = now, .until = now + what.length, .by = by, .reason = what.reason});
  note(now, Severity::Info, "maintenance-begun",
       fmt::format("{} is in maintenance until {} by {}: {}", what_of(memory.maintenance.back()),
                   time_text(now + what.length), by, what.reason),
       what.node);
  remember();
  keep_off(Maintenance{memory.maintenance.back()}, now);
}

/// What repld has begun there by itself is given up: it is found again when the maintenance is over. What people have
/// asked for goes on, and so does what keeps, or makes, a primary: half of that would leave none, or two.
void Controller::State::keep_off(const Maintenance& maintenance, Time now) {
  if (!still_works_on(maintenance.node)) return;
  const auto& op = *memory.operation;
  if (op.goal == Goal::Repair || op.goal == Goal::Rejoin) {
    let_go({}, fmt::format("gave way: {} is {}", what_of(maintenance), describe(maintenance)), now);
  } else {
    note(now, Severity::Warning, "maintenance-meets-operation",
         fmt::format("{} ({}) is under way on {}, and goes on", op.id, to_string(op.goal), what_of(maintenance)),
         maintenance.node);
  }
}

/// An operation is under way, and not all that it does on the node (empty: on any) is done.
bool Controller::State::still_works_on(const std::optional<NodeId>& node) const {
  if (!busy() || is_over(memory.operation->state)) return false;
  const auto& op = *memory.operation;
  if (!node || op.state == OperationState::Undoing) return !node || changes(op.plan, *node);
  for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
    const auto state = op.progress[i].state;
    if ((state == StepState::Waiting || state == StepState::Running) && node_of(op.plan.steps[i].step) == *node) {
      return true;
    }
  }
  return false;
}

void Controller::State::end_maintenance(Time now, const std::optional<NodeId>& node, const std::string& how) {
  const auto found = std::find_if(memory.maintenance.begin(), memory.maintenance.end(),
                                  [&](const Maintenance& m) { return m.node == node; });
  if (found == memory.maintenance.end()) return;
  note(now, Severity::Info, "maintenance-ended",
       fmt::format("{} is out of maintenance ({}): {}", what_of(*found), how, found->reason), node);
  // What is wrong there still is told again, as a problem that counts now.
  const bool is_primary = node == memory.office.primary;
  std::erase_if(announced, [&](const auto& problem) {
    return !node || problem.second == node || (is_primary && !problem.second);
  });
  memory.maintenance.erase(found);
  remember();
}

void Controller::State::end_maintenance_that_is_over(Time now) {
  const auto all = memory.maintenance;
  for (const auto& m : all) {
    if (now >= m.until) {
      end_maintenance(now, m.node, "its time has passed");
    } else if (m.node && !busy() && memory.spec && memory.spec->find(*m.node) == nullptr) {
      end_maintenance(now, m.node, "it has left the topology");
    }
  }
}

/// The maintenance that a problem falls into; a problem of the cluster as a whole is one of its primary.
const Maintenance* Controller::State::maintenance_around(const Problem& problem) const {
  if (const auto* whole = memory.maintenance_of(std::nullopt)) return whole;
  const auto& node = problem.node ? problem.node : memory.office.primary;
  return node ? memory.maintenance_of(node) : nullptr;
}

/// Somebody works on a node that the plan changes for the sake of another, or of the whole.
const Maintenance* Controller::State::maintenance_in_the_way_of(const Plan& plan) const {
  const auto found = std::find_if(memory.maintenance.begin(), memory.maintenance.end(),
                                  [&](const Maintenance& m) { return m.node && changes(plan, *m.node); });
  return found == memory.maintenance.end() ? nullptr : &*found;
}

/// What a person asks for is done where another one works too; who reads the plan can still think better of it.
void Controller::State::tell_of_maintenance(Plan& plan) const {
  for (const auto& m : memory.maintenance) {
    if (m.node ? !changes(plan, *m.node) : plan.empty()) continue;
    plan.reasons.push_back(
        fmt::format("{} is {}, and this changes {}", what_of(m), describe(m), m.node ? "it" : "its nodes"));
  }
}

/// Whoever works on a node may open it as long as no client can get in: then it takes no writes that count. Open for
/// clients it would be a second primary, and is closed whoever works there.
bool Controller::State::must_be_fenced(const Problem& problem) const {
  if (problem.goal != Goal::Fence || !problem.node || memory.maintenance_of(std::nullopt) != nullptr) return false;
  const auto* seen = view->reachable(*problem.node);
  return seen != nullptr && !seen->offline_mode;
}

}  // namespace repl::control

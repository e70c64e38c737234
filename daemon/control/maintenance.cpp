// Maintenance: a person works on a node, or on all of a cluster, and repld keeps its hands off until that is over.
#include <algorithm>

#include "control/state.hpp"
#include "model/time_text.hpp"

namespace repl::control {
namespace {

std::string what_of(const Maintenance& m) {
  return m.node ? m.node->name : "the cluster";
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

/// Whoever works on a node may open it as long as no client can get in: then it takes no writes that count. Open for
/// clients it would be a second primary, and is closed whoever works there.
bool Controller::State::must_be_fenced(const Problem& problem) const {
  if (problem.goal != Goal::Fence || !problem.node || memory.maintenance_of(std::nullopt) != nullptr) return false;
  const auto* seen = view->reachable(*problem.node);
  return seen != nullptr && !seen->offline_mode;
}

}  // namespace repl::control

// Texts of the enums of operations and revisions.
#include "model/operation.hpp"

#include <algorithm>

#include "model/time_text.hpp"

namespace repl {

std::string_view to_string(Goal goal) {
  switch (goal) {
    case Goal::None:
      return "none";
    case Goal::Converge:
      return "apply";
    case Goal::FailOver:
      return "failover";
    case Goal::SwitchOver:
      return "switchover";
    case Goal::Reopen:
      return "reopen";
    case Goal::Rejoin:
      return "rejoin";
    case Goal::Repair:
      return "repair";
    case Goal::Fence:
      return "fence";
  }
  return "?";
}

std::optional<Goal> goal_from(std::string_view name) {
  for (const auto goal : {Goal::None, Goal::Converge, Goal::FailOver, Goal::SwitchOver, Goal::Reopen, Goal::Rejoin,
                          Goal::Repair, Goal::Fence}) {
    if (to_string(goal) == name) return goal;
  }
  return std::nullopt;
}

std::string_view to_string(StepState state) {
  switch (state) {
    case StepState::Waiting:
      return "waiting";
    case StepState::Running:
      return "running";
    case StepState::Done:
      return "done";
    case StepState::Failed:
      return "failed";
    case StepState::Undoing:
      return "undoing";
    case StepState::Undone:
      return "undone";
    case StepState::Skipped:
      return "skipped";
  }
  return "?";
}

std::string_view to_string(OperationState state) {
  switch (state) {
    case OperationState::Running:
      return "running";
    case OperationState::Undoing:
      return "undoing";
    case OperationState::Done:
      return "done";
    case OperationState::TakenBack:
      return "taken-back";
    case OperationState::NeedsPerson:
      return "needs-person";
    case OperationState::GivenUp:
      return "given-up";
  }
  return "?";
}

std::string_view to_string(RevisionState state) {
  switch (state) {
    case RevisionState::Applying:
      return "applying";
    case RevisionState::Applied:
      return "applied";
    case RevisionState::TakenBack:
      return "taken-back";
    case RevisionState::NeedsPerson:
      return "needs-person";
  }
  return "?";
}

std::string describe(const Maintenance& m) {
  return fmt::format("in maintenance until {} by {}: {}", time_text(m.until), m.by, m.reason);
}

const Maintenance* Memory::maintenance_of(const std::optional<NodeId>& node) const {
  const auto found =
      std::find_if(maintenance.begin(), maintenance.end(), [&](const Maintenance& m) { return m.node == node; });
  return found == maintenance.end() ? nullptr : &*found;
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::Info:
      return "info";
    case Severity::Warning:
      return "warning";
    case Severity::Critical:
      return "critical";
  }
  return "?";
}

}  // namespace repl

// Plans, their execution, and all that repld must remember of a cluster over a restart: values that the journal stores.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/revision.hpp"
#include "model/spec.hpp"
#include "model/step.hpp"

namespace repl {

enum class Goal {
  None,
  Converge,  ///< Make the declared topology true (apply).
  FailOver,
  SwitchOver,
  Reopen,  ///< The primary in office came back read-only.
  Rejoin,  ///< A node that was away follows again.
  Repair,  ///< Take back a small deviation of one node.
  Fence,   ///< A node that is not the primary takes writes.
};
std::string_view to_string(Goal goal);
std::optional<Goal> goal_from(std::string_view name);

struct PlannedStep {
  Step step;
  std::vector<std::size_t> after;  ///< Indices, all lower, of the steps that must be done before this one starts.
  bool best_effort = false;  ///< Its failure does not fail the plan; what it leaves is a problem for the next repair.
  bool operator==(const PlannedStep&) const = default;
};

struct Plan {
  Goal goal = Goal::None;
  std::vector<PlannedStep> steps;
  /// Index of a step. Until that one is started, a failure takes the finished steps back, last first. From then on the
  /// new primary may hold writes, so the plan only goes forward; only the server's own refusal of that very step allows
  /// the way back. steps.size() when every step can be taken back.
  std::size_t point_of_no_return = 0;
  std::optional<NodeId> promotes;    ///< The node that is primary when the plan is done; empty: no change.
  std::vector<std::string> reasons;  ///< Why so: the choice of the candidate, node by node; what was noted.
  bool empty() const { return steps.empty(); }
  /// A planned change of the primary: asked for as such, or by a file that names another source.
  bool moves_primary() const { return goal == Goal::SwitchOver || (goal == Goal::Converge && promotes); }
  bool operator==(const Plan&) const = default;
};

enum class StepState { Waiting, Running, Done, Failed, Undoing, Undone, Skipped };
std::string_view to_string(StepState state);

struct StepProgress {
  StepState state = StepState::Waiting;
  int attempts = 0;
  bool doubtful = false;  ///< Some attempt ended without certainty: it may have been carried out.
  Time changed_at{};
  std::optional<StepResult> result;
  bool operator==(const StepProgress&) const = default;
};

enum class OperationState {
  Running,
  Undoing,
  Done,
  TakenBack,    ///< Failed; everything is as it was.
  NeedsPerson,  ///< Failed, and could not be taken back or finished.
  GivenUp,      ///< A repair that failed or gave way: what it did stands, and the rest is found by looking again.
};
std::string_view to_string(OperationState state);
inline bool is_over(OperationState s) {
  return s != OperationState::Running && s != OperationState::Undoing;
}

/// A failover is two plans: first the replicas are detached and their positions become known, then one is chosen and
/// promoted. Every other operation is one plan.
enum class Phase { Only, Secure, Promote };

struct Operation {
  OperationId id;
  Goal goal = Goal::None;
  Phase phase = Phase::Only;
  Term term;
  Revision revision;
  Plan plan;
  std::vector<StepProgress> progress;  ///< One per step of `plan`.
  OperationState state = OperationState::Running;
  Time started{};
  Time finished{};
  std::string asked_by;  ///< "repld" for automatic ones.
  std::string cause;     ///< The problem or request that led to it.
  std::optional<NodeId> old_primary;
  std::optional<Error> error;
  bool operator==(const Operation&) const = default;
};

/// Who is primary, since when, and who may have acknowledged its commits.
struct Office {
  Term term;
  std::optional<NodeId> primary;
  /// Nodes that may hold the only copy of a commit acknowledged under this primary: every acker it ever had in this
  /// term.
  std::set<NodeId> ackers;
  /// Lowest acknowledgement count in force in this term; 0: commits did not wait.
  int acks = 0;
  /// What the primary had when it came into office: all that was acknowledged in earlier terms. Its followers may not
  /// have it all yet; none that lacks some of it may replace the primary where commits wait. Empty without GTIDs: who
  /// follows by position has it all.
  GtidSet inherited;
  /// What the primary was like when it last answered; a fence is judged by it (docs/architecture.md, "Fencing").
  bool returns_read_only = false;  ///< super_read_only is persisted ON: after a crash it comes back closed.
  bool commits_wait = false;       ///< Semi-sync on, AFTER_SYNC, practically infinite time-out, never alone.
  Time since{};
  /// Hooks of the change that brought it into office, or of the one before, that failed to the end; with what they
  /// said. Until the next change, or somebody has said that he knows.
  std::vector<std::string> failed_hooks{};
  /// A group has elected the primary after this one, and the postFailover hooks have not been run yet.
  std::optional<NodeId> hooks_due{};
  bool operator==(const Office&) const = default;
};

/// A person works on a node or on all of a cluster, and repld keeps its hands off until it is over.
struct Maintenance {
  std::optional<NodeId> node;  ///< Empty: the cluster.
  Time since{};
  Time until{};
  std::string by;
  std::string reason;
  bool operator==(const Maintenance&) const = default;
};
/// "in maintenance until 2026-11-24 15:30:00Z by ann: disk swap"
std::string describe(const Maintenance& maintenance);

/// All that must survive a restart of repld, per cluster. Written as one, before any step that it speaks of is started.
struct Memory {
  Revision revision;
  std::optional<Spec> spec;      ///< The spec of `revision`.
  std::optional<Spec> proposed;  ///< The spec that a running apply leads to; it is in force once that is done.
  Office office;
  std::optional<Operation> operation;  ///< The one that is going on.
  std::uint64_t operations = 0;        ///< Counter of operation ids.
  bool paused = false;
  std::vector<Time> automatic_failovers;  ///< Those of the last 24 hours.
  std::optional<Time> acknowledged;       ///< Last `ack`: failovers before it no longer hold back the next.
  std::set<NodeId> quarantined;
  /// Where repld turned clients away (CloseReturned) and has not let them in again.
  std::set<NodeId> closed;
  /// Highest number that a revision ever had; those whose apply was taken back keep theirs.
  std::uint64_t revisions = 0;
  PriorSettings prior_settings;
  std::optional<PriorSettings> proposed_prior_settings;  ///< In force together with `proposed`.
  std::vector<Maintenance> maintenance;                  ///< At most one of each node and one of the cluster.
  /// When the backup was made that this was restored from. Nothing is done automatically, and nothing is changed on
  /// request, before the servers were found as it says, or a person has said to go on.
  std::optional<Time> restored;
  /// By node, the transactions that it alone had when a clone threw its data away, until their numbers are used up.
  std::map<NodeId, GtidSet> discarded;
  bool operator==(const Memory&) const = default;

  /// Null when that node (empty: the cluster) is not in maintenance of its own.
  const Maintenance* maintenance_of(const std::optional<NodeId>& node) const;

  /// The spec by whose nodes and accounts servers are watched: `proposed` with the nodes that leave, else `spec`.
  std::optional<Spec> watched() const {
    return proposed ? with_leaving_nodes(*proposed, spec ? &*spec : nullptr) : spec;
  }
};

enum class Severity { Info, Warning, Critical };
std::string_view to_string(Severity severity);

/// Something worth telling a person, kept in the store and logged.
struct Event {
  Time at{};
  Severity severity = Severity::Info;
  std::string kind;  ///< kebab-case, stable: "failover-started".
  std::optional<NodeId> node;
  std::optional<OperationId> operation;
  std::string text;
  bool operator==(const Event&) const = default;
};

}  // namespace repl

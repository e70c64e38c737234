// The controller of one cluster: a state machine without threads, clock or sockets that decides what is done and when.
// The runner (run/) feeds it with what happened and carries out what it says; the simulator does the same on virtual
// time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "model/operation.hpp"
#include "model/problem.hpp"
#include "model/view.hpp"

namespace repl::control {

// ---- inputs -------------------------------------------------------------------------------------------------------

/// A probe came back, or was given up.
struct ProbeDone {
  Snapshot snapshot;
};
/// The session that is kept blocked on the primary broke: a hint that its process died. Never a verdict.
struct SentinelBroke {
  NodeId node;
};
struct StepDone {
  OperationId operation;
  std::size_t step = 0;
  bool undo = false;  ///< The inverse of the step was run.
  StepResult result;
};

struct ApplySpec {
  Spec spec;
  bool dry_run = false;
  std::set<NodeId> may_lose_data{};        ///< Nodes that may be cloned over although they have data of their own.
  std::string note;                        ///< These three are kept with the revision that it becomes.
  std::string document;                    ///< The YAML as it was sent.
  std::set<AccountRole> discard_former{};  ///< Accounts whose former password is to work no longer.
  std::optional<Revision> back_to;         ///< A rollback: `spec` is that revision's. The primary in office stays.
};
struct SwitchOver {
  std::optional<NodeId> to;                   ///< Empty: the best candidate.
  std::chrono::milliseconds timeout{10'000};  ///< The most that writes are held up before it is taken back.
};
/// Failover asked for by a person: no detection and no cool-down, the same safety rules.
struct FailOver {
  std::optional<NodeId> to;
};
/// An apply or a switchover that is under way is taken back, as long as it can be.
struct Cancel {};
struct Acknowledge {};
struct Pause {};
struct Resume {};
/// Begun again, it is as if it had begun now.
struct BeginMaintenance {
  std::optional<NodeId> node;  ///< Empty: the cluster.
  Duration length{0};
  std::string reason;
};
struct EndMaintenance {
  std::optional<NodeId> node;
};

/// A RecordOrder was carried out, or was not.
struct RecordDone {
  ClusterRecord record;
  std::optional<Error> error;
};

/// A person's request; `ticket` comes back in the Reply.
struct Request {
  std::uint64_t ticket = 0;
  std::string asked_by;
  std::variant<ApplySpec, SwitchOver, FailOver, Cancel, Acknowledge, Pause, Resume, BeginMaintenance, EndMaintenance>
      what;
};

/// Nothing happened, but the wake-up time has come.
struct Tick {};

using Input = std::variant<ProbeDone, SentinelBroke, StepDone, RecordDone, Request, Tick>;

// ---- outputs ------------------------------------------------------------------------------------------------------

enum class Depth { Status, Inventory };
struct ProbeOrder {
  NodeId node;
  Depth depth = Depth::Status;
  Time deadline{};
  /// Inventory: names of the server variables whose values are wanted.
  std::vector<std::string> variables;
};
struct StepOrder {
  OperationId operation;
  Term term;
  std::size_t index = 0;
  bool undo = false;
  Step step;
  Time deadline{};
};
/// Nobody waits for the step any more: no further statement of it is sent, and a clone is ended. No StepDone comes.
struct StepCancel {
  OperationId operation;
  std::size_t index = 0;
};
/// To be kept on the server of `node`, from where it replicates. Not a step: it changes nothing that is decided on,
/// says only what `Output::remember` says, is written once more after a restart, and may fail.
struct RecordOrder {
  NodeId node;
  ClusterRecord record;
  Time deadline{};
};
struct Reply {
  std::uint64_t ticket = 0;
  std::optional<Error> error;
  /// The operation that was started; empty when nothing needs to be done. BeginMaintenance: the one that is under way
  /// there and goes on; empty when there is none.
  std::optional<OperationId> operation;
  std::optional<Plan> plan;  ///< Apply: what is (or, in a dry run, would be) done.
  Revision revision;         ///< Apply: the number that the spec has, or would get.
};

struct Output {
  std::vector<ProbeOrder> probes;
  std::vector<StepOrder> steps;
  std::vector<StepCancel> cancels;  ///< Before `configure` and `steps`.
  std::vector<Event> events;
  std::vector<Reply> replies;
  /// What must be remembered, when it changed. To be stored before any of `steps` is started.
  std::optional<Memory> remember;
  /// An operation that is new, went on or ended: for the history. Same rule as `remember`.
  std::vector<Operation> operations;
  /// A revision that was taken up, and one whose apply ended. Same rule as `remember`.
  std::optional<AppliedRevision> revision;
  std::optional<RevisionOutcome> outcome;
  /// The nodes to hold sessions to changed: to be taken up before `probes` and `steps` of this output.
  std::optional<Spec> configure;
  /// Started only when `remember` is stored, of this output and of all before it.
  std::optional<RecordOrder> record;
  /// Whom to keep the blocked sentinel session on.
  std::optional<NodeId> sentinel;
  /// Changed view or problems, for readers; null when nothing changed.
  std::shared_ptr<const View> view;
  std::shared_ptr<const std::vector<Problem>> problems;
  Time wake_up{};
};

/// One thread at a time; deterministic: equal inputs at equal times give equal outputs.
class Controller {
 public:
  /// @param remembered  what the store holds of the cluster; Memory{} for a new one. An operation that was going on is
  ///                    resumed or taken back once every node was looked at.
  Controller(ClusterId cluster, Memory remembered, Time now);
  ~Controller();
  Controller(Controller&&) noexcept;
  Controller& operator=(Controller&&) noexcept;

  Output step(Time now, const Input& input);

  const Memory& memory() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace repl::control

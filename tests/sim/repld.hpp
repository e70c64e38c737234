// The simulated repld: the real controller, a store that survives crashes, and the workers that send what it orders.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/controller.hpp"
#include "sim/statements.hpp"
#include "sim/world.hpp"

namespace repl::sim {

/// What befalls one execution of a step.
enum class StepFault {
  None,
  RefusedBefore,  ///< The server refuses; nothing is done.
  ResultLost,     ///< Done, and the connection breaks before the answer comes.
  Late,           ///< Given up at its deadline, and takes effect after that.
  Slow,
  ServerDies,  ///< In the middle, and comes back after a while.
};
/// All that do something.
inline constexpr std::array kStepFaults{StepFault::RefusedBefore, StepFault::ResultLost, StepFault::Late,
                                        StepFault::Slow, StepFault::ServerDies};
std::string_view to_string(StepFault fault);

/// A point in the work of repld at which a schedule can strike: counted from 1 over the whole run.
struct Moment {
  std::uint64_t number = 0;
  std::string what;            ///< For traces: "stored", "db2: SET GLOBAL read_only=OFF sent" ...
  std::optional<NodeId> node;  ///< The server that is worked on; empty: the store.
  Goal goal = Goal::None;      ///< Of the operation it belongs to.
};

class Repld {
 public:
  Repld(World& world, ClusterId cluster);

  Tampering tampering = Tampering::None;
  /// Asked once per step order.
  std::function<StepFault(const control::StepOrder&)> step_fault;
  std::function<void(const Moment&)> at_moment;
  std::function<void(const control::Output&)> on_output;
  /// The store holds something else now than `before`, and all that the controller said with it.
  std::function<void(const Memory& before)> on_stored;
  /// A snapshot on its way to the controller, to be falsified.
  std::function<void(Snapshot&)> falsify;
  Duration store_shortest{300}, store_longest{4'000};

  void start();
  void crash();
  void crash_and_restart(Duration down);
  /// The whole process stands still; what arrives waits.
  void stall(Duration span);
  bool running() const { return controller_ != nullptr; }

  /// A person's request; lost when repld is not running.
  void ask(control::Request request);
  const std::optional<control::Reply>& reply_to(std::uint64_t ticket) const;

  /// What the store holds: what a new repld would begin with.
  const Memory& stored() const { return stored_; }
  const std::vector<Problem>& problems() const { return problems_; }
  /// The latest state of every operation there ever was, by id.
  const std::map<std::string, Operation>& operations() const { return operations_; }
  /// Every revision that was taken up, as the store has it, in order.
  const std::vector<AppliedRevision>& revisions() const { return revisions_; }
  Time last_order() const { return last_order_; }
  std::uint64_t steps_ordered() const { return steps_ordered_; }
  std::uint64_t ticks() const { return ticks_; }
  /// Processes of servers, by index, that were told not to wait for acknowledgements any more, and repld let go of the
  /// step before it had an answer: they do it when they wake up.
  const std::map<int, std::uint64_t>& released_unheard() const { return released_unheard_; }
  /// Broken rules of the journal: a step that the store did not know of, an old term.
  const std::vector<std::string>& misdeeds() const { return misdeeds_; }

 private:
  struct StepRun;
  struct Session {
    std::uint64_t id = 0;
    std::optional<std::uint64_t> incarnation;  ///< Of the server it is connected to.
  };

  void gate(std::function<void()> action);
  void pump();
  void store(const control::Output& output);
  void carry_out(control::Output output);
  void trace_new_problems(const std::vector<Problem>& now);
  void wake_at(Time when);
  void probe(const control::ProbeOrder& order);
  void probed(Snapshot snapshot);
  void watch(const std::optional<NodeId>& node);
  void attach_sentinel();
  void enqueue(const control::StepOrder& order);
  void cancel(const control::StepCancel& what);
  void run_front(const NodeId& node);
  void send_statement(const std::shared_ptr<StepRun>& run);
  void send_again(const std::shared_ptr<StepRun>& run);
  void statement_done(const std::shared_ptr<StepRun>& run, std::optional<Error> error);
  void finish(const std::shared_ptr<StepRun>& run, StepResult result);
  void moment(std::string what, std::optional<NodeId> node, Goal goal);
  void judge(const control::StepOrder& order);

  World& world_;
  ClusterId cluster_;
  Random random_;
  Memory stored_;
  std::unique_ptr<control::Controller> controller_;
  std::uint64_t incarnation_ = 0;
  bool stalled_ = false;
  std::deque<std::function<void()>> deferred_;
  bool busy_ = false;
  std::deque<control::Input> inbox_;
  std::uint64_t wake_ups_ = 0;
  std::map<NodeId, Session> sessions_;
  std::map<NodeId, std::uint64_t> probe_sessions_;  ///< Incarnation that the kept session is connected to.
  std::map<NodeId, std::deque<std::shared_ptr<StepRun>>> queues_;
  std::optional<NodeId> sentinel_;
  std::uint64_t sentinel_number_ = 0;
  bool sentinel_attached_ = false;

  std::map<std::uint64_t, std::optional<control::Reply>> replies_;
  std::vector<Problem> problems_;
  std::map<std::string, Operation> operations_;
  std::vector<AppliedRevision> revisions_;
  Time last_order_{};
  std::uint64_t steps_ordered_ = 0;
  std::uint64_t ticks_ = 0;
  std::uint64_t moments_ = 0;
  std::map<int, std::uint64_t> released_unheard_;
  std::vector<std::string> misdeeds_;
};

}  // namespace repl::sim

// The inside of a Controller, shared by the files that implement it: controller.cpp (the loop), requests.cpp (what
// people ask for), maintenance.cpp (where it keeps off), decisions.cpp (what it does by itself), operations.cpp
// (carrying out), recording.cpp (what the servers keep), discarded.cpp (what clones throw away), hooks.cpp (the
// owner's programs).
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "control/controller.hpp"
#include "control/observations.hpp"

namespace repl::control {

struct Controller::State {
  ClusterId cluster;
  Memory memory;
  Observations observed;

  Output out;  ///< Of the step that is being made.
  bool memory_changed = false;
  bool resuming = false;  ///< An operation of before the restart waits for the first complete view.
  Time started{};

  std::shared_ptr<const View> view;
  std::vector<Problem> problems;
  std::shared_ptr<const std::vector<Problem>> published;  ///< As the readers have them.
  std::map<std::pair<std::string, std::optional<NodeId>>, Time> first_seen;
  std::set<std::pair<std::string, std::optional<NodeId>>> announced;
  std::optional<ErrorCode> announced_block;  ///< Why a failover is held back, as last told.
  /// End of the last operation, or change of the primary: older looks say nothing about what is to be done now.
  Time changed_at{};

  /// An apply that waits for inventories.
  struct PendingApply {
    std::uint64_t ticket = 0;
    std::string asked_by;
    ApplySpec what;
    Time until{};
  };
  std::optional<PendingApply> applying;

  /// After an attempt that failed, or did not help: when the next may be made, by what is attempted.
  struct Retry {
    int failures = 0;
    Time not_before{};
    std::optional<Time> done;  ///< End of the last attempt, when it succeeded.
    std::string why;           ///< Else what it failed of.
  };
  std::map<std::string, Retry> retries;
  std::string attempting;  ///< Key of the running automatic operation.

  /// Hooks after the latest change that had to wait until something more urgent is done. A copy: that they have not
  /// been run is remembered as a failure of theirs.
  std::vector<RunHook> put_off;
  /// Whom the group's writes were last handed to on request: that it is the primary is no failover.
  std::optional<NodeId> handed_to;

  /// A rise of the acknowledgement count counts for the quorum once all ackers have what was committed before it.
  std::optional<std::pair<int, GtidSet>> settling;

  Time last_inventory{}, next_inventory{};  ///< When every node was, and will be, looked at thoroughly.
  /// What the servers keep of the cluster, as far as this process knows; only a copy of what `memory` says.
  struct Recording {
    std::optional<ClusterRecord> kept;  ///< Written by us, or found to be so. Its document is left out.
    bool under_way = false;
    Time until{};       ///< While under way: given up then.
    Time not_before{};  ///< After a failure.
    int failures = 0;
  };
  Recording recording;

  // controller.cpp
  void take(Time now, const Input& input);
  void look(Time now);
  void compare_with_restored(Time now);
  void finish(Time now);
  void note(Time now, Severity severity, std::string kind, std::string text, std::optional<NodeId> node = {});
  void remember() { memory_changed = true; }

  // observing the primary in office (office.cpp)
  void follow_office(Time now);
  void follow_group(Time now);
  void take_office(const Operation& operation, Time now);
  Office office_with(const Spec& spec, Time now) const;
  void watch(const Spec& spec, Time now);
  GtidSet inheritance(const Operation& operation) const;

  // requests.cpp
  void request(Time now, const Request& request);
  void apply_when_looked_at(Time now);
  void reply(std::uint64_t ticket, Error error);
  void take_up(Time now, const PendingApply& pending, Revision revision);
  void look_thoroughly(Time now);
  void forget_inventories(Time now);
  void look_thoroughly_soon(Time now);

  // maintenance.cpp
  void begin_maintenance(Time now, const BeginMaintenance& what, const std::string& by);
  void end_maintenance(Time now, const std::optional<NodeId>& node, const std::string& how);
  void end_maintenance_that_is_over(Time now);
  const Maintenance* maintenance_around(const Problem& problem) const;
  const Maintenance* maintenance_in_the_way_of(const Plan& plan) const;
  void tell_of_maintenance(Plan& plan) const;
  void keep_off(const Maintenance& maintenance, Time now);
  bool still_works_on(const std::optional<NodeId>& node) const;
  bool must_be_fenced(const Problem& problem) const;

  // decisions.cpp
  void decide(Time now);
  bool looked_since_last_change() const;
  Result<void> may_act_on(const Problem& failover, Time now) const;
  void decide_resumption(Time now);

  // hooks.cpp
  void tell_of_hook(const StepDone& done, Time now);
  void keep_failed_hooks(const Operation& over);
  void put_hooks_off(std::string_view urgent, Time now);
  void run_due_hooks(Time now);

  // recording.cpp
  void keep_record(Time now);
  void take_record(const RecordDone& done, Time now);
  const Snapshot* may_keep_record() const;

  // discarded.cpp
  void remember_discarded(const Step& step, Time now);
  void forget_what_is_retired(Time now);

  // operations.cpp
  void start(Time now, Plan plan, std::string asked_by, std::string cause, Phase phase = Phase::Only);
  void progress(Time now);
  void intend(const StepOrder& order);
  void after_securing(Time now);
  void let_go(const std::set<NodeId>& lost, std::string why, Time now);
  bool looked_at_the_outcome(Time now);
  void tell_what_was_given_up(const Operation& over, Time now);
  void operation_over(Time now);
  void keep_prior_settings(const Operation& ended);
  bool busy() const { return memory.operation.has_value(); }
};

/// While it is wanted, there are two writers, or none.
inline bool is_urgent(Goal goal) {
  return goal == Goal::FailOver || goal == Goal::Fence || goal == Goal::Reopen;
}

/// Why nothing is done in a cluster whose file says `management: observe`, and what to do.
std::string only_looks_on(const ClusterId& cluster);

}  // namespace repl::control

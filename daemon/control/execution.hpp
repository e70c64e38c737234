// Carrying out a plan, as a state machine on Operation: which steps may start, what a result leads to, how it is taken
// back, how it is taken up after a restart of repld. Pure.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "control/controller.hpp"
#include "model/operation.hpp"

namespace repl::control {

/// A new operation, no step of which has started.
Operation begin(OperationId id, Plan plan, Term term, Time now);

/// Steps that are to be started now; they are marked as running. Retries whose pause has passed are among them.
std::vector<StepOrder> start_ready(Operation& operation, Time now);

/// Takes up a result. Results of steps that are not running are ignored: an earlier attempt's, or a crashed repld's.
void take_result(Operation& operation, const StepDone& done, Time now);

/// Gives steps up whose result is overdue: their outcome is uncertain.
void expire_overdue(Operation& operation, Time now);

/// Begins to take back what was done; running steps are waited for first. A repair, rejoin or fence is given up
/// instead; and where only best-effort steps are left, those that were not started are.
void take_back(Operation& operation, Error why, Time now);

/// What is under way is taken back for something more urgent: steps that only take long (a clone, a restart, a wait),
/// and all on `lost` nodes, are let go of, and nothing that takes long, or is on a lost node, is taken back: that is
/// found by looking, once there is time.
/// @return the steps that nobody waits for any more
std::vector<StepCancel> give_way(Operation& operation, const std::set<NodeId>& lost, Error why, Time now);
/// It waits for clones and for nothing else: they take hours.
bool only_clones_run(const Operation& operation);
/// A restart of the node is under way.
bool restarts(const Operation& operation, const std::optional<NodeId>& node);

/// All else is done: what is left are hooks that run after the change.
bool only_hooks_are_left(const Operation& operation);
/// The same of any best-effort steps: nothing that is needed is left, so nothing is taken back any more.
bool only_best_effort_is_left(const Operation& operation);
/// They count as failed. One that is running is not waited for.
/// @param how  ends the sentence "preFailover hook fence ..."
void give_up_hooks(Operation& operation, const std::string& how, Time now);

/// After a restart of repld: steps that were running may or may not have been carried out, so they are run again; each
/// finds out whether its goal is reached.
void resume(Operation& operation);

/// The step that opens the new primary, or any after it, was started: there is no way back.
bool past_point_of_no_return(const Operation& operation);

/// The step at the point of no return is done: the new primary is in office.
bool opened(const Operation& operation);
/// The same, or some attempt at it ended without certainty: then the node has to be taken for the primary.
bool may_have_opened(const Operation& operation);
/// It was taken back but for what was done on a server that was gone by then: that is still so when it comes back.
bool left_something(const Operation& operation);

/// When start_ready() or expire_overdue() has to be called next, if no result comes before.
Time next_wake_up(const Operation& operation, Time now);

/// All steps done that are needed (best-effort ones may have failed).
bool all_finished(const Operation& operation);

/// The longest a step may take before its session is dropped.
Duration time_limit(const Step& step);

}  // namespace repl::control

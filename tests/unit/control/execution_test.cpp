// Carrying out a plan: order, retries, the way back, and what a restart of repld makes of it.
#include "control/execution.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "plan/builder.hpp"
#include "unit/support/cluster.hpp"
#include "unit/support/dice.hpp"

namespace repl::test {
namespace {

using control::StepDone;
using control::StepOrder;
using plan::Builder;
using plan::Must;

Step closes(const NodeId& n) {
  return SetReadOnly{n, ReadOnly::Off, ReadOnly::Super};
}
Step opens(const NodeId& n) {
  return SetReadOnly{n, ReadOnly::Super, ReadOnly::Off};
}
Step waits(const NodeId& n) {
  return WaitForApplied{n, kA, 10s};
}

StepResult done() {
  return {};
}
StepResult refused(ErrorCode code = ErrorCode::ServerRefused) {
  return {.error = Error{code, "no"}};
}
StepResult lost(ErrorCode code = ErrorCode::DeadlineExceeded) {
  return {.error = Error{code, "no result in time"}, .certain = false};
}

/// An operation, a clock, and the orders it gives.
struct Rehearsal {
  Operation op;
  Time now = kNow;
  std::vector<std::string> log;  ///< "+ b: ..." started, "- b: ..." taken back.

  explicit Rehearsal(Plan plan) : op(control::begin({"shop-1"}, std::move(plan), {2}, kNow)) {}

  std::vector<StepOrder> start() {
    auto orders = control::start_ready(op, now);
    for (const auto& o : orders) log.push_back((o.undo ? "- " : "+ ") + describe(o.step));
    return orders;
  }
  void answer(std::size_t step, StepResult result, bool undo = false) {
    control::take_result(op, StepDone{op.id, step, undo, std::move(result)}, now);
  }
  /// Every step that is ordered is done, until nothing is ordered any more; time goes on between.
  void finish(const std::function<StepResult(const StepOrder&)>& result = [](const StepOrder&) { return done(); }) {
    for (int rounds = 0; rounds < 1000 && !is_over(op.state); ++rounds) {
      const auto orders = start();
      for (const auto& o : orders) answer(o.index, result(o), o.undo);
      if (orders.empty() && !is_over(op.state)) {
        now = control::next_wake_up(op, now);
        control::expire_overdue(op, now);
      }
    }
  }
  StepState state(std::size_t step) const { return op.progress[step].state; }
};

using Log = std::vector<std::string>;

/// close a, wait for b, open b (no return), tidy a up.
Plan switch_plan() {
  Builder plan{Goal::SwitchOver};
  const auto closed = plan.add(closes(kA));
  const auto waited = plan.add(waits(kB), {closed});
  const auto open = plan.add(opens(kB), {waited});
  plan.opens(open, kB);
  plan.add(FollowSource{.replica = kA, .to = kB}, {open}, Must::BestEffort);
  return std::move(plan).take();
}

// ---- order ----------------------------------------------------------------------------------------------------------

TEST(Execution, StartsAStepWhenThoseBeforeItAreDone) {
  Rehearsal run{switch_plan()};
  ASSERT_EQ(run.start().size(), 1u);
  EXPECT_EQ(run.start().size(), 0u) << "it is running";
  run.answer(0, done());
  ASSERT_EQ(run.start().size(), 1u);
  EXPECT_EQ(run.state(1), StepState::Running);
  EXPECT_EQ(run.state(2), StepState::Waiting);
}

TEST(Execution, StartsWhatDoesNotDependOnEachOtherAtTheSameTime) {
  Builder plan{Goal::FailOver};
  for (const auto& n : {kA, kB, kC}) plan.add(DetachReceiver{n, {"d"}});
  plan.add(ApplyReceived{kA, gtids("A:1"), 10s});
  Rehearsal run{std::move(plan).take()};
  const auto orders = run.start();
  EXPECT_EQ(orders.size(), 3u);
  run.answer(0, done());
  EXPECT_EQ(run.start().size(), 1u) << "the step of one node does not wait for another";
}

TEST(Execution, OrdersCarryOperationTermAndDeadline) {
  Rehearsal run{switch_plan()};
  const auto order = run.start().at(0);
  EXPECT_EQ(order.operation.value, "shop-1");
  EXPECT_EQ(order.term.number, 2u);
  EXPECT_EQ(order.index, 0u);
  EXPECT_FALSE(order.undo);
  EXPECT_EQ(order.deadline, kNow + control::time_limit(order.step));
}

TEST(Execution, IsDoneWhenAllStepsAre) {
  Rehearsal run{switch_plan()};
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(run.op.finished, run.now);
  EXPECT_FALSE(run.op.error);
  EXPECT_TRUE(control::opened(run.op));
}

TEST(Execution, OfAnEmptyPlanIsDoneAtOnce) {
  Rehearsal run{Plan{.goal = Goal::Repair}};
  run.start();
  EXPECT_EQ(run.op.state, OperationState::Done);
}

TEST(Execution, GoesOnWhenABestEffortStepFails) {
  Builder plan{Goal::FailOver};
  const auto first = plan.add(DetachReceiver{kB, kA}, {}, Must::BestEffort);
  plan.add(DetachReceiver{kC, kA}, {first});
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) { return o.index == 0 ? refused() : done(); });
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(run.state(0), StepState::Failed);
  EXPECT_FALSE(run.op.error);
}

TEST(Execution, IgnoresResultsThatAreNotItsOwn) {
  Rehearsal run{switch_plan()};
  run.start();
  control::take_result(run.op, StepDone{{"shop-0"}, 0, false, done()}, run.now);
  control::take_result(run.op, StepDone{run.op.id, 99, false, done()}, run.now);
  run.answer(0, done(), true);
  run.answer(1, done());
  EXPECT_EQ(run.state(0), StepState::Running);
  EXPECT_EQ(run.state(1), StepState::Waiting);
}

TEST(Execution, IgnoresASecondResultOfAStep) {
  Rehearsal run{switch_plan()};
  run.start();
  run.answer(0, done());
  run.answer(0, refused());
  EXPECT_EQ(run.state(0), StepState::Done);
  EXPECT_EQ(run.op.state, OperationState::Running);
}

// ---- the way back ---------------------------------------------------------------------------------------------------

TEST(Execution, TakesEverythingBackLastStepFirst) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(SetVariable{kA, "x", "1", "2"});
  const auto two = plan.add(PersistReadOnly{kB, false, true}, {one});
  plan.add(closes(kC), {two});
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) { return o.index == 2 ? refused() : done(); });
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log,
            (Log{"+ a: set x 1 -> 2", "+ b: after a restart super-read-only", "+ c: writable -> super-read-only",
                 "- b: after a restart as its option files say", "- a: set x 2 -> 1"}));
  EXPECT_EQ(run.op.error->code, ErrorCode::ServerRefused);
  EXPECT_EQ(run.state(0), StepState::Undone);
  EXPECT_EQ(run.state(1), StepState::Undone);
  EXPECT_EQ(run.state(2), StepState::Failed);
}

TEST(Execution, TakesOneStepBackAtATime) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  plan.add(closes(kB));
  plan.add(closes(kC));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, done());
  run.answer(1, done());
  run.answer(2, refused());
  ASSERT_EQ(run.op.state, OperationState::Undoing);
  ASSERT_EQ(run.start().size(), 1u);
  EXPECT_EQ(run.log.back(), "- b: super-read-only -> writable");
  EXPECT_EQ(run.start().size(), 0u);
  run.answer(1, done(), true);
  run.start();
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(Execution, WaitsForRunningStepsBeforeItTakesAnythingBack) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  plan.add(closes(kB));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(1, refused());
  EXPECT_EQ(run.start().size(), 0u) << "a is still at it";
  run.answer(0, done());
  EXPECT_EQ(run.start().size(), 1u);
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(Execution, TakesAStepBackThatMayHaveBeenCarriedOut) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) { return o.undo ? done() : lost(); });
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log, (Log{"+ a: writable -> super-read-only", "- a: super-read-only -> writable"}));
}

TEST(Execution, TakesBackABestEffortStepWhoseOutcomeIsUncertain) {
  Builder plan{Goal::FailOver};
  plan.add(DetachReceiver{kB, kA}, {}, Must::BestEffort);
  plan.add(closes(kC));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, lost());
  run.answer(1, refused());
  run.start();
  EXPECT_EQ(run.log.back(), "- b: follow a");
}

TEST(Execution, HasNothingToTakeBackOfAStepThatWasRefused) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder&) { return refused(); });
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log.size(), 1u);
}

TEST(Execution, SkipsStepsThatWereNotStarted) {
  Rehearsal run{switch_plan()};
  run.start();
  run.answer(0, refused());
  run.start();
  for (const std::size_t i : {1, 2, 3}) EXPECT_EQ(run.state(i), StepState::Skipped);
}

TEST(Execution, TriesToTakeAStepBackAgainAfterAPause) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(closes(kA));
  plan.add(closes(kB), {one});
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, done());
  run.start();
  run.answer(1, refused());
  run.start();
  run.answer(0, refused(), true);
  EXPECT_EQ(run.start().size(), 0u);
  run.now = control::next_wake_up(run.op, run.now);
  EXPECT_EQ(run.start().size(), 1u);
  run.answer(0, done(), true);
  run.start();
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
}

TEST(Execution, AsksForAPersonWhenAStepCannotBeTakenBack) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(closes(kA));
  plan.add(closes(kB), {one});
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) { return o.undo || o.index == 1 ? refused() : done(); });
  EXPECT_EQ(run.op.state, OperationState::NeedsPerson);
  EXPECT_EQ(run.state(0), StepState::Failed);
  EXPECT_GE(std::count(run.log.begin(), run.log.end(), "- a: super-read-only -> writable"), 5);
}

TEST(Execution, SaysBothWhyItIsTakenBackAndWhereThatStopped) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(closes(kA));
  plan.add(closes(kB), {one});
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) {
    StepResult out;
    if (o.undo || o.index == 1) out.error = Error{ErrorCode::ServerRefused, o.undo ? "1205 in the way" : "b said no"};
    return out;
  });
  ASSERT_TRUE(run.op.error);
  EXPECT_EQ(run.op.error->message,
            "b said no; taking it back stopped at \"a: super-read-only -> writable\": 1205 in the way");
}

TEST(Execution, TakesNothingBackWhenOnlyBestEffortIsLeft) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(closes(kA));
  const auto two = plan.add(closes(kB), {one}, Must::BestEffort);
  plan.add(closes(kC), {two}, Must::BestEffort);
  Rehearsal run{std::move(plan).take()};
  run.start();
  EXPECT_FALSE(control::only_best_effort_is_left(run.op));
  run.answer(0, done());
  run.start();
  EXPECT_TRUE(control::only_best_effort_is_left(run.op));
  control::take_back(run.op, Error{ErrorCode::Conflict, "gave way"}, run.now);
  EXPECT_EQ(run.state(2), StepState::Failed) << "not begun any more";
  EXPECT_EQ(run.op.state, OperationState::Running) << "the one that runs is waited for";
  run.answer(1, done());
  EXPECT_EQ(run.start().size(), 0u);
  EXPECT_EQ(run.op.state, OperationState::Done);
}

TEST(Execution, LeavesADeadServerAsItIs) {
  Rehearsal run{switch_plan()};
  run.finish([](const StepOrder& o) {
    if (o.undo) return refused(ErrorCode::ConnectionRefused);
    return o.index == 1 ? refused() : done();
  });
  EXPECT_EQ(run.op.state, OperationState::TakenBack) << "it comes back closed, and is reopened when it does";
  EXPECT_EQ(run.state(0), StepState::Skipped);
}

TEST(Execution, TakesBackOnDemand) {
  Rehearsal run{switch_plan()};
  run.start();
  run.answer(0, done());
  run.start();
  control::take_back(run.op, Error{ErrorCode::Conflict, "gave way"}, run.now);
  EXPECT_EQ(run.op.state, OperationState::Undoing);
  run.answer(1, done());
  run.start();
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
  EXPECT_EQ(run.op.error->message, "gave way");
}

// ---- the point of no return -----------------------------------------------------------------------------------------

/// The switchover, up to the point of no return, which has been ordered.
Rehearsal at_the_point() {
  Rehearsal run{switch_plan()};
  run.start();
  run.answer(0, done());
  run.start();
  run.answer(1, done());
  EXPECT_FALSE(control::past_point_of_no_return(run.op));
  run.start();
  EXPECT_TRUE(control::past_point_of_no_return(run.op)) << "once ordered, it may have happened";
  EXPECT_FALSE(control::opened(run.op));
  return run;
}

TEST(PointOfNoReturn, OnlyGoesForwardAfterAnUncertainOutcome) {
  auto run = at_the_point();
  run.answer(2, lost());
  EXPECT_EQ(run.op.state, OperationState::Running);
  EXPECT_TRUE(control::past_point_of_no_return(run.op));
  EXPECT_TRUE(control::may_have_opened(run.op));
  EXPECT_EQ(run.start().size(), 0u) << "after a pause";
  run.now = control::next_wake_up(run.op, run.now);
  EXPECT_EQ(run.start().size(), 1u);
  run.answer(2, done());
  EXPECT_TRUE(control::opened(run.op));
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::Done);
}

TEST(PointOfNoReturn, GoesBackOnTheServersOwnRefusal) {
  auto run = at_the_point();
  run.answer(2, refused(ErrorCode::ServerRefused));
  EXPECT_EQ(run.op.state, OperationState::Undoing);
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(PointOfNoReturn, DoesNotGoBackWhenAnEarlierAttemptMayHaveWorked) {
  auto run = at_the_point();
  run.answer(2, lost());
  run.now += 10s;
  run.start();
  run.answer(2, refused(ErrorCode::ServerRefused));
  EXPECT_EQ(run.op.state, OperationState::Running);
  run.finish([](const StepOrder&) { return refused(ErrorCode::ServerRefused); });
  EXPECT_EQ(run.op.state, OperationState::NeedsPerson);
  EXPECT_TRUE(control::may_have_opened(run.op));
  EXPECT_EQ(std::count_if(run.log.begin(), run.log.end(), [](const auto& l) { return l.starts_with("- "); }), 0);
}

TEST(PointOfNoReturn, GivesUpWhenNoAttemptCanHaveWorked) {
  auto run = at_the_point();
  run.answer(2, refused(ErrorCode::ConnectionRefused));
  run.finish([](const StepOrder& o) { return o.undo ? done() : refused(ErrorCode::ConnectionRefused); });
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_FALSE(control::may_have_opened(run.op));
}

TEST(PointOfNoReturn, IsFollowedByStepsThatAreTriedSeveralTimes) {
  auto run = at_the_point();
  run.answer(2, done());
  int attempts = 0;
  run.finish([&](const StepOrder&) { return ++attempts < 4 ? refused() : done(); });
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(run.state(3), StepState::Done);
}

TEST(PointOfNoReturn, IsNotUndoneByABestEffortStepThatNeverWorks) {
  auto run = at_the_point();
  run.answer(2, done());
  run.finish([&](const StepOrder&) { return refused(); });
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(run.state(3), StepState::Failed);
}

TEST(PointOfNoReturn, AsksForAPersonWhenANeededStepAfterItNeverWorks) {
  Builder plan{Goal::SwitchOver};
  const auto open = plan.add(opens(kB));
  plan.opens(open, kB);
  plan.add(closes(kC), {open});
  Rehearsal run{std::move(plan).take()};
  run.finish([](const StepOrder& o) { return o.index == 1 ? refused() : done(); });
  EXPECT_EQ(run.op.state, OperationState::NeedsPerson);
  EXPECT_TRUE(run.op.error);
}

TEST(PointOfNoReturn, TurnsSemiSyncOnAgainBeforeItOpensAgain) {
  Builder plan{Goal::FailOver};
  const auto semi = plan.add(SetSemiSyncSource{kB, false, true});
  const auto open = plan.add(
      SetReadOnly{.node = kB, .from = ReadOnly::Super, .to = ReadOnly::Off, .only_with_semi_sync = true}, {semi});
  plan.opens(open, kB);
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, done());
  run.start();
  // Restarted in between: the server has forgotten it.
  run.answer(1, refused(ErrorCode::PreconditionFailed));
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(run.log, (Log{"+ b: semi-sync source on, 1 ack", "+ b: super-read-only -> writable",
                          "+ b: semi-sync source on, 1 ack", "+ b: super-read-only -> writable"}));
}

TEST(PointOfNoReturn, IsNeverPassedByAPlanWithoutOne) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  Rehearsal run{std::move(plan).take()};
  run.start();
  EXPECT_FALSE(control::past_point_of_no_return(run.op));
  run.answer(0, done());
  EXPECT_FALSE(control::past_point_of_no_return(run.op));
  EXPECT_FALSE(control::opened(run.op));
}

// ---- time -----------------------------------------------------------------------------------------------------------

TEST(TimeLimit, IsTheStepsOwnWaitAndSome) {
  EXPECT_GT(control::time_limit(WaitForApplied{kB, kA, 42s}), 42s);
  EXPECT_GT(control::time_limit(ApplyReceived{kB, {}, 42s}), 42s);
  EXPECT_GT(control::time_limit(WaitForAckers{kA, 1, 42s}), 42s);
  EXPECT_GT(control::time_limit(SetReadOnly{kA, ReadOnly::Off, ReadOnly::Super, 42s}), 42s);
  EXPECT_GT(control::time_limit(StartReplication{kA}), 0s);
}

TEST(Execution, GivesAStepUpWhoseResultIsOverdue) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  Rehearsal run{std::move(plan).take()};
  const auto order = run.start().at(0);
  run.now = order.deadline;
  control::expire_overdue(run.op, run.now);
  EXPECT_EQ(run.state(0), StepState::Running) << "its result may be on its way";
  run.now = control::next_wake_up(run.op, run.now);
  control::expire_overdue(run.op, run.now);
  EXPECT_EQ(run.op.state, OperationState::Undoing);
  EXPECT_FALSE(run.op.progress[0].result->certain);
  run.start();
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(Execution, IgnoresAResultThatComesAfterItWasGivenUp) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.now += 60s;
  control::expire_overdue(run.op, run.now);
  run.answer(0, done());
  EXPECT_EQ(run.op.state, OperationState::Undoing);
}

TEST(NextWakeUp, IsNotInThePastWhileAnInverseTakesLongerThanItsStep) {
  // Detaching may take 4 s, following again 10 s.
  Builder plan{Goal::FailOver};
  plan.add(DetachReceiver{kB, kA});
  plan.add(closes(kC));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, done());
  run.answer(1, refused());
  ASSERT_EQ(run.start().size(), 1u);
  run.now += 8s;
  control::expire_overdue(run.op, run.now);
  run.start();
  EXPECT_GT(control::next_wake_up(run.op, run.now), run.now);
}

// ---- restart of repld -----------------------------------------------------------------------------------------------

TEST(Resume, RunsStepsAgainThatWereRunning) {
  Rehearsal run{switch_plan()};
  run.start();
  run.answer(0, done());
  run.start();
  control::resume(run.op);
  EXPECT_EQ(run.state(0), StepState::Done);
  EXPECT_EQ(run.state(1), StepState::Waiting);
  run.now += 10s;
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::Done);
  EXPECT_EQ(std::count(run.log.begin(), run.log.end(), "+ a: writable -> super-read-only"), 1);
}

TEST(Resume, TakesBackWhatWasRunning) {
  Rehearsal run{switch_plan()};
  run.start();
  control::resume(run.op);
  control::take_back(run.op, Error{ErrorCode::Conflict, "restarted"}, run.now);
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable") << "it may have been carried out";
}

TEST(Resume, GoesOnTakingBack) {
  Builder plan{Goal::Converge};
  const auto one = plan.add(closes(kA));
  const auto two = plan.add(closes(kB), {one});
  plan.add(closes(kC), {two});
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(0, done());
  run.start();
  run.answer(1, done());
  run.start();
  run.answer(2, refused());
  run.start();  // the inverse of b is under way
  control::resume(run.op);
  run.now += 10s;
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(std::count(run.log.begin(), run.log.end(), "- b: super-read-only -> writable"), 2) << "run again";
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(Resume, KeepsWaitingForRunningStepsOfAnOperationThatIsTakenBack) {
  Builder plan{Goal::Converge};
  plan.add(closes(kA));
  plan.add(closes(kB));
  Rehearsal run{std::move(plan).take()};
  run.start();
  run.answer(1, refused());
  control::resume(run.op);  // a was still running
  run.now += 10s;
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::TakenBack);
  EXPECT_EQ(run.log.back(), "- a: super-read-only -> writable");
}

TEST(Resume, IsStillPastThePointOfNoReturn) {
  auto run = at_the_point();
  control::resume(run.op);
  EXPECT_TRUE(control::past_point_of_no_return(run.op));
  run.now += 10s;
  run.finish();
  EXPECT_EQ(run.op.state, OperationState::Done);
}

// ---- whatever happens -----------------------------------------------------------------------------------------------

RC_GTEST_PROP(Execution, EndsInAnExplainedStateWhateverHappens, ()) {
  auto dice = any_dice();
  const auto between = [&](int low, int high) { return dice.between(low, high); };
  Builder builder{Goal::SwitchOver};
  const int count = between(1, 8);
  const int point = between(0, count);
  for (int i = 0; i < count; ++i) {
    std::vector<Builder::Index> after;
    for (int j = 0; j < i; ++j) {
      if (between(0, 3) == 0) after.push_back(static_cast<std::size_t>(j));
    }
    if (i >= point) after.push_back(static_cast<std::size_t>(point));
    if (i == point) {
      after.clear();
      for (int j = 0; j < i; ++j) after.push_back(static_cast<std::size_t>(j));
    }
    const NodeId node{std::string(1, static_cast<char>('a' + between(0, 2)))};
    const std::vector<Step> kinds{closes(node), waits(node), DetachReceiver{node, {"d"}}, StartReplication{node},
                                  FollowSource{.replica = node, .to = {"d"}}};
    const auto index = builder.add_beside(i == point ? opens(node) : kinds[static_cast<std::size_t>(between(0, 4))],
                                          after, between(0, 2) == 0 && i != point ? Must::BestEffort : Must::Succeed);
    if (i == point) builder.opens(index, node);
  }
  Rehearsal run{std::move(builder).take()};
  const auto plan = run.op.plan;
  bool opened_once = false;
  std::vector<StepOrder> running;
  for (int i = 0; i < 5000 && !is_over(run.op.state); ++i) {
    for (const auto& order : run.start()) {
      for (const auto before : plan.steps[order.index].after) {
        const auto state = run.state(before);
        const bool settled = state == StepState::Done || (plan.steps[before].best_effort && state == StepState::Failed);
        if (!order.undo) RC_ASSERT(settled);
      }
      if (order.undo) RC_ASSERT(run.op.state == OperationState::Undoing);
      running.push_back(order);
    }
    const auto next = control::next_wake_up(run.op, run.now);
    if (!is_over(run.op.state)) RC_ASSERT(next > run.now);
    const int what = between(0, 9);
    if (what == 0) {
      control::resume(run.op);
      running.clear();
    } else if (what <= 2 || running.empty()) {
      run.now = next;
      control::expire_overdue(run.op, run.now);
    } else {
      const auto which = static_cast<std::size_t>(between(0, static_cast<int>(running.size()) - 1));
      const auto order = running[which];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
      const std::vector<StepResult> results{done(), done(), done(), refused(), refused(ErrorCode::ConnectionRefused),
                                            lost()};
      run.answer(order.index, results[static_cast<std::size_t>(between(0, 5))], order.undo);
    }
    opened_once = opened_once || control::opened(run.op);
    if (opened_once) RC_ASSERT(run.op.state != OperationState::Undoing && run.op.state != OperationState::TakenBack);
  }
  RC_ASSERT(is_over(run.op.state));
  if (run.op.state != OperationState::Done) RC_ASSERT(run.op.error.has_value());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& p = run.op.progress[i];
    if (run.op.state == OperationState::Done) {
      RC_ASSERT(p.state == StepState::Done || (plan.steps[i].best_effort && p.state == StepState::Failed));
    }
    if (run.op.state == OperationState::TakenBack) RC_ASSERT(p.state != StepState::Done);
  }
}

}  // namespace
}  // namespace repl::test

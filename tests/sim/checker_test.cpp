// Proof that the simulator can find defects: the servers are made to betray repld, and the invariant that should break
// must break. A checker that stays silent here would stay silent about a wrong controller as well.
#include <gtest/gtest.h>

#include "sim/families.hpp"
#include "sim/in_parallel.hpp"

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTries = 30;

Strike strike(FaultKind kind, Who who, Duration span, Duration after, Who other = replica(0)) {
  return {at(after), {.kind = kind, .who = who, .span = span, .other = other}};
}

Schedule schedule(Tampering tampering, std::vector<Strike> strikes) {
  Schedule s;
  s.name = "tampered";
  s.setup.failover.cooldown = 0s;
  s.setup.writers = 3;
  s.setup.window = 16s;
  s.tampering = tampering;
  s.strikes = std::move(strikes);
  return s;
}

/// Some of the first seeds breaks `invariant`; none does without the tampering.
void expect_broken(Schedule s, Invariant invariant) {
  int broken = 0;
  for (std::uint64_t seed = 1; seed <= kTries; ++seed) {
    s.seed = seed;
    const auto report = run(s);
    for (const auto& v : report.violations) broken += v.invariant == invariant ? 1 : 0;
    if (broken > 0) break;
  }
  EXPECT_GT(broken, 0) << to_string(invariant) << " was not noticed in " << kTries << " runs of " << describe(s);
  s.tampering = Tampering::None;
  s.falsify = nullptr;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    s.seed = seed;
    const auto report = run(s);
    for (const auto& v : report.violations) EXPECT_NE(v.invariant, invariant) << "without tampering: " << v.what;
  }
}

TEST(Checker, NoticesALostAcknowledgementWhenNobodyWaitsForTheCandidate) {
  expect_broken(schedule(Tampering::WaitsReturnAtOnce, {strike(FaultKind::StallApplier, replica(0), 6s, 1s),
                                                        strike(FaultKind::StallApplier, replica(1), 6s, 1s),
                                                        strike(FaultKind::Kill, kPrimary, 10s, 3s)}),
                Invariant::NoLostAck);
}

TEST(Checker, NoticesALostAcknowledgementWhenDetachingDropsTheRelayLog) {
  expect_broken(schedule(Tampering::DetachDropsRelayLog, {strike(FaultKind::StallApplier, replica(0), 2s, 2900ms),
                                                          strike(FaultKind::StallApplier, replica(1), 2s, 2900ms),
                                                          strike(FaultKind::Kill, kPrimary, 10s, 3s)}),
                Invariant::NoLostAck);
}

TEST(Checker, NoticesTwoWritersWhenTheOldPrimaryIsNotClosed) {
  expect_broken(schedule(Tampering::ReadOnlyDoesNothing, {strike(FaultKind::RequestSwitchOver, kPrimary, 0s, 2s)}),
                Invariant::OneWriter);
}

TEST(Checker, NoticesTwoWritersWhenACrashedServerComesBackOpen) {
  expect_broken(schedule(Tampering::PersistedIsIgnored, {strike(FaultKind::Kill, kPrimary, 4s, 2s)}),
                Invariant::OneWriter);
}

TEST(Checker, NoticesACommitThatIsAcknowledgedByNobodyElse) {
  expect_broken(schedule(Tampering::SemiSyncNeverOn,
                         {strike(FaultKind::Kill, replica(0), 6s, 2s), strike(FaultKind::Kill, replica(1), 6s, 2s)}),
                Invariant::NoLoneAck);
}

TEST(Checker, NoticesReplicasThatStillAcknowledgeForAFrozenPrimary) {
  // One replica was not pointed away, so the old primary goes on with it when it wakes.
  auto s = schedule(Tampering::LastNodeStays, {strike(FaultKind::Freeze, kPrimary, 6s, 2s)});
  s.setup.nodes = 5;
  expect_broken(s, Invariant::OneWriter);
}

TEST(Checker, NoticesAPromotionThatForgetsAnAcker) {
  // One acknowledgement is enough, and repld is made to believe that two are: it then takes one replica for enough.
  auto s = schedule(Tampering::OneAckIsEnough,
                    {strike(FaultKind::CutOneWay, kPrimary, 14s, 2s, replica(1)),
                     strike(FaultKind::Kill, replica(0), 14s, 5s), strike(FaultKind::Kill, kPrimary, 14s, 5s)});
  s.setup.sync.acks = 2;
  s.falsify = [](Snapshot& snapshot) { snapshot.semi_sync.wait_for_count = 2; };
  expect_broken(s, Invariant::NoLostAck);
}

Schedule changing(Tampering tampering, Change change) {
  auto s = schedule(tampering, {{at(1s), {.kind = FaultKind::RequestApply, .change = change}}});
  s.setup.nodes = 4;
  s.setup.window = 8s;
  s.counts_after_apply = true;
  return s;
}

TEST(Checker, NoticesASettingThatIsNotSet) {
  expect_broken(changing(Tampering::SettingIsNotSet, Change::Setting), Invariant::Converges);
}

TEST(Checker, NoticesASettingThatIsNotTakenBack) {
  auto s = changing(Tampering::InverseDoesNothing, Change::Setting);
  s.step_strikes = {{Goal::Converge, 4, StepFault::RefusedBefore}};
  expect_broken(s, Invariant::Converges);
}

TEST(Checker, NoticesANodeThatWasNotAddedAndFollowsAllTheSame) {
  auto s = changing(Tampering::InverseDoesNothing, Change::AddNode);
  s.setup.spares = 1;
  // The last step, by which it follows.
  auto undisturbed = s;
  undisturbed.tampering = Tampering::None;
  s.step_strikes = {{Goal::Converge, run(undisturbed).orders.at(Goal::Converge), StepFault::ResultLost}};
  expect_broken(s, Invariant::Converges);
}

TEST(Checker, NoticesAnApplyThatIsDoneAndTheStoreSaysOtherwise) {
  expect_broken(changing(Tampering::SpecIsKept, Change::Setting), Invariant::OldOrNew);
}

TEST(Checker, NoticesAStepThatTheStoreDoesNotKnowOf) {
  expect_broken(schedule(Tampering::StoreForgets, {strike(FaultKind::RequestSwitchOver, kPrimary, 0s, 2s)}),
                Invariant::NoStaleAction);
}

}  // namespace
}  // namespace repl::sim

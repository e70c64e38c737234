// The failure catalogue's rows for source and replicas, each with what must follow from it and what must not, and the
// classic cases of deciding whether a source is dead.
#include <gtest/gtest.h>

#include "unit/diagnose/found.hpp"

namespace repl::test {
namespace {

// ---- source faults --------------------------------------------------------------------------------------------------

TEST(Catalogue, F1AcrashedSourceIsFailedOverAtOnce) {
  const auto c = async().kill("a");
  EXPECT_TRUE(fails_over(c));
  EXPECT_TRUE(finds(c, "DeadPrimary"));
  EXPECT_EQ(diagnose::hold_of("DeadPrimary", c.spec), 0s);
}

TEST(Catalogue, F1DoesNothingWhileAReplicaStillHearsTheCrashedSource) {
  auto c = async().kill("a");
  c["b"].follow("a");
  EXPECT_FALSE(fails_over(c));
}

TEST(Catalogue, F2ALostHostIsFailedOverOnceItWasSilentForGood) {
  auto c = async();
  c["b"].hears_nothing_for(2s);
  c["c"].hears_nothing_for(2s);
  c["a"].silent(2);
  EXPECT_FALSE(fails_over(c));
  c["a"].silent(3);
  EXPECT_TRUE(fails_over(c));
}

TEST(Catalogue, F2AnObserverThatReachesFewerThanHalfOfTheOthersIsTheIsolatedOne) {
  auto c = running(spec_of("a b c d e f")).freeze("a");
  c["b"].silent(3);
  c["c"].silent(3);
  c["d"].silent(3);
  EXPECT_FALSE(fails_over(c));
  EXPECT_TRUE(finds(c, "ObserverIsolated"));
}

TEST(Catalogue, F3ACutBetweenObserverAndSourceIsOnlyTold) {
  auto c = async();
  c["a"].silent(50);
  EXPECT_FALSE(fails_over(c));
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
  EXPECT_TRUE(finds(c, "PrimaryUnreachable"));
}

TEST(Catalogue, F4ASourceThatOnlyReplicasLostIsToldAfterBlockedAfter) {
  for (auto c : {async(), semi()}) {
    c.replicas_lose("a");
    EXPECT_FALSE(fails_over(c));
    EXPECT_TRUE(finds(c, "PrimaryNotHeard"));
    EXPECT_EQ(diagnose::hold_of("PrimaryNotHeard", c.spec), c.spec.failover.blocked_after);
    // Replicas are not repaired in a loop meanwhile.
    EXPECT_EQ(goals_in(c), std::vector<Goal>{});
  }
}

TEST(Catalogue, F5AHungSourceIsTakenForLostNeverAtOneLook) {
  auto c = semi();
  c["a"].silent(1);
  c["b"].hears_nothing_for(2s);
  c["c"].hears_nothing_for(2s);
  EXPECT_FALSE(fails_over(c));
  EXPECT_TRUE(finds(c, "PrimaryNotAnswering"));
  c["a"].silent(3);
  EXPECT_TRUE(fails_over(c));
}

TEST(Catalogue, F7AnErrorPacketMeansAlive) {
  for (const auto& answer :
       std::vector<Seen& (Seen::*)()>{&Seen::too_many_connections, &Seen::access_denied, &Seen::partial_answer}) {
    auto c = async().replicas_lose("a");
    (c["a"].*answer)();
    EXPECT_FALSE(fails_over(c));
    EXPECT_EQ(goals_in(c), std::vector<Goal>{});
    EXPECT_FALSE(found_in(c).empty()) << "somebody must be told";
  }
}

TEST(Catalogue, F8F9ASourceThatCameBackReadOnlyIsReopened) {
  auto c = semi();
  c["a"].read_only(ReadOnly::Super).semi_sync_source_off().now().uptime = 3s;
  EXPECT_EQ(goals_in(c), std::vector<Goal>{Goal::Reopen});
}

TEST(Catalogue, F9ASourceThatWasDemotedByANewerTermIsNotReopened) {
  auto c = running(spec_of("a b c").acks(1), "b");
  c["a"].no_channel();
  const auto goals = goals_in(c);
  EXPECT_EQ(goals, std::vector<Goal>{Goal::Rejoin});
}

TEST(Catalogue, F9ASourceIsNotReopenedBesideAnotherWriter) {
  auto c = semi();
  c["a"].read_only(ReadOnly::Super).semi_sync_source_off();
  c["b"].writable();
  const auto goals = goals_in(c);
  EXPECT_EQ(std::count(goals.begin(), goals.end(), Goal::Reopen), 0);
  EXPECT_EQ(goals.front(), Goal::Fence);
}

TEST(Catalogue, F10ADeadSourceWithSomeDeadReplicasIsStillAFailover) {
  auto c = running(spec_of("a b c d")).kill("a");
  c["b"].refused();
  EXPECT_TRUE(fails_over(c));
}

TEST(Catalogue, F12WithSourceAndAllReplicasAwayNothingIsDone) {
  auto c = async();
  for (auto& [name, n] : c.nodes) n.silent(9);
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
  EXPECT_TRUE(finds(c, "ObserverIsolated"));
  for (auto& [name, n] : c.nodes) n.refused();
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
}

TEST(Catalogue, F13ALockedSourceGetsItsAckersBackBeforeAnythingElse) {
  auto c = semi();
  c["a"].commits_waiting(12);
  c["b"].no_acker();
  c["c"].no_acker();
  EXPECT_TRUE(finds(c, "CommitsHang"));
  EXPECT_EQ(goals_in(c), (std::vector<Goal>{Goal::Repair, Goal::Repair}));
  EXPECT_TRUE(finds(c, "SemiSyncReplicaOff(b)"));
}

TEST(Catalogue, F13IsALockOnlyAfterBlockedAfter) {
  EXPECT_EQ(diagnose::hold_of("CommitsHang", spec_of("a b")), 5s);
}

TEST(Catalogue, F14TheNumberOfAckersIsNotReducedByItself) {
  EXPECT_EQ(found_in(running(spec_of("a b c d e").acks(1))), std::vector<std::string>{});
}

TEST(Catalogue, F15AFallBackToAsyncIsTold) {
  auto c = running(spec_of("a b c").acks(1).degrading());
  c["a"].now().semi_sync.source_status = false;
  EXPECT_TRUE(finds(c, "SemiSyncFellBack"));
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
}

TEST(Catalogue, F16NameAndCertificateTroublesOfReplicasAreNoWitness) {
  auto c = async();
  c["a"].lost(9);
  c["b"].lost_source(2005);
  c["c"].lost_source(2005);
  EXPECT_FALSE(fails_over(c));
}

TEST(Catalogue, F16OurOwnTlsTroubleIsNoDeath) {
  auto c = async();
  c["a"].access_denied();
  EXPECT_FALSE(fails_over(c));
  EXPECT_TRUE(finds(c, "AccessDenied(a)"));
}

// ---- replica faults -------------------------------------------------------------------------------------------------

TEST(Catalogue, R1ADeadReplicaIsTold) {
  auto c = async();
  c["b"].refused();
  EXPECT_EQ(found_in(c), std::vector<std::string>{"NodeUnreachable(b)"});
}

TEST(Catalogue, R2ReplicasThatAreAllStoppedDoNotMoveAHealthySource) {
  auto c = async();
  for (const auto* name : {"b", "c"}) c[name].lost_source(1045);
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
  EXPECT_TRUE(finds(c, "ReceiverFailing(b)"));
  EXPECT_TRUE(finds(c, "ReceiverFailing(c)"));
}

TEST(Catalogue, R3APurgedBinaryLogIsTold) {
  auto c = async();
  c["a"].purged("A:1-50");
  c["b"].executed("A:1-40").receiver_stopped(1236);
  EXPECT_TRUE(finds(c, "ReceiverFailing(b)"));
  EXPECT_TRUE(finds(c, "NeedsData(b)"));
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
}

TEST(Catalogue, R4AFailedApplierIsToldAndNeverStartedAgain) {
  for (const int error : {1062, 1032, 1146}) {
    auto c = async();
    c["b"].applier_stopped(error);
    EXPECT_TRUE(finds(c, "ApplierFailed(b)"));
    EXPECT_EQ(goals_in(c), std::vector<Goal>{}) << error;
  }
}

TEST(Catalogue, R5LagIsToldAndNothingElse) {
  auto c = async();
  for (const auto* name : {"b", "c"}) c[name].lag(1h);
  EXPECT_EQ(found_in(c), (std::vector<std::string>{"ReplicaLagging(b)", "ReplicaLagging(c)"}));
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
}

TEST(Catalogue, R6AWritableReplicaIsFenced) {
  auto c = async();
  c["b"].writable();
  EXPECT_EQ(goals_in(c), std::vector<Goal>{Goal::Fence});
}

TEST(Catalogue, R7AReplicaOfTheWrongSourceIsMoved) {
  auto c = async();
  c["c"].follow("b");
  EXPECT_EQ(goals_in(c), std::vector<Goal>{Goal::Repair});
}

TEST(Catalogue, R8AnErrantReplicaIsToldAndLeftAlone) {
  auto c = async();
  c["b"].executed("A:1-100,B:1-2").errant("B:1-2").no_channel();
  EXPECT_EQ(found_in(c), std::vector<std::string>{"ErrantTransactions(b)"});
  EXPECT_EQ(goals_in(c), std::vector<Goal>{});
  EXPECT_EQ(diagnose::hold_of("ErrantTransactions", c.spec), c.spec.failover.detection.probe_interval) << "two looks";
}

TEST(Catalogue, R9AChildOfADeadIntermediateSourceStaysUntilItIsDetached) {
  auto c = running(spec_of("a b c").follows("c", "b"));
  c["b"].refused();
  c["c"].lost_source();
  EXPECT_FALSE(fails_over(c));
  EXPECT_FALSE(finds(c, "WrongSource(c)"));
}

// ---- is it dead? the classic cases ----------------------------------------------------------------------------------

TEST(ADeadSource, WithAllReplicasReplicatingIsAFailover) {
  EXPECT_TRUE(fails_over(async().kill("a")));
}

TEST(ADeadSource, WithSomeReplicasReachableIsAFailover) {
  auto c = running(spec_of("a b c d e")).kill("a");
  c["d"].refused();
  c["e"].silent(4);
  EXPECT_TRUE(fails_over(c));
}

TEST(ADeadSource, WithNoReachableReplicaIsNone) {
  auto c = async();
  for (auto& [name, n] : c.nodes) n.refused();
  EXPECT_FALSE(fails_over(c));
}

TEST(ADeadSource, WithoutReplicasIsNone) {
  auto c = running(spec_of("a"));
  c["a"].refused();
  EXPECT_FALSE(fails_over(c));
  EXPECT_TRUE(finds(c, "PrimaryNotAnswering"));
}

TEST(ADeadSource, WithAllReplicasStoppedByHandIsNone) {
  auto c = async();
  c["a"].refused();
  for (const auto* name : {"b", "c"}) c[name].receiver_stopped();
  EXPECT_FALSE(fails_over(c));
  EXPECT_TRUE(finds(c, "PrimaryNotAnswering"));
}

TEST(ADeadSource, WithAllReplicasRefusedByPasswordIsNone) {
  auto c = async();
  c["a"].silent(9);
  for (const auto* name : {"b", "c"}) c[name].lost_source(1045);
  EXPECT_FALSE(fails_over(c));
}

TEST(ADeadSource, WithOneWitnessAmongStoppedReplicasIsAFailover) {
  auto c = running(spec_of("a b c d"));
  c["a"].refused();
  c["b"].receiver_stopped();
  c["c"].lost_source(1045);
  c["d"].lost_source(2003);
  EXPECT_TRUE(fails_over(c));
}

TEST(ADeadSource, WithLaggingReplicasIsAFailoverAllTheSame) {
  auto c = async().kill("a");
  for (const auto* name : {"b", "c"}) c[name].lag(1h);
  EXPECT_TRUE(fails_over(c));
}

TEST(ADeadSource, WithOnlyADelayedWitnessIsAFailoverProblem) {
  EXPECT_TRUE(fails_over(running(spec_of("a b").delayed("b", 24h)).kill("a")));
}

TEST(ADeadSource, ThatReplicasLostButWeReachIsNone) {
  EXPECT_FALSE(fails_over(async().replicas_lose("a")));
}

TEST(ALaggingCluster, IsNoDeadSource) {
  auto c = async();
  for (const auto* name : {"b", "c"}) c[name].lag(10min).applying_for(10min);
  EXPECT_FALSE(fails_over(c));
}

TEST(AFailedIntermediateSource, IsNoDeadPrimary) {
  auto c = running(spec_of("a b c d").follows("c", "b").follows("d", "b")).kill("b");
  EXPECT_FALSE(fails_over(c));
}

TEST(AnAbandonedFailover, PointsItsReplicasBackEvenWhileThePrimaryIsAway) {
  auto c = async();
  c["a"].refused();
  c["b"].detached();
  c["c"].detached();
  EXPECT_EQ(goals_in(c), (std::vector<Goal>{Goal::Repair, Goal::Repair}));
}

}  // namespace
}  // namespace repl::test

// Failover: what counts as fenced, when there is quorum, what is detached, and the order of the promotion.
#include "plan/failover.hpp"

#include <gtest/gtest.h>

#include "unit/plan/reading.hpp"

namespace repl::test {
namespace {

using plan::Positions;
using plan::Urgency;

Cluster frozen(const Spec& spec) {
  return running(spec).freeze("a");
}

Result<void> may_fail_over(const Cluster& c, Urgency urgency = Urgency::Automatic,
                           const std::optional<NodeId>& wanted = std::nullopt) {
  return plan::may_fail_over(c.spec, c.office, c.view(), wanted, urgency);
}

/// Positions of all nodes that plan_secure() detaches, as if every step had worked.
Positions secured(const Cluster& c) {
  Positions out;
  const auto view = c.view();
  for (const auto& step : plan::plan_secure(c.spec, c.office, view).steps) {
    const auto& node = std::get<DetachReceiver>(step.step).replica;
    out[node] = view.reachable(node)->position();
  }
  return out;
}

Result<Plan> promotion(const Cluster& c, const std::optional<Positions>& positions = std::nullopt,
                       const std::optional<NodeId>& wanted = std::nullopt) {
  return plan::plan_promotion(c.spec, c.office, c.view(), plan::plan_secure(c.spec, c.office, c.view()),
                              positions.value_or(secured(c)), wanted, wanted ? Urgency::ByHand : Urgency::Automatic);
}

// ---- fence ----------------------------------------------------------------------------------------------------------

TEST(Fence, HoldsForADeadServerThatComesBackReadOnlyWhateverTheMode) {
  for (const auto mode :
       {FencingMode::Auto, FencingMode::SemiSync, FencingMode::Lease, FencingMode::Hook, FencingMode::None}) {
    const auto c = dead(spec_of("a b c").fencing(mode));
    const auto fence = plan::judge_fence(c.spec, c.office, c.view());
    ASSERT_TRUE(fence) << fence.error().message;
    EXPECT_EQ(fence->detached_ackers_needed, 0);
  }
}

TEST(Fence, DoesNotHoldForADeadServerThatWouldComeBackOpen) {
  auto c = dead(spec_of("a b c"));
  c.office.returns_read_only = false;
  const auto fence = plan::judge_fence(c.spec, c.office, c.view());
  ASSERT_FALSE(fence);
  EXPECT_EQ(fence.error().code, ErrorCode::NotFenced);
}

// Semi-sync is not persisted: restarted, it would take writes and acknowledge them alone.
TEST(Fence, DoesNotHoldForASilentServerThatWouldComeBackOpen) {
  auto c = frozen(spec_of("a b c").acks(1));
  ASSERT_TRUE(plan::judge_fence(c.spec, c.office, c.view()));
  c.office.returns_read_only = false;
  EXPECT_FALSE(plan::judge_fence(c.spec, c.office, c.view()));
}

TEST(Fence, DoesNotHoldForASilentServerInAsync) {
  for (const auto mode : {FencingMode::Auto, FencingMode::SemiSync, FencingMode::Lease}) {
    const auto c = frozen(spec_of("a b c").fencing(mode));
    const auto fence = plan::judge_fence(c.spec, c.office, c.view());
    ASSERT_FALSE(fence);
    EXPECT_EQ(fence.error().code, ErrorCode::NotFenced);
  }
}

TEST(Fence, DoesNotHoldForALostConnectionInAsync) {
  auto c = running(spec_of("a b c")).replicas_lose("a");
  c["a"].lost(5);
  EXPECT_FALSE(plan::judge_fence(c.spec, c.office, c.view()));
}

TEST(Fence, IsTheAckersPointedAwayInSemiSync) {
  const auto c = frozen(spec_of("a b c d").acks(2));
  const auto fence = plan::judge_fence(c.spec, c.office, c.view());
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->detached_ackers_needed, 2);
}

TEST(Fence, DoesNotHoldInSemiSyncOncePrimaryWasSeenGoingOnAlone) {
  auto c = frozen(spec_of("a b c").acks(1));
  c.office.commits_wait = false;
  EXPECT_FALSE(plan::judge_fence(c.spec, c.office, c.view()));
}

TEST(Fence, DoesNotHoldInSemiSyncThatDegrades) {
  auto c = frozen(spec_of("a b c").acks(1).degrading());
  c.office.commits_wait = true;
  EXPECT_FALSE(plan::judge_fence(c.spec, c.office, c.view()));
}

TEST(Fence, NeedsAnAckerEvenWhereNoneIsKnown) {
  auto c = frozen(spec_of("a b c").acks(1));
  c.office.ackers.clear();
  const auto fence = plan::judge_fence(c.spec, c.office, c.view());
  EXPECT_TRUE(!fence || fence->detached_ackers_needed > 0) << "nothing keeps the old primary from its acknowledgements";
}

TEST(Fence, IsWaivedByTheModeNone) {
  const auto c = frozen(spec_of("a b c").fencing(FencingMode::None));
  const auto fence = plan::judge_fence(c.spec, c.office, c.view());
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->detached_ackers_needed, 0);
  EXPECT_NE(fence->how.find("two writers are possible"), std::string::npos);
}

TEST(Fence, SaysWhatWouldHaveToBeDeclared) {
  const auto c = frozen(spec_of("a b c"));
  const auto message = plan::judge_fence(c.spec, c.office, c.view()).error().message;
  EXPECT_NE(message.find("onTooFewReplicas: wait"), std::string::npos);
  EXPECT_NE(message.find("a does not answer"), std::string::npos);
}

// ---- quorum ---------------------------------------------------------------------------------------------------------

TEST(Failover, NeedsAllSetsThatCouldHaveAcknowledged) {
  // n ackers, a acks: n - a + 1 must be reached.
  for (int ackers = 1; ackers <= 5; ++ackers) {
    for (int acks = 1; acks <= ackers; ++acks) {
      std::string names = "a";
      for (int i = 0; i < ackers; ++i) names += fmt::format(" {}", static_cast<char>('b' + i));
      for (int reached = 1; reached <= ackers; ++reached) {
        auto c = dead(spec_of(names).acks(acks));
        for (int i = reached; i < ackers; ++i) c[std::string(1, static_cast<char>('b' + i))].refused();
        const auto allowed = may_fail_over(c);
        EXPECT_EQ(allowed.has_value(), reached >= ackers - acks + 1)
            << ackers << " ackers, " << acks << " acks, " << reached << " reached";
        if (!allowed) {
          EXPECT_EQ(allowed.error().code, ErrorCode::QuorumMissing);
        }
      }
    }
  }
}

TEST(Failover, F11DoesNotPromoteWhereAnAcknowledgedCommitMayBeElsewhere) {
  auto c = dead(spec_of("a b c").acks(1));
  c["c"].refused();
  const auto allowed = may_fail_over(c);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, ErrorCode::QuorumMissing);
  EXPECT_NE(allowed.error().message.find("acknowledged by c"), std::string::npos) << allowed.error().message;
  EXPECT_FALSE(may_fail_over(c, Urgency::ByHand)) << "a person does not overrule safety";
}

TEST(Failover, CountsAnAckerThatIsDownToday) {
  auto c = dead(spec_of("a b c d").acks(1));
  c["d"].refused();
  EXPECT_FALSE(may_fail_over(c));
}

TEST(Failover, CountsTheLowestCountInForceInTheTerm) {
  auto c = dead(spec_of("a b c").acks(2));
  c["c"].refused();
  EXPECT_TRUE(may_fail_over(c));
  c.office.acks = 1;
  EXPECT_FALSE(may_fail_over(c));
}

TEST(Failover, NeedsNoQuorumInAsync) {
  auto c = dead(spec_of("a b c d"));
  c["c"].refused();
  c["d"].refused();
  EXPECT_TRUE(may_fail_over(c));
}

TEST(Failover, DoesNotCountAQuarantinedAckerThatHasWhatNobodyElseHas) {
  auto c = dead(spec_of("a b c").acks(1));
  c["b"].executed("A:1-101,B:1").errant("B:1");
  const auto allowed = may_fail_over(c);
  ASSERT_FALSE(allowed) << "A:101 may have been acknowledged by b alone";
  EXPECT_EQ(allowed.error().code, ErrorCode::QuorumMissing);
  EXPECT_FALSE(promotion(c));
}

TEST(Failover, S12CountsAQuarantinedAckerWhoseRestIsKnownElsewhere) {
  auto c = dead(spec_of("a b c").acks(1));
  c["b"].executed("A:1-100,B:1").errant("B:1");
  EXPECT_TRUE(may_fail_over(c));
  const auto p = promotion(c);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->promotes, NodeId{"c"});
}

TEST(Failover, IsHeldUpByMinReplicas) {
  auto c = dead(spec_of("a b c"));
  c["c"].refused();
  c.spec.failover.min_replicas = 2;
  const auto allowed = may_fail_over(c);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, ErrorCode::NotPromotable);
  c.spec.failover.min_replicas = 1;
  EXPECT_TRUE(may_fail_over(c));
}

TEST(Failover, DoesNotHearADelayedNodeThatAloneHasWhatItOnceAcknowledged) {
  auto c = dead(spec_of("a b c").acks(1).delayed("c", 1h));
  c.office.ackers = {{"b"}, {"c"}};
  EXPECT_TRUE(may_fail_over(c)) << "b has all that c has";
  c["c"].received("A:101-105");
  const auto allowed = may_fail_over(c);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, ErrorCode::QuorumMissing);
  c["b"].received("A:101-105");
  EXPECT_TRUE(may_fail_over(c));
}

TEST(Failover, IsRefusedWhereNobodyReachedHasWhatEarlierTermsAcknowledged) {
  auto c = dead(spec_of("a b c").acks(1));
  c.office.inherited = gtids("A:1-200");
  const auto allowed = may_fail_over(c);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, ErrorCode::QuorumMissing);
  c["b"].received("A:101-200");
  EXPECT_TRUE(may_fail_over(c));
}

// ---- securing -------------------------------------------------------------------------------------------------------

TEST(Securing, DetachesEveryReachedDirectReplicaAtTheSameTime) {
  auto c = dead(spec_of("a b c d e").follows("e", "b"));
  c["d"].refused();
  const auto p = plan::plan_secure(c.spec, c.office, c.view());
  EXPECT_EQ(sentences(p), (std::vector<std::string>{"b: detach from a", "c: detach from a"}));
  EXPECT_EQ(p.goal, Goal::FailOver);
  EXPECT_EQ(p.point_of_no_return, p.steps.size());
  EXPECT_FALSE(p.promotes);
  for (const auto& step : p.steps) {
    EXPECT_TRUE(step.after.empty());
    EXPECT_TRUE(step.best_effort);
  }
}

TEST(Securing, DetachesDelayedAndConnectingReplicasToo) {
  auto c = dead(spec_of("a b c").delayed("c", 1h));
  EXPECT_TRUE(has_step(plan::plan_secure(c.spec, c.office, c.view()), "c: detach"));
}

TEST(Securing, LooksAgainAtReplicasThatAnEarlierAttemptPointedAway) {
  auto c = dead(spec_of("a b c"));
  c["b"].detached();
  EXPECT_TRUE(has_step(plan::plan_secure(c.spec, c.office, c.view()), "b: detach"));
}

TEST(Securing, LeavesNodesOfOtherSourcesAlone) {
  auto c = dead(spec_of("a b c d"));
  c["c"].follow_stranger();
  c["d"].no_channel();
  EXPECT_EQ(sentences(plan::plan_secure(c.spec, c.office, c.view())), (std::vector<std::string>{"b: detach from a"}));
}

// ---- promotion ------------------------------------------------------------------------------------------------------

constexpr const char* kOpensC = "c: super-read-only -> writable";

TEST(Promotion, KeepsTheIndicesOfTheSecuredSteps) {
  const auto c = dead(spec_of("a b c d").acks(1));
  const auto before = plan::plan_secure(c.spec, c.office, c.view());
  const auto p = promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  for (std::size_t i = 0; i < before.steps.size(); ++i) EXPECT_EQ(p->steps[i], before.steps[i]);
  EXPECT_TRUE(well_formed(*p));
}

TEST(Promotion, OpensTheCandidateAtThePointOfNoReturn) {
  const auto p = promotion(dead(spec_of("a b c").acks(1)));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->promotes, NodeId{"b"});
  EXPECT_EQ(p->point_of_no_return, step_at(*p, kOpensB));
  const auto& open = std::get<SetReadOnly>(p->steps[p->point_of_no_return].step);
  EXPECT_EQ(open.to, ReadOnly::Off);
  EXPECT_TRUE(open.only_with_semi_sync);
}

TEST(Promotion, DrainsBeforeSemiSyncAndSemiSyncBeforeOpening) {
  const auto p = promotion(dead(spec_of("a b c").acks(1)));
  ASSERT_TRUE(p);
  EXPECT_TRUE(in_order(*p, "b: detach from a", "b: apply all it has received"));
  EXPECT_TRUE(in_order(*p, "b: apply all it has received", "b: semi-sync source on, 1 ack"));
  EXPECT_TRUE(in_order(*p, "b: semi-sync source on, 1 ack", kOpensB));
  EXPECT_TRUE(in_order(*p, kOpensB, "b: forget a"));
}

TEST(Promotion, CorrectsSemiSyncSettingsBeforeOpening) {
  auto c = dead(spec_of("a b c").acks(1));
  c["b"].now().semi_sync.timeout = 10s;
  const auto p = promotion(c);
  ASSERT_TRUE(p);
  EXPECT_TRUE(in_order(*p, "b: set rpl_semi_sync_source_timeout", kOpensB));
}

TEST(Promotion, DrainsAllThatWasReceived) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-50").received("A:40-100");
  const auto p = promotion(c);
  ASSERT_TRUE(p);
  const auto drained = all_of_kind<ApplyReceived>(*p);
  ASSERT_EQ(drained.size(), 1u);
  EXPECT_EQ(drained[0].received, gtids("A:1-100"));
  EXPECT_GE(drained[0].timeout, c.spec.failover.max_lag);
}

TEST(Promotion, LetsLetInClientsWhereTheCandidateTurnedThemAway) {
  auto c = dead(spec_of("a b"));
  c["b"].offline();
  const auto p = promotion(c);
  ASSERT_TRUE(p);
  EXPECT_TRUE(in_order(*p, "b: let clients in", kOpensB));
}

TEST(Promotion, MovesEveryOtherReplicaToTheCandidate) {
  const auto p = promotion(dead(spec_of("a b c d e").acks(1).delayed("e", 1h)));
  ASSERT_TRUE(p);
  for (const auto* name : {"c", "d", "e"}) {
    EXPECT_TRUE(in_order(*p, fmt::format("{}: detach", name), fmt::format("{}: follow b", name)));
  }
  for (const auto& f : all_of_kind<FollowSource>(*p)) {
    EXPECT_EQ(f.delay, f.replica.name == "e" ? 1h : 0s) << f.replica.name;
  }
}

TEST(Promotion, DoesNotHoldTheOpeningUpForFollowers) {
  const auto p = promotion(dead(spec_of("a b c").acks(1)));
  ASSERT_TRUE(p);
  const auto follow = step_at(*p, "c: follow b");
  EXPECT_FALSE(waits_for(*p, p->point_of_no_return, follow));
  EXPECT_TRUE(p->steps[follow].best_effort);
}

TEST(Promotion, LeavesChainedReplicasBelowTheirSource) {
  const auto p = promotion(dead(spec_of("a b c d").follows("d", "c")));
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "d: follow"));
}

TEST(Promotion, MovesAReplicaThatWasDeclaredBelowTheLostPrimary) {
  // After an earlier failover b is in office; d was declared to follow b.
  auto c = running(spec_of("a b c d").follows("d", "b"), "b").kill("b");
  const auto p = promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, NodeId{"a"});
  EXPECT_TRUE(has_step(*p, "d: follow a")) << testing::PrintToString(sentences(*p));
}

TEST(Promotion, MovesAReplicaThatWasDeclaredBelowAQuarantinedNode) {
  auto c = running(spec_of("a b c d").follows("d", "c"));
  c["d"].follow("a");
  c["c"].executed("A:1-100,C:1").errant("C:1");
  const auto p = promotion(c.kill("a"));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "d: follow b")) << testing::PrintToString(sentences(*p));
}

TEST(Promotion, LeavesAQuarantinedNodeDetached) {
  auto c = dead(spec_of("a b c d"));
  c["d"].executed("A:1-100,D:1").errant("D:1");
  const auto p = promotion(c);
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "d: follow"));
}

TEST(Promotion, FirstLetsTheCandidateCatchUpWithTheMostAdvancedNode) {
  auto c = dead(spec_of("a b c d").acks(1).promotion("b", Promotion::Never));
  c["c"].executed("A:1-90");
  c["d"].executed("A:1-95");
  const auto p = promotion(c, std::nullopt, NodeId{"c"});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, NodeId{"c"});
  EXPECT_TRUE(in_order(*p, "b: detach", "b: apply all it has received"));
  EXPECT_TRUE(in_order(*p, "b: apply all it has received", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: follow b", "c: apply all that b has"));
  EXPECT_TRUE(in_order(*p, "c: apply all that b has", "c: semi-sync source on"));
  EXPECT_TRUE(in_order(*p, "c: apply all that b has", kOpensC));
  EXPECT_TRUE(in_order(*p, kOpensC, "b: follow c"));
  EXPECT_TRUE(has_step(*p, "d: follow c"));
  EXPECT_TRUE(well_formed(*p));
}

TEST(Promotion, WaitsForNoMoreAcknowledgementsThanReplicasAreLeft) {
  auto c = dead(spec_of("a b c d").acks(2));
  c["d"].refused();
  auto p = promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "b: semi-sync source on, 1 ack"));
  EXPECT_TRUE(any_reason(p->reasons, "1 of 2 acks"));
}

TEST(Promotion, WaitsForOneAcknowledgementEvenWhenNobodyIsLeft) {
  const auto p = promotion(dead(spec_of("a b").acks(1)));
  ASSERT_TRUE(p);
  EXPECT_TRUE(has_step(*p, "b: semi-sync source on, 1 ack"));
}

TEST(Promotion, EnablesNoSemiSyncInAsync) {
  const auto p = promotion(dead(spec_of("a b c")));
  ASSERT_TRUE(p);
  EXPECT_TRUE(all_of_kind<SetSemiSyncSource>(*p).empty());
  EXPECT_FALSE(std::get<SetReadOnly>(p->steps[p->point_of_no_return].step).only_with_semi_sync);
}

TEST(Promotion, DoesNotTouchTheOldPrimary) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1)}) {
    const auto p = promotion(dead(spec));
    ASSERT_TRUE(p);
    for (const auto& s : p->steps) EXPECT_NE(node_of(s.step).name, "a") << describe(s.step);
  }
}

TEST(Promotion, IsRefusedWhenTooFewAckersCouldBeDetached) {
  const auto c = frozen(spec_of("a b c").acks(1));
  const auto p = promotion(c, Positions{{NodeId{"b"}, gtids("A:1-100")}});
  ASSERT_FALSE(p);
  EXPECT_TRUE(p.error().code == ErrorCode::QuorumMissing || p.error().code == ErrorCode::NotFenced);
}

TEST(Promotion, IsRefusedInAsyncForASilentPrimary) {
  const auto p = promotion(frozen(spec_of("a b c")));
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::NotFenced);
}

TEST(Promotion, JudgesThePositionsThatDetachingFoundNotThoseOfTheView) {
  auto c = dead(spec_of("a b c"));
  const auto p = promotion(c, Positions{{NodeId{"b"}, gtids("A:1-100")}, {NodeId{"c"}, gtids("A:1-104")}});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->promotes, NodeId{"c"});
}

TEST(Promotion, SaysHowTheOldPrimaryIsFencedAndWhoWasChosen) {
  const auto p = promotion(frozen(spec_of("a b c").acks(1)));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(any_reason(p->reasons, "gets no acknowledgement once 2 of its 2 ackers"));
  EXPECT_TRUE(any_reason(p->reasons, "b is chosen"));
}

TEST(Promotion, TakesTheMovesBackWithoutThrowingRelayLogsAway) {
  // A follower of a failed promotion may hold the only copy of an acknowledged commit in its relay log.
  const auto p = promotion(dead(spec_of("a b c").acks(1)));
  ASSERT_TRUE(p);
  for (std::size_t i = 0; i < p->point_of_no_return; ++i) {
    const auto back = inverse(p->steps[i].step);
    if (back) {
      EXPECT_FALSE(std::holds_alternative<ForgetSource>(*back)) << describe(p->steps[i].step);
    }
  }
}

}  // namespace
}  // namespace repl::test

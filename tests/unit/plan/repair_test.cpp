// Repairs: one for every rule that asks for one, and what each of them does.
#include "plan/repair.hpp"

#include <gtest/gtest.h>

#include "diagnose/rules.hpp"
#include "unit/plan/reading.hpp"

namespace repl::test {
namespace {

/// The plan for the problem of that name, which must be found in the cluster.
Plan repair(const Cluster& c, const std::string& problem) {
  for (const auto& p : diagnose::diagnose(c.spec, c.office, c.view())) {
    if (p.name != problem) continue;
    auto made = plan::plan_repair(p, c.spec, c.office, c.view());
    EXPECT_TRUE(made) << made.error().message;
    if (!made) return {};
    EXPECT_TRUE(well_formed(*made));
    EXPECT_EQ(made->goal, p.goal);
    return *made;
  }
  ADD_FAILURE() << problem << " is not found";
  return {};
}

bool asks_for_a_repair(Goal goal) {
  return goal == Goal::Reopen || goal == Goal::Rejoin || goal == Goal::Repair || goal == Goal::Fence;
}

TEST(PlanRepair, KnowsEveryRuleThatAsksForOne) {
  for (const auto& rule : diagnose::cluster_rules()) {
    EXPECT_EQ(plan::knows_repair(std::string{rule.name}), asks_for_a_repair(rule.goal)) << rule.name;
  }
  for (const auto& rule : diagnose::node_rules()) {
    EXPECT_EQ(plan::knows_repair(std::string{rule.name}), asks_for_a_repair(rule.goal)) << rule.name;
  }
}

TEST(PlanRepair, SaysSoWhenItKnowsNone) {
  const auto c = running(spec_of("a b"));
  const auto p = plan::plan_repair(Problem{.name = "NoSuchProblem"}, c.spec, c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::Internal);
}

TEST(PlanRepair, IsRefusedWhenTheNodeDoesNotAnswer) {
  auto c = running(spec_of("a b"));
  c["b"].refused();
  const auto p = plan::plan_repair(Problem{.name = "WritableReplica", .node = NodeId{"b"}, .goal = Goal::Fence}, c.spec,
                                   c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::PreconditionFailed);
  EXPECT_NE(p.error().message.find("b"), std::string::npos);
}

TEST(PlanRepair, ReopensThePrimaryWithSemiSyncOnFirst) {
  auto c = running(spec_of("a b c").acks(1));
  c["a"].read_only(ReadOnly::Super).semi_sync_source_off();
  c["a"].now().semi_sync.timeout = 10s;
  const auto p = repair(c, "PrimaryReadOnly");
  EXPECT_EQ(p.promotes, NodeId{"a"});
  EXPECT_TRUE(in_order(p, "a: set rpl_semi_sync_source_timeout", "a: super-read-only -> writable"));
  EXPECT_TRUE(in_order(p, "a: semi-sync source on, 1 ack", "a: super-read-only -> writable"));
  EXPECT_EQ(p.point_of_no_return, step_at(p, "a: super-read-only -> writable"));
  EXPECT_TRUE(std::get<SetReadOnly>(p.steps[p.point_of_no_return].step).only_with_semi_sync);
}

TEST(PlanRepair, DoesNotReopenAPrimaryWhoseDataWentBack) {
  auto c = running(spec_of("a b c"));
  c["a"].read_only(ReadOnly::Super).executed("A:1-90");
  c["b"].received("A:1-100");
  const auto p =
      plan::plan_repair(Problem{.name = "PrimaryReadOnly", .goal = Goal::Reopen}, c.spec, c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("lacks 10"), std::string::npos) << p.error().message;
}

TEST(PlanRepair, ReopensAnAsyncPrimaryAtOnce) {
  auto c = running(spec_of("a b c"));
  c["a"].read_only(ReadOnly::Super);
  EXPECT_EQ(sentences(repair(c, "PrimaryReadOnly")), std::vector<std::string>{"a: super-read-only -> writable"});
}

TEST(PlanRepair, RejoinsAReturnedPrimaryAsAClosedAcker) {
  auto c = running(spec_of("a b c").acks(1), "b");
  c["a"].no_channel().read_only(ReadOnly::On).not_persisted().no_acker().waits_for(1);
  const auto p = repair(c, "DetachedNode");
  EXPECT_TRUE(in_order(p, "a: semi-sync source off", "a: follow b"));
  EXPECT_TRUE(in_order(p, "a: read-only -> super-read-only", "a: follow b"));
  EXPECT_TRUE(in_order(p, "a: after a restart super-read-only", "a: follow b"));
  EXPECT_TRUE(in_order(p, "a: semi-sync replica on", "a: follow b"));
}

TEST(PlanRepair, MakesNoChannelWithALoginThatItsSourceDoesNotTakeYet) {
  auto c = running(spec_of("a b c"), "b");
  c["a"].no_channel();
  c["b"].inventory().account_faults[AccountRole::Replication] = {AccountFault::Password};
  const auto p =
      plan::plan_repair(Problem{.name = "DetachedNode", .node = kA, .goal = Goal::Rejoin}, c.spec, c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::PreconditionFailed);
  EXPECT_NE(p.error().message.find("replctl rotate"), std::string::npos) << p.error().message;
  auto with_channel = running(spec_of("a b c"), "b");
  with_channel["a"].detached();
  with_channel["b"].inventory().account_faults[AccountRole::Replication] = {AccountFault::Password};
  EXPECT_TRUE(has_step(repair(with_channel, "DetachedNode"), "a: follow b")) << "a channel keeps its login";
}

TEST(PlanRepair, LetsClientsOfAReturnedNodeInOnceItHasCaughtUp) {
  auto c = running(spec_of("a b c"), "b");
  c["a"].no_channel().offline();
  const auto p = repair(c, "DetachedNode");
  EXPECT_TRUE(in_order(p, "a: follow b", "a: apply all that b has"));
  EXPECT_TRUE(in_order(p, "a: apply all that b has", "a: let clients in"));
}

TEST(PlanRepair, RejoinsBelowTheDeclaredSourceWithTheDeclaredDelay) {
  auto c = running(spec_of("a b c").follows("c", "b").delayed("c", 1h));
  c["c"].no_channel();
  const auto p = repair(c, "DetachedNode");
  const auto follow = all_of_kind<FollowSource>(p).at(0);
  EXPECT_EQ(follow.to.name, "b");
  EXPECT_EQ(follow.delay, 1h);
}

TEST(PlanRepair, RejoinsBelowThePrimaryWhileTheDeclaredSourceIsGone) {
  auto c = running(spec_of("a b c").follows("c", "b"));
  c["c"].no_channel();
  c["b"].refused();
  EXPECT_TRUE(has_step(repair(c, "DetachedNode"), "c: follow a"));
}

TEST(PlanRepair, TakesARejoinBackWithoutThrowingTheRelayLogAway) {
  auto c = running(spec_of("a b c"), "b");
  c["c"].detached();
  for (const auto& s : repair(c, "DetachedNode").steps) {
    const auto back = inverse(s.step);
    if (back) {
      EXPECT_FALSE(std::holds_alternative<ForgetSource>(*back)) << describe(*back);
    }
  }
  c["b"].refused();
  for (const auto& s : repair(c, "LeftDetached").steps) {
    const auto back = inverse(s.step);
    if (back) {
      EXPECT_FALSE(std::holds_alternative<ForgetSource>(*back)) << describe(*back);
    }
  }
}

TEST(PlanRepair, ClosesAWritableReplica) {
  auto c = running(spec_of("a b c"));
  c["b"].writable();
  EXPECT_EQ(sentences(repair(c, "WritableReplica")), std::vector<std::string>{"b: writable -> super-read-only"});
}

TEST(PlanRepair, ClosesANodeWhoseCommitsMayHangByTurningItsClientsAway) {
  auto c = running(spec_of("a b c").acks(1), "b");
  c["a"].no_channel().writable().waits_for(1);
  const auto p = repair(c, "WritableReplica");
  EXPECT_EQ(all_of_kind<CloseReturned>(p).size(), 1u);
  EXPECT_FALSE(inverse(p.steps[0].step)) << "what had to be fenced is never reopened";
}

TEST(PlanRepair, TurnsSemiSyncOnWithAsManyAcksAsCanBeGiven) {
  auto c = running(spec_of("a b c").acks(2));
  c["a"].semi_sync_source_off();
  c["c"].refused();
  EXPECT_TRUE(has_step(repair(c, "SemiSyncOff"), "a: semi-sync source on, 1 ack"));
}

TEST(PlanRepair, RaisesTheAcksWhenReplicasAreBack) {
  auto c = running(spec_of("a b c d").acks(3));
  c["a"].waits_for(1);
  c["d"].refused();
  EXPECT_TRUE(has_step(repair(c, "DurabilityReduced"), "a: semi-sync source on, 2 acks"));
}

TEST(PlanRepair, TurnsTheSourceSideOfAReplicaOff) {
  auto c = running(spec_of("a b c").acks(1));
  c["b"].waits_for(2);
  const auto p = repair(c, "SemiSyncSourceOnReplica");
  EXPECT_EQ(sentences(p), std::vector<std::string>{"b: semi-sync source off"});
  EXPECT_EQ(all_of_kind<SetSemiSyncSource>(p).at(0).acks_from, 2);
}

TEST(PlanRepair, RemovesAChannelOfThePrimary) {
  auto c = running(spec_of("a b c"), "b");
  c["b"].follow("a");
  EXPECT_EQ(sentences(repair(c, "PrimaryReplicates")), std::vector<std::string>{"b: forget a as its source"});
  c["b"].detached();
  EXPECT_EQ(sentences(repair(c, "PrimaryReplicates")), std::vector<std::string>{"b: remove its replication channel"});
}

TEST(PlanRepair, TakesSmallDeviationsBack) {
  auto c = running(spec_of("a b c").acks(1));
  c["b"].read_only(ReadOnly::On).not_persisted().no_acker().applier_stopped();
  c["c"].follow("b");
  EXPECT_EQ(sentences(repair(c, "NotSuperReadOnly")), std::vector<std::string>{"b: read-only -> super-read-only"});
  EXPECT_EQ(sentences(repair(c, "NotPersistedReadOnly")),
            std::vector<std::string>{"b: after a restart super-read-only"});
  EXPECT_EQ(sentences(repair(c, "SemiSyncReplicaOff")), std::vector<std::string>{"b: semi-sync replica on"});
  EXPECT_EQ(sentences(repair(c, "ReplicationStopped")), std::vector<std::string>{"b: start replication"});
  EXPECT_EQ(sentences(repair(c, "WrongSource")), std::vector<std::string>{"c: follow a"});
}

TEST(PlanRepair, TellsANodeOfARingHowItCountsBeforeItIsOpened) {
  auto c = running(spec_of("a b c").ring());
  c["b"].read_only(ReadOnly::Super);
  const std::string opens = "b: super-read-only -> writable";
  auto p = repair(c, "WriterClosed");
  EXPECT_TRUE(in_order(p, "b: set auto_increment_increment", opens)) << "nobody has looked how it counts";
  EXPECT_TRUE(in_order(p, "b: set auto_increment_offset", opens));
  c["b"].inventory().variables = {{"auto_increment_increment", "3"}, {"auto_increment_offset", "1"}};
  EXPECT_EQ(sentences(repair(c, "WriterClosed")),
            (std::vector<std::string>{"b: set auto_increment_offset 1 -> 2", opens}));
}

TEST(PlanRepair, LetsNobodyAcknowledgeWhoShouldNot) {
  auto c = running(spec_of("a b c").acks(1).delayed("c", 1h));
  c["c"].now().semi_sync.replica_enabled = true;
  EXPECT_EQ(sentences(repair(c, "SemiSyncReplicaOn")), std::vector<std::string>{"c: semi-sync replica off"});
  c["c"].no_channel();
  EXPECT_TRUE(in_order(repair(c, "DetachedNode"), "c: semi-sync replica off", "c: follow a"));
}

TEST(PlanRepair, PointsALeftReplicaBackToThePrimaryInOffice) {
  auto c = running(spec_of("a b c"));
  c["a"].refused();
  c["b"].detached();
  EXPECT_EQ(sentences(repair(c, "LeftDetached")), std::vector<std::string>{"b: follow a"});
}

TEST(PlanRepair, RestoresADelayInPlace) {
  auto c = running(spec_of("a b c").delayed("b", 60s));
  c["b"].now().channels[0].delay = 0s;
  const auto p = repair(c, "DelayDiffers");
  ASSERT_EQ(p.steps.size(), 1U);
  const FollowSource follow{.replica = kB, .from = kA, .to = kA, .delay = 60s, .delay_before = 0s};
  EXPECT_EQ(p.steps[0].step, Step(follow));
  EXPECT_EQ(std::get<FollowSource>(*inverse(p.steps[0].step)).delay, 0s);
}

TEST(PlanRepair, UsesTheNumbersUpThatTheWriterLacks) {
  auto c = running(spec_of("a b c"));
  c["b"].discarded("B:7-9");
  c["a"].executed("A:1-100,B:8");
  const auto p = repair(c, "NumbersNotRetired");
  ASSERT_EQ(p.steps.size(), 1U);
  EXPECT_EQ(p.steps[0].step, Step(RetireGtids{kA, gtids("B:7,B:9")}));
}

TEST(PlanRepair, UsesNoNumbersUpBeforeEveryNodeWasAsked) {
  auto c = running(spec_of("a b c"));
  c["b"].discarded("B:7-9");
  c["c"].silent(3);
  const auto p = plan::plan_repair(Problem{.name = "NumbersNotRetired", .node = kB, .goal = Goal::Repair}, c.spec,
                                   c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("c does not answer"), std::string::npos) << p.error().message;
}

TEST(PlanRepair, MakesCommitsWaitAgainWithoutTouchingTheAcks) {
  auto c = running(spec_of("a b c").acks(1));
  c["a"].now().semi_sync.timeout = 1s;
  c["a"].now().semi_sync.wait_no_replica = false;
  EXPECT_EQ(sentences(repair(c, "CommitsMayGoAlone")),
            (std::vector<std::string>{"a: set rpl_semi_sync_source_timeout 1000 -> 4294967295",
                                      "a: set rpl_semi_sync_source_wait_no_replica OFF -> ON"}));
}

TEST(PlanRepair, ClosesASecondaryAndOpensAGroupThatIsDeclaredOpen) {
  auto single = running(spec_of("a b c").group());
  single["b"].writable();
  EXPECT_EQ(sentences(repair(single, "SecondaryTakesWrites")),
            std::vector<std::string>{"b: writable -> super-read-only"});
  auto multi = running(spec_of("a b c").group(TopologyType::GroupMultiPrimary));
  for (auto& [name, n] : multi.nodes) n.elected(name == "b", true);
  const auto modes = all_of_kind<SetGroupMode>(repair(multi, "GroupIsSinglePrimary"));
  ASSERT_EQ(modes.size(), 1U);
  EXPECT_EQ(modes[0], (SetGroupMode{{"b"}, false, true}));
}

TEST(PlanRepair, LetsANodeJoinInTheModeThatTheGroupRunsIn) {
  auto c = running(spec_of("a b c").group());
  c["a"].elected(true, false);
  c["c"].elected(true, false);
  c["b"].out_of_the_group();
  const auto p = repair(c, "MemberOut");
  EXPECT_TRUE(in_order(p, "b: set group_replication_single_primary_mode ON -> OFF", "b: join the group"));
}

/// A group of which all nodes are out, as after a power cut.
Cluster group_that_is_down(TopologyType kind) {
  auto c = running(spec_of("a b c").group(kind));
  for (auto& [name, n] : c.nodes) n.out_of_the_group().offline();
  return c;
}

TEST(PlanRepair, StartsAGroupAroundANodeThatAPersonWorksOn) {
  for (const auto kind : {TopologyType::GroupSinglePrimary, TopologyType::GroupMultiPrimary}) {
    auto c = group_that_is_down(kind);
    c["a"].in_maintenance();
    const auto p = repair(c, "GroupDown");
    for (const auto& planned : p.steps) EXPECT_NE(node_of(planned.step).name, "a") << describe(planned.step);
    EXPECT_EQ(all_of_kind<StartGroup>(p).size(), 2U);
    EXPECT_EQ(all_of_kind<StartGroup>(p)[0], (StartGroup{.node = kB, .how = GroupStart::Bootstrap}));
    EXPECT_EQ(all_of_kind<SetOfflineMode>(p).size(), 2U);
  }
}

TEST(PlanRepair, StartsNoGroupFromANodeThatAPersonWorksOn) {
  auto c = group_that_is_down(TopologyType::GroupMultiPrimary);
  c["b"].in_maintenance().executed("A:1-101");
  const auto p = plan::plan_repair(Problem{.name = "GroupDown", .goal = Goal::Repair}, c.spec, c.office, c.view());
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::PreconditionFailed);
  EXPECT_NE(p.error().message.find("b is in maintenance"), std::string::npos) << p.error().message;
}

TEST(PlanRepair, GivesItsEvidenceAsReason) {
  auto c = running(spec_of("a b c"));
  c["b"].writable();
  EXPECT_TRUE(
      any_reason(repair(c, "WritableReplica").reasons, "WritableReplica: super_read_only and read_only are OFF on b"));
}

}  // namespace
}  // namespace repl::test

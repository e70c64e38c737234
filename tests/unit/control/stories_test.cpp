// Whole stories: the controller by itself against model servers on virtual time.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using control::Acknowledge;
using control::Pause;
using control::Resume;
using control::SwitchOver;

using Names = std::vector<std::string>;

void expect_declared(Story& story, const Spec& spec, const std::string& primary) {
  EXPECT_EQ(story.primary(), primary) << story.told();
  EXPECT_EQ(deviations(spec, {primary}, story.servers), Names{}) << story.told();
  EXPECT_EQ(story.writers(), Names{primary});
}

// ---- apply ----------------------------------------------------------------------------------------------------------

TEST(FirstApply, MakesTheClusterAndRemembersIt) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  const auto reply = story.apply(spec);
  ASSERT_FALSE(reply.error) << reply.error->message;
  ASSERT_TRUE(reply.plan);
  EXPECT_FALSE(reply.plan->empty());
  ASSERT_TRUE(reply.operation);
  EXPECT_EQ(reply.operation->value, "shop-1");
  story.run_until_idle();
  expect_declared(story, spec, "a");
  EXPECT_EQ(story.memory().revision.number, 1u);
  EXPECT_EQ(story.memory().spec, spec);
  EXPECT_FALSE(story.memory().proposed);
  EXPECT_EQ(story.office().term.number, 1u);
  EXPECT_EQ(story.office().ackers, (std::set<NodeId>{{"b"}, {"c"}}));
  EXPECT_EQ(story.office().acks, 1);
  EXPECT_EQ(story.sentinel, NodeId{"a"});
  EXPECT_EQ(story.count_events("apply-started"), 1);
  EXPECT_EQ(story.count_events("apply-done"), 1);
  EXPECT_EQ(story.count_events("primary-changed"), 1);
}

TEST(FirstApply, IsQuick) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.apply(spec);
  story.run_until_idle();
  EXPECT_LT(story.now() - kNow, 500ms) << "steps take 5 ms each here";
}

TEST(SecondApply, IsAnEmptyPlanAndChangesNothing) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  const auto reply = story.apply(spec);
  EXPECT_FALSE(reply.error);
  EXPECT_FALSE(reply.operation);
  ASSERT_TRUE(reply.plan);
  EXPECT_TRUE(reply.plan->empty());
  story.run_for(10s);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_EQ(story.memory().revision.number, 1u);
}

TEST(SecondApply, OfAnotherFileIsANewRevisionEvenIfNoServerChanges) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  auto other = spec;
  other.failover.max_lag = 77s;
  const auto reply = story.apply(other);
  EXPECT_FALSE(reply.operation);
  EXPECT_EQ(story.memory().revision.number, 2u);
  EXPECT_EQ(story.memory().spec, other);
  EXPECT_EQ(story.count_events("revision-applied"), 1);
}

TEST(DryRun, GivesThePlanAndChangesNothing) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  const auto reply = story.apply(spec, true);
  EXPECT_FALSE(reply.error);
  EXPECT_FALSE(reply.operation);
  EXPECT_FALSE(reply.plan->empty());
  story.run_for(30s);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_EQ(story.memory(), Memory{});
  ASSERT_TRUE(story.configured);
  EXPECT_TRUE(story.configured->nodes.empty()) << "no sessions are kept to what is not managed";
}

TEST(FailedApply, IsTakenBackAndForgotten) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.apply(spec);
  ASSERT_TRUE(story.run_until_ordered("b: follow a"));
  story.kill("c");
  story.run_until_idle();
  EXPECT_EQ(story.count_events("apply-taken-back"), 1) << story.told();
  // What was done on the server that died stands there, and is not called taken back.
  const auto* told = story.event("apply-taken-back");
  EXPECT_NE(told->text.find("not taken back: "), std::string::npos) << told->text;
  EXPECT_NE(told->text.find(" on c"), std::string::npos) << told->text;
  EXPECT_EQ(told->text.find(" on b"), std::string::npos) << told->text;
  EXPECT_FALSE(story.memory().spec);
  EXPECT_FALSE(story.memory().proposed);
  EXPECT_FALSE(story.office().primary);
  EXPECT_EQ(story.servers["b"].now.read_only, ReadOnly::Off);
  EXPECT_TRUE(story.servers["b"].now.channels.empty());
  ASSERT_TRUE(story.configured);
  EXPECT_TRUE(story.configured->nodes.empty());
}

// ---- crash ----------------------------------------------------------------------------------------------------------

TEST(ACrashedPrimary, IsReplacedAndRejoins) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").acks(2)}) {
    Story story{spec};
    story.running(spec);
    story.kill("a");
    ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
    EXPECT_LT(story.now() - story.event("failover-started")->at, 100ms);
    story.run_until_idle();
    EXPECT_EQ(story.primary(), "b");
    EXPECT_EQ(story.office().term.number, 2u);
    EXPECT_EQ(story.count_events("failover-started"), 1);
    EXPECT_EQ(story.count_events("failover-done"), 1);
    EXPECT_EQ(story.memory().automatic_failovers.size(), 1u);
    EXPECT_EQ(story.sentinel, NodeId{"b"});
    story.run_for(5s);
    EXPECT_EQ(story.servers["c"].now.channel()->source, address_of({"b"}));
    story.servers.restart("a");
    EXPECT_EQ(story.writers(), Names{"b"}) << "it comes back closed";
    story.run_for(30s);
    EXPECT_EQ(story.count_events("rejoin-done"), 1) << story.told();
    expect_declared(story, spec, "b");
    EXPECT_EQ(story.servers["a"].now.executed, story.servers["b"].now.executed);
  }
}

TEST(ACrashedPrimary, IsNoticedBySentinelOrProbe) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  const auto killed = story.now();
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.event("failover-started") != nullptr; }, 10s));
  EXPECT_LT(story.now() - killed, 50ms) << "the sentinel told";
}

TEST(ACrashedPrimary, ThatWasRestartedAtOnceIsReopenedWithSemiSync) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.servers.kill("a");
  story.servers.restart("a");
  EXPECT_EQ(story.writers(), Names{});
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("a"); }, 10s)) << story.told();
  story.run_until_idle();
  EXPECT_EQ(story.count_events("reopen-done"), 1);
  EXPECT_EQ(story.count_events("failover-started"), 0);
  EXPECT_TRUE(story.servers["a"].now.semi_sync.source_enabled);
  EXPECT_EQ(story.office().term.number, 1u) << "the same office";
  story.run_for(10s);
  expect_declared(story, spec, "a");
}

TEST(ACrashedPrimary, ComesBackToQuarantineWithWhatNobodyElseHas) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  // Committed on a, acknowledged by nobody.
  story.servers["a"].now.executed.add({uuid('A'), ""}, {900, 901});
  story.servers.restart("a");
  story.run_for(30s);
  EXPECT_EQ(story.memory().quarantined, std::set<NodeId>{{"a"}});
  ASSERT_NE(story.event("quarantined"), nullptr);
  EXPECT_NE(story.event("quarantined")->text.find(gtids("A:900-901").to_string()), std::string::npos);
  EXPECT_TRUE(story.servers["a"].now.channels.empty()) << "not attached";
  EXPECT_EQ(story.writers(), Names{"b"});
  // Rebuilt by hand.
  story.servers["a"].now.executed = gtids("A:1-3");
  story.run_for(30s);
  EXPECT_EQ(story.count_events("released"), 1);
  expect_declared(story, spec, "b");
}

TEST(ADryRun, ReleasesNobodyFromQuarantine) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers["b"].now.executed.add({uuid('B'), ""}, {77, 77});
  story.run_for(5s);
  ASSERT_EQ(story.memory().quarantined, std::set<NodeId>{{"b"}});
  story.ask_and_wait(control::ApplySpec{.spec = spec_of("a c"), .dry_run = true});
  story.run_for(5s);
  EXPECT_EQ(story.memory().quarantined, std::set<NodeId>{{"b"}});
  EXPECT_EQ(story.count_events("released"), 0);
}

TEST(AnotherPrimary, MadeByHandIsNotFencedNorIsTheOldOneOpened) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(control::Pause{});
  story.servers["b"].now.channels.clear();
  story.servers["b"].now.read_only = ReadOnly::Off;
  story.servers["a"].now.read_only = ReadOnly::Super;
  story.servers["a"].now.channels = story.servers["c"].now.channels;
  for (const auto* node : {"a", "c"}) {
    story.servers[node].now.channels.front().source = Spec{spec}.find(kB)->address;
  }
  story.run_for(3s);
  story.steps.clear();
  story.ask_and_wait(control::Resume{});
  story.run_for(30s);
  EXPECT_EQ(story.steps.size(), 0U) << story.told();
  EXPECT_NE(story.event("problem-found"), nullptr);
}

TEST(ADeadNode, InQuarantineIsNotPromotedAfterARestartOfRepld) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers["b"].now.executed.add({uuid('B'), ""}, {77, 77});
  story.run_for(5s);
  ASSERT_EQ(story.memory().quarantined, std::set<NodeId>{{"b"}});
  story.kill_repld();
  story.servers.kill("a");
  story.start_repld();
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("c"); }, 10s)) << story.told();
  EXPECT_EQ(story.primary(), "c");
}

TEST(TheLastReplica, IsPromotedInSemiSyncOnlyIfItMustHaveEverything) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.servers.kill("c");
  story.run_for(10s);
  story.kill("a");
  story.run_for(30s);
  EXPECT_EQ(story.writers(), Names{});
  EXPECT_EQ(story.ordered(), Names{});
  ASSERT_NE(story.event("failover-blocked"), nullptr);
  EXPECT_EQ(story.count_events("failover-blocked"), 1) << "said once";
  EXPECT_NE(story.problem("DeadPrimary")->blocked.find("c"), std::string::npos);
  story.servers.restart("c");
  ASSERT_TRUE(story.run_until([&] { return !story.writers().empty(); }, 30s)) << story.told();
}

// ---- silence --------------------------------------------------------------------------------------------------------

TEST(ASilentPrimary, IsNotReplacedInAsyncWithoutAFence) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers.freeze("a");
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{}) << "nothing is touched";
  EXPECT_EQ(story.primary(), "a");
  EXPECT_EQ(story.count_events("failover-blocked"), 1);
  ASSERT_NE(story.problem("SilentPrimary"), nullptr);
  EXPECT_NE(story.problem("SilentPrimary")->blocked.find("may still take writes"), std::string::npos);
  story.servers.thaw("a");
  story.run_for(10s);
  EXPECT_EQ(story.problem("SilentPrimary"), nullptr);
  expect_declared(story, spec, "a");
}

TEST(ASilentPrimary, IsReplacedInSemiSyncOnceItsAckersArePointedAway) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  const auto frozen = story.now();
  story.servers.freeze("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
  EXPECT_LT(story.now() - frozen, 3s);
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
  story.servers.thaw("a");
  EXPECT_FALSE(story.servers.write("a")) << "nobody acknowledges";
  story.run_for(30s);
  // It woke up writable: closed with its clients cut, then attached and open to readers again.
  EXPECT_GE(story.count_events("fence-done"), 1) << story.told();
  EXPECT_EQ(story.count_events("rejoin-done"), 1);
  expect_declared(story, spec, "b");
}

TEST(ASilentPrimary, IsNotReplacedAtOneMissedProbe) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.servers.freeze("a");
  story.run_for(900ms);
  story.servers.thaw("a");
  story.run_for(1min);
  EXPECT_EQ(story.count_events("failover-started"), 0) << story.told();
  expect_declared(story, spec, "a");
}

TEST(AnObserverCutFromThePrimary, DoesNothing) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.cut_off("a");
  story.run_for(10min);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_NE(story.problem("PrimaryUnreachable"), nullptr);
  story.heal("a");
  story.run_for(5s);
  EXPECT_EQ(story.problem("PrimaryUnreachable"), nullptr);
}

TEST(AnObserverCutFromAll, DoesNothing) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  for (const auto* n : {"a", "b", "c"}) story.cut_off(n);
  story.run_for(10min);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_NE(story.problem("ObserverIsolated"), nullptr);
  for (const auto* n : {"a", "b", "c"}) story.heal(n);
  story.run_for(10s);
  EXPECT_TRUE(story.problems->empty());
}

// ---- limits ---------------------------------------------------------------------------------------------------------

TEST(CoolDown, HoldsTheNextFailoverBackUntilSomebodyAcknowledges) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  expect_declared(story, spec, "b");
  story.kill("b");
  story.run_for(5min);
  EXPECT_EQ(story.writers(), Names{});
  EXPECT_NE(story.problem("DeadPrimary")->blocked.find("cool-down"), std::string::npos);
  EXPECT_FALSE(story.ask_and_wait(Acknowledge{}).error);
  ASSERT_TRUE(story.run_until([&] { return !story.writers().empty(); }, 10s)) << story.told();
  EXPECT_EQ(story.office().term.number, 3u);
}

TEST(CoolDown, PassesByItself) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  story.kill("b");
  story.run_for(50min);
  EXPECT_EQ(story.writers(), Names{});
  story.run_for(10min);
  EXPECT_EQ(story.writers().size(), 1u);
}

TEST(CoolDown, OutlastsARestartOfRepld) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  story.kill_repld();
  story.start_repld();
  story.run_for(10s);
  story.kill("b");
  story.run_for(5min);
  EXPECT_EQ(story.writers(), Names{});
}

TEST(Paused, NothingIsDoneByItself) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  EXPECT_FALSE(story.ask_and_wait(Pause{}).error);
  story.servers["c"].now.super_read_only_persisted = false;
  story.kill("a");
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_NE(story.problem("DeadPrimary")->blocked.find("replctl resume"), std::string::npos);
  EXPECT_FALSE(story.ask_and_wait(Resume{}).error);
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
}

TEST(Paused, OutlastsARestartOfRepld) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(Pause{});
  story.kill_repld();
  story.start_repld();
  story.kill("a");
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(AutomaticFailover, CanBeSwitchedOff) {
  auto spec = spec_of("a b c");
  spec.failover.automatic = false;
  Story story{spec};
  story.running(spec);
  story.kill("a");
  story.run_for(1min);
  EXPECT_EQ(story.writers(), Names{});
  EXPECT_FALSE(story.ask_and_wait(control::FailOver{}).error);
  story.run_until_idle();
  EXPECT_EQ(story.writers(), Names{"b"});
  EXPECT_TRUE(story.memory().automatic_failovers.empty()) << "a person's does not count";
}

// ---- upkeep ---------------------------------------------------------------------------------------------------------

TEST(AHealthyCluster, IsLeftAlone) {
  for (const auto& spec :
       {spec_of("a b c"), spec_of("a b c d").acks(1).follows("d", "b"), spec_of("a b c d").acks(2).delayed("d", 1h)}) {
    Story story{spec};
    story.running(spec);
    for (int minute = 0; minute < 10; ++minute) {
      story.servers.write("a");
      story.run_for(1min);
    }
    EXPECT_EQ(story.ordered(), Names{}) << story.told();
    EXPECT_TRUE(story.events.empty()) << story.told();
    EXPECT_TRUE(story.problems->empty());
  }
}

TEST(Drift, IsTakenBack) {
  const auto spec = spec_of("a b c d").acks(1).follows("d", "c");
  Story story{spec};
  story.running(spec);
  story.servers["a"].now.super_read_only_persisted = false;
  story.servers["b"].now.read_only = ReadOnly::On;
  story.servers["b"].now.semi_sync.replica_enabled = false;
  story.servers["c"].now.channels[0].receiver = ThreadState::Stopped;
  story.servers.apply(FollowSource{.replica = {"d"}, .to = {"b"}});
  story.run_for(2min);
  expect_declared(story, spec, "a");
  EXPECT_TRUE(story.problems->empty()) << story.told();
}

TEST(Drift, OfASettingIsFoundWithoutAnApplyAndTakenBack) {
  auto spec = spec_of("a b c");
  spec.setting("max_connections", "300");
  Story story{spec};
  story.running(spec);
  story.servers["b"].has.variables["max_connections"] = "151";
  story.run_for(6min);
  EXPECT_EQ(story.servers["b"].has.variables["max_connections"], "300") << story.told();
  EXPECT_TRUE(story.problems->empty()) << story.told();
}

TEST(Drift, IsOnlyReportedWhereTheSpecSaysSo) {
  auto spec = spec_of("a b c").acks(1);
  spec.drift = Drift::Report;
  Story story{spec};
  story.running(spec);
  story.servers["c"].now.channels[0].receiver = ThreadState::Stopped;
  story.run_for(2min);
  EXPECT_EQ(story.servers["c"].now.channels[0].receiver, ThreadState::Stopped);
  const auto* problem = story.problem("ReplicationStopped");
  ASSERT_NE(problem, nullptr) << story.told();
  EXPECT_NE(problem->blocked.find("replctl apply"), std::string::npos) << problem->blocked;
  story.servers["b"].now.read_only = ReadOnly::Off;
  story.run_for(10s);
  EXPECT_EQ(story.writers(), Names{"a"}) << "two writers are no drift" << story.told();
  EXPECT_FALSE(story.apply(spec).error);
  story.run_until_idle();
  expect_declared(story, spec, "a");
}

TEST(AWritableReplica, IsClosedAtOnce) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers["b"].now.read_only = ReadOnly::Off;
  story.run_for(1500ms);
  EXPECT_EQ(story.writers(), Names{"a"}) << story.told();
}

TEST(DurabilityAfterALoss, IsRestoredWhenReplicasAreBack) {
  const auto spec = spec_of("a b c").acks(2);
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
  story.run_until_idle();
  EXPECT_EQ(story.servers["b"].now.semi_sync.wait_for_count, 1) << "as many as are left";
  EXPECT_EQ(story.office().acks, 1);
  story.servers.restart("a");
  story.run_for(30s);
  EXPECT_EQ(story.servers["b"].now.semi_sync.wait_for_count, 2) << story.told();
  EXPECT_EQ(story.office().acks, 2) << "all ackers have what was committed before";
  expect_declared(story, spec, "b");
}

TEST(RejoinNever, LeavesAReturnedNodeAlone) {
  auto spec = spec_of("a b c");
  spec.failover.rejoin = Rejoin::Never;
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  EXPECT_TRUE(story.servers["a"].now.channels.empty());
  EXPECT_NE(story.problem("DetachedNode")->blocked.find("failover.rejoin is never"), std::string::npos);
}

TEST(ARepairThatFails, IsTriedAgainLessAndLessOften) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers["c"].now.super_read_only_persisted = false;
  story.refused_step = "c: after a restart";
  story.run_for(10min);
  const auto attempts = story.count_events("repair-started");
  EXPECT_GE(attempts, 3) << story.told();
  EXPECT_LE(attempts, 25) << "ten minutes of attempts each second starve everything else";
}

TEST(ARepair, GivesWayWhenThePrimaryIsLost) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers.apply(ForgetSource{{"c"}, {"a"}});
  ASSERT_TRUE(story.run_until_ordered("c: follow a")) << story.told();
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
  story.run_until_idle();
  story.servers.restart("a");
  story.run_for(1min);
  expect_declared(story, spec, "b");
}

TEST(AChainedReplica, MovesToThePrimaryWhenItsSourceWasPromotedAndLost) {
  const auto spec = spec_of("a b c d").follows("d", "b");
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  story.ask_and_wait(Acknowledge{});
  story.kill("b");
  ASSERT_TRUE(story.run_until([&] { return !story.writers().empty(); }, 10s)) << story.told();
  story.run_for(1min);
  EXPECT_EQ(story.servers["d"].now.channel()->source, address_of({story.primary()})) << story.told();
  story.servers.restart("b");
  story.run_for(1min);
  expect_declared(story, spec, story.primary());
}

// ---- switchover -----------------------------------------------------------------------------------------------------

TEST(Switchover, MovesThePrimaryWithoutALoss) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").acks(2),
                           spec_of("a b c d").acks(1).follows("d", "c")}) {
    Story story{spec};
    story.running(spec);
    for (const auto* to : {"c", "b", "a"}) {
      const auto reply = story.ask_and_wait(SwitchOver{.to = NodeId{to}});
      ASSERT_FALSE(reply.error) << reply.error->message;
      ASSERT_TRUE(reply.operation);
      const auto before = story.servers.at(*story.office().primary).now.executed;
      story.run_until_idle();
      EXPECT_TRUE(story.servers[to].now.executed.contains(before));
      story.run_for(30s);
      expect_declared(story, spec, to);
      EXPECT_TRUE(story.problems->empty()) << story.told();
    }
    EXPECT_EQ(story.office().term.number, 4u);
    EXPECT_TRUE(story.memory().automatic_failovers.empty());
  }
}

TEST(Switchover, IsWhatAFileThatNamesAnotherSourceAsksFor) {
  Story story{spec_of("a b c").acks(1)};
  story.running(spec_of("a b c").acks(1));
  const auto term = story.office().term.number;
  const auto moved = spec_of("a b c").acks(1).source("b");
  EXPECT_FALSE(story.apply(moved).error);
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
  EXPECT_EQ(story.office().term.number, term + 1);
  EXPECT_EQ(deviations(moved, {"b"}, story.servers), std::vector<std::string>{});
  EXPECT_EQ(story.memory().spec->declared_source()->id.name, "b");
  EXPECT_TRUE(story.apply(moved).plan->empty());
}

TEST(Switchover, OfAnApplyIsTakenBackAfterARestartOfRepld) {
  Story story{spec_of("a b c").acks(1)};
  story.running(spec_of("a b c").acks(1));
  story.ask(control::ApplySpec{.spec = spec_of("a b c").acks(1).source("b")});
  ASSERT_TRUE(story.run_until_ordered("a: writable -> super-read-only"));
  story.kill_repld();
  story.start_repld();
  EXPECT_TRUE(story.run_until_settled(1min)) << story.told();
  EXPECT_EQ(story.primary(), "a");
  EXPECT_EQ(story.memory().spec->declared_source()->id.name, "a");
}

TEST(Switchover, IsTakenBackWhenTheCandidateDiesBeforeItIsOpen) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.run_until_ordered("b: apply all that a has"));
  story.servers.kill("b");
  story.run_until_idle();
  EXPECT_EQ(story.count_events("switchover-taken-back"), 1) << story.told();
  EXPECT_EQ(story.writers(), Names{"a"});
  EXPECT_EQ(story.primary(), "a");
  EXPECT_EQ(story.office().term.number, 1u);
  story.servers.restart("b");
  story.run_for(1min);
  expect_declared(story, spec, "a");
}

TEST(Switchover, BecomesAFailoverWhenTheOldPrimaryDiesInIt) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.run_until_ordered("a: writable -> super-read-only"));
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return !story.writers().empty(); }, 1min)) << story.told();
  story.run_until_idle();
  story.servers.restart("a");
  story.run_for(2min);
  expect_declared(story, spec, story.primary());
}

}  // namespace
}  // namespace repl::test

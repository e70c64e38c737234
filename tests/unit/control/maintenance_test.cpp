// A person works on a node or a cluster: what repld keeps off from, and what not.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using control::BeginMaintenance;
using control::EndMaintenance;

BeginMaintenance on(const std::string& node, Duration length = 1h) {
  return {.node = NodeId{node}, .length = length, .reason = "disk swap"};
}
BeginMaintenance on_all(Duration length = 1h) {
  return {.length = length, .reason = "move"};
}

Story& with_three(Story& story) {
  return story.running(spec_of("a b c").acks(1));
}

TEST(Maintenance, OfANodeLeavesItAsItIsAndSaysWhy) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  ASSERT_FALSE(story.ask_and_wait(on("b")).error);
  (void)story.servers.apply(StopReplication{kB});
  story.run_for(30s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  const auto* problem = story.problem("ReplicationStopped");
  ASSERT_NE(problem, nullptr);
  EXPECT_TRUE(problem->in_maintenance);
  EXPECT_NE(problem->blocked.find("in maintenance until 1970-01-12 "), std::string::npos) << problem->blocked;
  EXPECT_NE(problem->blocked.find("by alice: disk swap"), std::string::npos) << problem->blocked;
  ASSERT_NE(story.event("problem-found"), nullptr);
  EXPECT_EQ(story.event("problem-found")->severity, Severity::Info);
}

TEST(Maintenance, OfOneNodeKeepsNobodyFromTheOthers) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b"));
  (void)story.servers.apply(StopReplication{kB});
  (void)story.servers.apply(StopReplication{kC});
  story.run_for(30s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{"c: start replication"});
}

TEST(Maintenance, EndsByItselfAndThenEverythingIsRepaired) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b", 60s));
  (void)story.servers.apply(StopReplication{kB});
  story.run_for(55s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  EXPECT_EQ(story.count_events("maintenance-ended"), 0);
  EXPECT_TRUE(story.run_until_settled(30s)) << story.told();
  EXPECT_EQ(story.count_events("maintenance-ended"), 1);
  EXPECT_EQ(story.count_events("problem-found"), 2) << "told again, as one that counts" << story.told();
  EXPECT_TRUE(story.memory().maintenance.empty());
}

TEST(Maintenance, EndsWhenAskedToAndWhenTheNodeLeaves) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(on("b"));
  story.ask_and_wait(on("c"));
  ASSERT_FALSE(story.ask_and_wait(EndMaintenance{kB}).error);
  EXPECT_EQ(story.memory().maintenance_of(kB), nullptr);
  const auto again = story.ask_and_wait(EndMaintenance{kB});
  ASSERT_TRUE(again.error);
  EXPECT_EQ(again.error->code, ErrorCode::PreconditionFailed);
  story.apply(spec_of("a b"));
  story.run_for(2s);
  EXPECT_TRUE(story.memory().maintenance.empty());
}

TEST(Maintenance, IsNotForANodeThatIsNotThere) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  const auto early = story.ask_and_wait(on_all());
  ASSERT_TRUE(early.error);
  EXPECT_EQ(early.error->code, ErrorCode::PreconditionFailed);
  story.running(spec);
  const auto refused = story.ask_and_wait(on("z"));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::NoSuchNode);
}

TEST(Maintenance, BegunAgainHoldsFromThenOn) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(on("b", 10s));
  story.run_for(5s);
  story.ask_and_wait(on("b", 10s));
  story.run_for(7s);
  EXPECT_NE(story.memory().maintenance_of(kB), nullptr);
  EXPECT_EQ(story.memory().maintenance.size(), 1U);
}

TEST(Maintenance, OutlivesRepld) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b", 60s));
  story.kill_repld();
  (void)story.servers.apply(StopReplication{kB});
  story.start_repld();
  story.run_for(30s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  EXPECT_TRUE(story.run_until_settled(60s)) << story.told();
}

// The primary dies while the best candidate is in maintenance: the other one is promoted.
TEST(Maintenance, KeepsANodeFromBeingPromoted) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b"));
  story.run_for(2s);
  const auto refused = story.ask_and_wait(control::SwitchOver{.to = kB});
  ASSERT_TRUE(refused.error);
  EXPECT_NE(refused.error->message.find("b is in maintenance"), std::string::npos) << refused.error->message;
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.primary() == "c"; }, 30s)) << story.told();
}

// It is part of the failover, and its acknowledgements count: it is detached and follows the new primary.
TEST(Maintenance, LetsAFailoverMoveTheNode) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b"));
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return !story.memory().operation && story.primary() == "c"; }, 30s))
      << story.told();
  EXPECT_EQ(story.servers["b"].now.channel()->source, address_of(kC));
}

TEST(Maintenance, OfThePrimaryHoldsAFailoverBack) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("a"));
  story.kill("a");
  story.run_for(60s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  ASSERT_NE(story.problem("DeadPrimary"), nullptr);
  EXPECT_NE(story.problem("DeadPrimary")->blocked.find("in maintenance"), std::string::npos);
  const auto by_hand = story.ask_and_wait(control::FailOver{});
  EXPECT_FALSE(by_hand.error) << "a person may";
}

TEST(Maintenance, LeavesAPrimaryClosedThatSomebodyHasClosed) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("a", 60s));
  story.servers["a"].now.read_only = ReadOnly::Super;
  story.run_for(50s);
  EXPECT_EQ(story.writers(), std::vector<std::string>{});
  EXPECT_TRUE(story.run_until_settled(60s)) << story.told();
  EXPECT_EQ(story.writers(), std::vector<std::string>{"a"});
}

// Two nodes that take writes from clients must not be, whoever works on one of them.
TEST(Maintenance, DoesNotMakeASecondPrimary) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b"));
  story.servers["b"].now.read_only = ReadOnly::Off;
  ASSERT_TRUE(story.run_until([&] { return story.writers() == std::vector<std::string>{"a"}; }, 10s)) << story.told();
}

TEST(Maintenance, LetsAPersonWriteWhereNoClientGetsIn) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("b"));
  story.servers["b"].now.offline_mode = true;
  story.servers["b"].now.read_only = ReadOnly::Off;
  story.run_for(60s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  ASSERT_NE(story.problem("WritableReplica"), nullptr) << "it is shown all the same";
  story.ask_and_wait(EndMaintenance{kB});
  ASSERT_TRUE(story.run_until([&] { return story.servers["b"].now.read_only == ReadOnly::Super; }, 30s));
}

TEST(Maintenance, OfTheClusterIsAPauseThatEndsByItself) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on_all(60s));
  story.kill("a");
  story.run_for(50s);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  for (const auto& problem : *story.problems) EXPECT_TRUE(problem.in_maintenance) << problem.name;
  ASSERT_TRUE(story.run_until([&] { return story.primary() == "b"; }, 60s)) << story.told();
}

/// All members are out of the group, as after a power cut.
void cut_power(Story& story) {
  for (const auto* node : {"a", "b", "c"}) {
    story.servers[node].member = false;
    story.servers[node].elected = false;
    story.servers[node].now.read_only = ReadOnly::Super;
  }
  story.servers.settle();
}

// Somebody has taken c out of the group, and turned its clients away. It stays so until the maintenance is over.
TEST(Maintenance, KeepsANodeOutOfAGroupThatIsStartedAgain) {
  for (const auto kind : {TopologyType::GroupSinglePrimary, TopologyType::GroupMultiPrimary}) {
    const auto spec = spec_of("a b c").group(kind);
    Story story{spec};
    ASSERT_FALSE(story.apply(spec).error);
    story.run_until_idle();
    story.run_for(3s);
    story.ask_and_wait(on("c", 10min));
    (void)story.servers.apply(StopGroup{.node = kC});
    story.servers["c"].now.offline_mode = true;
    story.run_for(20s);
    story.forget();
    cut_power(story);
    ASSERT_TRUE(story.run_until([&] { return story.servers["a"].member && story.servers["b"].member; }, 1min))
        << story.told();
    story.run_for(1min);
    for (const auto& order : story.steps) EXPECT_NE(node_of(order.step), kC) << story.told();
    EXPECT_TRUE(story.servers["c"].now.offline_mode);
    EXPECT_FALSE(story.servers["c"].member);
    story.run_for(10min);
    EXPECT_TRUE(story.servers["c"].member) << story.told();
    EXPECT_FALSE(story.servers["c"].now.offline_mode);
  }
}

TEST(Maintenance, HoldsTheStartOfAGroupBackThatOnlyItsNodeCouldBeginWith) {
  const auto spec = spec_of("a b c").group(TopologyType::GroupMultiPrimary);
  Story story{spec};
  ASSERT_FALSE(story.apply(spec).error);
  story.run_until_idle();
  story.run_for(3s);
  story.ask_and_wait(on("c", 10min));
  story.forget();
  cut_power(story);
  story.servers["c"].now.executed = unite(story.servers["c"].now.executed, gtids("C:50"));
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  ASSERT_NE(story.problem("GroupDown"), nullptr);
  EXPECT_NE(story.problem("GroupDown")->blocked.find("c is in maintenance"), std::string::npos)
      << story.problem("GroupDown")->blocked;
  story.ask_and_wait(EndMaintenance{kC});
  EXPECT_TRUE(story.run_until([&] { return deviations(spec, story.servers).empty(); }, 1min)) << story.told();
}

// It speaks of c, and would be committed on a, where somebody works.
TEST(Maintenance, KeepsARepairFromAnotherNodeThanTheOneItIsFor) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on("a"));
  story.kill_repld();
  auto memory = story.memory();
  memory.discarded[kC] = gtids("C:90");
  story.remember(memory);
  story.start_repld();
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  ASSERT_NE(story.problem("NumbersNotRetired"), nullptr) << story.told();
  EXPECT_NE(story.problem("NumbersNotRetired")->blocked.find("a is in maintenance until"), std::string::npos)
      << story.problem("NumbersNotRetired")->blocked;
}

TEST(Maintenance, EndsARepairThatHasBegunThere) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  // Its second step does not come to an end.
  story.servers["b"].now.channels.clear();
  story.servers["b"].now.semi_sync.replica_enabled = false;
  story.fate = [](const auto& order) {
    return std::holds_alternative<FollowSource>(order.step) ? Story::Fate::Lost : Story::Fate::CarriedOut;
  };
  ASSERT_TRUE(story.run_until_ordered("b: semi-sync replica on")) << story.told();
  ASSERT_TRUE(story.memory().operation);
  const auto reply = story.ask_and_wait(on("b"));
  ASSERT_FALSE(reply.error);
  EXPECT_EQ(reply.operation, std::nullopt) << "it does not go on";
  story.run_for(1min);
  EXPECT_FALSE(story.memory().operation);
  EXPECT_EQ(story.operations.back().state, OperationState::GivenUp);
  EXPECT_NE(story.operations.back().error->message.find("b is in maintenance until"), std::string::npos);
  const auto orders = story.steps.size();
  story.run_for(5min);
  EXPECT_EQ(story.steps.size(), orders) << story.told();
}

TEST(Maintenance, NamesAnOperationOfAPersonThatGoesOnThere) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.step_takes = [](const auto&) { return Duration{2s}; };
  const auto moved = story.ask_and_wait(control::SwitchOver{.to = kB});
  ASSERT_TRUE(moved.operation);
  EXPECT_EQ(story.ask_and_wait(on("b")).operation, moved.operation);
  EXPECT_EQ(story.count_events("maintenance-meets-operation"), 1);
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
  EXPECT_EQ(story.ask_and_wait(on("c")).operation, std::nullopt);
}

TEST(Maintenance, IsNamedByAnApplyThatChangesTheNodeAllTheSame) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  const auto wanted = spec_of("a b c").acks(1).setting("max_connections", "300");
  const auto named = [&] {
    const auto reply = story.apply(wanted, true);
    std::string all;
    for (const auto& reason : reply.plan->reasons) all += reason + "\n";
    return all;
  };
  EXPECT_EQ(named().find("maintenance"), std::string::npos) << named();
  story.ask_and_wait(on("b"));
  EXPECT_NE(named().find("b is in maintenance until "), std::string::npos) << named();
  EXPECT_NE(named().find("by alice: disk swap, and this changes it"), std::string::npos) << named();
  story.ask_and_wait(EndMaintenance{kB});
  story.ask_and_wait(on_all());
  EXPECT_NE(named().find("the cluster is in maintenance until "), std::string::npos) << named();
}

TEST(Maintenance, OfTheClusterLetsPeopleDoWhatTheyAskFor) {
  Story story{spec_of("a b c").acks(1)};
  with_three(story);
  story.ask_and_wait(on_all());
  ASSERT_FALSE(story.ask_and_wait(control::SwitchOver{.to = kB}).error);
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
}

}  // namespace
}  // namespace repl::test

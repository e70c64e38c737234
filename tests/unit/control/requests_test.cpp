// What people ask for, and why it is refused.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using control::FailOver;
using control::SwitchOver;
using Names = std::vector<std::string>;

void expect_refused(const control::Reply& reply, ErrorCode code, const std::string& part = "") {
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, code) << reply.error->message;
  EXPECT_NE(reply.error->message.find(part), std::string::npos) << reply.error->message;
  EXPECT_FALSE(reply.operation);
}

TEST(Requests, NeedAnAppliedTopology) {
  Story story{spec_of("a b c")};
  expect_refused(story.ask_and_wait(SwitchOver{}), ErrorCode::PreconditionFailed, "replctl apply");
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::PreconditionFailed, "replctl apply");
}

TEST(Requests, AreRefusedWhileAnOperationRuns) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.memory().operation);
  for (const auto& reply :
       {story.ask_and_wait(SwitchOver{.to = NodeId{"c"}}), story.ask_and_wait(FailOver{}), story.apply(spec)}) {
    expect_refused(reply, ErrorCode::Conflict, "operation shop-2 (switchover) is running");
  }
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
}

TEST(Requests, AreRefusedWhileAnApplyIsBeingPlanned) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.cut_off("c");  // its inventory takes its time
  const auto ticket = story.ask(control::ApplySpec{.spec = spec});
  expect_refused(story.ask_and_wait(SwitchOver{}), ErrorCode::Conflict, "an apply is being planned");
  expect_refused(story.apply(spec), ErrorCode::Conflict, "an apply is being planned");
  story.run_for(30s);
  ASSERT_NE(story.reply_to(ticket), nullptr);
  EXPECT_FALSE(story.reply_to(ticket)->error);
}

TEST(Accounts, AreLookedAtAgainAndPutRightWithoutBeingAskedTo) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.run_for(10s);
  story.servers["a"].has.accounts.erase(AccountRole::Replication);
  EXPECT_TRUE(story.run_until([&] { return story.servers["a"].has.accounts.contains(AccountRole::Replication); }, 6min))
      << "within five minutes and a little";
  EXPECT_TRUE(story.run_until_settled(1min));
}

TEST(Accounts, AreLeftAloneWhileSomebodyHasPausedRepld) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.ask_and_wait(control::Pause{});
  story.servers["a"].has.accounts.erase(AccountRole::Replication);
  story.run_for(10min);
  EXPECT_FALSE(story.servers["a"].has.accounts.contains(AccountRole::Replication));
}

TEST(Requests, GetTheirOwnReply) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  const auto one = story.ask(control::Pause{});
  const auto two = story.ask(control::Resume{});
  EXPECT_NE(one, two);
  EXPECT_NE(story.reply_to(one), nullptr);
  EXPECT_NE(story.reply_to(two), nullptr);
}

TEST(SwitchoverRequest, IsRefusedWithTheReasonAndChangesNothing) {
  const auto spec = spec_of("a b c").promotion("c", Promotion::Never);
  Story story{spec};
  story.running(spec);
  expect_refused(story.ask_and_wait(SwitchOver{.to = NodeId{"z"}}), ErrorCode::NoSuchNode);
  expect_refused(story.ask_and_wait(SwitchOver{.to = NodeId{"a"}}), ErrorCode::PreconditionFailed);
  expect_refused(story.ask_and_wait(SwitchOver{.to = NodeId{"c"}}), ErrorCode::NotPromotable);
  story.run_for(10s);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(FailoverRequest, IsRefusedWhileThePrimaryAnswers) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::PreconditionFailed, "replctl switchover");
}

TEST(FailoverRequest, IsRefusedWhileReplicasHearThePrimary) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.cut_off("a");
  story.run_for(10s);
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::NotFenced, "2 replicas hear from it");
}

TEST(FailoverRequest, IsRefusedBeforeEveryNodeWasLookedAt) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.kill_repld();
  story.start_repld();
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::Conflict, "not looked at every node");
  expect_refused(story.ask_and_wait(SwitchOver{}), ErrorCode::Conflict, "not looked at every node");
  story.run_for(1s);
  EXPECT_EQ(story.primary(), "a");
}

TEST(FailoverRequest, IsRefusedWithoutAFenceWhoeverAsks) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.servers.freeze("a");
  story.run_for(10s);
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::NotFenced);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(FailoverRequest, IsRefusedWithoutAQuorumWhoeverAsks) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.servers.kill("c");
  story.run_for(5s);
  story.kill("a");
  story.run_for(5s);
  expect_refused(story.ask_and_wait(FailOver{}), ErrorCode::QuorumMissing, "acknowledged by c");
}

TEST(FailoverRequest, ChoosesTheNamedNodeAndNeedsNoCoolDown) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s));
  story.servers.restart("a");
  story.run_for(1min);
  story.kill("b");
  story.run_for(10s);
  ASSERT_EQ(story.writers(), Names{});
  const auto reply = story.ask_and_wait(FailOver{.to = NodeId{"c"}});
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  EXPECT_EQ(story.writers(), Names{"c"});
  EXPECT_EQ(story.office().term.number, 3u);
}

TEST(ApplyRequest, IsRefusedWithAllReasonsAndForgotten) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.servers.kill("b");
  story.servers["c"].now.gtid_mode = GtidMode::Off;
  story.servers["c"].has.user_schemas = {"shop"};
  const auto reply = story.apply(spec);
  expect_refused(reply, ErrorCode::PreconditionFailed, "b (db-b:3306)");
  EXPECT_NE(reply.error->message.find("c has gtid_mode OFF and has data"), std::string::npos);
  story.run_for(10s);
  EXPECT_EQ(story.memory(), Memory{});
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(ApplyRequest, GivesWayToAFailoverAndLooksAtTheOldNodesAgain) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  auto wider = spec;
  wider.add("d");
  story.servers.add({"d"});
  story.inventories_take = 5s;
  const auto ticket = story.ask(control::ApplySpec{.spec = wider});
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.reply_to(ticket) != nullptr; }, 30s));
  expect_refused(*story.reply_to(ticket), ErrorCode::Conflict, "began meanwhile");
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b") << story.told();
  ASSERT_TRUE(story.configured);
  EXPECT_EQ(story.configured->nodes.size(), 3u);
}

TEST(Acknowledgement, IsRemembered) {
  const auto spec = spec_of("a b");
  Story story{spec};
  story.running(spec);
  EXPECT_FALSE(story.ask_and_wait(control::Acknowledge{}).error);
  EXPECT_EQ(story.memory().acknowledged, story.now());
  EXPECT_EQ(story.event("acknowledged")->text, "by alice: the next failover is not held back");
}

}  // namespace
}  // namespace repl::test

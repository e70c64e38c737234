// What is under way gives way to what cannot wait: a clone takes hours, and a frozen server answers nothing.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

const NodeId kC{"c"};

bool is_clone(const control::StepOrder& order) {
  return std::holds_alternative<CloneFrom>(order.step);
}

/// A new node "d" is being cloned, which takes hours.
std::unique_ptr<Story> cloning(const SpecOf& spec, const SpecOf& wanted) {
  auto story = std::make_unique<Story>(wanted);
  story->running(spec);
  for (auto* node : {"a", "b", "c"}) {
    auto& server = story->servers[NodeId{node}];
    server.now.purged = server.now.executed;
  }
  story->step_takes = [](const auto& order) -> Duration { return is_clone(order) ? Duration{10h} : Duration{5ms}; };
  const auto reply = story->apply(wanted);
  EXPECT_FALSE(reply.error) << reply.error->message;
  EXPECT_TRUE(story->run_until_ordered("d: clone the data of")) << story->told();
  story->run_for(10min);
  EXPECT_TRUE(story->memory().operation) << story->told();
  return story;
}

TEST(GivingWay, ACloneHoldsUpNoFailover) {
  const auto spec = spec_of("a b c").acks(1);
  auto story = cloning(spec, spec_of("a b c d").acks(1));
  story->kill("a");
  EXPECT_TRUE(story->run_until([&] { return story->primary() != "a"; }, 10s)) << story->told();
  ASSERT_EQ(story->cancels.size(), 1u);
  EXPECT_EQ(story->revisions.back().state, RevisionState::TakenBack);
  ASSERT_NE(story->event("apply-taken-back"), nullptr);
  EXPECT_NE(story->event("apply-taken-back")->text.find("gave way: the primary is lost"), std::string::npos);
  EXPECT_TRUE(story->run_until_settled(1min) || story->problem("NodeUnreachable") != nullptr) << story->told();
}

TEST(GivingWay, ACloneHoldsUpNoFence) {
  const auto spec = spec_of("a b c").acks(1);
  auto story = cloning(spec, spec_of("a b c d").acks(1));
  story->servers["b"].now.read_only = ReadOnly::Off;
  EXPECT_TRUE(story->run_until([&] { return story->servers.at({"b"}).now.read_only == ReadOnly::Super; }, 30s))
      << story->told();
  EXPECT_EQ(story->cancels.size(), 1u);
  EXPECT_EQ(story->revisions.back().state, RevisionState::TakenBack);
}

TEST(GivingWay, AFrozenPrimaryIsNotWaitedForByAnApply) {
  const auto spec = spec_of("a b c").acks(1);
  const auto until_failover = [&](bool applying) {
    Story story{spec};
    story.running(spec);
    if (applying) {
      story.step_takes = [](const auto& order) -> Duration { return node_of(order.step).name == "a" ? 10s : 5ms; };
      const auto reply = story.apply(spec_of("a b c").acks(1).setting("max_connections", "9"));
      EXPECT_FALSE(reply.error) << reply.error->message;
      EXPECT_TRUE(story.run_until_ordered("a: ")) << story.told();
    }
    story.servers.freeze("a");
    const auto frozen = story.now();
    EXPECT_TRUE(story.run_until([&] { return story.primary() != "a"; }, 1min)) << story.told();
    EXPECT_EQ(story.cancels.size(), applying ? 1u : 0u);
    return story.now() - frozen;
  };
  EXPECT_LT(until_failover(true), until_failover(false) + Duration{2s});
}

TEST(RepldKilledInAClone, WaitsForTheServerThatStartsAnew) {
  auto story = cloning(spec_of("a b c"), spec_of("a b c d"));
  story->kill_repld();
  story->carry_out_what_is_under_way();
  story->kill("d");  // it starts anew at the end of its clone
  story->step_takes = [](const auto&) { return Duration{5ms}; };
  story->start_repld();
  story->run_for(30s);
  EXPECT_TRUE(story->memory().operation) << story->told();
  story->servers.restart("d");
  EXPECT_TRUE(story->run_until_settled(1min)) << story->told();
  EXPECT_EQ(story->revisions.back().state, RevisionState::Applied) << story->told();
}

TEST(RepldKilledInAClone, TakesTheApplyBackWhenTheServerStaysAway) {
  auto story = cloning(spec_of("a b c"), spec_of("a b c d"));
  story->kill_repld();
  story->kill("d");
  story->step_takes = [](const auto&) { return Duration{5ms}; };
  story->start_repld();
  story->run_until_idle();
  EXPECT_EQ(story->revisions.back().state, RevisionState::TakenBack) << story->told();
}

TEST(Cancel, TakesAnApplyBackInTheMiddleOfAClone) {
  auto story = cloning(spec_of("a b c"), spec_of("a b c d"));
  const auto reply = story->ask_and_wait(control::Cancel{});
  ASSERT_FALSE(reply.error) << reply.error->message;
  EXPECT_EQ(reply.operation, story->operations.back().id);
  EXPECT_TRUE(story->run_until([&] { return !story->memory().operation; }, 10s)) << story->told();
  EXPECT_EQ(story->cancels.size(), 1u);
  EXPECT_EQ(story->revisions.back().state, RevisionState::TakenBack);
  EXPECT_NE(story->event("apply-taken-back")->text.find("cancelled by alice"), std::string::npos);
  EXPECT_TRUE(story->run_until_settled(10s)) << story->told();
  const auto again = story->ask_and_wait(control::Cancel{});
  ASSERT_TRUE(again.error);
  EXPECT_EQ(again.error->code, ErrorCode::PreconditionFailed);
}

TEST(Cancel, IsRefusedPastThePointOfNoReturnAndInAFailover) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.step_takes = [](const auto&) -> Duration { return 1s; };
  story.ask(control::SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.run_until_ordered("b: super-read-only -> writable")) << story.told();
  const auto late = story.ask_and_wait(control::Cancel{});
  ASSERT_TRUE(late.error);
  EXPECT_EQ(late.error->code, ErrorCode::Conflict);
  EXPECT_NE(late.error->message.find("point of no return"), std::string::npos) << late.error->message;
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");

  story.kill("b");
  ASSERT_TRUE(story.run_until(
      [&] { return story.memory().operation && story.memory().operation->goal == Goal::FailOver; }, 10s));
  const auto refused = story.ask_and_wait(control::Cancel{});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::Conflict);
}

TEST(Cancel, OpensThePrimaryAgainThatASwitchoverHasClosed) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.step_takes = [](const auto& order) -> Duration {
    return std::holds_alternative<WaitForApplied>(order.step) ? Duration{1h} : Duration{5ms};
  };
  story.ask(control::SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.run_until_ordered("b: apply all that a has")) << story.told();
  EXPECT_TRUE(story.writers().empty());
  EXPECT_FALSE(story.ask_and_wait(control::Cancel{}).error);
  EXPECT_TRUE(story.run_until([&] { return story.writers() == std::vector<std::string>{"a"}; }, 2s)) << story.told();
}

TEST(GivingWay, AnApplyThatRestartsThePrimaryInPlaceIsLeftAlone) {
  const auto never = spec_of("a b c").acks(1).promotion("b", Promotion::Never).promotion("c", Promotion::Never);
  Story story{never};
  story.running(never);
  const SpecOf wanted = SpecOf{never}.setting("report_host", "here");
  story.step_takes = [](const auto& order) -> Duration {
    return std::holds_alternative<RestartServer>(order.step) ? Duration{20s} : Duration{5ms};
  };
  const auto reply = story.apply(wanted);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  EXPECT_TRUE(story.cancels.empty()) << story.told();
  EXPECT_EQ(story.revisions.back().state, RevisionState::Applied) << story.told();
}

TEST(GivingWay, WhatIsTakenBackLeavesOutWhatTakesLong) {
  // b was restarted already, c is being restarted: neither is restarted once more before the failover.
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.step_takes = [](const auto& order) -> Duration {
    return std::holds_alternative<RestartServer>(order.step) && node_of(order.step) == kC ? Duration{90s}
                                                                                          : Duration{5ms};
  };
  const auto reply = story.apply(spec_of("a b c").acks(1).setting("report_host", "here"));
  ASSERT_FALSE(reply.error) << reply.error->message;
  ASSERT_TRUE(story.run_until_ordered("c: restart")) << story.told();
  story.kill("a");
  EXPECT_TRUE(story.run_until([&] { return story.primary() != "a"; }, 10s)) << story.told();
  for (const auto& order : story.steps) {
    EXPECT_FALSE(order.undo && std::holds_alternative<RestartServer>(order.step)) << describe(order.step);
  }
}

}  // namespace
}  // namespace repl::test

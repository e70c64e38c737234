// management: observe: repld diagnoses and reports, and orders nothing, whatever happens and whoever asks.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

SpecOf observing(SpecOf spec) {
  spec.management = Management::Observe;
  return spec;
}

/// Managed, and from now on only looked at.
Story& only_looked_at(Story& story, const SpecOf& spec) {
  story.running(spec);
  const auto reply = story.apply(observing(spec));
  EXPECT_FALSE(reply.error) << reply.error->message;
  EXPECT_FALSE(reply.operation);
  story.run_for(3s);
  story.forget();
  return story;
}

TEST(Observing, BeginsWithoutAStepAndFillsTheOffice) {
  const auto spec = spec_of("a b c");
  Story made{spec};
  made.running(spec);
  Story story{spec};
  story.servers = made.servers;
  for (const auto& [id, server] : made.servers.all()) story.servers[id].has.records.clear();
  const auto reply = story.apply(observing(spec));
  ASSERT_FALSE(reply.error) << reply.error->message;
  EXPECT_FALSE(reply.operation);
  EXPECT_EQ(reply.revision.number, 1U);
  EXPECT_EQ(story.primary(), "a");
  EXPECT_EQ(story.office().term.number, 1U);
  EXPECT_EQ(story.memory().spec, observing(spec));
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_TRUE(story.records.empty());
}

TEST(Observing, IsRefusedWhereTheServersAreOtherwise) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  const auto reply = story.apply(observing(spec));
  ASSERT_TRUE(reply.error);
  EXPECT_NE(reply.error->message.find("b follows nobody"), std::string::npos) << reply.error->message;
  EXPECT_EQ(story.memory(), Memory{});
}

TEST(Observing, ACrashedPrimaryIsReportedAndNotReplaced) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  only_looked_at(story, spec);
  story.kill("a");
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_EQ(story.primary(), "a");
  const auto* dead = story.problem("DeadPrimary");
  ASSERT_NE(dead, nullptr) << story.told();
  EXPECT_NE(dead->blocked.find("set `management: full`"), std::string::npos) << dead->blocked;
  EXPECT_EQ(story.count_events("problem-found") > 0, true);
  EXPECT_EQ(story.operations.size(), 0U);
}

TEST(Observing, NothingIsRepairedNorFenced) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  only_looked_at(story, spec);
  story.servers["b"].now.channels.front().applier = ThreadState::Stopped;
  story.servers["c"].now.read_only = ReadOnly::Off;
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{});
  ASSERT_TRUE(story.problems);
  EXPECT_GE(story.problems->size(), 2U) << story.told();
  for (const auto& problem : *story.problems) {
    if (problem.goal != Goal::None) {
      EXPECT_NE(problem.blocked.find("management: observe"), std::string::npos) << problem.name;
    }
  }
}

TEST(Observing, RefusesWhatWouldChangeServersAndSaysTheWay) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  only_looked_at(story, spec);
  const auto refused = [&](const control::Reply& reply) {
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::PreconditionFailed);
    EXPECT_NE(reply.error->message.find("set `management: full` in the file and apply"), std::string::npos);
  };
  refused(story.ask_and_wait(control::SwitchOver{}));
  refused(story.ask_and_wait(control::FailOver{}));
  refused(story.ask_and_wait(control::BeginMaintenance{.node = kB, .length = 1h, .reason = "disk"}));
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(Observing, EndsWithAnOrdinaryApplyAndThenRepldActs) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  only_looked_at(story, spec);
  story.servers["b"].now.channels.front().receiver = ThreadState::Stopped;
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), Names{});
  const auto reply = story.apply(spec);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  EXPECT_TRUE(story.run_until_settled(1min)) << story.told();
  story.run_for(3s);
  story.kill("a");
  EXPECT_TRUE(story.run_until([&] { return story.servers.write("b") || story.servers.write("c"); }, 30s))
      << story.told();
}

TEST(Observing, ACrashedPrimaryIsReplacedOnceRepldMayAct) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  only_looked_at(story, spec);
  story.kill("a");
  story.run_for(1min);
  const auto reply = story.apply(spec);
  ASSERT_FALSE(reply.error) << reply.error->message;
  EXPECT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 30s)) << story.told();
  EXPECT_EQ(story.primary(), "b");
}

TEST(Observing, GoesOnAfterARestart) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  only_looked_at(story, spec);
  story.kill_repld();
  story.start_repld();
  story.servers["c"].now.read_only = ReadOnly::Off;
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(Observing, AGroupThatElectsAnotherPrimaryIsFollowed) {
  const auto spec = spec_of("a b c").group();
  Story story{spec};
  const auto applied = story.apply(spec);
  ASSERT_FALSE(applied.error) << applied.error->message;
  story.run_until_idle();
  story.run_for(3s);
  ASSERT_FALSE(story.apply(observing(spec)).error);
  story.forget();
  const auto was = story.primary();
  story.kill(was);
  story.servers[was == "b" ? "c" : "b"].elected = true;
  story.servers.settle();
  EXPECT_TRUE(story.run_until([&] { return story.primary() != was; }, 2min)) << story.told();
  story.run_for(2min);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(Observing, AMovedPrimaryThatTheFileNamesComesIntoOffice) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  only_looked_at(story, spec);
  // Somebody moves it by hand.
  for (const auto& step : std::vector<Step>{SetReadOnly{kA, ReadOnly::Off, ReadOnly::Super}, ForgetSource{kB, kA},
                                            SetReadOnly{kB, ReadOnly::Super, ReadOnly::Off},
                                            FollowSource{.replica = kA, .from = {}, .to = kB},
                                            FollowSource{.replica = kC, .from = kA, .to = kB}}) {
    const auto done = story.servers.apply(step);
    ASSERT_FALSE(done.error) << describe(step) << ": " << done.error->message;
  }
  const auto reply = story.apply(observing(spec_of("a b c").source("b")));
  ASSERT_FALSE(reply.error) << reply.error->message;
  EXPECT_EQ(story.primary(), "b");
  EXPECT_EQ(story.office().term.number, 2U);
  EXPECT_EQ(story.ordered(), Names{});
}

}  // namespace
}  // namespace repl::test

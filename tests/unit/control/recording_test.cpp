// What the servers keep of the cluster: up to date soon after every change, and in nobody's way.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

TEST(Record, IsKeptOnThePrimaryOnceAnApplyIsDone) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.apply(spec);
  story.run_until_idle();
  const auto finished = story.operations.back().finished;
  story.run_for(5s);
  ASSERT_EQ(story.records.size(), 1U);
  const auto& order = story.records.front();
  EXPECT_EQ(order.node, kA);
  EXPECT_EQ(order.record.cluster.name, "shop");
  EXPECT_EQ(order.record.term.number, 1U);
  EXPECT_EQ(order.record.revision.number, 1U);
  EXPECT_EQ(order.record.primary, kA);
  EXPECT_NE(order.record.document.find("name: shop"), std::string::npos);
  EXPECT_GT(order.deadline, finished);
  EXPECT_EQ(story.memory().revision.number, 1U) << "what it says is stored";
  story.run_for(10min);
  EXPECT_EQ(story.records.size(), 1U) << "it is up to date";
}

TEST(Record, FollowsAFailover) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.records.clear();
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return !story.records.empty(); }, 2min)) << story.told();
  EXPECT_EQ(story.records.back().node, kB);
  EXPECT_EQ(story.records.back().record.term.number, 2U);
  EXPECT_EQ(story.records.back().record.primary, kB);
  EXPECT_FALSE(story.memory().operation);
}

TEST(Record, OfARingIsKeptOnItsFirstNodeThatTakesWrites) {
  const auto spec = spec_of("a b c").ring();
  Story story{spec};
  story.apply(spec);
  story.run_until_idle();
  story.run_for(10s);
  ASSERT_EQ(story.records.size(), 1U);
  EXPECT_EQ(story.records.front().node, kA);
  EXPECT_FALSE(story.records.front().record.primary);
}

TEST(Record, MakesNoPlanNorEventNorOperation) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.apply(spec);
  story.run_until_idle();
  const auto events = story.events.size();
  const auto operations = story.operations.size();
  story.run_for(10s);
  ASSERT_EQ(story.records.size(), 1U);
  EXPECT_EQ(story.operations.size(), operations);
  for (std::size_t i = events; i < story.events.size(); ++i) EXPECT_EQ(story.events[i].kind, "problem-gone");
  EXPECT_TRUE(story.apply(spec).plan->empty());
}

TEST(Record, ThatCannotBeKeptIsTriedAgainLaterAndHoldsNothingUp) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.record_error = Error{ErrorCode::ServerRefused, "CREATE command denied"};
  story.running(spec);
  story.run_for(10s);
  const auto tried = story.records.size();
  EXPECT_EQ(tried, 1U);
  story.run_for(1h);
  EXPECT_GT(story.records.size(), tried);
  EXPECT_LT(story.records.size(), tried + 10);
  story.record_error.reset();
  story.run_for(2h);
  const auto kept = story.records.size();
  story.run_for(2h);
  EXPECT_EQ(story.records.size(), kept);
  story.kill("a");
  EXPECT_TRUE(story.run_until([&] { return story.servers.write("b"); }, 10s)) << story.told();
}

TEST(Record, WaitsWhileSomethingIsWrongWithThePrimary) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.records.clear();
  // Closed by somebody: it is not opened for a record, and there is none before it is open.
  story.ask_and_wait(control::Pause{});
  story.servers["a"].now.read_only = ReadOnly::Super;
  story.run_for(1min);
  EXPECT_TRUE(story.records.empty());
  EXPECT_EQ(story.servers["a"].now.read_only, ReadOnly::Super);
}

TEST(Record, IsMadeSureOfOnceAfterARestart) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  story.run_for(10s);
  story.records.clear();
  story.kill_repld();
  story.start_repld();
  story.run_for(1min);
  EXPECT_EQ(story.records.size(), 1U);
}

TEST(Record, WithAnEmptyDiskTermsAndRevisionsGoOn) {
  for (const bool ring : {false, true}) {
    auto spec = spec_of("a b c");
    if (ring) spec.ring();
    Story story{spec};
    story.apply(spec);
    story.run_until_idle();
    story.run_for(10s);
    for (int i = 0; i < 2; ++i) {
      auto other = spec;
      other.alert_lag = std::chrono::milliseconds{20'000 + i};
      ASSERT_FALSE(story.apply(other).error);
      story.run_for(10s);
    }
    ASSERT_EQ(story.memory().revision.number, 3U);
    const auto term = story.office().term.number;
    story.kill_repld();
    story.remember(Memory{});
    story.start_repld();
    auto observing = spec;
    observing.management = Management::Observe;
    const auto reply = story.apply(observing);
    ASSERT_FALSE(reply.error) << reply.error->message;
    EXPECT_EQ(reply.revision.number, 4U);
    EXPECT_EQ(story.office().term.number, term + 1);
    if (!ring) {
      EXPECT_EQ(story.primary(), "a");
    }
    ASSERT_FALSE(story.apply(spec).error);
    story.run_until_idle();
    EXPECT_EQ(story.memory().revision.number, 5U);
    EXPECT_EQ(story.office().term.number, term + 1);
  }
}

}  // namespace
}  // namespace repl::test

// A diverged node is cloned: what it alone had is remembered before it is thrown away, looked for on every other node,
// and committed empty, whatever fails on the way.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Fate = Story::Fate;

const auto kOwn = gtids("C:7-8");

/// A cluster in which c replicates from nobody and has two transactions of its own.
std::unique_ptr<Story> with_diverged(const Spec& spec) {
  auto story = std::make_unique<Story>(spec);
  story->running(spec);
  auto& c = story->servers["c"];
  c.now.channels.clear();
  c.now.executed = unite(c.now.executed, kOwn);
  EXPECT_TRUE(story->run_until([&] { return story->memory().quarantined.contains(kC); }, 10s)) << story->told();
  story->forget();
  return story;
}

control::ApplySpec losing(const Spec& spec, std::set<NodeId> nodes) {
  return {.spec = spec, .may_lose_data = std::move(nodes)};
}

bool has(const Story& story, const std::string& node, const GtidSet& set) {
  return story.servers.at({node}).now.executed.contains(set);
}

TEST(Discarded, IsRememberedThrownAwayAndCommittedEmpty) {
  const auto spec = spec_of("a b c").acks(1);
  auto story = with_diverged(spec);
  const auto reply = story->ask_and_wait(losing(spec, {kC}));
  ASSERT_FALSE(reply.error) << reply.error->message;
  ASSERT_TRUE(story->run_until_ordered("c: clone the data of b"));
  EXPECT_EQ(story->memory().discarded.at(kC), kOwn) << "remembered before it is thrown away";
  story->run_until_idle();
  for (const auto* node : {"a", "b", "c"}) EXPECT_TRUE(has(*story, node, kOwn)) << node << story->told();
  ASSERT_NE(story->event("transactions-discarded"), nullptr) << story->told();
  EXPECT_NE(story->event("transactions-discarded")->text.find(kOwn.to_string()), std::string::npos);
  EXPECT_TRUE(story->event("transactions-discarded")->operation);
  ASSERT_TRUE(story->run_until([&] { return story->memory().discarded.empty(); }, 10s));
  EXPECT_EQ(story->count_events("numbers-retired"), 1) << story->told();
  EXPECT_TRUE(story->run_until_settled(30s)) << story->told();
  const auto again = story->apply(spec, true);
  ASSERT_TRUE(again.plan);
  EXPECT_TRUE(again.plan->steps.empty());
}

TEST(Discarded, WaitsForANodeThatDoesNotAnswer) {
  const auto spec = spec_of("a b c d");
  auto story = with_diverged(spec);
  story->kill("d");
  story->run_for(5s);
  const auto reply = story->ask_and_wait(losing(spec, {kC}));
  ASSERT_FALSE(reply.error) << reply.error->message;
  story->run_until_idle();
  EXPECT_EQ(story->revisions.back().state, RevisionState::Applied) << story->told();
  story->run_for(10s);
  EXPECT_FALSE(has(*story, "a", kOwn)) << "d may have them";
  ASSERT_NE(story->problem("NumbersNotRetired"), nullptr) << story->told();
  EXPECT_NE(story->problem("NumbersNotRetired")->blocked.find("d does not answer"), std::string::npos)
      << story->problem("NumbersNotRetired")->blocked;
  // Not forgotten either.
  story->kill_repld();
  story->start_repld();
  story->servers.restart("d");
  EXPECT_TRUE(story->run_until([&] { return has(*story, "a", kOwn) && has(*story, "d", kOwn); }, 30s)) << story->told();
  EXPECT_TRUE(story->run_until_settled(30s)) << story->told();
  EXPECT_TRUE(story->memory().discarded.empty());
}

TEST(Discarded, IsNotCommittedWhileAnotherNodeHasIt) {
  const auto spec = spec_of("a b c d");
  auto story = with_diverged(spec);
  story->kill("d");
  auto& d = story->servers["d"];
  d.now.executed = unite(d.now.executed, gtids("C:7"));
  story->run_for(5s);
  const auto reply = story->ask_and_wait(losing(spec, {kC}));
  ASSERT_FALSE(reply.error) << reply.error->message;
  story->run_until_idle();
  d.now.channels.clear();
  story->servers.restart("d");
  story->run_for(10s);
  EXPECT_FALSE(has(*story, "a", gtids("C:7"))) << "d's rows would no longer be seen to be too many";
  EXPECT_FALSE(has(*story, "a", gtids("C:8")));
  ASSERT_NE(story->problem("DiscardedElsewhere"), nullptr) << story->told();
  EXPECT_NE(story->problem("DiscardedElsewhere")->evidence.find("d has " + gtids("C:7").to_string()),
            std::string::npos);

  const auto both = story->ask_and_wait(losing(spec, {NodeId{"d"}}));
  ASSERT_FALSE(both.error) << both.error->message;
  EXPECT_TRUE(story->run_until_settled(1min)) << story->told();
  for (const auto* node : {"a", "b", "c", "d"}) EXPECT_TRUE(has(*story, node, kOwn)) << node << story->told();
  EXPECT_TRUE(story->memory().discarded.empty());
}

class DiscardedInTopology : public ::testing::TestWithParam<std::string> {
 protected:
  SpecOf spec() const {
    auto out = spec_of("a b c");
    if (GetParam() == "SemiSync") out.acks(1);
    if (GetParam() == "Chain") out.follows("c", "b");
    return out;
  }
};

/// As it was, or cloned with nothing forgotten.
void expect_whole(Story& story, const std::string& what) {
  SCOPED_TRACE(what);
  story.run_until_idle();
  story.fate = [](const auto&) { return Fate::CarriedOut; };
  const auto apply = std::find_if(story.operations.rbegin(), story.operations.rend(),
                                  [](const Operation& op) { return op.goal == Goal::Converge; });
  ASSERT_TRUE(apply != story.operations.rend() && is_over(apply->state)) << story.told();
  const bool taken_back = apply->state == OperationState::TakenBack;
  ASSERT_TRUE(taken_back || apply->state == OperationState::Done) << story.told();
  const bool kept = taken_back && has(story, "c", kOwn) && !has(story, "a", kOwn);
  if (kept) {
    story.run_for(10s);
    EXPECT_TRUE(story.memory().discarded.empty()) << "it is not lost" << story.told();
    EXPECT_FALSE(has(story, "a", kOwn)) << story.told();
    return;
  }
  EXPECT_TRUE(story.run_until(
      [&] { return has(story, "a", kOwn) && story.memory().discarded.empty() && !story.memory().operation; }, 2min))
      << story.told();
}

TEST_P(DiscardedInTopology, IsNeverForgottenWhereverItFails) {
  const auto steps = with_diverged(spec())
                         ->ask_and_wait([&] {
                           auto dry = losing(spec(), {kC});
                           dry.dry_run = true;
                           return dry;
                         }())
                         .plan->steps;
  ASSERT_GT(steps.size(), 2U);
  for (std::size_t failing = 0; failing < steps.size(); ++failing) {
    for (const auto fate : {Fate::Refused, Fate::CarriedOutUnheard, Fate::Lost}) {
      auto story = with_diverged(spec());
      bool struck = false;
      story->fate = [&](const control::StepOrder& order) {
        if (order.index != failing || order.undo || (struck && fate != Fate::Refused)) return Fate::CarriedOut;
        struck = true;
        return fate;
      };
      const auto reply = story->ask_and_wait(losing(spec(), {kC}));
      ASSERT_FALSE(reply.error) << reply.error->message;
      expect_whole(*story, fmt::format("{}, fate {}", describe(steps[failing].step), static_cast<int>(fate)));
      if (HasFailure()) return;
    }
    for (const bool carried_out : {false, true}) {
      auto story = with_diverged(spec());
      story->ask(losing(spec(), {kC}));
      ASSERT_TRUE(story->run_until_ordered(describe(steps[failing].step))) << story->told();
      story->kill_repld();
      if (carried_out) story->carry_out_what_is_under_way();
      story->start_repld();
      expect_whole(*story, fmt::format("killed at {}", describe(steps[failing].step)));
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DiscardedInTopology, ::testing::Values("Async", "SemiSync", "Chain"),
                         [](const auto& which) { return which.param; });

}  // namespace
}  // namespace repl::test

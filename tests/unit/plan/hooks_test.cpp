// Hooks in plans: which ones, and what waits for them.
#include "plan/hooks.hpp"

#include <gtest/gtest.h>

#include "plan/converge.hpp"
#include "plan/failover.hpp"
#include "plan/switchover.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/apply_step.hpp"

namespace repl::test {
namespace {

constexpr const char* kFence = "b: preFailover hook fence";
constexpr const char* kCut = "b: preFailover hook cut";
constexpr const char* kAnnounce = "b: postFailover hook announce";
constexpr const char* kNote = "b: postFailover hook note";
constexpr const char* kAsk = "b: preSwitchover hook ask";
constexpr const char* kTell = "b: postSwitchover hook tell";

Plan failover_of(const Spec& spec) {
  const auto c = dead(spec);
  plan::Positions positions;
  const auto secured = plan::plan_secure(c.spec, c.office, c.view());
  for (const auto& step : secured.steps) {
    const auto& node = std::get<DetachReceiver>(step.step).replica;
    positions[node] = c.view().reachable(node)->position();
  }
  auto promotion =
      plan::plan_promotion(c.spec, c.office, c.view(), secured, positions, std::nullopt, plan::Urgency::Automatic);
  EXPECT_TRUE(promotion) << promotion.error().message;
  return promotion.value_or(Plan{});
}

Plan switchover_of(const SpecOf& spec) {
  const auto c = spec.positioning == Positioning::Binlog ? running_by_position(spec) : running(spec);
  auto plan = plan::plan_switchover(c.spec, c.office, c.view(), NodeId{"b"}, 10s);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(Plan{});
}

TEST(HooksOfAFailover, RunOneAfterTheOtherBeforeAndAfterTheNewPrimaryOpens) {
  for (const auto& spec : {spec_of("a b c").with_hooks(), spec_of("a b c").acks(1).with_hooks()}) {
    const auto p = failover_of(spec);
    EXPECT_TRUE(well_formed(p));
    EXPECT_TRUE(in_order(p, kFence, kCut));
    EXPECT_TRUE(in_order(p, kCut, kOpensB));
    EXPECT_TRUE(in_order(p, kOpensB, kAnnounce));
    EXPECT_TRUE(in_order(p, kAnnounce, kNote));
    EXPECT_EQ(all_of_kind<RunHook>(p).size(), 4U) << "those of a switchover are another's";
    EXPECT_EQ(all_of_kind<RunHook>(p).front(), (RunHook{{"b"}, NodeId{"a"}, HookPoint::PreFailover, "fence", 5s}));
  }
}

TEST(HooksOfAFailover, FailItBeforeAndNeverAfter) {
  const auto p = failover_of(spec_of("a b c").with_hooks());
  EXPECT_FALSE(p.steps[step_at(p, kFence)].best_effort);
  EXPECT_TRUE(p.steps[step_at(p, kAnnounce)].best_effort);
  EXPECT_LT(step_at(p, kCut), p.point_of_no_return);
  EXPECT_GT(step_at(p, kAnnounce), p.point_of_no_return);
}

// A fence takes seconds: meanwhile the candidate drains and the others are moved.
TEST(HooksOfAFailover, HoldNothingUpButTheOpening) {
  const auto p = failover_of(spec_of("a b c").acks(1).with_hooks());
  const auto fence = step_at(p, kFence);
  const auto opens = step_at(p, kOpensB);
  ASSERT_NE(fence, kNoStep);
  EXPECT_TRUE(p.steps[fence].after.empty());
  for (std::size_t i = 0; i < opens; ++i) {
    if (std::holds_alternative<RunHook>(p.steps[i].step)) continue;
    EXPECT_FALSE(waits_for(p, i, fence)) << describe(p.steps[i].step);
  }
  EXPECT_FALSE(waits_for(p, step_at(p, "b: forget a"), step_at(p, kAnnounce)));
}

TEST(HooksOfASwitchover, AgreeBeforeAnythingIsTouched) {
  for (const auto& spec :
       {spec_of("a b c").with_hooks(), spec_of("a b c").acks(1).with_hooks(),
        spec_of("a b c").by_position().with_hooks(), spec_of("a b c d").with_hooks().follows("b", "c")}) {
    const auto p = switchover_of(spec);
    EXPECT_TRUE(well_formed(p));
    const auto ask = step_at(p, kAsk);
    ASSERT_EQ(ask, 0U);
    for (std::size_t i = 1; i < p.steps.size(); ++i) EXPECT_TRUE(waits_for(p, i, ask)) << describe(p.steps[i].step);
    EXPECT_TRUE(in_order(p, kOpensB, kTell));
    EXPECT_TRUE(p.steps[step_at(p, kTell)].best_effort);
    EXPECT_EQ(all_of_kind<RunHook>(p).size(), 2U) << "what fences a dead primary must not run against a live one";
  }
}

TEST(HooksOfASwitchover, AreThoseOfTheFileThatMovesTheSource) {
  const auto before = spec_of("a b c");
  auto after = spec_of("a b c").with_hooks().source("b");
  after.hooks.timeout = 7s;
  auto servers = Servers::fresh(before);
  const auto first = plan::plan_converge(before, {}, nullptr, servers.view());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(apply_all(servers, *first, in_written_order(*first)));
  const auto office = plan::office_after(before, {}, servers.view(), kNow);
  const auto p = plan::plan_converge(after, office, &before, servers.view(office.primary));
  ASSERT_TRUE(p) << p.error().message;
  ASSERT_EQ(all_of_kind<RunHook>(*p).size(), 2U);
  EXPECT_EQ(all_of_kind<RunHook>(*p).front().program, "ask");
  EXPECT_EQ(all_of_kind<RunHook>(*p).front().timeout, 7s);
}

TEST(Hooks, CostNothingWhereThereAreNone) {
  EXPECT_TRUE(all_of_kind<RunHook>(failover_of(spec_of("a b c"))).empty());
  EXPECT_TRUE(all_of_kind<RunHook>(switchover_of(spec_of("a b c"))).empty());
  EXPECT_TRUE(plan::plan_hooks_of_election(spec_of("a b c").group(), {.primary = NodeId{"b"}}).empty());
}

TEST(FenceByHook, HoldsForASilentPrimaryAndIsWaitedFor) {
  const auto c = running(spec_of("a b c").fencing(FencingMode::Hook).with_hooks()).freeze("a");
  const auto fence = plan::judge_fence(c.spec, c.office, c.view());
  ASSERT_TRUE(fence) << fence.error().message;
  EXPECT_EQ(fence->detached_ackers_needed, 0);
  EXPECT_NE(fence->how.find("preFailover hooks"), std::string::npos);
}

}  // namespace
}  // namespace repl::test

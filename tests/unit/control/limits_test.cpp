// When an automatic failover is one too many.
#include "control/limits.hpp"

#include <gtest/gtest.h>

#include "unit/support/cluster.hpp"

namespace repl::test {
namespace {

using control::may_fail_over_again;

Memory failed_over(std::initializer_list<Duration> ago) {
  Memory memory;
  for (const auto d : ago) memory.automatic_failovers.push_back(kNow - d);
  return memory;
}

TEST(Limits, AllowTheFirstFailover) {
  EXPECT_TRUE(may_fail_over_again({}, Memory{}, kNow));
}

TEST(Limits, HoldTheSecondBackUntilTheCoolDownHasPassed) {
  const FailoverSpec limits{.cooldown = 1h};
  const auto held = may_fail_over_again(limits, failed_over({10min}), kNow);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::Conflict);
  EXPECT_NE(held.error().message.find("600 s ago"), std::string::npos) << held.error().message;
  EXPECT_NE(held.error().message.find("3000 s left"), std::string::npos) << held.error().message;
  EXPECT_NE(held.error().message.find("replctl ack"), std::string::npos);
  EXPECT_FALSE(may_fail_over_again(limits, failed_over({1h - 1us}), kNow));
  EXPECT_TRUE(may_fail_over_again(limits, failed_over({1h}), kNow));
}

TEST(Limits, AllowNoMoreThanSoManyADay) {
  const FailoverSpec limits{.cooldown = 1min, .per_day = 3};
  EXPECT_TRUE(may_fail_over_again(limits, failed_over({2h, 1h}), kNow));
  const auto held = may_fail_over_again(limits, failed_over({3h, 2h, 1h}), kNow);
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().message.find("3 automatic failovers within a day"), std::string::npos);
  EXPECT_TRUE(may_fail_over_again(limits, failed_over({24h, 2h, 1h}), kNow));
}

TEST(Limits, NoLongerCountWhatSomebodyHasAcknowledged) {
  auto memory = failed_over({3h, 2h, 10min});
  memory.acknowledged = kNow - 5min;
  EXPECT_TRUE(may_fail_over_again({.cooldown = 1h, .per_day = 1}, memory, kNow));
}

TEST(Limits, CountAFailoverAfterTheAcknowledgement) {
  auto memory = failed_over({10min});
  memory.acknowledged = kNow - 11min;
  EXPECT_FALSE(may_fail_over_again({.cooldown = 1h}, memory, kNow));
}

TEST(Limits, WithoutCoolDownOnlyTheDayCounts) {
  EXPECT_TRUE(may_fail_over_again({.cooldown = 0s, .per_day = 3}, failed_over({1s}), kNow));
}

TEST(Limits, ForgetWhatNoLimitAsksForAnyMore) {
  auto memory = failed_over({49h, 25h, 23h, 1h});
  control::forget_old_failovers({.cooldown = 1h}, memory, kNow);
  EXPECT_EQ(memory.automatic_failovers, (std::vector<Time>{kNow - 23h, kNow - 1h}));
}

TEST(Limits, RememberAFailoverAsLongAsItsCoolDownLasts) {
  auto memory = failed_over({47h});
  const FailoverSpec limits{.cooldown = 48h};
  control::forget_old_failovers(limits, memory, kNow);
  EXPECT_FALSE(may_fail_over_again(limits, memory, kNow));
}

}  // namespace
}  // namespace repl::test

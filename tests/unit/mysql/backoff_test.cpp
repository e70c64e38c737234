#include "mysql/backoff.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsLimit) {
  EXPECT_EQ(backoff(1, 0.0), 50ms);
  EXPECT_EQ(backoff(2, 0.0), 100ms);
  EXPECT_EQ(backoff(4, 0.0), 400ms);
  EXPECT_EQ(backoff(40, 0.0), 5s);
}

TEST(Backoff, SpreadsOverTheUpperHalf) {
  EXPECT_EQ(backoff(1, 0.5), 75ms);
  EXPECT_LE(backoff(40, 0.999), 10s);
  EXPECT_GT(backoff(40, 0.999), 9s);
}

class Breaker : public testing::Test {
 protected:
  void fail_until_open() {
    for (int i = 0; i < CircuitBreaker::kFailures; ++i) {
      EXPECT_TRUE(breaker.admits(now));
      breaker.failed(now, 0.0);
    }
  }
  CircuitBreaker breaker;
  Deadline now{};
};

TEST_F(Breaker, OpensAfterConsecutiveFailuresOnly) {
  for (int i = 0; i < 4 * CircuitBreaker::kFailures; ++i) {
    breaker.failed(now, 0.0);
    if (i % 2 == 1) breaker.succeeded();
  }
  EXPECT_FALSE(breaker.is_open());
  fail_until_open();
  EXPECT_TRUE(breaker.is_open());
  EXPECT_FALSE(breaker.admits(now));
}

TEST_F(Breaker, LetsOneTrialThroughAfterThePause) {
  fail_until_open();
  now += 1s;
  EXPECT_TRUE(breaker.admits(now));
  EXPECT_FALSE(breaker.admits(now));
}

TEST_F(Breaker, WaitsLongerAfterEachFailedTrial) {
  fail_until_open();
  const auto first = breaker.closed_until() - now;
  now += 1s;
  ASSERT_TRUE(breaker.admits(now));
  breaker.failed(now, 0.0);
  EXPECT_EQ(breaker.closed_until() - now, 2 * first);
}

TEST_F(Breaker, ClosesWithTheFirstSuccess) {
  fail_until_open();
  now += 1s;
  ASSERT_TRUE(breaker.admits(now));
  breaker.succeeded();
  EXPECT_FALSE(breaker.is_open());
  EXPECT_TRUE(breaker.admits(now));
  EXPECT_TRUE(breaker.admits(now));
}

TEST_F(Breaker, ForgetsATrialThatIsNeverReported) {
  fail_until_open();
  now += 1s;
  ASSERT_TRUE(breaker.admits(now));
  now += 1min;
  EXPECT_TRUE(breaker.admits(now));
}

}  // namespace
}  // namespace repl::mysql

// Durations as text, both ways.
#include "spec/duration.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace repl::spec {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, KnowsTheUnits) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("90d"), 90 * 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const auto* text : {"", "s", "10", "-1s", "+1s", "1.5s", "10 s", " 10s", "10s ", "1h30m", "10S", "1w", "0x1s",
                           "99999d", "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(PrintDuration, TakesTheLargestUnitThatLeavesAWholeNumber) {
  EXPECT_EQ(print_duration(0ms), "0s");
  EXPECT_EQ(print_duration(1500ms), "1500ms");
  EXPECT_EQ(print_duration(90s), "90s");
  EXPECT_EQ(print_duration(3600s), "1h");
  EXPECT_EQ(print_duration(604800s), "7d");
}

RC_GTEST_PROP(PrintDuration, IsReadBackAsTheSame, ()) {
  const std::chrono::milliseconds duration{*rc::gen::inRange<std::int64_t>(0, 864'000'000'001)};
  RC_ASSERT(parse_duration(print_duration(duration)) == duration);
}

}  // namespace
}  // namespace repl::spec

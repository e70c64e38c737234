// Widths, durations, times.
#include "ctl/text.hpp"

#include <gtest/gtest.h>

namespace repl::ctl {
namespace {

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width("db1"), 3);
  EXPECT_EQ(display_width("zürich"), 6);
  EXPECT_EQ(display_width("東京"), 4);
  EXPECT_EQ(display_width("e\u0301"), 1);  // a combining accent takes no column
  EXPECT_EQ(display_width("🚀"), 2);
  EXPECT_EQ(display_width(""), 0);
}

TEST(DisplayWidth, CountsABrokenByteAsOneColumn) {
  EXPECT_EQ(display_width("a\xff"
                          "b"),
            3);
  EXPECT_EQ(display_width("\xe6\x9d"), 2);
}

TEST(Pad, FillsToDisplayWidth) {
  EXPECT_EQ(pad_right("東京", 6), "東京  ");
  EXPECT_EQ(pad_left("ü", 3), "  ü");
  EXPECT_EQ(pad_right("longer", 3), "longer");
}

TEST(Shorten, CutsAtACharacterAndSaysSo) {
  EXPECT_EQ(shorten("db1 follows db2", 8, {.unicode = true}), "db1 fol…");
  EXPECT_EQ(shorten("db1 follows db2", 8, {}), "db1 fol>");
  EXPECT_EQ(shorten("東京東京", 4, {.unicode = true}), "東…");
  EXPECT_EQ(shorten("short", 8, {}), "short");
  EXPECT_EQ(shorten("no terminal, no limit", 0, {}), "no terminal, no limit");
}

TEST(Style, PaintsOnlyWhenColourIsWanted) {
  EXPECT_EQ((Style{.colour = true}.paint(Colour::Red, "x")), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(Style{}.paint(Colour::Red, "x"), "x");
}

TEST(Durations, AreTellingAtEveryScale) {
  EXPECT_EQ(coarse_duration(0), "0s");
  EXPECT_EQ(coarse_duration(1500), "25m");
  EXPECT_EQ(coarse_duration(3600), "1h");
  EXPECT_EQ(coarse_duration(11100), "3h 5m");
  EXPECT_EQ(coarse_duration(187200), "2d 4h");
  EXPECT_EQ(took_text(0.0412), "0.04 s");
  EXPECT_EQ(took_text(12.34), "12.3 s");
  EXPECT_EQ(took_text(125), "2m 5s");
  EXPECT_EQ(lag_text(0), "0s");
  EXPECT_EQ(lag_text(0.4), "0.4s");
  EXPECT_EQ(lag_text(61), "1m");
}

TEST(Times, AreReadFromRfc3339) {
  const auto time = parse_time("2025-11-24T07:08:22.123456Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->time_since_epoch(), std::chrono::microseconds(1'763'968'102'123'456));
  EXPECT_EQ(parse_time("2025-11-24T07:08:22Z")->time_since_epoch(), std::chrono::seconds(1'763'968'102));
  for (const auto* wrong :
       {"", "yesterday", "2025-13-24T07:08:22Z", "2025-11-24T07:08:22", "2025-11-24T07:08:22.x1Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(Times, AreShownToTheSecondAndUnchangedWhenUnknown) {
  EXPECT_EQ(short_time("2025-11-24T07:08:22.123456Z"), "2025-11-24 07:08:22Z");
  EXPECT_EQ(short_time("soon"), "soon");
}

TEST(Closest, FindsATypoAndNothingFarAway) {
  EXPECT_EQ(closest("statsu", {"status", "apply"}), "status");
  EXPECT_EQ(closest("aply", {"status", "apply"}), "apply");
  EXPECT_EQ(closest("replicate", {"status", "apply"}), "");
}

TEST(Counted, KnowsOneFromMany) {
  EXPECT_EQ(counted(1, "step"), "1 step");
  EXPECT_EQ(counted(2, "step"), "2 steps");
  EXPECT_EQ(counted(0, "reply", "replies"), "0 replies");
}

TEST(Bytes, AreShortAndCountInThousands) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'000), "1.0 kB");
  EXPECT_EQ(bytes_text(999'900), "1.0 MB");
  EXPECT_EQ(bytes_text(34'400'000), "34 MB");
  EXPECT_EQ(bytes_text(5.6e12), "5.6 TB");
  EXPECT_EQ(bytes_text(5.6e15), "5600 TB");
}

TEST(Numbers, AreReadInGroupsOfThree) {
  EXPECT_EQ(with_commas(7), "7");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(with_commas(-1234), "-1,234");
}

}  // namespace
}  // namespace repl::ctl

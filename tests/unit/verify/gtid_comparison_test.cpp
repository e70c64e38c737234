#include "verify/gtid_comparison.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

constexpr auto kA = "aaaaaaaa-71ca-11e1-9e33-c80aa9429562";
constexpr auto kB = "bbbbbbbb-71ca-11e1-9e33-c80aa9429562";

GtidSet set(const std::string& text) {
  return GtidSet::parse(text).value();
}

TEST(CompareGtids, TellsWhatEachHasAndLacks) {
  const auto rows =
      compare_gtids({{"db1"}, set(fmt::format("{}:1-10", kA))},
                    {{{"db2"}, set(fmt::format("{}:1-10", kA))}, {{"db3"}, set(fmt::format("{}:1-7,{}:1-2", kA, kB))}});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].node, NodeId{"db1"});
  EXPECT_TRUE(rows[1].errant.empty());
  EXPECT_TRUE(rows[1].missing.empty());
  EXPECT_EQ(rows[2].errant, set(fmt::format("{}:1-2", kB)));
  EXPECT_EQ(rows[2].missing, set(fmt::format("{}:8-10", kA)));
}

}  // namespace
}  // namespace repl::verify

// A short tour on real servers under a writer, over every family of topologies: each change takes steps, loses nothing,
// and leaves nothing to do. All promised changes, with their times, are made by bench-changes.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

TEST(AShortTour, LosesNothingAndLeavesNothingToDoInAnyFamily) {
  for (const auto& tour : short_tours()) {
    SCOPED_TRACE(tour.name);
    std::size_t changes = 0;
    travel(tour, [&](const Change& change) {  // throws when something is left to do
      ++changes;
      fmt::print("{:<38} {:<38} {:>3} steps, {:.2f} s, nobody wrote for {:.3f} s\n", change.from, change.to,
                 change.steps, change.took, change.gap);
      std::fflush(stdout);
      EXPECT_GT(change.steps, 0U) << change.from << " -> " << change.to;
      EXPECT_GT(change.acknowledged, 0U);
      EXPECT_EQ(change.lost, 0U) << change.from << " -> " << change.to;
    });
    EXPECT_EQ(changes + 1, tour.shapes.size());
  }
}

TEST(Tours, GoOverMorePairsThanArePromised) {
  std::set<std::pair<std::string, std::string>> pairs;
  for (const auto& tour : tours()) {
    for (std::size_t i = 1; i < tour.shapes.size(); ++i) {
      EXPECT_NE(tour.shapes[i - 1].name, tour.shapes[i].name);
      pairs.emplace(tour.shapes[i - 1].name, tour.shapes[i].name);
    }
  }
  EXPECT_GE(pairs.size(), 24U);
}

}  // namespace
}  // namespace repl::testing

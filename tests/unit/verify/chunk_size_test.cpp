#include "verify/chunk_size.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

using namespace std::chrono_literals;

TEST(ChunkSize, GrowsStepByStepWhileChunksAreQuick) {
  ChunkSize size;
  const auto first = size.rows();
  size.took(first, 1ms);
  EXPECT_EQ(size.rows(), 2 * first);
  for (int i = 0; i < 20; ++i) size.took(size.rows(), 1ms);
  EXPECT_EQ(size.rows(), ChunkSize::kMost);
}

TEST(ChunkSize, ShrinksAtOnceWhenAChunkTakesLonger) {
  ChunkSize size;
  for (int i = 0; i < 5; ++i) size.took(size.rows(), 1ms);
  const auto before = size.rows();
  size.took(before, ChunkSize::kTarget * 4);
  EXPECT_EQ(size.rows(), before / 4);
}

TEST(ChunkSize, IsNotLedAstrayByTheEndOfATable) {
  ChunkSize size;
  size.took(3, 1ms);
  EXPECT_EQ(size.rows(), ChunkSize::kFirst);
  size.took(0, 1ms);
  EXPECT_EQ(size.rows(), ChunkSize::kFirst);
}

TEST(ChunkSize, GivesWayUntilThereIsNoSmallerChunk) {
  ChunkSize size;
  while (size.rows() > ChunkSize::kLeast) EXPECT_TRUE(size.cut_off());
  EXPECT_FALSE(size.cut_off());
}

TEST(ChunkSize, GoesDownToSingleRowsWhenThoseAreHuge) {
  ChunkSize size;
  for (int i = 0; i < 10; ++i) size.took(size.rows(), 60s);
  EXPECT_EQ(size.rows(), ChunkSize::kLeast);
}

}  // namespace
}  // namespace repl::verify

#include "mysql/clone_query.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

Row stage(const char* name, const char* state, const char* estimate, const char* data, const char* speed) {
  return {name, state, estimate, data, speed};
}

TEST(CloneQuery, NothingIsCopiedWithoutAClone) {
  EXPECT_FALSE(read_clone_progress({}));
  EXPECT_FALSE(read_clone_progress({{"too", "short"}}));
}

TEST(CloneQuery, TheStageIsTheOneInProgressAndTheBytesAreThoseOfAll) {
  const auto seen = read_clone_progress(
      {stage("DROP DATA", "Completed", "0", "0", "0"), stage("FILE COPY", "Completed", "3000", "3000", "0"),
       stage("PAGE COPY", "In Progress", "500", "100", "40"), stage("REDO COPY", "Not Started", "0", "0", "0"),
       stage("RECOVERY", "Not Started", "0", "0", "0")});
  EXPECT_EQ(seen, (CloneProgress{CloneStage::PageCopy, 3100, 3500, 40}));
}

TEST(CloneQuery, BetweenTwoStagesItIsTheOneThatEnded) {
  const auto seen = read_clone_progress(
      {stage("FILE COPY", "Completed", "3000", "3000", "70"), stage("PAGE COPY", "Not Started", "0", "0", "0")});
  EXPECT_EQ(seen, (CloneProgress{CloneStage::FileCopy, 3000, 3000, 0}));
}

TEST(CloneQuery, MoreThanWasEstimatedIsTheEstimate) {
  const auto seen = read_clone_progress({stage("FILE COPY", "In Progress", "3000", "3100", "70")});
  EXPECT_EQ(seen, (CloneProgress{CloneStage::FileCopy, 3100, 3100, 70}));
}

TEST(CloneQuery, NothingHasBegunIsDroppingData) {
  const auto seen = read_clone_progress({stage("DROP DATA", "Not Started", "0", "0", "0")});
  EXPECT_EQ(seen, (CloneProgress{CloneStage::DropData, 0, 0, 0}));
}

}  // namespace
}  // namespace repl::mysql

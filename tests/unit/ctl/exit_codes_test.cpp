// Exit codes are promises to scripts.
#include "ctl/exit_codes.hpp"

#include <gtest/gtest.h>

namespace repl::ctl {
namespace {

TEST(ExitCodes, AreThoseOfTheDocumentation) {
  ASSERT_EQ(kExitTable.size(), 8U);
  for (std::size_t i = 0; i < kExitTable.size(); ++i) EXPECT_EQ(static_cast<std::size_t>(kExitTable[i].code), i);
}

TEST(ExitCodes, FollowTheErrorCode) {
  EXPECT_EQ(exit_for(ErrorCode::InvalidSpec), Exit::Usage);
  EXPECT_EQ(exit_for(ErrorCode::NoSuchCluster), Exit::Usage);
  EXPECT_EQ(exit_for(ErrorCode::NotPromotable), Exit::Refused);
  EXPECT_EQ(exit_for(ErrorCode::Conflict), Exit::Refused);
  EXPECT_EQ(exit_for(ErrorCode::Paused), Exit::Refused);
  EXPECT_EQ(exit_for(ErrorCode::ServerRefused), Exit::TakenBack);
  EXPECT_EQ(exit_for(ErrorCode::Unauthorised), Exit::Unreachable);
  EXPECT_EQ(exit_for(ErrorCode::Unreachable), Exit::Unreachable);
}

TEST(ExitCodes, EveryErrorCodeHasOneOfTheTable) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::Internal); ++code) {
    const auto exit = static_cast<int>(exit_for(static_cast<ErrorCode>(code)));
    EXPECT_TRUE(exit == 2 || exit == 3 || exit == 4 || exit == 7)
        << to_string(static_cast<ErrorCode>(code)) << ' ' << exit;
  }
}

TEST(CodeFor, GoesByTheStatusWhenANewerRepldHasCodesOfItsOwn) {
  EXPECT_EQ(code_for("not-promotable", 412), ErrorCode::NotPromotable);
  EXPECT_EQ(exit_for(code_for("moon-phase", 412)), Exit::Refused);
  EXPECT_EQ(exit_for(code_for("moon-phase", 409)), Exit::Refused);
  EXPECT_EQ(exit_for(code_for("moon-phase", 400)), Exit::Usage);
  EXPECT_EQ(exit_for(code_for("moon-phase", 401)), Exit::Unreachable);
  EXPECT_EQ(exit_for(code_for("moon-phase", 503)), Exit::TakenBack);
}

TEST(ExitForOperation, TellsHowItEnded) {
  EXPECT_EQ(exit_for_operation("done"), Exit::Done);
  EXPECT_EQ(exit_for_operation("taken-back"), Exit::TakenBack);
  EXPECT_EQ(exit_for_operation("needs-person"), Exit::NeedsPerson);
  EXPECT_EQ(exit_for_operation("running"), Exit::TimedOut);
  EXPECT_EQ(exit_for_operation("undoing"), Exit::TimedOut);
}

TEST(Worse, KeepsTheMoreAlarmingOfTwo) {
  EXPECT_EQ(worse(Exit::Done, Exit::TakenBack), Exit::TakenBack);
  EXPECT_EQ(worse(Exit::NeedsPerson, Exit::TimedOut), Exit::NeedsPerson);
  EXPECT_EQ(worse(Exit::TakenBack, Exit::TimedOut), Exit::TakenBack);
  EXPECT_EQ(worse(Exit::Done, Exit::Done), Exit::Done);
}

}  // namespace
}  // namespace repl::ctl

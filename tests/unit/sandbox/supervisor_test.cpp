// What a supervisor reads from the end of a server.
#include "ctl/sandbox/supervisor.hpp"

#include <gtest/gtest.h>

namespace repl::ctl::sandbox {
namespace {

// Source: the encoding of wait(2) on Linux.
constexpr int exited(int code) {
  return code << 8;
}
constexpr int ended_by(int signal) {
  return signal;
}

const std::string kStart =
    "2026-01-01T00:00:00Z 0 [System] [MY-010116] [Server] mysqld (mysqld 9.7.4) starting as process 7";
const std::string kClone =
    "2026-01-01T00:00:05Z 8 [ERROR] [MY-013462] Clone shutting down server as RESTART failed. Please start server";
const std::string kEnd = "2026-01-01T00:00:06Z 0 [System] [MY-010910] [Server] mysqld: Shutdown complete";

TEST(ServerEnd, IsAStopAfterACleanShutdown) {
  EXPECT_EQ(meaning_of(exited(0), {kStart, kEnd}), ServerEnd::Stopped);
  EXPECT_EQ(meaning_of(exited(0), {}), ServerEnd::Stopped);
}

TEST(ServerEnd, AsksForARestartWithCodeSixteen) {
  EXPECT_EQ(meaning_of(exited(16), {}), ServerEnd::AsksForRestart);
}

TEST(ServerEnd, AsksForARestartWhenACloneSaysSo) {
  EXPECT_EQ(meaning_of(exited(0), {kStart, kClone, kEnd}), ServerEnd::AsksForRestart);
}

TEST(ServerEnd, DoesNotTakeTheWordsOfAnEarlierRunForItsOwn) {
  EXPECT_EQ(meaning_of(exited(0), {kStart, kClone, kEnd, kStart, kEnd}), ServerEnd::Stopped);
}

TEST(ServerEnd, IsACrashForSignalsAndOtherCodes) {
  EXPECT_EQ(meaning_of(ended_by(9), {kStart, kClone}), ServerEnd::Crashed);
  EXPECT_EQ(meaning_of(ended_by(6), {}), ServerEnd::Crashed);
  EXPECT_EQ(meaning_of(exited(1), {}), ServerEnd::Crashed);
  EXPECT_EQ(meaning_of(exited(2), {}), ServerEnd::Crashed);
}

}  // namespace
}  // namespace repl::ctl::sandbox

// repld may be killed at any instant. A child process writes records without pause and says on a pipe which of them
// were acknowledged; it is killed at a random moment, and the file must hold each acknowledged record, whole.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "../temporary_directory.hpp"
#include "samples.hpp"
#include "store/store.hpp"

namespace repl::store {
namespace {

using samples::kShop;

/// The n-th record: all of its parts carry n, so that a torn one shows.
Record record(std::uint64_t n) {
  auto memory = samples::memory();
  memory.operations = n;
  memory.operation = samples::operation(n);
  return {.cluster = kShop,
          .memory = memory,
          .operations = {samples::operation(n)},
          .events = {samples::event(std::to_string(n)), samples::event(std::to_string(n))}};
}

[[noreturn]] void write_without_pause(const std::string& path, std::uint64_t first, int acknowledged) {
  auto store = Store::open(path);
  if (!store) ::_exit(2);
  for (auto n = first;; ++n) {
    if (!(*store)->write(record(n))) ::_exit(3);
    if (::write(acknowledged, &n, sizeof n) != sizeof n) ::_exit(4);
  }
}

TEST(Crash, LosesNoAcknowledgedRecordAndTearsNoneWhenKilledAtAnyInstant) {
  const TemporaryDirectory directory;
  const auto path = directory / "store.db";
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  std::uint64_t next = 1;

  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_without_pause(path, next, ends[1]);
    ::close(ends[1]);

    // Let some records through, then a random moment more: the kill falls anywhere within a write or the opening.
    std::uint64_t last_acknowledged = next - 1;
    const auto let_through = std::uniform_int_distribution<int>(0, 6)(random);
    for (int i = 0; i < let_through; ++i)
      ASSERT_EQ(::read(ends[0], &last_acknowledged, sizeof next), 8) << "the child ended";
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 6000)(random)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
    for (std::uint64_t n = 0; ::read(ends[0], &n, sizeof n) == sizeof n;) last_acknowledged = n;
    ::close(ends[0]);

    const auto store = Store::open(path);
    ASSERT_TRUE(store) << store.error().message;
    const auto clusters = (*store)->clusters().value();
    const auto present = clusters.empty() ? 0 : clusters.at(0).second.operations;
    ASSERT_GE(present, last_acknowledged) << "an acknowledged record is lost";
    ASSERT_LE(present, last_acknowledged + 1);
    if (present > 0) {
      EXPECT_EQ(clusters[0].second, record(present).memory);
      const auto operations = (*store)->operations(kShop, 10'000).value();
      ASSERT_EQ(operations.size(), present);
      EXPECT_EQ(operations.front(), samples::operation(present));
      const auto events = (*store)->events(kShop, 0, 100'000).value();
      ASSERT_EQ(events.size(), 2 * present);
      EXPECT_EQ(events.back().event.text, std::to_string(present));
      EXPECT_EQ(events[events.size() - 2].event.text, std::to_string(present));
    }
    next = present + 1;
  }
  EXPECT_GT(next, 25U) << "the children wrote next to nothing; the test shows little";
}

}  // namespace
}  // namespace repl::store

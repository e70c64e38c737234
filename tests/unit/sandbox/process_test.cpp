// Processes are known by more than their pid.
#include "ctl/sandbox/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace repl::ctl::sandbox {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Folder {
 public:
  Folder() { ::mkdtemp(name_.data()); }
  ~Folder() { fs::remove_all(name_); }
  fs::path operator/(std::string_view file) const { return fs::path(name_) / file; }

 private:
  std::string name_ = (fs::temp_directory_path() / "process-test-XXXXXX").string();
};

/// `sleep 60`, ended with its scope.
class Sleeper {
 public:
  Sleeper() : pid_(*spawn({.arguments = {"sleep", "60"}, .environment = {}, .output = {}}, SessionOf::Caller)) {}
  ~Sleeper() { end(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  ProcessId id() const { return *identify(pid_); }
  void end() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_;
};

TEST(Process, IsRunningThenFrozenThenGone) {
  Sleeper sleeper;
  const auto id = sleeper.id();
  EXPECT_EQ(state_of(id), ProcessState::Running);
  ASSERT_TRUE(send_signal(id, SIGSTOP));
  EXPECT_TRUE(wait_until_frozen(id, deadline_in(5s)));
  EXPECT_EQ(state_of(id), ProcessState::Frozen);
  sleeper.end();
  EXPECT_EQ(state_of(id), ProcessState::Gone);
  EXPECT_FALSE(resident_bytes(id));
}

TEST(Process, IsGoneAlsoWhileNobodyHasAskedForItsExitCode) {
  const Sleeper sleeper;
  const auto id = sleeper.id();
  ASSERT_TRUE(send_signal(id, SIGKILL));
  EXPECT_TRUE(wait_until_gone(id, deadline_in(5s)));
  EXPECT_FALSE(identify(id.pid));
}

// Reading a file in /proc fails half-way when the process is reaped between its opening and its reading.
TEST(Process, MayEndWhileItIsLookedAt) {
  for (int i = 0; i < 200; ++i) {
    Sleeper sleeper;
    const auto id = sleeper.id();
    std::jthread killer{[&] { sleeper.end(); }};
    while (state_of(id) != ProcessState::Gone) {
    }
    EXPECT_FALSE(resident_bytes(id));
  }
}

TEST(Process, IsNotGoneWhileOnlyItsFirstThreadHasEnded) {
  // As a server that is being killed: its first thread is a zombie, and others still hold its files.
  const auto pid = ::fork();
  if (pid == 0) {
    std::thread([] { std::this_thread::sleep_for(60s); }).detach();
    ::syscall(SYS_exit, 0);  // ends this thread alone
  }
  const auto id = *identify(pid);
  const auto zombie = [&] {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    return std::string(std::istreambuf_iterator<char>(in), {}).find(") Z ") != std::string::npos;
  };
  for (const auto deadline = deadline_in(5s); !zombie() && std::chrono::steady_clock::now() < deadline;) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(zombie());
  EXPECT_EQ(state_of(id), ProcessState::Running);
  ASSERT_TRUE(send_signal(id, SIGKILL));
  EXPECT_TRUE(wait_until_gone(id, deadline_in(5s)));
  ::waitpid(pid, nullptr, 0);
}

TEST(Process, IsNeverSignalledWhenOnlyThePidIsTheSame) {
  const Sleeper sleeper;
  auto former = sleeper.id();
  former.started -= 1;  // the pid belonged to an earlier process
  EXPECT_EQ(state_of(former), ProcessState::Gone);
  const auto sent = send_signal(former, SIGKILL);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::PreconditionFailed);
  auto of_another_boot = sleeper.id();
  of_another_boot.boot = "another";
  EXPECT_FALSE(send_signal(of_another_boot, SIGKILL));
  EXPECT_EQ(state_of(sleeper.id()), ProcessState::Running);
}

TEST(Process, IsWaitedForNoLongerThanTheDeadline) {
  const Sleeper sleeper;
  EXPECT_FALSE(wait_until_gone(sleeper.id(), deadline_in(30ms)));
}

TEST(PidFile, GivesBackTheProcess) {
  const Folder folder;
  const Sleeper sleeper;
  ASSERT_TRUE(write_pid_file(folder / "process", sleeper.id()));
  EXPECT_EQ(read_pid_file(folder / "process"), sleeper.id());
}

TEST(PidFile, IsEmptyWhenMissingOrDamaged) {
  const Folder folder;
  EXPECT_FALSE(read_pid_file(folder / "process"));
  std::ofstream(folder / "process") << "-1 5 boot\n";
  EXPECT_FALSE(read_pid_file(folder / "process"));
  std::ofstream(folder / "process") << "17\n";
  EXPECT_FALSE(read_pid_file(folder / "process"));
}

TEST(ProcessList, FindsAProcessByAWholeArgument) {
  const auto argument = fmt::format("60.{}", ::getpid());
  const auto pid = spawn({.arguments = {"sleep", argument}, .environment = {}, .output = {}}, SessionOf::Caller);
  ASSERT_TRUE(pid);
  std::vector<ProcessId> found;
  // posix_spawn returns before the new program's arguments can be read.
  for (const auto deadline = deadline_in(5s); found.empty() && std::chrono::steady_clock::now() < deadline;) {
    found = processes_with({argument});
  }
  EXPECT_EQ(found, std::vector{*identify(*pid)});
  EXPECT_TRUE(processes_with({argument.substr(0, 4)}).empty());
  ::kill(*pid, SIGKILL);
  ::waitpid(*pid, nullptr, 0);
}

TEST(Run, GivesTheExitCodeAndKeepsTheOutput) {
  const Folder folder;
  EXPECT_EQ(
      run({.arguments = {"sh", "-c", "echo $WORD; exit 7"}, .environment = {"WORD=said"}, .output = folder / "output"}),
      7);
  EXPECT_EQ(last_lines(folder / "output", 5), std::vector<std::string>{"said"});
}

TEST(Run, SaysWhichProgramIsMissing) {
  const auto code = run({.arguments = {"no-such-program"}, .environment = {}, .output = {}});
  ASSERT_FALSE(code);
  EXPECT_NE(code.error().message.find("no-such-program"), std::string::npos);
}

TEST(OutputOf, IsWhatTheProgramPrints) {
  EXPECT_EQ(output_of({"printf", "a%sc", "b"}), "abc");
}

TEST(FileLock, IsHeldByOneUntilItGoes) {
  const Folder folder;
  auto first = FileLock::try_take(folder / "lock", FileLock::Kind::Exclusive);
  ASSERT_TRUE(first && *first);
  const auto second = FileLock::take(folder / "lock", FileLock::Kind::Exclusive, deadline_in(30ms));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
  first->reset();
  EXPECT_TRUE(FileLock::take(folder / "lock", FileLock::Kind::Exclusive, deadline_in(5s)));
}

TEST(FileLock, IsNotInheritedByAProgramThatIsStarted) {
  const Folder folder;
  auto lock = FileLock::try_take(folder / "lock", FileLock::Kind::Exclusive);
  const Sleeper sleeper;
  lock->reset();
  const auto again = FileLock::try_take(folder / "lock", FileLock::Kind::Exclusive);
  EXPECT_TRUE(again && *again);
}

TEST(WriteFile, ReplacesTheFileWithTheModeAskedFor) {
  const Folder folder;
  std::ofstream(folder / "secret") << "old and much longer";
  ASSERT_TRUE(write_file(folder / "secret", "new", 0600));
  EXPECT_EQ(read_file(folder / "secret"), "new");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(LastLines, AreThoseAtTheEnd) {
  const Folder folder;
  std::ofstream(folder / "log") << "1\n2\n3\n";
  EXPECT_EQ(last_lines(folder / "log", 2), (std::vector<std::string>{"2", "3"}));
  EXPECT_TRUE(last_lines(folder / "none", 2).empty());
}

}  // namespace
}  // namespace repl::ctl::sandbox

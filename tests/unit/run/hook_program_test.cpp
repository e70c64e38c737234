// Real programs: which are run at all, what one finds around it, how it is listened to and ended.
#include "run/hook_program.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "run/scripts.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

RunHook hook(const std::string& program, std::chrono::milliseconds timeout = 10s) {
  return {{"db2"}, NodeId{"db1"}, HookPoint::PostFailover, program, timeout};
}

HookRun run(const Scripts& scripts, const std::string& program, std::chrono::milliseconds timeout = 10s,
            std::vector<std::string> environment = {"PATH=/usr/bin:/bin"}) {
  return run_hook(hook(program, timeout), scripts.path(), std::move(environment), {});
}

void expect_refused(const std::string& directory, const std::string& program, const std::string& why) {
  const auto found = find_hook(directory, program);
  ASSERT_FALSE(found) << *found;
  EXPECT_EQ(found.error().code, ErrorCode::HookFailed);
  EXPECT_NE(found.error().message.find(why), std::string::npos) << found.error().message;
  const auto ended = run_hook(hook(program), directory, {}, {});
  EXPECT_EQ(ended.outcome, HookOutcome::Refused) << "it is looked at before each run";
  EXPECT_NE(ended.result.error->message.find(why), std::string::npos) << ended.result.error->message;
}

bool exists(pid_t process) {
  return ::kill(process, 0) == 0;
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + 10s;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// ---- which may be run -----------------------------------------------------------------------------------------------

TEST(FindHook, TakesAProgramByItsNameOrByItsPathInTheDirectory) {
  const Scripts scripts;
  const auto path = scripts.add("fence", "exit 0");
  EXPECT_EQ(find_hook(scripts.path(), "fence").value(), path);
  EXPECT_EQ(find_hook(scripts.path(), path).value(), path);
  EXPECT_EQ(find_hook(scripts.path() + "/", "fence").value(), path);
}

TEST(FindHook, RefusesWhatIsNotDirectlyInsideTheDirectory) {
  const Scripts scripts;
  std::filesystem::create_directory(scripts / "more");
  scripts.add("more/fence", "exit 0");
  scripts.add("fence", "exit 0");
  expect_refused(scripts.path(), "/bin/true", "not directly inside");
  expect_refused(scripts.path(), scripts / "more/fence", "not directly inside");
  expect_refused(scripts / "more", scripts / "fence", "not directly inside");
  expect_refused(scripts.path(), scripts / "more/../../fence", "not directly inside");
}

TEST(FindHook, RefusesWhatIsNoProgram) {
  const Scripts scripts;
  std::filesystem::create_directory(scripts / "directory");
  std::filesystem::create_symlink("/bin/true", scripts / "link");
  scripts.add("text", "exit 0", 0644);
  expect_refused(scripts.path(), "missing", "No such file");
  expect_refused(scripts.path(), "directory", "no regular file");
  expect_refused(scripts.path(), "link", "no regular file");
  expect_refused(scripts.path(), "text", "chmod u+x");
}

TEST(FindHook, RefusesWhatOthersMayChange) {
  const Scripts scripts;
  scripts.add("by_group", "exit 0", 0775);
  scripts.add("by_all", "exit 0", 0757);
  scripts.add("fence", "exit 0");
  expect_refused(scripts.path(), "by_group", "chmod go-w");
  expect_refused(scripts.path(), "by_all", "chmod go-w");
  for (const mode_t mode : {0775, 0757, 01777}) {
    ::chmod(scripts.path().c_str(), mode);
    expect_refused(scripts.path(), "fence", "chmod go-w");
  }
  ::chmod(scripts.path().c_str(), 0755);
  EXPECT_TRUE(find_hook(scripts.path(), "fence"));
}

TEST(FindHook, RefusesADirectoryBelowOneThatOthersMayChange) {
  const Scripts scripts;
  std::filesystem::create_directory(scripts / "hooks");
  scripts.add("hooks/fence", "exit 0");
  EXPECT_TRUE(find_hook(scripts / "hooks", "fence"));
  ::chmod(scripts.path().c_str(), 0777);
  expect_refused(scripts / "hooks", "fence", scripts.path() + " may be changed by others");
}

TEST(FindHook, RefusesWhatBelongsToSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Scripts scripts;
  const auto path = scripts.add("fence", "exit 0");
  ASSERT_EQ(::chown(path.c_str(), 1, 1), 0);
  expect_refused(scripts.path(), "fence", "belongs to user 1");
  ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(scripts.path().c_str(), 1, 1), 0);
  expect_refused(scripts.path(), "fence", "belongs to user 1");
  ASSERT_EQ(::chown(scripts.path().c_str(), 0, 0), 0);
}

TEST(FindHook, SaysWhereTheDirectoryIsDeclared) {
  expect_refused("/no/such/directory", "fence", "hooks.directory in repld.yaml");
}

TEST(CheckHooks, NamesEveryProgramThatWouldNotRun) {
  const Scripts scripts;
  scripts.add("fence", "exit 0");
  Spec spec;
  spec.hooks = {{"fence"}, {"missing"}, {}, {"/bin/true", "missing"}};
  const auto wrong = check_hooks(scripts.path(), spec);
  ASSERT_EQ(wrong.size(), 2U);
  EXPECT_TRUE(wrong[0].starts_with("hooks.postFailover: ")) << wrong[0];
  EXPECT_TRUE(wrong[1].starts_with("hooks.postSwitchover: /bin/true is not directly inside")) << wrong[1];
  spec.management = Management::Observe;
  EXPECT_TRUE(check_hooks(scripts.path(), spec).empty()) << "none is ever run";
}

// ---- what it is told ------------------------------------------------------------------------------------------------

Spec shop() {
  Spec spec;
  spec.cluster = {"shop"};
  spec.nodes = {{.id = {"db1"}, .address = {"10.0.0.1", 3306}}, {.id = {"db2"}, .address = {"10.0.0.2", 3307}}};
  spec.accounts[AccountRole::Admin] = {"repl_admin", {SecretRef::Kind::Env, "ADMIN_PASSWORD"}, {}};
  return spec;
}

TEST(HookEnvironment, IsThisAndNothingElse) {
  Operation operation;
  operation.id = {"shop-7"};
  operation.term = {4};
  operation.asked_by = "repld";
  operation.cause = "DeadPrimary: refused; no replica hears it";
  auto environment = hook_environment(hook("announce"), operation, shop());
  EXPECT_TRUE(environment.front().starts_with("PATH="));
  environment.erase(environment.begin());
  EXPECT_EQ(environment,
            (std::vector<std::string>{
                "REPL_CLUSTER=shop", "REPL_TOPOLOGY=source-replica", "REPL_HOOK=postFailover", "REPL_KIND=failover",
                "REPL_STAGE=post", "REPL_OPERATION=shop-7", "REPL_TERM=4", "REPL_REASON=DeadPrimary",
                "REPL_OLD_PRIMARY=db1", "REPL_OLD_PRIMARY_HOST=10.0.0.1", "REPL_OLD_PRIMARY_PORT=3306",
                "REPL_NEW_PRIMARY=db2", "REPL_NEW_PRIMARY_HOST=10.0.0.2", "REPL_NEW_PRIMARY_PORT=3307"}));
}

TEST(HookEnvironment, OfARequestHasNoProblem) {
  Operation operation;
  operation.asked_by = "alice";
  operation.cause = "apply of revision 3: REPL_TERM=1";
  RunHook before{{"db2"}, std::nullopt, HookPoint::PreSwitchover, "ask"};
  const auto environment = hook_environment(before, operation, shop());
  const auto has = [&](const std::string& line) {
    return std::find(environment.begin(), environment.end(), line) != environment.end();
  };
  EXPECT_TRUE(has("REPL_REASON=requested"));
  EXPECT_TRUE(has("REPL_KIND=switchover"));
  EXPECT_TRUE(has("REPL_STAGE=pre"));
  EXPECT_TRUE(has("REPL_OLD_PRIMARY="));
  EXPECT_TRUE(has("REPL_OLD_PRIMARY_PORT="));
}

// ---- one run --------------------------------------------------------------------------------------------------------

TEST(RunHook, IsDoneWhenItEndsWithZero) {
  const Scripts scripts;
  scripts.add("announce", "echo told the proxy; echo and said so >&2");
  const auto ended = run(scripts, "announce");
  EXPECT_EQ(ended.outcome, HookOutcome::Done);
  EXPECT_TRUE(ended.result.ok());
  EXPECT_EQ(ended.result.output, "told the proxy\nand said so\n");
}

TEST(RunHook, FailsWithItsExitCodeAndItsLastWords) {
  const Scripts scripts;
  scripts.add("fence", "echo trying; echo 'no answer from the BMC'; exit 3");
  const auto ended = run(scripts, "fence");
  EXPECT_EQ(ended.outcome, HookOutcome::Failed);
  EXPECT_EQ(ended.result.error->code, ErrorCode::HookFailed);
  EXPECT_EQ(ended.result.error->message, "postFailover hook fence ended with exit code 3: no answer from the BMC");
  EXPECT_TRUE(ended.result.certain);
  EXPECT_EQ(ended.result.output, "trying\nno answer from the BMC\n");
}

TEST(RunHook, FailsWhenASignalEndsIt) {
  const Scripts scripts;
  scripts.add("fence", "kill -9 $$");
  const auto ended = run(scripts, "fence");
  EXPECT_EQ(ended.outcome, HookOutcome::Failed);
  EXPECT_NE(ended.result.error->message.find("signal 9"), std::string::npos) << ended.result.error->message;
}

TEST(RunHook, SeesNothingOfRepldsButWhatItIsGiven) {
  const Scripts scripts;
  ::setenv("ADMIN_PASSWORD", "geheim", 1);
  scripts.add("look",
              "env | sort\npwd\nreadlink /proc/self/fd/0\nls /proc/self/fd | sort -n | tr '\\n' ' '\n"
              "grep -E 'SigBlk|SigIgn' /proc/self/status");
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto ended = run(scripts, "look", 10s, {"PATH=/usr/bin:/bin", "REPL_CLUSTER=shop"});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::unsetenv("ADMIN_PASSWORD");
  const auto& said = ended.result.output;
  EXPECT_EQ(said.find("geheim"), std::string::npos) << said;
  EXPECT_NE(said.find("REPL_CLUSTER=shop\n/\n"), std::string::npos) << said;
  EXPECT_NE(said.find("/dev/null\n0 1 2 3 "), std::string::npos) << "3 is the directory that ls reads: " << said;
  const auto signals = [&](const std::string& which) {
    return std::stoull(said.substr(said.find(which) + 8), nullptr, 16);
  };
  constexpr auto kOfPrograms = 0x7fffffffULL;  // above them the C library has two of its own
  EXPECT_EQ(signals("SigBlk: ") & kOfPrograms, 0U) << said;
  EXPECT_EQ(signals("SigIgn: ") & kOfPrograms, 0U) << said;
}

TEST(RunHook, KnowsNoShell) {
  const Scripts scripts;
  std::ofstream{scripts / "bare"} << "echo hello\n";
  ::chmod((scripts / "bare").c_str(), 0755);
  const auto ended = run(scripts, "bare");
  EXPECT_EQ(ended.outcome, HookOutcome::Refused);
  EXPECT_NE(ended.result.error->message.find("#!/bin/sh"), std::string::npos) << ended.result.error->message;
}

TEST(RunHook, IsEndedWithAllThatItHasStartedWhenItTakesTooLong) {
  const Scripts scripts;
  scripts.add("slow", "trap '' TERM\nsleep 300 & echo $!\necho waiting\nwhile :; do sleep 300; done");
  const auto began = steady_clock::now();
  const auto ended = run(scripts, "slow", 300ms);
  EXPECT_EQ(ended.outcome, HookOutcome::TimedOut);
  EXPECT_EQ(ended.result.error->message, "postFailover hook slow had not ended after 0.3 s and was ended: waiting");
  EXPECT_GE(steady_clock::now() - began, 1300ms) << "it ignored SIGTERM, and had a second to end";
  EXPECT_LT(steady_clock::now() - began, 10s);
  const auto child = static_cast<pid_t>(std::stol(ended.result.output));
  EXPECT_TRUE(comes_true([&] { return !exists(child); })) << "process " << child << " lives";
}

TEST(RunHook, IsAskedToEndFirst) {
  const Scripts scripts;
  scripts.add("slow", "trap 'echo tidied up; exit 0' TERM\nsleep 300 & wait");
  const auto began = steady_clock::now();
  const auto ended = run(scripts, "slow", 300ms);
  EXPECT_EQ(ended.outcome, HookOutcome::TimedOut) << "an exit code that comes too late is none";
  EXPECT_EQ(ended.result.output, "tidied up\n");
  EXPECT_LT(steady_clock::now() - began, 1200ms);
}

TEST(RunHook, IsEndedWhenRepldEnds) {
  const Scripts scripts;
  scripts.add("slow", "sleep 300");
  std::stop_source stop;
  std::jthread later{[&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  }};
  const auto ended = run_hook(hook("slow", 60s), scripts.path(), {"PATH=/usr/bin:/bin"}, stop.get_token());
  EXPECT_EQ(ended.outcome, HookOutcome::Stopped);
  EXPECT_EQ(ended.result.error->code, ErrorCode::Stopping);
}

// What keeps the pipe open must not keep the failover.
TEST(RunHook, IsOverWhenItsOwnProcessIs) {
  const Scripts scripts;
  scripts.add("daemonise", "sleep 20 & echo $!");
  const auto began = steady_clock::now();
  const auto ended = run(scripts, "daemonise");
  EXPECT_EQ(ended.outcome, HookOutcome::Done);
  EXPECT_LT(steady_clock::now() - began, 5s);
  const auto child = static_cast<pid_t>(std::stol(ended.result.output));
  EXPECT_TRUE(exists(child)) << "what a hook starts on purpose goes on";
  ::kill(child, SIGKILL);
}

TEST(RunHook, KeepsTheEndOfALongOutput) {
  const Scripts scripts;
  scripts.add("talk", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
  const auto ended = run(scripts, "talk", 60s);
  EXPECT_EQ(ended.outcome, HookOutcome::Done);
  EXPECT_LE(ended.result.output.size(), kKeptOutput);
  EXPECT_GT(ended.result.output.size(), kKeptOutput - 100);
  EXPECT_TRUE(ended.result.output.ends_with("line 19998\nline 19999\n"));
}

TEST(RunHook, TurnsWhatMaySteerATerminalOrIsNoTextIntoQuestionMarks) {
  const Scripts scripts;
  scripts.add("talk", R"(printf 'gr\303\266\303\237e \033[31m \377 \300\257 \355\240\200 tab\tend\n')");
  const auto ended = run(scripts, "talk");
  EXPECT_EQ(ended.result.output, "gr\303\266\303\237e ?[31m ? ?? ??? tab end\n");
}

}  // namespace
}  // namespace repl::run

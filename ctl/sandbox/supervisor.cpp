#include "ctl/sandbox/supervisor.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "ctl/sandbox/process.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr int kRestartCode = 16;  // MYSQLD_RESTART_EXIT
constexpr std::string_view kCloneWantsRestart = "Clone shutting down server as RESTART failed";
constexpr std::string_view kServerStarts = "starting as process";  // MY-010116, the head of each run
/// A server that crashes again before this has passed is started later and later.
constexpr auto kStableAfter = 10s;
constexpr auto kLongestPause = std::chrono::milliseconds(30s);
constexpr int kConflictExit = 3;

template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  fmt::print("{:%Y-%m-%dT%H:%M:%SZ} {}\n", fmt::gmtime(now), fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

std::string in_words(int status) {
  return WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                             : fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
  return set;
}

enum class Ended { ByItself, OnRequest };

/// One mysqld at a time, as child of this process.
class Supervisor {
 public:
  explicit Supervisor(const Supervision& supervision) : supervision_(supervision), node_(supervision.node_folder) {}

  Result<void> start_server(const std::vector<std::string>& more_options) {
    auto arguments = supervision_.server;
    arguments.insert(arguments.end(), more_options.begin(), more_options.end());
    // What a killed server leaves behind. It is gone, but as long as nobody has waited for it, its pid is not, and the next
    // server would take the lock for held.
    std::error_code nothing_there;
    fs::remove(node_.socket(), nothing_there);
    fs::remove(node_.socket().string() + ".lock", nothing_there);
    // Both output streams go to the error log: what mysqld says before it has opened that itself ends up in one place.
    const auto child = spawn({.arguments = arguments,
                              .environment = {fmt::format("MYSQLD_PARENT_PID={}", ::getpid())},
                              .output = node_.error_log()},
                             SessionOf::Caller);
    if (!child) return tl::unexpected(child.error());
    child_ = *child;
    started_at_ = std::chrono::steady_clock::now();
    // A child that nobody has waited for keeps its pid, so this is it, even if it has ended already.
    if (const auto process = identify(child_)) {
      if (const auto written = write_pid_file(node_.server_process(), *process); !written)
        note("{}", written.error().message);
    }
    note("mysqld runs as process {}", child_);
    return {};
  }

  /// Until mysqld has ended for good.
  void look_after_it() {
    auto pause = std::chrono::milliseconds(0);
    for (;;) {
      int status = 0;
      const auto ended = wait_for_end(status);
      const auto lines = last_lines(node_.error_log(), 100);
      const auto meaning = meaning_of(status, lines);
      std::error_code ignored;  // the file may never have been written
      fs::remove(node_.server_process(), ignored);
      note("mysqld {}{}", in_words(status),
           meaning == ServerEnd::AsksForRestart ? " and asks to be started again" : "");
      if (ended == Ended::OnRequest || meaning == ServerEnd::Stopped) return;
      if (meaning == ServerEnd::Crashed) {
        if (supervision_.after_crash == AfterCrash::StayDown) return;
        const bool was_stable = std::chrono::steady_clock::now() - started_at_ > kStableAfter;
        if (was_stable) pause = 0ms;
        if (pause > 0ms) note("it is started again in {} ms", pause.count());
        if (pause_interrupted(pause)) return;
        pause = std::clamp<std::chrono::milliseconds>(pause * 2, 500ms, kLongestPause);
      }
      if (const auto started = start_server({}); !started) {
        note("{}", started.error().message);
        return;
      }
    }
  }

 private:
  Ended wait_for_end(int& status) {
    const auto watched = watched_signals();
    auto ended = Ended::ByItself;
    while (waitpid(child_, &status, WNOHANG) != child_) {
      const int signal = sigwaitinfo(&watched, nullptr);
      if (signal != SIGTERM && signal != SIGINT) continue;
      note("asked to stop");
      ended = Ended::OnRequest;
      ::kill(child_, SIGTERM);
      ::kill(child_, SIGCONT);  // a frozen server hears nothing
    }
    return ended;
  }

  /// Whether we were asked to stop meanwhile.
  static bool pause_interrupted(std::chrono::milliseconds pause) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    const timespec time{.tv_sec = pause.count() / 1000, .tv_nsec = (pause.count() % 1000) * 1'000'000};
    return sigtimedwait(&set, nullptr, &time) > 0;
  }

  const Supervision& supervision_;
  NodeFolder node_;
  pid_t child_ = 0;
  std::chrono::steady_clock::time_point started_at_;
};

/// The program to run `sandbox supervise` with: $REPLCTL_BINARY; ourselves, if we are replctl; the replctl beside us
/// (tests and benches lie in the same folder); the one in PATH.
Result<std::string> supervisor_program() {
  if (const char* named = std::getenv("REPLCTL_BINARY")) return named;  // NOLINT(concurrency-mt-unsafe)
  std::error_code ignored;                                              // without /proc there is still PATH
  const auto self = fs::read_symlink("/proc/self/exe", ignored);
  // A program that was replaced while it ran is not to be used: the link then has " (deleted)" at its end.
  if (self.filename() == "replctl" && fs::exists(self)) return self.string();
  if (const auto beside = self.parent_path() / "replctl"; fs::exists(beside)) return beside.string();
  if (self.filename().string().starts_with("replctl")) return "/proc/self/exe";
  return "replctl";
}

}  // namespace

ServerEnd meaning_of(int wait_status, const std::vector<std::string>& last_log_lines) {
  if (WIFSIGNALED(wait_status)) return ServerEnd::Crashed;
  if (WEXITSTATUS(wait_status) == kRestartCode) return ServerEnd::AsksForRestart;
  if (WEXITSTATUS(wait_status) != 0) return ServerEnd::Crashed;
  for (auto line = last_log_lines.rbegin(); line != last_log_lines.rend(); ++line) {
    if (line->find(kCloneWantsRestart) != std::string::npos) return ServerEnd::AsksForRestart;
    if (line->find(kServerStarts) != std::string::npos) break;  // what is above was said by an earlier run
  }
  return ServerEnd::Stopped;
}

int supervise(const Supervision& supervision) {
  const NodeFolder node(supervision.node_folder);
  const auto watched = watched_signals();
  sigprocmask(SIG_BLOCK, &watched, nullptr);  // inherited by the daemon: no signal is lost before it looks
  ::signal(SIGHUP, SIG_IGN);                  // NOLINT(cert-err33-c)

  // The caller waits for the first process, which ends when the second has said how the start went. The second is then
  // adopted by init, so that it is nobody's zombie when it ends.
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return EXIT_FAILURE;
  const pid_t daemon = ::fork();
  if (daemon < 0) return EXIT_FAILURE;
  if (daemon > 0) {
    ::close(report[1]);
    unsigned char code = EXIT_FAILURE;  // stays so when the daemon dies without a word
    while (::read(report[0], &code, 1) < 0 && errno == EINTR) {
    }
    return code;
  }
  ::close(report[0]);
  const auto tell = [&](int code) {
    const auto byte = static_cast<unsigned char>(code);
    [[maybe_unused]] const auto written = ::write(report[1], &byte, 1);  // nobody listens: nobody needs to know
    ::close(report[1]);
    return code;
  };

  const auto lock = FileLock::try_take(node.supervisor_lock(), FileLock::Kind::Exclusive);
  if (!lock || !*lock) {
    note("another supervisor looks after {}", node.path().string());
    return tell(kConflictExit);
  }
  if (const auto self = identify(::getpid())) {
    if (const auto written = write_pid_file(node.supervisor_process(), *self); !written) {
      note("{}", written.error().message);
      return tell(EXIT_FAILURE);
    }
  }
  Supervisor supervisor(supervision);
  if (const auto started = supervisor.start_server(supervision.first_options); !started) {
    note("{}", started.error().message);
    return tell(EXIT_FAILURE);
  }
  tell(EXIT_SUCCESS);
  supervisor.look_after_it();
  std::error_code ignored;  // `down` may have removed the folder
  fs::remove(node.supervisor_process(), ignored);
  return EXIT_SUCCESS;
}

Result<void> start_supervisor(const Supervision& supervision) {
  const NodeFolder node(supervision.node_folder);
  const auto program = supervisor_program();
  if (!program) return tl::unexpected(program.error());
  std::vector<std::string> arguments{*program, "sandbox", "supervise", node.supervisor_argument()};
  if (supervision.after_crash == AfterCrash::Restart) arguments.emplace_back("--restart-after-crash");
  for (const auto& option : supervision.first_options) arguments.push_back("--first-option=" + option);
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), supervision.server.begin(), supervision.server.end());

  const auto child =
      spawn({.arguments = arguments, .environment = {}, .output = node.supervisor_log()}, SessionOf::Own);
  if (!child) {
    return fail(ErrorCode::PreconditionFailed,
                "{}. A sandbox needs replctl for its supervisors: put it into PATH or name it in REPLCTL_BINARY",
                child.error().message);
  }
  int status = 0;
  while (waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kConflictExit) {
    return fail(ErrorCode::Conflict, "{} is looked after by another supervisor already",
                node.path().filename().string());
  }
  return fail(ErrorCode::Internal, "the supervisor of {} {}; the end of {}:\n  {}", node.path().filename().string(),
              in_words(status), node.supervisor_log().string(),
              fmt::join(last_lines(node.supervisor_log(), 5), "\n  "));
}

}  // namespace repl::ctl::sandbox

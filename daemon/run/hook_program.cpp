// Looking at the file, starting it, listening to it, ending it.
#include "run/hook_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "model/last_line.hpp"
#include "model/spec_text.hpp"

namespace repl::run {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTimeToEnd{1000};
/// How soon it is noticed that repld ends.
constexpr milliseconds kLongestWait{50};
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// ---- which may be run -----------------------------------------------------------------------------------------------

bool is_trusted(uid_t owner) {
  return owner == 0 || owner == ::geteuid();
}

/// Who else could change it; empty: nobody.
std::string open_to_others(const fs::path& path, const struct stat& status) {
  const bool sticky_directory = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if (!is_trusted(status.st_uid)) {
    return fmt::format("{} belongs to user {}: make it root's or repld's (chown)", path.string(), status.st_uid);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_directory) {
    return fmt::format("{} may be changed by others (mode {:o}): chmod go-w {}", path.string(), status.st_mode & 07777U,
                       path.string());
  }
  return {};
}

Result<fs::path> trusted_directory(const std::string& directory) {
  std::error_code error;
  const auto whole = fs::canonical(directory, error);
  if (error) {
    return fail(ErrorCode::HookFailed, "the hooks directory {} (hooks.directory in repld.yaml): {}", directory,
                error.message());
  }
  for (auto part = whole;; part = part.parent_path()) {
    struct stat status {};
    if (::stat(part.c_str(), &status) != 0) {
      return fail(ErrorCode::HookFailed, "the hooks directory {}: {}: {}", directory, part.string(),
                  std::strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
      return fail(ErrorCode::HookFailed, "the hooks directory {} is no directory", directory);
    }
    const bool is_itself = part == whole;
    // Beneath a sticky directory nobody replaces what is not his; in the hooks directory nobody may add anything.
    auto wrong = open_to_others(part, status);
    if (is_itself && wrong.empty() && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      wrong = fmt::format("{} may be changed by others (mode {:o}): chmod go-w {}", part.string(),
                          status.st_mode & 07777U, part.string());
    }
    if (!wrong.empty()) return fail(ErrorCode::HookFailed, "{}; until then repld runs no hook", wrong);
    if (part == part.root_path()) return whole;
  }
}

// ---- what it said ---------------------------------------------------------------------------------------------------

/// How many bytes the UTF-8 character at the beginning has; 0: it is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : length;
}

/// It goes into JSON, the log and terminals: nothing in it may steer any of them.
std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = character_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool steers = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;  // C1
    if ((length > 1 && !steers) || (length == 1 && (first >= 0x20 || first == '\n') && first != 0x7f)) {
      out += text.substr(0, length);
    } else {
      out += first == '\t' ? ' ' : first == '\r' ? '\n' : '?';
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

/// Keeps the end of what is read.
class Tail {
 public:
  /// Takes what is there, for as long as it does not go on for ever.
  void read_from(int pipe) {
    std::array<char, 4096> buffer{};
    for (int i = 0; i < 64; ++i) {
      const auto got = ::read(pipe, buffer.data(), buffer.size());
      if (got <= 0) {
        at_end_ = got == 0 || (errno != EAGAIN && errno != EINTR);
        return;
      }
      text_.append(buffer.data(), static_cast<std::size_t>(got));
      if (text_.size() > kKeptOutput) text_.erase(0, text_.size() - kKeptOutput);
    }
  }
  bool at_end() const { return at_end_; }
  std::string text() const {
    std::string_view kept = text_;
    // The first character may have been cut.
    if (text_.size() == kKeptOutput) {
      while (!kept.empty() && (static_cast<unsigned char>(kept.front()) & 0xc0) == 0x80) kept.remove_prefix(1);
    }
    return printable(kept);
  }

 private:
  std::string text_;
  bool at_end_ = false;
};

// ---- one run --------------------------------------------------------------------------------------------------------

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// posix_spawn runs none of our code in the child, whatever other threads hold at the moment.
int spawn(std::string path, std::vector<std::string> environment, int output, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);  // repld's threads block SIGTERM
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> arguments{path};
  const int error = ::posix_spawn(&child, path.c_str(), &actions, &attributes, pointers(arguments).data(),
                                  pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

/// It is left to be reaped, so that its number, and that of its group, are nobody else's.
bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child;
}

enum class End { ByItself, TooLate, Stopped };

End wait_for_end(pid_t child, const Descriptor& pipe, Tail& output, milliseconds timeout, const std::stop_token& stop) {
  // Only wakes us: where the kernel has no such thing, we look often.
  const Descriptor watch{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
  auto until = steady_clock::now() + timeout;
  auto end = End::ByItself;
  for (bool killed = false; !has_ended(child);) {
    const bool late = steady_clock::now() >= until;
    if (end == End::ByItself && (late || stop.stop_requested())) {
      end = late ? End::TooLate : End::Stopped;
      ::kill(-child, SIGTERM);
      until = steady_clock::now() + kTimeToEnd;
    } else if (late && !killed) {
      ::kill(-child, SIGKILL);
      killed = true;
    }
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    const auto longest = watch.get() < 0 || killed ? milliseconds{5} : kLongestWait;
    std::array<pollfd, 2> events{pollfd{output.at_end() ? -1 : pipe.get(), POLLIN, 0}, pollfd{watch.get(), POLLIN, 0}};
    ::poll(events.data(), events.size(), static_cast<int>(std::clamp(left, milliseconds{1}, longest).count()));
    if (events[0].revents != 0) output.read_from(pipe.get());
  }
  if (end != End::ByItself) ::kill(-child, SIGKILL);  // what it has started and not waited for
  output.read_from(pipe.get());
  return end;
}

HookRun ended(HookOutcome outcome, const RunHook& hook, const std::string& how, std::string output,
              ErrorCode code = ErrorCode::HookFailed) {
  HookRun run{outcome, {}};
  const auto said = last_line(output);
  run.result.output = std::move(output);
  run.result.error = Error{
      code, fmt::format("{} hook {} {}{}{}", to_string(hook.point), hook.program, how, said.empty() ? "" : ": ", said)};
  return run;
}

}  // namespace

Result<std::string> find_hook(const std::string& directory, const std::string& program) {
  const auto trusted = trusted_directory(directory);
  if (!trusted) return tl::unexpected(trusted.error());
  const fs::path named{program};
  std::error_code error;
  if (named.has_parent_path() && fs::canonical(named.parent_path(), error) != *trusted) {
    return fail(ErrorCode::HookFailed,
                "{} is not directly inside the hooks directory {}; nothing else is run (hooks.directory in repld.yaml)",
                program, directory);
  }
  const auto path = *trusted / named.filename();
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return fail(ErrorCode::HookFailed, "{}: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::HookFailed, "{} is no regular file (links are not followed): put the program itself there",
                path.string());
  }
  if (const auto wrong = open_to_others(path, status); !wrong.empty()) {
    return fail(ErrorCode::HookFailed, "{}; until then repld does not run it", wrong);
  }
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
    return fail(ErrorCode::HookFailed, "{} may not be executed by repld: {}: chmod u+x {}", path.string(),
                std::strerror(errno), path.string());
  }
  return path.string();
}

std::vector<std::string> check_hooks(const std::string& directory, const Spec& spec) {
  std::vector<std::string> out;
  if (spec.observes()) return out;
  std::set<std::string> looked_at;
  for (const auto& [point, name] : kHookPoints) {
    for (const auto& program : spec.hooks.at(point)) {
      if (!looked_at.insert(program).second) continue;
      if (const auto found = find_hook(directory, program); !found) {
        out.push_back(fmt::format("hooks.{}: {}", name, found.error().message));
      }
    }
  }
  return out;
}

std::vector<std::string> hook_environment(const RunHook& hook, const Operation& operation, const Spec& spec) {
  const bool failover = hook.point == HookPoint::PreFailover || hook.point == HookPoint::PostFailover;
  std::vector<std::string> out{kPath,
                               "REPL_CLUSTER=" + spec.cluster.name,
                               fmt::format("REPL_TOPOLOGY={}", to_string(spec.topology)),
                               fmt::format("REPL_HOOK={}", to_string(hook.point)),
                               fmt::format("REPL_KIND={}", failover ? "failover" : "switchover"),
                               fmt::format("REPL_STAGE={}", hook.after() ? "post" : "pre"),
                               "REPL_OPERATION=" + operation.id.value,
                               fmt::format("REPL_TERM={}", operation.term.number)};
  // Its cause begins with the name of the problem.
  const auto colon = operation.cause.find(':');
  const bool by_itself = operation.asked_by == "repld" && colon != std::string::npos;
  out.push_back("REPL_REASON=" + (by_itself ? operation.cause.substr(0, colon) : std::string{"requested"}));
  const auto add = [&](const std::string& name, const std::optional<NodeId>& id) {
    const auto* node = id ? spec.find(*id) : nullptr;
    out.push_back(name + "=" + (id ? id->name : ""));
    out.push_back(name + "_HOST=" + (node != nullptr ? node->address.host : ""));
    out.push_back(name + "_PORT=" + (node != nullptr ? std::to_string(node->address.port) : ""));
  };
  add("REPL_OLD_PRIMARY", hook.from);
  add("REPL_NEW_PRIMARY", hook.node);
  return out;
}

std::string_view to_string(HookOutcome outcome) {
  switch (outcome) {
    case HookOutcome::Done:
      return "done";
    case HookOutcome::Failed:
      return "failed";
    case HookOutcome::TimedOut:
      return "timed-out";
    case HookOutcome::Refused:
      return "refused";
    case HookOutcome::Stopped:
      return "stopped";
  }
  return "?";
}

HookRun run_hook(const RunHook& hook, const std::string& directory, std::vector<std::string> environment,
                 const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return ended(HookOutcome::Stopped, hook, "was not started: repld ends, or goes on with something else", {},
                 ErrorCode::Stopping);
  }
  const auto path = find_hook(directory, hook.program);
  if (!path) return ended(HookOutcome::Refused, hook, "was not run: " + path.error().message, {});
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return ended(HookOutcome::Refused, hook, fmt::format("was not run: no pipe: {}", std::strerror(errno)), {});
  }
  const Descriptor pipe{ends[0]};
  pid_t child = 0;
  int error = 0;
  {
    const Descriptor output{ends[1]};
    // What it prints must never be refused because we are slow to read.
    ::fcntl(output.get(), F_SETFL, ::fcntl(output.get(), F_GETFL) & ~O_NONBLOCK);
    error = spawn(*path, std::move(environment), output.get(), child);
  }
  if (error != 0) {
    return ended(HookOutcome::Refused, hook,
                 fmt::format("could not be started: {}{}", std::strerror(error),
                             error == ENOEXEC ? "; a script begins with the line #!/bin/sh" : ""),
                 {});
  }
  Tail output;
  const auto end = wait_for_end(child, pipe, output, hook.timeout, stop);
  int status = 0;
  const bool known = ::waitpid(child, &status, 0) == child;
  if (end == End::TooLate) {
    return ended(HookOutcome::TimedOut, hook,
                 fmt::format("had not ended after {} s and was ended", static_cast<double>(hook.timeout.count()) / 1e3),
                 output.text());
  }
  if (end == End::Stopped) {
    return ended(HookOutcome::Stopped, hook, "was ended: repld ends, or goes on with something else", output.text(),
                 ErrorCode::Stopping);
  }
  if (!known) return ended(HookOutcome::Failed, hook, "ended, and how is not known", output.text());
  if (WIFSIGNALED(status)) {
    return ended(HookOutcome::Failed, hook, fmt::format("was ended by signal {}", WTERMSIG(status)), output.text());
  }
  if (WEXITSTATUS(status) != 0) {
    return ended(HookOutcome::Failed, hook, fmt::format("ended with exit code {}", WEXITSTATUS(status)), output.text());
  }
  HookRun run;
  run.result.output = output.text();
  return run;
}

}  // namespace repl::run

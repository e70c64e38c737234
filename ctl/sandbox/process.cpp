#include "ctl/sandbox/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <thread>

// glibc 2.36 forgot to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// A file descriptor that is closed with its scope.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// What can be read: a file in /proc ends with an error (ESRCH) when its process ends meanwhile. Copied buffer to
/// buffer, for an istreambuf_iterator would throw then.
std::string read_all(std::ifstream& in) {
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::string slurp(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return read_all(in);
}

const std::string& this_boot() {
  static const std::string boot = [] {
    auto text = slurp("/proc/sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? std::string("unknown") : text;
  }();
  return boot;
}

struct Stat {
  char state = 'Z';
  long threads = 0;
  std::uint64_t started = 0;

  /// A first thread that has ended says nothing: a server that was killed still holds its port and its files until the
  /// kernel has ended its other threads and taken back its memory.
  bool has_ended() const { return state == 'X' || (state == 'Z' && threads <= 1); }
};

std::optional<Stat> read_stat(const fs::path& file) {
  const auto text = slurp(file);
  // The second field is the program's name in brackets and may hold anything: what follows the last bracket is safe.
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(bracket + 1));
  Stat stat;
  rest >> stat.state;
  std::string skipped;
  for (int field = 4; field < 20; ++field) rest >> skipped;
  rest >> stat.threads >> skipped >> stat.started;
  if (!rest) return std::nullopt;
  return stat;
}

std::optional<Stat> read_stat(pid_t pid) {
  return read_stat(fmt::format("/proc/{}/stat", pid));
}

bool has_stopped(const Stat& stat) {
  return stat.state == 'T' || stat.state == 't';
}

bool all_threads_have_stopped(pid_t pid) {
  std::error_code error;
  for (fs::directory_iterator thread(fmt::format("/proc/{}/task", pid), error), end; !error && thread != end;
       thread.increment(error)) {
    const auto stat = read_stat(thread->path() / "stat");
    if (stat && !has_stopped(*stat)) return false;
  }
  return true;
}

constexpr std::array kPoliteSignals{SIGINT, SIGTERM, SIGHUP};

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<ProcessId> identify(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat || stat->has_ended()) return std::nullopt;
  return ProcessId{.pid = pid, .started = stat->started, .boot = this_boot()};
}

ProcessState state_of(const ProcessId& process) {
  if (process.boot != this_boot()) return ProcessState::Gone;
  const auto stat = read_stat(process.pid);
  if (!stat || stat->started != process.started || stat->has_ended()) return ProcessState::Gone;
  return has_stopped(*stat) ? ProcessState::Frozen : ProcessState::Running;
}

bool wait_until_frozen(const ProcessId& process, Deadline deadline) {
  while (state_of(process) != ProcessState::Gone && !all_threads_have_stopped(process.pid)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

std::optional<std::uint64_t> resident_bytes(const ProcessId& process) {
  std::ifstream in(fmt::format("/proc/{}/status", process.pid));
  std::optional<std::uint64_t> bytes;
  for (std::string key; in >> key;) {
    if (key == "VmRSS:") {
      std::uint64_t kib = 0;
      in >> kib;
      bytes = kib * 1024;
      break;
    }
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  // Asked after the reading, so that the figure is known to be this process's.
  return state_of(process) == ProcessState::Gone ? std::nullopt : bytes;
}

Result<void> send_signal(const ProcessId& process, int signal) {
  const Descriptor handle(pidfd_open(process.pid, 0));
  // The handle pins whoever has the pid now; the start time then tells whether that is the one meant.
  if (!handle || state_of(process) == ProcessState::Gone) {
    return fail(ErrorCode::PreconditionFailed, "process {} has ended", process.pid);
  }
  if (pidfd_send_signal(handle.get(), signal, nullptr, 0) != 0) {
    return fail(ErrorCode::Internal, "signal {} to process {}: {}", signal, process.pid, reason(errno));
  }
  return {};
}

bool wait_until_gone(const ProcessId& process, Deadline deadline) {
  const Descriptor handle(pidfd_open(process.pid, 0));
  while (state_of(process) != ProcessState::Gone) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= 0ms || !handle) return false;
    pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
    ::poll(&ended, 1, static_cast<int>(std::min<std::chrono::milliseconds>(left, 1s).count()));
  }
  return true;
}

Result<void> write_pid_file(const fs::path& file, const ProcessId& process) {
  return write_file(file, fmt::format("{} {} {}\n", process.pid, process.started, process.boot), 0644);
}

std::optional<ProcessId> read_pid_file(const fs::path& file) {
  std::ifstream in(file);
  ProcessId process;
  if (!(in >> process.pid >> process.started >> process.boot) || process.pid <= 0) return std::nullopt;
  return process;
}

std::vector<ProcessId> processes_with(const std::vector<std::string>& arguments) {
  std::vector<ProcessId> found;
  std::error_code ignored;  // a process may end while we look
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    const auto process = identify(pid);
    const auto line = slurp(entry.path() / "cmdline");
    for (std::size_t from = 0; from < line.size() && process;) {
      const auto to = std::min(line.find('\0', from), line.size());
      if (std::ranges::find(arguments, std::string_view(line).substr(from, to - from)) != arguments.end()) {
        found.push_back(*process);
        break;
      }
      from = to + 1;
    }
  }
  return found;
}

Result<pid_t> spawn(const Command& command, SessionOf session) {
  std::vector<char*> arguments;
  for (const auto& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (const auto& variable : command.environment) environment.push_back(const_cast<char*>(variable.c_str()));
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto name = text.substr(0, text.find('=') + 1);
    const auto same_name = [&](const std::string& own) { return own.starts_with(name); };
    if (!std::ranges::any_of(command.environment, same_name)) environment.push_back(*variable);
  }
  environment.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!command.output.empty()) {
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, command.output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  }
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t usual;
  sigemptyset(&usual);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGPIPE}) sigaddset(&usual, signal);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (session == SessionOf::Own) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, flags);

  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &files, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail(ErrorCode::Internal, "cannot start {}: {}", command.arguments[0], reason(error));
  return child;
}

Result<int> run(const Command& command) {
  const InterruptGuard interrupts;
  const auto child = spawn(command, SessionOf::Caller);
  if (!child) return tl::unexpected(child.error());
  const Descriptor handle(pidfd_open(*child, 0));
  bool ending = false;
  int status = 0;
  for (;;) {
    const auto ended = waitpid(*child, &status, WNOHANG);
    if (ended == *child) break;
    if (ended < 0 && errno != EINTR) {
      return fail(ErrorCode::Internal, "waiting for {}: {}", command.arguments[0], reason(errno));
    }
    if (!ending && InterruptGuard::interrupted()) {
      ending = true;
      ::kill(*child, SIGTERM);
    }
    pollfd finished{.fd = handle.get(), .events = POLLIN, .revents = 0};
    ::poll(&finished, 1, 100);
  }
  if (ending) return fail(ErrorCode::Stopping, "interrupted while {} was running", command.arguments[0]);
  return exit_code_of(status);
}

Result<std::string> output_of(const std::vector<std::string>& arguments) {
  const auto folder = fs::temp_directory_path() / fmt::format("replctl-output-{}-XXXXXX", ::getpid());
  std::string name = folder.string();
  const Descriptor file(mkstemp(name.data()));
  if (!file) return fail(ErrorCode::Internal, "cannot create {}: {}", name, reason(errno));
  const auto code = run({.arguments = arguments, .environment = {"LC_ALL=C"}, .output = name});
  auto text = slurp(name);
  ::unlink(name.c_str());
  if (!code) return tl::unexpected(code.error());
  if (*code != 0) return fail(ErrorCode::Internal, "{} ended with exit code {}: {}", arguments[0], *code, text);
  return text;
}

InterruptGuard::InterruptGuard() {
  sigset_t held;
  sigemptyset(&held);
  // A signal that is ignored (nohup) would be kept by the kernel while it is blocked, and look like an interruption.
  for (const int signal : kPoliteSignals) {
    if (!is_ignored(signal)) sigaddset(&held, signal);
  }
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

InterruptGuard::~InterruptGuard() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool InterruptGuard::interrupted() {
  sigset_t waiting;
  sigpending(&waiting);
  return std::ranges::any_of(kPoliteSignals, [&](int signal) { return sigismember(&waiting, signal) == 1; });
}

Result<std::optional<FileLock>> FileLock::try_take(const fs::path& path, Kind kind) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) descriptor = ::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorCode::Internal, "cannot open {} to lock it: {}", path.string(), reason(errno));
  FileLock lock(descriptor);
  if (::flock(descriptor, (kind == Kind::Shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>{};
    return fail(ErrorCode::Internal, "cannot lock {}: {}", path.string(), reason(errno));
  }
  return std::optional<FileLock>(std::move(lock));
}

Result<FileLock> FileLock::take(const fs::path& path, Kind kind, Deadline deadline) {
  for (;;) {
    auto lock = try_take(path, kind);
    if (!lock) return tl::unexpected(lock.error());
    if (*lock) return std::move(**lock);
    if (InterruptGuard::interrupted()) return fail(ErrorCode::Stopping, "interrupted");
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::Conflict, "another replctl holds {}; try again when it is done", path.string());
    }
    std::this_thread::sleep_for(20ms);
  }
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::vector<std::string> last_lines(const fs::path& file, std::size_t count) {
  // Log files grow without limit: only their end is read.
  constexpr std::streamoff kEnd = 256 * 1024;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kEnd));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return lines;
}

Result<void> write_file(const fs::path& file, std::string_view content, mode_t mode) {
  std::string temporary = file.string() + ".XXXXXX";
  const Descriptor out(mkstemp(temporary.data()));
  if (!out) return fail(ErrorCode::Internal, "cannot create {}: {}", temporary, reason(errno));
  bool good = fchmod(out.get(), mode) == 0;
  while (good && !content.empty()) {
    const auto written = ::write(out.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    good = written > 0;
    if (good) content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!good || ::rename(temporary.c_str(), file.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail(ErrorCode::Internal, "cannot write {}: {}", file.string(), reason(error));
  }
  return {};
}

Result<std::string> read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::Internal, "cannot read {}: {}", file.string(), reason(errno));
  return read_all(in);
}

}  // namespace repl::ctl::sandbox

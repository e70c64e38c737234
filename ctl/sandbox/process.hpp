// Processes of this machine: starting them, knowing them again, signalling exactly the one that is meant.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"

namespace repl::ctl::sandbox {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline deadline_in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

/// One run of one program: a pid alone is given to another program sooner or later, together with the start time and
/// the boot it is unique. Source: proc(5), /proc/PID/stat field 22; /proc/sys/kernel/random/boot_id.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< Clock ticks after the boot.
  std::string boot;

  bool operator==(const ProcessId&) const = default;
};

/// Gone counts also a process that has ended and whose parent has not asked for its exit code yet.
enum class ProcessState { Gone, Running, Frozen };

/// Empty when no such process runs.
std::optional<ProcessId> identify(pid_t pid);
ProcessState state_of(const ProcessId& process);
/// Waits until each of its threads has stopped, or the process is gone: SIGSTOP stops them one after the other, as they
/// leave the kernel. False: not in time.
bool wait_until_frozen(const ProcessId& process, Deadline deadline);
/// Memory in RAM; empty when the process is gone. Source: proc(5), VmRSS.
std::optional<std::uint64_t> resident_bytes(const ProcessId& process);

/// Sends `signal` to this process and to no other, whatever has become of its pid (pidfd_send_signal(2)). @errors
/// PreconditionFailed: it is gone; Internal: not allowed.
Result<void> send_signal(const ProcessId& process, int signal);
/// Whether the process has ended by the deadline. Works for processes of other parents (pidfd_open(2)).
bool wait_until_gone(const ProcessId& process, Deadline deadline);

/// The file holds one line "pid start boot". It is written whole or not at all.
Result<void> write_pid_file(const std::filesystem::path& file, const ProcessId& process);
/// Empty when there is no such file, or it holds something else.
std::optional<ProcessId> read_pid_file(const std::filesystem::path& file);

/// Processes that were started with one of `arguments` as a whole argument.
std::vector<ProcessId> processes_with(const std::vector<std::string>& arguments);

/// What to start, and with what.
struct Command {
  std::vector<std::string> arguments;    ///< The first is the program; looked up in PATH when it has no slash.
  std::vector<std::string> environment;  ///< "NAME=value", added to our own.
  std::filesystem::path output;          ///< Both output streams are appended here. Empty: they stay ours.
};

/// OwnSession: setsid(2), so that neither the terminal nor Ctrl-C reaches it. Standard input is /dev/null in either
/// case.
enum class SessionOf { Caller, Own };

Result<pid_t> spawn(const Command& command, SessionOf session);
/// Runs a program to its end. If the user interrupts (see InterruptGuard), it is ended, and the error is Stopping.
/// @returns its exit code, 128 + signal when a signal ended it
Result<int> run(const Command& command);
/// Standard output of a short program. @errors Internal: not startable, or it ended with a failure
Result<std::string> output_of(const std::vector<std::string>& arguments);

/// While it lives, Ctrl-C and the polite ending signals wait, so that what was begun can be cleared away. The signal
/// takes effect when the guard goes.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether such a signal is waiting.
  static bool interrupted();

 private:
  sigset_t before_;
};

/// An exclusive or shared lock on a file or folder, until the object goes; the kernel frees it when the process dies.
class FileLock {
 public:
  enum class Kind { Shared, Exclusive };
  /// Empty when somebody else holds it. @errors Internal: `path` cannot be opened
  static Result<std::optional<FileLock>> try_take(const std::filesystem::path& path, Kind kind);
  /// Waits; gives up when the user interrupts or at the deadline.
  static Result<FileLock> take(const std::filesystem::path& path, Kind kind, Deadline deadline);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// The last `count` lines of a text file; empty when it cannot be read.
std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t count);
/// Replaces `file` in one step, with this mode from its first instant.
Result<void> write_file(const std::filesystem::path& file, std::string_view content, mode_t mode);
Result<std::string> read_file(const std::filesystem::path& file);

}  // namespace repl::ctl::sandbox

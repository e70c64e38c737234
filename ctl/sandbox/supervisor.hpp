// The process that stands behind each server of a sandbox: it starts mysqld, starts it again when mysqld asks for that
// (RESTART, CLONE) or, if wanted, after a crash, and otherwise ends with it. It survives the terminal.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/sandbox/folders.hpp"
#include "model/error.hpp"

namespace repl::ctl::sandbox {

enum class AfterCrash { StayDown, Restart };

struct Supervision {
  std::filesystem::path node_folder;
  std::vector<std::string> server;         ///< Command line of mysqld.
  std::vector<std::string> first_options;  ///< Added to the first start only.
  AfterCrash after_crash = AfterCrash::StayDown;
};

/// What a server's end asks for.
enum class ServerEnd { Stopped, AsksForRestart, Crashed };

/// `wait_status` as waitpid(2) gives it; `last_log_lines`: the end of the server's error log.
///
/// With MYSQLD_PARENT_PID in its environment mysqld ends with code 16 to be started again; without, a CLONE ends with
/// code 0 and says so in the log only. Source: MySQL Reference Manual, RESTART Statement; 0 was seen with 9.7.
ServerEnd meaning_of(int wait_status, const std::vector<std::string>& last_log_lines);

/// The body of `replctl sandbox supervise`. Turns into a daemon; the calling process returns once mysqld runs, the
/// daemon when mysqld has ended for good. SIGTERM: stops mysqld cleanly, also a frozen one. @returns the exit code
int supervise(const Supervision& supervision);

/// Starts a supervisor; on return its mysqld runs (and is still starting).
/// @errors PreconditionFailed: no replctl to run it with; Conflict: the node has a supervisor; Internal: mysqld cannot
/// be started
Result<void> start_supervisor(const Supervision& supervision);

}  // namespace repl::ctl::sandbox

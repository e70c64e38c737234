// The processes of a sandbox's servers: which they are, when they answer, and how they are ended.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/sandbox/process.hpp"
#include "ctl/sandbox/sandbox.hpp"
#include "model/error.hpp"

namespace repl::ctl::sandbox {

/// What a reader wants of an error log: its errors, or else its end; with the file's name.
std::string end_of_log(const std::filesystem::path& log);

bool is_alive(const std::optional<ProcessId>& process);
std::optional<ProcessId> server_of(const SandboxNode& node);
std::optional<ProcessId> supervisor_of(const SandboxNode& node);
/// @errors PreconditionFailed: it is not running
Result<ProcessId> living_server_of(const SandboxNode& node);

/// Until root can log in. @errors Internal: it ended while starting; DeadlineExceeded; AccessDenied; Stopping
Result<void> wait_until_ready(const SandboxNode& node, Deadline deadline);

/// Ends the processes of these nodes at once, their supervisors too. They are looked up in the process list, so that
/// those are met too whose pid file was never written.
Result<void> end_processes(const std::vector<SandboxNode>& nodes);

/// The statement that gives root its password; to be followed by a line end.
std::string root_password_statement(std::string_view password);

}  // namespace repl::ctl::sandbox

#include "ctl/sandbox/node_processes.hpp"

#include <signal.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "ctl/sandbox/root_session.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string end_of_log(const fs::path& log) {
  const auto lines = last_lines(log, 60);
  std::vector<std::string> errors;
  std::ranges::copy_if(lines, std::back_inserter(errors),
                       [](const std::string& line) { return line.find("[ERROR]") != std::string::npos; });
  if (errors.empty()) errors = lines;
  if (errors.size() > 6) errors.erase(errors.begin(), errors.end() - 6);
  return fmt::format("the end of its error log {}:\n  {}", log.string(), fmt::join(errors, "\n  "));
}

bool is_alive(const std::optional<ProcessId>& process) {
  return process && state_of(*process) != ProcessState::Gone;
}

std::optional<ProcessId> server_of(const SandboxNode& node) {
  return read_pid_file(node.folder.server_process());
}
std::optional<ProcessId> supervisor_of(const SandboxNode& node) {
  return read_pid_file(node.folder.supervisor_process());
}

Result<ProcessId> living_server_of(const SandboxNode& node) {
  const auto server = server_of(node);
  if (is_alive(server)) return *server;
  return fail(ErrorCode::PreconditionFailed, "{} is not running; start it with `replctl sandbox start {}`", node.name,
              node.name);
}

Result<void> wait_until_ready(const SandboxNode& node, Deadline deadline) {
  for (;;) {
    // Read before the attempt: a server that ends right after it has answered no is not blamed for being slow.
    const bool alive = is_alive(server_of(node)) || is_alive(supervisor_of(node));
    auto session = RootSession::open(node.folder, 2s);
    if (session) return {};
    if (session.error().code == ErrorCode::AccessDenied) {
      return fail(ErrorCode::AccessDenied, "{} runs, but does not know root's password in {}: {}", node.name,
                  node.folder.client_options().string(), session.error().message);
    }
    if (!alive) {
      return fail(ErrorCode::Internal, "the server of {} ended while starting; {}", node.name,
                  end_of_log(node.folder.error_log()));
    }
    if (InterruptGuard::interrupted()) return fail(ErrorCode::Stopping, "interrupted while {} was starting", node.name);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::DeadlineExceeded, "{} does not answer in time ({}); {}", node.name,
                  session.error().message, end_of_log(node.folder.error_log()));
    }
    std::this_thread::sleep_for(20ms);
  }
}

Result<void> end_processes(const std::vector<SandboxNode>& nodes) {
  std::vector<std::string> supervisors;
  std::vector<std::string> all;
  for (const auto& node : nodes) {
    supervisors.push_back(node.folder.supervisor_argument());
    all.push_back(node.folder.server_argument());  // also the last word of a supervisor's command line
  }
  // Supervisors first, or they would take it for a crash and start their servers again.
  const auto deadline = deadline_in(30s);
  for (const auto& arguments : {supervisors, all}) {
    for (auto found = processes_with(arguments); !found.empty(); found = processes_with(arguments)) {
      for (const auto& process : found) {
        const auto sent = send_signal(process, SIGKILL);
        if (!sent && sent.error().code != ErrorCode::PreconditionFailed) return sent;
      }
      for (const auto& process : found) {
        if (wait_until_gone(process, deadline)) continue;
        return fail(ErrorCode::Internal, "process {} did not end within 30 s of SIGKILL (a hanging disk?)",
                    process.pid);
      }
    }
  }
  std::error_code ignored;  // those that are not there need no removal
  for (const auto& node : nodes) {
    fs::remove(node.folder.server_process(), ignored);
    fs::remove(node.folder.supervisor_process(), ignored);
  }
  return {};
}

std::string root_password_statement(std::string_view password) {
  return fmt::format("ALTER USER 'root'@'localhost' IDENTIFIED BY '{}';\n", password);
}

}  // namespace repl::ctl::sandbox

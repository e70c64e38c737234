// Sandbox::rebuild: a node's data thrown away and fetched anew from another node.
#include <algorithm>
#include <thread>

#include "ctl/sandbox/node_processes.hpp"
#include "ctl/sandbox/sandbox.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

/// 3707: the clone is complete, but the server could not restart itself; it then ends, and its supervisor starts it.
constexpr unsigned kRestartFailed = 3707;

Error on(const SandboxNode& node, std::string_view what, const Error& error) {
  return {error.code, fmt::format("{} on {}: {}", what, node.name, error.message)};
}

Result<std::string> one_value(RootSession& session, std::string_view statement) {
  const auto rows = session.query(statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::string();
  return rows->front().front().value_or("");
}

/// Off the binary log: a plugin is a server's own affair.
Result<void> install_clone_plugin(const SandboxNode& node) {
  auto session = RootSession::open(node.folder, 10s);
  if (!session) return tl::unexpected(on(node, "logging in", session.error()));
  const auto status =
      one_value(*session, "SELECT PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone'");
  if (!status) return tl::unexpected(on(node, "asking for the clone plugin", status.error()));
  if (*status == "ACTIVE") return {};
  const auto closed = one_value(*session, "SELECT @@GLOBAL.super_read_only");
  if (!closed) return tl::unexpected(on(node, "asking for super_read_only", closed.error()));
  if (*closed == "1") {
    return fail(ErrorCode::PreconditionFailed,
                "{} has no clone plugin, and none can be installed while it is read-only (super_read_only=ON). Name "
                "the writable node with --from, or one that was cloned from before",
                node.name);
  }
  for (const auto* statement : {"SET SESSION sql_log_bin = 0", "INSTALL PLUGIN clone SONAME 'mysql_clone.so'"}) {
    if (const auto done = session->query(statement); !done) {
      return tl::unexpected(on(node, "installing the clone plugin", done.error()));
    }
  }
  return {};
}

Result<void> empty_data_folder(const SandboxNode& node, const fs::path& data_template) {
  std::error_code error;
  for (const auto& folder : {node.folder.data(), node.folder.temporary()}) {
    fs::remove_all(folder, error);
    if (error) return fail(ErrorCode::Internal, "cannot remove {}: {}", folder.string(), error.message());
  }
  fs::create_directory(node.folder.temporary(), error);
  if (error)
    return fail(ErrorCode::Internal, "cannot create {}: {}", node.folder.temporary().string(), error.message());
  return copy_template(data_template, node.folder.data());
}

/// Only root, over the socket: the other accounts come with the clone, and until then nobody else can log in.
Result<void> write_first_statements(const SandboxNode& node) {
  const auto client = read_file(node.folder.client_options());
  if (!client) return tl::unexpected(client.error());
  constexpr std::string_view kKey = "\npassword=";
  const auto from = client->find(kKey);
  if (from == std::string::npos) {
    return fail(ErrorCode::PreconditionFailed, "no password in {}", node.folder.client_options().string());
  }
  const auto begin = from + kKey.size();
  const auto password = client->substr(begin, client->find('\n', begin) - begin);
  return write_file(node.folder.first_statements(),
                    "SET SESSION sql_log_bin = 0;\n" + root_password_statement(password), 0600);
}

}  // namespace

Result<SandboxNode> Sandbox::donor_for(const SandboxNode& node, const std::string& wanted) const {
  if (!wanted.empty()) {
    auto donor = this->node(wanted);
    if (donor && donor->name == node.name) {
      return fail(ErrorCode::InvalidArgument, "{} cannot be rebuilt from itself: its data is what is thrown away",
                  wanted);
    }
    if (donor && !is_alive(server_of(*donor))) {
      return fail(ErrorCode::PreconditionFailed, "the donor {} is not running", wanted);
    }
    return donor;
  }
  std::vector<std::string> writable;
  std::vector<std::string> seen;
  for (const auto& status : this->status()) {
    if (status.name == node.name) continue;
    seen.push_back(fmt::format("{} is {}{}", status.name, to_string(status.state),
                               status.read_only ? fmt::format(", read-only: {}", to_string(*status.read_only)) : ""));
    if (status.read_only == ReadOnly::Off) writable.push_back(status.name);
  }
  if (writable.size() != 1) {
    return fail(ErrorCode::PreconditionFailed,
                "the donor is the other node that takes writes, and there is not exactly one ({}): name it with --from",
                fmt::join(seen, "; "));
  }
  return this->node(writable.front());
}

Result<void> Sandbox::clone_into(const SandboxNode& node, const SandboxNode& donor, Deadline deadline) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
  auto session = RootSession::open(node.folder, std::max<std::chrono::seconds>(seconds, 1s));
  if (!session) return tl::unexpected(on(node, "logging in", session.error()));
  const auto password = admin_password();
  if (!password) return tl::unexpected(password.error());
  const auto before = server_of(node);
  for (const auto& statement : {
           std::string("SET PERSIST super_read_only = ON"),
           fmt::format("SET GLOBAL clone_valid_donor_list = '127.0.0.1:{}'", donor.port),
           fmt::format("CLONE INSTANCE FROM 'repl_admin'@'127.0.0.1':{} IDENTIFIED BY '{}'", donor.port, *password),
       }) {
    const auto done = session->query(statement);
    if (done || done.error().code == ErrorCode::ConnectionLost || session->last_code() == kRestartFailed) continue;
    return tl::unexpected(on(node, fmt::format("cloning {}", donor.name), done.error()));
  }

  // Its supervisor starts the server anew; until that is another process, an answer would be of the old one.
  while (!is_alive(server_of(node)) || server_of(node) == before) {
    if (!is_alive(supervisor_of(node))) {
      return fail(ErrorCode::Internal, "{} was not started again after the clone; {}", node.name,
                  end_of_log(node.folder.error_log()));
    }
    if (InterruptGuard::interrupted()) return fail(ErrorCode::Stopping, "interrupted while {} was cloning", node.name);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::DeadlineExceeded, "{} has not cloned {} in time; {}", node.name, donor.name,
                  end_of_log(node.folder.error_log()));
    }
    std::this_thread::sleep_for(20ms);
  }
  if (const auto ready = wait_until_ready(node, deadline); !ready) return ready;
  auto again = RootSession::open(node.folder, 10s);
  if (!again) return tl::unexpected(on(node, "logging in after the clone", again.error()));
  const auto rows = again->query(
      "SELECT STATE, ERROR_NO, ERROR_MESSAGE, @@GLOBAL.super_read_only FROM performance_schema.clone_status");
  if (!rows) return tl::unexpected(on(node, "asking how the clone ended", rows.error()));
  const auto value = [&](std::size_t column) {
    return rows->empty() ? std::string("unknown") : rows->front()[column].value_or("");
  };
  if (value(0) != "Completed") {
    return fail(ErrorCode::ServerRefused, "{} has not cloned {}: state {}, error {} {}; {}", node.name, donor.name,
                value(0), value(1), value(2), end_of_log(node.folder.error_log()));
  }
  if (value(3) != "1") {
    return fail(ErrorCode::Internal, "{} came back from the clone without super_read_only=ON", node.name);
  }
  return {};
}

Result<void> Sandbox::rebuild(std::string_view name, const RebuildOptions& options) const {
  const InterruptGuard interrupts;
  const auto deadline = deadline_in(options.within);
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  const auto lock = FileLock::try_take(folder_.path(), FileLock::Kind::Shared);
  if (!lock) return tl::unexpected(lock.error());
  if (!*lock) return fail(ErrorCode::Conflict, "another replctl is making or removing {}", name_);

  // Whatever can be refused is refused before anything is lost.
  const auto mysql = MysqlInstallation::at(mysql_root_);
  if (!mysql) return tl::unexpected(mysql.error());
  const auto data = data_template(*mysql);
  if (!data) return tl::unexpected(data.error());
  const auto donor = donor_for(*node, options.donor);
  if (!donor) return tl::unexpected(donor.error());
  if (const auto installed = install_clone_plugin(*donor); !installed) return installed;

  if (const auto ended = end_processes({*node}); !ended) return ended;
  if (const auto emptied = empty_data_folder(*node, *data); !emptied) return emptied;
  if (const auto written = write_first_statements(*node); !written) return written;
  const auto statements = node->folder.first_statements();
  const auto left = [&] {
    return std::max(1s, std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now()));
  };
  auto done = start_server(*node, {"--init-file=" + statements.string(), "--skip-networking"}, left());
  std::error_code ignored;  // overwritten by the next rebuild
  fs::remove(statements, ignored);
  if (done) done = install_clone_plugin(*node);
  if (done) done = clone_into(*node, *donor, deadline);
  if (!done) {
    // Left stopped: an empty server that answers would be met by repld.
    static_cast<void>(end_processes({*node}));
    return fail(done.error().code, "{}\n{} is left stopped, without data; `replctl sandbox rebuild {}` tries again",
                done.error().message, name, name);
  }
  return {};
}

}  // namespace repl::ctl::sandbox

#include "ctl/sandbox/sandbox.hpp"

#include <signal.h>
#include <sys/un.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "ctl/random_password.hpp"
#include "ctl/sandbox/node_processes.hpp"
#include "ctl/sandbox/ports.hpp"
#include "ctl/sandbox/topology_file.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr int kMostNodes = 10;  // a source and nine replicas

bool is_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 63 && name.front() != '-' && std::ranges::all_of(name, fits);
}

}  // namespace

/// The steps of `up`, in order; whoever gives up half-way calls Sandbox::down.
class SandboxMaker {
 public:
  explicit SandboxMaker(const UpOptions& options) : options_(options), sandbox_(options.name) {}

  Result<void> check() const {
    if (!is_name(options_.name)) {
      return fail(ErrorCode::InvalidArgument,
                  "'{}' cannot name a sandbox: lower case letters, digits and dashes, not at the beginning, at most 63",
                  options_.name);
    }
    if (options_.nodes < 1 || options_.nodes > kMostNodes) {
      return fail(ErrorCode::InvalidArgument, "{} nodes: a sandbox has 1 to {}", options_.nodes, kMostNodes);
    }
    const auto socket = sandbox_.folder().node(fmt::format("db{}", options_.nodes)).socket().string();
    constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
    if (socket.size() > kLongest) {
      return fail(ErrorCode::InvalidArgument,
                  "the unix socket {} would have {} characters, and the kernel takes {}: choose a shorter name, or a "
                  "shorter folder in REPLCTL_SANDBOX_DIR",
                  socket, socket.size(), kLongest);
    }
    return {};
  }

  /// The folder, locked: from here on the sandbox exists.
  Result<FileLock> claim() const {
    const auto& path = sandbox_.folder().path();
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    const bool created = !error && fs::create_directory(path, error);
    if (error) return fail(ErrorCode::Internal, "cannot create {}: {}", path.string(), error.message());
    if (!created) {
      return fail(ErrorCode::Conflict,
                  "there is a sandbox {} already; look at it with `replctl sandbox status {}`, remove it with `replctl "
                  "sandbox down {}`",
                  options_.name, options_.name, options_.name);
    }
    return FileLock::take(path, FileLock::Kind::Exclusive, deadline_in(1s));
  }

  /// Everything but the data folders.
  Result<void> write_files(const MysqlInstallation& mysql) {
    const auto ports = reserve_ports(options_.nodes, sandbox_.folder().path());
    if (!ports) return tl::unexpected(ports.error());
    for (const auto port : *ports) {
      auto name = fmt::format("db{}", sandbox_.nodes_.size() + 1);
      sandbox_.nodes_.push_back({.name = name, .port = port, .folder = sandbox_.folder().node(name)});
    }
    sandbox_.after_crash_ = options_.after_crash;
    sandbox_.mysql_root_ = mysql.root();
    sandbox_.mysql_version_ = mysql.full_version();
    // The description first: with it, `down` knows the ports to release.
    if (const auto done = write_description(); !done) return done;
    if (const auto done = write_secrets(); !done) return done;
    for (const auto& node : sandbox_.nodes_) {
      if (const auto done = write_node(mysql, node); !done) return done;
    }
    if (options_.nodes == 1) return {};
    std::vector<std::pair<std::string, std::uint16_t>> addresses;
    for (const auto& node : sandbox_.nodes_) addresses.emplace_back(node.name, node.port);
    return write_file(sandbox_.folder().topology(),
                      topology_yaml(options_.name, addresses, options_.sync, options_.positioning), 0600);
  }

  /// All servers at the same time.
  Result<void> start(const fs::path& data_template) const {
    std::vector<std::future<Result<void>>> starting;
    for (const auto& node : sandbox_.nodes_) {
      starting.push_back(std::async(std::launch::async, [this, &node, &data_template]() -> Result<void> {
        if (const auto copied = copy_template(data_template, node.folder.data()); !copied) return copied;
        const auto statements = node.folder.first_statements();
        const auto started = sandbox_.start_server(node, {"--init-file=" + statements.string()}, options_.ready_within);
        std::error_code ignored;  // `down` removes it with the rest
        fs::remove(statements, ignored);
        return started;
      }));
    }
    Result<void> all;
    for (auto& one : starting) {
      if (auto started = one.get(); !started && all) all = std::move(started);
    }
    return all;
  }

  const Sandbox& sandbox() const { return sandbox_; }

 private:
  Result<void> write_description() const {
    nlohmann::json nodes = nlohmann::json::array();
    for (const auto& node : sandbox_.nodes_) nodes.push_back({{"name", node.name}, {"port", node.port}});
    const nlohmann::json description{{"name", sandbox_.name_},
                                     {"mysqlRoot", sandbox_.mysql_root_.string()},
                                     {"mysqlVersion", sandbox_.mysql_version_},
                                     {"restartAfterCrash", sandbox_.after_crash_ == AfterCrash::Restart},
                                     {"nodes", nodes}};
    return write_file(sandbox_.folder().description(), description.dump(2) + "\n", 0644);
  }

  Result<void> write_secrets() {
    const auto& folder = sandbox_.folder();
    std::error_code error;
    fs::create_directory(folder.secrets(), error);
    if (!error) fs::permissions(folder.secrets(), fs::perms::owner_all, error);
    if (error) return fail(ErrorCode::Internal, "cannot create {}: {}", folder.secrets().string(), error.message());
    for (const auto& account : kSandboxAccounts) {
      const auto password = random_password();
      if (account.role == "admin") admin_password_ = password;
      if (const auto done = write_file(folder.secret(account.secret), password, 0600); !done) return done;
    }
    return {};
  }

  Result<void> write_node(const MysqlInstallation& mysql, const SandboxNode& node) const {
    const auto& folder = node.folder;
    std::error_code error;
    fs::create_directories(folder.temporary(), error);
    if (!error) fs::permissions(folder.path(), fs::perms::owner_all, error);
    if (error) return fail(ErrorCode::Internal, "cannot create {}: {}", folder.path().string(), error.message());
    auto settings = options_.settings;
    if (options_.positioning == Positioning::Binlog) {
      settings.insert({{"gtid_mode", "OFF"}, {"enforce_gtid_consistency", "OFF"}});
    }
    const auto options = server_options(mysql, folder, node.port, settings);
    if (const auto done = write_file(folder.options(), options, 0600); !done) return done;

    auto client =
        fmt::format("[client]\nuser=root\npassword={}\nsocket={}\n", root_password_, folder.socket().string());
    if (!mysql.character_sets().empty()) client += fmt::format("character-sets-dir={}\n", mysql.character_sets());
    client += fmt::format("[mysql]\nloose_commands=ON\nprompt={}/{} [\\d]> \n", sandbox_.name_, node.name);
    if (const auto done = write_file(folder.client_options(), client, 0600); !done) return done;

    // Off the binary log, so that every server starts with an empty gtid_executed.
    const auto statements = fmt::format(
        "SET SESSION sql_log_bin = 0;\n{}"
        "CREATE USER IF NOT EXISTS 'repl_admin'@'%' IDENTIFIED WITH caching_sha2_password BY '{}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO 'repl_admin'@'%' WITH GRANT OPTION;\n",
        root_password_statement(root_password_), admin_password_);
    return write_file(folder.first_statements(), statements, 0600);
  }

  const UpOptions& options_;
  Sandbox sandbox_;
  std::string admin_password_;
  std::string root_password_ = random_password();  // one for the sandbox: a clone brings the donor's
};

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::Running:
      return "running";
    case ServerState::Frozen:
      return "frozen";
    case ServerState::Dead:
      return "dead";
  }
  return "";
}

std::string_view to_string(ReadOnly read_only) {
  switch (read_only) {
    case ReadOnly::Off:
      return "off";
    case ReadOnly::On:
      return "on";
    case ReadOnly::Super:
      return "super";
  }
  return "";
}

Sandbox::Sandbox(std::string name) : name_(std::move(name)), folder_(sandboxes_folder() / name_) {}

Result<Sandbox> Sandbox::up(const UpOptions& options) {
  const InterruptGuard interrupts;
  SandboxMaker maker(options);
  if (const auto fine = maker.check(); !fine) return tl::unexpected(fine.error());
  // What may take long comes before the sandbox exists.
  const auto mysql = find_mysql(options.mysql);
  if (!mysql) return tl::unexpected(mysql.error());
  const auto data = data_template(*mysql);
  if (!data) return tl::unexpected(data.error());
  auto lock = maker.claim();
  if (!lock) return tl::unexpected(lock.error());
  auto done = maker.write_files(*mysql);
  if (done) done = maker.start(*data);
  if (!done) {
    {
      const auto released = std::move(*lock);  // `down` takes it
    }
    if (const auto removed = down(options.name); !removed) {
      return fail(done.error().code, "{}\nand what was made could not be removed: {}", done.error().message,
                  removed.error().message);
    }
    return tl::unexpected(done.error());
  }
  return maker.sandbox();
}

Result<Sandbox> Sandbox::open(std::string_view name) {
  Sandbox sandbox{std::string(name)};
  if (!is_name(name) || !fs::exists(sandbox.folder().path())) {
    const auto known = names();
    return fail(ErrorCode::NoSuchCluster, "there is no sandbox '{}' in {}; there {}", name, sandboxes_folder().string(),
                known.empty() ? std::string("is none: make one with `replctl sandbox up NAME`")
                              : fmt::format("is: {}", fmt::join(known, ", ")));
  }
  const auto text = read_file(sandbox.folder().description());
  const auto json = nlohmann::json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
  try {
    sandbox.mysql_root_ = json.at("mysqlRoot").get<std::string>();
    sandbox.mysql_version_ = json.at("mysqlVersion");
    sandbox.after_crash_ = json.at("restartAfterCrash") ? AfterCrash::Restart : AfterCrash::StayDown;
    for (const auto& node : json.at("nodes")) {
      const std::string node_name = node.at("name");
      sandbox.nodes_.push_back(
          {.name = node_name, .port = node.at("port"), .folder = sandbox.folder().node(node_name)});
    }
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorCode::PreconditionFailed,
                "the sandbox {} was not made to the end, or {} was damaged; remove it with `replctl sandbox down {}`",
                name, sandbox.folder().description().string(), name);
  }
  return sandbox;
}

std::vector<std::string> Sandbox::names() {
  std::vector<std::string> names;
  std::error_code ignored;  // no folder, no sandboxes
  for (const auto& entry : fs::directory_iterator(sandboxes_folder(), ignored)) {
    auto name = entry.path().filename().string();
    if (entry.is_directory() && is_name(name)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

Result<void> Sandbox::down(std::string_view name) {
  const InterruptGuard interrupts;
  auto opened = open(name);
  if (!opened && opened.error().code == ErrorCode::NoSuchCluster) return tl::unexpected(opened.error());
  const SandboxFolder folder(sandboxes_folder() / name);
  const auto lock = FileLock::try_take(folder.path(), FileLock::Kind::Exclusive);
  if (!lock) return tl::unexpected(lock.error());
  if (!*lock) {
    return fail(ErrorCode::Conflict, "another replctl is making or rebuilding {}; end that first", name);
  }
  // Nodes as the folder has them: an interrupted `up` may not have written its description.
  std::vector<SandboxNode> nodes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.nodes(), error)) {
    nodes.push_back({.name = entry.path().filename().string(), .port = 0, .folder = NodeFolder(entry.path())});
  }
  if (const auto ended = end_processes(nodes); !ended) return ended;
  if (opened) {
    std::vector<std::uint16_t> ports;
    for (const auto& node : opened->nodes()) ports.push_back(node.port);
    release_ports(ports);
  }
  fs::remove_all(folder.path(), error);
  if (error) return fail(ErrorCode::Internal, "cannot remove {}: {}", folder.path().string(), error.message());
  return {};
}

Result<SandboxNode> Sandbox::node(std::string_view name) const {
  const auto found = std::ranges::find(nodes_, name, &SandboxNode::name);
  if (found != nodes_.end()) return *found;
  std::vector<std::string> known;
  for (const auto& node : nodes_) known.push_back(node.name);
  return fail(ErrorCode::NoSuchNode, "the sandbox {} has no node '{}'; it has {}", name_, name, fmt::join(known, ", "));
}

Result<NodeStatus> Sandbox::status(std::string_view name) const {
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  NodeStatus status{.name = node->name, .port = node->port};
  status.supervised = is_alive(supervisor_of(*node));
  const auto server = server_of(*node);
  if (!is_alive(server)) return status;
  status.state = state_of(*server) == ProcessState::Frozen ? ServerState::Frozen : ServerState::Running;
  status.pid = server->pid;
  status.resident_bytes = resident_bytes(*server);
  if (status.state == ServerState::Frozen) return status;
  auto session = RootSession::open(node->folder, 1s);
  if (!session) return status;
  const auto answer = session->query("SELECT @@GLOBAL.read_only, @@GLOBAL.super_read_only");
  if (!answer || answer->empty()) return status;
  const auto on = [&](std::size_t column) { return answer->front()[column] == "1"; };
  status.read_only = on(1) ? ReadOnly::Super : on(0) ? ReadOnly::On : ReadOnly::Off;
  return status;
}

std::vector<NodeStatus> Sandbox::status() const {
  // Together: a server that does not answer costs a second once, not each.
  std::vector<std::future<Result<NodeStatus>>> asked;
  for (const auto& node : nodes_) {
    asked.push_back(std::async(std::launch::async, [this, &node] { return status(node.name); }));
  }
  std::vector<NodeStatus> all;
  for (auto& one : asked) all.push_back(*one.get());
  return all;
}

Result<RootSession> Sandbox::root_session(std::string_view name, std::chrono::seconds answer_within) const {
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  return RootSession::open(node->folder, answer_within);
}

Result<std::vector<std::string>> Sandbox::client_command(std::string_view name, std::string_view program) const {
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  const auto mysql = MysqlInstallation::at(mysql_root_);
  if (!mysql) return tl::unexpected(mysql.error());
  auto command = mysql->command(program);
  if (command) command->push_back("--defaults-file=" + node->folder.client_options().string());
  return command;
}

Result<void> Sandbox::kill(std::string_view name) const {
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  const auto server = living_server_of(*node);
  if (!server) return tl::unexpected(server.error());
  if (const auto sent = send_signal(*server, SIGKILL); !sent) return sent;
  if (wait_until_gone(*server, deadline_in(30s))) return {};
  return fail(ErrorCode::Internal, "{}: process {} did not end within 30 s of SIGKILL (a hanging disk?)", name,
              server->pid);
}

Result<void> Sandbox::freeze(std::string_view name) const {
  const auto server = node(name).and_then(living_server_of);
  if (!server) return tl::unexpected(server.error());
  if (auto sent = send_signal(*server, SIGSTOP); !sent) return sent;
  if (!wait_until_frozen(*server, deadline_in(10s))) {
    return fail(ErrorCode::DeadlineExceeded, "{}: SIGSTOP was sent, and not all threads of mysqld have stopped in 10 s",
                name);
  }
  return {};
}

Result<void> Sandbox::thaw(std::string_view name) const {
  const auto server = node(name).and_then(living_server_of);
  if (!server) return tl::unexpected(server.error());
  return send_signal(*server, SIGCONT);
}

Result<void> Sandbox::start(std::string_view name, std::chrono::seconds ready_within) const {
  const InterruptGuard interrupts;
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  // Right after a kill the supervisor may still be about to end.
  if (const auto supervisor = supervisor_of(*node); !is_alive(server_of(*node)) && is_alive(supervisor)) {
    wait_until_gone(*supervisor, deadline_in(1s));
  }
  if (const auto server = server_of(*node); is_alive(server)) {
    return fail(ErrorCode::PreconditionFailed, "{} runs already, as process {}{}", name, server->pid,
                state_of(*server) == ProcessState::Frozen
                    ? fmt::format("; it is frozen: `replctl sandbox thaw {}`", name)
                    : std::string());
  }
  return start_server(*node, {}, ready_within);
}

Result<void> Sandbox::start_server(const SandboxNode& node, const std::vector<std::string>& first_options,
                                   std::chrono::seconds ready_within) const {
  const auto mysql = MysqlInstallation::at(mysql_root_);
  if (!mysql) {
    return fail(mysql.error().code, "the MySQL that sandbox {} was made with cannot be run any more: {}", name_,
                mysql.error().message);
  }
  auto server = mysql->command("mysqld");
  if (!server) return tl::unexpected(server.error());
  server->push_back(node.folder.server_argument());
  const auto started = start_supervisor({.node_folder = node.folder.path(),
                                         .server = *server,
                                         .first_options = first_options,
                                         .after_crash = after_crash_});
  if (!started) return started;
  return wait_until_ready(node, deadline_in(ready_within));
}

Result<void> Sandbox::stop(std::string_view name, std::chrono::seconds within) const {
  const auto node = this->node(name);
  if (!node) return tl::unexpected(node.error());
  const auto supervisor = supervisor_of(*node);
  const auto server = server_of(*node);
  if (!is_alive(supervisor) && !is_alive(server)) {
    return fail(ErrorCode::PreconditionFailed, "{} is not running", name);
  }
  const auto deadline = deadline_in(within);
  for (const auto& process : {supervisor, server}) {
    if (!is_alive(process)) continue;
    // The supervisor passes it on; without one the server is asked directly, and thawed to hear it.
    const auto sent = send_signal(*process, SIGTERM);
    if (!sent && sent.error().code != ErrorCode::PreconditionFailed) return sent;
    if (process == server) static_cast<void>(send_signal(*process, SIGCONT));
    if (!wait_until_gone(*process, deadline)) {
      return fail(ErrorCode::DeadlineExceeded,
                  "{} did not stop within {} s; it goes on stopping. `replctl sandbox kill {}` does not wait", name,
                  within.count(), name);
    }
  }
  return {};
}

TemporarySandbox::~TemporarySandbox() {
  if (!sandbox_) return;
  if (const auto removed = Sandbox::down(sandbox_->name()); !removed) {
    fmt::print(stderr, "the sandbox {} could not be taken down: {}\n", sandbox_->name(), removed.error().message);
  }
}

TemporarySandbox::TemporarySandbox(TemporarySandbox&& other) noexcept
    : sandbox_(std::exchange(other.sandbox_, std::nullopt)) {}

}  // namespace repl::ctl::sandbox

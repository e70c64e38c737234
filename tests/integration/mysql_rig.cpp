// The rig: sandbox, accounts, helpers.
#include "mysql_rig.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace repl::mysql::rig {
namespace {

namespace sandbox = ctl::sandbox;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Takes the sandbox down before the program ends, whatever tests do.
class Environment : public testing::Environment {
 public:
  void TearDown() override { Servers::shared().stop(); }
};
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new Environment);

}  // namespace

Servers& Servers::shared() {
  static Servers servers;
  return servers;
}

Servers::Servers() {
  init_driver();
  sandbox::UpOptions options;
  options.name = "mysql-test-" + std::to_string(getpid());
  options.sync = sandbox::DataSync::Async;
  sandbox_.emplace(must(sandbox::Sandbox::up(options)));
  const auto& box = **sandbox_;
  spec_.cluster = {box.name()};
  for (const auto& node : box.nodes()) {
    spec_.nodes.push_back({.id = {node.name}, .address = {"127.0.0.1", node.port}});
  }
  write_secret("t-replica", "Repl-ica1");
  write_secret("t-monitor", "it's \\ \"monitored\" 1A");
  write_secret("t-app", "App-lication1");
  const auto secret = [&](const std::string& name) {
    return SecretRef{SecretRef::Kind::File, box.folder().secret(name).string()};
  };
  spec_.accounts[AccountRole::Admin] = {"repl_admin", secret("admin"), {}};
  spec_.accounts[AccountRole::Replication] = {"repl_replica", secret("t-replica"), {}};
  spec_.accounts[AccountRole::Monitoring] = {"repl_monitor", secret("t-monitor"), {}};
  spec_.accounts[AccountRole::Application] = {"shop_app", secret("t-app"), {"shop"}};
}

std::filesystem::path Servers::write_secret(const std::string& name, const std::string& value) const {
  const auto path = sandbox().folder().secret(name);
  std::ofstream{path} << value << "\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

void Servers::stop() {
  sandbox_.reset();
}

Endpoint Servers::endpoint(const NodeId& node) const {
  Endpoint e;
  e.address = spec_.find(node)->address;
  e.user = "repl_admin";
  e.password = must(sandbox().admin_password());
  return e;
}

std::string Servers::ask(const NodeId& node, const std::string& query, std::size_t column) const {
  auto session = must(sandbox().root_session(node.name));
  const auto rows = must(session.query(query));
  return rows.empty() ? "" : rows.front().at(column).value_or("NULL");
}

void Servers::tell(const NodeId& node, const std::vector<std::string>& statements) const {
  auto session = must(sandbox().root_session(node.name, 30s));
  for (const auto& statement : statements) must(session.query(statement));
}

unsigned Servers::code_of(const NodeId& node, const std::string& statement) const {
  auto session = must(sandbox().root_session(node.name));
  const auto done = session.query(statement);
  return done ? 0 : session.last_code();
}

void Servers::end_dump_threads(const NodeId& node) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (std::chrono::steady_clock::now() < deadline) {
    const auto id = ask(node,
                        "SELECT COALESCE(MIN(PROCESSLIST_ID), '') FROM performance_schema.threads "
                        "WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%'");
    if (id.empty()) return;
    auto session = sandbox().root_session(node.name);
    if (session) static_cast<void>(session->query("KILL " + id));  // it may have ended by itself meanwhile
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

void Servers::reset() {
  for (const auto& status : sandbox().status()) {
    if (status.state == sandbox::ServerState::Frozen) must(sandbox().thaw(status.name));
    if (status.state == sandbox::ServerState::Dead) must(sandbox().start(status.name));
  }
  for (const auto& node : spec_.nodes) {
    tell(node.id, {"SET sql_log_bin=0", "SET GLOBAL super_read_only=0", "SET GLOBAL read_only=0",
                   "SET GLOBAL offline_mode=0", "RESET PERSIST", "STOP REPLICA", "RESET REPLICA ALL"});
  }
  for (const auto& node : spec_.nodes) {
    end_dump_threads(node.id);  // while one is there, the semi-sync source plugin cannot be removed (1883)
    if (ask(node.id, "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME='rpl_semi_sync_source'") !=
        "0") {
      tell(node.id, {"SET GLOBAL rpl_semi_sync_source_enabled=0", "UNINSTALL PLUGIN rpl_semi_sync_source"});
    }
    if (ask(node.id, "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME='rpl_semi_sync_replica'") !=
        "0") {
      tell(node.id, {"UNINSTALL PLUGIN rpl_semi_sync_replica"});
    }
    if (ask(node.id, "SELECT COUNT(*) FROM mysql.component WHERE component_urn LIKE '%validate_password'") != "0") {
      tell(node.id, {"UNINSTALL COMPONENT 'file://component_validate_password'"});
    }
    tell(node.id, {"SET sql_log_bin=0", "DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS repld",
                   "DROP USER IF EXISTS repl_replica@'%'", "DROP USER IF EXISTS repl_monitor@'%'",
                   "DROP USER IF EXISTS shop_app@'%'", "RESET BINARY LOGS AND GTIDS"});
  }
}

void MysqlTest::SetUp() {
  servers.reset();
  spec = std::make_shared<Spec>(servers.spec());
  watcher = std::make_unique<Watcher>();
  for (const auto& node : spec->nodes) {
    const auto counters = std::make_shared<NodeCounters>();
    watcher->watch({spec->cluster, node.id}, servers.endpoint(node.id),
                   std::shared_ptr<SessionCounters>{counters, &counters->sessions});
    nodes[node.id] = std::make_unique<NodeMySQL>(node.id, servers.endpoint(node.id), counters);
  }
}

void MysqlTest::TearDown() {
  watcher.reset();
  nodes.clear();
}

std::future<Snapshot> MysqlTest::start_probe(const NodeId& node, std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<Snapshot>>();
  watcher->probe({spec->cluster, node}, std::chrono::steady_clock::now() + timeout,
                 [promise](Snapshot snapshot) { promise->set_value(std::move(snapshot)); });
  return promise->get_future();
}

Snapshot MysqlTest::probe(const NodeId& node, std::chrono::milliseconds timeout) {
  return start_probe(node, timeout).get();
}

StepResult MysqlTest::run(const Step& step, std::chrono::milliseconds timeout) {
  const auto& id = node_of(step);
  const StepEnvironment environment{*nodes.at(id),
                                    Call{id, std::chrono::steady_clock::now() + timeout, nullptr, nullptr}, spec,
                                    [this](const NodeId& other, Deadline) -> Result<Snapshot> { return probe(other); }};
  return run_step(step, environment);
}

StepResult MysqlTest::done(const Step& step, std::chrono::milliseconds timeout) {
  auto result = run(step, timeout);
  EXPECT_TRUE(result.ok()) << describe(step) << ": " << result.error->message;
  return result;
}

void MysqlTest::replicate() {
  const auto& account = spec->accounts.at(AccountRole::Replication);
  for (const auto& node : spec->nodes) {
    done(CreateAccount{node.id, AccountRole::Replication, account, Logged::No});
  }
  done(FollowSource{.replica = kDb2, .from = std::nullopt, .to = kDb1});
  done(FollowSource{.replica = kDb3, .from = std::nullopt, .to = kDb1});
  servers.tell(kDb1, {"CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"});
  done(WaitForApplied{kDb2, kDb1, 20s});
  done(WaitForApplied{kDb3, kDb1, 20s});
}

void MysqlTest::replicate_with_semi_sync() {
  for (const auto& node : spec->nodes) {
    done(InstallPlugin{node.id, Plugin::SemiSyncSource});
    done(InstallPlugin{node.id, Plugin::SemiSyncReplica});
    done(SetSemiSyncReplica{node.id, false, true});
  }
  replicate();
  servers.tell(kDb1, {"SET GLOBAL rpl_semi_sync_source_timeout=10000000"});
  done(WaitForAckers{kDb1, 2, 20s});
  done(SetSemiSyncSource{.node = kDb1, .from = false, .to = true, .acks_to = 1});
}

}  // namespace repl::mysql::rig

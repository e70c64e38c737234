// The sandbox with real servers: what it promises to people, tests and drills.
#include "ctl/sandbox/sandbox.hpp"

#include <gtest/gtest.h>
#include <mariadb/mysql.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "spec/check.hpp"
#include "spec/parse.hpp"

namespace repl::ctl::sandbox {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Whether `condition` holds before the time is over; asked again and again.
template <class Condition>
bool comes_true(Condition condition, std::chrono::milliseconds within = 30s) {
  for (const auto deadline = deadline_in(within); std::chrono::steady_clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The first column of the first row, as root.
std::string ask(const Sandbox& sandbox, std::string_view node, std::string_view query) {
  auto session = must(sandbox.root_session(node));
  const auto rows = must(session.query(query));
  return rows.empty() ? "" : rows.front().front().value_or("NULL");
}

std::string ask_or_nothing(const Sandbox& sandbox, std::string_view node, std::string_view query) {
  auto session = sandbox.root_session(node, 1s);
  const auto rows = session ? session->query(query) : tl::unexpected(session.error());
  return rows && !rows->empty() ? rows->front().front().value_or("NULL") : "";
}

void tell(const Sandbox& sandbox, std::string_view node, const std::vector<std::string>& statements) {
  auto session = must(sandbox.root_session(node));
  for (const auto& statement : statements) must(session.query(statement));
}

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

/// Logs in over TCP; "" when the server takes it, else what it says.
std::string tcp_login(std::uint16_t port, const std::string& user, const std::string& password) {
  MYSQL* handle = mysql_init(nullptr);
  const unsigned seconds = 5;
  mysql_optionsv(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(handle, MYSQL_OPT_READ_TIMEOUT, &seconds);
  const bool in =
      mysql_real_connect(handle, "127.0.0.1", user.c_str(), password.c_str(), nullptr, port, nullptr, 0) != nullptr;
  std::string error = in ? "" : mysql_error(handle);
  mysql_close(handle);
  return error;
}

/// A folder of their own for all sandboxes of this program, so that they meet nobody else's.
class OwnFolder : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(name_.data()), nullptr);
    ::setenv("REPLCTL_SANDBOX_DIR", name_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  void TearDown() override {
    EXPECT_TRUE(Sandbox::names().empty()) << "a test has left a sandbox behind";
    fs::remove_all(name_);
  }

 private:
  std::string name_ = "/tmp/sandbox-test-XXXXXX";
};
const auto* const kOwnFolder = testing::AddGlobalTestEnvironment(new OwnFolder);

/// Three servers for the tests that leave them as they were.
class ThreeNodes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto made = Sandbox::up({.name = "three"});
    ASSERT_TRUE(made) << made.error().message;
    shared_ = new TemporarySandbox(std::move(*made));
  }
  static void TearDownTestSuite() {
    delete shared_;
    shared_ = nullptr;
  }
  void SetUp() override {
    if (shared_ == nullptr) GTEST_SKIP() << "no sandbox";
  }
  void TearDown() override {
    if (!HasFailure() || shared_ == nullptr) return;
    for (const auto& node : sandbox().nodes()) {
      for (const auto& log : {node.folder.supervisor_log(), node.folder.error_log()}) {
        std::cerr << log << ":\n";
        for (const auto& line : last_lines(log, 15)) std::cerr << "  " << line << '\n';
      }
    }
  }
  static const Sandbox& sandbox() { return **shared_; }

 private:
  static inline TemporarySandbox* shared_ = nullptr;
};

TEST_F(ThreeNodes, AnswerEachWithAnIdentityOfItsOwnAndNoTransactions) {
  std::set<std::string> uuids;
  std::set<std::string> server_ids;
  for (const auto& node : sandbox().nodes()) {
    uuids.insert(ask(sandbox(), node.name, "SELECT @@server_uuid"));
    server_ids.insert(ask(sandbox(), node.name, "SELECT @@server_id"));
    EXPECT_EQ(ask(sandbox(), node.name, "SELECT @@GLOBAL.gtid_executed"), "");
    EXPECT_EQ(ask(sandbox(), node.name, "SELECT @@port"), std::to_string(node.port));
  }
  EXPECT_EQ(uuids.size(), 3U);
  EXPECT_EQ(server_ids.size(), 3U);
}

TEST_F(ThreeNodes, AreSetUpForReplicationWithGtids) {
  EXPECT_EQ(ask(sandbox(), "db2",
                "SELECT CONCAT_WS(',', @@gtid_mode, @@enforce_gtid_consistency, @@log_bin, @@log_replica_updates, "
                "@@sync_binlog, @@innodb_flush_log_at_trx_commit, @@report_host, @@bind_address)"),
            "ON,ON,1,1,1,1,127.0.0.1,127.0.0.1");
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT @@report_port = @@port"), "1");
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'mysqlx'"),
            "DISABLED");
}

TEST_F(ThreeNodes, TakeTheAdminWithThePasswordInSecrets) {
  const auto password = must(sandbox().admin_password());
  for (const auto& node : sandbox().nodes()) {
    EXPECT_EQ(tcp_login(node.port, "repl_admin", password), "");
    EXPECT_NE(tcp_login(node.port, "repl_admin", "wrong"), "");
    EXPECT_NE(tcp_login(node.port, "root", ""), "");
  }
}

TEST_F(ThreeNodes, HaveATopologyFileThatIsAccepted) {
  const auto file = sandbox().folder().topology();
  const auto parsed = spec::parse(must(read_file(file)), file.string(), file.parent_path().string());
  for (const auto& detail : parsed.errors) ADD_FAILURE() << to_string(detail);
  for (const auto& detail : spec::check_permissions(file.string(), parsed)) ADD_FAILURE() << to_string(detail);
  ASSERT_EQ(parsed.clusters.size(), 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(parsed.clusters[0].nodes.at(i).address.port, sandbox().nodes()[i].port);
  }
  for (const auto& [role, account] : parsed.clusters[0].accounts) EXPECT_TRUE(fs::exists(account.password.value));
}

TEST_F(ThreeNodes, KeepSecretsFromOtherUsersAndFromTheProcessList) {
  EXPECT_EQ(mode_of(sandbox().folder().secrets()), 0700U);
  EXPECT_EQ(mode_of(sandbox().folder().topology()), 0600U);
  std::vector<std::string> secrets;
  for (const auto& entry : fs::directory_iterator(sandbox().folder().secrets())) {
    EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
    secrets.push_back(must(read_file(entry.path())));
  }
  EXPECT_EQ(secrets.size(), 4U);
  for (const auto& node : sandbox().nodes()) {
    EXPECT_EQ(mode_of(node.folder.path()), 0700U);
    EXPECT_EQ(mode_of(node.folder.client_options()), 0600U);
    EXPECT_FALSE(fs::exists(node.folder.first_statements()));
    const auto options = must(read_file(node.folder.client_options()));
    const auto from = options.find("password=") + 9;
    secrets.push_back(options.substr(from, options.find('\n', from) - from));
    for (const auto& argument : {node.folder.server_argument(), node.folder.supervisor_argument()}) {
      for (const auto& process : processes_with({argument})) {
        const auto proc = fs::path("/proc") / std::to_string(process.pid);
        for (const auto& secret : secrets) {
          EXPECT_EQ(must(read_file(proc / "cmdline")).find(secret), std::string::npos);
          EXPECT_EQ(must(read_file(proc / "environ")).find(secret), std::string::npos);
        }
      }
    }
  }
}

TEST_F(ThreeNodes, HaveThePartsOfPerformanceSchemaThatReplicationIsWatchedWith) {
  auto session = must(sandbox().root_session("db1"));
  EXPECT_EQ(ask(sandbox(), "db1",
                "SELECT COUNT(*) FROM performance_schema.threads WHERE NAME = 'thread/sql/one_connection' "
                "AND PROCESSLIST_STATE = 'executing'"),
            "1");
  EXPECT_EQ(ask(sandbox(), "db1", "SELECT COUNT(*) > 0 FROM performance_schema.processlist WHERE STATE = 'executing'"),
            "1");
  EXPECT_EQ(ask(sandbox(), "db1",
                "SELECT VARIABLE_SOURCE FROM performance_schema.variables_info WHERE VARIABLE_NAME = "
                "'gtid_mode'"),
            "EXPLICIT");
  EXPECT_NE(ask(sandbox(), "db1",
                "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = "
                "'Uptime'"),
            "");
  for (const auto* table :
       {"replication_connection_status", "replication_applier_status_by_worker", "persisted_variables",
        "replication_connection_configuration", "replication_applier_status", "error_log"}) {
    EXPECT_NE(ask(sandbox(), "db1", fmt::format("SELECT COUNT(*) FROM performance_schema.{}", table)), "") << table;
  }
  must(session.query("CREATE DATABASE locks"));
  must(session.query("CREATE TABLE locks.t (id INT PRIMARY KEY)"));
  must(session.query("BEGIN"));
  must(session.query("INSERT INTO locks.t VALUES (1)"));
  EXPECT_EQ(ask(sandbox(), "db1",
                "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_SCHEMA = 'locks' AND "
                "LOCK_TYPE = 'SHARED_WRITE'"),
            "1");
  EXPECT_EQ(ask(sandbox(), "db1", "SELECT COUNT(*) FROM performance_schema.data_locks WHERE OBJECT_SCHEMA = 'locks'"),
            "1");
  must(session.query("ROLLBACK"));
  must(session.query("DROP DATABASE locks"));
}

TEST_F(ThreeNodes, ComeBackAfterARestartWithWhatWasPersisted) {
  const auto before = sandbox().status("db1")->pid;
  tell(sandbox(), "db1",
       {"SET PERSIST replica_net_timeout = 7", "SET PERSIST_ONLY report_host = 'elsewhere'", "RESTART"});
  ASSERT_TRUE(comes_true([&] {
    const auto now = sandbox().status("db1")->pid;
    return now && now != before && ask_or_nothing(sandbox(), "db1", "SELECT 1") == "1";
  }));
  EXPECT_EQ(ask(sandbox(), "db1", "SELECT CONCAT(@@replica_net_timeout, @@report_host)"), "7elsewhere");
  tell(sandbox(), "db1", {"RESET PERSIST"});
}

TEST_F(ThreeNodes, StayDeadAfterAKillUntilTheyAreStarted) {
  const auto before = *sandbox().status("db2");
  ASSERT_TRUE(sandbox().kill("db2"));
  EXPECT_EQ(sandbox().status("db2")->state, ServerState::Dead);
  EXPECT_TRUE(comes_true([] { return !sandbox().status("db2")->supervised; }));
  EXPECT_EQ(sandbox().status("db1")->state, ServerState::Running);
  const auto again = sandbox().kill("db2");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::PreconditionFailed);

  must(sandbox().start("db2"));
  const auto after = *sandbox().status("db2");
  EXPECT_EQ(after.state, ServerState::Running);
  EXPECT_TRUE(after.supervised);
  EXPECT_NE(after.pid, before.pid);
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT @@port"), std::to_string(before.port));
}

TEST_F(ThreeNodes, SayNothingWhileFrozenAndGoOnWhenThawed) {
  auto session = must(sandbox().root_session("db3", 1s));
  must(sandbox().freeze("db3"));
  ASSERT_TRUE(comes_true([] { return sandbox().status("db3")->state == ServerState::Frozen; }));
  EXPECT_FALSE(session.query("SELECT 1"));
  const auto started = sandbox().start("db3");
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("thaw"), std::string::npos);
  must(sandbox().thaw("db3"));
  EXPECT_TRUE(comes_true([] { return ask_or_nothing(sandbox(), "db3", "SELECT 1") == "1"; }));
}

TEST_F(ThreeNodes, StopCleanlyAlsoWhenFrozen) {
  must(sandbox().freeze("db3"));
  must(sandbox().stop("db3"));
  const auto status = *sandbox().status("db3");
  EXPECT_EQ(status.state, ServerState::Dead);
  EXPECT_FALSE(status.supervised);
  const auto log = last_lines(sandbox().node("db3")->folder.error_log(), 10);
  EXPECT_TRUE(std::ranges::any_of(log, [](const auto& line) { return line.find("Shutdown complete") != line.npos; }));
  must(sandbox().start("db3"));
}

TEST_F(ThreeNodes, NeverHaveAnotherProcessSignalledThatGotTheirPid) {
  const auto node = must(sandbox().node("db3"));
  must(sandbox().stop("db3"));
  const auto innocent = must(spawn({.arguments = {"sleep", "60"}, .environment = {}, .output = {}}, SessionOf::Caller));
  auto former = *identify(innocent);
  former.started -= 1;
  must(write_pid_file(node.folder.server_process(), former));
  must(write_pid_file(node.folder.supervisor_process(), former));
  EXPECT_EQ(sandbox().status("db3")->state, ServerState::Dead);
  EXPECT_FALSE(sandbox().kill("db3"));
  EXPECT_FALSE(sandbox().freeze("db3"));
  EXPECT_FALSE(sandbox().stop("db3"));
  must(sandbox().start("db3"));
  EXPECT_EQ(::waitpid(innocent, nullptr, WNOHANG), 0) << "the other process was ended";
  ::kill(innocent, SIGKILL);
  ::waitpid(innocent, nullptr, 0);
}

TEST_F(ThreeNodes, AreNamedWhenOneIsAskedForThatIsNotThere) {
  const auto killed = sandbox().kill("db9");
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().code, ErrorCode::NoSuchNode);
  EXPECT_NE(killed.error().message.find("db1, db2, db3"), std::string::npos);
}

TEST_F(ThreeNodes, RefuseASecondSandboxOfTheSameNameAndStayAsTheyAre) {
  const auto second = Sandbox::up({.name = "three"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
  EXPECT_EQ(ask(sandbox(), "db1", "SELECT 1"), "1");
}

TEST_F(ThreeNodes, GetTheDonorsDataAndANewUuidWhenTheyAreRebuilt) {
  tell(sandbox(), "db1",
       {"CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY)", "INSERT INTO app.t VALUES (1), (2)",
        "CREATE USER 'app'@'%' IDENTIFIED BY 'only-for-this-test'"});
  tell(sandbox(), "db2", {"CREATE DATABASE errant", "SET PERSIST super_read_only = ON"});
  tell(sandbox(), "db3", {"SET PERSIST super_read_only = ON"});
  const auto uuid = ask(sandbox(), "db2", "SELECT @@server_uuid");
  const auto port = sandbox().node("db2")->port;

  // Nothing is to be met at its port before the clone is whole.
  std::atomic<bool> finished = false;
  std::atomic<int> logins_before_the_data = 0;
  std::jthread application([&] {
    while (!finished) {
      if (tcp_login(port, "app", "only-for-this-test").empty() &&
          ask_or_nothing(sandbox(), "db2", "SELECT @@super_read_only") == "0") {
        ++logins_before_the_data;
      }
      std::this_thread::sleep_for(20ms);
    }
  });
  const auto rebuilt = sandbox().rebuild("db2");
  finished = true;
  application.join();
  ASSERT_TRUE(rebuilt) << rebuilt.error().message;

  EXPECT_EQ(logins_before_the_data, 0);
  EXPECT_NE(ask(sandbox(), "db2", "SELECT @@server_uuid"), uuid);
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT COUNT(*) FROM app.t"), "2");
  EXPECT_EQ(ask(sandbox(), "db2", "SHOW DATABASES LIKE 'errant'"), "");
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT @@GLOBAL.gtid_executed"),
            ask(sandbox(), "db1", "SELECT @@GLOBAL.gtid_executed"));
  EXPECT_EQ(sandbox().status("db2")->read_only, ReadOnly::Super);
  EXPECT_EQ(tcp_login(port, "app", "only-for-this-test"), "");
  EXPECT_EQ(tcp_login(port, "repl_admin", must(sandbox().admin_password())), "");

  const auto from_closed = sandbox().rebuild("db2", {.donor = "db3"});
  ASSERT_FALSE(from_closed);
  EXPECT_EQ(from_closed.error().code, ErrorCode::PreconditionFailed);
  EXPECT_EQ(ask(sandbox(), "db2", "SELECT COUNT(*) FROM app.t"), "2") << "a refused rebuild has thrown the data away";
}

TEST(Sandbox, StartsACrashedServerAgainWhenAskedTo) {
  TemporarySandbox one(must(Sandbox::up({.name = "one", .nodes = 1, .after_crash = AfterCrash::Restart})));
  EXPECT_FALSE(fs::exists(one->folder().topology()));
  const auto before = one->status("db1")->pid;
  must(one->kill("db1"));
  EXPECT_TRUE(comes_true([&] {
    const auto now = one->status("db1")->pid;
    return now && now != before && ask_or_nothing(*one, "db1", "SELECT 1") == "1";
  }));
}

TEST(Sandbox, GivesTheServersTheSettingsAskedFor) {
  TemporarySandbox one(must(Sandbox::up({.name = "one", .nodes = 1, .settings = {{"max_connections", "33"}}})));
  EXPECT_EQ(ask(*one, "db1", "SELECT @@max_connections"), "33");
}

TEST(Sandbox, LeavesNothingBehindWhenItIsTakenDown) {
  const auto sandbox = must(Sandbox::up({.name = "gone", .nodes = 2, .after_crash = AfterCrash::Restart}));
  must(sandbox.freeze("db1"));
  std::vector<std::string> arguments;
  for (const auto& node : sandbox.nodes()) {
    arguments.push_back(node.folder.server_argument());
    arguments.push_back(node.folder.supervisor_argument());
  }
  EXPECT_EQ(processes_with(arguments).size(), 4U);
  const auto begin = std::chrono::steady_clock::now();
  must(Sandbox::down("gone"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  EXPECT_TRUE(processes_with(arguments).empty());
  EXPECT_FALSE(fs::exists(sandbox.folder().path()));
  for (const auto& node : sandbox.nodes()) {
    EXPECT_FALSE(fs::exists(cache_folder() / "ports" / std::to_string(node.port)));
  }
  EXPECT_EQ(Sandbox::down("gone").error().code, ErrorCode::NoSuchCluster);
}

TEST(Sandbox, OutlivesTheProgramThatMadeItAndTheTerminal) {
  const auto sandbox = must(Sandbox::up({.name = "alone", .nodes = 1}));
  const TemporarySandbox guard(sandbox);
  const auto supervisor = *read_pid_file(sandbox.node("db1")->folder.supervisor_process());
  EXPECT_NE(::getsid(supervisor.pid), ::getsid(0));
  std::ifstream stat(fmt::format("/proc/{}/stat", supervisor.pid));
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string state;
  pid_t parent = 0;
  int group = 0, session = 0, terminal = -1;
  fields >> state >> parent >> group >> session >> terminal;
  EXPECT_NE(parent, ::getpid());
  EXPECT_EQ(terminal, 0);
  must(send_signal(supervisor, SIGHUP));
  EXPECT_EQ(ask(sandbox, "db1", "SELECT 1"), "1");
  EXPECT_EQ(state_of(supervisor), ProcessState::Running);
}

TEST(Sandbox, ExplainsAServerThatDoesNotStartAndRemovesWhatWasMade) {
  const auto made = Sandbox::up({.name = "broken", .nodes = 2, .settings = {{"no_such_variable", "1"}}});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("unknown variable 'no_such_variable=1'"), std::string::npos)
      << made.error().message;
  EXPECT_TRUE(Sandbox::names().empty());
}

TEST(Sandbox, RefusesNamesNumbersAndPathsThatCannotWork) {
  for (const auto* name : {"", "Shop", "a/b", "..", "-a"}) {
    const auto made = Sandbox::up({.name = name});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, ErrorCode::InvalidArgument);
  }
  EXPECT_EQ(Sandbox::up({.name = "none", .nodes = 0}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(Sandbox::up({.name = "many", .nodes = 11}).error().code, ErrorCode::InvalidArgument);
  const auto too_long = Sandbox::up({.name = std::string(63, 'a')});
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().message.find("REPLCTL_SANDBOX_DIR"), std::string::npos);
}

/// Stands for mmdebstrap: begins a tree and then hangs, as a download may.
class HangingDownload : public testing::Test {
 protected:
  void SetUp() override {
    if (fs::exists("/usr/sbin/mysqld") || fs::exists("/usr/libexec/mysqld") ||
        fs::exists("/usr/local/mysql/bin/mysqld")) {
      GTEST_SKIP() << "this machine has a MySQL, so none is fetched";
    }
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    fs::create_directory(fs::path(folder_) / "bin");
    const auto program = fs::path(folder_) / "bin" / "mmdebstrap";
    std::ofstream(program)
        << "#!/bin/sh\n"
           "for word in \"$@\"; do case $word in */.mysql-partial-*) mkdir -p \"$word/usr\";; esac; done\n"
           "exec sleep 60\n";
    fs::permissions(program, fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path cache() const { return fs::path(folder_) / "replctl"; }
  bool is_half_made() const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(cache(), ignored)) {
      if (entry.path().filename().string().starts_with(".mysql-partial-")) return fs::exists(entry.path() / "usr");
    }
    return false;
  }
  /// `replctl sandbox mysql-root` with this download.
  pid_t fetch() const {
    const auto replctl = fs::read_symlink("/proc/self/exe").parent_path() / "replctl";
    return must(
        spawn({.arguments = {replctl.string(), "sandbox", "mysql-root", "--mirror", "http://mirror.invalid/debian"},
               .environment = {fmt::format("PATH={}/bin:/usr/bin:/bin", folder_), "XDG_CACHE_HOME=" + folder_,
                               "REPLCTL_MYSQL_ROOT="},
               .output = fs::path(folder_) / "output"},
              SessionOf::Own));
  }

 private:
  std::string folder_ = "/tmp/sandbox-download-XXXXXX";
};

TEST_F(HangingDownload, LeavesNothingWhenItIsInterrupted) {
  const auto replctl = fetch();
  ASSERT_TRUE(comes_true([&] { return is_half_made(); }));
  ::kill(replctl, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(replctl, &status, 0), replctl);
  EXPECT_FALSE(is_half_made());
  EXPECT_FALSE(fs::exists(cache() / "mysql"));
}

TEST_F(HangingDownload, IsClearedAwayByTheNextRunWhenItWasKilled) {
  const auto killed = fetch();
  ASSERT_TRUE(comes_true([&] { return is_half_made(); }));
  // What a power failure leaves: the half-made tree, and nobody to clear it away.
  ::kill(-killed, SIGKILL);
  ::waitpid(killed, nullptr, 0);
  ASSERT_TRUE(is_half_made());
  const auto next = fetch();
  ASSERT_TRUE(comes_true([&] {
    const auto trees = std::distance(fs::directory_iterator(cache()), fs::directory_iterator());
    return is_half_made() && trees > 0 && fs::exists(cache() / fmt::format(".mysql-partial-{}", next));
  }));
  EXPECT_FALSE(fs::exists(cache() / fmt::format(".mysql-partial-{}", killed)));
  ::kill(next, SIGTERM);
  ::waitpid(next, nullptr, 0);
  EXPECT_FALSE(is_half_made());
}

}  // namespace
}  // namespace repl::ctl::sandbox

// The node manager on real servers: orders in, results out, each once and in time.
#include "mysql/node_manager.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "mysql_client.hpp"
#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

Time now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

class Manager : public MysqlTest {
 protected:
  void SetUp() override {
    MysqlTest::SetUp();
    watched_by_manager = std::make_unique<Watcher>();
    manager = std::make_unique<NodeManager>(spec->cluster, *watched_by_manager, now,
                                            [this](control::Input input) { take(std::move(input)); });
    manager->configure(*spec);
  }
  void TearDown() override {
    manager.reset();
    watched_by_manager.reset();
    MysqlTest::TearDown();
  }

  void take(control::Input input) {
    {
      const std::lock_guard lock{mutex};
      inputs.push_back(std::move(input));
    }
    changed.notify_all();
  }
  /// The first input of this kind that `matches`, which is taken out.
  template <class Kind, class Matches>
  std::optional<Kind> next(const Matches& matches, std::chrono::milliseconds within = 20s) {
    std::unique_lock lock{mutex};
    std::optional<Kind> found;
    changed.wait_for(lock, within, [&] {
      for (auto it = inputs.begin(); it != inputs.end(); ++it) {
        if (const auto* kind = std::get_if<Kind>(&*it); kind != nullptr && matches(*kind)) {
          found = *kind;
          inputs.erase(it);
          return true;
        }
      }
      return false;
    });
    return found;
  }
  std::optional<Snapshot> probed(const NodeId& node) {
    auto done = next<control::ProbeDone>([&](const auto& p) { return p.snapshot.node == node; });
    return done ? std::optional{done->snapshot} : std::nullopt;
  }
  std::optional<StepResult> step_result(std::size_t index, std::chrono::milliseconds within = 20s) {
    auto done = next<control::StepDone>([&](const auto& s) { return s.step == index; }, within);
    return done ? std::optional{done->result} : std::nullopt;
  }
  static control::StepOrder order(std::size_t index, Step step, std::chrono::milliseconds timeout = 20s) {
    control::StepOrder o;
    o.operation = {"test-1"};
    o.index = index;
    o.step = std::move(step);
    o.deadline = now() + timeout;
    return o;
  }
  static control::ProbeOrder look(const NodeId& node, control::Depth depth = control::Depth::Status,
                                  std::chrono::milliseconds timeout = 10s) {
    control::ProbeOrder o;
    o.node = node;
    o.depth = depth;
    o.deadline = now() + timeout;
    return o;
  }
  /// How the server took the record; empty: it keeps it.
  std::optional<Error> keep(const NodeId& node, const ClusterRecord& record, std::chrono::milliseconds timeout = 10s) {
    control::Output output;
    output.record = control::RecordOrder{node, record, now() + timeout};
    manager->start(output);
    auto done = next<control::RecordDone>([&](const auto& r) { return r.record == record; });
    return done ? done->error : std::optional{Error{ErrorCode::Internal, "no answer"}};
  }
  std::vector<ClusterRecord> kept(const NodeId& node) {
    control::Output output;
    output.probes = {look(node, control::Depth::Inventory)};
    manager->start(output);
    auto done = next<control::ProbeDone>(
        [&](const auto& p) { return p.snapshot.node == node && p.snapshot.inventory.has_value(); });
    return done ? done->snapshot.inventory->records : std::vector<ClusterRecord>{};
  }
  void start_steps(std::vector<control::StepOrder> orders) {
    control::Output output;
    output.steps = std::move(orders);
    manager->start(output);
  }

  std::unique_ptr<Watcher> watched_by_manager;
  std::unique_ptr<NodeManager> manager;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<control::Input> inputs;  // guarded by mutex
};

TEST_F(Manager, AnswersEveryProbeOfARound) {
  control::Output output;
  for (const auto& node : spec->nodes) output.probes.push_back(look(node.id));
  manager->start(output);
  for (const auto& node : spec->nodes) {
    const auto snapshot = probed(node.id);
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->reach, Reach::Ok) << snapshot->problem;
    EXPECT_LT(now() - snapshot->taken_at, Duration{10s});
    EXPECT_FALSE(snapshot->inventory);
  }
  const auto stats = manager->stats();
  ASSERT_EQ(stats.nodes.size(), 3U);
  EXPECT_EQ(stats.nodes[0].probes[static_cast<std::size_t>(Reach::Ok)], 1U);
  EXPECT_GT(stats.nodes[0].probe_seconds, 0.0);
  EXPECT_GE(stats.nodes[0].sessions, 1);
}

TEST_F(Manager, FillsTheInventoryWhenAskedFor) {
  servers.tell(kDb1, {"CREATE DATABASE shop", "SET PERSIST event_scheduler=OFF", "SET GLOBAL event_scheduler=ON"});
  done(CreateAccount{kDb1, AccountRole::Replication, spec->accounts.at(AccountRole::Replication), Logged::No});
  done(CreateAccount{kDb1, AccountRole::Monitoring, spec->accounts.at(AccountRole::Monitoring), Logged::No});
  servers.tell(kDb1, {"SET sql_log_bin=0", "ALTER USER repl_monitor@'%' IDENTIFIED BY 'Another-1'"});
  control::Output output;
  output.probes.push_back(look(kDb1, control::Depth::Inventory));
  output.probes.back().variables = {"event_scheduler", "server_id", "no_such_variable"};
  manager->start(output);
  const auto snapshot = probed(kDb1);
  ASSERT_TRUE(snapshot && snapshot->reachable());
  ASSERT_TRUE(snapshot->inventory) << snapshot->problem;
  const auto& inventory = *snapshot->inventory;
  EXPECT_EQ(inventory.user_schemas, std::vector<std::string>{"shop"});
  EXPECT_EQ(inventory.accounts, (std::set<AccountRole>{AccountRole::Admin, AccountRole::Replication}))
      << "monitoring has a wrong password, application does not exist";
  EXPECT_EQ(inventory.variables,
            (std::map<std::string, std::string>{{"event_scheduler", "ON"},
                                                {"server_id", servers.ask(kDb1, "SELECT @@server_id")}}));
  EXPECT_EQ(inventory.persisted, (std::map<std::string, std::string>{{"event_scheduler", "OFF"}}));
  EXPECT_TRUE(inventory.plugins_loadable);
  EXPECT_TRUE(inventory.admin_may_operate) << inventory.admin_lacks;
}

TEST_F(Manager, SaysWhichPrivilegesTheAdminLacks) {
  servers.tell(kDb3, {"SET sql_log_bin=0", "CREATE USER small@'%' IDENTIFIED BY 'Small-1234'",
                      "GRANT SELECT, PROCESS, REPLICATION CLIENT ON *.* TO small@'%'"});
  auto changed_spec = *spec;
  changed_spec.accounts[AccountRole::Admin] = {"small", {SecretRef::Kind::Exec, "echo Small-1234"}, {}};
  manager->configure(changed_spec);
  control::Output output;
  output.probes.push_back(look(kDb3, control::Depth::Inventory));
  manager->start(output);
  const auto snapshot = probed(kDb3);
  servers.tell(kDb3, {"SET sql_log_bin=0", "DROP USER small@'%'"});
  ASSERT_TRUE(snapshot && snapshot->inventory) << (snapshot ? snapshot->problem : "");
  EXPECT_FALSE(snapshot->inventory->admin_may_operate);
  EXPECT_NE(snapshot->inventory->admin_lacks.find("REPLICATION_SLAVE_ADMIN"), std::string::npos);
}

TEST_F(Manager, RunsStepsOfANodeInOrderAndOfDifferentNodesTogether) {
  servers.tell(kDb1, {"CREATE DATABASE shop", "CREATE TABLE shop.t (id INT)"});
  auto session = servers.sandbox().root_session("db1", 60s);
  ASSERT_TRUE(session && session->query("LOCK TABLES shop.t WRITE"));
  start_steps({order(0, SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super, 3000ms}),
               order(1, SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::On, 3000ms}),
               order(2, SetReadOnly{kDb2, ReadOnly::Off, ReadOnly::Super})});
  const auto other = step_result(2, 2900ms);
  ASSERT_TRUE(other) << "held up by another node";
  EXPECT_TRUE(other->ok());
  const auto first = step_result(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->error.value_or(Error{}).code, ErrorCode::LockWaitTimeout);
  ASSERT_TRUE(step_result(1));
}

TEST_F(Manager, LetsWaitsHoldUpNoChangeAndNoLook) {
  replicate();
  auto session = servers.sandbox().root_session("db3", 60s);
  ASSERT_TRUE(session && session->query("LOCK TABLES shop.t WRITE"));
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  start_steps({order(0, WaitForApplied{kDb3, kDb1, 15s}), order(1, SetSemiSyncReplica{kDb3, true, false})});
  EXPECT_TRUE(step_result(1, 10s));
  control::Output output;
  output.probes.push_back(look(kDb3, control::Depth::Inventory));
  manager->start(output);
  const auto snapshot = probed(kDb3);
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->inventory) << snapshot->problem;
  ASSERT_TRUE(session->query("UNLOCK TABLES"));
  const auto waited = step_result(0);
  ASSERT_TRUE(waited);
  EXPECT_TRUE(waited->ok()) << waited->error->message;
}

TEST_F(Manager, ReportsAStepOfAFrozenServerAtItsDeadlineAsUncertainAndGoesOnAfterwards) {
  start_steps({order(0, SetReadOnly{kDb3, ReadOnly::Off, ReadOnly::Super})});  // a session is there
  ASSERT_TRUE(step_result(0));
  ASSERT_TRUE(servers.sandbox().freeze("db3"));
  const auto started = std::chrono::steady_clock::now();
  start_steps({order(1, SetReadOnly{kDb3, ReadOnly::Super, ReadOnly::Off}, 700ms)});
  const auto late = step_result(1);
  const auto took = std::chrono::steady_clock::now() - started;
  ASSERT_TRUE(late);
  ASSERT_TRUE(late->error);
  EXPECT_EQ(late->error->code, ErrorCode::DeadlineExceeded) << late->error->message;
  EXPECT_FALSE(late->certain);
  EXPECT_LT(took, 10s);
  ASSERT_TRUE(servers.sandbox().thaw("db3"));
  start_steps({order(2, SetReadOnly{kDb3, ReadOnly::Off, ReadOnly::Super})});
  const auto after = step_result(2);
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->ok()) << after->error->message;
  EXPECT_EQ(servers.ask(kDb3, "SELECT @@super_read_only"), "1");
  EXPECT_FALSE(step_result(1, 100ms)) << "reported twice";
}

TEST_F(Manager, HearsFromTheSentinel) {
  control::Output output;
  output.sentinel = kDb3;
  manager->start(output);
  ASSERT_TRUE(comes_true([&] {
    return servers.ask(kDb3, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE='User sleep'") ==
           "1";
  }));
  manager->start(output);  // the same again: nothing changes
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  const auto broke = next<control::SentinelBroke>([](const auto&) { return true; });
  ASSERT_TRUE(broke);
  EXPECT_EQ(broke->node, kDb3);
}

TEST_F(Manager, KeepsSessionsReadyForStepsWithoutTakingControl) {
  control::Output output;
  output.probes.push_back(look(kDb1));
  manager->start(output);
  ASSERT_TRUE(probed(kDb1));
  EXPECT_TRUE(comes_true([&] { return manager->stats().nodes[0].sessions == 3; })) << "probe, operate, wait";
  EXPECT_EQ(servers.ask(kDb1, "SELECT IS_USED_LOCK('repld.control')"), "NULL");
  start_steps({order(0, SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Off})});
  ASSERT_TRUE(step_result(0));
  EXPECT_NE(servers.ask(kDb1, "SELECT IS_USED_LOCK('repld.control')"), "NULL");
}

TEST_F(Manager, TakesUpARotatedAdminPassword) {
  const auto path = servers.sandbox().folder().secret("t-rotating").string();
  const auto write = [&](const char* password) {
    std::ofstream{path} << password;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  };
  write("First-1234");
  servers.tell(kDb3, {"SET sql_log_bin=0", "CREATE USER rotating@'%' IDENTIFIED BY 'Second-1234'",
                      "GRANT ALL ON *.* TO rotating@'%' WITH GRANT OPTION"});
  auto changed_spec = *spec;
  changed_spec.accounts[AccountRole::Admin] = {"rotating", {SecretRef::Kind::File, path}, {}};
  manager->configure(changed_spec);
  control::Output output;
  output.probes.push_back(look(kDb3));
  manager->start(output);
  EXPECT_EQ(probed(kDb3).value_or(Snapshot{}).reach, Reach::Denied);
  write("Second-1234");
  EXPECT_TRUE(comes_true([&] {
    output.probes[0] = look(kDb3);
    manager->start(output);
    return probed(kDb3).value_or(Snapshot{}).reach == Reach::Ok;
  }));
  servers.tell(kDb3, {"SET sql_log_bin=0", "DROP USER rotating@'%'"});
}

TEST_F(Manager, EndsWhileOrdersAreUnderWay) {
  start_steps({order(0, WaitForAckers{kDb1, 9, 60s}, 60s), order(1, SetReadOnly{kDb2, ReadOnly::Off, ReadOnly::Off})});
  control::Output output;
  for (const auto& node : spec->nodes) output.probes.push_back(look(node.id, control::Depth::Inventory));
  manager->start(output);
  const auto started = std::chrono::steady_clock::now();
  manager.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - started, 30s);
}

TEST_F(Manager, KeepsARecordWhereverItReplicatesTo) {
  replicate();
  EXPECT_TRUE(kept(kDb1).empty());
  ClusterRecord record{
      .cluster = {"shop"}, .term = {3}, .revision = {2}, .primary = kDb1, .document = "name: 'shop' \\ it's\n"};
  EXPECT_FALSE(keep(kDb1, record));
  EXPECT_EQ(kept(kDb1), std::vector{record});
  EXPECT_TRUE(comes_true([&] { return kept(kDb3) == std::vector{record}; }));

  // Said again it writes nothing.
  const auto executed = servers.ask(kDb1, "SELECT @@GLOBAL.gtid_executed");
  EXPECT_FALSE(keep(kDb1, record));
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.gtid_executed"), executed);

  auto next_term = record;
  next_term.term = {4};
  next_term.primary.reset();
  EXPECT_FALSE(keep(kDb1, next_term));
  ClusterRecord other{.cluster = {"pay"}, .term = {1}, .revision = {1}, .primary = kDb2, .document = "name: pay"};
  EXPECT_FALSE(keep(kDb1, other));
  EXPECT_EQ(kept(kDb1).size(), 2U) << "one per cluster";

  // What is older never takes the place of what is newer, and a closed server is not opened.
  const auto stale = keep(kDb1, record);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->code, ErrorCode::Conflict) << stale->message;
  servers.tell(kDb1, {"SET GLOBAL super_read_only=ON"});
  next_term.revision = {5};
  const auto closed = keep(kDb1, next_term);
  servers.tell(kDb1, {"SET GLOBAL super_read_only=OFF", "SET GLOBAL read_only=OFF"});
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->code, ErrorCode::ReadOnlyServer) << closed->message;
}

TEST_F(Manager, AServerThatWasResetFollowsFromTheFirstTransactionOnAndKeepsRecordsAnew) {
  ClusterRecord record{.cluster = {"shop"}, .term = {1}, .revision = {1}, .primary = kDb2, .document = "name: shop"};
  done(CreateAccount{kDb1, AccountRole::Replication, spec->accounts.at(AccountRole::Replication)});
  EXPECT_FALSE(keep(kDb2, record));  // of a former life
  done(ResetGtids{kDb2, GtidSet::parse(servers.ask(kDb2, "SELECT @@GLOBAL.gtid_executed")).value()});
  record.primary = kDb1;
  record.term = {7};
  EXPECT_FALSE(keep(kDb1, record));
  done(FollowSource{.replica = kDb2, .from = {}, .to = kDb1});
  EXPECT_TRUE(comes_true([&] {
    const auto found = kept(kDb2);
    return std::find(found.begin(), found.end(), record) != found.end();
  })) << servers.ask(kDb2, "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker");
  record.revision = {2};
  EXPECT_FALSE(keep(kDb1, record));
  EXPECT_TRUE(comes_true([&] {
    const auto found = kept(kDb2);
    return std::find(found.begin(), found.end(), record) != found.end();
  }));
}

}  // namespace
}  // namespace repl::mysql

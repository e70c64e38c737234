// Each step on real servers: it does what it says, may be repeated, and refuses what would lose transactions.
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "mysql_client.hpp"
#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

class Steps : public MysqlTest {
 protected:
  /// Runs it twice: the second time its goal is reached already.
  StepResult twice(const Step& step) {
    done(step);
    return done(step);
  }
  Error refused(const Step& step, ErrorCode code, std::chrono::milliseconds timeout = 20s) {
    const auto result = run(step, timeout);
    EXPECT_FALSE(result.ok()) << describe(step);
    if (result.ok()) return {};
    EXPECT_EQ(result.error->code, code) << result.error->message;
    EXPECT_TRUE(result.certain);
    return *result.error;
  }
  std::string read_only(const NodeId& node) {
    return servers.ask(node, "SELECT CONCAT(@@read_only, @@super_read_only)");
  }
  Client app(const NodeId& node) { return {spec->find(node)->address, "shop_app", "App-lication1"}; }
  void make_app() {
    done(CreateAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::Yes});
  }
  /// A session of root's that holds LOCK TABLES on shop.t.
  ctl::sandbox::RootSession lock_table(const NodeId& node) {
    auto session = servers.sandbox().root_session(node.name, 60s);
    EXPECT_TRUE(session);
    EXPECT_TRUE(session->query("LOCK TABLES shop.t WRITE"));
    return std::move(*session);
  }
  std::string persisted(const NodeId& node, const std::string& variable) {
    return servers.ask(node, "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='" +
                                 variable + "'");
  }
  pid_t pid_of(const NodeId& node) {
    for (const auto& status : servers.sandbox().status()) {
      if (status.name == node.name) return status.pid.value_or(0);
    }
    return 0;
  }
  std::string channel(const NodeId& node, const std::string& column) {
    return servers.ask(node, "SELECT " + column + " FROM performance_schema.replication_connection_configuration");
  }
};

// ---- opening and closing ----

TEST_F(Steps, SetReadOnlyClosesAndOpens) {
  twice(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  EXPECT_EQ(read_only(kDb1), "11");
  twice(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::On});
  EXPECT_EQ(read_only(kDb1), "10");
  twice(SetReadOnly{kDb1, ReadOnly::On, ReadOnly::Super});
  twice(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off});
  EXPECT_EQ(read_only(kDb1), "00");
  twice(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::On});
  EXPECT_EQ(read_only(kDb1), "10");
}

TEST_F(Steps, SetReadOnlyNamesWhoIsInTheWayAndLeavesTheServerOpen) {
  servers.tell(kDb1, {"CREATE DATABASE shop", "CREATE TABLE shop.t (id INT)"});
  auto holder = lock_table(kDb1);
  const auto id = holder.query("SELECT CONNECTION_ID()")->front().front().value();
  const auto error = refused(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super, 1000ms}, ErrorCode::LockWaitTimeout);
  EXPECT_NE(error.message.find("session " + id), std::string::npos) << error.message;
  EXPECT_EQ(read_only(kDb1), "00");
  ASSERT_TRUE(holder.query("UNLOCK TABLES"));
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super, 1000ms});
}

TEST_F(Steps, SetReadOnlyDoesNotOpenAServerThatWouldAcknowledgeAlone) {
  const SetReadOnly open{kDb1, ReadOnly::Super, ReadOnly::Off, 1000ms, true};
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  refused(open, ErrorCode::PreconditionFailed);
  done(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off});
  done(InstallPlugin{kDb1, Plugin::SemiSyncSource});
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  refused(open, ErrorCode::PreconditionFailed);
  EXPECT_EQ(read_only(kDb1), "11");
  done(SetSemiSyncSource{.node = kDb1, .from = false, .to = true});
  done(open);
  EXPECT_EQ(read_only(kDb1), "00");
}

TEST_F(Steps, PersistReadOnlyHoldsAfterACrashAndChangesNothingNow) {
  twice(PersistReadOnly{kDb3, false, true});
  EXPECT_EQ(read_only(kDb3), "00");
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  ASSERT_TRUE(servers.sandbox().start("db3"));
  EXPECT_EQ(read_only(kDb3), "11");
  twice(PersistReadOnly{kDb3, true, false});
  EXPECT_FALSE(probe(kDb3).super_read_only_persisted);
}

TEST_F(Steps, SetOfflineModeTurnsClientsAwayButNotRepld) {
  servers.tell(kDb1, {"CREATE DATABASE shop"});
  make_app();
  twice(SetOfflineMode{kDb1, false, true});
  EXPECT_FALSE(app(kDb1).connected());
  EXPECT_TRUE(probe(kDb1).offline_mode);
  twice(SetOfflineMode{kDb1, true, false});
  EXPECT_TRUE(app(kDb1).connected());
}

// ---- setting up ----

TEST_F(Steps, InstallPluginAndBack) {
  for (const auto plugin : {Plugin::SemiSyncSource, Plugin::SemiSyncReplica}) {
    twice(InstallPlugin{kDb1, plugin});
    twice(UninstallPlugin{kDb1, plugin});
  }
  EXPECT_EQ(servers.ask(kDb1, "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME LIKE 'rpl_semi%'"),
            "0");
}

TEST_F(Steps, CreateAccountMakesGrantsAndPasswordTrue) {
  for (const auto role : {AccountRole::Replication, AccountRole::Monitoring, AccountRole::Application}) {
    twice(CreateAccount{kDb1, role, spec->accounts.at(role), Logged::No});
  }
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.gtid_executed"), "") << "none of it may be logged";
  EXPECT_TRUE(app(kDb1).connected());
  servers.tell(kDb1, {"SET sql_log_bin=0", "ALTER USER shop_app@'%' IDENTIFIED BY 'Other-1234'",
                      "REVOKE ALL PRIVILEGES ON shop.* FROM shop_app@'%'"});
  EXPECT_FALSE(app(kDb1).connected());
  done(CreateAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::No});
  auto client = app(kDb1);
  EXPECT_EQ(client.execute("CREATE DATABASE shop"), 0U);
}

TEST_F(Steps, CreateAccountIsLoggedWhereItShallReplicate) {
  done(CreateAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::Yes});
  const auto logged = probe(kDb1).executed.count();
  EXPECT_EQ(logged, 3U);  // CREATE USER, ALTER USER where it is there already, GRANT
  twice(DropAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::No});
  EXPECT_EQ(probe(kDb1).executed.count(), logged);
}

TEST_F(Steps, CreateAccountNeverShowsThePassword) {
  servers.tell(kDb1, {"SET GLOBAL super_read_only=1"});
  const auto error =
      refused(CreateAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::No},
              ErrorCode::ReadOnlyServer);
  EXPECT_EQ(error.message.find("App-lication1"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("<secret>"), std::string::npos) << error.message;
}

TEST_F(Steps, SetVariablePersistsNumbersAndWords) {
  twice(SetVariable{kDb1, "binlog_expire_logs_seconds", "2592000", "604800"});
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.binlog_expire_logs_seconds"), "604800");
  EXPECT_EQ(servers.ask(kDb1,
                        "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables "
                        "WHERE VARIABLE_NAME='binlog_expire_logs_seconds'"),
            "604800");
  twice(SetVariable{kDb1, "event_scheduler", "ON", "OFF"});
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.event_scheduler"), "OFF");
  twice(SetVariable{kDb1, "init_connect", "", "7"});  // a text of digits
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.init_connect"), "7");
  servers.tell(kDb1, {"SET GLOBAL init_connect=''"});
}

TEST_F(Steps, ResetVariablePutsTheValueBackAndPersistsItNoLonger) {
  const auto persisted = [&](const std::string& name) {
    return servers.ask(
        kDb1, "SELECT COUNT(*) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='" + name + "'");
  };
  twice(SetVariable{kDb1, "max_connections", "151", "333"});
  twice(ResetVariable{kDb1, "max_connections", "333", "151"});
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.max_connections"), "151");
  EXPECT_EQ(persisted("max_connections"), "0");
  twice(SetVariable{kDb1, "long_query_time", "10.000000", "3"});
  twice(ResetVariable{kDb1, "long_query_time", "3.000000", "10.000000"});
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.long_query_time"), "10.000000");
  // Nobody knows what it was: it stays until the next start.
  twice(SetVariable{kDb1, "max_connections", "151", "333"});
  twice(ResetVariable{kDb1, "max_connections", "333", ""});
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@GLOBAL.max_connections"), "333");
  EXPECT_EQ(persisted("max_connections"), "0");
  servers.tell(kDb1, {"SET GLOBAL max_connections=151"});
  twice(ResetVariable{kDb1, "no_such_plugin_variable", "1", "2"});
  refused(ResetVariable{kDb1, "event_scheduler; DROP", "", "1"}, ErrorCode::InvalidArgument);
}

TEST_F(Steps, ResetVariableSaysWhenARestartIsNeeded) {
  refused(SetVariable{kDb1, "report_host", "127.0.0.1", "10.0.0.1"}, ErrorCode::PreconditionFailed);
  const auto error = refused(ResetVariable{kDb1, "report_host", "10.0.0.1", "10.0.0.2"}, ErrorCode::PreconditionFailed);
  EXPECT_NE(error.message.find("restart"), std::string::npos) << error.message;
}

TEST_F(Steps, SetVariableSaysWhenARestartIsNeeded) {
  const auto error = refused(SetVariable{kDb1, "report_host", "127.0.0.1", "10.0.0.1"}, ErrorCode::PreconditionFailed);
  EXPECT_NE(error.message.find("restart"), std::string::npos) << error.message;
  EXPECT_EQ(persisted(kDb1, "report_host"), "") << "nothing is left for a start that nobody has asked for";
}

TEST_F(Steps, SetVariableReachesARunningApplier) {
  replicate();
  for (const auto& step : {SetVariable{kDb2, "replica_preserve_commit_order", "ON", "OFF"},
                           SetVariable{kDb2, "replica_parallel_workers", "4", "3"}}) {
    twice(step);
    EXPECT_EQ(probe(kDb2).channel()->applier, ThreadState::Running);
  }
  EXPECT_EQ(servers.ask(kDb2, "SELECT @@GLOBAL.replica_preserve_commit_order"), "0");
  EXPECT_EQ(servers.ask(kDb2, "SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_worker"), "3");
  servers.tell(
      kDb2, {"STOP REPLICA", "SET GLOBAL replica_preserve_commit_order=ON", "SET GLOBAL replica_parallel_workers=4"});
}

TEST_F(Steps, RestartServerMakesTrueWhatOnlyAStartCanAndTakesItBack) {
  replicate();
  const RestartServer step{.node = kDb2,
                           .variables = {{"report_host", "127.0.0.1", "10.0.0.2", std::nullopt, "10.0.0.2"},
                                         {"innodb_ft_min_token_size", "3", "2", std::nullopt, "2"}},
                           .replicates = true};
  const auto before = pid_of(kDb2);
  done(step, 60s);
  const auto after = pid_of(kDb2);
  EXPECT_NE(before, after);
  EXPECT_EQ(servers.ask(kDb2, "SELECT CONCAT(@@report_host, ' ', @@innodb_ft_min_token_size)"), "10.0.0.2 2");
  EXPECT_EQ(probe(kDb2).channel()->receiver, ThreadState::Running);
  done(step, 60s);
  EXPECT_EQ(pid_of(kDb2), after) << "it is true already";
  done(*inverse(step), 60s);
  EXPECT_NE(pid_of(kDb2), after);
  EXPECT_EQ(servers.ask(kDb2, "SELECT CONCAT(@@report_host, ' ', @@innodb_ft_min_token_size)"), "127.0.0.1 3");
  EXPECT_EQ(persisted(kDb2, "report_host") + persisted(kDb2, "innodb_ft_min_token_size"), "");
}

TEST_F(Steps, RestartServerPersistsNothingThatNoSqlCanSet) {
  const auto error = refused(RestartServer{.node = kDb2,
                                           .variables = {{"innodb_ft_min_token_size", "3", "2", std::nullopt, "2"},
                                                         {"log_bin", "ON", "OFF", std::nullopt, "OFF"}}},
                             ErrorCode::PreconditionFailed);
  EXPECT_NE(error.message.find("option file"), std::string::npos) << error.message;
  EXPECT_EQ(persisted(kDb2, "innodb_ft_min_token_size"), "");
}

TEST_F(Steps, SetVariableTakesNoSqlForAName) {
  refused(SetVariable{kDb1, "event_scheduler=1, max_connections", "", "1"}, ErrorCode::InvalidArgument);
}

TEST_F(Steps, ResetGtidsOnlyForgetsWhatItWasToldAndOnlyOnAnEmptyNode) {
  servers.tell(kDb1, {"CREATE DATABASE shop"});
  auto seen = probe(kDb1).executed;
  const auto full = refused(ResetGtids{kDb1, seen}, ErrorCode::PreconditionFailed);
  EXPECT_NE(full.message.find("shop"), std::string::npos);
  servers.tell(kDb1, {"DROP DATABASE shop"});
  refused(ResetGtids{kDb1, seen}, ErrorCode::PreconditionFailed);
  seen = probe(kDb1).executed;
  twice(ResetGtids{kDb1, seen});
  EXPECT_TRUE(probe(kDb1).executed.empty());
}

// ---- replication ----

TEST_F(Steps, FollowSourceAttachesAnEmptyReplica) {
  replicate();
  twice(FollowSource{.replica = kDb2, .from = std::nullopt, .to = kDb1});
  const auto replica = probe(kDb2);
  ASSERT_NE(replica.channel(), nullptr);
  EXPECT_EQ(replica.channel()->receiver, ThreadState::Running);
  EXPECT_EQ(replica.channel()->applier, ThreadState::Running);
  EXPECT_EQ(channel(kDb2, "CONNECTION_RETRY_INTERVAL"), "1");
  EXPECT_EQ(channel(kDb2, "CONNECTION_RETRY_COUNT"), "86400");
}

TEST_F(Steps, FollowSourceMovesOnlyTheReceiver) {
  replicate();
  twice(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb2});
  auto snapshot = probe(kDb3);
  ASSERT_NE(snapshot.channel(), nullptr);
  EXPECT_EQ(snapshot.channel()->source, spec->find(kDb2)->address);
  EXPECT_EQ(snapshot.channel()->heartbeat_interval, Duration{500ms}) << "a change of host resets it";
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  done(WaitForApplied{kDb3, kDb1, 20s});
}

TEST_F(Steps, FollowSourceKeepsARelayLogThatIsNotApplied) {
  replicate();
  auto holder = lock_table(kDb3);
  for (int i = 0; i < 5; ++i) servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto wanted = probe(kDb1).executed;
  ASSERT_TRUE(comes_true([&] { return probe(kDb3).position() == wanted; }));
  done(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb2});
  EXPECT_EQ(probe(kDb3).position(), wanted);
  ASSERT_TRUE(holder.query("UNLOCK TABLES"));
  done(ApplyReceived{kDb3, wanted, 20s});
}

TEST_F(Steps, FollowSourceStartsTheApplierBeforeItChangesAStoppedChannel) {
  replicate();
  servers.tell(kDb3, {"STOP REPLICA SQL_THREAD"});
  for (int i = 0; i < 5; ++i) servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto wanted = probe(kDb1).executed;
  ASSERT_TRUE(comes_true([&] { return probe(kDb3).position() == wanted; }));
  servers.tell(kDb3, {"STOP REPLICA"});
  // db2 has nothing of it to give, so that only the relay log can.
  servers.tell(kDb2, {"STOP REPLICA"});
  done(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb2});
  done(ApplyReceived{kDb3, wanted, 20s});
}

TEST_F(Steps, FollowSourceChangesTheDelay) {
  replicate();
  done(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb1, .delay = 3600s});
  EXPECT_EQ(probe(kDb3).channel()->delay, 3600s);
  done(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb1, .delay = 0s});
  EXPECT_EQ(probe(kDb3).channel()->delay, 0s);
  EXPECT_EQ(probe(kDb3).channel()->applier, ThreadState::Running);
}

TEST_F(Steps, FollowSourceSaysWhenTheSourceRefusesIt) {
  replicate();
  servers.tell(kDb2, {"SET sql_log_bin=0", "DROP USER repl_replica@'%'"});
  const auto error = refused(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb2}, ErrorCode::ServerRefused);
  EXPECT_NE(error.message.find("1045"), std::string::npos) << error.message;
}

TEST_F(Steps, FollowSourceIsContentWhenTheSourceIsOnlyDown) {
  replicate();
  ASSERT_TRUE(servers.sandbox().kill("db2"));
  done(FollowSource{.replica = kDb3, .from = kDb1, .to = kDb2});
  EXPECT_EQ(probe(kDb3).channel()->receiver, ThreadState::Connecting);
}

TEST_F(Steps, DetachReceiverGivesThePositionAndKeepsTheRelayLog) {
  replicate();
  auto holder = lock_table(kDb3);
  for (int i = 0; i < 5; ++i) servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto wanted = probe(kDb1).executed;
  ASSERT_TRUE(comes_true([&] { return probe(kDb3).position() == wanted; }));

  const auto first = done(DetachReceiver{kDb3, kDb1});
  EXPECT_EQ(first.position, wanted);
  const auto again = done(DetachReceiver{kDb3, kDb1});
  EXPECT_EQ(again.position, wanted) << "a replay after a crash must find the same";
  const auto snapshot = probe(kDb3);
  EXPECT_EQ(snapshot.channel()->source.host, kDetachedHost);
  EXPECT_EQ(snapshot.channel()->receiver, ThreadState::Stopped);
  EXPECT_EQ(snapshot.channel()->applier, ThreadState::Running);
  ASSERT_TRUE(holder.query("UNLOCK TABLES"));
  done(ApplyReceived{kDb3, wanted, 20s});
}

TEST_F(Steps, DetachReceiverStillKnowsThePositionAfterACrashOfTheReplica) {
  replicate();
  auto holder = lock_table(kDb3);
  for (int i = 0; i < 5; ++i) servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto wanted = probe(kDb1).executed;
  ASSERT_TRUE(comes_true([&] { return probe(kDb3).position() == wanted; }));
  done(DetachReceiver{kDb3, kDb1});
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  ASSERT_TRUE(servers.sandbox().start("db3"));
  EXPECT_EQ(done(DetachReceiver{kDb3, kDb1}).position, wanted);
}

TEST_F(Steps, DetachReceiverIsRefusedWhileTheApplierIsStopped) {
  replicate();
  servers.tell(kDb3, {"STOP REPLICA SQL_THREAD"});
  refused(DetachReceiver{kDb3, kDb1}, ErrorCode::PreconditionFailed);
  EXPECT_EQ(probe(kDb3).channel()->source, spec->find(kDb1)->address);
  EXPECT_EQ(probe(kDb3).channel()->receiver, ThreadState::Running);
}

TEST_F(Steps, DetachReceiverOfAFrozenSourceIsQuickWhileTheReceiverIsConnected) {
  replicate();
  ASSERT_TRUE(servers.sandbox().freeze("db1"));
  const auto result = done(DetachReceiver{kDb3, kDb1});
  EXPECT_LT(result.took, Duration{10s}) << "replica_net_timeout passed";
}

TEST_F(Steps, ForgetSourceLeavesNoChannel) {
  replicate();
  twice(ForgetSource{kDb3, kDb1});
  EXPECT_TRUE(probe(kDb3).channels.empty());
}

TEST_F(Steps, ForgetSourceAppliesWhatWasReceivedFirst) {
  replicate();
  servers.tell(kDb3, {"STOP REPLICA SQL_THREAD"});
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto wanted = probe(kDb1).executed;
  ASSERT_TRUE(comes_true([&] { return probe(kDb3).position() == wanted; }));
  done(ForgetSource{kDb3, kDb1});
  EXPECT_EQ(probe(kDb3).executed, wanted);
}

TEST_F(Steps, StopAndStartReplication) {
  replicate();
  twice(StopReplication{kDb3});
  EXPECT_EQ(probe(kDb3).channel()->receiver, ThreadState::Stopped);
  EXPECT_EQ(probe(kDb3).channel()->applier, ThreadState::Stopped);
  twice(StartReplication{kDb3});
  EXPECT_EQ(probe(kDb3).channel()->applier, ThreadState::Running);
}

TEST_F(Steps, WaitForAppliedSaysHowMuchIsLeft) {
  replicate();
  auto holder = lock_table(kDb3);
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  const auto error = refused(WaitForApplied{kDb3, kDb1, 500ms}, ErrorCode::DeadlineExceeded);
  EXPECT_NE(error.message.find("1 transactions are left"), std::string::npos) << error.message;
  ASSERT_TRUE(holder.query("UNLOCK TABLES"));
  const auto result = twice(WaitForApplied{kDb3, kDb1, 20s});
  EXPECT_EQ(result.position, probe(kDb1).executed);
}

TEST_F(Steps, WaitForAppliedDoesNotWaitForABrokenApplier) {
  replicate();
  servers.tell(kDb3, {"SET sql_log_bin=0", "INSERT INTO shop.t(id, v) VALUES (1, 1)"});
  servers.tell(kDb1, {"INSERT INTO shop.t(id, v) VALUES (1, 2)"});
  const auto started = std::chrono::steady_clock::now();
  const auto error = refused(WaitForApplied{kDb3, kDb1, 60s}, ErrorCode::ServerRefused, 60s);
  EXPECT_NE(error.message.find("1062"), std::string::npos) << error.message;
  EXPECT_LT(std::chrono::steady_clock::now() - started, 20s);
}

// ---- semi-sync ----

TEST_F(Steps, SemiSyncReplicasCountAlthoughTheyCameBeforeTheSourceWasSwitchedOn) {
  replicate_with_semi_sync();
  EXPECT_TRUE(probe(kDb2).semi_sync.replica_status);
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  EXPECT_EQ(servers.ask(kDb1,
                        "SELECT VARIABLE_VALUE FROM performance_schema.global_status "
                        "WHERE VARIABLE_NAME='Rpl_semi_sync_source_yes_tx'"),
            "1");
  twice(SetSemiSyncSource{.node = kDb1, .from = true, .to = true, .acks_from = 1, .acks_to = 2});
  EXPECT_EQ(probe(kDb1).semi_sync.wait_for_count, 2);
  twice(SetSemiSyncSource{.node = kDb1, .from = true, .to = false});
  EXPECT_FALSE(probe(kDb1).semi_sync.source_enabled);
  twice(SetSemiSyncReplica{kDb2, true, false});
  EXPECT_TRUE(comes_true([&] { return !probe(kDb2).semi_sync.replica_status; }));
}

TEST_F(Steps, WaitForAckersSaysHowManyThereAre) {
  replicate_with_semi_sync();
  done(WaitForAckers{kDb1, 2, 5s});
  const auto error = refused(WaitForAckers{kDb1, 3, 300ms}, ErrorCode::DeadlineExceeded);
  EXPECT_NE(error.message.find("2 of 3"), std::string::npos) << error.message;
}

class Hanging : public Steps {
 protected:
  /// A commit on db1 that nobody will acknowledge.
  void SetUp() override {
    Steps::SetUp();
    replicate_with_semi_sync();
    make_app();
    ASSERT_TRUE(comes_true([&] { return app(kDb1).connected(); }));
    servers.tell(kDb2, {"STOP REPLICA IO_THREAD"});
    servers.tell(kDb3, {"STOP REPLICA IO_THREAD"});
    client.emplace(app(kDb1));
    commit = client->start("INSERT INTO shop.t(v) VALUES (4711)");
    ASSERT_TRUE(comes_true([&] { return probe(kDb1).semi_sync.wait_sessions == 1; }));
  }
  std::optional<Client> client;
  std::future<unsigned> commit;
};

TEST_F(Hanging, SemiSyncIsNotSwitchedOffUnderAWaitingCommit) {
  refused(SetSemiSyncSource{.node = kDb1, .from = true, .to = false}, ErrorCode::PreconditionFailed);
  EXPECT_TRUE(probe(kDb1).semi_sync.source_enabled);
  EXPECT_EQ(commit.wait_for(0ms), std::future_status::timeout);
  done(CloseReturned{kDb1});
}

TEST_F(Hanging, SetReadOnlyNamesTheWaitingCommit) {
  const auto error = refused(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super, 1000ms}, ErrorCode::LockWaitTimeout);
  EXPECT_NE(error.message.find("shop_app"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("semi-sync ACK"), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("4711"), std::string::npos) << "statements are nobody's business";
  done(CloseReturned{kDb1});
}

TEST_F(Hanging, CloseReturnedFencesWithoutTellingTheClientThatItSucceeded) {
  const auto result = done(CloseReturned{kDb1});
  EXPECT_LT(result.took, Duration{10s});
  EXPECT_NE(commit.get(), 0U) << "the client must not be told that its commit is safe";
  const auto snapshot = probe(kDb1);
  EXPECT_EQ(snapshot.read_only, ReadOnly::Super);
  EXPECT_TRUE(snapshot.offline_mode);
  EXPECT_FALSE(snapshot.semi_sync.source_enabled);
  EXPECT_EQ(snapshot.semi_sync.wait_sessions, 0);
  EXPECT_FALSE(app(kDb1).connected());
  // What was freed is errant.
  const auto errant = errant_transactions(snapshot, probe(kDb2));
  EXPECT_EQ(errant.count(), 1U);
  done(CloseReturned{kDb1});
}

// ---- groups ----

TEST_F(Steps, AStepOfAGroupWaitsForTheOneBeforeOfWhichNobodyHeard) {
  const StopGroup stop{.node = kDb1};
  // What an earlier statement leaves: it executes, and nobody reads its answer.
  auto earlier = servers.sandbox().root_session("db1", 60s);
  ASSERT_TRUE(earlier);
  ASSERT_TRUE(earlier->query("DO GET_LOCK('repld.group', 0)"));
  const auto error = refused(stop, ErrorCode::DeadlineExceeded, 2s);
  EXPECT_NE(error.message.find("'repld.group'"), std::string::npos) << error.message;

  auto waiting = std::async(std::launch::async, [&] { return run(stop); });
  const auto waits =
      "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE='User lock' AND PROCESSLIST_ID<>" +
      earlier->query("SELECT CONNECTION_ID()")->front().front().value();
  ASSERT_TRUE(comes_true([&] { return servers.ask(kDb1, waits) == "1"; }));
  ASSERT_TRUE(earlier->query("DO RELEASE_LOCK('repld.group')"));
  EXPECT_TRUE(waiting.get().ok());
}

// ---- sessions ----

TEST_F(Steps, ASessionThatWasKilledIsReplacedWithoutAnyoneNoticing) {
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  servers.tell(kDb1, {"KILL " + servers.ask(kDb1, "SELECT IS_USED_LOCK('repld.control')")});
  done(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off});
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  const auto gone = run(SetReadOnly{kDb3, ReadOnly::Off, ReadOnly::Super});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error->code, ErrorCode::ConnectionRefused) << gone.error->message;
  EXPECT_TRUE(gone.certain);
  ASSERT_TRUE(servers.sandbox().start("db3"));
  done(SetReadOnly{kDb3, ReadOnly::Off, ReadOnly::Super});
}

TEST_F(Steps, AnotherRepldTakesOverAndTheFirstOneNoticesIt) {
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  const auto counters = std::make_shared<NodeCounters>();
  auto second = std::make_unique<NodeMySQL>(kDb1, servers.endpoint(kDb1), counters);
  const Call call{kDb1, std::chrono::steady_clock::now() + 20s, nullptr, nullptr};
  {
    const auto session = second->borrow(Purpose::Operate, call);
    ASSERT_TRUE(session) << session.error().message;
    refused(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off}, ErrorCode::SessionSuperseded);
  }
  EXPECT_EQ(read_only(kDb1), "11");
  second.reset();  // it stops, and the first one may go on
  EXPECT_TRUE(comes_true([&] { return run(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off}).ok(); }));
}

}  // namespace
}  // namespace repl::mysql

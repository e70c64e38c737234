// Watching real servers: what a probe sees when they live, die, freeze and come back.
#include <gtest/gtest.h>

#include <atomic>

#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

class Watching : public MysqlTest {};

TEST_F(Watching, FillsTheSnapshotOfASourceAndOfAReplica) {
  replicate();
  servers.tell(kDb2, {"SET GLOBAL super_read_only=1", "SET PERSIST_ONLY super_read_only=1"});
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  done(WaitForApplied{kDb2, kDb1, 20s});

  const auto source = probe(kDb1);
  ASSERT_EQ(source.reach, Reach::Ok) << source.problem;
  EXPECT_EQ(source.node, kDb1);
  EXPECT_EQ(source.server_uuid, servers.ask(kDb1, "SELECT @@server_uuid"));
  EXPECT_EQ(std::to_string(source.server_id), servers.ask(kDb1, "SELECT @@server_id"));
  EXPECT_GE(source.version, (ServerVersion{8, 0, 26}));
  EXPECT_EQ(source.read_only, ReadOnly::Off);
  EXPECT_FALSE(source.super_read_only_persisted);
  EXPECT_EQ(source.gtid_mode, GtidMode::On);
  EXPECT_TRUE(source.log_replica_updates);
  EXPECT_EQ(source.executed.count(), 3U);
  EXPECT_TRUE(source.channels.empty());
  EXPECT_GT(source.threads_connected, 0);
  EXPECT_FALSE(source.inventory);

  const auto replica = probe(kDb2);
  ASSERT_EQ(replica.reach, Reach::Ok) << replica.problem;
  EXPECT_EQ(replica.read_only, ReadOnly::Super);
  EXPECT_TRUE(replica.super_read_only_persisted);
  EXPECT_EQ(replica.executed, source.executed);
  ASSERT_NE(replica.channel(), nullptr);
  const auto& channel = *replica.channel();
  EXPECT_EQ(channel.source, spec->find(kDb1)->address);
  EXPECT_EQ(channel.source_uuid, source.server_uuid);
  EXPECT_TRUE(channel.auto_position);
  EXPECT_EQ(channel.receiver, ThreadState::Running);
  EXPECT_EQ(channel.applier, ThreadState::Running);
  EXPECT_EQ(channel.received, source.executed);
  EXPECT_EQ(channel.heartbeat_interval, Duration{500ms});
  EXPECT_EQ(channel.receiver_errno, 0);
  ASSERT_TRUE(channel.silence);
  EXPECT_LT(*channel.silence, Duration{5s});
}

TEST_F(Watching, FollowsPluginsThatComeAndGo) {
  EXPECT_FALSE(probe(kDb1).semi_sync.source_plugin);
  done(InstallPlugin{kDb1, Plugin::SemiSyncSource});
  servers.tell(kDb1, {"SET GLOBAL rpl_semi_sync_source_wait_for_replica_count=3"});
  auto snapshot = probe(kDb1);
  EXPECT_TRUE(snapshot.semi_sync.source_plugin);
  EXPECT_FALSE(snapshot.semi_sync.replica_plugin);
  EXPECT_EQ(snapshot.semi_sync.wait_for_count, 3);
  done(InstallPlugin{kDb1, Plugin::SemiSyncReplica});
  servers.tell(kDb1, {"SET GLOBAL rpl_semi_sync_replica_enabled=1"});
  EXPECT_TRUE(probe(kDb1).semi_sync.replica_enabled);
  servers.tell(kDb1, {"UNINSTALL PLUGIN rpl_semi_sync_source"});
  snapshot = probe(kDb1);
  ASSERT_EQ(snapshot.reach, Reach::Ok) << snapshot.problem;
  EXPECT_FALSE(snapshot.semi_sync.source_plugin);
  EXPECT_TRUE(snapshot.semi_sync.replica_plugin);
}

TEST_F(Watching, ShowsBothSidesOfSemiSync) {
  replicate_with_semi_sync();
  const auto source = probe(kDb1);
  EXPECT_TRUE(source.semi_sync.source_enabled);
  EXPECT_TRUE(source.semi_sync.source_status);
  EXPECT_EQ(source.semi_sync.clients, 2);
  EXPECT_EQ(source.semi_sync.timeout, 10'000s);
  EXPECT_TRUE(source.semi_sync.after_sync);
  EXPECT_TRUE(probe(kDb2).semi_sync.replica_status);
}

TEST_F(Watching, KnowsAtOnceThatAKilledServerIsGone) {
  ASSERT_EQ(probe(kDb3).reach, Reach::Ok);
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  const auto snapshot = probe(kDb3);
  EXPECT_EQ(snapshot.reach, Reach::Refused) << snapshot.problem;
  EXPECT_TRUE(snapshot.session_broke);
  EXPECT_FALSE(probe(kDb3).session_broke) << "it broke once";
  ASSERT_TRUE(servers.sandbox().start("db3"));
  EXPECT_EQ(probe(kDb3).reach, Reach::Ok);
}

TEST_F(Watching, HearsFromTheSentinelThatTheServerDied) {
  const auto sessions = std::make_shared<SessionCounters>();
  watcher->watch({spec->cluster, kDb3}, servers.endpoint(kDb3), sessions);
  std::promise<void> broken;
  std::atomic<int> times{0};
  watcher->keep_sentinel({spec->cluster, kDb3}, [&] {
    if (++times == 1) broken.set_value();
  });
  ASSERT_TRUE(comes_true([&] {
    return servers.ask(kDb3, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE='User sleep'") ==
           "1";
  }));
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  EXPECT_EQ(broken.get_future().wait_for(5s), std::future_status::ready);
  ASSERT_TRUE(servers.sandbox().start("db3"));
  EXPECT_TRUE(comes_true([&] {
    return servers.ask(kDb3, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE='User sleep'") ==
           "1";
  })) << "the sentinel comes back with its server";
  watcher->drop_sentinel({spec->cluster, kDb3});
  EXPECT_TRUE(comes_true([&] { return sessions->open == 0; }));
  EXPECT_EQ(times, 1);
}

TEST_F(Watching, LetsAFrozenServerHoldUpNobody) {
  for (const auto& node : {kDb1, kDb2, kDb3}) ASSERT_EQ(probe(node).reach, Reach::Ok);
  ASSERT_TRUE(servers.sandbox().freeze("db3"));
  for (int round = 0; round < 2; ++round) {
    auto frozen = start_probe(kDb3, 1500ms);
    const auto healthy = probe(kDb1, 1500ms);
    EXPECT_EQ(healthy.reach, Reach::Ok) << healthy.problem;
    EXPECT_EQ(frozen.wait_for(0ms), std::future_status::timeout) << "answered before the frozen one's deadline";
    const auto snapshot = frozen.get();
    EXPECT_EQ(snapshot.reach, Reach::Silent);
  }
  ASSERT_TRUE(servers.sandbox().thaw("db3"));
  EXPECT_EQ(probe(kDb3).reach, Reach::Ok);
  // What was sent to the frozen server does not stay there.
  EXPECT_TRUE(comes_true([&] {
    return servers.ask(kDb3,
                       "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_USER='repl_admin' "
                       "AND COALESCE(PROCESSLIST_STATE, '')<>'User sleep'") == "1";  // not sentinels of other tests
  }));
}

TEST_F(Watching, TellsAWrongPasswordFromDeath) {
  auto endpoint = servers.endpoint(kDb1);
  endpoint.password = "wrong";
  watcher->watch({spec->cluster, kDb1}, endpoint, std::make_shared<SessionCounters>());
  const auto snapshot = probe(kDb1);
  EXPECT_EQ(snapshot.reach, Reach::Denied);
  EXPECT_TRUE(is_alive(snapshot.reach));
  EXPECT_EQ(snapshot.problem.find("wrong"), std::string::npos);
  watcher->watch({spec->cluster, kDb1}, servers.endpoint(kDb1), std::make_shared<SessionCounters>());
  EXPECT_EQ(probe(kDb1).reach, Reach::Ok);
}

TEST_F(Watching, ResolvesNamesWithoutTheLoop) {
  auto endpoint = servers.endpoint(kDb1);
  endpoint.address.host = "no-such-host.invalid";
  watcher->watch({spec->cluster, kDb1}, endpoint, std::make_shared<SessionCounters>());
  const auto snapshot = probe(kDb1);
  EXPECT_FALSE(is_alive(snapshot.reach));
  endpoint.address.host = "localhost";
  watcher->watch({spec->cluster, kDb1}, endpoint, std::make_shared<SessionCounters>());
  EXPECT_EQ(probe(kDb1).reach, Reach::Ok);
}

TEST_F(Watching, AsksOverTlsWhereTheSpecRequiresIt) {
  auto endpoint = servers.endpoint(kDb1);
  endpoint.tls.mode = TlsMode::Required;
  watcher->watch({spec->cluster, kDb1}, endpoint, std::make_shared<SessionCounters>());
  EXPECT_EQ(probe(kDb1).reach, Reach::Ok);
  EXPECT_EQ(servers.ask(kDb1,
                        "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_USER='repl_admin' "
                        "AND CONNECTION_TYPE='SSL/TLS'"),
            "1");
}

TEST_F(Watching, SharesOneProbeAmongAllWhoAskMeanwhile) {
  ASSERT_EQ(probe(kDb1).reach, Reach::Ok);
  const auto statements = [&] {
    return std::stol(servers.ask(
        kDb1, "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME='Questions'"));
  };
  const auto before = statements();
  std::vector<std::future<Snapshot>> all;
  for (int i = 0; i < 100; ++i) all.push_back(start_probe(kDb1, 5s));
  for (auto& f : all) EXPECT_EQ(f.get().reach, Reach::Ok);
  EXPECT_LT(statements() - before, 50);
}

}  // namespace
}  // namespace repl::mysql

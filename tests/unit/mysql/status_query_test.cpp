#include "mysql/status_query.hpp"
#include "mysql/position_query.hpp"

#include <gtest/gtest.h>

#include <map>

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr auto kUuid = "eaaeddb0-e7d5-11f1-8088-02fc00000001";

// Columns of the status query in their order. Values as a 9.7 replica gave them.
const std::vector<std::pair<std::string, Field>> kReplica{
    {"server_uuid", "ecf11287-e7d5-11f1-8338-02fc00000001"},
    {"server_id", "102"},
    {"version", "9.7.4-2"},
    {"read_only", "1"},
    {"super_read_only", "1"},
    {"offline_mode", "0"},
    {"gtid_mode", "ON"},
    {"log_replica_updates", "1"},
    {"relay_log_recovery", "0"},
    {"persisted_read_only", "1"},
    {"executed", "eaaeddb0-e7d5-11f1-8088-02fc00000001:1-14"},
    {"purged", ""},
    {"source_enabled", "0"},
    {"wait_for_count", "2"},
    {"wait_no_replica", "1"},
    {"wait_point", "AFTER_SYNC"},
    {"timeout", "10000000"},
    {"replica_enabled", "1"},
    {"uptime", "525"},
    {"threads_running", "2"},
    {"threads_connected", "3"},
    {"source_status", "OFF"},
    {"clients", "0"},
    {"wait_sessions", "0"},
    {"replica_status", "ON"},
    {"channel", ""},
    {"host", "127.0.0.1"},
    {"port", "24301"},
    {"auto_position", "1"},
    {"heartbeat", "0.500"},
    {"source_uuid", kUuid},
    {"receiver_state", "ON"},
    {"receiver_errno", "0"},
    {"receiver_error", ""},
    {"received", "eaaeddb0-e7d5-11f1-8088-02fc00000001:1-14"},
    {"silence", "210000"},
    {"applier_state", "ON"},
    {"delay", "0"},
    {"worker_errno", "0"},
    {"worker_error", ""},
    {"coordinator_errno", "0"},
    {"coordinator_error", ""},
    {"since_last_applied", "5000000"},
    {"applying_for", std::nullopt},
    {"filters", std::nullopt},
    {"group_members", std::nullopt},
    {"group_name", std::nullopt},
    {"group_single_primary", std::nullopt},
    {"group_bootstraps", std::nullopt},
    {"group_received", std::nullopt},
    {"recovery_error", std::nullopt},
};

Row replica(const std::map<std::string, Field>& changes = {}) {
  Row row;
  auto left = changes;
  for (const auto& [name, value] : kReplica) {
    const auto change = left.extract(name);
    row.push_back(change ? change.mapped() : value);
  }
  EXPECT_TRUE(left.empty()) << "no such column: " << left.begin()->first;
  return row;
}

Snapshot read(const Rows& rows) {
  Snapshot snapshot;
  const auto done = read_status(rows, snapshot);
  EXPECT_TRUE(done) << done.error().message;
  return snapshot;
}

TEST(ReadStatus, FillsWhatIsTrueOfTheServer) {
  const auto s = read({replica()});
  EXPECT_EQ(s.server_uuid, "ecf11287-e7d5-11f1-8338-02fc00000001");
  EXPECT_EQ(s.server_id, 102U);
  EXPECT_EQ(s.version, (ServerVersion{9, 7, 4}));
  EXPECT_EQ(s.uptime, 525s);
  EXPECT_EQ(s.read_only, ReadOnly::Super);
  EXPECT_TRUE(s.super_read_only_persisted);
  EXPECT_FALSE(s.offline_mode);
  EXPECT_EQ(s.gtid_mode, GtidMode::On);
  EXPECT_TRUE(s.log_replica_updates);
  EXPECT_FALSE(s.relay_log_recovery);
  EXPECT_EQ(s.executed.count(), 14U);
  EXPECT_TRUE(s.purged.empty());
  EXPECT_EQ(s.threads_running, 2);
  EXPECT_EQ(s.threads_connected, 3);
}

TEST(ReadStatus, NamesTheFiltersOfTheChannel) {
  EXPECT_EQ(read({replica()}).channels.at(0).filters, "");
  EXPECT_EQ(read({replica({{"filters", "REPLICATE_WILD_IGNORE_TABLE=shop.audit%"}})}).channels.at(0).filters,
            "REPLICATE_WILD_IGNORE_TABLE=shop.audit%");
}

TEST(ReadStatus, FillsTheChannel) {
  const auto s = read({replica()});
  ASSERT_EQ(s.channels.size(), 1U);
  const auto& c = s.channels[0];
  EXPECT_EQ(c.name, "");
  EXPECT_EQ(c.source, (Address{"127.0.0.1", 24301}));
  EXPECT_EQ(c.source_uuid, kUuid);
  EXPECT_TRUE(c.auto_position);
  EXPECT_EQ(c.receiver, ThreadState::Running);
  EXPECT_EQ(c.applier, ThreadState::Running);
  EXPECT_EQ(c.received.count(), 14U);
  EXPECT_EQ(c.heartbeat_interval, Duration{500ms});
  EXPECT_EQ(c.silence, Duration{210ms});
  EXPECT_EQ(c.applying_for, std::nullopt);
  EXPECT_EQ(c.lag, Duration{0});
  EXPECT_EQ(c.delay, 0s);
}

TEST(ReadStatus, FillsBothSidesOfSemiSync) {
  const auto s =
      read({replica({{"source_enabled", "1"}, {"source_status", "ON"}, {"clients", "2"}, {"wait_sessions", "7"}})});
  EXPECT_TRUE(s.semi_sync.source_plugin);
  EXPECT_TRUE(s.semi_sync.replica_plugin);
  EXPECT_TRUE(s.semi_sync.source_enabled);
  EXPECT_TRUE(s.semi_sync.source_status);
  EXPECT_EQ(s.semi_sync.clients, 2);
  EXPECT_EQ(s.semi_sync.wait_sessions, 7);
  EXPECT_EQ(s.semi_sync.wait_for_count, 2);
  EXPECT_TRUE(s.semi_sync.wait_no_replica);
  EXPECT_TRUE(s.semi_sync.after_sync);
  EXPECT_EQ(s.semi_sync.timeout, 10'000'000ms);
  EXPECT_TRUE(s.semi_sync.replica_enabled);
  EXPECT_TRUE(s.semi_sync.replica_status);
}

TEST(ReadStatus, SeesThatThePluginsAreNotLoaded) {
  auto row = replica({{"source_status", std::nullopt},
                      {"clients", std::nullopt},
                      {"wait_sessions", std::nullopt},
                      {"replica_status", std::nullopt},
                      {"source_enabled", std::nullopt},
                      {"replica_enabled", std::nullopt}});
  EXPECT_EQ(plugins_in({row}), LoadedPlugins{});
  const auto s = read({row});
  EXPECT_FALSE(s.semi_sync.source_plugin);
  EXPECT_FALSE(s.semi_sync.replica_plugin);
  EXPECT_FALSE(s.semi_sync.source_enabled);
}

TEST(ReadStatus, TakesTheNodesViewOfItsGroup) {
  const auto s = read(
      {replica({{"group_members",
                 R"([{"uuid": "b", "host": "10.0.0.2", "port": 3306, "state": "UNREACHABLE", "role": "SECONDARY"},)"
                 R"( {"uuid": "a", "host": "10.0.0.1", "port": 3306, "state": "ONLINE", "role": "PRIMARY"}])"},
                {"group_name", "8a94f357-aab4-11df-86ab-c80aa9429562"},
                {"group_single_primary", "1"},
                {"group_bootstraps", "0"}})});
  EXPECT_TRUE(s.group.plugin);
  EXPECT_TRUE(s.group.single_primary);
  EXPECT_FALSE(s.group.bootstraps);
  ASSERT_EQ(s.group.members.size(), 2U);
  EXPECT_EQ(s.group.members[0].server_uuid, "a");
  EXPECT_TRUE(s.group.members[0].primary);
  EXPECT_EQ(s.group.members[0].address, (Address{"10.0.0.1", 3306}));
  EXPECT_EQ(s.group.members[1].state, MemberState::Unreachable);
  EXPECT_FALSE(s.group.has_majority());  // one of two is no majority
}

TEST(ReadStatus, TakesAServerWithoutTheGroupPluginForNone) {
  const auto s = read({replica()});
  EXPECT_FALSE(s.group.plugin);
  EXPECT_EQ(s.member_state(), MemberState::Offline);
}

TEST(ReadStatus, FindsNoChannelOnASource) {
  EXPECT_TRUE(read({replica({{"channel", std::nullopt}, {"host", std::nullopt}})}).channels.empty());
}

TEST(ReadStatus, FindsEveryChannelOfAMultiSourceReplica) {
  const auto s = read({replica(), replica({{"channel", "second"}, {"port", "24302"}})});
  ASSERT_EQ(s.channels.size(), 2U);
  EXPECT_EQ(s.channels[1].name, "second");
  EXPECT_EQ(s.channels[1].source.port, 24302);
}

TEST(ReadStatus, TellsReadOnlyFromSuperReadOnly) {
  EXPECT_EQ(read({replica({{"super_read_only", "0"}})}).read_only, ReadOnly::On);
  EXPECT_EQ(read({replica({{"super_read_only", "0"}, {"read_only", "0"}})}).read_only, ReadOnly::Off);
}

TEST(ReadStatus, PrefersTheWorkersErrorToTheCoordinators) {
  const auto both = read({replica({{"applier_state", "OFF"},
                                   {"worker_errno", "1062"},
                                   {"worker_error", "Duplicate entry"},
                                   {"coordinator_errno", "1756"},
                                   {"coordinator_error", "error(s) in the worker(s)"}})});
  EXPECT_EQ(both.channels[0].applier, ThreadState::Stopped);
  EXPECT_EQ(both.channels[0].applier_errno, 1062);
  EXPECT_EQ(both.channels[0].applier_error, "Duplicate entry");
  const auto one = read({replica({{"coordinator_errno", "13121"}, {"coordinator_error", "Relay log read failure"}})});
  EXPECT_EQ(one.channels[0].applier_errno, 13121);
}

TEST(ReadStatus, TakesAConnectingReceiverAndItsError) {
  const auto s =
      read({replica({{"receiver_state", "CONNECTING"}, {"receiver_errno", "2003"}, {"receiver_error", "refused"}})});
  EXPECT_EQ(s.channels[0].receiver, ThreadState::Connecting);
  EXPECT_EQ(s.channels[0].receiver_errno, 2003);
  EXPECT_EQ(s.channels[0].receiver_error, "refused");
}

TEST(ReadStatus, TakesNewlinesAndTagsInGtidSets) {
  const auto s = read({replica(
      {{"executed", "eaaeddb0-e7d5-11f1-8088-02fc00000001:1-14:blue:1-2,\necf11287-e7d5-11f1-8338-02fc00000001:1"}})});
  EXPECT_EQ(s.executed.count(), 17U);
}

TEST(ReadStatus, ClampsAgesThatClocksMakeNegative) {
  EXPECT_EQ(read({replica({{"silence", "-800"}})}).channels[0].silence, Duration{0});
}

TEST(ReadStatus, FailsOnWhatItCannotRead) {
  Snapshot snapshot;
  EXPECT_FALSE(read_status({}, snapshot));
  EXPECT_FALSE(read_status({{"too", "short"}}, snapshot));
  EXPECT_FALSE(read_status({replica({{"executed", "rubbish"}})}, snapshot));
}

TEST(StatusQuery, NamesSemiSyncVariablesOnlyWithTheirPlugin) {
  const auto has = [](const std::string& sql, std::string_view part) { return sql.find(part) != std::string::npos; };
  const auto none = status_query({});
  EXPECT_FALSE(has(none, "@@GLOBAL.rpl_semi_sync"));
  const auto source = status_query({true, false, false});
  EXPECT_TRUE(has(source, "@@GLOBAL.rpl_semi_sync_source_enabled"));
  EXPECT_FALSE(has(source, "@@GLOBAL.rpl_semi_sync_replica_enabled"));
}

// ---- lag ----

Channel channel(std::uint64_t received) {
  Channel c;
  c.receiver = c.applier = ThreadState::Running;
  c.heartbeat_interval = 500ms;
  c.silence = 100ms;
  if (received > 0) c.received.add({kUuid, ""}, {1, static_cast<std::int64_t>(received)});
  return c;
}
GtidSet executed(std::int64_t last) {
  GtidSet set;
  set.add({kUuid, ""}, {1, last});
  return set;
}

TEST(Lag, IsZeroWhenAllIsAppliedHoweverLongAgoThatWas) {
  EXPECT_EQ(lag_of(channel(10), executed(10), 1h), Duration{0});
}

TEST(Lag, IsTheAgeOfWhatIsBeingApplied) {
  auto c = channel(12);
  c.applying_for = 5s;
  EXPECT_EQ(lag_of(c, executed(10), 1h), Duration{5s});
}

TEST(Lag, IsTheAgeOfTheLastAppliedWhileTheApplierIsStopped) {
  auto c = channel(12);
  c.applier = ThreadState::Stopped;
  EXPECT_EQ(lag_of(c, executed(10), 3s), Duration{3s});
}

TEST(Lag, IsUnknownWhenTheSourceIsSilent) {
  auto c = channel(10);
  c.silence = 1500ms;
  EXPECT_EQ(lag_of(c, executed(10), 3s), std::nullopt);
  c.silence = 1499ms;
  EXPECT_EQ(lag_of(c, executed(10), 3s), Duration{0});
}

TEST(Lag, IsUnknownWhenTheReceiverDoesNotRun) {
  auto c = channel(10);
  c.receiver = ThreadState::Connecting;
  EXPECT_EQ(lag_of(c, executed(10), 3s), std::nullopt);
}

TEST(Lag, DoesNotReadSilenceIntoAChannelWithoutHeartbeats) {
  auto c = channel(10);
  c.heartbeat_interval = 0ms;
  c.silence = 1h;
  EXPECT_EQ(lag_of(c, executed(10), 3s), Duration{0});
}

/// SHOW REPLICA STATUS of 9.7: 56 columns, of which these are read.
Row replica_status(const std::string& read, const std::string& applied, const std::string& file = "binlog.000003") {
  Row row(56, Field{""});
  row[5] = file;
  row[6] = read;
  row[9] = file;
  row[21] = applied;
  return row;
}

TEST(ReadPlaces, FillsThePlacesAndTheHistoriesThatFollow) {
  const Rows status{replica({{"gtid_mode", "OFF"}, {"executed", ""}, {"received", ""}})};
  auto s = read(status);
  EXPECT_EQ(s.gtid_mode, GtidMode::Off);
  ASSERT_TRUE(read_places(status, {Row{"replog.000002", "700", "", "", ""}}, {replica_status("1200", "1000")}, s));
  EXPECT_EQ(s.log_position, (BinlogPosition{"replog.000002", 700}));
  EXPECT_EQ(s.channel()->read, (BinlogPosition{"binlog.000003", 1200}));
  EXPECT_EQ(s.channel()->applied, (BinlogPosition{"binlog.000003", 1000}));
  EXPECT_EQ(s.position(), history(kUuid, {"binlog.000003", 1200}));
  EXPECT_EQ(s.written(), history(s.server_uuid, {"replog.000002", 700}));
  EXPECT_TRUE(s.executed.contains(history(kUuid, {"binlog.000003", 1000})));
  EXPECT_FALSE(s.executed.contains(s.position())) << "200 bytes are not applied yet";
}

TEST(ReadPlaces, TakesTheLagFromWhatIsNotApplied) {
  const Rows status{replica({{"gtid_mode", "ON_PERMISSIVE"}, {"since_last_applied", "3000000"}})};
  auto s = read(status);
  EXPECT_EQ(s.gtid_mode, GtidMode::OnPermissive);
  ASSERT_TRUE(read_places(status, {Row{"b.000001", "158"}}, {replica_status("1200", "1000")}, s));
  EXPECT_EQ(s.channel()->lag, Duration{3s});
  ASSERT_TRUE(read_places(status, {Row{"b.000001", "158"}}, {replica_status("1200", "1200")}, s));
  EXPECT_EQ(s.channel()->lag, Duration{0});
}

TEST(ReadPlaces, KnowsOfADetachedChannelWhoseLogItsPlaceIsIn) {
  const auto host = detached_host(kUuid, "10.0.0.11");
  const Rows status{replica({{"gtid_mode", "OFF"}, {"host", host}, {"source_uuid", ""}})};
  auto s = read(status);
  ASSERT_TRUE(read_places(status, {Row{"b.000001", "158"}}, {replica_status("1000", "1000")}, s));
  EXPECT_EQ(s.position(), history(kUuid, {"binlog.000003", 1000}));
}

TEST(ReadPlaces, AsksOldServersInTheirWords) {
  EXPECT_EQ(log_place_query({8, 0, 36}), "SHOW MASTER STATUS");
  EXPECT_EQ(log_place_query({8, 2, 0}), "SHOW BINARY LOG STATUS");
}

TEST(ReadPlaces, RefusesWhatIsNoPosition) {
  const Rows status{replica({{"gtid_mode", "OFF"}})};
  auto s = read(status);
  EXPECT_FALSE(read_places(status, {Row{"b.000001", "x"}}, {}, s));
  EXPECT_FALSE(read_places(status, {Row{"b.000001", "4"}}, {Row(12, Field{""})}, s));
}

}  // namespace
}  // namespace repl::mysql

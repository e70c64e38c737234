// The columns of the status query as a table, and how each fills the snapshot.
#include "mysql/status_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "mysql/position_query.hpp"
#include "mysql/sql_text.hpp"

namespace repl::mysql {
namespace {

enum Column : std::size_t {
  kServerUuid,
  kServerId,
  kVersion,
  kReadOnly,
  kSuperReadOnly,
  kOfflineMode,
  kGtidMode,
  kLogReplicaUpdates,
  kRelayLogRecovery,
  kPersistedReadOnly,
  kExecuted,
  kPurged,
  kSourceEnabled,
  kWaitForCount,
  kWaitNoReplica,
  kWaitPoint,
  kTimeout,
  kReplicaEnabled,
  kUptime,
  kThreadsRunning,
  kThreadsConnected,
  kSourceStatus,
  kClients,
  kWaitSessions,
  kReplicaStatus,
  kChannel,
  kHost,
  kPort,
  kAutoPosition,
  kHeartbeat,
  kSourceUuid,
  kReceiverState,
  kReceiverErrno,
  kReceiverError,
  kReceived,
  kSilence,
  kApplierState,
  kDelay,
  kWorkerErrno,
  kWorkerError,
  kCoordinatorErrno,
  kCoordinatorError,
  kSinceLastApplied,
  kApplyingFor,
  kFilters,
  kGroupMembers,
  kGroupName,
  kGroupSinglePrimary,
  kGroupBootstraps,
  kGroupReceived,
  kRecoveryError,
  kColumns
};

enum class Needs { Nothing, SourcePlugin, ReplicaPlugin, GroupPlugin };

struct Expression {
  Column column;
  std::string_view sql;
  Needs needs = Needs::Nothing;
};

// The tables of group replication are there without the plugin, and have no row then. In the order of Column. Values of
// switches are 0/1 here, not OFF/ON.
constexpr std::array kExpressions{
    Expression{kServerUuid, "@@server_uuid"},
    Expression{kServerId, "@@GLOBAL.server_id"},
    Expression{kVersion, "@@version"},
    Expression{kReadOnly, "@@GLOBAL.read_only"},
    Expression{kSuperReadOnly, "@@GLOBAL.super_read_only"},
    Expression{kOfflineMode, "@@GLOBAL.offline_mode"},
    Expression{kGtidMode, "@@GLOBAL.gtid_mode"},
    Expression{kLogReplicaUpdates, "@@GLOBAL.log_bin AND @@GLOBAL.log_replica_updates"},
    Expression{kRelayLogRecovery, "@@GLOBAL.relay_log_recovery"},
    // What is persisted counts only where the server reads it at its start; PERSIST_ONLY values are listed here too.
    Expression{kPersistedReadOnly,
               "@@GLOBAL.persisted_globals_load AND EXISTS (SELECT 1 FROM performance_schema.persisted_variables "
               "WHERE VARIABLE_NAME='super_read_only' AND VARIABLE_VALUE IN ('ON','1'))"},
    Expression{kExecuted, "@@GLOBAL.gtid_executed"},
    Expression{kPurged, "@@GLOBAL.gtid_purged"},
    Expression{kSourceEnabled, "@@GLOBAL.rpl_semi_sync_source_enabled", Needs::SourcePlugin},
    Expression{kWaitForCount, "@@GLOBAL.rpl_semi_sync_source_wait_for_replica_count", Needs::SourcePlugin},
    Expression{kWaitNoReplica, "@@GLOBAL.rpl_semi_sync_source_wait_no_replica", Needs::SourcePlugin},
    Expression{kWaitPoint, "@@GLOBAL.rpl_semi_sync_source_wait_point", Needs::SourcePlugin},
    Expression{kTimeout, "@@GLOBAL.rpl_semi_sync_source_timeout", Needs::SourcePlugin},
    Expression{kReplicaEnabled, "@@GLOBAL.rpl_semi_sync_replica_enabled", Needs::ReplicaPlugin},
    Expression{kUptime, "v.uptime"},
    Expression{kThreadsRunning, "v.threads_running"},
    Expression{kThreadsConnected, "v.threads_connected"},
    Expression{kSourceStatus, "v.source_status"},
    Expression{kClients, "v.clients"},
    Expression{kWaitSessions, "v.wait_sessions"},
    Expression{kReplicaStatus, "v.replica_status"},
    Expression{kChannel, "k.CHANNEL_NAME"},
    Expression{kHost, "k.HOST"},
    Expression{kPort, "k.PORT"},
    Expression{kAutoPosition, "k.AUTO_POSITION"},
    Expression{kHeartbeat, "k.HEARTBEAT_INTERVAL"},
    Expression{kSourceUuid, "s.SOURCE_UUID"},
    Expression{kReceiverState, "s.SERVICE_STATE"},
    Expression{kReceiverErrno, "s.LAST_ERROR_NUMBER"},
    Expression{kReceiverError, "s.LAST_ERROR_MESSAGE"},
    Expression{kReceived, "s.RECEIVED_TRANSACTION_SET"},
    // Both are needed: heartbeats are sent only while there are no events. NULL when neither ever came.
    Expression{kSilence,
               "TIMESTAMPDIFF(MICROSECOND, NULLIF(GREATEST(s.LAST_HEARTBEAT_TIMESTAMP, "
               "s.LAST_QUEUED_TRANSACTION_END_QUEUE_TIMESTAMP), 0), NOW(6))"},
    Expression{kApplierState, "a.SERVICE_STATE"},
    Expression{kDelay, "d.DESIRED_DELAY"},
    Expression{kWorkerErrno, "w.errno"},
    Expression{kWorkerError, "w.error"},
    Expression{kCoordinatorErrno, "o.LAST_ERROR_NUMBER"},
    Expression{kCoordinatorError, "o.LAST_ERROR_MESSAGE"},
    Expression{kSinceLastApplied, "TIMESTAMPDIFF(MICROSECOND, NULLIF(w.last_applied, 0), NOW(6))"},
    Expression{kApplyingFor, "TIMESTAMPDIFF(MICROSECOND, w.applying, NOW(6))"},
    // Those of the option files too: a channel takes them over when it is made.
    Expression{kFilters,
               "(SELECT GROUP_CONCAT(f.FILTER_NAME, '=', f.FILTER_RULE ORDER BY f.FILTER_NAME SEPARATOR ' ') FROM "
               "performance_schema.replication_applier_filters f WHERE f.CHANNEL_NAME=k.CHANNEL_NAME AND "
               "f.FILTER_RULE<>'')"},
    Expression{
        kGroupMembers,
        "(SELECT JSON_ARRAYAGG(JSON_OBJECT('uuid', MEMBER_ID, 'host', MEMBER_HOST, 'port', MEMBER_PORT, 'state', "
        "MEMBER_STATE, 'role', MEMBER_ROLE)) FROM performance_schema.replication_group_members)"},
    Expression{kGroupName, "@@GLOBAL.group_replication_group_name", Needs::GroupPlugin},
    Expression{kGroupSinglePrimary, "@@GLOBAL.group_replication_single_primary_mode", Needs::GroupPlugin},
    Expression{kGroupBootstraps, "@@GLOBAL.group_replication_bootstrap_group", Needs::GroupPlugin},
    Expression{kGroupReceived,
               "(SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE "
               "CHANNEL_NAME='group_replication_applier')"},
    Expression{kRecoveryError,
               "(SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status WHERE "
               "CHANNEL_NAME='group_replication_recovery')"},
};

constexpr bool expressions_are_in_order() {
  for (std::size_t i = 0; i < kExpressions.size(); ++i) {
    if (kExpressions[i].column != i) return false;
  }
  return kExpressions.size() == kColumns;
}
static_assert(expressions_are_in_order());

constexpr std::string_view kFrom =
    " FROM (SELECT MAX(IF(VARIABLE_NAME='Uptime',VARIABLE_VALUE,NULL)) uptime,"
    " MAX(IF(VARIABLE_NAME='Threads_running',VARIABLE_VALUE,NULL)) threads_running,"
    " MAX(IF(VARIABLE_NAME='Threads_connected',VARIABLE_VALUE,NULL)) threads_connected,"
    " MAX(IF(VARIABLE_NAME='Rpl_semi_sync_source_status',VARIABLE_VALUE,NULL)) source_status,"
    " MAX(IF(VARIABLE_NAME='Rpl_semi_sync_source_clients',VARIABLE_VALUE,NULL)) clients,"
    " MAX(IF(VARIABLE_NAME='Rpl_semi_sync_source_wait_sessions',VARIABLE_VALUE,NULL)) wait_sessions,"
    " MAX(IF(VARIABLE_NAME='Rpl_semi_sync_replica_status',VARIABLE_VALUE,NULL)) replica_status"
    " FROM performance_schema.global_status WHERE VARIABLE_NAME IN ('Uptime','Threads_running','Threads_connected',"
    "'Rpl_semi_sync_source_status','Rpl_semi_sync_source_clients','Rpl_semi_sync_source_wait_sessions',"
    "'Rpl_semi_sync_replica_status')) v"
    " LEFT JOIN performance_schema.replication_connection_configuration k"
    " ON k.HOST<>'' AND k.CHANNEL_NAME NOT LIKE 'group\\_replication\\_%'"
    " LEFT JOIN performance_schema.replication_connection_status s ON s.CHANNEL_NAME=k.CHANNEL_NAME"
    " LEFT JOIN performance_schema.replication_applier_configuration d ON d.CHANNEL_NAME=k.CHANNEL_NAME"
    " LEFT JOIN performance_schema.replication_applier_status a ON a.CHANNEL_NAME=k.CHANNEL_NAME"
    " LEFT JOIN performance_schema.replication_applier_status_by_coordinator o ON o.CHANNEL_NAME=k.CHANNEL_NAME"
    " LEFT JOIN (SELECT CHANNEL_NAME, MAX(LAST_ERROR_NUMBER) errno, MAX(LAST_ERROR_MESSAGE) error,"
    " MAX(LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP) last_applied,"
    " MIN(NULLIF(APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP,0)) applying"
    " FROM performance_schema.replication_applier_status_by_worker GROUP BY CHANNEL_NAME) w"
    " ON w.CHANNEL_NAME=k.CHANNEL_NAME ORDER BY k.CHANNEL_NAME";

// A replica that has heard nothing for so many heartbeats has lost its source.
constexpr int kHeartbeatsUntilSilent = 3;

std::string_view text(const Row& row, Column column) {
  return row[column] ? std::string_view{*row[column]} : std::string_view{};
}

/// 0 for NULL and for what is no number: a server that has the variable gives a number.
std::int64_t number(const Row& row, Column column) {
  std::int64_t value = 0;
  const auto t = text(row, column);
  std::from_chars(t.data(), t.data() + t.size(), value);
  return value;
}

bool is_on(const Row& row, Column column) {
  const auto t = text(row, column);
  return t == "1" || t == "ON";
}

/// Clocks of source and replica differ a little, so small negative ages occur.
std::optional<Duration> age(const Row& row, Column column) {
  if (!row[column]) return std::nullopt;
  return Duration{std::max<std::int64_t>(0, number(row, column))};
}

GtidMode gtid_mode(const Row& row) {
  const auto t = text(row, kGtidMode);
  if (t == "OFF" || t == "0") return GtidMode::Off;
  if (t == "OFF_PERMISSIVE") return GtidMode::OffPermissive;
  return t == "ON_PERMISSIVE" ? GtidMode::OnPermissive : GtidMode::On;
}

Result<GtidSet> gtids(const Row& row, Column column) {
  return GtidSet::parse(text(row, column));
}

ThreadState state(const Row& row, Column column) {
  const auto t = text(row, column);
  if (t == "ON") return ThreadState::Running;
  return t == "CONNECTING" ? ThreadState::Connecting : ThreadState::Stopped;
}

/// "0.500" seconds.
Duration heartbeat(const Row& row) {
  const std::string t{text(row, kHeartbeat)};
  return Duration{std::llround(std::strtod(t.c_str(), nullptr) * 1e6)};
}

SemiSync semi_sync(const Row& row) {
  SemiSync s;
  s.source_plugin = row[kSourceStatus].has_value();
  s.replica_plugin = row[kReplicaStatus].has_value();
  s.source_status = is_on(row, kSourceStatus);
  s.clients = static_cast<int>(number(row, kClients));
  s.wait_sessions = static_cast<int>(number(row, kWaitSessions));
  s.replica_status = is_on(row, kReplicaStatus);
  if (row[kSourceEnabled]) {
    s.source_enabled = is_on(row, kSourceEnabled);
    s.wait_for_count = static_cast<int>(number(row, kWaitForCount));
    s.wait_no_replica = is_on(row, kWaitNoReplica);
    s.after_sync = text(row, kWaitPoint) == "AFTER_SYNC";
    s.timeout = std::chrono::milliseconds{number(row, kTimeout)};
  }
  s.replica_enabled = is_on(row, kReplicaEnabled);
  return s;
}

Result<Channel> channel(const Row& row, const GtidSet& executed) {
  Channel c;
  c.name = text(row, kChannel);
  c.source = {std::string{text(row, kHost)}, static_cast<std::uint16_t>(number(row, kPort))};
  c.source_uuid = text(row, kSourceUuid);
  c.auto_position = is_on(row, kAutoPosition);
  c.receiver = state(row, kReceiverState);
  c.applier = state(row, kApplierState);
  auto received = gtids(row, kReceived);
  if (!received) return tl::unexpected(received.error());
  c.received = std::move(*received);
  c.receiver_errno = static_cast<int>(number(row, kReceiverErrno));
  c.receiver_error = text(row, kReceiverError);
  // The coordinator only says that a worker failed; the worker says why.
  const bool by_worker = number(row, kWorkerErrno) != 0;
  c.applier_errno = static_cast<int>(number(row, by_worker ? kWorkerErrno : kCoordinatorErrno));
  c.applier_error = text(row, by_worker ? kWorkerError : kCoordinatorError);
  c.silence = age(row, kSilence);
  c.heartbeat_interval = heartbeat(row);
  c.applying_for = age(row, kApplyingFor);
  c.delay = std::chrono::seconds{number(row, kDelay)};
  c.filters = text(row, kFilters);
  c.lag = lag_of(c, executed, age(row, kSinceLastApplied));
  return c;
}

MemberState member_state(std::string_view t) {
  if (t == "ONLINE") return MemberState::Online;
  if (t == "RECOVERING") return MemberState::Recovering;
  if (t == "UNREACHABLE") return MemberState::Unreachable;
  return t == "ERROR" ? MemberState::Error : MemberState::Offline;
}

Result<GroupView> group(const Row& row) {
  GroupView g;
  if (!row[kGroupMembers]) return g;
  g.plugin = true;
  g.name = text(row, kGroupName);
  g.single_primary = !row[kGroupSinglePrimary] || is_on(row, kGroupSinglePrimary);
  g.bootstraps = is_on(row, kGroupBootstraps);
  g.recovery_error = text(row, kRecoveryError);
  auto received = gtids(row, kGroupReceived);
  if (!received) return tl::unexpected(received.error());
  g.received = std::move(*received);
  const auto members = nlohmann::json::parse(*row[kGroupMembers], nullptr, false);
  if (!members.is_array()) return fail(ErrorCode::Internal, "the list of group members is no JSON array");
  for (const auto& m : members) {
    GroupMember member;
    member.server_uuid = m.value("uuid", std::string{});
    if (member.server_uuid.empty()) continue;  // not started since the server was
    member.address = {m.value("host", std::string{}), m.value("port", std::uint16_t{0})};
    member.state = member_state(m.value("state", std::string{}));
    member.primary = m.value("role", std::string{}) == "PRIMARY";
    g.members.push_back(std::move(member));
  }
  std::sort(g.members.begin(), g.members.end(),
            [](const GroupMember& a, const GroupMember& b) { return a.server_uuid < b.server_uuid; });
  return g;
}

}  // namespace

std::string status_query(LoadedPlugins plugins) {
  const auto exists = [&](Needs needs) {
    switch (needs) {
      case Needs::Nothing:
        return true;
      case Needs::SourcePlugin:
        return plugins.semi_sync_source;
      case Needs::ReplicaPlugin:
        return plugins.semi_sync_replica;
      case Needs::GroupPlugin:
        return plugins.group;
    }
    return false;
  };
  std::string sql = "SELECT ";
  for (const auto& e : kExpressions) {
    if (e.column != 0) sql += ", ";
    sql += exists(e.needs) ? e.sql : "NULL";
  }
  sql += kFrom;
  return sql;
}

LoadedPlugins plugins_in(const Rows& rows) {
  if (rows.empty() || rows.front().size() != kColumns) return {};
  const auto& row = rows.front();
  return {row[kSourceStatus].has_value(), row[kReplicaStatus].has_value(), row[kGroupMembers].has_value()};
}

std::optional<Duration> lag_of(const Channel& channel, const GtidSet& executed,
                               std::optional<Duration> since_last_applied) {
  if (channel.receiver != ThreadState::Running) return std::nullopt;
  const auto heartbeat = channel.heartbeat_interval;  // zero: the source sends none, so silence tells nothing
  if (heartbeat > Duration::zero() && channel.silence && *channel.silence >= kHeartbeatsUntilSilent * heartbeat) {
    return std::nullopt;
  }
  if (executed.contains(channel.received)) return Duration::zero();
  // While nothing is being applied (stopped, delayed) the last applied one tells at most how far behind.
  return channel.applying_for ? channel.applying_for : since_last_applied;
}

Result<void> read_status(const Rows& rows, Snapshot& snapshot) {
  if (rows.empty() || rows.front().size() != kColumns) {
    return fail(ErrorCode::Internal, "the status query gave {} rows, or not {} columns", rows.size(), +kColumns);
  }
  const Row& row = rows.front();
  snapshot.server_uuid = text(row, kServerUuid);
  snapshot.server_id = static_cast<std::uint32_t>(number(row, kServerId));
  snapshot.version = parse_version(text(row, kVersion));
  snapshot.uptime = std::chrono::seconds{number(row, kUptime)};
  snapshot.read_only = is_on(row, kSuperReadOnly) ? ReadOnly::Super
                       : is_on(row, kReadOnly)    ? ReadOnly::On
                                                  : ReadOnly::Off;
  snapshot.super_read_only_persisted = is_on(row, kPersistedReadOnly);
  snapshot.offline_mode = is_on(row, kOfflineMode);
  snapshot.gtid_mode = gtid_mode(row);
  snapshot.log_replica_updates = is_on(row, kLogReplicaUpdates);
  snapshot.relay_log_recovery = is_on(row, kRelayLogRecovery);
  snapshot.semi_sync = semi_sync(row);
  snapshot.threads_running = static_cast<int>(number(row, kThreadsRunning));
  snapshot.threads_connected = static_cast<int>(number(row, kThreadsConnected));
  auto executed = gtids(row, kExecuted);
  auto purged = gtids(row, kPurged);
  if (!executed || !purged) return tl::unexpected((executed ? purged : executed).error());
  snapshot.executed = std::move(*executed);
  snapshot.purged = std::move(*purged);
  auto group_view = group(row);
  if (!group_view) return tl::unexpected(group_view.error());
  snapshot.group = std::move(*group_view);
  snapshot.channels.clear();
  for (const auto& r : rows) {
    if (!r[kChannel]) continue;
    auto c = channel(r, snapshot.executed);
    if (!c) return tl::unexpected(c.error());
    snapshot.channels.push_back(std::move(*c));
  }
  return {};
}

std::string log_place_query(ServerVersion version) {
  return version >= ServerVersion{8, 2, 0} ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

namespace {

// Columns of SHOW REPLICA STATUS, the same from 8.0.22 to 9.7.
enum ReplicaColumn : std::size_t {
  kReadFile = 5,
  kReadPosition = 6,
  kAppliedFile = 9,
  kAppliedPosition = 21,
  kNameOfChannel = 55,
};

Result<BinlogPosition> place(const Row& row, std::size_t file, std::size_t position) {
  BinlogPosition out{row.at(file).value_or(""), 0};
  if (out.file.empty()) return out;
  const auto digits = row.at(position).value_or("");
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.position);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return fail(ErrorCode::Internal, "\"{}\" is no position in a binary log", digits);
  }
  return out;
}

}  // namespace

Result<void> read_places(const Rows& status, const Rows& own, const Rows& channels, Snapshot& snapshot) {
  if (!own.empty()) {
    if (own.front().size() < 2) return fail(ErrorCode::Internal, "SHOW BINARY LOG STATUS gave no position");
    auto end = place(own.front(), 0, 1);
    if (!end) return tl::unexpected(end.error());
    snapshot.log_position = std::move(*end);
  }
  for (const auto& row : channels) {
    if (row.size() <= kNameOfChannel) return fail(ErrorCode::Internal, "SHOW REPLICA STATUS gave too few columns");
    const auto channel = std::find_if(snapshot.channels.begin(), snapshot.channels.end(),
                                      [&](const Channel& c) { return c.name == row[kNameOfChannel].value_or(""); });
    if (channel == snapshot.channels.end()) continue;
    auto read = place(row, kReadFile, kReadPosition);
    auto applied = place(row, kAppliedFile, kAppliedPosition);
    if (!read || !applied) return tl::unexpected((read ? applied : read).error());
    channel->read = std::move(*read);
    channel->applied = std::move(*applied);
  }
  use_positions(snapshot);
  for (auto& c : snapshot.channels) {
    const auto row = std::find_if(status.begin(), status.end(), [&](const Row& r) {
      return r.size() == kColumns && r[kChannel] && *r[kChannel] == c.name;
    });
    if (row != status.end()) c.lag = lag_of(c, snapshot.executed, age(*row, kSinceLastApplied));
  }
  return {};
}

}  // namespace repl::mysql

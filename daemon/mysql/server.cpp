// Typed reads.
#include "mysql/server.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mysql/position_query.hpp"
#include "mysql/status_query.hpp"

namespace repl::mysql {
namespace {

constexpr unsigned kNoSuchThread = 1094;

std::vector<Blocker> to_blockers(const Rows& rows) {
  std::vector<Blocker> out;
  for (const auto& row : rows) {
    out.push_back({row.at(0).value_or("0"),
                   fmt::format("{}@{}, {} s, {}", row.at(1).value_or("?"), row.at(2).value_or("?"),
                               row.at(3).value_or("?"), row.at(4).value_or("idle in a transaction or LOCK TABLES"))});
  }
  return out;
}

}  // namespace

std::chrono::milliseconds Server::time_left() const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(call_.deadline - std::chrono::steady_clock::now());
  return std::max(std::chrono::milliseconds{0}, left);
}

Result<Snapshot> Server::look() {
  const auto rows = query(status_query({}));
  if (!rows) return tl::unexpected(rows.error());
  Snapshot snapshot;
  snapshot.node = node();
  snapshot.reach = Reach::Ok;
  if (const auto read = read_status(*rows, snapshot); !read) return tl::unexpected(read.error());
  if (!snapshot.by_position()) return snapshot;
  // The log's end first: what is applied afterwards is not yet in it, never the other way round.
  const auto own = query(log_place_query(snapshot.version));
  if (!own) return tl::unexpected(own.error());
  Rows channels;
  if (!snapshot.channels.empty()) {
    auto shown = query(kChannelPlacesQuery);
    if (!shown) return tl::unexpected(shown.error());
    channels = std::move(*shown);
  }
  if (const auto read = read_places(*rows, *own, channels, snapshot); !read) return tl::unexpected(read.error());
  return snapshot;
}

Result<ReadOnly> Server::read_only() {
  const auto both = value("SELECT @@GLOBAL.read_only + @@GLOBAL.super_read_only");
  if (!both) return tl::unexpected(both.error());
  if (*both == "0") return ReadOnly::Off;
  return *both == "1" ? ReadOnly::On : ReadOnly::Super;
}

Result<Field> Server::variable(std::string_view name) {
  return value(fmt::format("SELECT VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME={}",
                           sql_quoted(name)));
}

Result<Field> Server::persisted(std::string_view name) {
  return value(fmt::format("SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME={}",
                           sql_quoted(name)));
}

Result<Field> Server::status(std::string_view name) {
  return value(fmt::format("SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME={}",
                           sql_quoted(name)));
}

Result<std::vector<Blocker>> blockers(Server& server) {
  const auto holders = server.query(
      "SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_HOST, t.PROCESSLIST_TIME, "
      "t.PROCESSLIST_STATE "
      "FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.THREAD_ID=m.OWNER_THREAD_ID "
      "WHERE m.OBJECT_TYPE IN ('GLOBAL','COMMIT') AND m.LOCK_STATUS='GRANTED' "
      "AND t.NAME IN ('thread/sql/one_connection','thread/sql/event_worker') AND t.PROCESSLIST_ID<>CONNECTION_ID()");
  if (!holders) return tl::unexpected(holders.error());
  if (!holders->empty()) return to_blockers(*holders);
  const auto enabled =
      server.value("SELECT ENABLED FROM performance_schema.setup_instruments WHERE NAME='wait/lock/metadata/sql/mdl'");
  if (enabled && *enabled == "YES") return std::vector<Blocker>{};
  const auto busy = server.query(
      "SELECT PROCESSLIST_ID, PROCESSLIST_USER, PROCESSLIST_HOST, PROCESSLIST_TIME, PROCESSLIST_STATE "
      "FROM performance_schema.threads WHERE NAME='thread/sql/one_connection' AND PROCESSLIST_COMMAND IN "
      "('Query','Execute') "
      "AND PROCESSLIST_STATE<>'User sleep' AND PROCESSLIST_ID<>CONNECTION_ID()");
  if (!busy) return tl::unexpected(busy.error());
  return to_blockers(*busy);
}

Result<void> kill(Server& server, const std::string& id) {
  auto killed = server.execute("KILL " + id);
  if (!killed && server.last_error() == kNoSuchThread) return {};
  return killed;
}

}  // namespace repl::mysql

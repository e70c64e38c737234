// The SQL of it. A row has a key of its own that is made anew each time: a server that was reset and follows this one
// from its first transaction on may still have the table and rows of before, and nothing may clash with them.
#include "mysql/cluster_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace repl::mysql {
namespace {

constexpr const char* kExists =
    "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA='repld' AND TABLE_NAME='cluster'";
constexpr const char* kCreateSchema = "CREATE DATABASE IF NOT EXISTS repld CHARACTER SET utf8mb4";
constexpr const char* kCreateTable =
    "CREATE TABLE IF NOT EXISTS repld.cluster (id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY, "
    "cluster VARCHAR(63) NOT NULL, term BIGINT UNSIGNED NOT NULL, revision BIGINT UNSIGNED NOT NULL, "
    "primary_node VARCHAR(63) NULL, document MEDIUMTEXT NOT NULL, "
    "written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB "
    "COMMENT='what repld needs to take this cluster up again'";

std::uint64_t counter_in(const Field& field) {
  std::uint64_t value = 0;
  const auto text = field.value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<bool> table_exists(Server& server) {
  const auto found = server.value(kExists);
  if (!found) return tl::unexpected(found.error());
  return *found == "1";
}

Result<std::vector<ClusterRecord>> rows(Server& server, const std::string& rest) {
  const auto found = server.query("SELECT cluster, term, revision, primary_node, document FROM repld.cluster" + rest);
  if (!found) return tl::unexpected(found.error());
  std::vector<ClusterRecord> out;
  for (const auto& row : *found) {
    ClusterRecord record{.cluster = {row.at(0).value_or("")},
                         .term = {counter_in(row.at(1))},
                         .revision = {counter_in(row.at(2))},
                         .primary = {},
                         .document = row.at(4).value_or("")};
    if (row.at(3)) record.primary = NodeId{*row.at(3)};
    out.push_back(std::move(record));
  }
  return out;
}

Result<void> replace(Server& server, const ClusterRecord& record) {
  const auto of_cluster = fmt::format(" WHERE cluster={}", sql_quoted(record.cluster.name));
  const auto kept = rows(server, of_cluster + " FOR UPDATE");
  if (!kept) return tl::unexpected(kept.error());
  if (kept->size() == 1 && kept->front() == record) return {};
  const auto newer = std::find_if(kept->begin(), kept->end(), [&](const auto& k) { return k.is_newer_than(record); });
  if (newer != kept->end()) {
    return fail(ErrorCode::Conflict,
                "{}: keeps term {}, revision {} of {} in repld.cluster, and here it is term {}, revision {}: another "
                "repld is at work. Stop one of the two",
                server.node(), newer->term.number, newer->revision.number, record.cluster, record.term.number,
                record.revision.number);
  }
  const auto id = server.value("SELECT UUID()");
  if (!id) return tl::unexpected(id.error());
  if (auto gone = server.execute("DELETE FROM repld.cluster" + of_cluster); !gone) return gone;
  return server.execute(fmt::format(
      "INSERT INTO repld.cluster (id, cluster, term, revision, primary_node, document) VALUES "
      "({}, {}, {}, {}, {}, {})",
      sql_quoted(id->value_or("")), sql_quoted(record.cluster.name), record.term.number, record.revision.number,
      record.primary ? sql_quoted(record.primary->name) : "NULL", sql_quoted(record.document)));
}

}  // namespace

Result<std::vector<ClusterRecord>> read_cluster_records(Server& server) {
  const auto exists = table_exists(server);
  if (!exists) return tl::unexpected(exists.error());
  return *exists ? rows(server, "") : std::vector<ClusterRecord>{};
}

Result<void> keep_cluster_record(Server& server, const ClusterRecord& record) {
  if (auto logged = server.execute("SET SESSION sql_log_bin=1"); !logged) return logged;
  const auto exists = table_exists(server);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) {
    for (const auto* statement : {kCreateSchema, kCreateTable}) {
      if (auto made = server.execute(statement); !made) return made;
    }
  }
  if (auto begun = server.execute("START TRANSACTION"); !begun) return begun;
  if (auto replaced = replace(server, record); !replaced) {
    (void)server.execute("ROLLBACK");
    return replaced;
  }
  return server.execute("COMMIT");
}

}  // namespace repl::mysql

// Verifications: a row per run, per table of it, and per finding.
#include "store/impl.hpp"
#include "store/store.hpp"

namespace repl::store {
namespace {

void drop_old_runs(SQLite::Database& writer, const ClusterId& cluster, std::int64_t kept) {
  // Of each kind by itself: many small runs must not push out the full one that the schedule goes by.
  SQLite::Statement runs(
      writer,
      "DELETE FROM verify_run WHERE sequence IN (SELECT sequence FROM (SELECT sequence, row_number() "
      "OVER (PARTITION BY coalesce(json_extract(body, '$.full'), 0) ORDER BY sequence DESC) AS place "
      "FROM verify_run WHERE cluster = ?1) WHERE place > ?2)");
  Use(runs).exec(cluster.name, kept);
  writer.exec("DELETE FROM verify_table WHERE run NOT IN (SELECT id FROM verify_run)");
  writer.exec("DELETE FROM verify_finding WHERE run NOT IN (SELECT id FROM verify_run)");
}

}  // namespace

void Store::Impl::put(const ClusterId& cluster, const VerifyRecord& record) {
  const auto& id = record.run.id;
  const auto body = encode(record.run);
  if (Use(change_run).exec(id, body) == 0) {
    Use(put_run).exec(id, cluster.name, body);
    drop_old_runs(writer, cluster, retention.verifications);
  }
  for (const auto& table : record.tables) {
    Use(put_table).exec(id, table.table.schema, table.table.name, encode(table));
  }
  for (const auto& table : record.forgotten) Use(drop_findings).exec(id, table.schema, table.name);
  for (const auto& finding : record.findings) Use(put_finding).exec(id, encode(finding));
}

Result<std::vector<verify::Run>> Store::verifications(const ClusterId& cluster) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<verify::Run>> {
    std::vector<verify::Run> out;
    SQLite::Statement statement(impl_->reader, "SELECT body FROM verify_run WHERE cluster = ? ORDER BY sequence DESC");
    Use rows(statement);
    rows.bind(cluster.name);
    while (rows.next()) {
      auto run = decode<verify::Run>(rows.text(0));
      if (!run) return tl::unexpected(run.error());
      out.push_back(std::move(*run));
    }
    return out;
  });
}

Result<std::vector<verify::TableProgress>> Store::verified_tables(const std::string& run) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<verify::TableProgress>> {
    std::vector<verify::TableProgress> out;
    SQLite::Statement statement(impl_->reader, "SELECT body FROM verify_table WHERE run = ? ORDER BY schema, name");
    Use rows(statement);
    rows.bind(run);
    while (rows.next()) {
      auto table = decode<verify::TableProgress>(rows.text(0));
      if (!table) return tl::unexpected(table.error());
      out.push_back(std::move(*table));
    }
    return out;
  });
}

Result<std::vector<verify::Finding>> Store::findings(const std::string& run, std::size_t limit) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<verify::Finding>> {
    std::vector<verify::Finding> out;
    SQLite::Statement statement(impl_->reader, "SELECT body FROM verify_finding WHERE run = ? ORDER BY id LIMIT ?");
    Use rows(statement);
    rows.bind(run, as_integer(limit));
    while (rows.next()) {
      auto finding = decode<verify::Finding>(rows.text(0));
      if (!finding) return tl::unexpected(finding.error());
      out.push_back(std::move(*finding));
    }
    return out;
  });
}

}  // namespace repl::store

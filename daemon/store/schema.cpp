// One row per version. A row is never changed once it was released: what comes later is a new row.
#include "store/schema.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace repl::store {
namespace {

constexpr std::array kMigrations{
    // 1: memory, revisions, operations, events. Bodies are JSON (codec.hpp), times microseconds since 1970.
    R"sql(
      CREATE TABLE cluster (name TEXT PRIMARY KEY, memory TEXT NOT NULL);
      CREATE TABLE revision (
        cluster TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,
        document TEXT NOT NULL, PRIMARY KEY (cluster, number));
      CREATE TABLE operation (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, cluster TEXT NOT NULL, body TEXT NOT NULL);
      CREATE INDEX operation_by_cluster ON operation (cluster, sequence);
      CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, body TEXT NOT NULL);
      CREATE INDEX event_by_cluster ON event (cluster, id);
    )sql",
    // 2: revisions as JSON, with more in them. Of those from before, only the one in force has a spec: its cluster's.
    R"sql(
      ALTER TABLE revision RENAME TO revision_1;
      CREATE TABLE revision (
        cluster TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (cluster, number));
      INSERT INTO revision
        SELECT r.cluster, r.number,
               json_object('revision', r.number, 'at_us', r.at, 'author', r.author, 'note', r.note, 'back_to', NULL,
                           'document', r.document,
                           'spec', json(CASE WHEN json_extract(c.memory, '$.revision') = r.number
                                             THEN coalesce(json_extract(c.memory, '$.spec'), 'null') ELSE 'null' END),
                           'operation', NULL,
                           'state', CASE WHEN r.number <= json_extract(c.memory, '$.revision') THEN 'applied'
                                         WHEN json_extract(c.memory, '$.proposed') IS NOT NULL THEN 'applying'
                                         ELSE 'taken-back' END,
                           'finished_us', r.at, 'before', json('[]'))
        FROM revision_1 r LEFT JOIN cluster c ON c.name = r.cluster;
      DROP TABLE revision_1;
    )sql",
    // 3: verifications, with a row per table so that a chunk rewrites little.
    R"sql(
      CREATE TABLE verify_run (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, cluster TEXT NOT NULL, body TEXT NOT NULL);
      CREATE INDEX verify_run_by_cluster ON verify_run (cluster, sequence);
      CREATE TABLE verify_table (
        run TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run, schema, name)) WITHOUT ROWID;
      CREATE TABLE verify_finding (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, body TEXT NOT NULL);
      CREATE INDEX verify_finding_by_run ON verify_finding (run, id);
    )sql",
};

}  // namespace

void migrate(SQLite::Database& database) {
  database.exec("CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)");
  const int present = database.execAndGet("SELECT coalesce(max(version), 0) FROM migration").getInt();
  const int newest = static_cast<int>(kMigrations.size());
  if (present > newest) {
    throw std::runtime_error(fmt::format(
        "it has version {}, and this repld knows versions up to {}: start the newer repld again", present, newest));
  }
  for (int version = present + 1; version <= newest; ++version) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(kMigrations[static_cast<std::size_t>(version - 1)]);
    database.exec(fmt::format("INSERT INTO migration VALUES ({}, datetime('now'))", version));
    transaction.commit();
  }
}

}  // namespace repl::store

// The inside of the Store, shared by its parts: two connections to one file, the writer's and one for readers, so that
// a long list of events never holds up the journal.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <mutex>
#include <string>

#include "store/codec.hpp"
#include "store/store.hpp"

namespace repl::store {

/// With what every open file needs. Throws SQLite::Exception or std::runtime_error.
SQLite::Database open_writer(const std::string& path);
SQLite::Database open_reader(const std::string& path);

/// Gives the statement back unbound, whatever happened in between.
class Use {
 public:
  explicit Use(SQLite::Statement& statement) : statement_(statement) {}
  ~Use() {
    statement_.tryReset();
    statement_.clearBindings();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  SQLite::Statement* operator->() { return &statement_; }

  template <class... Args>
  int exec(const Args&... args) {
    int index = 0;
    (statement_.bind(++index, args), ...);
    return statement_.exec();
  }
  template <class... Args>
  void bind(const Args&... args) {
    int index = 0;
    (statement_.bind(++index, args), ...);
  }
  bool next() { return statement_.executeStep(); }
  std::string text(int column) { return statement_.getColumn(column).getString(); }
  std::int64_t number(int column) { return statement_.getColumn(column).getInt64(); }

 private:
  SQLite::Statement& statement_;
};

inline std::int64_t as_integer(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}
inline std::int64_t as_integer(Time at) {
  return at.time_since_epoch().count();
}

struct Store::Impl {
  Impl(std::string path_, Retention retention_)
      : path(std::move(path_)), retention(retention_), writer(open_writer(path)), reader(open_reader(path)) {}

  const std::string path;
  const Retention retention;

  std::mutex writing;  // guards the writer and its statements
  SQLite::Database writer;
  SQLite::Statement put_memory{writer,
                               "INSERT INTO cluster VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET memory = ?2"};
  SQLite::Statement put_revision{writer, "INSERT OR REPLACE INTO revision VALUES (?, ?, ?)"};
  SQLite::Statement end_revision{writer,
                                 "UPDATE revision SET body = json_set(body, '$.state', ?3, '$.finished_us', ?4) "
                                 "WHERE cluster = ?1 AND number = ?2"};
  SQLite::Statement change_operation{writer, "UPDATE operation SET body = ?2 WHERE id = ?1"};
  SQLite::Statement put_operation{writer, "INSERT INTO operation (id, cluster, body) VALUES (?, ?, ?)"};
  SQLite::Statement put_event{writer, "INSERT INTO event (cluster, body) VALUES (?, ?)"};
  SQLite::Statement drop_operations{writer, "DELETE FROM operation WHERE sequence <= ?"};
  SQLite::Statement drop_events{writer, "DELETE FROM event WHERE id <= ?"};

  SQLite::Statement change_run{writer, "UPDATE verify_run SET body = ?2 WHERE id = ?1"};
  SQLite::Statement put_run{writer, "INSERT INTO verify_run (id, cluster, body) VALUES (?, ?, ?)"};
  SQLite::Statement put_table{writer, "INSERT OR REPLACE INTO verify_table VALUES (?, ?, ?, ?)"};
  SQLite::Statement drop_findings{
      writer,
      "DELETE FROM verify_finding WHERE run = ?1 AND json_extract(body, '$.table.schema') = "
      "?2 AND json_extract(body, '$.table.name') = ?3"};
  SQLite::Statement put_finding{writer, "INSERT INTO verify_finding (run, body) VALUES (?, ?)"};

  std::mutex reading;  // guards the reader
  SQLite::Database reader;

  void put(const ClusterId& cluster, const Operation& operation) {
    const auto body = encode(operation);
    if (Use(change_operation).exec(operation.id.value, body) > 0) return;
    Use(put_operation).exec(operation.id.value, cluster.name, body);
    Use(drop_operations).exec(writer.getLastInsertRowid() - retention.operations);
  }

  /// verifications.cpp
  void put(const ClusterId& cluster, const VerifyRecord& record);

  void put(const Record& record) {
    const auto& cluster = record.cluster;
    SQLite::Transaction transaction(writer, SQLite::TransactionBehavior::IMMEDIATE);
    if (record.memory) Use(put_memory).exec(cluster.name, encode(*record.memory));
    for (const auto& r : record.revisions) {
      Use(put_revision).exec(cluster.name, as_integer(r.revision.number), encode(r));
    }
    for (const auto& outcome : record.outcomes) {
      Use(end_revision)
          .exec(cluster.name, as_integer(outcome.revision.number), std::string(to_string(outcome.state)),
                as_integer(outcome.finished));
    }
    for (const auto& operation : record.operations) put(cluster, operation);
    if (record.verification) put(cluster, *record.verification);
    for (const auto& event : record.events) Use(put_event).exec(cluster.name, encode(event));
    if (!record.events.empty()) Use(drop_events).exec(writer.getLastInsertRowid() - retention.events);
    transaction.commit();
  }

  /// Runs `body` and turns what SQLite throws into our error.
  template <class Body>
  auto guarded(std::string_view what, const Body& body) const -> decltype(body()) {
    try {
      return body();
    } catch (const std::exception& e) {
      return fail(ErrorCode::StoreFailed, "{} {}: {}. Check the disk and the rights of the file.", what, path,
                  e.what());
    }
  }
};

}  // namespace repl::store

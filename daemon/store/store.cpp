// Memory, revisions, operations and events.
#include "store/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "store/impl.hpp"
#include "store/schema.hpp"

namespace repl::store {
namespace {

constexpr int kBusyTimeoutMs = 5000;

/// SQLite gives the side files (-wal, -shm) the mode of the main one, so that one is made first.
void make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error(std::strerror(errno));
  const int changed = ::fchmod(fd, 0600);
  const int error = errno;
  ::close(fd);
  if (changed != 0) throw std::runtime_error(std::strerror(error));
}

}  // namespace

SQLite::Database open_writer(const std::string& path) {
  make_private_file(path);
  SQLite::Database database(path, SQLite::OPEN_READWRITE, kBusyTimeoutMs);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");  // a commit is on the disk when it returns
  database.exec("PRAGMA cache_size = -512");
  database.exec("PRAGMA journal_size_limit = 4194304");
  const std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") {
    throw std::runtime_error("the file is damaged (" + verdict + "): put it aside, and apply the topology files again");
  }
  migrate(database);
  return database;
}

SQLite::Database open_reader(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE, kBusyTimeoutMs);
  database.exec("PRAGMA query_only = ON");
  database.exec("PRAGMA cache_size = -512");
  return database;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path, Retention retention) {
  try {
    return std::unique_ptr<Store>(new Store(std::make_unique<Impl>(path, retention)));
  } catch (const std::exception& e) {
    return fail(ErrorCode::StoreFailed, "the store {} cannot be opened: {}", path, e.what());
  }
}

Result<void> Store::write(const Record& record) {
  const std::lock_guard lock(impl_->writing);
  return impl_->guarded("writing to the store", [&]() -> Result<void> {
    impl_->put(record);
    return {};
  });
}

Result<void> Store::copy_to(const std::string& path) const {
  return impl_->guarded("copying the store", [&]() -> Result<void> {
    if (::access(path.c_str(), F_OK) == 0) throw std::runtime_error(path + " is there already");
    make_private_file(path);  // VACUUM INTO takes an empty file
    SQLite::Database source(impl_->path, SQLite::OPEN_READWRITE, kBusyTimeoutMs);
    SQLite::Statement copy(source, "VACUUM INTO ?");
    copy.bind(1, path);
    copy.exec();
    return {};
  });
}

Result<void> Store::forget(const ClusterId& cluster) {
  const std::lock_guard lock(impl_->writing);
  return impl_->guarded("forgetting a cluster in the store", [&]() -> Result<void> {
    SQLite::Transaction transaction(impl_->writer, SQLite::TransactionBehavior::IMMEDIATE);
    for (const auto* sql : {"DELETE FROM cluster WHERE name = ?", "DELETE FROM revision WHERE cluster = ?",
                            "DELETE FROM operation WHERE cluster = ?",
                            "DELETE FROM verify_table WHERE run IN (SELECT id FROM verify_run WHERE cluster = ?)",
                            "DELETE FROM verify_finding WHERE run IN (SELECT id FROM verify_run WHERE cluster = ?)",
                            "DELETE FROM verify_run WHERE cluster = ?"}) {
      SQLite::Statement statement(impl_->writer, sql);
      Use(statement).exec(cluster.name);
    }
    transaction.commit();
    return {};
  });
}

Result<std::vector<std::pair<ClusterId, Memory>>> Store::clusters() const {
  using Clusters = std::vector<std::pair<ClusterId, Memory>>;
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<Clusters> {
    Clusters out;
    SQLite::Statement statement(impl_->reader, "SELECT name, memory FROM cluster ORDER BY name");
    for (Use rows(statement); rows.next();) {
      auto memory = decode<Memory>(rows.text(1));
      if (!memory) {
        return fail(ErrorCode::StoreFailed, "cluster {} in the store {}: {}", rows.text(0), impl_->path,
                    memory.error().message);
      }
      out.emplace_back(ClusterId{rows.text(0)}, std::move(*memory));
    }
    return out;
  });
}

Result<std::vector<AppliedRevision>> Store::revisions(const ClusterId& cluster) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<AppliedRevision>> {
    std::vector<AppliedRevision> out;
    SQLite::Statement statement(impl_->reader, "SELECT body FROM revision WHERE cluster = ? ORDER BY number DESC");
    Use rows(statement);
    rows.bind(cluster.name);
    while (rows.next()) {
      auto revision = decode<AppliedRevision>(rows.text(0));
      if (!revision) return tl::unexpected(revision.error());
      out.push_back(std::move(*revision));
    }
    return out;
  });
}

Result<AppliedRevision> Store::revision(const ClusterId& cluster, Revision revision) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<AppliedRevision> {
    SQLite::Statement statement(impl_->reader, "SELECT body FROM revision WHERE cluster = ? AND number = ?");
    Use rows(statement);
    rows.bind(cluster.name, as_integer(revision.number));
    if (!rows.next()) {
      return fail(ErrorCode::NoSuchRevision, "{} has no revision {}; `replctl history {}` lists them", cluster,
                  revision.number, cluster);
    }
    return decode<AppliedRevision>(rows.text(0));
  });
}

Result<std::vector<Operation>> Store::operations(const ClusterId& cluster, std::size_t limit) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<Operation>> {
    std::vector<Operation> out;
    SQLite::Statement statement(impl_->reader,
                                "SELECT body FROM operation WHERE cluster = ? ORDER BY sequence DESC LIMIT ?");
    Use rows(statement);
    rows.bind(cluster.name, as_integer(limit));
    while (rows.next()) {
      auto operation = decode<Operation>(rows.text(0));
      if (!operation) return tl::unexpected(operation.error());
      out.push_back(std::move(*operation));
    }
    return out;
  });
}

Result<Operation> Store::operation(const OperationId& id) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<Operation> {
    SQLite::Statement statement(impl_->reader, "SELECT body FROM operation WHERE id = ?");
    Use rows(statement);
    rows.bind(id.value);
    if (!rows.next()) {
      return fail(ErrorCode::NoSuchOperation, "there is no operation '{}'; `replctl history CLUSTER` lists them", id);
    }
    return decode<Operation>(rows.text(0));
  });
}

namespace {

Result<std::vector<StoredEvent>> read_events(Use& rows) {
  std::vector<StoredEvent> out;
  while (rows.next()) {
    auto event = decode<Event>(rows.text(2));
    if (!event) return tl::unexpected(event.error());
    out.push_back({.id = rows.number(0), .cluster = ClusterId{rows.text(1)}, .event = std::move(*event)});
  }
  return out;
}

}  // namespace

Result<std::vector<StoredEvent>> Store::events(const std::optional<ClusterId>& cluster, std::int64_t since,
                                               std::size_t limit) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<StoredEvent>> {
    SQLite::Statement statement(
        impl_->reader, cluster
                           ? "SELECT id, cluster, body FROM event WHERE id > ?1 AND cluster = ?3 ORDER BY id LIMIT ?2"
                           : "SELECT id, cluster, body FROM event WHERE id > ?1 ORDER BY id LIMIT ?2");
    Use rows(statement);
    rows.bind(since, as_integer(limit));
    if (cluster) rows->bind(3, cluster->name);
    return read_events(rows);
  });
}

Result<std::vector<StoredEvent>> Store::latest_events(const std::optional<ClusterId>& cluster,
                                                      std::size_t limit) const {
  const std::lock_guard lock(impl_->reading);
  return impl_->guarded("reading the store", [&]() -> Result<std::vector<StoredEvent>> {
    SQLite::Statement statement(
        impl_->reader,
        cluster ? "SELECT * FROM (SELECT id, cluster, body FROM event WHERE cluster = ?2 "
                  "ORDER BY id DESC LIMIT ?1) ORDER BY id"
                : "SELECT * FROM (SELECT id, cluster, body FROM event ORDER BY id DESC LIMIT ?1) ORDER BY id");
    Use rows(statement);
    rows.bind(as_integer(limit));
    if (cluster) rows->bind(2, cluster->name);
    return read_events(rows);
  });
}

}  // namespace repl::store

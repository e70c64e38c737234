// What repld knows over a restart: memory of each cluster, revisions, operations, events, verifications. SQLite (WAL,
// synchronous=FULL): every call is one transaction, so that a kill -9 at any instant leaves the state before or after
// it. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "verify/run.hpp"

namespace repl::store {

struct StoredEvent {
  std::int64_t id = 0;  ///< Grows; the cursor for `since`.
  ClusterId cluster;
  Event event;
};

/// How far a verification has come since the last record of it.
struct VerifyRecord {
  verify::Run run;                            ///< Inserted, or replaced by id.
  std::vector<verify::TableProgress> tables;  ///< Those that have changed.
  std::vector<verify::Finding> findings;      ///< New ones.
  /// Those whose earlier findings are dropped, because they are read anew.
  std::vector<verify::TableId> forgotten{};
};

/// One output of a controller or step of a verification, to be stored as a whole.
struct Record {
  ClusterId cluster;
  std::optional<Memory> memory;
  std::vector<Operation> operations;  ///< Inserted, or replaced by id.
  std::vector<Event> events;
  std::vector<AppliedRevision> revisions;  ///< Inserted, or replaced by number.
  std::vector<RevisionOutcome> outcomes;   ///< Of revisions that are stored already.
  std::optional<VerifyRecord> verification;
  bool empty() const {
    return !memory && operations.empty() && events.empty() && revisions.empty() && outcomes.empty() && !verification;
  }
};

/// How many of the newest are kept, of all clusters together. Memory and revisions are kept for good.
struct Retention {
  std::int64_t events = 100'000;
  std::int64_t operations = 10'000;
  std::int64_t verifications = 10;  ///< Of each cluster, of full ones and of others.
};

class Store {
 public:
  /// Opens or creates the file (mode 0600). A file of a newer version of repld, and a damaged one, is refused.
  /// @errors StoreFailed
  static Result<std::unique_ptr<Store>> open(const std::string& path, Retention retention = {});
  ~Store();

  /// Durable when it returns. @errors StoreFailed: nothing was stored
  Result<void> write(const Record& record);

  /// All of it as of one moment, as a new file (mode 0600) without side files. Writing goes on meanwhile.
  /// @errors StoreFailed: there is such a file, or it cannot be written
  Result<void> copy_to(const std::string& path) const;

  Result<std::vector<std::pair<ClusterId, Memory>>> clusters() const;
  /// Drops memory, revisions, operations and verifications of the cluster; its events stay, as the record of what was
  /// done.
  Result<void> forget(const ClusterId& cluster);

  /// Newest first.
  Result<std::vector<AppliedRevision>> revisions(const ClusterId& cluster) const;
  /// @errors NoSuchRevision
  Result<AppliedRevision> revision(const ClusterId& cluster, Revision revision) const;
  /// Newest first, at most `limit`.
  Result<std::vector<Operation>> operations(const ClusterId& cluster, std::size_t limit) const;
  /// @errors NoSuchOperation
  Result<Operation> operation(const OperationId& id) const;
  /// Events with an id above `since`, oldest first, at most `limit`; of one cluster or of all.
  Result<std::vector<StoredEvent>> events(const std::optional<ClusterId>& cluster, std::int64_t since,
                                          std::size_t limit) const;
  /// The newest `limit` events, oldest first.
  Result<std::vector<StoredEvent>> latest_events(const std::optional<ClusterId>& cluster, std::size_t limit) const;

  /// Newest first.
  Result<std::vector<verify::Run>> verifications(const ClusterId& cluster) const;
  /// Sorted by schema and name.
  Result<std::vector<verify::TableProgress>> verified_tables(const std::string& run) const;
  /// In the order in which they were found, at most `limit`.
  Result<std::vector<verify::Finding>> findings(const std::string& run, std::size_t limit) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repl::store

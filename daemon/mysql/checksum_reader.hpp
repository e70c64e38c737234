// Reads of one node what a verification compares, on a session of its own: nothing waits for it and it locks nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mysql/node_mysql.hpp"
#include "verify/run.hpp"

namespace repl::mysql {

/// One thread at a time. Every call may fail with the errors of NodeMySQL::borrow; those that read rows also with
/// DeadlineExceeded when the server cut the statement off (kMostReadTime), and with ServerRefused when the table is no
/// longer what it was, or the range is one of another key.
class ChecksumReader {
 public:
  /// @param stopping  set when the calls are to end
  ChecksumReader(NodeId node, Endpoint endpoint, std::shared_ptr<const std::atomic<bool>> stopping);

  const NodeId& node() const { return node_; }

  /// @@GLOBAL.gtid_executed
  Result<GtidSet> position();
  /// Whether the node has executed all of `set` within the time (5 s at most).
  Result<bool> wait_for(const GtidSet& set, std::chrono::milliseconds within);

  /// The base tables that `settings` name, sorted; without columns and key.
  Result<std::vector<verify::TableShape>> tables(const verify::Settings& settings);
  /// Empty: there is no such table.
  Result<std::optional<verify::TableShape>> shape(const verify::TableId& table);

  /// The key that is `rows` rows behind `after`; empty when there are fewer.
  Result<std::optional<verify::Key>> boundary(const verify::TableShape& table, const std::optional<verify::Key>& after,
                                              std::uint64_t rows);

  struct Sum {
    std::uint64_t rows = 0;
    std::string digest;
    bool operator==(const Sum&) const = default;
  };
  Result<Sum> sum(const verify::TableShape& table, const verify::KeyRange& range);

  struct Hashes {
    verify::RowHashes rows;
    std::optional<verify::Key> cut_at;  ///< There are more; up to this one are half of those that were read.
  };
  /// @param keys  only these; empty: all
  Result<Hashes> rows(const verify::TableShape& table, const verify::KeyRange& range,
                      const std::vector<verify::Key>& keys, std::uint64_t most);

 private:
  Result<Rows> query(const Statement& statement);
  Result<void> check_range(const verify::TableShape& table, const verify::KeyRange& range) const;

  const NodeId node_;
  const std::shared_ptr<const std::atomic<bool>> stopping_;
  NodeMySQL server_;
  std::uint64_t prepared_ = 0;  ///< The session that was set up.
};

}  // namespace repl::mysql

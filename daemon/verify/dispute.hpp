// Two nodes gave different sums for a range of keys: which rows really differ, and which were only on their way?
//
// A row is judged by reading it on the reference, then on the node (once that has applied all that the reference had),
// then on the reference again (once that has all that the node had). docs/verify.md argues what that proves.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verify/key.hpp"

namespace repl::verify {

/// Rows as key -> hash of all columns. Without a key: hash of all columns -> how many rows have it.
using RowHashes = std::map<Key, std::string>;

/// One look at the rows that are in dispute, in this order.
struct Round {
  RowHashes reference_before;
  RowHashes node;
  RowHashes reference_after;
  /// The reference committed nothing between its two reads, and the node had nothing that the reference had not.
  bool quiet = false;
};

enum class Difference {
  Missing,  ///< The reference has the row, the node has not.
  Extra,    ///< The node has it, the reference has not.
  Changed,  ///< Both have it, with other values.
};

class Dispute {
 public:
  /// So many rounds in a row must show the same two values of a row, unless one was quiet.
  static constexpr int kConfirmations = 5;
  /// Rows that are still open after so many rounds kept changing.
  static constexpr int kRounds = 20;

  /// The first round is about all rows of the range, later ones about the open keys.
  void take(const Round& round);

  bool settled() const { return rounds_ > 0 && (open_.empty() || rounds_ >= kRounds); }
  int rounds() const { return rounds_; }
  /// Keys that the next round has to look at. Means nothing before the first.
  std::vector<Key> open() const;

  /// Rows that certainly differ.
  const std::map<Key, Difference>& differences() const { return differences_; }

 private:
  /// Values of the reference and the node that differed while the reference's stood still. Empty: no such row.
  struct Suspicion {
    std::optional<std::string> reference, node;
    int times = 0;
  };
  void judge(const Key& key, const Round& round);

  int rounds_ = 0;
  std::map<Key, Suspicion> open_;
  std::map<Key, Difference> differences_;
};

}  // namespace repl::verify

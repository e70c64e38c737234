// How many rows are read at a time: as many as take the target time on the slowest node.
#pragma once

#include <cstdint>

#include "model/ids.hpp"

namespace repl::verify {

class ChunkSize {
 public:
  static constexpr std::uint64_t kLeast = 1, kFirst = 256, kMost = 50'000;
  static constexpr Duration kTarget{200'000};

  std::uint64_t rows() const { return rows_; }
  /// A chunk of `rows` took so long. It grows at most twofold at a time and shrinks at once: a chunk that is too big
  /// holds up the appliers of a busy machine.
  void took(std::uint64_t rows, Duration duration);
  /// The server cut a statement off. @return false when there is no smaller chunk
  bool cut_off();

 private:
  std::uint64_t rows_ = kFirst;
};

}  // namespace repl::verify

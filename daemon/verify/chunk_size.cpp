// The size follows the rate of the last chunk.
#include "verify/chunk_size.hpp"

#include <algorithm>

namespace repl::verify {

void ChunkSize::took(std::uint64_t rows, Duration duration) {
  if (rows == 0) return;
  const auto micros = static_cast<std::uint64_t>(std::max<Duration::rep>(1, duration.count()));
  const auto fitting = rows * static_cast<std::uint64_t>(kTarget.count()) / micros;
  // What a part of a chunk (the end of a table) says of the rate is mostly overhead.
  if (rows * 2 < rows_ && fitting > rows_) return;
  rows_ = std::clamp(std::min(fitting, rows_ * 2), kLeast, kMost);
}

bool ChunkSize::cut_off() {
  if (rows_ == kLeast) return false;
  rows_ = std::max(kLeast, rows_ / 4);
  return true;
}

}  // namespace repl::verify

// Seeded random numbers that are the same on every platform and standard library: a run is replayed by its seed alone.
#pragma once

#include <cstdint>

#include "model/ids.hpp"

namespace repl::sim {

/// xoshiro256**, seeded by splitmix64.
/// Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (public domain algorithm).
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15ULL;
      auto z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() {
    const auto result = rotate(state_[1] * 5, 7) * 9;
    const auto shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// 0 .. n-1; n > 0.
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  /// Both ends included.
  Duration between(Duration low, Duration high) {
    if (high <= low) return low;
    return low + Duration{static_cast<std::int64_t>(next() % static_cast<std::uint64_t>((high - low).count() + 1))};
  }
  /// A stream of its own, so that what one part draws does not change what another one gets.
  Random fork() { return Random{next()}; }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
  std::uint64_t state_[4]{};
};

}  // namespace repl::sim

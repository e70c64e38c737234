// What is counted per node for /metrics. Atomics, so that any thread counts and any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "model/snapshot.hpp"

namespace repl::mysql {

struct SessionCounters {
  std::atomic<std::uint64_t> opened{0};  ///< Sessions opened since the node is known.
  std::atomic<std::uint64_t> lost{0};    ///< Sessions that broke or were given up.
  std::atomic<int> open{0};              ///< Now.
};

inline constexpr std::size_t kReachValues = static_cast<std::size_t>(Reach::Lost) + 1;

/// Upper bounds of the histogram of probe durations, in microseconds; the last bucket has none.
inline constexpr std::array<std::int64_t, 11> kProbeBuckets{500,    1'000,   2'000,   5'000,   10'000,   25'000,
                                                            50'000, 100'000, 250'000, 500'000, 1'000'000};

struct NodeCounters {
  SessionCounters sessions;
  std::array<std::atomic<std::uint64_t>, kReachValues> probes{};  ///< By Reach.
  std::array<std::atomic<std::uint64_t>, kProbeBuckets.size() + 1> probe_durations{};
  std::atomic<std::uint64_t> probe_microseconds{0};  ///< Sum of all durations.
  std::atomic<bool> breaker_open{false};

  void count_probe(Reach reach, Duration took) {
    ++probes[static_cast<std::size_t>(reach)];
    std::size_t bucket = 0;
    while (bucket < kProbeBuckets.size() && took.count() > kProbeBuckets[bucket]) ++bucket;
    ++probe_durations[bucket];
    probe_microseconds += static_cast<std::uint64_t>(took.count());
  }
};

}  // namespace repl::mysql

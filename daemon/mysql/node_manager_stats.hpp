// Figures of a NodeManager for /metrics, as values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "mysql/counters.hpp"

namespace repl::mysql {

struct NodeStats {
  NodeId node;
  std::array<std::uint64_t, kReachValues> probes{};  ///< By Reach; grows.
  /// Not cumulative; upper bounds are kProbeBuckets, the last has none.
  std::array<std::uint64_t, kProbeBuckets.size() + 1> probe_durations{};
  double probe_seconds = 0;           ///< Sum of all durations.
  std::uint64_t sessions_opened = 0;  ///< Reconnections are those beyond the first few.
  std::uint64_t sessions_lost = 0;
  int sessions = 0;  ///< Open now.
  bool breaker_open = false;
};

struct StepStats {
  std::string name;  ///< name_of(Step)
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  double seconds = 0;  ///< Sum of all durations.
};

struct NodeManagerStats {
  std::vector<NodeStats> nodes;
  std::vector<StepStats> steps;
};

}  // namespace repl::mysql

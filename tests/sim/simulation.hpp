// One run from a schedule to a verdict.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/checker.hpp"
#include "sim/schedule.hpp"

namespace repl::sim {

struct Report {
  std::string name;
  std::uint64_t seed = 0;
  std::vector<Violation> violations;
  std::vector<std::string> trace;  ///< Kept only when asked for.
  // For statistics, and for schedules that are built from a reference run.
  std::map<Goal, int> moments;            ///< How many there were, per goal.
  std::map<Goal, int> orders;             ///< Steps ordered, per goal.
  std::map<std::string, int> operations;  ///< "failover done" → how many.
  std::vector<std::string> problems;      ///< Names seen after apply, in the order of their first appearance.
  std::size_t acknowledged = 0;
  bool promoted = false;
  /// How far the end is from the declared state, with what explains it; empty: declared state.
  std::vector<std::string> explained;
  Duration simulated{0};

  bool ok() const { return violations.empty(); }
  /// The broken invariants and the end of the trace.
  std::string text(std::size_t lines = 120) const;
};

enum class KeepTrace { No, Yes };
Report run(const Schedule& schedule, KeepTrace trace = KeepTrace::No);

/// Runs; when an invariant breaks, runs once more with the trace kept.
Report run_and_explain(const Schedule& schedule);

}  // namespace repl::sim

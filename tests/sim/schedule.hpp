// A run as a value: the cluster, what befalls it and when, and what is expected of it beyond the invariants.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/faults.hpp"

namespace repl::sim {

struct Setup {
  int nodes = 3;
  SyncSpec sync{.mode = DataSyncType::SemiSync};
  FailoverSpec failover{};
  int writers = 2;
  bool installer_transactions = false;  ///< The empty servers have a few transactions of their own.
  NetworkProfile network{};
  Duration window{20'000'000};  ///< From the end of apply to the end of all faults.
  bool slow_appliers = false;
  std::map<std::string, std::string> settings{};
  bool ring = false;         ///< source-source or circular, in the order of the servers.
  int spares = 0;            ///< Empty servers that nobody has declared yet.
  bool chain = false;        ///< The last replica follows the one before it.
  bool purged_logs = false;  ///< The binary logs from before the faults are gone, so that a new node has to be cloned.
};

/// When a strike comes.
struct When {
  /// Time: `after` the end of apply. Moment: at the n-th moment of work of repld on `goal`. Ordered: with the n-th step
  /// order of `goal` (for step faults).
  enum class Kind { Time, Moment } kind = Kind::Time;
  Duration after{0};
  Goal goal = Goal::None;  ///< None: of any goal.
  int number = 0;
};
inline When at(Duration after) {
  return {.kind = When::Kind::Time, .after = after};
}
inline When at_moment(Goal goal, int number) {
  return {.kind = When::Kind::Moment, .goal = goal, .number = number};
}

struct Strike {
  When when;
  Fault fault;
};

/// A fault of one execution of a step: the n-th order for `goal`.
struct StepStrike {
  Goal goal = Goal::None;
  int number = 0;
  StepFault fault = StepFault::None;
};

/// What this schedule was written to show. Empty fields are not checked.
struct Expectation {
  std::optional<bool> promotion;        ///< Whether the primary changes before the faults end.
  std::string problem;                  ///< A problem of this name is seen before the faults end.
  std::optional<Duration> writable_in;  ///< A write is acknowledged within this time after the first strike.
  std::optional<int> failovers;         ///< How many were finished before the faults end.
  bool no_steps = false;                ///< Nothing is changed on any server from the end of apply on.
  bool changed = false;                 ///< Another spec than at the beginning is in force before the faults end.
};

struct Schedule {
  std::string name;
  std::uint64_t seed = 0;
  Setup setup;
  std::vector<Strike> strikes;
  std::vector<StepStrike> step_strikes;
  bool counts_after_apply = false;  ///< Moments and orders are counted from the end of the first apply.
  double step_fault_rate = 0;       ///< Of all steps after apply, that some fault befalls.
  Expectation expect;
  Tampering tampering = Tampering::None;
  std::function<void(Snapshot&)> falsify;
};
std::string describe(const Schedule& schedule);

Spec spec_of(const Setup& setup);

/// A mix of everything, from the seed alone.
Schedule random_schedule(std::uint64_t seed);
/// Many faults at once, some of them in the middle of what repld does about the others.
Schedule storm_schedule(std::uint64_t seed);
/// As random_schedule(), while somebody applies one to three changes of the spec.
Schedule changing_schedule(std::uint64_t seed);
/// Rings, while they are changed, become trees, and again rings, and while their nodes fail.
Schedule ring_schedule(std::uint64_t seed);
/// No fault at all; the network slow, but within limits.
Schedule quiet_schedule(std::uint64_t seed);

}  // namespace repl::sim

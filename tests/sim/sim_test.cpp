// Thousands of schedules against the real controller: drawn at random, written on purpose, and struck at every step.
// A failure prints the seed or name, the broken invariant and the end of the trace; `sim` shows it whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "sim/families.hpp"
#include "sim/in_parallel.hpp"

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kSlowdown = 10;
#else
constexpr std::size_t kSlowdown = 1;
#endif

/// REPL_SIM_SEEDS overrides the number of random seeds.
std::size_t seeds() {
  if (const auto* text = std::getenv("REPL_SIM_SEEDS")) return std::strtoul(text, nullptr, 10);
  return 2'000 / kSlowdown;
}

TEST(Simulation, InvariantsHoldUnderRandomFaults) {
  const auto outcome = run_all(seeds(), [](std::size_t i) { return random_schedule(i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  for (const auto& [what, n] : outcome.operations) std::cout << "  " << what << ": " << n << '\n';
  std::cout << "  " << outcome.acknowledged << " writes acknowledged\n";
  for (const auto* what :
       {"failover done", "switchover done", "rejoin done", "reopen done", "repair done", "fence done"}) {
    EXPECT_TRUE(outcome.operations.contains(what)) << "the random schedules never led to: " << what;
  }
}

TEST(Simulation, InvariantsHoldInAStormOfFaults) {
  const auto outcome = run_all(seeds() / 4, [](std::size_t i) { return storm_schedule(i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
}

TEST(Simulation, InvariantsHoldWhileTheSpecIsChanged) {
  const auto outcome = run_all(seeds() / 2, [](std::size_t i) { return changing_schedule(i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  for (const auto& [what, n] : outcome.operations) std::cout << "  " << what << ": " << n << '\n';
  for (const auto* what : {"apply done", "apply taken-back"}) {
    EXPECT_TRUE(outcome.operations.contains(what)) << "the changes never led to: " << what;
  }
}

TEST(Simulation, InvariantsHoldInRings) {
  const auto outcome = run_all(seeds() / 5, [](std::size_t i) { return ring_schedule(i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  for (const auto& [what, n] : outcome.operations) std::cout << "  " << what << ": " << n << '\n';
  for (const auto* what : {"apply done", "apply taken-back", "reopen done"}) {
    EXPECT_TRUE(outcome.operations.contains(what)) << "the rings never led to: " << what;
  }
}

TEST(Simulation, NothingIsDoneWithoutAFault) {
  const auto outcome = run_all(200 / kSlowdown, [](std::size_t i) { return quiet_schedule(i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {3U, 14U, 159U}) {
    EXPECT_EQ(run(random_schedule(seed), KeepTrace::Yes).trace, run(random_schedule(seed), KeepTrace::Yes).trace);
  }
}

TEST(Simulation, WhatOnceFailedNoLongerDoes) {
  const auto all = regressions();
  const auto outcome = run_all(all.size(), [&](std::size_t i) { return all[i]; });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
}

class Directed : public testing::TestWithParam<std::string> {};

TEST_P(Directed, GoesAsItShould) {
  const auto outcome = run_all(8, [](std::size_t i) { return *schedule_named(GetParam(), i + 1); });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
}

std::vector<std::string> directed_names() {
  std::vector<std::string> out;
  for (const auto& s : directed_schedules()) out.push_back(s.name);
  return out;
}
std::string as_test_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Catalogue, Directed, testing::ValuesIn(directed_names()),
                         [](const auto& of) { return as_test_name(of.param); });

class EveryStep : public testing::TestWithParam<Work> {};

TEST_P(EveryStep, ReferenceRunIsUndisturbed) {
  const auto report = run_and_explain(undisturbed(GetParam()));
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_GT(report.moments.contains(GetParam().goal) ? report.moments.at(GetParam().goal) : 0, 3);
}

/// repld and every server killed, frozen and cut off at every moment of the work.
TEST_P(EveryStep, AnyFaultAtAnyMomentEndsInTheDeclaredStateOrAnExplainedStop) {
  const auto reference = run(undisturbed(GetParam()));
  const auto moments = reference.moments.at(GetParam().goal);
  std::vector<Schedule> all;
  int turn = 0;
  for (const auto& fault : faults_for_every_step(undisturbed(GetParam()).setup)) {
    // A crash of repld at each moment; of the rest every third, in turn: all kinds of moments are met by all of them.
    const int stride = (fault.kind == FaultKind::CrashRepld ? 1
                        : GetParam().goal == Goal::Converge ? 6
                                                            : 3) *
                       int{kSlowdown};
    for (int m = 1 + turn++ % stride; m <= moments; m += stride) all.push_back(struck(GetParam(), fault, m));
  }
  const auto outcome = run_all(all.size(), [&](std::size_t i) { return all[i]; });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  std::cout << "  " << outcome.runs << " runs over " << moments << " moments\n";
}

/// Each step refused, done with its answer lost, done after its deadline, slow, and with the server dying in it.
TEST_P(EveryStep, AnyStepMayFailInAnyWay) {
  const auto reference = run(undisturbed(GetParam()));
  const auto orders = reference.orders.at(GetParam().goal);
  std::vector<Schedule> all;
  for (int order = 1; order <= orders; ++order) {
    for (const auto fault : kStepFaults) all.push_back(struck(GetParam(), fault, order));
  }
  const auto outcome = run_all(all.size(), [&](std::size_t i) { return all[i]; });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  std::cout << "  " << outcome.runs << " runs over " << orders << " steps\n";
}

/// A step is refused, what was done is taken back, and a step of that fails as well, or repld is killed meanwhile.
TEST_P(EveryStep, WhatIsTakenBackMayFailInAnyWay) {
  const auto goal = GetParam().goal;
  const auto orders = run(undisturbed(GetParam())).orders.at(goal);
  std::vector<Schedule> all;
  std::size_t turn = 0;
  for (int refused = 1; refused <= orders; ++refused) {
    const auto reference = run(struck(GetParam(), StepFault::RefusedBefore, refused));
    for (int order = refused + 1; order <= reference.orders.at(goal); ++order) {
      all.push_back(struck_again(GetParam(), refused, kStepFaults[turn++ % kStepFaults.size()], order));
    }
    // The last moments: at the first ones of the undoing the others run still.
    const auto moments = reference.moments.at(goal);
    for (int back = static_cast<int>(turn % 4); back < moments && back < 12; back += 4) {
      all.push_back(
          struck_again(GetParam(), refused, Fault{.kind = FaultKind::CrashRepld, .span = 700ms}, moments - back));
    }
  }
  const auto outcome = run_all(all.size(), [&](std::size_t i) { return all[i]; });
  EXPECT_TRUE(outcome.failed.empty()) << explain(outcome);
  std::cout << "  " << outcome.runs << " runs over " << orders << " refusals\n";
}

TEST(Simulation, EveryWorkIsDoneWhenNothingHappens) {
  for (const auto work : all_work()) {
    const auto report = run_and_explain(undisturbed(work));
    EXPECT_TRUE(report.ok()) << report.text();
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryStep, testing::ValuesIn(all_work()),
                         [](const auto& of) { return as_test_name(to_string(of.param)); });

}  // namespace
}  // namespace repl::sim

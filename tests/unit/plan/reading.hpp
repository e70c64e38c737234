// Reading a plan in a test: its steps as people see them, and what is certain to happen before what.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "unit/support/cluster.hpp"

namespace repl::test {

inline constexpr const char* kOpensB = "b: super-read-only -> writable";

/// A cluster whose primary, a, has crashed.
inline Cluster dead(const Spec& spec) {
  return running(spec).kill("a");
}

/// The steps as sentences: "b: follow c".
inline std::vector<std::string> sentences(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& s : plan.steps) out.push_back(describe(s.step));
  return out;
}

inline constexpr std::size_t kNoStep = static_cast<std::size_t>(-1);

/// Index of the step whose sentence begins so; kNoStep when there is none.
inline std::size_t step_at(const Plan& plan, const std::string& beginning) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (describe(plan.steps[i].step).starts_with(beginning)) return i;
  }
  return kNoStep;
}
inline bool has_step(const Plan& plan, const std::string& beginning) {
  return step_at(plan, beginning) != kNoStep;
}

template <class S>
std::vector<S> all_of_kind(const Plan& plan) {
  std::vector<S> out;
  for (const auto& s : plan.steps) {
    if (const auto* found = std::get_if<S>(&s.step)) out.push_back(*found);
  }
  return out;
}

/// `later` cannot start before `earlier` is done, whatever runs at the same time.
inline bool waits_for(const Plan& plan, std::size_t later, std::size_t earlier) {
  for (const auto before : plan.steps[later].after) {
    if (before == earlier || waits_for(plan, before, earlier)) return true;
  }
  return false;
}

inline testing::AssertionResult in_order(const Plan& plan, const std::string& earlier, const std::string& later) {
  const auto first = step_at(plan, earlier);
  const auto second = step_at(plan, later);
  std::string all;
  for (const auto& s : sentences(plan)) all += "\n  " + s;
  if (first == kNoStep) return testing::AssertionFailure() << "no step '" << earlier << "' in:" << all;
  if (second == kNoStep) return testing::AssertionFailure() << "no step '" << later << "' in:" << all;
  if (!waits_for(plan, second, first)) {
    return testing::AssertionFailure() << "'" << later << "' does not wait for '" << earlier << "' in:" << all;
  }
  return testing::AssertionSuccess();
}

/// What holds of every plan.
inline testing::AssertionResult well_formed(const Plan& plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const auto before : plan.steps[i].after) {
      if (before >= i) return testing::AssertionFailure() << "step " << i << " waits for step " << before;
    }
  }
  if (plan.point_of_no_return > plan.steps.size()) return testing::AssertionFailure() << "point of no return outside";
  if (plan.promotes.has_value() && plan.steps.size() == plan.point_of_no_return) {
    return testing::AssertionFailure() << "promotes without a point of no return";
  }
  return testing::AssertionSuccess();
}

inline bool any_reason(const std::vector<std::string>& reasons, const std::string& part) {
  return std::any_of(reasons.begin(), reasons.end(),
                     [&](const std::string& r) { return r.find(part) != std::string::npos; });
}

}  // namespace repl::test

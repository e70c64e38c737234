// What the parts of Verification share: reads of several nodes at once, and how long things may take.
#pragma once

#include <algorithm>
#include <future>
#include <vector>

#include "model/error.hpp"
#include "model/log_scope.hpp"
#include "run/verification.hpp"

namespace repl::run {

/// So long a node may fail, or not apply anything, before the run is interrupted.
inline constexpr std::chrono::seconds kPatience{60};
/// What a node has and the reference has not got within this time is its own, unless the reference may still get it.
inline constexpr std::chrono::seconds kSettleTime{3};

inline tl::unexpected<Error> stopping() {
  return fail(ErrorCode::Stopping, "the verification is being stopped");
}

/// `work(reader)` of all readers at the same time; the results in their order.
template <class Readers, class Work>
auto at_once(const ClusterId& cluster, const Readers& readers, const Work& work) {
  using Outcome = decltype(work(*readers.front()));
  std::vector<std::future<Outcome>> going;
  for (const auto& reader : readers) {
    going.push_back(std::async(std::launch::async, [&cluster, &work, reader] {
      const LogScope scope{cluster.name};
      return work(*reader);
    }));
  }
  std::vector<Outcome> outcomes;
  for (auto& one : going) outcomes.push_back(one.get());
  return outcomes;
}

/// Null when all went well.
template <class Outcomes>
const Error* first_error(const Outcomes& outcomes) {
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !o.has_value(); });
  return failed == outcomes.end() ? nullptr : &failed->error();
}

}  // namespace repl::run

// What apply, rollback and diff have in common: showing what would be done, and waiting until it is. The JSON is that
// of POST /api/v1/apply and its likes.
#pragma once

#include <chrono>

#include "ctl/invocation.hpp"
#include "ctl/wait.hpp"

namespace repl::ctl {

/// An apply looks at every server closely before it answers.
inline constexpr std::chrono::seconds kPlanningTime{120};

/// A row per change of each cluster.
Table changes_table(const Json& clusters);
/// Something is done to a cluster that was managed before.
bool changes_a_running_cluster(const Json& answer);
std::string render_plans(const Json& answer, const Style& style);
/// A row per step of each cluster.
Table plan_table(const Json& answers);

struct CarryOut {
  bool dry_run = false;
  bool yes = false;  ///< Do not ask.
  WaitOptions wait;
};
/// Shows what a POST of `body` to `path` would do, asks on a terminal before a running cluster is changed, does it and
/// waits. `results` gets what wait_for_all() gives; it stays null when nothing was carried out.
/// @errors PreconditionFailed: not confirmed
Result<Exit> plan_and_carry_out(Invocation& run, Repld& repld, const std::string& path, Json body,
                                const CarryOut& options, Json& results);

/// Waits for what an accepted apply started. `results` gets the clusters with their operations.
Result<Exit> wait_for_all(Invocation& run, const Json& answer, const WaitOptions& wait, Json& results);

}  // namespace repl::ctl

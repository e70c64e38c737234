// An apply that changes nothing (management: observe): whether the servers are what the file says. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

struct Comparison {
  std::vector<std::string> differences;  ///< Each says what was found and what the file would have to say.
  std::vector<std::string> left_out;     ///< Nodes known from before that do not answer.
};

/// @param office  who is primary now; nobody before the first apply: then it is the declared source
/// @param before  the spec in force; null before the first apply. Its nodes need not answer again.
/// @param view    with an inventory of every node that answers
Comparison compare(const Spec& wanted, const Office& office, const Spec* before, const View& view);

/// The empty plan. @errors PreconditionFailed: the servers are otherwise; every difference in one text
Result<Plan> plan_observe(const Spec& wanted, const Office& office, const Spec* before, const View& view);

/// Somebody has moved the primary of a tree that repld only looks at, and says so in the file: it is taken for granted.
bool names_another_primary(const Spec& wanted, const Office& office, const Spec* before);

/// Of what somebody let repld only look at, and now gives into its hands while the primary is gone: it is taken as it
/// is, without a step, so that a failover may follow. What nodes lack is for the next apply.
bool takes_over_without_primary(const Spec& wanted, const Office& office, const Spec* before, const View& view);

}  // namespace repl::plan

// From which node a clone is made.
#pragma once

#include <string>

#include "plan/converge/preparation.hpp"

namespace repl::plan::converge {

/// The clone plugin takes those two versions. Source: MySQL 8.4 Reference Manual, "Cloning Remote Data": the same
/// series, and before 8.0.37 the same release.
bool can_be_cloned(const ServerVersion& donor, const ServerVersion& recipient);

struct Donor {
  NodeId node;
  std::string why;  ///< "a replica, in the same region, 0 s behind, 2 threads at work"
};

/// The least loaded node that can give `recipient` everything. Suitable is a node that replicates or takes writes, has
/// data that are not to be thrown away themselves and nothing of its own, applies without a delay, takes in accounts
/// (offline_mode), is not being worked on and has a version that the clone plugin accepts. Of those, in this order: one
/// that takes no writes; one that gives its data to nobody else in this plan; one in the recipient's region; one that
/// is hardly behind; the one with the fewest threads at work. The seed when none is suitable: its refusal says why.
Donor choose_donor(const Draft& draft, const NodeId& recipient);

}  // namespace repl::plan::converge

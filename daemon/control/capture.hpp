// What servers are like before a revision changes them. Pure.
#pragma once

#include <vector>

#include "model/revision.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::control {

/// The state of each of these nodes, as seen in `view`.
std::vector<PriorState> prior_states(const std::vector<NodeSpec>& nodes, const View& view);

}  // namespace repl::control

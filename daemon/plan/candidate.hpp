// Which node becomes the primary, and why not the others. Pure; the reasons are for people to check.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// Who asks: an automatic decision keeps to the limits of `failover:`, a person may overrule lag, region and
/// `promotion: avoid`, never safety.
enum class Urgency { Automatic, ByHand };

struct Choice {
  NodeId candidate;
  /// The node whose position contains all others'; the candidate itself, or the one it has to follow first.
  NodeId most_advanced;
  std::vector<std::string> reasons;  ///< One line per node.
};

/// What each node would have after draining.
using Positions = std::map<NodeId, GtidSet>;

/// Chooses among the nodes in `positions` (those that were reached; the old primary is never among the candidates).
/// Order: `promotion`, region of the old primary, position, what is left to apply, name.
/// @param wanted  only this one, if it can be
/// @errors NotPromotable: with the reason for each node; Diverged: positions of which none contains all others
Result<Choice> choose_candidate(const Spec& spec, const Office& office, const View& view, const Positions& positions,
                                const std::optional<NodeId>& wanted, Urgency urgency);

}  // namespace repl::plan

// Sentences of a verification, and what holds one back. From values, so that verification.cpp is only about the order.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "run/registry.hpp"

namespace repl::run {

std::string started_text(const verify::Run& run, bool is_new);
std::string finished_text(const verify::Run& run, bool clean);

/// Why no chunk is to be read now; empty: nothing stands against it.
std::optional<std::string> why_hold_back(const ClusterState& state);

/// What of `lacking`, which other nodes have executed, the reference may still get: where each node of a ring writes
/// all of it; of a group's all but what a member has committed outside of it; else what the reference itself has given,
/// as long as commits of it wait for an acknowledgement.
GtidSet may_still_come(const ClusterState& state, const NodeId& reference, const GtidSet& lacking);

/// The schemas and tables that were asked for and are nowhere: "shop, crm.leads"; "": all are there.
std::string not_there(const verify::Settings& settings, const std::vector<verify::TableId>& tables,
                      const std::map<verify::TableId, std::set<NodeId>>& elsewhere);

}  // namespace repl::run

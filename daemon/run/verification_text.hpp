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

/// The schemas and tables that were asked for and are nowhere: "shop, crm.leads"; "": all are there.
std::string not_there(const verify::Settings& settings, const std::vector<verify::TableId>& tables,
                      const std::map<verify::TableId, std::set<NodeId>>& elsewhere);

}  // namespace repl::run

// `replctl status`: a cluster as a tree, one line per node under the node it replicates from, facts in brackets, and
// the problems underneath. Pure: from the JSON of GET /api/v1/clusters/{cluster} to text.
#pragma once

#include <string>

#include "ctl/json.hpp"
#include "ctl/tables.hpp"
#include "ctl/text.hpp"

namespace repl::ctl {

/// Two lines about the cluster, the tree, then the problems if there are any.
/// @param shown  Wide: more facts per node
/// @param now    ages of problems are told from here
std::string render_status(const Json& cluster, Time now, Shown shown, const Style& style);

/// The tree alone. "+" stands before a node that replicates, "-" before one that does not. A node whose source is not
/// in the cluster (or is part of a loop already shown) begins a tree of its own.
std::string render_tree(const Json& cluster, Shown shown, const Style& style);

/// Name, node and age of each problem with its evidence, what repld does about it, and what a person can do.
std::string render_problems(const std::vector<const Json*>& problems, Time now, const Style& style);

}  // namespace repl::ctl

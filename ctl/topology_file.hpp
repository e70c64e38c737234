// A topology file on this side: reading it, and checking it without repld.
#pragma once

#include <string>
#include <vector>

#include "ctl/findings.hpp"
#include "model/error.hpp"

namespace repl::ctl {

struct TopologyFile {
  std::string name;  ///< As given; "<stdin>" for "-".
  std::string text;
  std::string base_directory;  ///< Absolute; what relative paths of secrets start from.
};

/// @param name  a path, or "-" for `in`
/// @errors InvalidArgument: it cannot be read
Result<TopologyFile> read_topology_file(const std::string& name, std::istream& in);

struct Checked {
  std::vector<std::string> clusters;  ///< One sentence each: "shop: source-replica, semi-sync(1), 3 nodes".
  std::vector<Finding> errors;
  std::vector<Finding> warnings;
};

/// All that can be said without asking a server.
Checked check(const TopologyFile& file);

/// Document of the API.
Json document_of(const TopologyFile& file);

}  // namespace repl::ctl

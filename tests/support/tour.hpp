// Tours: all the changes of topologies that are promised, as ways over shapes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/support/traveller.hpp"

namespace repl::testing {

struct Tour {
  std::string name;  ///< Of its family; several may have the same.
  int servers = 3;
  std::vector<Shape> shapes;                        ///< Each is changed into the next.
  Positioning servers_are_for = Positioning::Gtid;  ///< Binlog: they start with gtid_mode=OFF.
};

/// All the changes that are promised.
std::vector<Tour> tours();
/// A few changes of every family.
std::vector<Tour> short_tours();

/// Makes all changes of a tour on fresh servers. `made` is told of each.
/// @throws std::runtime_error with the story of what did not work
void travel(const Tour& tour, const std::function<void(const Change&)>& made);

}  // namespace repl::testing

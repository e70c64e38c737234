// The changes from one topology to another that changes_test.cpp carries out and lets fail.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "unit/support/apply_step.hpp"
#include "unit/support/cluster.hpp"

namespace repl::test {

enum class Start {
  Running,  ///< The cluster runs as `from` says.
  Fresh,    ///< Nothing was applied yet.
};

struct Change {
  std::string name;
  SpecOf from, to;
  Start start = Start::Running;
  std::function<void(Servers&)> prepare = nullptr;  ///< What happens to the servers right before.
  Duration seen_for{0};                             ///< So long ago.
  std::set<NodeId> may_lose = {};                   ///< Data, spelled out by a person.
};

const std::vector<Change>& changes();

/// A change that is not made, and what its refusal has to say: why, and how else.
struct RefusedChange {
  Change change;
  std::vector<std::string> says;
};

const std::vector<RefusedChange>& refused_changes();

}  // namespace repl::test

// The executed GTIDs of all nodes of a cluster, side by side.
#pragma once

#include <string>
#include <vector>

#include "model/gtid_set.hpp"
#include "model/ids.hpp"

namespace repl::verify {

struct NodeGtids {
  NodeId node;
  GtidSet executed;
  GtidSet errant;   ///< Executed here and not on the reference.
  GtidSet missing;  ///< Executed on the reference and not here: not applied yet, or never to come.
  bool operator==(const NodeGtids&) const = default;
};

struct ExecutedOn {
  NodeId node;
  GtidSet executed;
};

/// @param reference  read after all others: the other way round, a transaction on its way would look errant
/// The reference comes first, the others in their order.
std::vector<NodeGtids> compare_gtids(const ExecutedOn& reference, const std::vector<ExecutedOn>& others);

}  // namespace repl::verify

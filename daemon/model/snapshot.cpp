// What follows from a snapshot alone.
#include "model/snapshot.hpp"

namespace repl {

GtidSet Snapshot::position() const {
  GtidSet all = executed;
  for (const auto& c : channels) all = unite(all, c.received);
  return all;
}

GtidSet errant_transactions(const Snapshot& replica, const Snapshot& source) {
  return subtract(replica.executed, source.executed);
}

}  // namespace repl

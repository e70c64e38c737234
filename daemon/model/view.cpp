// Look-ups in a view.
#include "model/view.hpp"

#include <algorithm>

namespace repl {

View::View(Time at, std::vector<Observation> observations) : at_(at), observations_(std::move(observations)) {
  std::sort(observations_.begin(), observations_.end(),
            [](const Observation& a, const Observation& b) { return a.node < b.node; });
}

const Observation* View::find(const NodeId& node) const {
  const auto found = std::lower_bound(observations_.begin(), observations_.end(), node,
                                      [](const Observation& o, const NodeId& id) { return o.node < id; });
  return found == observations_.end() || found->node != node ? nullptr : &*found;
}

const Snapshot* View::reachable(const NodeId& node) const {
  const auto* o = find(node);
  return o != nullptr && o->reachable() ? &*o->latest : nullptr;
}

bool View::complete() const {
  return !observations_.empty() &&
         std::all_of(observations_.begin(), observations_.end(), [](const Observation& o) { return o.seen(); });
}

}  // namespace repl

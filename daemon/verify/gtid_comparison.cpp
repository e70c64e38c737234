// Set arithmetic, node by node.
#include "verify/gtid_comparison.hpp"

namespace repl::verify {

std::vector<NodeGtids> compare_gtids(const ExecutedOn& reference, const std::vector<ExecutedOn>& others) {
  std::vector<NodeGtids> out{{reference.node, reference.executed, {}, {}}};
  for (const auto& [node, executed] : others) {
    out.push_back({node, executed, subtract(executed, reference.executed), subtract(reference.executed, executed)});
  }
  return out;
}

}  // namespace repl::verify

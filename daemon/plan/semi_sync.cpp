// Semi-sync settings by the spec.
#include "plan/semi_sync.hpp"

#include <algorithm>
#include <map>

#include "model/spec_variables.hpp"

namespace repl::plan {

std::vector<SetVariable> semi_sync_corrections(const Spec& spec, const Snapshot& node) {
  std::vector<SetVariable> out;
  const auto& has = node.semi_sync;
  const std::map<std::string, std::string> actual{
      {"rpl_semi_sync_source_timeout", std::to_string(has.timeout.count())},
      {"rpl_semi_sync_source_wait_no_replica", has.wait_no_replica ? "ON" : "OFF"},
      {"rpl_semi_sync_source_wait_point", has.after_sync ? "AFTER_SYNC" : "AFTER_COMMIT"}};
  for (const auto& [name, value] : semi_sync_variables(spec)) {
    if (actual.at(name) != value) out.push_back({node.node, name, actual.at(name), value});
  }
  return out;
}

SetSemiSyncSource semi_sync_source_off(const Snapshot& node) {
  const auto acks = node.semi_sync.wait_for_count;
  return {node.node, true, false, acks, acks};
}

int acks_to_wait_for(const Spec& spec, const NodeId& primary, int present) {
  if (!spec.semi_sync()) return 0;
  return std::max(1, std::min(spec.acks_wanted(primary), present));
}

bool commits_wait(const SemiSync& state) {
  return state.source_enabled && state.source_status && state.never_goes_alone();
}

}  // namespace repl::plan

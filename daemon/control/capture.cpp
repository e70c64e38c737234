// From observations to what is kept with a revision.
#include "control/capture.hpp"

namespace repl::control {
namespace {

std::map<std::string, VariableState> variables_of(const Inventory& seen) {
  std::map<std::string, VariableState> out;
  for (const auto& [name, value] : seen.variables) {
    const auto kept = seen.persisted.find(name);
    out[name] = {value, kept == seen.persisted.end() ? std::nullopt : std::optional{kept->second}};
  }
  return out;
}

}  // namespace

std::vector<PriorState> prior_states(const std::vector<NodeSpec>& nodes, const View& view) {
  std::vector<PriorState> out;
  for (const auto& node : nodes) {
    auto& state = out.emplace_back(PriorState{.node = node.id, .address = node.address});
    const auto* now = view.reachable(node.id);
    if (now == nullptr) continue;
    state.reached = true;
    state.at = now->taken_at;
    state.server_uuid = now->server_uuid;
    state.server_id = now->server_id;
    state.version = now->version;
    state.read_only = now->read_only;
    state.super_read_only_persisted = now->super_read_only_persisted;
    state.offline_mode = now->offline_mode;
    state.executed = now->executed;
    if (const auto* channel = now->channel()) {
      state.source = channel->source;
      state.receiver = channel->receiver;
      state.applier = channel->applier;
      state.delay = channel->delay;
    }
    state.semi_sync = now->semi_sync;
    if (const auto& inventory = view.find(node.id)->inventory) state.variables = variables_of(*inventory);
  }
  return out;
}

}  // namespace repl::control

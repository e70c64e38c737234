// Compares what a spec names with what was captured, server by server.
#include "plan/put_back.hpp"

#include <algorithm>
#include <map>

#include "plan/variables.hpp"

namespace repl::plan {
namespace {

/// What a group needs stays when it is left: the server must not go back to joining it at its next start.
bool stays(const std::string& name) {
  return name.starts_with("group_replication_");
}

std::optional<std::string> persisted(const Inventory& has, const std::string& name) {
  const auto found = has.persisted.find(name);
  return found == has.persisted.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

std::vector<PutBack> to_put_back(const Spec& wanted, const Spec* before, const Snapshot& node,
                                 const PriorSettings& prior) {
  std::vector<PutBack> out;
  // Of a node that leaves nothing is named any more.
  const auto named =
      wanted.find(node.node) == nullptr ? std::map<std::string, std::string>{} : variables_of(wanted, node.node);
  const auto known = prior.find(node.server_uuid);
  const auto* captured_here = known == prior.end() ? nullptr : &known->second;
  if (captured_here != nullptr) {
    for (const auto& [name, state] : *captured_here) {
      if (!named.contains(name) && !stays(name)) out.push_back({name, state});
    }
  }
  if (before != nullptr && before->find(node.node) != nullptr) {
    for (const auto& [name, value] : before->settings_of(node.node)) {
      const bool is_captured = captured_here != nullptr && captured_here->contains(name);
      if (!is_captured && !named.contains(name) && !stays(name)) out.push_back({name, std::nullopt});
    }
  }
  return out;
}

std::optional<Step> step_for(const PutBack& put_back, const NodeId& node, const Inventory& has) {
  const auto& name = put_back.name;
  const auto value = value_before(has, name);
  const auto kept = persisted(has, name);
  if (!put_back.to) {
    if (!kept) return std::nullopt;
    return ResetVariable{node, name, value, ""};
  }
  const auto& to = *put_back.to;
  if (has.fixed_until_restart.contains(name)) {
    const auto goal = to.persisted.value_or(to.value);
    if (same_value(value, goal)) {
      if (kept == to.persisted) return std::nullopt;
      if (!to.persisted) return ResetVariable{node, name, value, value};
    }
    return RestartServer{.node = node, .variables = {{name, value, goal, kept, to.persisted}}};
  }
  if (to.persisted) {
    // What was persisted is what its owner wanted, also where the server was not restarted since.
    if (kept && same_value(*kept, *to.persisted) && same_value(value, *to.persisted)) return std::nullopt;
    return SetVariable{node, name, value, *to.persisted, kept.has_value()};
  }
  if (!kept && same_value(value, to.value)) return std::nullopt;
  return ResetVariable{node, name, value, to.value};
}

PriorSettings captured(PriorSettings prior, const Spec& wanted, const Spec* before, const View& view) {
  for (const auto& node : wanted.nodes) {
    const auto* now = view.reachable(node.id);
    const auto* seen = view.find(node.id);
    if (now == nullptr || !seen->inventory) continue;
    const auto named = variables_of(wanted, node.id);
    const bool is_new = before == nullptr || before->find(node.id) == nullptr;
    const auto named_before = is_new ? std::map<std::string, std::string>{} : variables_of(*before, node.id);
    auto& here = prior[now->server_uuid];
    std::erase_if(here, [&](const auto& variable) { return !named.contains(variable.first); });
    for (const auto& [name, value] : named) {
      // Persisted by a repld that did not keep what it was before. What is not persisted none has set.
      if (named_before.contains(name) && seen->inventory->persisted.contains(name)) continue;
      here.try_emplace(name, VariableState{value_before(*seen->inventory, name), persisted(*seen->inventory, name)});
    }
  }
  for (const auto& node : with_leaving_nodes(wanted, before).nodes) {
    // Put back with this apply; whoever takes the server in again finds it as it is then.
    const auto* now = view.reachable(node.id);
    if (wanted.find(node.id) == nullptr && now != nullptr && view.find(node.id)->inventory) {
      prior.erase(now->server_uuid);
    }
  }
  return prior;
}

std::vector<std::string> put_back_notes(const Spec& wanted, const Spec* before, const View& view,
                                        const PriorSettings& prior) {
  std::map<std::string, std::string> nodes_of;  // by what is done; sorted, so that equal diffs read alike
  for (const auto& node : with_leaving_nodes(wanted, before).nodes) {
    const auto* seen = view.find(node.id);
    if (seen == nullptr || !seen->reached) continue;
    for (const auto& put_back : to_put_back(wanted, before, *seen->reached, prior)) {
      // Most of what a node that leaves has is as it was.
      if (seen->inventory && !step_for(put_back, node.id, *seen->inventory)) continue;
      const auto& [name, to] = put_back;
      auto what = !to ? fmt::format(
                            "{} is persisted no longer, and as its option files say after the next "
                            "restart (what it was before is not known)",
                            name)
                  : to->persisted     ? fmt::format("{} goes back to {}", name, *to->persisted)
                  : to->value.empty() ? fmt::format("{} is persisted no longer", name)
                                      : fmt::format("{} goes back to {}, not persisted", name, to->value);
      auto& nodes = nodes_of[std::move(what)];
      nodes += (nodes.empty() ? "" : ", ") + node.id.name;
    }
  }
  std::vector<std::string> out;
  for (const auto& [what, nodes] : nodes_of) out.push_back(fmt::format("{}: {}", nodes, what));
  return out;
}

}  // namespace repl::plan

// One case per change.
#include "sim/changes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace repl::sim {
namespace {

constexpr std::size_t kFewest = 3;  ///< Nodes below which none is removed.

/// The last in the file that is not the primary.
NodeSpec* last_replica(Spec& spec, const NodeId& primary) {
  const auto found =
      std::find_if(spec.nodes.rbegin(), spec.nodes.rend(), [&](const NodeSpec& n) { return n.id != primary; });
  return found == spec.nodes.rend() ? nullptr : &*found;
}

void flatten(Spec& spec) {
  for (auto& n : spec.nodes) n.follows.reset();
}

}  // namespace

std::string_view to_string(Change change) {
  switch (change) {
    case Change::ToAsync:
      return "to-async";
    case Change::ToSemiSync:
      return "to-semi-sync";
    case Change::ToSync:
      return "to-sync";
    case Change::MoreAcks:
      return "acks";
    case Change::ToChain:
      return "to-chain";
    case Change::ToFlat:
      return "to-flat";
    case Change::MoveSource:
      return "move-source";
    case Change::Delay:
      return "delay";
    case Change::Setting:
      return "setting";
    case Change::NoSetting:
      return "no-setting";
    case Change::AddNode:
      return "add-node";
    case Change::RemoveNode:
      return "remove-node";
    case Change::Restart:
      return "restart";
    case Change::ToRing:
      return "to-ring";
    case Change::ToTree:
      return "to-tree";
    case Change::Reorder:
      return "reorder";
  }
  return "?";
}

Spec as_ring(Spec spec) {
  spec.topology = spec.nodes.size() > 2 ? TopologyType::Circular : TopologyType::SourceSource;
  if (spec.semi_sync()) spec.sync = {.mode = DataSyncType::SemiSync};
  for (auto& n : spec.nodes) {
    n.type = NodeType::Normal;
    n.delay = std::chrono::seconds{0};
    n.follows.reset();
  }
  return spec;
}

Spec as_tree(Spec spec) {
  spec.topology = TopologyType::SourceReplica;
  for (auto& n : spec.nodes) n.type = NodeType::Replica;
  spec.nodes.front().type = NodeType::Source;
  return spec;
}

NodeSpec node_spec(int index) {
  return {.id = {fmt::format("db{}", index + 1)},
          .address = {"127.0.0.1", static_cast<std::uint16_t>(3301 + index)},
          .type = NodeType::Replica};
}

std::optional<Spec> changed(const Spec& in_force, Change change, const NodeId& primary, int servers) {
  auto spec = in_force;
  auto* last = last_replica(spec, primary);
  if (last == nullptr) return std::nullopt;
  const bool ring = spec.is_ring();
  switch (change) {
    case Change::ToSync:
    case Change::MoreAcks:
    case Change::ToChain:
    case Change::ToFlat:
    case Change::MoveSource:
    case Change::Delay:
    case Change::ToRing:
      if (ring) return std::nullopt;
      break;
    case Change::ToTree:
    case Change::Reorder:
      if (!ring) return std::nullopt;
      break;
    default:
      break;
  }
  switch (change) {
    case Change::ToAsync:
      spec.sync = {.mode = DataSyncType::Async};
      break;
    case Change::ToSemiSync:
      spec.sync = {.mode = DataSyncType::SemiSync};
      break;
    case Change::ToSync:
      spec.sync = {.mode = DataSyncType::Sync};
      break;
    case Change::MoreAcks:
      if (spec.sync.mode != DataSyncType::SemiSync || spec.nodes.size() < 4) return std::nullopt;
      spec.sync.acks = 3 - spec.sync.acks;
      break;
    case Change::ToChain: {
      const auto above = std::find_if(spec.nodes.begin(), spec.nodes.end(),
                                      [&](const NodeSpec& n) { return n.id != primary && n.id != last->id; });
      if (above == spec.nodes.end()) return std::nullopt;
      flatten(spec);
      last->follows = above->id;
      break;
    }
    case Change::ToFlat:
      flatten(spec);
      break;
    case Change::MoveSource:
      flatten(spec);
      for (auto& n : spec.nodes) n.type = n.id == last->id ? NodeType::Source : NodeType::Replica;
      break;
    case Change::Delay:
      last->delay = std::chrono::seconds{last->delay.count() == 0 ? 3 : 0};
      break;
    case Change::Setting:
      spec.settings[kSetting] = spec.settings.contains(kSetting) ? "86400" : "604800";
      break;
    case Change::NoSetting:
      spec.settings.erase(kSetting);
      break;
    case Change::Restart:
      if (spec.settings.erase(kRestartSetting) == 0) spec.settings[kRestartSetting] = "here";
      break;
    case Change::ToRing:
      spec = as_ring(spec);
      break;
    case Change::ToTree:
      spec = as_tree(spec);
      break;
    case Change::Reorder:
      if (spec.nodes.size() < kFewest) return std::nullopt;
      std::swap(spec.nodes[1], spec.nodes[2]);
      break;
    case Change::AddNode: {
      for (int i = 0; i < servers; ++i) {
        if (spec.find(node_spec(i).id) != nullptr) continue;
        spec.nodes.push_back(node_spec(i));
        return ring ? as_ring(spec) : spec;
      }
      return std::nullopt;
    }
    case Change::RemoveNode: {
      if (spec.nodes.size() <= kFewest) return std::nullopt;
      const auto leaves = last->id;
      std::erase_if(spec.nodes, [&](const NodeSpec& n) { return n.id == leaves; });
      for (auto& n : spec.nodes) {
        if (n.follows == leaves) n.follows.reset();
      }
      if (ring) return as_ring(spec);
      // One has to be named as the source: apply leaves the office where it is.
      if (std::none_of(spec.nodes.begin(), spec.nodes.end(),
                       [](const NodeSpec& n) { return n.type == NodeType::Source; })) {
        for (auto& n : spec.nodes) n.type = n.id == primary ? NodeType::Source : NodeType::Replica;
      }
      break;
    }
  }
  if (spec.is_ring()) return spec == in_force ? std::nullopt : std::optional{spec};
  // What the validator of files would refuse.
  const auto undelayed = std::count_if(spec.nodes.begin(), spec.nodes.end(), [&](const NodeSpec& n) {
    return n.id != primary && n.delay.count() == 0 && !n.follows;
  });
  if (spec.sync.mode == DataSyncType::SemiSync && undelayed < spec.sync.acks) return std::nullopt;
  if (spec.sync.mode == DataSyncType::Sync && undelayed < 1) return std::nullopt;
  return spec == in_force ? std::nullopt : std::optional{spec};
}

}  // namespace repl::sim

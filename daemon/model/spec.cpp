// What follows from a spec without looking at any server.
#include "model/spec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace repl {

TlsMode TlsSpec::towards(const Address& address) const {
  if (mode != TlsMode::Preferred) return mode;
  const auto& host = address.host;
  const bool here = host == "localhost" || host == "::1" || host.starts_with("127.");
  return here ? TlsMode::Disabled : TlsMode::Required;
}

const std::vector<std::string>& HooksSpec::at(HookPoint point) const {
  switch (point) {
    case HookPoint::PreFailover:
      return pre_failover;
    case HookPoint::PostFailover:
      return post_failover;
    case HookPoint::PreSwitchover:
      return pre_switchover;
    case HookPoint::PostSwitchover:
      break;
  }
  return post_switchover;
}

bool HooksSpec::empty() const {
  return pre_failover.empty() && post_failover.empty() && pre_switchover.empty() && post_switchover.empty();
}

const NodeSpec* Spec::find(const NodeId& id) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NodeSpec& n) { return n.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

const NodeSpec* Spec::find(const Address& address) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NodeSpec& n) { return n.address == address; });
  return found == nodes.end() ? nullptr : &*found;
}

const NodeSpec* Spec::declared_source() const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [](const NodeSpec& n) { return n.type == NodeType::Source; });
  return found == nodes.end() ? nullptr : &*found;
}

std::vector<NodeId> Spec::ackers(const NodeId& primary) const {
  std::vector<NodeId> out;
  for (const auto& node : nodes) {
    if (node.delay.count() == 0 && source_of(node.id, primary) == primary) out.push_back(node.id);
  }
  return out;
}

int Spec::acks_wanted(const NodeId& primary) const {
  switch (sync.mode) {
    case DataSyncType::Async:
      return 0;
    case DataSyncType::SemiSync:
      return sync.acks;
    case DataSyncType::Sync:
      return static_cast<int>(ackers(primary).size());
  }
  return 0;
}

std::optional<NodeId> Spec::source_of(const NodeId& node, const NodeId& primary) const {
  if (is_group()) return std::nullopt;
  if (is_ring()) {
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const NodeSpec& n) { return n.id == node; });
    if (at == nodes.end() || nodes.size() < 2) return std::nullopt;
    return (at == nodes.begin() ? nodes.back() : *std::prev(at)).id;
  }
  if (node == primary) return std::nullopt;
  const auto* self = find(node);
  if (self == nullptr || !self->follows || find(*self->follows) == nullptr) return primary;
  // Walk up: the chain must reach the primary, or a node that follows it, without coming back to `node`.
  auto above = *self->follows;
  for (std::size_t steps = 0; steps <= nodes.size(); ++steps) {
    if (above == primary) return *self->follows;
    if (above == node) return primary;
    const auto* up = find(above);
    if (up == nullptr || !up->follows) return *self->follows;
    above = *up->follows;
  }
  return primary;
}

namespace {

/// As the server prints replica_skip_errors.
std::string skip_errors_text(std::vector<int> errors) {
  if (errors.empty()) return "OFF";
  std::sort(errors.begin(), errors.end());
  std::string out;
  for (const auto error : errors) out += (out.empty() ? "" : ",") + std::to_string(error);
  return out;
}

}  // namespace

std::map<std::string, std::string> Spec::settings_of(const NodeId& node) const {
  auto out = settings;
  if (const auto* found = find(node)) {
    for (const auto& [name, value] : found->settings) out[name] = value;
  }
  const auto* own = find(node);
  const auto& skipped = own != nullptr && own->skip_errors ? *own->skip_errors : skip_errors;
  if (!skipped.empty() || (own != nullptr && own->skip_errors && !skip_errors.empty())) {
    out[kSkipErrorsVariable] = skip_errors_text(skipped);
  }
  return out;
}

Compression Spec::compression_between(const NodeId& replica, const Address& source) const {
  if (network.scope == CompressionScope::All) return network.compression;
  const auto *to = find(replica), *from = find(source);
  const bool apart =
      to != nullptr && from != nullptr && !to->region.empty() && !from->region.empty() && to->region != from->region;
  return apart ? network.compression : Compression::None;
}

NodeId at_former_address(const NodeSpec& before) {
  return {fmt::format("{} at {}", before.id, to_string(before.address))};
}

Spec with_leaving_nodes(Spec wanted, const Spec* before) {
  if (before == nullptr) return wanted;
  for (auto node : before->nodes) {
    if (wanted.find(node.address) != nullptr) continue;
    if (wanted.find(node.id) != nullptr) node.id = at_former_address(node);
    wanted.nodes.push_back(std::move(node));
  }
  return wanted;
}

}  // namespace repl

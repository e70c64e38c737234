// Group settings by the spec. Source of the values: group-replication measurements of docs/architecture.md, "Groups".
#include "plan/group.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/spec_text.hpp"

namespace repl::plan {
namespace {

/// FNV-1a: nothing secret, only the same on every run.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  auto h = seed;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

/// Of the connections between members.
std::string ssl_mode(TlsMode mode) {
  switch (mode) {
    case TlsMode::Disabled:
      return "DISABLED";
    case TlsMode::Preferred:
    case TlsMode::Required:
      return "REQUIRED";
    case TlsMode::VerifyCa:
      return "VERIFY_CA";
    case TlsMode::VerifyIdentity:
      return "VERIFY_IDENTITY";
  }
  return "REQUIRED";
}

bool is_multi_primary(const Spec& spec) {
  return spec.topology == TopologyType::GroupMultiPrimary;
}

}  // namespace

std::string group_name(const Spec& spec, const View& view, const std::string& seed_uuid) {
  for (const auto& node : spec.nodes) {
    const auto* now = view.reachable(node.id);
    if (now != nullptr && !now->group.name.empty()) return now->group.name;
  }
  const auto text = spec.cluster.name + "/" + seed_uuid;
  const auto high = hash(text, 0xcbf29ce484222325ULL);
  const auto low = hash(text, 0x84222325cbf29ce4ULL);
  // A version 8 UUID: its bits are ours to choose. Source: RFC 9562, 5.8.
  return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                     0x8000 | ((low >> 48) & 0x3fff), low & 0xffffffffffffULL);
}

std::map<std::string, std::string> group_variables_of_stopped(const Spec& spec, const NodeSpec& node,
                                                              const std::string& group_name) {
  if (!spec.is_group()) return {};
  const bool multi = is_multi_primary(spec);
  return {
      {"group_replication_group_name", group_name},
      // The server's own port; accounts and TLS decide who may come, so that no list of addresses is needed.
      {"group_replication_communication_stack", "MYSQL"},
      {"group_replication_local_address", to_string(node.address)},
      {"group_replication_single_primary_mode", multi ? "OFF" : "ON"},
      {"group_replication_enforce_update_everywhere_checks", multi ? "ON" : "OFF"},
      {"group_replication_ssl_mode", ssl_mode(spec.tls.mode)},
      {"group_replication_recovery_use_ssl", spec.tls.mode == TlsMode::Disabled ? "OFF" : "ON"},
      {"group_replication_recovery_ssl_verify_server_cert", spec.tls.mode == TlsMode::VerifyIdentity ? "ON" : "OFF"},
  };
}

std::vector<SetVariable> group_mode_corrections(bool multi_primary, const Snapshot& node) {
  if (node.group.single_primary != multi_primary) return {};
  std::vector<SetVariable> out;
  // Each of the two is refused while the other contradicts it: checks off before single, on after multi.
  if (multi_primary) {
    out.push_back({node.node, "group_replication_single_primary_mode", "ON", "OFF"});
    out.push_back({node.node, "group_replication_enforce_update_everywhere_checks", "OFF", "ON"});
  } else {
    out.push_back({node.node, "group_replication_enforce_update_everywhere_checks", "ON", "OFF"});
    out.push_back({node.node, "group_replication_single_primary_mode", "OFF", "ON"});
  }
  return out;
}

Result<NodeId> bootstrap_candidate(const Spec& spec, const View& view) {
  const Snapshot* best = nullptr;
  for (const auto& node : spec.nodes) {
    const auto* now = view.reachable(node.id);
    if (now == nullptr) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: {} does not answer, and may have transactions that no other node has: the group is started only "
                  "when all nodes are read. Start its server, or take it out of the file and apply",
                  spec.cluster, node.id);
    }
    const auto in_maintenance = [&](const Snapshot& s) { return view.find(s.node)->in_maintenance; };
    const bool same = best != nullptr && now->position() == best->position();
    if (best == nullptr ||
        (same ? in_maintenance(*best) && !in_maintenance(*now) : now->position().contains(best->position()))) {
      best = now;
    }
  }
  if (best == nullptr) return fail(ErrorCode::PreconditionFailed, "{}: has no nodes", spec.cluster);
  for (const auto& node : spec.nodes) {
    const auto missing = subtract(view.reachable(node.id)->position(), best->position());
    if (missing.empty()) continue;
    return fail(ErrorCode::Diverged,
                "{}: {} has {} transactions that {} lacks ({}), and the other way round: compare them, then start the "
                "group by hand on the node whose data is to stay",
                spec.cluster, node.id, missing.count(), best->node, missing.to_string());
  }
  if (view.find(best->node)->in_maintenance) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: {} is in maintenance, and no other node has all that it has: the group is started when that is "
                "over, or by whoever works there",
                spec.cluster, best->node);
  }
  return best->node;
}

}  // namespace repl::plan

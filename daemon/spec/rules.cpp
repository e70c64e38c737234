// One function per rule; the table at the end is the list.
#include "spec/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "model/spec_text.hpp"
#include "spec/duration.hpp"

namespace repl::spec {
namespace {

// ---- the shape of each topology -------------------------------------------------------------------------------------

struct Shape {
  TopologyType topology;
  NodeType members;  ///< The type that its nodes have, beside sources.
  std::size_t least, most;
  bool has_source;
  bool has_sync_block;
  bool several_writers;
};
constexpr std::array kShapes{
    Shape{TopologyType::SourceReplica, NodeType::Replica, 2, 10, true, true, false},
    Shape{TopologyType::SourceSource, NodeType::Normal, 2, 2, false, true, true},
    Shape{TopologyType::Circular, NodeType::Normal, 3, 9, false, true, true},
    Shape{TopologyType::GroupSinglePrimary, NodeType::Normal, 2, 9, false, false, false},
    Shape{TopologyType::GroupMultiPrimary, NodeType::Normal, 2, 9, false, false, true},
};
static_assert(kShapes.size() == kTopologyTypes.size());

const Shape& shape_of(const Spec& spec) {
  return kShapes[static_cast<std::size_t>(spec.topology)];
}
bool is_group(const Spec& spec) {
  return !shape_of(spec).has_sync_block;
}

std::string node_path(std::size_t index, std::string_view field) {
  return fmt::format("nodes[{}].{}", index, field);
}

template <class Visit>
void for_each_node(Draft& draft, Visit visit) {
  for (std::size_t i = 0; i < draft.spec.nodes.size(); ++i) visit(i, draft.spec.nodes[i]);
}

/// The declared primary's direct replicas whose acknowledgement counts.
std::size_t ackers(const Spec& spec) {
  const auto* source = spec.declared_source();
  return source == nullptr ? 0 : spec.ackers(source->id).size();
}

bool may_be_promoted(const NodeSpec& node) {
  return node.type != NodeType::Source && node.delay.count() == 0 && node.promotion != Promotion::Never;
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

void count_nodes(Draft& draft) {
  const auto& shape = shape_of(draft.spec);
  const auto count = draft.spec.nodes.size();
  if (count >= shape.least && count <= shape.most) return;
  const auto right = shape.has_source            ? fmt::format("one source and 1 to {} replicas", shape.most - 1)
                     : shape.least == shape.most ? fmt::format("exactly {} nodes", shape.least)
                                                 : fmt::format("{} to {} nodes", shape.least, shape.most);
  draft.reader.error_at("nodes", fmt::format("{} node{}: {} takes {}", count, count == 1 ? "" : "s",
                                             to_string(draft.spec.topology), right));
}

void types_fit(Draft& draft) {
  const auto& shape = shape_of(draft.spec);
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    const bool fits = node.type == shape.members || (shape.has_source && node.type == NodeType::Source);
    if (fits || !draft.reader.wrote(node_path(i, "type"))) return;
    draft.reader.error_at(
        node_path(i, "type"),
        fmt::format("\"{}\" has no meaning in {}: expected {}", to_string(node.type), to_string(draft.spec.topology),
                    shape.has_source ? "source or replica" : to_string(shape.members)));
  });
}

void one_source(Draft& draft) {
  if (!shape_of(draft.spec).has_source) return;
  const NodeSpec* first = nullptr;
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.type != NodeType::Source) return;
    if (first != nullptr) {
      draft.reader.error_at(node_path(i, "type"),
                            fmt::format("\"{}\" would be a second source beside \"{}\": make one of them a replica",
                                        node.id.name, first->id.name));
    } else {
      first = &node;
    }
  });
  if (first == nullptr && !draft.spec.nodes.empty()) {
    draft.reader.error_at("nodes", "no node is the source: give the one that is primary at first \"type: source\"");
  }
}

void node_names_unique(Draft& draft) {
  std::map<NodeId, std::size_t> seen;
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.id.name.empty()) return;  // missing, and reported as such
    const auto [first, is_new] = seen.try_emplace(node.id, i);
    if (is_new) return;
    draft.reader.error_at(node_path(i, "name"),
                          fmt::format("\"{}\" is the name of the node in line {} already", node.id.name,
                                      draft.reader.value_place(node_path(first->second, "name")).line));
  });
}

void addresses_unique(Draft& draft) {
  std::map<std::string, std::size_t> seen;
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.address.host.empty()) return;
    auto address = to_string(node.address);
    std::transform(address.begin(), address.end(), address.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto [first, is_new] = seen.try_emplace(address, i);
    if (is_new) return;
    draft.reader.error_at(node_path(i, "host"),
                          fmt::format("{} is the address of node \"{}\" already: two nodes are two servers", address,
                                      draft.spec.nodes[first->second].id.name));
  });
}

void follows_form_a_tree(Draft& draft) {
  const auto& spec = draft.spec;
  std::set<NodeId> in_circles;  // one error per circle
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (!node.follows || in_circles.contains(node.id)) return;
    const auto path = node_path(i, "follows");
    if (spec.topology != TopologyType::SourceReplica) {
      draft.reader.error_at(path, "only source-replica has chains: remove it");
      return;
    }
    if (node.type == NodeType::Source) {
      draft.reader.error_at(path, "the source follows nobody: remove it, or make the node a replica");
      return;
    }
    if (spec.find(*node.follows) == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& other : spec.nodes) {
        if (other.id != node.id) names.push_back(other.id.name);
      }
      const auto meant = nearest_name(node.follows->name, names);
      draft.reader.error_at(
          path, fmt::format("no node has the name {}: expected {}{}", shown(node.follows->name), either(names),
                            meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant)));
      return;
    }
    std::string way = node.id.name;
    std::set<NodeId> passed;
    for (const auto* at = &node; at != nullptr && at->follows && passed.insert(at->id).second;) {
      at = spec.find(*at->follows);
      if (at != nullptr) way += " -> " + at->id.name;
      if (at == &node) {
        draft.reader.error_at(path, fmt::format("goes in a circle: {}; \"follows\" must lead to the source", way));
        in_circles.merge(passed);
        return;
      }
    }
  });
}

void delay_excludes_promotion(Draft& draft) {
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.delay.count() == 0) return;
    if (node.type == NodeType::Source) {
      draft.reader.error_at(node_path(i, "delay"), "the source applies nothing that could be delayed: remove it");
    } else if (node.promotion == Promotion::Prefer) {
      draft.reader.error_at(node_path(i, "promotion"),
                            "\"prefer\" contradicts the delay: a delayed replica is never a candidate");
    }
  });
}

// ---- positioning, sync ----------------------------------------------------------------------------------------------

void binlog_only_with_source_replica(Draft& draft) {
  if (draft.spec.positioning == Positioning::Binlog && draft.spec.topology != TopologyType::SourceReplica) {
    draft.reader.error_at("positioning", fmt::format("\"binlog\" works with source-replica only; {} needs gtid",
                                                     to_string(draft.spec.topology)));
  }
}

void groups_have_no_sync(Draft& draft) {
  if (is_group(draft.spec) && draft.reader.wrote("sync")) {
    draft.reader.error_at("sync", fmt::format("{} has its own way to agree on commits: remove the block",
                                              to_string(draft.spec.topology)));
  }
}

void acks_only_with_semi_sync(Draft& draft) {
  const auto mode = draft.spec.sync.mode;
  if (!draft.reader.wrote("sync.acks") || mode == DataSyncType::SemiSync) return;
  draft.reader.error_at("sync.acks", mode == DataSyncType::Async
                                         ? "commits wait for nobody in mode async: remove it, or use mode semi-sync"
                                         : "in mode sync every undelayed direct replica acknowledges: remove it");
}

/// In a ring every node has one node that follows it.
void one_ack_in_a_ring(Draft& draft) {
  if (!draft.spec.is_ring() || draft.spec.sync.mode != DataSyncType::SemiSync || draft.spec.sync.acks == 1) return;
  draft.reader.error_at("sync.acks", fmt::format("{} acknowledgements wanted, and in {} one node follows each: write 1",
                                                 draft.spec.sync.acks, to_string(draft.spec.topology)));
}

void group_options_only_in_groups(Draft& draft) {
  if (!draft.reader.wrote("groupReplication")) return;
  if (!is_group(draft.spec)) {
    draft.reader.error_at("groupReplication",
                          fmt::format("has no meaning in {}: remove the block", to_string(draft.spec.topology)));
    return;
  }
  for (const auto& [name, weight] : draft.spec.group.weights) {
    if (draft.spec.find(NodeId{name}) != nullptr) continue;
    draft.reader.error_at("groupReplication.weight." + name, fmt::format("no node has the name {}", shown(name)));
  }
}

void network_options_have_an_effect(Draft& draft) {
  const auto& network = draft.spec.network;
  if (draft.reader.wrote("network.zstdLevel") && network.compression != Compression::Zstd) {
    draft.reader.error_at("network.zstdLevel", fmt::format("belongs to compression zstd, not to {}: remove it",
                                                           to_string(network.compression)));
  }
  if (network.scope == CompressionScope::All) return;
  if (network.compression == Compression::None) {
    draft.reader.error_at("network.scope", "nothing is compressed: name a \"compression\" (zlib, zstd), or remove it");
  } else if (is_group(draft.spec)) {
    draft.reader.error_at("network.scope",
                          "a member that joins a group chooses whom it gets its data from by itself, in whatever "
                          "region: use all");
  } else if (std::none_of(draft.spec.nodes.begin(), draft.spec.nodes.end(), [&](const NodeSpec& node) {
               return !node.region.empty() && node.region != draft.spec.nodes.front().region;
             })) {
    draft.reader.error_at("network.scope",
                          "the nodes are not of several regions: give each its \"region\", or use all");
  }
}

/// Of the cluster and of each node, with where it stands.
template <class Check>
void for_each_setting(Draft& draft, const Check& check) {
  const auto all = [&](const std::string& path, const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) check(path + "." + name, name);
  };
  all("settings", draft.spec.settings);
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) { all(node_path(i, "nodeSettings"), node.settings); });
}

void group_settings_only_in_groups(Draft& draft) {
  if (is_group(draft.spec)) return;
  for_each_setting(draft, [&](const std::string& path, const std::string& name) {
    if (!name.starts_with("group_replication_")) return;
    draft.reader.error_at(path, fmt::format("there is no group in {}: remove it", to_string(draft.spec.topology)));
  });
}

void delay_only_under_a_source(Draft& draft) {
  if (draft.spec.topology == TopologyType::SourceReplica) return;
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.delay.count() == 0) return;
    draft.reader.error_at(node_path(i, "delay"),
                          fmt::format("every node of {} takes part in replication without delay: "
                                      "remove it",
                                      to_string(draft.spec.topology)));
  });
}

void too_few_only_with_acks(Draft& draft) {
  if (draft.spec.sync.mode == DataSyncType::Async && draft.reader.wrote("sync.onTooFewReplicas")) {
    draft.reader.error_at("sync.onTooFewReplicas",
                          "commits wait for nobody in mode async: remove it, or use mode semi-sync or sync");
  }
}

void timeout_only_with_degrade(Draft& draft) {
  const auto& sync = draft.spec.sync;
  if (!draft.reader.wrote("sync.timeout")) return;
  if (sync.mode == DataSyncType::Async) {
    draft.reader.error_at("sync.timeout", "commits wait for nobody in mode async: remove it");
  } else if (sync.on_too_few == OnTooFewReplicas::Wait) {
    draft.reader.warn_at("sync.timeout",
                         "has no effect with \"onTooFewReplicas: wait\": a commit waits for as long as it takes");
  }
}

void enough_ackers(Draft& draft) {
  const auto& spec = draft.spec;
  if (!spec.semi_sync() || spec.topology != TopologyType::SourceReplica || spec.declared_source() == nullptr) return;
  const auto count = ackers(spec);
  const auto wanted = spec.sync.mode == DataSyncType::SemiSync ? static_cast<std::size_t>(spec.sync.acks) : 1U;
  if (count >= wanted) return;
  draft.reader.error_at(spec.sync.mode == DataSyncType::SemiSync ? "sync.acks" : "sync.mode",
                        fmt::format("{} acknowledgement{} wanted, and {} undelayed replica{} the source directly",
                                    wanted, wanted == 1 ? "" : "s", count, count == 1 ? " follows" : "s follow"));
}

// ---- accounts, TLS, settings ----------------------------------------------------------------------------------------

void users_differ(Draft& draft) {
  std::map<std::string, AccountRole> seen;
  for (const auto& [role, account] : draft.spec.accounts) {
    if (account.user.empty()) continue;
    const auto [first, is_new] = seen.try_emplace(account.user, role);
    if (is_new) continue;
    draft.reader.error_at(
        fmt::format("accounts.{}.user", to_string(role)),
        fmt::format("\"{}\" is the {} account already: each profile has grants of its own and needs a "
                    "user of its own",
                    account.user, to_string(first->second)));
  }
}

void application_has_schemas(Draft& draft) {
  const auto found = draft.spec.accounts.find(AccountRole::Application);
  if (found == draft.spec.accounts.end() || !found->second.schemas.empty()) return;
  draft.reader.warn_at("accounts.application", "no \"schemas\": the account may log in, and read and write nothing");
}

void lock_out_is_complete(Draft& draft) {
  const auto& policy = draft.spec.password_policy;
  if (policy.max_failed_logins && !policy.lock_for) {
    draft.reader.error_at("passwordPolicy.maxFailedLogins", "locks nobody out without \"lockFor\": write both");
  }
  if (policy.lock_for && !policy.max_failed_logins) {
    draft.reader.error_at("passwordPolicy.lockFor", "nobody is locked out without \"maxFailedLogins\": write both");
  }
}

void policy_has_accounts(Draft& draft) {
  const auto& policy = draft.spec.password_policy;
  const auto& accounts = draft.spec.accounts;
  const bool for_people = policy.history || policy.expire_after || policy.max_failed_logins;
  if (!for_people || accounts.contains(AccountRole::Application) || accounts.contains(AccountRole::Monitoring)) return;
  draft.reader.warn_at("passwordPolicy",
                       "history, expiry and lock-out are for the application and monitoring accounts, and neither is "
                       "declared");
}

void password_length_is_derived(Draft& draft) {
  if (!draft.spec.password_policy.min_length) return;
  const auto check = [&](const std::string& path, const std::map<std::string, std::string>& settings) {
    if (!settings.contains("validate_password.length")) return;
    draft.reader.error_at(path + ".validate_password.length", "follows from passwordPolicy.minLength: remove it");
  };
  check("settings", draft.spec.settings);
  for_each_node(draft,
                [&](std::size_t i, const NodeSpec& node) { check(node_path(i, "nodeSettings"), node.settings); });
}

void tls_ca_fits_mode(Draft& draft) {
  const auto& tls = draft.spec.tls;
  const bool verifies = tls.verifies();
  if (verifies && tls.ca.empty()) {
    draft.reader.error_at("tls.mode", fmt::format("\"{}\" needs \"ca\", the file with the certificate of the authority",
                                                  to_string(tls.mode)));
  } else if (!verifies && !tls.ca.empty()) {
    if (tls.mode == TlsMode::Required) {
      draft.reader.warn_at("tls.ca",
                           "in mode required the certificate is not checked against it; mode verify-ca does that");
    } else {
      draft.reader.error_at(
          "tls.ca", fmt::format("has no meaning in mode {}: use mode verify-ca, or remove it", to_string(tls.mode)));
    }
  }
}

void auto_increment_is_derived(Draft& draft) {
  if (!shape_of(draft.spec).several_writers) return;
  for_each_setting(draft, [&](const std::string& path, const std::string& name) {
    if (name != "auto_increment_increment" && name != "auto_increment_offset") return;
    draft.reader.error_at(
        path, fmt::format("follows from the order of the nodes in {}: remove it", to_string(draft.spec.topology)));
  });
}

/// The server prints a longer list cut short, so that it could not be compared.
constexpr std::size_t kMostSkippedErrors = 32;

void skipped_errors_fit(Draft& draft) {
  const auto check = [&](const std::string& path, const std::vector<int>& errors) {
    if (errors.empty()) return;
    if (is_group(draft.spec)) {
      return draft.reader.error_at(path, fmt::format("{} has none: a member whose applier meets an error leaves the "
                                                     "group. Remove it",
                                                     to_string(draft.spec.topology)));
    }
    if (errors.size() > kMostSkippedErrors) {
      draft.reader.error_at(path, fmt::format("{} errors: expected at most {}", errors.size(), kMostSkippedErrors));
    }
    std::set<int> seen;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      if (seen.insert(errors[i]).second) continue;
      draft.reader.error_at(fmt::format("{}[{}]", path, i),
                            fmt::format("{} stands there twice: remove one", errors[i]));
    }
  };
  check("skipErrors", draft.spec.skip_errors);
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.skip_errors) check(node_path(i, "skipErrors"), *node.skip_errors);
  });
}

void warn_of_skipped_errors(Draft& draft) {
  if (is_group(draft.spec)) return;
  const auto warn = [&](const std::string& path, const std::vector<int>& errors) {
    if (errors.empty()) return;
    draft.reader.warn_at(path,
                         fmt::format("an event that meets error {} is passed by, and what it would have changed is "
                                     "missing on that replica from then on: `replctl verify` finds that",
                                     fmt::join(errors, " or ")));
  };
  warn("skipErrors", draft.spec.skip_errors);
  for_each_node(draft, [&](std::size_t i, const NodeSpec& node) {
    if (node.skip_errors) warn(node_path(i, "skipErrors"), *node.skip_errors);
  });
}

// ---- failover -------------------------------------------------------------------------------------------------------

void fencing_by_semi_sync_needs_it(Draft& draft) {
  if (draft.spec.failover.fencing != FencingMode::SemiSync || draft.spec.waits_for_acks()) return;
  draft.reader.error_at(
      "failover.fencing.mode",
      "\"semi-sync\" fences only where commits wait for acknowledgements: it needs sync mode semi-sync "
      "or sync with \"onTooFewReplicas: wait\"");
}

void min_replicas_can_be_met(Draft& draft) {
  const auto& spec = draft.spec;
  if (spec.topology != TopologyType::SourceReplica || spec.nodes.size() < 2) return;
  const auto replicas = spec.nodes.size() - 1;
  if (static_cast<std::size_t>(spec.failover.min_replicas) <= replicas) return;
  draft.reader.error_at(
      "failover.minReplicas",
      fmt::format("{} is more than the {} replica{} that there {}: nothing would ever be promoted",
                  spec.failover.min_replicas, replicas, replicas == 1 ? "" : "s", replicas == 1 ? "is" : "are"));
}

void somebody_can_be_promoted(Draft& draft) {
  const auto& spec = draft.spec;
  const auto* source = spec.declared_source();
  if (!spec.failover.automatic || source == nullptr || spec.nodes.size() < 2) return;
  if (std::none_of(spec.nodes.begin(), spec.nodes.end(), may_be_promoted)) {
    draft.reader.warn_at("failover.automatic",
                         "no replica may be promoted: each one is delayed or has \"promotion: never\"");
  } else if (!spec.failover.cross_region && std::none_of(spec.nodes.begin(), spec.nodes.end(), [&](const NodeSpec& n) {
               return may_be_promoted(n) && n.region == source->region;
             })) {
    draft.reader.warn_at(
        "failover.crossRegion",
        fmt::format("no replica in the source's region {} may be promoted, and \"crossRegion\" is false: "
                    "nothing is promoted automatically",
                    shown(source->region)));
  }
}

// ---- hooks ----------------------------------------------------------------------------------------------------------

void hooks_have_an_occasion(Draft& draft) {
  const auto& hooks = draft.spec.hooks;
  if (shape_of(draft.spec).several_writers) {
    if (hooks.empty()) return;
    draft.reader.error_at("hooks",
                          fmt::format("in {} every node takes writes, so that no change of the primary is there "
                                      "to run them at: remove it",
                                      to_string(draft.spec.topology)));
  } else if (is_group(draft.spec) && !hooks.pre_failover.empty()) {
    draft.reader.error_at("hooks.preFailover",
                          "a group elects its next primary by itself and waits for no program: use postFailover");
  }
}

void fencing_by_hook_needs_one(Draft& draft) {
  if (draft.spec.failover.fencing != FencingMode::Hook || !draft.spec.hooks.pre_failover.empty()) return;
  draft.reader.error_at("failover.fencing.mode",
                        "\"hook\" needs a program in hooks.preFailover that makes sure that the old primary is off");
}

// ---- allowed, and worth a warning -----------------------------------------------------------------------------------

void warn_of_waiting_for_the_last(Draft& draft) {
  const auto& spec = draft.spec;
  if (!spec.waits_for_acks()) return;
  if (spec.topology == TopologyType::SourceSource) {
    draft.reader.warn_at("sync",
                         "with \"wait\" in source-source, after the loss of either node nothing can commit until it "
                         "is back");
    return;
  }
  const auto count = ackers(spec);
  const auto wanted = spec.sync.mode == DataSyncType::SemiSync ? static_cast<std::size_t>(spec.sync.acks) : 1U;
  if (count != wanted) return;  // fewer is an error of its own
  draft.reader.warn_at("sync",
                       fmt::format("with \"wait\" and {}, after the loss of {} nothing can commit until it is back",
                                   count == 1 ? std::string{"a single replica that acknowledges"}
                                              : fmt::format("{} of {} acknowledgements needed", spec.sync.acks, count),
                                   count == 1 ? "that replica" : "any of them"));
}

void warn_of_lease(Draft& draft) {
  if (draft.spec.failover.fencing != FencingMode::Lease) return;
  draft.reader.warn_at("failover.fencing.mode",
                       "a primary that no repld reaches for the length of the lease stops taking "
                       "writes");
}

void warn_of_no_fencing(Draft& draft) {
  if (draft.spec.failover.fencing != FencingMode::None) return;
  draft.reader.warn_at(
      "failover.fencing.mode",
      "with \"none\" a silent primary may still take writes after another one was promoted: two writers "
      "are possible");
}

void warn_of_unfenced_silence(Draft& draft) {
  const auto& spec = draft.spec;
  if (spec.topology != TopologyType::SourceReplica || !spec.failover.automatic) return;
  if (spec.failover.fencing != FencingMode::Auto || spec.waits_for_acks()) return;
  draft.reader.warn_at("failover.fencing",
                       "where commits do not wait for acknowledgements, this version cannot fence a "
                       "primary that is silent but not proven dead: it is named, and not replaced");
}

void warn_of_small_groups(Draft& draft) {
  if (is_group(draft.spec) && draft.spec.nodes.size() == 2) {
    draft.reader.warn_at("nodes", "a group of 2 survives no failure: 3 is the least that does");
  }
}

}  // namespace

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table{
      {"source-replica has one source and 1 to 9 replicas, source-source 2 nodes, circular 3 to 9, a group 2 to 9",
       {"topology", "nodes"},
       count_nodes},
      {"node types fit the topology", {"topology", "nodes.type"}, types_fit},
      {"source-replica has exactly one source", {"topology", "nodes.type", "nodes.name"}, one_source},
      {"node names are unique within the cluster", {}, node_names_unique},
      {"addresses are unique", {"nodes.port"}, addresses_unique},
      {"follows forms a tree that leads to the source",
       {"topology", "nodes.type", "nodes.name", "nodes.follows"},
       follows_form_a_tree},
      {"a delayed node is no source and no preferred candidate",
       {"nodes.type", "nodes.delay", "nodes.promotion"},
       delay_excludes_promotion},
      {"binlog positioning needs source-replica", {"topology", "positioning"}, binlog_only_with_source_replica},
      {"groups have no sync block", {"topology"}, groups_have_no_sync},
      {"acks belongs to mode semi-sync", {"sync.mode", "sync.acks"}, acks_only_with_semi_sync},
      {"one acknowledgement in source-source and circular", {"topology", "sync.mode", "sync.acks"}, one_ack_in_a_ring},
      {"groupReplication belongs to groups, and its weights to nodes",
       {"topology", "nodes.name", "groupReplication"},
       group_options_only_in_groups},
      {"settings of group replication belong to groups", {"topology"}, group_settings_only_in_groups},
      {"delay belongs to source-replica", {"topology", "nodes.delay"}, delay_only_under_a_source},
      {"onTooFewReplicas belongs to modes semi-sync and sync", {"sync.mode"}, too_few_only_with_acks},
      {"timeout belongs to modes semi-sync and sync, and has an effect with degrade-to-async only",
       {"sync.mode", "sync.onTooFewReplicas"},
       timeout_only_with_degrade},
      {"there are as many undelayed direct replicas as acknowledgements are wanted",
       {"topology", "sync.mode", "sync.acks", "nodes.name", "nodes.type", "nodes.delay", "nodes.follows"},
       enough_ackers},
      {"each account profile has a user of its own", {}, users_differ},
      {"warning: an application account without schemas", {"accounts.application"}, application_has_schemas},
      {"maxFailedLogins and lockFor belong together", {"passwordPolicy"}, lock_out_is_complete},
      {"warning: a password policy for accounts that are not declared",
       {"passwordPolicy", "accounts"},
       policy_has_accounts},
      {"validate_password.length follows from passwordPolicy.minLength",
       {"passwordPolicy"},
       password_length_is_derived},
      {"a verifying TLS mode has a ca, and a ca has a verifying mode", {"tls"}, tls_ca_fits_mode},
      {"network.scope and network.zstdLevel have something to act on",
       {"topology", "network", "nodes.region"},
       network_options_have_an_effect},
      {"auto-increment is derived where several nodes write", {"topology"}, auto_increment_is_derived},
      {"skipErrors are different numbers, at most 32, and not of a group",
       {"topology", "skipErrors", "nodes.skipErrors"},
       skipped_errors_fit},
      {"warning: skipped errors lose events", {"topology", "skipErrors", "nodes.skipErrors"}, warn_of_skipped_errors},
      {"fencing by semi-sync needs commits that wait",
       {"failover.fencing", "sync.mode", "sync.onTooFewReplicas"},
       fencing_by_semi_sync_needs_it},
      {"hooks need a primary that changes, and preFailover one that repld changes",
       {"topology", "hooks"},
       hooks_have_an_occasion},
      {"fencing by hook needs a preFailover hook",
       {"topology", "failover.fencing", "hooks"},
       fencing_by_hook_needs_one},
      {"minReplicas is at most the number of replicas", {"topology", "failover.minReplicas"}, min_replicas_can_be_met},
      {"warning: nobody may be promoted",
       {"topology", "failover.automatic", "failover.crossRegion", "nodes.type", "nodes.delay", "nodes.promotion",
        "nodes.region"},
       somebody_can_be_promoted},
      {"warning: every acker is needed, and commits wait",
       {"topology", "sync", "nodes.name", "nodes.type", "nodes.delay", "nodes.follows"},
       warn_of_waiting_for_the_last},
      {"warning: fencing by lease", {}, warn_of_lease},
      {"warning: no fencing", {}, warn_of_no_fencing},
      {"warning: silence without acknowledgements cannot be fenced",
       {"topology", "failover", "sync"},
       warn_of_unfenced_silence},
      {"warning: a group of two", {}, warn_of_small_groups},
  };
  return table;
}

void check_rules(const Spec& spec, Reader& reader) {
  // Which rules apply is settled before the first one reports: one mistake is found by all rules that it breaks.
  std::vector<const Rule*> applicable;
  for (const auto& rule : rules()) {
    if (std::none_of(rule.needs.begin(), rule.needs.end(),
                     [&](std::string_view label) { return reader.is_wrong(label); })) {
      applicable.push_back(&rule);
    }
  }
  Draft draft{spec, reader};
  for (const auto* rule : applicable) rule->check(draft);
}

}  // namespace repl::spec

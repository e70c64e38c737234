// Gauges that follow from the pictures of the clusters.
#include <algorithm>
#include <array>

#include "diagnose/rules.hpp"
#include "model/spec_text.hpp"
#include "serve/families.hpp"
#include "serve/json.hpp"

namespace repl::serve {
namespace {

constexpr std::array kStatuses{ClusterStatus::Ok,       ClusterStatus::OkPartial,   ClusterStatus::OkNoTolerance,
                               ClusterStatus::Degraded, ClusterStatus::NotWritable, ClusterStatus::Unknown};
constexpr std::array kStates{NodeState::Ok, NodeState::Degraded, NodeState::Down, NodeState::Unknown,
                             NodeState::Quarantined};
constexpr std::array kRoles{NodeRole::Primary, NodeRole::Replica, NodeRole::Secondary, NodeRole::Detached,
                            NodeRole::Unknown};

double one_if(bool yes) {
  return yes ? 1 : 0;
}

bool healthy(ClusterStatus status) {
  return status == ClusterStatus::Ok || status == ClusterStatus::OkPartial || status == ClusterStatus::OkNoTolerance;
}

void add_totals(Families& out, std::span<const Picture> clusters) {
  for (const auto status : kStatuses) {
    const auto count =
        std::count_if(clusters.begin(), clusters.end(), [&](const Picture& c) { return c.status() == status; });
    out.gauge("repld_clusters", "Clusters by status.", {{"state", label(to_string(status))}},
              static_cast<double>(count));
  }
  for (const auto state : kStates) {
    long count = 0;
    for (const auto& cluster : clusters) {
      count += std::count_if(cluster.nodes().begin(), cluster.nodes().end(),
                             [&](const NodePicture& n) { return n.state == state; });
    }
    out.gauge("repld_nodes", "Nodes by state.", {{"state", label(to_string(state))}}, static_cast<double>(count));
  }
}

/// Whether a failover is wanted and held back, by the problem that asks for it; 0 while it is not, so that the series
/// is there.
void add_blocked(Families& out, const Picture& cluster) {
  for (const auto& rule : diagnose::cluster_rules()) {
    if (rule.goal != Goal::FailOver) continue;
    const bool blocked = std::any_of(cluster.problems().begin(), cluster.problems().end(), [&](const Problem& p) {
      return p.name == rule.name && p.established && !p.blocked.empty();
    });
    out.gauge("repld_failover_blocked", "A failover is needed and was refused: a person has to decide.",
              {{"cluster", cluster.state().cluster.name}, {"reason", label(rule.name)}}, one_if(blocked));
  }
}

void add_problems(Families& out, const Picture& cluster) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const auto& problem : cluster.problems()) {
    if (!problem.in_maintenance) ++counts[{problem.name, label(to_string(problem.severity))}];
  }
  for (const auto& [key, count] : counts) {
    out.gauge("repld_cluster_problems", "Problems found, by name.",
              {{"cluster", cluster.state().cluster.name}, {"kind", key.first}, {"severity", key.second}}, count);
  }
}

/// Transactions that the best replica lacks: what a failover now would lose. None where commits wait for replicas.
std::optional<double> transactions_at_risk(const Picture& cluster) {
  if (cluster.acks_needed() > 0) return 0;
  if (cluster.spec() != nullptr && cluster.spec()->by_position()) return std::nullopt;  // bytes are no transactions
  std::optional<double> least;
  for (const auto& node : cluster.nodes()) {
    if (node.role != NodeRole::Replica || node.facts->now == nullptr) continue;
    const auto missing = static_cast<double>(node.missing);
    least = least ? std::min(*least, missing) : missing;
  }
  return least;
}

/// @param scope  "latest": whatever it compares, as far as it is; "full": of all that the topology file asks for, and
///               done, so that a small run, or one that has just begun, does not hide what that one found
void add_verification(Families& out, const std::string& cluster, const char* scope, const verify::Run& run) {
  const Labels labels{{"cluster", cluster}, {"scope", scope}};
  out.gauge("repld_verify_differences", "Rows and tables that differ, by that verification.", labels,
            static_cast<double>(run.differences));
  out.gauge("repld_verify_unsettled_rows", "Rows that kept changing and could not be compared.", labels,
            static_cast<double>(run.unsettled));
  out.gauge("repld_verify_tables_not_compared", "Tables that could not be compared.", labels,
            static_cast<double>(run.tables_not_compared));
  out.gauge("repld_verify_complete", "1 when it is done and compared all that it was to compare.", labels,
            one_if(run.is_complete()));
  if (run.state != verify::RunState::Done) return;
  out.gauge("repld_verify_last_done_timestamp_seconds", "When the verification was done, in seconds since 1970.",
            labels, seconds(run.finished.time_since_epoch()));
  out.gauge("repld_verify_last_duration_seconds", "How long the verification took.", labels, seconds(run.worked));
}

void add_verifications(Families& out, const Picture& cluster) {
  const auto& state = cluster.state();
  if (!state.verification) return;
  out.gauge("repld_verify_running", "1 while the data of the nodes are being compared.",
            {{"cluster", state.cluster.name}}, one_if(state.verification->state == verify::RunState::Running));
  add_verification(out, state.cluster.name, "latest", *state.verification);
  if (state.full_verification) add_verification(out, state.cluster.name, "full", *state.full_verification);
}

void add_cluster(Families& out, const Picture& cluster) {
  const auto& name = cluster.state().cluster.name;
  const auto& memory = cluster.memory();
  const Labels only_cluster{{"cluster", name}};
  const auto* spec = cluster.spec();
  if (spec != nullptr) {
    out.gauge("repld_cluster_info", "What the cluster is declared to be; always 1.",
              {{"cluster", name},
               {"topology", label(to_string(spec->topology))},
               {"durability", durability(*spec)},
               {"spec_revision", std::to_string(memory.revision.number)}},
              1);
    const auto required = memory.office.primary ? spec->acks_wanted(*memory.office.primary) : 0;
    out.gauge("repld_cluster_semi_sync_required", "Acknowledgements that the topology file asks for; 0: none.",
              only_cluster, required);
    out.gauge("repld_cluster_writable_nodes_allowed", "Nodes that may take writes at the same time.", only_cluster,
              spec->several_writers() ? static_cast<double>(spec->nodes.size()) : 1);
  }
  out.gauge("repld_cluster_healthy", "1 while the cluster takes writes and has no critical problem.", only_cluster,
            one_if(healthy(cluster.status())));
  out.gauge("repld_cluster_paused", "1 while repld does nothing by itself.", only_cluster,
            one_if(memory.paused || memory.restored || (memory.spec && memory.spec->observes())));
  out.gauge("repld_cluster_maintenance", "1 while somebody works on the whole cluster and repld keeps off.",
            only_cluster, one_if(memory.maintenance_of(std::nullopt) != nullptr));
  out.gauge("repld_cluster_term", "Grows by one with every change of the primary.", only_cluster,
            static_cast<double>(memory.office.term.number));
  out.gauge("repld_cluster_writable_nodes", "Nodes that take writes; more than allowed is a split brain.", only_cluster,
            cluster.writable_nodes());
  out.gauge("repld_cluster_failover_candidates", "Nodes that an automatic failover may promote now.", only_cluster,
            cluster.candidates());
  out.gauge("repld_cluster_ackers", "Replicas whose acknowledgement counts and that are there now.", only_cluster,
            cluster.facts().acks_possible);
  if (const auto at_risk = transactions_at_risk(cluster)) {
    out.gauge("repld_cluster_rpo_transactions", "Transactions that a failover now would lose.", only_cluster, *at_risk);
  }
  out.gauge("repld_operations_running", "Operations that are going on.", only_cluster,
            one_if(memory.operation.has_value()));
  add_problems(out, cluster);
  add_blocked(out, cluster);
  add_verifications(out, cluster);
}

void add_node(Families& out, const Picture& cluster, const NodePicture& node) {
  const Labels labels{{"cluster", cluster.state().cluster.name},
                      {"instance", to_string(node.spec->address)},
                      {"node", node.spec->id.name}};
  const auto with = [&](const char* label, std::string value) {
    auto all = labels;
    all.emplace_back(label, std::move(value));
    return all;
  };
  for (const auto role : kRoles) {
    out.gauge("repld_node_role", "1 for the role that the node has.", with("role", label(to_string(role))),
              one_if(node.role == role));
  }
  for (const auto state : kStates) {
    out.gauge("repld_node_state", "1 for the state that the node is in.", with("state", label(to_string(state))),
              one_if(node.state == state));
  }
  out.gauge("repld_node_maintenance", "1 while somebody works on the node and repld keeps off.", labels,
            one_if(node.maintenance != nullptr));
  out.gauge("repld_node_reachable", "1 when the latest probe was answered in full.", labels,
            one_if(node.facts->now != nullptr));
  if (node.age) {
    out.gauge("repld_node_probe_age_seconds", "Age of the node's values.", labels, seconds(*node.age));
    out.gauge("repld_node_metrics_timestamp_seconds", "When the node's values were read, in seconds since 1970.",
              labels, seconds(node.reached->taken_at.time_since_epoch()));
  }
  if (node.facts->compared) {
    out.gauge("repld_node_errant_transactions", "Transactions that the node has and the primary lacks.", labels,
              static_cast<double>(node.facts->errant.count()));
  }
  if (node.facts->now != nullptr) {
    if (node.facts->now->by_position()) {
      out.gauge("repld_node_position_missing_bytes",
                "Bytes of the primary's binary log that a direct replica has not applied, as last seen of both.",
                labels, static_cast<double>(node.missing));
    } else {
      out.gauge("repld_node_gtid_missing_transactions",
                "Transactions of the primary that the node lacks, as last seen of both.", labels,
                static_cast<double>(node.missing));
    }
    if (const auto& clone = node.facts->now->clone) {
      out.gauge("repld_node_clone_bytes", "Bytes that a clone over the node has copied so far.", labels,
                static_cast<double>(clone->bytes_done));
      out.gauge("repld_node_clone_bytes_estimated", "Bytes that the clone over the node will copy, as far as known.",
                labels, static_cast<double>(clone->bytes_estimated));
    }
    // A stopped or silent replica has no lag: the series is missing then, never 0.
    for (const auto& channel : node.facts->now->channels) {
      if (channel.lag) {
        out.gauge("repld_replica_lag_seconds", "How far the replica is behind its source; 0 when idle.",
                  with("channel_name", channel.name), seconds(*channel.lag));
      }
    }
  }
}

}  // namespace

void Families::add(const char* name, const char* help, prometheus::MetricType type, Labels labels, double value) {
  auto family = std::find_if(families_.begin(), families_.end(),
                             [&](const prometheus::MetricFamily& f) { return f.name == name; });
  if (family == families_.end()) {
    family = families_.insert(families_.end(),
                              prometheus::MetricFamily{.name = name, .help = help, .type = type, .metric = {}});
  }
  prometheus::ClientMetric metric;
  for (auto& [label, text_of_it] : labels) metric.label.push_back({std::move(label), std::move(text_of_it)});
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family->metric.push_back(std::move(metric));
}

void add_cluster_gauges(Families& families, std::span<const Picture> clusters) {
  add_totals(families, clusters);
  for (const auto& cluster : clusters) add_cluster(families, cluster);
  for (const auto& cluster : clusters) {
    for (const auto& node : cluster.nodes()) add_node(families, cluster, node);
  }
}

}  // namespace repl::serve

// The table put together, and a view held against it.
#include "diagnose/rules.hpp"

#include <algorithm>
#include <array>

#include "diagnose/tables.hpp"

namespace repl::diagnose {
namespace {

template <class Rule>
Problem problem_of(const Rule& rule, std::optional<NodeId> node, std::string evidence) {
  return Problem{.name = std::string{rule.name},
                 .severity = rule.severity,
                 .node = std::move(node),
                 .goal = rule.goal,
                 .evidence = std::move(evidence),
                 .advice = std::string{rule.advice}};
}

Duration duration_of(Hold hold, const Spec& spec) {
  switch (hold) {
    case Hold::AtOnce:
      return Duration{0};
    case Hold::OneProbe:
      return spec.failover.detection.probe_interval;
    case Hold::BlockedAfter:
      return spec.failover.blocked_after;
    case Hold::TenSeconds:
      return std::chrono::seconds{10};
  }
  return Duration{0};
}

}  // namespace

std::span<const NodeRule> node_rules() {
  static const auto all = [] {
    std::vector<NodeRule> rules;
    for (const auto& part : {follower_rules(), writer_rules(), health_rules()}) {
      rules.insert(rules.end(), part.begin(), part.end());
    }
    return rules;
  }();
  return all;
}

std::vector<Problem> diagnose(const Spec& spec, const Office& office, const View& view) {
  std::vector<Problem> found;
  if (!office.primary && !spec.several_writers()) return found;
  const auto facts = count_facts(spec, office, view);
  if (!spec.several_writers() && (facts.primary == nullptr || facts.primary->seen == nullptr)) return found;
  for (const auto& rule : cluster_rules()) {
    if (rule.matches(facts)) found.push_back(problem_of(rule, std::nullopt, rule.evidence(facts)));
  }
  for (const auto& rule : node_rules()) {
    for (const auto& node : facts.nodes) {
      if (rule.matches(facts, node)) found.push_back(problem_of(rule, node.spec->id, rule.evidence(facts, node)));
    }
  }
  return found;
}

bool is_found_by_inventory(std::string_view problem) {
  return problem == "SettingDeviates" || problem == "SettingNeedsRestart" || problem == "AccountsDeviate" ||
         problem == "ReplicaAccountsDeviate" || problem == "AdminAtRisk" || problem == "ReceiverOutdated" ||
         problem == "KeysMayCollide" || problem == "SkipsErrors";
}

bool is_drift(std::string_view problem) {
  constexpr std::array<std::string_view, 13> kDrift{
      "NotSuperReadOnly",    "NotPersistedReadOnly", "ReplicationStopped",      "WrongSource",
      "SemiSyncReplicaOff",  "SemiSyncReplicaOn",    "SemiSyncSourceOnReplica", "SettingDeviates",
      "AccountsDeviate",     "ReceiverOutdated",     "NotAutoPositioned",       "DelayDiffers",
      "GroupIsSinglePrimary"};
  return std::find(kDrift.begin(), kDrift.end(), problem) != kDrift.end();
}

Duration hold_of(std::string_view problem, const Spec& spec) {
  for (const auto& rule : cluster_rules()) {
    if (rule.name == problem) return duration_of(rule.hold, spec);
  }
  for (const auto& rule : node_rules()) {
    if (rule.name == problem) return duration_of(rule.hold, spec);
  }
  return Duration{0};
}

}  // namespace repl::diagnose

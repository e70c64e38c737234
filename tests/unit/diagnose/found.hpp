// What the tests of the rules ask of a diagnosis.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "diagnose/rules.hpp"
#include "unit/support/cluster.hpp"

namespace repl::test {

inline Cluster async() {
  return running(spec_of("a b c"));
}
inline Cluster semi(int acks = 1) {
  return running(spec_of("a b c").acks(acks));
}

/// Names of the problems; those of a node as "WritableReplica(b)".
inline std::vector<std::string> found_in(const Cluster& c) {
  std::vector<std::string> out;
  for (const auto& p : diagnose::diagnose(c.spec, c.office, c.view())) {
    out.push_back(p.node ? fmt::format("{}({})", p.name, *p.node) : p.name);
  }
  return out;
}

inline bool finds(const Cluster& c, const std::string& problem) {
  const auto found = found_in(c);
  return std::find(found.begin(), found.end(), problem) != found.end();
}

/// The goals that repld has in this situation, in order of priority.
inline std::vector<Goal> goals_in(const Cluster& c) {
  std::vector<Goal> out;
  for (const auto& p : diagnose::diagnose(c.spec, c.office, c.view())) {
    if (p.goal != Goal::None) out.push_back(p.goal);
  }
  return out;
}

inline bool fails_over(const Cluster& c) {
  const auto goals = goals_in(c);
  return std::find(goals.begin(), goals.end(), Goal::FailOver) != goals.end();
}

/// Three nodes in a ring; commits wait for nobody, or for the next one.
inline Cluster ring() {
  return running(spec_of("a b c").ring());
}
inline Cluster semi_ring() {
  return running(spec_of("a b c").acks(1).ring());
}
inline Cluster multi_group() {
  return running(spec_of("a b c").group(TopologyType::GroupMultiPrimary));
}
/// Somebody has looked at all servers thoroughly, and all is as declared.
inline Cluster inventoried(Cluster c) {
  for (auto& [name, n] : c.nodes) {
    n.variables_as_declared(c.spec).inventory().accounts = {AccountRole::Admin, AccountRole::Replication};
  }
  return c;
}
inline Cluster observed(Cluster c) {
  c.spec.management = Management::Observe;
  return c;
}
/// A single-primary group of three.
inline Cluster group() {
  return running(spec_of("a b c").group());
}

}  // namespace repl::test

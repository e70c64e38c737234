// The table of problems: which there are, what evidence each needs, how bad it is and what repld does about it. Read it
// row by row; `replctl rules` and docs/problems.md print it. A new row needs no change anywhere else.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/facts.hpp"
#include "model/problem.hpp"

namespace repl::diagnose {

/// How long a rule must match without a break before it is acted on.
enum class Hold {
  AtOnce,
  OneProbe,      ///< One probe interval: two looks.
  BlockedAfter,  ///< failover.blockedAfter
  TenSeconds,
};

/// A rule about the cluster as a whole.
struct ClusterRule {
  std::string_view name;
  Severity severity;
  Goal goal;
  Hold hold;
  std::string_view summary;
  std::string_view advice;  ///< What a person can do; empty when repld does it alone.
  bool (*matches)(const Facts&);
  std::string (*evidence)(const Facts&);
};

/// A rule about one node; asked for every node of the spec.
struct NodeRule {
  std::string_view name;
  Severity severity;
  Goal goal;
  Hold hold;
  std::string_view summary;
  std::string_view advice;
  bool (*matches)(const Facts&, const NodeFacts&);
  std::string (*evidence)(const Facts&, const NodeFacts&);
};

/// While this problem is there, nothing is changed: somebody has moved the primary without repld.
inline constexpr std::string_view kAnotherPrimary = "AnotherPrimary";

/// What only an inventory shows, so that a new one has to be taken to see it gone.
bool is_found_by_inventory(std::string_view problem);
/// A deviation that harms nobody for the moment: whether it is taken back is up to the spec (`drift`).
bool is_drift(std::string_view problem);

/// In order of priority: all that match are reported, the first with a goal is acted on.
std::span<const ClusterRule> cluster_rules();
std::span<const NodeRule> node_rules();

/// Problems of a view, cluster rules first, in the order of the tables. `since` and `established` are left to the
/// controller, which has seen earlier views. Empty while nobody is in office where one should be: then there is nothing
/// to deviate from.
std::vector<Problem> diagnose(const Spec& spec, const Office& office, const View& view);

/// How long the problem of that name must last; zero for an unknown name.
Duration hold_of(std::string_view problem, const Spec& spec);

}  // namespace repl::diagnose

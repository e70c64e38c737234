// What a cluster is like, in the words of the API, the health checks and the metrics: roles, states, one status word
// and a sentence. Pure: everything follows from a ClusterState and the time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/facts.hpp"
#include "run/registry.hpp"

namespace repl::serve {

/// Primary: takes writes by the spec, in rings and multi-primary groups every node. Secondary: the other members of a
/// group.
enum class NodeRole { Primary, Replica, Secondary, Detached, Unknown };
std::string_view to_string(NodeRole role);

enum class NodeState { Ok, Degraded, Down, Unknown, Quarantined };
std::string_view to_string(NodeState state);

/// In order of weight; docs/api.md says what each means.
enum class ClusterStatus { Ok, OkPartial, OkNoTolerance, Degraded, NotWritable, Unknown };
std::string_view to_string(ClusterStatus status);

struct NodePicture {
  const NodeSpec* spec = nullptr;
  const diagnose::NodeFacts* facts = nullptr;
  const Snapshot* latest = nullptr;   ///< Null before the first probe came back.
  const Snapshot* reached = nullptr;  ///< The last answered one; what the node's values are taken from.
  NodeRole role = NodeRole::Unknown;
  NodeState state = NodeState::Unknown;
  std::string source;           ///< Name, or host:port of a server that is not in the spec; "" for nobody.
  std::uint64_t missing = 0;    ///< Transactions that the primary has and the node lacks, as last seen of both.
  std::optional<Duration> age;  ///< Of the values; empty when it never answered.
  const Maintenance* maintenance = nullptr;
};

/// Keeps the state it was made of; everything in it points there.
class Picture {
 public:
  Picture(std::shared_ptr<const run::ClusterState> state, Time now);
  Picture(Picture&&) = default;

  const run::ClusterState& state() const { return *state_; }
  const Memory& memory() const { return state_->memory; }
  const std::vector<Problem>& problems() const;
  /// Without those that somebody works on.
  std::size_t problems_that_count() const;
  /// The spec in force; while a first apply is going on, the one it leads to; null when there is neither.
  const Spec* spec() const { return spec_; }
  const diagnose::Facts& facts() const { return facts_; }
  /// In the order of the spec.
  const std::vector<NodePicture>& nodes() const { return nodes_; }
  const NodePicture* find(std::string_view node) const;

  ClusterStatus status() const { return status_; }
  const std::string& status_text() const { return status_text_; }
  int nodes_ok() const { return nodes_ok_; }
  int writable_nodes() const;
  /// Nodes that an automatic failover may promote now.
  int candidates() const { return candidates_; }
  /// Acknowledgements that the primary waits for; 0: none.
  int acks_needed() const;

 private:
  NodePicture look_at(const diagnose::NodeFacts& facts, Time now) const;
  NodeState state_of(const diagnose::NodeFacts& facts) const;
  int count_candidates() const;
  void judge();
  std::pair<ClusterStatus, std::string> judge_writers() const;
  std::string what_is_missing() const;

  std::shared_ptr<const run::ClusterState> state_;
  std::shared_ptr<const View> view_;
  const Spec* spec_ = nullptr;
  diagnose::Facts facts_;
  std::vector<NodePicture> nodes_;
  int nodes_ok_ = 0;
  int candidates_ = 0;
  ClusterStatus status_ = ClusterStatus::Unknown;
  std::string status_text_;
};

}  // namespace repl::serve

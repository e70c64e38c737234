// All that is known of a cluster's nodes at one moment: per node the latest probe and the latest one that was answered.
// Values, shared as std::shared_ptr<const View>: any thread may read it, nobody changes it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/snapshot.hpp"

namespace repl {

/// What is known of one node.
struct Observation {
  NodeId node;
  std::optional<Snapshot> latest;   ///< Empty before the first probe has come back.
  std::optional<Snapshot> reached;  ///< The latest one with Reach::Ok; may be `latest` itself.
  /// What it had at the answered look before `reached`; empty when there was none since it answers again.
  struct Earlier {
    Time taken_at{};
    GtidSet executed;
    bool operator==(const Earlier&) const = default;
  };
  std::optional<Earlier> earlier;
  int misses = 0;                    ///< Consecutive probes without any answer.
  std::optional<Time> silent_since;  ///< Time of the first of those.
  /// The latest look at the inventory, which most probes do not bring.
  std::optional<Inventory> inventory;
  /// Executed here and not on the primary, which was read after this node. Empty optional: not compared since this node
  /// or the primary answered again.
  std::optional<GtidSet> errant;
  /// Was found to have transactions of its own, and nothing since has shown that they are gone: it may not have been
  /// compared since it, the primary or repld came back.
  bool quarantined = false;

  /// What it was known to have executed before `moment`, by its two latest looks; null when nothing is.
  const GtidSet* executed_before(Time moment) const {
    if (reached && reached->taken_at <= moment) return &reached->executed;
    return earlier && earlier->taken_at <= moment ? &earlier->executed : nullptr;
  }
  bool seen() const { return latest.has_value(); }
  bool reachable() const { return latest && latest->reachable(); }
  bool alive() const { return latest && is_alive(latest->reach); }
  /// repld turned its clients away and has not let them in again.
  bool closed_by_repld = false;
  bool in_maintenance = false;  ///< A person works on it: never promoted.
  GtidSet discarded;            ///< Thrown away with its data by a clone, and their numbers not used up yet.
  /// Not to be promoted, nor to be followed.
  bool has_its_own() const { return quarantined || (errant && !errant->empty()); }

  bool operator==(const Observation&) const = default;
};

class View {
 public:
  View() = default;
  /// One observation per node, in any order.
  View(Time at, std::vector<Observation> observations);

  Time at() const { return at_; }
  std::span<const Observation> observations() const { return observations_; }
  /// Null when the view has no such node.
  const Observation* find(const NodeId& node) const;
  /// The node's snapshot when its latest probe was answered, else null.
  const Snapshot* reachable(const NodeId& node) const;
  /// Every node was probed at least once.
  bool complete() const;

  bool operator==(const View&) const = default;

 private:
  Time at_{};
  std::vector<Observation> observations_;  // sorted by node, so that equal rounds give equal views
};

}  // namespace repl

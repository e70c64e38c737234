// What was seen of each node so far: gathers snapshots into views, compares histories with the primary's, and decides
// when to look again. Part of the controller; pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "control/controller.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::control {

class Observations {
 public:
  /// Nodes that are new are looked at at once; what is known of the others is kept, unless their address changed.
  void watch(const std::vector<NodeSpec>& nodes, Time now);

  /// Takes up a snapshot; those of unknown nodes are ignored.
  /// @return whether its node is reached again, or for the first time
  bool take(Snapshot snapshot, const std::optional<NodeId>& primary, const DetectionSpec& detection, Time now);
  /// Gives up probes of which nothing was heard for far too long.
  void expire(Time now, const std::optional<NodeId>& primary, const DetectionSpec& detection);

  /// Marks what is remembered of nodes, whatever is known of them at the moment: those that were found to have
  /// transactions of their own, those whose clients repld turned away, and those that a person works on.
  void mark(const Memory& memory);
  /// Another node is primary now: histories have to be compared anew.
  void primary_changed();
  /// A hint that something happened: every node is looked at at once, and then quickly for a while.
  void look_at_all(Time now);
  void look_closely(Time now);

  /// Status probes that are due. They are marked as under way.
  std::vector<ProbeOrder> due(Time now, const DetectionSpec& detection, const std::optional<NodeId>& primary);
  /// An inventory probe of every watched node.
  std::vector<ProbeOrder> take_inventory(Time now, Duration limit, const std::vector<std::string>& variables);
  /// Inventory probes of which nothing was heard yet.
  const std::set<NodeId>& inventories_under_way() const { return inventories_; }
  void give_inventories_up() { inventories_.clear(); }
  /// Those of before say nothing any more, nor do those that are still on their way.
  void forget_inventories(Time now);

  /// Shared and unchanged until the next snapshot.
  std::shared_ptr<const View> view(Time now);
  Time next_wake_up() const;

 private:
  struct Watch {
    Address address;
    Observation seen;
    bool under_way = false;
    Time inventory_asked{};  // an inventory that began before is none that was asked for
    Time deadline{};
    Time next{};
  };

  bool suspicious(const std::optional<NodeId>& primary) const;
  void compare(const Snapshot& primary);

  std::map<NodeId, Watch> watched_;
  std::set<NodeId> inventories_;
  std::shared_ptr<const View> view_;
  Time closely_since_{};
};

}  // namespace repl::control

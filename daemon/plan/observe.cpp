// The comparison, node by node.
#include "plan/observe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "plan/semi_sync.hpp"
#include "plan/variables.hpp"

namespace repl::plan {
namespace {

class Comparer {
 public:
  Comparer(const Spec& wanted, const Office& office, const Spec* before, const View& view)
      : wanted_(wanted), before_(before), view_(view) {
    if (wanted.topology != TopologyType::SourceReplica) return;
    primary_ = office.primary;
    const auto* declared = wanted.declared_source();
    if (declared != nullptr && (!primary_ || names_another_primary(wanted, office, before))) primary_ = declared->id;
  }

  Comparison compare() && {
    if (primary_ && wanted_.find(*primary_) == nullptr) differs("{} is the primary, and is not in the file", *primary_);
    for (const auto& node : wanted_.nodes) compare(node);
    if (wanted_.is_group()) groups();
    return std::move(out_);
  }

 private:
  template <class... Args>
  void differs(fmt::format_string<Args...> text, Args&&... args) {
    out_.differences.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  void compare(const NodeSpec& node) {
    const auto* now = view_.reachable(node.id);
    const auto* seen = view_.find(node.id);
    if (now == nullptr || !seen->inventory) return without_answer(node, seen);
    if (now->by_position() != wanted_.by_position()) {
      differs("{} has gtid_mode {}, and by the file positioning is {}", node.id, to_string(now->gtid_mode),
              to_string(wanted_.positioning));
    }
    sources(node, *now);
    if (wanted_.is_group()) {
      member(node, *now);
    } else {
      writes(node, *now);
      semi_sync(node, *now);
    }
    settings(node, *seen->inventory);
  }

  void without_answer(const NodeSpec& node, const Observation* seen) {
    const auto what = seen == nullptr || !seen->latest ? std::string{"was not looked at"}
                      : seen->latest->problem.empty()  ? std::string{"does not answer"}
                                                       : seen->latest->problem;
    const auto* known = before_ == nullptr ? nullptr : before_->find(node.id);
    if (known != nullptr && known->address == node.address) {
      out_.left_out.push_back(fmt::format("{} is not compared: {}", node.id, what));
    } else {
      differs("{} ({}): {}", node.id, to_string(node.address), what);
    }
  }

  std::optional<NodeId> should_follow(const NodeSpec& node) const {
    if (wanted_.is_group() || (!wanted_.is_ring() && !primary_)) return std::nullopt;
    return wanted_.source_of(node.id, primary_.value_or(NodeId{}));
  }

  void sources(const NodeSpec& node, const Snapshot& now) {
    if (now.channels.size() > 1) {
      return differs("{} has {} replication channels, and no file can say that", node.id, now.channels.size());
    }
    const auto* channel = now.channel();
    const bool follows = channel != nullptr && channel->source.host != kDetachedHost;
    const auto should = should_follow(node);
    if (!follows) {
      if (should) differs("{} follows nobody, and by the file it follows {}", node.id, *should);
      return;
    }
    const auto source = diagnose::source_node(wanted_, *channel);
    if (!should) {
      differs("{} follows {}, and by the file it follows nobody: {}", node.id, to_string(channel->source),
              wanted_.is_group() ? "members of a group have no such channel" : "another node is the source");
    } else if (!source) {
      differs("{} follows {}, which is no address of the file; by the file it follows {}", node.id,
              to_string(channel->source), *should);
    } else if (source != should) {
      differs("{} follows {}, and by the file {}: write `follows: {}`", node.id, *source, *should, *source);
    }
    if (!channel->auto_position && !wanted_.by_position()) {
      differs("{} follows by binary log position: CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 there",
              node.id);
    }
    if (channel->delay != node.delay) {
      differs("{} is delayed by {} s, and by the file by {} s: write `delay: {}s`", node.id, channel->delay.count(),
              node.delay.count(), channel->delay.count());
    }
  }

  void writes(const NodeSpec& node, const Snapshot& now) {
    const bool writer = wanted_.is_ring() || node.id == primary_;
    if (writer || now.read_only != ReadOnly::Off) return;
    differs("{} takes writes, and by the file it is a replica: SET PERSIST super_read_only = ON there", node.id);
  }

  /// Where commits are made: on the primary, in a ring on each.
  void semi_sync(const NodeSpec& node, const Snapshot& now) {
    if (!wanted_.is_ring() && node.id != primary_) return;
    const auto& has = now.semi_sync;
    if (has.source_enabled != wanted_.semi_sync()) {
      return differs("{} {} semi-synchronous, and by the file {}: write `sync: {{ mode: {} }}`", node.id,
                     has.source_enabled ? "is" : "is not", durability(wanted_),
                     has.source_enabled ? "semi-sync" : "async");
    }
    if (!has.source_enabled) return;
    const auto acks = wanted_.is_ring() ? 1 : wanted_.acks_wanted(node.id);
    if (has.wait_for_count != acks) {
      differs("{} waits for {} acknowledgements, and by the file for {}: write `acks: {}`", node.id, has.wait_for_count,
              acks, has.wait_for_count);
    }
    const bool waits = has.timeout >= kPracticallyForever;
    const bool should_wait = wanted_.sync.on_too_few == OnTooFewReplicas::Wait;
    if (waits != should_wait || (!waits && has.timeout != wanted_.sync.timeout)) {
      differs("{} goes on alone {}: write `onTooFewReplicas: {}`{}", node.id,
              waits ? std::string{"never"} : fmt::format("after {} ms", has.timeout.count()),
              waits ? "wait" : "degrade-to-async",
              waits ? std::string{} : fmt::format(" and `timeout: {}ms`", has.timeout.count()));
    }
  }

  void member(const NodeSpec& node, const Snapshot& now) {
    if (!now.in_group()) return differs("{} is not an ONLINE member of a group", node.id);
    const bool multi = wanted_.topology == TopologyType::GroupMultiPrimary;
    if (now.group.single_primary == multi) {
      differs("{} is in a group with {}: write `topology: {}`", node.id,
              now.group.single_primary ? "one primary" : "several primaries",
              now.group.single_primary ? "group-single-primary" : "group-multi-primary");
    }
    // A weight or time-out that nobody has looked at cannot differ.
    const auto* seen = view_.find(node.id);
    for (const auto& [name, value] : variables_of(wanted_, node.id)) {
      if (!is_said_by_group(name)) continue;
      const auto found = seen->inventory->variables.find(name);
      if (found == seen->inventory->variables.end() || same_value(found->second, value)) continue;
      differs("{}: {} is {}, and by the file {}", node.id, name, found->second, value);
    }
  }

  /// All in one group, and nobody else in it.
  void groups() {
    std::optional<std::string> name;
    for (const auto& node : wanted_.nodes) {
      const auto* now = view_.reachable(node.id);
      if (now == nullptr || !now->in_group()) continue;
      if (name && *name != now->group.name) {
        differs("{} is in the group {}, and others in {}", node.id, now->group.name, *name);
      }
      name = now->group.name;
      for (const auto& other : now->group.members) {
        const bool known = std::any_of(wanted_.nodes.begin(), wanted_.nodes.end(), [&](const NodeSpec& n) {
          const auto* seen = view_.find(n.id);
          return seen != nullptr && seen->reached && seen->reached->server_uuid == other.server_uuid;
        });
        if (known || !strangers_.insert(other.server_uuid).second) continue;
        differs("{} is a member of the group and not in the file", to_string(other.address));
      }
    }
  }

  void settings(const NodeSpec& node, const Inventory& has) {
    for (const auto& [name, value] : wanted_.settings_of(node.id)) {
      const auto found = has.variables.find(name);
      if (found == has.variables.end()) {
        differs("{} has no variable {}: remove it from `settings`", node.id, name);
      } else if (!same_value(found->second, value)) {
        differs("{}: {} is {}, and by the file {}", node.id, name, found->second, value);
      }
    }
  }

  const Spec& wanted_;
  const Spec* before_;
  const View& view_;
  std::optional<NodeId> primary_;  ///< Of a tree.
  std::set<std::string> strangers_;
  Comparison out_;
};

}  // namespace

Comparison compare(const Spec& wanted, const Office& office, const Spec* before, const View& view) {
  return Comparer{wanted, office, before, view}.compare();
}

Result<Plan> plan_observe(const Spec& wanted, const Office& office, const Spec* before, const View& view) {
  auto found = compare(wanted, office, before, view);
  if (!found.differences.empty()) {
    std::string all;
    for (const auto& difference : found.differences) all += "\n  - " + difference;
    return fail(ErrorCode::PreconditionFailed,
                "{}: nothing was changed: with `management: observe` the file has to say what the servers are:{}",
                wanted.cluster, all);
  }
  Plan plan{.goal = Goal::Converge};
  plan.reasons = std::move(found.left_out);
  return plan;
}

bool names_another_primary(const Spec& wanted, const Office& office, const Spec* before) {
  if (before == nullptr || !before->observes() || !wanted.observes()) return false;
  const auto* declared = wanted.declared_source();
  const auto* declared_before = before->declared_source();
  return declared != nullptr && declared_before != nullptr && declared->id != declared_before->id &&
         declared->id != office.primary;
}

bool takes_over_without_primary(const Spec& wanted, const Office& office, const Spec* before, const View& view) {
  if (before == nullptr || !before->observes() || wanted.observes()) return false;
  if (!office.primary || view.reachable(*office.primary) != nullptr) return false;
  auto observing = wanted;
  observing.management = Management::Observe;
  observing.failover = before->failover;
  return observing == *before;
}

}  // namespace repl::plan

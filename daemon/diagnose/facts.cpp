// Counting the facts of a view.
#include "diagnose/facts.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "model/spec_variables.hpp"
#include "model/variable_value.hpp"

namespace repl::diagnose {
namespace {

/// Errors of a receiver that say something about the source's process or the network: lost, refused, timed out. 2005
/// (unknown host) is none: that is the replica's name server.
bool speaks_of_the_source(int receiver_errno) {
  return receiver_errno == 0 || receiver_errno == 2003 || receiver_errno == 2006 || receiver_errno == 2013 ||
         receiver_errno == 2026;
}

Witness witness(const NodeFacts& node, const NodeId& primary) {
  if (node.now == nullptr || node.channel == nullptr || node.follows != primary) return Witness::Nothing;
  const auto& channel = *node.channel;
  switch (channel.receiver) {
    case ThreadState::Stopped:
      return Witness::Nothing;
    case ThreadState::Connecting:
      return speaks_of_the_source(channel.receiver_errno) ? Witness::Lost : Witness::Nothing;
    case ThreadState::Running:
      if (!channel.silence) return Witness::Nothing;
      return *channel.silence > silence_limit(channel) ? Witness::Lost : Witness::Hears;
  }
  return Witness::Nothing;
}

NodeFacts facts_of(const NodeSpec& node, const Spec& spec, const Office& office, const View& view) {
  NodeFacts f;
  f.spec = &node;
  f.seen = view.find(node.id);
  f.now = view.reachable(node.id);
  if (office.primary) {
    f.is_primary = *office.primary == node.id;
    f.primary_now = view.reachable(*office.primary);
  }
  f.writer = f.is_primary || spec.several_writers();
  if (office.primary || spec.is_ring()) f.should_follow = spec.source_of(node.id, office.primary.value_or(NodeId{}));
  if (f.now != nullptr) {
    f.channel = f.now->channel();
    f.detached = f.channel == nullptr || is_detached(*f.channel);
    if (!f.detached) {
      f.follows = source_node(spec, *f.channel);
      f.foreign_source = !f.follows;
    }
  }
  if (office.primary && !f.is_primary && f.should_follow) {
    // Below a lost node nothing arrives. Who already points to it stays: it may come back, and has missed nothing yet.
    // Below one in quarantine arrives what is nowhere else. Without GTIDs nobody is moved in passing.
    const bool stays = f.follows == f.should_follow && view.reachable(*f.should_follow) == nullptr;
    if (f.should_follow != office.primary && !stays && !can_feed(*f.should_follow, view) && !spec.by_position()) {
      f.should_follow = office.primary;
    }
    f.acker = spec.semi_sync() && node.delay.count() == 0 && f.should_follow == office.primary;
    f.acknowledges = f.acker && f.now != nullptr && f.follows == office.primary && f.now->semi_sync.replica_status;
  }
  if (spec.is_ring()) {
    f.acker = spec.semi_sync();
    f.acknowledges = f.acker && f.now != nullptr && f.follows == f.should_follow && f.now->semi_sync.replica_status;
  }
  if (f.should_follow) {
    f.source_now = view.reachable(*f.should_follow);
    f.same_log = f.channel != nullptr && has_place_in_log_of(*f.should_follow, *f.channel, view);
  }
  if (f.seen != nullptr && f.seen->errant) {
    f.compared = true;
    f.errant = *f.seen->errant;
  }
  const auto* gives = spec.is_ring() ? f.source_now : f.primary_now;
  if (f.now != nullptr && gives != nullptr && !f.is_primary && !spec.is_group()) {
    f.purged_but_needed = subtract(gives->purged, f.now->position());
  }
  if (office.primary && !f.is_primary) f.witness = witness(f, *office.primary);
  return f;
}

}  // namespace

bool is_connection_error(int receiver_errno) {
  constexpr std::array kErrors{1040, 1129, 2002, 2003, 2005, 2006, 2013, 2026, 3032};
  return std::find(kErrors.begin(), kErrors.end(), receiver_errno) != kErrors.end();
}

int quorum(std::size_t ackers, int acks) {
  if (acks <= 0 || ackers == 0) return 0;
  return std::max(1, static_cast<int>(ackers) - acks + 1);
}

Duration silence_limit(const Channel& channel) {
  constexpr Duration kWithoutHeartbeats = std::chrono::seconds{180};
  return channel.heartbeat_interval.count() > 0 ? 3 * channel.heartbeat_interval : kWithoutHeartbeats;
}

bool has_place_in_log_of(const NodeId& source, const Channel& channel, const View& view) {
  const auto* seen = view.find(source);
  return seen != nullptr && seen->reached && !channel.source_uuid.empty() &&
         seen->reached->server_uuid == channel.source_uuid;
}

bool can_feed(const NodeId& node, const View& view) {
  const auto* seen = view.find(node);
  return view.reachable(node) != nullptr && !seen->has_its_own();
}

std::optional<NodeId> source_node(const Spec& spec, const Channel& channel) {
  const auto* node = spec.find(channel.source);
  if (node == nullptr) return std::nullopt;
  return node->id;
}

namespace {

/// Of the connected semi-sync replicas some are not in the spec. Nodes that do not answer may be connected.
int foreign_ackers(const Facts& f) {
  if (f.primary == nullptr || f.primary->seen == nullptr) return 0;
  const auto* last = f.primary->now;
  if (last == nullptr && f.primary->seen->reached) last = &*f.primary->seen->reached;
  if (last == nullptr || !last->semi_sync.source_enabled) return 0;
  const auto ours = std::count_if(f.nodes.begin(), f.nodes.end(), [](const NodeFacts& n) {
    return !n.is_primary && (n.now == nullptr || n.now->semi_sync.replica_enabled);
  });
  return std::max(0, last->semi_sync.clients - static_cast<int>(ours));
}

std::optional<NodeId> another_primary(const Facts& f) {
  if (f.primary->now->read_only == ReadOnly::Off || !f.primary->follows) return std::nullopt;
  const auto* source = f.view->reachable(*f.primary->follows);
  return source != nullptr && source->read_only == ReadOnly::Off ? f.primary->follows : std::nullopt;
}

GtidSet primary_lacks(const Facts& f) {
  // A commit that waits for acknowledgements is on replicas already, and not yet among what the primary has executed.
  if (f.primary->now->read_only == ReadOnly::Off || f.primary->now->semi_sync.wait_sessions > 0) return {};
  GtidSet expected = f.office->inherited;
  for (const auto& node : f.nodes) {
    const bool asked =
        !node.is_primary && node.channel != nullptr && node.follows == f.office->primary && !node.seen->quarantined;
    if (asked) expected = unite(expected, node.channel->received);
  }
  return subtract(expected, f.primary->now->executed);
}

}  // namespace

namespace {

void count_ring(Facts& f) {
  for (auto& node : f.nodes) {
    if (node.now == nullptr) continue;
    // Only what others were read to have before this node was read: the other way round, what it commits in between
    // would look lost.
    GtidSet elsewhere;
    for (const auto& other : f.nodes) {
      if (&other == &node || other.seen == nullptr) continue;
      const auto* had = other.seen->executed_before(node.now->taken_at - node.now->took);
      if (had != nullptr) elsewhere = unite(elsewhere, *had);
    }
    // What waits for its acknowledgement is on the next node already, and not yet among what this one has executed.
    if (node.now->semi_sync.wait_sessions > 0) continue;
    node.own_lost = subtract(elsewhere.only_of(node.now->server_uuid), node.now->executed);
  }
}

void count_group(Facts& f) {
  const Snapshot* first = nullptr;
  for (const auto& node : f.nodes) {
    if (node.now == nullptr || node.now->member_state() != MemberState::Online) continue;
    if (!node.now->in_group()) {
      ++f.members_without_majority;
      continue;
    }
    ++f.members_online;
    if (first == nullptr) first = node.now;
    // One that was expelled and has not noticed still knows the others.
    const bool strangers =
        first->group.find(node.now->server_uuid) == nullptr && node.now->group.find(first->server_uuid) == nullptr;
    if (strangers) f.two_groups = true;
  }
  if (first == nullptr || f.two_groups || f.spec->topology != TopologyType::GroupSinglePrimary) return;
  for (const auto& node : f.nodes) {
    if (node.now == nullptr || !node.now->in_group()) continue;
    const auto* self = node.now->group.find(node.now->server_uuid);
    if (self->primary && node.now->group.single_primary) f.group_primary = node.spec->id;
  }
}

}  // namespace

std::optional<NodeId> node_with_uuid(const Spec& spec, const View& view, const std::string& server_uuid) {
  for (const auto& node : spec.nodes) {
    const auto* seen = view.find(node.id);
    if (seen != nullptr && seen->reached && seen->reached->server_uuid == server_uuid) return node.id;
  }
  return std::nullopt;
}

Facts count_facts(const Spec& spec, const Office& office, const View& view) {
  Facts f;
  f.spec = &spec;
  f.office = &office;
  f.view = &view;
  f.nodes.reserve(spec.nodes.size());
  for (const auto& node : spec.nodes) f.nodes.push_back(facts_of(node, spec, office, view));
  if (spec.is_ring()) count_ring(f);
  if (spec.is_group()) count_group(f);
  if (!office.primary) return f;

  for (const auto& node : f.nodes) {
    if (node.is_primary) {
      f.primary = &node;
      continue;
    }
    ++f.others;
    if (node.seen != nullptr && node.seen->alive()) ++f.others_reached;
    if (node.witness == Witness::Hears) ++f.replicas_hearing;
    if (node.witness == Witness::Lost) ++f.replicas_that_lost_it;
    if (node.now != nullptr && node.now->read_only == ReadOnly::Off) ++f.writable_others;
    if (node.now != nullptr && office.ackers.contains(node.spec->id)) ++f.ackers_reached;
    if (node.acknowledges) ++f.acks_possible;
  }
  f.ackers_needed = quorum(office.ackers.size(), office.acks);
  if (f.primary != nullptr && f.primary->seen != nullptr && f.primary->seen->seen()) {
    const auto& seen = *f.primary->seen;
    f.primary_reachable = seen.reachable();
    f.primary_alive = seen.alive();
    f.primary_refused = seen.latest->reach == Reach::Refused;
    f.primary_misses = seen.misses;
    f.primary_silent_for_good = !f.primary_alive && seen.misses >= spec.failover.detection.misses;
  }
  f.foreign_ackers = foreign_ackers(f);
  if (f.primary != nullptr && f.primary->now != nullptr) {
    f.another_primary = another_primary(f);
    f.primary_lacks = primary_lacks(f);
  }
  return f;
}

const NodeFacts* writing_node(const Facts& facts) {
  const auto takes_writes = [](const NodeFacts& n) {
    return n.writer && n.now != nullptr && n.now->read_only == ReadOnly::Off;
  };
  const auto found = std::find_if(facts.nodes.begin(), facts.nodes.end(), takes_writes);
  return found == facts.nodes.end() ? nullptr : &*found;
}

GtidSet numbers_not_retired(const Facts& facts, const NodeFacts& node) {
  if (node.seen == nullptr || node.seen->discarded.empty()) return {};
  const auto* on = writing_node(facts);
  return on == nullptr || on->now->by_position() ? GtidSet{} : subtract(node.seen->discarded, on->now->executed);
}

std::vector<std::pair<NodeId, GtidSet>> holders_of(const Facts& facts, const GtidSet& transactions) {
  std::vector<std::pair<NodeId, GtidSet>> out;
  const auto* on = writing_node(facts);
  for (const auto& node : facts.nodes) {
    if (&node == on || node.now == nullptr) continue;
    auto held = intersect(transactions, node.now->position());
    if (!held.empty()) out.emplace_back(node.spec->id, std::move(held));
  }
  return out;
}

std::vector<NodeId> silent_nodes(const Facts& facts) {
  std::vector<NodeId> out;
  for (const auto& node : facts.nodes) {
    if (node.now == nullptr) out.push_back(node.spec->id);
  }
  return out;
}

bool commits_may_go_alone(const Spec& spec, const NodeFacts& node) {
  return spec.waits_for_acks() && node.writer && node.now != nullptr && node.now->read_only == ReadOnly::Off &&
         node.now->semi_sync.source_enabled && !node.now->semi_sync.never_goes_alone();
}

namespace {

std::vector<DeviatingSetting> deviations_from(const std::map<std::string, std::string>& wanted, const NodeFacts& node) {
  std::vector<DeviatingSetting> out;
  if (node.now == nullptr || !node.seen->inventory) return out;
  const auto& has = *node.seen->inventory;
  for (const auto& [name, value] : wanted) {
    const auto found = has.variables.find(name);
    if (found == has.variables.end() || same_value(found->second, value)) continue;
    out.push_back({name, found->second, value, has.fixed_until_restart.contains(name)});
  }
  return out;
}

}  // namespace

std::vector<DeviatingSetting> deviating_settings(const Spec& spec, const NodeFacts& node) {
  auto wanted = declared_variables(spec, node.spec->id);
  const auto leave_out = [&](const std::map<std::string, std::string>& others) {
    for (const auto& [name, value] : others) wanted.erase(name);
  };
  if (spec.is_ring()) leave_out(auto_increment(spec, node.spec->id));
  if (commits_may_go_alone(spec, node)) leave_out(semi_sync_variables(spec));
  if (spec.observes()) {
    // A file that was made from running servers does not say how repld would have set them up.
    const auto named = spec.settings_of(node.spec->id);
    std::erase_if(wanted, [&](const auto& v) { return !named.contains(v.first) && !is_said_by_group(v.first); });
  }
  return deviations_from(wanted, node);
}

std::vector<DeviatingSetting> deviating_keys(const Spec& spec, const NodeFacts& node) {
  if (!spec.is_ring() || spec.observes()) return {};
  return deviations_from(auto_increment(spec, node.spec->id), node);
}

std::string undeclared_skipped_errors(const Spec& spec, const NodeFacts& node) {
  if (node.now == nullptr || !node.seen->inventory) return {};
  if (spec.settings_of(node.spec->id).contains(kSkipErrorsVariable)) return {};
  const auto found = node.seen->inventory->variables.find(kSkipErrorsVariable);
  return found == node.seen->inventory->variables.end() || same_value(found->second, "OFF") ? std::string{}
                                                                                            : found->second;
}

}  // namespace repl::diagnose

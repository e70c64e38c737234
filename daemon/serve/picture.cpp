// Roles and states of nodes, and the judgement over the cluster.
#include "serve/picture.hpp"

#include <algorithm>

#include "model/snapshot_text.hpp"
#include "model/time_text.hpp"
#include "plan/candidate.hpp"

namespace repl::serve {

std::string_view to_string(NodeRole role) {
  switch (role) {
    case NodeRole::Primary:
      return "primary";
    case NodeRole::Replica:
      return "replica";
    case NodeRole::Secondary:
      return "secondary";
    case NodeRole::Detached:
      return "detached";
    case NodeRole::Unknown:
      return "unknown";
  }
  return "?";
}

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::Ok:
      return "ok";
    case NodeState::Degraded:
      return "degraded";
    case NodeState::Down:
      return "down";
    case NodeState::Unknown:
      return "unknown";
    case NodeState::Quarantined:
      return "quarantined";
  }
  return "?";
}

std::string_view to_string(ClusterStatus status) {
  switch (status) {
    case ClusterStatus::Ok:
      return "OK";
    case ClusterStatus::OkPartial:
      return "OK_PARTIAL";
    case ClusterStatus::OkNoTolerance:
      return "OK_NO_TOLERANCE";
    case ClusterStatus::Degraded:
      return "DEGRADED";
    case ClusterStatus::NotWritable:
      return "NOT_WRITABLE";
    case ClusterStatus::Unknown:
      return "UNKNOWN";
  }
  return "?";
}

namespace {

const Spec* spec_of(const Memory& memory) {
  if (memory.spec) return &*memory.spec;
  return memory.proposed ? &*memory.proposed : nullptr;
}

NodeRole role_of(const diagnose::NodeFacts& facts, const Spec& spec) {
  if (facts.is_primary) return NodeRole::Primary;
  if (facts.seen == nullptr || !facts.seen->reached) return NodeRole::Unknown;
  if (spec.is_group()) {
    const auto state = facts.seen->reached->member_state();
    if (state != MemberState::Online && state != MemberState::Recovering) return NodeRole::Detached;
    return facts.writer && state == MemberState::Online ? NodeRole::Primary : NodeRole::Secondary;
  }
  if (facts.writer) return NodeRole::Primary;
  const auto* channel = facts.seen->reached->channel();
  const bool follows_somebody = channel != nullptr && !is_detached(*channel);
  return follows_somebody ? NodeRole::Replica : NodeRole::Detached;
}

std::string source_of(const Snapshot* reached, const Spec& spec) {
  const auto* channel = reached == nullptr ? nullptr : reached->channel();
  if (channel == nullptr || is_detached(*channel)) return {};
  const auto node = diagnose::source_node(spec, *channel);
  return node ? node->name : to_string(channel->source);
}

std::string why_unreached(const Snapshot& latest) {
  return latest.problem.empty() ? std::string(to_string(latest.reach)) : latest.problem;
}

}  // namespace

Picture::Picture(std::shared_ptr<const run::ClusterState> state, Time now)
    : state_(std::move(state)),
      view_(state_->view ? state_->view : std::make_shared<const View>()),
      spec_(spec_of(memory())) {
  if (spec_ == nullptr) {
    status_text_ = "no topology file is in force yet";
    return;
  }
  facts_ = diagnose::count_facts(*spec_, memory().office, *view_);
  for (const auto& node : facts_.nodes) nodes_.push_back(look_at(node, now));
  nodes_ok_ = static_cast<int>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const NodePicture& n) { return n.state == NodeState::Ok; }));
  candidates_ = count_candidates();
  judge();
}

const std::vector<Problem>& Picture::problems() const {
  static const std::vector<Problem> none;
  return state_->problems ? *state_->problems : none;
}

std::size_t Picture::problems_that_count() const {
  return static_cast<std::size_t>(
      std::count_if(problems().begin(), problems().end(), [](const Problem& p) { return !p.in_maintenance; }));
}

const NodePicture* Picture::find(std::string_view node) const {
  const auto found =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const NodePicture& n) { return n.spec->id.name == node; });
  return found == nodes_.end() ? nullptr : &*found;
}

NodePicture Picture::look_at(const diagnose::NodeFacts& facts, Time now) const {
  NodePicture node{.spec = facts.spec, .facts = &facts};
  if (facts.seen != nullptr) {
    if (facts.seen->latest) node.latest = &*facts.seen->latest;
    if (facts.seen->reached) node.reached = &*facts.seen->reached;
  }
  node.maintenance = memory().maintenance_of(facts.spec->id);
  node.role = role_of(facts, *spec_);
  node.state = state_of(facts);
  node.source = source_of(node.reached, *spec_);
  if (node.reached != nullptr) {
    node.age = std::max(Duration{0}, now - node.reached->taken_at);
    const auto* primary = memory().office.primary ? view_->find(*memory().office.primary) : nullptr;
    if (primary != nullptr && primary->reached && !facts.is_primary) {
      // Without GTIDs only what is below the primary directly can be compared with it.
      const bool comparable =
          !primary->reached->by_position() || !node.reached->executed.only_of(primary->reached->server_uuid).empty();
      if (comparable) node.missing = subtract(primary->reached->written(), node.reached->executed).count();
    }
  }
  return node;
}

NodeState Picture::state_of(const diagnose::NodeFacts& facts) const {
  if (memory().quarantined.contains(facts.spec->id)) return NodeState::Quarantined;
  if (facts.seen == nullptr || !facts.seen->seen()) return NodeState::Unknown;
  if (!facts.seen->alive()) {
    const bool certain =
        facts.seen->latest->reach == Reach::Refused || facts.seen->misses >= spec_->failover.detection.misses;
    return certain ? NodeState::Down : NodeState::Degraded;
  }
  if (!facts.seen->reachable()) return NodeState::Degraded;
  const bool troubled = std::any_of(problems().begin(), problems().end(), [&](const Problem& p) {
    return p.node == facts.spec->id && p.severity != Severity::Info;
  });
  return troubled ? NodeState::Degraded : NodeState::Ok;
}

int Picture::writable_nodes() const {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [](const NodePicture& n) {
    return n.facts->now != nullptr && n.facts->now->read_only == ReadOnly::Off && !n.facts->now->offline_mode;
  }));
}

int Picture::count_candidates() const {
  const auto& office = memory().office;
  if (!office.primary) return 0;
  plan::Positions positions;
  for (const auto& node : nodes_) {
    if (node.facts->now != nullptr) positions.emplace(node.spec->id, node.facts->now->position());
  }
  return static_cast<int>(std::count_if(positions.begin(), positions.end(), [&](const auto& position) {
    return plan::choose_candidate(*spec_, office, *view_, positions, position.first, plan::Urgency::Automatic)
        .has_value();
  }));
}

int Picture::acks_needed() const {
  if (spec_ == nullptr || !spec_->waits_for_acks() || facts_.primary == nullptr) return 0;
  const auto* primary = facts_.primary->now;
  return primary != nullptr && primary->semi_sync.source_enabled ? primary->semi_sync.wait_for_count : 0;
}

std::string Picture::what_is_missing() const {
  std::string missing;
  for (const auto& node : nodes_) {
    if (node.state != NodeState::Ok) {
      missing += fmt::format("{}{} is {}", missing.empty() ? "" : ", ", node.spec->id,
                             node.maintenance != nullptr ? "in maintenance" : to_string(node.state));
    }
  }
  return missing;
}

/// Rings and groups: how many take writes, and whether one more loss is survived.
std::pair<ClusterStatus, std::string> Picture::judge_writers() const {
  const auto writers = writable_nodes();
  const auto total = static_cast<int>(nodes_.size());
  const auto critical = std::find_if(problems().begin(), problems().end(),
                                     [](const Problem& p) { return p.severity == Severity::Critical; });
  const auto why =
      critical == problems().end() ? std::string{} : fmt::format("{}: {}", critical->name, critical->evidence);
  if (memory().spec == std::nullopt) return {ClusterStatus::NotWritable, "the first apply has not been done yet"};
  const auto missing = what_is_missing();
  if (spec_->is_group()) {
    if (facts_.members_online == 0 || writers == 0) {
      return {ClusterStatus::NotWritable, why.empty() ? "no member takes writes" : why};
    }
    const auto members = fmt::format("{} of {} members are ONLINE, {} take{} writes", facts_.members_online, total,
                                     writers, writers == 1 ? "s" : "");
    if (!why.empty()) return {ClusterStatus::Degraded, members + ", but " + why};
    // The loss of one more must leave a majority of those that are members now.
    if (facts_.members_online < 3) {
      return {ClusterStatus::OkNoTolerance, members + ": the loss of one more stops the group"};
    }
    if (!missing.empty()) return {ClusterStatus::OkPartial, missing + "; " + members};
    return {ClusterStatus::Ok, members};
  }
  if (writers == 0) return {ClusterStatus::NotWritable, why.empty() ? "no node takes writes" : why};
  const auto text = fmt::format("{} of {} nodes take writes", writers, total);
  if (!why.empty()) return {ClusterStatus::Degraded, text + ", but " + why};
  if (!missing.empty()) return {ClusterStatus::OkPartial, missing + "; " + text};
  return {ClusterStatus::Ok, text};
}

/// From the worst to the best; the first that holds is the status.
void Picture::judge() {
  const auto say = [&](ClusterStatus status, std::string text) {
    status_ = status;
    status_text_ = std::move(text);
    if (spec() != nullptr && spec()->observes()) status_text_ += "; management: observe, repld only looks on";
    if (memory().paused) status_text_ += "; paused, repld does nothing by itself";
    if (memory().restored) {
      status_text_ += fmt::format(
          "; restored from the backup of {}: repld does nothing before it finds the servers as "
          "that says, or `replctl resume`",
          time_text(*memory().restored));
    }
    if (const auto* whole = memory().maintenance_of(std::nullopt)) {
      status_text_ += fmt::format("; {}, repld does nothing by itself", describe(*whole));
    }
  };
  const auto seen = std::any_of(nodes_.begin(), nodes_.end(), [](const NodePicture& n) { return n.latest != nullptr; });
  if (!seen) return say(ClusterStatus::Unknown, "not looked at yet");
  if (spec_->several_writers() || spec_->is_group()) {
    const auto [status, text] = judge_writers();
    return say(status, text);
  }
  if (facts_.primary == nullptr) {
    return say(ClusterStatus::NotWritable,
               memory().spec ? "no node is primary" : "the first apply has not been done yet");
  }

  const auto& name = facts_.primary->spec->id;
  const auto* primary = find(name.name);
  if (primary->latest == nullptr)
    return say(ClusterStatus::Unknown, fmt::format("{}, the primary, was not looked at yet", name));
  if (primary->state == NodeState::Down) {
    return say(ClusterStatus::NotWritable,
               fmt::format("{}, the primary, is down: {}", name, why_unreached(*primary->latest)));
  }
  const auto* now = facts_.primary->now;
  const int needed = acks_needed();
  if (now != nullptr && now->offline_mode) {
    return say(ClusterStatus::NotWritable, fmt::format("{}, the primary, turns clients away (offline_mode)", name));
  }
  if (now != nullptr && now->read_only != ReadOnly::Off) {
    return say(ClusterStatus::NotWritable, fmt::format("{}, the primary, is read-only", name));
  }
  if (facts_.acks_possible < needed) {
    return say(ClusterStatus::NotWritable, fmt::format("commits on {} wait: {} of {} acknowledging replicas are there",
                                                       name, facts_.acks_possible, needed));
  }
  if (now == nullptr) {
    return say(ClusterStatus::Degraded, fmt::format("{}, the primary, did not answer the latest probe: {}", name,
                                                    why_unreached(*primary->latest)));
  }
  const auto critical = std::find_if(problems().begin(), problems().end(), [](const Problem& p) {
    return p.severity == Severity::Critical && !p.in_maintenance;
  });
  if (critical != problems().end()) {
    return say(ClusterStatus::Degraded,
               fmt::format("{} takes writes, but {}: {}", name, critical->name, critical->evidence));
  }

  const auto missing = what_is_missing();
  if (needed > 0 && facts_.acks_possible == needed) {
    return say(ClusterStatus::OkNoTolerance,
               fmt::format("{}{} acknowledging replica{} of {} needed: the loss of one more blocks writes",
                           missing.empty() ? "" : missing + "; ", facts_.acks_possible,
                           facts_.acks_possible == 1 ? "" : "s", needed));
  }
  if (candidates_ == 0) {
    return say(ClusterStatus::OkNoTolerance,
               fmt::format("{}no node may be promoted if {} dies", missing.empty() ? "" : missing + "; ", name));
  }
  const auto could = fmt::format("{} takes writes, {} could replace it", name,
                                 candidates_ == 1 ? "one node" : fmt::format("{} nodes", candidates_));
  if (!missing.empty()) return say(ClusterStatus::OkPartial, fmt::format("{}; {}", missing, could));
  say(ClusterStatus::Ok, could);
}

}  // namespace repl::serve

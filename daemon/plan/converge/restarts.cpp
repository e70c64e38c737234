// Restarts for settings that only a start makes true: one server at a time, each back and replicating before the next
// one goes, who takes the writes last.
//
// source-replica: a primary in office is not restarted while it takes writes. When its replicas have been restarted one
// of them takes over, and the old primary is restarted as a replica; the writes stay where they are then, for going
// back would interrupt them a second time. Where the file lets nobody take over, the primary is closed, restarted and
// opened again in place. Everything up to the switchover can be taken back, by restarting once more. Rings: each node
// is closed, drained, restarted and opened. Groups: each member leaves, is restarted and joins again.
#include <fmt/format.h>

#include <algorithm>

#include "model/variable_value.hpp"
#include "plan/converge/planners.hpp"
#include "plan/hooks.hpp"
#include "plan/switchover.hpp"

namespace repl::plan::converge {
namespace {

using Index = Builder::Index;
using Indices = std::vector<Index>;

std::string names_of(const std::vector<StartVariable>& variables) {
  std::string out;
  for (const auto& v : variables) out += (out.empty() ? "" : ", ") + v.name;
  return out;
}

class Restarts {
 public:
  explicit Restarts(Draft& draft)
      : draft_(draft),
        plan_(draft.plan),
        wanted_(draft.wanted),
        nodes_(draft.checked.nodes),
        last_(draft.all_last_steps()) {}

  Result<Plan> make() && {
    if (const auto possible = check(); !possible) return tl::unexpected(possible.error());
    auto planned = wanted_.is_group() ? group() : wanted_.is_ring() ? ring() : tree();
    if (!planned) return tl::unexpected(planned.error());
    return std::move(plan_).take();
  }

 private:
  bool restarts(const NodeId& node) const { return draft_.restarts.contains(node); }
  const std::vector<StartVariable>& variables(const NodeId& node) const { return draft_.restarts.at(node); }
  const NodeId& seed() const { return draft_.checked.seed; }

  // ---- whether ------------------------------------------------------------------------------------------------------

  Result<void> check() const {
    std::string reasons;
    for (const auto& [id, variables] : draft_.restarts) {
      if (nodes_.at(id).has->admin_may_restart) continue;
      reasons += fmt::format(
          "\n  - {} has to be restarted for {}, and the admin account lacks SHUTDOWN, which RESTART "
          "needs: GRANT SHUTDOWN ON *.* TO it, or restart the server by hand with it in its option "
          "file",
          id, names_of(variables));
    }
    for (const auto& [id, variables] : draft_.restarts) {
      if (!throws_away_what_it_acknowledged(id)) continue;
      reasons += fmt::format(
          "\n  - {} has to be restarted for {}, and starts with relay_log_recovery=ON: what it has acknowledged and "
          "not "
          "applied would be thrown away. Set `relay_log_recovery: \"OFF\"` in `settings` as well, or let commits not "
          "wait for replicas meanwhile (`sync: {{ mode: async }}`)",
          id, names_of(variables));
    }
    if (!reasons.empty()) {
      return fail(ErrorCode::PreconditionFailed, "{}: nothing was changed:{}", wanted_.cluster, reasons);
    }
    const bool another = draft_.before != nullptr && (draft_.before->topology != wanted_.topology ||
                                                      draft_.before->positioning != wanted_.positioning);
    if (!another) return {};
    return fail(
        ErrorCode::NotSupported,
        "{}: nothing was changed: {} has to be restarted for {}, and the file changes topology or positioning as "
        "well: apply the one, then the other",
        wanted_.cluster, draft_.restarts.begin()->first, names_of(draft_.restarts.begin()->second));
  }

  /// It acknowledges commits by what is in its relay log, and starts without that.
  bool throws_away_what_it_acknowledged(const NodeId& node) const {
    if (wanted_.is_group() || !wanted_.semi_sync() || node == seed()) return false;
    const auto& has = nodes_.at(node);
    if (has.spec->delay.count() > 0 || draft_.checked.to_clone.contains(node)) return false;
    for (const auto& variable : variables(node)) {
      if (variable.name == "relay_log_recovery") return same_value(variable.to, "ON");
    }
    return has.now->relay_log_recovery;
  }

  // ---- source-replica -----------------------------------------------------------------------------------------------

  Result<void> tree() {
    for (const auto& spec : wanted_.nodes) {
      if (spec.id != seed() && restarts(spec.id)) restart_replica(spec);
    }
    if (!restarts(seed())) return {};
    if (!draft_.office.primary || !somebody_may_take_over()) return restart_in_place();
    return restart_after_switchover();
  }

  void restart_replica(const NodeSpec& spec) {
    const auto& id = spec.id;
    const auto& now = *nodes_.at(id).now;
    const auto* channel = draft_.checked.to_clone.contains(id) ? nullptr : now.channel();
    const auto source = wanted_.source_of(id, seed());
    // Where its applier is stuck it is left alone, and stuck; and below a lost node nothing arrives.
    const bool applies = channel == nullptr || channel->applier_errno == 0 || channel->applier == ThreadState::Running;
    const bool receives =
        channel == nullptr || channel->receiver == ThreadState::Running || (source && nodes_.contains(*source));
    const bool replicates = applies && receives;
    last_ = {plan_.add(RestartServer{.node = id, .variables = variables(id), .replicates = replicates}, last_)};
    if (replicates && spec.delay.count() == 0 && source && nodes_.contains(*source)) {
      last_ = {plan_.add(WaitForApplied{id, *source, kDrainTimeout}, last_)};
    }
    if (commits_miss(spec)) {
      plan_.because(fmt::format("commits on {} wait while {} restarts: its acknowledgement is needed", seed(), id));
    }
  }

  /// While that one is away, there are fewer ackers than commits wait for.
  bool commits_miss(const NodeSpec& spec) const {
    if (!wanted_.waits_for_acks() || spec.delay.count() > 0 || wanted_.source_of(spec.id, seed()) != seed())
      return false;
    const auto ackers = wanted_.ackers(seed());
    const auto others = std::count_if(ackers.begin(), ackers.end(),
                                      [&](const NodeId& n) { return n != spec.id && nodes_.contains(n); });
    return others < wanted_.acks_wanted(seed());
  }

  bool somebody_may_take_over() const {
    return std::any_of(wanted_.nodes.begin(), wanted_.nodes.end(), [&](const NodeSpec& n) {
      return n.id != seed() && n.promotion != Promotion::Never && n.delay.count() == 0;
    });
  }

  /// What a switchover is planned from stays as it was seen.
  bool changes_only_settings() const {
    return std::all_of(plan_.steps().begin(), plan_.steps().end(), [](const PlannedStep& planned) {
      return std::visit(
          Overloaded{[](const SetVariable&) { return true; }, [](const ResetVariable&) { return true; },
                     [](const PersistReadOnly&) { return true; }, [](const RestartServer&) { return true; },
                     [](const WaitForApplied&) { return true; }, [](const auto&) { return false; }},
          planned.step);
    });
  }

  /// The view as it is once the replicas were restarted.
  View view_then() const {
    std::vector<Observation> all{draft_.view.observations().begin(), draft_.view.observations().end()};
    for (auto& observation : all) {
      const auto found = draft_.restarts.find(observation.node);
      if (found == draft_.restarts.end() || observation.node == seed()) continue;
      for (const auto& variable : found->second) {
        if (variable.name != "log_replica_updates") continue;
        for (auto* seen : {&observation.latest, &observation.reached}) {
          if (*seen) (*seen)->log_replica_updates = same_value(variable.to, "ON");
        }
      }
    }
    return {draft_.view.at(), std::move(all)};
  }

  Result<void> restart_after_switchover() {
    const auto& primary = seed();
    if (!changes_only_settings()) {
      return fail(
          ErrorCode::NotSupported,
          "{}: nothing was changed: {} is the primary and has to be restarted for {}, which takes a switchover, "
          "and the file changes other things as well: apply those first, without {}, then this file",
          wanted_.cluster, primary, names_of(variables(primary)), names_of(variables(primary)));
    }
    auto move = plan_switchover(wanted_, draft_.office, view_then(), std::nullopt, kMovesWithin);
    if (!move) {
      return fail(move.error().code,
                  "{}: nothing was changed: {} is the primary and has to be restarted for {}, and nobody can take over "
                  "from it now: {}",
                  wanted_.cluster, primary, names_of(variables(primary)), move.error().message);
    }
    const auto to = *move->promotes;
    plan_.because(fmt::format("{} is the primary and needs a restart ({}): {} takes over first, and stays the primary",
                              primary, names_of(variables(primary)), to));
    const auto first = plan_.append(std::move(*move), last_);
    std::optional<Index> follows;
    auto opened = first;
    for (auto i = first; i < plan_.steps().size(); ++i) {
      const auto& step = plan_.steps()[i].step;
      const auto* follow = std::get_if<FollowSource>(&step);
      if (follow != nullptr && follow->replica == primary) follows = i;
      const auto* opens = std::get_if<SetReadOnly>(&step);
      if (opens != nullptr && opens->node == to && opens->to == ReadOnly::Off) opened = i;
    }
    Indices after{opened};
    if (follows) after.push_back(*follows);
    // Past the point of no return nothing is taken back: what cannot be restarted is shown (SettingNeedsRestart).
    plan_.add(RestartServer{.node = primary, .variables = variables(primary), .replicates = follows.has_value()},
              std::move(after), Must::BestEffort);
    return {};
  }

  Result<void> restart_in_place() {
    const auto& primary = nodes_.at(seed());
    const auto& id = primary.id();
    const auto [waits, acks] = semi_sync_then(primary);
    if (draft_.office.primary) {
      plan_.because(fmt::format(
          "{} takes no writes while it restarts, some seconds: the file lets no replica take over from it", id));
    }
    last_ = {plan_.add(SetReadOnly{.node = id,
                                   .from = ReadOnly::Off,
                                   .to = ReadOnly::Super,
                                   .lock_wait = kPauseWithin,
                                   .only_with_semi_sync = waits},
                       last_)};
    if (waits) plan_.add(SetSemiSyncSource{id, true, false, acks, acks});
    last_ = {plan_.add(RestartServer{.node = id, .variables = variables(id)})};
    // It must not issue numbers again that a replica has already.
    if (const auto* witness = some_replica()) last_ = {plan_.add(WaitForApplied{id, *witness, kDrainTimeout})};
    if (waits) {
      plan_.add(WaitForAckers{id, acks, kAckersTimeout});
      plan_.add(SetSemiSyncSource{id, false, true, acks, acks});
    }
    last_ = {plan_.add(SetReadOnly{
        .node = id, .from = ReadOnly::Super, .to = ReadOnly::Off, .only_with_semi_sync = wanted_.semi_sync()})};
    return {};
  }

  /// Whether commits wait for replicas on it, and for how many, when all else in the plan is done.
  std::pair<bool, int> semi_sync_then(const Node& node) const {
    std::pair out{node.now->semi_sync.source_enabled, node.now->semi_sync.wait_for_count};
    for (const auto& planned : plan_.steps()) {
      const auto* set = std::get_if<SetSemiSyncSource>(&planned.step);
      if (set != nullptr && set->node == node.id()) out = {set->to, set->acks_to};
    }
    return out;
  }

  const NodeId* some_replica() const {
    for (const auto& [id, node] : nodes_) {
      const auto* seen = draft_.view.find(id);
      const bool sound = seen != nullptr && !seen->has_its_own() && node.spec->delay.count() == 0;
      if (id != seed() && sound && wanted_.source_of(id, seed()) == seed()) return &id;
    }
    return nullptr;
  }

  // ---- rings --------------------------------------------------------------------------------------------------------

  Result<void> ring() {
    if (wanted_.semi_sync()) {
      // Of what a restarted node has already it acknowledges nothing, and under load the node before it hangs (seen).
      return fail(ErrorCode::NotSupported,
                  "{}: nothing was changed: {} has to be restarted for {}, and in a ring whose commits wait for "
                  "acknowledgements nodes are not restarted: apply `sync: {{ mode: async }}` first, then the setting, "
                  "then this file",
                  wanted_.cluster, draft_.restarts.begin()->first, names_of(draft_.restarts.begin()->second));
    }
    for (const auto& spec : wanted_.nodes) {
      if (restarts(spec.id)) restart_writer(spec.id);
    }
    return {};
  }

  std::optional<NodeId> next_of(const NodeId& node) const {
    for (const auto& [id, other] : nodes_) {
      if (wanted_.source_of(id, NodeId{}) == node) return id;
    }
    return std::nullopt;
  }

  void restart_writer(const NodeId& id) {
    const auto next = next_of(id);
    plan_.because(fmt::format("{} takes no writes while it restarts, some seconds", id));
    last_ = {plan_.add(SetReadOnly{.node = id, .from = ReadOnly::Off, .to = ReadOnly::Super, .lock_wait = kPauseWithin},
                       last_)};
    if (next) last_ = {plan_.add_beside(WaitForApplied{*next, id, kDrainTimeout}, last_)};
    last_ = {plan_.add(RestartServer{.node = id, .variables = variables(id), .replicates = true}, last_)};
    // Its own transactions among them: it would use their numbers again.
    if (next) last_ = {plan_.add(WaitForApplied{id, *next, kDrainTimeout}, last_)};
    last_ = {plan_.add(SetReadOnly{.node = id, .from = ReadOnly::Super, .to = ReadOnly::Off}, last_)};
  }

  // ---- groups -------------------------------------------------------------------------------------------------------

  Result<void> group() {
    const bool single = wanted_.topology == TopologyType::GroupSinglePrimary;
    const auto members = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n.second.member(); });
    if (members == 1) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: nothing was changed: {} has to be restarted for {}, and no other member is ONLINE: the group "
                  "would end with it",
                  wanted_.cluster, draft_.restarts.begin()->first, names_of(draft_.restarts.begin()->second));
    }
    for (const auto& spec : wanted_.nodes) {
      if (restarts(spec.id) && !(single && spec.id == seed())) restart_member(spec.id);
    }
    if (!single || !restarts(seed())) return {};
    const auto to = next_primary();
    if (!to) {
      return fail(ErrorCode::NotPromotable,
                  "{}: nothing was changed: {} is the group's primary and has to be restarted for {}, and no other "
                  "member may take over from it",
                  wanted_.cluster, seed(), names_of(variables(seed())));
    }
    plan_.because(fmt::format("{} is the group's primary and needs a restart ({}): {} takes over first, and stays it",
                              seed(), names_of(variables(seed())), *to));
    last_ = add_hooks(plan_, wanted_, HookPoint::PreSwitchover, *to, seed(), last_);
    last_ = {plan_.add(SetGroupPrimary{*to, seed()}, last_)};
    add_hooks(plan_, wanted_, HookPoint::PostSwitchover, *to, seed(), last_);
    restart_member(seed());
    return {};
  }

  std::optional<NodeId> next_primary() const {
    if (draft_.office.primary) {
      if (const auto move = plan_group_switchover(wanted_, draft_.office, draft_.view, std::nullopt)) {
        for (const auto& planned : move->steps) {
          if (const auto* moves = std::get_if<SetGroupPrimary>(&planned.step)) return moves->node;
        }
      }
    }
    for (const auto& spec : wanted_.nodes) {
      if (spec.id != seed() && nodes_.contains(spec.id) && spec.promotion != Promotion::Never) return spec.id;
    }
    return std::nullopt;
  }

  void restart_member(const NodeId& id) {
    last_ = {plan_.add(StopGroup{.node = id, .back = GroupStart::Join}, last_)};
    last_ = {plan_.add(RestartServer{.node = id, .variables = variables(id)}, last_)};
    last_ = {plan_.add(StartGroup{.node = id, .how = GroupStart::Join}, last_)};
    // Leaving has switched it off.
    last_ = {plan_.add(SetVariable{id, "group_replication_start_on_boot", "OFF", "ON"}, last_)};
  }

  Draft& draft_;
  Builder& plan_;
  const Spec& wanted_;
  const std::map<NodeId, Node>& nodes_;
  Indices last_;  ///< What the next step waits for.
};

}  // namespace

Result<Plan> with_restarts(Draft& draft) {
  return Restarts{draft}.make();
}

}  // namespace repl::plan::converge

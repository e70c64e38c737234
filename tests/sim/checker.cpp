// The invariants, one function each.
#include "sim/checker.hpp"

#include <algorithm>

#include "control/execution.hpp"

namespace repl::sim {
namespace {

std::string name_of(const Transaction& t) {
  return fmt::format("db{}:{}", t.origin + 1, t.number);
}

/// Problems that repld rightly leaves as they are. Any other one is no excuse once all faults have ended.
constexpr std::string_view kOnlyAPerson[]{"ErrantTransactions", "ForeignSource", "ApplierFailed", "NeedsData"};

constexpr std::uint64_t kMostTicksPerSecond = 400;

}  // namespace

std::string_view to_string(Invariant invariant) {
  switch (invariant) {
    case Invariant::NoLostAck:
      return "NoLostAck";
    case Invariant::NoLoneAck:
      return "NoLoneAck";
    case Invariant::KeysClash:
      return "KeysClash";
    case Invariant::OneWriter:
      return "OneWriter";
    case Invariant::NoStaleAction:
      return "NoStaleAction";
    case Invariant::OldOrNew:
      return "OldOrNew";
    case Invariant::Converges:
      return "Converges";
    case Invariant::Quiet:
      return "Quiet";
    case Invariant::NoNeedlessFailover:
      return "NoNeedlessFailover";
    case Invariant::CoolDown:
      return "CoolDown";
    case Invariant::NoFalseQuarantine:
      return "NoFalseQuarantine";
    case Invariant::NoDataReset:
      return "NoDataReset";
    case Invariant::Rests:
      return "Rests";
    case Invariant::AsExpected:
      return "AsExpected";
  }
  return "?";
}

Checker::Checker(World& world, const Repld& repld, const Writers& writers, Spec spec)
    : world_(world), repld_(repld), writers_(writers), spec_(std::move(spec)) {
  world.hooks.changed = [this] { changed_ = true; };
  world.hooks.data_reset = [this](const Server& s) { blame(Invariant::NoDataReset, fmt::format("on {}", s.id())); };
  world.hooks.not_simulated = [this](const std::string& what) {
    blame(Invariant::AsExpected, fmt::format("not simulated: {}", what));
  };
  world.hooks.acknowledging = [this](const Server& s, const Transaction& t) {
    if (!promises()) unpromised_.insert({t.origin, t.number});
    if (!promises() || s.opened_by_person) return;
    const bool held = std::any_of(world_.servers.begin(), world_.servers.end(),
                                  [&](const auto& other) { return other->index() != s.index() && other->holds(t); });
    if (!held) blame(Invariant::NoLoneAck, fmt::format("{} acknowledges {} alone", s.id(), name_of(t)));
  };
}

void Checker::blame(Invariant invariant, std::string what) {
  const bool known =
      std::any_of(violations_.begin(), violations_.end(), [&](const Violation& v) { return v.invariant == invariant; });
  world_.trace.line("VIOLATION {}: {}", to_string(invariant), what);
  if (!known) violations_.push_back({invariant, std::move(what)});
}

void Checker::after_event() {
  if (promised_.empty() || promised_.back().second != promises())
    promised_.emplace_back(world_.events.now(), promises());
  if (!changed_) return;
  changed_ = false;
  for (const auto& told : repld_.released_unheard()) {
    if (world_.server(told.first).up() && world_.server(told.first).read_only() == ReadOnly::Super)
      fenced_.insert(told);
  }
  check_writers();
}

bool Checker::promises() const {
  const auto& memory = repld_.stored();
  const auto waits = [](const std::optional<Spec>& spec) { return !spec || spec->waits_for_acks(); };
  return memory.spec && waits(memory.spec) && waits(memory.proposed) &&
         std::none_of(world_.servers.begin(), world_.servers.end(), [&](const auto& s) { return may_not_wait(*s); });
}

bool Checker::may_not_wait(const Server& s) const {
  const auto told = repld_.released_unheard().find(s.index());
  return told != repld_.released_unheard().end() && told->second == s.incarnation() && !fenced_.contains(*told);
}

std::optional<Time> Checker::last_unpromised_failover() const {
  std::optional<Time> last;
  for (const auto& [id, o] : repld_.operations()) {
    if (o.goal != Goal::FailOver) continue;
    const auto after =
        std::find_if(promised_.begin(), promised_.end(), [&](const auto& p) { return p.first > o.started; });
    const bool promised = after != promised_.begin() && std::prev(after)->second;
    if (!promised) last = std::max(last.value_or(o.started), o.started);
  }
  return last;
}

bool Checker::would_acknowledge(const Server& s) const {
  if (!s.up() || s.read_only() != ReadOnly::Off || s.offline_mode() || s.opened_by_person) return false;
  if (!s.source_waits()) return true;
  const auto acknowledging = std::count_if(s.dumps().begin(), s.dumps().end(), [&](const Dump& d) {
    const auto& replica = world_.server(d.replica);
    return d.semi_sync && replica.up() && replica.receiver().state == ThreadState::Running &&
           replica.receiver().connection == d.connection && world_.network.is_connected(s.index(), d.replica);
  });
  return acknowledging >= s.wait_for_count();
}

/// Automatic keys of two nodes meet unless they count in the same steps from different starts.
void Checker::check_keys() {
  const auto& memory = repld_.stored();
  std::vector<const Server*> open;
  for (const auto& s : world_.servers) {
    const bool known = memory.spec->find(s->id()) != nullptr || s->disk().user_data;
    if (known && s->up() && s->read_only() == ReadOnly::Off && !s->offline_mode()) open.push_back(s.get());
  }
  for (const auto* a : open) {
    for (const auto* b : open) {
      if (a->index() >= b->index()) continue;
      const auto steps = a->variable("auto_increment_increment");
      const bool apart = steps == b->variable("auto_increment_increment") &&
                         a->variable("auto_increment_offset") != b->variable("auto_increment_offset");
      if (!apart) blame(Invariant::KeysClash, fmt::format("{} and {} take writes", a->id(), b->id()));
    }
  }
}

void Checker::check_writers() {
  // An empty cluster that is being applied consists of independent servers.
  if (!repld_.stored().spec || spec_.failover.fencing == FencingMode::None) return;
  const auto several = [](const std::optional<Spec>& spec) { return spec && spec->several_writers(); };
  if (several(repld_.stored().spec) || several(repld_.stored().proposed)) return check_keys();
  std::vector<NodeId> open;
  const auto& spec = *repld_.stored().spec;
  for (const auto& s : world_.servers) {
    if (spec.find(s->id()) == nullptr && !s->disk().user_data) continue;  // nobody uses it yet
    if (may_not_wait(*s)) continue;  // the owner wanted an end of waiting, and that is the price
    if (would_acknowledge(*s)) open.push_back(s->id());
  }
  if (open.size() > 1) blame(Invariant::OneWriter, fmt::format("{} and {} would both acknowledge", open[0], open[1]));
}

void Checker::stored(const Memory& before) {
  for (const auto* spec : {&repld_.stored().spec, &repld_.stored().proposed}) {
    if (!*spec) continue;
    rings_ = rings_ || (*spec)->is_ring();
    for (const auto& node : (*spec)->nodes) {
      for (const auto& [name, value] : (*spec)->settings_of(node.id)) settings_.insert(name);
    }
  }
  const auto& operation = before.operation;
  const auto& now = repld_.stored();
  const bool ended = operation && (!now.operation || now.operation->id != operation->id);
  if (ended && operation->goal == Goal::Converge) check_end_of_apply(before);
  const auto last = std::find_if(repld_.revisions().rbegin(), repld_.revisions().rend(),
                                 [](const AppliedRevision& r) { return r.state == RevisionState::Applied; });
  if (now.spec && (last == repld_.revisions().rend() || last->spec != now.spec)) {
    blame(Invariant::OldOrNew, "the spec in force is not that of the last revision that was applied");
  }
}

/// `before`: while it was going on.
void Checker::check_end_of_apply(const Memory& before) {
  const auto& now = repld_.stored();
  const auto found = repld_.operations().find(before.operation->id.value);
  if (found == repld_.operations().end()) return blame(Invariant::OldOrNew, "an apply ended of which nothing is known");
  const auto& apply = found->second;
  const bool done = apply.state == OperationState::Done;
  const auto& wanted = before.proposed ? before.proposed : before.spec;
  // Whether the one that was to take over has opened is not known while it is gone: it is in office, and watched.
  const bool died_while_opening = apply.plan.promotes && apply.error && now.office.primary == apply.plan.promotes &&
                                  control::may_have_opened(apply);
  if (!done && apply.state != OperationState::TakenBack && !died_while_opening) {
    blame(Invariant::OldOrNew, fmt::format("{} ended {}: {}", apply.id, to_string(apply.state),
                                           apply.error ? apply.error->message : "no reason is known"));
  }
  if (now.spec != (done ? wanted : before.spec)) {
    blame(Invariant::OldOrNew,
          fmt::format("{} ended {}, and another spec is in force", apply.id, to_string(apply.state)));
  }
  const auto expected = done                                       ? RevisionState::Applied
                        : apply.state == OperationState::TakenBack ? RevisionState::TakenBack
                                                                   : RevisionState::NeedsPerson;
  const auto record = std::find_if(repld_.revisions().begin(), repld_.revisions().end(),
                                   [&](const AppliedRevision& r) { return r.operation == apply.id; });
  if (wanted != before.spec && (record == repld_.revisions().end() || record->state != expected)) {
    blame(Invariant::OldOrNew,
          fmt::format("{} ended {}, and its revision says otherwise", apply.id, to_string(apply.state)));
  }
  for (const auto* spec : {&before.spec, &before.proposed}) {
    if (!*spec || !now.spec) continue;
    for (const auto& node : (*spec)->nodes) {
      if (now.spec->find(node.id) == nullptr) left_.insert(node.id);
    }
  }
  for (std::size_t i = 0; i < apply.plan.steps.size(); ++i) {
    const auto& p = apply.progress[i];
    const bool given_up = p.state == StepState::Skipped && p.changed_at != Time{};
    if (given_up || apply.state == OperationState::NeedsPerson) died_in_undo_.insert(node_of(apply.plan.steps[i].step));
  }
  note_who_has_left(apply);
}

void Checker::note_who_has_left(const Operation& apply) {
  for (const auto& node : left_) {
    if (repld_.stored().spec && repld_.stored().spec->find(node) != nullptr) {
      not_told_.erase(node);
      continue;
    }
    bool any = false;
    bool all = true;
    for (std::size_t i = 0; i < apply.plan.steps.size(); ++i) {
      const auto& p = apply.progress[i];
      if (node_of(apply.plan.steps[i].step) != node) continue;
      const bool never_begun = p.state == StepState::Skipped && p.changed_at == Time{};
      any = any || !never_begun;
      all = all && (p.state == StepState::Done || p.state == StepState::Undone || never_begun);
    }
    if (!all || !any) not_told_.insert(node);
  }
}

std::vector<Deviation> Checker::deviations() const {
  std::vector<Deviation> out;
  const auto& memory = repld_.stored();
  if (!memory.spec) return {{std::nullopt, "no spec is in force"}};
  const bool several = memory.spec->several_writers();
  if (!memory.office.primary && !several) return {{std::nullopt, "nobody is primary"}};
  if (memory.operation && !is_over(memory.operation->state)) out.push_back({std::nullopt, "an operation is under way"});
  for (const auto& s : world_.servers) {
    const bool member = memory.spec->find(s->id()) != nullptr;
    if (!s->up()) {
      if (member) out.push_back({s->id(), "not running"});
    } else if (!member) {
      compare_outsider(*s, out);
    } else {
      compare_settings(*s, out);
      if (several) {
        compare_writer(*s, out);
      } else if (s->id() == memory.office.primary) {
        compare_primary(*s, out);
      } else {
        compare_replica(*s, out);
      }
    }
  }
  return out;
}

/// What is the same on every node.
void Checker::compare_settings(const Server& s, std::vector<Deviation>& out) const {
  const auto& spec = *repld_.stored().spec;
  const auto differs = [&](std::string what) { out.push_back({s.id(), std::move(what)}); };
  const auto& persisted = s.disk().persisted;
  if (!s.look({s.id()}).super_read_only_persisted) differs("super_read_only is not persisted");
  if (s.offline_mode()) differs("offline_mode is ON");
  const auto deviates = [&](std::string what) { out.push_back({s.id(), std::move(what), true}); };
  const auto wanted = spec.settings_of(s.id());
  for (const auto& [name, value] : wanted) {
    if (needs_restart(name) && shows("SettingNeedsRestart", s.id())) continue;
    if (s.variable(name) != value) deviates(fmt::format("{} is {} and not {}", name, s.variable(name), value));
    // That a value is in force and not persisted is found by the next apply only.
    const bool kept = persisted.contains(name) && persisted.at(name) == value;
    if (!kept && !missed_an_apply(s.id())) deviates(fmt::format("{} is not persisted", name));
  }
  if (missed_an_apply(s.id())) return;
  if (rings_ && !spec.several_writers()) {
    for (const auto* name : {"auto_increment_increment", "auto_increment_offset"}) {
      if (s.variable(name) != "1") deviates(fmt::format("{} is {} although one node writes", name, s.variable(name)));
    }
  }
  for (const auto& name : settings_) {
    // One that was away with it has it from elsewhere when it comes again.
    if (wanted.contains(name) || left_.contains(s.id())) continue;
    if (persisted.contains(name)) deviates(fmt::format("{} is persisted, and nothing says so", name));
    if (s.variable(name) != default_of(name)) deviates(fmt::format("{} is {} and was not", name, s.variable(name)));
  }
}

/// A node of a ring.
void Checker::compare_writer(const Server& s, std::vector<Deviation>& out) const {
  const auto& spec = *repld_.stored().spec;
  const auto differs = [&](std::string what) { out.push_back({s.id(), std::move(what)}); };
  const auto place =
      std::find_if(spec.nodes.begin(), spec.nodes.end(), [&](const NodeSpec& n) { return n.id == s.id(); });
  if (s.variable("auto_increment_increment") != std::to_string(spec.nodes.size()) ||
      s.variable("auto_increment_offset") != std::to_string(place - spec.nodes.begin() + 1)) {
    out.push_back({s.id(), "counts its keys otherwise", true});
  }
  if (s.read_only() != ReadOnly::Off) differs("takes no writes");
  if (s.source_waits() != spec.semi_sync()) differs("semi-sync source side");
  if (spec.semi_sync() && s.wait_for_count() != 1) differs("waits for more than the next node");
  const auto source = spec.source_of(s.id(), NodeId{});
  const auto& channel = s.disk().channel;
  if (!channel || channel->source == kNowhere || world_.server(channel->source).id() != *source) {
    differs("follows the wrong node or nobody");
  } else if (s.receiver().state != ThreadState::Running || s.applier().state != ThreadState::Running) {
    differs("replication does not run");
  } else if (s.receiver().semi_sync != spec.semi_sync()) {
    differs(spec.semi_sync() ? "does not acknowledge" : "acknowledges and should not");
  }
}

void Checker::compare_primary(const Server& s, std::vector<Deviation>& out) const {
  const auto& memory = repld_.stored();
  const auto& spec = *memory.spec;
  const auto differs = [&](std::string what) { out.push_back({s.id(), std::move(what)}); };
  if (s.read_only() != ReadOnly::Off) differs("the primary is read-only");
  if (s.disk().channel) differs("the primary has a replication channel");
  if (!spec.semi_sync()) {
    if (s.source_enabled()) differs("commits wait and should not");
    return;
  }
  if (!s.source_waits()) differs("commits do not wait");
  const auto ackers = spec.ackers(s.id());
  const auto present = static_cast<int>(
      std::count_if(ackers.begin(), ackers.end(), [&](const NodeId& n) { return !memory.quarantined.contains(n); }));
  const auto wanted = std::max(1, spec.acks_wanted(s.id()));
  if (s.wait_for_count() > wanted || s.wait_for_count() < std::min(wanted, std::max(1, present))) {
    differs(fmt::format("commits wait for {} acknowledgements, not for {}", s.wait_for_count(), wanted));
  }
}

void Checker::compare_replica(const Server& s, std::vector<Deviation>& out) const {
  const auto& memory = repld_.stored();
  const auto& spec = *memory.spec;
  const auto& primary = *memory.office.primary;
  const auto differs = [&](std::string what) { out.push_back({s.id(), std::move(what)}); };
  if (s.read_only() != ReadOnly::Super) differs("not super-read-only");
  if (s.source_enabled()) differs("semi-sync source side enabled on a replica");
  const auto delay = spec.find(s.id())->delay;
  auto should = spec.source_of(s.id(), primary);
  if (should && memory.quarantined.contains(*should)) should = primary;
  const auto& channel = s.disk().channel;
  if (!channel || channel->source == kNowhere || !should || world_.server(channel->source).id() != *should) {
    differs("follows the wrong source or nobody");
    return;
  }
  if (channel->delay != delay) {
    differs(fmt::format("is delayed by {} s, not {} s", channel->delay.count(), delay.count()));
  }
  const bool acknowledges = s.receiver().semi_sync && *should == primary;
  if (s.receiver().state != ThreadState::Running || s.applier().state != ThreadState::Running) {
    differs("replication does not run");
  } else if (spec.waits_for_acks() && *should == primary && delay.count() == 0 && !s.receiver().semi_sync) {
    differs("does not acknowledge");
  } else if (acknowledges && (!spec.semi_sync() || delay.count() > 0)) {
    differs("acknowledges and should not");
  }
}

/// A server that has left, or has not come yet.
void Checker::compare_outsider(const Server& s, std::vector<Deviation>& out) const {
  const auto differs = [&](std::string what) { out.push_back({s.id(), std::move(what), true}); };
  const bool follows = s.disk().channel && s.disk().channel->source != kNowhere;
  // A clone that was given up leaves it without read-only, and without clients.
  if (s.read_only() != ReadOnly::Super && !s.offline_mode()) differs("is no node and takes writes");
  if (s.source_enabled()) differs("is no node and its semi-sync source side is enabled");
  const auto& spec = *repld_.stored().spec;
  const bool counts = follows && s.receiver().semi_sync && world_.server(s.disk().channel->source).source_enabled();
  // Strangers are only counted where everybody follows the primary.
  const bool counted = !spec.is_ring() && std::none_of(spec.nodes.begin(), spec.nodes.end(),
                                                       [](const NodeSpec& n) { return n.follows.has_value(); });
  const bool explained = not_told_.contains(s.id()) && (!counted || shows("ForeignAcker"));
  if (counts && !explained) differs("is no node and acknowledges");
  if (follows && !not_told_.contains(s.id())) differs("is no node and replicates");
}

bool Checker::shows(std::string_view problem, const std::optional<NodeId>& node) const {
  return std::any_of(repld_.problems().begin(), repld_.problems().end(),
                     [&](const Problem& p) { return p.name == problem && (!node || p.node == node); });
}

bool Checker::missed_an_apply(const NodeId& node) const {
  return died_in_undo_.contains(node) ||
         std::any_of(repld_.revisions().begin(), repld_.revisions().end(), [&](const AppliedRevision& r) {
           return std::any_of(r.before.begin(), r.before.end(),
                              [&](const PriorState& s) { return s.node == node && !s.reached; });
         });
}

std::string Checker::explanation(const Deviation& deviation) const {
  const auto& memory = repld_.stored();
  const auto& node = deviation.node;
  if (memory.paused) return "paused";
  if (node && memory.quarantined.contains(*node)) return "quarantined";
  for (const auto& p : repld_.problems()) {
    if (p.node && p.node != node) continue;
    if (!p.blocked.empty() && !deviation.by_apply) return p.name + " blocked";
    if (std::find(std::begin(kOnlyAPerson), std::end(kOnlyAPerson), p.name) != std::end(kOnlyAPerson)) return p.name;
  }
  return {};
}

std::vector<Deviation> Checker::unexplained() const {
  auto all = deviations();
  std::erase_if(all, [&](const Deviation& d) { return !explanation(d).empty(); });
  return all;
}

bool Checker::at_rest(Duration span) const {
  const auto& operation = repld_.stored().operation;
  return repld_.running() && (!operation || is_over(operation->state)) &&
         world_.events.now() - repld_.last_order() >= span;
}

void Checker::check_acknowledgements() {
  const bool failed_over = std::any_of(repld_.operations().begin(), repld_.operations().end(),
                                       [](const auto& o) { return o.second.goal == Goal::FailOver; });
  const auto may_have_lost = last_unpromised_failover();
  for (const auto& ack : writers_.log()) {
    if (ack.by_persons_doing) continue;
    const auto& t = ack.transaction;
    if (failed_over && unpromised_.contains({t.origin, t.number})) continue;
    if (may_have_lost && ack.at <= *may_have_lost) continue;
    if (!is_lost(t, ack.server)) continue;
    blame(Invariant::NoLostAck,
          fmt::format("{}, acknowledged by {}, is not where it should be", name_of(t), world_.server(ack.server).id()));
    return;
  }
}

/// @param by  who acknowledged it
bool Checker::is_lost(const Transaction& t, int by) const {
  const auto& memory = repld_.stored();
  if (memory.spec && memory.spec->several_writers()) {
    // Where commits do not wait, what a node had written and had passed on to nobody is away with it.
    if (unpromised_.contains({t.origin, t.number}) && not_told_.contains(world_.server(by).id())) return false;
    // Below a node that was left below a server outside nothing arrives, and who feeds it waits for it: that is named,
    // and the row is in a relay log at least.
    const auto& problems = repld_.problems();
    const bool is_named =
        std::any_of(problems.begin(), problems.end(), [](const Problem& p) { return p.name == "ForeignSource"; });
    const bool kept = std::any_of(world_.servers.begin(), world_.servers.end(), [&](const auto& s) {
      return memory.spec->find(s->id()) != nullptr && s->id() != world_.server(by).id() && s->up() && s->holds(t);
    });
    if (is_named && kept) return false;
    return !std::all_of(world_.servers.begin(), world_.servers.end(),
                        [&](const auto& s) { return memory.spec->find(s->id()) == nullptr || !s->up() || s->has(t); });
  }
  const Server* primary = memory.office.primary ? world_.find(*memory.office.primary) : nullptr;
  const bool serves = primary != nullptr && primary->up() && primary->read_only() == ReadOnly::Off;
  if (serves && unpromised_.contains({t.origin, t.number}) && not_told_.contains(world_.server(by).id())) return false;
  return serves
             ? !primary->has(t)
             : std::none_of(world_.servers.begin(), world_.servers.end(), [&](const auto& s) { return s->holds(t); });
}

void Checker::check_quarantine() {
  const auto& memory = repld_.stored();
  const Server* primary = memory.office.primary ? world_.find(*memory.office.primary) : nullptr;
  if (primary == nullptr) return;
  for (const auto& id : memory.quarantined) {
    const auto* s = world_.find(id);
    if (primary->disk().executed.contains(s->disk().executed)) {
      blame(Invariant::NoFalseQuarantine, fmt::format("{} has nothing that {} lacks", id, primary->id()));
    }
  }
}

void Checker::check_failovers() {
  std::vector<Time> automatic;
  for (const auto& [id, o] : repld_.operations()) {
    if (o.goal != Goal::FailOver || o.asked_by != "repld") continue;
    if (o.state == OperationState::Done) automatic.push_back(o.started);
    if (!doubt_) blame(Invariant::NoNeedlessFailover, fmt::format("{}: {}", id, o.cause));
  }
  std::sort(automatic.begin(), automatic.end());
  for (std::size_t i = 1; i < automatic.size(); ++i) {
    if (automatic[i] - automatic[i - 1] < Duration{spec_.failover.cooldown} && !repld_.stored().acknowledged) {
      blame(Invariant::CoolDown, "two automatic failovers within the cool-down");
    }
  }
}

void Checker::check_end() {
  check_writers();
  check_acknowledgements();
  check_quarantine();
  check_failovers();
  for (const auto& m : repld_.misdeeds()) blame(Invariant::NoStaleAction, m);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(world_.events.now() - kStart).count();
  if (repld_.ticks() > kMostTicksPerSecond * static_cast<std::uint64_t>(seconds + 1)) {
    blame(Invariant::Rests, fmt::format("{} wake-ups in {} s", repld_.ticks(), seconds));
  }
}

}  // namespace repl::sim

// The invariants, one function each.
#include "sim/checker.hpp"

#include <algorithm>

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
    case Invariant::OneWriter:
      return "OneWriter";
    case Invariant::NoStaleAction:
      return "NoStaleAction";
    case Invariant::NoHalfState:
      return "NoHalfState";
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

void Checker::check_writers() {
  // An empty cluster that is being applied consists of independent servers.
  if (!repld_.stored().spec || spec_.failover.fencing == FencingMode::None) return;
  std::vector<NodeId> open;
  const auto& spec = *repld_.stored().spec;
  for (const auto& s : world_.servers) {
    if (spec.find(s->id()) == nullptr && !s->disk().user_data) continue;  // nobody uses it yet
    if (may_not_wait(*s)) continue;  // the owner wanted an end of waiting, and that is the price
    if (would_acknowledge(*s)) open.push_back(s->id());
  }
  if (open.size() > 1) blame(Invariant::OneWriter, fmt::format("{} and {} would both acknowledge", open[0], open[1]));
}

std::vector<Deviation> Checker::deviations() const {
  std::vector<Deviation> out;
  const auto& memory = repld_.stored();
  if (!memory.spec) return {{std::nullopt, "no spec is in force"}};
  if (!memory.office.primary) return {{std::nullopt, "nobody is primary"}};
  if (memory.operation && !is_over(memory.operation->state)) out.push_back({std::nullopt, "an operation is under way"});
  const auto primary = *memory.office.primary;
  const auto& spec = *memory.spec;
  for (const auto& s : world_.servers) {
    if (spec.find(s->id()) == nullptr) continue;
    const auto differs = [&](std::string what) { out.push_back({s->id(), std::move(what)}); };
    if (!s->up()) {
      differs("not running");
      continue;
    }
    if (s->variable("super_read_only").empty() || !s->look({s->id()}).super_read_only_persisted) {
      differs("super_read_only is not persisted");
    }
    if (s->offline_mode()) differs("offline_mode is ON");
    if (s->id() == primary) {
      if (s->read_only() != ReadOnly::Off) differs("the primary is read-only");
      if (s->disk().channel) differs("the primary has a replication channel");
      if (spec.semi_sync() && !s->source_waits()) differs("commits do not wait");
      continue;
    }
    if (s->read_only() != ReadOnly::Super) differs("not super-read-only");
    if (spec.semi_sync() && s->source_enabled()) differs("semi-sync source side enabled on a replica");
    auto should = spec.source_of(s->id(), primary);
    if (should && memory.quarantined.contains(*should)) should = primary;
    const auto& channel = s->disk().channel;
    if (!channel || channel->source == kNowhere || !should || world_.server(channel->source).id() != *should) {
      differs("follows the wrong source or nobody");
    } else if (s->receiver().state != ThreadState::Running || s->applier().state != ThreadState::Running) {
      differs("replication does not run");
    } else if (spec.waits_for_acks() && *should == primary && spec.find(s->id())->delay.count() == 0 &&
               !s->receiver().semi_sync) {
      differs("does not acknowledge");
    }
  }
  return out;
}

std::string Checker::explanation(const std::optional<NodeId>& node) const {
  const auto& memory = repld_.stored();
  if (memory.operation && memory.operation->state == OperationState::NeedsPerson) {
    return fmt::format("{} needs a person", to_string(memory.operation->goal));
  }
  if (memory.paused) return "paused";
  if (node && memory.quarantined.contains(*node)) return "quarantined";
  for (const auto& p : repld_.problems()) {
    if (p.node && p.node != node) continue;
    if (!p.blocked.empty()) return p.name + " blocked";
    if (std::find(std::begin(kOnlyAPerson), std::end(kOnlyAPerson), p.name) != std::end(kOnlyAPerson)) return p.name;
  }
  return {};
}

std::vector<Deviation> Checker::unexplained() const {
  auto all = deviations();
  std::erase_if(all, [&](const Deviation& d) { return !explanation(d.node).empty(); });
  return all;
}

bool Checker::at_rest(Duration span) const {
  const auto& operation = repld_.stored().operation;
  return repld_.running() && (!operation || is_over(operation->state)) &&
         world_.events.now() - repld_.last_order() >= span;
}

void Checker::check_acknowledgements() {
  const auto& memory = repld_.stored();
  const bool failed_over = std::any_of(repld_.operations().begin(), repld_.operations().end(),
                                       [](const auto& o) { return o.second.goal == Goal::FailOver; });
  const auto may_have_lost = last_unpromised_failover();
  const Server* primary = memory.office.primary ? world_.find(*memory.office.primary) : nullptr;
  const bool serves = primary != nullptr && primary->up() && primary->read_only() == ReadOnly::Off;
  for (const auto& ack : writers_.log()) {
    if (ack.by_persons_doing) continue;
    const auto& t = ack.transaction;
    if (failed_over && unpromised_.contains({t.origin, t.number})) continue;
    if (may_have_lost && ack.at <= *may_have_lost) continue;
    const bool safe =
        serves ? primary->has(t)
               : std::any_of(world_.servers.begin(), world_.servers.end(), [&](const auto& s) { return s->holds(t); });
    if (!safe) {
      blame(Invariant::NoLostAck,
            fmt::format("{}, acknowledged by {}, is not {}", name_of(t), world_.server(ack.server).id(),
                        serves ? "on the primary " + primary->id().name : "on any node"));
      return;
    }
  }
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

// The directed schedules.
#include "sim/families.hpp"

#include <charconv>

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kStrike = 2s;

Setup semi_sync(int nodes = 3, int acks = 1) {
  Setup s;
  s.nodes = nodes;
  s.sync.acks = acks;
  return s;
}

Setup asynchronous(int nodes = 3) {
  Setup s;
  s.nodes = nodes;
  s.sync.mode = DataSyncType::Async;
  return s;
}

Setup without_cooldown(Setup s) {
  s.failover.cooldown = 0s;
  return s;
}

Schedule one(std::string name, Setup setup, std::vector<Strike> strikes, Expectation expect) {
  Schedule s;
  s.name = std::move(name);
  s.seed = 1;
  s.setup = std::move(setup);
  s.strikes = std::move(strikes);
  s.expect = std::move(expect);
  return s;
}

Strike strike(FaultKind kind, Who who, Duration span, Duration after = kStrike, Who other = replica(0)) {
  return {at(after), {.kind = kind, .who = who, .span = span, .other = other}};
}

}  // namespace

std::vector<Schedule> directed_schedules() {
  const auto keeps_primary = Expectation{.promotion = false};
  const auto promotes = Expectation{.promotion = true, .writable_in = 6s};
  std::vector<Schedule> all;
  const auto add = [&](auto... a) { all.push_back(one(a...)); };

  // F1, S1: the primary's process dies.
  add("f1-kill-semi-sync", semi_sync(), std::vector{strike(FaultKind::Kill, kPrimary, 10s)}, promotes);
  add("f1-kill-async", asynchronous(), std::vector{strike(FaultKind::Kill, kPrimary, 10s)}, promotes);
  add("f1-kill-semi-sync-5-nodes-2-acks", semi_sync(5, 2), std::vector{strike(FaultKind::Kill, kPrimary, 10s)},
      promotes);
  // F1, with appliers that lag: what was received is applied before the new primary opens.
  {
    auto setup = semi_sync();
    setup.slow_appliers = true;
    add("f1-kill-with-backlog", setup,
        std::vector{strike(FaultKind::StallApplier, replica(0), 3s, 1s),
                    strike(FaultKind::StallApplier, replica(1), 3s, 1s), strike(FaultKind::Kill, kPrimary, 12s, 2s)},
        Expectation{.promotion = true, .writable_in = 10s});
  }
  // F2, S3: the primary is isolated from everybody. Semi-sync fences it; async has no fence and waits.
  add("f2-isolate-semi-sync", semi_sync(), std::vector{strike(FaultKind::Isolate, kPrimary, 14s)},
      Expectation{.promotion = true, .writable_in = 10s});
  add("f2-isolate-async", asynchronous(), std::vector{strike(FaultKind::Isolate, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "SilentPrimary"});
  // F3, S6: only repld does not reach the primary.
  add("f3-cut-from-repld", semi_sync(), std::vector{strike(FaultKind::CutFromRepld, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "PrimaryUnreachable", .no_steps = true});
  add("f3-cut-from-repld-one-way", semi_sync(), std::vector{strike(FaultKind::CutFromRepldOneWay, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "PrimaryUnreachable", .no_steps = true});
  // F4, S4: replication alone is cut.
  add("f4-replication-cut", semi_sync(), std::vector{strike(FaultKind::CutReplication, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "PrimaryNotHeard"});
  // F5, S2: the primary hangs, and wakes up again.
  add("f5-freeze-semi-sync", semi_sync(), std::vector{strike(FaultKind::Freeze, kPrimary, 12s)},
      Expectation{.promotion = true, .writable_in = 8s});
  add("f5-freeze-short", semi_sync(), std::vector{strike(FaultKind::Freeze, kPrimary, 400ms)}, keeps_primary);
  add("f5-freeze-async", asynchronous(), std::vector{strike(FaultKind::Freeze, kPrimary, 12s)},
      Expectation{.promotion = false, .problem = "SilentPrimary"});
  for (const auto span : {700ms, 1200ms, 1600ms, 2000ms, 2400ms, 2800ms, 3500ms}) {
    add(fmt::format("f5-thaw-after-{}ms", span.count()), semi_sync(),
        std::vector{strike(FaultKind::Freeze, kPrimary, span)}, Expectation{});
  }
  // F7: an error packet means: alive.
  add("f7-too-many-connections", semi_sync(), std::vector{strike(FaultKind::TooManyConnections, kPrimary, 14s)},
      Expectation{.promotion = false, .no_steps = true});
  add("f7-access-denied", semi_sync(), std::vector{strike(FaultKind::AccessDenied, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "AccessDenied", .no_steps = true});
  // F8, F9, S1b: the supervisor starts the dead primary again at once.
  for (const auto span : {0ms, 300ms, 600ms, 1000ms, 1500ms}) {
    add(fmt::format("f8-restart-after-{}ms", span.count()), semi_sync(),
        std::vector{strike(FaultKind::Kill, kPrimary, span)}, Expectation{});
    add(fmt::format("f8-restart-after-{}ms-async", span.count()), asynchronous(),
        std::vector{strike(FaultKind::Kill, kPrimary, span)}, Expectation{});
  }
  // F9: read-only by a person's hand.
  add("f9-primary-closed", semi_sync(), std::vector{strike(FaultKind::CloseNode, kPrimary, 1s)}, keeps_primary);
  // A person at work on a node: it is left alone, not promoted, and its primary not replaced; a failover moves it all
  // the same, and it is repaired when that is over.
  add("maintenance-replica-stopped", semi_sync(),
      std::vector{strike(FaultKind::Maintenance, replica(0), 30s, 1s),
                  strike(FaultKind::StopReplication, replica(0), 0s, 2s)},
      Expectation{.promotion = false, .problem = "ReplicationStopped", .no_steps = true});
  add("maintenance-replica-opened", semi_sync(),
      std::vector{strike(FaultKind::Maintenance, replica(0), 30s, 1s),
                  strike(FaultKind::OpenReplica, replica(0), 0s, 2s)},
      keeps_primary);
  add("maintenance-primary-killed", semi_sync(),
      std::vector{strike(FaultKind::Maintenance, kPrimary, 30s, 1s), strike(FaultKind::Kill, kPrimary, 14s, 2s)},
      Expectation{.promotion = false, .problem = "DeadPrimary", .no_steps = true});
  add("maintenance-candidate", semi_sync(),
      std::vector{strike(FaultKind::Maintenance, replica(0), 30s, 1s), strike(FaultKind::Kill, kPrimary, 10s, 2s)},
      promotes);
  add("maintenance-outlives-repld", semi_sync(),
      std::vector{strike(FaultKind::Maintenance, replica(0), 30s, 1s), strike(FaultKind::CrashRepld, kPrimary, 1s, 2s),
                  strike(FaultKind::StopReplication, replica(0), 0s, 5s)},
      Expectation{.promotion = false, .no_steps = true});
  // F10: the primary and one of four replicas; two acknowledgements are enough to be covered by three.
  add("f10-primary-and-replica", semi_sync(5, 2),
      std::vector{strike(FaultKind::Kill, replica(0), 14s, 1500ms), strike(FaultKind::Kill, kPrimary, 14s)}, promotes);
  // F11, S5: the only other acker is down, so what was acknowledged may be there: nothing is promoted.
  add("f11-acker-down", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(1), 30s, 1s), strike(FaultKind::Kill, kPrimary, 30s, 3s)},
      Expectation{.promotion = false, .problem = "DeadPrimary"});
  add("f11-acker-isolated", semi_sync(),
      std::vector{strike(FaultKind::Isolate, replica(1), 30s, 1s), strike(FaultKind::Kill, kPrimary, 30s, 3s)},
      Expectation{.promotion = false, .problem = "DeadPrimary"});
  add("f11-acker-returns", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(1), 4s, 1s), strike(FaultKind::Kill, kPrimary, 30s, 3s)},
      Expectation{.promotion = true});
  add("f11-failover-by-hand-is-refused-too", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(1), 30s, 1s), strike(FaultKind::Kill, kPrimary, 30s, 3s),
                  strike(FaultKind::RequestFailOver, kPrimary, 0s, 6s)},
      Expectation{.promotion = false});
  // F12: everybody is gone from here.
  add("f12-repld-isolated", semi_sync(), std::vector{strike(FaultKind::IsolateRepld, kPrimary, 14s)},
      Expectation{.promotion = false, .problem = "ObserverIsolated", .no_steps = true});
  add("f12-repld-and-primary-isolated", semi_sync(),
      std::vector{strike(FaultKind::IsolateRepld, kPrimary, 30s), strike(FaultKind::Kill, kPrimary, 14s)},
      Expectation{.promotion = false, .no_steps = true});
  add("f12-all-killed", semi_sync(),
      std::vector{strike(FaultKind::Kill, kPrimary, 8s), strike(FaultKind::Kill, replica(0), 8s),
                  strike(FaultKind::Kill, replica(1), 8s)},
      Expectation{});

  // R1: a replica dies; commits go on with the other.
  add("r1-replica-killed", semi_sync(), std::vector{strike(FaultKind::Kill, replica(0), 10s)},
      Expectation{.promotion = false, .problem = "NodeUnreachable"});
  add("r1-replica-frozen", semi_sync(), std::vector{strike(FaultKind::Freeze, replica(0), 10s)},
      Expectation{.promotion = false, .problem = "NodeUnreachable"});
  add("r1-both-replicas-killed", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(0), 10s), strike(FaultKind::Kill, replica(1), 10s)},
      Expectation{.promotion = false, .problem = "CommitsHang"});
  // R6: a replica was opened by a person.
  add("r6-replica-writable", semi_sync(), std::vector{strike(FaultKind::OpenReplica, replica(0), 1s)}, keeps_primary);
  add("r6-replica-writable-async", asynchronous(), std::vector{strike(FaultKind::OpenReplica, replica(0), 1s)},
      keeps_primary);
  // R7: a replica was pointed elsewhere by a person.
  add("r7-wrong-source", semi_sync(), std::vector{strike(FaultKind::Repoint, replica(0), 1s, kStrike, replica(1))},
      Expectation{.promotion = false, .problem = "WrongSource"});
  add("r7-replication-stopped", semi_sync(), std::vector{strike(FaultKind::StopReplication, replica(0), 1s)},
      Expectation{.promotion = false, .problem = "ReplicationStopped"});
  // R8, S12: a replica has a transaction of its own; and then it would be the best candidate.
  add("r8-errant", semi_sync(), std::vector{strike(FaultKind::ErrantWrite, replica(0), 1s)},
      Expectation{.promotion = false, .problem = "ErrantTransactions"});
  add("r8-errant-then-kill", semi_sync(),
      std::vector{strike(FaultKind::ErrantWrite, replica(0), 1s), strike(FaultKind::Kill, kPrimary, 14s, 8s)},
      Expectation{});
  // R12, S11: the only holder of acknowledged transactions is restarted.
  add("s11-holder-restarted", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(1), 6s, 1s), strike(FaultKind::StallApplier, replica(0), 6s, 2s),
                  strike(FaultKind::Kill, kPrimary, 14s, 4s), strike(FaultKind::Kill, replica(0), 300ms, 4500ms)},
      Expectation{});
  add("s11-relay-log-recovery-is-named", semi_sync(),
      std::vector{strike(FaultKind::RelayLogRecovery, replica(0), 1s, 1s),
                  strike(FaultKind::Kill, replica(0), 300ms, 2s)},
      Expectation{.promotion = false, .problem = "UnsafeAcker"});

  // P1, S8: repld dies in the middle is what the struck schedules are for; here it is away while the primary dies.
  add("p1-repld-down-when-primary-dies", semi_sync(),
      std::vector{strike(FaultKind::CrashRepld, kPrimary, 3s, 1500ms), strike(FaultKind::Kill, kPrimary, 12s)},
      Expectation{.promotion = true});
  // P5, S6c: repld was just started: it only looks, until it has seen everybody.
  add("p5-repld-restarts", semi_sync(), std::vector{strike(FaultKind::CrashRepld, kPrimary, 500ms)},
      Expectation{.promotion = false, .no_steps = true});
  add("p5-repld-stalls", semi_sync(), std::vector{strike(FaultKind::StallRepld, kPrimary, 8s)},
      Expectation{.promotion = false, .no_steps = true});
  add("p5-repld-starts-while-primary-is-frozen-for-a-moment", semi_sync(),
      std::vector{strike(FaultKind::CrashRepld, kPrimary, 500ms), strike(FaultKind::Freeze, kPrimary, 300ms, 2600ms)},
      keeps_primary);
  // P7, S7c: a second failover within the cool-down is a person's business.
  add("p7-flapping", semi_sync(4),
      std::vector{strike(FaultKind::Kill, kPrimary, 3s), strike(FaultKind::Kill, kPrimary, 14s, 12s)},
      Expectation{.promotion = true, .problem = "DeadPrimary", .failovers = 1});
  add("p7-no-cooldown", without_cooldown(semi_sync(4)),
      std::vector{strike(FaultKind::Kill, kPrimary, 3s), strike(FaultKind::Kill, kPrimary, 14s, 12s)},
      Expectation{.failovers = 2});
  // S7b: the candidate dies during the failover.
  for (const auto after : {2200ms, 2400ms, 2600ms, 2800ms, 3000ms, 3300ms}) {
    add(fmt::format("s7-candidate-killed-after-{}ms", after.count()), without_cooldown(semi_sync(4)),
        std::vector{strike(FaultKind::Kill, kPrimary, 14s), strike(FaultKind::Kill, node(1), 4s, after)},
        Expectation{});
  }
  // S15: switchover by request.
  add("s15-switchover", semi_sync(), std::vector{strike(FaultKind::RequestSwitchOver, kPrimary, 0s)},
      Expectation{.promotion = true, .writable_in = 4s});
  add("s15-switchover-async", asynchronous(), std::vector{strike(FaultKind::RequestSwitchOver, kPrimary, 0s)},
      Expectation{.promotion = true, .writable_in = 4s});
  add("s15-switchover-while-commits-hang", semi_sync(),
      std::vector{strike(FaultKind::Kill, replica(0), 14s, 1s), strike(FaultKind::Kill, replica(1), 14s, 1s),
                  strike(FaultKind::RequestSwitchOver, kPrimary, 0s, 4s)},
      keeps_primary);
  add("s15-switchover-to-a-lagging-node", semi_sync(),
      std::vector{strike(FaultKind::StallApplier, replica(0), 6s, 1s),
                  strike(FaultKind::RequestSwitchOver, replica(0), 0s, 4s)},
      Expectation{});
  return all;
}

std::vector<Work> all_work() {
  std::vector<Work> out{kApply, kSwitchOver, kFailOver, kRejoin, {.goal = Goal::Converge, .ring = true}};
  for (const auto change : kTreeChanges) out.push_back({Goal::Converge, change});
  for (const auto change : {Change::Restart, Change::ToRing}) out.push_back({Goal::Converge, change});
  for (const auto change : kRingChanges) {
    if (change != Change::ToRing && change != Change::Setting) out.push_back({Goal::Converge, change, true});
  }
  return out;
}

std::string to_string(Work work) {
  const auto of = work.change                   ? to_string(*work.change)
                  : work.goal == Goal::Converge ? std::string_view{"apply"}
                                                : to_string(work.goal);
  return fmt::format("{}{}", work.ring ? "ring-" : "", of);
}

namespace {

/// The cluster that the change is made to.
Setup before(Change change, bool ring) {
  auto setup = without_cooldown(semi_sync(4));
  setup.ring = ring;
  if (ring) setup.writers = 4;
  switch (change) {
    case Change::ToSemiSync:
      setup.sync.mode = DataSyncType::Async;
      setup.nodes = 3;
      break;
    case Change::Restart:
      // Nodes of a ring whose commits wait are not restarted.
      if (ring) setup.sync.mode = DataSyncType::Async;
      setup.nodes = 3;
      break;
    case Change::ToAsync:
    case Change::ToSync:
    case Change::MoveSource:
    case Change::ToRing:
    case Change::ToTree:
      setup.nodes = 3;
      break;
    case Change::ToFlat:
      setup.chain = true;
      break;
    case Change::NoSetting:
      setup.settings[kSetting] = "604800";
      break;
    case Change::AddNode:
      setup.nodes = 3;
      setup.spares = 1;
      setup.purged_logs = true;
      break;
    case Change::MoreAcks:
    case Change::ToChain:
    case Change::Delay:
    case Change::Setting:
    case Change::RemoveNode:
    case Change::Reorder:
      break;
  }
  return setup;
}

}  // namespace

Schedule undisturbed(Work work, std::uint64_t seed) {
  Schedule s;
  s.name = fmt::format("{}-undisturbed", to_string(work));
  s.seed = seed;
  s.setup = work.change ? before(*work.change, work.ring) : without_cooldown(semi_sync());
  s.setup.ring = work.ring;
  s.setup.window = 8s;
  if (work.change) {
    s.counts_after_apply = true;
    s.strikes = {{at(1s), {.kind = FaultKind::RequestApply, .change = *work.change}}};
    s.setup.window = 10s;
    s.expect.changed = true;
  } else if (work.goal == Goal::SwitchOver) {
    s.strikes = {strike(FaultKind::RequestSwitchOver, kPrimary, 0s, 1s)};
  } else if (work.goal == Goal::FailOver) {
    s.strikes = {strike(FaultKind::Kill, kPrimary, 12s, 1s)};
  } else if (work.goal == Goal::Rejoin) {
    // The old primary comes back after a failover and is attached again.
    s.strikes = {strike(FaultKind::Kill, kPrimary, 3s, 1s)};
    s.setup.window = 12s;
  } else {
    s.setup.window = 3s;
  }
  return s;
}

namespace {

/// How it ends is for the invariants to say.
Schedule to_be_struck(Work work) {
  auto s = undisturbed(work);
  s.expect = {};
  s.name = to_string(work);
  return s;
}

void strike_moment(Schedule& s, Work work, const Fault& fault, int moment) {
  s.name += fmt::format("-{}-{}{}", moment, to_string(fault.kind),
                        fault.who.role == Who::Role::Node ? fmt::format("-db{}", fault.who.number + 1) : "");
  s.strikes.push_back({at_moment(work.goal, moment), fault});
}

void strike_step(Schedule& s, Work work, StepFault fault, int order) {
  s.name += fmt::format("-step-{}-{}", order, to_string(fault));
  s.step_strikes.push_back({work.goal, order, fault});
}

}  // namespace

Schedule struck(Work work, const Fault& fault, int moment) {
  auto s = to_be_struck(work);
  strike_moment(s, work, fault, moment);
  return s;
}

Schedule struck(Work work, StepFault fault, int order) {
  auto s = to_be_struck(work);
  strike_step(s, work, fault, order);
  return s;
}

Schedule struck_again(Work work, int refused, const Fault& fault, int moment) {
  auto s = struck(work, StepFault::RefusedBefore, refused);
  s.name += "-then";
  strike_moment(s, work, fault, moment);
  return s;
}

Schedule struck_again(Work work, int refused, StepFault fault, int order) {
  auto s = struck(work, StepFault::RefusedBefore, refused);
  s.name += "-then";
  strike_step(s, work, fault, order);
  return s;
}

namespace {

/// Takes "17-kill-db2" or "step-3-late" up into `s`; false: it is neither.
bool strike_as_named(Schedule& s, Work work, std::string_view clause) {
  const bool step = clause.starts_with("step-");
  if (step) clause.remove_prefix(5);
  int n = 0;
  const auto [end, error] = std::from_chars(clause.data(), clause.data() + clause.size(), n);
  const auto dash = clause.find('-');
  if (error != std::errc{} || dash == std::string_view::npos) return false;
  const auto what = clause.substr(dash + 1);
  if (step) {
    for (const auto fault : kStepFaults) {
      if (to_string(fault) != what) continue;
      strike_step(s, work, fault, n);
      return true;
    }
    return false;
  }
  for (const auto& fault : faults_for_every_step(s.setup)) {
    Schedule only{.name = {}};
    strike_moment(only, work, fault, n);
    if (only.name != fmt::format("-{}", clause)) continue;
    strike_moment(s, work, fault, n);
    return true;
  }
  return false;
}

/// "switchover-17-kill-db2", "failover-step-3-late", "acks-step-3-refused-before-then-step-5-late".
std::optional<Schedule> struck_named(std::string_view name, std::uint64_t seed) {
  constexpr std::string_view kThen = "-then-";
  for (const auto work : all_work()) {
    const auto prefix = fmt::format("{}-", to_string(work));
    if (!name.starts_with(prefix)) continue;
    auto rest = name.substr(prefix.size());
    if (rest == "undisturbed") return undisturbed(work, seed);
    auto s = to_be_struck(work);
    const auto then = rest.find(kThen);
    if (!strike_as_named(s, work, rest.substr(0, then))) continue;
    if (then != std::string_view::npos) {
      s.name += "-then";
      if (!strike_as_named(s, work, rest.substr(then + kThen.size()))) continue;
    }
    s.seed = seed;
    return s;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Fault> faults_for_every_step(const Setup& setup) {
  std::vector<Fault> out{{.kind = FaultKind::CrashRepld, .span = 700ms}, {.kind = FaultKind::StallRepld, .span = 4s}};
  for (int n = 0; n < setup.nodes + setup.spares; ++n) {
    out.push_back({.kind = FaultKind::Kill, .who = node(n), .span = 2s});
    out.push_back({.kind = FaultKind::Freeze, .who = node(n), .span = 5s});
    out.push_back({.kind = FaultKind::CutFromRepld, .who = node(n), .span = 5s});
    out.push_back({.kind = FaultKind::Isolate, .who = node(n), .span = 5s});
  }
  return out;
}

std::optional<Schedule> schedule_named(const std::string& name, std::uint64_t seed) {
  if (name == "random") return random_schedule(seed);
  if (name == "storm") return storm_schedule(seed);
  if (name == "changing") return changing_schedule(seed);
  if (name == "ring") return ring_schedule(seed);
  if (name == "quiet") return quiet_schedule(seed);
  for (auto& s : directed_schedules()) {
    if (s.name != name) continue;
    s.seed = seed;
    return s;
  }
  return struck_named(name, seed);
}

}  // namespace repl::sim

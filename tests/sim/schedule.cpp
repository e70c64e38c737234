// Specs for runs, and schedules drawn from a seed.
#include "sim/schedule.hpp"

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

struct Weight {
  FaultKind kind;
  int weight;
};

constexpr Weight kMix[]{
    {FaultKind::Kill, 30},
    {FaultKind::Freeze, 15},
    {FaultKind::Isolate, 8},
    {FaultKind::CutReplication, 5},
    {FaultKind::CutLink, 6},
    {FaultKind::CutOneWay, 6},
    {FaultKind::CutFromRepld, 6},
    {FaultKind::CutFromRepldOneWay, 4},
    {FaultKind::IsolateRepld, 4},
    {FaultKind::CrashRepld, 15},
    {FaultKind::StallRepld, 6},
    {FaultKind::StallApplier, 6},
    {FaultKind::SlowNetwork, 3},
    {FaultKind::LossyNetwork, 3},
    {FaultKind::TooManyConnections, 3},
    {FaultKind::AccessDenied, 2},
    {FaultKind::ErrantWrite, 3},
    {FaultKind::OpenReplica, 3},
    {FaultKind::CloseNode, 2},
    {FaultKind::Repoint, 3},
    {FaultKind::StopReplication, 3},
    {FaultKind::RequestSwitchOver, 10},
    {FaultKind::RequestFailOver, 3},
    {FaultKind::RequestAcknowledge, 2},
    {FaultKind::Maintenance, 4},
};

FaultKind draw_kind(Random& random) {
  int sum = 0;
  for (const auto& w : kMix) sum += w.weight;
  auto drawn = random.below(sum);
  for (const auto& w : kMix) {
    drawn -= w.weight;
    if (drawn < 0) return w.kind;
  }
  return FaultKind::Kill;
}

Who draw_who(Random& random, int nodes) {
  if (random.chance(0.5)) return kPrimary;
  return replica(random.below(nodes - 1));
}

Setup draw_setup(Random& random) {
  Setup s;
  const auto size = random.below(10);
  s.nodes = size < 1 ? 2 : size < 8 ? 3 : size < 9 ? 4 : 5;
  const auto sync = random.below(20);
  if (sync < 4) {
    s.sync.mode = DataSyncType::Async;
  } else if (sync < 6) {
    s.sync.mode = DataSyncType::Sync;
  } else {
    s.sync.mode = DataSyncType::SemiSync;
    if (s.nodes > 2 && random.chance(0.25)) s.sync.acks = 2;
  }
  if (random.chance(0.5)) {
    s.failover.detection = {.probe_interval = 200ms, .probe_timeout = 200ms, .misses = 2};
  }
  const auto cooldown = random.below(3);
  s.failover.cooldown = cooldown == 0 ? 0s : cooldown == 1 ? 10s : 3600s;
  s.installer_transactions = random.chance(0.3);
  s.slow_appliers = random.chance(0.3);
  s.writers = 1 + random.below(3);
  return s;
}

}  // namespace

std::string describe(const Schedule& schedule) {
  const auto& s = schedule.setup;
  constexpr std::string_view kModes[]{"async", "semi-sync", "sync"};
  auto out =
      fmt::format("{} seed {}: {} nodes{}, {}, acks {}, probes each {} ms, timeout {} ms, misses {}, cooldown {} s",
                  schedule.name, schedule.seed, s.nodes, s.ring ? " in a ring" : "",
                  kModes[static_cast<int>(s.sync.mode)], s.sync.acks, s.failover.detection.probe_interval.count(),
                  s.failover.detection.probe_timeout.count(), s.failover.detection.misses, s.failover.cooldown.count());
  for (const auto& strike : schedule.strikes) {
    out += strike.when.kind == When::Kind::Time
               ? fmt::format("; at {:.2f} s {}", std::chrono::duration<double>(strike.when.after).count(),
                             describe(strike.fault))
               : fmt::format("; at moment {} of {} {}", strike.when.number, to_string(strike.when.goal),
                             describe(strike.fault));
  }
  for (const auto& strike : schedule.step_strikes) {
    out += fmt::format("; step {} of {} {}", strike.number, to_string(strike.goal), to_string(strike.fault));
  }
  if (schedule.step_fault_rate > 0) out += fmt::format("; step faults {}", schedule.step_fault_rate);
  return out;
}

Spec spec_of(const Setup& setup) {
  Spec spec;
  spec.cluster = {"sim"};
  spec.sync = setup.sync;
  spec.failover = setup.failover;
  spec.settings = setup.settings;
  for (int i = 0; i < setup.nodes; ++i) spec.nodes.push_back(node_spec(i));
  spec.nodes.front().type = NodeType::Source;
  if (setup.chain) spec.nodes.back().follows = spec.nodes[spec.nodes.size() - 2].id;
  for (const auto role : {AccountRole::Admin, AccountRole::Replication, AccountRole::Monitoring}) {
    spec.accounts[role] = {.user = fmt::format("account{}", static_cast<int>(role))};
  }
  return setup.ring ? as_ring(spec) : spec;
}

Schedule random_schedule(std::uint64_t seed) {
  Random random{seed ^ 0x5eed5eed5eed5eedULL};
  Schedule s;
  s.name = "random";
  s.seed = seed;
  s.setup = draw_setup(random);
  s.step_fault_rate = random.chance(0.4) ? 0.08 : 0;
  const auto faults = 1 + random.below(4);
  for (int i = 0; i < faults; ++i) {
    Fault fault{.kind = draw_kind(random),
                .who = draw_who(random, s.setup.nodes),
                .span = random.between(300ms, 12s),
                .other = draw_who(random, s.setup.nodes)};
    // Close to each other, so that one often meets the consequences of another.
    const auto when = random.between(Duration{500ms}, Duration{8s});
    s.strikes.push_back({at(when), fault});
  }
  s.setup.window = 14s;
  return s;
}

Schedule storm_schedule(std::uint64_t seed) {
  Random random{seed ^ 0x57025702570257ULL};
  Schedule s;
  s.name = "storm";
  s.seed = seed;
  s.setup = draw_setup(random);
  s.setup.window = 25s;
  s.step_fault_rate = random.chance(0.5) ? 0.15 : 0;
  const auto draw_fault = [&] {
    return Fault{.kind = draw_kind(random),
                 .who = draw_who(random, s.setup.nodes),
                 .span = random.between(100ms, 8s),
                 .other = draw_who(random, s.setup.nodes)};
  };
  const auto faults = 3 + random.below(8);
  for (int i = 0; i < faults; ++i) {
    const auto when = random.between(Duration{500ms}, Duration{18s});
    s.strikes.push_back({at(when), draw_fault()});
  }
  constexpr Goal kGoals[]{Goal::FailOver, Goal::FailOver, Goal::SwitchOver, Goal::Rejoin,
                          Goal::Reopen,   Goal::Repair,   Goal::Fence};
  const auto strikes = random.below(5);
  for (int i = 0; i < strikes; ++i) {
    const auto goal = kGoals[random.below(7)];
    s.strikes.push_back({at_moment(goal, 1 + random.below(40)), draw_fault()});
  }
  return s;
}

namespace {

template <std::size_t N>
Change drawn(const std::array<Change, N>& from, Random& random) {
  return from[static_cast<std::size_t>(random.below(static_cast<int>(N)))];
}

/// What befalls rings: no person works on them, and nobody is promoted.
constexpr FaultKind kOfRings[]{
    FaultKind::Kill,         FaultKind::Kill,           FaultKind::Kill,        FaultKind::Freeze,
    FaultKind::Isolate,      FaultKind::CutReplication, FaultKind::CutLink,     FaultKind::CutOneWay,
    FaultKind::CutFromRepld, FaultKind::IsolateRepld,   FaultKind::CrashRepld,  FaultKind::CrashRepld,
    FaultKind::StallRepld,   FaultKind::StallApplier,   FaultKind::SlowNetwork, FaultKind::LossyNetwork};

}  // namespace

Schedule ring_schedule(std::uint64_t seed) {
  Random random{seed ^ 0x7196719671967196ULL};
  Schedule s;
  s.name = "ring";
  s.seed = seed;
  s.setup.nodes = 2 + random.below(3);
  s.setup.ring = random.chance(0.7);
  s.setup.sync.mode = random.chance(0.5) ? DataSyncType::SemiSync : DataSyncType::Async;
  s.setup.failover.cooldown = 0s;
  s.setup.writers = 2 + random.below(3);
  s.setup.spares = random.below(2);
  s.setup.purged_logs = random.chance(0.3);
  s.setup.slow_appliers = random.chance(0.3);
  s.step_fault_rate = random.chance(0.4) ? 0.08 : 0;
  const auto servers = s.setup.nodes + s.setup.spares;
  const auto faults = random.below(4);
  for (int i = 0; i < faults; ++i) {
    const auto kind = kOfRings[random.below(static_cast<int>(std::size(kOfRings)))];
    s.strikes.push_back({at(random.between(Duration{500ms}, Duration{8s})),
                         {.kind = kind,
                          .who = node(random.below(servers)),
                          .span = random.between(300ms, 8s),
                          .other = node(random.below(servers))}});
  }
  const auto changes = random.below(4);
  for (int i = 0; i < changes; ++i) {
    s.strikes.push_back({at(random.between(Duration{300ms}, Duration{9s})),
                         {.kind = FaultKind::RequestApply, .change = drawn(kRingChanges, random)}});
  }
  s.setup.window = 16s;
  return s;
}

Schedule changing_schedule(std::uint64_t seed) {
  auto s = random_schedule(seed);
  Random random{seed ^ 0x3c3c3c3c3c3c3c3cULL};
  s.name = "changing";
  s.setup.spares = random.below(2);
  s.setup.purged_logs = random.chance(0.5);
  s.setup.chain = s.setup.nodes > 3 && random.chance(0.3);
  const auto changes = 1 + random.below(3);
  for (int i = 0; i < changes; ++i) {
    const auto change = drawn(kTreeChanges, random);
    s.strikes.push_back(
        {at(random.between(Duration{300ms}, Duration{9s})), {.kind = FaultKind::RequestApply, .change = change}});
  }
  if (random.chance(0.3)) {
    s.strikes.push_back({at_moment(Goal::Converge, 1 + random.below(60)), {.kind = FaultKind::RequestCancel}});
  }
  s.setup.window = 16s;
  return s;
}

Schedule quiet_schedule(std::uint64_t seed) {
  Random random{seed ^ 0x0123456789abcdefULL};
  Schedule s;
  s.name = "quiet";
  s.seed = seed;
  s.setup = draw_setup(random);
  s.setup.window = 30s;
  s.setup.ring = s.setup.sync.mode != DataSyncType::Sync && random.chance(0.2);
  if (s.setup.ring) s.setup.sync.acks = 1;
  const auto limit = Duration{s.setup.failover.detection.probe_timeout} * 2 / 5;  // both ways within the deadline
  s.setup.network = {.shortest = Duration{100}, .longest = random.between(Duration{1ms}, limit)};
  s.expect.no_steps = true;
  return s;
}

}  // namespace repl::sim

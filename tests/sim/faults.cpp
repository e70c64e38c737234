// The effect of each fault, and how it ends.
#include "sim/faults.hpp"

namespace repl::sim {
namespace {

constexpr NetworkProfile kSlow{.shortest = Duration{20'000}, .longest = Duration{150'000}};
constexpr NetworkProfile kLossy{.loss = 0.05};

}  // namespace

std::string to_string(const Who& who) {
  switch (who.role) {
    case Who::Role::Primary:
      return "the primary";
    case Who::Role::Replica:
      return fmt::format("replica {}", who.number);
    case Who::Role::Node:
      return fmt::format("db{}", who.number + 1);
  }
  return "?";
}

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::Kill:
      return "kill";
    case FaultKind::Freeze:
      return "freeze";
    case FaultKind::Isolate:
      return "isolate";
    case FaultKind::CutReplication:
      return "cut-replication";
    case FaultKind::CutLink:
      return "cut-link";
    case FaultKind::CutOneWay:
      return "cut-one-way";
    case FaultKind::CutFromRepld:
      return "cut-from-repld";
    case FaultKind::CutFromRepldOneWay:
      return "cut-from-repld-one-way";
    case FaultKind::IsolateRepld:
      return "isolate-repld";
    case FaultKind::CrashRepld:
      return "crash-repld";
    case FaultKind::StallRepld:
      return "stall-repld";
    case FaultKind::StallApplier:
      return "stall-applier";
    case FaultKind::SlowNetwork:
      return "slow-network";
    case FaultKind::LossyNetwork:
      return "lossy-network";
    case FaultKind::TooManyConnections:
      return "too-many-connections";
    case FaultKind::AccessDenied:
      return "access-denied";
    case FaultKind::ErrantWrite:
      return "errant-write";
    case FaultKind::OpenReplica:
      return "open-replica";
    case FaultKind::CloseNode:
      return "close-node";
    case FaultKind::Repoint:
      return "repoint";
    case FaultKind::StopReplication:
      return "stop-replication";
    case FaultKind::RelayLogRecovery:
      return "relay-log-recovery";
    case FaultKind::RequestSwitchOver:
      return "request-switchover";
    case FaultKind::RequestFailOver:
      return "request-failover";
    case FaultKind::RequestAcknowledge:
      return "request-acknowledge";
    case FaultKind::RequestApply:
      return "request-apply";
    case FaultKind::RequestCancel:
      return "request-cancel";
    case FaultKind::Maintenance:
      return "maintenance";
  }
  return "?";
}

std::string describe(const Fault& fault) {
  if (fault.kind == FaultKind::RequestApply) return fmt::format("request-apply {}", to_string(fault.change));
  return fmt::format("{} {} (other {}) for {:.1f} s", to_string(fault.kind), to_string(fault.who),
                     to_string(fault.other), std::chrono::duration<double>(fault.span).count());
}

Server* Faults::resolve(const Who& who) {
  const auto primary = repld_.stored().office.primary;
  if (who.role == Who::Role::Node) return &world_.server(who.number);
  if (who.role == Who::Role::Primary) return primary ? world_.find(*primary) : &world_.server(0);
  std::vector<Server*> others;
  for (const auto& s : world_.servers) {
    if (s->id() != primary.value_or(NodeId{"db1"})) others.push_back(s.get());
  }
  return others[static_cast<std::size_t>(who.number) % others.size()];
}

bool Faults::is_primary(const Server& server) const {
  return repld_.stored().office.primary == server.id();
}

void Faults::heal_after(Duration span, std::function<void()> heal) {
  const auto number = ++numbers_;
  open_[number] = std::move(heal);
  world_.events.after(span, [this, number] {
    const auto found = open_.find(number);
    if (found == open_.end()) return;
    const auto action = std::move(found->second);
    open_.erase(found);
    action();
  });
}

void Faults::heal_all() {
  world_.trace.line("all faults end");
  for (auto& [number, heal] : std::exchange(open_, {})) heal();
}

void Faults::cut_one_way(Endpoint a, Endpoint b, Duration span) {
  world_.network.cut(a, b);
  if (world_.hooks.changed) world_.hooks.changed();
  heal_after(span, [this, a, b] {
    world_.network.heal(a, b);
    if (world_.hooks.changed) world_.hooks.changed();
  });
}

void Faults::cut(Endpoint a, Endpoint b, Duration span) {
  cut_one_way(a, b, span);
  cut_one_way(b, a, span);
}

void Faults::strike(const Fault& f) {
  auto* s = resolve(f.who);
  auto* other = resolve(f.other);
  world_.trace.line("FAULT {} ({})", describe(f), s->id());
  const auto ask = [&](auto what) { repld_.ask({++tickets_, "a person", std::move(what)}); };
  const auto cut_from_servers = [&] {
    for (const auto& peer : world_.servers) {
      if (peer.get() != s) cut(s->index(), peer->index(), f.span);
    }
  };
  // Whatever hits a server, or what lies between servers, can make the primary look dead; so can any fault that
  // overlaps with a change of the primary. The others must not.
  switch (f.kind) {
    case FaultKind::Kill:
    case FaultKind::Freeze:
    case FaultKind::Isolate:
      if (is_primary(*s)) checker_.primary_in_doubt();
      break;
    case FaultKind::CutReplication:
    case FaultKind::CutLink:
    case FaultKind::CutOneWay:
    case FaultKind::RequestSwitchOver:
    case FaultKind::RequestFailOver:
    case FaultKind::RequestApply:
      checker_.primary_in_doubt();
      break;
    default:
      break;
  }
  switch (f.kind) {
    case FaultKind::Kill: {
      s->crash();
      const auto recovery = world_.random.between(s->pace.recovery_shortest, s->pace.recovery_longest);
      heal_after(std::max(f.span, s->pace.teardown_longest) + recovery, [this, s] {
        if (s->tearing_down()) {
          world_.events.after(s->pace.teardown_longest, [s] { s->start(); });
        } else {
          s->start();
        }
      });
      break;
    }
    case FaultKind::Freeze:
      s->freeze();
      heal_after(f.span, [s] { s->thaw(); });
      break;
    case FaultKind::Isolate:
      cut_from_servers();
      cut(s->index(), kRepld, f.span);
      cut(s->index(), kClients, f.span);
      break;
    case FaultKind::CutReplication:
      cut_from_servers();
      break;
    case FaultKind::CutLink:
      if (s != other) cut(s->index(), other->index(), f.span);
      break;
    case FaultKind::CutOneWay:
      if (s != other) cut_one_way(s->index(), other->index(), f.span);
      break;
    case FaultKind::CutFromRepld:
      cut(kRepld, s->index(), f.span);
      break;
    case FaultKind::CutFromRepldOneWay:
      cut_one_way(kRepld, s->index(), f.span);
      break;
    case FaultKind::IsolateRepld:
      for (const auto& peer : world_.servers) cut(kRepld, peer->index(), f.span);
      break;
    case FaultKind::CrashRepld:
      repld_.crash();
      heal_after(f.span, [this] { repld_.start(); });
      break;
    case FaultKind::StallRepld:
      repld_.stall(f.span);
      break;
    case FaultKind::StallApplier:
      s->applier_stalled = true;
      heal_after(f.span, [s] { s->resume_applier(); });
      break;
    case FaultKind::SlowNetwork:
    case FaultKind::LossyNetwork:
      world_.network.set_profile(f.kind == FaultKind::SlowNetwork ? kSlow : kLossy);
      heal_after(f.span, [this] { world_.network.set_profile({}); });
      break;
    case FaultKind::TooManyConnections:
      s->too_many_connections = true;
      heal_after(f.span, [s] { s->too_many_connections = false; });
      break;
    case FaultKind::AccessDenied:
      s->access_denied = true;
      heal_after(f.span, [s] { s->access_denied = false; });
      break;
    case FaultKind::ErrantWrite:
      if (s->up() && !is_primary(*s)) s->write_errant();
      break;
    case FaultKind::OpenReplica:
      if (s->up() && !is_primary(*s)) {
        s->set_read_only(ReadOnly::Off, {}, 0, [](const auto&) {});
        s->opened_by_person = true;
      }
      break;
    case FaultKind::CloseNode:
      if (s->up()) s->set_read_only(ReadOnly::Super, std::chrono::seconds{60}, 0, [](const auto&) {});
      break;
    case FaultKind::Repoint:
      if (s->up() && s != other && !is_primary(*s)) {
        s->stop_receiver([s, other](const auto&) {
          s->change_source({other->index(), {}}, [s](const auto&) { s->start_receiver([](const auto&) {}); });
        });
      }
      break;
    case FaultKind::StopReplication:
      if (s->up() && !is_primary(*s)) {
        s->stop_receiver([s](const auto&) { s->stop_applier([](const auto&) {}); });
      }
      break;
    case FaultKind::RelayLogRecovery:
      s->persist("relay_log_recovery", "ON");
      break;
    case FaultKind::RequestSwitchOver: {
      control::SwitchOver request;
      if (!is_primary(*s)) request.to = s->id();
      ask(request);
      break;
    }
    case FaultKind::RequestFailOver:
      ask(control::FailOver{});
      break;
    case FaultKind::RequestAcknowledge:
      ask(control::Acknowledge{});
      break;
    case FaultKind::RequestApply: {
      const auto& memory = repld_.stored();
      if (!memory.spec || (!memory.office.primary && !memory.spec->several_writers())) break;
      const auto primary = memory.office.primary.value_or(memory.spec->nodes.front().id);
      const auto spec = changed(*memory.spec, f.change, primary, static_cast<int>(world_.servers.size()));
      if (spec) ask(control::ApplySpec{.spec = *spec});
      break;
    }
    case FaultKind::RequestCancel:
      ask(control::Cancel{});
      break;
    case FaultKind::Maintenance:
      ask(control::BeginMaintenance{.node = s->id(), .length = f.span, .reason = "a drill"});
      heal_after(f.span, [this, id = s->id()] {
        // One that repld was down for when it was to be ended ends by itself.
        repld_.ask({++tickets_, "a person", control::EndMaintenance{id}});
      });
      break;
  }
}

}  // namespace repl::sim

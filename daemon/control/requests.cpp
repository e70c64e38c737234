// What people ask for: judged whole, then refused with a reason or turned into an operation.
#include "control/state.hpp"
#include "diagnose/facts.hpp"
#include "plan/converge.hpp"
#include "plan/failover.hpp"
#include "plan/switchover.hpp"

namespace repl::control {
namespace {
constexpr Duration kInventoryLimit = std::chrono::seconds{10};
}

void Controller::State::reply(std::uint64_t ticket, Error error) {
  out.replies.push_back(Reply{.ticket = ticket, .error = std::move(error)});
}

void Controller::State::request(Time now, const Request& asked) {
  const auto done = [&] {
    Reply r{.ticket = asked.ticket};
    if (memory.operation) r.operation = memory.operation->id;
    out.replies.push_back(std::move(r));
  };
  const auto refuse = [&](Error error) { reply(asked.ticket, std::move(error)); };
  const auto busy_error = [&] {
    return Error{ErrorCode::Conflict,
                 memory.operation ? fmt::format("{}: operation {} ({}) is running; wait for it, then ask again",
                                                cluster, memory.operation->id, to_string(memory.operation->goal))
                                  : fmt::format("{}: an apply is being planned; ask again in a moment", cluster)};
  };
  const auto no_spec = Error{ErrorCode::PreconditionFailed,
                             fmt::format("{}: nothing was applied yet; `replctl apply` comes first", cluster)};
  const auto no_single_primary = Error{
      ErrorCode::NotSupported, fmt::format("{}: every node takes writes, so there is no primary to move", cluster)};
  const auto not_looked = Error{
      ErrorCode::Conflict,
      fmt::format("{}: repld has just started and has not looked at every node yet; ask again in a moment", cluster)};

  std::visit(
      Overloaded{
          [&](const ApplySpec& a) {
            if (busy() || applying) return refuse(busy_error());
            applying = PendingApply{asked.ticket, asked.asked_by, a, now + kInventoryLimit + std::chrono::seconds{1}};
            watch(with_leaving_nodes(a.spec, memory.spec ? &*memory.spec : nullptr), now);
            for (auto& order : observed.take_inventory(now, kInventoryLimit, plan::variables_to_look_at(a.spec))) {
              out.probes.push_back(std::move(order));
            }
          },
          [&](const SwitchOver& s) {
            if (!memory.spec) return refuse(no_spec);
            if (busy() || applying) return refuse(busy_error());
            if (!view->complete()) return refuse(not_looked);
            if (memory.spec->several_writers()) return refuse(no_single_primary);
            auto plan = memory.spec->is_group()
                            ? plan::plan_group_switchover(*memory.spec, memory.office, *view, s.to)
                            : plan::plan_switchover(*memory.spec, memory.office, *view, s.to, s.timeout);
            if (!plan) return refuse(plan.error());
            start(now, std::move(*plan), asked.asked_by, "switchover requested");
            done();
          },
          [&](const FailOver& f) {
            if (!memory.spec) return refuse(no_spec);
            if (busy() || applying) return refuse(busy_error());
            if (memory.spec->several_writers()) return refuse(no_single_primary);
            if (memory.spec->is_group()) {
              return refuse(
                  {ErrorCode::NotSupported,
                   fmt::format("{}: the group elects its primary by itself; `replctl switchover` moves it", cluster)});
            }
            if (!memory.office.primary) return refuse(no_spec);
            if (!view->complete()) return refuse(not_looked);
            const auto facts = diagnose::count_facts(*memory.spec, memory.office, *view);
            if (facts.primary_alive) {
              return refuse({ErrorCode::PreconditionFailed,
                             fmt::format("{}: {} answers; `replctl switchover` moves the primary without loss", cluster,
                                         *memory.office.primary)});
            }
            if (facts.replicas_hearing > 0) {
              return refuse({ErrorCode::NotFenced,
                             fmt::format("{}: repld does not reach {}, but {} replicas hear from it: it is alive and "
                                         "probably takes writes. Stop it first",
                                         cluster, *memory.office.primary, facts.replicas_hearing)});
            }
            const auto allowed = plan::may_fail_over(*memory.spec, memory.office, *view, f.to, plan::Urgency::ByHand);
            if (!allowed) return refuse(allowed.error());
            auto plan = plan::plan_secure(*memory.spec, memory.office, *view);
            plan.promotes = f.to;
            start(now, std::move(plan), asked.asked_by, "failover requested", Phase::Secure);
            done();
          },
          [&](const Acknowledge&) {
            memory.acknowledged = now;
            note(now, Severity::Info, "acknowledged",
                 fmt::format("by {}: the next failover is not held back", asked.asked_by));
            remember();
            out.replies.push_back(Reply{.ticket = asked.ticket});
          },
          [&](const Pause&) {
            memory.paused = true;
            note(now, Severity::Warning, "paused", fmt::format("by {}: nothing is done automatically", asked.asked_by));
            remember();
            out.replies.push_back(Reply{.ticket = asked.ticket});
          },
          [&](const Resume&) {
            memory.paused = false;
            note(now, Severity::Info, "resumed", fmt::format("by {}", asked.asked_by));
            remember();
            out.replies.push_back(Reply{.ticket = asked.ticket});
          },
      },
      asked.what);
}

void Controller::State::apply_when_looked_at(Time now) {
  const auto* in_force = memory.spec ? &*memory.spec : nullptr;
  const auto look_elsewhere_again = [&] { watch(memory.spec.value_or(Spec{.cluster = cluster}), now); };
  if (busy()) {
    reply(applying->ticket, Error{ErrorCode::Conflict, fmt::format("{}: operation {} began meanwhile; apply again when "
                                                                   "it is over",
                                                                   cluster, memory.operation->id)});
    applying.reset();
    observed.give_inventories_up();
    look_elsewhere_again();
    return;
  }
  if (!observed.inventories_under_way().empty() && now < applying->until) return;
  observed.give_inventories_up();
  const auto pending = std::move(*applying);
  applying.reset();
  const auto& wanted = pending.what.spec;

  auto plan = plan::plan_converge(wanted, memory.office, in_force, *view);
  const bool unchanged = in_force != nullptr && *in_force == wanted;
  if (!plan || pending.what.dry_run) {
    Reply r{.ticket = pending.ticket};
    if (plan) {
      r.plan = std::move(*plan);
    } else {
      r.error = plan.error();
    }
    out.replies.push_back(std::move(r));
    look_elsewhere_again();
    return;
  }
  Reply r{.ticket = pending.ticket};
  r.plan = *plan;
  const auto revision = unchanged ? memory.revision : Revision{memory.revision.number + 1};
  if (plan->empty()) {
    if (!unchanged) {
      memory.office = plan::office_after(wanted, memory.office, *view, now);
      memory.spec = wanted;
      memory.revision = revision;
      watch(wanted, now);
      note(now, Severity::Info, "revision-applied",
           fmt::format("revision {}: no server had to be changed", revision.number));
      remember();
    }
  } else {
    memory.proposed = wanted;
    start(now, std::move(*plan), pending.asked_by, fmt::format("apply of revision {}", revision.number));
    r.operation = memory.operation->id;
  }
  out.replies.push_back(std::move(r));
}

}  // namespace repl::control

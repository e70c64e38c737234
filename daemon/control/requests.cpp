// What people ask for: judged whole, then refused with a reason or turned into an operation.
#include <algorithm>

#include "control/capture.hpp"
#include "control/execution.hpp"
#include "control/state.hpp"
#include "diagnose/facts.hpp"
#include "diagnose/rules.hpp"
#include "model/time_text.hpp"
#include "plan/converge.hpp"
#include "plan/failover.hpp"
#include "plan/put_back.hpp"
#include "plan/switchover.hpp"

namespace repl::control {
namespace {
constexpr Duration kInventoryLimit = std::chrono::seconds{10};
/// How often a cluster at rest is looked at thoroughly, and how often while that has found something.
constexpr Duration kInventoryEvery = std::chrono::minutes{5};
constexpr Duration kInventorySoon = std::chrono::seconds{30};
/// What is not established yet: a replica that was looked at before it had all would be taken for one that deviates.
/// And after a node came back; no sooner, for one may come and go.
constexpr Duration kInventoryAtOnce = std::chrono::seconds{5};

Spec with_types_of(Spec spec, const Spec& other) {
  for (auto& node : spec.nodes) {
    if (const auto* same = other.find(node.id)) node.type = same->type;
  }
  return spec;
}

/// Everything that is compared, put back, or kept with the revision.
std::vector<std::string> variables_to_look_at(const Spec& wanted, const Memory& memory) {
  auto names = plan::variables_to_look_at(wanted);
  if (memory.spec) {
    for (auto& name : plan::variables_to_look_at(*memory.spec)) names.push_back(std::move(name));
  }
  for (const auto& [server, variables] : memory.prior_settings) {
    for (const auto& [name, state] : variables) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// The newest that any server keeps of the cluster; zeros when none keeps any.
ClusterRecord newest_record(const ClusterId& cluster, const View& view) {
  ClusterRecord newest;
  for (const auto& node : view.observations()) {
    if (!node.inventory) continue;
    for (const auto& record : node.inventory->records) {
      if (record.cluster == cluster && record.is_newer_than(newest)) newest = record;
    }
  }
  return newest;
}

std::string cause_of(const ApplySpec& what, Revision revision) {
  const bool again = what.back_to == revision;
  auto text = again ? fmt::format("apply of revision {} again", revision.number)
              : what.back_to
                  ? fmt::format("rollback to revision {}, as revision {}", what.back_to->number, revision.number)
                  : fmt::format("apply of revision {}", revision.number);
  return what.note.empty() ? text : text + ": " + what.note;
}

}  // namespace

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
  const auto restored_error = [&] {
    return Error{
        ErrorCode::Paused,
        fmt::format("{}: repld was restored from the backup of {}, and has not found the servers as it says yet: "
                    "look at `replctl status {}`, then `replctl resume {}`",
                    cluster, time_text(*memory.restored), cluster, cluster)};
  };
  // Of what changes servers, or is about keeping repld from changing them.
  const auto observed_only = [&] { return memory.spec && memory.spec->observes(); };
  const auto only_looks = Error{ErrorCode::PreconditionFailed, only_looks_on(cluster)};
  const auto not_looked = Error{
      ErrorCode::Conflict,
      fmt::format("{}: repld has just started and has not looked at every node yet; ask again in a moment", cluster)};

  std::visit(
      Overloaded{
          [&](const ApplySpec& a) {
            if (memory.restored && !a.dry_run) return refuse(restored_error());
            if (busy() || applying) return refuse(busy_error());
            applying = PendingApply{asked.ticket, asked.asked_by, a, now + kInventoryLimit + std::chrono::seconds{1}};
            watch(with_leaving_nodes(a.spec, memory.spec ? &*memory.spec : nullptr), now);
            for (auto& order : observed.take_inventory(now, kInventoryLimit, variables_to_look_at(a.spec, memory))) {
              out.probes.push_back(std::move(order));
            }
          },
          [&](const SwitchOver& s) {
            if (!memory.spec) return refuse(no_spec);
            if (observed_only()) return refuse(only_looks);
            if (memory.restored) return refuse(restored_error());
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
            if (observed_only()) return refuse(only_looks);
            if (memory.restored) return refuse(restored_error());
            const bool only_hooks = busy() && only_hooks_are_left(*memory.operation);
            if ((busy() && !only_hooks) || applying) return refuse(busy_error());
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
            if (only_hooks) {
              put_hooks_off("a failover by hand", now);
              return refuse(
                  {ErrorCode::Conflict,
                   fmt::format("{}: hooks were still running, and are put off now: ask again in a moment", cluster)});
            }
            auto plan = plan::plan_secure(*memory.spec, memory.office, *view);
            plan.promotes = f.to;
            start(now, std::move(plan), asked.asked_by, "failover requested", Phase::Secure);
            done();
          },
          [&](const Cancel&) {
            if (!busy()) {
              return refuse({ErrorCode::PreconditionFailed, fmt::format("{}: no operation is under way", cluster)});
            }
            const auto& op = *memory.operation;
            if (op.goal != Goal::Converge && op.goal != Goal::SwitchOver) {
              return refuse({ErrorCode::Conflict,
                             fmt::format("{}: {} ({}) is not cancelled: {}", cluster, op.id, to_string(op.goal),
                                         op.goal == Goal::FailOver ? "without it nobody takes writes"
                                                                   : "`replctl pause` keeps repld from such")});
            }
            const bool no_return = op.state == OperationState::Running && past_point_of_no_return(op);
            if (no_return || only_best_effort_is_left(op)) {
              return refuse(
                  {ErrorCode::Conflict,
                   fmt::format("{}: {} ({}) {} and is finished; when it is over, `replctl {}` is the way back", cluster,
                               op.id, to_string(op.goal),
                               no_return ? "is past the point of no return" : "has done all that it needs",
                               op.goal == Goal::Converge ? "rollback" : "switchover")});
            }
            note(now, Severity::Warning, "cancelled", fmt::format("by {}", asked.asked_by));
            done();
            let_go({}, fmt::format("cancelled by {}", asked.asked_by), now);
          },
          [&](const Acknowledge&) {
            memory.acknowledged = now;
            memory.office.failed_hooks.clear();
            note(now, Severity::Info, "acknowledged",
                 fmt::format("by {}: the next failover is not held back", asked.asked_by));
            remember();
            out.replies.push_back(Reply{.ticket = asked.ticket});
          },
          [&](const BeginMaintenance& m) {
            if (!memory.spec) return refuse(no_spec);
            if (observed_only()) return refuse(only_looks);
            if (m.node && memory.spec->find(*m.node) == nullptr) {
              return refuse({ErrorCode::NoSuchNode,
                             fmt::format("{} has no node '{}'; `replctl nodes` lists them", cluster, *m.node)});
            }
            begin_maintenance(now, m, asked.asked_by);
            Reply r{.ticket = asked.ticket};
            if (still_works_on(m.node)) r.operation = memory.operation->id;
            out.replies.push_back(std::move(r));
          },
          [&](const EndMaintenance& m) {
            if (memory.maintenance_of(m.node) == nullptr) {
              return refuse({ErrorCode::PreconditionFailed,
                             fmt::format("{}{} is not in maintenance", cluster, m.node ? "/" + m.node->name : "")});
            }
            end_maintenance(now, m.node, "ended by " + asked.asked_by);
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
            memory.restored.reset();
            note(now, Severity::Info, "resumed", fmt::format("by {}", asked.asked_by));
            remember();
            out.replies.push_back(Reply{.ticket = asked.ticket});
          },
      },
      asked.what);
}

void Controller::State::apply_when_looked_at(Time now) {
  const auto* in_force = memory.spec ? &*memory.spec : nullptr;
  const auto look_elsewhere_again = [&] {
    watch(memory.spec.value_or(Spec{.cluster = cluster}), now);
    forget_inventories(now);  // of accounts they say what another spec asks for
  };
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

  // A way back moves no primary, whoever was declared to be the source then.
  std::optional<Spec> before = memory.spec;
  if (before && pending.what.back_to) before = with_types_of(*before, wanted);
  auto plan = plan::plan_converge(wanted, memory.office, before ? &*before : nullptr, *view, memory.prior_settings,
                                  pending.what.may_lose_data, pending.what.discard_former);
  if (plan) tell_of_maintenance(*plan);
  const bool unchanged = in_force != nullptr && *in_force == wanted;
  const auto kept = in_force == nullptr ? newest_record(cluster, *view) : ClusterRecord{};
  Reply r{.ticket = pending.ticket};
  r.revision = unchanged ? memory.revision
                         : Revision{std::max({memory.revisions, memory.revision.number, kept.revision.number}) + 1};
  if (!plan || pending.what.dry_run) {
    if (plan) {
      r.plan = std::move(*plan);
    } else {
      r.error = plan.error();
    }
    out.replies.push_back(std::move(r));
    look_elsewhere_again();
    return;
  }
  r.plan = *plan;
  // Terms and revisions go on from where a repld that was here before has left off.
  memory.office.term = std::max(memory.office.term, kept.term);
  auto prior_settings = plan::captured(memory.prior_settings, wanted, in_force, *view);
  if (!unchanged) take_up(now, pending, r.revision);
  if (plan->empty()) {
    if (!unchanged) {
      memory.office = office_with(wanted, now);
      memory.spec = wanted;
      memory.revision = r.revision;
      memory.prior_settings = std::move(prior_settings);
      out.revision->state = RevisionState::Applied;
      out.revision->finished = now;
      watch(wanted, now);
      note(now, Severity::Info, "revision-applied",
           fmt::format("revision {}: no server had to be changed", r.revision.number));
      remember();
    }
  } else {
    memory.proposed = wanted;
    memory.proposed_prior_settings = std::move(prior_settings);
    start(now, std::move(*plan), pending.asked_by, cause_of(pending.what, r.revision));
    r.operation = memory.operation->id;
    if (out.revision) out.revision->operation = r.operation;
  }
  out.replies.push_back(std::move(r));
}

void Controller::State::forget_inventories(Time now) {
  observed.forget_inventories(now);
  next_inventory = now;
}

void Controller::State::look_thoroughly_soon(Time now) {
  next_inventory = std::min(next_inventory, std::max(now, last_inventory + kInventoryAtOnce));
}

void Controller::State::look_thoroughly(Time now) {
  if (!memory.spec || busy() || applying || resuming || !view->complete()) return;
  for (const auto& p : problems) {
    if (!diagnose::is_found_by_inventory(p.name)) continue;
    next_inventory = std::min(next_inventory, last_inventory + (p.established ? kInventorySoon : kInventoryAtOnce));
  }
  if (now < next_inventory) return;
  last_inventory = now;
  next_inventory = now + kInventoryEvery;
  for (auto& order : observed.take_inventory(now, kInventoryLimit, variables_to_look_at(*memory.spec, memory))) {
    out.probes.push_back(std::move(order));
  }
}

void Controller::State::take_up(Time now, const PendingApply& pending, Revision revision) {
  memory.revisions = revision.number;
  const auto& what = pending.what;
  const auto nodes = with_leaving_nodes(what.spec, memory.spec ? &*memory.spec : nullptr).nodes;
  out.revision = AppliedRevision{.revision = revision,
                                 .at = now,
                                 .author = pending.asked_by,
                                 .note = what.note,
                                 .back_to = what.back_to,
                                 .document = what.document,
                                 .spec = what.spec,
                                 .before = prior_states(nodes, *view)};
}

}  // namespace repl::control

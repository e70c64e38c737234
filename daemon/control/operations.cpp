// Operations: started, carried on, ended, and what their end means for the memory of the cluster.
#include <algorithm>

#include "control/execution.hpp"
#include "control/state.hpp"
#include "plan/converge.hpp"
#include "plan/failover.hpp"

namespace repl::control {
namespace {

constexpr Duration kLookingTakesAtMost = std::chrono::seconds{2};
constexpr Duration kCured = std::chrono::seconds{60};

Severity severity_of(const Operation& op) {
  switch (op.state) {
    case OperationState::NeedsPerson:
      return Severity::Critical;
    case OperationState::TakenBack:
    case OperationState::GivenUp:
      return Severity::Warning;
    default:
      return Severity::Info;
  }
}

RevisionState revision_state(OperationState state) {
  switch (state) {
    case OperationState::Done:
      return RevisionState::Applied;
    case OperationState::TakenBack:
      return RevisionState::TakenBack;
    default:
      return RevisionState::NeedsPerson;
  }
}

/// FollowSource steps put the replica among those that may hold the only copy of an acknowledged commit.
bool makes_acker(const Step& step, const Spec& spec, const NodeId& primary) {
  const auto* follow = std::get_if<FollowSource>(&step);
  if (follow == nullptr || follow->to != primary || !spec.semi_sync()) return false;
  const auto* node = spec.find(follow->replica);
  return node != nullptr && node->delay.count() == 0;
}

/// What was found of the servers' variables and accounts before it may not be so any more.
bool changes_what_inventories_show(const Operation& op) {
  return op.goal == Goal::Converge || op.goal == Goal::Repair ||
         std::any_of(op.plan.steps.begin(), op.plan.steps.end(), [](const PlannedStep& planned) {
           return std::holds_alternative<SetVariable>(planned.step) || std::holds_alternative<StartGroup>(planned.step);
         });
}

/// What a step that is done has found out; null when nothing.
const GtidSet* position_of(const StepProgress& p) {
  return p.state == StepState::Done && p.result && p.result->position ? &*p.result->position : nullptr;
}

}  // namespace

/// From now on the nodes of `spec` are looked at, with its accounts.
void Controller::State::watch(const Spec& spec, Time now) {
  observed.watch(spec.nodes, now);
  out.configure = spec;
}

/// All that was acknowledged before the promoted node opened: what it was drained of, or caught up with.
GtidSet Controller::State::inheritance(const Operation& op) const {
  GtidSet all = memory.office.inherited;
  for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
    if (const auto* drained = std::get_if<ApplyReceived>(&op.plan.steps[i].step)) all = unite(all, drained->received);
    if (!std::holds_alternative<WaitForApplied>(op.plan.steps[i].step)) continue;
    if (const auto* position = position_of(op.progress[i])) all = unite(all, *position);
  }
  return all;
}

void Controller::State::start(Time now, Plan plan, std::string asked_by, std::string cause, Phase phase) {
  const auto goal = plan.goal;
  const bool new_term = goal == Goal::FailOver || plan.moves_primary();
  auto op = begin(OperationId{fmt::format("{}-{}", cluster, ++memory.operations)}, std::move(plan),
                  Term{memory.office.term.number + (new_term ? 1 : 0)}, now);
  op.goal = goal;
  op.phase = phase;
  op.asked_by = std::move(asked_by);
  op.cause = std::move(cause);
  op.old_primary = memory.office.primary;
  const bool new_revision = memory.proposed && memory.proposed != memory.spec;
  op.revision = new_revision ? Revision{memory.revisions} : memory.revision;
  memory.operation = std::move(op);
  remember();
  note(now, goal == Goal::FailOver ? Severity::Critical : Severity::Info, fmt::format("{}-started", to_string(goal)),
       fmt::format("{} steps, asked by {}: {}", memory.operation->plan.steps.size(), memory.operation->asked_by,
                   memory.operation->cause));
  progress(now);
}

void Controller::State::progress(Time now) {
  auto& op = *memory.operation;
  const bool was_open = memory.office.primary == op.plan.promotes && op.term == memory.office.term;
  expire_overdue(op, now);
  if (op.phase == Phase::Secure && op.state == OperationState::Running && all_finished(op)) after_securing(now);
  auto orders = start_ready(op, now);
  if (!orders.empty()) {
    for (const auto& order : orders) {
      if (!order.undo) remember_discarded(order.step, now);
      intend(order);
    }
    remember();
    out.operations.push_back(op);
  }
  out.steps.insert(out.steps.end(), std::make_move_iterator(orders.begin()), std::make_move_iterator(orders.end()));
  const bool in_office = opened(op) || (op.state == OperationState::NeedsPerson && may_have_opened(op));
  if (op.plan.promotes && in_office && op.phase != Phase::Secure && !was_open) take_office(op, now);
  if (is_over(op.state) && looked_at_the_outcome(now)) operation_over(now);
}

/// Something more urgent needs the nodes.
void Controller::State::let_go(const std::set<NodeId>& lost, std::string why, Time now) {
  const bool already = memory.operation->state == OperationState::Undoing;
  auto cancels = give_way(*memory.operation, lost, Error{ErrorCode::Conflict, std::move(why)}, now);
  if (already && cancels.empty()) return;
  for (const auto& cancel : cancels) {
    const auto& step = memory.operation->plan.steps[cancel.index].step;
    const auto* semi_sync = std::get_if<SetSemiSyncSource>(&step);
    if (semi_sync == nullptr || semi_sync->to) continue;
    note(now, Severity::Warning, "may-not-wait",
         fmt::format("{} was told not to wait for acknowledgements any more, and has not answered: when it wakes up it "
                     "may acknowledge what no other node has, until it is fenced",
                     semi_sync->node),
         semi_sync->node);
  }
  out.cancels.insert(out.cancels.end(), cancels.begin(), cancels.end());
  remember();
  progress(now);
}

/// What was changed is looked at before the operation counts as over, so that nobody reads, or decides on, what was
/// before.
bool Controller::State::looked_at_the_outcome(Time now) {
  const auto& op = *memory.operation;
  if (changed_at != op.finished) {
    changed_at = op.finished;
    observed.look_at_all(now);
  }
  return looked_since_last_change() || now >= op.finished + kLookingTakesAtMost;
}

/// What the quorum of a later failover must know is remembered before the step that makes it so is started.
void Controller::State::intend(const StepOrder& order) {
  auto& office = memory.office;
  if (!office.primary || !memory.spec) return;
  if (makes_acker(order.step, *memory.spec, *office.primary)) office.ackers.insert(node_of(order.step));
  if (const auto* s = std::get_if<SetSemiSyncSource>(&order.step); s != nullptr && s->node == office.primary && s->to) {
    office.acks = std::min(office.acks, s->acks_to);
  }
  if (std::holds_alternative<CloseReturned>(order.step)) memory.closed.insert(node_of(order.step));
  if (std::holds_alternative<SetGroupPrimary>(order.step)) handed_to = node_of(order.step);
}

void Controller::State::after_securing(Time now) {
  auto& op = *memory.operation;
  plan::Positions positions;
  for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
    const auto* detach = std::get_if<DetachReceiver>(&op.plan.steps[i].step);
    if (const auto* position = position_of(op.progress[i]); detach != nullptr && position != nullptr) {
      positions[detach->replica] = *position;
    }
  }
  const auto urgency = op.asked_by == "repld" ? plan::Urgency::Automatic : plan::Urgency::ByHand;
  auto promotion =
      plan::plan_promotion(*memory.spec, memory.office, *view, op.plan, positions, op.plan.promotes, urgency);
  if (!promotion) {
    note(now, Severity::Critical, "failover-blocked", promotion.error().message);
    take_back(op, promotion.error(), now);
    return;
  }
  op.plan = std::move(*promotion);
  op.progress.resize(op.plan.steps.size());
  op.phase = Phase::Promote;
  for (const auto& reason : op.plan.reasons) note(now, Severity::Info, "failover-reason", reason);
}

/// What the variables were before an apply that has ended.
void Controller::State::keep_prior_settings(const Operation& ended) {
  auto proposed = std::exchange(memory.proposed_prior_settings, std::nullopt);
  if (!proposed || (ended.state == OperationState::TakenBack && !left_something(ended))) return;
  if (ended.state != OperationState::Done) {
    // Some of it may have been done: what was known before is needed still, and what was found now as well.
    for (auto& [server, variables] : *proposed) memory.prior_settings[server].merge(variables);
  } else {
    memory.prior_settings = std::move(*proposed);
  }
}

/// A problem names what is left on the nodes of the topology; on one that has left nobody looks any more.
void Controller::State::tell_what_was_given_up(const Operation& over, Time now) {
  if (over.state != OperationState::Done || over.goal != Goal::Converge || !memory.proposed) return;
  for (std::size_t i = 0; i < over.plan.steps.size(); ++i) {
    const auto& p = over.progress[i];
    const auto& step = over.plan.steps[i].step;
    if (p.state != StepState::Failed || !p.result || !p.result->error || std::holds_alternative<RunHook>(step))
      continue;
    const auto& node = node_of(step);
    note(now, Severity::Warning, "step-given-up",
         fmt::format("{}: {}{}", describe(step), p.result->error->message,
                     memory.proposed->find(node) != nullptr
                         ? std::string{}
                         : fmt::format(". {} has left the topology and is looked at no more: do it by hand", node)),
         node);
  }
}

void Controller::State::operation_over(Time now) {
  const auto op = *memory.operation;  // the events below carry its id
  const auto took = std::chrono::duration<double>(op.finished - op.started).count();
  note(now, severity_of(op), fmt::format("{}-{}", to_string(op.goal), to_string(op.state)),
       op.error ? fmt::format("after {:.3f} s: {}", took, op.error->message) : fmt::format("in {:.3f} s", took));
  out.operations.push_back(op);
  const bool done = op.state == OperationState::Done;
  tell_what_was_given_up(op, now);

  if (op.goal == Goal::Converge) {
    if (op.revision != memory.revision) out.outcome = RevisionOutcome{op.revision, revision_state(op.state), now};
    keep_prior_settings(op);
    if (done && memory.proposed) {
      const bool first = !memory.spec;
      memory.office = office_with(*memory.proposed, now);
      // Nobody is compared with what is not the primary any more.
      if (memory.office.primary != op.old_primary) observed.primary_changed();
      if (memory.proposed->several_writers()) memory.quarantined.clear();
      memory.revision = op.revision;
      memory.spec = std::move(memory.proposed);
      watch(*memory.spec, now);
      if (first && memory.office.primary)
        note(now, Severity::Info, "primary-changed", fmt::format("{} is the primary", *memory.office.primary),
             memory.office.primary);
    } else if (!done) {
      watch(memory.spec.value_or(Spec{.cluster = cluster}), now);
    }
    memory.proposed.reset();
  }
  keep_failed_hooks(op);
  if (!done) handed_to.reset();
  if (op.goal == Goal::FailOver && op.asked_by == "repld" && may_have_opened(op)) {
    memory.automatic_failovers.push_back(now);
  }
  if (op.asked_by == "repld") {
    auto& retry = retries[attempting];
    // What is done and found again right away was not cured: it must not keep others from their turn.
    const bool again = retry.done && now < *retry.done + kCured;
    if (done && !(again && op.goal != Goal::FailOver)) {
      retry = Retry{.done = now};
    } else {
      const auto pause = std::chrono::seconds{1 << std::min(retry.failures, 6)};
      retry = Retry{.failures = retry.failures + 1,
                    .not_before = now + pause,
                    .done = done ? std::optional{now} : std::nullopt,
                    .why = op.error ? op.error->message : std::string{}};
    }
  }
  if (changes_what_inventories_show(op)) forget_inventories(now);
  attempting.clear();
  memory.operation.reset();
  first_seen.clear();
  observed.look_at_all(now);
  remember();
}

}  // namespace repl::control

// The loop of the simulated repld, and the ends it is joined to.
#include "sim/repld.hpp"

#include <algorithm>

namespace repl::sim {
namespace {

constexpr Duration kShortestSleep{1'000};
/// What of a late or lost statement is drawn at random.
constexpr Duration kLatest{5'000'000};
/// Of a step that may be late.
constexpr Duration kLongestDeadline{100'000'000};
/// How often a server that starts anew is asked whether it is back.
constexpr Duration kAskWhetherBack{100'000};

}  // namespace

std::string_view to_string(StepFault fault) {
  switch (fault) {
    case StepFault::None:
      return "none";
    case StepFault::RefusedBefore:
      return "refused-before";
    case StepFault::ResultLost:
      return "result-lost";
    case StepFault::Late:
      return "late";
    case StepFault::Slow:
      return "slow";
    case StepFault::ServerDies:
      return "server-dies";
  }
  return "?";
}

struct Repld::StepRun {
  control::StepOrder order;
  Goal goal = Goal::None;
  StepFault fault = StepFault::None;
  std::shared_ptr<StepNotes> notes = std::make_shared<StepNotes>();
  std::vector<Statement> statements;
  std::size_t next = 0;
  std::size_t strikes_at = 0;  ///< Statement at which `fault` strikes.
  bool sent = false;           ///< At least one statement left.
  bool over = false;
  Time began{};
};

Repld::Repld(World& world, ClusterId cluster)
    : world_(world), cluster_(std::move(cluster)), random_(world.random.fork()) {}

// ---- process --------------------------------------------------------------------------------------------------------

void Repld::start() {
  if (running()) return;
  world_.trace.line("repld starts");
  controller_ = std::make_unique<control::Controller>(cluster_, stored_, world_.events.now());
  inbox_.push_back(control::Tick{});
  pump();
}

void Repld::crash() {
  if (!running()) return;
  world_.trace.line("repld is killed");
  ++incarnation_;
  controller_.reset();
  inbox_.clear();
  deferred_.clear();
  queues_.clear();
  sessions_.clear();
  probe_sessions_.clear();
  sentinel_.reset();
  ++sentinel_number_;
  busy_ = false;
  stalled_ = false;
  problems_.clear();
}

void Repld::crash_and_restart(Duration down) {
  crash();
  world_.events.after(down, [this, dead = incarnation_] {
    if (dead == incarnation_) start();
  });
}

void Repld::stall(Duration span) {
  if (!running() || stalled_) return;
  world_.trace.line("repld stands still");
  stalled_ = true;
  world_.events.after(span, [this, alive = incarnation_] {
    if (alive != incarnation_) return;
    world_.trace.line("repld goes on");
    stalled_ = false;
    for (auto& action : std::exchange(deferred_, {})) gate(std::move(action));
  });
}

void Repld::gate(std::function<void()> action) {
  if (stalled_) {
    deferred_.push_back(std::move(action));
  } else {
    action();
  }
}

void Repld::moment(std::string what, std::optional<NodeId> node, Goal goal) {
  const Moment here{++moments_, std::move(what), std::move(node), goal};
  world_.trace.line("  moment {}: {}", here.number, here.what);
  if (at_moment) at_moment(here);
}

// ---- the loop -------------------------------------------------------------------------------------------------------

void Repld::ask(control::Request request) {
  if (!running()) return;
  replies_[request.ticket];
  gate([this, request = std::move(request)]() mutable {
    inbox_.push_back(std::move(request));
    pump();
  });
}

const std::optional<control::Reply>& Repld::reply_to(std::uint64_t ticket) const {
  static const std::optional<control::Reply> kNone;
  const auto found = replies_.find(ticket);
  return found == replies_.end() ? kNone : found->second;
}

void Repld::pump() {
  while (running() && !busy_ && !inbox_.empty()) {
    const auto input = std::move(inbox_.front());
    inbox_.pop_front();
    auto output = controller_->step(world_.events.now(), input);
    if (!output.remember && output.operations.empty() && output.events.empty()) {
      carry_out(std::move(output));
      continue;
    }
    busy_ = true;  // the loop waits for the store
    world_.events.after(random_.between(store_shortest, store_longest), [this, alive = incarnation_,
                                                                         output = std::move(output)]() mutable {
      if (alive != incarnation_) return;  // died before the write was durable
      gate([this, output = std::move(output)]() mutable {
        const auto goal = output.remember && output.remember->operation ? output.remember->operation->goal : Goal::None;
        const bool remembers = output.remember.has_value();
        store(output);
        const auto alive_now = incarnation_;
        if (remembers) moment("stored", std::nullopt, goal);
        if (alive_now != incarnation_) return;
        busy_ = false;
        carry_out(std::move(output));
        pump();
      });
    });
  }
}

void Repld::store(const control::Output& output) {
  for (const auto& o : output.operations) operations_[o.id.value] = o;
  if (output.revision) revisions_.push_back(*output.revision);
  if (output.outcome) {
    for (auto& r : revisions_) {
      if (r.revision != output.outcome->revision) continue;
      r.state = output.outcome->state;
      r.finished = output.outcome->finished;
    }
  }
  if (!output.remember || (tampering == Tampering::StoreForgets && stored_.spec)) return;
  const auto before = std::exchange(stored_, *output.remember);
  if (tampering == Tampering::SpecIsKept && before.spec) stored_.spec = before.spec;
  if (on_stored) on_stored(before);
}

void Repld::carry_out(control::Output output) {
  const auto alive = incarnation_;
  for (const auto& e : output.events) {
    world_.trace.line("event {}{}: {}", e.kind, e.node ? " " + e.node->name : "", e.text);
  }
  if (output.problems) {
    trace_new_problems(*output.problems);
    problems_ = *output.problems;
  }
  for (auto& r : output.replies) {
    if (r.error) world_.trace.line("reply: {}", r.error->message);
    replies_[r.ticket] = r;
  }
  if (on_output) on_output(output);
  watch(output.sentinel);
  for (const auto& p : output.probes) probe(p);
  for (const auto& c : output.cancels) cancel(c);
  for (const auto& s : output.steps) {
    judge(s);
    enqueue(s);
    if (alive != incarnation_) return;  // a schedule struck
  }
  wake_at(output.wake_up);
}

void Repld::trace_new_problems(const std::vector<Problem>& now) {
  if (!world_.trace.on()) return;
  for (const auto& p : now) {
    const bool known = std::any_of(problems_.begin(), problems_.end(), [&](const Problem& before) {
      return before.name == p.name && before.node == p.node && before.established == p.established &&
             before.blocked == p.blocked;
    });
    if (known) continue;
    world_.trace.line("  problem {}{}{}: {}{}", p.name, p.node ? " " + p.node->name : "",
                      p.established ? "" : " (not established)", p.evidence,
                      p.blocked.empty() ? "" : " BLOCKED " + p.blocked);
  }
}

void Repld::wake_at(Time when) {
  const auto number = ++wake_ups_;
  // The inbox wakes the loop at once, so a wake-up time in the past means a loop that never rests.
  const auto at = std::max(when, world_.events.now() + kShortestSleep);
  world_.events.at(at, [this, number, alive = incarnation_] {
    if (alive != incarnation_) return;
    gate([this, number] {
      if (number != wake_ups_ || busy_ || !running()) return;
      ++ticks_;
      inbox_.push_back(control::Tick{});
      pump();
    });
  });
}

// ---- watching -------------------------------------------------------------------------------------------------------

void Repld::probe(const control::ProbeOrder& order) {
  auto* server = world_.find(order.node);
  const auto alive = incarnation_;
  const auto answered = std::make_shared<bool>(false);
  const auto kept = probe_sessions_.find(order.node);
  const auto session = kept == probe_sessions_.end() ? std::nullopt : std::optional{kept->second};
  const auto asked = world_.events.now();
  const auto deliver = [this, alive, answered, asked](Snapshot s) {
    if (alive != incarnation_) return;
    gate([this, answered, asked, s = std::move(s)]() mutable {
      if (std::exchange(*answered, true)) return;
      s.taken_at = world_.events.now();
      s.took = s.taken_at - asked;
      probed(std::move(s));
    });
  };
  const auto unanswered = [node = order.node](Reach reach, std::string problem) {
    Snapshot s;
    s.node = node;
    s.reach = reach;
    s.problem = std::move(problem);
    return s;
  };
  world_.network.send(kRepld, server->index(), [=, this] {
    server->request(
        kRepld,
        [=, this](const Server::Action& completed) {
          completed();
          Snapshot s = server->too_many_connections ? unanswered(Reach::Busy, "1040: too many connections")
                       : server->access_denied      ? unanswered(Reach::Denied, "1045: access denied")
                                                    : server->look(order);
          s.session_broke = session && *session != server->incarnation();
          world_.network.send(server->index(), kRepld, [=, this, incarnation = server->incarnation()] {
            if (alive != incarnation_) return;
            probe_sessions_[order.node] = incarnation;
            deliver(s);
          });
        },
        [=, this](Reach) {
          if (alive != incarnation_) return;
          auto s = unanswered(Reach::Refused, "2003: connection refused");
          s.session_broke = session.has_value();
          probe_sessions_.erase(order.node);
          deliver(std::move(s));
        });
  });
  world_.events.at(order.deadline, [=, this] {
    if (alive != incarnation_) return;
    deliver(unanswered(Reach::Silent, "no answer in time"));
  });
}

void Repld::probed(Snapshot s) {
  if (s.reach != Reach::Ok) world_.trace.line("probe of {}: {}", s.node, s.problem);
  if (falsify) falsify(s);
  const bool attach = s.reach == Reach::Ok && sentinel_ == s.node && !sentinel_attached_;
  inbox_.push_back(control::ProbeDone{std::move(s)});
  if (attach) attach_sentinel();
  pump();
}

void Repld::watch(const std::optional<NodeId>& node) {
  if (sentinel_ == node) return;
  sentinel_ = node;
  sentinel_attached_ = false;
  ++sentinel_number_;
  if (sentinel_) attach_sentinel();
}

void Repld::attach_sentinel() {
  auto* server = world_.find(*sentinel_);
  const auto number = ++sentinel_number_;
  const auto alive = incarnation_;
  sentinel_attached_ = true;
  const auto blocked = std::make_shared<bool>(false);
  world_.network.send(kRepld, server->index(), [=, this] {
    server->request(
        kRepld, [blocked](const Server::Action&) { *blocked = true; },  // a query that never ends
        [=, this](Reach) {
          if (alive != incarnation_ || number != sentinel_number_) return;
          gate([=, this] {
            if (number != sentinel_number_) return;
            sentinel_attached_ = false;
            if (!*blocked) return;  // it never got as far as being blocked
            world_.trace.line("the sentinel on {} broke", server->id());
            inbox_.push_back(control::SentinelBroke{server->id()});
            pump();
          });
        });
  });
}

// ---- operating ------------------------------------------------------------------------------------------------------

void Repld::judge(const control::StepOrder& order) {
  ++steps_ordered_;
  last_order_ = world_.events.now();
  const auto complain = [&](std::string_view what) {
    misdeeds_.push_back(fmt::format("{} ({}): {}", describe(order.step), order.operation, what));
  };
  if (!stored_.operation || stored_.operation->id != order.operation) {
    complain("ordered, and the store holds no such operation");
    return;
  }
  const auto& operation = *stored_.operation;
  if (order.term < stored_.office.term) complain("ordered in a term that is over");
  if (order.index >= operation.plan.steps.size()) {
    complain("ordered, and the stored plan has no such step");
    return;
  }
  const auto& planned = operation.plan.steps[order.index].step;
  if (order.undo ? inverse(planned) != order.step : planned != order.step)
    complain("ordered, and the stored plan says otherwise");
}

void Repld::enqueue(const control::StepOrder& order) {
  auto run = std::make_shared<StepRun>();
  run->order = order;
  run->goal = stored_.operation ? stored_.operation->goal : Goal::None;
  run->began = world_.events.now();
  if (step_fault) run->fault = step_fault(order);
  // What may take an hour would outlast every run.
  if (run->fault == StepFault::Late && order.deadline - run->began > kLongestDeadline) run->fault = StepFault::Slow;
  const bool undone_in_words_only = order.undo && tampering == Tampering::InverseDoesNothing;
  run->statements = undone_in_words_only ? no_statements(order.step, world_)
                                         : statements_of(order.step, world_, run->notes, tampering);
  run->strikes_at = static_cast<std::size_t>(random_.below(static_cast<int>(run->statements.size())));
  world_.trace.line("{} {}{} [{}]{}", order.operation, order.undo ? "undo: " : "", describe(order.step), order.index,
                    run->fault == StepFault::None ? "" : fmt::format(" FAULT {}", to_string(run->fault)));
  const auto node = node_of(order.step);
  auto& queue = queues_[node];
  queue.push_back(run);
  world_.events.at(order.deadline, [this, run, alive = incarnation_] {
    if (alive != incarnation_) return;
    gate([this, run] {
      if (run->over) return;
      sessions_.erase(node_of(run->order.step));  // dropped: the statement in it may still run
      finish(run, {Error{ErrorCode::DeadlineExceeded, fmt::format("{}: no answer in time", describe(run->order.step))},
                   !run->sent,
                   std::nullopt,
                   {}});
    });
  });
  const auto alive = incarnation_;
  moment(fmt::format("{}: ordered", describe(order.step)), node, run->goal);
  if (alive == incarnation_ && queue.size() == 1) run_front(node);
}

void Repld::cancel(const control::StepCancel& what) {
  for (auto& [node, queue] : queues_) {
    const auto found = std::find_if(queue.begin(), queue.end(), [&](const auto& run) {
      return run->order.operation == what.operation && run->order.index == what.index;
    });
    if (found == queue.end()) continue;
    const auto run = *found;
    world_.trace.line("{} [{}] is let go of", what.operation, what.index);
    run->over = true;
    const bool front = found == queue.begin();
    queue.erase(found);
    if (!front) return;
    sessions_.erase(node);
    auto* server = &world_.server(run->statements.front().server);
    const auto* semi_sync = std::get_if<SetSemiSyncSource>(&run->order.step);
    if (run->sent && semi_sync != nullptr && !semi_sync->to) {
      released_unheard_[server->index()] = server->incarnation();
    }
    if (run->sent && std::holds_alternative<CloneFrom>(run->order.step)) {
      world_.network.send(kRepld, server->index(), [server] {
        server->request(
            kRepld,
            [server](const Server::Action& completed) {
              completed();
              server->end_clone();
            },
            [](Reach) {});
      });
    }
    return run_front(node);
  }
}

void Repld::run_front(const NodeId& node) {
  auto& queue = queues_[node];
  if (queue.empty()) return;
  const auto run = queue.front();
  if (run->fault == StepFault::RefusedBefore) {
    run->sent = true;
    world_.events.after(Duration{1'000}, [this, run, alive = incarnation_] {
      if (alive != incarnation_) return;
      gate([this, run] {
        if (!run->over)
          finish(run, {Error{ErrorCode::ServerRefused, "refused by the schedule"}, true, std::nullopt, {}});
      });
    });
    return;
  }
  send_statement(run);
}

void Repld::send_statement(const std::shared_ptr<StepRun>& run) {
  const auto& statement = run->statements[run->next];
  auto* server = &world_.server(statement.server);
  const auto alive = incarnation_;
  auto& session = sessions_[server->id()];
  if (session.id == 0) session = {world_.new_id(), std::nullopt};
  const auto here = session;
  const bool struck = run->next == run->strikes_at;
  auto delay = random_.between(Duration{20}, Duration{500});
  if (struck && run->fault == StepFault::Slow) delay += random_.between(Duration{100'000}, Duration{2'000'000});
  if (struck && run->fault == StepFault::Late) {
    delay +=
        std::max(Duration{0}, run->order.deadline - world_.events.now()) + random_.between(Duration{10'000}, kLatest);
  }
  run->sent = true;
  const auto answer = [this, alive, run](std::optional<Error> error) {
    if (alive != incarnation_) return;
    gate([this, run, error = std::move(error)]() mutable {
      if (!run->over) statement_done(run, std::move(error));
    });
  };
  const auto lost = [this, alive, run, server](Reach reach) {
    if (alive != incarnation_) return;
    gate([this, run, server, reach] {
      if (run->over) return;
      sessions_.erase(server->id());
      if (run->statements[run->next].awaits_restart) return send_again(run);
      const bool certain = reach == Reach::Refused;
      finish(run, {Error{certain ? ErrorCode::ConnectionRefused : ErrorCode::ConnectionLost,
                         fmt::format("{}: {}", server->id(), certain ? "connection refused" : "connection lost")},
                   certain,
                   std::nullopt,
                   {}});
    });
  };
  world_.network.send(kRepld, server->index(), [=, this] {
    server->request(
        kRepld,
        [=, this](const Server::Action& completed) {
          if (here.incarnation && *here.incarnation != server->incarnation()) {
            // The kept session is gone with the former process; nothing was executed. The worker connects anew.
            completed();
            world_.network.send(server->index(), kRepld, [=, this] {
              if (alive != incarnation_) return;
              gate([=, this] {
                if (run->over) return;
                sessions_.erase(server->id());
                send_statement(run);
              });
            });
            return;
          }
          if (server->too_many_connections || server->access_denied) {
            completed();
            const auto code = server->too_many_connections ? ErrorCode::TooManyConnections : ErrorCode::AccessDenied;
            world_.network.send(server->index(), kRepld, [=] {
              answer(Error{code, fmt::format("{}: no session", server->id())});
            });
            return;
          }
          server->later(delay, [=, this] {
            const auto reply = [=, this](std::optional<Error> error) {
              completed();
              world_.network.send(server->index(), kRepld, [=, this] {
                if (alive == incarnation_ && sessions_[server->id()].id == here.id) {
                  sessions_[server->id()].incarnation = server->incarnation();
                }
                answer(error);
              });
            };
            if (!server->take_control(here.id)) {
              reply(Error{ErrorCode::SessionSuperseded,
                          fmt::format("{}: a newer session has the control lock", server->id())});
              return;
            }
            world_.trace.line("{}: {}", server->id(), run->statements[run->next].text);
            run->statements[run->next].execute(*server, here.id, reply);
            if (struck && run->fault == StepFault::ServerDies) {
              server->crash_and_restart(random_.between(Duration{200'000}, Duration{8'000'000}));
            }
          });
        },
        lost);
  });
}

void Repld::send_again(const std::shared_ptr<StepRun>& run) {
  world_.events.after(kAskWhetherBack, [this, run, alive = incarnation_] {
    if (alive != incarnation_) return;
    gate([this, run] {
      if (!run->over) send_statement(run);
    });
  });
}

void Repld::statement_done(const std::shared_ptr<StepRun>& run, std::optional<Error> error) {
  const auto alive = incarnation_;
  const auto& statement = run->statements[run->next];
  moment(fmt::format("{}: {} {}", world_.server(statement.server).id(), statement.text, error ? "failed" : "done"),
         node_of(run->order.step), run->goal);
  if (alive != incarnation_ || run->over) return;
  if (error && statement.awaits_restart && error->code == ErrorCode::ServerRefused) return send_again(run);
  if (error) {
    const bool certain = error->code != ErrorCode::SessionSuperseded;
    finish(run, {std::move(error), certain, std::nullopt, {}});
    return;
  }
  if (++run->next < run->statements.size()) {
    send_statement(run);
    return;
  }
  if (run->fault == StepFault::ResultLost) {
    sessions_.erase(node_of(run->order.step));
    finish(run, {Error{ErrorCode::ConnectionLost, "the answer was lost"}, false, std::nullopt, {}});
    return;
  }
  finish(run, {std::nullopt, true, run->notes->position, {}});
}

void Repld::finish(const std::shared_ptr<StepRun>& run, StepResult result) {
  run->over = true;
  result.took = world_.events.now() - run->began;
  const auto node = node_of(run->order.step);
  if (result.error)
    world_.trace.line("{} [{}] {}: {}", run->order.operation, run->order.index, result.certain ? "failed" : "unknown",
                      result.error->message);
  auto& queue = queues_[node];
  const bool front = !queue.empty() && queue.front() == run;
  std::erase(queue, run);
  inbox_.push_back(control::StepDone{run->order.operation, run->order.index, run->order.undo, std::move(result)});
  if (front) run_front(node);
  pump();
}

}  // namespace repl::sim

// Apply, faults, healing, rest, verdict.
#include "sim/simulation.hpp"

#include <algorithm>

#include "sim/writers.hpp"

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kApplyPatience = 120s;  ///< Simulated.
constexpr Duration kConvergePatience = 120s;
constexpr Duration kRest = 15s;  ///< Longer than the longest hold of a problem.
constexpr Duration kAskAgain = 10s;

bool goes_through_rings(const Schedule& schedule) {
  return schedule.setup.ring || std::any_of(schedule.strikes.begin(), schedule.strikes.end(), [](const Strike& s) {
           return s.fault.kind == FaultKind::RequestApply && s.fault.change == Change::ToRing;
         });
}

class Simulation {
 public:
  Simulation(const Schedule& schedule, KeepTrace trace)
      : schedule_(schedule),
        spec_(spec_of(schedule.setup)),
        world_(schedule.seed, schedule.setup.nodes + schedule.setup.spares),
        repld_(world_, spec_.cluster),
        writers_(world_, schedule.setup.writers),
        checker_(world_, repld_, writers_, spec_),
        faults_(world_, repld_, checker_),
        random_(world_.random.fork()) {
    world_.trace.keep(trace == KeepTrace::Yes);
    world_.network.set_profile(schedule.setup.network);
    writers_.everywhere = goes_through_rings(schedule);
    repld_.tampering = schedule.tampering;
    repld_.falsify = schedule.falsify;
    repld_.at_moment = [this](const Moment& m) { on_moment(m); };
    repld_.step_fault = [this](const control::StepOrder&) { return next_step_fault(); };
    repld_.on_stored = [this](const Memory& before) { checker_.stored(before); };
    repld_.on_output = [this](const control::Output& o) { note_problems(o); };
  }

  Report run() {
    world_.trace.line("schedule {}", describe(schedule_));
    for (const auto& s : world_.servers) {
      if (schedule_.setup.slow_appliers) s->pace.apply_longest = 30ms;
      s->pace.clock_skew = random_.between(Duration{0}, Duration{50ms});
      s->start();
      if (s->index() >= schedule_.setup.nodes) {
        // Whoever sets up a server closes it before it is used.
        s->persist("super_read_only", "ON");
        s->set_read_only(ReadOnly::Super, Duration{0}, 0, [](const auto&) {});
        continue;
      }
      if (schedule_.setup.installer_transactions) s->install_transactions(random_.below(4));
    }
    repld_.start();
    if (!apply()) {
      checker_.blame(Invariant::Converges, "the apply on empty servers did not come to an end");
      return report();
    }
    begin_faults();
    run_for(schedule_.setup.window);
    check_expectation();
    faults_.heal_all();
    faults_ended_ = true;
    settle();
    writers_.stop();
    run_for(4s);
    checker_.check_end();
    return report();
  }

 private:
  bool run_for(Duration span, const std::function<bool()>& done = nullptr) {
    return world_.run_for(span, [&] {
      checker_.after_event();
      return done && done();
    });
  }

  /// Asks until the spec is in force: an apply that a crash took back is asked for again, as a person would.
  bool apply() {
    const auto deadline = world_.events.now() + kApplyPatience;
    std::uint64_t ticket = 0;
    while (world_.events.now() < deadline) {
      repld_.ask({++ticket, "a person", control::ApplySpec{.spec = spec_}});
      run_for(kAskAgain, [&] { return applied(); });
      if (applied()) break;
    }
    return applied();
  }
  bool applied() const {
    const auto& m = repld_.stored();
    return m.spec && !m.proposed && (m.office.primary || m.spec->several_writers()) &&
           (!m.operation || is_over(m.operation->state));
  }

  void begin_faults() {
    began_ = world_.events.now();
    first_primary_ = repld_.stored().office.primary;
    orders_at_begin_ = repld_.steps_ordered();
    faults_began_ = true;
    if (schedule_.setup.purged_logs) {
      for (const auto& s : world_.servers) {
        if (s->up() && spec_.find(s->id()) != nullptr) s->purge_binary_logs();
      }
    }
    if (schedule_.counts_after_apply) {
      moments_.clear();
      orders_.clear();
      all_moments_ = 0;
    }
    world_.trace.line("the spec is in force, clients begin");
    writers_.start();
    for (const auto& strike : schedule_.strikes) {
      if (strike.when.kind != When::Kind::Time) continue;
      first_strike_ = std::min(first_strike_.value_or(strike.when.after), strike.when.after);
      world_.events.after(strike.when.after, [this, fault = strike.fault] {
        if (!faults_ended_) faults_.strike(fault);
      });
    }
  }

  void on_moment(const Moment& m) {
    const auto number = ++moments_[m.goal];
    const auto any = ++all_moments_;
    for (const auto& strike : schedule_.strikes) {
      if (strike.when.kind != When::Kind::Moment || faults_ended_) continue;
      if (schedule_.counts_after_apply && !faults_began_) continue;
      if (strike.when.number == (strike.when.goal == Goal::None ? any : number) &&
          (strike.when.goal == Goal::None || strike.when.goal == m.goal)) {
        if (strike.fault.kind == FaultKind::Kill || strike.fault.kind == FaultKind::Freeze) checker_.primary_in_doubt();
        faults_.strike(strike.fault);
      }
    }
  }

  StepFault next_step_fault() {
    const auto goal = repld_.stored().operation ? repld_.stored().operation->goal : Goal::None;
    const auto number = ++orders_[goal];
    for (const auto& s : schedule_.step_strikes) {
      if (schedule_.counts_after_apply && !faults_began_) break;
      if (s.goal == goal && s.number == number) {
        if (s.fault == StepFault::ServerDies) checker_.primary_in_doubt();
        return s.fault;
      }
    }
    if (!faults_began_ || faults_ended_ || !random_.chance(schedule_.step_fault_rate)) return StepFault::None;
    const auto fault = kStepFaults[static_cast<std::size_t>(random_.below(static_cast<int>(kStepFaults.size())))];
    if (fault == StepFault::ServerDies) checker_.primary_in_doubt();
    return fault;
  }

  void note_problems(const control::Output& o) {
    if (!o.problems || !faults_began_) return;
    for (const auto& p : *o.problems) {
      if (std::find(problems_.begin(), problems_.end(), p.name) == problems_.end()) problems_.push_back(p.name);
    }
  }

  void check_expectation() {
    const auto& e = schedule_.expect;
    const auto miss = [&](std::string what) { checker_.blame(Invariant::AsExpected, std::move(what)); };
    promoted_ = repld_.stored().office.primary != first_primary_;
    if (e.promotion && *e.promotion != promoted_) {
      miss(promoted_ ? "the primary changed and should not have" : "the primary did not change");
    }
    if (!e.problem.empty() && std::find(problems_.begin(), problems_.end(), e.problem) == problems_.end()) {
      miss(fmt::format("no problem {} was named", e.problem));
    }
    if (e.writable_in && first_strike_) {
      const auto struck = began_ + *first_strike_;
      // The first acknowledgement by a server other than the one that was primary.
      const auto first = std::find_if(writers_.log().begin(), writers_.log().end(), [&](const Acknowledgement& a) {
        return a.at > struck && (!promoted_ || world_.server(a.server).id() != first_primary_);
      });
      if (first == writers_.log().end()) {
        miss("no write was acknowledged again");
      } else if (first->at - struck > *e.writable_in) {
        miss(fmt::format("the first write came {:.2f} s after the fault",
                         std::chrono::duration<double>(first->at - struck).count()));
      }
    }
    const auto failovers = std::count_if(repld_.operations().begin(), repld_.operations().end(), [](const auto& o) {
      return o.second.goal == Goal::FailOver && o.second.state == OperationState::Done;
    });
    if (e.failovers && *e.failovers != failovers) miss(fmt::format("{} failovers, not {}", failovers, *e.failovers));
    if (e.changed && repld_.stored().spec == spec_) miss("the change is not in force");
    if (e.no_steps && repld_.steps_ordered() != orders_at_begin_) miss("servers were changed");
  }

  void settle() {
    const auto healed = world_.events.now();
    if (!repld_.running()) repld_.start();
    const bool rested = run_for(kConvergePatience + kRest, [&] {
      return world_.events.now() - healed >= kRest && checker_.at_rest(kRest) && checker_.unexplained().empty();
    });
    if (!rested) {
      if (!checker_.at_rest(kRest)) {
        checker_.blame(Invariant::Converges, "still acting 135 s after all faults ended");
      }
      for (const auto& d : checker_.unexplained()) {
        checker_.blame(Invariant::Converges,
                       fmt::format("{}: {}, unexplained", d.node ? d.node->name : "the cluster", d.what));
      }
    }
  }

  Report report() {
    Report r;
    r.name = schedule_.name;
    r.seed = schedule_.seed;
    r.violations = checker_.violations();
    r.trace = world_.trace.lines();
    r.moments = moments_;
    r.orders = orders_;
    for (const auto& [id, o] : repld_.operations())
      ++r.operations[fmt::format("{} {}", to_string(o.goal), to_string(o.state))];
    r.problems = problems_;
    r.acknowledged = writers_.log().size();
    r.promoted = promoted_;
    for (const auto& d : checker_.deviations())
      r.explained.push_back(fmt::format("{} ({})", d.what, checker_.explanation(d)));
    r.simulated = world_.events.now() - kStart;
    return r;
  }

  const Schedule& schedule_;
  Spec spec_;
  World world_;
  Repld repld_;
  Writers writers_;
  Checker checker_;
  Faults faults_;
  Random random_;

  bool faults_began_ = false;
  bool faults_ended_ = false;
  Time began_{};
  std::optional<Duration> first_strike_;
  std::optional<NodeId> first_primary_;
  std::uint64_t orders_at_begin_ = 0;
  bool promoted_ = false;
  std::map<Goal, int> moments_;
  std::map<Goal, int> orders_;
  int all_moments_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace

std::string Report::text(std::size_t lines) const {
  auto out = fmt::format("{} (seed {}): ", name, seed);
  if (ok()) return out + "all invariants hold";
  for (const auto& v : violations) out += fmt::format("\n  BROKEN {}: {}", to_string(v.invariant), v.what);
  const auto from = trace.size() > lines ? trace.size() - lines : 0;
  if (from > 0) out += fmt::format("\n... {} lines before", from);
  for (auto i = from; i < trace.size(); ++i) out += "\n" + trace[i];
  return out + fmt::format("\nAgain: sim --name {} --seed {} --trace\n", name, seed);
}

Report run(const Schedule& schedule, KeepTrace trace) {
  return Simulation{schedule, trace}.run();
}

Report run_and_explain(const Schedule& schedule) {
  auto report = run(schedule);
  if (report.ok()) return report;
  return run(schedule, KeepTrace::Yes);
}

}  // namespace repl::sim

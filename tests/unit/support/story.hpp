// A controller and model servers on virtual time: probes are answered and steps carried out after a moment, everything
// is recorded, and the story is told by its test: kill, wait, look. Deterministic. Header only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "control/controller.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {

class Story {
 public:
  explicit Story(const Spec& spec) : servers(Servers::fresh(spec)), now_(kNow) { start_repld(); }
  /// Goes on where another story was left, with a repld that has just been started.
  Story(Servers found, Memory remembered, Time now)
      : servers(std::move(found)), now_(now), stored_(std::move(remembered)) {
    start_repld();
  }

  Servers servers;
  std::vector<Event> events;
  std::vector<Operation> operations;  ///< Every state that went to the history, in order.
  std::vector<control::Reply> replies;
  std::vector<control::StepOrder> steps;      ///< All that were ordered.
  std::vector<AppliedRevision> revisions;     ///< As the store has them, oldest first.
  std::vector<control::RecordOrder> records;  ///< What the servers were told to keep.
  std::optional<Spec> configured;             ///< Whom the ends hold sessions to.
  std::optional<NodeId> sentinel;
  std::shared_ptr<const std::vector<Problem>> problems;

  Duration inventories_take{1'000};
  /// Steps that begin so are refused by their servers.
  std::string refused_step;
  /// What becomes of a step that is ordered; by default it is carried out, and heard of.
  /// Late: nobody hears of it, and it is carried out when the server comes to it: before its next step at the latest.
  enum class Fate { CarriedOut, Refused, CarriedOutUnheard, Lost, Late };
  std::function<Fate(const control::StepOrder&)> fate = [](const auto&) { return Fate::CarriedOut; };
  /// Told after every step, whatever became of it: the servers are as they are before the next one.
  std::function<void(const control::StepOrder&)> after_step = [](const auto&) {};
  /// How long a step takes.
  std::function<Duration(const control::StepOrder&)> step_takes = [](const auto&) { return Duration{5ms}; };
  std::vector<control::StepCancel> cancels;  ///< Steps that were let go of: they are carried out no more.
  /// What servers say when they are to keep a record; empty: they do.
  std::optional<Error> record_error;

  Time now() const { return now_; }
  const Memory& memory() const { return stored_; }
  const Office& office() const { return stored_.office; }
  const std::string& primary() const { return stored_.office.primary->name; }

  // ---- what happens

  void kill(const std::string& node) {
    servers.kill(node);
    if (sentinel && sentinel->name == node) feed(control::SentinelBroke{*sentinel});
  }
  /// Repld does not reach the node; the nodes reach each other.
  void cut_off(const std::string& node) { cut_off_.insert({node}); }
  void heal(const std::string& node) { cut_off_.erase({node}); }

  void kill_repld() {
    controller_.reset();
    ++incarnation_;
  }
  /// While repld is down: what it will find in its store.
  void remember(Memory memory) { stored_ = std::move(memory); }
  void start_repld() {
    under_way_.clear();
    controller_ = std::make_unique<control::Controller>(ClusterId{"shop"}, stored_, now_);
    ++incarnation_;
    configured = stored_.proposed ? stored_.proposed : stored_.spec;
    problems.reset();
    feed(control::Tick{});
  }

  /// Feeds a request; the ticket that its reply will carry.
  template <class What>
  std::uint64_t ask(What what) {
    const auto ticket = ++tickets_;
    feed(control::Request{.ticket = ticket, .asked_by = "alice", .what = std::move(what)});
    return ticket;
  }
  /// Asks and waits for the reply.
  template <class What>
  control::Reply ask_and_wait(What what) {
    const auto ticket = ask(std::move(what));
    run_until([&] { return reply_to(ticket) != nullptr; }, 30s);
    const auto* reply = reply_to(ticket);
    if (reply == nullptr) {
      ADD_FAILURE() << "no reply";
      return {};
    }
    return *reply;
  }
  control::Reply apply(const Spec& spec, bool dry_run = false) {
    return ask_and_wait(control::ApplySpec{.spec = spec, .dry_run = dry_run});
  }
  /// Applied, and as declared.
  Story& running(const Spec& spec) {
    const auto reply = apply(spec);
    EXPECT_FALSE(reply.error) << reply.error->message;
    run_until_idle();
    EXPECT_EQ(deviations(spec, {"a"}, servers), std::vector<std::string>{});
    servers.write("a", "shop");
    run_for(3s);
    forget();
    return *this;
  }
  /// What was recorded so far does not matter to the test.
  void forget() {
    events.clear();
    operations.clear();
    steps.clear();
    replies.clear();
  }

  // ---- time

  bool run_until(const std::function<bool()>& condition, Duration limit) {
    const auto end = now_ + limit;
    while (!condition()) {
      const auto next = next_event();
      if (next > end) {
        now_ = end;
        return condition();
      }
      advance(next);
    }
    return true;
  }
  void run_for(Duration span) {
    run_until([] { return false; }, span);
  }
  /// Until everything is as the spec in force declares it, and nothing is being done about anything.
  bool run_until_settled(Duration limit) {
    return run_until(
        [&] {
          return stored_.spec && !stored_.operation && problems && problems->empty() &&
                 deviations(*stored_.spec, *stored_.office.primary, servers).empty();
        },
        limit);
  }
  /// Until no operation is under way and nothing is ordered for a while.
  void run_until_idle(Duration limit = 5min) {
    EXPECT_TRUE(run_until([&] { return !stored_.operation; }, limit)) << "the operation does not end:" << told();
  }
  /// Until the step has been ordered (not carried out yet) that begins so.
  bool run_until_ordered(const std::string& sentence, Duration limit = 2min) {
    return run_until(
        [&] {
          return std::any_of(steps.begin(), steps.end(),
                             [&](const auto& o) { return describe(o.step).starts_with(sentence); });
        },
        limit);
  }
  /// Until that very step of that operation, or its inverse, is under way (not carried out yet).
  bool run_until_ordered(const OperationId& operation, std::size_t index, bool undo, Duration limit = 2min) {
    return run_until(
        [&] {
          return std::any_of(under_way_.begin(), under_way_.end(), [&](const auto& o) {
            return o.operation == operation && o.index == index && o.undo == undo;
          });
        },
        limit);
  }
  /// What was ordered is carried out by the servers although nobody hears of it any more.
  void carry_out_what_is_under_way() {
    for (const auto& order : std::exchange(under_way_, {})) {
      (void)servers.apply(order.step);
      after_step(order);
    }
  }

  // ---- looking

  const control::Reply* reply_to(std::uint64_t ticket) const {
    const auto found = std::find_if(replies.begin(), replies.end(), [&](const auto& r) { return r.ticket == ticket; });
    return found == replies.end() ? nullptr : &*found;
  }
  long count_events(const std::string& kind) const {
    return std::count_if(events.begin(), events.end(), [&](const Event& e) { return e.kind == kind; });
  }
  const Event* event(const std::string& kind) const {
    const auto found = std::find_if(events.begin(), events.end(), [&](const Event& e) { return e.kind == kind; });
    return found == events.end() ? nullptr : &*found;
  }
  const Problem* problem(const std::string& name) const {
    if (!problems) return nullptr;
    const auto found =
        std::find_if(problems->begin(), problems->end(), [&](const Problem& p) { return p.name == name; });
    return found == problems->end() ? nullptr : &*found;
  }
  std::vector<std::string> ordered() const {
    std::vector<std::string> out;
    for (const auto& o : steps) out.push_back((o.undo ? "back: " : "") + describe(o.step));
    return out;
  }
  std::vector<std::string> writers() const {
    std::vector<std::string> out;
    for (const auto& [id, s] : servers.all()) {
      if (s.life == Life::Up && s.now.read_only == ReadOnly::Off) out.push_back(id.name);
    }
    return out;
  }
  /// All events, for the message of a failing test.
  std::string told() const {
    std::string out;
    for (const auto& e : events) {
      out += fmt::format("\n  {:.3f} {} {}: {}", std::chrono::duration<double>(e.at - kNow).count(), e.kind,
                         e.node ? e.node->name : "-", e.text);
    }
    for (const auto& s : ordered()) out += "\n    " + s;
    return out;
  }

 private:
  struct Pending {
    Time at;
    std::uint64_t number;
    std::function<void()> what;
    bool operator>(const Pending& other) const { return std::tie(at, number) > std::tie(other.at, other.number); }
  };

  void later(Time at, std::function<void()> what) { pending_.push({at, ++numbers_, std::move(what)}); }

  Time next_event() const {
    auto next = pending_.empty() ? Time::max() : pending_.top().at;
    if (controller_) next = std::min(next, std::max(wake_up_, now_));
    return std::max(next, now_);
  }
  void advance(Time to) {
    if (to == now_ && ++standing_still_ > 10'000) throw std::runtime_error{"time stands still" + told()};
    if (to > now_) standing_still_ = 0;
    now_ = to;
    if (!pending_.empty() && pending_.top().at <= now_) {
      const auto what = pending_.top().what;
      pending_.pop();
      what();
    } else if (controller_ && wake_up_ <= now_) {
      feed(control::Tick{});
    }
  }

  void feed(const control::Input& input) {
    if (!controller_) return;
    const auto output = controller_->step(now_, input);
    if (output.remember) stored_ = *output.remember;
    expect_nothing_forgotten(controller_->memory());
    events.insert(events.end(), output.events.begin(), output.events.end());
    operations.insert(operations.end(), output.operations.begin(), output.operations.end());
    replies.insert(replies.end(), output.replies.begin(), output.replies.end());
    if (output.revision) revisions.push_back(*output.revision);
    if (output.outcome) {
      const auto ended = std::find_if(revisions.begin(), revisions.end(),
                                      [&](const auto& r) { return r.revision == output.outcome->revision; });
      if (ended != revisions.end()) {
        ended->state = output.outcome->state;
        ended->finished = output.outcome->finished;
      }
    }
    for (const auto& cancel : output.cancels) {
      cancels.push_back(cancel);
      std::erase_if(under_way_,
                    [&](const auto& o) { return o.index == cancel.index && o.operation == cancel.operation; });
    }
    if (output.configure) configured = output.configure;
    if (output.problems) problems = output.problems;
    sentinel = output.sentinel;
    wake_up_ = output.wake_up;
    for (const auto& probe : output.probes) look(probe);
    for (const auto& order : output.steps) run(order);
    if (output.record) keep(*output.record);
  }

  void keep(const control::RecordOrder& order) {
    records.push_back(order);
    const auto of = incarnation_;
    later(now_ + 2ms, [this, order, of] {
      if (of != incarnation_) return;
      if (!record_error) {
        for (const auto& [id, server] : servers.all()) servers[id].has.records = {order.record};
      }
      feed(control::RecordDone{order.record, record_error});
    });
  }

  /// All that is remembered but for the operation, of which only results of steps may be found out again. Nothing is
  /// copied: it is asked after every step of the controller.
  static auto all_but_the_operation(const Memory& memory) {
    const auto& [revision, spec, proposed, office, operation, operations, paused, automatic_failovers, acknowledged,
                 quarantined, closed, revisions, prior_settings, proposed_prior_settings, maintenance, restored,
                 discarded] = memory;
    return std::tie(revision, spec, proposed, office, operations, paused, automatic_failovers, acknowledged,
                    quarantined, closed, revisions, prior_settings, proposed_prior_settings, maintenance, restored,
                    discarded);
  }
  /// What is remembered is what the controller decides on.
  void expect_nothing_forgotten(const Memory& memory) const {
    EXPECT_EQ(stored_.operation.has_value(), memory.operation.has_value());
    EXPECT_TRUE(all_but_the_operation(stored_) == all_but_the_operation(memory))
        << "a restart would forget something" << told();
  }

  void look(const control::ProbeOrder& probe) {
    const auto of = incarnation_;
    const bool silent = cut_off_.contains(probe.node) || servers.at(probe.node).life == Life::Frozen;
    const Duration takes = probe.depth == control::Depth::Inventory ? inventories_take : Duration{1'000};
    later(silent ? probe.deadline : now_ + takes, [this, probe, of] {
      if (of != incarnation_) return;
      auto seen = servers.look(probe.node, now_);
      if (cut_off_.contains(probe.node)) {
        seen = {};
        seen.node = probe.node;
        seen.taken_at = now_;
        seen.reach = Reach::Silent;
        seen.problem = "no answer in time";
      }
      if (probe.depth == control::Depth::Inventory && seen.reachable()) seen.inventory = servers.at(probe.node).has;
      feed(control::ProbeDone{std::move(seen)});
    });
  }

  void run(const control::StepOrder& order) {
    steps.push_back(order);
    under_way_.push_back(order);
    const auto of = incarnation_;
    const bool frozen = servers.at(node_of(order.step)).life == Life::Frozen;
    later(frozen ? order.deadline : now_ + step_takes(order), [this, order, of] {
      if (of != incarnation_) return;
      const auto let_go = std::erase_if(
          under_way_, [&](const auto& o) { return o.index == order.index && o.operation == order.operation; });
      if (let_go == 0) return;
      auto result = carry_out(order);
      result.took = 5ms;
      after_step(order);
      feed(control::StepDone{order.operation, order.index, order.undo, std::move(result)});
    });
  }

  void carry_out_late(const NodeId& node) {
    for (const auto& order : std::exchange(late_, {})) {
      if (node_of(order.step) == node) {
        (void)servers.apply(order.step);
      } else {
        late_.push_back(order);
      }
    }
  }

  StepResult carry_out(const control::StepOrder& order) {
    carry_out_late(node_of(order.step));
    const bool refused = !refused_step.empty() && describe(order.step).starts_with(refused_step);
    const auto what = refused ? Fate::Refused : fate(order);
    const StepResult unheard{.error = Error{ErrorCode::DeadlineExceeded, "no word of it"}, .certain = false};
    if (what == Fate::Refused) {
      return {.error = Error{ErrorCode::ServerRefused, describe(order.step) + ": refused"}};
    }
    if (what == Fate::Lost) return unheard;
    if (what == Fate::Late) {
      late_.push_back(order);
      later(now_ + 3s, [this, node = node_of(order.step)] { carry_out_late(node); });
      return unheard;
    }
    auto result = servers.apply(order.step);
    return what == Fate::CarriedOutUnheard ? unheard : result;
  }

  Time now_;
  Memory stored_;
  std::unique_ptr<control::Controller> controller_;
  int incarnation_ = 0;
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::uint64_t numbers_ = 0;
  std::uint64_t tickets_ = 0;
  Time wake_up_{};
  int standing_still_ = 0;
  std::set<NodeId> cut_off_;
  std::vector<control::StepOrder> under_way_;
  std::vector<control::StepOrder> late_;  ///< Given up, and not carried out yet.
};

}  // namespace repl::test

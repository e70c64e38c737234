// Every change from one topology to another, failing at each of its steps, and of the inverses of its steps, in every
// way a step can fail. When the operation ends, before anything is repaired, the servers are as wanted, or just as they
// were, or a person is told what could not be taken back; and the revision says which.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "control/execution.hpp"
#include "unit/control/changes.hpp"
#include "unit/support/restorable.hpp"
#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Fate = Story::Fate;
using Names = std::vector<std::string>;

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::CarriedOut:
      return "carried out";
    case Fate::Refused:
      return "refused";
    case Fate::CarriedOutUnheard:
      return "carried out, unheard";
    case Fate::Lost:
      return "lost";
    case Fate::Late:
      break;
  }
  return "carried out too late";
}

/// A cluster that runs as the change begins, with data, beside servers that only its end names.
struct Beginning {
  Servers servers;
  Memory memory;
  Time now;
};

Spec nodes_of_both(const Change& change) {
  auto all = static_cast<const Spec&>(change.from);
  for (const auto& node : change.to.nodes) {
    if (all.find(node.id) == nullptr) all.nodes.push_back(node);
  }
  return all;
}

/// The servers as `spec` declares them; the primary in office where there is one.
Names deviations_from(const Story& story, const Spec& spec) {
  if (spec.is_ring() || spec.is_group()) return deviations(spec, story.servers);
  return deviations(spec, *story.office().primary, story.servers);
}

Beginning beginning_of(const Change& change) {
  Story story{nodes_of_both(change)};
  if (change.start == Start::Running) {
    const auto reply = story.apply(change.from);
    EXPECT_FALSE(reply.error) << reply.error->message;
    story.run_until_idle();
    story.servers.write("a", "shop");
    story.run_for(3s);
    EXPECT_EQ(deviations_from(story, change.from), Names{}) << story.told();
  }
  return {story.servers, story.memory(), story.now()};
}

/// What becomes of one step, or of its inverse.
struct Strike {
  std::size_t index;
  bool undo;
  Fate fate;
  bool again = false;  ///< Each attempt meets it; else the first one does.
};

/// One apply of the change, and the judgement of how it ended.
class Trial {
 public:
  Trial(const Change& change, const Beginning& beginning)
      : change_(change), story_(beginning.servers, beginning.memory, beginning.now) {
    story_.run_for(2s);  // looks at all of them once
    if (change.prepare) {
      change.prepare(story_.servers);
      story_.servers.settle();
      story_.run_for(change.seen_for);
    }
    story_.forget();
    before_ = restorable(story_.servers);
    if (change.start == Start::Running) {
      for (const auto& node : change.from.nodes) ours_.insert(node.id);
      written_ = story_.servers.at({"a"}).now.executed;
    }
    for (const auto& [id, server] : story_.servers.all()) {
      const auto* channel = server.now.channel();
      const bool stands = channel != nullptr && channel->applier != ThreadState::Running;
      if (stands || !server.now.position().contains(written_)) left_behind_.insert(id);
    }
    story_.fate = [this](const control::StepOrder& order) { return fate_of(order); };
    story_.after_step = [this](const control::StepOrder& order) {
      take_in(order);
      look_at_writers();
    };
    story_.step_takes = [this](const control::StepOrder& order) {
      const bool last = struck_ && order.index == struck_->index && !order.undo;
      return last && waits_for_the_others_ ? Duration{900ms} : Duration{5ms};
    };
  }

  Story& story() { return story_; }
  const Plan& plan() const { return plan_; }
  const OperationId& operation() const { return operation_; }

  /// That step meets its fate.
  Trial& strike(Strike strike) {
    strikes_.push_back(strike);
    if (!strike.undo) struck_ = strike;
    return *this;
  }
  /// All other steps that can be carried out are, before the one that is struck.
  Trial& last_of_all() {
    waits_for_the_others_ = true;
    return *this;
  }

  Trial& apply() {
    const auto reply = story_.ask_and_wait(control::ApplySpec{.spec = change_.to, .may_lose_data = change_.may_lose});
    EXPECT_FALSE(reply.error) << reply.error->message;
    if (reply.plan) plan_ = *reply.plan;
    if (reply.operation) operation_ = *reply.operation;
    return *this;
  }

  /// The operation, once it is over; nothing else has been carried out since.
  const Operation& end() {
    const auto over = [&]() -> const Operation* {
      for (const auto& op : story_.operations) {
        if (op.id == operation_ && is_over(op.state)) return &op;
      }
      return nullptr;
    };
    if (!story_.run_until([&] { return over() != nullptr; }, 30min)) {
      ADD_FAILURE() << "the operation does not end:" << story_.told();
      throw std::runtime_error{"no end"};
    }
    return *over();
  }

  /// Judges the end, then the state in which it is left for good.
  void judge(std::set<OperationState> allowed) {
    const auto op = end();
    const auto told = [&] { return story_.told(); };
    EXPECT_TRUE(allowed.contains(op.state)) << to_string(op.state) << told();
    if (op.state == OperationState::Done) {
      expect_as_wanted(op);
    } else if (op.state == OperationState::TakenBack) {
      expect_as_before(op);
    } else {
      expect_a_person_is_told(op);
    }
    for (const auto& what : writers_) ADD_FAILURE() << what << told();
    if (testing::Test::HasFailure() || op.state == OperationState::NeedsPerson) return;
    expect_at_rest(op);
  }

 private:
  Fate fate_of(const control::StepOrder& order) {
    if (order.operation != operation_ && !operation_.value.empty()) return Fate::CarriedOut;
    for (auto strike = strikes_.begin(); strike != strikes_.end(); ++strike) {
      if (strike->index != order.index || strike->undo != order.undo) continue;
      const auto fate = strike->fate;
      if (!strike->again) strikes_.erase(strike);
      return fate;
    }
    return Fate::CarriedOut;
  }

  /// A server that comes to the topology has clients once it was opened for them, not while it is as its installer has
  /// left it.
  void take_in(const control::StepOrder& order) {
    if (change_.from.find(node_of(order.step)) != nullptr) return;
    const auto* opens = std::get_if<SetReadOnly>(&order.step);
    const bool joins =
        std::holds_alternative<StartGroup>(order.step) ||
        (opens != nullptr && opens->to == ReadOnly::Off && !story_.servers.at(opens->node).now.offline_mode);
    if (order.undo) {
      ours_.erase(node_of(order.step));
    } else if (joins) {
      ours_.insert(node_of(order.step));
    }
  }

  /// After every step: who takes writes, and clients write there.
  void look_at_writers() {
    std::vector<const ModelServer*> writers;
    Names names;
    for (const auto& [id, server] : story_.servers.all()) {
      const bool open = server.now.read_only == ReadOnly::Off && !server.now.offline_mode;
      if (!open || !ours_.contains(id)) continue;
      writers.push_back(&server);
      names.push_back(id.name);
    }
    const auto value = [](const ModelServer& s, const char* name) {
      const auto found = s.has.variables.find(name);
      return found == s.has.variables.end() ? std::string{"1"} : found->second;
    };
    if (names.size() > 1) {
      const auto& ended = story_.memory().operation;
      const auto when = ended ? ended->id.value : std::string{"rest"};
      if (!change_.from.several_writers() && !change_.to.several_writers()) {
        writers_.push_back(fmt::format("{}: {} take writes at the same time", when, fmt::join(names, " and ")));
      }
      std::set<std::string> offsets;
      std::set<std::string> increments;
      for (const auto* s : writers) {
        offsets.insert(value(*s, "auto_increment_offset"));
        increments.insert(value(*s, "auto_increment_increment"));
      }
      // Members of a group find out that two of them want the same key, and one of them goes without.
      const bool in_a_ring = change_.from.is_ring() || change_.to.is_ring();
      if (in_a_ring && (offsets.size() < names.size() || increments.size() > 1)) {
        writers_.push_back(
            fmt::format("{}: {} would give the same keys to several rows", when, fmt::join(names, " and ")));
      }
    }
    for (const auto& name : names) {
      const auto& server = story_.servers.at({name});
      const auto had = server.now.executed;
      if (story_.servers.write(name)) written_ = unite(written_, subtract(server.now.executed, had));
    }
  }

  void expect_nothing_lost(const Spec& spec, const std::set<NodeId>& but_on = {}) {
    for (const auto& node : spec.nodes) {
      if (but_on.contains(node.id)) continue;
      const auto lost = subtract(written_, story_.servers.at(node.id).now.position());
      EXPECT_TRUE(lost.empty()) << node.id << " lacks " << lost << story_.told();
    }
  }

  bool best_effort_failed(const Operation& op) const {
    for (std::size_t i = 0; i < op.progress.size(); ++i) {
      if (op.plan.steps[i].best_effort && op.progress[i].state == StepState::Failed) return true;
    }
    return false;
  }

  Names not_as_wanted() const {
    auto wrong = deviations_from(story_, change_.to);
    for (const auto& [id, server] : story_.servers.all()) {
      if (change_.to.find(id) != nullptr) continue;
      for (auto& what : not_released(id, server)) wrong.push_back(std::move(what));
    }
    return wrong;
  }

  void expect_as_wanted(const Operation& op) {
    EXPECT_TRUE(story_.memory().spec == static_cast<const Spec&>(change_.to)) << story_.told();
    if (!story_.revisions.empty()) {
      EXPECT_EQ(story_.revisions.back().state, RevisionState::Applied);
    }
    if (best_effort_failed(op)) {
      // What was given up is told, whoever makes up for it.
      EXPECT_TRUE(story_.event("step-given-up") != nullptr || story_.event("hook-failed") != nullptr) << story_.told();
      return;
    }
    EXPECT_EQ(not_as_wanted(), Names{}) << story_.told();
    expect_nothing_lost(change_.to);
  }

  void expect_as_before(const Operation& op) {
    if (change_.start == Start::Running) {
      EXPECT_TRUE(story_.memory().spec == static_cast<const Spec&>(change_.from)) << story_.told();
    }
    if (!story_.revisions.empty()) {
      EXPECT_EQ(story_.revisions.back().state, RevisionState::TakenBack);
    }
    EXPECT_TRUE(op.error) << story_.told();
    auto before = before_;
    auto now = restorable(story_.servers);
    auto left_behind = left_behind_;
    for (std::size_t i = 0; i < op.plan.steps.size(); ++i) {
      const auto& step = op.plan.steps[i].step;
      if (op.progress[i].attempts > 0 || op.progress[i].state == StepState::Undone) {
        forgive(step, before, now);
        if (std::holds_alternative<CloneFrom>(step)) left_behind.insert(node_of(step));
      }
    }
    EXPECT_EQ(difference(before, now), "") << story_.told();
    if (change_.start == Start::Running) expect_nothing_lost(change_.from, left_behind);
  }

  /// What is not, and need not be, taken back.
  void forgive(const Step& step, AllRestorable& before, const AllRestorable& after) const {
    auto& then = before.at(node_of(step));
    const auto& now = after.at(node_of(step));
    if (std::holds_alternative<CloneFrom>(step) && now.read_only == ReadOnly::Super) {
      // It had nothing to be kept, and stays a closed copy that belongs to nothing.
      const bool is_new = change_.from.find(node_of(step)) == nullptr;
      EXPECT_TRUE(!is_new || (!now.source && !now.member && !now.replica_enabled && !now.source_enabled));
      then = now;
    }
    if (const auto* follow = std::get_if<FollowSource>(&step); follow != nullptr && !follow->from) {
      // What came with the history of its source.
      for (const auto role : {AccountRole::Application, AccountRole::Monitoring}) {
        if (now.accounts.contains(role)) then.accounts.insert(role);
      }
    }
    if (const auto* made = std::get_if<CreateAccount>(&step); made != nullptr && !inverse(step)) {
      // It stays, and gets to whoever has followed meanwhile: receivers may have been told of it.
      for (auto& [id, each] : before) {
        if (after.at(id).accounts.contains(made->role)) each.accounts.insert(made->role);
      }
    }
    if (std::holds_alternative<CloseReturned>(step)) {
      // Never opened again by the way back; the next look decides.
      then.read_only = now.read_only;
      then.offline = now.offline;
      then.source_enabled = now.source_enabled;
      then.acks = now.acks;
    }
    if (std::holds_alternative<AmendAccount>(step) || std::holds_alternative<RotatePassword>(step)) {
      for (auto& [id, each] : before) each.accounts = after.at(id).accounts;
    }
  }

  void expect_a_person_is_told(const Operation& op) {
    ASSERT_EQ(op.state, OperationState::NeedsPerson);
    ASSERT_TRUE(op.error) << story_.told();
    const auto stuck = std::find_if(op.progress.begin(), op.progress.end(),
                                    [](const StepProgress& p) { return p.state == StepState::Failed; });
    ASSERT_NE(stuck, op.progress.end());
    const auto why = describe(op.plan.steps[struck_->index].step);
    EXPECT_NE(op.error->message.find(why), std::string::npos) << op.error->message << "\nlacks " << why;
    for (const auto& strike : strikes_) {
      if (!strike.undo) continue;
      EXPECT_EQ(op.progress[strike.index].state, StepState::Failed);
      const auto back = describe(*inverse(op.plan.steps[strike.index].step));
      EXPECT_NE(op.error->message.find(back), std::string::npos) << op.error->message << "\nlacks " << back;
    }
  }

  /// Nothing is left to complain about or to do, but for what a person was told.
  void expect_at_rest(const Operation& op) {
    strikes_.clear();
    const bool done = op.state == OperationState::Done;
    if (!done && change_.start == Start::Fresh) return;
    const Spec& now = done ? change_.to : change_.from;
    const auto is_whole = [&] {
      return !story_.memory().operation && story_.problems && deviations_from(story_, now).empty() &&
             std::all_of(story_.problems->begin(), story_.problems->end(),
                         [](const Problem& p) { return p.name == "HookFailed"; });
    };
    // No repair restarts a server, or holds writes up: it is named, and waits for the next apply.
    const auto waits_for_an_apply = [&] {
      return story_.problem("SettingNeedsRestart") != nullptr || story_.problem("MoveNeedsPause") != nullptr;
    };
    if (!done && change_.prepare) return;  // what was found at the start may be left
    // Without GTIDs only a clone helps, which a person has to allow.
    const auto waits_for_a_person = [&] { return best_effort_failed(op) && story_.problem("PlaceUnknown") != nullptr; };
    bool whole = story_.run_until([&] { return is_whole() || waits_for_an_apply() || waits_for_a_person(); }, 2min);
    if (waits_for_a_person()) return;
    if (waits_for_an_apply()) {
      EXPECT_TRUE(best_effort_failed(op)) << story_.told();
      const auto again = story_.apply(now);
      EXPECT_FALSE(again.error) << again.error->message;
      whole = story_.run_until(is_whole, 2min);
    }
    std::string problems;
    for (const auto& p : *story_.problems) problems += fmt::format("\n{}: {}", p.name, p.evidence);
    EXPECT_TRUE(whole) << testing::PrintToString(deviations_from(story_, now)) << problems << story_.told();
    expect_nothing_lost(now);
    const auto again = story_.apply(now, true);
    ASSERT_TRUE(again.plan) << again.error->message << story_.told();
    Names left;
    for (const auto& planned : again.plan->steps) left.push_back(describe(planned.step));
    EXPECT_EQ(left, Names{}) << story_.told();
    for (const auto& what : writers_) ADD_FAILURE() << what << story_.told();
  }

  const Change& change_;
  Story story_;
  AllRestorable before_;
  std::set<NodeId> ours_;         ///< Whom clients write to when it takes writes.
  std::set<NodeId> left_behind_;  ///< Lacked something when the change began.
  GtidSet written_;               ///< By clients, and confirmed to them.
  Names writers_;                 ///< What was wrong about those who take writes.
  std::vector<Strike> strikes_;
  std::optional<Strike> struck_;
  bool waits_for_the_others_ = false;
  Plan plan_;
  OperationId operation_;
};

/// How an apply may end of which that step fails so; what everybody has to be told is in the design documents.
std::set<OperationState> ends_of(const Plan& plan, std::size_t failing, Fate fate) {
  using enum OperationState;
  const auto& planned = plan.steps[failing];
  if (planned.best_effort) return {Done};
  if (failing < plan.point_of_no_return) return {TakenBack};
  if (failing == plan.point_of_no_return) return fate == Fate::Refused ? std::set{TakenBack} : std::set{Done};
  return fate == Fate::Refused ? std::set{NeedsPerson} : std::set{Done};
}

/// The variables of a node are set one after the other, and what becomes of the second is what becomes of the first.
bool is_another_variable(const Plan& plan, std::size_t index) {
  const auto is_variable_of = [](const Step& step, const NodeId& node) {
    return std::holds_alternative<SetVariable>(step) && node_of(step) == node;
  };
  const auto& node = node_of(plan.steps[index].step);
  if (!is_variable_of(plan.steps[index].step, node)) return false;
  return std::any_of(plan.steps.begin(), plan.steps.begin() + static_cast<std::ptrdiff_t>(index),
                     [&](const PlannedStep& before) { return is_variable_of(before.step, node); });
}

/// What may become of the step that takes another one back; Killed: repld is, before it or after it.
enum class WayBack { RefusedOnce, Unheard, Lost, Refused, KilledBefore, KilledAfter };
constexpr std::array kWaysBack{WayBack::RefusedOnce, WayBack::Unheard,      WayBack::Lost,
                               WayBack::Refused,     WayBack::KilledBefore, WayBack::KilledAfter};

/// All of them for the first step of a kind; then they take turns.
std::vector<WayBack> ways_back(const Plan& plan, std::size_t index, std::set<std::string>& kinds) {
  const auto& step = plan.steps[index].step;
  if (kinds.insert(std::string{name_of(step)}).second) return {kWaysBack.begin(), kWaysBack.end()};
  std::vector out{kWaysBack[index % kWaysBack.size()]};
  if (!is_another_variable(plan, index)) out.push_back(kWaysBack[(index + 3) % kWaysBack.size()]);
  return out;
}

class EveryChange : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Change& change() const { return changes()[GetParam()]; }
};

TEST_P(EveryChange, IsAsWantedWhenNothingFails) {
  Trial trial{change(), beginning_of(change())};
  trial.apply();
  ASSERT_FALSE(trial.plan().empty());
  trial.judge({OperationState::Done});
}

TEST_P(EveryChange, EndsAsBeforeOrAsWantedWhereverItFails) {
  const auto beginning = beginning_of(change());
  const auto plan = Trial{change(), beginning}.apply().plan();
  for (std::size_t failing = 0; failing < plan.steps.size(); ++failing) {
    std::size_t turn = failing;
    for (const auto fate : {Fate::Refused, Fate::CarriedOutUnheard, Fate::Lost, Fate::Late}) {
      if (is_another_variable(plan, failing) && turn++ % 4 != 0) continue;
      Trial trial{change(), beginning};
      trial.strike({failing, false, fate, fate == Fate::Refused}).apply();
      SCOPED_TRACE(
          fmt::format("step {}, {}, is {}", failing, describe(trial.plan().steps[failing].step), to_string(fate)));
      trial.judge(ends_of(trial.plan(), failing, fate));
      if (HasFailure()) return;
    }
  }
}

TEST_P(EveryChange, IsTakenBackOrFinishedWhenItIsCancelled) {
  const auto beginning = beginning_of(change());
  const auto plan = Trial{change(), beginning}.apply().plan();
  for (std::size_t at = 0; at < plan.steps.size(); ++at) {
    if (is_another_variable(plan, at) && at % 4 != 0) continue;
    Trial trial{change(), beginning};
    trial.apply();
    SCOPED_TRACE(fmt::format("cancelled at step {}, {}", at, describe(trial.plan().steps[at].step)));
    auto& story = trial.story();
    ASSERT_TRUE(story.run_until_ordered(trial.operation(), at, false)) << story.told();
    const bool refused = story.ask_and_wait(control::Cancel{}).error.has_value();
    trial.judge({refused ? OperationState::Done : OperationState::TakenBack});
    if (HasFailure()) return;
  }
}

/// The last step whose failure takes everything back; empty when there is none.
std::optional<std::size_t> last_that_fails(const Plan& plan) {
  for (auto i = std::min(plan.point_of_no_return, plan.steps.size()); i-- > 0;) {
    if (!plan.steps[i].best_effort) return i;
  }
  return std::nullopt;
}

TEST_P(EveryChange, IsTakenBackWhateverBecomesOfTheWayBack) {
  const auto beginning = beginning_of(change());
  const auto failing = last_that_fails(Trial{change(), beginning}.apply().plan());
  ASSERT_TRUE(failing);
  const auto trial_of = [&] {
    auto trial = std::make_unique<Trial>(change(), beginning);
    trial->last_of_all().strike({*failing, false, Fate::Refused, true});
    return trial;
  };
  auto first = trial_of();
  const auto way_back = first->apply().end();
  std::set<std::string> kinds;
  for (std::size_t k = 0; k < way_back.progress.size(); ++k) {
    if (way_back.progress[k].state != StepState::Undone || way_back.progress[k].attempts == 0) continue;
    SCOPED_TRACE(fmt::format("back from step {}, {}", k, describe(*inverse(way_back.plan.steps[k].step))));
    for (const auto way : ways_back(way_back.plan, k, kinds)) {
      SCOPED_TRACE(fmt::format("way back {}", static_cast<int>(way)));
      const auto trial = trial_of();
      auto& story = trial->story();
      switch (way) {
        case WayBack::RefusedOnce:
          trial->strike({k, true, Fate::Refused}).apply();
          break;
        case WayBack::Unheard:
          trial->strike({k, true, Fate::CarriedOutUnheard}).apply();
          break;
        case WayBack::Lost:
          trial->strike({k, true, Fate::Lost}).apply();
          break;
        case WayBack::Refused:
          trial->strike({k, true, Fate::Refused, true}).apply();
          break;
        case WayBack::KilledBefore:
        case WayBack::KilledAfter:
          trial->apply();
          ASSERT_TRUE(story.run_until_ordered(trial->operation(), k, true)) << story.told();
          story.kill_repld();
          if (way == WayBack::KilledAfter) story.carry_out_what_is_under_way();
          story.start_repld();
          break;
      }
      trial->judge({way == WayBack::Refused ? OperationState::NeedsPerson : OperationState::TakenBack});
    }
    if (HasFailure()) return;
  }
}

TEST_P(EveryChange, SurvivesARestartOfRepldAtEachStep) {
  const auto beginning = beginning_of(change());
  const auto plan = Trial{change(), beginning}.apply().plan();
  for (std::size_t at = 0; at < plan.steps.size(); ++at) {
    for (const bool carried_out : {false, true}) {
      if (is_another_variable(plan, at) && carried_out == (at % 2 == 0)) continue;
      Trial trial{change(), beginning};
      trial.apply();
      SCOPED_TRACE(fmt::format("killed at step {}, {}, which was{} carried out", at,
                               describe(trial.plan().steps[at].step), carried_out ? "" : " not"));
      auto& story = trial.story();
      ASSERT_TRUE(story.run_until_ordered(trial.operation(), at, false)) << story.told();
      story.kill_repld();
      if (carried_out) story.carry_out_what_is_under_way();
      story.start_repld();
      trial.judge({OperationState::Done, OperationState::TakenBack});
      if (HasFailure()) return;
    }
  }
}

template <std::size_t... Is>
std::set<std::string> all_kinds(std::index_sequence<Is...>) {
  return {std::string{name_of(Step{std::variant_alternative_t<Is, Step>{}})}...};
}

TEST(EveryKindOfStep, FailsInSomeChange) {
  // Of what no apply is made of; whoever plans it lets it fail.
  const std::map<std::string, std::string> elsewhere{
      {"detach-receiver", "only a failover detaches: stories_test.cpp and the simulator"},
      {"apply-received", "only a failover drains a candidate: stories_test.cpp and the simulator"},
  };
  std::set<std::string> struck;
  for (const auto& change : changes()) {
    Trial trial{change, beginning_of(change)};
    const auto& plan = trial.apply().plan();
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      struck.emplace(name_of(plan.steps[i].step));
      const auto back = inverse(plan.steps[i].step);
      if (back && i < plan.point_of_no_return) struck.emplace(name_of(*back));
    }
  }
  std::set<std::string> expected = all_kinds(std::make_index_sequence<std::variant_size_v<Step>>{});
  for (const auto& [kind, why] : elsewhere) expected.erase(kind);
  EXPECT_EQ(struck, expected);
}

class ARefusedChange : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ARefusedChange, SaysWhyAndHowElseAndTouchesNothing) {
  const auto& refused = refused_changes()[GetParam()];
  const auto beginning = beginning_of(refused.change);
  Story story{beginning.servers, beginning.memory, beginning.now};
  story.run_for(2s);
  const auto before = restorable(story.servers);
  const auto reply = story.apply(refused.change.to);
  ASSERT_TRUE(reply.error);
  for (const auto& part : refused.says) {
    EXPECT_NE(reply.error->message.find(part), std::string::npos) << reply.error->message;
  }
  story.run_for(3s);
  EXPECT_EQ(difference(before, restorable(story.servers)), "");
  EXPECT_TRUE(story.memory().spec == static_cast<const Spec&>(refused.change.from));
  EXPECT_TRUE(story.steps.empty());
}

INSTANTIATE_TEST_SUITE_P(All, ARefusedChange, ::testing::Range(std::size_t{0}, refused_changes().size()),
                         [](const auto& which) { return refused_changes()[which.param].change.name; });

TEST_P(EveryChange, LosesNothingThatANodeTookMeanwhile) {
  if (change().start == Start::Fresh || change().prepare) return;  // nobody writes yet, or not everywhere
  const auto beginning = beginning_of(change());
  Story story{beginning.servers, beginning.memory, beginning.now};
  story.run_for(2s);
  const auto all_write = [&] {
    for (const auto& node : change().from.nodes) story.servers.write(node.id.name);
  };
  story.fate = [&](const auto&) {
    all_write();
    return Fate::CarriedOut;
  };
  const auto reply = story.apply(change().to);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  all_write();
  EXPECT_EQ(deviations_of_those_who_left(change().from, change().to, story.servers), Names{}) << story.told();
}

INSTANTIATE_TEST_SUITE_P(All, EveryChange, ::testing::Range(std::size_t{0}, changes().size()),
                         [](const auto& which) { return changes()[which.param].name; });

}  // namespace
}  // namespace repl::test

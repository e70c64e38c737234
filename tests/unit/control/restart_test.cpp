// Repld killed at every step of every operation, with that step carried out or not, and started again: it ends in the
// declared state or is taken back, never half-way, and never with two writers.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

enum class LastStep { CarriedOut, Lost };

struct Scenario {
  const char* name;
  SpecOf spec;
  std::function<void(Story&)> begin;  ///< Begins the operation that is cut.
  std::function<void(Story&)> heal = [](Story&) {};
};

std::vector<Scenario> scenarios() {
  std::vector<Scenario> out;
  for (const auto& [mode, spec] :
       {std::pair{"Async", spec_of("a b c")}, std::pair{"SemiSync", spec_of("a b c").acks(1)},
        std::pair{"TwoAcks", spec_of("a b c d").acks(2).follows("d", "b")}}) {
    const auto failover = [](Story& s) { s.kill("a"); };
    const auto switchover = [](Story& s) { s.ask(control::SwitchOver{.to = NodeId{"b"}}); };
    const auto rejoin = [](Story& s) { s.servers.apply(ForgetSource{{"c"}, {"a"}}); };
    const auto reopen = [](Story& s) {
      s.servers.kill("a");
      s.servers.restart("a");
    };
    const auto change = [spec](Story& s) {
      auto wanted = spec;
      wanted.setting("max_connections", "600");
      if (wanted.semi_sync()) {
        wanted.sync = {};
      } else {
        wanted.acks(1);
      }
      s.ask(control::ApplySpec{.spec = wanted});
    };
    const auto restart_a = [](Story& s) { s.servers.restart("a"); };
    static std::vector<std::string> names;
    names.reserve(64);
    const auto named = [&](const char* what) {
      names.push_back(std::string{what} + mode);
      return names.back().c_str();
    };
    out.push_back({named("Failover"), spec, failover, restart_a});
    out.push_back({named("Switchover"), spec, switchover});
    out.push_back({named("Rejoin"), spec, rejoin});
    out.push_back({named("Reopen"), spec, reopen});
    out.push_back({named("Apply"), spec, change});
  }
  return out;
}

class RepldKilled : public testing::TestWithParam<Scenario> {};

/// The cluster is as some accepted spec declares it, whoever is primary.
void expect_settled(Story& story, const std::string& when) {
  ASSERT_TRUE(story.memory().spec) << when;
  EXPECT_FALSE(story.memory().operation) << when << story.told();
  EXPECT_EQ(story.writers(), Names{story.primary()}) << when << story.told();
  EXPECT_EQ(deviations(*story.memory().spec, *story.office().primary, story.servers), Names{}) << when << story.told();
}

TEST_P(RepldKilled, AtEveryStepEndsInADeclaredState) {
  const auto& scenario = GetParam();
  for (const auto last : {LastStep::CarriedOut, LastStep::Lost}) {
    bool reached_the_end = false;
    for (std::size_t at = 1; !reached_the_end && at < 60; ++at) {
      Story story{scenario.spec};
      story.running(scenario.spec);
      story.servers.write("a");
      const auto written = story.servers["a"].now.executed;
      scenario.begin(story);
      story.run_until([&] { return story.steps.size() >= at; }, 20s);
      reached_the_end = story.steps.size() < at;
      story.kill_repld();
      if (last == LastStep::CarriedOut) story.carry_out_what_is_under_way();
      EXPECT_LE(story.writers().size(), 1u) << at << story.told();
      story.start_repld();
      story.run_for(20s);
      scenario.heal(story);
      story.run_until_settled(3min);
      story.run_for(3s);
      const auto when =
          fmt::format("killed at step {} ({})", at, last == LastStep::CarriedOut ? "carried out" : "lost");
      expect_settled(story, when);
      for (const auto& node : scenario.spec.nodes) {
        EXPECT_TRUE(story.servers.at(node.id).now.executed.contains(written)) << when << node.id;
      }
      if (HasFailure()) return;
    }
    EXPECT_TRUE(reached_the_end);
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, RepldKilled, testing::ValuesIn(scenarios()),
                         [](const auto& i) { return i.param.name; });

TEST(RepldKilledInTheFirstApply, GoesOnWithIt) {
  const auto spec = spec_of("a b c").acks(1);
  bool reached_the_end = false;
  for (std::size_t at = 1; !reached_the_end && at < 60; ++at) {
    Story story{spec};
    story.apply(spec);
    story.run_until([&] { return story.steps.size() >= at; }, 20s);
    reached_the_end = story.steps.size() < at;
    story.kill_repld();
    if (at % 2 == 0) story.carry_out_what_is_under_way();
    story.start_repld();
    story.run_until_settled(1min);
    expect_settled(story, fmt::format("killed at step {}", at));
    EXPECT_EQ(story.primary(), "a");
    EXPECT_EQ(story.memory().revision.number, 1u);
    if (HasFailure()) return;
  }
}

TEST(RepldKilledInAFailover, TakesItBackWhenThePrimaryIsThereAgain) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until_ordered("b: detach from a"));
  story.kill_repld();
  story.carry_out_what_is_under_way();
  story.servers.restart("a");
  story.start_repld();
  story.run_for(1min);
  EXPECT_EQ(story.primary(), "a") << story.told();
  expect_settled(story, "restarted");
}

TEST(RepldKilledInAFailover, TakesItBackWhenReplicasHearThePrimary) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.servers.freeze("a");
  ASSERT_TRUE(story.run_until_ordered("b: detach from a"));
  story.kill_repld();  // nothing was carried out
  story.servers.thaw("a");
  story.cut_off("a");
  story.start_repld();
  story.run_for(1min);
  EXPECT_EQ(story.primary(), "a") << story.told();
  EXPECT_EQ(story.writers(), Names{"a"});
}

// What a replica has acknowledged since it was read must count: nothing of what was read before the restart is used.
TEST(RepldKilledInAFailover, ReadsThePositionsAnewBeforeItPromotes) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until_ordered("b: apply all it has received"));
  story.kill_repld();
  story.carry_out_what_is_under_way();
  story.steps.clear();
  story.start_repld();
  story.run_until_settled(1min);
  EXPECT_EQ(story.primary(), "b") << story.told();
  const auto detached_again =
      std::count_if(story.steps.begin(), story.steps.end(), [](const control::StepOrder& order) {
        return !order.undo && std::holds_alternative<DetachReceiver>(order.step);
      });
  EXPECT_EQ(detached_again, 2) << story.told();
}

TEST(RepldKilledInAFailover, FinishesItPastThePointOfNoReturnWhateverHasComeBack) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until_ordered("b: super-read-only -> writable"));
  story.kill_repld();
  story.carry_out_what_is_under_way();
  story.servers.restart("a");
  story.start_repld();
  story.run_for(1min);
  EXPECT_EQ(story.primary(), "b") << story.told();
  EXPECT_EQ(story.office().term.number, 2u);
  expect_settled(story, "restarted");
}

TEST(ARestart, OfRepldAloneChangesNothing) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  for (int i = 0; i < 5; ++i) {
    story.kill_repld();
    story.start_repld();
    story.run_for(20s);
  }
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_TRUE(story.events.empty()) << story.told();
}

}  // namespace
}  // namespace repl::test

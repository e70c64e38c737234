// The owner's programs around a change of the primary: when they run, and what comes of one that fails.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using control::Acknowledge;
using control::SwitchOver;
using Fate = Story::Fate;
using Names = std::vector<std::string>;

Spec with_hooks() {
  return spec_of("a b c").acks(1).with_hooks();
}

const RunHook* hook_of(const control::StepOrder& order) {
  return std::get_if<RunHook>(&order.step);
}

/// Every hook that was started, in order.
Names hooks_run(const Story& story) {
  Names out;
  for (const auto& order : story.steps) {
    if (const auto* hook = hook_of(order)) out.push_back(hook->program);
  }
  return out;
}

/// Hooks of that name come to that end; everything else is carried out.
void end_so(Story& story, const std::string& program, Fate fate) {
  story.fate = [=](const control::StepOrder& order) {
    const auto* hook = hook_of(order);
    return hook != nullptr && hook->program == program ? fate : Fate::CarriedOut;
  };
}

TEST(HooksAtAFailover, RunInOrderAndAreToldOf) {
  Story story{with_hooks()};
  story.running(with_hooks());
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.count_events("failover-done") == 1; }, 20s)) << story.told();
  EXPECT_EQ(hooks_run(story), (Names{"fence", "cut", "announce", "note"}));
  EXPECT_EQ(story.count_events("hook-done"), 4);
  EXPECT_EQ(story.problem("HookFailed"), nullptr);
  EXPECT_EQ(story.writers(), Names{"b"});
}

TEST(HooksAtASwitchover, AreItsOwn) {
  Story story{with_hooks()};
  story.running(with_hooks());
  ASSERT_FALSE(story.ask_and_wait(SwitchOver{.to = NodeId{"b"}}).error);
  story.run_until_idle();
  EXPECT_EQ(hooks_run(story), (Names{"ask", "tell"}));
  EXPECT_EQ(story.primary(), "b");
}

TEST(APreFailoverHookThatFails, KeepsEverybodyClosedSaysWhyAndIsAskedLessAndLessOften) {
  for (const auto fate : {Fate::Refused, Fate::Lost, Fate::CarriedOutUnheard}) {
    Story story{with_hooks()};
    story.running(with_hooks());
    end_so(story, "cut", fate);
    story.kill("a");
    ASSERT_TRUE(story.run_until([&] { return story.count_events("failover-taken-back") == 1; }, 30s)) << story.told();
    EXPECT_EQ(story.writers(), Names{});
    EXPECT_EQ(story.primary(), "a");
    EXPECT_EQ(story.office().term.number, 1u);
    EXPECT_EQ(hooks_run(story), (Names{"fence", "cut"})) << "none after the change, for there was none";
    EXPECT_TRUE(story.memory().automatic_failovers.empty());
    ASSERT_NE(story.problem("DeadPrimary"), nullptr);
    const auto& blocked = story.problem("DeadPrimary")->blocked;
    EXPECT_NE(blocked.find(fate == Fate::Refused ? "refused" : "no word of it"), std::string::npos) << blocked;
    EXPECT_NE(blocked.find("the next is made at"), std::string::npos) << blocked;

    story.run_for(10min);
    const auto attempts = story.count_events("failover-started");
    EXPECT_GE(attempts, 4);
    EXPECT_LE(attempts, 20) << "it is not hammered";
    EXPECT_EQ(story.writers(), Names{});
    story.fate = [](const auto&) { return Fate::CarriedOut; };
    EXPECT_TRUE(story.run_until([&] { return story.writers() == Names{"b"}; }, 3min)) << story.told();
  }
}

TEST(APreSwitchoverHookThatFails, LeavesEverythingAsItWas) {
  Story story{with_hooks()};
  story.running(with_hooks());
  end_so(story, "ask", Fate::Refused);
  ASSERT_FALSE(story.ask_and_wait(SwitchOver{.to = NodeId{"b"}}).error);
  story.run_until_idle();
  EXPECT_EQ(story.ordered(), Names{"b: preSwitchover hook ask (at most 5 s)"}) << "no server was touched";
  EXPECT_EQ(story.operations.back().state, OperationState::TakenBack);
  EXPECT_EQ(story.writers(), Names{"a"});
}

TEST(APostFailoverHookThatFails, IsTriedAgainAndThenAProblemUntilSomebodyKnows) {
  for (const auto fate : {Fate::Refused, Fate::Lost}) {
    Story story{with_hooks()};
    story.running(with_hooks());
    end_so(story, "announce", fate);
    story.kill("a");
    ASSERT_TRUE(story.run_until([&] { return story.count_events("failover-done") == 1; }, 1min)) << story.told();
    EXPECT_EQ(story.writers(), Names{"b"});
    EXPECT_EQ(story.primary(), "b");
    EXPECT_EQ(hooks_run(story), (Names{"fence", "cut", "announce", "announce", "announce", "note"}));
    EXPECT_EQ(story.count_events("hook-failed"), 3);
    story.run_for(5s);
    ASSERT_NE(story.problem("HookFailed"), nullptr) << story.told();
    EXPECT_NE(story.problem("HookFailed")->evidence.find("a to b"), std::string::npos);

    story.kill_repld();
    story.start_repld();
    story.run_for(1h);
    EXPECT_NE(story.problem("HookFailed"), nullptr) << "it outlasts repld, and time";
    EXPECT_FALSE(story.ask_and_wait(Acknowledge{}).error);
    story.run_for(1s);
    EXPECT_EQ(story.problem("HookFailed"), nullptr);
  }
}

TEST(APostHookThatFailed, IsForgottenWhenALaterOneWorks) {
  Story story{with_hooks()};
  story.running(with_hooks());
  end_so(story, "tell", Fate::Refused);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  story.run_until_idle();
  story.run_for(5s);
  ASSERT_NE(story.problem("HookFailed"), nullptr);
  story.fate = [](const auto&) { return Fate::CarriedOut; };
  story.ask_and_wait(SwitchOver{.to = NodeId{"c"}});
  story.run_until_idle();
  story.run_for(5s);
  EXPECT_EQ(story.primary(), "c");
  EXPECT_EQ(story.problem("HookFailed"), nullptr) << story.told();
}

TEST(APostHookThatFailed, OutlivesAChangeOfThePrimaryThatHasNoHooks) {
  auto spec = with_hooks();
  spec.failover.cooldown = std::chrono::seconds{0};
  spec.hooks.pre_failover.clear();
  spec.hooks.post_failover.clear();
  Story story{spec};
  story.running(spec);
  end_so(story, "tell", Fate::Refused);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  story.run_until_idle();
  story.run_for(5s);
  ASSERT_NE(story.problem("HookFailed"), nullptr);
  story.kill("b");
  ASSERT_TRUE(story.run_until([&] { return story.office().term.number == 3; }, 30s)) << story.told();
  story.run_for(5s);
  EXPECT_NE(story.problem("HookFailed"), nullptr) << "the proxy still points to a";
}

TEST(APostHook, GivesWayToAFailoverByHand) {
  auto spec = with_hooks();
  spec.failover.automatic = false;
  spec.hooks.pre_failover.clear();
  Story story{spec};
  story.running(spec);
  end_so(story, "tell", Fate::Refused);
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  ASSERT_TRUE(story.run_until([&] { return story.count_events("hook-failed") == 1; }, 30s)) << story.told();
  story.kill("b");
  const auto asked = [&] { return !story.ask_and_wait(control::FailOver{}).error; };
  ASSERT_TRUE(story.run_until(asked, 10s)) << story.told();
  EXPECT_TRUE(story.run_until([&] { return story.writers().size() == 1 && story.writers() != Names{"b"}; }, 30s))
      << story.told();
}

TEST(APostHookThatWorksAtTheSecondAttempt, IsNoProblem) {
  Story story{with_hooks()};
  story.running(with_hooks());
  int runs = 0;
  story.fate = [&](const control::StepOrder& order) {
    const auto* hook = hook_of(order);
    return hook != nullptr && hook->program == "tell" && runs++ == 0 ? Fate::Refused : Fate::CarriedOut;
  };
  story.ask_and_wait(SwitchOver{.to = NodeId{"b"}});
  story.run_until_idle();
  story.run_for(5s);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(story.problem("HookFailed"), nullptr);
}

TEST(ARepldKilledInAPostHook, RunsItAgain) {
  Story story{with_hooks()};
  story.running(with_hooks());
  story.kill("a");
  ASSERT_TRUE(story.run_until_ordered("b: postFailover hook announce", 30s)) << story.told();
  story.kill_repld();
  story.start_repld();
  story.run_until_idle();
  EXPECT_EQ(story.writers(), Names{"b"});
  EXPECT_EQ(hooks_run(story), (Names{"fence", "cut", "announce", "announce", "note"}));
}

TEST(ARepldKilledInAPreHook, BeginsAnew) {
  Story story{with_hooks()};
  story.running(with_hooks());
  story.kill("a");
  ASSERT_TRUE(story.run_until_ordered("b: preFailover hook cut", 30s)) << story.told();
  story.kill_repld();
  story.start_repld();
  ASSERT_TRUE(story.run_until([&] { return story.writers() == Names{"b"}; }, 1min)) << story.told();
  story.run_until_idle();
  EXPECT_EQ(hooks_run(story), (Names{"fence", "cut", "fence", "cut", "announce", "note"}));
}

// Nobody waits for a program while the next primary is dead as well.
TEST(APostHook, GivesWayWhenThePrimaryIsLost) {
  auto spec = with_hooks();
  spec.failover.cooldown = std::chrono::seconds{0};
  spec.hooks.timeout = 5min;
  spec.hooks.pre_failover.clear();
  Story story{spec};
  story.running(spec);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.writers() == Names{"b"}; }, 30s)) << story.told();
  // It hangs: nothing is heard of it for as long as it may take.
  end_so(story, "announce", Fate::Refused);
  ASSERT_TRUE(story.run_until([&] { return story.count_events("hook-failed") == 1; }, 30s)) << story.told();
  story.servers.restart("a");
  story.run_for(20ms);
  story.kill("b");
  ASSERT_TRUE(story.run_until([&] { return story.office().term.number == 3; }, 30s)) << story.told();
  EXPECT_EQ(story.writers().size(), 1U) << story.told();
}

// Two writers are worse than a proxy that is told late.
TEST(APostHook, IsPutOffWhileAnotherNodeHasToBeClosed) {
  Story story{with_hooks()};
  story.running(with_hooks());
  end_so(story, "announce", Fate::Refused);
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.count_events("hook-failed") == 1; }, 30s)) << story.told();
  story.servers.restart("a");
  story.servers["a"].now.read_only = ReadOnly::Off;
  ASSERT_TRUE(story.run_until([&] { return story.count_events("fence-started") == 1; }, 30s)) << story.told();
  const auto so_far = hooks_run(story);
  EXPECT_LE(std::count(so_far.begin(), so_far.end(), "announce"), 2) << "it did not wait for the third attempt";
  EXPECT_EQ(std::count(so_far.begin(), so_far.end(), "note"), 0);
  EXPECT_NE(story.problem("HookFailed"), nullptr) << "should repld end now, somebody knows";
  story.fate = [](const auto&) { return Fate::CarriedOut; };
  story.run_for(1min);
  const auto all = hooks_run(story);
  EXPECT_EQ(Names(all.begin() + static_cast<std::ptrdiff_t>(so_far.size()), all.end()), (Names{"announce", "note"}))
      << story.told();
  EXPECT_EQ(story.problem("HookFailed"), nullptr) << story.told();
  EXPECT_EQ(story.writers(), Names{"b"});
}

TEST(AnApplyThatMovesTheSource, RunsTheHooksOfASwitchover) {
  Story story{with_hooks()};
  story.running(with_hooks());
  ASSERT_FALSE(story.apply(spec_of("a b c").acks(1).with_hooks().source("b")).error);
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
  EXPECT_EQ(hooks_run(story), (Names{"ask", "tell"}));
}

TEST(AnApplyThatMovesTheSource, KeepsAFailedHookInMind) {
  Story story{with_hooks()};
  story.running(with_hooks());
  end_so(story, "tell", Fate::Refused);
  ASSERT_FALSE(story.apply(spec_of("a b c").acks(1).with_hooks().source("b")).error);
  story.run_until_idle();
  story.run_for(5s);
  EXPECT_EQ(story.primary(), "b");
  EXPECT_NE(story.problem("HookFailed"), nullptr) << story.told();
}

TEST(Observing, RunsNoHooks) {
  auto spec = with_hooks();
  Story story{spec};
  story.running(spec);
  spec.management = Management::Observe;
  ASSERT_FALSE(story.apply(spec).error);
  story.kill("a");
  story.run_for(5min);
  EXPECT_EQ(story.ordered(), Names{});
}

TEST(FenceByHook, ReplacesASilentPrimaryWhenTheHookSaysSo) {
  for (const auto fate : {Fate::CarriedOut, Fate::Refused}) {
    const auto spec = spec_of("a b c").fencing(FencingMode::Hook).with_hooks();
    Story story{spec};
    story.running(spec);
    end_so(story, "fence", fate);
    story.servers.freeze("a");
    const bool replaced = story.run_until([&] { return story.primary() == "b"; }, 1min);
    EXPECT_EQ(replaced, fate == Fate::CarriedOut) << story.told();
    EXPECT_EQ(hooks_run(story).front(), "fence");
    EXPECT_EQ(story.problem("SilentPrimary") == nullptr, replaced) << story.told();
  }
}

/// A group that runs, with hooks.
std::unique_ptr<Story> group_with_hooks() {
  auto spec = spec_of("a b c").group().with_hooks();
  spec.hooks.pre_failover.clear();
  auto story = std::make_unique<Story>(spec);
  EXPECT_FALSE(story->apply(spec).error);
  story->run_until_idle();
  story->run_for(3s);
  story->forget();
  return story;
}

TEST(AGroupThatElectsItsPrimary, IsFollowedByThePostFailoverHooks) {
  const auto story = group_with_hooks();
  const auto was = story->primary();
  story->kill(was);
  story->servers[was == "b" ? "c" : "b"].elected = true;
  story->servers.settle();
  ASSERT_TRUE(story->run_until([&] { return story->primary() != was; }, 2min)) << story->told();
  story->run_for(1min);
  EXPECT_EQ(hooks_run(*story), (Names{"announce", "note"})) << story->told();
  EXPECT_EQ(hook_of(story->steps.front())->from, NodeId{was});
  EXPECT_EQ(story->office().hooks_due, std::nullopt);
}

TEST(AGroupThatElectsItsPrimary, HasItsHooksRunByTheNextRepld) {
  const auto story = group_with_hooks();
  const auto was = story->primary();
  story->kill(was);
  story->servers[was == "b" ? "c" : "b"].elected = true;
  story->servers.settle();
  ASSERT_TRUE(story->run_until([&] { return !hooks_run(*story).empty(); }, 2min)) << story->told();
  story->kill_repld();
  story->start_repld();
  story->run_for(1min);
  EXPECT_EQ(hooks_run(*story), (Names{"announce", "announce", "note"})) << story->told();
}

TEST(AGroupThatIsSwitchedOver, RunsTheHooksOfASwitchoverOnly) {
  const auto story = group_with_hooks();
  const auto was = story->primary();
  const auto to = was == "b" ? "c" : "b";
  ASSERT_FALSE(story->ask_and_wait(SwitchOver{.to = NodeId{to}}).error);
  story->run_until_idle();
  story->run_for(1min);
  EXPECT_EQ(story->primary(), to);
  EXPECT_EQ(hooks_run(*story), (Names{"ask", "tell"})) << story->told();
}

}  // namespace
}  // namespace repl::test

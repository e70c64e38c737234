// Servers that somebody changes by hand while nothing else goes on: what of it is seen, what is taken back, and where
// that is left to a person; and that nothing of it is seen where nobody has changed anything.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

SpecOf multi_primary(const std::string& names) {
  return spec_of(names).group(TopologyType::GroupMultiPrimary);
}
SpecOf reporting(SpecOf spec) {
  spec.drift = Drift::Report;
  return spec;
}

/// Applied, of whatever topology, and looked at thoroughly.
Story& made(Story& story, const Spec& spec) {
  const auto reply = story.apply(spec);
  EXPECT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  story.run_for(10s);
  EXPECT_TRUE(story.problems && story.problems->empty()) << story.told();
  story.forget();
  return story;
}

void set(Story& story, const std::string& node, const std::string& name, const std::string& value) {
  story.servers[node].has.variables[name] = value;
  if (name == "rpl_semi_sync_source_timeout") {
    story.servers[node].now.semi_sync.timeout = std::chrono::milliseconds{std::stoll(value)};
  }
}

TEST(Drift, CommitsThatMayGoOnAloneWaitAgainAtOnceWhateverTheFileSaysAboutDrift) {
  for (const auto& spec : {spec_of("a b c").acks(1), reporting(spec_of("a b c").acks(1))}) {
    Story story{spec};
    made(story, spec);
    set(story, "a", "rpl_semi_sync_source_timeout", "1000");
    ASSERT_TRUE(story.run_until([&] { return !story.office().commits_wait; }, 5s));
    ASSERT_TRUE(story.run_until([&] { return story.office().commits_wait; }, 10s)) << story.told();
    EXPECT_EQ(story.ordered(), Names{"a: set rpl_semi_sync_source_timeout 1000 -> 4294967295"});
    story.run_for(1min);
    EXPECT_EQ(story.ordered().size(), 1U) << story.told();
    EXPECT_EQ(story.problem("CommitsMayGoAlone"), nullptr);
  }
}

// What the repair is for: with the time-out that somebody has set, a primary that falls silent is not fenced.
TEST(Drift, APrimaryThatFallsSilentLaterIsReplaced) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  made(story, spec);
  set(story, "a", "rpl_semi_sync_source_timeout", "1000");
  story.run_for(20s);
  story.servers.freeze("a");
  EXPECT_TRUE(story.run_until([&] { return story.primary() != "a"; }, 1min)) << story.told();
}

TEST(Drift, CommitsOfARingWaitAgain) {
  const auto spec = spec_of("a b c").acks(1).ring();
  Story story{spec};
  made(story, spec);
  set(story, "b", "rpl_semi_sync_source_timeout", "1000");
  story.run_for(20s);
  EXPECT_EQ(story.ordered(), Names{"b: set rpl_semi_sync_source_timeout 1000 -> 4294967295"});
}

TEST(Drift, WhereAPersonWorksOrRepldOnlyLooksOnItIsShownOnly) {
  const auto spec = spec_of("a b c").acks(1);
  for (const bool observes : {false, true}) {
    Story story{spec};
    made(story, spec);
    if (observes) {
      auto observing = spec;
      observing.management = Management::Observe;
      ASSERT_FALSE(story.apply(observing).error);
    } else {
      story.ask_and_wait(control::BeginMaintenance{.node = kA, .length = 1h, .reason = "looking"});
    }
    set(story, "a", "rpl_semi_sync_source_timeout", "1000");
    story.run_for(10min);
    EXPECT_EQ(story.ordered(), Names{});
    ASSERT_NE(story.problem("CommitsMayGoAlone"), nullptr);
    EXPECT_FALSE(story.problem("CommitsMayGoAlone")->blocked.empty());
  }
}

TEST(Drift, AReplicaIsMadeReadyToBePromotedUnlessDriftIsOnlyReported) {
  for (const auto& spec : {spec_of("a b c").acks(1), reporting(spec_of("a b c").acks(1))}) {
    Story story{spec};
    made(story, spec);
    set(story, "b", "rpl_semi_sync_source_timeout", "1000");
    if (spec.drift == Drift::Report) {
      ASSERT_TRUE(story.run_until([&] { return story.problem("SettingDeviates") != nullptr; }, 6min));
      story.run_for(10min);
      EXPECT_EQ(story.ordered(), Names{});
      EXPECT_NE(story.problem("SettingDeviates")->blocked.find("only reported"), std::string::npos);
    } else {
      story.run_for(10min);
      EXPECT_EQ(story.ordered(), Names{"b: set rpl_semi_sync_source_timeout 1000 -> 4294967295"});
      EXPECT_EQ(story.problem("SettingDeviates"), nullptr);
    }
  }
}

TEST(Drift, KeysOfARingAreReportedAndMadeRightByTheNextApply) {
  const auto spec = spec_of("a b c").ring();
  Story story{spec};
  made(story, spec);
  set(story, "b", "auto_increment_increment", "1");
  ASSERT_TRUE(story.run_until([&] { return story.problem("KeysMayCollide") != nullptr; }, 6min)) << story.told();
  story.run_for(10min);
  EXPECT_EQ(story.ordered(), Names{});
  const auto reply = story.apply(spec);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  story.run_for(10s);
  EXPECT_EQ(story.servers["b"].has.variables["auto_increment_increment"], "3");
  EXPECT_EQ(story.problem("KeysMayCollide"), nullptr) << story.told();
  EXPECT_EQ(deviations(spec, story.servers), Names{});
}

TEST(Drift, MembersOfAMultiPrimaryGroupAreToldHowToCount) {
  const auto spec = multi_primary("a b c");
  Story story{spec};
  made(story, spec);
  set(story, "b", "auto_increment_increment", "1");
  set(story, "c", "group_replication_consistency", "AFTER");
  story.run_for(10min);
  EXPECT_EQ(story.ordered(), (Names{"b: set auto_increment_increment 1 -> 3",
                                    "c: set group_replication_consistency AFTER -> BEFORE_ON_PRIMARY_FAILOVER"}))
      << story.told();
}

TEST(Drift, AGroupThatSomebodyOpenedIsReportedAndClosedByTheNextApply) {
  const auto spec = spec_of("a b c").group();
  Story story{spec};
  made(story, spec);
  const auto primary = story.primary();
  (void)story.servers.apply(SetGroupMode{kB, false, true});
  story.run_for(1min);
  ASSERT_NE(story.problem("GroupIsMultiPrimary"), nullptr) << story.told();
  EXPECT_EQ(story.ordered(), Names{});
  EXPECT_EQ(story.writers().size(), 3U);
  const auto reply = story.apply(spec);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  story.run_for(10s);
  EXPECT_EQ(story.writers(), Names{primary});
  EXPECT_TRUE(story.problems->empty()) << story.told();
}

TEST(Drift, AGroupThatSomebodyClosedIsOpenedAgainUnlessDriftIsOnlyReported) {
  for (const auto& spec : {multi_primary("a b c"), reporting(multi_primary("a b c"))}) {
    Story story{spec};
    made(story, spec);
    (void)story.servers.apply(SetGroupMode{kB, true, false});
    story.run_for(1min);
    if (spec.drift == Drift::Report) {
      EXPECT_EQ(story.ordered(), Names{});
      ASSERT_NE(story.problem("GroupIsSinglePrimary"), nullptr);
    } else {
      EXPECT_EQ(story.steps.size(), 1U) << story.told();
      EXPECT_EQ(story.writers().size(), 3U);
      EXPECT_TRUE(story.problems->empty()) << story.told();
    }
  }
}

TEST(Drift, SkippedErrorsThatNobodyDeclaredAreNamed) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  made(story, spec);
  set(story, "b", "replica_skip_errors", "1062");
  ASSERT_TRUE(story.run_until([&] { return story.problem("SkipsErrors") != nullptr; }, 6min)) << story.told();
  EXPECT_EQ(story.ordered(), Names{});
}

// Applied, changed, failed over, with fewer acknowledgements than declared: nobody has changed anything by hand.
TEST(Drift, IsNotWhatRepldDoesItself) {
  const std::vector<std::pair<SpecOf, SpecOf>> changes{
      {spec_of("a b c"), spec_of("a b c").acks(2)},
      {spec_of("a b c").acks(1), spec_of("a b c")},
      {spec_of("a b c").acks(1), spec_of("a b c").acks(1).degrading()},
      {spec_of("a b c").acks(1).degrading(), spec_of("a b c").sync_all()},
      {spec_of("a b c").ring(), spec_of("a b c d").ring()},
      {spec_of("a b c").acks(1).ring(), spec_of("a b c").acks(1)},
      {spec_of("a b c").group(), multi_primary("a b c")},
      {multi_primary("a b c"), spec_of("a b c").group()},
      {multi_primary("a b c"), spec_of("a b c").acks(1)}};
  for (const auto& [from, to] : changes) {
    Story story{from};
    for (const auto& node : to.nodes) {
      if (from.find(node.id) == nullptr) story.servers.add(node.id);
    }
    made(story, from);
    ASSERT_FALSE(story.apply(to).error) << story.told();
    story.run_until_idle();
    story.forget();
    story.run_for(10min);
    EXPECT_EQ(story.ordered(), Names{}) << story.told();
    EXPECT_EQ(story.count_events("problem-found"), 0) << story.told();
  }
}

TEST(Drift, IsNotTheLowerAcknowledgementCountOfAFailover) {
  const auto spec = spec_of("a b c").acks(2);
  Story story{spec};
  made(story, spec);
  for (const auto* node : {"b", "c"}) set(story, node, "rpl_semi_sync_source_wait_for_replica_count", "1");
  story.kill("a");
  ASSERT_TRUE(story.run_until([&] { return story.primary() != "a" && !story.memory().operation; }, 1min));
  story.forget();
  story.run_for(10min);
  EXPECT_EQ(story.servers[story.primary()].now.semi_sync.wait_for_count, 1);
  EXPECT_EQ(story.ordered(), Names{}) << story.told();
  for (const auto& problem : *story.problems) {
    EXPECT_TRUE(problem.name == "AcksMissing" || problem.name == "NodeUnreachable") << problem.name;
  }
}

}  // namespace
}  // namespace repl::test

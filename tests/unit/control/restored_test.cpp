// A repld that was restored from a backup: what it knows may be old, so it does nothing before the servers agree.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

/// A running cluster whose repld is restored from a backup of before `meanwhile` happened.
void restore(Story& story, const std::function<void()>& meanwhile) {
  auto backup = story.memory();
  meanwhile();
  story.kill_repld();
  backup.restored = kNow;
  story.remember(backup);
  story.forget();
  story.start_repld();
}

TEST(Restored, ActsAgainOnceTheServersAreAsTheBackupSays) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  restore(story, [] {});
  ASSERT_TRUE(story.run_until([&] { return !story.memory().restored; }, 10s)) << story.told();
  EXPECT_NE(story.event("restored-confirmed"), nullptr);
  story.kill("a");
  EXPECT_TRUE(story.run_until([&] { return story.primary() != "a"; }, 30s)) << story.told();
}

// The primary has moved since: the node that the backup takes for it is a replica now, and must not be opened.
TEST(Restored, TouchesNothingWhenThePrimaryHasMoved) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  restore(story, [&] {
    story.ask_and_wait(control::SwitchOver{.to = kB});
    story.run_until_idle();
    story.servers.write("b", "shop");
    story.run_for(3s);
  });
  ASSERT_EQ(story.primary(), "a");
  story.run_for(2min);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  EXPECT_EQ(story.writers(), std::vector<std::string>{"b"});
  EXPECT_TRUE(story.memory().restored);
  EXPECT_TRUE(story.memory().quarantined.empty()) << "the backup is the one that is wrong";
}

TEST(Restored, DoesNotReplaceAPrimaryThatIsDownUntilAPersonSaysSo) {
  const auto spec = spec_of("a b c").acks(1);
  Story story{spec};
  story.running(spec);
  restore(story, [&] { story.kill("a"); });
  story.run_for(1min);
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  ASSERT_NE(story.problem("DeadPrimary"), nullptr);
  EXPECT_NE(story.problem("DeadPrimary")->blocked.find("restored from the backup"), std::string::npos);
  ASSERT_FALSE(story.ask_and_wait(control::Resume{}).error);
  EXPECT_TRUE(story.run_until([&] { return story.primary() != "a"; }, 30s)) << story.told();
}

/// The same where nobody is the primary, or a group says who is.
void runs(Story& story, const Spec& spec) {
  ASSERT_FALSE(story.apply(spec).error);
  story.run_until_idle();
  story.run_for(3s);
  story.forget();
}

const std::vector<SpecOf>& without_an_appointed_primary() {
  static const std::vector<SpecOf> all{spec_of("a b").ring(), spec_of("a b c").ring(), spec_of("a b c").acks(1).ring(),
                                       spec_of("a b c").group(),
                                       spec_of("a b c").group(TopologyType::GroupMultiPrimary)};
  return all;
}

TEST(Restored, ActsAgainInARingAndInAGroup) {
  for (const auto& spec : without_an_appointed_primary()) {
    Story story{spec};
    runs(story, spec);
    restore(story, [] {});
    ASSERT_TRUE(story.run_until([&] { return !story.memory().restored; }, 10s)) << story.told();
    EXPECT_NE(story.event("restored-confirmed"), nullptr);
    EXPECT_FALSE(story.apply(spec).error);
    story.run_until_idle();
    // And it repairs.
    if (spec.is_ring()) {
      story.servers["b"].now.read_only = ReadOnly::Super;
    } else {
      (void)story.servers.apply(StopGroup{.node = kB});
    }
    story.run_for(1min);
    EXPECT_EQ(deviations(spec, story.servers), std::vector<std::string>{}) << story.told();
  }
}

TEST(Restored, ActsInNoRingOrGroupBeforeEveryNodeIsFoundInItsPlace) {
  for (const auto& spec : without_an_appointed_primary()) {
    Story story{spec};
    runs(story, spec);
    restore(story, [&] { story.kill("b"); });
    story.run_for(1min);
    EXPECT_TRUE(story.memory().restored) << story.told();
    EXPECT_EQ(story.ordered(), std::vector<std::string>{});
  }
}

// The backup is older than the fourth node, which takes writes and is none of those that the backup speaks of.
TEST(Restored, ActsInNoRingOrGroupThatHasGrownSince) {
  for (const auto& [three, four] : {std::pair{spec_of("a b c").ring(), spec_of("a b c d").ring()},
                                    std::pair{spec_of("a b c").group(), spec_of("a b c d").group()},
                                    std::pair{spec_of("a b c").group(TopologyType::GroupMultiPrimary),
                                              spec_of("a b c d").group(TopologyType::GroupMultiPrimary)}}) {
    Story story{three};
    story.servers.add({"d"});
    runs(story, three);
    restore(story, [&] { runs(story, four); });
    story.run_for(1min);
    EXPECT_TRUE(story.memory().restored) << story.told();
    EXPECT_EQ(story.ordered(), std::vector<std::string>{});
    EXPECT_EQ(story.apply(three).error->code, ErrorCode::Paused);
  }
}

TEST(Restored, ChangesNothingOnRequestEither) {
  const auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  restore(story, [&] { story.kill("c"); });
  story.run_for(5s);
  for (const auto& reply : {story.apply(spec_of("a b")), story.ask_and_wait(control::SwitchOver{}),
                            story.ask_and_wait(control::FailOver{})}) {
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::Paused) << reply.error->message;
    EXPECT_NE(reply.error->message.find("replctl resume shop"), std::string::npos);
  }
  EXPECT_FALSE(story.apply(spec_of("a b"), true).error) << "looking is allowed";
  EXPECT_EQ(story.ordered(), std::vector<std::string>{});
}

}  // namespace
}  // namespace repl::test

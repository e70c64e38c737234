// What is kept of each apply, and the way back.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using control::ApplySpec;

std::string value(Story& story, const std::string& node, const std::string& name) {
  return story.servers[node].has.variables.at(name);
}

TEST(Revisions, AreKeptWithWhoWhyAndWhatWasBefore) {
  auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  spec.setting("max_connections", "500");
  const auto reply = story.ask_and_wait(ApplySpec{.spec = spec, .note = "more clients", .document = "name: shop"});
  ASSERT_FALSE(reply.error);
  EXPECT_EQ(reply.revision, Revision{2});
  const auto& revision = story.revisions.back();
  EXPECT_EQ(revision.state, RevisionState::Applying);
  story.run_until_idle();
  EXPECT_EQ(revision.revision, Revision{2});
  EXPECT_EQ(revision.author, "alice");
  EXPECT_EQ(revision.note, "more clients");
  EXPECT_EQ(revision.document, "name: shop");
  EXPECT_EQ(revision.spec, spec);
  EXPECT_EQ(revision.operation, OperationId{"shop-2"});
  EXPECT_EQ(revision.state, RevisionState::Applied);
  ASSERT_EQ(revision.before.size(), 3U);
  const auto& b = revision.before.at(1);
  EXPECT_EQ(b.node, kB);
  EXPECT_TRUE(b.reached);
  EXPECT_EQ(b.server_uuid, uuid('B'));
  EXPECT_EQ(b.read_only, ReadOnly::Super);
  EXPECT_EQ(b.source, address_of(kA));
  EXPECT_EQ(b.executed, story.servers["b"].now.executed);
  EXPECT_EQ(b.variables.at("max_connections"), (VariableState{"151", std::nullopt}));
  EXPECT_EQ(story.memory().operations, 2U);
}

TEST(Revisions, KeepAlsoThoseThatChangeNoServerAndTheNodesThatLeave) {
  auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  spec.failover.per_day = 7;
  const auto reply = story.apply(spec);
  EXPECT_FALSE(reply.operation);
  const auto& revision = story.revisions.back();
  EXPECT_EQ(revision.state, RevisionState::Applied);
  EXPECT_EQ(revision.operation, std::nullopt);
  EXPECT_EQ(revision.before.size(), 3U);
  EXPECT_EQ(story.memory().revision, Revision{2});

  story.apply(spec.remove("c"));
  EXPECT_EQ(story.revisions.back().before.size(), 3U);
}

TEST(Revisions, KeepTheirNumberWhenTheyAreTakenBack) {
  auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  auto wrong = spec;
  wrong.setting("max_connections", "500");
  story.refused_step = "c: set max_connections";
  story.apply(wrong);
  story.run_until_idle();
  EXPECT_EQ(story.revisions.back().state, RevisionState::TakenBack);
  EXPECT_EQ(story.memory().revision, Revision{1});
  EXPECT_EQ(value(story, "a", "max_connections"), "151");
  EXPECT_FALSE(story.servers["a"].has.persisted.contains("max_connections")) << "it was not persisted before";
  EXPECT_FALSE(story.memory().prior_settings.at(uuid('A')).contains("max_connections"));
  story.refused_step.clear();
  EXPECT_EQ(story.apply(wrong).revision, Revision{3});
  story.run_until_idle();
  EXPECT_EQ(story.memory().revision, Revision{3});
}

TEST(Revisions, AreNotMadeByADryRunOrByTheSpecThatIsInForce) {
  auto spec = spec_of("a b c");
  Story story{spec};
  story.running(spec);
  const auto count = story.revisions.size();
  EXPECT_EQ(story.apply(spec).revision, Revision{1});
  EXPECT_EQ(story.apply(spec_of("a b"), true).revision, Revision{2});
  EXPECT_EQ(story.revisions.size(), count);
  EXPECT_EQ(story.memory().revisions, 1U);
}

TEST(Rollback, PutsSettingsBackAndIsARevisionOfItsOwn) {
  const auto first = spec_of("a b c");
  auto second = first;
  second.setting("max_connections", "500");
  second.remove("c");
  Story story{first};
  story.running(first);
  story.apply(second);
  story.run_until_idle();
  EXPECT_EQ(value(story, "b", "max_connections"), "500");
  const auto reply = story.ask_and_wait(ApplySpec{.spec = first, .back_to = Revision{1}});
  ASSERT_FALSE(reply.error) << reply.error->message;
  EXPECT_EQ(reply.revision, Revision{3});
  story.run_until_idle();
  EXPECT_EQ(value(story, "b", "max_connections"), "151");
  EXPECT_FALSE(story.servers["b"].has.persisted.contains("max_connections"));
  EXPECT_EQ(story.memory().spec, first);
  EXPECT_EQ(story.revisions.back().back_to, Revision{1});
  EXPECT_NE(story.operations.back().cause.find("rollback to revision 1"), std::string::npos);
  const auto again = story.apply(first, true);
  ASSERT_TRUE(again.plan);
  EXPECT_TRUE(again.plan->empty()) << "it is verified";
}

TEST(Rollback, LeavesThePrimaryInOfficeWhateverWasDeclaredThen) {
  const auto first = spec_of("a b c");
  Story story{first};
  story.running(first);
  story.ask_and_wait(control::SwitchOver{.to = kB});
  story.run_until_idle();
  auto second = first;
  second.source("b").setting("max_connections", "500");
  story.apply(second);
  story.run_until_idle();
  const auto moves = story.apply(first, true);
  ASSERT_TRUE(moves.plan) << moves.error->message;
  EXPECT_EQ(moves.plan->promotes, kA) << "an apply of the same file moves the primary";
  const auto reply = story.ask_and_wait(ApplySpec{.spec = first, .back_to = Revision{1}});
  ASSERT_FALSE(reply.error) << reply.error->message;
  story.run_until_idle();
  EXPECT_EQ(story.primary(), "b");
  EXPECT_EQ(story.memory().spec, first);
  EXPECT_EQ(value(story, "c", "max_connections"), "151");
}

TEST(Rollback, GoesOnWhereItWasAfterARestartOfRepld) {
  const auto first = spec_of("a b c");
  auto second = first;
  second.setting("max_connections", "500").setting("sync_binlog", "0");
  Story story{first};
  story.running(first);
  story.apply(second);
  story.run_until_idle();
  story.ask(ApplySpec{.spec = first, .back_to = Revision{1}});
  ASSERT_TRUE(story.run_until_ordered("b: put"));
  story.kill_repld();
  story.start_repld();
  story.run_until_idle();
  for (const auto* node : {"a", "b", "c"}) {
    EXPECT_EQ(value(story, node, "max_connections"), "151");
    EXPECT_EQ(value(story, node, "sync_binlog"), "1");
  }
  EXPECT_EQ(story.revisions.back().state, RevisionState::Applied);
  EXPECT_EQ(story.memory().proposed_prior_settings, std::nullopt);
}

}  // namespace
}  // namespace repl::test

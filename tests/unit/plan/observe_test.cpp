// management: observe: an apply that changes nothing, and refuses a file that says otherwise than the servers.
#include "plan/observe.hpp"

#include <gtest/gtest.h>

#include "plan/converge.hpp"
#include "unit/plan/reading.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

SpecOf observing(SpecOf spec) {
  spec.management = Management::Observe;
  return spec;
}

/// As declared, with an inventory of every node.
Cluster looked_at(const Spec& spec) {
  auto c = running(spec);
  for (auto& [name, seen] : c.nodes) {
    seen.inventory().user_schemas = {"shop"};
    seen.inventory().variables = {{"max_connections", "151"}};
    if (!spec.is_group()) continue;
    seen.inventory().variables["group_replication_member_expel_timeout"] = "0";
    seen.inventory().variables["group_replication_consistency"] = "BEFORE_ON_PRIMARY_FAILOVER";
  }
  return c;
}

Names differences(const Cluster& c, const Spec& wanted) {
  return plan::compare(wanted, {}, nullptr, c.view()).differences;
}

void expect_one(const Names& found, const std::string& part) {
  ASSERT_EQ(found.size(), 1U) << testing::PrintToString(found);
  EXPECT_NE(found.front().find(part), std::string::npos) << found.front();
}

TEST(Observe, IsAnEmptyPlanWhereEverythingIsAsDeclared) {
  for (const auto& spec :
       {spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").sync_all(), spec_of("a b c d").follows("d", "c"),
        spec_of("a b c").delayed("c", 1h), spec_of("a b").ring(), spec_of("a b c").ring().acks(1),
        spec_of("a b c").group(), spec_of("a b c").group(TopologyType::GroupMultiPrimary)}) {
    const auto c = looked_at(spec);
    const auto plan = plan::plan_converge(observing(spec), {}, nullptr, c.view());
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_TRUE(plan->empty());
  }
}

TEST(Observe, LeavesAloneWhatAFullApplyWouldChange) {
  const auto spec = spec_of("a b c");
  auto c = looked_at(spec);
  for (auto& [name, seen] : c.nodes) seen.not_persisted();
  c["b"].read_only(ReadOnly::On);
  EXPECT_EQ(differences(c, spec), Names{});
  EXPECT_FALSE(plan::plan_converge(spec, {}, nullptr, c.view())->empty());
}

TEST(Observe, NamesEveryDifferenceAndWhatTheFileWouldHaveToSay) {
  const auto spec = observing(spec_of("a b c d").delayed("d", 1h).setting("max_connections", "500"));
  auto c = looked_at(spec);
  c["b"].follow("c").writable();
  c["d"].channel().delay = 60s;
  c["c"].inventory().variables["max_connections"] = "500";
  const auto plan = plan::plan_converge(spec, {}, nullptr, c.view());
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::PreconditionFailed);
  for (const auto* part : {"nothing was changed", "b follows c, and by the file a: write `follows: c`",
                           "b takes writes", "d is delayed by 60 s, and by the file by 3600 s: write `delay: 60s`",
                           "a: max_connections is 151, and by the file 500", "d: max_connections is 151"}) {
    EXPECT_NE(plan.error().message.find(part), std::string::npos) << part << "\n" << plan.error().message;
  }
  EXPECT_EQ(plan.error().message.find("c: max_connections"), std::string::npos);
}

TEST(Observe, WhoFollowsNobodyOrAStranger) {
  const auto spec = spec_of("a b c");
  auto c = looked_at(spec);
  c["b"].no_channel();
  expect_one(differences(c, spec), "b follows nobody");
  c = looked_at(spec);
  c["b"].follow_stranger();
  expect_one(differences(c, spec), "elsewhere:3306, which is no address of the file");
  c = looked_at(spec);
  c["a"].follow("b");
  expect_one(differences(c, spec), "a follows db-b:3306, and by the file it follows nobody");
  c = looked_at(spec);
  c["b"].channel().auto_position = false;
  expect_one(differences(c, spec), "SOURCE_AUTO_POSITION");
  c["b"].channel().auto_position = true;
  c["b"].now().channels.push_back(c["b"].channel());
  expect_one(differences(c, spec), "b has 2 replication channels");
}

TEST(Observe, HowCommitsWait) {
  auto c = looked_at(spec_of("a b c"));
  expect_one(differences(c, spec_of("a b c").acks(1)), "a is not semi-synchronous");
  c = looked_at(spec_of("a b c").acks(2));
  expect_one(differences(c, spec_of("a b c")), "a is semi-synchronous");
  expect_one(differences(c, spec_of("a b c").acks(1)), "write `acks: 2`");
  expect_one(differences(c, spec_of("a b c").acks(2).degrading()), "write `onTooFewReplicas: wait`");
  c["a"].now().semi_sync.timeout = 500ms;
  expect_one(differences(c, spec_of("a b c").acks(2)),
             "write `onTooFewReplicas: degrade-to-async` and `timeout: 500ms`");
}

TEST(Observe, WhatAGroupIs) {
  const auto spec = spec_of("a b c").group();
  auto c = looked_at(spec);
  expect_one(differences(c, spec_of("a b").group()), "db-c:3306 is a member of the group and not in the file");
  Spec other = spec;
  other.group.expel_after = 5s;
  EXPECT_EQ(differences(c, other).size(), 3U);
  EXPECT_EQ(differences(c, spec_of("a b c").group(TopologyType::GroupMultiPrimary)).size(), 3U);
  c["c"].out_of_the_group();
  expect_one(differences(c, spec), "c is not an ONLINE member");
  c = looked_at(spec);
  c["c"].now().group.name = "another";
  expect_one(differences(c, spec), "c is in the group another, and others in group");
}

TEST(Observe, AnotherKindOfTopologyIsADifference) {
  EXPECT_FALSE(differences(looked_at(spec_of("a b c")), spec_of("a b c").ring()).empty());
  EXPECT_FALSE(differences(looked_at(spec_of("a b c").ring()), spec_of("a b c")).empty());
  EXPECT_FALSE(differences(looked_at(spec_of("a b c")), spec_of("a b c").group()).empty());
  EXPECT_FALSE(differences(looked_at(spec_of("a b c").group()), spec_of("a b c")).empty());
}

TEST(Observe, WhoDoesNotAnswerIsADifferenceAtFirstAndLeftOutLater) {
  const auto spec = observing(spec_of("a b c"));
  auto c = looked_at(spec);
  c["c"].refused();
  expect_one(differences(c, spec), "c (db-c:3306): 2003");
  const auto again = plan::plan_converge(spec, office_of(spec, "a"), &spec, c.view());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(any_reason(again->reasons, "c is not compared"));
}

TEST(Observe, GoesByThePrimaryInOffice) {
  const auto spec = observing(spec_of("a b c"));
  auto c = running(spec, "b");
  for (auto& [name, seen] : c.nodes) seen.inventory();
  auto full = spec;
  full.management = Management::Full;
  EXPECT_TRUE(plan::plan_converge(spec, office_of(spec, "b"), &full, c.view()));
}

TEST(Observe, TakesAPrimaryForGrantedThatSomebodyHasMovedAndNamed) {
  const auto before = observing(spec_of("a b c"));
  const auto wanted = observing(spec_of("a b c").source("b"));
  auto c = running(wanted, "b");
  for (auto& [name, seen] : c.nodes) seen.inventory();
  EXPECT_FALSE(plan::plan_converge(before, office_of(before, "a"), &before, c.view()));
  EXPECT_TRUE(plan::plan_converge(wanted, office_of(before, "a"), &before, c.view()));
}

TEST(FromObserveToFull, TouchesNoReplication) {
  for (const auto& spec : {spec_of("a b c d").follows("c", "b").follows("d", "c"), spec_of("a b c").acks(1)}) {
    auto c = looked_at(spec);
    for (auto& [name, seen] : c.nodes) seen.not_persisted().inventory().accounts = {AccountRole::Admin};
    for (auto* replica : {&c["b"], &c["c"]}) replica->read_only(ReadOnly::On);
    const auto before = observing(spec);
    const auto plan = plan::plan_converge(spec, office_of(spec, "a"), &before, c.view());
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_TRUE(has_step(*plan, "b: read-only -> super-read-only")) << testing::PrintToString(sentences(*plan));
    for (const auto& planned : plan->steps) {
      EXPECT_FALSE(std::holds_alternative<FollowSource>(planned.step)) << describe(planned.step);
      EXPECT_FALSE(std::holds_alternative<StopReplication>(planned.step)) << describe(planned.step);
      // Of the primary it says only what it will do as a replica.
      const bool restarts_receiver =
          std::holds_alternative<SetSemiSyncReplica>(planned.step) && node_of(planned.step) != kA;
      EXPECT_FALSE(restarts_receiver) << describe(planned.step);
    }
  }
}

TEST(FromObserveToFull, WithThePrimaryGoneIsTakenAsItIsSoThatAFailoverMayFollow) {
  const auto spec = spec_of("a b c");
  const auto before = observing(spec);
  auto c = looked_at(spec).kill("a");
  const auto plan = plan::plan_converge(spec, office_of(spec, "a"), &before, c.view());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->empty());
  EXPECT_TRUE(any_reason(plan->reasons, "taken over as it is"));
  auto other = spec_of("a b c").setting("max_connections", "500");
  EXPECT_FALSE(plan::plan_converge(other, office_of(spec, "a"), &before, c.view())) << "that is a change of servers";
}

// ---- what would be weakened -------------------------------------------------------------------------------------

TEST(Observe, RefusesATlsModeThatWouldWeakenAChannel) {
  struct {
    TlsMode channel, file;
    std::string says;
  } const kRows[] = {
      {TlsMode::Required, TlsMode::Disabled, "b encrypts its connection to db-a:3306, and by the file tls.mode is"},
      {TlsMode::VerifyCa, TlsMode::Required, "b checks the certificate of db-a:3306"},
      {TlsMode::VerifyIdentity, TlsMode::Preferred, "write `tls: { mode: verify-identity, ca: FILE }`"},
      {TlsMode::VerifyIdentity, TlsMode::VerifyCa, "b checks certificate and name of db-a:3306"},
      {TlsMode::Required, TlsMode::Preferred, ""},  // beyond this machine that is the same
      {TlsMode::Disabled, TlsMode::Required, ""},   // better than before
      {TlsMode::VerifyIdentity, TlsMode::VerifyIdentity, ""},
  };
  for (const auto& row : kRows) {
    auto c = looked_at(spec_of("a b"));
    c["b"].inventory().receiver_tls = ReceiverTls{.mode = row.channel};
    auto wanted = spec_of("a b");
    wanted.tls = {row.file, "/ca.pem"};
    if (row.says.empty()) {
      EXPECT_EQ(differences(c, wanted), Names{});
    } else {
      expect_one(differences(c, wanted), row.says);
    }
  }
}

TEST(Observe, RefusesAPlainTextChannelWhereItIsEncryptedOnThisMachine) {
  auto spec = spec_of("a b");
  spec.nodes[0].address = {"127.0.0.1", 3306};
  auto c = looked_at(spec);
  c["b"].channel().source = spec.nodes[0].address;
  c["b"].inventory().receiver_tls = ReceiverTls{.mode = TlsMode::Required};
  expect_one(differences(c, spec),
             "b encrypts its connection to 127.0.0.1:3306, and by the file tls.mode is preferred");
}

TEST(Observe, RefusesATlsModeThatWouldWeakenAGroup) {
  auto c = looked_at(spec_of("a b c").group());
  c["b"].inventory().variables["group_replication_ssl_mode"] = "VERIFY_CA";
  expect_one(differences(c, spec_of("a b c").group()), "b checks the certificate of the other members");
  c["b"].inventory().variables["group_replication_ssl_mode"] = "REQUIRED";
  EXPECT_EQ(differences(c, spec_of("a b c").group()), Names{});
}

}  // namespace
}  // namespace repl::test

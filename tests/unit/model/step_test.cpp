// Steps: taking back, naming and describing.
#include "model/step.hpp"

#include <gtest/gtest.h>

#include <set>

namespace repl {
namespace {

using namespace std::chrono_literals;

const NodeId kNode{"db2"};
const NodeId kOther{"db1"};

GtidSet gtids() {
  return *GtidSet::parse("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5");
}

/// One of each, with values that would show a field that got lost.
std::vector<Step> one_of_each() {
  const Account account{"shop_app", {SecretRef::Kind::Env, "APP_PASSWORD"}, {"shop"}};
  return {
      InstallPlugin{kNode, Plugin::SemiSyncReplica},
      UninstallPlugin{kNode, Plugin::SemiSyncSource},
      CreateAccount{kNode, AccountRole::Application, account, Logged::Yes},
      DropAccount{kNode, AccountRole::Application, account, Logged::Yes},
      SetVariable{kNode, "max_connections", "151", "500"},
      ResetVariable{kNode, "max_connections", "500", "151"},
      PersistReadOnly{kNode, false, true},
      SetReadOnly{kNode, ReadOnly::Off, ReadOnly::Super, 250ms},
      SetOfflineMode{kNode, false, true},
      SetSemiSyncSource{kNode, false, true, 1, 2},
      SetSemiSyncReplica{kNode, false, true},
      ResetGtids{kNode, gtids()},
      StartReplication{kNode},
      StopReplication{kNode},
      DetachReceiver{kNode, kOther},
      FollowSource{.replica = kNode, .from = NodeId{"db3"}, .to = kOther, .delay = 60s, .channel = "ring"},
      ForgetSource{kNode, kOther, 60s, "ring"},
      WaitForApplied{kNode, kOther, 10s},
      ApplyReceived{kNode, gtids(), 10s},
      WaitForGtids{kNode, 10s},
      WaitForAckers{kNode, 1, 10s},
      CloseReturned{kNode},
      CloneFrom{kNode, kOther, gtids()},
      RestartServer{kNode},
      StartGroup{kNode, GroupStart::Bootstrap},
      StopGroup{kNode, GroupStart::Join},
      SetGroupPrimary{kNode, kOther},
      SetGroupMode{kNode, false, true},
      AmendAccount{kNode, AccountRole::Application, account, {AccountFault::Grants}, Logged::Yes},
      RotatePassword{kNode, AccountRole::Application, account},
      DiscardFormerPassword{kNode, AccountRole::Application, account},
      RenewReceiver{kNode},
      RetireGtids{kNode, gtids()},
      RunHook{kNode, kOther, HookPoint::PreFailover, "fence", 4s},
  };
}

TEST(Steps, AreAllTested) {
  std::set<std::size_t> kinds;
  for (const auto& step : one_of_each()) kinds.insert(step.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Step>);
}

TEST(Inverse, OfTheInverseIsTheStepWhereBothExist) {
  for (const auto& step : one_of_each()) {
    const auto back = inverse(step);
    if (!back) continue;
    const auto again = inverse(*back);
    // Detaching and forgetting are taken back by following; what following once came from is not known any more.
    if (std::holds_alternative<DetachReceiver>(step)) continue;
    ASSERT_TRUE(again) << describe(step);
    EXPECT_EQ(*again, step) << describe(step);
  }
}

TEST(Inverse, WorksOnTheSameServer) {
  for (const auto& step : one_of_each()) {
    if (std::holds_alternative<SetGroupPrimary>(step)) continue;  // told to the one that takes over
    if (const auto back = inverse(step)) {
      EXPECT_EQ(node_of(*back), node_of(step)) << describe(step);
    }
  }
}

TEST(Inverse, OfDetachingIsFollowingAgain) {
  EXPECT_EQ(inverse(DetachReceiver{kNode, kOther}), Step(FollowSource{.replica = kNode, .to = kOther}));
}

TEST(Inverse, OfAFirstFollowingIsForgetting) {
  EXPECT_EQ(inverse(FollowSource{.replica = kNode, .to = kOther}), Step(ForgetSource{kNode, kOther}));
}

TEST(Inverse, OfForgettingASourceFollowsItAsBefore) {
  EXPECT_EQ(inverse(ForgetSource{kNode, kOther, 60s, "ring"}),
            Step(FollowSource{.replica = kNode, .to = kOther, .delay = 60s, .channel = "ring"}));
}

TEST(Inverse, OfAFenceOrAWaitIsNothing) {
  for (const Step& step : {Step(CloseReturned{kNode}), Step(ResetGtids{kNode, gtids()}),
                           Step(WaitForApplied{kNode, kOther, 1s}), Step(ApplyReceived{kNode, gtids(), 1s}),
                           Step(WaitForAckers{kNode, 1, 1s}), Step(RetireGtids{kNode, gtids()})}) {
    EXPECT_EQ(inverse(step), std::nullopt) << describe(step);
  }
}

// Whoever had the former password gets in with it, so that nothing is left to be taken back; and an account that was
// there before is never dropped.
TEST(Inverse, OfChangingAnAccountThatExistsIsNothing) {
  const Account account{"shop_app", {SecretRef::Kind::Env, "APP_PASSWORD"}, {"shop"}};
  for (const Step& step :
       {Step(AmendAccount{kNode, AccountRole::Application, account, {AccountFault::Grants}}),
        Step(RotatePassword{kNode, AccountRole::Application, account}),
        Step(DiscardFormerPassword{kNode, AccountRole::Application, account}), Step(RenewReceiver{kNode})}) {
    EXPECT_EQ(inverse(step), std::nullopt) << describe(step);
  }
}

TEST(Inverse, NeverDropsAnAccountThatReceiversMayHaveBeenTold) {
  const Account account{"repl_replica", {SecretRef::Kind::Env, "PASSWORD"}, {}};
  EXPECT_EQ(inverse(CreateAccount{kNode, AccountRole::Replication, account, Logged::Yes}), std::nullopt);
  EXPECT_NE(inverse(CreateAccount{kNode, AccountRole::Replication, account, Logged::No}), std::nullopt);
  EXPECT_NE(inverse(CreateAccount{kNode, AccountRole::Application, account, Logged::Yes}), std::nullopt);
}

TEST(Steps, HaveNamesOfTheirOwnAndADescriptionWithTheNode) {
  std::set<std::string_view> names;
  for (const auto& step : one_of_each()) {
    EXPECT_TRUE(names.insert(name_of(step)).second) << name_of(step);
    EXPECT_EQ(describe(step).find("db2: "), 0U) << describe(step);
    EXPECT_EQ(node_of(step), kNode);
  }
}

TEST(Describe, ShowsNoReferenceToASecret) {
  for (const auto& step : one_of_each()) EXPECT_EQ(describe(step).find("APP_PASSWORD"), std::string::npos);
}

}  // namespace
}  // namespace repl

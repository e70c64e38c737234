// Plans without GTIDs: who may be promoted, what has to happen before anybody opens, and how nodes come, move and
// change.
#include <gtest/gtest.h>

#include "plan/converge.hpp"
#include "plan/failover.hpp"
#include "plan/switchover.hpp"
#include "unit/plan/reading.hpp"

namespace repl::test {
namespace {

using plan::Positions;
using plan::Urgency;

Cluster without_gtids(const SpecOf& spec) {
  return running_by_position(spec);
}

/// As if every DetachReceiver had worked: the receivers' places.
Result<Plan> position_promotion(const Cluster& c, const std::optional<NodeId>& wanted = std::nullopt) {
  const auto view = c.view();
  const auto secure = plan::plan_secure(c.spec, c.office, view);
  Positions positions;
  for (const auto& step : secure.steps) {
    const auto& node = std::get<DetachReceiver>(step.step).replica;
    positions[node] = view.reachable(node)->position();
  }
  return plan::plan_promotion(c.spec, c.office, view, secure, positions, wanted,
                              wanted ? Urgency::ByHand : Urgency::Automatic);
}

// ---- failover -------------------------------------------------------------------------------------------------------

TEST(FailoverByPosition, PromotesWhoReceivedMostWhateverItsNameAndBacklog) {
  auto c = without_gtids(spec_of("a b c").acks(1)).kill("a");
  c["b"].places(1000, 1000);
  c["c"].places(1200, 900);
  const auto p = position_promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, kC);
  EXPECT_TRUE(in_order(*p, "c: apply all it has received", "c: super-read-only -> writable"));
  EXPECT_TRUE(any_reason(p->reasons, "b lacks 200 bytes of the binary log that c has received"));
  EXPECT_TRUE(any_reason(p->reasons, "it is left detached, to be cloned"));
  EXPECT_FALSE(has_step(*p, "b: follow c")) << "it would miss 200 bytes";
}

TEST(FailoverByPosition, LetsAnEqualReplicaFollowBeforeTheNewPrimaryOpens) {
  const auto c = without_gtids(spec_of("a b c").acks(1)).kill("a");
  const auto p = position_promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, kB);
  EXPECT_TRUE(in_order(*p, "b: apply all it has received", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: apply all it has received", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: follow b", "b: super-read-only -> writable"));
  EXPECT_TRUE(p->steps[step_at(*p, "c: follow b")].best_effort) << "who cannot follow holds nobody up";
  EXPECT_TRUE(well_formed(*p));
}

TEST(FailoverByPosition, DoesNotPromoteByPreferenceWhoWouldHaveToGetSomethingFirst) {
  auto c = without_gtids(spec_of("a b c").acks(1).promotion("b", Promotion::Prefer)).kill("a");
  c["c"].places(1001, 1001);
  const auto p = position_promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, kC);
  const auto by_hand = position_promotion(c, kB);
  ASSERT_FALSE(by_hand);
  EXPECT_EQ(by_hand.error().code, ErrorCode::NotPromotable);
  EXPECT_NE(by_hand.error().message.find("cannot get it without GTIDs"), std::string::npos);
}

TEST(FailoverByPosition, IsRefusedWhenOnlyWhoMayNotBePromotedHasEverything) {
  auto c = without_gtids(spec_of("a b c").acks(1).promotion("c", Promotion::Never)).kill("a");
  c["c"].places(1001, 1001);
  const auto p = position_promotion(c);
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::NotPromotable);
}

TEST(FailoverByPosition, NeedsTheSameQuorumAsWithGtids) {
  auto c = without_gtids(spec_of("a b c").acks(1)).kill("a");
  c["c"].silent(3);
  const auto p = position_promotion(c);
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::QuorumMissing) << "c alone may have acknowledged";
}

TEST(FailoverByPosition, DoesNotHearAReplicaThatWasLeftBehindByTheFailoverBefore) {
  auto c = without_gtids(spec_of("a b c")).kill("a");
  c["c"].detached_from("b");
  const auto secure = plan::plan_secure(c.spec, c.office, c.view());
  EXPECT_TRUE(has_step(secure, "b: detach from a"));
  EXPECT_FALSE(has_step(secure, "c: detach from a")) << "its place is in another log";
}

TEST(FailoverByPosition, LeavesWhoFollowsAnotherReplicaWhereItIs) {
  const auto c = without_gtids(spec_of("a b c d").acks(1).follows("d", "b")).kill("a");
  const auto p = position_promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  for (const auto& step : p->steps) EXPECT_NE(node_of(step.step), NodeId{"d"});
}

TEST(FailoverByPosition, LeavesADelayedReplicaDetachedAndSaysSo) {
  auto c = without_gtids(spec_of("a b c d").acks(1).delayed("d", 1h)).kill("a");
  c["d"].places(1000, 200);
  const auto p = position_promotion(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "d: follow"));
  EXPECT_FALSE(has_step(*p, "d: apply all it has received")) << "that takes an hour";
  EXPECT_TRUE(any_reason(p->reasons, "d is delayed"));
}

TEST(FailoverByPosition, PromotesNoServerThatHasGtids) {
  auto c = without_gtids(spec_of("a b")).kill("a");
  c["b"].now().gtid_mode = GtidMode::On;
  const auto p = plan::may_fail_over(c.spec, c.office, c.view(), std::nullopt, Urgency::Automatic);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("gtid_mode on"), std::string::npos);
}

// ---- switchover -----------------------------------------------------------------------------------------------------

TEST(SwitchoverByPosition, MovesEverybodyBetweenTheClosingAndTheOpening) {
  const auto c = without_gtids(spec_of("a b c").acks(1));
  const auto p = plan::plan_switchover(c.spec, c.office, c.view(), kB, 10s);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "b: apply all that a has"));
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "c: apply all that a has"));
  EXPECT_TRUE(in_order(*p, "b: apply all that a has", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: apply all that a has", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: follow b", "a: follow b")) << "until then a shows that the others have the same";
  EXPECT_TRUE(in_order(*p, "b: super-read-only -> writable", "a: semi-sync source off"));
  EXPECT_TRUE(in_order(*p, "a: follow b", "b: super-read-only -> writable"));
  EXPECT_TRUE(in_order(*p, "b: super-read-only -> writable", "b: forget a as its source"));
  EXPECT_TRUE(well_formed(*p));
}

TEST(SwitchoverByPosition, CountsAReplicaThatIsALittleBehindAmongTheCandidates) {
  auto c = without_gtids(spec_of("a b c"));
  c["a"].log_at(1300);
  c["b"].places(1200, 1100);
  c["c"].places(1300, 1300);
  const auto p = plan::plan_switchover(c.spec, c.office, c.view(), std::nullopt, 10s);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, kC) << "it has less left to apply";
  const auto named = plan::plan_switchover(c.spec, c.office, c.view(), kB, 10s);
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->promotes, kB);
}

TEST(SwitchoverByPosition, IsToADirectReplicaOnly) {
  const auto c = without_gtids(spec_of("a b c").follows("c", "b"));
  const auto p = plan::plan_switchover(c.spec, c.office, c.view(), kC, 10s);
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::NotPromotable);
  EXPECT_NE(p.error().message.find("directly"), std::string::npos);
}

TEST(SwitchoverByPosition, LeavesADelayedReplicaBelowTheOldPrimary) {
  auto c = without_gtids(spec_of("a b c d").delayed("d", 1h));
  const auto p = plan::plan_switchover(c.spec, c.office, c.view(), kB, 10s);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "d: "));
  EXPECT_TRUE(any_reason(p->reasons, "d stays below a"));
}

// ---- apply ----------------------------------------------------------------------------------------------------------

/// What a thorough look finds at servers without GTIDs that run.
Cluster thoroughly(Cluster c) {
  for (auto& [name, seen] : c.nodes) {
    auto& has = seen.inventory();
    has.user_schemas = {"shop"};
    has.clone_plugin = true;
    has.accounts = {AccountRole::Admin, AccountRole::Replication};
    has.variables = {{"replica_net_timeout", "10"},
                     {"replica_checkpoint_period", "20"},
                     {"gtid_mode", "OFF"},
                     {"gtid_executed", ""},
                     {"enforce_gtid_consistency", "OFF"}};
    has.persisted = {{"replica_net_timeout", "10"}, {"replica_checkpoint_period", "20"}};
  }
  return c;
}
/// An empty server that an installer has left.
void emptied(Seen& seen) {
  seen.no_channel().writable().log_at(158);
  seen.inventory().user_schemas.clear();
}
Cluster empty_without_gtids(const SpecOf& spec) {
  auto c = thoroughly(without_gtids(spec));
  for (auto& [name, seen] : c.nodes) emptied(seen);
  c.office = {};
  return c;
}
Result<Plan> planned(const Cluster& c, const Spec& wanted, const Spec* before, const std::set<NodeId>& lose = {}) {
  return plan::plan_converge(wanted, c.office, before, c.view(), {}, lose);
}

TEST(ApplyByPosition, PutsEmptyReplicasToTheEndOfTheClosedSourcesLog) {
  const auto spec = SpecOf{spec_of("a b c").by_position()};
  const auto p = planned(empty_without_gtids(spec), spec, nullptr);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "b: follow a"));
  EXPECT_TRUE(in_order(*p, "b: follow a", "a: super-read-only -> writable"));
  EXPECT_TRUE(in_order(*p, "c: follow a", "a: super-read-only -> writable"));
  EXPECT_TRUE(well_formed(*p));
}

TEST(ApplyByPosition, MakesAccountsThroughTheBinaryLogOnlyOnceReplicasFollow) {
  auto spec = spec_of("a b").by_position();
  spec.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
  const auto p = planned(empty_without_gtids(spec), spec, nullptr);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "b: follow a", "a: create the application account"));
}

TEST(ApplyByPosition, ChangesNothingWhereEverythingIsAsDeclared) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c d").follows("d", "b")}) {
    const auto c = thoroughly(without_gtids(spec));
    const auto p = planned(c, c.spec, &c.spec);
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(sentences(*p), std::vector<std::string>{});
  }
}

TEST(ApplyByPosition, ClonesAnEmptyReplicaFromTheNodeThatItWillFollow) {
  auto c = thoroughly(without_gtids(spec_of("a b c d").follows("d", "b")));
  emptied(c["d"]);
  auto before = c.spec;
  std::erase_if(before.nodes, [](const NodeSpec& n) { return n.id.name == "d"; });
  const auto p = planned(c, c.spec, &before);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "d: clone the data of b"));
  EXPECT_TRUE(in_order(*p, "d: clone the data of b", "d: follow b"));
  EXPECT_FALSE(has_step(*p, "a: writable -> super-read-only")) << "a clone knows its place: nobody has to pause";
}

TEST(ApplyByPosition, RefusesAnEmptyReplicaThatMayNotBeCloned) {
  auto c = thoroughly(without_gtids(spec_of("a b c")));
  c.spec.provisioning = Provisioning::None;
  emptied(c["c"]);
  const auto p = planned(c, c.spec, &c.spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("where in the binary log of a"), std::string::npos) << p.error().message;
}

TEST(ApplyByPosition, ClonesANodeWithDataOnlyWhenItIsNamed) {
  auto c = thoroughly(without_gtids(spec_of("a b c")));
  c["c"].no_channel().log_at(9000).not_compared();
  const auto refused = planned(c, c.spec, &c.spec);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--allow-data-loss c"), std::string::npos) << refused.error().message;
  const auto p = planned(c, c.spec, &c.spec, {kC});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "c: clone the data of a", "c: follow a"));
}

TEST(ApplyByPosition, ClonesWhatIsBelowAClone) {
  auto c = thoroughly(without_gtids(spec_of("a b c").follows("c", "b")));
  const auto refused = planned(c, c.spec, &c.spec, {kB});
  EXPECT_TRUE(refused) << "b follows a and knows its place: there is nothing to clone";
  c["b"].no_channel().log_at(9000).not_compared();
  const auto alone = planned(c, c.spec, &c.spec, {kB});
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("c follows b, which is cloned"), std::string::npos) << alone.error().message;
  const auto p = planned(c, c.spec, &c.spec, {kB, kC});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "b: clone the data of a", "c: clone the data of b"));
  EXPECT_TRUE(in_order(*p, "c: clone the data of b", "c: follow b"));
}

TEST(ApplyByPosition, ClonesFromOneDonorOneAfterTheOther) {
  auto c = thoroughly(without_gtids(spec_of("a b c")));
  for (const auto* node : {"b", "c"}) c[node].no_channel().log_at(9000).not_compared();
  const auto p = planned(c, c.spec, &c.spec, {kB, kC});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "b: clone the data of a", "c: clone the data of a"));
}

TEST(ApplyByPosition, CutsTheClientsOfHangingCommitsOffBeforeACloneThatWouldWaitForThem) {
  auto c = thoroughly(without_gtids(spec_of("a b").acks(1)));
  c["a"].commits_waiting(2).now().semi_sync.clients = 0;
  c["b"].no_channel().log_at(9000).not_compared();
  const auto p = planned(c, c.spec, &c.spec, {kB});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: fence, it must not take writes", "a: let clients in"));
  EXPECT_TRUE(in_order(*p, "a: let clients in", "b: clone the data of a")) << "the clone is a client too";
  EXPECT_TRUE(in_order(*p, "b: follow a", "a: semi-sync source on"));
  EXPECT_TRUE(in_order(*p, "a: semi-sync source on", "a: super-read-only -> writable"));
  c["a"].commits_waiting(0);
  EXPECT_FALSE(has_step(*planned(c, c.spec, &c.spec, {kB}), "a: fence"));
}

TEST(ApplyByPosition, LeavesAPrimaryOpenWhoseCommitsAreOnTheirWay) {
  auto c = thoroughly(without_gtids(spec_of("a b c").acks(1)));
  c["a"].commits_waiting(2).now().semi_sync.clients = 1;
  c["b"].no_channel().log_at(9000).not_compared();
  const auto p = planned(c, c.spec, &c.spec, {kB});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "a: fence")) << "c acknowledges them";
}

TEST(ApplyByPosition, MovesAReplicaWhileThePrimaryIsClosedAndEverybodyHasAppliedEverything) {
  auto c = thoroughly(without_gtids(spec_of("a b c")));
  auto wanted = c.spec;
  wanted.nodes[2].follows = kB;
  const auto p = planned(c, wanted, &c.spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "b: apply all that a has"));
  EXPECT_TRUE(in_order(*p, "b: apply all that a has", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: apply all that a has", "c: follow b"));
  EXPECT_TRUE(in_order(*p, "c: follow b", "a: super-read-only -> writable"));
  // Taken back, the primary is opened again.
  const auto closing = step_at(*p, "a: writable -> super-read-only");
  EXPECT_EQ(describe(*inverse(p->steps[closing].step)), "a: super-read-only -> writable");
}

/// The same without `name`.
Spec without(Spec spec, const std::string& name) {
  std::erase_if(spec.nodes, [&](const NodeSpec& n) { return n.id.name == name; });
  return spec;
}

TEST(ApplyByPosition, ForgetsThePlaceOfANodeThatLeavesWhenEverythingElseIsDone) {
  auto c = thoroughly(without_gtids(spec_of("a b c d")));
  emptied(c["d"]);
  const auto before = without(c.spec, "d");
  const auto p = planned(c, without(c.spec, "c"), &before);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "d: clone the data of a", "d: follow a"));
  EXPECT_TRUE(in_order(*p, "d: follow a", "c: forget a as its source"));
}

TEST(ApplyByPosition, MovesAReplicaWhenTheNodeAboveItThatLeavesHasPassedOnEverything) {
  const auto c = thoroughly(without_gtids(spec_of("a b c").follows("c", "b")));
  auto wanted = without(c.spec, "b");
  wanted.nodes.back().follows.reset();
  const auto p = planned(c, wanted, &c.spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "b: apply all that a has"));
  EXPECT_TRUE(in_order(*p, "b: apply all that a has", "c: apply all that b has"));
  EXPECT_TRUE(in_order(*p, "c: apply all that b has", "c: follow a"));
  EXPECT_TRUE(in_order(*p, "c: follow a", "a: super-read-only -> writable"));
  EXPECT_TRUE(in_order(*p, "a: super-read-only -> writable", "b: forget a as its source"));
}

TEST(ApplyByPosition, RefusesServersThatHaveGtids) {
  auto c = thoroughly(without_gtids(spec_of("a b")));
  c["b"].now().gtid_mode = GtidMode::On;
  const auto p = planned(c, c.spec, &c.spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("positioning: gtid"), std::string::npos) << p.error().message;
}

// ---- binlog to GTID -------------------------------------------------------------------------------------------------

Spec to_gtids(Spec spec) {
  spec.positioning = Positioning::Gtid;
  return spec;
}

TEST(ChangeToGtids, GoesThroughThePermissiveModesWithEveryServerAtEachStep) {
  const auto c = thoroughly(without_gtids(spec_of("a b c").acks(1)));
  const auto p = planned(c, to_gtids(c.spec), &c.spec);
  ASSERT_TRUE(p) << p.error().message;
  const std::vector<std::string> stages{
      "set gtid_mode OFF -> OFF_PERMISSIVE", "set gtid_mode OFF_PERMISSIVE -> ON_PERMISSIVE",
      "wait until every transaction gets a GTID", "set gtid_mode ON_PERMISSIVE -> ON"};
  for (std::size_t stage = 1; stage < stages.size(); ++stage) {
    for (const auto* earlier : {"a", "b", "c"}) {
      for (const auto* later : {"a", "b", "c"}) {
        EXPECT_TRUE(in_order(*p, fmt::format("{}: {}", earlier, stages[stage - 1]),
                             fmt::format("{}: {}", later, stages[stage])));
      }
    }
  }
  for (const auto* replica : {"b", "c"}) {
    EXPECT_TRUE(in_order(*p, "a: wait until every transaction", fmt::format("{}: apply all that a has", replica)));
    for (const auto* node : {"a", "b", "c"}) {
      EXPECT_TRUE(in_order(*p, fmt::format("{}: apply all that a has", replica),
                           fmt::format("{}: set gtid_mode ON_PERMISSIVE -> ON", node)));
      EXPECT_TRUE(in_order(*p, fmt::format("{}: set gtid_mode ON_PERMISSIVE -> ON", node),
                           fmt::format("{}: follow a", replica)));
    }
  }
  EXPECT_TRUE(in_order(*p, "b: follow a", "c: follow a")) << "one of them acknowledges all the time";
  EXPECT_FALSE(has_step(*p, "a: writable")) << "writers never wait";
  EXPECT_TRUE(well_formed(*p));
}

TEST(ChangeToGtids, CanBeTakenBackStepByStep) {
  const auto c = thoroughly(without_gtids(spec_of("a b")));
  const auto p = planned(c, to_gtids(c.spec), &c.spec);
  ASSERT_TRUE(p) << p.error().message;
  std::map<std::string, std::string> mode{{"a", "OFF"}, {"b", "OFF"}};
  const auto set = [&](const Step& step) {
    if (const auto* s = std::get_if<SetVariable>(&step); s != nullptr && s->name == "gtid_mode") {
      EXPECT_EQ(mode[s->node.name], s->from) << "skipping a step is refused";
      mode[s->node.name] = s->to;
    }
    if (const auto* s = std::get_if<ResetVariable>(&step); s != nullptr && s->name == "gtid_mode") {
      EXPECT_EQ(mode[s->node.name], s->from);
      mode[s->node.name] = s->to;
    }
  };
  for (const auto& step : p->steps) set(step.step);
  EXPECT_EQ(mode["a"], "ON");
  EXPECT_EQ(mode["b"], "ON");
  for (auto step = p->steps.rbegin(); step != p->steps.rend(); ++step) {
    if (const auto back = inverse(step->step)) set(*back);
  }
  EXPECT_EQ(mode["a"], "OFF");
  EXPECT_EQ(mode["b"], "OFF");
}

TEST(ChangeToGtids, GoesOnWhereAnEarlierOneWasLeft) {
  auto c = thoroughly(without_gtids(spec_of("a b")));
  for (auto& [name, seen] : c.nodes) seen.inventory().variables["enforce_gtid_consistency"] = "ON";
  c["a"].now().gtid_mode = GtidMode::OnPermissive;
  c["b"].now().gtid_mode = GtidMode::OffPermissive;
  const auto p = planned(c, to_gtids(c.spec), &c.spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "a: set gtid_mode OFF"));
  EXPECT_FALSE(has_step(*p, "b: set gtid_mode OFF ->"));
  EXPECT_FALSE(has_step(*p, "a: set enforce_gtid_consistency"));
  EXPECT_TRUE(in_order(*p, "b: set gtid_mode OFF_PERMISSIVE -> ON_PERMISSIVE", "a: set gtid_mode ON_PERMISSIVE -> ON"));
}

TEST(ChangeToGtids, NeedsEveryNodeReplicating) {
  auto silent = thoroughly(without_gtids(spec_of("a b c")));
  silent["c"].silent(3);
  EXPECT_FALSE(planned(silent, to_gtids(silent.spec), &silent.spec));
  auto stopped = thoroughly(without_gtids(spec_of("a b c")));
  stopped["c"].applier_stopped(1062);
  const auto p = planned(stopped, to_gtids(stopped.spec), &stopped.spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("c does not replicate from a"), std::string::npos) << p.error().message;
}

TEST(ChangeToGtids, IsAnApplyOfItsOwn) {
  auto c = thoroughly(without_gtids(spec_of("a b c")));
  auto wanted = to_gtids(c.spec);
  wanted.nodes.pop_back();
  EXPECT_FALSE(planned(c, wanted, &c.spec));
}

TEST(ChangeToGtids, IsRefusedWhereATransactionOfItsOwnWouldBecomeErrant) {
  auto c = thoroughly(without_gtids(spec_of("a b")));
  c["b"].inventory().variables["gtid_executed"] = uuid('B') + ":1-2";
  const auto p = planned(c, to_gtids(c.spec), &c.spec);
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::ErrantTransactions);
}

TEST(ChangeToGtids, HasNoWayBack) {
  const auto c = thoroughly(running(spec_of("a b")));
  auto wanted = c.spec;
  wanted.positioning = Positioning::Binlog;
  const auto p = planned(c, wanted, &c.spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("SOURCE_AUTO_POSITION=0"), std::string::npos) << "the way by hand";
}

TEST(ChangeToGtids, IsDoneAtTheFirstApplyOfEmptyServers) {
  auto c = empty_without_gtids(spec_of("a b"));
  const auto wanted = to_gtids(c.spec);
  const auto p = planned(c, wanted, nullptr);
  ASSERT_TRUE(p) << p.error().message;
  for (const auto* node : {"a", "b"}) {
    EXPECT_TRUE(in_order(*p, fmt::format("{}: set gtid_mode OFF -> OFF_PERMISSIVE", node),
                         fmt::format("{}: set gtid_mode ON_PERMISSIVE -> ON", node)));
    EXPECT_TRUE(in_order(*p, fmt::format("{}: set gtid_mode ON_PERMISSIVE -> ON", node), "b: follow a"));
  }
  c["a"].inventory().user_schemas = {"shop"};
  const auto with_data = planned(c, wanted, nullptr);
  ASSERT_FALSE(with_data);
  EXPECT_NE(with_data.error().message.find("apply `positioning: binlog` first"), std::string::npos)
      << with_data.error().message;
}

}  // namespace
}  // namespace repl::test

// Which node is chosen, in what order, and why not the others.
#include "plan/candidate.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "unit/plan/reading.hpp"

namespace repl::test {
namespace {

using plan::Positions;
using plan::Urgency;

/// All that is reached, as it would be after draining.
Positions positions_of(const Cluster& c) {
  Positions out;
  const auto view = c.view();
  for (const auto& node : c.spec.nodes) {
    if (const auto* now = view.reachable(node.id)) out[node.id] = now->position();
  }
  return out;
}

Result<plan::Choice> choose(const Cluster& c, Urgency urgency = Urgency::Automatic,
                            const std::optional<NodeId>& wanted = std::nullopt) {
  return plan::choose_candidate(c.spec, c.office, c.view(), positions_of(c), wanted, urgency);
}

// ---- order ----------------------------------------------------------------------------------------------------------

TEST(Candidate, IsTheFirstByNameWhenAllElseIsEqual) {
  const auto choice = choose(dead(spec_of("a d c b")));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "b");
  EXPECT_EQ(choice->most_advanced.name, "b");
  EXPECT_TRUE(any_reason(choice->reasons, "b is chosen: it has all that any reached node has"));
  EXPECT_TRUE(any_reason(choice->reasons, "c is not: equal in all, later by name"));
}

TEST(Candidate, IsTheOneWithMoreTransactions) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-90");
  const auto choice = choose(c);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, "b is not: it has fewer transactions"));
}

TEST(Candidate, CountsWhatIsReceivedAndNotYetApplied) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-90");
  c["c"].executed("A:1-50").received("A:51-100");
  EXPECT_EQ(choose(c)->candidate.name, "c");
}

TEST(Candidate, IsThePreferredOneEvenIfItHasToCatchUp) {
  auto c = dead(spec_of("a b c").promotion("c", Promotion::Prefer));
  c["c"].executed("A:1-90");
  const auto choice = choose(c);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_EQ(choice->most_advanced.name, "b");
  EXPECT_TRUE(any_reason(choice->reasons, "c is chosen; it first gets 10 transactions from b"));
  EXPECT_TRUE(any_reason(choice->reasons, "b is not: its `promotion` ranks lower"));
}

TEST(Candidate, IsOneToBeAvoidedOnlyWhenThereIsNoOther) {
  auto c = dead(spec_of("a b c").promotion("b", Promotion::Avoid));
  c["c"].executed("A:1-90");
  EXPECT_EQ(choose(c)->candidate.name, "c");
  c["c"].refused();
  EXPECT_EQ(choose(c)->candidate.name, "b");
}

TEST(Candidate, PrefersTheRegionOfTheOldPrimary) {
  auto c = dead(spec_of("a b c").region("a", "eu").region("b", "us").region("c", "eu"));
  c.spec.failover.cross_region = true;
  c["c"].executed("A:1-90");
  const auto choice = choose(c);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_EQ(choice->most_advanced.name, "b");
  EXPECT_TRUE(any_reason(choice->reasons, "b is not: it is in another region"));
}

TEST(Candidate, DoesNotDependOnTheOrderInTheFile) {
  const auto forwards = choose(dead(spec_of("a b c d")));
  const auto backwards = choose(dead(spec_of("a d c b")));
  EXPECT_EQ(forwards->candidate, backwards->candidate);
}

// ---- obstacles ------------------------------------------------------------------------------------------------------

struct Obstacle {
  const char* name;
  std::function<void(Cluster&)> change;  ///< What makes "b" unfit.
  const char* reason;
  bool a_person_may_overrule;
};

class Obstacles : public testing::TestWithParam<Obstacle> {};

TEST_P(Obstacles, KeepANodeFromPromotion) {
  const auto& o = GetParam();
  auto c = dead(spec_of("a b c"));
  o.change(c);
  const auto choice = choose(c);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, o.reason)) << testing::PrintToString(choice->reasons);
}

TEST_P(Obstacles, GiveWayToAPersonOnlyWhereNoDataAreAtStake) {
  const auto& o = GetParam();
  auto c = dead(spec_of("a b c"));
  o.change(c);
  const auto choice = choose(c, Urgency::ByHand, NodeId{"b"});
  EXPECT_EQ(choice.has_value(), o.a_person_may_overrule);
  if (!choice) {
    EXPECT_EQ(choice.error().code, ErrorCode::NotPromotable);
    EXPECT_NE(choice.error().message.find(o.reason), std::string::npos) << choice.error().message;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Candidate, Obstacles,
    testing::Values(
        Obstacle{"Unreachable", [](Cluster& c) { c["b"].refused(); }, "b does not answer", false},
        Obstacle{"Never", [](Cluster& c) { c.spec.nodes[1].promotion = Promotion::Never; }, "b promotion: never",
                 false},
        Obstacle{"Delayed", [](Cluster& c) { c.spec.nodes[1].delay = 1h; }, "b is a delayed replica", false},
        Obstacle{"Errant", [](Cluster& c) { c["b"].executed("A:1-100,B:1").errant("B:1"); },
                 "b has errant transactions", false},
        Obstacle{"NoGtids", [](Cluster& c) { c["b"].now().gtid_mode = GtidMode::Off; }, "b has gtid_mode off", false},
        Obstacle{"NoReplicaUpdates", [](Cluster& c) { c["b"].now().log_replica_updates = false; },
                 "b has log_replica_updates off", false},
        Obstacle{"NoChannel", [](Cluster& c) { c["b"].no_channel(); }, "b replicates from nobody", false},
        Obstacle{"ApplierFailed", [](Cluster& c) { c["b"].applier_stopped(1062); },
                 "b its applier stopped at error 1062", false},
        Obstacle{"ApplierStopped", [](Cluster& c) { c["b"].applier_stopped(); }, "b its applier is stopped", false},
        Obstacle{"OtherRegion", [](Cluster& c) { c.spec.nodes[1].region = "us"; }, "b is in region 'us', not ''", true},
        Obstacle{"Lag", [](Cluster& c) { c["b"].lag(31s); }, "b is 31.0 s behind (maxLag 30 s)", true},
        Obstacle{"LongTransaction", [](Cluster& c) { c["b"].applying_for(40s); }, "b is 40.0 s behind", true}),
    [](const auto& i) { return i.param.name; });

TEST(Candidate, MayBeAsFarBehindAsMaxLag) {
  auto c = dead(spec_of("a b c"));
  c["b"].lag(30s);
  EXPECT_EQ(choose(c)->candidate.name, "b");
}

TEST(Candidate, IsRefusedWithAReasonPerNodeWhenNoneIsFit) {
  auto c = dead(spec_of("a b c d").promotion("b", Promotion::Never).delayed("d", 1h));
  c["c"].lag(1h);
  const auto choice = choose(c);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::NotPromotable);
  for (const auto* part : {"b promotion: never", "c is 3600.0 s behind", "d is a delayed replica"}) {
    EXPECT_NE(choice.error().message.find(part), std::string::npos) << choice.error().message;
  }
}

TEST(Candidate, IsNeverTheOldPrimary) {
  auto c = running(spec_of("a b"));
  const auto choice = choose(c);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "b");
  c["b"].refused();
  EXPECT_FALSE(choose(c));
}

TEST(Candidate, IsNoneInAClusterOfOne) {
  const auto choice = choose(dead(spec_of("a")));
  ASSERT_FALSE(choice);
  EXPECT_NE(choice.error().message.find("there is no other node"), std::string::npos);
}

TEST(Candidate, IsNoNodeWhosePositionIsUnknown) {
  const auto c = dead(spec_of("a b c"));
  const auto choice = plan::choose_candidate(c.spec, c.office, c.view(), {{NodeId{"c"}, gtids("A:1-100")}},
                                             std::nullopt, Urgency::Automatic);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, "b its position is not known"));
}

// ---- histories ------------------------------------------------------------------------------------------------------

TEST(Candidate, IsNoneWhileHistoriesDiverge) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-100,B:1");
  c["c"].executed("A:1-100,C:1");
  const auto choice = choose(c);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::Diverged);
  EXPECT_NE(choice.error().message.find("b: " + gtids("A:1-100,B:1").to_string()), std::string::npos);
  EXPECT_NE(choice.error().message.find("c: " + gtids("A:1-100,C:1").to_string()), std::string::npos);
}

TEST(Candidate, IsNotHeldUpByAQuarantinedNodesHistory) {
  auto c = dead(spec_of("a b c d"));
  c["b"].executed("A:1-100,B:1").errant("B:1");
  c["c"].executed("A:1-100,C:1").errant("C:1");
  EXPECT_EQ(choose(c)->candidate.name, "d");
}

TEST(Candidate, IsNoNodeThatWouldUseNumbersAgainThatWereThrownAway) {
  auto c = dead(spec_of("a b c"));
  c["b"].discarded("B:1-5");
  c["c"].discarded("D:1-5");  // another's, which it never gives out
  const auto choice = choose(c);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, "b would give numbers of transactions that were thrown away"));
}

TEST(Candidate, DoesNotCatchUpFromAQuarantinedNode) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-110,B:1").errant("B:1");
  const auto choice = choose(c);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_EQ(choice->most_advanced.name, "c");
}

TEST(Candidate, IsNoNodeInQuarantineThatCouldNotBeComparedSince) {
  auto c = dead(spec_of("a b c"));
  c["b"].executed("A:1-100,B:1").quarantined().not_compared();
  const auto choice = choose(c);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, "b is in quarantine"));
}

TEST(Candidate, MayCatchUpFromANodeThatMustNotBePromoted) {
  auto c = dead(spec_of("a b c").promotion("b", Promotion::Never));
  c["c"].executed("A:1-90");
  const auto choice = choose(c);
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_EQ(choice->most_advanced.name, "b");
}

TEST(Candidate, DoesNotCatchUpFromADelayedNode) {
  auto c = dead(spec_of("a b c d").delayed("d", 1h));
  c["d"].executed("A:1-50").received("A:51-120");
  const auto choice = choose(c);
  EXPECT_EQ(choice->candidate.name, "b");
  EXPECT_EQ(choice->most_advanced.name, "b");
}

// ---- wanted ---------------------------------------------------------------------------------------------------------

TEST(Candidate, IsTheWantedOneIfItCanBe) {
  EXPECT_EQ(
      choose(dead(spec_of("a b c").promotion("b", Promotion::Prefer)), Urgency::ByHand, NodeId{"c"})->candidate.name,
      "c");
}

TEST(Candidate, IsNoOtherWhenTheWantedOneCannotBe) {
  auto c = dead(spec_of("a b c"));
  c["c"].refused();
  const auto choice = choose(c, Urgency::ByHand, NodeId{"c"});
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::NotPromotable);
  EXPECT_NE(choice.error().message.find("c does not answer"), std::string::npos);
}

TEST(Candidate, IsRefusedWhenAnUnknownNodeIsWanted) {
  EXPECT_FALSE(choose(dead(spec_of("a b c")), Urgency::ByHand, NodeId{"z"}));
}

TEST(Candidate, HasOneReasonPerOtherNode) {
  auto c = dead(spec_of("a b c d e").promotion("d", Promotion::Never));
  c["e"].refused();
  const auto choice = choose(c);
  EXPECT_EQ(choice->reasons.size(), 4u) << testing::PrintToString(choice->reasons);
}

// ---- filters --------------------------------------------------------------------------------------------------------

constexpr const char* kFilters = "REPLICATE_WILD_IGNORE_TABLE=shop.audit%";

TEST(Candidate, IsNeverOneWithReplicationFiltersNorOneBelowIt) {
  auto c = dead(spec_of("a b c d").follows("c", "b"));
  c["c"].follow("b");
  c["b"].channel().filters = kFilters;
  for (const auto urgency : {Urgency::Automatic, Urgency::ByHand}) {
    const auto choice = choose(c, urgency);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->candidate.name, "d");
    EXPECT_TRUE(any_reason(choice->reasons, "b has replication filters (REPLICATE_WILD_IGNORE_TABLE=shop.audit%)"));
    EXPECT_TRUE(any_reason(choice->reasons, "c gets its data by b, which has replication filters"));
  }
  // Pointed away, as a failover leaves them.
  for (const auto* node : {"b", "c", "d"}) c[node].channel().source.host = kDetachedHost;
  EXPECT_TRUE(any_reason(choose(c)->reasons, "c gets its data by b, which has replication filters"));
}

TEST(Candidate, NeverGetsWhatItLacksFromANodeWithFilters) {
  auto c = dead(spec_of("a b c"));
  c["b"].channel().filters = kFilters;
  c["c"].executed("A:1-90");
  const auto choice = choose(c);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->candidate.name, "c");
  EXPECT_EQ(choice->most_advanced.name, "c");
  EXPECT_TRUE(any_reason(choice->reasons, "b alone has received 10 transactions, which is lost"));
}

TEST(Candidate, IsNobodyWhileANodeWithFiltersMayAloneHoldWhatWasAcknowledged) {
  auto c = dead(spec_of("a b c").acks(1));
  c["b"].channel().filters = kFilters;
  c["c"].executed("A:1-90");
  const auto choice = choose(c);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::NotPromotable);
  EXPECT_NE(choice.error().message.find("b alone has received 10 transactions"), std::string::npos)
      << choice.error().message;
  c["c"].executed("A:1-100");
  EXPECT_TRUE(choose(c));
}

}  // namespace
}  // namespace repl::test

// What was seen: misses, the comparison of histories, and when to look again.
#include "control/observations.hpp"

#include "unit/support/cluster.hpp"

#include <gtest/gtest.h>

namespace repl::test {
namespace {

using control::Depth;
using control::Observations;
using control::ProbeOrder;

/// Observations of the nodes of a spec with "a" as the primary, and a clock.
struct Fixture {
  SpecOf spec = spec_of("a b c");
  Observations seen;
  Time now = kNow;
  std::optional<NodeId> primary = kA;

  Fixture() { seen.watch(spec.nodes, now); }

  const DetectionSpec& detection() const { return spec.failover.detection; }
  Snapshot answer(const NodeId& node, std::string_view executed = "") const {
    auto s = Seen{node.name}.now();
    s.taken_at = now;
    s.took = 0s;
    s.executed = gtids(executed);
    return s;
  }
  Snapshot miss(const NodeId& node, Reach reach = Reach::Silent) const {
    Snapshot s;
    s.node = node;
    s.taken_at = now;
    s.reach = reach;
    return s;
  }
  void take(Snapshot s) { seen.take(std::move(s), primary, detection(), now); }
  void all_answer() {
    for (const auto& n : spec.nodes) take(answer(n.id, "A:1-10"));
  }
  std::vector<std::string> due() {
    std::vector<std::string> out;
    for (const auto& o : seen.due(now, detection(), primary)) out.push_back(o.node.name);
    return out;
  }
  Observation of(const NodeId& node) { return *seen.view(now)->find(node); }
};

using Names = std::vector<std::string>;

// ---- reach ----------------------------------------------------------------------------------------------------------

TEST(Observations, CountMissesInARow) {
  Fixture f;
  f.take(f.answer(kB));
  EXPECT_EQ(f.of(kB).misses, 0);
  f.now += 1s;
  const auto first = f.now;
  f.take(f.miss(kB));
  f.now += 1s;
  f.take(f.miss(kB, Reach::Refused));
  f.now += 1s;
  f.take(f.miss(kB, Reach::Lost));
  EXPECT_EQ(f.of(kB).misses, 3);
  EXPECT_EQ(f.of(kB).silent_since, first);
  EXPECT_FALSE(f.of(kB).alive());
  f.take(f.answer(kB));
  EXPECT_EQ(f.of(kB).misses, 0);
  EXPECT_FALSE(f.of(kB).silent_since);
}

TEST(Observations, DoNotCountAnErrorPacketAsAMiss) {
  for (const auto reach : {Reach::Busy, Reach::Denied, Reach::Error}) {
    Fixture f;
    f.take(f.miss(kB));
    f.take(f.miss(kB, reach));
    EXPECT_EQ(f.of(kB).misses, 0);
    EXPECT_TRUE(f.of(kB).alive());
    EXPECT_FALSE(f.of(kB).reachable());
  }
}

TEST(Observations, KeepWhatWasSeenWhenANodeLastAnswered) {
  Fixture f;
  f.take(f.answer(kB, "A:1-7"));
  f.now += 1s;
  f.take(f.miss(kB));
  EXPECT_EQ(f.of(kB).latest->reach, Reach::Silent);
  EXPECT_EQ(f.of(kB).reached->executed, gtids("A:1-7"));
}

TEST(Observations, IgnoreNodesThatAreNotWatched) {
  Fixture f;
  f.take(f.answer({"x"}));
  EXPECT_EQ(f.seen.view(f.now)->find({"x"}), nullptr);
}

TEST(Observations, IgnoreAnAnswerThatWasOvertaken) {
  Fixture f;
  const auto early = f.answer(kB, "A:1-5");
  f.now += 10ms;
  f.take(f.answer(kB, "A:1-9"));
  f.take(early);
  EXPECT_EQ(f.of(kB).latest->executed, gtids("A:1-9"));
}

TEST(Observations, KeepTheInventoryOfAnAnswerThatWasOvertaken) {
  Fixture f;
  auto thorough = f.answer(kB, "A:1-5");
  thorough.inventory = Inventory{.user_schemas = {"shop"}};
  f.now += 10ms;
  f.take(f.answer(kB, "A:1-9"));
  (void)f.seen.view(f.now);
  f.take(thorough);
  ASSERT_TRUE(f.of(kB).inventory);
  EXPECT_EQ(f.of(kB).inventory->user_schemas, Names{"shop"});
}

TEST(Observations, AreIncompleteUntilEveryNodeWasLookedAt) {
  Fixture f;
  EXPECT_FALSE(f.seen.view(f.now)->complete());
  f.take(f.answer(kA));
  f.take(f.miss(kB));
  EXPECT_FALSE(f.seen.view(f.now)->complete());
  f.take(f.answer(kC));
  EXPECT_TRUE(f.seen.view(f.now)->complete());
}

TEST(Observations, ShareOneViewUntilSomethingIsSeen) {
  Fixture f;
  f.all_answer();
  const auto view = f.seen.view(f.now);
  EXPECT_EQ(f.seen.view(f.now + 1s), view);
  f.take(f.answer(kB));
  EXPECT_NE(f.seen.view(f.now), view);
}

TEST(Observations, KeepNodesThatAreStillWatchedAndForgetTheRest) {
  Fixture f;
  f.all_answer();
  f.seen.watch(spec_of("a b d").nodes, f.now);
  EXPECT_TRUE(f.of(kB).seen());
  EXPECT_FALSE(f.of({"d"}).seen());
  EXPECT_EQ(f.seen.view(f.now)->find(kC), nullptr);
}

TEST(Observations, ForgetANodeWhoseAddressChanged) {
  Fixture f;
  f.all_answer();
  f.spec.node("b").address.port = 3307;
  f.seen.watch(f.spec.nodes, f.now);
  EXPECT_FALSE(f.of(kB).seen());
}

TEST(Observations, CarryTheQuarantine) {
  Fixture f;
  f.all_answer();
  f.seen.mark(Memory{.quarantined = {kB}});
  EXPECT_TRUE(f.of(kB).has_its_own());
  EXPECT_FALSE(f.of(kC).has_its_own());
  f.take(f.miss(kB));
  EXPECT_TRUE(f.of(kB).has_its_own()) << "silence releases nobody";
  f.seen.mark(Memory{});
  EXPECT_FALSE(f.of(kB).has_its_own());
}

// ---- histories ------------------------------------------------------------------------------------------------------

TEST(ErrantComparison, NeedsALookAtThePrimaryThatBeganAfterTheReplicas) {
  Fixture f;
  f.take(f.answer(kA, "A:1-10"));
  f.now += 1ms;
  f.take(f.answer(kB, "A:1-12"));
  EXPECT_FALSE(f.of(kB).errant) << "A:11-12 were on their way";
  f.now += 1ms;
  auto primary = f.answer(kA, "A:1-12");
  primary.took = 2ms;  // it began before b was read
  f.take(primary);
  EXPECT_FALSE(f.of(kB).errant);
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-13"));
  ASSERT_TRUE(f.of(kB).errant);
  EXPECT_TRUE(f.of(kB).errant->empty());
}

TEST(ErrantComparison, FindsWhatThePrimaryLacks) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10,B:1-2"));
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  EXPECT_EQ(f.of(kB).errant, gtids("B:1-2"));
}

TEST(ErrantComparison, TakesACommitThatWaitsForAcknowledgementsForThePrimarysOwn) {
  Fixture f;
  f.take(f.answer(kB, "A:1-11,B:1"));
  f.now += 1ms;
  auto primary = f.answer(kA, "A:1-10");
  primary.server_uuid = uuid('A');
  primary.semi_sync.wait_sessions = 1;
  f.take(primary);
  EXPECT_EQ(f.of(kB).errant, gtids("B:1"));
}

TEST(ErrantComparison, TakesTheLookBeforeLastWhereTheLastIsTooYoung) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10"));
  f.now += 1s;
  f.take(f.answer(kB, "A:1-15"));
  auto primary = f.answer(kA, "A:1-14");
  primary.took = 10ms;
  f.take(primary);
  ASSERT_TRUE(f.of(kB).errant);
  EXPECT_TRUE(f.of(kB).errant->empty()) << "A:15 came after the primary was read";
}

TEST(ErrantComparison, StartsAnewWhenTheNodeComesBack) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10"));
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  EXPECT_TRUE(f.of(kB).errant);
  f.now += 1ms;
  f.take(f.miss(kB));
  EXPECT_FALSE(f.of(kB).errant);
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  EXPECT_FALSE(f.of(kB).errant);
  f.now += 1ms;
  f.take(f.answer(kB, "A:1-10,B:1"));
  EXPECT_FALSE(f.of(kB).errant);
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  EXPECT_EQ(f.of(kB).errant, gtids("B:1"));
}

TEST(ErrantComparison, StartsAnewUnderAnotherPrimary) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10"));
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  f.seen.primary_changed();
  EXPECT_FALSE(f.of(kB).errant);
}

TEST(ErrantComparison, StandsWhileThePrimaryIsAway) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10,B:1"));
  f.now += 1ms;
  f.take(f.answer(kA, "A:1-10"));
  f.now += 1ms;
  f.take(f.miss(kA));
  EXPECT_EQ(f.of(kB).errant, gtids("B:1"));
}

// ---- pacing ---------------------------------------------------------------------------------------------------------

TEST(Pacing, LooksAtEveryNewNodeAtOnce) {
  Fixture f;
  EXPECT_EQ(f.due(), (Names{"a", "b", "c"}));
  EXPECT_EQ(f.due(), Names{}) << "they are under way";
}

TEST(Pacing, GivesEveryProbeItsDeadline) {
  Fixture f;
  for (const auto& order : f.seen.due(f.now, f.detection(), f.primary)) {
    EXPECT_EQ(order.deadline, f.now + f.detection().probe_timeout);
    EXPECT_EQ(order.depth, Depth::Status);
  }
}

TEST(Pacing, LooksAgainAfterTheInterval) {
  Fixture f;
  (void)f.due();
  f.all_answer();
  f.now += 999ms;
  EXPECT_EQ(f.due(), Names{});
  EXPECT_EQ(f.seen.next_wake_up(), kNow + 1s);
  f.now += 1ms;
  EXPECT_EQ(f.due(), (Names{"a", "b", "c"}));
}

TEST(Pacing, FollowsSilenceWithTheNextProbeAtOnce) {
  Fixture f;
  f.all_answer();
  f.now += 1s;
  (void)f.due();
  f.now += 500ms;
  f.take(f.miss(kB));
  EXPECT_EQ(f.due(), Names{"b"});
}

TEST(Pacing, DoesNotHammerAPortThatRefuses) {
  Fixture f;
  f.all_answer();
  f.now += 1s;
  (void)f.due();
  f.take(f.miss(kB, Reach::Refused));
  f.take(f.answer(kA));
  f.take(f.answer(kC));
  f.now += 900ms;
  EXPECT_EQ(f.due(), Names{});
}

TEST(Pacing, LooksAtEveryoneAtOnceWhenThePrimaryMissesAProbe) {
  Fixture f;
  (void)f.due();
  f.all_answer();
  f.now += 100ms;
  f.take(f.miss(kA));
  EXPECT_EQ(f.due(), (Names{"a", "b", "c"}));
}

TEST(Pacing, LooksCloselyAtTheWitnessesWhileThePrimaryIsInDoubt) {
  Fixture f;
  (void)f.due();
  f.all_answer();
  f.now += 100ms;
  f.take(f.miss(kA));
  (void)f.due();
  f.take(f.answer(kB));
  f.take(f.answer(kC));
  f.now += 19ms;
  EXPECT_EQ(f.due(), Names{});
  f.now += 1ms;
  EXPECT_EQ(f.due(), (Names{"b", "c"}));
}

TEST(Pacing, CalmsDownWhenTheDoubtLasts) {
  Fixture f;
  f.all_answer();
  f.now += 100ms;
  f.take(f.miss(kA));
  (void)f.due();
  f.now += 6s;
  f.take(f.answer(kB));
  f.take(f.answer(kC));
  f.now += 249ms;
  EXPECT_EQ(f.due(), Names{});
  f.now += 1ms;
  EXPECT_EQ(f.due(), (Names{"b", "c"}));
}

TEST(Pacing, CalmsDownWithANodeThatIsSilentForLong) {
  Fixture f;
  f.all_answer();
  for (int i = 0; i <= 10 * f.detection().misses; ++i) {
    (void)f.due();
    f.now += 500ms;
    f.take(f.miss(kB));
    f.take(f.answer(kA));
    f.take(f.answer(kC));
  }
  f.now += 1ms;
  EXPECT_EQ(f.due(), Names{});
  f.now += 1s;
  EXPECT_EQ(f.due(), (Names{"a", "b", "c"}));
}

TEST(Pacing, GivesAProbeUpOfWhichNothingIsHeard) {
  Fixture f;
  (void)f.due();
  f.now += f.detection().probe_timeout + 1999ms;
  f.seen.expire(f.now, f.primary, f.detection());
  EXPECT_FALSE(f.of(kB).seen());
  EXPECT_EQ(f.seen.next_wake_up(), f.now + 1ms);
  f.now += 1ms;
  f.seen.expire(f.now, f.primary, f.detection());
  EXPECT_EQ(f.of(kB).latest->reach, Reach::Silent);
  EXPECT_EQ(f.due(), (Names{"a", "b", "c"}));
}

TEST(Inventories, AreTakenOfEveryNodeAndWaitedFor) {
  Fixture f;
  f.all_answer();
  const auto orders = f.seen.take_inventory(f.now, 10s, {"max_connections"});
  ASSERT_EQ(orders.size(), 3u);
  EXPECT_EQ(orders[0].depth, Depth::Inventory);
  EXPECT_EQ(orders[0].deadline, f.now + 10s);
  EXPECT_EQ(orders[0].variables, Names{"max_connections"});
  EXPECT_EQ(f.seen.inventories_under_way(), (std::set<NodeId>{kA, kB, kC}));
  auto thorough = f.answer(kA);
  thorough.inventory = Inventory{};
  f.take(thorough);
  f.take(f.miss(kB));
  f.take(f.answer(kC));
  EXPECT_EQ(f.seen.inventories_under_way(), std::set<NodeId>{kC}) << "a status look is no inventory";
  EXPECT_FALSE(f.of(kA).latest->inventory) << "kept beside the snapshots";
  f.seen.give_inventories_up();
  EXPECT_TRUE(f.seen.inventories_under_way().empty());
}

TEST(Inventories, ThatBeganBeforeTheyWereAskedForSayNothing) {
  Fixture f;
  f.all_answer();
  auto thorough = f.answer(kB);  // on its way
  thorough.inventory = Inventory{.user_schemas = {"shop"}};
  f.now += 1s;
  f.seen.take_inventory(f.now, 10s, {});
  f.take(thorough);
  EXPECT_FALSE(f.of(kB).inventory);
  EXPECT_TRUE(f.seen.inventories_under_way().contains(kB)) << "waited for still";
  auto asked_for = f.answer(kB);
  asked_for.inventory = Inventory{.user_schemas = {"shop"}};
  f.take(asked_for);
  EXPECT_TRUE(f.of(kB).inventory);
  f.seen.forget_inventories(f.now);
  EXPECT_FALSE(f.of(kB).inventory);
}

TEST(Inventories, OutliveStatusProbes) {
  Fixture f;
  auto thorough = f.answer(kB);
  thorough.inventory = Inventory{.user_schemas = {"shop"}};
  f.take(thorough);
  f.now += 1s;
  f.take(f.answer(kB));
  EXPECT_TRUE(f.of(kB).inventory);
}

// ---- without GTIDs --------------------------------------------------------------------------------------------------

Snapshot placed(const Fixture& f, Seen seen) {
  auto s = seen.now();
  s.taken_at = f.now;
  s.took = 0s;
  return s;
}

TEST(Observations, CompareWithoutGtidsWhatAReplicaHasOfThePrimarysLog) {
  Fixture f;
  auto b = replica("b", "a", {});
  b.log_at(5000).places(1000, 1000);
  f.take(placed(f, b));
  f.now += 1s;
  f.take(placed(f, primary("a", {}).log_at(1000)));
  EXPECT_EQ(f.of(kB).errant, GtidSet{}) << "its own log says nothing";
  f.now += 1s;
  f.take(placed(f, b.places(1200, 1200)));
  f.now += 1s;
  f.take(placed(f, primary("a", {}).log_at(1000)));
  ASSERT_TRUE(f.of(kB).errant);
  EXPECT_EQ(f.of(kB).errant->count(), 200U) << "the primary lost the end of its log";
}

TEST(Observations, DoNotCompareWithoutGtidsWhatHasNoPlaceInThePrimarysLog) {
  Fixture f;
  auto b = replica("b", "c", {});
  f.take(placed(f, b.log_at(900).places(900, 900)));
  auto c = Seen{"c"};
  f.take(placed(f, c.log_at(7000)));
  f.now += 1s;
  f.take(placed(f, primary("a", {}).log_at(1000)));
  EXPECT_EQ(f.of(kB).errant, GtidSet{}) << "it follows another replica";
  EXPECT_FALSE(f.of(kC).errant) << "a primary of before: nobody can tell";
}

TEST(Observations, DoNotCompareAServerWithGtidsWithOneWithout) {
  Fixture f;
  f.take(f.answer(kB, "A:1-10"));
  f.now += 1s;
  f.take(placed(f, primary("a", {}).log_at(1000)));
  EXPECT_FALSE(f.of(kB).errant);
  // And a look of before the change not with one of after it.
  auto b = replica("b", "a", {});
  f.take(placed(f, b.log_at(1000).places(1000, 1000)));
  f.now += 1s;
  f.take(f.answer(kA, "A:1-3"));
  EXPECT_FALSE(f.of(kB).errant);
}

}  // namespace
}  // namespace repl::test

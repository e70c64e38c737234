// Nodes that a new file has no more: they take no more writes, what they wrote is on those that stay before anybody
// moves, somebody else acknowledges before they stop, and their channels go last.
#include <gtest/gtest.h>

#include "plan/converge.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {
namespace {

/// A cluster that runs as its spec says, with data.
struct BeforeLeaving {
  Servers servers;
  Office office;
  Spec spec;

  /// @param newcomers  fresh servers beside it
  static BeforeLeaving running(const SpecOf& spec, const std::string& newcomers = "") {
    auto all = spec;
    for (const auto& name : words(newcomers)) all.add(name);
    BeforeLeaving out{Servers::fresh(all), {}, spec};
    out.change_to(spec, nullptr);
    out.servers.write("a", "shop");
    return out;
  }
  Result<Plan> plan(const Spec& wanted, const std::set<NodeId>& may_lose = {}) const {
    return plan::plan_converge(wanted, office, &spec, servers.view(office.primary), {}, may_lose);
  }
  Plan change_to(const Spec& wanted) { return change_to(wanted, &spec); }
  /// What was written so far is to be had by a clone only.
  void purge() {
    for (const auto& node : spec.nodes) servers[node.id].now.purged = servers["a"].now.executed;
  }

 private:
  Plan change_to(const Spec& wanted, const Spec* before) {
    const auto made = plan::plan_converge(wanted, office, before, servers.view(office.primary));
    EXPECT_TRUE(made) << made.error().message;
    if (!made) return {};
    EXPECT_TRUE(well_formed(*made));
    const auto error = apply_all(servers, *made, in_written_order(*made));
    EXPECT_FALSE(error) << error->message;
    office = plan::office_after(wanted, office, servers.view(office.primary), kNow);
    const auto several = wanted.is_ring() || wanted.is_group();
    EXPECT_EQ(several ? deviations(wanted, servers) : deviations(wanted, *office.primary, servers),
              std::vector<std::string>{});
    if (before != nullptr) {
      EXPECT_EQ(deviations_of_those_who_left(Spec{*before}, wanted, servers), std::vector<std::string>{});
    }
    spec = wanted;
    return *made;
  }
};

SpecOf ring_of(const std::string& names) {
  return spec_of(names).ring();
}

// ---- a ring becomes a tree ------------------------------------------------------------------------------------------

TEST(LeavesWithItsRing, IsClosedAndPassesOnWhatItWrote) {
  for (const bool semi_sync : {false, true}) {
    auto world = BeforeLeaving::running(semi_sync ? spec_of("a b c").acks(1).ring() : ring_of("a b c"));
    world.servers.write("c");
    const auto p = world.change_to(semi_sync ? spec_of("a b").acks(1) : spec_of("a b"));
    EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "c: apply all that b has"));
    EXPECT_TRUE(in_order(p, "c: writable -> super-read-only", "a: apply all that c has"));
    EXPECT_TRUE(in_order(p, "c: apply all that b has", "a: apply all that c has"));
    EXPECT_TRUE(in_order(p, "a: apply all that c has", "a: forget c as its source"));
    EXPECT_TRUE(in_order(p, "a: forget c as its source", "c: forget b as its source"));
    if (semi_sync) {
      EXPECT_TRUE(in_order(p, "c: writable -> super-read-only", "c: semi-sync source off"));
      EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "c: semi-sync replica off")) << "b waits for it";
    }
    const auto& left = world.servers["c"].now;
    EXPECT_TRUE(left.channels.empty());
    EXPECT_FALSE(left.semi_sync.replica_enabled || left.semi_sync.source_enabled);
    EXPECT_FALSE(world.servers.write("c"));
  }
}

TEST(LeavesWithItsRing, IsPassedByWhenItIsDead) {
  auto world = BeforeLeaving::running(ring_of("a b c"));
  world.servers.kill("c");
  world.servers.write("b");
  const auto only_b_has = world.servers["b"].now.executed;
  ASSERT_FALSE(world.servers["a"].now.executed.contains(only_b_has));
  const auto p = world.change_to(spec_of("a b"));
  EXPECT_TRUE(world.servers["a"].now.executed.contains(only_b_has));
  EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "a: apply all that b has"));
  EXPECT_TRUE(in_order(p, "a: follow b", "b: writable -> super-read-only")) << "commits of b may wait for c";
  EXPECT_FALSE(has_step(p, "c: "));
  EXPECT_TRUE(any_reason(p.reasons, "c does not answer"));
}

TEST(LeavesWithItsRing, IsPassedByInTheMiddle) {
  auto world = BeforeLeaving::running(ring_of("a b c d"));
  world.servers.kill("c");
  world.servers.write("b");
  const auto p = world.change_to(spec_of("a b d"));
  EXPECT_TRUE(in_order(p, "d: follow b", "b: writable -> super-read-only"));
  EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "d: apply all that b has"));
  EXPECT_TRUE(in_order(p, "d: apply all that b has", "a: apply all that d has"));
}

TEST(SeveralWriters, AreFollowedByOneOfThemOnly) {
  for (const auto& spec : {ring_of("a b c"), spec_of("a b c").group(TopologyType::GroupMultiPrimary)}) {
    const auto world = BeforeLeaving::running(spec, "d");
    const auto p = world.plan(spec_of("a b c d").source("d"));
    ASSERT_FALSE(p) << testing::PrintToString(sentences(*p));
    EXPECT_EQ(p.error().code, ErrorCode::PreconditionFailed);
    EXPECT_NE(p.error().message.find("d is the source of the new file and no node of the old one"), std::string::npos)
        << p.error().message;
  }
}

// ---- a ring of fewer, or others -------------------------------------------------------------------------------------

TEST(LeavesARing, IsClosedAndPassesOnWhatItWroteBeforeAnybodyMoves) {
  for (const bool semi_sync : {false, true}) {
    auto world = BeforeLeaving::running(semi_sync ? spec_of("a b c d").acks(1).ring() : ring_of("a b c d"));
    const auto p = world.change_to(semi_sync ? spec_of("a b c").acks(1).ring() : ring_of("a b c"));
    EXPECT_TRUE(in_order(p, "d: writable -> super-read-only", "a: apply all that d has"));
    EXPECT_TRUE(in_order(p, "a: apply all that d has", "a: follow c"));
    EXPECT_TRUE(in_order(p, "a: follow c", "a: super-read-only -> writable"));
    EXPECT_TRUE(in_order(p, "a: super-read-only -> writable", "d: forget c as its source"));
  }
}

TEST(LeavesARing, OfTwoInARowTheFirstPassesOnOverTheSecond) {
  auto world = BeforeLeaving::running(ring_of("a b c d"));
  const auto p = world.change_to(ring_of("a b"));
  EXPECT_TRUE(in_order(p, "d: apply all that c has", "a: apply all that d has"));
  EXPECT_TRUE(in_order(p, "a: apply all that d has", "a: follow b"));
}

TEST(LeavesARing, PassesOnOverADeadOne) {
  auto world = BeforeLeaving::running(ring_of("a b c d"));
  world.servers.kill("c");
  world.servers.write("b");
  const auto only_b_has = world.servers["b"].now.executed;
  ASSERT_FALSE(world.servers["d"].now.executed.contains(only_b_has));
  const auto p = world.change_to(ring_of("a d"));
  EXPECT_TRUE(in_order(p, "d: follow b", "b: writable -> super-read-only"));
  EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "d: apply all that b has"));
  EXPECT_TRUE(in_order(p, "d: apply all that b has", "d: follow a"));
  EXPECT_TRUE(world.servers["a"].now.executed.contains(only_b_has));
}

TEST(LeavesARing, IsClosedThoughTheOthersGoOnCountingAsTheyDo) {
  auto world = BeforeLeaving::running(ring_of("a b c"), "d");
  world.change_to(ring_of("a b d"));
  const auto back = world.change_to(ring_of("a b c"));
  EXPECT_TRUE(in_order(back, "d: writable -> super-read-only", "a: apply all that d has"));
  EXPECT_TRUE(in_order(back, "a: apply all that d has", "a: follow c"));
  EXPECT_TRUE(in_order(back, "a: apply all that d has", "c: super-read-only -> writable")) << "it counts as d did";
  EXPECT_FALSE(world.servers.write("d"));
}

TEST(LeavesARing, TakesWritesWhileItsSuccessorIsCloned) {
  auto world = BeforeLeaving::running(ring_of("a b c"), "d");
  world.purge();
  const auto p = world.change_to(ring_of("a b d"));
  EXPECT_TRUE(in_order(p, "d: clone the data of", "c: writable -> super-read-only"));
}

TEST(LeavesARing, PassesOnWhatItWroteWhenItWasClosedBefore) {
  auto world = BeforeLeaving::running(ring_of("a b c"), "d");
  world.change_to(ring_of("a b d"));
  world.servers["d"].now.read_only = ReadOnly::Super;
  const auto p = world.change_to(ring_of("a b c"));
  EXPECT_FALSE(has_step(p, "a: writable -> super-read-only")) << "nobody has to pause";
  EXPECT_TRUE(in_order(p, "a: apply all that d has", "a: follow c"));
}

TEST(LeavesARing, WhichIsASmallerOneWithoutItWhenItIsDead) {
  auto world = BeforeLeaving::running(spec_of("a b c").acks(1).ring());
  world.servers.kill("c");
  EXPECT_FALSE(world.servers.write("b")) << "c would have to acknowledge";
  const auto p = world.change_to(spec_of("a b").acks(1).ring());
  EXPECT_TRUE(in_order(p, "a: follow b", "b: writable -> super-read-only"));
  EXPECT_EQ(all_of_kind<FollowSource>(p).size(), 1U);
}

// ---- a tree becomes a ring ------------------------------------------------------------------------------------------

TEST(AReplicaThatWillWrite, GetsAChannelWithANameWhenItHasAppliedEverything) {
  auto world = BeforeLeaving::running(spec_of("a b").acks(1));
  const auto p = world.change_to(spec_of("a b").acks(1).ring());
  EXPECT_TRUE(in_order(p, "a: writable -> super-read-only", "b: apply all that a has"));
  EXPECT_TRUE(in_order(p, "b: apply all that a has", "b: forget a as its source"));
  EXPECT_TRUE(in_order(p, "b: forget a as its source", "b: follow a"));
  for (const auto* node : {"a", "b"}) EXPECT_EQ(world.servers[node].now.channel()->name, "ring") << node;
}

// ---- ackers ---------------------------------------------------------------------------------------------------------

TEST(AnAckerThatLeaves, AcknowledgesUntilAnotherDoesInItsPlace) {
  auto world = BeforeLeaving::running(spec_of("a b c").sync_all(), "d");
  world.purge();
  const auto p = world.change_to(spec_of("a b d").sync_all());
  EXPECT_FALSE(has_step(p, "a: semi-sync source on")) << "a commit is always on three nodes";
  EXPECT_TRUE(in_order(p, "d: follow a", "a: wait for 3 semi-sync replicas"));
  EXPECT_TRUE(in_order(p, "a: wait for 3 semi-sync replicas", "c: semi-sync replica off"));
  EXPECT_TRUE(in_order(p, "c: semi-sync replica off", "d: apply all that a has"));
  EXPECT_TRUE(in_order(p, "c: semi-sync replica off", "b: apply all that a has"));
  EXPECT_TRUE(in_order(p, "d: apply all that a has", "c: forget a as its source"));
}

TEST(AnAckerThatLeaves, IsReplacedByACloneOfThePrimaryWhileItAcknowledges) {
  auto world = BeforeLeaving::running(spec_of("a b").acks(1), "c");
  world.purge();
  const auto p = world.change_to(spec_of("a c").acks(1));
  EXPECT_TRUE(has_step(p, "c: clone the data of a"));
  EXPECT_FALSE(has_step(p, "a: writable -> super-read-only")) << "b acknowledges";
  EXPECT_TRUE(in_order(p, "c: follow a", "b: semi-sync replica off"));
}

TEST(AnAckerThatLeaves, IsNotWaitedForWhereEnoughStay) {
  auto world = BeforeLeaving::running(spec_of("a b c").acks(1));
  EXPECT_TRUE(all_of_kind<WaitForAckers>(world.change_to(spec_of("a b").acks(1))).empty());
}

TEST(AnAckerThatLeaves, TogetherWithTheWaitForTwoIsLetGoAfterThat) {
  auto world = BeforeLeaving::running(spec_of("a b c").sync_all());
  const auto p = world.change_to(spec_of("a b").sync_all());
  EXPECT_TRUE(in_order(p, "a: semi-sync source on, 1 ack", "c: semi-sync replica off"));
}

TEST(AnAckerThatIsCloned, IsCountedAgainWhenItFollows) {
  auto world = BeforeLeaving::running(spec_of("a b c").sync_all());
  // Attached, and somebody has written on it.
  world.servers["c"].now.executed = unite(world.servers["c"].now.executed, gtids("C:7-8"));
  const auto p = world.plan(world.spec, {kC});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: semi-sync source on, 1 ack", "c: clone the data of b"));
  EXPECT_TRUE(in_order(*p, "c: follow a", "a: semi-sync source on, 2 acks"));
  ASSERT_FALSE(apply_all(world.servers, *p, in_written_order(*p)));
  EXPECT_EQ(deviations(world.spec, kA, world.servers), std::vector<std::string>{});
}

TEST(AnAckerThatIsCloned, AndIsTheOnlyOneFindsThePrimaryClosed) {
  auto world = BeforeLeaving::running(spec_of("a b").acks(1));
  world.servers["b"].now.executed = unite(world.servers["b"].now.executed, gtids("B:7-8"));
  world.servers["a"].now.semi_sync.wait_sessions = 1;  // for the moment in which it was looked at
  const auto p = world.plan(world.spec, {kB});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", "b: clone the data of a"));
  EXPECT_FALSE(has_step(*p, "a: fence")) << "b acknowledges until then";
  EXPECT_TRUE(in_order(*p, "b: follow a", "a: wait for 1 semi-sync replica"));
  EXPECT_TRUE(in_order(*p, "a: wait for 1 semi-sync replica", "a: super-read-only -> writable"));
  world.servers["a"].now.semi_sync.wait_sessions = 0;
  ASSERT_FALSE(apply_all(world.servers, *p, in_written_order(*p)));
  EXPECT_EQ(deviations(world.spec, kA, world.servers), std::vector<std::string>{});
}

TEST(AnAckerThatIsDead, IsReplacedByACloneThatDoesNotWaitForHangingCommits) {
  auto world = BeforeLeaving::running(spec_of("a b").acks(1), "c");
  world.purge();
  world.servers.kill("b");
  const auto quiet = world.plan(spec_of("a c").acks(1));
  ASSERT_TRUE(quiet) << quiet.error().message;
  EXPECT_TRUE(in_order(*quiet, "a: writable -> super-read-only", "c: clone the data of a"));
  world.servers["a"].now.semi_sync.wait_sessions = 1;
  const auto hanging = world.plan(spec_of("a c").acks(1));
  ASSERT_TRUE(hanging) << hanging.error().message;
  EXPECT_TRUE(in_order(*hanging, "a: fence, it must not take writes", "c: clone the data of a"));
  world.change_to(spec_of("a c").acks(1));
}

TEST(AnAckerThatMovesAway, IsNotWaitedForUntilAnotherIsThere) {
  auto world = BeforeLeaving::running(spec_of("a b c").sync_all(), "d");
  world.purge();
  const auto p = world.change_to(spec_of("a b c d").sync_all().follows("c", "b"));
  EXPECT_TRUE(in_order(p, "a: semi-sync source on, 1 ack", "c: follow b"));
  EXPECT_TRUE(in_order(p, "d: follow a", "a: semi-sync source on, 2 acks"));
}

// ---- groups ---------------------------------------------------------------------------------------------------------

TEST(LeavesAGroup, TheNewSourceLastWhenItHasWhatTheOthersWrote) {
  auto world = BeforeLeaving::running(spec_of("a b c d").group(TopologyType::GroupMultiPrimary));
  const auto p = world.change_to(spec_of("a b c"));
  for (const std::string node : {"b", "c", "d"}) {
    EXPECT_TRUE(in_order(p, node + ": leave the group", fmt::format("a: apply all that {} has", node)));
    EXPECT_TRUE(in_order(p, fmt::format("a: apply all that {} has", node), "a: leave the group"));
  }
}

}  // namespace
}  // namespace repl::test

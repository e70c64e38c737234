// What is counted of a view: witnesses, quorum, who follows whom.
#include <gtest/gtest.h>

#include "unit/diagnose/found.hpp"

namespace repl::test {
namespace {

using diagnose::Witness;

Witness witness_of(Cluster& c, const std::string& name) {
  const auto view = c.view();
  const auto facts = diagnose::count_facts(c.spec, c.office, view);
  for (const auto& n : facts.nodes) {
    if (n.spec->id.name == name) return n.witness;
  }
  return Witness::Nothing;
}

TEST(Quorum, IsAllButOneLessThanTheAcknowledgements) {
  struct Row {
    std::size_t ackers;
    int acks, needed;
  };
  for (const auto& r : {Row{1, 1, 1}, Row{2, 1, 2}, Row{2, 2, 1}, Row{3, 1, 3}, Row{3, 2, 2}, Row{3, 3, 1},
                        Row{9, 2, 8}, Row{5, 0, 0}, Row{0, 1, 0}, Row{0, 0, 0}}) {
    EXPECT_EQ(diagnose::quorum(r.ackers, r.acks), r.needed) << r.ackers << " ackers, " << r.acks << " acks";
  }
}

TEST(Quorum, NeedsAtLeastOneWhereMoreAcknowledgementsWereAskedForThanAckersAreKnown) {
  EXPECT_EQ(diagnose::quorum(1, 3), 1);
}

TEST(AWitness, HearsWhileHeartbeatsCome) {
  auto c = running(spec_of("a b c"));
  EXPECT_EQ(witness_of(c, "b"), Witness::Hears);
}

TEST(AWitness, HasLostThePrimaryAfterThreeHeartbeatsOfSilence) {
  auto c = running(spec_of("a b c"));
  c["b"].hears_nothing_for(1500ms);
  EXPECT_EQ(witness_of(c, "b"), Witness::Hears);
  c["b"].hears_nothing_for(1501ms);
  EXPECT_EQ(witness_of(c, "b"), Witness::Lost);
}

TEST(AWitness, WithoutHeartbeatsIsNotTrustedForMinutes) {
  auto c = running(spec_of("a b c"));
  c["b"].channel().heartbeat_interval = 0s;
  c["b"].hears_nothing_for(170s);
  EXPECT_EQ(witness_of(c, "b"), Witness::Hears);
  c["b"].hears_nothing_for(181s);
  EXPECT_EQ(witness_of(c, "b"), Witness::Lost);
}

TEST(AWitness, SaysNothingBeforeItHeardAnything) {
  auto c = running(spec_of("a b c"));
  c["b"].channel().silence.reset();
  EXPECT_EQ(witness_of(c, "b"), Witness::Nothing);
}

TEST(AWitness, SpeaksOnlyWhenItsErrorIsAboutTheSource) {
  struct Row {
    int receiver_errno;
    Witness says;
  };
  for (const auto& row : {
           Row{0, Witness::Lost}, Row{2003, Witness::Lost}, Row{2006, Witness::Lost}, Row{2013, Witness::Lost},
           Row{2026, Witness::Lost},      // over TLS a killed server or a time-out shows as 2026
           Row{2005, Witness::Nothing},   // its name server, not the source
           Row{1045, Witness::Nothing},   // our password
           Row{2061, Witness::Nothing},   // our key
           Row{3032, Witness::Nothing},   // the source is in offline_mode, so it lives
           Row{1236, Witness::Nothing},   // the source answered
           Row{13114, Witness::Nothing},  // the source answered
           Row{1040, Witness::Nothing},   // too many connections: the source answered
       }) {
    auto c = running(spec_of("a b c"));
    c["b"].lost_source(row.receiver_errno);
    EXPECT_EQ(witness_of(c, "b"), row.says) << row.receiver_errno;
  }
}

TEST(AWitness, IsNotAReceiverThatWasStopped) {
  auto c = running(spec_of("a b c"));
  c["b"].receiver_stopped();
  EXPECT_EQ(witness_of(c, "b"), Witness::Nothing);
  c["b"].receiver_stopped(2003);
  EXPECT_EQ(witness_of(c, "b"), Witness::Nothing);
}

TEST(AWitness, FollowsThePrimaryDirectly) {
  auto c = running(spec_of("a b c").follows("c", "b"));
  c["c"].lost_source();
  EXPECT_EQ(witness_of(c, "c"), Witness::Nothing);
}

TEST(AWitness, AnswersItself) {
  auto c = running(spec_of("a b c"));
  c["b"].lost_source().silent(1);
  EXPECT_EQ(witness_of(c, "b"), Witness::Nothing);
}

TEST(AWitness, MayBeADelayedReplica) {
  auto c = running(spec_of("a b").delayed("b", 24h));
  c["b"].lost_source();
  EXPECT_EQ(witness_of(c, "b"), Witness::Lost);
}

TEST(Facts, CountOnlyAttachedHealthyAckers) {
  auto c = running(spec_of("a b c d e").acks(1).delayed("e", 1h));
  c["c"].no_acker();
  c["d"].follow("b").acker();
  const auto view = c.view();
  EXPECT_EQ(diagnose::count_facts(c.spec, c.office, view).acks_possible, 1);
}

TEST(Facts, TakeALostIntermediateSourceForThePrimary) {
  auto c = running(spec_of("a b c").follows("c", "b"));
  c["b"].refused();
  c["c"].detached();
  const auto view = c.view();
  const auto facts = diagnose::count_facts(c.spec, c.office, view);
  EXPECT_EQ(facts.nodes[2].should_follow, NodeId{"a"});
}

TEST(Facts, LeaveAReplicaBelowALostIntermediateSourceItStillPointsTo) {
  auto c = running(spec_of("a b c").follows("c", "b"));
  c["b"].refused();
  c["c"].lost_source();
  const auto view = c.view();
  const auto facts = diagnose::count_facts(c.spec, c.office, view);
  EXPECT_EQ(facts.nodes[2].should_follow, NodeId{"b"});
}

TEST(Facts, DoNotCallTheObserverIsolatedWhenHalfOfTheOthersAnswer) {
  diagnose::Facts f;
  f.others = 4;
  f.others_reached = 2;
  EXPECT_FALSE(f.observer_isolated());
  f.others_reached = 1;
  EXPECT_TRUE(f.observer_isolated());
  f.others = 0;
  f.others_reached = 0;
  EXPECT_FALSE(f.observer_isolated());
}

}  // namespace
}  // namespace repl::test

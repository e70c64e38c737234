// Switchover: when it is refused, the order of its steps, and what moves before writes are held up.
#include "plan/switchover.hpp"

#include <gtest/gtest.h>

#include "unit/plan/reading.hpp"
#include "unit/support/apply_step.hpp"

namespace repl::test {
namespace {

Result<Plan> switchover(const Cluster& c, const std::optional<std::string>& to = std::nullopt,
                        std::chrono::milliseconds timeout = 10s) {
  return plan::plan_switchover(c.spec, c.office, c.view(), to ? std::optional{NodeId{*to}} : std::nullopt, timeout);
}

void expect_refused(const Result<Plan>& p, ErrorCode code, const std::string& part = "") {
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, code) << p.error().message;
  EXPECT_NE(p.error().message.find(part), std::string::npos) << p.error().message;
}

constexpr const char* kClosesA = "a: writable -> super-read-only";

// ---- refusals -------------------------------------------------------------------------------------------------------

TEST(PlanSwitchover, IsRefusedBeforeAnybodyIsInOffice) {
  auto c = running(spec_of("a b c"));
  c.office = {};
  expect_refused(switchover(c), ErrorCode::PreconditionFailed, "apply the topology first");
}

TEST(PlanSwitchover, IsRefusedToThePrimaryItself) {
  expect_refused(switchover(running(spec_of("a b c")), "a"), ErrorCode::PreconditionFailed, "a is the primary already");
}

TEST(PlanSwitchover, IsRefusedToAnUnknownNode) {
  expect_refused(switchover(running(spec_of("a b c")), "z"), ErrorCode::NoSuchNode, "no node is called z");
}

TEST(PlanSwitchover, IsRefusedWhileThePrimaryIsGone) {
  expect_refused(switchover(running(spec_of("a b c")).kill("a")), ErrorCode::PreconditionFailed, "replctl failover");
}

TEST(PlanSwitchover, IsRefusedWhileThePrimaryIsClosed) {
  auto c = running(spec_of("a b c"));
  c["a"].read_only(ReadOnly::Super);
  expect_refused(switchover(c), ErrorCode::PreconditionFailed, "read-only");
}

TEST(PlanSwitchover, IsRefusedWhileTheOldPrimaryWouldFindNoLoginToFollowWith) {
  auto c = running(spec_of("a b c"));
  c["a"].inventory().account_faults[AccountRole::Replication] = {AccountFault::Password};
  expect_refused(switchover(c), ErrorCode::PreconditionFailed, "replctl rotate");
}

TEST(PlanSwitchover, RefusesACandidateWithErrantTransactions) {
  auto c = running(spec_of("a b c"));
  c["b"].executed("A:1-100,B:1").errant("B:1");
  expect_refused(switchover(c, "b"), ErrorCode::ErrantTransactions, gtids("B:1").to_string());
}

TEST(PlanSwitchover, RefusesACandidateInQuarantine) {
  auto c = running(spec_of("a b c"));
  c["b"].quarantined().not_compared();
  EXPECT_FALSE(switchover(c, "b"));
  const auto p = switchover(c);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->promotes, NodeId{"c"});
  EXPECT_FALSE(has_step(*p, "b: follow")) << "a quarantined node is left alone";
}

TEST(PlanSwitchover, PutsNobodyBelowANodeInQuarantine) {
  auto c = running(spec_of("a b c d").follows("d", "c").follows("a", "c"));
  c["d"].follow("a");
  c["c"].quarantined().not_compared();
  const auto p = switchover(c, "b");
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "d: follow b")) << testing::PrintToString(sentences(*p));
  EXPECT_TRUE(has_step(*p, "a: follow b")) << testing::PrintToString(sentences(*p));
}

TEST(PlanSwitchover, RefusesACandidateThatDoesNotReplicateNow) {
  for (const auto& change : std::vector<std::function<void(Seen&)>>{
           [](Seen& n) { n.no_channel(); }, [](Seen& n) { n.lost_source(); }, [](Seen& n) { n.receiver_stopped(); },
           [](Seen& n) { n.applier_stopped(); }, [](Seen& n) { n.refused(); }}) {
    auto c = running(spec_of("a b c"));
    change(c["b"]);
    expect_refused(switchover(c, "b"), ErrorCode::NotAReplica, "replctl problems");
  }
}

TEST(PlanSwitchover, RefusesACandidateThatMustNotBePromoted) {
  expect_refused(switchover(running(spec_of("a b c").promotion("b", Promotion::Never)), "b"), ErrorCode::NotPromotable,
                 "promotion: never");
  expect_refused(switchover(running(spec_of("a b c").delayed("b", 1h)), "b"), ErrorCode::NotPromotable, "delayed");
}

TEST(PlanSwitchover, IsRefusedWhereNoOtherNodeReplicates) {
  auto c = running(spec_of("a b c"));
  c["b"].refused();
  c["c"].lost_source();
  expect_refused(switchover(c), ErrorCode::NotPromotable);
}

TEST(PlanSwitchover, IsRefusedWhereClosingThePrimaryWouldHangBehindCommits) {
  auto c = running(spec_of("a b c").acks(2));
  c["c"].refused();
  expect_refused(switchover(c, "b"), ErrorCode::PreconditionFailed, "need 2 acks and 1 replicas");
}

TEST(PlanSwitchover, MayCrossRegionsAndLagWhenANodeIsNamed) {
  auto c = running(spec_of("a b c").region("b", "us"));
  EXPECT_TRUE(switchover(c, "b"));
  c["b"].lag(1h);
  EXPECT_TRUE(switchover(c, "b"));
  EXPECT_EQ(switchover(c)->promotes, NodeId{"c"});
}

// ---- order ----------------------------------------------------------------------------------------------------------

TEST(PlanSwitchover, ClosesThenCatchesUpThenOpens) {
  for (const auto& spec :
       {spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").acks(2), spec_of("a b c d").sync_all()}) {
    const auto p = switchover(running(spec), "b");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_TRUE(well_formed(*p));
    EXPECT_EQ(p->goal, Goal::SwitchOver);
    EXPECT_EQ(p->promotes, NodeId{"b"});
    EXPECT_EQ(p->point_of_no_return, step_at(*p, kOpensB));
    EXPECT_TRUE(in_order(*p, kClosesA, "b: apply all that a has"));
    EXPECT_TRUE(in_order(*p, "b: apply all that a has", kOpensB));
    EXPECT_TRUE(in_order(*p, kOpensB, "b: forget a"));
    EXPECT_TRUE(in_order(*p, kOpensB, "a: follow b"));
  }
}

TEST(PlanSwitchover, EnablesSemiSyncAfterCatchingUpAndBeforeOpening) {
  const auto p = switchover(running(spec_of("a b c").acks(1)), "b");
  ASSERT_TRUE(p);
  EXPECT_TRUE(in_order(*p, "b: apply all that a has", "b: semi-sync source on, 1 ack"));
  EXPECT_TRUE(in_order(*p, "b: semi-sync source on, 1 ack", kOpensB));
  EXPECT_TRUE(in_order(*p, kOpensB, "a: semi-sync source off"));
  EXPECT_TRUE(in_order(*p, "a: semi-sync source off", "a: follow b"));
  EXPECT_TRUE(std::get<SetReadOnly>(p->steps[p->point_of_no_return].step).only_with_semi_sync);
}

TEST(PlanSwitchover, MovesReplicasBeforeWritesAreHeldUpWhereOneAcknowledgementIsEnough) {
  for (const auto& spec : {spec_of("a b c d"), spec_of("a b c d").acks(1)}) {
    const auto p = switchover(running(spec), "b");
    ASSERT_TRUE(p);
    EXPECT_TRUE(in_order(*p, "c: follow b", kClosesA));
    EXPECT_TRUE(in_order(*p, "d: follow b", kClosesA));
  }
}

TEST(PlanSwitchover, MovesReplicasLateWhereTheirAcknowledgementsAreNeeded) {
  auto two = running(spec_of("a b c d").acks(2));
  auto candidate_does_not = running(spec_of("a b c d").acks(1));
  candidate_does_not["b"].no_acker();
  for (const auto& c : {two, candidate_does_not}) {
    const auto p = switchover(c, "b");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_TRUE(in_order(*p, kClosesA, "c: follow b"));
    EXPECT_FALSE(waits_for(*p, p->point_of_no_return, step_at(*p, "c: follow b")));
    EXPECT_TRUE(p->steps[step_at(*p, "c: follow b")].best_effort);
  }
}

TEST(PlanSwitchover, LeavesDeclaredChainsAlone) {
  const auto p = switchover(running(spec_of("a b c d").follows("d", "c")), "b");
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "d: follow"));
  EXPECT_TRUE(has_step(*p, "c: follow b"));
}

TEST(PlanSwitchover, LeavesAChildOfTheOldPrimaryWhereItIsDeclared) {
  const auto p = switchover(running(spec_of("a b c").follows("c", "a")), "b");
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "c: follow"));
  EXPECT_TRUE(has_step(*p, "a: follow b"));
}

TEST(PlanSwitchover, LeavesAQuarantinedNodeAlone) {
  auto c = running(spec_of("a b c"));
  c["c"].executed("A:1-100,C:1").errant("C:1");
  const auto p = switchover(c, "b");
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "c: follow"));
}

TEST(PlanSwitchover, NeverMakesALoopWhenTheCandidateIsChained) {
  for (const auto& spec : {spec_of("a b c").follows("c", "b"), spec_of("a b c d").follows("c", "b").follows("d", "c"),
                           spec_of("a b c d").acks(1).follows("c", "b")}) {
    for (const auto* to : {"c", "d"}) {
      if (spec.find(NodeId{to}) == nullptr) continue;
      const auto c = running(spec);
      const auto p = switchover(c, to);
      ASSERT_TRUE(p) << p.error().message;
      // Walk through it: at no point may nodes follow each other in a circle.
      std::map<std::string, std::string> follows;
      for (const auto& node : spec.nodes) {
        if (const auto source = spec.source_of(node.id, {"a"})) follows[node.id.name] = source->name;
      }
      for (const auto& s : p->steps) {
        if (const auto* f = std::get_if<FollowSource>(&s.step)) follows[f->replica.name] = f->to.name;
        if (const auto* f = std::get_if<ForgetSource>(&s.step)) follows.erase(f->replica.name);
        for (const auto& [start, unused] : follows) {
          auto at = start;
          std::size_t hops = 0;
          while (follows.contains(at) && ++hops <= follows.size()) at = follows[at];
          EXPECT_LE(hops, follows.size()) << "loop at " << start << " after " << describe(s.step);
        }
      }
    }
  }
}

TEST(PlanSwitchover, GetsAChainedCandidateToThePrimaryFirst) {
  const auto p = switchover(running(spec_of("a b c").follows("c", "b")), "c");
  ASSERT_TRUE(p);
  EXPECT_TRUE(in_order(*p, "c: follow a", "b: follow c"));
  EXPECT_TRUE(in_order(*p, "c: follow a", kClosesA));
}

TEST(PlanSwitchover, HoldsWritesUpNoLongerThanAsked) {
  const auto p = switchover(running(spec_of("a b c")), "b", 3s);
  ASSERT_TRUE(p);
  const auto close = std::get<SetReadOnly>(p->steps[step_at(*p, kClosesA)].step);
  const auto wait = all_of_kind<WaitForApplied>(*p).at(0);
  EXPECT_LE(close.lock_wait, 3s);
  EXPECT_LE(wait.timeout, 3s);
}

TEST(PlanSwitchover, LetsClientsInBeforeOpening) {
  auto c = running(spec_of("a b c"));
  c["b"].offline();
  EXPECT_TRUE(in_order(*switchover(c, "b"), "b: let clients in", kOpensB));
}

TEST(PlanSwitchover, ReopensTheOldPrimaryOnlyAsItWas) {
  const auto p = switchover(running(spec_of("a b c").acks(1)), "b");
  ASSERT_TRUE(p);
  const auto back = inverse(p->steps[step_at(*p, kClosesA)].step);
  ASSERT_TRUE(back);
  const auto& open = std::get<SetReadOnly>(*back);
  EXPECT_EQ(open.node.name, "a");
  EXPECT_EQ(open.to, ReadOnly::Off);
  EXPECT_TRUE(open.only_with_semi_sync) << "restarted meanwhile, it would acknowledge alone";
}

TEST(PlanSwitchover, ChoosesTheBestCandidateWhenNoneIsNamed) {
  const auto p = switchover(running(spec_of("a b c").promotion("c", Promotion::Prefer)));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->promotes, NodeId{"c"});
  EXPECT_TRUE(any_reason(p->reasons, "c is chosen"));
}

}  // namespace
}  // namespace repl::test

// Settings that only a start of the server makes true, and the base of variables that no file names.
#include <gtest/gtest.h>

#include "plan/base.hpp"
#include "plan/converge.hpp"
#include "plan/put_back.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {
namespace {

constexpr const char* kRestartOnly = "report_host";

/// A cluster that runs as `spec` says, with data.
struct Established {
  Spec spec;
  Servers servers;
  Office office;
  PriorSettings prior;

  explicit Established(const Spec& wanted) : spec(wanted), servers(Servers::fresh(wanted)) {
    change(wanted, nullptr);
    servers.write("a", "shop");
  }
  Result<Plan> plan(const Spec& wanted) const {
    return plan::plan_converge(wanted, office, &spec, servers.view(office.primary), prior);
  }
  std::vector<std::string> planned(const Spec& wanted) const {
    const auto made = plan(wanted);
    EXPECT_TRUE(made) << made.error().message;
    return made ? sentences(*made) : std::vector<std::string>{};
  }
  Plan change(const Spec& wanted) { return change(wanted, &spec); }
  Plan change(const Spec& wanted, const Spec* before) {
    const auto view = servers.view(office.primary);
    const auto made = plan::plan_converge(wanted, office, before, view, prior);
    EXPECT_TRUE(made) << made.error().message;
    if (!made) return {};
    prior = plan::captured(prior, wanted, before, view);
    const auto error = apply_all(servers, *made, in_written_order(*made));
    EXPECT_FALSE(error) << error->message;
    office = plan::office_after(wanted, office, servers.view(office.primary), kNow);
    if (made->promotes) office.primary = made->promotes;
    spec = wanted;
    return *made;
  }
};

using Lines = std::vector<std::string>;

std::string refusal(const Result<Plan>& plan) {
  EXPECT_FALSE(plan) << testing::PrintToString(sentences(*plan));
  return plan ? std::string{} : plan.error().message;
}

testing::AssertionResult mentions(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << part << "\" is not in: " << text;
}

// ---- source-replica -------------------------------------------------------------------------------------------------

TEST(Restarts, GoThroughTheReplicasAndThenThroughASwitchover) {
  Established c{spec_of("a b c").acks(1)};
  const auto wanted = spec_of("a b c").acks(1).setting(kRestartOnly, "here");
  const auto p = c.change(wanted);
  EXPECT_TRUE(well_formed(p));
  const auto first = std::string{"b: restart the server: report_host '' -> here needs one"};
  EXPECT_TRUE(in_order(p, first, "b: apply all that a has"));
  EXPECT_TRUE(in_order(p, "b: apply all that a has", "c: restart the server"));
  EXPECT_TRUE(in_order(p, "c: restart the server", "a: writable -> super-read-only"));
  EXPECT_TRUE(in_order(p, kOpensB, "a: restart the server"));
  EXPECT_TRUE(in_order(p, "a: follow b", "a: restart the server"));
  EXPECT_EQ(p.promotes, NodeId{"b"});
  EXPECT_TRUE(p.moves_primary());
  EXPECT_EQ(describe(p.steps[p.point_of_no_return].step), kOpensB);
  EXPECT_EQ(deviations(wanted, {"b"}, c.servers), Lines{});
  EXPECT_EQ(c.planned(wanted), Lines{}) << "and the primary is not moved back";
  EXPECT_TRUE(c.servers.write("b"));
}

TEST(Restarts, OfReplicasAloneMoveNoPrimary) {
  Established c{spec_of("a b c")};
  const auto p = c.change(spec_of("a b c").skip_errors("b", {1396, 1133}));
  EXPECT_EQ(sentences(p), (Lines{"b: restart the server: replica_skip_errors OFF -> 1133,1396 needs one",
                                 "b: apply all that a has (at most 60 s)"}));
  EXPECT_FALSE(p.promotes);
  EXPECT_EQ(c.servers["b"].has.persisted.at("replica_skip_errors"), "1133,1396");
  EXPECT_EQ(c.planned(spec_of("a b c")), (Lines{"b: restart the server: replica_skip_errors 1133,1396 -> OFF needs one",
                                                "b: apply all that a has (at most 60 s)"}));
  c.change(spec_of("a b c"));
  EXPECT_FALSE(c.servers["b"].has.persisted.contains("replica_skip_errors"));
}

TEST(Restarts, HappenInPlaceWhereTheFileLetsNobodyTakeOver) {
  const auto nobody = [] { return spec_of("a b").acks(1).promotion("b", Promotion::Never); };
  Established c{nobody()};
  const auto wanted = nobody().setting(kRestartOnly, "here");
  const auto p = c.change(wanted);
  EXPECT_FALSE(p.promotes);
  EXPECT_TRUE(in_order(p, "b: restart the server", "a: writable -> super-read-only"));
  EXPECT_TRUE(in_order(p, "a: writable -> super-read-only", "a: restart the server"));
  EXPECT_TRUE(in_order(p, "a: apply all that b has", "a: super-read-only -> writable")) << "it has not gone back";
  EXPECT_TRUE(in_order(p, "a: semi-sync source on", "a: super-read-only -> writable"));
  EXPECT_TRUE(std::any_of(p.reasons.begin(), p.reasons.end(), [](const std::string& reason) {
    return reason.starts_with("a takes no writes while it restarts");
  }));
  EXPECT_TRUE(std::any_of(p.reasons.begin(), p.reasons.end(), [](const std::string& reason) {
    return reason == "commits on a wait while b restarts: its acknowledgement is needed";
  }));
  EXPECT_EQ(deviations(wanted, {"a"}, c.servers), Lines{});
  EXPECT_EQ(c.planned(wanted), Lines{});
}

TEST(Restarts, OfThePrimaryAreRefusedWhileNobodyCanTakeOver) {
  Established c{spec_of("a b")};
  c.servers["b"].now.channels.front().applier = ThreadState::Stopped;
  c.servers["b"].now.channels.front().applier_errno = 1062;
  const auto text = refusal(c.plan(spec_of("a b").setting(kRestartOnly, "here")));
  EXPECT_TRUE(mentions(text, "nothing was changed: a is the primary and has to be restarted for report_host"));
  EXPECT_TRUE(mentions(text, "nobody can take over from it now"));
}

TEST(Restarts, OfThePrimaryAreRefusedBesideOtherChanges) {
  Established c{spec_of("a b c")};
  c.servers.add({"d"});
  const auto text = refusal(c.plan(spec_of("a b c d").setting(kRestartOnly, "here")));
  EXPECT_TRUE(mentions(text, "apply those first, without report_host, then this file"));
}

TEST(Restarts, AreNotPlannedTogetherWithAnotherTopology) {
  Established c{spec_of("a b c")};
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b c").ring().setting(kRestartOnly, "here"))),
                       "apply the one, then the other"));
}

TEST(Restarts, NeedAPrivilegeThatNothingElseNeeds) {
  Established c{spec_of("a b")};
  c.servers["b"].has.admin_may_restart = false;
  EXPECT_EQ(c.planned(spec_of("a b").setting("max_connections", "300")).size(), 2U);
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b").setting(kRestartOnly, "here"))), "b has to be restarted"));
}

TEST(Restarts, AreAllThereIsToDoWhereTheValueIsPersistedAlready) {
  Established c{spec_of("a b")};
  c.servers["b"].has.persisted[kRestartOnly] = "there";
  const auto p = *c.plan(spec_of("a b").skip_errors("a", {}).setting("max_connections", "151"));
  EXPECT_TRUE(p.empty());
  auto wanted = spec_of("a b");
  wanted.node("b").settings[kRestartOnly] = "there";
  const auto restart = all_of_kind<RestartServer>(*c.plan(wanted));
  ASSERT_EQ(restart.size(), 1U);
  EXPECT_EQ(restart.front().variables, (std::vector<StartVariable>{{kRestartOnly, "", "there", "there", "there"}}));
}

TEST(Restarts, AreRefusedByAServerThatNobodyStartsAgainAndNothingIsLeft) {
  Established c{spec_of("a b")};
  c.servers["b"].supervised = false;
  const auto p = *c.plan(spec_of("a b").setting(kRestartOnly, "here"));
  const auto error = apply_all(c.servers, p, in_written_order(p));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::PreconditionFailed);
  EXPECT_FALSE(c.servers["b"].has.persisted.contains(kRestartOnly));
}

TEST(Restarts, CanGiveAReplicaItsBinaryLogOfWhatItApplies) {
  auto spec = spec_of("a b").setting("log_replica_updates", "ON");
  auto servers = Servers::fresh(spec);
  servers["b"].now.log_replica_updates = false;
  servers["b"].has.variables["log_replica_updates"] = "OFF";
  const auto planned = [&](const Spec& wanted) {
    return plan::plan_converge(wanted, Office{}, nullptr, servers.view());
  };
  EXPECT_TRUE(mentions(refusal(planned(spec)), "b has log_replica_updates off"));
  servers["b"].has.fixed_until_restart.insert("log_replica_updates");
  const auto p = planned(spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "b: restart the server: log_replica_updates OFF -> ON needs one"));
}

TEST(Restarts, CannotSetWhatNoSqlCanPersist) {
  Established c{spec_of("a b")};
  for (const auto* node : {"a", "b"}) {
    c.servers[node].has.variables["bind_address"] = "*";
    c.servers[node].has.fixed_until_restart.insert("bind_address");
    c.servers[node].has.fixed_by_option_file.insert("bind_address");
  }
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b").setting("bind_address", "127.0.0.1"))), "option file"));
  EXPECT_EQ(c.planned(spec_of("a b").setting("bind_address", "*")), Lines{}) << "it is so already";
}

TEST(Settings, ThatTheServersDoNotHaveAreRefused) {
  Established c{spec_of("a b")};
  c.servers["b"].has.fixed_by_option_file.insert("max_conections");
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b").setting("max_conections", "321"))),
                       "b has no server variable max_conections"));
}

TEST(Restarts, BringEverythingOnAFirstApply) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(2)}) {
    auto with = spec;
    with.setting(kRestartOnly, "here");
    Established c{with};
    EXPECT_EQ(deviations(with, {"a"}, c.servers), Lines{});
    EXPECT_EQ(c.office.primary, NodeId{"a"});
    EXPECT_EQ(c.planned(with), Lines{});
  }
}

// ---- rings and groups -----------------------------------------------------------------------------------------------

TEST(Restarts, CloseOneNodeOfARingAfterTheOther) {
  for (const auto& spec : {spec_of("a b c").ring(), spec_of("a b").ring()}) {
    Established c{spec};
    auto with = spec;
    with.setting(kRestartOnly, "here");
    const auto p = c.change(with);
    EXPECT_TRUE(in_order(p, "a: writable -> super-read-only", "b: apply all that a has"));
    EXPECT_TRUE(in_order(p, "b: apply all that a has", "a: restart the server"));
    EXPECT_TRUE(in_order(p, "a: super-read-only -> writable", "b: writable -> super-read-only"));
    EXPECT_EQ(deviations(with, c.servers), Lines{});
    EXPECT_EQ(c.planned(with), Lines{});
  }
}

// What it wrote last may be with its follower only, which must not follow another before it has it.
TEST(Rings, HaveWhatANodeThatLeavesHasWrittenBeforeTheyCloseUp) {
  for (const int acks : {0, 1}) {
    auto five = spec_of("a b c d e"), three = spec_of("a d e"), other = spec_of("a d b");
    for (auto* spec : {&five, &three, &other}) {
      if (acks > 0) spec->acks(acks);
      spec->ring();
    }
    Established c{five};
    const auto p = c.change(three);
    EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "c: apply all that b has"));
    EXPECT_TRUE(in_order(p, "c: apply all that b has", "d: apply all that c has"));
    EXPECT_TRUE(in_order(p, "d: apply all that c has", "d: follow a"));
    EXPECT_EQ(c.planned(three), Lines{});

    // It counts already as it has to: all the same nobody writes while the ring closes up.
    c.servers["b"].has.variables["auto_increment_increment"] = "3";
    c.servers["b"].has.variables["auto_increment_offset"] = "3";
    const auto replaced = c.change(other);
    EXPECT_TRUE(in_order(replaced, "e: writable -> super-read-only", "a: apply all that e has"));
    EXPECT_TRUE(in_order(replaced, "a: apply all that e has", "a: follow b"));
    EXPECT_EQ(c.planned(other), Lines{});
  }
}

TEST(Rings, CloseANodeThatLeavesAlsoWhereTheRestBecomesATree) {
  for (const int acks : {0, 1}) {
    auto ring = spec_of("a b c d");
    auto tree = spec_of("a b c");
    if (acks > 0) ring.acks(acks);
    if (acks > 0) tree.acks(acks);
    ring.ring();
    Established c{ring};
    const auto p = c.change(tree);
    EXPECT_TRUE(in_order(p, "d: writable -> super-read-only", "a: apply all that d has"));
    EXPECT_EQ(c.servers["d"].now.read_only, ReadOnly::Super);
    EXPECT_EQ(c.planned(tree), Lines{});
  }
}

TEST(Restarts, AreRefusedInARingWhoseCommitsWait) {
  Established c{spec_of("a b c").acks(1).ring()};
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b c").acks(1).ring().setting(kRestartOnly, "here"))),
                       "apply `sync: { mode: async }` first"));
}

TEST(Restarts, LetOneMemberLeaveAfterTheOtherAndThePrimaryLast) {
  Established c{spec_of("a b c").group()};
  const auto with = spec_of("a b c").group().setting(kRestartOnly, "here");
  const auto p = c.change(with);
  EXPECT_TRUE(in_order(p, "b: join the group", "c: leave the group"));
  EXPECT_TRUE(in_order(p, "c: join the group", "b: take over from a"));
  EXPECT_TRUE(in_order(p, "b: take over from a", "a: leave the group"));
  EXPECT_EQ(deviations(with, c.servers), Lines{});
  EXPECT_EQ(c.planned(with), Lines{});
}

TEST(Restarts, AreRefusedToTheLastMemberOfAGroup) {
  Established c{spec_of("a b c").group(TopologyType::GroupMultiPrimary)};
  for (const auto* name : {"b", "c"}) c.servers.kill(name);
  const auto p = c.plan(spec_of("a b c").group(TopologyType::GroupMultiPrimary).setting(kRestartOnly, "here"));
  EXPECT_FALSE(p) << testing::PrintToString(sentences(*p));
}

TEST(Restarts, OfAGroupsPrimaryRunTheHooksOfASwitchover) {
  auto before = spec_of("a b c").group().with_hooks();
  before.hooks.pre_failover.clear();
  Established c{before};
  auto with = before;
  const auto p = c.plan(with.setting(kRestartOnly, "here"));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "b: preSwitchover hook ask", "b: take over from a"));
  EXPECT_TRUE(in_order(*p, "b: take over from a", "b: postSwitchover hook tell"));
}

TEST(Restarts, AreRefusedWhereWhatWasAcknowledgedWouldBeThrownAway) {
  Established c{spec_of("a b c").acks(1)};
  c.servers["b"].now.relay_log_recovery = true;
  EXPECT_TRUE(mentions(refusal(c.plan(spec_of("a b c").acks(1).setting(kRestartOnly, "here"))),
                       "b has to be restarted for report_host, and starts with relay_log_recovery=ON"));
  Established async{spec_of("a b c")};
  async.servers["b"].now.relay_log_recovery = true;
  EXPECT_TRUE(async.plan(spec_of("a b c").setting(kRestartOnly, "here")));
}

TEST(Restarts, DoNotWaitForWhatArrivesFromALostNode) {
  Established c{spec_of("a b c").follows("c", "b")};
  c.servers.kill("b");
  auto with = spec_of("a b c").follows("c", "b");
  with.node("c").settings[kRestartOnly] = "here";
  const auto p = c.plan(with);
  ASSERT_TRUE(p) << p.error().message;
  const auto restart = std::find_if(p->steps.begin(), p->steps.end(),
                                    [](const PlannedStep& s) { return std::holds_alternative<RestartServer>(s.step); });
  ASSERT_NE(restart, p->steps.end());
  EXPECT_FALSE(std::get<RestartServer>(restart->step).replicates);
}

// ---- the base -------------------------------------------------------------------------------------------------------

TEST(Base, IsMeantForRolesThatANodeMayComeTo) {
  const auto spec = spec_of("a b c d").promotion("c", Promotion::Never).delayed("d", 1h);
  for (const auto* writer : {"a", "b"}) EXPECT_EQ(plan::base_of(spec, {writer}).at("sync_binlog"), "1") << writer;
  for (const auto* reader : {"c", "d"}) {
    EXPECT_FALSE(plan::base_of(spec, {reader}).contains("sync_binlog")) << reader;
    EXPECT_EQ(plan::base_of(spec, {reader}).at("replica_preserve_commit_order"), "ON") << reader;
  }
  const auto ring = spec_of("a b").ring();
  EXPECT_EQ(plan::base_of(ring, {"b"}).at("innodb_flush_log_at_trx_commit"), "1");
}

TEST(Base, SaysWhyAndGivesWayToTheFile) {
  Established c{spec_of("a b")};
  for (const auto* node : {"a", "b"}) c.servers[node].has.variables["sync_binlog"] = "0";
  EXPECT_EQ(c.planned(spec_of("a b")), (Lines{"a: set sync_binlog 0 -> 1 (base: nodes that may take writes)",
                                              "b: set sync_binlog 0 -> 1 (base: nodes that may take writes)"}));
  EXPECT_EQ(c.planned(spec_of("a b").setting("sync_binlog", "0")), Lines{});
  EXPECT_EQ(c.planned(spec_of("a b").setting("sync_binlog", "100")),
            (Lines{"a: set sync_binlog 0 -> 100", "b: set sync_binlog 0 -> 100"}));
}

TEST(Base, IsNotedInADiffAsRestartsAre) {
  Established c{spec_of("a b")};
  for (const auto* node : {"a", "b"}) c.servers[node].has.variables["sync_binlog"] = "0";
  auto wanted = spec_of("a b");
  wanted.node("b").settings[kRestartOnly] = "here";
  EXPECT_EQ(plan::variable_notes(wanted, c.servers.view()),
            (Lines{"b: report_host '' -> here needs a restart of the server",
                   "a, b: sync_binlog 0 -> 1 (base: nodes that may take writes)"}));
  EXPECT_EQ(plan::variable_notes(wanted.untuned(), c.servers.view()),
            Lines{"b: report_host '' -> here needs a restart of the server"});
}

TEST(Base, LeavesOutWhatAServerDoesNotHaveAndWhatIsBetterAlready) {
  Established c{spec_of("a b")};
  c.servers["a"].has.variables["replica_parallel_workers"] = "16";
  c.servers["b"].has.variables["replica_parallel_workers"] = "0";
  EXPECT_EQ(c.planned(spec_of("a b")),
            Lines{"b: set replica_parallel_workers 0 -> 4 (base: nodes that apply what others write)"});
}

TEST(Base, IsPutBackWhenItIsSwitchedOff) {
  Established c{spec_of("a b")};
  EXPECT_EQ(c.servers["b"].has.variables.at("replica_net_timeout"), "10");
  c.change(spec_of("a b").untuned());
  EXPECT_EQ(c.servers["b"].has.variables.at("replica_net_timeout"), "60");
  EXPECT_FALSE(c.servers["b"].has.persisted.contains("replica_net_timeout"));
  EXPECT_EQ(c.planned(spec_of("a b").untuned()), Lines{});
}

}  // namespace
}  // namespace repl::test

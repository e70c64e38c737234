// Apply: from what the servers are to what the file wants, and why not.
#include "plan/converge.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "unit/plan/reading.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {
namespace {

/// Servers, and what repld remembers of them.
struct World {
  Servers servers;
  Office office;
  std::optional<Spec> in_force;

  Result<Plan> plan(const Spec& wanted) const {
    return plan::plan_converge(wanted, office, in_force ? &*in_force : nullptr, servers.view(office.primary));
  }
  /// Plans and carries out; the plan.
  Plan apply(const Spec& wanted) {
    const auto made = plan(wanted);
    EXPECT_TRUE(made) << made.error().message;
    if (!made) return {};
    EXPECT_TRUE(well_formed(*made));
    const auto error = apply_all(servers, *made, in_written_order(*made));
    EXPECT_FALSE(error) << error->message;
    office = plan::office_after(wanted, office, servers.view(office.primary), kNow);
    in_force = wanted;
    return *made;
  }
  /// The declared state holds, and applying again changes nothing.
  void expect_reached(const Spec& wanted) {
    EXPECT_EQ(deviations(wanted, *office.primary, servers), std::vector<std::string>{});
    const auto again = plan(wanted);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(sentences(*again), std::vector<std::string>{});
  }
};

World fresh(const Spec& spec) {
  return {Servers::fresh(spec), {}, {}};
}

World applied(const Spec& spec) {
  auto world = fresh(spec);
  world.apply(spec);
  world.servers.write("a", "shop");
  return world;
}

void expect_refused(const World& world, const Spec& wanted, ErrorCode code, const std::vector<std::string>& parts) {
  const auto p = world.plan(wanted);
  ASSERT_FALSE(p) << testing::PrintToString(sentences(*p));
  EXPECT_EQ(p.error().code, code) << p.error().message;
  EXPECT_NE(p.error().message.find("nothing was changed"), std::string::npos);
  for (const auto& part : parts) EXPECT_NE(p.error().message.find(part), std::string::npos) << p.error().message;
}

// ---- the first apply ------------------------------------------------------------------------------------------------

TEST(Apply, MakesEmptyServersACluster) {
  for (const auto& spec :
       {spec_of("a"), spec_of("a b"), spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").acks(2),
        spec_of("a b c d").sync_all(), spec_of("a b c").acks(1).degrading(),
        spec_of("a b c d").acks(1).delayed("d", 1h), spec_of("a b c d").acks(1).follows("d", "b"),
        spec_of("a b c d").follows("d", "c").follows("c", "b"), spec_of("a b c").setting("max_connections", "500")}) {
    auto world = fresh(spec);
    world.apply(spec);
    EXPECT_EQ(world.office.primary, NodeId{"a"});
    EXPECT_EQ(world.office.term.number, 1u);
    world.expect_reached(spec);
    EXPECT_TRUE(world.servers.write("a")) << "the cluster takes writes";
    for (const auto& node : spec.nodes) {
      if (node.delay.count() > 0) continue;
      EXPECT_EQ(world.servers.at(node.id).now.executed, world.servers["a"].now.executed) << node.id;
    }
  }
}

TEST(Apply, MakesTheReplicationAccountOnEveryNodeOutsideTheBinaryLogBeforeItCloses) {
  const auto spec = spec_of("a b c");
  const auto p = *fresh(spec).plan(spec);
  for (const auto* node : {"a", "b", "c"}) {
    const auto create = step_at(p, fmt::format("{}: create the replication account", node));
    ASSERT_NE(create, kNoStep) << node;
    EXPECT_EQ(std::get<CreateAccount>(p.steps[create].step).logged, Logged::No);
  }
  EXPECT_TRUE(in_order(p, "b: create the replication account", "b: writable -> super-read-only"));
  EXPECT_TRUE(in_order(p, "a: create the replication account", "b: follow a"));
}

TEST(Apply, MakesOtherAccountsOnceOnThePrimary) {
  auto spec = spec_of("a b c");
  spec.accounts[AccountRole::Monitoring] = {"watch", {SecretRef::Kind::Env, "MONITOR"}, {}};
  spec.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
  const auto p = *fresh(spec).plan(spec);
  int logged = 0;
  for (const auto& c : all_of_kind<CreateAccount>(p)) {
    if (c.role == AccountRole::Replication) continue;
    EXPECT_EQ(c.node.name, "a");
    EXPECT_EQ(c.logged, Logged::Yes);
    ++logged;
  }
  EXPECT_EQ(logged, 2);
  auto world = fresh(spec);
  world.apply(spec);
  for (const auto* node : {"a", "b", "c"}) {
    EXPECT_TRUE(world.servers[node].has.accounts.contains(AccountRole::Application)) << node;
  }
}

TEST(Apply, NeverMakesTheAdminAccount) {
  const auto spec = spec_of("a b");
  for (const auto& c : all_of_kind<CreateAccount>(*fresh(spec).plan(spec))) EXPECT_NE(c.role, AccountRole::Admin);
}

TEST(Apply, LoadsBothPluginsEverywhereInEveryMode) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1)}) {
    auto world = fresh(spec);
    world.apply(spec);
    for (const auto* node : {"a", "b", "c"}) {
      EXPECT_TRUE(world.servers[node].now.semi_sync.source_plugin) << node;
      EXPECT_TRUE(world.servers[node].now.semi_sync.replica_plugin) << node;
    }
  }
}

TEST(Apply, DoesWithoutPluginsInAsyncWhereTheyCannotBeLoaded) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["b"].has.plugins_loadable = false;
  const auto p = world.plan(spec);
  ASSERT_TRUE(p);
  EXPECT_FALSE(has_step(*p, "b: install"));
}

TEST(Apply, EnablesTheSourceSideOnlyOnceReplicasAreThereToAcknowledge) {
  const auto spec = spec_of("a b c").acks(2);
  const auto p = *fresh(spec).plan(spec);
  EXPECT_TRUE(in_order(p, "b: follow a", "a: wait for 2 semi-sync replicas"));
  EXPECT_TRUE(in_order(p, "c: follow a", "a: wait for 2 semi-sync replicas"));
  EXPECT_TRUE(in_order(p, "a: install the semi-sync source plugin", "a: wait for 2 semi-sync replicas"));
  EXPECT_TRUE(in_order(p, "a: wait for 2 semi-sync replicas", "a: semi-sync source on, 2 acks"));
  EXPECT_TRUE(in_order(p, "b: semi-sync replica on", "b: follow a"));
}

TEST(Apply, WorksOnAllNodesAtTheSameTime) {
  const auto spec = spec_of("a b c").acks(1);
  const auto p = *fresh(spec).plan(spec);
  EXPECT_FALSE(waits_for(p, step_at(p, "b: follow a"), step_at(p, "c: follow a")));
  EXPECT_FALSE(waits_for(p, step_at(p, "c: follow a"), step_at(p, "b: follow a")));
}

TEST(Apply, CanBeTakenBackToTheLastStep) {
  const auto spec = spec_of("a b c").acks(1);
  const auto p = *fresh(spec).plan(spec);
  EXPECT_EQ(p.point_of_no_return, p.steps.size());
  EXPECT_FALSE(p.promotes);
}

TEST(Apply, ForgetsAnInstallersTransactionsOfEmptyReplicas) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers["c"].now.executed = {};
  const auto p = *world.plan(spec);
  EXPECT_TRUE(in_order(p, "b: empty, forget its 3 transactions", "b: follow a"));
  EXPECT_FALSE(has_step(p, "a: empty"));
  EXPECT_FALSE(has_step(p, "c: empty"));
}

TEST(Apply, ForgetsThemWhereAChannelIsLeftOver) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["b"].now.channels.push_back({.source = {kDetachedHost, 3306}});
  world.apply(spec);
  world.expect_reached(spec);
}

TEST(Apply, KeepsTheDataOfTheSource) {
  const auto spec = spec_of("a b c").acks(1);
  auto world = fresh(spec);
  world.servers.write("a", "shop");
  world.apply(spec);
  world.expect_reached(spec);
  EXPECT_EQ(world.servers["b"].has.user_schemas, std::vector<std::string>{"shop"});
}

TEST(Apply, TakesServersThatAreClosedAlready) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1)}) {
    auto with_application = spec;
    with_application.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
    auto world = fresh(with_application);
    for (const auto* node : {"a", "b", "c"}) {
      world.servers[node].now.read_only = ReadOnly::Super;
      world.servers[node].now.super_read_only_persisted = true;
    }
    world.apply(with_application);
    world.expect_reached(with_application);
  }
}

TEST(Apply, TurnsClientsAwayWhileAClosedNodeIsOpenForItsAccount) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  for (const auto* node : {"a", "b"}) world.servers[node].now.read_only = ReadOnly::Super;
  const auto p = *world.plan(spec);
  for (const std::string node : {"a", "b"}) {
    EXPECT_TRUE(in_order(p, node + ": turn clients away", node + ": super-read-only -> writable"));
    EXPECT_TRUE(in_order(p, node + ": super-read-only -> writable", node + ": create the replication account"));
    EXPECT_TRUE(in_order(p, node + ": create the replication account", node + ": writable -> super-read-only"));
    EXPECT_TRUE(in_order(p, node + ": writable -> super-read-only", node + ": let clients in"));
  }
}

TEST(Apply, AdoptsAClusterThatIsAsDeclared) {
  const auto spec = spec_of("a b c").acks(1);
  auto world = applied(spec);
  world.office = {};
  world.in_force.reset();
  const auto p = world.plan(spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(sentences(*p), std::vector<std::string>{});
}

// ---- refusals -------------------------------------------------------------------------------------------------------

TEST(ApplyRefuses, WithAllReasonsAtOnce) {
  const auto spec = spec_of("a b c d e").acks(1);
  auto world = fresh(spec);
  world.servers.kill("e");
  world.servers["a"].now.version = {8, 0, 25};
  world.servers["b"].now.gtid_mode = GtidMode::Off;
  world.servers["b"].has.user_schemas = {"shop"};
  world.servers["b"].now.log_replica_updates = false;
  world.servers["c"].has.admin_may_operate = false;
  world.servers["c"].has.admin_lacks = "SYSTEM_VARIABLES_ADMIN";
  world.servers["d"].has.plugins_loadable = false;
  world.servers["d"].now.server_id = world.servers["c"].now.server_id;
  expect_refused(
      world, spec, ErrorCode::PreconditionFailed,
      {"e (db-e:3306): connection refused", "'repl_admin'", "a is MySQL 8.0.25", "b has gtid_mode OFF and has data",
       "b has log_replica_updates off", "c: the admin account lacks SYSTEM_VARIABLES_ADMIN",
       "d: the semi-sync plugins are not in its plugin_dir", "c and d have the same server_id"});
}

TEST(ApplyRefuses, TwoNodesWithTheSameUuid) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers["c"].now.server_uuid = uuid('B');
  expect_refused(world, spec, ErrorCode::PreconditionFailed, {"b and c have the same server_uuid", "auto.cnf"});
}

TEST(ApplyRefuses, DataOnTwoNodes) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers.write("a", "shop");
  world.servers.write("b", "blog");
  const auto p = world.plan(spec);
  ASSERT_FALSE(p);
  EXPECT_TRUE(p.error().code == ErrorCode::Diverged || p.error().code == ErrorCode::ErrantTransactions);
  EXPECT_NE(p.error().message.find("b has 4 transactions that a lacks"), std::string::npos) << p.error().message;
}

TEST(ApplyRefuses, AnEmptySourceWithDataElsewhere) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers.write("b", "shop");
  const auto p = world.plan(spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("a is empty: name b as the source instead"), std::string::npos) << p.error().message;
}

TEST(ApplyRefuses, AnEmptySourceWithDataElsewhereThatWereLoadedOutsideTheBinaryLog) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers["b"].now.executed = {};
  world.servers["b"].has.user_schemas = {"shop"};
  const auto p = world.plan(spec);
  ASSERT_FALSE(p) << "replicating into existing data breaks the applier at the first conflict";
  EXPECT_NE(p.error().message.find("b"), std::string::npos);
}

TEST(ApplyRefuses, ANodeThatLacksWhatTheSourcePurged) {
  auto spec = spec_of("a b");
  spec.provisioning = Provisioning::None;
  auto world = fresh(spec);
  world.servers["a"].now.purged = gtids("A:1-2");
  world.servers["b"].now.executed = {};
  expect_refused(world, spec, ErrorCode::PreconditionFailed, {"b lacks 2 transactions that a has purged"});
}

TEST(Apply, ClonesAnEmptyNodeThatLacksWhatTheSourcePurged) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["a"].now.purged = gtids("A:1-2");
  const auto p = world.apply(spec);
  EXPECT_TRUE(has_step(p, "b: clone the data of a, what it has is lost (3 transactions)"));
  EXPECT_TRUE(all_of_kind<CloneFrom>(p).at(0).must_be_empty) << "nobody has said that it may lose anything";
  world.expect_reached(spec);
}

TEST(ApplyRefuses, ANodeThatNoVersionThereIsCanGiveItsData) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["a"].now.purged = gtids("A:1-2");
  world.servers["a"].now.version = {8, 4, 3};
  world.servers["b"].now.version = {9, 7, 4};
  expect_refused(world, spec, ErrorCode::PreconditionFailed, {"b has to be cloned and is MySQL 9.7.4"});
}

TEST(ApplyRefuses, ANodeWithDataThatLacksWhatTheSourcePurgedUnlessItsLossIsAllowed) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers.write("a", "shop");
  world.servers["b"].now.executed = {};
  world.servers["b"].has.user_schemas = {"old"};
  world.servers["a"].now.purged = gtids("A:1-2");
  expect_refused(world, spec, ErrorCode::PreconditionFailed,
                 {"b lacks 2 transactions that a has purged", "--allow-data-loss b"});
  const auto p = plan::plan_converge(spec, world.office, nullptr, world.servers.view(), {}, {kB});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "b: clone the data of a"));
  EXPECT_FALSE(all_of_kind<CloneFrom>(*p).at(0).must_be_empty);
}

TEST(ApplyRefuses, ANodeThatWouldLackThemOnceItsOwnAreForgotten) {
  auto spec = spec_of("a b");
  spec.provisioning = Provisioning::None;
  auto world = fresh(spec);
  world.servers["a"].now.purged = gtids("A:1-2");
  expect_refused(world, spec, ErrorCode::PreconditionFailed, {"b lacks 2 transactions that a has purged"});
}

/// b replicates from nobody and has two transactions of its own.
World with_diverged(const Spec& spec) {
  auto world = applied(spec);
  auto& b = world.servers["b"];
  b.now.channels.clear();
  b.now.executed = unite(b.now.executed, gtids("B:7-8"));
  return world;
}
Result<Plan> plan_losing(const World& world, const Spec& spec, const std::set<NodeId>& nodes) {
  return plan::plan_converge(spec, world.office, &*world.in_force, world.servers.view(world.office.primary), {}, nodes);
}
NodeId donor_of(const Result<Plan>& p) {
  return p ? all_of_kind<CloneFrom>(*p).at(0).donor : NodeId{p.error().message};
}

TEST(ApplyClones, ADivergedNodeAndUsesUpTheNumbersOfWhatItLoses) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1)}) {
    auto world = with_diverged(spec);
    const auto p = plan_losing(world, spec, {kB});
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_TRUE(in_order(*p, "b: clone the data of c", "b: follow a"));
    EXPECT_TRUE(in_order(*p, "b: follow a", "a: commit 2 discarded transactions empty"));
    EXPECT_TRUE(p->steps.back().best_effort);
    EXPECT_TRUE(any_reason(p->reasons, gtids("B:7-8").to_string()));
    ASSERT_FALSE(apply_all(world.servers, *p, in_written_order(*p)));
    for (const auto* node : {"a", "b", "c"}) {
      EXPECT_TRUE(world.servers[node].now.executed.contains(gtids("B:7-8"))) << node;
    }
    world.expect_reached(spec);
  }
}

TEST(ApplyClones, ANodeWithMoreThanCanBeCommittedEmptyAndSaysSo) {
  const auto spec = spec_of("a b c");
  auto world = with_diverged(spec);
  auto& b = world.servers["b"].now;
  b.executed = unite(b.executed, gtids("B:9-200000"));
  const auto p = plan_losing(world, spec, {kB});
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "a: commit"));
  EXPECT_TRUE(any_reason(p->reasons, "too many to be committed empty on a")) << testing::PrintToString(p->reasons);
}

TEST(ApplyClones, AnEmptyServerWithoutUsingUpAnInstallersNumbers) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["a"].now.purged = gtids("A:1-2");
  EXPECT_TRUE(all_of_kind<RetireGtids>(world.apply(spec)).empty());
}

TEST(ApplyClones, FromAReplicaThatIsFitAndHasTheLeastToDo) {
  auto spec = spec_of("a b c d").region("b", "eu").region("c", "eu").region("d", "us").region("a", "eu");
  const auto donor = [&](const std::function<void(World&)>& change) {
    auto world = with_diverged(spec);
    world.servers["c"].now.threads_running = 9;
    world.servers["d"].now.threads_running = 2;
    for (const auto* node : {"c", "d"}) world.servers[node].now.channels[0].lag = Duration{0};
    change(world);
    return donor_of(plan_losing(world, spec, {kB})).name;
  };
  EXPECT_EQ(donor([](World&) {}), "c") << "the same region";
  EXPECT_EQ(donor([](World& w) { w.servers["c"].now.channels[0].lag = 60s; }), "c")
      << "a copy over a long way is worse";
  EXPECT_EQ(donor([](World& w) { w.servers["c"].now.channels[0].applier = ThreadState::Stopped; }), "d");
  EXPECT_EQ(donor([](World& w) { w.servers["c"].now.channels[0].filters = "REPLICATE_DO_DB=shop"; }), "d")
      << "it has not all data";
  EXPECT_EQ(donor([](World& w) { w.servers["c"].now.offline_mode = true; }), "d") << "it takes no logins";
  EXPECT_EQ(donor([](World& w) { w.servers["c"].has.clone_plugin = false; }), "d");
  EXPECT_EQ(donor([](World& w) { w.servers["c"].now.version = {8, 0, 36}; }), "d") << "the plugin refuses it";
  EXPECT_EQ(donor([](World& w) { w.servers.kill("c"), w.servers.kill("d"); }), "a") << "the primary last";
  for (auto& node : spec.nodes) node.region.clear();
  EXPECT_EQ(donor([](World&) {}), "d") << "fewer threads at work";
  EXPECT_EQ(donor([](World& w) { w.servers["d"].now.channels[0].lag = 60s; }), "c");
  EXPECT_EQ(donor([](World& w) { w.servers["d"].now.channels[0].lag.reset(); }), "c") << "nobody knows how far behind";
}

TEST(ApplyClones, TwoNodesFromTwoDonors) {
  const auto spec = spec_of("a b c d e");
  auto world = with_diverged(spec);
  auto& c = world.servers["c"];
  c.now.channels.clear();
  c.now.executed = unite(c.now.executed, gtids("C:7"));
  const auto p = plan_losing(world, spec, {kB, kC});
  ASSERT_TRUE(p) << p.error().message;
  const auto clones = all_of_kind<CloneFrom>(*p);
  ASSERT_EQ(clones.size(), 2U);
  EXPECT_NE(clones[0].donor, clones[1].donor);
  EXPECT_EQ(all_of_kind<RetireGtids>(*p).at(0).retired, gtids("B:7-8,C:7"));
}

TEST(ApplyRefuses, AnErrantReplica) {
  const auto spec = spec_of("a b c");
  auto world = applied(spec);
  world.servers["b"].now.executed = unite(world.servers["b"].now.executed, gtids("B:7"));
  const auto p = world.plan(spec);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find(gtids("B:7").to_string()), std::string::npos) << p.error().message;
}

TEST(ApplyRefuses, AStrangersReplica) {
  const auto spec = spec_of("a b");
  auto world = fresh(spec);
  world.servers["b"].now.channels.push_back({.source = {"elsewhere", 3306}});
  expect_refused(world, spec, ErrorCode::PreconditionFailed,
                 {"b replicates from elsewhere:3306, which is not in the file"});
}

TEST(ApplyRefuses, SeveralChannels) {
  const auto spec = spec_of("a b c");
  auto world = fresh(spec);
  world.servers["b"].now.channels.push_back({.source = address_of({"a"})});
  world.servers["b"].now.channels.push_back({.name = "other", .source = address_of({"c"})});
  expect_refused(world, spec, ErrorCode::NotSupported, {"b has 2 replication channels"});
}

TEST(ApplyRefuses, ADeclaredSourceThatReplicatesFromAnotherNode) {
  auto world = applied(spec_of("b a"));
  world.office = {};
  world.in_force.reset();
  const auto p = world.plan(spec_of("a b"));
  ASSERT_FALSE(p) << "closing the real source under its clients would lose what they write meanwhile";
  EXPECT_NE(p.error().message.find("a replicates from b"), std::string::npos) << p.error().message;
}

TEST(ApplyRefuses, ANewFileWithoutThePrimary) {
  auto world = applied(spec_of("a b c"));
  expect_refused(world, spec_of("b c"), ErrorCode::PreconditionFailed,
                 {"a is the primary and is not in the new file", "replctl switchover"});
}

TEST(Apply, OfAFileThatNamesAnotherSourceIsASwitchover) {
  auto world = applied(spec_of("a b c").acks(1));
  const auto p = world.plan(spec_of("a b c").acks(1).source("b"));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->goal, Goal::Converge);
  EXPECT_EQ(p->promotes, NodeId{"b"});
  EXPECT_TRUE(well_formed(*p));
  EXPECT_TRUE(in_order(*p, "a: writable -> super-read-only", kOpensB));
}

TEST(ApplyRefuses, ToMoveThePrimaryAndChangeOtherThingsWithIt) {
  auto world = applied(spec_of("a b c"));
  expect_refused(world, spec_of("a b c").source("b").acks(1), ErrorCode::NotSupported,
                 {"makes b the source instead of a", "in an apply of its own"});
}

TEST(ApplyRefuses, AnUnreachableNewNode) {
  auto world = applied(spec_of("a b c"));
  world.servers.add({"d"});
  world.servers.kill("d");
  expect_refused(world, spec_of("a b c d"), ErrorCode::PreconditionFailed, {"d (db-d:3306): connection refused"});
}

TEST(ApplyRefuses, WhileThePrimaryIsGone) {
  auto world = applied(spec_of("a b c"));
  world.servers.kill("a");
  expect_refused(world, spec_of("a b c"), ErrorCode::PreconditionFailed, {"a (db-a:3306): connection refused"});
}

TEST(ApplyRefuses, SemiSyncWhereARunningReplicaLacksThePlugins) {
  auto world = applied(spec_of("a b c"));
  world.servers["b"].now.semi_sync.source_plugin = false;
  world.servers["b"].now.channels.front().delay = 1h;
  const auto p = world.plan(spec_of("a b c").delayed("b", 1h).acks(1));
  ASSERT_FALSE(p) << testing::PrintToString(sentences(*p));
  EXPECT_NE(p.error().message.find("b runs as a replica"), std::string::npos) << p.error().message;
  EXPECT_NE(p.error().message.find("it is delayed"), std::string::npos) << p.error().message;
}

TEST(PlanConverge, GivesRunningReplicasThePluginsOneAfterTheOtherWhileTheyFollowNobody) {
  auto world = applied(spec_of("a b c"));
  for (const auto* node : {"b", "c"}) {
    world.servers[node].now.semi_sync.source_plugin = false;
    world.servers[node].now.semi_sync.replica_plugin = false;
  }
  const auto spec = spec_of("a b c").acks(1);
  const auto p = world.apply(spec);
  EXPECT_TRUE(in_order(p, "b: forget a as its source", "b: super-read-only -> writable"));
  EXPECT_TRUE(in_order(p, "b: turn clients away", "b: super-read-only -> writable"));
  EXPECT_TRUE(in_order(p, "b: writable -> super-read-only", "b: follow a"));
  EXPECT_TRUE(in_order(p, "b: follow a", "c: forget a as its source")) << testing::PrintToString(sentences(p));
  world.expect_reached(spec);
}

TEST(PlanConverge, TakesADelayOffBeforeAnythingWaitsForTheNode) {
  const auto tree = spec_of("a b c").delayed("c", 1h);
  auto world = applied(tree);
  const auto p = world.plan(spec_of("a b c").ring());
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "c: apply all that a has (at most 600 s)", "a: writable -> super-read-only"))
      << testing::PrintToString(sentences(*p));
}

TEST(PlanConverge, CutsTheClientsOfCommitsOffThatNobodyAcknowledgesBeforeNobodyWaits) {
  const auto spec = spec_of("a b").acks(1);
  auto world = applied(spec);
  world.servers.kill("b");
  world.servers["a"].now.semi_sync.clients = 0;
  world.servers["a"].now.semi_sync.wait_sessions = 3;
  const auto p = world.plan(spec_of("a b"));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(in_order(*p, "a: fence, it must not take writes", "a: let clients in"))
      << testing::PrintToString(sentences(*p));
  EXPECT_TRUE(in_order(*p, "a: fence, it must not take writes", "a: super-read-only -> writable"));
  world.servers["a"].now.semi_sync.wait_sessions = 0;
  const auto idle = world.plan(spec_of("a b"));
  ASSERT_TRUE(idle);
  EXPECT_FALSE(has_step(*idle, "a: fence"));
}

// ---- a running cluster ----------------------------------------------------------------------------------------------

TEST(ApplyAgain, ChangesNothingInAnEqualState) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(2), spec_of("a b c d").follows("d", "b").acks(1),
                           spec_of("a b c d").delayed("d", 1h)}) {
    auto world = applied(spec);
    world.expect_reached(spec);
  }
}

TEST(ARing, IsNotChangedWhileANodeThatStaysDoesNotAnswer) {
  const auto before = spec_of("a b c d").acks(1).ring();
  auto world = applied(before);
  world.servers.kill("c");
  const auto closer = spec_of("a b c").acks(1).ring(), reordered = spec_of("a c b d").acks(1).ring(),
             not_waiting = spec_of("a b c d").ring();
  for (const auto& wanted : {closer, reordered, not_waiting}) {
    const auto p = world.plan(wanted);
    ASSERT_FALSE(p) << testing::PrintToString(sentences(*p));
    EXPECT_NE(p.error().message.find("c ("), std::string::npos) << p.error().message;
  }
  EXPECT_TRUE(world.plan(spec_of("a b d").acks(1).ring())) << "the lost one is what leaves";
  EXPECT_TRUE(world.plan(spec_of("a b c d").acks(1).ring().setting("max_connections", "300")));
}

TEST(ApplyAgain, LeavesANodeOutThatIsDown) {
  const auto spec = spec_of("a b c");
  auto world = applied(spec);
  world.servers.kill("c");
  const auto p = world.plan(spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(sentences(*p), std::vector<std::string>{});
  EXPECT_TRUE(any_reason(p->reasons, "c is left out: connection refused"));
}

TEST(ApplyAgain, DoesNotGiveDurabilityUpBecauseANodeIsDown) {
  const auto spec = spec_of("a b c").acks(2);
  auto world = applied(spec);
  world.servers.kill("c");
  const auto p = world.plan(spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(sentences(*p), std::vector<std::string>{});
}

TEST(ApplyAgain, LeavesThePrimaryWhereAFailoverHasPutIt) {
  const auto spec = spec_of("a b c").acks(1);
  auto world = applied(spec);
  // What a failover to b and the return of a leave behind.
  auto& s = world.servers;
  s["b"].now.channels.clear();
  s["b"].now.read_only = ReadOnly::Off;
  s["b"].now.semi_sync.source_enabled = true;
  s["a"].now.read_only = ReadOnly::Super;
  s["a"].now.semi_sync.source_enabled = false;
  s.apply(FollowSource{.replica = {"a"}, .to = {"b"}});
  s.apply(FollowSource{.replica = {"c"}, .to = {"b"}});
  world.office = office_of(spec, "b");
  world.office.term = {2};
  const auto p = world.plan(spec);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(sentences(*p), std::vector<std::string>{});
  EXPECT_TRUE(any_reason(p->reasons, "primary is b (declared a)"));
}

TEST(ApplyAgain, TurnsAsyncIntoSemiSync) {
  auto world = applied(spec_of("a b c"));
  const auto wanted = spec_of("a b c").acks(1);
  const auto p = world.apply(wanted);
  world.expect_reached(wanted);
  EXPECT_TRUE(in_order(p, "b: semi-sync replica on", "a: wait for 1 semi-sync replica"));
  EXPECT_TRUE(in_order(p, "a: wait for 1 semi-sync replica", "a: semi-sync source on, 1 ack"));
  EXPECT_TRUE(in_order(p, "a: set rpl_semi_sync_source_timeout", "a: semi-sync source on, 1 ack"));
}

TEST(ApplyAgain, TurnsSemiSyncIntoAsyncSourceFirst) {
  auto world = applied(spec_of("a b c").acks(1));
  const auto wanted = spec_of("a b c");
  const auto p = world.apply(wanted);
  world.expect_reached(wanted);
  // The other way round every commit would hang in between.
  EXPECT_TRUE(in_order(p, "a: semi-sync source off", "b: semi-sync replica off"));
  EXPECT_TRUE(in_order(p, "a: semi-sync source off", "c: semi-sync replica off"));
}

TEST(ApplyAgain, RaisesAndLowersTheAcks) {
  auto world = applied(spec_of("a b c").acks(1));
  auto p = world.apply(spec_of("a b c").acks(2));
  EXPECT_EQ(sentences(p), (std::vector<std::string>{"a: wait for 2 semi-sync replicas (at most 20 s)",
                                                    "a: semi-sync source on, 2 acks"}));
  world.expect_reached(spec_of("a b c").acks(2));
  world.apply(spec_of("a b c").acks(1));
  world.expect_reached(spec_of("a b c").acks(1));
}

TEST(ApplyAgain, LetsDegradeAndWaitChange) {
  auto world = applied(spec_of("a b c").acks(1));
  world.apply(spec_of("a b c").acks(1).degrading());
  world.expect_reached(spec_of("a b c").acks(1).degrading());
  EXPECT_EQ(world.servers["a"].now.semi_sync.timeout, 10s);
}

TEST(ApplyAgain, BuildsAndDissolvesAChain) {
  auto world = applied(spec_of("a b c d"));
  const auto chain = spec_of("a b c d").follows("c", "b").follows("d", "c");
  auto p = world.apply(chain);
  EXPECT_EQ(sentences(p), (std::vector<std::string>{"c: follow b", "d: follow c"}));
  world.expect_reached(chain);
  world.apply(spec_of("a b c d"));
  world.expect_reached(spec_of("a b c d"));
}

TEST(ApplyAgain, PutsNobodyBelowALostNode) {
  // The lost node may live, and would take a semi-sync replica for the acknowledgement that its fence denies it.
  auto world = applied(spec_of("a b c d").acks(1));
  world.servers.kill("b");
  const auto chain = spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c");
  const auto p = world.apply(chain);
  EXPECT_EQ(sentences(p), (std::vector<std::string>{"d: follow c"}));
  EXPECT_NE(std::find_if(p.reasons.begin(), p.reasons.end(),
                         [](const auto& r) { return r.find("c follows a for now") != std::string::npos; }),
            p.reasons.end());
}

TEST(ApplyAgain, LeavesWhoWaitsForALostNodeBelowIt) {
  const auto chain = spec_of("a b c d").follows("c", "b");
  auto world = applied(chain);
  world.servers.kill("b");
  auto other = chain;
  EXPECT_EQ(sentences(world.apply(other.setting("max_connections", "300"))).size(), 3U);
}

TEST(ApplyAgain, ClosesAReplicaForGood) {
  auto world = applied(spec_of("a b c"));
  world.servers["b"].now.read_only = ReadOnly::Off;
  const auto p = world.apply(spec_of("a b c").setting("max_connections", "300"));
  const auto close = std::find_if(p.steps.begin(), p.steps.end(),
                                  [](const auto& s) { return std::holds_alternative<SetReadOnly>(s.step); });
  ASSERT_NE(close, p.steps.end());
  EXPECT_FALSE(inverse(close->step)) << "taken back, two servers would take writes";
}

TEST(Apply, ThatIsTakenBackOpensAFreshServerAgain) {
  auto world = applied(spec_of("a b c"));
  world.servers.add({"d"});
  const auto p = world.apply(spec_of("a b c d"));
  const auto close = std::find_if(p.steps.begin(), p.steps.end(),
                                  [](const auto& s) { return std::holds_alternative<SetReadOnly>(s.step); });
  ASSERT_NE(close, p.steps.end());
  EXPECT_TRUE(inverse(close->step));
}

TEST(ApplyAgain, SetsAndTakesAwayADelay) {
  auto world = applied(spec_of("a b c").acks(1));
  const auto delayed = spec_of("a b c").acks(1).delayed("c", 1h);
  world.apply(delayed);
  world.expect_reached(delayed);
  EXPECT_FALSE(world.servers["c"].now.semi_sync.replica_enabled) << "a delayed node is no acker";
  world.apply(spec_of("a b c").acks(1));
  world.expect_reached(spec_of("a b c").acks(1));
}

TEST(ApplyAgain, ChangesSettingsOnceAndComparesThemByMeaning) {
  auto world = applied(spec_of("a b"));
  const auto p = world.apply(spec_of("a b").setting("max_connections", "500").setting("event_scheduler", "ON"));
  EXPECT_EQ(all_of_kind<SetVariable>(p).size(), 4u);
  EXPECT_TRUE(has_step(p, "a: set max_connections 151 -> 500"));
  world.expect_reached(spec_of("a b").setting("max_connections", "500").setting("event_scheduler", "ON"));
  EXPECT_TRUE(world.plan(spec_of("a b").setting("max_connections", "500").setting("event_scheduler", "1"))->empty());
}

TEST(ApplyAgain, LetsNodeSettingsOverrideTheClusters) {
  auto spec = spec_of("a b").setting("max_connections", "500");
  spec.node("b").settings["max_connections"] = "900";
  auto world = applied(spec);
  EXPECT_EQ(world.servers["a"].has.variables.at("max_connections"), "500");
  EXPECT_EQ(world.servers["b"].has.variables.at("max_connections"), "900");
  world.expect_reached(spec);
}

TEST(ApplyAgain, MakesAMissingAccountOnThePrimaryAlone) {
  auto world = applied(spec_of("a b c").acks(1));
  auto wanted = spec_of("a b c").acks(1);
  wanted.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
  const auto p = world.apply(wanted);
  EXPECT_EQ(sentences(p), std::vector<std::string>{"a: create the application account 'shop'"});
  world.expect_reached(wanted);
}

TEST(ApplyAgain, NeverOpensARunningReplica) {
  auto world = applied(spec_of("a b c").acks(1));
  world.servers["b"].has.accounts.erase(AccountRole::Replication);
  const auto p = world.plan(spec_of("a b c").acks(1));
  ASSERT_TRUE(p) << p.error().message;
  for (const auto& s : all_of_kind<SetReadOnly>(*p)) EXPECT_NE(s.to, ReadOnly::Off) << s.node;
}

TEST(ApplyAgain, AddsANode) {
  auto world = applied(spec_of("a b").acks(1));
  world.servers.add({"c"}).now.executed = gtids("C:1-3");
  const auto wanted = spec_of("a b c").acks(1);
  world.apply(wanted);
  world.expect_reached(wanted);
  EXPECT_EQ(world.servers["c"].now.executed, world.servers["a"].now.executed);
}

TEST(ApplyAgain, ClosesAWritableReplicaAndStartsAStoppedOne) {
  auto world = applied(spec_of("a b c").acks(1));
  world.servers["b"].now.read_only = ReadOnly::Off;
  world.servers["c"].now.channels[0].receiver = ThreadState::Stopped;
  const auto p = world.apply(spec_of("a b c").acks(1));
  EXPECT_TRUE(has_step(p, "b: writable -> super-read-only"));
  EXPECT_TRUE(has_step(p, "c: start replication"));
  world.expect_reached(spec_of("a b c").acks(1));
}

TEST(ApplyAgain, NeverStartsAFailedApplier) {
  auto world = applied(spec_of("a b c"));
  world.servers["c"].now.channels[0].applier = ThreadState::Stopped;
  world.servers["c"].now.channels[0].applier_errno = 1062;
  EXPECT_FALSE(has_step(*world.plan(spec_of("a b c")), "c:"));
}

// ---- the office afterwards ------------------------------------------------------------------------------------------

TEST(OfficeAfterApply, KnowsTheAckersAndTheCount) {
  const auto spec = spec_of("a b c d").acks(2).delayed("d", 1h);
  const auto office = plan::office_after(spec, {}, Servers::fresh(spec).view(), kNow);
  EXPECT_EQ(office.term.number, 1u);
  EXPECT_EQ(office.primary, NodeId{"a"});
  EXPECT_EQ(office.ackers, (std::set<NodeId>{{"b"}, {"c"}}));
  EXPECT_EQ(office.acks, 2);
  EXPECT_EQ(office.since, kNow);
}

TEST(OfficeAfterApply, CountsTheLowerOfOldAndNewAcks) {
  const auto view = Servers::fresh(spec_of("a b c")).view();
  auto office = office_of(spec_of("a b c").acks(2), "a");
  EXPECT_EQ(plan::office_after(spec_of("a b c").acks(1), office, view, kNow).acks, 1);
  office.acks = 1;
  EXPECT_EQ(plan::office_after(spec_of("a b c").acks(2), office, view, kNow).acks, 1)
      << "commits of before were acknowledged by one";
}

TEST(OfficeAfterApply, KeepsAckersOfBefore) {
  const auto view = Servers::fresh(spec_of("a b c")).view();
  const auto office = office_of(spec_of("a b c").acks(1), "a");
  EXPECT_TRUE(
      plan::office_after(spec_of("a b c").acks(1).follows("c", "b"), office, view, kNow).ackers.contains({"c"}));
}

TEST(OfficeAfterApply, WaitsForNothingInAsyncOrWhereItMayDegrade) {
  const auto view = Servers::fresh(spec_of("a b c")).view();
  EXPECT_EQ(plan::office_after(spec_of("a b c"), office_of(spec_of("a b c").acks(1), "a"), view, kNow).acks, 0);
  EXPECT_EQ(plan::office_after(spec_of("a b c").acks(1).degrading(), {}, view, kNow).acks, 0);
}

TEST(OfficeAfterApply, KeepsTermAndPrimary) {
  const auto view = Servers::fresh(spec_of("a b c")).view();
  auto office = office_of(spec_of("a b c"), "b");
  office.term = {7};
  const auto after = plan::office_after(spec_of("a b c"), office, view, kNow);
  EXPECT_EQ(after.term.number, 7u);
  EXPECT_EQ(after.primary, NodeId{"b"});
}

TEST(SameValue, ComparesByMeaning) {
  EXPECT_TRUE(same_value("ON", "1"));
  EXPECT_TRUE(same_value("off", "FALSE"));
  EXPECT_TRUE(same_value("Row", "ROW"));
  EXPECT_FALSE(same_value("ON", "OFF"));
  EXPECT_FALSE(same_value("10", "1"));
  EXPECT_FALSE(same_value("", "0"));
  EXPECT_TRUE(same_value("3", "3.000000"));
  EXPECT_FALSE(same_value("3", "3.5"));
}

TEST(VariablesToLookAt, AreAllThatApplyCompares) {
  auto spec = spec_of("a b").acks(1).setting("max_connections", "500");
  spec.node("b").settings["sync_binlog"] = "0";
  const auto names = plan::variables_to_look_at(spec);
  for (const auto* name : {"max_connections", "sync_binlog", "replica_net_timeout", "rpl_semi_sync_source_timeout"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  }
}

/// Another server, e, has got the name c in the file, or c has got another address; what the nodes are is `world`'s.
View seen_under_one_name(const World& world, const std::string& who_is_c_now, const Spec& before) {
  const auto view = world.servers.view(world.office.primary);
  const auto all = view.observations();
  std::vector<Observation> out;
  const auto take_as = [&](const std::string& server, const NodeId& name) {
    auto found = *std::find_if(all.begin(), all.end(), [&](const Observation& o) { return o.node.name == server; });
    found.node = name;
    for (auto* snapshot : {&found.latest, &found.reached}) (*snapshot)->node = name;
    out.push_back(std::move(found));
  };
  take_as("a", {"a"});
  take_as("b", {"b"});
  take_as(who_is_c_now, {"c"});
  take_as("c", at_former_address(*before.find(NodeId{"c"})));
  return {kNow, std::move(out)};
}

TEST(PlanConverge, LetsGoOfAServerThatIsReplacedUnderItsName) {
  const auto before = spec_of("a b c").acks(1);
  auto world = applied(before);
  world.servers.add({"e"});
  world.servers["e"].now.executed = {};
  auto wanted = before;
  wanted.node("c").address = address_of({"e"});
  const auto p = plan::plan_converge(wanted, world.office, &*world.in_force, seen_under_one_name(world, "e", before));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(has_step(*p, "c: follow a")) << testing::PrintToString(sentences(*p));
  EXPECT_TRUE(has_step(*p, "c at db-c:3306: semi-sync replica off")) << testing::PrintToString(sentences(*p));
  EXPECT_EQ(all_of_kind<ForgetSource>(*p).size(), 1U);
  EXPECT_EQ(all_of_kind<ForgetSource>(*p).front().replica.name, "c at db-c:3306");
}

TEST(PlanConverge, KeepsAServerThatOnlyHasAnotherAddress) {
  const auto before = spec_of("a b c").acks(1);
  auto world = applied(before);
  auto wanted = before;
  wanted.node("c").address = {"elsewhere", 3306};
  const auto p = plan::plan_converge(wanted, world.office, &*world.in_force, seen_under_one_name(world, "c", before));
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(sentences(*p), std::vector<std::string>{});
}

TEST(ApplyRefuses, AnotherServerUnderTheNameOfThePrimary) {
  auto world = applied(spec_of("a b c").acks(1));
  world.servers.add({"e"});
  auto wanted = spec_of("a b c").acks(1);
  wanted.node("a").address = address_of({"e"});
  const auto view = world.servers.view(world.office.primary);
  std::vector<Observation> seen{view.observations().begin(), view.observations().end()};
  for (auto& o : seen) {
    const auto name = o.node.name == "a"   ? at_former_address(*world.in_force->find(NodeId{"a"}))
                      : o.node.name == "e" ? NodeId{"a"}
                                           : o.node;
    o.node = name;
    for (auto* snapshot : {&o.latest, &o.reached}) (*snapshot)->node = name;
  }
  const auto p = plan::plan_converge(wanted, world.office, &*world.in_force, View{kNow, seen});
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message.find("a is the primary, and at db-e:3306 is another server than at db-a:3306"),
            std::string::npos)
      << p.error().message;
}

TEST(PlanConverge, MovesThePrimaryAfterWhatSomebodyChangedByHandWasPutRight) {
  auto spec = spec_of("a b c").setting("max_connections", "500");
  auto world = applied(spec);
  world.servers["c"].has.variables["max_connections"] = "100";
  auto moved = spec;
  moved.node("a").type = NodeType::Replica;
  moved.node("b").type = NodeType::Source;
  const auto p = world.plan(moved);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->promotes, NodeId{"b"});
  EXPECT_TRUE(in_order(*p, "c: set max_connections", "a: writable -> super-read-only"));
  EXPECT_EQ(describe(p->steps.at(p->point_of_no_return).step), "b: super-read-only -> writable");
}

TEST(PlanConverge, LetsARemovedReplicaAcknowledgeNoLonger) {
  auto world = applied(spec_of("a b c").acks(1));
  const auto less = world.apply(spec_of("a b").acks(1));
  EXPECT_EQ(sentences(less),
            (std::vector<std::string>{"c: semi-sync replica off", "b: apply all that a has (at most 60 s)",
                                      "c: forget a as its source"}));
  EXPECT_EQ(world.office.ackers, std::set<NodeId>{kB});
}

TEST(PlanConverge, RemovesAReplicaThatIsGone) {
  auto world = applied(spec_of("a b c").acks(1));
  world.servers.kill("c");
  // What it alone has acknowledged must be on those that a failover asks.
  EXPECT_EQ(sentences(world.apply(spec_of("a b").acks(1))),
            std::vector<std::string>{"b: apply all that a has (at most 60 s)"});
}

}  // namespace
}  // namespace repl::test

// Passwords and policies of a cluster that runs: what is planned, in which order, and what is left out.
#include <gtest/gtest.h>

#include "diagnose/rules.hpp"
#include "plan/converge.hpp"
#include "plan/repair.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {
namespace {

const Account kApplication{"shop_app", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};

/// A cluster as its first apply has left it, in which secrets, accounts and files change afterwards.
struct Kept {
  Spec spec;
  Servers servers;
  Office office;

  explicit Kept(Spec wanted) : spec(std::move(wanted)), servers(Servers::fresh(spec)) {
    spec.accounts[AccountRole::Application] = kApplication;
    carry_out(*plan::plan_converge(spec, office, nullptr, servers.view()));
    office = plan::office_after(spec, office, servers.view(), kNow);
    for (const auto& node : spec.nodes) {
      if (node.id != *office.primary) servers[node.id].has.receiver_as_declared = true;
    }
  }
  void carry_out(const Plan& plan) {
    EXPECT_TRUE(well_formed(plan));
    const auto error = apply_all(servers, plan, in_written_order(plan));
    EXPECT_FALSE(error) << error->message;
  }
  /// The secret behind that account holds another password now.
  void change_secret(AccountRole role) {
    for (const auto& node : spec.nodes) {
      auto& has = servers[node.id].has;
      has.accounts.erase(role);
      has.account_faults[role] = {AccountFault::Password};
      if (role == AccountRole::Replication && has.receiver_as_declared) has.receiver_as_declared = false;
    }
  }
  Plan plan(const std::set<AccountRole>& discard = {}, const Spec* wanted = nullptr) {
    const auto made = plan::plan_converge(wanted == nullptr ? spec : *wanted, office, &spec,
                                          servers.view(office.primary), {}, {}, discard);
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : Plan{};
  }
};

std::string reasons_of(const Plan& plan) {
  std::string out;
  for (const auto& reason : plan.reasons) out += reason + "\n";
  return out;
}

TEST(Rotation, TellsEverybodyOneByOneAndThenDiscardsTheFormerPassword) {
  Kept world{spec_of("a b c").acks(1)};
  world.change_secret(AccountRole::Replication);
  const auto p = world.plan();
  EXPECT_EQ(sentences(p),
            (std::vector<std::string>{
                "a: give the replication account 'repl_replica' its new password, the present one works on",
                "b: apply all that a has (at most 60 s)", "c: apply all that a has (at most 60 s)",
                "b: its receiver connects as declared from now on", "a: wait for 2 semi-sync replicas (at most 20 s)",
                "c: its receiver connects as declared from now on", "a: wait for 2 semi-sync replicas (at most 20 s)",
                "a: the former password of the replication account 'repl_replica' works no longer"}));
  // In any order that the plan allows: never two receivers at once, and nobody before everybody has the password.
  for (const auto& [first, later] : {std::pair{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}}) {
    const auto& after = p.steps[static_cast<std::size_t>(later)].after;
    EXPECT_NE(std::find(after.begin(), after.end(), static_cast<std::size_t>(first)), after.end()) << first << later;
  }
  world.carry_out(p);
  EXPECT_TRUE(world.plan().empty());
}

TEST(Rotation, IsTakenUpWhereItWasInterrupted) {
  Kept world{spec_of("a b c")};
  world.change_secret(AccountRole::Replication);
  const auto p = world.plan();
  for (std::size_t stop = 1; stop < p.steps.size(); ++stop) {
    Kept again{spec_of("a b c")};
    again.change_secret(AccountRole::Replication);
    for (std::size_t i = 0; i < stop; ++i) ASSERT_TRUE(again.servers.apply(p.steps[i].step).ok());
    again.carry_out(again.plan());
    EXPECT_TRUE(again.plan().empty()) << "stopped after step " << stop;
    EXPECT_FALSE(again.servers["a"].has.former_passwords.contains(AccountRole::Replication));
  }
}

TEST(Rotation, KeepsTheFormerPasswordWhileANodeIsAway) {
  Kept world{spec_of("a b c")};
  world.servers["c"].life = Life::Down;
  world.change_secret(AccountRole::Replication);
  const auto p = world.plan();
  EXPECT_TRUE(has_step(p, "b: its receiver connects as declared from now on"));
  EXPECT_TRUE(all_of_kind<DiscardFormerPassword>(p).empty());
  EXPECT_NE(reasons_of(p).find("works on until every node is there"), std::string::npos) << reasons_of(p);
  world.carry_out(p);
  world.servers["c"].life = Life::Up;
  const auto rest = world.plan();
  EXPECT_TRUE(has_step(rest, "c: its receiver connects as declared from now on"));
  EXPECT_EQ(all_of_kind<DiscardFormerPassword>(rest).size(), 1u);
}

TEST(Rotation, IsRefusedWhileSomebodyMayStillNeedTheFormerPassword) {
  Kept world{spec_of("a b c")};
  world.servers["c"].life = Life::Down;
  world.change_secret(AccountRole::Replication);
  world.carry_out(world.plan());
  world.change_secret(AccountRole::Replication);
  const auto refused = [&] {
    return plan::plan_converge(world.spec, world.office, &world.spec, world.servers.view(world.office.primary));
  };
  ASSERT_FALSE(refused());
  EXPECT_NE(refused().error().message.find("needed by c (does not answer)"), std::string::npos)
      << refused().error().message;
  // All that are there are told the third one in the course of the same apply.
  world.servers["c"].life = Life::Up;
  world.carry_out(world.plan());
  EXPECT_TRUE(world.plan().empty());
}

TEST(Rotation, TellsANodeThatIsAttachedBeforeTheFormerPasswordEnds) {
  Kept world{spec_of("a b c")};
  world.change_secret(AccountRole::Replication);
  world.servers["c"].now.channels.front().source.host = kDetachedHost;
  world.servers["c"].now.channels.front().receiver = ThreadState::Stopped;
  const auto p = world.plan();
  EXPECT_TRUE(in_order(p, "c: follow a", "c: its receiver connects as declared from now on"))
      << "a channel keeps its login";
  EXPECT_TRUE(
      in_order(p, "c: its receiver connects as declared from now on", "a: the former password of the replication"));
  world.carry_out(p);
}

TEST(Rotation, RenewsReceiversBelowADelayedNodeThatTakesTheNewPasswordAlready) {
  Kept world{spec_of("a b c").delayed("b", 1h).follows("c", "b")};
  world.servers["c"].has.receiver_as_declared = false;
  EXPECT_TRUE(has_step(world.plan(), "c: its receiver connects as declared from now on"));
}

TEST(ReplicationAccount, IsMadeRightBeforeAnybodyClonesOrLogsInWithIt) {
  Kept world{spec_of("a b")};
  for (const auto* node : {"a", "b"}) {
    world.servers[node].has.accounts.erase(AccountRole::Replication);
    world.servers[node].has.account_faults[AccountRole::Replication] = {AccountFault::Grants};
  }
  world.servers.write("a", "shop");
  world.servers["a"].now.purged = gtids("A:1-2");
  world.servers["b"].now.purged = gtids("A:1-2");
  Spec wanted = spec_of("a b c");
  wanted.accounts[AccountRole::Application] = kApplication;
  world.servers.add(NodeId{"c"});
  const auto p = world.plan({}, &wanted);
  EXPECT_TRUE(in_order(p, "a: make the replication account 'repl_replica' true: grants", "b: apply all that a has"));
  EXPECT_TRUE(in_order(p, "a: make the replication account", "c: clone the data of"));
  world.carry_out(p);
}

TEST(ReplicationAccount, ThatIsRenamedIsOnEveryNodeBeforeAReceiverIsTold) {
  Kept world{spec_of("a b c").follows("c", "b")};
  for (const auto* node : {"a", "b", "c"}) {
    auto& has = world.servers[node].has;
    has.accounts.erase(AccountRole::Replication);
    has.account_faults[AccountRole::Replication] = {AccountFault::Missing};
    if (has.receiver_as_declared) has.receiver_as_declared = false;
  }
  const auto p = world.plan();
  EXPECT_TRUE(in_order(p, "a: create the replication account", "b: apply all that a has"));
  for (const auto* receiver : {"b: its receiver connects", "c: its receiver connects"}) {
    for (const auto* has : {"b: apply all that a has", "c: apply all that a has"})
      EXPECT_TRUE(in_order(p, has, receiver));
  }
}

TEST(ReplicationAccount, ComesFromTheSourceWhereThatMayHaveLoggedIt) {
  const auto spec = spec_of("a b c").follows("c", "b");
  auto servers = Servers::fresh(spec);
  servers["a"].has.accounts.insert(AccountRole::Replication);
  const auto p = plan::plan_converge(spec, {}, nullptr, servers.view());
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_FALSE(has_step(*p, "b: create the replication account 'repl_replica'")) << "what a replays there would fail";
  EXPECT_FALSE(has_step(*p, "c: create the replication account 'repl_replica'"));
  EXPECT_TRUE(in_order(*p, "a: create the replication account 'repl_replica'", "b: follow a"));
  EXPECT_TRUE(in_order(*p, "b: follow a", "b: apply all that a has"));
  EXPECT_TRUE(in_order(*p, "b: apply all that a has", "c: follow b"));
  const auto error = apply_all(servers, *p, in_written_order(*p));
  EXPECT_FALSE(error) << error->message;
  for (const auto* node : {"b", "c"})
    EXPECT_TRUE(servers[node].has.accounts.contains(AccountRole::Replication)) << node;
}

TEST(Admin, ThatMayExpireIsNamedWithWhatToDo) {
  Kept world{spec_of("a b")};
  world.servers["a"].has.accounts.erase(AccountRole::Admin);
  world.servers["a"].has.account_faults[AccountRole::Admin] = {AccountFault::Policy};
  const auto p = world.plan();
  EXPECT_TRUE(p.empty());
  EXPECT_NE(reasons_of(p).find("PASSWORD EXPIRE NEVER"), std::string::npos) << reasons_of(p);
}

TEST(Rotation, OfTheApplicationKeepsTheFormerPasswordUntilItIsAskedFor) {
  Kept world{spec_of("a b")};
  world.change_secret(AccountRole::Application);
  const auto p = world.plan();
  EXPECT_EQ(sentences(p), std::vector<std::string>{"a: give the application account 'shop_app' its new password, the "
                                                   "present one works on"});
  EXPECT_NE(reasons_of(p).find("--discard-former application"), std::string::npos);
  world.carry_out(p);
  EXPECT_TRUE(world.plan().empty());
  EXPECT_EQ(sentences(world.plan({AccountRole::Application})),
            std::vector<std::string>{"a: the former password of the application account 'shop_app' works no longer"});
  EXPECT_NE(reasons_of(world.plan({AccountRole::Monitoring, AccountRole::Admin})).find("admin: has no former password"),
            std::string::npos);
}

TEST(Rotation, ComesBeforeANewNodeLogsInWithTheNewPassword) {
  Kept world{spec_of("a b")};
  Spec wanted = spec_of("a b c");
  wanted.accounts[AccountRole::Application] = kApplication;
  world.servers.add(NodeId{"c"});
  world.change_secret(AccountRole::Replication);
  const auto p = world.plan({}, &wanted);
  EXPECT_TRUE(in_order(p, "a: give the replication account", "c: follow a"));
}

TEST(Rotation, LeavesReplicasOfADelayedNodeForLater) {
  Kept world{spec_of("a b c").delayed("b", 1h).follows("c", "b")};
  world.change_secret(AccountRole::Replication);
  const auto p = world.plan();
  EXPECT_TRUE(has_step(p, "b: its receiver connects as declared from now on"));
  EXPECT_FALSE(has_step(p, "c: its receiver connects as declared from now on"));
  EXPECT_FALSE(has_step(p, "b: apply all that a has (at most 60 s)")) << "that takes an hour";
  EXPECT_TRUE(all_of_kind<DiscardFormerPassword>(p).empty());
}

TEST(Amending, GivesAnExistingAccountWhatItLacksAndNeverDropsIt) {
  Kept world{spec_of("a b")};
  for (const auto* node : {"a", "b"}) {
    world.servers[node].has.accounts.erase(AccountRole::Application);
    world.servers[node].has.account_faults[AccountRole::Application] = {AccountFault::Grants, AccountFault::Locked};
  }
  const auto p = world.plan();
  EXPECT_EQ(sentences(p), std::vector<std::string>{"a: make the application account 'shop_app' true: grants, locked"});
  EXPECT_EQ(inverse(p.steps.front().step), std::nullopt);
  world.carry_out(p);
  EXPECT_TRUE(world.plan().empty());
}

TEST(Amending, IsRepairedByItselfButForPasswords) {
  Kept world{spec_of("a b")};
  world.change_secret(AccountRole::Application);
  const auto problems = diagnose::diagnose(world.spec, world.office, world.servers.view(world.office.primary));
  const auto found =
      std::find_if(problems.begin(), problems.end(), [](const Problem& p) { return p.name == "AccountsDeviate"; });
  ASSERT_NE(found, problems.end());
  EXPECT_NE(found->evidence.find("application 'shop_app' (password)"), std::string::npos) << found->evidence;
  const auto view = world.servers.view(world.office.primary);
  EXPECT_TRUE(plan::plan_repair(*found, world.spec, world.office, view)->empty()) << "its file may be half written";
  world.servers["a"].has.account_faults[AccountRole::Application].insert(AccountFault::Grants);
  const auto repair = plan::plan_repair(*found, world.spec, world.office, world.servers.view(world.office.primary));
  EXPECT_EQ(sentences(*repair), std::vector<std::string>{"a: make the application account 'shop_app' true: grants"});
}

TEST(Amending, UnlocksWhatFailedLoginsHaveLockedOnlyWhenSomebodyAsks) {
  Kept world{spec_of("a b")};
  world.servers["a"].has.accounts.erase(AccountRole::Application);
  world.servers["a"].has.account_faults[AccountRole::Application] = {AccountFault::LockedOut};
  const auto view = world.servers.view(world.office.primary);
  const auto problems = diagnose::diagnose(world.spec, world.office, view);
  const auto found =
      std::find_if(problems.begin(), problems.end(), [](const Problem& p) { return p.name == "AccountsDeviate"; });
  ASSERT_NE(found, problems.end());
  EXPECT_NE(found->evidence.find("application 'shop_app' (locked-out)"), std::string::npos) << found->evidence;
  EXPECT_TRUE(plan::plan_repair(*found, world.spec, world.office, view)->empty()) << "its owner wants it so";
  EXPECT_EQ(sentences(world.plan()),
            std::vector<std::string>{"a: make the application account 'shop_app' true: locked-out"});
  // Without it nothing replicates.
  world.servers["a"].has.accounts.erase(AccountRole::Replication);
  world.servers["a"].has.account_faults[AccountRole::Replication] = {AccountFault::LockedOut};
  EXPECT_EQ(sentences(*plan::plan_repair(*found, world.spec, world.office, world.servers.view(world.office.primary))),
            std::vector<std::string>{"a: make the replication account 'repl_replica' true: locked-out"});
}

TEST(Policy, IsInstalledWhereNothingReplicatesYetAndNamedWhereItCannotBe) {
  Spec spec = spec_of("a b");
  spec.password_policy.min_length = 14;
  auto fresh = Servers::fresh(spec);
  const auto first = plan::plan_converge(spec, {}, nullptr, fresh.view());
  ASSERT_TRUE(first) << first.error().message;
  for (const auto* node : {"a", "b"}) {
    const std::string n = node;
    EXPECT_TRUE(in_order(*first, n + ": install the password validation component",
                         n + ": set validate_password.length 8 -> 14"));
  }
  Kept world{spec_of("a b")};
  auto wanted = world.spec;
  wanted.password_policy.min_length = 14;
  const auto p = world.plan({}, &wanted);
  EXPECT_TRUE(has_step(p, "a: install the password validation component"));
  EXPECT_FALSE(has_step(p, "b: set validate_password.length 8 -> 14"));
  EXPECT_NE(reasons_of(p).find("b runs as a replica and lacks"), std::string::npos) << reasons_of(p);
}

TEST(Policy, ThatIsRemovedGivesTheDefaultsBackOnce) {
  Kept world{spec_of("a b")};
  world.spec.password_policy.expire_after = 24h * 90;
  auto without = world.spec;
  without.password_policy = {};
  const auto p = world.plan({}, &without);
  EXPECT_TRUE(has_step(p, "a: make the application account 'shop_app' true: policy"));
  world.spec = without;
  EXPECT_TRUE(world.plan().empty());
}

TEST(Policy, RefusesPasswordsThatCannotBeUsedBeforeAnythingIsChanged) {
  Kept world{spec_of("a b")};
  world.servers["a"].has.unusable_passwords[AccountRole::Application] = "it has 4 characters";
  const auto made =
      plan::plan_converge(world.spec, world.office, &world.spec, world.servers.view(world.office.primary));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("accounts.application.password cannot be used: it has 4 characters"),
            std::string::npos)
      << made.error().message;
}

TEST(Tls, AServerWithoutAnAuthorityIsRefusedUnderTheVerifyingModes) {
  Kept world{spec_of("a b")};
  world.servers["b"].has.variables["ssl_ca"] = "";
  world.spec.tls = {TlsMode::VerifyIdentity, "/ca.pem"};
  const auto made =
      plan::plan_converge(world.spec, world.office, &world.spec, world.servers.view(world.office.primary));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("b has no ssl_ca"), std::string::npos) << made.error().message;
}

/// With other schemas for the application.
Spec with_schemas(Spec spec, std::vector<std::string> schemas) {
  spec.accounts[AccountRole::Application].schemas = std::move(schemas);
  return spec;
}

TEST(Grants, ThatTheFileGivesNoLongerAreTakenBackAndComeBackWithARollback) {
  Kept world{spec_of("a b")};
  const auto narrow = world.spec;
  const auto wide = with_schemas(world.spec, {"shop", "crm"});
  world.spec = wide;
  const auto p = world.plan({}, &narrow);
  EXPECT_EQ(sentences(p), (std::vector<std::string>{"a: take from the application account 'shop_app' what the file "
                                                    "gives it no longer: ALL PRIVILEGES on crm"}));
  world.carry_out(p);
  for (const auto* node : {"a", "b"}) {
    EXPECT_EQ(world.servers[node].revoked["shop_app"], (std::set<ProfileGrant>{{"ALL PRIVILEGES", "crm"}})) << node;
  }
  // A failure later on takes it back.
  const auto back = inverse(p.steps.front().step);
  ASSERT_TRUE(back);
  EXPECT_EQ(describe(*back), "a: give the application account 'shop_app' again: ALL PRIVILEGES on crm");
  world.spec = narrow;
  EXPECT_TRUE(world.plan().empty());
}

TEST(Grants, OfAGroupAreTakenFromReplicationOnceNoMemberIsLeft) {
  auto group = spec_of("a b c");
  group.topology = TopologyType::GroupSinglePrimary;
  for (auto& node : group.nodes) node.type = NodeType::Normal;
  Kept world{group};
  auto tree = world.spec;
  tree.topology = TopologyType::SourceReplica;
  for (auto& node : tree.nodes) node.type = node.id == kA ? NodeType::Source : NodeType::Replica;
  const auto p = world.plan({}, &tree);
  world.carry_out(p);
  EXPECT_EQ(world.servers["a"].revoked["repl_replica"],
            (std::set<ProfileGrant>{{"CONNECTION_ADMIN", ""}, {"GROUP_REPLICATION_STREAM", ""}}));
}

TEST(Grants, ThatRepldHasNotGivenAreLeft) {
  Kept world{with_schemas(spec_of("a b"), {"shop"})};
  const auto wanted = world.spec;
  world.spec = with_schemas(world.spec, {"shop", "crm"});
  world.spec.management = Management::Observe;
  EXPECT_TRUE(world.plan({}, &wanted).empty());
}

TEST(Accounts, ThatNoFileNamesAnyMoreAreLockedAndUnlockedWithARollback) {
  Kept world{spec_of("a b")};
  auto without = world.spec;
  without.accounts.erase(AccountRole::Application);
  const auto p = world.plan({}, &without);
  EXPECT_EQ(sentences(p),
            (std::vector<std::string>{"a: lock the application account 'shop_app', which the file names no longer"}));
  EXPECT_NE(reasons_of(p).find("'shop_app' is locked, not dropped"), std::string::npos) << reasons_of(p);
  world.carry_out(p);
  EXPECT_TRUE(world.servers["b"].locked.contains("shop_app"));
  ASSERT_TRUE(inverse(p.steps.front().step));

  // Another name is another account.
  auto renamed = world.spec;
  renamed.accounts[AccountRole::Application].user = "shop_web";
  EXPECT_EQ(sentences(world.plan({}, &renamed)).back(),
            "a: lock the application account 'shop_app', which the file names no longer");
}

TEST(Accounts, OfReplicationAreNeverLockedForSomebodyMayComeBackWithThem) {
  Kept world{spec_of("a b")};
  auto renamed = world.spec;
  renamed.accounts[AccountRole::Replication].user = "replica_2";
  const auto p = world.plan({}, &renamed);
  for (const auto& step : p.steps) EXPECT_FALSE(std::holds_alternative<LockAccount>(step.step));
  EXPECT_NE(reasons_of(p).find("the replication account 'repl_replica' is kept"), std::string::npos) << reasons_of(p);
}

TEST(Tls, AnAuthorityThatTheFileGivesIsOne) {
  Kept world{spec_of("a b")};
  world.servers["b"].has.variables["ssl_ca"] = "";
  world.spec.tls = {TlsMode::VerifyIdentity, "/ca.pem"};
  world.spec.settings["ssl_ca"] = "/etc/ca.pem";
  EXPECT_TRUE(has_step(world.plan(), "b: set ssl_ca '' -> /etc/ca.pem"));
}

TEST(Tls, AnotherModeOfARunningGroupIsRefusedWithTheWayToGo) {
  auto spec = spec_of("a b c");
  spec.topology = TopologyType::GroupSinglePrimary;
  Kept world{spec};
  for (const auto* node : {"a", "b", "c"}) {
    world.servers[node].has.variables["group_replication_ssl_mode"] = "REQUIRED";
    world.servers[node].has.variables["ssl_ca"] = "/etc/ca.pem";
  }
  auto wanted = world.spec;
  wanted.tls = {TlsMode::VerifyIdentity, "/ca.pem"};
  const auto made = plan::plan_converge(wanted, world.office, &world.spec, world.servers.view(world.office.primary));
  ASSERT_FALSE(made);
  for (const auto* part : {"b runs as a member with another TLS mode", "STOP GROUP_REPLICATION",
                           "SET PERSIST group_replication_ssl_mode='VERIFY_IDENTITY'"}) {
    EXPECT_NE(made.error().message.find(part), std::string::npos) << made.error().message;
  }
  wanted.tls = {};
  EXPECT_TRUE(plan::plan_converge(wanted, world.office, &world.spec, world.servers.view(world.office.primary)))
      << "with `preferred` it may stay as it is";
}

}  // namespace
}  // namespace repl::test

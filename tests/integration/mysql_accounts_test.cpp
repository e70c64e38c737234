// Accounts on real servers: two passwords at once, what an inventory finds, and the password policy.
#include <gtest/gtest.h>

#include "model/privileges.hpp"
#include "mysql/inventory.hpp"
#include "mysql_client.hpp"
#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;
using Faults = std::set<AccountFault>;

class Accounts : public MysqlTest {
 protected:
  void TearDown() override {
    servers.write_secret("t-replica", "Repl-ica1");
    servers.write_secret("t-app", "App-lication1");
    MysqlTest::TearDown();
  }
  bool logs_in(const NodeId& node, const std::string& user, const std::string& password) {
    return Client{spec->find(node)->address, user, password}.connected();
  }
  const Account& account(AccountRole role) const { return spec->accounts.at(role); }
  Inventory look(const NodeId& node) {
    const Call call{node, std::chrono::steady_clock::now() + 20s, nullptr, nullptr};
    const auto session = nodes.at(node)->borrow(Purpose::Look, call);
    if (!session) throw std::runtime_error(session.error().message);
    Server server{**session, call};
    auto inventory = read_inventory(server, *spec, servers.endpoint(node), {"validate_password.length"}, tried);
    if (!inventory) throw std::runtime_error(inventory.error().message);
    return *inventory;
  }
  Faults faults(AccountRole role) { return look(kDb1).faults_of(role); }
  void make_app() {
    done(CreateAccount{kDb1, AccountRole::Application, account(AccountRole::Application), Logged::Yes});
  }
  void with_policy(const PasswordPolicy& policy) {
    auto changed = servers.spec();
    changed.password_policy = policy;
    spec = std::make_shared<Spec>(changed);
  }
  std::string attributes(const std::string& user) {
    return servers.ask(kDb1,
                       "SELECT CONCAT_WS(' ', COALESCE(password_lifetime, '-'), COALESCE(Password_reuse_history, '-'), "
                       "COALESCE(User_attributes->>'$.Password_locking.failed_login_attempts', '-'), "
                       "COALESCE(User_attributes->>'$.Password_locking.password_lock_time_days', '-')) FROM mysql.user "
                       "WHERE User='" +
                           user + "'");
  }
  void receivers_come_back() {
    for (const auto& node : {kDb2, kDb3}) {
      servers.tell(node, {"STOP REPLICA IO_THREAD", "START REPLICA IO_THREAD"});
      EXPECT_TRUE(comes_true([&] { return probe(node).channel()->receiver == ThreadState::Running; })) << node.name;
    }
  }
  TriedPasswords tried;
};

TEST_F(Accounts, ARotationLocksNobodyOutAtAnyMoment) {
  replicate_with_semi_sync();
  const auto& replication = account(AccountRole::Replication);
  for (const auto& node : {kDb2, kDb3}) EXPECT_EQ(look(node).receiver_as_declared, std::optional{true}) << node.name;
  servers.write_secret("t-replica", "Another-1");
  for (const auto& node : {kDb2, kDb3}) EXPECT_EQ(look(node).receiver_as_declared, std::optional{false}) << node.name;
  EXPECT_EQ(faults(AccountRole::Replication), Faults{AccountFault::Password});

  done(RotatePassword{kDb1, AccountRole::Replication, replication});
  done(RotatePassword{kDb1, AccountRole::Replication, replication});
  for (const auto& node : {kDb2, kDb3}) done(WaitForApplied{node, kDb1, 20s});
  for (const auto& node : {kDb1, kDb2, kDb3}) {
    EXPECT_TRUE(logs_in(node, "repl_replica", "Another-1")) << node.name;
    EXPECT_TRUE(logs_in(node, "repl_replica", "Repl-ica1")) << node.name << ": the former one works on";
    EXPECT_TRUE(look(node).former_passwords.contains(AccountRole::Replication)) << node.name;
  }
  receivers_come_back();  // with the former one

  for (const auto& node : {kDb2, kDb3}) {
    done(RenewReceiver{node});
    done(WaitForAckers{kDb1, 2, 20s});
    EXPECT_EQ(look(node).receiver_as_declared, std::optional{true}) << node.name;
  }
  done(DiscardFormerPassword{kDb1, AccountRole::Replication, replication});
  done(DiscardFormerPassword{kDb1, AccountRole::Replication, replication});
  for (const auto& node : {kDb2, kDb3}) done(WaitForApplied{node, kDb1, 20s});
  for (const auto& node : {kDb1, kDb2, kDb3}) {
    EXPECT_TRUE(logs_in(node, "repl_replica", "Another-1")) << node.name;
    EXPECT_FALSE(logs_in(node, "repl_replica", "Repl-ica1")) << node.name;
    EXPECT_FALSE(look(node).former_passwords.contains(AccountRole::Replication)) << node.name;
  }
  receivers_come_back();
}

TEST_F(Accounts, AReceiverIsLeftAloneWhileItsSourceDoesNotTakeTheNewPassword) {
  replicate();
  servers.write_secret("t-replica", "Another-1");
  const auto result = run(RenewReceiver{kDb2});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error->code, ErrorCode::PreconditionFailed) << result.error->message;
  EXPECT_EQ(result.error->message.find("Another-1"), std::string::npos);
  EXPECT_EQ(probe(kDb2).channel()->receiver, ThreadState::Running);
  servers.write_secret("t-replica", "Repl-ica1");
  receivers_come_back();
}

TEST_F(Accounts, AReplicaIsMovedWithTheLoginThatItHasWhileNoServerKnowsTheDeclaredOne) {
  replicate();
  servers.write_secret("t-replica", "Another-1");
  done(DetachReceiver{kDb2, kDb1});
  done(FollowSource{.replica = kDb2, .from = kDb1, .to = kDb3});
  EXPECT_TRUE(comes_true([&] { return probe(kDb2).channel()->receiver == ThreadState::Running; }));
  EXPECT_EQ(probe(kDb2).channel()->source, spec->find(kDb3)->address);
  // Nor does anybody need the secret for that.
  std::filesystem::remove(servers.sandbox().folder().secret("t-replica"));
  done(FollowSource{.replica = kDb2, .from = kDb3, .to = kDb1});
  EXPECT_TRUE(comes_true([&] { return probe(kDb2).channel()->receiver == ThreadState::Running; }));
  EXPECT_EQ(servers.ask(kDb2, "SELECT HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_configuration"),
            "0.500");
  servers.write_secret("t-replica", "Another-1");
  done(RotatePassword{kDb1, AccountRole::Replication, account(AccountRole::Replication)});
  for (const auto& node : {kDb2, kDb3}) done(WaitForApplied{node, kDb1, 20s});
  for (const auto& node : {kDb2, kDb3}) {
    done(RenewReceiver{node});
    EXPECT_EQ(look(node).receiver_as_declared, std::optional{true}) << node.name;
  }
  receivers_come_back();
}

TEST_F(Accounts, AReplicaWhoseLoginIsGoodNoLongerIsToldTheDeclaredOneWhenItIsMoved) {
  replicate();
  done(DetachReceiver{kDb2, kDb1});
  servers.write_secret("t-replica", "Another-1");
  servers.tell(kDb1, {"ALTER USER repl_replica@'%' IDENTIFIED BY 'Another-1'"});
  done(WaitForApplied{kDb3, kDb1, 20s});
  done(FollowSource{.replica = kDb2, .from = kDb1, .to = kDb1});
  EXPECT_TRUE(comes_true([&] { return probe(kDb2).channel()->receiver == ThreadState::Running; }));
  EXPECT_EQ(look(kDb2).receiver_as_declared, std::optional{true});
}

TEST_F(Accounts, OneThatAReplicaHasAlreadyStopsNobody) {
  replicate();
  servers.tell(kDb2, {"SET sql_log_bin=0", "CREATE USER shop_app@'%' IDENTIFIED BY 'Some-body1'"});
  make_app();
  done(WaitForApplied{kDb2, kDb1, 20s});
  EXPECT_TRUE(logs_in(kDb2, "shop_app", "App-lication1")) << "made what it is everywhere";
  EXPECT_EQ(servers.ask(kDb2, "SELECT COUNT(*) FROM mysql.db WHERE User='shop_app' AND Insert_priv='Y'"), "1");
}

TEST_F(Accounts, OneThatAReplicaLacksIsMadeThereByWhateverChangesIt) {
  replicate();
  make_app();
  const auto& app = account(AccountRole::Application);
  for (const auto& node : {kDb2, kDb3}) done(WaitForApplied{node, kDb1, 20s});
  const auto lose_it = [&](const NodeId& node) { servers.tell(node, {"SET sql_log_bin=0", "DROP USER shop_app@'%'"}); };
  const auto has_it = [&](const NodeId& node, const std::string& password) {
    done(WaitForApplied{node, kDb1, 20s});
    EXPECT_TRUE(logs_in(node, "shop_app", password)) << node.name;
    EXPECT_EQ(servers.ask(node, "SELECT COUNT(*) FROM mysql.db WHERE User='shop_app' AND Insert_priv='Y'"), "1");
  };
  lose_it(kDb2);
  servers.tell(kDb1, {"SET sql_log_bin=0", "REVOKE ALL PRIVILEGES ON shop.* FROM shop_app@'%'"});
  done(AmendAccount{kDb1, AccountRole::Application, app, {AccountFault::Grants, AccountFault::Locked}, Logged::Yes});
  has_it(kDb2, "App-lication1");
  lose_it(kDb3);
  servers.write_secret("t-app", "App-lication2");
  done(RotatePassword{kDb1, AccountRole::Application, app});
  has_it(kDb3, "App-lication2");
  EXPECT_TRUE(logs_in(kDb2, "shop_app", "App-lication1")) << "the former one works on";
  lose_it(kDb2);
  done(DiscardFormerPassword{kDb1, AccountRole::Application, app});
  done(WaitForApplied{kDb2, kDb1, 20s});
  EXPECT_FALSE(logs_in(kDb3, "shop_app", "App-lication1"));
}

TEST_F(Accounts, DiscardingKeepsTheDeclaredPasswordWhicheverCameFirst) {
  make_app();
  servers.write_secret("t-app", "App-lication2");
  done(RotatePassword{kDb1, AccountRole::Application, account(AccountRole::Application)});
  servers.write_secret("t-app", "App-lication1");  // somebody thought better of it
  done(DiscardFormerPassword{kDb1, AccountRole::Application, account(AccountRole::Application)});
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication1"));
  EXPECT_FALSE(logs_in(kDb1, "shop_app", "App-lication2"));
}

TEST_F(Accounts, DiscardingIsRefusedWhileTheDeclaredPasswordDoesNotWork) {
  make_app();
  servers.write_secret("t-app", "App-lication2");
  const auto result = run(DiscardFormerPassword{kDb1, AccountRole::Application, account(AccountRole::Application)});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error->code, ErrorCode::PreconditionFailed);
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication1"));
}

TEST_F(Accounts, AnInventoryTellsWhatIsWrong) {
  const auto role = AccountRole::Application;
  EXPECT_EQ(faults(role), Faults{AccountFault::Missing});
  make_app();
  EXPECT_EQ(faults(role), Faults{});
  servers.tell(kDb1, {"REVOKE ALL PRIVILEGES ON shop.* FROM shop_app@'%'"});
  EXPECT_EQ(faults(role), Faults{AccountFault::Grants});
  servers.tell(kDb1, {"ALTER USER shop_app@'%' ACCOUNT LOCK"});
  EXPECT_EQ(faults(role), (Faults{AccountFault::Grants, AccountFault::Locked})) << "its password is right all the same";
  done(AmendAccount{kDb1, role, account(role), faults(role), Logged::Yes});
  EXPECT_EQ(faults(role), Faults{});
  servers.tell(kDb1, {"ALTER USER shop_app@'%' PASSWORD EXPIRE"});
  EXPECT_EQ(faults(role), Faults{AccountFault::Expired});
  servers.tell(kDb1, {"ALTER USER shop_app@'%' IDENTIFIED BY 'Some-body1'"});
  EXPECT_EQ(faults(role), Faults{AccountFault::Password});
  EXPECT_TRUE(look(kDb1).unusable_passwords.empty());
  std::filesystem::permissions(servers.sandbox().folder().secret("t-app"), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_NE(look(kDb1).unusable_passwords[role].find("chmod 600"), std::string::npos);
}

TEST_F(Accounts, LookingForAChangedPasswordLocksNobodyOut) {
  make_app();
  with_policy({.max_failed_logins = 3, .lock_for = 24h});
  done(AmendAccount{
      kDb1, AccountRole::Application, account(AccountRole::Application), {AccountFault::Policy}, Logged::Yes});
  servers.write_secret("t-app", "App-lication2");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(faults(AccountRole::Application), Faults{AccountFault::Password});
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication1"));
  // Somebody else has used up all but one.
  const auto fails = [&] { EXPECT_FALSE(logs_in(kDb1, "shop_app", "Wrong-1")); };
  fails();
  fails();
  EXPECT_EQ(faults(AccountRole::Application), Faults{AccountFault::Password});
  done(RotatePassword{kDb1, AccountRole::Application, account(AccountRole::Application)});
  done(RotatePassword{kDb1, AccountRole::Application, account(AccountRole::Application)});
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication2"));
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication1"));
}

TEST_F(Accounts, OneThatFailedLoginsHaveLockedIsFoundAndUnlocked) {
  const auto role = AccountRole::Application;
  make_app();
  with_policy({.max_failed_logins = 3, .lock_for = 24h});
  done(AmendAccount{kDb1, role, account(role), {AccountFault::Policy}, Logged::Yes});
  EXPECT_EQ(faults(role), Faults{});
  const auto lock = [&] {
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(logs_in(kDb1, "shop_app", "Wrong-1"));
  };
  lock();
  EXPECT_EQ(faults(role), Faults{AccountFault::LockedOut});
  EXPECT_EQ(faults(role), Faults{AccountFault::LockedOut}) << "and each time anew";
  done(AmendAccount{kDb1, role, account(role), {AccountFault::LockedOut}, Logged::Yes});
  EXPECT_EQ(faults(role), Faults{});
  lock();
  servers.write_secret("t-app", "App-lication2");
  EXPECT_TRUE(faults(role).contains(AccountFault::Password)) << "that it is locked proves no password";
  done(RotatePassword{kDb1, role, account(role)});
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication2"));
}

TEST_F(Accounts, ThePolicyIsSetOnAccountsOfPeopleAndKeptOffThoseOfReplication) {
  with_policy({.min_length = 12, .history = 5, .expire_after = 90 * 24h, .max_failed_logins = 6, .lock_for = 48h});
  make_app();
  done(CreateAccount{kDb1, AccountRole::Replication, account(AccountRole::Replication), Logged::No});
  EXPECT_EQ(attributes("shop_app"), "90 5 6 2");
  EXPECT_EQ(attributes("repl_replica"), "0 - - -") << "never expires, is never locked out";
  EXPECT_EQ(faults(AccountRole::Application), Faults{});
  servers.tell(kDb1, {"ALTER USER shop_app@'%' PASSWORD HISTORY 1"});
  EXPECT_EQ(faults(AccountRole::Application), Faults{AccountFault::Policy});
  done(AmendAccount{
      kDb1, AccountRole::Application, account(AccountRole::Application), {AccountFault::Policy}, Logged::Yes});
  EXPECT_EQ(attributes("shop_app"), "90 5 6 2");
  with_policy({});
  done(AmendAccount{
      kDb1, AccountRole::Application, account(AccountRole::Application), {AccountFault::Policy}, Logged::Yes});
  EXPECT_EQ(attributes("shop_app"), "- - - -") << "the server's defaults again";
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication1"));
}

TEST_F(Accounts, ThatOfReplicationNeverExpiresAndIsNeverLockedOutWithoutAnyPolicy) {
  const auto role = AccountRole::Replication;
  done(CreateAccount{kDb1, role, account(role), Logged::No});
  EXPECT_EQ(attributes("repl_replica"), "0 - - -");
  EXPECT_EQ(faults(role), Faults{});
  servers.tell(kDb1, {"ALTER USER repl_replica@'%' FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED"});
  EXPECT_EQ(faults(role), Faults{AccountFault::Policy});
  done(AmendAccount{kDb1, role, account(role), {AccountFault::Policy}, Logged::No});
  EXPECT_EQ(faults(role), Faults{});
  // As a server with another default has had it for a year.
  servers.tell(kDb1,
               {"ALTER USER repl_replica@'%' PASSWORD EXPIRE DEFAULT", "SET GLOBAL default_password_lifetime=30"});
  EXPECT_EQ(faults(role), Faults{AccountFault::Policy});
  servers.tell(kDb1, {"SET sql_log_bin=0",
                      "UPDATE mysql.user SET password_last_changed=NOW() - INTERVAL 31 DAY WHERE "
                      "User='repl_replica'",
                      "FLUSH PRIVILEGES"});
  EXPECT_FALSE(logs_in(kDb1, "repl_replica", "Repl-ica1"));
  EXPECT_EQ(faults(role), Faults{AccountFault::Policy}) << "no new password is needed";
  EXPECT_EQ(look(kDb1).faults_of(AccountRole::Admin), Faults{AccountFault::Policy}) << "repld's own would expire, too";
  done(AmendAccount{kDb1, role, account(role), {AccountFault::Policy}, Logged::No});
  EXPECT_TRUE(logs_in(kDb1, "repl_replica", "Repl-ica1"));
  servers.tell(kDb1, {"SET GLOBAL default_password_lifetime=0"});
  EXPECT_EQ(look(kDb1).faults_of(AccountRole::Admin), Faults{});
}

TEST_F(Accounts, TheComponentRefusesWhatThePolicyRefusesBeforehand) {
  with_policy({.min_length = 14});
  EXPECT_FALSE(look(kDb1).variables.contains("validate_password.length"));
  done(InstallPlugin{kDb1, Plugin::PasswordValidation});
  done(InstallPlugin{kDb1, Plugin::PasswordValidation});
  EXPECT_EQ(look(kDb1).variables["validate_password.length"], "8");
  done(SetVariable{kDb1, "validate_password.length", "8", "14"});
  // The server and the check before a plan say the same of each.
  for (const auto& [password, fits] : std::map<std::string, bool>{{"Short-1", false},
                                                                  {"no-capitals-1234", false},
                                                                  {"NO-SMALL-1234567", false},
                                                                  {"No-Digits-At-All", false},
                                                                  {"NothingSpecial12345", false},
                                                                  {"Long-Enough-12345", true},
                                                                  {"Umläute-sind-12", true}}) {
    servers.write_secret("t-app", password);
    const auto why = look(kDb1).unusable_passwords[AccountRole::Application];
    EXPECT_EQ(why.empty(), fits) << password << ": " << why;
    EXPECT_EQ(why.find(password), std::string::npos) << "never shown";
    servers.tell(kDb1, {"DROP USER IF EXISTS shop_app@'%'"});
    const auto made =
        run(CreateAccount{kDb1, AccountRole::Application, account(AccountRole::Application), Logged::Yes});
    EXPECT_EQ(made.ok(), fits) << password << (made.ok() ? "" : made.error->message);
    if (!made.ok()) {
      EXPECT_EQ(made.error->message.find(password), std::string::npos) << made.error->message;
    }
  }
  servers.tell(kDb1, {"RESET PERSIST"});
  done(UninstallPlugin{kDb1, Plugin::PasswordValidation});
  done(UninstallPlugin{kDb1, Plugin::PasswordValidation});
}

TEST_F(Accounts, TheListedPrivilegesAreEnoughForRepld) {
  std::string privileges;
  for (const auto& p : kAdminPrivileges) {
    if (p.name != "GRANT OPTION") privileges += (privileges.empty() ? "" : ", ") + std::string{p.name};
  }
  servers.tell(kDb1, {"SET sql_log_bin=0", "CREATE USER narrow@'%' IDENTIFIED BY 'Nar-row1'",
                      "GRANT " + privileges + " ON *.* TO narrow@'%' WITH GRANT OPTION",
                      "GRANT ALL PRIVILEGES ON shop.* TO narrow@'%' WITH GRANT OPTION"});
  auto endpoint = servers.endpoint(kDb1);
  endpoint.user = "narrow";
  endpoint.password = "Nar-row1";
  nodes[kDb1] = std::make_unique<NodeMySQL>(kDb1, endpoint, std::make_shared<NodeCounters>());
  with_policy({.min_length = 12, .history = 2, .expire_after = 24h});
  done(InstallPlugin{kDb1, Plugin::PasswordValidation});
  done(SetVariable{kDb1, "validate_password.length", "8", "12"});
  make_app();
  EXPECT_EQ(faults(AccountRole::Application), Faults{});
  const RestartServer restart{.node = kDb1, .variables = {{"innodb_ft_min_token_size", "3", "2", std::nullopt, "2"}}};
  done(restart, 60s);
  EXPECT_EQ(servers.ask(kDb1, "SELECT @@innodb_ft_min_token_size"), "2");
  done(*inverse(restart), 60s);
  servers.write_secret("t-app", "App-lication2");
  const auto& app = account(AccountRole::Application);
  done(RotatePassword{kDb1, AccountRole::Application, app});
  done(AmendAccount{kDb1, AccountRole::Application, app, {AccountFault::Locked, AccountFault::Policy}, Logged::Yes});
  done(DiscardFormerPassword{kDb1, AccountRole::Application, app});
  EXPECT_TRUE(logs_in(kDb1, "shop_app", "App-lication2"));
  EXPECT_FALSE(logs_in(kDb1, "shop_app", "App-lication1"));
  nodes[kDb1] = std::make_unique<NodeMySQL>(kDb1, servers.endpoint(kDb1), std::make_shared<NodeCounters>());
  servers.tell(kDb1, {"SET sql_log_bin=0", "RESET PERSIST", "DROP USER narrow@'%'"});
}

}  // namespace
}  // namespace repl::mysql

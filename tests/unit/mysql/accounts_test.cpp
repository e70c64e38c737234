#include "mysql/accounts.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

Account account(std::vector<std::string> schemas = {}) {
  return {"app", {}, std::move(schemas)};
}

/// Neither clones nor a group.
Spec replaying() {
  Spec spec;
  spec.provisioning = Provisioning::None;
  return spec;
}

// SHOW GRANTS of root on 9.7, shortened to what matters.
const std::vector<std::string> kAdmin{
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, SHOW DATABASES, SUPER, "
    "REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER ON *.* TO `repl_admin`@`%` WITH GRANT OPTION",
    "GRANT CONNECTION_ADMIN,PERSIST_RO_VARIABLES_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO "
    "`repl_admin`@`%` WITH GRANT OPTION"};

TEST(Accounts, GiveEachRoleWhatItNeedsAndNoMore) {
  const auto replication = grants_for(AccountRole::Replication, account(), replaying());
  ASSERT_EQ(replication.size(), 1U);
  EXPECT_EQ(replication[0].text, "GRANT REPLICATION SLAVE ON *.* TO 'app'@'%'");
  const auto monitoring = grants_for(AccountRole::Monitoring, account(), replaying());
  ASSERT_EQ(monitoring.size(), 2U);
  EXPECT_EQ(monitoring[1].text, "GRANT SELECT ON `performance_schema`.* TO 'app'@'%'");
  const auto application = grants_for(AccountRole::Application, account({"shop_eu"}), replaying());
  ASSERT_EQ(application.size(), 1U);
  EXPECT_EQ(application[0].text, "GRANT ALL PRIVILEGES ON `shop\\_eu`.* TO 'app'@'%'");
  EXPECT_TRUE(grants_for(AccountRole::Admin, account(), replaying()).empty());
}

TEST(Accounts, AreTrueWhenShowGrantsCoversTheProfile) {
  EXPECT_TRUE(has_grants_for(AccountRole::Replication, account(), replaying(),
                             {"GRANT REPLICATION SLAVE ON *.* TO `app`@`%`"}));
  EXPECT_TRUE(has_grants_for(AccountRole::Monitoring, account(), replaying(),
                             {"GRANT PROCESS, REPLICATION CLIENT ON *.* TO `app`@`%`",
                              "GRANT SELECT ON `performance_schema`.* TO `app`@`%`"}));
  EXPECT_TRUE(has_grants_for(AccountRole::Application, account({"shop"}), replaying(),
                             {"GRANT USAGE ON *.* TO `app`@`%`", "GRANT ALL PRIVILEGES ON `shop`.* TO `app`@`%`"}));
}

TEST(Accounts, GiveReplicationMoreForClonesAndGroups) {
  Spec cloning = replaying();
  cloning.provisioning = Provisioning::Clone;
  const auto clones = grants_for(AccountRole::Replication, account(), cloning);
  ASSERT_EQ(clones.size(), 2U);
  EXPECT_EQ(clones[1].text, "GRANT BACKUP_ADMIN ON *.* TO 'app'@'%'");
  Spec group = replaying();
  group.topology = TopologyType::GroupSinglePrimary;
  const auto members = grants_for(AccountRole::Replication, account(), group);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[1].text, "GRANT CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO 'app'@'%'");
  EXPECT_FALSE(
      has_grants_for(AccountRole::Replication, account(), group, {"GRANT REPLICATION SLAVE ON *.* TO `app`@`%`"}));
}

TEST(Accounts, AreNotTrueWhenAGrantIsMissing) {
  EXPECT_FALSE(has_grants_for(AccountRole::Replication, account(), replaying(), {"GRANT USAGE ON *.* TO `app`@`%`"}));
  EXPECT_FALSE(has_grants_for(AccountRole::Monitoring, account(), replaying(),
                              {"GRANT PROCESS, REPLICATION CLIENT ON *.* TO `app`@`%`"}));
  EXPECT_FALSE(has_grants_for(AccountRole::Application, account({"shop", "crm"}), replaying(),
                              {"GRANT ALL PRIVILEGES ON `shop`.* TO `app`@`%`"}));
  EXPECT_FALSE(has_grants_for(AccountRole::Application, account({"shop"}), replaying(),
                              {"GRANT SELECT ON `shop`.* TO `app`@`%`"}));
}

TEST(Admin, LacksNothingWithAllPrivileges) {
  auto grants = kAdmin;
  // The server prints dynamic privileges without blanks after the commas.
  EXPECT_EQ(lacking_for_admin(replaying(), grants), "");
}

TEST(Admin, NeedsMoreForClonesAndGroups) {
  Spec all = replaying();
  all.provisioning = Provisioning::Clone;
  all.topology = TopologyType::GroupMultiPrimary;
  EXPECT_EQ(lacking_for_admin(all, kAdmin), "CLONE_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM");
}

TEST(Admin, NeedsTheRightToGiveWhatTheApplicationGets) {
  Spec spec = replaying();
  spec.accounts[AccountRole::Application] = account({"shop_eu"});
  const std::string kLacks = "ALL PRIVILEGES ON `shop\\_eu`.* WITH GRANT OPTION";
  EXPECT_EQ(lacking_for_admin(spec, kAdmin), kLacks) << "not all of them on *.*";
  const auto with = [&](const std::string& line) {
    auto grants = kAdmin;
    grants.push_back(line);
    return lacking_for_admin(spec, grants);
  };
  EXPECT_EQ(with("GRANT ALL PRIVILEGES ON `shop\\_eu`.* TO `repl_admin`@`%` WITH GRANT OPTION"), "");
  EXPECT_EQ(with("GRANT ALL PRIVILEGES ON `shop%`.* TO `repl_admin`@`%`"), "") << "GRANT OPTION on *.* will do";
  EXPECT_EQ(with("GRANT ALL PRIVILEGES ON `shop`.* TO `repl_admin`@`%` WITH GRANT OPTION"), kLacks);
  EXPECT_EQ(with("GRANT REFERENCES, INDEX, ALTER, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER "
                 "ROUTINE, EVENT, TRIGGER, CREATE TEMPORARY TABLES ON *.* TO `repl_admin`@`%`"),
            "")
      << "the rest of what ALL means";
}

TEST(Admin, NeedsTheRightToGiveEachDynamicPrivilege) {
  Spec cloning = replaying();
  cloning.provisioning = Provisioning::Clone;
  cloning.accounts[AccountRole::Replication] = account();
  auto grants = kAdmin;
  grants.push_back("GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `repl_admin`@`%`");
  EXPECT_EQ(lacking_for_admin(cloning, grants), "BACKUP_ADMIN WITH GRANT OPTION");
  grants.back() += " WITH GRANT OPTION";
  EXPECT_EQ(lacking_for_admin(cloning, grants), "");
}

TEST(Admin, IsToldWhichPrivilegesAreMissing) {
  EXPECT_EQ(lacking_for_admin(replaying(), {kAdmin[1]}),
            "SELECT, INSERT, DELETE, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER");
  auto without_super = kAdmin[0];
  without_super.erase(without_super.find("SUPER, "), 7);
  EXPECT_EQ(lacking_for_admin(replaying(), {without_super}),
            "SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, REPLICATION_SLAVE_ADMIN, CONNECTION_ADMIN");
}

TEST(PasswordPolicies, AreForPeopleAndKeepReplicationAlive) {
  using namespace std::chrono_literals;
  const PasswordPolicy policy{.history = 5, .expire_after = 90 * 24h, .max_failed_logins = 6, .lock_for = 48h};
  EXPECT_EQ(password_options(AccountRole::Application, policy),
            "PASSWORD HISTORY 5 PASSWORD EXPIRE INTERVAL 90 DAY FAILED_LOGIN_ATTEMPTS 6 PASSWORD_LOCK_TIME 2");
  EXPECT_EQ(password_options(AccountRole::Replication, policy),
            "PASSWORD HISTORY DEFAULT PASSWORD EXPIRE NEVER FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0");
  EXPECT_EQ(password_options(AccountRole::Replication, {}), password_options(AccountRole::Replication, policy))
      << "without a policy, too";
  EXPECT_EQ(password_options(AccountRole::Monitoring, {}),
            "PASSWORD HISTORY DEFAULT PASSWORD EXPIRE DEFAULT FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0");
}

TEST(PasswordPolicies, FindWeakPasswordsAndNeverRepeatThem) {
  Spec spec;
  const Account shop{"Shop-app-user-1", {}, {}};
  EXPECT_EQ(weakness_of("x", shop, spec), "") << "no policy";
  spec.password_policy.min_length = 12;
  EXPECT_EQ(weakness_of("Short-1", shop, spec), "it has 7 characters, and passwordPolicy.minLength is 12");
  EXPECT_EQ(weakness_of("Shop-app-user-1", shop, spec), "it is the name of its user");
  EXPECT_EQ(weakness_of("1-resu-ppa-pohS", shop, spec), "it is the name of its user");
  EXPECT_EQ(weakness_of("alllowercase", shop, spec),
            "it lacks a capital letter, a digit, a character that is neither letter nor digit "
            "(validate_password.policy MEDIUM)");
  EXPECT_EQ(weakness_of("Good-Enough-12", shop, spec), "");
  spec.settings["validate_password.policy"] = "LOW";
  EXPECT_EQ(weakness_of("alllowercase", shop, spec), "");
}

}  // namespace
}  // namespace repl::mysql

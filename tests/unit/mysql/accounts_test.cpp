#include "mysql/accounts.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

Account account(std::vector<std::string> schemas = {}) {
  return {"app", {}, std::move(schemas)};
}

// SHOW GRANTS of root on 9.7, shortened to what matters.
const std::vector<std::string> kAdmin{
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, SHOW DATABASES, SUPER, "
    "REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER ON *.* TO `repl_admin`@`%` WITH GRANT OPTION",
    "GRANT CONNECTION_ADMIN,PERSIST_RO_VARIABLES_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO "
    "`repl_admin`@`%` WITH GRANT OPTION"};

TEST(Accounts, GiveEachRoleWhatItNeedsAndNoMore) {
  const auto replication = grants_for(AccountRole::Replication, account());
  ASSERT_EQ(replication.size(), 1U);
  EXPECT_EQ(replication[0].text, "GRANT REPLICATION SLAVE ON *.* TO 'app'@'%'");
  const auto monitoring = grants_for(AccountRole::Monitoring, account());
  ASSERT_EQ(monitoring.size(), 2U);
  EXPECT_EQ(monitoring[1].text, "GRANT SELECT ON `performance_schema`.* TO 'app'@'%'");
  const auto application = grants_for(AccountRole::Application, account({"shop_eu"}));
  ASSERT_EQ(application.size(), 1U);
  EXPECT_EQ(application[0].text, "GRANT ALL PRIVILEGES ON `shop\\_eu`.* TO 'app'@'%'");
  EXPECT_TRUE(grants_for(AccountRole::Admin, account()).empty());
}

TEST(Accounts, AreTrueWhenShowGrantsCoversTheProfile) {
  EXPECT_TRUE(has_grants_for(AccountRole::Replication, account(), {"GRANT REPLICATION SLAVE ON *.* TO `app`@`%`"}));
  EXPECT_TRUE(has_grants_for(AccountRole::Monitoring, account(),
                             {"GRANT PROCESS, REPLICATION CLIENT ON *.* TO `app`@`%`",
                              "GRANT SELECT ON `performance_schema`.* TO `app`@`%`"}));
  EXPECT_TRUE(has_grants_for(AccountRole::Application, account({"shop"}),
                             {"GRANT USAGE ON *.* TO `app`@`%`", "GRANT ALL PRIVILEGES ON `shop`.* TO `app`@`%`"}));
}

TEST(Accounts, AreNotTrueWhenAGrantIsMissing) {
  EXPECT_FALSE(has_grants_for(AccountRole::Replication, account(), {"GRANT USAGE ON *.* TO `app`@`%`"}));
  EXPECT_FALSE(
      has_grants_for(AccountRole::Monitoring, account(), {"GRANT PROCESS, REPLICATION CLIENT ON *.* TO `app`@`%`"}));
  EXPECT_FALSE(has_grants_for(AccountRole::Application, account({"shop", "crm"}),
                              {"GRANT ALL PRIVILEGES ON `shop`.* TO `app`@`%`"}));
  EXPECT_FALSE(has_grants_for(AccountRole::Application, account({"shop"}), {"GRANT SELECT ON `shop`.* TO `app`@`%`"}));
}

TEST(Admin, LacksNothingWithAllPrivileges) {
  auto grants = kAdmin;
  // The server prints dynamic privileges without blanks after the commas.
  EXPECT_EQ(lacking_for_admin(grants), "");
}

TEST(Admin, IsToldWhichPrivilegesAreMissing) {
  EXPECT_EQ(lacking_for_admin({kAdmin[1]}),
            "SELECT, INSERT, DELETE, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER");
  auto without_super = kAdmin[0];
  without_super.erase(without_super.find("SUPER, "), 7);
  EXPECT_EQ(lacking_for_admin({without_super}),
            "SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, REPLICATION_SLAVE_ADMIN, CONNECTION_ADMIN");
}

}  // namespace
}  // namespace repl::mysql

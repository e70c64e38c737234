// What people see when a spec changes.
#include "spec/diff.hpp"

#include <gtest/gtest.h>

namespace repl::spec {
namespace {

using namespace std::chrono_literals;

Spec shop() {
  Spec spec{.cluster = {"shop"}};
  spec.nodes = {{.id = {"db1"}, .address = {"10.0.0.1"}, .type = NodeType::Source},
                {.id = {"db2"}, .address = {"10.0.0.2"}},
                {.id = {"db3"}, .address = {"10.0.0.3"}, .region = "eu"}};
  spec.accounts[AccountRole::Admin] = {"repl_admin", {SecretRef::Kind::File, "/s/admin"}, {}};
  spec.accounts[AccountRole::Replication] = {"repl_replica", {SecretRef::Kind::Env, "REPLICA"}, {}};
  spec.settings = {{"sync_binlog", "1"}, {"max_connections", "500"}};
  return spec;
}

std::vector<std::string> lines(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const auto& change : changes) out.push_back(to_string(change));
  return out;
}

using Lines = std::vector<std::string>;

TEST(Diff, IsEmptyForEqualSpecs) {
  EXPECT_TRUE(diff(shop(), shop()).empty());
}

TEST(Diff, ShowsTheDefaultThatAValueReplaces) {
  auto after = shop();
  after.sync = {DataSyncType::SemiSync, 2, OnTooFewReplicas::Wait, 10s};
  after.failover.detection.misses = 5;
  after.failover.fencing = FencingMode::None;
  after.consistency = {24h, {"shop"}};
  after.alert_lag = 30s;
  EXPECT_EQ(lines(diff(shop(), after)),
            (Lines{"~ sync.mode  async -> semi-sync", "~ sync.acks  1 -> 2", "~ failover.detection.misses  3 -> 5",
                   "~ failover.fencing.mode  auto -> none", "+ consistency.checksumEvery  1d",
                   "+ consistency.schemas  [shop]", "~ alerts.lag  10s -> 30s"}));
}

TEST(Diff, ComparesNodesByNameWhateverTheirOrder) {
  auto after = shop();
  std::swap(after.nodes[0], after.nodes[2]);
  EXPECT_TRUE(diff(shop(), after).empty());
}

TEST(Diff, NamesNodesThatComeGoAndChange) {
  auto after = shop();
  after.nodes[1].promotion = Promotion::Prefer;
  after.nodes[1].follows = NodeId{"db4"};
  after.nodes[2] = {.id = {"db4"}, .address = {"10.0.0.4", 3307}, .region = "us", .delay = 1h};
  EXPECT_EQ(lines(diff(shop(), after)), (Lines{"~ node db2.promotion  neutral -> prefer", "+ node db2.follows  db4",
                                               "+ node db4  10.0.0.4:3307, replica, region us, delayed 1h",
                                               "- node db3  10.0.0.3:3306, replica, region eu"}));
}

TEST(Diff, ListsEachServerVariable) {
  auto after = shop();
  after.settings = {{"max_connections", "900"}, {"innodb_io_capacity", "2000"}};
  after.nodes[1].settings = {{"max_connections", "100"}};
  EXPECT_EQ(lines(diff(shop(), after)),
            (Lines{"+ node db2.nodeSettings.max_connections  100", "+ settings.innodb_io_capacity  2000",
                   "~ settings.max_connections  500 -> 900", "- settings.sync_binlog  1"}));
}

TEST(Diff, ShowsSecretsAsReferencesOnly) {
  auto after = shop();
  after.accounts[AccountRole::Admin].password = {SecretRef::Kind::Exec, "vault read admin"};
  after.accounts.erase(AccountRole::Replication);
  after.accounts[AccountRole::Application] = {"shop_app", {SecretRef::Kind::Env, "APP"}, {"shop", "books"}};
  EXPECT_EQ(lines(diff(shop(), after)),
            (Lines{"~ accounts.admin.password  file:/s/admin -> exec:vault read admin",
                   "+ accounts.application.user  shop_app", "+ accounts.application.password  env:APP",
                   "+ accounts.application.schemas  [shop, books]", "- accounts.replication.user  repl_replica",
                   "- accounts.replication.password  env:REPLICA"}));
}

}  // namespace
}  // namespace repl::spec

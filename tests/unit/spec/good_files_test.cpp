// What a correct file becomes: defaults, aliases, anchors, several documents, and the files in topologies/.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "spec/parse.hpp"

namespace repl::spec {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr const char* kSmallest = R"(
name: shop
topology: source-replica
nodes:
  - { name: db1, host: 10.0.0.11, type: source }
  - { name: db2, host: 10.0.0.12 }
accounts:
  admin:       { user: repl_admin,   password: { file: secrets/admin } }
  replication: { user: repl_replica, password: { env: REPLICA_PASSWORD } }
)";

Parsed read(const std::string& text) {
  return parse(text, "shop.yaml", "/etc/repld");
}

/// The only cluster of a text that has no error.
Spec only_cluster(const std::string& text) {
  const auto parsed = read(text);
  for (const auto& error : parsed.errors) ADD_FAILURE() << to_string(error);
  return parsed.clusters.size() == 1 ? parsed.clusters.front() : Spec{};
}

TEST(Parse, GivesDefaultsToWhatTheFileLeavesOut) {
  const auto spec = only_cluster(kSmallest);
  EXPECT_EQ(spec.cluster.name, "shop");
  EXPECT_EQ(spec.positioning, Positioning::Gtid);
  EXPECT_EQ(spec.sync, SyncSpec{});
  EXPECT_EQ(spec.failover, FailoverSpec{});
  EXPECT_EQ(spec.tls, TlsSpec{});
  EXPECT_EQ(spec.alert_lag, 10s);
  ASSERT_EQ(spec.nodes.size(), 2U);
  EXPECT_EQ(spec.nodes[0].type, NodeType::Source);
  EXPECT_EQ(spec.nodes[1], (NodeSpec{.id = {"db2"}, .address = {"10.0.0.12", 3306}}));
}

TEST(Parse, ResolvesRelativePathsAgainstTheFolderOfTheFile) {
  const auto spec = only_cluster(std::string{kSmallest} + "tls: { mode: verify-ca, ca: ../certs/./ca.pem }\n");
  EXPECT_EQ(spec.accounts.at(AccountRole::Admin).password,
            (SecretRef{SecretRef::Kind::File, "/etc/repld/secrets/admin"}));
  EXPECT_EQ(spec.accounts.at(AccountRole::Replication).password, (SecretRef{SecretRef::Kind::Env, "REPLICA_PASSWORD"}));
  EXPECT_EQ(spec.tls.ca, "/etc/certs/ca.pem");
}

TEST(Parse, LeavesRelativePathsAloneWhenThereIsNoFolder) {
  const auto parsed = parse(kSmallest, "-", "");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.clusters[0].accounts.at(AccountRole::Admin).password.value, "secrets/admin");
}

TEST(Parse, ReadsEveryFieldThatThisVersionCarriesOut) {
  const auto spec = only_cluster(R"(apiVersion: replctl/v1
name: shop
topology: source-replica
management: observe
drift: report
positioning: gtid
sync: { mode: semi-sync, acks: 2, onTooFewReplicas: degrade-to-async, timeout: 2500ms }
nodes:
  - { name: db1, host: db1.example, port: 3307, type: source, region: eu-west, promotion: prefer, readWeight: 0 }
  - { name: db2, host: "fd00::12", region: "Zürich: Nord", nodeSettings: { read_buffer_size: 1M } }
  - { name: db3, host: 10.0.0.13, promotion: never }
  - { name: db4, host: 10.0.0.14, follows: db2, delay: 24h, promotion: avoid }
accounts:
  admin:       { user: repl_admin, password: { file: /secrets/admin } }
  replication: { user: repl_replica, password: { exec: "vault read -field=pw db/replica" } }
  application: { user: shop_app, password: { env: APP }, schemas: [shop, "shop archive"] }
tls: { mode: disabled }
failover:
  automatic: false
  detection: { probeInterval: 500ms, probeTimeout: 200ms, misses: 5 }
  blockedAfter: 10s
  fencing: { mode: none }
  maxLag: 1m
  minReplicas: 2
  crossRegion: true
  cooldown: 2h
  perDay: 1
  rejoin: if-clean
provisioning: { method: none }
settings: { binlog_expire_logs_seconds: 604800, sync_binlog: 1, innodb_print_all_deadlocks: on, sql_mode: "" }
alerts: { lag: 1500ms }
consistency: { checksumEvery: 24h, schemas: [shop] }
)");
  EXPECT_EQ(spec.sync, (SyncSpec{DataSyncType::SemiSync, 2, OnTooFewReplicas::DegradeToAsync, 2500ms}));
  EXPECT_EQ(spec.nodes[0].address, (Address{"db1.example", 3307}));
  EXPECT_EQ(spec.nodes[0].promotion, Promotion::Prefer);
  EXPECT_EQ(spec.nodes[0].read_weight, 0);
  EXPECT_EQ(spec.nodes[1].region, "Zürich: Nord");
  EXPECT_EQ(spec.nodes[1].settings.at("read_buffer_size"), "1048576");
  EXPECT_EQ(spec.nodes[3].follows, NodeId{"db2"});
  EXPECT_EQ(spec.nodes[3].delay, 24h);
  EXPECT_EQ(spec.accounts.at(AccountRole::Application).schemas, (std::vector<std::string>{"shop", "shop archive"}));
  EXPECT_EQ(spec.tls.mode, TlsMode::Disabled);
  EXPECT_EQ(spec.failover, (FailoverSpec{.automatic = false,
                                         .detection = {500ms, 200ms, 5},
                                         .blocked_after = 10s,
                                         .fencing = FencingMode::None,
                                         .max_lag = 60s,
                                         .min_replicas = 2,
                                         .cross_region = true,
                                         .cooldown = 2h,
                                         .per_day = 1,
                                         .rejoin = Rejoin::IfClean}));
  EXPECT_EQ(spec.provisioning, Provisioning::None);
  EXPECT_EQ(spec.management, Management::Observe);
  EXPECT_EQ(spec.drift, Drift::Report);
  EXPECT_EQ(spec.settings, (std::map<std::string, std::string>{{"binlog_expire_logs_seconds", "604800"},
                                                               {"sync_binlog", "1"},
                                                               {"innodb_print_all_deadlocks", "ON"},
                                                               {"sql_mode", ""}}));
  EXPECT_EQ(spec.alert_lag, 1500ms);
  EXPECT_EQ(spec.consistency, (ConsistencySpec{24h, {"shop"}}));
}

TEST(Parse, TakesMasterAndSlaveForSourceAndReplica) {
  const auto spec = only_cluster(R"(name: shop
topology: source-replica
nodes: [ { name: db1, host: db1, type: master }, { name: db2, host: db2, type: slave } ]
accounts: { admin: { user: a, password: { env: A } }, replication: { user: r, password: { env: R } } }
)");
  EXPECT_EQ(spec.nodes[0].type, NodeType::Source);
  EXPECT_EQ(spec.nodes[1].type, NodeType::Replica);
}

TEST(Parse, TakesFencingInOneWord) {
  EXPECT_EQ(only_cluster(std::string{kSmallest} + "failover: { fencing: none }\n").failover.fencing, FencingMode::None);
}

TEST(Parse, TakesHooksAndTheirFence) {
  const auto spec = only_cluster(
      std::string{kSmallest} +
      "failover: { fencing: hook }\n"
      "hooks: { preFailover: [fence.sh, /etc/repld/hooks/power_off-2], postSwitchover: [dns], timeout: 90s }\n");
  EXPECT_EQ(spec.failover.fencing, FencingMode::Hook);
  EXPECT_EQ(spec.hooks, (HooksSpec{{"fence.sh", "/etc/repld/hooks/power_off-2"}, {}, {}, {"dns"}, 90s}));
  EXPECT_EQ(only_cluster(std::string{kSmallest}).hooks, (HooksSpec{{}, {}, {}, {}, 5s}));
}

TEST(Parse, FollowsAnchorsAndMergesMappings) {
  const auto spec = only_cluster(R"(name: shop
topology: source-replica
nodes:
  - &usual { name: db1, host: db1, type: source, region: eu }
  - { <<: *usual, name: db2, host: db2, type: replica }
accounts:
  admin: { user: a, password: &secret { env: A } }
  replication: { user: r, password: *secret }
)");
  EXPECT_EQ(spec.nodes[1], (NodeSpec{.id = {"db2"}, .address = {"db2", 3306}, .region = "eu"}));
  EXPECT_EQ(spec.accounts.at(AccountRole::Replication).password.value, "A");
}

TEST(Parse, TakesSeveralClustersFromOneFile) {
  std::string second = kSmallest;
  second.replace(second.find("shop"), 4, "books");
  for (auto at = second.find("10.0.0"); at != std::string::npos; at = second.find("10.0.0"))
    second.replace(at, 6, "10.1.1");
  const auto parsed = read(std::string{kSmallest} + "---\n" + second + "---\n# nothing more\n");
  ASSERT_TRUE(parsed.ok()) << to_string(parsed.errors.front());
  ASSERT_EQ(parsed.clusters.size(), 2U);
  EXPECT_EQ(parsed.clusters[1].cluster.name, "books");
  EXPECT_EQ(parsed.located[1].name, (Mark{12, 7}));
  EXPECT_EQ(parsed.located[1].nodes[1], (Mark{16, 24}));
}

TEST(Parse, GivesNoClusterForADocumentWithAnError) {
  const auto parsed = read(std::string{kSmallest} + "failovr: {}\n---\nname: other\n");
  EXPECT_FALSE(parsed.ok());
  EXPECT_TRUE(parsed.clusters.empty());
}

struct WarningCase {
  std::string added;
  std::string warning;
};

TEST(Parse, WarnsOfWhatIsAllowedAndDangerous) {
  const std::vector<WarningCase> cases{
      {"sync: { mode: semi-sync }",
       "10:7: sync: with \"wait\" and a single replica that acknowledges, after the loss of that "
       "replica nothing can commit until it is back"},
      {"failover: { fencing: none }",
       "10:22: failover.fencing.mode: with \"none\" a silent primary may still take writes "
       "after another one was promoted: two writers are possible"},
      {"failover: { fencing: auto }",
       "10:22: failover.fencing: where commits do not wait for acknowledgements, this version "
       "cannot fence a primary that is silent but not proven dead: it is named, and not "
       "replaced"},
      {"tls: { mode: required, ca: ca.pem }",
       "10:28: tls.ca: in mode required the certificate is not checked against it; "
       "mode verify-ca does that"},
  };
  for (const auto& [added, warning] : cases) {
    const auto parsed = read(kSmallest + added + "\n");
    EXPECT_TRUE(parsed.ok()) << added;
    EXPECT_TRUE(std::any_of(parsed.warnings.begin(), parsed.warnings.end(),
                            [&](const Detail& d) { return to_string(d) == "shop.yaml:" + warning; }))
        << added << " gave " << (parsed.warnings.empty() ? "nothing" : to_string(parsed.warnings.front()));
  }
}

/// A sound file, with one node and one account changed.
std::string file_with(const std::string& db2, const std::string& account, const std::string& acks = "1") {
  return "name: shop\ntopology: source-replica\nsync: { mode: semi-sync, acks: " + acks +
         " }\nnodes:\n"
         "  - { name: db1, host: db1, type: source, region: eu }\n"
         "  - { name: db2, host: db2, " +
         db2 +
         " }\n"
         "  - { name: db3, host: db3, promotion: never }\n"
         "accounts:\n  admin: { user: a, password: { env: A } }\n  replication: { user: r, password: { env: R } }\n  " +
         account + "\n";
}

std::vector<std::string> warnings_of(const std::string& text) {
  const auto parsed = read(text);
  for (const auto& error : parsed.errors) ADD_FAILURE() << to_string(error);
  std::vector<std::string> out;
  for (const auto& warning : parsed.warnings) out.push_back(to_string(warning));
  return out;
}

TEST(Parse, WarnsWhenNobodyMayBePromoted) {
  EXPECT_EQ(warnings_of(file_with("promotion: never", "")),
            std::vector<std::string>{
                "shop.yaml:1:1: failover.automatic: no replica may be promoted: each one is delayed or has "
                "\"promotion: never\""});
  EXPECT_EQ(
      warnings_of(file_with("region: us", "")),
      std::vector<std::string>{"shop.yaml:1:1: failover.crossRegion: no replica in the source's region \"eu\" may be "
                               "promoted, and \"crossRegion\" is false: nothing is promoted automatically"});
  EXPECT_TRUE(warnings_of(file_with("region: eu", "")).empty());
}

TEST(Parse, WarnsOfAnApplicationThatMayReadNothing) {
  EXPECT_EQ(warnings_of(file_with("region: eu", "application: { user: app, password: { env: APP } }")),
            std::vector<std::string>{
                "shop.yaml:11:16: accounts.application: no \"schemas\": the account may log in, and read "
                "and write nothing"});
}

TEST(Parse, WarnsWhenEveryAckerIsNeeded) {
  EXPECT_EQ(warnings_of(file_with("region: eu", "", "2")),
            std::vector<std::string>{
                "shop.yaml:3:7: sync: with \"wait\" and 2 of 2 acknowledgements needed, after the loss of "
                "any of them nothing can commit until it is back"});
}

TEST(Parse, WarnsOfNothingInASoundFile) {
  const auto parsed = read(R"(name: shop
topology: source-replica
sync: { mode: semi-sync, acks: 1 }
nodes:
  - { name: db1, host: db1, type: source }
  - { name: db2, host: db2 }
  - { name: db3, host: db3 }
accounts: { admin: { user: a, password: { env: A } }, replication: { user: r, password: { env: R } } }
)");
  EXPECT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed.warnings.empty()) << to_string(parsed.warnings.front());
}

TEST(Parse, SurvivesAnyPrefixOfAFile) {
  const std::string whole = kSmallest;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto parsed = read(whole.substr(0, length));
    for (const auto& error : parsed.errors) EXPECT_GE(error.line, 1) << error.message;
  }
}

RC_GTEST_PROP(Parse, SurvivesAnyDamageAndPlacesEveryErrorInTheFile, ()) {
  std::string text = kSmallest;
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        text.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
        break;
      case 1:
        text.insert(at, *rc::gen::elementOf(std::vector<std::string>{"{",  "}",  "[",   "]",    ":",    ": ",      "\"",
                                                                     "'",  "*a", "&a ", "<<: ", "\n",   "\n---\n", "- ",
                                                                     "\t", "#",  "!",   "|",    "\xff", "? "}));
        break;
      default:
        text.insert(at, text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), 15));
        break;
    }
    if (text.empty()) text = "x";
  }
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  const auto parsed = read(text);
  RC_ASSERT(parsed.clusters.size() == parsed.located.size());
  for (const auto& error : parsed.errors) RC_ASSERT(error.line >= 1 && error.line <= lines && error.column >= 1);
}

std::vector<fs::path> topologies() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{REPL_TOPOLOGIES}) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Topologies, AreThere) {
  EXPECT_GE(topologies().size(), 5U);
}

TEST(Topologies, HaveNoError) {
  for (const auto& file : topologies()) {
    std::ifstream in{file};
    const auto parsed =
        parse(std::string{std::istreambuf_iterator<char>(in), {}}, file.filename().string(), "/etc/repld");
    for (const auto& error : parsed.errors) ADD_FAILURE() << to_string(error);
    EXPECT_FALSE(parsed.clusters.empty()) << file;
  }
}

}  // namespace
}  // namespace repl::spec

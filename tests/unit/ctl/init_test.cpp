// init: what is written, by options and by answers; what is not written.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <set>

#include "replctl_fixture.hpp"
#include "spec/parse.hpp"

namespace repl::ctl {
namespace {

class Init : public ReplctlTest {
 protected:
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  static std::string contents(const std::string& file) {
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  static mode_t mode_of(const std::string& file) {
    struct stat found {};
    return ::stat(file.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
  }
  Ran init(std::vector<std::string> more) {
    std::vector<std::string> all{"init", "--out", path("t.yaml")};
    all.insert(all.end(), more.begin(), more.end());
    return replctl(all);
  }
  Spec written() {
    const auto parsed = spec::parse(contents(path("t.yaml")), "t.yaml", folder_.string());
    EXPECT_TRUE(parsed.errors.empty()) << (parsed.errors.empty() ? "" : to_string(parsed.errors.front()));
    return parsed.clusters.empty() ? Spec{} : parsed.clusters.front();
  }
};

TEST_F(Init, WritesWhatTheOptionsSayAndAsksNobody) {
  const auto ran = init({"--name", "pay", "--nodes", "a=10.0.0.11:3307,10.0.0.12,[fd00::3]:3308", "--acks", "2",
                         "--application-user", "pay_app", "--schemas", "pay,archive", "--monitoring-user", "mon"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto spec = written();
  EXPECT_EQ(spec.cluster.name, "pay");
  EXPECT_EQ(spec.sync.mode, DataSyncType::SemiSync);
  EXPECT_EQ(spec.sync.acks, 2);
  ASSERT_EQ(spec.nodes.size(), 3u);
  EXPECT_EQ(spec.nodes[0].id.name, "a");
  EXPECT_EQ(spec.nodes[0].address, (Address{"10.0.0.11", 3307}));
  EXPECT_EQ(spec.nodes[0].type, NodeType::Source);
  EXPECT_EQ(spec.nodes[1].id.name, "db2");
  EXPECT_EQ(spec.nodes[1].address, (Address{"10.0.0.12", 3306}));
  EXPECT_EQ(spec.nodes[2].address, (Address{"fd00::3", 3308}));
  EXPECT_EQ(spec.accounts.at(AccountRole::Application).schemas, (std::vector<std::string>{"pay", "archive"}));
  EXPECT_EQ(spec.accounts.at(AccountRole::Monitoring).user, "mon");
  EXPECT_EQ(mode_of(path("t.yaml")), 0600u);
  EXPECT_NE(ran.out.find("GRANT SELECT, INSERT"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("/*!80300 GRANT TRANSACTION_GTID_TAG ON *.*"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("ON `archive`.*"), std::string::npos) << ran.out;
  EXPECT_TRUE(repld_.requests().empty()) << "it works without repld";
  EXPECT_FALSE(std::filesystem::exists(path("secrets")));
}

TEST_F(Init, WritesEveryTopologyRight) {
  for (const auto& [topology, nodes] : std::map<std::string, std::string>{{"source-replica", "h1,h2"},
                                                                          {"source-source", "h1,h2"},
                                                                          {"circular", "h1,h2,h3"},
                                                                          {"group-single-primary", "h1,h2,h3"},
                                                                          {"group-multi-primary", "h1,h2,h3"}}) {
    const auto ran = init({"--topology", topology, "--nodes", nodes, "--force"});
    ASSERT_EQ(ran.code, 0) << topology << ran.err;
    EXPECT_EQ(written().nodes.size(), nodes == "h1,h2" ? 2u : 3u) << topology;
    EXPECT_EQ(ran.out.find("GROUP_REPLICATION_ADMIN") != std::string::npos, topology.starts_with("group"));
  }
}

TEST_F(Init, SaysWhatIsWrongAndWritesNothing) {
  const auto ran = init({"--name", "Not A Name", "--nodes", "h1:99999,h1:99999", "--acks", "3", "--generate-secrets",
                         "--tls", "verify-identity"});
  EXPECT_EQ(ran.code, 2);
  for (const auto* part : {"name:", "nodes.port", "needs \"ca\"", "nothing was written"}) {
    EXPECT_NE(ran.err.find(part), std::string::npos) << part << '\n' << ran.err;
  }
  EXPECT_FALSE(std::filesystem::exists(path("t.yaml")));
  EXPECT_FALSE(std::filesystem::exists(path("secrets")));
}

TEST_F(Init, NeverReplacesAFileWithoutForce) {
  write("t.yaml", "mine\n");
  const auto ran = init({"--nodes", "h1,h2", "--generate-secrets"});
  EXPECT_EQ(ran.code, 3) << ran.err;
  EXPECT_NE(ran.err.find("--force"), std::string::npos);
  EXPECT_EQ(contents(path("t.yaml")), "mine\n");
  EXPECT_FALSE(std::filesystem::exists(path("secrets")));
  EXPECT_EQ(init({"--nodes", "h1,h2", "--force"}).code, 0);
  EXPECT_EQ(written().nodes.size(), 2u);
}

TEST_F(Init, MakesSecretsThatNobodyElseReadsAndShowsNone) {
  const auto kept = write("secrets/admin", "mine\n");
  const auto ran = init({"--nodes", "h1,h2", "--application-user", "app", "--schemas", "app", "--generate-secrets"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(contents(kept), "mine\n") << "it may be in use";
  std::set<std::string> passwords;
  for (const auto* name : {"replica", "app"}) {
    auto password = contents(path(std::string{"secrets/"} + name));
    EXPECT_EQ(mode_of(path(std::string{"secrets/"} + name)), 0600u) << name;
    ASSERT_GE(password.size(), 25u) << name;
    password.pop_back();
    EXPECT_TRUE(passwords.insert(password).second) << "no two are alike";
    EXPECT_EQ((ran.out + ran.err).find(password), std::string::npos) << "never shown";
  }
  EXPECT_NE(ran.out.find("was there already"), std::string::npos) << ran.out;
}

TEST_F(Init, AsksOnATerminalAndTakesDefaults) {
  const auto ran =
      on_terminal({"init", "--out", path("t.yaml")}, "\n\n  \n10.0.0.1, b=10.0.0.2 10.0.0.3\n\n2\napp\n\nn\n");
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  const auto spec = written();
  EXPECT_EQ(spec.cluster.name, "shop");
  EXPECT_EQ(spec.topology, TopologyType::SourceReplica);
  ASSERT_EQ(spec.nodes.size(), 3u);
  EXPECT_EQ(spec.nodes[1].id.name, "b");
  EXPECT_EQ(spec.sync.mode, DataSyncType::SemiSync) << "three nodes are enough for it";
  EXPECT_EQ(spec.sync.acks, 2);
  EXPECT_EQ(spec.accounts.at(AccountRole::Application).schemas, std::vector<std::string>{"shop"});
  EXPECT_FALSE(std::filesystem::exists(path("secrets")));
}

TEST_F(Init, WritesNothingWhenTheAnswersEnd) {
  const auto ran = on_terminal({"init", "--out", path("t.yaml")}, "shop\n");
  EXPECT_EQ(ran.code, 2);
  EXPECT_FALSE(std::filesystem::exists(path("t.yaml")));
}

TEST_F(Init, NeedsNodesWhereNobodyCanBeAsked) {
  const auto ran = init({});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--nodes is missing"), std::string::npos) << ran.err;
}

TEST_F(Init, WritesToStandardOutputForPipes) {
  const auto ran = replctl({"init", "--nodes", "h1,h2", "--out", "-"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto parsed = spec::parse(ran.out, "-", "/");
  EXPECT_TRUE(parsed.errors.empty());
  EXPECT_EQ(parsed.clusters.size(), 1u);
}

TEST_F(Init, AnswersInJsonForScripts) {
  const auto ran = replctl({"init", "-o", "json", "--nodes", "h1,h2", "--out", path("t.yaml")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["cluster"], "shop");
  EXPECT_NE(json["adminStatements"].get<std::string>().find("CREATE USER 'repl_admin'"), std::string::npos);
}

}  // namespace
}  // namespace repl::ctl

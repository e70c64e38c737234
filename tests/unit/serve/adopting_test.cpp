// POST /api/v1/adopt: from the body to a crawl, and from what it finds to the answer.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "backend.hpp"
#include "serve/json.hpp"
#include "spec/parse.hpp"

namespace repl::serve {
namespace {

struct AdoptingTest : testing::Test, World {
  static Json asked() {
    return {{"servers", {"10.0.0.2:3401"}},
            {"admin", {{"user", "root_of_all"}, {"password", {{"file", "/secrets/root"}}}}}};
  }
  Response post(const Json& body) { return ask(Method::Post, "/api/v1/adopt", body.dump()); }
  void is_refused(const Json& body, int status, const std::string& text) {
    const auto response = post(body);
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_NE(response.body.find(text), std::string::npos) << response.body;
  }
};

TEST_F(AdoptingTest, AnswersWithTheFileAndWhatWasFound) {
  const auto response = post(asked());
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = Json::parse(response.body);
  EXPECT_EQ(json["cluster"], "adopted");
  EXPECT_EQ(json["topology"], "source-replica");
  EXPECT_EQ(json["recorded"], nullptr);
  ASSERT_EQ(json["nodes"].size(), 3U);
  EXPECT_EQ(json["nodes"][0]["role"], "primary");
  EXPECT_EQ(json["nodes"][0]["source"], nullptr);
  EXPECT_EQ(json["nodes"][2]["source"], "db2");
  EXPECT_EQ(json["nodes"][2]["readOnly"], "super");
  EXPECT_EQ(json["unreached"][0]["why"], "Access denied");
  EXPECT_TRUE(json["differences"].empty()) << json["differences"].dump();
  const auto parsed = spec::parse(json["document"].get<std::string>(), "found", "/");
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed.clusters.at(0).observes());
  EXPECT_EQ(parsed.clusters.at(0).accounts.at(AccountRole::Replication).user, "by_hand");
  EXPECT_TRUE(registry.asked().empty()) << "no controller has anything to do with it";
}

TEST_F(AdoptingTest, LooksWhereAndAsItIsTold) {
  auto body = asked();
  body["servers"] = {"db1", "db2:3307", "[fd00::1]:3308", "fd00::2"};
  body["tls"] = {{"mode", "verify-identity"}, {"ca", "/etc/ca.pem"}};
  body["name"] = "pay";
  ASSERT_EQ(post(body).status, 200);
  ASSERT_EQ(crawled.size(), 1U);
  EXPECT_EQ(crawled[0].start,
            (std::vector<Address>{{"db1", 3306}, {"db2", 3307}, {"fd00::1", 3308}, {"fd00::2", 3306}}));
  EXPECT_EQ(crawled[0].admin, (Account{"root_of_all", {SecretRef::Kind::File, "/secrets/root"}, {}}));
  EXPECT_EQ(crawled[0].tls, (TlsSpec{TlsMode::VerifyIdentity, "/etc/ca.pem"}));
  EXPECT_EQ(crawled[0].name, ClusterId{"pay"});
}

TEST_F(AdoptingTest, RefusesWhatIsNoOrder) {
  auto body = asked();
  body["servers"] = Json::array();
  is_refused(body, 400, "servers: 1 to 20");
  for (const std::string wrong : {"db1:", "db1:0", "db1:70000", "db1:x", ":3306", "[fd00::1", "", "a b"}) {
    body["servers"] = {wrong};
    is_refused(body, 400, "is no host:port");
  }
  body = asked();
  body["admin"]["password"] = Json::object();
  is_refused(body, 400, "one of file, env and exec");
  body["admin"]["password"] = {{"file", "/a"}, {"env", "B"}};
  is_refused(body, 400, "one of file, env and exec");
  body["admin"]["password"] = {{"file", "relative"}};
  is_refused(body, 400, "not absolute");
  body["admin"]["password"] = "secret";
  is_refused(body, 400, "admin.password");
  EXPECT_TRUE(crawled.empty());
}

TEST_F(AdoptingTest, SaysWhyNoFileCanSayIt) {
  found->servers[1].now.gtid_mode = GtidMode::Off;
  is_refused(asked(), 501, "gtid_mode OFF");
  found->servers.clear();
  is_refused(asked(), 412, "no server answers: Access denied");
  found = fail(ErrorCode::SecretUnavailable, "the file is not there");
  is_refused(asked(), 503, "the file is not there");
}

TEST_F(AdoptingTest, RefusesServersThatAreManagedAlready) {
  found->servers[1].reached = {"10.0.0.1", 3302};
  is_refused(asked(), 409, "10.0.0.1:3302 is managed already, as db2 of cluster shop");
}

TEST_F(AdoptingTest, GivesWhatTheServersKeep) {
  ClusterRecord record{.cluster = {"pay"}, .term = {5}, .revision = {9}, .primary = NodeId{"x1"}, .document = R"(
name: pay
topology: source-replica
nodes:
  - {name: x1, host: 10.0.0.2, port: 3401, type: source}
  - {name: x2, host: 10.0.0.2, port: 3402}
  - {name: x3, host: 10.0.0.2, port: 3403, follows: x2}
accounts:
  admin: {user: former, password: {file: /gone}}
  replication: {user: by_hand, password: {env: BY_HAND}}
)"};
  for (auto& server : found->servers) server.now.inventory->records = {record};
  const auto json = Json::parse(post(asked()).body);
  EXPECT_EQ(json["cluster"], "pay");
  EXPECT_EQ(json["recorded"], (Json{{"term", 5}, {"revision", 9}}));
  EXPECT_EQ(json["nodes"][0]["name"], "x1");
  EXPECT_NE(json["document"].get<std::string>().find("root_of_all"), std::string::npos);
}

}  // namespace
}  // namespace repl::serve

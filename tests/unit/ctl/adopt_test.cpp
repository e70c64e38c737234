// adopt: what is asked of repld, what is shown and where, and what is taken over.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

constexpr const char* kDocument = "# Cluster shop as it was found\nname: shop\nmanagement: observe\n";

class AdoptFlow : public ReplctlTest {
 protected:
  static Json node(const std::string& name, const std::string& role, const Json& source) {
    return {{"name", name},
            {"address", name + ".example:3306"},
            {"reached", true},
            {"role", role},
            {"source", source},
            {"version", "9.7.4"},
            {"readOnly", role == "primary" ? "off" : "super"},
            {"delaySeconds", name == "db4" ? 3600 : 0}};
  }
  static Json chain() {
    return {{"cluster", "shop"},
            {"topology", "source-replica"},
            {"document", kDocument},
            {"recorded", nullptr},
            {"nodes", {node("db1", "primary", nullptr), node("db2", "replica", "db1"), node("db4", "replica", "db2")}},
            {"unreached", {{{"address", "db9:3306"}, {"seenBy", "follows db1:3306"}, {"why", "Access denied"}}}},
            {"notes", {"something to know"}},
            {"differences", Json::array()}};
  }
  void find(const Json& found) {
    repld_.on("POST", "/api/v1/adopt", found);
    repld_.on(
        "POST", "/api/v1/apply",
        {{"clusters", {{{"cluster", "shop"}, {"revision", 1}, {"previousRevision", 0}, {"operation", nullptr}}}}});
  }
  std::vector<std::string> command(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out{"adopt", "db1:3306", "--user", "admin", "--password-file", "/secrets/admin"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::size_t applies() { return repld_.bodies("POST", "/api/v1/apply").size(); }
};

TEST_F(AdoptFlow, TakesEveryTlsMode) {
  find(chain());
  for (const auto* mode : {"disabled", "preferred", "required", "verify-ca", "verify-identity"}) {
    const auto ran = replctl(command({"--tls-mode", mode, "--tls-ca", "/etc/ca.pem"}));
    EXPECT_EQ(ran.code, 0) << mode << ran.err;
    EXPECT_EQ(repld_.bodies("POST", "/api/v1/adopt").back().at("tls").at("mode"), mode);
  }
  EXPECT_EQ(replctl(command({"--tls-mode", "some"})).code, 2);
}

TEST_F(AdoptFlow, PrintsTheFileAndTellsTheRestBesideIt) {
  find(chain());
  const auto ran = replctl(command());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, kDocument) << "standard output is the file";
  EXPECT_EQ(ran.err,
            "shop  source-replica\n"
            "  db1  db1.example:3306  [primary, 9.7.4, rw]\n"
            "    db2  db2.example:3306  [replica, 9.7.4, ro]\n"
            "      db4  db4.example:3306  [replica, 9.7.4, ro, delayed 1h]\n"
            "  not reached: db9:3306 (follows db1:3306): Access denied\n"
            "  note: something to know\n"
            "nothing was taken over; --yes, or `replctl apply` of the file, does that\n");
  EXPECT_EQ(applies(), 0U);
}

TEST_F(AdoptFlow, AsksRepldForWhatWasGiven) {
  find(chain());
  replctl(command({"db2", "--name", "pay", "--tls-mode", "verify-ca", "--tls-ca", "/ca.pem"}));
  const auto body = repld_.bodies("POST", "/api/v1/adopt").at(0);
  EXPECT_EQ(body, (Json{{"servers", {"db1:3306", "db2"}},
                        {"admin", {{"user", "admin"}, {"password", {{"file", "/secrets/admin"}}}}},
                        {"name", "pay"},
                        {"tls", {{"mode", "verify-ca"}, {"ca", "/ca.pem"}}}}));
}

TEST_F(AdoptFlow, TakesItOverWhenToldSo) {
  find(chain());
  const auto ran = replctl(command({"--yes"}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(applies(), 1U);
  const auto body = repld_.bodies("POST", "/api/v1/apply").at(0);
  EXPECT_EQ(body["document"], kDocument);
  EXPECT_EQ(body["dryRun"], false);
  EXPECT_NE(ran.err.find("shop: repld looks on, revision 1 is in force and no server was changed"), std::string::npos);
}

TEST_F(AdoptFlow, AsksOnATerminal) {
  find(chain());
  EXPECT_EQ(on_terminal(command(), "n\n").code, 0);
  EXPECT_EQ(applies(), 0U);
  const auto ran = on_terminal(command(), "y\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(applies(), 1U);
  EXPECT_NE(ran.out.find("name: shop"), std::string::npos);
}

TEST_F(AdoptFlow, WritesAFileAndOverwritesNone) {
  find(chain());
  const auto path = (folder_ / "shop.yaml").string();
  const auto ran = replctl(command({"--out", path}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), kDocument);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto again = replctl(command({"--out", path, "--yes"}));
  EXPECT_EQ(again.code, 3);
  EXPECT_NE(again.err.find("is there already"), std::string::npos);
  EXPECT_EQ(applies(), 0U);
}

TEST_F(AdoptFlow, TakesNothingOverThatDiffers) {
  auto found = chain();
  found["differences"] = {"db2 takes writes"};
  find(found);
  const auto ran = replctl(command({"--yes"}));
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("differs: db2 takes writes"), std::string::npos) << ran.err;
  EXPECT_EQ(applies(), 0U);
}

TEST_F(AdoptFlow, ShowsARingSideBySideAndWhatServersKeep) {
  auto found = chain();
  found["topology"] = "circular";
  found["recorded"] = {{"term", 3}, {"revision", 7}};
  found["unreached"] = found["notes"] = Json::array();
  found["nodes"] = {node("db1", "primary", "db3"), node("db2", "primary", "db1"), node("db3", "primary", "db2")};
  find(found);
  const auto ran = replctl(command());
  EXPECT_EQ(ran.err.substr(0, ran.err.find("nothing was")),
            "shop  circular, known to its servers: revision 7, term 3\n"
            "  db1  db1.example:3306  [primary, 9.7.4, rw, follows db3]\n"
            "  db2  db2.example:3306  [primary, 9.7.4, rw, follows db1]\n"
            "  db3  db3.example:3306  [primary, 9.7.4, rw, follows db2]\n");
}

TEST_F(AdoptFlow, GivesProgramsTheAnswer) {
  find(chain());
  const auto ran = replctl(command({"-o", "json", "--yes"}));
  const auto json = Json::parse(ran.out);
  EXPECT_EQ(json["document"], kDocument);
  EXPECT_EQ(json["revision"], 1);
}

TEST_F(AdoptFlow, WantsToKnowWhereThePasswordIs) {
  find(chain());
  EXPECT_EQ(replctl({"adopt", "db1", "--user", "admin"}).code, 2);
  EXPECT_EQ(replctl(command({"--password-env", "X"})).code, 2);
  EXPECT_TRUE(repld_.bodies("POST", "/api/v1/adopt").empty());
}

}  // namespace
}  // namespace repl::ctl

// Finding repld, and what a person is told when it is not there.
#include "ctl/connection.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

TEST(ParseServer, TakesTheUsualWaysOfWritingAnAddress) {
  EXPECT_EQ(*parse_server("http://127.0.0.1:10330"), (Address{"127.0.0.1", 10330}));
  EXPECT_EQ(*parse_server("http://db-admin:8080/"), (Address{"db-admin", 8080}));
  EXPECT_EQ(*parse_server("localhost"), (Address{"localhost", 10330}));
  EXPECT_EQ(*parse_server("[::1]:99"), (Address{"::1", 99}));
  EXPECT_EQ(*parse_server("[::1]"), (Address{"::1", 10330}));
}

TEST(ParseServer, SaysWhatIsWrong) {
  EXPECT_NE(parse_server("https://x").error().message.find("http only"), std::string::npos);
  for (const auto* wrong : {"", "http://", "x:0", "x:port", "x:99999", "http://x/api", "[::1", "[::1]9"}) {
    EXPECT_FALSE(parse_server(wrong)) << wrong;
  }
}

using FindEndpoints = ReplctlTest;

TEST_F(FindEndpoints, PrefersTheOptionToTheVariableToTheFile) {
  write("state/replctl/address", "127.0.0.1:4000\n");
  environment_ = {{"XDG_STATE_HOME", (folder_ / "state").string()}, {"REPLCTL_SERVER", "127.0.0.1:3000"}};
  const auto env = [this](const std::string& name) { return environment_[name]; };
  const auto given = find_endpoints({.servers = {"127.0.0.1:2000", "127.0.0.1:2001,127.0.0.1:2002"}, .token_file = {}},
                                    env, folder_ / "none");
  ASSERT_TRUE(given);
  ASSERT_EQ(given->size(), 3U);
  EXPECT_EQ((*given)[2].address.port, 2002);
  EXPECT_EQ((*given)[0].origin, "--server");

  const auto variable = find_endpoints({}, env, folder_ / "none");
  ASSERT_EQ(variable->size(), 1U);
  EXPECT_EQ(variable->front().address.port, 3000);

  environment_.erase("REPLCTL_SERVER");
  const auto file = find_endpoints({}, env, folder_ / "none");
  ASSERT_EQ(file->size(), 1U);
  EXPECT_EQ(file->front().address.port, 4000);
  EXPECT_EQ(file->front().origin, (folder_ / "state/replctl/address").string());
}

TEST_F(FindEndpoints, TakesTheTokenBesideTheAddress) {
  write("state/replctl/address", "127.0.0.1:4000\n");
  write("system/address", "127.0.0.1:5000\n");
  const auto token = write("system/token", "t");
  environment_ = {{"XDG_STATE_HOME", (folder_ / "state").string()}};
  const auto env = [this](const std::string& name) { return environment_[name]; };
  const auto both = find_endpoints({}, env, folder_ / "system");
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ((*both)[0].token_file, (folder_ / "state/replctl/token").string());
  EXPECT_EQ((*both)[1].token_file, token);

  // An address given by hand: the first folder that has a token.
  EXPECT_EQ(find_endpoints({.servers = {"127.0.0.1:1"}, .token_file = {}}, env, folder_ / "system")->front().token_file,
            token);
  EXPECT_EQ(
      find_endpoints({.servers = {"127.0.0.1:1"}, .token_file = "mine"}, env, folder_ / "system")->front().token_file,
      "mine");
}

TEST_F(FindEndpoints, FallsBackToTheDefaultPort) {
  const auto nowhere = find_endpoints(
      {}, [](const std::string&) { return std::string{}; }, folder_ / "none");
  ASSERT_EQ(nowhere->size(), 1U);
  EXPECT_EQ(nowhere->front().address, (Address{"127.0.0.1", 10330}));
  EXPECT_EQ(nowhere->front().origin, "default");
}

using Connection = ReplctlTest;

TEST_F(Connection, SendsTheTokenOfTheFile) {
  repld_.on("GET", "/api/v1/clusters", {{"clusters", Json::array()}});
  EXPECT_EQ(replctl({"clusters"}).code, 0);
  ASSERT_EQ(repld_.requests().size(), 1U);
  EXPECT_EQ(repld_.requests().front().authorization, "Bearer s3cret");
}

/// An address nobody listens on any more.
class ClosedPort {
 public:
  ClosedPort() { url_ = FakeRepld().url(); }
  const std::string& url() const { return url_; }

 private:
  std::string url_;
};

TEST_F(Connection, TellsWhereItTriedAndHowToGoOnWhenNobodyAnswers) {
  const ClosedPort closed;
  environment_["REPLCTL_SERVER"] = closed.url();
  const auto ran = replctl({"clusters"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(
      ran.err,
      "replctl: repld is not reachable; tried\n  " + closed.url().substr(7) +
          " (REPLCTL_SERVER): connection refused\n"
          "start it with `repld` (or `systemctl start repld`), or say where it is with --server or REPLCTL_SERVER\n");
}

TEST_F(Connection, TriesEachServerUntilOneAnswers) {
  repld_.on("GET", "/api/v1/clusters", {{"clusters", Json::array()}});
  const ClosedPort closed;
  const auto ran = replctl({"clusters", "--server", closed.url(), "--server", repld_.url()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(repld_.requests().size(), 1U);
}

TEST_F(Connection, ExplainsARejectedToken) {
  repld_.refuse("GET", "/api/v1/clusters", 401, "unauthorised", "the token is not the one of this repld");
  const auto ran = replctl({"clusters"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_NE(ran.err.find("--token-file"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("s3cret"), std::string::npos) << ran.err;
}

TEST_F(Connection, ExplainsATokenFileThatCannotBeRead) {
  environment_["REPLCTL_TOKEN_FILE"] = (folder_ / "missing").string();
  const auto ran = replctl({"clusters"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_NE(ran.err.find("cannot read the token file " + (folder_ / "missing").string()), std::string::npos) << ran.err;
}

TEST_F(Connection, KnowsThatSomethingElseAnswers) {
  repld_.on("GET", "/api/v1/clusters", [](const FakeRepld::Request&) { return FakeRepld::Answer{200, "<html>"}; });
  const auto ran = replctl({"clusters"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_NE(ran.err.find("is not repld"), std::string::npos) << ran.err;
}

TEST_F(Connection, ShowsWhichRepldItTalksTo) {
  repld_.on("GET", "/api/v1/version", {{"version", "0.1.0"}});
  const auto ran = replctl({"connection", "-o", "json"});
  EXPECT_EQ(ran.code, 0);
  const auto value = Json::parse(ran.out);
  EXPECT_EQ(value["address"], repld_.url().substr(7));
  EXPECT_EQ(value["origin"], "REPLCTL_SERVER");
  EXPECT_EQ(value["tokenFile"], environment_["REPLCTL_TOKEN_FILE"]);
}

}  // namespace
}  // namespace repl::ctl

// Commands from their arguments to exit code and output, against an HTTP server that speaks docs/api.md.
#include <gtest/gtest.h>
#include <csignal>
#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

using samples::operation;
using samples::progress;

class Flow : public ReplctlTest {
 protected:
  Flow() {
    repld_.on("GET", "/api/v1/clusters", {{"clusters", {{{"cluster", "shop"}, {"status", "OK"}}}}});
    repld_.on("GET", "/api/v1/clusters/shop", samples::cluster({samples::node("db3"), samples::node("db1", "db3")}));
  }
  void several_clusters() {
    repld_.on("GET", "/api/v1/clusters", {{"clusters", {{{"cluster", "payments"}}, {{"cluster", "shop"}}}}});
  }
  void accept_switchover(std::vector<Json> operations) {
    repld_.on("POST", "/api/v1/clusters/shop/switchover", {{"operation", "shop-13"}}, 202);
    repld_.on_each("GET", "/api/v1/operations/shop-13", std::move(operations));
  }
};

const Json kRunning =
    operation("running", {progress("done"), progress("running"), progress("waiting"), progress("waiting")});
const Json kDone = operation("done", {progress("done"), progress("done"), progress("done"), progress("done")});

TEST_F(Flow, StatusShowsTheTree) {
  const auto ran = replctl({"status"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "shop  OK  source-replica, semi-sync(1), primary db3, term 41, revision 8\n"
            "all 3 nodes are well\n"
            "\n"
            "db3    10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1]\n"
            "+ db1  10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n");
  EXPECT_EQ(replctl({"topology", "shop"}).out, ran.out) << "the name operators know";
}

TEST_F(Flow, StatusPassesTheAnswerOnToPrograms) {
  EXPECT_EQ(Json::parse(replctl({"status", "shop", "-o", "json"}).out)["nodes"][1]["name"], "db1");
  EXPECT_EQ(replctl({"-o", "yaml", "status"}).out.substr(0, 14), "cluster: shop\n");
  const auto tsv = replctl({"status", "-o", "tsv"}).out;
  EXPECT_EQ(tsv.substr(0, 13), "CLUSTER\tNODE\t");
  EXPECT_NE(tsv.find("\nshop\tdb1\t10.0.0.11:3306\treplica\t"), std::string::npos) << tsv;
}

TEST_F(Flow, StatusTellsHowToBeginWhenThereIsNoCluster) {
  repld_.on("GET", "/api/v1/clusters", {{"clusters", Json::array()}});
  EXPECT_EQ(replctl({"status"}).out, "repld manages no cluster yet; give it one with: replctl apply FILE\n");
}

TEST_F(Flow, AnUnknownClusterIsBadUsage) {
  repld_.refuse("GET", "/api/v1/clusters/shoe", 404, "no-such-cluster", "there is no cluster shoe");
  const auto ran = replctl({"status", "shoe"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "replctl: there is no cluster shoe\n");
}

TEST_F(Flow, ProblemsAreAListOrTheGoodNews) {
  repld_.on("GET", "/api/v1/problems", {{"problems", Json::array()}});
  EXPECT_EQ(replctl({"problems"}).out, "no problems\n");
  EXPECT_EQ(replctl({"problems", "-o", "json"}).out, "{\n  \"problems\": []\n}\n");
}

TEST_F(Flow, NodesCanBeThoseOfOneCluster) {
  auto a = samples::node("db1");
  auto b = samples::node("db2");
  a["cluster"] = "shop";
  b["cluster"] = "payments";
  repld_.on("GET", "/api/v1/nodes", {{"nodes", {a, b}}});
  const auto ran = replctl({"nodes", "payments"});
  EXPECT_NE(ran.out.find("db2"), std::string::npos);
  EXPECT_EQ(ran.out.find("db1"), std::string::npos);
}

TEST_F(Flow, SwitchoverShowsEachStepAndEndsWithWhoTakesWrites) {
  accept_switchover({kRunning, kRunning, kDone});
  const auto ran = replctl({"switchover", "shop", "--to", "db2", "--hold-writes", "2s"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "shop: switchover, operation shop-13\n"
            "  ok       db1  writable -> super-read-only  0.02 s\n"
            "  ok       db2  apply all that db1 has (at most 10 s)  0.02 s\n"
            "  ok       db2  super-read-only -> writable  0.02 s\n"
            "  ok       db3  follow db2  0.02 s\n"
            "shop: db2 is the primary and takes writes (4 steps, 0.62 s)\n"
            "now OK: all 3 nodes are well\n");
  const auto bodies = repld_.bodies("POST", "/api/v1/clusters/shop/switchover");
  ASSERT_EQ(bodies.size(), 1U);
  EXPECT_EQ(bodies.front(), (Json{{"to", "db2"}, {"timeoutSeconds", 2.0}}));
}

TEST_F(Flow, SwitchoverOfTheOnlyClusterNeedsNoName) {
  accept_switchover({kDone});
  EXPECT_EQ(replctl({"takeover"}).code, 0);
  EXPECT_EQ(repld_.bodies("POST", "/api/v1/clusters/shop/switchover").at(0), Json::object());
}

TEST_F(Flow, AsksWhichClusterWhenThereAreSeveral) {
  several_clusters();
  const auto ran = replctl({"switchover"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "replctl: which cluster? There are payments, shop: name one\n");
}

TEST_F(Flow, ARefusalChangesNothingAndIsThree) {
  repld_.refuse("POST", "/api/v1/clusters/shop/switchover", 412, "not-promotable",
                "shop: no node can be promoted: db2 is 45 s behind");
  const auto ran = replctl({"switchover", "shop"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err, "replctl: shop: no node can be promoted: db2 is 45 s behind\n");
}

TEST_F(Flow, AnOperationThatWasTakenBackIsFour) {
  auto taken_back =
      operation("taken-back", {progress("undone"), progress("failed"), progress("waiting"), progress("waiting")});
  taken_back["error"] = {{"code", "deadline-exceeded"}, {"message", "db2: still behind"}};
  accept_switchover({taken_back});
  const auto ran = replctl({"switchover", "shop"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.out.find("switchover failed and was taken back"), std::string::npos) << ran.out;
}

TEST_F(Flow, AnOperationThatNeedsAPersonIsFive) {
  accept_switchover(
      {operation("needs-person", {progress("done"), progress("done"), progress("failed"), progress("waiting")})});
  EXPECT_EQ(replctl({"switchover", "shop"}).code, 5);
}

TEST_F(Flow, ATimeoutIsSixAndTellsHowToGoOn) {
  accept_switchover({kRunning});
  const auto ran = replctl({"switchover", "shop", "--timeout", "1ms"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.out.find("wait for it with: replctl operation shop-13 --wait\n"), std::string::npos) << ran.out;
}

TEST_F(Flow, CtrlCEndsTheWaitingAndTellsThatTheOperationGoesOn) {
  accept_switchover({});
  repld_.on("GET", "/api/v1/operations/shop-13", [](const FakeRepld::Request&) {
    ::raise(SIGINT);
    return FakeRepld::Answer{200, kRunning.dump()};
  });
  const auto ran = replctl({"switchover", "shop"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.out.find("goes on"), std::string::npos) << ran.out;
}

TEST_F(Flow, NoWaitReturnsAtOnceAndIsDone) {
  accept_switchover({kRunning});
  const auto ran = replctl({"switchover", "shop", "--no-wait"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("goes on"), std::string::npos) << ran.out;
}

TEST_F(Flow, ProgressStaysOutOfMachineReadableOutput) {
  accept_switchover({kRunning, kDone});
  const auto ran = replctl({"switchover", "shop", "-o", "json"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(Json::parse(ran.out)["state"], "done");
  EXPECT_NE(ran.err.find("db2 is the primary and takes writes"), std::string::npos) << ran.err;
}

TEST_F(Flow, WaitingOutlastsARepldThatDoesNotAnswerForAMoment) {
  accept_switchover({});
  auto asked = std::make_shared<int>(0);
  repld_.on("GET", "/api/v1/operations/shop-13", [asked](const FakeRepld::Request&) {
    return ++*asked == 1 ? FakeRepld::Answer{200, kRunning.dump()}
           : *asked < 4  ? FakeRepld::Answer{0, ""}
                         : FakeRepld::Answer{200, kDone.dump()};
  });
  EXPECT_EQ(replctl({"switchover", "shop"}).code, 0);
  EXPECT_GE(*asked, 4);
}

TEST_F(Flow, WaitsForAnOperationThatWasStartedEarlier) {
  repld_.on_each("GET", "/api/v1/operations/shop-13", {kRunning, kDone});
  EXPECT_EQ(replctl({"operation", "shop-13", "--wait"}).code, 0);
  const auto shown = replctl({"operation", "shop-13"});
  EXPECT_EQ(shown.out.substr(0, 34), "operation shop-13  switchover done");
}

TEST_F(Flow, FailoverAsksAPersonAndGoesOnInAScript) {
  repld_.on("POST", "/api/v1/clusters/shop/failover", {{"operation", "shop-13"}}, 202);
  repld_.on_each("GET", "/api/v1/operations/shop-13", {kDone});
  const auto no = on_terminal({"failover", "shop"}, "n\n");
  EXPECT_EQ(no.code, 3);
  EXPECT_EQ(no.err, "replctl: not confirmed: nothing was changed\n");
  EXPECT_TRUE(repld_.bodies("POST", "/api/v1/clusters/shop/failover").empty());
  EXPECT_EQ(on_terminal({"failover", "shop"}, "y\n").code, 0);
  EXPECT_EQ(replctl({"recover", "shop", "--to", "db2"}).code, 0);
  EXPECT_EQ(repld_.bodies("POST", "/api/v1/clusters/shop/failover").size(), 2U);
}

TEST_F(Flow, AckPauseAndResumeSayWhatTheyDid) {
  for (const auto* verb : {"ack", "pause", "resume"}) {
    repld_.on("POST", std::string("/api/v1/clusters/shop/") + verb, Json::object());
    const auto ran = replctl({verb});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out.substr(0, 6), "shop: ") << ran.out;
  }
  EXPECT_EQ(replctl({"pause", "-o", "tsv"}).out, "NAME\tVALUE\ncluster\tshop\ndone\tpause\n");
}

TEST_F(Flow, CancelNamesTheOperationThatIsTakenBack) {
  repld_.on("POST", "/api/v1/clusters/shop/cancel", {{"operation", "shop-15"}});
  EXPECT_EQ(replctl({"cancel"}).out, "shop: shop-15 is being taken back; `replctl history shop` says how it ends\n");
  EXPECT_EQ(replctl({"cancel", "-o", "tsv"}).out, "NAME\tVALUE\ncluster\tshop\ndone\tcancel\noperation\tshop-15\n");
}

TEST_F(Flow, ForgetIsConfirmedOnATerminal) {
  repld_.on("DELETE", "/api/v1/clusters/shop", [](const FakeRepld::Request&) { return FakeRepld::Answer{204, ""}; });
  EXPECT_EQ(on_terminal({"forget", "shop"}, "\n").code, 3);
  EXPECT_EQ(on_terminal({"forget", "shop", "-y"}, "").out,
            "shop: no longer managed; its servers are left as they are\n");
  EXPECT_EQ(replctl({"forget"}).code, 2) << "never by default";
}

TEST_F(Flow, HistoryShowsRevisions) {
  repld_.on(
      "GET", "/api/v1/clusters/shop/history",
      {{"revisions",
        {{{"revision", 2}, {"at", "2025-11-24T07:08:21Z"}, {"author", "alice"}, {"note", ""}, {"state", "in-force"}}}},
       {"operations", Json::array()}});
  EXPECT_NE(replctl({"history"}).out.find("alice"), std::string::npos);
}

TEST_F(Flow, EventsAreLines) {
  repld_.on("GET", "/api/v1/events",
            {{"events",
              {{{"id", 1},
                {"at", "2025-11-24T07:08:22Z"},
                {"cluster", "shop"},
                {"severity", "info"},
                {"kind", "paused"},
                {"node", nullptr},
                {"operation", nullptr},
                {"text", "by alice"}}}}});
  EXPECT_EQ(replctl({"events", "-n", "5"}).out,
            "2025-11-24 07:08:22Z  info      shop          paused                by alice\n");
  EXPECT_EQ(repld_.requests().back().target, "/api/v1/events?limit=5");
}

TEST_F(Flow, VersionWorksWithoutRepld) {
  const auto ran = replctl({"version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("not reachable"), std::string::npos) << ran.out;
}

// ---- usage ----------------------------------------------------------------------------------------------------------

TEST_F(Flow, BadUsageIsTwoAndSaysWhatWasMeant) {
  const auto command = replctl({"statsu"});
  EXPECT_EQ(command.code, 2);
  EXPECT_EQ(command.err,
            "replctl: there is no command statsu; did you mean status?\n`replctl --help` shows what there is\n");
  const auto option = replctl({"apply", "x.yaml", "--dryrun"});
  EXPECT_EQ(option.code, 2);
  EXPECT_EQ(
      option.err,
      "replctl: there is no option --dryrun; did you mean --dry-run?\n`replctl apply --help` shows what there is\n");
  EXPECT_EQ(replctl({"status", "a", "b"}).code, 2);
  EXPECT_EQ(replctl({"apply"}).code, 2);
  EXPECT_EQ(replctl({"status", "-o", "xml"}).code, 2);
  EXPECT_EQ(replctl({"switchover", "--timeout", "soon"}).code, 2);
}

TEST_F(Flow, HelpIsGroupedAndHasExamples) {
  const auto help = replctl({"help"});
  EXPECT_EQ(help.code, 0);
  for (const auto* text : {"Change:\n", "See:\n", "Operate:\n", "More:\n", "Examples:\n", "  switchover "}) {
    EXPECT_NE(help.out.find(text), std::string::npos) << text << help.out;
  }
  for (const auto* text : {"  -o, --output FORMAT ", "table, wide, json, yaml, tsv (default: table)"}) {
    EXPECT_NE(help.out.find(text), std::string::npos) << text << help.out;
  }
  for (const auto* hidden : {"__names", "graceful-master-takeover", "{", "FORMAT:"})
    EXPECT_EQ(help.out.find(hidden), std::string::npos) << hidden;
  EXPECT_EQ(replctl({"--help"}).out, help.out);
  EXPECT_EQ(replctl({}).out, help.out);
  EXPECT_EQ(replctl({"help", "apply"}).out, replctl({"apply", "--help"}).out);
}

}  // namespace
}  // namespace repl::ctl

// `replctl verify`: what is asked of repld, what is shown, and the exit code.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ctl/verify_views.hpp"
#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

Json verify_run(const std::string& state = "done") {
  return {{"id", "shop-v3"},
          {"state", state},
          {"workedSeconds", 10.0},
          {"gtidOnly", false},
          {"reference", "db1"},
          {"nodes", {"db2", "db3"}},
          {"leftOut", Json::array()},
          {"gtids", {{{"node", "db1"}, {"executedCount", 1234}, {"errantCount", 0}, {"missingCount", 0}}}},
          {"tables", 12},
          {"tablesDone", 3},
          {"tablesNotCompared", 0},
          {"rows", 1200000},
          {"rowsExpected", 2000000},
          {"differences", 0},
          {"unsettled", 0},
          {"clean", true},
          {"complete", state == "done"},
          {"full", true},
          {"started", "2026-01-02T03:04:05Z"},
          {"askedBy", "ann"},
          {"schemas", Json::array()},
          {"tablesAsked", Json::array()},
          {"table", "shop.orders"},
          {"waiting", ""},
          {"error", nullptr}};
}

Json with_difference() {
  auto run = verify_run();
  run["differences"] = 2;
  run["clean"] = false;
  return run;
}

const Json kDifference{
    {"table", "shop.orders"}, {"node", "db3"}, {"kind", "rows"}, {"missing", 1}, {"extra", 0},
    {"changed", 1},           {"key", "id"},   {"first", "42"},  {"last", "57"}, {"examples", {"missing 42"}},
    {"text", "..."}};

TEST(VerifyProgressLine, SaysHowFarItIsAndHowLongItTakes) {
  EXPECT_EQ(verify_progress_line(verify_run("running")),
            "shop.orders: 3 of 12 tables, 1,200,000 of about 2,000,000 rows, 120,000 rows/s, about 7s left");
  auto run = with_difference();
  run["waiting"] = "db2 is 0.8 s behind";
  EXPECT_EQ(verify_progress_line(run), "waiting: db2 is 0.8 s behind");
}

TEST(VerifyOutcome, IsCleanOnlyWhenEveryNodeWasCompared) {
  auto run = verify_run();
  EXPECT_EQ(verify_outcome(run, "shop").code, Exit::Done);
  EXPECT_EQ(verify_outcome(run, "shop").sentence,
            "shop: 12 tables, 1,200,000 rows on db1, db2, db3 in 10.0 s: no difference\n");
  run["leftOut"] = {{{"node", "db4"}, {"why", "it is delayed"}, {"declared", true}}};
  EXPECT_EQ(verify_outcome(run, "shop").code, Exit::Done);
  run["leftOut"][0]["declared"] = false;
  run["complete"] = false;
  EXPECT_EQ(verify_outcome(run, "shop").code, Exit::TakenBack);
}

TEST(VerifyOutcome, IsNeitherGreenNorZeroWhenSomethingWasNotCompared) {
  EXPECT_EQ(verify_outcome(verify_run(), "shop").colour, Colour::Green);
  for (const auto* what : {"unsettled", "tablesNotCompared"}) {
    auto run = verify_run();
    run[what] = 2;
    run["complete"] = false;
    const auto outcome = verify_outcome(run, "shop");
    EXPECT_EQ(outcome.code, Exit::TakenBack) << what;
    EXPECT_EQ(outcome.colour, Colour::Yellow) << what;
    EXPECT_NE(outcome.sentence.find("not all of it was compared"), std::string::npos) << outcome.sentence;
    run["clean"] = false;
    run["differences"] = 1;
    EXPECT_EQ(verify_outcome(run, "shop").code, Exit::Differs) << what;
    EXPECT_EQ(verify_outcome(run, "shop").colour, Colour::Red) << what;
  }
}

TEST(VerifyOutcome, TellsDifferencesFromInterruptions) {
  EXPECT_EQ(verify_outcome(with_difference(), "shop").code, Exit::Differs);
  auto run = verify_run("interrupted");
  run["error"] = {{"code", "connection-lost"}, {"message", "db2: gone"}};
  const auto outcome = verify_outcome(run, "shop");
  EXPECT_EQ(outcome.code, Exit::TakenBack);
  EXPECT_EQ(outcome.sentence,
            "shop: shop-v3 was interrupted (db2: gone); `replctl verify shop --resume` goes on where it was\n");
  EXPECT_EQ(verify_outcome(verify_run("running"), "shop").code, Exit::TimedOut);
}

TEST(VerifyOutcome, CountsErrantTransactionsAsADifference) {
  auto run = with_difference();
  run["differences"] = 0;
  run["gtids"].push_back({{"node", "db3"}, {"executedCount", 5}, {"errantCount", 1}, {"missingCount", 0}});
  const auto outcome = verify_outcome(run, "shop");
  EXPECT_EQ(outcome.code, Exit::Differs);
  EXPECT_NE(outcome.sentence.find("1 transaction on db3 only"), std::string::npos) << outcome.sentence;
}

TEST(Grouped, PutsCommasBetweenThousands) {
  EXPECT_EQ(grouped(7), "7");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

class VerifyFlow : public ReplctlTest {
 protected:
  VerifyFlow() {
    repld_.on("GET", "/api/v1/clusters", {{"clusters", {{{"cluster", "shop"}, {"status", "OK"}}}}});
    repld_.on("POST", kPath, {{"run", "shop-v3"}}, 202);
    repld_.on("GET", kPath + "/differences", {{"differences", Json::array()}});
    repld_.on("GET", kPath + "/tables", {{"tables", Json::array()}});
  }
  const std::string kPath = "/api/v1/clusters/shop/verify";
};

TEST_F(VerifyFlow, WaitsForTheEndAndNamesTheDifferences) {
  repld_.on_each("GET", kPath, {{{"run", verify_run("running")}}, {{"run", with_difference()}}});
  repld_.on("GET", kPath + "/differences", {{"differences", {kDifference}}});
  const auto ran = replctl({"verify"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(ran.out,
            "shop: verification shop-v3\n"
            "NODE  ROLE       TRANSACTIONS  ERRANT  MISSING\n"
            "db1   reference         1,234\n"
            "\n"
            "TABLE        NODE  WHAT                  KEY  FROM  TO\n"
            "shop.orders  db3   1 missing, 1 changed  id   42    57\n"
            "\n"
            "shop: 12 tables, 1,200,000 rows on db1, db2, db3 in 10.0 s: 2 differences\n");
  EXPECT_EQ(repld_.bodies("POST", kPath).at(0), Json::object());
}

TEST_F(VerifyFlow, PassesOnWhatIsToBeCompared) {
  repld_.on("GET", kPath, {{"run", verify_run()}});
  EXPECT_EQ(replctl({"verify", "shop", "--schema", "a", "--schema", "b", "--table", "c.d", "--max-lag", "200ms"}).code,
            0);
  EXPECT_EQ(repld_.bodies("POST", kPath).at(0),
            (Json{{"schemas", {"a", "b"}}, {"tables", {"c.d"}}, {"maxLagSeconds", 0.2}}));
  EXPECT_EQ(replctl({"verify", "shop", "--resume"}).code, 0);
  EXPECT_EQ(repld_.bodies("POST", kPath).at(1), (Json{{"resume", true}}));
  EXPECT_EQ(replctl({"verify", "shop", "--resume", "--schema", "a"}).code, 2);
}

TEST_F(VerifyFlow, GivesProgramsEverythingInOneAnswer) {
  repld_.on("GET", kPath, {{"run", with_difference()}});
  repld_.on("GET", kPath + "/differences", {{"differences", {kDifference}}});
  const auto ran = replctl({"verify", "shop", "-o", "json"});
  EXPECT_EQ(ran.code, 1);
  const auto answer = Json::parse(ran.out);
  EXPECT_EQ(answer["run"]["id"], "shop-v3");
  EXPECT_EQ(answer["differences"][0]["first"], "42");
  EXPECT_EQ(replctl({"verify", "shop", "-o", "tsv"}).out.substr(0, 16), "TABLE\tNODE\tWHAT\t");
}

TEST_F(VerifyFlow, ShowsAndStopsWithoutStartingOne) {
  repld_.on("GET", kPath, {{"run", nullptr}});
  repld_.on("POST", kPath + "/stop", Json::object());
  EXPECT_EQ(replctl({"verify", "shop", "--show"}).out, "shop: never verified\n");
  EXPECT_EQ(replctl({"verify", "shop", "--stop"}).code, 0);
  EXPECT_TRUE(repld_.bodies("POST", kPath).empty());
}

TEST_F(VerifyFlow, ShowsAnEarlierRunAndListsThoseThatAreKept) {
  repld_.on("GET", kPath, {{"run", with_difference()}});
  EXPECT_EQ(replctl({"verify", "shop", "--run", "shop-v3"}).code, 1);
  std::vector<std::string> asked;
  for (const auto& request : repld_.requests()) asked.push_back(request.target);
  EXPECT_EQ(asked, (std::vector<std::string>{kPath + "?run=shop-v3", kPath + "/differences?limit=1000&run=shop-v3",
                                             kPath + "/tables?run=shop-v3"}));
  auto small = verify_run("interrupted");
  small["id"] = "shop-v4";
  small["full"] = false;
  small["tablesAsked"] = {"crm.leads"};
  repld_.on("GET", kPath + "/runs", {{"runs", {small, with_difference()}}});
  EXPECT_EQ(replctl({"verify", "shop", "--list"}).out,
            "RUN      STARTED               STATE        WHAT       TABLES       ROWS  RESULT\n"
            "shop-v4  2026-01-02 03:04:05Z  interrupted  crm.leads      12  1,200,000  no difference, not complete\n"
            "shop-v3  2026-01-02 03:04:05Z  done         all            12  1,200,000  2 differences\n");
  repld_.on("GET", kPath + "/runs", {{"runs", Json::array()}});
  EXPECT_EQ(replctl({"verify", "shop", "--list"}).out, "shop: never verified\n");
  EXPECT_TRUE(repld_.bodies("POST", kPath).empty());
}

TEST_F(VerifyFlow, OneThatRunsAlreadyIsRefused) {
  repld_.refuse("POST", kPath, 409, "conflict", "shop: verification shop-v2 is running");
  EXPECT_EQ(replctl({"verify", "shop"}).code, 3);
}

}  // namespace
}  // namespace repl::ctl

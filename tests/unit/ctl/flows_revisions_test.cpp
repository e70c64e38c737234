// show, diff of revisions, rollback: from arguments to requests, output and exit code.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

using samples::operation;
using samples::progress;

class RevisionFlow : public ReplctlTest {
 protected:
  static Json revision(int number) {
    return {{"revision", number},
            {"at", "2025-11-24T07:08:21.000000Z"},
            {"author", "alice"},
            {"note", "two acks"},
            {"backTo", nullptr},
            {"state", "replaced"},
            {"operation", "shop-12"},
            {"cluster", "shop"},
            {"document", "name: shop\n"},
            {"sent", "# mine\nname: shop\n"},
            {"before",
             {{{"node", "db1"},
               {"address", "10.0.0.11:3306"},
               {"reached", true},
               {"serverUuid", "u"},
               {"version", "9.7.4"},
               {"readOnly", "off"},
               {"readOnlyPersisted", true},
               {"source", nullptr},
               {"semiSyncSource", true},
               {"acks", 1},
               {"executed", "u:1-5"},
               {"variables",
                {{{"name", "max_connections"}, {"value", "151"}, {"persisted", nullptr}},
                 {{"name", "sync_binlog"}, {"value", "1"}, {"persisted", "1"}}}}},
              {{"node", "db2"}, {"address", "10.0.0.12:3306"}, {"reached", false}, {"variables", Json::array()}}}}};
  }
  /// Dry runs give a plan of one step; the real one starts shop-14, which is done at once.
  void accept_rollback() {
    repld_.on("POST", "/api/v1/clusters/shop/rollback", [](const FakeRepld::Request& request) {
      const bool dry = Json::parse(request.body)["dryRun"];
      const Json answer{
          {"clusters",
           {{{"cluster", "shop"},
             {"revision", 9},
             {"previousRevision", 8},
             {"operation", dry ? Json(nullptr) : Json("shop-14")},
             {"plan", plan()},
             {"changes", {{{"sign", "-"}, {"path", "settings.max_connections"}, {"from", "500"}, {"to", ""}}}},
             {"notes", {"primary is db2 (declared db1)"}},
             {"warnings", Json::array()}}}}};
      return FakeRepld::Answer{dry ? 200 : 202, answer.dump()};
    });
    auto done = operation("done", {progress("done")});
    done["id"] = "shop-14";
    done["goal"] = "apply";
    done["steps"] = 1;
    done["plan"] = plan();
    repld_.on("GET", "/api/v1/operations/shop-14", done);
  }
  static Json plan() {
    return {{"goal", "apply"},
            {"promotes", nullptr},
            {"pointOfNoReturn", 1},
            {"steps", {samples::step("db2", "put max_connections back 500 -> 151, not persisted")}},
            {"reasons", Json::array()}};
  }
  void verified(bool yes) {
    repld_.on(
        "POST", "/api/v1/clusters/shop/converged",
        {{"cluster", "shop"}, {"revision", 9}, {"verified", yes}, {"notReached", Json::array()}, {"plan", plan()}});
  }
  /// Nothing is left to be changed on those that answer.
  void db3_does_not_answer() {
    auto nothing = plan();
    nothing["steps"] = Json::array();
    repld_.on("POST", "/api/v1/clusters/shop/converged",
              {{"cluster", "shop"}, {"revision", 9}, {"verified", false}, {"notReached", {"db3"}}, {"plan", nothing}});
  }
};

TEST_F(RevisionFlow, ShowPrintsATopologyFileWithTheRestAsComments) {
  repld_.on("GET", "/api/v1/clusters/shop/revisions/7", revision(7));
  const auto ran = replctl({"show", "shop", "7"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "# shop, revision 7: replaced\n"
            "# applied at 2025-11-24 07:08:21Z by alice, operation shop-12\n"
            "# note: two acks\n"
            "name: shop\n");
  const auto json = Json::parse(replctl({"show", "shop", "7", "-o", "json"}).out);
  EXPECT_EQ(json.at("sent"), "# mine\nname: shop\n");
}

TEST_F(RevisionFlow, ShowTellsWhatTheServersWereLikeWhenAsked) {
  repld_.on("GET", "/api/v1/clusters/shop/revisions/7", revision(7));
  const auto ran = replctl({"show", "shop", "7", "--state"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("# db1   10.0.0.11:3306  9.7.4           rw    ro                 source, 1 ack  "
                         "max_connections=151 sync_binlog=1 (persisted)\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("# db2   10.0.0.12:3306  did not answer\n"), std::string::npos) << ran.out;
}

TEST_F(RevisionFlow, ShowIsOfTheOneInForceWhenNoneIsNamed) {
  repld_.on("GET", "/api/v1/clusters/shop", {{"cluster", "shop"}, {"revision", 8}});
  repld_.on("GET", "/api/v1/clusters/shop/revisions/8", revision(8));
  EXPECT_EQ(replctl({"show", "shop"}).out.substr(0, 18), "# shop, revision 8");
}

TEST_F(RevisionFlow, DiffComparesTwoRevisions) {
  repld_.on("GET", "/api/v1/clusters/shop/diff",
            {{"cluster", "shop"},
             {"from", 5},
             {"to", 7},
             {"equal", false},
             {"changes", {{{"sign", "~"}, {"path", "sync.acks"}, {"from", "1"}, {"to", "2"}}}}});
  const auto two = replctl({"diff", "shop", "5", "7"});
  EXPECT_EQ(two.code, 1) << two.err;
  EXPECT_EQ(two.out, "cluster shop  revision 5 -> 7\n  ~ sync.acks  1 -> 2\n");
  replctl({"diff", "shop", "5"});
  EXPECT_EQ(repld_.requests().at(0).target, "/api/v1/clusters/shop/diff?from=5&to=7");
  EXPECT_EQ(repld_.requests().at(1).target, "/api/v1/clusters/shop/diff?from=5");
}

TEST_F(RevisionFlow, DiffOfAFileWithANumberForANameIsOfFiles) {
  const auto file = write("7", "name: shop\n");
  std::filesystem::current_path(folder_);
  EXPECT_EQ(replctl({"diff", "missing.yaml", "7"}).code, 2);
  EXPECT_TRUE(repld_.requests().empty());
}

TEST_F(RevisionFlow, RollbackShowsThePlanTheProgressAndThatItWasVerified) {
  accept_rollback();
  verified(true);
  const auto ran = replctl({"rollback", "shop", "7", "--note", "too many"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "cluster shop  revision 8 -> 9\n"
            "  - settings.max_connections  500\n"
            "  note: primary is db2 (declared db1)\n"
            "steps\n"
            "  1  db2  put max_connections back 500 -> 151, not persisted\n"
            "  ok       db2  put max_connections back 500 -> 151, not persisted  0.02 s\n"
            "shop: revision 9 is in force (1 step, 0.62 s)\n"
            "verified: nothing left to change, the servers are what revision 9 says\n");
  EXPECT_EQ(repld_.bodies("POST", "/api/v1/clusters/shop/rollback").at(0),
            (Json{{"note", "too many"}, {"dryRun", false}, {"to", 7}}));
}

TEST_F(RevisionFlow, RollbackNamesWhatIsLeftAndEndsSo) {
  accept_rollback();
  verified(false);
  const auto ran = replctl({"rollback", "shop"});
  EXPECT_EQ(ran.code, 5) << ran.err;
  EXPECT_NE(ran.out.find("not verified: this is left to be changed\n  1  db2  put max_connections back"),
            std::string::npos)
      << ran.out;
  EXPECT_FALSE(repld_.bodies("POST", "/api/v1/clusters/shop/rollback").at(0).contains("to"));
}

TEST_F(RevisionFlow, RollbackIsNotVerifiedWhileANodeDoesNotAnswer) {
  accept_rollback();
  db3_does_not_answer();
  const auto ran = replctl({"rollback", "shop"});
  EXPECT_EQ(ran.code, 5) << ran.err;
  EXPECT_NE(ran.out.find("not verified: db3 does not answer\n"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("left to be changed"), std::string::npos) << ran.out;
}

TEST_F(RevisionFlow, RollbackAsksOnATerminalAndADryRunChangesNothing) {
  accept_rollback();
  EXPECT_EQ(on_terminal({"rollback", "shop"}, "n\n").code, 3);
  EXPECT_EQ(replctl({"rollback", "shop", "--dry-run"}).code, 0);
  for (const auto& body : repld_.bodies("POST", "/api/v1/clusters/shop/rollback")) {
    EXPECT_EQ(body.at("dryRun"), true);
  }
}

TEST_F(RevisionFlow, RotateShowsThePlanAndCarriesItOut) {
  repld_.on("POST", "/api/v1/clusters/shop/rotate", [](const FakeRepld::Request& request) {
    const bool dry = Json::parse(request.body)["dryRun"];
    const Json answer{{"clusters",
                       {{{"cluster", "shop"},
                         {"revision", 8},
                         {"previousRevision", 8},
                         {"operation", dry ? Json(nullptr) : Json("shop-14")},
                         {"plan", plan()},
                         {"changes", Json::array()},
                         {"notes", Json::array()},
                         {"warnings", Json::array()}}}}};
    return FakeRepld::Answer{dry ? 200 : 202, answer.dump()};
  });
  accept_rollback();  // the operation
  EXPECT_EQ(replctl({"rotate", "shop", "--dry-run"}).code, 0);
  EXPECT_EQ(on_terminal({"rotate", "shop"}, "n\n").code, 3);
  const auto ran = replctl({"rotate", "shop", "--discard-former", "application", "--discard-former", "monitoring"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto bodies = repld_.bodies("POST", "/api/v1/clusters/shop/rotate");
  ASSERT_EQ(bodies.size(), 3u);
  EXPECT_EQ(bodies[0].at("dryRun"), true);
  EXPECT_EQ(bodies[1].at("dryRun"), true) << "not confirmed";
  EXPECT_EQ(bodies[2].at("discardFormer"), (Json{"application", "monitoring"}));
  EXPECT_EQ(replctl({"rotate", "shop", "--discard-former", "root"}).code, 2);
}

TEST_F(RevisionFlow, RollbackThatIsRefusedIsNotVerified) {
  repld_.refuse("POST", "/api/v1/clusters/shop/rollback", 412, "precondition-failed", "db9 is the primary");
  const auto ran = replctl({"rollback", "shop"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_TRUE(repld_.bodies("POST", "/api/v1/clusters/shop/converged").empty());
}

}  // namespace
}  // namespace repl::ctl

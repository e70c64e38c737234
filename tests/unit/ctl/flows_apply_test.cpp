// validate, diff, apply: from a file to exit code and output.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

using samples::operation;
using samples::progress;

constexpr const char* kShop = R"(apiVersion: replctl/v1
name: shop
topology: source-replica
nodes:
  - { name: db1, host: 10.0.0.11, type: source }
  - { name: db2, host: 10.0.0.12 }
accounts:
  admin:       { user: repl_admin,   password: { env: ADMIN_PASSWORD } }
  replication: { user: repl_replica, password: { env: REPLICA_PASSWORD } }
)";

class ApplyFlow : public ReplctlTest {
 protected:
  ApplyFlow() : shop_(write("shop.yaml", kShop)) {}

  static Json applied(int previous, const Json& operation_id, Json steps) {
    return {{"clusters",
             {{{"cluster", "shop"},
               {"revision", previous + 1},
               {"previousRevision", previous},
               {"operation", operation_id},
               {"plan",
                {{"goal", "apply"},
                 {"promotes", nullptr},
                 {"pointOfNoReturn", steps.size()},
                 {"steps", steps},
                 {"reasons", Json::array()}}},
               {"changes", {{{"sign", "~"}, {"path", "sync.acks"}, {"from", "1"}, {"to", "2"}}}},
               {"warnings", Json::array()}}}}};
  }
  /// Dry runs give a plan of one step; the real one starts shop-12, which is done at once.
  void accept_apply(int previous) {
    const Json steps{samples::step("db2", "follow db1")};
    repld_.on("POST", "/api/v1/apply", [previous, steps](const FakeRepld::Request& request) {
      const bool dry = Json::parse(request.body)["dryRun"];
      return FakeRepld::Answer{dry ? 200 : 202, applied(previous, dry ? Json(nullptr) : Json("shop-12"), steps).dump()};
    });
    auto done = operation("done", {progress("done")});
    done["id"] = "shop-12";
    done["goal"] = "apply";
    done["steps"] = 1;
    done["plan"]["promotes"] = nullptr;
    done["plan"]["steps"] = steps;
    repld_.on("GET", "/api/v1/operations/shop-12", done);
  }
  std::vector<bool> dry_runs() {
    std::vector<bool> out;
    for (const auto& body : repld_.bodies("POST", "/api/v1/apply")) out.push_back(body.at("dryRun"));
    return out;
  }

  std::string shop_;
};

TEST_F(ApplyFlow, ValidateNeedsNoRepld) {
  environment_.clear();
  const auto ran = replctl({"validate", shop_});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find(shop_ + ": valid; shop: source-replica, async, 2 nodes\n"), std::string::npos) << ran.out;
  EXPECT_TRUE(repld_.requests().empty());
}

TEST_F(ApplyFlow, ValidateTellsAllErrorsWithLineAndCaret) {
  const auto bad = write("bad.yaml", "apiVersion: replctl/v1\nname: Shop!\ntopology: star\nnodes: []\n");
  const auto ran = replctl({"validate", bad, shop_});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.out.find(bad + ":2:7: "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("     2 | name: Shop!\n       |       ^\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(bad + ":3:11: "), std::string::npos) << ran.out;
  const auto json = Json::parse(replctl({"validate", bad, shop_, "-o", "json"}).out);
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["files"][0]["valid"], false);
  EXPECT_GE(json["files"][0]["errors"].size(), 3U);
  EXPECT_EQ(json["files"][1]["valid"], true);
}

TEST_F(ApplyFlow, AFileThatIsNotThereIsBadUsage) {
  const auto ran = replctl({"validate", (folder_ / "none.yaml").string()});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "replctl: cannot read " + (folder_ / "none.yaml").string() + ": No such file or directory\n");
}

TEST_F(ApplyFlow, ABadFileIsNeverSent) {
  accept_apply(7);
  const auto bad = write("bad.yaml", "apiVersion: replctl/v1\nname: Shop!\n");
  const auto ran = replctl({"apply", shop_, bad});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("bad.yaml:2:7: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("nothing was sent to repld"), std::string::npos) << ran.err;
  EXPECT_TRUE(repld_.requests().empty());
}

TEST_F(ApplyFlow, ErrorsThatOnlyRepldKnowsAreShownInTheFile) {
  repld_.refuse(
      "POST", "/api/v1/apply", 400, "invalid-spec", "1 error in the file",
      {{{"file", shop_}, {"line", 5}, {"column", 23}, {"message", "10.0.0.11:3306 belongs to cluster payments"}}});
  const auto ran = replctl({"apply", shop_});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, shop_ +
                         ":5:23: 10.0.0.11:3306 belongs to cluster payments\n"
                         "     5 |   - { name: db1, host: 10.0.0.11, type: source }\n"
                         "       |                       ^\n"
                         "replctl: 1 error in the file\n");
}

TEST_F(ApplyFlow, DiffIsZeroWhenEqualAndOneWhenNot) {
  repld_.on(
      "POST", "/api/v1/diff",
      {{"clusters", {{{"cluster", "shop"}, {"equal", true}, {"changes", Json::array()}, {"notes", Json::array()}}}}});
  const auto equal = replctl({"diff", shop_});
  EXPECT_EQ(equal.code, 0);
  EXPECT_EQ(equal.out, "cluster shop  equal\n");
  repld_.on("POST", "/api/v1/diff",
            {{"clusters",
              {{{"cluster", "shop"},
                {"equal", false},
                {"changes", {{{"sign", "~"}, {"path", "sync.acks"}, {"from", "1"}, {"to", "2"}}}},
                {"notes", Json::array()}}}}});
  const auto differs = replctl({"diff", shop_});
  EXPECT_EQ(differs.code, 1);
  EXPECT_EQ(differs.out, "cluster shop  differs from the revision in force\n  ~ sync.acks  1 -> 2\n");
}

TEST_F(ApplyFlow, DryRunShowsThePlanAndChangesNothing) {
  accept_apply(7);
  const auto ran = replctl({"apply", shop_, "--dry-run"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "cluster shop  revision 7 -> 8\n"
            "  ~ sync.acks  1 -> 2\n"
            "steps\n"
            "  1  db2  follow db1\n"
            "nothing was changed; run without --dry-run to carry it out\n");
  EXPECT_EQ(dry_runs(), std::vector<bool>{true});
}

TEST_F(ApplyFlow, AScriptIsNotAskedAndSeesPlanProgressAndResult) {
  accept_apply(7);
  const auto ran = replctl({"apply", shop_, "--note", "two acks"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "cluster shop  revision 7 -> 8\n"
            "  ~ sync.acks  1 -> 2\n"
            "steps\n"
            "  1  db2  follow db1\n"
            "  ok       db2  follow db1  0.02 s\n"
            "shop: revision 8 is in force (1 step, 0.62 s)\n");
  const auto body = repld_.bodies("POST", "/api/v1/apply").at(0);
  EXPECT_EQ(body, (Json{{"document", kShop},
                        {"file", shop_},
                        {"baseDirectory", folder_.string()},
                        {"note", "two acks"},
                        {"dryRun", false}}));
}

TEST_F(ApplyFlow, APersonIsAskedBeforeARunningClusterIsChanged) {
  accept_apply(7);
  const auto no = on_terminal({"apply", shop_}, "no\n");
  EXPECT_EQ(no.code, 3);
  EXPECT_NE(no.out.find("Carry this out? [y/N] "), std::string::npos) << no.out;
  EXPECT_EQ(no.err, "replctl: not confirmed: nothing was changed\n");
  EXPECT_EQ(dry_runs(), std::vector<bool>{true});
  EXPECT_EQ(on_terminal({"apply", shop_}, "y\n").code, 0);
  EXPECT_EQ(on_terminal({"apply", shop_, "-y"}, "").code, 0);
  EXPECT_EQ(dry_runs(), (std::vector<bool>{true, true, false, false}));
}

TEST_F(ApplyFlow, ANewClusterIsNoReasonToAsk) {
  accept_apply(0);
  const auto ran = on_terminal({"apply", shop_}, "");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("[y/N]"), std::string::npos) << ran.out;
}

TEST_F(ApplyFlow, ASecondApplySaysThatThereIsNothingToDo) {
  repld_.on("POST", "/api/v1/apply",
            {{"clusters",
              {{{"cluster", "shop"},
                {"revision", 8},
                {"previousRevision", 8},
                {"operation", nullptr},
                {"plan", {{"steps", Json::array()}}},
                {"changes", Json::array()},
                {"warnings", Json::array()}}}}});
  const auto ran = replctl({"apply", shop_});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "cluster shop  revision 8\n"
            "nothing to do: the servers are as the file wants them\n"
            "shop: revision 8 is in force\n");
}

TEST_F(ApplyFlow, AConflictIsThree) {
  repld_.refuse("POST", "/api/v1/apply", 409, "conflict",
                "shop: operation shop-11 is running; wait for it with `replctl operation shop-11 --wait`");
  EXPECT_EQ(replctl({"apply", shop_}).code, 3);
}

TEST_F(ApplyFlow, MachineReadableOutputHasTheOperationsToo) {
  accept_apply(7);
  const auto ran = replctl({"apply", shop_, "-o", "json"});
  EXPECT_EQ(ran.code, 0);
  const auto value = Json::parse(ran.out);
  EXPECT_EQ(value["clusters"][0]["revision"], 8);
  EXPECT_EQ(value["clusters"][0]["result"]["state"], "done");
}

}  // namespace
}  // namespace repl::ctl

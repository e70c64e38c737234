// Diffs and plans, exactly as printed.
#include "ctl/plan_layout.hpp"

#include <gtest/gtest.h>

#include "samples.hpp"

namespace repl::ctl {
namespace {

using samples::step;

TEST(RenderPlan, ShowsTheDiffOfIntentAndThenTheSteps) {
  const Json applied{
      {"cluster", "shop"},
      {"revision", 8},
      {"previousRevision", 7},
      {"operation", nullptr},
      {"plan",
       {{"goal", "apply"},
        {"promotes", nullptr},
        {"pointOfNoReturn", 3},
        {"steps",
         {step("db4", "install the semi-sync replica plugin"), step("db4", "follow db3"),
          step("db10", "semi-sync replica on")}},
        {"reasons", Json::array()}}},
      {"changes",
       {{{"sign", "~"}, {"path", "sync.acks"}, {"from", "1"}, {"to", "2"}},
        {{"sign", "+"}, {"path", "nodes.db4"}, {"from", ""}, {"to", "10.0.0.14:3306"}},
        {{"sign", "-"}, {"path", "nodes.db1.region"}, {"from", "eu-west"}, {"to", ""}}}},
      {"warnings", {{{"file", "shop.yaml"}, {"line", 7}, {"column", 3}, {"message", "two writers are possible"}}}}};
  EXPECT_EQ(render_plan(applied, {}),
            "cluster shop  revision 7 -> 8\n"
            "  ~ sync.acks         1 -> 2\n"
            "  + nodes.db4         10.0.0.14:3306\n"
            "  - nodes.db1.region  eu-west\n"
            "shop.yaml:7:3: warning: two writers are possible\n"
            "steps\n"
            "  1  db4   install the semi-sync replica plugin\n"
            "  2  db4   follow db3\n"
            "  3  db10  semi-sync replica on\n");
}

TEST(RenderPlan, MarksThePointOfNoReturnAndWhatWritersNotice) {
  auto plan = samples::switchover_plan();
  plan["steps"][3]["bestEffort"] = true;
  const Json applied{{"cluster", "shop"}, {"revision", 9}, {"previousRevision", 8}, {"plan", plan}};
  EXPECT_EQ(render_plan(applied, {.unicode = true}),
            "cluster shop  revision 8 -> 9\n"
            "steps\n"
            "  1  db1  writable -> super-read-only\n"
            "  2  db2  apply all that db1 has (at most 10 s)\n"
            "  ── from here on it only goes forward ──\n"
            "  3  db2  super-read-only -> writable\n"
            "  4  db3  follow db2  (if possible)\n"
            "why\n"
            "  db2: 0 s behind, the primary's region\n"
            "writes: held up while db2 is made the primary\n");
}

TEST(RenderPlan, SaysSoWhenThereIsNothingToDo) {
  const Json applied{
      {"cluster", "shop"}, {"revision", 8}, {"previousRevision", 8}, {"plan", {{"steps", Json::array()}}}};
  EXPECT_TRUE(is_empty_plan(applied));
  EXPECT_EQ(render_plan(applied, {}),
            "cluster shop  revision 8\nnothing to do: the servers are as the file wants them\n");
}

TEST(RenderPlan, KnowsANewCluster) {
  const Json applied{
      {"cluster", "shop"},
      {"revision", 1},
      {"previousRevision", 0},
      {"plan", {{"promotes", "db1"}, {"pointOfNoReturn", 1}, {"steps", {step("db1", "super-read-only -> writable")}}}}};
  EXPECT_FALSE(is_empty_plan(applied));
  EXPECT_EQ(render_plan(applied, {}),
            "cluster shop  new, revision 1\n"
            "steps\n"
            "  1  db1  super-read-only -> writable\n"
            "writes: db1 takes them at the end\n");
}

TEST(RenderDiff, ListsChangesAndNotes) {
  EXPECT_EQ(render_diff({{"cluster", "shop"},
                         {"equal", false},
                         {"changes", {{{"sign", "~"}, {"path", "failover.maxLag"}, {"from", "30s"}, {"to", "10s"}}}},
                         {"notes", {"primary is db2 (declared db1)"}}},
                        {}),
            "cluster shop  differs from the revision in force\n"
            "  ~ failover.maxLag  30s -> 10s\n"
            "  note: primary is db2 (declared db1)\n");
  EXPECT_EQ(
      render_diff({{"cluster", "shop"}, {"equal", true}, {"changes", Json::array()}, {"notes", Json::array()}}, {}),
      "cluster shop  equal\n");
}

}  // namespace
}  // namespace repl::ctl

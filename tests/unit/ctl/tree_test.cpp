// The status of a cluster, exactly as printed.
#include "ctl/tree.hpp"

#include <gtest/gtest.h>

#include "samples.hpp"

namespace repl::ctl {
namespace {

using samples::cluster;
using samples::node;

constexpr Style kPlain{};
const Time kNow = *parse_time("2025-11-24T08:00:00Z");

TEST(RenderTree, PutsEachNodeUnderTheOneItReplicatesFrom) {
  const auto shop = cluster({node("db1", "db3"), node("db2", "db3"), node("db3"), node("db5", "db2")});
  EXPECT_EQ(render_tree(shop, Shown::Always, kPlain),
            "db3      10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1]\n"
            "+ db1    10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n"
            "+ db2    10.0.0.12:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n"
            "  + db5  10.0.0.15:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n");
}

TEST(RenderTree, ShowsWhatIsBroken) {
  auto stopped = node("db1", "db3");
  stopped["state"] = "degraded";
  stopped["receiver"] = "stopped";
  stopped["lagSeconds"] = nullptr;
  stopped["acker"] = false;
  auto down = node("db2", "db3");
  down["state"] = "down";
  down["reach"] = "refused";
  auto late = node("db4", "db3");
  late["lagSeconds"] = 2.04;
  late["readOnly"] = "off";
  late["probeAgeSeconds"] = 12.0;
  auto shop = cluster({stopped, down, node("db3"), late});
  shop["nodes"][2]["semiSyncClients"] = 0;
  shop["nodes"][2]["waitingCommits"] = 2;
  EXPECT_EQ(render_tree(shop, Shown::Always, kPlain),
            "db3    10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:0/1, 2 commits waiting]\n"
            "- db1  10.0.0.11:3306  [replica, STOPPED io, 8.4.7, ro]\n"
            "- db2  10.0.0.12:3306  [replica, DOWN refused]\n"
            "+ db4  10.0.0.14:3306  [replica, ok, 2s, 8.4.7, rw, acker, seen 12s ago]\n");
}

TEST(RenderTree, ShowsNodesOutsideTheTreeAsRoots) {
  auto quarantined = node("db1", "db3");
  quarantined["role"] = "detached";
  quarantined["state"] = "quarantined";
  quarantined["source"] = nullptr;
  quarantined["receiver"] = nullptr;
  quarantined["applier"] = nullptr;
  quarantined["lagSeconds"] = nullptr;
  quarantined["acker"] = false;
  quarantined["offlineMode"] = true;
  quarantined["errant"] = "3e11fa47-71ca-11e1-9e33-c80aa9429562:6-8";
  EXPECT_EQ(render_tree(cluster({quarantined, node("db3")}), Shown::Always, kPlain),
            "db3    10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1]\n"
            "- db1  10.0.0.11:3306  [detached, QUARANTINED, 8.4.7, ro, offline, errant 3]\n");
}

TEST(RenderTree, NamesASourceThatIsNotDeclared) {
  auto astray = node("db1", "10.9.9.9:3306");
  astray["acker"] = false;
  EXPECT_EQ(render_tree(cluster({node("db3"), astray}), Shown::Always, kPlain),
            "db3  10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1]\n"
            "db1  10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, follows 10.9.9.9:3306]\n");
}

TEST(RenderTree, EndsWhenNodesReplicateInALoop) {
  auto a = node("db1", "db2");
  auto b = node("db2", "db1");
  EXPECT_EQ(render_tree(cluster({a, b}), Shown::Always, kPlain),
            "db1    10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n"
            "+ db2  10.0.0.12:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n");
}

TEST(RenderTree, TellsMoreWhenWide) {
  auto replica = node("db1", "db3");
  replica["missing"] = 7;
  replica["promotion"] = "never";
  replica["delaySeconds"] = 3600;
  EXPECT_EQ(render_tree(cluster({node("db3"), replica}), Shown::Wide, kPlain),
            "db3    10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1, eu-west, up 2h]\n"
            "+ db1  10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, acker, delayed 1h, eu-west, promotion never, 7 "
            "behind, up 2h]\n");
}

TEST(RenderStatus, HasTheClusterTheTreeAndTheProblems) {
  auto shop = cluster({node("db3"), node("db1", "db3")});
  shop["status"] = "OK_PARTIAL";
  shop["statusText"] = "writes go on; db1 is broken";
  shop["problemList"] = {{{"cluster", "shop"},
                          {"name", "ReplicaCannotConnect"},
                          {"severity", "warning"},
                          {"node", "db1"},
                          {"goal", "none"},
                          {"evidence", "receiver of db1 is stopped: 2003 cannot connect to 10.0.0.13:3306"},
                          {"advice", "check the network between db1 and db3"},
                          {"blocked", ""},
                          {"since", "2025-11-24T07:35:00Z"},
                          {"established", true}},
                         {{"cluster", "shop"},
                          {"name", "DeadPrimary"},
                          {"severity", "critical"},
                          {"node", nullptr},
                          {"goal", "failover"},
                          {"evidence", "db3 is unreachable, and no replica hears it"},
                          {"advice", ""},
                          {"blocked", "the last failover was 10m ago, cool-down 1h: replctl ack shop"},
                          {"since", "2025-11-24T07:59:58Z"},
                          {"established", true}}};
  EXPECT_EQ(render_status(shop, kNow, Shown::Always, kPlain),
            "shop  OK_PARTIAL  source-replica, semi-sync(1), primary db3, term 41, revision 8\n"
            "writes go on; db1 is broken\n"
            "\n"
            "db3    10.0.0.13:3306  [primary, ok, 8.4.7, rw, semi:1/1]\n"
            "+ db1  10.0.0.11:3306  [replica, ok, 0s, 8.4.7, ro, acker]\n"
            "\n"
            "problem: ReplicaCannotConnect db1 (warning, for 25m)\n"
            "  receiver of db1 is stopped: 2003 cannot connect to 10.0.0.13:3306\n"
            "  do: check the network between db1 and db3\n"
            "problem: DeadPrimary (critical, for 2s)\n"
            "  db3 is unreachable, and no replica hears it\n"
            "  repld does not act: the last failover was 10m ago, cool-down 1h: replctl ack shop\n");
}

TEST(RenderStatus, TellsThatItIsPausedAndWhatRuns) {
  auto shop = cluster({node("db3")});
  shop["paused"] = true;
  shop["primary"] = nullptr;
  shop["operation"] = {{"id", "shop-12"}, {"goal", "apply"}, {"state", "running"}, {"steps", 12}, {"stepsDone", 7}};
  const auto text = render_status(shop, kNow, Shown::Always, kPlain);
  EXPECT_NE(text.find("no primary"), std::string::npos) << text;
  EXPECT_NE(text.find("paused: repld changes nothing by itself; `replctl resume shop` ends that\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("operation shop-12: apply running, 7 of 12 steps done\n"), std::string::npos) << text;
}

TEST(RenderProblems, TellsWhetherRepldActsAtOnce) {
  Json problem{{"name", "WritableReplica"},
               {"severity", "critical"},
               {"node", "db1"},
               {"goal", "fence"},
               {"evidence", "db1 takes writes"},
               {"advice", ""},
               {"blocked", ""},
               {"since", "2025-11-24T08:00:00Z"},
               {"established", false}};
  EXPECT_EQ(render_problems({&problem}, kNow, kPlain),
            "problem: WritableReplica db1 (critical, for 0s)\n"
            "  db1 takes writes\n"
            "  repld: fence, once it has lasted long enough\n");
}

}  // namespace
}  // namespace repl::ctl

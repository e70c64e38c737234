// The lists, exactly as printed.
#include "ctl/views.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace repl::ctl {
namespace {

const Time kLookedAt = *parse_time("2025-11-24T08:00:00Z");

std::string narrow(const Table& table) {
  return render_table(table, Shown::Always, {});
}

TEST(ClustersTable, HasOneLinePerCluster) {
  const Json a{{"cluster", "shop"},
               {"topology", "source-replica"},
               {"sync", "semi-sync(1)"},
               {"status", "OK"},
               {"statusText", "all well"},
               {"primary", "db1"},
               {"term", 3},
               {"revision", 2},
               {"nodes", 3},
               {"nodesOk", 3},
               {"problems", 0},
               {"paused", false}};
  const Json b{{"cluster", "payments"},
               {"topology", "source-replica"},
               {"sync", "async"},
               {"status", "NOT_WRITABLE"},
               {"statusText", "no primary"},
               {"primary", nullptr},
               {"term", 12},
               {"revision", 7},
               {"nodes", 5},
               {"nodesOk", 4},
               {"problems", 2},
               {"paused", true}};
  EXPECT_EQ(narrow(clusters_table({&a, &b})),
            "CLUSTER   TOPOLOGY        SYNC          STATUS        PRIMARY  NODES  PROBLEMS  TERM  REVISION  PAUSED\n"
            "shop      source-replica  semi-sync(1)  OK            db1        3/3         0     3         2\n"
            "payments  source-replica  async         NOT_WRITABLE             4/5         2    12         7  yes\n");
}

TEST(NodesTable, HasOneLinePerNode) {
  auto primary = samples::node("db3");
  auto replica = samples::node("db1", "db3");
  primary["cluster"] = replica["cluster"] = "shop";
  EXPECT_EQ(narrow(nodes_table({&primary, &replica})),
            "CLUSTER  NODE  ADDRESS         ROLE     STATE  MODE  LAG  SOURCE  VERSION  MAINTENANCE\n"
            "shop     db3   10.0.0.13:3306  primary  ok     rw                 8.4.7\n"
            "shop     db1   10.0.0.11:3306  replica  ok     ro     0s  db3     8.4.7\n");
}

TEST(ProblemsTable, HasOneLinePerProblem) {
  const Json p{{"cluster", "shop"}, {"name", "DeadPrimary"}, {"severity", "critical"},
               {"node", "db1"},     {"goal", "failover"},    {"evidence", "db1 refuses connections"},
               {"advice", ""},      {"blocked", ""},         {"since", "2025-11-24T07:59:57Z"}};
  EXPECT_EQ(narrow(problems_table({&p}, kLookedAt)),
            "CLUSTER  SEVERITY  PROBLEM      NODE  FOR  EVIDENCE\n"
            "shop     critical  DeadPrimary  db1    3s  db1 refuses connections\n");
}

TEST(RulesTable, TellsMeaningAndAdvice) {
  const Json rule{{"name", "DeadPrimary"},
                  {"about", "cluster"},
                  {"severity", "critical"},
                  {"goal", "failover"},
                  {"summary", "primary unreachable, and no replica hears from it"},
                  {"advice", "none needed"}};
  EXPECT_EQ(
      render_table(rules_table({&rule}), Shown::Wide, {}),
      "PROBLEM      OF       SEVERITY  REPLD DOES  MEANS                                              ADVICE\n"
      "DeadPrimary  cluster  critical  failover    primary unreachable, and no replica hears from it  none needed\n");
}

TEST(HistoryTable, MergesRevisionsAndOperationsNewestFirst) {
  const Json history{{"revisions",
                      {{{"revision", 2},
                        {"at", "2025-11-24T07:08:21.000000Z"},
                        {"author", "alice"},
                        {"note", "more acks"},
                        {"backTo", nullptr},
                        {"state", "replaced"},
                        {"operation", "shop-12"}},
                       {{"revision", 3},
                        {"at", "2025-11-25T07:08:21.000000Z"},
                        {"author", "bob"},
                        {"note", ""},
                        {"backTo", 1},
                        {"state", "in-force"},
                        {"operation", nullptr}}}},
                     {"operations",
                      {{{"id", "shop-12"},
                        {"goal", "apply"},
                        {"state", "done"},
                        {"started", "2025-11-24T07:08:22.000000Z"},
                        {"finished", "2025-11-24T07:08:25.200000Z"},
                        {"askedBy", "alice"},
                        {"cause", "revision 2"},
                        {"steps", 12},
                        {"stepsDone", 12}}}}};
  EXPECT_EQ(narrow(history_table(history)),
            "AT                    ID       WHAT           STATE     STEPS    TOOK  BY     NOTE\n"
            "2025-11-25 07:08:21Z  3        rollback to 1  in-force                 bob\n"
            "2025-11-24 07:08:22Z  shop-12  apply          done      12/12  3.20 s  alice  revision 2\n"
            "2025-11-24 07:08:21Z  2        revision       replaced                 alice  more acks\n");
}

TEST(StepsTable, PairsStepsWithTheirProgress) {
  auto failed = samples::progress("failed", 1.5);
  failed["error"] = {{"code", "x"}, {"message", "no"}};
  EXPECT_EQ(narrow(steps_table(samples::operation("running", {samples::progress("done"), failed}))),
            "STEP  STATE   NODE  NAME              TEXT                                     TOOK  ERROR\n"
            "   1  done    db1   set-read-only     writable -> super-read-only            0.02 s\n"
            "   2  failed  db2   wait-for-applied  apply all that db1 has (at most 10 s)  1.50 s  no\n");
}

TEST(EventLine, StandsInFixedColumns) {
  EXPECT_EQ(event_line({{"id", 41},
                        {"at", "2025-11-24T07:08:22.123456Z"},
                        {"cluster", "shop"},
                        {"severity", "warning"},
                        {"kind", "failover-started"},
                        {"node", "db1"},
                        {"operation", "shop-13"},
                        {"text", "db1 is dead"}},
                       {}),
            "2025-11-24 07:08:22Z  warning   shop/db1      failover-started      db1 is dead (shop-13)\n");
  EXPECT_EQ(event_line({{"at", "2025-11-24T07:08:22Z"},
                        {"cluster", "shop"},
                        {"severity", "info"},
                        {"kind", "paused"},
                        {"node", nullptr},
                        {"operation", nullptr},
                        {"text", "by alice"}},
                       {}),
            "2025-11-24 07:08:22Z  info      shop          paused                by alice\n");
}

}  // namespace
}  // namespace repl::ctl

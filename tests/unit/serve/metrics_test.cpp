#include "serve/metrics.hpp"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "../temporary_directory.hpp"
#include "shop.hpp"

namespace repl::serve {
namespace {

struct MetricsTest : testing::Test {
  Metrics metrics{"1.2.3"};
  shop::Shop shop;

  std::string scrape() {
    std::vector<Picture> clusters;
    clusters.emplace_back(shop.state(), shop::kNow);
    return metrics.exposition(clusters);
  }
  void has(const std::string& sample) {
    EXPECT_NE(scrape().find("\n" + sample + "\n"), std::string::npos) << sample << "\nin\n" << scrape();
  }
  void has_none(const std::string& start) { EXPECT_EQ(scrape().find("\n" + start), std::string::npos) << start; }
};

TEST_F(MetricsTest, TellWhatAHealthyClusterIsLike) {
  has(R"(repld_clusters{state="OK"} 1)");
  has(R"(repld_clusters{state="NOT_WRITABLE"} 0)");
  has(R"(repld_nodes{state="ok"} 3)");
  has(R"x(repld_cluster_info{cluster="shop",topology="source-replica",durability="semi-sync(1)",spec_revision="2"} 1)x");
  has(R"(repld_cluster_healthy{cluster="shop"} 1)");
  has(R"(repld_cluster_writable_nodes{cluster="shop"} 1)");
  has(R"(repld_cluster_failover_candidates{cluster="shop"} 2)");
  has(R"(repld_cluster_semi_sync_required{cluster="shop"} 1)");
  has(R"(repld_cluster_rpo_transactions{cluster="shop"} 0)");
  has(R"(repld_node_role{cluster="shop",instance="10.0.0.1:3301",node="db1",role="primary"} 1)");
  has(R"(repld_node_role{cluster="shop",instance="10.0.0.1:3301",node="db1",role="replica"} 0)");
  has(R"(repld_node_state{cluster="shop",instance="10.0.0.1:3302",node="db2",state="ok"} 1)");
  has(R"(repld_node_reachable{cluster="shop",instance="10.0.0.1:3302",node="db2"} 1)");
  has(R"(repld_replica_lag_seconds{cluster="shop",instance="10.0.0.1:3302",node="db2",channel_name=""} 0)");
  has(R"(repld_node_errant_transactions{cluster="shop",instance="10.0.0.1:3302",node="db2"} 0)");
}

TEST_F(MetricsTest, CountBytesWhereThereAreNoGtids) {
  const std::string log_of_db1 = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
  auto db1 = shop::primary();
  db1.gtid_mode = GtidMode::Off;
  db1.server_uuid = log_of_db1;
  db1.log_position = {"binlog.000002", 1500};
  use_positions(db1);
  auto db2 = shop::replica("db2");
  db2.gtid_mode = GtidMode::Off;
  db2.channels[0].source_uuid = log_of_db1;
  db2.channels[0].read = db2.channels[0].applied = {"binlog.000002", 1200};
  use_positions(db2);
  shop.set(1, db1);
  shop.set(2, db2);
  has(R"(repld_node_position_missing_bytes{cluster="shop",instance="10.0.0.1:3302",node="db2"} 300)");
  has_none(R"(repld_node_gtid_missing_transactions{cluster="shop",instance="10.0.0.1:3302")");
}

TEST_F(MetricsTest, LeaveOutWhatIsNotKnown) {
  shop.lose(2, Reach::Refused, 1);
  has(R"(repld_node_reachable{cluster="shop",instance="10.0.0.1:3302",node="db2"} 0)");
  has(R"(repld_node_state{cluster="shop",instance="10.0.0.1:3302",node="db2",state="down"} 1)");
  has_none(R"(repld_replica_lag_seconds{cluster="shop",instance="10.0.0.1:3302")");
  has_none(R"(repld_node_errant_transactions{cluster="shop",instance="10.0.0.1:3302")");
}

TEST_F(MetricsTest, CountAFailoverOnceAndFromZero) {
  metrics.cluster_added({"shop"});
  has(R"(repld_failovers_total{cluster="shop",reason="DeadPrimary",result="done"} 0)");
  has(R"(repld_switchovers_total{cluster="shop",reason="request",result="done"} 0)");
  auto operation = shop::operation();
  operation.goal = Goal::FailOver;
  operation.cause = "DeadPrimary: db1: refused";
  operation.progress[1] = {.state = StepState::Done,
                           .attempts = 1,
                           .changed_at = shop::kNow + std::chrono::milliseconds(300),
                           .result = StepResult{}};
  metrics.operation_changed({"shop"}, operation);
  has(R"(repld_failovers_total{cluster="shop",reason="DeadPrimary",result="done"} 0)");
  operation.state = OperationState::Done;
  operation.finished = shop::kNow + std::chrono::seconds(1);
  metrics.operation_changed({"shop"}, operation);
  metrics.operation_changed({"shop"}, operation);
  has(R"(repld_failovers_total{cluster="shop",reason="DeadPrimary",result="done"} 1)");
  has(R"(repld_operations_total{cluster="shop",kind="failover",result="done"} 1)");
  has(R"(repld_failover_duration_seconds_sum{cluster="shop",phase="promote"} 0.3)");
  has(R"(repld_failover_duration_seconds_sum{cluster="shop",phase="total"} 1)");
  has(R"(repld_operation_duration_seconds_count{cluster="shop",kind="failover"} 1)");
  has(R"(repld_steps_total{cluster="shop",kind="set-read-only",result="done"} 2)");
}

TEST_F(MetricsTest, CountProbesJournalEventsAndRequests) {
  auto snapshot = shop::primary();
  snapshot.took = std::chrono::milliseconds(3);
  metrics.probe_done({"shop"}, snapshot);
  snapshot.reach = Reach::Silent;
  metrics.probe_done({"shop"}, snapshot);
  metrics.journal_written({"shop"}, std::chrono::milliseconds(2), true);
  metrics.journal_written({"shop"}, std::chrono::milliseconds(2), false);
  metrics.event_recorded({"shop"}, Event{.kind = "failover-done"});
  metrics.http_answered("/api/v1/clusters/{cluster}", 404, std::chrono::milliseconds(1));
  has(R"(repld_probes_total{cluster="shop",result="ok"} 1)");
  has(R"(repld_probes_total{cluster="shop",result="silent"} 1)");
  has(R"(repld_probe_duration_seconds_count{cluster="shop"} 2)");
  has(R"(repld_journal_write_seconds_count 1)");
  has(R"(repld_store_errors_total 1)");
  has(R"(repld_events_total{kind="failover-done"} 1)");
  const auto text = scrape();
  EXPECT_NE(text.find("repld_http_requests_total{"), std::string::npos);
  EXPECT_NE(text.find(R"(route="/api/v1/clusters/{cluster}")"), std::string::npos);
}

TEST_F(MetricsTest, CountRunsOfHooksFromZero) {
  metrics.cluster_added({"shop"});
  has(R"(repld_hook_runs_total{cluster="shop",hook="postSwitchover",result="timed-out"} 0)");
  metrics.hook_ended({"shop"}, HookPoint::PostSwitchover, "timed-out", std::chrono::milliseconds(1500));
  has(R"(repld_hook_runs_total{cluster="shop",hook="postSwitchover",result="timed-out"} 1)");
  has(R"(repld_hook_runs_total{cluster="shop",hook="postSwitchover",result="done"} 0)");
  has(R"(repld_hook_duration_seconds_sum{cluster="shop",hook="postSwitchover"} 1.5)");
}

TEST_F(MetricsTest, SayThatAFailoverIsBlocked) {
  has(R"(repld_failover_blocked{cluster="shop",reason="DeadPrimary"} 0)");
  auto problem = shop::problem("DeadPrimary", Severity::Critical);
  problem.blocked = "cool-down";
  problem.established = true;
  shop.problems = {problem};
  has(R"(repld_failover_blocked{cluster="shop",reason="DeadPrimary"} 1)");
  has(R"(repld_cluster_problems{cluster="shop",kind="DeadPrimary",severity="critical"} 1)");
}

TEST_F(MetricsTest, TellAboutTheProcess) {
  const auto text = scrape();
  for (const auto* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                           "process_open_fds", "process_max_fds", "process_start_time_seconds", "process_threads"}) {
    const auto at = text.find("\n" + std::string(name) + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(at + std::string(name).size() + 2)), 0) << name;
  }
}

TEST_F(MetricsTest, HaveHelpAndTypeForEachFamilyInOnePieceAndNoSampleTwice) {
  metrics.cluster_added({"shop"});
  metrics.probe_done({"shop"}, shop::primary());
  metrics.operation_changed({"shop"}, shop::operation(OperationState::Done));
  std::set<std::string> helped, typed, closed, samples;
  std::string current, line;
  for (std::istringstream lines(scrape()); std::getline(lines, line);) {
    ASSERT_FALSE(line.empty());
    std::istringstream words(line);
    std::string first, kind, name;
    if (line.starts_with("# ")) {
      words >> first >> kind >> name;
      EXPECT_TRUE((kind == "HELP" ? helped : typed).insert(name).second) << "twice: " << line;
      EXPECT_TRUE(name == current || closed.insert(name).second) << "in two pieces: " << name;
      current = name;
      continue;
    }
    const auto sample = line.substr(0, line.rfind(' '));
    EXPECT_TRUE(samples.insert(sample).second) << "twice: " << sample;
    EXPECT_TRUE(sample.starts_with(current)) << sample << " stands under " << current;
    EXPECT_TRUE(helped.contains(current) && typed.contains(current)) << sample;
  }
  EXPECT_GT(samples.size(), 100U);
}

TEST_F(MetricsTest, KeepWhatAFullVerificationFoundUntilTheNextIsDone) {
  auto full = shop::verification();
  full.full = true;
  full.differences = 7;
  full.tables_not_compared = 2;
  auto small = shop::verification();
  small.state = verify::RunState::Running;
  small.differences = 0;
  shop.full_verification = std::make_shared<const verify::Run>(full);
  shop.verification = std::make_shared<const verify::Run>(small);
  has(R"(repld_verify_differences{cluster="shop",scope="full"} 7)");
  has(R"(repld_verify_differences{cluster="shop",scope="latest"} 0)");
  has(R"(repld_verify_tables_not_compared{cluster="shop",scope="full"} 2)");
  has(R"(repld_verify_complete{cluster="shop",scope="full"} 0)");
  has(R"(repld_verify_running{cluster="shop"} 1)");
  has_none(R"(repld_verify_last_done_timestamp_seconds{cluster="shop",scope="latest"})");
}

TEST_F(MetricsTest, AreAllListedInTheirDocumentation) {
  const auto documented = contents_of(REPL_SOURCE_DIR "/docs/metrics.md");
  metrics.cluster_added({"shop"});
  metrics.probe_done({"shop"}, shop::primary());
  metrics.event_recorded({"shop"}, Event{.kind = "k"});
  metrics.http_answered("/metrics", 200, Duration{1});
  auto operation = shop::operation(OperationState::Done);
  operation.goal = Goal::FailOver;
  metrics.operation_changed({"shop"}, operation);
  metrics.chunk_verified({"shop"}, 256);
  metrics.hook_ended({"shop"}, HookPoint::PreFailover, "done", Duration{1});
  shop.verification = shop.full_verification = std::make_shared<const verify::Run>(shop::verification());
  shop.problems = {shop::problem("X", Severity::Info)};
  auto without_gtids = shop::replica("db3");
  without_gtids.gtid_mode = GtidMode::Off;
  without_gtids.clone = CloneProgress{CloneStage::FileCopy, 100, 300, 20};
  shop.set(3, without_gtids);
  std::set<std::string> exported;
  std::string line;
  for (std::istringstream lines(scrape()); std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) exported.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  for (const auto& name : exported)
    EXPECT_NE(documented.find("`" + name + "`"), std::string::npos) << name << " is not documented";
  for (auto at = documented.find("`repld_"); at != std::string::npos; at = documented.find("`repld_", at + 1)) {
    const auto name = documented.substr(at + 1, documented.find('`', at + 1) - at - 1);
    EXPECT_TRUE(exported.contains(name)) << name << " is documented and not exported";
  }
}

}  // namespace
}  // namespace repl::serve

// Topologies without GTIDs on real servers, with an application that never stops writing: File and Position from the
// first apply to the change to GTIDs.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

class Binlog : public ::testing::Test {
 protected:
  explicit Binlog(int nodes = 3)
      : rig{{.name = "binlog", .nodes = nodes, .positioning = Positioning::Binlog}},
        writer{rig.writer_nodes(), "app", rig.application_password()} {}

  void SetUp() override {
    applies(rig.topology_file().string());
    ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
    const auto made = writer.create_table(20s);
    ASSERT_TRUE(made) << made.error().message;
    writer.start();
    keeps_writing();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  void applies(const std::string& file, const std::vector<std::string>& options = {}) {
    std::vector<std::string> command{"apply", file, "--wait"};
    command.insert(command.end(), options.begin(), options.end());
    const auto applied = rig.replctl(command);
    ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors << rig.story();
  }
  /// The sandbox's topology file with other lines ("" for none) in place of those that contain a text; beside it, for
  /// its secrets have relative paths.
  std::string variant(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::ifstream in{rig.topology_file()};
    std::string text;
    for (std::string line; std::getline(in, line);) {
      for (const auto& [from, to] : changes) {
        if (line.find(from) != std::string::npos) line = to;
      }
      if (!line.empty()) text += line + "\n";
    }
    const auto file = rig.topology_file().parent_path() / "variant.yaml";
    std::ofstream{file} << text;
    ::chmod(file.c_str(), 0600);
    return file.string();
  }
  void keeps_writing() {
    const auto before = writer.count();
    ASSERT_TRUE(comes_true([&] { return writer.count() > before + 50; })) << rig.story();
  }
  bool has_problem(const std::string& name, const std::string& node) {
    const auto answer = rig.replctl_json({"problems", rig.cluster()});
    return std::any_of(answer["problems"].begin(), answer["problems"].end(),
                       [&](const json& p) { return p["name"] == name && p["node"] == node; });
  }
  /// All that was acknowledged is on every node, and nothing else: whoever follows from a wrong place misses rows or
  /// stops at one that it has already.
  void all_nodes_have_the_same() {
    writer.stop();
    ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
    const auto primary = rig.primary();
    const std::string sums = "SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(CRC32(id)), 0)) FROM app.acked";
    const auto wanted = rig.ask(primary, sums);
    for (const auto& node : rig.sandbox().nodes()) {
      EXPECT_TRUE(comes_true([&] { return rig.ask(node.name, sums) == wanted; }))
          << node.name << ": " << rig.ask(node.name, sums) << " and " << primary << ": " << wanted;
      const auto lost = writer.lost_on(node.name);
      ASSERT_TRUE(lost) << lost.error().message;
      EXPECT_TRUE(lost->empty()) << lost->size() << " acknowledged rows are not on " << node.name;
    }
  }

  Rig rig;
  AckedWriter writer;
};

TEST_F(Binlog, IsAppliedToEmptyServersAndASecondApplyIsAnEmptyPlan) {
  EXPECT_EQ(rig.ask("db2", "SELECT @@gtid_mode"), "OFF");
  EXPECT_EQ(rig.ask("db2", "SELECT AUTO_POSITION FROM performance_schema.replication_connection_configuration"), "0");
  const auto planned = rig.replctl_json({"apply", rig.topology_file().string(), "--dry-run"});
  ASSERT_TRUE(planned.is_object());
  EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
  EXPECT_EQ(rig.status()["positioning"], "binlog");
  EXPECT_TRUE(rig.node("db2")["appliedPosition"].is_string());
  EXPECT_NE(rig.replctl({"status", rig.cluster()}).output.find("File and Position"), std::string::npos);
  all_nodes_have_the_same();
}

TEST_F(Binlog, ASwitchoverUnderAWriterLosesNothingAndEverybodyFollows) {
  for (int i = 0; i < 3; ++i) {
    const auto old = rig.primary();
    const auto began = steady_clock::now();
    const auto done = rig.replctl({"switchover", rig.cluster(), "--wait"});
    ASSERT_EQ(done.exit_code, 0) << done.output << done.errors << rig.story();
    EXPECT_NE(rig.primary(), old);
    keeps_writing();
    std::cout << "switchover: no write for " << writer.longest_gap(began, steady_clock::now()).length.count() << " s\n";
    ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  }
  all_nodes_have_the_same();
}

TEST_F(Binlog, ACrashedPrimaryIsReplacedWithoutALossAndIsNamedAndClonedWhenItReturns) {
  const auto old = rig.primary();
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill(old));
  ASSERT_TRUE(comes_true([&] { return writer.first_after(killed, old).has_value(); })) << rig.story();
  std::cout << "failover: no write for " << writer.longest_gap(killed, steady_clock::now()).length.count() << " s\n";
  const auto lost = writer.lost_on(rig.primary());
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(lost->empty()) << lost->size() << " acknowledged rows are not on " << rig.primary();

  ASSERT_TRUE(rig.sandbox().start(old));
  ASSERT_TRUE(comes_true([&] { return has_problem("PlaceUnknown", old); })) << rig.story();
  EXPECT_EQ(rig.ask(old, "SELECT @@super_read_only"), "1");
  EXPECT_EQ(rig.ask(old, "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration"), "0");
  // Without a word of a person it is not touched.
  EXPECT_NE(rig.replctl({"apply", rig.topology_file().string(), "--wait"}).exit_code, 0);

  std::vector<std::string> to_clone;
  for (const auto& node : rig.sandbox().nodes()) {
    if (has_problem("PlaceUnknown", node.name)) to_clone.insert(to_clone.end(), {"--allow-data-loss", node.name});
  }
  std::cout << "nodes to be cloned: " << to_clone.size() / 2 << "\n";
  applies(rig.topology_file().string(), to_clone);
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  keeps_writing();
  all_nodes_have_the_same();
}

TEST_F(Binlog, AReplicaThatReceivedLessIsLeftDetachedAndTheOtherIsPromoted) {
  ASSERT_EQ(rig.primary(), "db1");
  // db3 gets nothing more, and db2 alone acknowledges.
  EXPECT_EQ(rig.ask("db3", "STOP REPLICA IO_THREAD"), "");
  keeps_writing();
  const auto killed = steady_clock::now();
  EXPECT_EQ(rig.replctl({"pause", rig.cluster()}).exit_code, 0);
  EXPECT_EQ(rig.ask("db3", "STOP REPLICA IO_THREAD"), "");
  keeps_writing();
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  EXPECT_EQ(rig.replctl({"resume", rig.cluster()}).exit_code, 0);
  ASSERT_TRUE(comes_true([&] { return writer.first_after(killed, "db1").has_value() || rig.primary() == "db2"; }, 60s))
      << rig.story();
  EXPECT_EQ(rig.primary(), "db2");
  ASSERT_TRUE(comes_true([&] { return has_problem("PlaceUnknown", "db3"); })) << rig.story();
  ASSERT_TRUE(rig.sandbox().start("db1"));
  ASSERT_TRUE(comes_true([&] { return has_problem("PlaceUnknown", "db1"); })) << rig.story();
  // Nobody is left who could acknowledge, and a clone would wait for the commits that hang.
  applies(rig.topology_file().string(), {"--allow-data-loss", "db3", "--allow-data-loss", "db1"});
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  keeps_writing();
  all_nodes_have_the_same();
}

TEST_F(Binlog, ARestartedReplicaAndARestartedPrimaryGoOnWhereTheyWere) {
  ASSERT_TRUE(rig.sandbox().kill("db3"));
  keeps_writing();
  ASSERT_TRUE(rig.sandbox().start("db3"));
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.replctl({"pause", rig.cluster()}).exit_code, 0);
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  ASSERT_TRUE(rig.sandbox().start("db1"));
  ASSERT_TRUE(comes_true([&] { return rig.node("db1")["reach"] == "ok"; })) << rig.story();
  EXPECT_EQ(rig.replctl({"resume", rig.cluster()}).exit_code, 0);
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.primary(), "db1");
  keeps_writing();
  all_nodes_have_the_same();
}

TEST_F(Binlog, AReplicaIsMovedBelowAnotherInAPauseAndBack) {
  const auto began = steady_clock::now();
  const auto line = "  - {name: db3, host: 127.0.0.1, port: " + std::to_string(rig.sandbox().nodes()[2].port);
  applies(variant({{"name: db3", line + ", follows: db2}"}}));
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.node("db3")["source"], "db2");
  keeps_writing();
  std::cout << "move: no write for " << writer.longest_gap(began, steady_clock::now()).length.count() << " s\n";
  applies(rig.topology_file().string());
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.node("db3")["source"], "db1");
  keeps_writing();
  all_nodes_have_the_same();
}

// repld dies while it is moving the primary: the journal says what was begun, and the servers what was done.
TEST_F(Binlog, ARepldKilledInTheMiddleOfASwitchoverFinishesOrTakesBackWhatItBegan) {
  for (const auto after : {20ms, 60ms, 120ms, 250ms}) {
    ASSERT_EQ(rig.replctl({"switchover", rig.cluster(), "--no-wait"}).exit_code, 0);
    std::this_thread::sleep_for(after);  // not a wait for anything: the moment of the crash
    rig.repld().kill();
    rig.repld().start();
    // A replica that was caught between its two sources may stand where nobody can say; that is named, with the way
    // out.
    if (!rig.wait_until_whole(20s)) {
      const auto found = rig.replctl_json({"problems", rig.cluster()});
      ASSERT_EQ(found["problems"].size(), 1U) << rig.story();
      EXPECT_EQ(found["problems"][0]["name"], "MoveNeedsPause") << rig.story();
      applies(rig.topology_file().string());
      ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
    }
    keeps_writing();
  }
  all_nodes_have_the_same();
}

TEST_F(Binlog, IsChangedToGtidsWhileWritesGoOn) {
  const auto file = variant({{"positioning:", "positioning: gtid"}});
  const auto began = steady_clock::now();
  applies(file);
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  keeps_writing();
  std::cout << "binlog to GTID: " << std::chrono::duration<double>(steady_clock::now() - began).count()
            << " s, no write for " << writer.longest_gap(began, steady_clock::now()).length.count() << " s\n";
  for (const auto& node : rig.sandbox().nodes()) {
    EXPECT_EQ(rig.ask(node.name, "SELECT @@gtid_mode"), "ON");
    EXPECT_EQ(rig.ask(node.name, "SELECT @@enforce_gtid_consistency"), "ON");
    EXPECT_EQ(rig.ask(node.name,
                      "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE "
                      "VARIABLE_NAME='gtid_mode'"),
              "ON");
  }
  for (const auto* replica : {"db2", "db3"}) {
    EXPECT_EQ(rig.ask(replica, "SELECT AUTO_POSITION FROM performance_schema.replication_connection_configuration"),
              "1");
  }
  EXPECT_EQ(rig.status()["positioning"], "gtid");
  // And everything that GTIDs give works from here on.
  const auto switched = rig.replctl({"switchover", rig.cluster(), "--wait"});
  ASSERT_EQ(switched.exit_code, 0) << switched.output << switched.errors << rig.story();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  keeps_writing();
  const auto back = rig.replctl({"apply", rig.topology_file().string(), "--wait"});
  EXPECT_NE(back.exit_code, 0) << "from gtid to binlog";
  all_nodes_have_the_same();
}

TEST_F(Binlog, AChangeToGtidsThatFailsIsTakenBack) {
  // A client that has begun a transaction without a GTID does not end it: nothing may go on over its head.
  auto session = rig.sandbox().root_session("db1");
  ASSERT_TRUE(session) << session.error().message;
  ASSERT_TRUE(session->query("SET SESSION gtid_next='ANONYMOUS'"));
  ASSERT_TRUE(session->query("BEGIN"));
  ASSERT_TRUE(session->query("INSERT INTO app.acked (id) VALUES (-1)"));
  const auto applied = rig.replctl({"apply", variant({{"positioning:", "positioning: gtid"}}), "--wait"});
  EXPECT_EQ(applied.exit_code, 4) << applied.output << applied.errors;
  ASSERT_TRUE(session->query("ROLLBACK"));
  for (const auto& node : rig.sandbox().nodes()) EXPECT_EQ(rig.ask(node.name, "SELECT @@gtid_mode"), "OFF");
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.status()["positioning"], "binlog");
  keeps_writing();
  all_nodes_have_the_same();
}

/// Three servers, of which the first apply takes two.
class BinlogGrows : public Binlog {
 protected:
  void SetUp() override {
    two = variant({{"name: db3", ""}});
    applies(two);
    ASSERT_TRUE(comes_true([&] { return rig.status()["problemList"].empty(); })) << rig.story();
    const auto made = writer.create_table(20s);
    ASSERT_TRUE(made) << made.error().message;
    writer.start();
    keeps_writing();
  }
  std::string two;
};

TEST_F(BinlogGrows, AnEmptyReplicaIsClonedAndGoesOnAtTheClonesPlaceAndLeavesAgain) {
  applies(rig.topology_file().string());
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.node("db3")["source"], "db1");
  keeps_writing();
  applies(two);
  EXPECT_EQ(rig.ask("db3", "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration"), "0");
  keeps_writing();
  // It has data now that cannot be told from others.
  EXPECT_NE(rig.replctl({"apply", rig.topology_file().string(), "--wait"}).exit_code, 0);
  applies(rig.topology_file().string(), {"--allow-data-loss", "db3"});
  all_nodes_have_the_same();
}

/// The channel's place in the log of db1 cannot be found again once it is gone.
TEST_F(BinlogGrows, AReplacementThatFailsLeavesTheNodeWithItsPlaceThatWouldHaveLeft) {
  const auto place_of_db2 = [&] {
    return rig.ask("db2", "SELECT HOST FROM performance_schema.replication_connection_configuration");
  };
  ASSERT_EQ(place_of_db2(), "127.0.0.1");
  rig.repld().stop();
  rig.repld().start({"LD_PRELOAD=" + (own_folder() / "libfault_on_send.so").string(),
                     "REPL_FAULT_STATEMENT=CLONE INSTANCE FROM", "REPL_FAULT=lost",
                     "REPL_FAULT_MARK=" + (rig.topology_file().parent_path() / "fired").string()});
  ASSERT_TRUE(comes_true([&] { return rig.status().is_object() && rig.status()["problemList"].empty(); }));
  const auto failed = rig.replctl({"apply", variant({{"name: db2", ""}}), "--wait"});
  EXPECT_NE(failed.exit_code, 0) << failed.output;
  rig.repld().stop();
  rig.repld().start();
  ASSERT_TRUE(comes_true([&] { return rig.status()["problemList"].empty(); })) << rig.story();
  EXPECT_EQ(place_of_db2(), "127.0.0.1");
  keeps_writing();
  EXPECT_EQ(rig.ask("db2", "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status"), "ON");
}

TEST_F(Binlog, TheNodeBetweenTwoLeavesAndTheOneBelowItFollowsTheSource) {
  const auto line = "  - {name: db3, host: 127.0.0.1, port: " + std::to_string(rig.sandbox().nodes()[2].port);
  applies(variant({{"name: db3", line + ", follows: db2}"}}));
  ASSERT_TRUE(comes_true([&] { return rig.node("db3")["source"] == "db2"; })) << rig.story();
  keeps_writing();
  applies(variant({{"name: db2", ""}}));
  EXPECT_EQ(rig.node("db3")["source"], "db1");
  keeps_writing();
  writer.stop();
  const std::string rows = "SELECT COUNT(*) FROM app.acked";
  EXPECT_TRUE(comes_true([&] { return rig.ask("db3", rows) == rig.ask("db1", rows); })) << rig.story();
  const auto lost = writer.lost_on("db3");
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(lost->empty());
}

/// Empty servers with gtid_mode=OFF, and a file that asks for GTIDs.
TEST(BinlogServers, AreGivenGtidsAtTheFirstApply) {
  Rig rig{{.name = "binlog-gtid", .nodes = 2, .positioning = Positioning::Binlog}};
  std::ifstream in{rig.topology_file()};
  std::string text;
  for (std::string line; std::getline(in, line);) {
    text += (line == "positioning: binlog" ? "positioning: gtid" : line) + "\n";
  }
  const auto file = rig.topology_file().parent_path() / "gtid.yaml";
  std::ofstream{file} << text;
  const auto applied = rig.replctl({"apply", file.string(), "--wait"});
  ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors << rig.story();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  for (const auto* node : {"db1", "db2"}) EXPECT_EQ(rig.ask(node, "SELECT @@gtid_mode"), "ON");
  EXPECT_EQ(rig.ask("db1", "CREATE DATABASE shop"), "");
  EXPECT_TRUE(comes_true([&] {
    return rig.ask("db2", "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='shop'") == "1";
  }));
}

}  // namespace
}  // namespace repl::testing

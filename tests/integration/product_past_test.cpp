// The whole product, going back: rollback with what it puts back on real servers, backup and restore onto an empty
// repld, and a person at work on a node.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <thread>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

std::string contents_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class Past : public ::testing::Test {
 protected:
  Past() : rig{{.name = "past"}}, writer{rig.writer_nodes(), "app", rig.application_password()} {}

  void SetUp() override {
    succeeds({"apply", rig.topology_file().string(), "--note", "as it began"});
    ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
    const auto made = writer.create_table(20s);
    ASSERT_TRUE(made) << made.error().message;
    writer.start();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  std::string succeeds(const std::vector<std::string>& arguments) {
    const auto done = rig.replctl(arguments);
    EXPECT_EQ(done.exit_code, 0) << done.output << done.errors;
    return done.output;
  }
  /// The sandbox's topology file, changed: beside it, for its secrets have relative paths.
  std::string variant(const std::string& added, const std::string& without_node = {}) {
    std::string text;
    std::istringstream in(contents_of(rig.topology_file()));
    for (std::string line; std::getline(in, line);) {
      if (without_node.empty() || line.find("name: " + without_node + ",") == std::string::npos) text += line + "\n";
    }
    const auto file = rig.topology_file().parent_path() / "variant.yaml";
    std::ofstream(file) << text << added;
    ::chmod(file.c_str(), 0600);
    return file.string();
  }
  std::string persisted(const std::string& node, const std::string& variable) {
    return rig.ask(node, "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='" +
                             variable + "'");
  }
  Outcome restore(std::vector<std::string> options) {
    options.insert(options.begin(), {(own_folder() / "replctl").string(), "restore"});
    options.insert(options.end(), {"--state-dir", rig.repld().state().string()});
    return run_program(options);
  }

  Rig rig;
  AckedWriter writer;
};

TEST_F(Past, AFailoverDoesNotWaitForACloneAndTheClonedNodeIsHadLater) {
  succeeds({"apply", variant("", "db3")});
  const auto tell = [&](const std::string& node, const std::vector<std::string>& statements) {
    auto session = rig.sandbox().root_session(node, 60s);
    ASSERT_TRUE(session) << session.error().message;
    for (const auto& sql : statements) {
      const auto told = session->query(sql);
      ASSERT_TRUE(told) << told.error().message;
    }
  };
  tell("db1", {"CREATE DATABASE big", "CREATE TABLE big.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)",
               "INSERT INTO big.t (v) VALUES (REPEAT('x', 1000000)), (REPEAT('y', 1000000))"});
  for (int i = 0; i < 5; ++i) tell("db1", {"INSERT INTO big.t (v) SELECT v FROM big.t"});
  ASSERT_TRUE(comes_true([&] { return rig.ask("db2", "SELECT COUNT(*) FROM big.t") == "64"; }));
  for (const auto* node : {"db1", "db2"}) {
    tell(node, {"FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE DATE_ADD(NOW(), INTERVAL 1 HOUR)"});
  }
  // 64 MB at 1 MiB/s.
  tell("db3", {"SET GLOBAL clone_max_data_bandwidth=1, clone_autotune_concurrency=OFF, clone_max_concurrency=1"});
  auto apply = std::async(std::launch::async, [&] {
    return rig.replctl({"apply", rig.topology_file().string(), "--yes", "--allow-data-loss", "db3"});
  });
  const auto is_copying = [&] {
    return rig.ask("db3", "SELECT STATE FROM performance_schema.clone_progress WHERE STAGE='FILE COPY'") ==
           "In Progress";
  };
  ASSERT_TRUE(comes_true(is_copying)) << rig.story();
  writer.stop();  // what would be left on db1 alone needs a person
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  EXPECT_TRUE(rig.wait_for([](const json& s) { return s["primary"] == "db2"; }, 30s)) << rig.story();
  const auto said = apply.get();
  EXPECT_NE(said.exit_code, 0);
  EXPECT_NE((said.output + said.errors).find("gave way: the primary is lost"), std::string::npos)
      << said.output << said.errors;
  EXPECT_TRUE(comes_true([&] { return rig.ask("db3", "SELECT @@GLOBAL.gtid_executed") == ""; }))
      << "its data is gone, so it must not say that it has any";

  ASSERT_TRUE(rig.sandbox().start("db1"));
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  tell("db3", {"SET GLOBAL clone_max_data_bandwidth=0, clone_autotune_concurrency=ON, clone_max_concurrency=16"});
  succeeds({"apply", rig.topology_file().string(), "--yes", "--wait"});
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.ask("db3", "SELECT COUNT(*) FROM big.t"), "64");
}

TEST_F(Past, ARollbackPutsSettingsAndNodesBackAndIsVerified) {
  const auto before = rig.ask("db1", "SELECT @@max_connections");
  ASSERT_NE(before, "333");
  ASSERT_TRUE(rig.sandbox().root_session("db2")->query("SET PERSIST long_query_time = 7"));
  succeeds({"apply", variant("settings: {max_connections: 333, long_query_time: 3}\n", "db3"), "--note", "fewer"});
  for (const auto* node : {"db1", "db2"}) {
    EXPECT_EQ(rig.ask(node, "SELECT @@max_connections"), "333");
    EXPECT_EQ(persisted(node, "max_connections"), "333");
  }
  EXPECT_EQ(rig.status()["nodes"].size(), 2U);
  succeeds({"apply", variant("settings: {max_connections: 444, long_query_time: 3}\n", "db3")});
  EXPECT_EQ(rig.ask("db1", "SELECT @@max_connections"), "444");

  const auto difference = rig.replctl({"diff", rig.cluster(), "1", "2"});
  EXPECT_EQ(difference.exit_code, 1);
  EXPECT_NE(difference.output.find("+ settings.max_connections  333"), std::string::npos) << difference.output;
  EXPECT_NE(difference.output.find("- node db3"), std::string::npos) << difference.output;
  const auto planned = rig.replctl({"rollback", rig.cluster(), "1", "--dry-run"});
  EXPECT_NE(planned.output.find("max_connections back 444 -> " + before), std::string::npos) << planned.output;
  EXPECT_EQ(rig.ask("db1", "SELECT @@max_connections"), "444") << "a dry run changes nothing";

  const auto done = rig.replctl({"rollback", rig.cluster(), "1", "--note", "more"});
  ASSERT_EQ(done.exit_code, 0) << done.output << done.errors << rig.story();
  EXPECT_NE(done.output.find("verified: nothing left to change"), std::string::npos) << done.output;
  for (const auto* node : {"db1", "db2"}) {
    EXPECT_EQ(rig.ask(node, "SELECT @@max_connections"), before);
    EXPECT_EQ(persisted(node, "max_connections"), "") << "it was not persisted before";
  }
  EXPECT_EQ(rig.ask("db2", "SELECT @@GLOBAL.long_query_time"), "7.000000");
  EXPECT_EQ(persisted("db2", "long_query_time"), "7.000000") << "it was persisted before";
  EXPECT_EQ(persisted("db1", "long_query_time"), "");
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.node("db3")["source"], rig.primary());

  const auto shown = rig.replctl_json({"show", rig.cluster(), "2"});
  EXPECT_EQ(shown["note"], "fewer");
  EXPECT_EQ(shown["state"], "replaced");
  EXPECT_EQ(shown["before"].size(), 3U);
  EXPECT_TRUE(std::any_of(shown["before"][0]["variables"].begin(), shown["before"][0]["variables"].end(),
                          [&](const json& v) { return v["name"] == "max_connections" && v["value"] == before; }))
      << shown.dump(1);
  const auto history = rig.replctl_json({"history", rig.cluster()});
  EXPECT_EQ(history["revisions"][0]["state"], "in-force");
  EXPECT_EQ(history["revisions"][0]["backTo"], 1);
  // What it prints is a file that says the same.
  const auto file = rig.topology_file().parent_path() / "shown.yaml";
  std::ofstream(file) << succeeds({"show", rig.cluster()});
  ::chmod(file.c_str(), 0600);
  EXPECT_EQ(rig.replctl({"diff", file.string()}).exit_code, 0);
  writer.stop();
  const auto lost = writer.lost_on(rig.primary());
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(lost->empty());
}

TEST_F(Past, ARollbackLeavesThePrimaryWhereItIs) {
  succeeds({"apply", variant("settings: {max_connections: 333}\n")});
  succeeds({"switchover", rig.cluster(), "--to", "db2"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto done = succeeds({"rollback", rig.cluster()});
  EXPECT_NE(done.find("primary is db2 (declared db1)"), std::string::npos) << done;
  EXPECT_NE(done.find("verified"), std::string::npos) << done;
  EXPECT_EQ(rig.primary(), "db2");
  EXPECT_NE(rig.ask("db3", "SELECT @@max_connections"), "333");
}

TEST_F(Past, ABackupGivesAnEmptyRepldAllThatTheOldOneKnew) {
  succeeds({"apply", variant("settings: {max_connections: 333}\n"), "--note", "second"});
  succeeds({"switchover", rig.cluster(), "--to", "db2"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto backup = (rig.repld().state().parent_path() / "repld.backup").string();
  succeeds({"backup", backup});
  const auto history = rig.replctl_json({"history", rig.cluster()});
  const auto term = rig.status()["term"];
  EXPECT_EQ(restore({backup}).exit_code, 3) << "not while a repld runs";

  rig.repld().stop();
  fs::remove_all(rig.repld().state());
  const auto looked = restore({backup, "--dry-run"});
  EXPECT_EQ(looked.exit_code, 0) << looked.errors;
  EXPECT_NE(looked.output.find("cluster past: revision 2, 3 nodes, primary db2"), std::string::npos) << looked.output;
  EXPECT_FALSE(fs::exists(rig.repld().state() / "store.db"));
  const auto restored = restore({backup});
  ASSERT_EQ(restored.exit_code, 0) << restored.output << restored.errors;
  rig.repld().start();
  // The servers are as the backup says, so it acts again by itself.
  ASSERT_TRUE(rig.wait_for([](const json& status) { return status["restored"].is_null(); }, 30s)) << rig.story();
  EXPECT_EQ(rig.primary(), "db2");
  EXPECT_EQ(rig.status()["term"], term);
  EXPECT_EQ(rig.replctl_json({"history", rig.cluster()}), history);
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill("db2"));
  ASSERT_TRUE(comes_true([&] { return writer.first_after(killed, "db2").has_value(); })) << rig.story();
}

TEST_F(Past, AnOldBackupIsNotActedOn) {
  const auto backup = (rig.repld().state().parent_path() / "repld.backup").string();
  succeeds({"backup", backup});
  succeeds({"switchover", rig.cluster(), "--to", "db2"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto count = writer.count();
  ASSERT_TRUE(comes_true([&] { return writer.count() > count + 50; }));

  rig.repld().stop();
  EXPECT_EQ(restore({backup}).exit_code, 3) << "a cluster is known";
  const auto forced = restore({backup, "--force"});
  ASSERT_EQ(forced.exit_code, 0) << forced.output << forced.errors;
  EXPECT_NE(forced.output.find("before-restore"), std::string::npos) << forced.output;
  rig.repld().start();
  ASSERT_TRUE(comes_true([&] { return rig.why_not("AnotherPrimary") != "" || !rig.status()["problemList"].empty(); }));
  const auto status = rig.replctl({"status", rig.cluster()}).output;
  EXPECT_NE(status.find("restored from the backup of"), std::string::npos) << status;
  const auto refused = rig.replctl({"apply", variant("settings: {max_connections: 333}\n")});
  EXPECT_EQ(refused.exit_code, 3) << refused.output << refused.errors;
  // db1 was the primary then; db2 is, and stays so, and its clients notice nothing.
  const auto later = writer.count();
  ASSERT_TRUE(comes_true([&] { return writer.count() > later + 200; })) << rig.story();
  EXPECT_EQ(rig.ask("db1", "SELECT @@super_read_only"), "1");
  EXPECT_EQ(rig.ask("db2", "SELECT @@super_read_only"), "0");
  // The way out: the cluster is taken up anew, with the right source.
  succeeds({"forget", rig.cluster(), "-y"});
  auto text = contents_of(rig.topology_file());
  const auto swap = [&](const std::string& node, const std::string& from, const std::string& to) {
    const auto at = text.find("type: " + from, text.find("name: " + node));
    text.replace(at, from.size() + 6, "type: " + to);
  };
  swap("db1", "source", "replica");
  swap("db2", "replica", "source");
  const auto file = rig.topology_file().parent_path() / "variant.yaml";
  std::ofstream(file) << text;
  ::chmod(file.c_str(), 0600);
  succeeds({"apply", file.string()});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.primary(), "db2");
}

TEST_F(Past, ANodeInMaintenanceIsLeftAloneUntilItIsOver) {
  succeeds({"maintenance", rig.cluster(), "db3", "--for", "1h", "--reason", "disk swap"});
  ASSERT_TRUE(rig.sandbox().root_session("db3")->query("STOP REPLICA"));
  ASSERT_TRUE(comes_true([&] { return !rig.why_not("ReplicationStopped").empty(); })) << rig.story();
  EXPECT_NE(rig.why_not("ReplicationStopped").find("disk swap"), std::string::npos);
  EXPECT_EQ(rig.node("db3")["maintenance"]["reason"], "disk swap");
  const auto refused = rig.replctl({"switchover", rig.cluster(), "--to", "db3"});
  EXPECT_EQ(refused.exit_code, 3) << refused.output << refused.errors;
  // Nothing is done about it although repld is started anew and looks at everything again.
  rig.repld().kill();
  rig.repld().start();
  ASSERT_TRUE(comes_true([&] { return !rig.why_not("ReplicationStopped").empty(); })) << rig.story();
  EXPECT_EQ(rig.node("db3")["receiver"], "stopped");
  succeeds({"maintenance", rig.cluster(), "db3", "--end"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
}

TEST_F(Past, ANodeInMaintenanceMayBeWrittenOnOnlyWithoutClients) {
  succeeds({"maintenance", rig.cluster(), "db3", "--for", "1h", "--reason", "repair"});
  auto session = rig.sandbox().root_session("db3");
  ASSERT_TRUE(session);
  ASSERT_TRUE(session->query("SET GLOBAL offline_mode = ON"));
  ASSERT_TRUE(session->query("SET GLOBAL super_read_only = OFF"));
  ASSERT_TRUE(session->query("SET GLOBAL read_only = OFF"));
  ASSERT_TRUE(comes_true([&] { return !rig.why_not("WritableReplica").empty(); })) << rig.story();
  EXPECT_EQ(rig.ask("db3", "SELECT @@read_only"), "0");
  // Open for clients it is a second primary, and is closed.
  ASSERT_TRUE(session->query("SET GLOBAL offline_mode = OFF"));
  ASSERT_TRUE(comes_true([&] { return rig.ask("db3", "SELECT @@super_read_only") == "1"; })) << rig.story();
}

TEST_F(Past, CommitsThatSomebodyLetGoOnAloneWaitAgain) {
  auto session = rig.sandbox().root_session("db1");
  ASSERT_TRUE(session);
  ASSERT_TRUE(session->query("SET GLOBAL rpl_semi_sync_source_timeout = 1000"));
  ASSERT_TRUE(comes_true([&] {
    return rig.ask("db1", "SELECT @@GLOBAL.rpl_semi_sync_source_timeout") == "4294967295";
  })) << rig.story();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto count = writer.count();
  ASSERT_TRUE(comes_true([&] { return writer.count() > count + 50; }));
}

/// A multi-primary group of three.
class PastOfAGroup : public ::testing::Test {
 protected:
  PastOfAGroup() : rig{{.name = "pastgroup"}} {}

  void SetUp() override {
    auto text = contents_of(rig.topology_file());
    const auto replace = [&](const std::string& what, const std::string& by) {
      for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), by);
    };
    replace("topology: source-replica", "topology: group-multi-primary");
    replace(", type: source", "");
    replace(", type: replica", "");
    replace("sync:\n  mode: semi-sync\n  acks: 1\n  onTooFewReplicas: wait\n", "");
    const auto file = rig.topology_file().parent_path() / "group.yaml";
    std::ofstream(file) << text;
    ::chmod(file.c_str(), 0600);
    const auto applied = rig.replctl({"apply", file.string(), "--wait"});
    ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
    ASSERT_TRUE(is_whole()) << rig.story();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  bool is_whole() {
    return rig.wait_for(
        [](const json& status) {
          return status["problemList"].empty() && status["operation"].is_null() &&
                 std::all_of(status["nodes"].begin(), status["nodes"].end(),
                             [](const json& n) { return n["state"] == "ok"; });
        },
        120s);
  }
  bool has_happened(const std::string& text) {
    return comes_true([&] { return rig.replctl({"events", rig.cluster()}).output.find(text) != std::string::npos; });
  }
  std::string members(const std::string& node) {
    return rig.ask(node,
                   "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE='ONLINE'");
  }

  Rig rig;
};

TEST_F(PastOfAGroup, IsOpenedAgainActedOnAfterARestoreAndStartedAroundANodeInMaintenance) {
  // Somebody closes all members but one.
  rig.ask("db2", "SELECT group_replication_switch_to_single_primary_mode(@@server_uuid)");
  ASSERT_TRUE(has_happened("GroupIsSinglePrimary")) << rig.story();
  ASSERT_TRUE(comes_true([&] { return rig.ask("db1", "SELECT @@GLOBAL.super_read_only") == "0"; }, 60s)) << rig.story();
  ASSERT_TRUE(is_whole()) << rig.story();

  const auto backup = (rig.repld().state().parent_path() / "repld.backup").string();
  ASSERT_EQ(rig.replctl({"backup", backup}).exit_code, 0);
  rig.repld().stop();
  fs::remove_all(rig.repld().state());
  const auto restored = run_program(
      {(own_folder() / "replctl").string(), "restore", backup, "--state-dir", rig.repld().state().string()});
  ASSERT_EQ(restored.exit_code, 0) << restored.output << restored.errors;
  rig.repld().start();
  ASSERT_TRUE(has_happened("restored-confirmed")) << rig.story();

  // db3 is taken out by hand, for good; then the power fails.
  const auto begun = rig.replctl({"maintenance", rig.cluster(), "db3", "--for", "1h", "--reason", "disk swap"});
  ASSERT_EQ(begun.exit_code, 0) << begun.errors;
  for (const auto* sql : {"STOP GROUP_REPLICATION", "SET PERSIST group_replication_start_on_boot = OFF",
                          "SET PERSIST offline_mode = ON"}) {
    EXPECT_EQ(rig.ask("db3", sql), "");
  }
  for (const auto* node : {"db1", "db2", "db3"}) ASSERT_TRUE(rig.sandbox().kill(node));
  for (const auto* node : {"db1", "db2", "db3"}) ASSERT_TRUE(rig.sandbox().start(node));
  ASSERT_TRUE(comes_true([&] { return members("db1") == "2" && members("db2") == "2"; }, 120s)) << rig.story();
  ASSERT_TRUE(rig.wait_for([](const json& status) { return status["operation"].is_null(); }, 60s)) << rig.story();
  EXPECT_EQ(rig.ask("db3", "SELECT @@GLOBAL.offline_mode"), "1");
  EXPECT_EQ(members("db3"), "0");
  EXPECT_EQ(rig.replctl({"maintenance", rig.cluster(), "db3", "--end"}).exit_code, 0);
  ASSERT_TRUE(comes_true([&] { return members("db3") == "3"; }, 60s)) << rig.story();
  ASSERT_TRUE(is_whole()) << rig.story();
  EXPECT_EQ(rig.ask("db3", "SELECT @@GLOBAL.offline_mode"), "0");
}

}  // namespace
}  // namespace repl::testing

// Topologies that somebody has built with plain SQL, taken over: found from one server, described by a file that
// applies as an empty plan, only looked at, then managed in full; and taken up again by a repld that has lost its disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "model/spec.hpp"
#include "spec/parse.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kPassword = "by-hand-8Kq";

class Adopt : public ::testing::Test {
 protected:
  explicit Adopt(int nodes, Positioning positioning = Positioning::Gtid)
      : rig{{.name = "adopt", .nodes = nodes, .positioning = positioning}},
        by_position{positioning == Positioning::Binlog} {
    for (const auto& node : rig.sandbox().nodes()) names.push_back(node.name);
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  // ---- by hand

  void sql(const std::string& node, const std::string& statement) {
    ASSERT_EQ(rig.ask(node, statement), "") << node << ": " << statement;
  }
  int port(const std::string& node) const { return rig.sandbox().node(node)->port; }
  std::string address(const std::string& node) const { return "127.0.0.1:" + std::to_string(port(node)); }

  /// On the node alone, or once and replicated.
  void replication_account(const std::string& node, const std::string& more = {}) {
    sql(node, std::string{"CREATE USER hand@'%' IDENTIFIED BY '"} + kPassword + "'");
    sql(node, "GRANT REPLICATION SLAVE" + more + " ON *.* TO hand@'%'");
  }
  void follows(const std::string& node, const std::string& source, const std::string& channel = {},
               const std::string& more = {}) {
    const auto named = channel.empty() ? std::string{} : " FOR CHANNEL '" + channel + "'";
    // A receiver that is refused tries again in a minute.
    ASSERT_TRUE(comes_to(source, "SELECT COUNT(*) FROM mysql.user WHERE User='hand'", "1"));
    sql(node, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=" + std::to_string(port(source)) +
                  ", SOURCE_USER='hand', SOURCE_PASSWORD='" + kPassword + "', GET_SOURCE_PUBLIC_KEY=1" +
                  (by_position ? "" : ", SOURCE_AUTO_POSITION=1") + more + named);
    sql(node, "START REPLICA" + named);
  }
  void some_data(const std::string& node) {
    sql(node, "CREATE DATABASE shop");
    sql(node, "CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, at_node VARCHAR(64))");
    sql(node, "INSERT INTO shop.item (at_node) VALUES ('" + node + "')");
  }
  bool comes_to(const std::string& node, const std::string& query, const std::string& wanted,
                std::chrono::seconds within = 30s) {
    return comes_true([&] { return rig.ask(node, query) == wanted; }, within);
  }
  void all_have(const std::string& rows) {
    for (const auto& node : names) {
      ASSERT_TRUE(comes_to(node, "SELECT COUNT(*) FROM shop.item", rows))
          << node << " " << rig.ask(node, "SELECT COUNT(*) FROM shop.item");
    }
  }

  // ---- taken over

  fs::path secret(const std::string& role) const { return rig.sandbox().folder().secret(role); }
  fs::path file() const { return rig.topology_file().parent_path() / "found.yaml"; }

  std::vector<std::string> adopt_command(const std::string& node) const {
    return {"adopt", address(node), "--user", "repl_admin", "--password-file", secret("admin").string()};
  }

  /// All that a person could have set, and what was executed.
  std::string fingerprint(const std::string& node) {
    return rig.ask(node,
                   "SELECT /*+ SET_VAR(group_concat_max_len=1000000) */ CONCAT(@@gtid_executed, ' ', (SELECT "
                   "SHA2(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME), 256) FROM "
                   "performance_schema.global_variables WHERE VARIABLE_NAME NOT LIKE 'gtid%'), ' ', (SELECT COUNT(*) "
                   "FROM performance_schema.persisted_variables), ' ', (SELECT COUNT(*) FROM mysql.user), ' ', (SELECT "
                   "COUNT(*) FROM mysql.plugin), ' ', (SELECT GROUP_CONCAT(CHANNEL_NAME, HOST, PORT) FROM "
                   "performance_schema.replication_connection_configuration))");
  }
  std::vector<std::string> fingerprints() {
    std::vector<std::string> out;
    for (const auto& node : names) out.push_back(fingerprint(node));
    return out;
  }

  /// Found from `start`, described as `nodes` (a name each, "db3 < db2" with `follows`, in order), and applied. That
  /// this has no steps is so by design while repld only looks on: that it is accepted means that everything which an
  /// apply compares (docs/adopt.md) is as the file says.
  void is_taken_over(const std::string& start, const std::string& topology, const std::vector<std::string>& nodes) {
    const auto before = fingerprints();
    auto command = adopt_command(start);
    command.insert(command.end(), {"--name", rig.cluster(), "--out", file().string()});
    const auto found = rig.replctl(command);
    ASSERT_EQ(found.exit_code, 0) << found.output << found.errors;
    EXPECT_NE(text().find("management: observe"), std::string::npos) << text();
    EXPECT_NE(text().find("topology: " + topology), std::string::npos) << text();
    EXPECT_EQ(text().find(kPassword), std::string::npos);
    EXPECT_EQ(nodes_in_text(), nodes) << text();
    EXPECT_TRUE(rig.replctl_json({"clusters"})["clusters"].empty()) << "finding it takes nothing over";

    const auto planned = rig.replctl_json({"apply", file().string(), "--dry-run"});
    ASSERT_TRUE(planned.is_object() && !planned["clusters"].empty())
        << text() << rig.replctl({"apply", file().string(), "--dry-run"}).errors;
    EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
    ASSERT_TRUE(is_applied());
    EXPECT_EQ(rig.status()["revision"], 1);
    EXPECT_EQ(rig.status()["term"], 1);
    EXPECT_EQ(fingerprints(), before);
    const auto again = rig.replctl(adopt_command(start));
    EXPECT_EQ(again.exit_code, 3);
    EXPECT_NE(again.errors.find("is managed already"), std::string::npos) << again.errors;
  }

  /// As the printed file has them: a sandbox's server N at port N of them is called dbN here, whatever the file says.
  std::vector<std::string> nodes_in_text() const {
    const auto spec = spec::parse(text(), file().string(), "/");
    if (spec.clusters.size() != 1) return {"no topology file"};
    const auto& cluster = spec.clusters.front();
    const auto at = [&](const Address& address) {
      for (const auto& name : names) {
        if (port(name) == address.port) return name;
      }
      return to_string(address);
    };
    std::vector<std::string> out;
    for (const auto& node : cluster.nodes) {
      out.push_back(at(node.address));
      if (node.follows) out.back() += " < " + at(cluster.find(*node.follows)->address);
    }
    return out;
  }

  std::string text() const {
    std::ifstream in{file()};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  /// The file with another line instead.
  void change(const std::string& from, const std::string& to) {
    auto changed = text();
    const auto at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << changed;
    changed.replace(at, from.size(), to);
    std::ofstream{file()} << changed;
  }
  void give_the_password() {
    const auto path = secret("admin").parent_path() / (rig.cluster() + "-replication");
    std::ofstream{path} << kPassword << '\n';
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }

  /// The steps of a dry run, sorted: "db1: set sync_binlog 0 -> 1". A node that is slow to answer is left out of one,
  /// or makes it fail.
  std::vector<std::string> steps_planned() {
    const auto planned = rig.replctl_json({"apply", file().string(), "--dry-run"});
    if (!planned.is_object() || planned["clusters"].empty()) return {"no plan"};
    std::vector<std::string> out;
    for (const auto& step : planned["clusters"][0]["plan"]["steps"]) {
      out.push_back(step["text"].get<std::string>());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void are_planned(const std::vector<std::string>& steps) {
    std::vector<std::string> planned;
    comes_true([&] { return (planned = steps_planned()) == steps; });
    EXPECT_EQ(planned, steps);
  }
  /// A server that is slow to answer makes an apply be refused, and nothing was changed then.
  bool is_applied() {
    Outcome applied;
    const auto done = comes_true([&] {
      applied = rig.replctl({"apply", file().string(), "--wait"});
      return applied.exit_code == 0;
    });
    if (!done) std::cerr << applied.output << applied.errors << text();
    return done;
  }

  bool is_refused_for(const std::string& reason) {
    Outcome applied;
    const auto refused = comes_true([&] {
      applied = rig.replctl({"apply", file().string()});
      return applied.exit_code == 0 || applied.errors.find(reason) != std::string::npos;
    });
    if (!refused) std::cerr << applied.errors;
    return refused && applied.exit_code == 3;
  }

  /// With management: full every node gets what it lacks, which is exactly `steps`, and replication is not touched,
  /// while `writers` are written to.
  void is_managed_in_full(const std::vector<std::string>& writers, const std::vector<std::string>& steps) {
    give_the_password();
    change("management: observe", "management: full");
    are_planned(steps);
    std::vector<std::string> channels;
    const std::string running_since =
        "SELECT GROUP_CONCAT(THREAD_ID) FROM performance_schema.replication_connection_status";
    for (const auto& node : names) channels.push_back(rig.ask(node, running_since));

    std::atomic<int> refused{0}, written{0};
    std::vector<std::jthread> writing;
    for (const auto& writer : writers) {
      writing.emplace_back([&, writer](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const auto said = rig.ask(writer, "INSERT INTO shop.item (at_node) VALUES ('" + writer + "')");
          ++(said.empty() ? written : refused);
          std::this_thread::sleep_for(10ms);
        }
      });
    }
    EXPECT_TRUE(is_applied());
    for (auto& thread : writing) thread.request_stop();
    writing.clear();
    EXPECT_EQ(refused, 0);
    EXPECT_GT(written, 0);
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(rig.ask(names[i], running_since), channels[i]) << names[i] << ": its receiver was restarted";
    }
    all_have(std::to_string(1 + written));
    are_planned({});
  }

  /// What the servers keep is up to date and everywhere.
  void is_kept(const std::string& term) {
    for (const auto& node : names) {
      ASSERT_TRUE(comes_to(node, "SELECT CONCAT(COUNT(*), ' ', MAX(term)) FROM repld.cluster", "1 " + term))
          << node << ": " << rig.ask(node, "SELECT CONCAT(COUNT(*), ' ', MAX(term)) FROM repld.cluster");
    }
  }
  bool has_problem(const std::string& name) {
    return rig.wait_for(
        [&](const json& status) {
          return std::any_of(status["problemList"].begin(), status["problemList"].end(),
                             [&](const json& p) { return p["name"] == name && p["established"] == true; });
        },
        30s);
  }
  bool is_ok() {
    return rig.wait_for(
        [](const json& status) {
          return status["problemList"].empty() && status["operation"].is_null() &&
                 std::all_of(status["nodes"].begin(), status["nodes"].end(),
                             [](const json& n) { return n["state"] == "ok"; });
        },
        60s);
  }

  Rig rig;
  bool by_position;
  std::vector<std::string> names;
};

struct AdoptChain : Adopt {
  AdoptChain() : Adopt{4} {}
  void SetUp() override {
    replication_account("db1");
    some_data("db1");
    follows("db2", "db1");
    follows("db3", "db2");
    follows("db4", "db3");
    for (const auto* replica : {"db2", "db3", "db4"}) sql(replica, "SET GLOBAL read_only = ON");
    all_have("1");
  }
};

TEST_F(AdoptChain, IsLookedAtThenManagedAndTakenUpAgainWithAnEmptyDisk) {
  is_taken_over("db4", "source-replica", {"db1", "db2", "db3 < db2", "db4 < db3"});
  EXPECT_EQ(rig.primary(), "db1");

  // Only looked at: what breaks is reported, and stays as it is.
  sql("db4", "STOP REPLICA SQL_THREAD");
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  ASSERT_TRUE(has_problem("DeadPrimary"));
  EXPECT_NE(rig.why_not("DeadPrimary").find("management: full"), std::string::npos) << rig.why_not("DeadPrimary");
  std::vector<std::string> others;
  for (const auto* replica : {"db2", "db3", "db4"}) others.push_back(fingerprint(replica));
  const auto refused = rig.replctl({"failover", rig.cluster(), "-y"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.errors.find("management: observe"), std::string::npos) << refused.errors;
  ASSERT_TRUE(rig.sandbox().start("db1"));
  ASSERT_TRUE(rig.wait_for(
      [](const json& status) {
        return status["nodes"][0]["reach"] == "ok" &&
               std::none_of(status["problemList"].begin(), status["problemList"].end(),
                            [](const json& p) { return p["name"] == "DeadPrimary"; });
      },
      90s));
  EXPECT_EQ(rig.primary(), "db1");
  EXPECT_EQ(rig.node("db4")["applier"], "stopped");
  std::size_t i = 0;
  for (const auto* replica : {"db2", "db3", "db4"}) EXPECT_EQ(fingerprint(replica), others[i++]) << replica;
  EXPECT_EQ(rig.ask("db1", "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='repld'"), "0");

  // In repld's hands it heals, and a dead primary is replaced.
  sql("db4", "START REPLICA SQL_THREAD");
  ASSERT_TRUE(comes_to("db2", "SELECT SERVICE_STATE FROM performance_schema.replication_connection_status", "ON", 90s));
  is_managed_in_full({"db1"}, {"db1: after a restart super-read-only", "db1: install the semi-sync replica plugin",
                               "db1: install the semi-sync source plugin", "db2: after a restart super-read-only",
                               "db2: read-only -> super-read-only", "db3: after a restart super-read-only",
                               "db3: read-only -> super-read-only", "db4: after a restart super-read-only",
                               "db4: read-only -> super-read-only"});
  is_kept("1");
  sql("db4", "STOP REPLICA SQL_THREAD");
  EXPECT_TRUE(comes_to(
      "db4", "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status WHERE CHANNEL_NAME=''", "ON"));
  ASSERT_TRUE(is_ok());
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  ASSERT_TRUE(rig.wait_for([](const json& s) { return s["primary"] == "db2" && s["operation"].is_null(); }, 60s));
  ASSERT_TRUE(rig.sandbox().start("db1"));
  ASSERT_TRUE(is_ok());
  is_kept("2");

  // A repld that knows nothing finds what the servers keep.
  rig.repld().stop();
  fs::remove_all(rig.repld().state());
  rig.repld().start();
  auto command = adopt_command("db3");
  command.push_back("--yes");
  const auto taken = rig.replctl_json(command);
  ASSERT_TRUE(taken.is_object());
  ASSERT_TRUE(taken["recorded"].is_object()) << taken.dump(1);
  EXPECT_EQ(taken["recorded"]["term"], 2);
  EXPECT_EQ(taken["recorded"]["revision"], 2);
  EXPECT_EQ(taken["cluster"], rig.cluster());
  EXPECT_EQ(taken["revision"], 3);
  ASSERT_TRUE(is_ok());
  EXPECT_EQ(rig.primary(), "db2");
  EXPECT_EQ(rig.status()["term"], 3);

  // And goes on with it.
  std::ofstream{file()} << taken["document"].get<std::string>();
  change("management: observe", "management: full");
  const auto planned = rig.replctl_json({"apply", file().string(), "--dry-run"});
  // The node that writes now can be given what it could not as a replica.
  const auto& steps = planned["clusters"][0]["plan"]["steps"];
  for (const auto& step : steps) EXPECT_EQ(step["name"], "install-plugin") << step.dump();
  ASSERT_TRUE(is_applied());
  EXPECT_EQ(rig.status()["term"], 3);
  is_kept("3");
}

TEST_F(AdoptChain, WhatTheFileSaysOtherwiseIsRefusedAndNamed) {
  sql("db3", "SET GLOBAL read_only = OFF");
  auto command = adopt_command("db1");
  command.insert(command.end(), {"--name", rig.cluster(), "--out", file().string(), "--yes"});
  const auto found = rig.replctl(command);
  EXPECT_EQ(found.exit_code, 3) << found.output;
  EXPECT_NE(found.errors.find("db3 takes writes"), std::string::npos) << found.errors;
  EXPECT_TRUE(is_refused_for("db3 takes writes"));
  EXPECT_TRUE(rig.replctl_json({"clusters"})["clusters"].empty());
  sql("db3", "SET GLOBAL read_only = ON");
  EXPECT_TRUE(is_applied());
}

struct AdoptPair : Adopt {
  AdoptPair() : Adopt{2} {}
};

TEST_F(AdoptPair, TwoSourcesAreTakenOver) {
  replication_account("db1");
  some_data("db1");
  sql("db1", "SET PERSIST auto_increment_increment = 2");
  sql("db2", "SET PERSIST auto_increment_increment = 2");
  sql("db2", "SET PERSIST auto_increment_offset = 2");
  follows("db2", "db1");
  follows("db1", "db2", "back");
  all_have("1");
  is_taken_over("db2", "source-source", {"db1", "db2"});
  is_managed_in_full({"db1", "db2"},
                     {"db1: after a restart super-read-only", "db1: install the semi-sync replica plugin",
                      "db1: install the semi-sync source plugin", "db2: after a restart super-read-only",
                      "db2: install the semi-sync replica plugin", "db2: install the semi-sync source plugin"});
  ASSERT_TRUE(is_ok());
  is_kept("1");
  EXPECT_EQ(rig.ask("db1", "SELECT CHANNEL_NAME FROM performance_schema.replication_connection_configuration"), "back");
}

// With what repld makes otherwise: plugins, persisted read-only flags, an account that may be cloned with.
TEST_F(AdoptPair, WhatHasEverythingNeedsNothing) {
  for (const auto& node : names) {
    sql(node, "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'");
    sql(node, "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'");
    sql(node, "INSTALL PLUGIN clone SONAME 'mysql_clone.so'");
    sql(node, "SET PERSIST_ONLY super_read_only = ON");
    sql(node, "RESET BINARY LOGS AND GTIDS");
  }
  replication_account("db1", ", BACKUP_ADMIN");
  some_data("db1");
  follows("db2", "db1");
  sql("db2", "SET GLOBAL super_read_only = ON");
  all_have("1");
  is_taken_over("db1", "source-replica", {"db1", "db2"});
  give_the_password();
  change("management: observe", "management: full");
  are_planned({});
}

TEST_F(AdoptPair, AnEncryptedChannelStaysEncrypted) {
  replication_account("db1");
  some_data("db1");
  follows("db2", "db1", {}, ", SOURCE_SSL=1");
  sql("db2", "SET GLOBAL read_only = ON");
  all_have("1");
  is_taken_over("db1", "source-replica", {"db1", "db2"});
  EXPECT_NE(text().find("mode: required"), std::string::npos) << text();
  const auto asked = text();
  change("mode: required", "mode: preferred");
  EXPECT_TRUE(is_refused_for("write `tls: { mode: required }`"));
  std::ofstream{file()} << asked;
  give_the_password();
  change("management: observe", "management: full");
  ASSERT_TRUE(is_applied());
  // Made anew, it is what it was.
  ASSERT_EQ(rig.replctl({"switchover", rig.cluster(), "--to", "db2"}).exit_code, 0);
  EXPECT_TRUE(
      comes_to("db1", "SELECT SSL_ALLOWED FROM performance_schema.replication_connection_configuration", "YES"));
  ASSERT_TRUE(is_ok());
}

struct AdoptByPosition : Adopt {
  AdoptByPosition() : Adopt{2, Positioning::Binlog} {}
};

TEST_F(AdoptByPosition, ATreeWithoutGtidsIsTakenOver) {
  // The channel begins at the first file of the source, where all that both have begins.
  replication_account("db1");
  some_data("db1");
  follows("db2", "db1");
  sql("db2", "SET GLOBAL read_only = ON");
  all_have("1");
  is_taken_over("db2", "source-replica", {"db1", "db2"});
  EXPECT_NE(text().find("positioning: binlog"), std::string::npos) << text();
  is_managed_in_full({"db1"}, {"db1: after a restart super-read-only", "db1: install the semi-sync replica plugin",
                               "db1: install the semi-sync source plugin", "db2: after a restart super-read-only",
                               "db2: read-only -> super-read-only"});
  ASSERT_TRUE(is_ok());
}

struct AdoptThree : Adopt {
  AdoptThree() : Adopt{3} {}

  /// All three of one group, of which db1 is the first member.
  void group(const std::string& single_primary_mode) {
    std::string seeds;
    for (const auto& node : names) seeds += (seeds.empty() ? "" : ",") + address(node);
    for (const auto& node : names) {
      // Of one session each: root asks in sessions of its own.
      sql(node, "INSTALL PLUGIN group_replication SONAME 'group_replication.so'");
      replication_account(node, ", GROUP_REPLICATION_STREAM, CONNECTION_ADMIN, BACKUP_ADMIN");
      for (const auto& [name, value] :
           std::vector<std::pair<std::string, std::string>>{{"group_name", "'6f1c8f0e-3d5a-4c1e-9b7a-0d2e4f6a8b10'"},
                                                            {"communication_stack", "'MYSQL'"},
                                                            {"single_primary_mode", single_primary_mode},
                                                            {"local_address", "'" + address(node) + "'"},
                                                            {"group_seeds", "'" + seeds + "'"},
                                                            {"advertise_recovery_endpoints", "'" + address(node) + "'"},
                                                            {"ssl_mode", "'REQUIRED'"},
                                                            {"recovery_use_ssl", "ON"},
                                                            {"recovery_get_public_key", "ON"}}) {
        sql(node, "SET PERSIST group_replication_" + name + " = " + value);
      }
      sql(node, "RESET BINARY LOGS AND GTIDS");
      sql(node, std::string{"CHANGE REPLICATION SOURCE TO SOURCE_USER='hand', SOURCE_PASSWORD='"} + kPassword +
                    "' FOR CHANNEL 'group_replication_recovery'");
    }
    sql("db1", "SET GLOBAL group_replication_bootstrap_group = ON");
    sql("db1", "START GROUP_REPLICATION");
    sql("db1", "SET GLOBAL group_replication_bootstrap_group = OFF");
    for (const auto* node : {"db2", "db3"}) sql(node, "START GROUP_REPLICATION");
    const std::string online =
        "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE='ONLINE'";
    for (const auto& node : names) ASSERT_TRUE(comes_to(node, online, "3", 60s)) << rig.ask(node, online);
  }
};

TEST_F(AdoptThree, ARingIsTakenOver) {
  replication_account("db1");
  some_data("db1");
  for (std::size_t i = 0; i < names.size(); ++i) {
    sql(names[i], "SET PERSIST auto_increment_increment = 3");
    sql(names[i], "SET PERSIST auto_increment_offset = " + std::to_string(i + 1));
  }
  follows("db2", "db1");
  follows("db3", "db2");
  follows("db1", "db3");
  all_have("1");
  is_taken_over("db3", "circular", {"db1", "db2", "db3"});
  is_managed_in_full({"db1", "db2", "db3"},
                     {"db1: after a restart super-read-only", "db1: install the semi-sync replica plugin",
                      "db1: install the semi-sync source plugin", "db2: after a restart super-read-only",
                      "db2: install the semi-sync replica plugin", "db2: install the semi-sync source plugin",
                      "db3: after a restart super-read-only", "db3: install the semi-sync replica plugin",
                      "db3: install the semi-sync source plugin"});
  ASSERT_TRUE(is_ok());
  is_kept("1");
}

TEST_F(AdoptThree, AGroupIsTakenOver) {
  group("ON");
  some_data("db1");
  all_have("1");
  is_taken_over("db2", "group-single-primary", {"db1", "db2", "db3"});
  EXPECT_EQ(rig.primary(), "db1");
  is_managed_in_full({"db1"}, {"db1: after a restart super-read-only", "db2: after a restart super-read-only",
                               "db3: after a restart super-read-only"});
  ASSERT_TRUE(is_ok());
  is_kept("1");
}

TEST_F(AdoptThree, AGroupInWhichAllWriteIsTakenOver) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    sql(names[i], "SET PERSIST auto_increment_increment = 3");
    sql(names[i], "SET PERSIST auto_increment_offset = " + std::to_string(i + 1));
  }
  group("OFF");
  some_data("db1");
  all_have("1");
  is_taken_over("db3", "group-multi-primary", {"db1", "db2", "db3"});
  is_managed_in_full({"db1", "db2", "db3"},
                     {"db1: after a restart super-read-only", "db2: after a restart super-read-only",
                      "db3: after a restart super-read-only"});
  ASSERT_TRUE(is_ok());
  is_kept("1");
}

// One that acknowledges, and one that applies later and not everything: it is there for reports.
TEST_F(AdoptThree, ASemiSyncTreeWithADelayedReplicaThatHasFiltersIsTakenOver) {
  for (const auto& node : names) {
    sql(node, "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'");
    sql(node, "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'");
    sql(node, "RESET BINARY LOGS AND GTIDS");
  }
  replication_account("db1");
  some_data("db1");
  sql("db2", "SET GLOBAL rpl_semi_sync_replica_enabled = ON");
  follows("db2", "db1");
  follows("db3", "db1", {}, ", SOURCE_DELAY=2");
  sql("db3", "STOP REPLICA SQL_THREAD");
  sql("db3", "CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = ('shop.audit%')");
  sql("db3", "START REPLICA SQL_THREAD");
  for (const auto* replica : {"db2", "db3"}) sql(replica, "SET GLOBAL super_read_only = ON");
  sql("db1", "SET PERSIST rpl_semi_sync_source_timeout = 4294967295");
  sql("db1", "SET GLOBAL rpl_semi_sync_source_enabled = ON");
  all_have("1");
  is_taken_over("db1", "source-replica", {"db1", "db2", "db3"});
  for (const auto* part : {"mode: semi-sync", "delay: 2s", "promotion: never",
                           "has replication filters (REPLICATE_WILD_IGNORE_TABLE=shop.audit%)"}) {
    EXPECT_NE(text().find(part), std::string::npos) << part << "\n" << text();
  }
  is_managed_in_full(
      {"db1"}, {"db1: after a restart super-read-only", "db1: semi-sync replica on",
                "db2: after a restart super-read-only", "db2: set rpl_semi_sync_source_timeout 10000 -> 4294967295",
                "db3: after a restart super-read-only", "db3: set rpl_semi_sync_source_timeout 10000 -> 4294967295"});
  ASSERT_TRUE(is_ok());
  EXPECT_EQ(rig.ask("db3", "SELECT @@rpl_semi_sync_replica_enabled"), "0");

  // It is no candidate, also when nobody has said so.
  change("    promotion: never\n", "");
  change("delay: 2s", "delay: 0s");
  ASSERT_TRUE(is_applied());
  EXPECT_TRUE(comes_true([&] {
    const auto refused = rig.replctl({"switchover", rig.cluster(), "--to", "db3"});
    return refused.exit_code != 0 && refused.errors.find("db3 has replication filters") != std::string::npos;
  }));
  EXPECT_EQ(rig.primary(), "db1");
  EXPECT_TRUE(has_problem("FilteredReplica"));
}

}  // namespace
}  // namespace repl::testing

// Changes of topologies on real servers under a writer: a step of every kind fails, in some way, and the apply ends as
// before or as wanted, as its record says. With REPL_ALL_FAULTS set, each in every way; and restarts of servers in a
// ring and in a group, beside those in a tree. REPL_FAULT_KIND=set-group-mode: steps of that kind only. (What every
// change takes when nothing fails is measured by bench-changes.)
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

const std::vector<std::string> kThree{"name: db1, type: source", "name: db2, type: replica",
                                      "name: db3, type: replica"};
const std::vector<std::string> kFour{kThree[0], kThree[1], kThree[2], "name: db4, type: replica"};
const std::vector<std::string> kAlike{"name: db1", "name: db2", "name: db3"};
// What repld sends is read by the fault.
const std::string kPlain = "tls: {mode: disabled}\n";

Shape async3() {
  return {"async", "source-replica", kThree, "mode: async", kPlain};
}
Shape semi3() {
  return {"semi-sync", "source-replica", kThree, "mode: semi-sync, acks: 1", kPlain};
}
Shape tuned3() {
  return {"tuned", "source-replica", kThree, "mode: async", kPlain + "settings: {max_connections: 321}\n"};
}
// Only a start makes it true.
const std::string kForAStart = kPlain + "settings: {innodb_ft_min_token_size: 2}\n";
Shape restarted3() {
  return {"restarted", "source-replica", kThree, "mode: async", kForAStart};
}
Shape four() {
  return {"4 nodes", "source-replica", kFour, "mode: async", kPlain};
}
Shape moved() {
  return {"db2 the source",
          "source-replica",
          {"name: db1, type: replica", "name: db2, type: source", "name: db3, type: replica"},
          "mode: async",
          kPlain};
}
Shape ring3() {
  return {"ring", "circular", kAlike, "mode: async", kPlain};
}
Shape group3() {
  return {"group", "group-single-primary", kAlike, "", kPlain};
}
Shape multi3() {
  return {"multi-primary group", "group-multi-primary", kAlike, "", kPlain};
}

struct Row {
  std::string kind;  ///< Of step, as in the journal.
  Shape (*from)();
  Shape (*to)();
  std::string statement;  ///< Part of what such a step sends.
  /// Made before, by root on a node.
  std::string node{};
  std::vector<std::string> sql{};
  std::optional<Fault> only{};  ///< Rows after it need the server as it was.
  bool paused = false;          ///< Or repld would make it itself.
  std::string may_lose{};       ///< Node whose data of an earlier row the apply may throw away.
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"set-variable", async3, tuned3, "SET PERSIST max_connections"},
      {"reset-variable", tuned3, async3, "RESET PERSIST IF EXISTS max_connections"},
      {"set-semi-sync-replica", async3, semi3, "SET PERSIST rpl_semi_sync_replica_enabled=ON"},
      {"wait-for-ackers", async3, semi3, "global_status WHERE VARIABLE_NAME='Rpl_semi_sync_source_clients'"},
      {"set-semi-sync-source", async3, semi3, "SET GLOBAL rpl_semi_sync_source_enabled=1"},
      {"set-read-only", async3, moved, "SET GLOBAL super_read_only=1"},
      {"start-replication", async3, tuned3, "START REPLICA", "db2", {"STOP REPLICA"}, {}, true},
      {"amend-account", async3, tuned3, "GRANT ", "db1", {"REVOKE PROCESS ON *.* FROM repl_monitor@'%'"}, {}, true},
      {"create-account", async3, four, "CREATE USER", "", {}, Fault::Lost},
      {"persist-read-only", async3, four, "SET PERSIST_ONLY super_read_only", "", {}, Fault::Lost},
      {"reset-gtids", async3, four, "RESET BINARY LOGS AND GTIDS", "db4", {"CREATE USER installer"}, Fault::Lost},
      {"clone-from",
       async3,
       four,
       "CLONE INSTANCE FROM",
       "db1",
       {"FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE DATE_ADD(NOW(), INTERVAL 1 HOUR)"},
       {},
       false,
       "db4"},
      {"follow-source", async3, four, "CHANGE REPLICATION SOURCE TO"},
      {"forget-source", four, async3, "RESET REPLICA ALL"},
      {"set-offline-mode", async3, ring3, "SET GLOBAL offline_mode=1"},
      {"wait-for-applied", async3, ring3, "WAIT_FOR_EXECUTED_GTID_SET"},
      {"forget-source", ring3, async3, "RESET REPLICA ALL"},
      {"install-plugin", async3, group3, "SONAME 'group_replication"},
      {"start-group", async3, group3, "START GROUP_REPLICATION"},
      {"set-group-mode", group3, multi3, "switch_to_multi_primary"},
      {"stop-group", group3, async3, "STOP GROUP_REPLICATION"},
      // The last one: it moves the primary.
      {"restart-server", async3, restarted3, "RESTART", "", {}, Fault::Unheard},
  };
  return all;
}

TEST(AChangeThatFails, EndsAsBeforeOrAsWantedForAStepOfEveryKind) {
  Traveller traveller{4};
  traveller.begin(async3());
  const bool all = std::getenv("REPL_ALL_FAULTS") != nullptr;
  const char* only = std::getenv("REPL_FAULT_KIND");
  std::size_t turn = 0;
  for (const auto& row : rows()) {
    const auto way = turn++ % 3;
    if (only != nullptr && row.kind != only) continue;
    for (const auto fault : {Fault::Lost, Fault::Unheard, Fault::Killed}) {
      if (row.only ? fault != *row.only : !all && static_cast<std::size_t>(fault) != way) continue;
      SCOPED_TRACE(fmt::format("{} in {} -> {}, {}", row.kind, row.from().name, row.to().name, to_string(fault)));
      if (traveller.at().name != row.from().name) traveller.change(row.from());
      const auto& rig = traveller.rig();
      if (row.paused) rig.replctl({"pause", rig.cluster()});
      for (const auto& sql : row.sql) rig.ask(row.node, sql);
      const auto ended = traveller.change_failing(row.to(), row.statement, fault, row.may_lose);
      EXPECT_TRUE(ended.fired) << ended.said;
      EXPECT_TRUE(ended.state == "done" || ended.state == "taken-back") << ended.state;
      EXPECT_EQ(ended.left, 0U);
      EXPECT_EQ(ended.lost, 0U);
      if (all) fmt::print("{:<22} {:<10} {}\n", row.kind, to_string(fault), ended.state);
      if (::testing::Test::HasFailure()) {
        std::cerr << traveller.rig().story();
        return;
      }
    }
  }
}

Shape shape_of(const std::string& topology, const std::vector<int>& numbers, const std::string& sync = "mode: async") {
  Shape out{"", topology, {}, sync, kPlain};
  const bool tree = topology == "source-replica";
  for (const int n : numbers) {
    const auto* type = !tree ? "" : out.nodes.empty() ? ", type: source" : ", type: replica";
    out.nodes.push_back(fmt::format("name: db{}{}", n, type));
    out.name += fmt::format("{}db{}", out.name.empty() ? topology + " of " : ", ", n);
  }
  return out;
}

/// The writer goes on writing wherever it is let, so what a node took that is no part of it any more would be lost.
TEST(ANodeThatLeaves, TakesNoMoreWritesAndLosesNone) {
  struct Leg {
    Shape to;
    std::string left;
  };
  const auto ring = [](const std::vector<int>& numbers) { return shape_of("circular", numbers); };
  const std::vector<Leg> legs{
      {shape_of("source-replica", {1, 2}), "db3"},  // a ring of 3 becomes a tree of 2
      {ring({1, 2, 3, 4}), ""},
      {ring({1, 2, 3}), "db4"},
      {ring({1, 2, 4}), "db3"},
      {ring({1, 2, 3}), "db4"},  // counts its keys as db4 did
  };
  Traveller traveller{4};
  traveller.begin(ring({1, 2, 3}));
  for (const auto& leg : legs) {
    SCOPED_TRACE(leg.to.name);
    const auto change = traveller.change(leg.to);
    fmt::print("{:<40} {:.1f} s, nobody wrote for {:.2f} s\n", change.to, change.took, change.gap);
    EXPECT_EQ(change.lost, 0U);
    if (!leg.left.empty()) {
      EXPECT_EQ(traveller.rig().ask(leg.left, "SELECT @@super_read_only"), "1") << leg.left;
    }
  }
}

TEST(ANodeThatLeaves, AndIsDeadHoldsNobodyUp) {
  Traveller traveller{3};
  traveller.begin(shape_of("circular", {1, 2, 3}));
  const auto& rig = traveller.rig();
  ASSERT_TRUE(rig.sandbox().kill("db3"));
  // What db2 writes from now on comes to db1 over the gap only. (What db3 alone had is gone with it.)
  const std::string last = "SELECT COALESCE(MAX(id), 0) FROM app.acked";
  ASSERT_TRUE(comes_true([&, first = rig.ask("db2", last)] { return rig.ask("db2", last) != first; }));
  const auto change = traveller.change(shape_of("source-replica", {1, 2}));
  fmt::print("{:<40} {:.1f} s, nobody wrote for {:.2f} s\n", change.to, change.took, change.gap);
  const auto has = rig.ask("db2", "SELECT @@gtid_executed");
  EXPECT_TRUE(comes_true([&] { return rig.ask("db1", "SELECT GTID_SUBSET('" + has + "', @@gtid_executed)") == "1"; }));
}

TEST(AGroupThatBecomesATree, BringsItsSourceWhatTheOthersWroteFirst) {
  Traveller traveller{3};
  traveller.begin(multi3());
  const auto& rig = traveller.rig();
  auto slow = rig.sandbox().root_session("db1");
  ASSERT_TRUE(slow) << slow.error().message;
  ASSERT_TRUE(slow->query("LOCK TABLES app.acked WRITE"));
  std::jthread behind{[&] {
    // As if it were far behind: until the others have left it applies nothing.
    const std::string online =
        "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE='ONLINE'";
    comes_true([&] { return rig.ask("db2", online) == "0" && rig.ask("db3", online) == "0"; });
    EXPECT_TRUE(slow->query("UNLOCK TABLES"));
  }};
  const auto change = traveller.change(async3());
  fmt::print("{:<40} {:.1f} s, nobody wrote for {:.2f} s\n", change.to, change.took, change.gap);
  EXPECT_EQ(change.lost, 0U);
}

std::vector<pid_t> processes(const Rig& rig) {
  std::vector<pid_t> out;
  for (const auto& node : rig.sandbox().status()) out.push_back(node.pid.value_or(0));
  return out;
}

TEST(ASettingThatOnlyAStartMakesTrue, RestartsEveryServerUnderAWriterAndLosesNothing) {
  const std::string later = kPlain + "settings: {innodb_ft_min_token_size: 1, report_host: node}\n";
  struct Leg {
    Shape from, to;
    std::string column, value;
  };
  const Shape ring{"ring", "circular", kAlike, "mode: async", kPlain};
  const std::vector<Leg> legs{
      {semi3(),
       {"semi-sync, restarted", "source-replica", kThree, "mode: semi-sync, acks: 1", kForAStart},
       "@@innodb_ft_min_token_size",
       "2"},
      {ring,
       {"ring, restarted", "circular", kAlike, "mode: async", later},
       "CONCAT(@@innodb_ft_min_token_size, @@report_host)",
       "1node"},
      {group3(),
       {"group, restarted", "group-single-primary", kAlike, "", kForAStart},
       "@@innodb_ft_min_token_size",
       "2"},
  };
  Traveller traveller{3};
  traveller.begin(semi3());
  const bool all = std::getenv("REPL_ALL_FAULTS") != nullptr;
  for (const auto& leg : legs) {
    if (!all && leg.from.topology != "source-replica") continue;
    SCOPED_TRACE(leg.to.name);
    if (traveller.at().name != leg.from.name) {
      traveller.change(async3());
      traveller.change(leg.from);
    }
    const auto& rig = traveller.rig();
    const auto before = processes(rig);
    const auto primary = rig.primary();
    const auto change = traveller.change(leg.to);  // nothing is left to do afterwards
    EXPECT_EQ(change.lost, 0U);
    const auto after = processes(rig);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NE(before[i], after[i]) << "db" << i + 1;
    for (const auto* node : {"db1", "db2", "db3"}) EXPECT_EQ(rig.ask(node, "SELECT " + leg.column), leg.value) << node;
    if (!primary.empty()) {
      EXPECT_NE(rig.primary(), primary);
    }
    fmt::print("{:<24} {:.1f} s, nobody wrote for {:.2f} s\n", leg.to.name, change.took, change.gap);
    if (!all) continue;
    // What no file names any more goes back, and only a start does that.
    EXPECT_EQ(traveller.change(leg.from).lost, 0U);
    EXPECT_EQ(rig.ask("db1", "SELECT @@innodb_ft_min_token_size"), "3");
  }
}

}  // namespace
}  // namespace repl::testing

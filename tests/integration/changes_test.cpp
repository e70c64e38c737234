// Changes of topologies on real servers under a writer: a step of every kind fails, in some way, and the apply ends as
// before or as wanted, as its record says. It is judged while repld is paused, before anything is repaired. With
// REPL_ALL_FAULTS set, each in every way; and restarts of servers in a ring and in a group, beside those in a tree.
// REPL_FAULT_KIND=set-group-mode: steps of that kind only. (What every change takes when nothing fails is measured by
// bench-changes; a few of them are made here.)
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "model/step.hpp"
#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

const std::vector<std::string> kThree{"name: db1, type: source", "name: db2, type: replica",
                                      "name: db3, type: replica"};
const std::vector<std::string> kFour{kThree[0], kThree[1], kThree[2], "name: db4, type: replica"};
const std::vector<std::string> kMoved{"name: db1, type: replica", "name: db2, type: source",
                                      "name: db3, type: replica"};
const std::vector<std::string> kAlike{"name: db1", "name: db2", "name: db3"};
const std::vector<std::string> kFourAlike{kAlike[0], kAlike[1], kAlike[2], "name: db4"};
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
  return {"db2 the source", "source-replica", kMoved, "mode: async", kPlain};
}
Shape announced() {
  return {"db2 the source, announced", "source-replica", kMoved, "mode: async",
          kPlain + "hooks: {preSwitchover: [announce]}\n"};
}
Shape unmonitored() {
  return {.name = "without a monitoring account",
          .topology = "source-replica",
          .nodes = kThree,
          .sync = "mode: async",
          .extra = kPlain,
          .without_account = "monitoring"};
}
Shape ring3() {
  return {"ring", "circular", kAlike, "mode: async", kPlain};
}
Shape ring4() {
  return {"ring of 4", "circular", kFourAlike, "mode: async", kPlain};
}
Shape group3() {
  return {"group", "group-single-primary", kAlike, "", kPlain};
}
Shape group4() {
  return {"group of 4", "group-single-primary", kFourAlike, "", kPlain};
}
Shape multi3() {
  return {"multi-primary group", "group-multi-primary", kAlike, "", kPlain};
}
Shape two_by_position() {
  return {"File and Position, semi-sync", "source-replica", {kThree[0], kThree[1]},
          "mode: semi-sync, acks: 1",     kPlain,           Positioning::Binlog};
}
Shape by_position() {
  return {"File and Position", "source-replica", kThree, "mode: async", kPlain, Positioning::Binlog};
}

/// The group with its primary restarted: another one has to take over first.
Shape group3_with_restart_of(const std::string& primary) {
  auto out = group3();
  out.name = "group, its primary restarted";
  for (auto& node : out.nodes) {
    if (node == "name: " + primary) node += ", nodeSettings: {innodb_ft_min_token_size: 2}";
  }
  return out;
}

using Faults = std::set<Fault>;
const Faults kEach{Fault::Lost, Fault::Unheard, Fault::Killed, Fault::NotSent, Fault::ServerDies};
const Faults kOfHooks{Fault::Lost, Fault::Unheard, Fault::Killed};
/// A server that is started anew is not expected to be killed meanwhile, and nobody would start it then.
const Faults kOfStarts{Fault::Lost, Fault::Unheard, Fault::Killed, Fault::NotSent};

struct Row {
  std::string kind;  ///< Of step, as in the journal.
  Shape (*from)();
  Shape (*to)();
  std::string statement;  ///< Part of what such a step sends.
  /// Made before, by root on a node, while repld is paused.
  std::string node{};
  std::vector<std::string> sql{};
  std::vector<std::string> may_lose{};  ///< Nodes whose data of an earlier row the apply may throw away.
  bool renews_secret = false;           ///< The replication account has another password from now on.
  Faults faults = kEach;
  std::optional<Fault> by_default{};                      ///< Without REPL_ALL_FAULTS; else they take turns.
  Shape (*to_for)(const std::string& primary) = nullptr;  ///< In place of `to`.
};

// A server that no topology has now, as it was before any had it. The writer must not come in meanwhile.
const std::vector<std::string> kAsNew{"STOP REPLICA",
                                      "RESET REPLICA ALL",
                                      "SET GLOBAL offline_mode=1",
                                      "SET GLOBAL super_read_only=0",
                                      "SET GLOBAL read_only=0",
                                      "DROP DATABASE IF EXISTS app",
                                      "DROP DATABASE IF EXISTS repld",
                                      "DROP USER IF EXISTS repl_replica@'%', repl_monitor@'%', app@'%'",
                                      "SET GLOBAL offline_mode=0",
                                      "RESET PERSIST",
                                      "SET GLOBAL replica_net_timeout=60",
                                      "RESET BINARY LOGS AND GTIDS"};

std::vector<std::string> as_new_with(const std::string& more) {
  auto out = kAsNew;
  out.push_back(more);
  return out;
}

const std::vector<std::string> kPurge{"FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE DATE_ADD(NOW(), INTERVAL 1 HOUR)"};
const std::vector<std::string> kGoAstray{"STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL super_read_only=0",
                                         "CREATE DATABASE its_own", "SET GLOBAL super_read_only=1"};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"set-variable", async3, tuned3, "SET PERSIST max_connections"},
      {"reset-variable", tuned3, async3, "RESET PERSIST IF EXISTS max_connections"},
      {"set-semi-sync-replica", async3, semi3, "SET PERSIST rpl_semi_sync_replica_enabled=ON"},
      {"wait-for-ackers", async3, semi3, "global_status WHERE VARIABLE_NAME='Rpl_semi_sync_source_clients'"},
      {"set-semi-sync-source", async3, semi3, "SET GLOBAL rpl_semi_sync_source_enabled=1"},
      {"set-read-only", async3, moved, "SET GLOBAL super_read_only=1"},
      {"run-hook", async3, announced, "announce", "", {}, {}, false, kOfHooks},
      {"start-replication", async3, tuned3, "START REPLICA", "db2", {"STOP REPLICA"}},
      {"amend-account", async3, tuned3, "GRANT ", "db1", {"REVOKE PROCESS ON *.* FROM repl_monitor@'%'"}},
      {"rotate-password", async3, async3, "RETAIN CURRENT PASSWORD", "", {}, {}, true},
      {"renew-receiver", async3, async3, "CHANGE REPLICATION SOURCE TO SOURCE_USER", "", {}, {}, true},
      {"discard-former-password", async3, async3, "DISCARD OLD PASSWORD", "", {}, {}, true},
      {"create-account", async3, four, "CREATE USER", "db4", kAsNew},
      {"persist-read-only", async3, four, "SET PERSIST_ONLY super_read_only", "db4", kAsNew},
      {"reset-gtids", async3, four, "RESET BINARY LOGS AND GTIDS", "db4", as_new_with("CREATE USER installer")},
      {"clone-from", async3, four, "CLONE INSTANCE FROM", "db1", kPurge, {"db4"}, false, kOfStarts},
      {"retire-gtids", async3, async3, "SET SESSION GTID_NEXT=", "db3", kGoAstray, {"db3"}},
      {"follow-source", async3, four, "CHANGE REPLICATION SOURCE TO"},
      {"forget-source", four, async3, "RESET REPLICA ALL"},
      {"set-offline-mode", async3, ring3, "SET GLOBAL offline_mode=1"},
      {"wait-for-applied", async3, ring3, "WAIT_FOR_EXECUTED_GTID_SET"},
      {"clone-from", ring3, ring4, "CLONE INSTANCE FROM", "db1", kPurge, {"db4"}, false, kOfStarts},
      {"forget-source", ring3, async3, "RESET REPLICA ALL"},
      {"install-plugin", async3, group3, "SONAME 'group_replication"},
      {"start-group", async3, group3, "START GROUP_REPLICATION"},
      {"clone-from", group3, group4, "CLONE INSTANCE FROM", "db1", kPurge, {"db4"}, false, kOfStarts},
      {"set-group-primary",
       group3,
       nullptr,
       "group_replication_set_as_primary",
       "",
       {},
       {},
       false,
       kEach,
       Fault::Lost,
       group3_with_restart_of},
      {"set-group-mode", group3, multi3, "switch_to_multi_primary"},
      {"stop-group", group3, async3, "STOP GROUP_REPLICATION"},
      {"change-grants", group3, async3, "REVOKE IF EXISTS", "", {}, {}, false, kEach, Fault::NotSent},
      {"lock-account", async3, unmonitored, "ACCOUNT LOCK", "", {}, {}, false, kEach, Fault::Lost},
      // The last one: it moves the primary.
      {"restart-server", async3, restarted3, "RESTART", "", {}, {}, false, kOfStarts, Fault::Unheard},
  };
  return all;
}

/// Servers without GTIDs: no way leads back from those that have them.
const std::vector<Row>& rows_by_position() {
  static const std::vector<Row> all{
      // Its only replica has lost its place: commits hang, and a clone would wait for them.
      {"close-returned",
       two_by_position,
       two_by_position,
       "SET GLOBAL offline_mode=1",
       "db2",
       {"STOP REPLICA", "RESET REPLICA ALL"},
       {"db2"},
       false,
       kEach,
       Fault::Lost},
      {"wait-for-gtids",
       by_position,
       async3,
       "Ongoing_anonymous_transaction_count",
       "",
       {},
       {},
       false,
       kEach,
       Fault::Lost},
      {"set-variable",
       by_position,
       async3,
       "SET PERSIST gtid_mode = 'OFF_PERMISSIVE'",
       "",
       {},
       {},
       false,
       kEach,
       Fault::ServerDies},
      {"set-variable",
       by_position,
       async3,
       "SET PERSIST gtid_mode = 'ON_PERMISSIVE'",
       "",
       {},
       {},
       false,
       kEach,
       Fault::Lost},
      {"set-variable", by_position, async3, "SET PERSIST gtid_mode = 'ON'", "", {}, {}, false, kEach, Fault::Unheard},
      {"follow-source", by_position, async3, "SOURCE_AUTO_POSITION=1", "", {}, {}, false, kEach, Fault::Killed},
  };
  return all;
}

/// Steps that no apply begins with.
const std::map<std::string, std::string>& kinds_of_others() {
  static const std::map<std::string, std::string> all{
      {"uninstall-plugin", "takes install-plugin back"},
      {"drop-account", "takes create-account back"},
      {"stop-replication", "takes start-replication back"},
      {"detach-receiver", "failover"},
      {"apply-received", "failover"},
  };
  return all;
}

template <std::size_t... I>
std::set<std::string> names_of_all(std::index_sequence<I...>) {
  return {std::string{name_of(Step{std::variant_alternative_t<I, Step>{}})}...};
}

TEST(StepsThatAreMadeToFail, AreOfEveryKindThatAnApplyMayTake) {
  std::set<std::string> named;
  for (const auto* table : {&rows(), &rows_by_position()}) {
    for (const auto& row : *table) named.insert(row.kind);
  }
  for (const auto& [kind, reason] : kinds_of_others()) {
    EXPECT_TRUE(named.insert(kind).second) << kind << " is made to fail, and said not to be: " << reason;
  }
  EXPECT_EQ(named, names_of_all(std::make_index_sequence<std::variant_size_v<Step>>{}));
}

bool all_faults() {
  return std::getenv("REPL_ALL_FAULTS") != nullptr;
}

bool is_asked_for(const std::string& kind) {
  const char* only = std::getenv("REPL_FAULT_KIND");
  return only == nullptr || kind == only;
}

/// All of them, or the one whose turn it is. Lost ones come most often: only they have one right end.
Faults faults_of(const Row& row, std::size_t turn) {
  constexpr Fault kTurns[] = {Fault::Lost, Fault::Unheard, Fault::Lost, Fault::Killed,
                              Fault::Lost, Fault::NotSent, Fault::Lost, Fault::ServerDies};
  if (all_faults()) return row.faults;
  if (row.by_default) return {*row.by_default};
  const auto turns = kTurns[turn % std::size(kTurns)];
  return {row.faults.contains(turns) ? turns : Fault::Lost};
}

/// What stays when everything is taken back, on purpose.
struct MayStay {
  std::string kind;  ///< Of the step that failed; "": any.
  std::string line;  ///< Part of it.
  std::string why;
};
const std::vector<MayStay>& what_may_stay() {
  static const std::vector<MayStay> all{
      {"", "persisted: + rpl_semi_sync_replica_enabled OFF",
       "persisted where nothing was; the value in force, and after a start, is as before"},
      {"", "privileges: + 'repl_replica'@'%'", "amend-account only gives what an account should have had"},
      {"renew-receiver", "accounts: - repl_replica %", "both passwords work: whoever has either gets in"},
      {"renew-receiver", "accounts: + repl_replica %", "as above"},
      {"discard-former-password", "accounts: - repl_replica %", "as above"},
      {"discard-former-password", "accounts: + repl_replica %", "as above"},
      {"renew-receiver", "db2 channels: ", "stopped when the statement was lost for good; started by the next look"},
      {"renew-receiver", "what is left to do: db2: start replication", "as above"},
      {"clone-from", "db4 ", "a node is closed before its data are thrown away, and stays so"},
  };
  return all;
}

std::string without_what_may_stay(const std::string& kind, const std::string& differs) {
  std::string out;
  std::istringstream in{differs};
  for (std::string line; std::getline(in, line);) {
    const bool may = std::any_of(what_may_stay().begin(), what_may_stay().end(), [&](const MayStay& known) {
      return (known.kind.empty() || known.kind == kind) && line.find(known.line) != std::string::npos;
    });
    if (!may) out += line + "\n";
  }
  return out;
}

/// Its session ends in any case, so that nobody can tell whether the connection broke.
bool always_ends_its_session(const std::string& kind) {
  return kind == "clone-from" || kind == "restart-server";
}

/// What has to be true of every apply in which a step of `kind` failed.
void expect_told_and_ended(const Row& row, Fault fault, const Failed& ended) {
  const auto& kind = row.kind;
  const bool same_file = row.to != nullptr && row.to().name == row.from().name;  // it makes no revision
  EXPECT_TRUE(ended.fired) << ended.said;
  EXPECT_TRUE(ended.struck.contains(kind) || (fault == Fault::Unheard && always_ends_its_session(kind))) << ended.said;
  if (fault == Fault::Lost) {
    EXPECT_EQ(ended.struck, std::set<std::string>{kind});
    EXPECT_EQ(ended.state, ended.only_best_effort ? "done" : "taken-back") << ended.said;
  }
  EXPECT_TRUE(ended.state == "done" || ended.state == "taken-back") << ended.state << ended.said;
  const bool done = ended.state == "done";
  EXPECT_EQ(ended.revision, same_file ? "" : done ? "in-force" : "taken-back");
  EXPECT_EQ(ended.exit_code.value_or(done ? 0 : 4), done ? 0 : 4) << ended.said;
  // A step without which the plan goes on leaves something to be repaired.
  EXPECT_EQ(ended.only_best_effort ? "" : without_what_may_stay(kind, ended.differs), "");
  EXPECT_EQ(ended.left, 0U);
  EXPECT_EQ(ended.lost, 0U);
}

void renew_secret(const Rig& rig) {
  static int number = 0;
  std::ofstream{rig.sandbox().folder().secret("replica")} << fmt::format("An-other-secret-{}\n", ++number);
}

void fail_in(Traveller& traveller, const Row& row, Fault fault) {
  const auto& rig = traveller.rig();
  if (traveller.at().name != row.from().name) traveller.change(row.from());
  const auto to = row.to_for != nullptr ? row.to_for(rig.primary()) : row.to();
  const auto trace = fmt::format("{} in {} -> {}, {}", row.kind, row.from().name, to.name, to_string(fault));
  SCOPED_TRACE(trace);
  rig.replctl({"pause", rig.cluster()});  // or repld would put it right at once
  for (const auto& sql : row.sql) EXPECT_EQ(rig.ask(row.node, sql), "") << sql;
  if (row.renews_secret) renew_secret(rig);
  const bool drifted = row.renews_secret || (!row.sql.empty() && row.sql != kPurge && row.node != "db4");
  const auto failures = [] {
    return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  };
  const auto before = failures();
  const auto ended = traveller.change_failing(
      to, {.kind = row.kind, .statement = row.statement, .fault = fault, .may_lose = row.may_lose, .drifted = drifted});
  expect_told_and_ended(row, fault, ended);
  if (failures() > before) std::cerr << rig.story();
  fmt::print("{:<24} {:<12} {:<10} {}\n", row.kind, to_string(fault), ended.state, fmt::join(ended.struck, ", "));
  std::fflush(stdout);
}

TEST(AChangeThatFails, EndsAsBeforeOrAsWantedForAStepOfEveryKind) {
  Traveller traveller{4};
  traveller.begin(async3());
  std::size_t turn = 0;
  for (const auto& row : rows()) {
    const auto faults = faults_of(row, turn++);
    if (!is_asked_for(row.kind)) continue;
    for (const auto fault : faults) {
      fail_in(traveller, row, fault);
    }
  }
}

TEST(AChangeToGtidsThatFails, EndsAsBeforeOrAsWantedForEachOfItsSteps) {
  std::unique_ptr<Traveller> traveller;
  std::size_t turn = 0;
  for (const auto& row : rows_by_position()) {
    const auto faults = faults_of(row, turn++);
    if (!is_asked_for(row.kind)) continue;
    for (const auto fault : faults) {
      if (traveller == nullptr || traveller->at().positioning != row.from().positioning) {
        traveller.reset();
        traveller = std::make_unique<Traveller>(3, Positioning::Binlog);
        traveller->begin(row.from());
      }
      fail_in(*traveller, row, fault);
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
  const bool all = all_faults();
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

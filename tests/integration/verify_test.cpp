// `replctl verify` on real servers: what was changed behind replication's back is found and named, and nothing else is;
// it waits for replicas that are behind, and goes on after repld was killed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"
#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

/// "table node what key first last" of a difference: what a person reads.
using Found = std::set<std::string>;

/// One cluster for all tests, each with schemas of its own. It is paused, so that repld does not close what a test
/// opens.
class VerifyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_.emplace(ctl::sandbox::UpOptions{.name = "verify", .sync = ctl::sandbox::DataSync::Async});
    const auto applied = rig_->replctl({"apply", rig_->topology_file().string(), "--wait"});
    ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
    ASSERT_TRUE(rig_->wait_until_whole(30s)) << rig_->story();
    ASSERT_EQ(rig_->replctl({"pause", rig_->cluster()}).exit_code, 0);
  }
  static void TearDownTestSuite() { rig_.reset(); }

  void TearDown() override {
    if (HasFailure()) std::cerr << rig().story();
  }

  static Rig& rig() { return *rig_; }

  static ctl::sandbox::RootSession root(const std::string& node) {
    auto session = rig().sandbox().root_session(node, 60s);
    if (!session) throw std::runtime_error(session.error().message);
    return std::move(*session);
  }
  static void tell(const std::string& node, const std::vector<std::string>& statements) {
    auto session = root(node);
    for (const auto& statement : statements) {
      if (const auto done = session.query(statement); !done) {
        throw std::runtime_error(statement + ": " + done.error().message);
      }
    }
  }
  /// Changes a replica, and no binary log knows of it.
  static void tamper(const std::string& node, std::vector<std::string> statements) {
    statements.insert(statements.begin(), {"SET sql_log_bin=0", "SET GLOBAL super_read_only=0"});
    statements.emplace_back("SET GLOBAL super_read_only=1");
    tell(node, statements);
  }
  /// Both replicas have what db1 has.
  static void level() {
    const auto position = root("db1").query("SELECT @@GLOBAL.gtid_executed").value().at(0).at(0).value();
    for (const auto* node : {"db2", "db3"}) {
      tell(node, {"SELECT WAIT_FOR_EXECUTED_GTID_SET('" + position + "', 30)"});
    }
  }
  /// Runs the statements on db1 until it goes out of scope.
  static std::jthread keeps_doing(std::string (*statement)(int number)) {
    return std::jthread([statement](const std::stop_token& stop) {
      auto session = root("db1");
      for (int i = 0; !stop.stop_requested(); ++i) {
        static_cast<void>(session.query(statement(i)));
        std::this_thread::sleep_for(15ms);  // a load that replicas can follow on a busy machine
      }
    });
  }
  /// A table of ids from 1, each with a text of more than a hundred bytes.
  static void fill(const std::string& table, int rows) {
    tell("db1", {"CREATE TABLE " + table + " (id INT PRIMARY KEY, v VARCHAR(200))",
                 "SET SESSION cte_max_recursion_depth=1000000",
                 "INSERT INTO " + table + " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < " +
                     std::to_string(rows) + ") SELECT i, REPEAT(CONCAT('value ', i, ' '), 10) FROM n"});
  }

  Outcome verify(std::vector<std::string> options) {
    std::vector<std::string> all{"verify", rig().cluster()};
    all.insert(all.end(), options.begin(), options.end());
    return rig().replctl(all);
  }
  /// {"run", "differences", "tables"}
  static json latest() { return rig().replctl_json({"verify", rig().cluster(), "--show"}); }
  static json run() {
    const auto all = latest();
    return all.is_object() && all.contains("run") ? all["run"] : json::object();
  }
  /// The applier of db3 is stopped half-way, and a commit then keeps the next chunk waiting.
  static bool halts_half_way(const std::string& table) {
    if (!comes_true([] { return run().value("rows", 0) > 0; })) return false;
    tell("db3", {"STOP REPLICA SQL_THREAD"});
    tell("db1", {"UPDATE " + table + " SET v = UUID() WHERE id = 100"});
    return comes_true([] { return run().value("waiting", "").find("db3") != std::string::npos; });
  }
  static bool over() { return run().value("state", "running") != "running"; }

  static Found differences() {
    Found out;
    const auto all = latest();
    for (const auto& d : all["differences"]) {
      const auto kind = d["kind"].get<std::string>();
      std::string what = kind == "rows" ? "" : kind;
      for (const auto* count : {"missing", "extra", "changed"}) {
        if (d[count] != 0) what += d[count].dump() + count;
      }
      auto line = d["table"].get<std::string>() + " " + d["node"].get<std::string>() + " " + what;
      if (kind == "rows" && d["key"] != "") {
        line += " " + d["key"].get<std::string>() + " " + d["first"].get<std::string>();
        if (d["last"] != d["first"]) line += " to " + d["last"].get<std::string>();
      }
      out.insert(line);
    }
    return out;
  }

 private:
  static inline std::optional<Rig> rig_;
};

/// The members of a SET that needs all 64 bits.
std::string members() {
  std::string out;
  for (int i = 0; i < 64; ++i) out += (i == 0 ? "'m" : ",'m") + std::to_string(i) + "'";
  return out;
}

// Every type a key or a column can have, values at the edges, and names that need quotes.
const std::vector<std::string> kTables{
    "CREATE TABLE t.numbers (a INT, b BIGINT UNSIGNED, c DECIMAL(20,5), v FLOAT, w DOUBLE, x BIT(5), "
    "PRIMARY KEY (a, b, c))",
    "INSERT INTO t.numbers VALUES (-2147483648,0,-1.5,0.1,1e-300,b'0'), (-1,18446744073709551615,0,0.2,0.3,b'1'), "
    "(-1,3,1.00001,NULL,NULL,NULL), (0,0,0,-0.0,1e300,b'10101'), (7,7,7,3.4e38,0,b'1')",
    "CREATE TABLE t.texts (s VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, c CHAR(3) CHARACTER SET latin1, note TEXT, "
    "PRIMARY KEY (s, c))",
    "INSERT INTO t.texts VALUES ('', '', NULL), ('a\\'b\\\\', 'x', ''), ('Ä', 'ö', 'a#b'), ('zoë', '#', '#'), "
    "('日本', 'n', 'long'), ('b', 'B', 'b')",
    "CREATE TABLE t.raw (k VARBINARY(16) PRIMARY KEY, blobby BLOB, j JSON, g GEOMETRY)",
    "INSERT INTO t.raw VALUES (X'', NULL, NULL, NULL), (X'00', X'00FF', '{\"b\":1,\"a\":[1,2.5]}', ST_GeomFromText("
    "'POINT(1 2)')), (X'FF00FF', X'', 'null', ST_GeomFromText('POINT(3 4)', 4326)), (X'27', 'q', '\"x\"', NULL)",
    "CREATE TABLE t.times (d DATE, t TIME(3), dt DATETIME(6), ts TIMESTAMP NULL, y YEAR, PRIMARY KEY (d, t, dt))",
    "INSERT INTO t.times VALUES ('2024-02-29','-12:30:00.5','2024-01-01 00:00:00.000001','2024-06-01 12:00:00',2024), "
    "('1000-01-01','838:59:59','9999-12-31 23:59:59.999999',NULL,1901), ('2025-01-01','0:0:0','2025-01-01',NULL,NULL)",
    "CREATE TABLE t.`odd ``name` (`a``b` INT NOT NULL, e ENUM('x','y','z'), s SET('p','q'), h INT INVISIBLE DEFAULT 5, "
    "g INT AS (`a``b` * 2) VIRTUAL, st INT AS (`a``b` + 1) STORED, UNIQUE KEY `the key` (`a``b`)) "
    "PARTITION BY HASH (`a``b`) PARTITIONS 3",
    "INSERT INTO t.`odd ``name` (`a``b`, e, s) VALUES (1,'x','p'), (2,'y','p,q'), (3,NULL,''), (4,'z',NULL), "
    "(5,'x','q')",
    "CREATE TABLE t.keyless (a INT, b VARCHAR(10))",
    "INSERT INTO t.keyless VALUES (1,'one'), (1,'one'), (2,'two'), (NULL,NULL), (3,'three')",
    "CREATE TABLE t.by_enum (e ENUM('b','a'), n INT, PRIMARY KEY (e, n))",
    "INSERT INTO t.by_enum VALUES ('a',1), ('b',2)",
    "CREATE TABLE t.wide (id INT PRIMARY KEY, s SET(" + members() + "), b BIT(64))",
    "INSERT INTO t.wide VALUES (1, 576460752303423489, 576460752303423489), (2, 1, 1), "
    "(3, 18446744073709551615, 18446744073709551615)",
    "CREATE TABLE t.empty (id INT PRIMARY KEY)",
    "CREATE TABLE t.elsewhere (id INT PRIMARY KEY) ENGINE=MyISAM",
    "CREATE VIEW t.a_view AS SELECT 1 AS one",
};

// First: what was never verified is due at once.
TEST_F(VerifyTest, StartsByItselfWhatTheTopologyFileAsksFor) {
  tell("db1", {"CREATE DATABASE due", "CREATE TABLE due.t (id INT PRIMARY KEY)", "INSERT INTO due.t VALUES (1)",
               "CREATE DATABASE not_due", "CREATE TABLE not_due.t (id INT PRIMARY KEY)"});
  const auto plain = rig().topology_file();
  const auto asking = plain.parent_path() / "consistency.yaml";
  std::filesystem::copy_file(plain, asking);
  std::ofstream(asking, std::ios::app) << "\nconsistency: { checksumEvery: 1m, schemas: [due] }\n";
  const auto applied = rig().replctl({"apply", asking.string(), "--wait"});
  ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
  EXPECT_TRUE(comes_true(over)) << run();
  const auto seen = run();
  EXPECT_EQ(seen["state"], "done") << seen;
  EXPECT_EQ(seen["askedBy"], "repld") << seen;
  EXPECT_EQ(seen["schemas"], json({"due"})) << seen;
  EXPECT_EQ(seen["tables"], 1) << seen;
  EXPECT_EQ(rig().replctl({"apply", plain.string(), "--wait"}).exit_code, 0);
}

TEST_F(VerifyTest, NamesWhatWasChangedBehindReplicationsBackByTableAndKey) {
  std::vector<std::string> setup{"CREATE DATABASE t"};
  setup.insert(setup.end(), kTables.begin(), kTables.end());
  tell("db1", setup);
  const auto clean = verify({"--schema", "t"});
  EXPECT_EQ(clean.exit_code, 4) << "one table was not compared\n" << clean.output << clean.errors;
  EXPECT_NE(clean.output.find("no difference in what was compared"), std::string::npos) << clean.output;
  EXPECT_NE(clean.output.find("MyISAM"), std::string::npos) << clean.output;
  EXPECT_EQ(run()["clean"], true);
  EXPECT_EQ(run()["complete"], false);
  level();

  tamper("db2", {"UPDATE t.numbers SET w = 0.30000000000000004 WHERE a = -1 AND b > 3",
                 "DELETE FROM t.numbers WHERE a = -2147483648",
                 "UPDATE t.texts SET note = '' WHERE s = ''",         // NULL is not ''
                 "UPDATE t.texts SET s = 'A\\'b\\\\' WHERE c = 'x'",  // equal for the collation, not for us
                 "UPDATE t.raw SET j = '{\"a\":[1,2.5],\"b\":2}' WHERE k = X'00'",
                 "INSERT INTO t.raw (k) VALUES (X'FFFF')", "DELETE FROM t.times WHERE d = '2024-02-29'",
                 "UPDATE t.wide SET s = 576460752303423488 WHERE id = 1",  // no DOUBLE tells them apart
                 "UPDATE t.keyless SET b = 'zwei' WHERE a = 2", "INSERT INTO t.empty VALUES (9)"});
  tamper(
      "db3",
      {"UPDATE t.numbers SET x = b'0' WHERE a = 7", "INSERT INTO t.texts VALUES ('zz', 'z', NULL), ('zzz', 'z', NULL)",
       "UPDATE t.raw SET g = ST_GeomFromText('POINT(1 2)', 4326) WHERE k = X'00'",
       "UPDATE t.times SET ts = '2024-06-01 12:00:01' WHERE d = '2024-02-29'",
       "UPDATE t.`odd ``name` SET s = '' WHERE `a``b` = 4", "UPDATE t.`odd ``name` SET h = 6 WHERE `a``b` = 2",
       "UPDATE t.wide SET b = 18446744073709551614 WHERE id = 3",
       "DELETE FROM t.keyless WHERE a = 1 LIMIT 2",  // a pair of equal rows cancels out in an exclusive or
       "UPDATE t.by_enum SET e = 'b' WHERE n = 1"});
  const auto found = verify({"--schema", "t"});
  EXPECT_EQ(found.exit_code, 1) << found.output << found.errors;
  EXPECT_EQ(differences(), (Found{
                               "t.numbers db2 1missing1changed (a, b, c) (-2147483648, 0, -1.50000) to "
                               "(-1, 18446744073709551615, 0.00000)",
                               "t.texts db2 1missing1extra1changed (s, c) ('', 0x) to ('a'b\\', 0x78)",
                               "t.raw db2 1extra1changed k 0x00 to 0xFFFF",
                               "t.times db2 1missing (d, t, dt) ('2024-02-29', '-12:30:00.500', '2024-01-01 "
                               "00:00:00.000001')",
                               "t.wide db2 1changed id 1",
                               "t.wide db3 1changed id 3",
                               "t.keyless db2 1missing1extra",
                               "t.empty db2 1extra id 9",
                               "t.numbers db3 1changed (a, b, c) (7, 7, 7.00000)",
                               "t.texts db3 2extra (s, c) ('zz', 0x7A) to ('zzz', 0x7A)",
                               "t.raw db3 1changed k 0x00",
                               "t.times db3 1changed (d, t, dt) ('2024-02-29', '-12:30:00.500', '2024-01-01 "
                               "00:00:00.000001')",
                               "t.odd `name db3 2changed a`b 2 to 4",
                               "t.keyless db3 1missing",
                               "t.by_enum db3 1missing1extra",
                           }))
      << found.output;
  EXPECT_NE(found.output.find("t.empty"), std::string::npos) << found.output;
  const auto events = rig().replctl({"events", rig().cluster()}).output;
  EXPECT_NE(events.find("t.empty on db2: 1 row differs, id 9 (1 extra)"), std::string::npos) << events;
}

TEST_F(VerifyTest, NamesTablesThatAreMissingOrDefinedOtherwise) {
  tell("db1", {"CREATE DATABASE d", "CREATE TABLE d.gone (id INT PRIMARY KEY)",
               "CREATE TABLE d.other (id INT PRIMARY KEY, n INT)", "CREATE TABLE d.same (id INT PRIMARY KEY)"});
  level();
  tamper("db3",
         {"DROP TABLE d.gone", "ALTER TABLE d.other MODIFY n BIGINT", "CREATE TABLE d.more (id INT PRIMARY KEY)"});
  EXPECT_EQ(verify({"--schema", "d"}).exit_code, 1);
  EXPECT_EQ(differences(),
            (Found{"d.gone db3 table-missing", "d.other db3 other-definition", "d.more db3 table-extra"}));
  tamper("db3", {"CREATE TABLE d.gone (id INT PRIMARY KEY)", "ALTER TABLE d.other MODIFY n INT", "DROP TABLE d.more"});
  EXPECT_EQ(verify({"--schema", "d"}).exit_code, 0);
}

TEST_F(VerifyTest, CountsMoreRowsThanItLooksAtAtOnce) {
  tell("db1", {"CREATE DATABASE many"});
  fill("many.rows_", 10);
  level();
  tamper("db3", {"SET SESSION cte_max_recursion_depth=1000000",
                 "INSERT INTO many.rows_ WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i+1 FROM n WHERE i < "
                 "120010) SELECT i, 'extra' FROM n"});
  EXPECT_EQ(verify({"--schema", "many"}).exit_code, 1);
  std::uint64_t extra = 0;
  const auto told = latest();
  for (const auto& d : told["differences"]) extra += d["extra"].get<std::uint64_t>();
  EXPECT_EQ(extra, 120000U) << told;
  EXPECT_EQ(told["differences"].front()["first"], "11");
  EXPECT_EQ(told["differences"].back()["last"], "120010");
  tell("db1", {"DROP DATABASE many"});
}

TEST_F(VerifyTest, RefusesNamesThatAreNotThere) {
  const auto outcome = verify({"--schema", "nowhere"});
  EXPECT_EQ(outcome.exit_code, 4) << outcome.output;
  EXPECT_NE(outcome.output.find("no table in nowhere"), std::string::npos) << outcome.output << outcome.errors;
  EXPECT_EQ(verify({"--table", "nowhere"}).exit_code, 2);
}

TEST_F(VerifyTest, FindsNothingWhereNothingIsWhileAllIsBeingWritten) {
  tell("db1", {"CREATE DATABASE w", "CREATE TABLE w.queue (id INT AUTO_INCREMENT PRIMARY KEY, v INT)"});
  fill("w.rows_", 20000);
  AckedWriter writer(rig().writer_nodes(), "app", rig().application_password(), 1, 15ms);
  const auto made = writer.create_table(20s);
  ASSERT_TRUE(made) << made.error().message;
  writer.start();
  // Updates all over the table, rows that come and go, and a value that goes back and forth.
  std::vector<std::jthread> busy;
  busy.push_back(keeps_doing(
      [](int i) { return "UPDATE w.rows_ SET v = UUID() WHERE id = " + std::to_string(1 + i * 7919 % 20000); }));
  busy.push_back(keeps_doing([](int) { return std::string("INSERT INTO w.queue (v) VALUES (1)"); }));
  busy.push_back(keeps_doing([](int) { return std::string("DELETE FROM w.queue ORDER BY id LIMIT 1"); }));
  busy.push_back(keeps_doing(
      [](int i) { return "UPDATE w.rows_ SET v = '" + std::string(i % 2 == 0 ? "a" : "b") + "' WHERE id = 777"; }));
  // Other schemas too: everything that is there.
  const auto outcome = verify({"--max-lag", "60s"});  // how far they are behind is not the matter here
  busy.clear();
  writer.stop();
  EXPECT_GT(writer.count(), 50U);
  // Other tests have left differences in their schemas.
  for (const auto& line : differences()) {
    EXPECT_FALSE(line.starts_with("w.") || line.starts_with("app.")) << line << "\n" << outcome.output;
  }
  EXPECT_EQ(run()["state"], "done") << outcome.output;
}

TEST_F(VerifyTest, FindsALastingDifferenceUnderAWriter) {
  tell("db1", {"CREATE DATABASE u"});
  fill("u.rows_", 30000);
  level();
  tamper("db3", {"UPDATE u.rows_ SET v = 'other' WHERE id IN (12345, 12350)", "DELETE FROM u.rows_ WHERE id = 29999"});
  const auto busy = keeps_doing(
      [](int i) { return "UPDATE u.rows_ SET v = UUID() WHERE id = " + std::to_string(1 + i * 7919 % 12000); });
  EXPECT_EQ(verify({"--table", "u.rows_", "--max-lag", "60s"}).exit_code, 1);
  const auto found = differences();
  std::string all;
  for (const auto& line : found) all += line + "\n";
  EXPECT_NE(all.find("u.rows_ db3"), std::string::npos) << all;
  std::uint64_t rows = 0;
  const auto told = latest();
  for (const auto& d : told["differences"]) rows += d["rows"].get<std::uint64_t>();
  EXPECT_EQ(rows, 3U) << all;
}

TEST_F(VerifyTest, WaitsForAReplicaThatIsBehind) {
  tell("db1", {"CREATE DATABASE b", "CREATE TABLE b.t (id INT PRIMARY KEY)", "INSERT INTO b.t VALUES (1)"});
  level();
  tell("db3", {"STOP REPLICA SQL_THREAD"});
  tell("db1", {"INSERT INTO b.t VALUES (2)"});
  ASSERT_EQ(verify({"--schema", "b", "--no-wait"}).exit_code, 0);
  EXPECT_TRUE(comes_true([] { return run().value("waiting", "").find("db3") != std::string::npos; })) << run();
  EXPECT_EQ(run()["chunks"], 0);
  EXPECT_EQ(verify({}).exit_code, 3) << "one at a time";
  tell("db3", {"START REPLICA SQL_THREAD"});
  ASSERT_TRUE(comes_true(over)) << run();
  EXPECT_EQ(run()["state"], "done") << run();
  EXPECT_EQ(run()["clean"], true) << latest();
  EXPECT_EQ(run()["rows"], 2);
}

TEST_F(VerifyTest, GoesOnWhereItWasWhenRepldIsKilledAndWhenAPersonStopsIt) {
  tell("db1", {"CREATE DATABASE r"});
  fill("r.rows_", 200000);
  level();
  tamper("db2", {"DELETE FROM r.rows_ WHERE id = 199999"});
  ASSERT_EQ(verify({"--schema", "r", "--no-wait"}).exit_code, 0);
  ASSERT_TRUE(halts_half_way("r.rows_")) << latest();
  const auto before = run();
  EXPECT_LT(before["rows"].get<int>(), 200000);
  rig().repld().kill();
  rig().repld().start();
  ASSERT_TRUE(comes_true([&] { return run().value("waiting", "").find("db3") != std::string::npos; })) << run();
  EXPECT_EQ(run()["id"], before["id"]) << "the same run, by itself";
  EXPECT_EQ(run()["rows"], before["rows"]);

  ASSERT_EQ(verify({"--stop"}).exit_code, 0);
  EXPECT_EQ(run()["state"], "stopped");
  EXPECT_EQ(run()["rows"], before["rows"]);
  tell("db3", {"START REPLICA SQL_THREAD"});
  const auto resumed = verify({"--resume"});
  EXPECT_EQ(resumed.exit_code, 1) << resumed.output << resumed.errors;
  EXPECT_EQ(run()["id"], before["id"]);
  EXPECT_EQ(run()["rows"], 200000);
  EXPECT_EQ(differences(), Found{"r.rows_ db2 1missing id 199999"});
  EXPECT_EQ(verify({"--resume"}).exit_code, 3);
}

TEST_F(VerifyTest, ReadsATableFromTheBeginningThatIsAlteredBeforeItsEnd) {
  constexpr int kRows = 150000;
  const auto rows = std::to_string(kRows);
  tell("db1", {"CREATE DATABASE a"});
  fill("a.t", kRows);
  tell("db1", {"ALTER TABLE a.t ADD COLUMN u INT NOT NULL DEFAULT 0", "UPDATE a.t SET u = " + rows + " + 1 - id"});
  level();
  tamper("db2", {"UPDATE a.t SET v = 'other' WHERE u = 1"});  // the last row by id
  const auto halted = [&] { return verify({"--schema", "a", "--no-wait"}).exit_code == 0 && halts_half_way("a.t"); };
  const auto goes_on_after = [&](const std::string& alteration) {
    EXPECT_EQ(verify({"--stop"}).exit_code, 0);
    EXPECT_LT(run()["rows"].get<int>(), kRows);
    tell("db3", {"START REPLICA SQL_THREAD"});
    tell("db1", {alteration});
    level();
    const auto resumed = verify({"--resume"});
    EXPECT_EQ(resumed.exit_code, 1) << resumed.output << resumed.errors;
    EXPECT_FALSE(rig().repld().died());
    EXPECT_EQ(run()["rows"], kRows) << "each once";
  };
  ASSERT_TRUE(halted()) << latest();
  goes_on_after("ALTER TABLE a.t DROP PRIMARY KEY, ADD PRIMARY KEY (id, u)");
  EXPECT_EQ(differences(), Found{"a.t db2 1changed (id, u) (" + rows + ", 1)"});

  ASSERT_TRUE(halted()) << latest();
  goes_on_after("ALTER TABLE a.t DROP PRIMARY KEY, ADD PRIMARY KEY (u), ADD KEY (id)");
  EXPECT_EQ(differences(), Found{"a.t db2 1changed u 1"}) << "it would be behind, by the former key";

  ASSERT_TRUE(halted()) << latest();  // this time without an interruption
  EXPECT_EQ(differences(), Found{"a.t db2 1changed u 1"});
  tell("db1", {"ALTER TABLE a.t ADD COLUMN more INT NOT NULL DEFAULT 0"});
  const auto position = root("db1").query("SELECT @@GLOBAL.gtid_executed").value().at(0).at(0).value();
  tell("db2", {"SELECT WAIT_FOR_EXECUTED_GTID_SET('" + position + "', 30)"});
  tamper("db2", {"UPDATE a.t SET more = 1 WHERE u = 2"});  // where the run has been
  tell("db3", {"START REPLICA SQL_THREAD"});
  ASSERT_TRUE(comes_true(over, 120s)) << run();
  EXPECT_EQ(run()["state"], "done") << run();
  EXPECT_EQ(run()["rows"], kRows);
  EXPECT_EQ(run()["differences"], 2) << "what was found before belongs to the former definition";
  EXPECT_EQ(differences(), Found{"a.t db2 2changed u 1 to 2"});
  tell("db1", {"DROP DATABASE a"});
}

TEST_F(VerifyTest, ShowsEarlierRuns) {
  tell("db1", {"CREATE DATABASE e", "CREATE TABLE e.t (id INT PRIMARY KEY)"});
  level();
  tamper("db2", {"INSERT INTO e.t VALUES (1)"});
  EXPECT_EQ(verify({"--schema", "e"}).exit_code, 1);
  const auto first = run()["id"].get<std::string>();
  tamper("db2", {"DELETE FROM e.t"});
  EXPECT_EQ(verify({"--schema", "e"}).exit_code, 0);
  EXPECT_EQ(verify({"--run", first}).exit_code, 1);
  const auto shown = rig().replctl_json({"verify", rig().cluster(), "--run", first});
  EXPECT_EQ(shown["run"]["id"], first);
  EXPECT_EQ(shown["differences"].size(), 1U) << shown;
  EXPECT_EQ(shown["tables"].size(), 1U) << shown;
  const auto kept = rig().replctl_json({"verify", rig().cluster(), "--list"});
  EXPECT_EQ(kept["runs"][0]["id"], run()["id"]) << kept;
  EXPECT_EQ(kept["runs"][1]["id"], first) << kept;
  EXPECT_EQ(verify({"--run", "none"}).exit_code, 2);
}

// Last: a node with a transaction of its own stays so.
TEST_F(VerifyTest, ComparesTheTransactionsOfAllNodes) {
  level();
  const auto clean = verify({"--gtid-only"});
  EXPECT_EQ(clean.exit_code, 0) << clean.output << clean.errors;
  tell("db3", {"SET GLOBAL super_read_only=0", "CREATE DATABASE own", "SET GLOBAL super_read_only=1"});
  const auto found = verify({"--gtid-only"});
  EXPECT_EQ(found.exit_code, 1) << found.output;
  EXPECT_NE(found.output.find("1 transaction on db3 only"), std::string::npos) << found.output;
  const auto seen = run();
  for (const auto& row : seen["gtids"]) {
    EXPECT_EQ(row["errantCount"], row["node"] == "db3" ? 1 : 0) << row;
    EXPECT_EQ(row["missingCount"], 0) << row;
  }
}

/// Two nodes that both write all the time; the reference is the first. repld is paused, so that it repairs nothing.
class VerifyPair : public ::testing::Test {
 protected:
  VerifyPair() {
    if (rig().replctl({"pause", rig().cluster()}).exit_code != 0) throw std::runtime_error("repld is not paused");
    run_on(db2_, {"CREATE DATABASE p", "CREATE TABLE p.t (id INT PRIMARY KEY, v INT)",
                  "INSERT INTO p.t VALUES (1, 1), (2, 2), (3, 3)"});
    if (!comes_true([this] { return number_on(db1_, "SELECT COUNT(*) FROM p.t") == "3"; })) {
      throw std::runtime_error("db1 does not get what db2 writes");
    }
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig().story();
  }

  Rig& rig() { return pair_->rig(); }
  ctl::sandbox::RootSession session_on(const std::string& node) {
    auto session = rig().sandbox().root_session(node, 60s);
    if (!session) throw std::runtime_error(session.error().message);
    return std::move(*session);
  }
  static void run_on(ctl::sandbox::RootSession& session, const std::vector<std::string>& statements) {
    for (const auto& statement : statements) {
      if (const auto done = session.query(statement); !done) {
        throw std::runtime_error(statement + ": " + done.error().message);
      }
    }
  }
  static std::string number_on(ctl::sandbox::RootSession& session, const std::string& query) {
    const auto rows = session.query(query);
    return rows && !rows->empty() ? rows->at(0).at(0).value_or("") : "";
  }
  Outcome verify(std::vector<std::string> options) {
    options.insert(options.begin(), {"verify", rig().cluster()});
    return rig().replctl(options);
  }
  json run() { return rig().replctl_json({"verify", rig().cluster(), "--show"})["run"]; }
  bool waits_for_db1() {
    return comes_true([this] { return run().value("waiting", "").find("db1") != std::string::npos; });
  }
  void expect_no_difference() {
    ASSERT_TRUE(comes_true([this] { return run().value("state", "") != "running"; }, 60s)) << run();
    EXPECT_EQ(run()["state"], "done") << run();
    EXPECT_EQ(run()["clean"], true) << run();
    EXPECT_EQ(run()["complete"], true) << run();
  }
  /// The applier of db1 meets a lock at that row, until the session commits.
  void hold(const std::string& id) { run_on(db1_, {"BEGIN", "SELECT * FROM p.t WHERE id = " + id + " FOR UPDATE"}); }
  void let_go() { run_on(db1_, {"COMMIT"}); }

 private:
  static std::unique_ptr<Traveller> begun() {
    auto pair = std::make_unique<Traveller>(2);
    pair->begin({.name = "pair",
                 .topology = "source-source",
                 .nodes = {"name: db1", "name: db2"},
                 .sync = "mode: async",
                 .extra = {}});
    return pair;
  }

  const std::unique_ptr<Traveller> pair_ = begun();

 protected:
  ctl::sandbox::RootSession db1_ = session_on("db1"), db2_ = session_on("db2");
};

TEST_F(VerifyPair, TakesNoTransactionOnItsWayForAnErrantOne) {
  hold("2");
  run_on(db2_, {"UPDATE p.t SET v = 7 WHERE id = 2"});
  ASSERT_EQ(verify({"--no-wait"}).exit_code, 0);
  EXPECT_TRUE(waits_for_db1()) << run();
  let_go();
  expect_no_difference();
  EXPECT_EQ(run()["full"], true) << run();

  // What really differs is found all the same.
  run_on(db2_, {"SET sql_log_bin=0", "UPDATE p.t SET v = 8 WHERE id = 3"});
  const auto found = verify({"--schema", "p"});
  EXPECT_EQ(found.exit_code, 1) << found.output << found.errors;
  EXPECT_NE(found.output.find("1 changed"), std::string::npos) << found.output;
}

TEST_F(VerifyPair, TakesNoRowOnItsWayForADifference) {
  // db2 is kept from giving its rows until it has one that db1 cannot get yet.
  run_on(db2_, {"LOCK TABLES p.t WRITE"});
  ASSERT_EQ(verify({"--schema", "p", "--no-wait"}).exit_code, 0);
  auto watching = session_on("db2");
  ASSERT_TRUE(comes_true([&] {
    return number_on(watching,
                     "SELECT COUNT(*) FROM performance_schema.processlist WHERE STATE='Waiting for table metadata "
                     "lock' AND INFO LIKE '%BIT_XOR%`p`.`t`%'") == "1";
  })) << run();
  hold("2");
  run_on(db2_, {"UPDATE p.t SET v = 7 WHERE id = 2", "UNLOCK TABLES"});
  EXPECT_TRUE(waits_for_db1()) << run();
  let_go();
  expect_no_difference();
}

}  // namespace
}  // namespace repl::testing

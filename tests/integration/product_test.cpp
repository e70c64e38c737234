// The whole product: repld and replctl as people run them, on real servers, with an application that never stops
// writing. What a decision should be is proved in the unit tests and the simulator; here, that it happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// One sandbox, applied, with a writer at work.
class ProductTest : public ::testing::Test {
 protected:
  explicit ProductTest(ctl::sandbox::DataSync sync = ctl::sandbox::DataSync::SemiSync)
      : rig{{.name = "product", .sync = sync}}, writer{rig.writer_nodes(), "app", rig.application_password()} {}

  void SetUp() override {
    apply();
    ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
    const auto made = writer.create_table(20s);
    ASSERT_TRUE(made) << made.error().message;
    writer.start();
    keeps_writing();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  void apply() {
    const auto applied = rig.replctl({"apply", rig.topology_file().string(), "--wait"});
    ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
  }
  void keeps_writing() {
    const auto before = writer.count();
    ASSERT_TRUE(comes_true([&] { return writer.count() > before + 50; })) << rig.story();
  }
  void nothing_is_lost() {
    const auto lost = writer.lost_on(rig.primary());
    ASSERT_TRUE(lost) << lost.error().message;
    EXPECT_TRUE(lost->empty()) << lost->size() << " acknowledged rows are not on " << rig.primary();
  }
  /// Exactly one node takes writes, and it is the one that repld shows.
  void one_writes() {
    std::vector<std::string> writable;
    for (const auto& node : rig.sandbox().status()) {
      if (node.read_only == ReadOnly::Off) writable.push_back(node.name);
    }
    EXPECT_EQ(writable, std::vector<std::string>{rig.primary()});
  }
  void another_takes_writes(const std::string& than, SteadyTime since) {
    ASSERT_TRUE(comes_true([&] { return writer.first_after(since, than).has_value(); })) << rig.story();
  }
  /// `node` follows again, or is in quarantine with what it alone has.
  void comes_back(const std::string& node) {
    const bool back = rig.wait_for(
        [&](const json& status) {
          for (const auto& n : status["nodes"]) {
            if (n["name"] != node) continue;
            if (n["state"] == "quarantined") return !n.value("errant", "").empty();
            return n["state"] == "ok" && n["source"] == status["primary"];
          }
          return false;
        },
        60s);
    ASSERT_TRUE(back) << rig.story();
  }
  /// Everything about a server that a wrong command could have changed.
  std::string fingerprint(const std::string& node) {
    return rig.ask(node,
                   "SELECT /*+ SET_VAR(group_concat_max_len=1000000) */ CONCAT(@@gtid_executed, ' ', (SELECT "
                   "SHA2(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER "
                   "BY VARIABLE_NAME), 256) FROM performance_schema.global_variables WHERE VARIABLE_NAME NOT LIKE "
                   "'gtid%'), ' ', (SELECT COUNT(*) FROM mysql.user), ' ', (SELECT COUNT(*) FROM "
                   "performance_schema.replication_connection_configuration))");
  }

  Rig rig;
  AckedWriter writer;
};

class Product : public ProductTest {};

class ProductAsync : public ProductTest {
 protected:
  ProductAsync() : ProductTest{ctl::sandbox::DataSync::Async} {}
};

TEST_F(Product, ASecondApplyIsAnEmptyPlanAndChangesNothing) {
  writer.stop();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  std::vector<std::string> before;
  for (const auto& node : rig.sandbox().nodes()) before.push_back(fingerprint(node.name));
  const auto planned = rig.replctl_json({"apply", rig.topology_file().string(), "--dry-run"});
  ASSERT_TRUE(planned.is_object());
  EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
  EXPECT_EQ(rig.replctl({"diff", rig.topology_file().string()}).exit_code, 0);
  apply();
  std::vector<std::string> after;
  for (const auto& node : rig.sandbox().nodes()) after.push_back(fingerprint(node.name));
  EXPECT_EQ(before, after);
}

TEST_F(Product, ACrashedPrimaryIsReplacedAndComesBackWithoutALoss) {
  const auto old = rig.primary();
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill(old));
  another_takes_writes(old, killed);
  EXPECT_NE(rig.primary(), old);
  ASSERT_TRUE(rig.wait_for(
      [&](const json& status) {
        return std::all_of(status["nodes"].begin(), status["nodes"].end(), [&](const json& n) {
          return n["name"] == old || n["name"] == status["primary"] || n["source"] == status["primary"];
        });
      },
      30s))
      << rig.story();
  ASSERT_TRUE(rig.sandbox().start(old));
  comes_back(old);
  EXPECT_EQ(rig.ask(old, "SELECT @@super_read_only"), "1");
  keeps_writing();
  nothing_is_lost();
  one_writes();
}

TEST_F(Product, AFrozenPrimaryAcknowledgesNothingWhenItWakesUp) {
  const auto old = rig.primary();
  const auto frozen = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().freeze(old));
  another_takes_writes(old, frozen);
  const auto thawed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().thaw(old));
  comes_back(old);
  EXPECT_EQ(writer.accepted_by(old, thawed), 0U);
  EXPECT_EQ(rig.ask(old, "SELECT @@super_read_only"), "1");
  keeps_writing();
  nothing_is_lost();
  one_writes();
}

TEST_F(Product, ASwitchoverLosesNothingAndTheOldPrimaryFollows) {
  const auto old = rig.primary();
  const auto done = rig.replctl({"switchover", rig.cluster(), "--wait"});
  ASSERT_EQ(done.exit_code, 0) << done.output << done.errors << rig.story();
  EXPECT_NE(rig.primary(), old);
  keeps_writing();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  nothing_is_lost();
  one_writes();
}

TEST_F(Product, ARestartedReplicaAcknowledgesAgain) {
  const auto replica = rig.primary() == "db3" ? std::string{"db2"} : std::string{"db3"};
  ASSERT_TRUE(rig.sandbox().kill(replica));
  ASSERT_TRUE(rig.wait_for([&](const json& status) { return status["status"] != "OK"; }, 30s)) << rig.story();
  ASSERT_TRUE(rig.sandbox().start(replica));
  EXPECT_TRUE(comes_true([&] { return rig.node(replica).value("acker", false); })) << rig.story();
  EXPECT_EQ(rig.ask(rig.primary(),
                    "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE "
                    "VARIABLE_NAME='Rpl_semi_sync_source_clients'"),
            "2");
}

// repld dies while it is moving the primary, again and again: whoever starts it next finds the journal, and finishes or
// takes back what was begun.
TEST_F(Product, ARepldKilledInTheMiddleOfASwitchoverFinishesOrTakesBackWhatItBegan) {
  for (const auto after : {5ms, 30ms, 60ms, 100ms}) {
    ASSERT_EQ(rig.replctl({"switchover", rig.cluster(), "--no-wait"}).exit_code, 0);
    std::this_thread::sleep_for(after);  // not a wait for anything: the moment of the crash
    rig.repld().kill();
    rig.repld().start();
    ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
    keeps_writing();
    nothing_is_lost();
    one_writes();
  }
}

TEST_F(Product, ARepldKilledInTheMiddleOfAFailoverFinishesIt) {
  const auto old = rig.primary();
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill(old));
  std::this_thread::sleep_for(100ms);  // as above
  rig.repld().kill();
  rig.repld().start();
  another_takes_writes(old, killed);
  ASSERT_TRUE(rig.sandbox().start(old));
  comes_back(old);
  nothing_is_lost();
  one_writes();
}

TEST_F(Product, WhilePausedNothingIsDoneAndAPersonMayStillFailOver) {
  ASSERT_EQ(rig.replctl({"pause", rig.cluster()}).exit_code, 0);
  const auto old = rig.primary();
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill(old));
  ASSERT_TRUE(comes_true([&] { return !rig.why_not("DeadPrimary").empty(); })) << rig.story();
  EXPECT_EQ(rig.primary(), old);
  const auto asked = rig.replctl({"failover", rig.cluster(), "--wait", "--yes"});
  ASSERT_EQ(asked.exit_code, 0) << asked.output << asked.errors << rig.story();
  another_takes_writes(old, killed);
  nothing_is_lost();
}

TEST_F(Product, AWrongFileIsRefusedWithAllItsErrorsAndChangesNothing) {
  writer.stop();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  std::vector<std::string> before;
  for (const auto& node : rig.sandbox().nodes()) before.push_back(fingerprint(node.name));
  const auto revisions = rig.replctl_json({"history", rig.cluster()});
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(REPL_WRONG_FILES)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const auto refused = rig.replctl({"apply", entry.path().string(), "--wait"});
    EXPECT_EQ(refused.exit_code, 2) << entry.path() << "\n" << refused.output << refused.errors;
    // Each expected error is there, with its line and column.
    std::istringstream expected(text_of(std::filesystem::path(entry.path()).replace_extension(".expected")));
    for (std::string line; std::getline(expected, line);) {
      const auto place = line.substr(0, line.find(' '));
      if (place == "warning") continue;
      EXPECT_NE((refused.output + refused.errors).find(place), std::string::npos)
          << entry.path() << ": no error at " << place << "\n"
          << refused.output << refused.errors;
    }
  }
  EXPECT_GE(files, 30);
  std::vector<std::string> after;
  for (const auto& node : rig.sandbox().nodes()) after.push_back(fingerprint(node.name));
  EXPECT_EQ(before, after);
  EXPECT_EQ(rig.replctl_json({"history", rig.cluster()}), revisions);
}

TEST_F(Product, SecretsStayWhereTheyAre) {
  const auto old = rig.primary();
  ASSERT_TRUE(rig.sandbox().kill(old));
  another_takes_writes(old, steady_clock::now());
  ASSERT_TRUE(rig.sandbox().start(old));
  comes_back(old);
  std::string said = text_of(rig.repld().log());
  for (const auto& command : std::vector<std::vector<std::string>>{{"status"},
                                                                   {"events"},
                                                                   {"history"},
                                                                   {"nodes"},
                                                                   {"diff", rig.topology_file().string()},
                                                                   {"apply", rig.topology_file().string()}}) {
    for (const auto* format : {"table", "json"}) {
      auto with_format = command;
      with_format.insert(with_format.end(), {"-o", format});
      const auto told = rig.replctl(with_format);
      said += told.output + told.errors;
    }
  }
  // What a command line shows, and what the servers write down.
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) said += text_of(entry.path() / "cmdline");
  for (const auto& node : rig.sandbox().nodes()) said += text_of(node.folder.error_log());
  int secrets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rig.sandbox().folder().secret("app").parent_path())) {
    auto secret = text_of(entry.path());
    while (!secret.empty() && secret.back() == '\n') secret.pop_back();
    if (secret.empty()) continue;
    ++secrets;
    EXPECT_EQ(said.find(secret), std::string::npos) << "the secret " << entry.path().filename() << " was seen";
  }
  EXPECT_GE(secrets, 3);
  const auto token = text_of(rig.repld().state() / "token");
  ASSERT_GE(token.size(), 20U);
  EXPECT_EQ(said.find(token.substr(0, 20)), std::string::npos) << "the API's token was seen";
}

// Nothing says that a silent primary takes no writes, and in async mode nothing keeps it from it.
TEST_F(ProductAsync, ASilentPrimaryIsNotReplacedAndTheProblemSaysWhy) {
  const auto old = rig.primary();
  const auto term = rig.status()["term"];
  ASSERT_TRUE(rig.sandbox().freeze(old));
  std::string why;
  EXPECT_TRUE(comes_true([&] {
    why = rig.why_not("SilentPrimary");
    return !why.empty();
  })) << rig.story();
  EXPECT_NE(why.find("fence"), std::string::npos) << why;
  EXPECT_EQ(rig.primary(), old);
  ASSERT_TRUE(rig.sandbox().thaw(old));
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.primary(), old);
  EXPECT_EQ(rig.status()["term"], term);
  keeps_writing();
  one_writes();
}

TEST_F(ProductAsync, ACrashedPrimaryIsReplaced) {
  const auto old = rig.primary();
  const auto killed = steady_clock::now();
  ASSERT_TRUE(rig.sandbox().kill(old));
  another_takes_writes(old, killed);
  ASSERT_TRUE(rig.sandbox().start(old));
  comes_back(old);
  one_writes();
}

TEST_F(ProductAsync, ANodeWithDataOfItsOwnIsClonedOnlyWhenItsLossIsSpelledOut) {
  ASSERT_EQ(rig.replctl({"pause", rig.cluster()}).exit_code, 0);  // else it would be fenced in the middle of this
  {
    auto session = rig.sandbox().root_session("db3");
    ASSERT_TRUE(session);
    const auto tagged = "SET GTID_NEXT='" + rig.ask("db3", "SELECT @@server_uuid") + ":lost:7'";
    for (const auto& statement : std::vector<std::string>{
             "STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL super_read_only=0", "CREATE DATABASE its_own",
             "CREATE TABLE its_own.t (id INT)", tagged, "INSERT INTO its_own.t VALUES (1)", "SET GTID_NEXT='AUTOMATIC'",
             "SET GLOBAL super_read_only=1"}) {
      ASSERT_TRUE(session->query(statement)) << statement;
    }
  }
  ASSERT_EQ(rig.replctl({"resume", rig.cluster()}).exit_code, 0);
  const auto of_its_own = rig.ask(
      "db3", "SELECT GTID_SUBTRACT(@@gtid_executed, '" + rig.ask(rig.primary(), "SELECT @@gtid_executed") + "')");
  ASSERT_NE(of_its_own.find(":lost:7"), std::string::npos) << of_its_own;
  const auto file = rig.topology_file().string();
  const auto refused = rig.replctl({"apply", file, "--wait"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_EQ(rig.ask("db3", "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='its_own'"), "1");
  EXPECT_NE(rig.replctl({"apply", file, "--wait", "--allow-data-loss", "db33"}).exit_code, 0);

  // From its first moment to its last the node is never open to applications.
  std::atomic<bool> over = false;
  std::atomic<int> looks = 0;
  std::atomic<bool> was_open = false;
  std::jthread watch{[&] {
    while (!over) {
      if (auto session = rig.sandbox().root_session("db3"); session) {
        while (!over) {
          const auto rows = session->query("SELECT @@super_read_only OR @@offline_mode");
          if (!rows || rows->empty()) break;
          ++looks;
          if (rows->front().front().value_or("") != "1") was_open = true;
        }
      }
      std::this_thread::sleep_for(1ms);  // it is starting anew
    }
  }};
  const auto cloned = rig.replctl({"apply", file, "--wait", "--allow-data-loss", "db3"});
  over = true;
  watch.join();
  ASSERT_EQ(cloned.exit_code, 0) << cloned.output << cloned.errors;
  EXPECT_FALSE(was_open) << "neither super_read_only nor offline_mode";
  EXPECT_GT(looks, 100);
  EXPECT_NE(cloned.output.find("db3  restart"), std::string::npos) << "no progress was shown: " << cloned.output;
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_EQ(rig.ask("db3", "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='its_own'"), "0");
  EXPECT_EQ(rig.ask("db3", "SELECT @@super_read_only + @@offline_mode"), "1");
  EXPECT_EQ(rig.ask("db3",
                    "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE "
                    "VARIABLE_NAME='super_read_only'"),
            "ON");
  // Its transactions are nowhere, their numbers are used up everywhere, and it is written down which those were.
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_TRUE(comes_true([&] {
      return rig.ask(node, "SELECT GTID_SUBSET('" + of_its_own + "', @@gtid_executed)") == "1";
    })) << node;
  }
  std::map<std::string, std::string> told;
  const auto events = rig.replctl_json({"events"});
  for (const auto& event : events["events"]) told[event["kind"]] = event["text"];
  EXPECT_NE(told["transactions-discarded"].find(":lost:7"), std::string::npos) << told["transactions-discarded"];
  EXPECT_NE(told["numbers-retired"].find(":lost:7"), std::string::npos) << told["numbers-retired"];
  const auto again = rig.replctl_json({"apply", file, "--dry-run"});
  EXPECT_TRUE(again["clusters"][0]["plan"]["steps"].empty()) << again.dump(1);

  // The server remembers that it was cloned from that donor; it has to be cloned all the same when it goes astray
  // again.
  ASSERT_EQ(rig.replctl({"pause", rig.cluster()}).exit_code, 0);
  for (const auto* statement : {"STOP REPLICA", "SET GLOBAL super_read_only=0", "CREATE DATABASE astray",
                                "SET GLOBAL super_read_only=1", "START REPLICA"}) {
    ASSERT_EQ(rig.ask("db3", statement), "") << statement;
  }
  ASSERT_EQ(rig.replctl({"resume", rig.cluster()}).exit_code, 0);
  const auto is_found = [](const json& status) {
    const auto& problems = status["problemList"];
    return std::any_of(problems.begin(), problems.end(),
                       [](const json& p) { return p["name"] == "ErrantTransactions"; });
  };
  ASSERT_TRUE(rig.wait_for(is_found, 30s)) << rig.story();
  const auto once_more = rig.replctl({"apply", file, "--wait", "--allow-data-loss", "db3"});
  ASSERT_EQ(once_more.exit_code, 0) << once_more.output << once_more.errors;
  EXPECT_EQ(rig.ask("db3", "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='astray'"), "0");
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  keeps_writing();
  nothing_is_lost();
}

}  // namespace
}  // namespace repl::testing

// The whole product: repld and replctl as people run them, on real servers, with an application that never stops
// writing. What a decision should be is proved in the unit tests and the simulator; here, that it happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acked_writer.hpp"
#include "tests/support/fingerprint.hpp"
#include "tests/support/rig.hpp"
#include "tests/support/traveller.hpp"

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

/// Of every server, its data's place included.
Fingerprints everything_on(const Rig& rig) {
  auto out = fingerprints_of(rig.sandbox());
  for (auto& [node, sections] : out) sections["executed"] = rig.ask(node, "SELECT @@gtid_executed") + "\n";
  return out;
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
  /// What a wrong command could have changed.
  Fingerprints fingerprints() { return everything_on(rig); }
  void comes_to_rest() {
    ASSERT_TRUE(rig.wait_for([](const json& status) { return status["operation"].is_null(); }, 30s)) << rig.story();
  }
  /// After a failover from `declared`: the file that was in force before takes no step, with or without a dry run, and
  /// the primary stays.
  void the_unchanged_file_changes_nothing(const std::string& declared) {
    comes_to_rest();
    const auto file = rig.topology_file().string();
    const auto primary = rig.primary();
    const auto term = rig.status()["term"];
    const auto before = fingerprints_of(rig.sandbox());
    const auto note = fmt::format("primary is {} (declared {})", primary, declared);
    const auto planned = rig.replctl_json({"apply", file, "--dry-run"});
    ASSERT_TRUE(planned.is_object() && planned.contains("clusters"))
        << rig.replctl({"apply", file, "--dry-run"}).errors;
    EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
    EXPECT_NE(planned["clusters"][0]["notes"].dump().find(note), std::string::npos) << planned.dump(1);
    const auto applied = rig.replctl({"apply", file});
    EXPECT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
    EXPECT_EQ(rig.primary(), primary);
    EXPECT_EQ(rig.status()["term"], term);
    EXPECT_EQ(difference(before, fingerprints_of(rig.sandbox())), "");
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
  // What the writer wrote last may still be on its way.
  ASSERT_TRUE(comes_true([&] {
    const auto all = rig.ask(rig.primary(), "SELECT @@GLOBAL.gtid_executed");
    const auto& nodes = rig.sandbox().nodes();
    return std::all_of(nodes.begin(), nodes.end(),
                       [&](const auto& n) { return rig.ask(n.name, "SELECT @@GLOBAL.gtid_executed") == all; });
  }));
  const auto before = fingerprints();
  const auto planned = rig.replctl_json({"apply", rig.topology_file().string(), "--dry-run"});
  ASSERT_TRUE(planned.is_object());
  EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
  EXPECT_EQ(rig.replctl({"diff", rig.topology_file().string()}).exit_code, 0);
  apply();
  EXPECT_EQ(difference(before, fingerprints()), "");
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
  the_unchanged_file_changes_nothing(old);
  ASSERT_TRUE(rig.sandbox().start(old));
  comes_back(old);
  EXPECT_EQ(rig.ask(old, "SELECT @@super_read_only"), "1");
  if (rig.node(old)["state"] == "ok") {  // else it has something of its own, and the file cannot be made true
    ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
    the_unchanged_file_changes_nothing(old);
  }
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

/// A file of tests/unit/spec/wrong, or what is expected of it, as if it were about this sandbox: its cluster and its
/// servers. A port is put last in a node's mapping, so that everything before it stays at its place.
std::string about_this_sandbox(const Rig& rig, const std::string& text) {
  const auto port_of = [&](const std::string& number) { return rig.sandbox().node("db" + number)->port; };
  static const std::regex whole_name{"^name: shop$"}, quoted_name{"(cluster |name: )\"shop\""};
  static const std::regex default_port{R"(10\.0\.0\.1([1-3]):3306)"}, address{R"(10\.0\.0\.1([1-3])(?![0-9]))"};
  std::istringstream in{text};
  std::string out;
  for (std::string line; std::getline(in, line);) {
    line = std::regex_replace(line, whole_name, "name: " + rig.cluster());
    line = std::regex_replace(line, quoted_name, "$1\"" + rig.cluster() + "\"");
    std::smatch found;
    if (std::regex_search(line, found, default_port)) {
      const auto port = port_of(found[1]);
      line = std::regex_replace(line, default_port, fmt::format("127.0.0.1:{}", port));
    } else if (std::regex_search(line, found, address)) {
      const auto port = port_of(found[1]);
      line = std::regex_replace(line, address, "127.0.0.1");
      const auto end = line.rfind('}');
      if (end != std::string::npos && line.find("port:") == std::string::npos) {
        line.insert(end, fmt::format(", port: {} ", port));
      }
    }
    out += line + "\n";
  }
  return out;
}

/// Beside the sandbox's own file: the secrets have relative paths.
std::string write_beside(const Rig& rig, const std::string& text) {
  const auto file = (rig.topology_file().parent_path() / "wrong.yaml").string();
  std::ofstream{file} << text;
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  return file;
}

TEST_F(Product, AWrongFileIsRefusedWithAllItsErrorsAndChangesNothing) {
  writer.stop();
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto before = fingerprints();
  const auto revisions = rig.replctl_json({"history", rig.cluster()});
  // What all of them begin with is right, and would change these servers: only its error keeps a file from it.
  const std::string right =
      "name: shop\ntopology: source-replica\nsync: { mode: semi-sync, acks: 2 }\nnodes:\n"
      "  - { name: db1, host: 10.0.0.11, type: source }\n  - { name: db2, host: 10.0.0.12 }\n"
      "  - { name: db3, host: 10.0.0.13 }\naccounts:\n"
      "  admin:       { user: repl_admin, password: { file: secrets/admin } }\n"
      "  replication: { user: repl_replica, password: { file: secrets/replica } }\n";
  const auto planned = rig.replctl_json({"apply", write_beside(rig, about_this_sandbox(rig, right)), "--dry-run"});
  ASSERT_TRUE(planned.is_object() && planned.contains("clusters")) << planned.dump(1);
  ASSERT_FALSE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(REPL_WRONG_FILES)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const auto file = write_beside(rig, about_this_sandbox(rig, text_of(entry.path())));
    const auto refused = rig.replctl({"apply", file, "--wait"});
    const auto said = refused.output + refused.errors;
    EXPECT_EQ(refused.exit_code, 2) << entry.path() << "\n" << said;
    // Each expected error is there, whole, with its line and column.
    const auto expectation = std::filesystem::path(entry.path()).replace_extension(".expected");
    std::istringstream expected(about_this_sandbox(rig, text_of(expectation)));
    for (std::string line; std::getline(expected, line);) {
      if (line.starts_with("warning ")) continue;
      EXPECT_NE(said.find("wrong.yaml:" + line + "\n"), std::string::npos)
          << entry.path() << ": not said: " << line << "\n"
          << said;
    }
  }
  EXPECT_GE(files, 60);
  EXPECT_EQ(difference(before, fingerprints()), "");
  EXPECT_EQ(rig.replctl_json({"history", rig.cluster()}), revisions);
}

/// Valid files, and what only the servers can say against them.
struct Contradicted {
  const char* what;
  std::vector<std::pair<std::string, std::string>> sql;  ///< Node and statement, by root, before. They stay.
  std::string topology;
  std::vector<std::string> nodes;  ///< With their hosts; ports are added.
  std::string more;
  std::string reason;
};

TEST(FilesThatOnlyTheServersContradict, AreRefusedWithTheReasonAndChangeNothing) {
  Rig rig{{.name = "contradicted"}};
  const std::string source = "name: db1, host: 127.0.0.1", second = "name: db2, host: 127.0.0.1";
  const std::vector<Contradicted> all{
      {"no such variable",
       {},
       "source-replica",
       {source + ", type: source", second},
       "settings: {no_such_variable_anywhere: 1}\n",
       "db2 has no server variable no_such_variable_anywhere"},
      {"one server twice",
       {},
       "source-replica",
       {source + ", type: source", "name: db1, host: localhost"},
       "",
       "have the same server_uuid"},
      {"a table without a key",
       {{"db1", "CREATE DATABASE theirs"}, {"db1", "CREATE TABLE theirs.keyless (id INT)"}},
       "group-single-primary",
       {source, second, "name: db3, host: 127.0.0.1"},
       "",
       "theirs.keyless"},
      {"data on two nodes",
       {{"db2", "CREATE DATABASE its_own"}},
       "source-replica",
       {source + ", type: source", second},
       "",
       "transactions that db1 lacks"},
  };
  for (const auto& [what, sql, topology, nodes, more, reason] : all) {
    SCOPED_TRACE(what);
    for (const auto& [node, statement] : sql) EXPECT_EQ(rig.ask(node, statement), "");
    std::string text = fmt::format("name: {}\ntopology: {}\n", rig.cluster(), topology);
    if (topology == "source-replica") text += "sync: {mode: async}\n";
    text += "nodes:\n";
    int number = 0;
    for (const auto& node : nodes) {
      ++number;
      const auto port = rig.sandbox().node(node.substr(6, 3))->port;
      const auto name = fmt::format("name: db{}", number);
      text += fmt::format("  - {{{}{}, port: {}}}\n", name, node.substr(name.size()), port);
    }
    text +=
        "accounts:\n  admin: {user: repl_admin, password: {file: secrets/admin}}\n"
        "  replication: {user: repl_replica, password: {file: secrets/replica}}\n" +
        more;
    const auto before = everything_on(rig);
    const auto refused = rig.replctl({"apply", write_beside(rig, text), "--yes"});
    EXPECT_EQ(refused.exit_code, 3) << text << refused.output << refused.errors;
    EXPECT_NE(refused.errors.find(reason), std::string::npos) << refused.output << refused.errors;
    EXPECT_NE(refused.errors.find("nothing was changed"), std::string::npos) << refused.errors;
    EXPECT_EQ(difference(before, everything_on(rig)), "");
  }
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

// The group elects its next primary by itself; repld takes note, and the file says nothing of it.
TEST(ProductGroup, TheUnchangedFileChangesNothingAfterTheGroupHasElectedAnotherPrimary) {
  Traveller traveller{3};
  traveller.begin({"group", "group-single-primary", {"name: db1", "name: db2", "name: db3"}});
  const auto& rig = traveller.rig();
  const auto file = (rig.topology_file().parent_path() / "shape.yaml").string();
  const auto old = rig.primary();
  const auto changes_nothing = [&] {
    const auto primary = rig.primary();
    const auto term = rig.status()["term"];
    const auto before = fingerprints_of(rig.sandbox());
    const auto planned = rig.replctl_json({"apply", file, "--dry-run"});
    ASSERT_TRUE(planned.is_object() && planned.contains("clusters"))
        << rig.replctl({"apply", file, "--dry-run"}).errors;
    EXPECT_TRUE(planned["clusters"][0]["plan"]["steps"].empty()) << planned.dump(1);
    const auto applied = rig.replctl({"apply", file});
    EXPECT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
    EXPECT_EQ(rig.primary(), primary);
    EXPECT_EQ(rig.status()["term"], term);
    EXPECT_EQ(difference(before, fingerprints_of(rig.sandbox())), "");
  };
  ASSERT_TRUE(rig.sandbox().kill(old));
  ASSERT_TRUE(rig.wait_for(
      [&](const json& status) {
        return status["operation"].is_null() && status["primary"].is_string() && status["primary"] != old;
      },
      60s))
      << rig.story();
  changes_nothing();
  ASSERT_TRUE(rig.sandbox().start(old));
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_NE(rig.primary(), old);
  changes_nothing();
  if (::testing::Test::HasFailure()) std::cerr << rig.story();
}

}  // namespace
}  // namespace repl::testing

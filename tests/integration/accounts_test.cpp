// The whole product and the accounts it keeps: rotation under load, what is put right by itself, policies, secrets that
// are open to everybody, and a group whose members check each other's names.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/acked_writer.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

std::string contents_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

class Accounts : public ::testing::Test {
 protected:
  explicit Accounts(int nodes = 3) : rig{{.name = "accounts", .nodes = nodes}} {}
  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }
  std::string succeeds(const std::vector<std::string>& arguments) {
    const auto done = rig.replctl(arguments);
    EXPECT_EQ(done.exit_code, 0) << done.output << done.errors;
    return done.output;
  }
  /// The sandbox's topology file with more in it.
  std::string variant(const std::string& added, const std::string& instead_of = {}, const std::string& by = {}) {
    auto text = contents_of(rig.topology_file());
    if (!instead_of.empty()) text.replace(text.find(instead_of), instead_of.size(), by);
    const auto file = rig.topology_file().parent_path() / "variant.yaml";
    std::ofstream(file) << text << added;
    return file.string();
  }
  fs::path secret(const std::string& name) { return rig.topology_file().parent_path() / "secrets" / name; }
  std::string password(const std::string& name) {
    auto text = contents_of(secret(name));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  void put(const std::string& name, const std::string& value) { std::ofstream(secret(name)) << value << "\n"; }
  bool has_former(const std::string& user) {
    return rig.ask(rig.primary(), "SELECT COUNT(*) FROM mysql.user WHERE User='" + user +
                                      "' AND User_attributes->'$.additional_password' IS NOT NULL") == "1";
  }
  bool logs_in(const std::string& node, const std::string& user, const std::string& with) {
    std::vector<WriterNode> one;
    for (const auto& n : rig.writer_nodes()) {
      if (n.name == node) one.push_back(n);
    }
    AckedWriter client{one, user, with};
    return client.lost_on(node).has_value();
  }
  bool problem(const std::string& name) {
    return rig.replctl({"problems", rig.cluster()}).output.find(name) != std::string::npos;
  }
  /// Everything that repld has said and kept.
  std::string all_words() {
    auto out = contents_of(rig.repld().log());
    out += rig.replctl({"events", "-o", "json"}).output + rig.replctl({"history", rig.cluster(), "-o", "json"}).output;
    for (const auto& entry : fs::directory_iterator(rig.repld().state())) {
      if (entry.path().filename() != "token") out += contents_of(entry.path());
    }
    return out;
  }

  Rig rig;
};

TEST_F(Accounts, ARotationUnderLoadBreaksNoReplicaAndLosesNothing) {
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));
  AckedWriter writer{rig.writer_nodes(), "app", rig.application_password()};
  const auto made = writer.create_table(20s);
  ASSERT_TRUE(made) << made.error().message;
  writer.start();
  EXPECT_NE(succeeds({"rotate", rig.cluster(), "--dry-run"}).find("nothing"), std::string::npos);

  const auto former = password("replica"), former_app = password("app");
  put("replica", "An-other-secret-1");
  put("app", "An-other-secret-2");
  const auto planned = succeeds({"rotate", rig.cluster(), "--dry-run"});
  for (const auto* part : {"give the replication account 'repl_replica' its new password", "db2  its receiver logs in",
                           "the former password of the replication account", "--discard-former application"}) {
    EXPECT_NE(planned.find(part), std::string::npos) << part << '\n' << planned;
  }
  EXPECT_FALSE(has_former("repl_replica")) << "a dry run changes nothing";
  const auto began = std::chrono::steady_clock::now();
  succeeds({"rotate", rig.cluster(), "-y"});
  const auto ended = std::chrono::steady_clock::now();
  EXPECT_FALSE(has_former("repl_replica")) << "everybody has been told";
  EXPECT_TRUE(has_former("app")) << "repld does not know who logs in with it";
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto gap = writer.longest_gap(began, ended);
  std::cerr << "rotation of two accounts took " << std::chrono::duration<double>(ended - began).count()
            << " s, the longest time without a commit " << gap.length.count() << " s\n";
  EXPECT_LT(gap.length, 5s);
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_TRUE(comes_true([&] { return logs_in(node, "app", "An-other-secret-2"); })) << node;
    EXPECT_TRUE(logs_in(node, "app", former_app)) << node;
  }
  // What is kept works when it is needed again.
  for (const auto* node : {"db2", "db3"}) {
    ASSERT_TRUE(rig.sandbox().root_session(node)->query("STOP REPLICA IO_THREAD"));
    ASSERT_TRUE(rig.sandbox().root_session(node)->query("START REPLICA IO_THREAD"));
  }
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  succeeds({"switchover", rig.cluster(), "--to", "db2"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();

  writer.stop();
  const auto lost = writer.lost_on(rig.primary());
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(lost->empty());
  succeeds({"rotate", rig.cluster(), "--discard-former", "application", "-y"});
  EXPECT_FALSE(has_former("app"));
  EXPECT_TRUE(comes_true([&] { return !logs_in("db3", "app", former_app); }));
  EXPECT_TRUE(logs_in("db3", "app", "An-other-secret-2"));
  const auto said = all_words();
  for (const auto& secret : {former, former_app, std::string{"An-other-secret"}}) {
    EXPECT_EQ(said.find(secret), std::string::npos);
  }
}

TEST_F(Accounts, AFailoverTakesReplicasAlongWhileANewSecretIsNotRotatedYet) {
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));
  AckedWriter writer{rig.writer_nodes(), "app", rig.application_password()};
  ASSERT_TRUE(writer.create_table(20s));
  writer.start();
  put("replica", "An-other-secret-1");
  ASSERT_TRUE(rig.sandbox().kill("db1"));
  const auto moved = [&] {
    const auto primary = rig.primary();
    return !primary.empty() && primary != "db1";
  };
  ASSERT_TRUE(comes_true(moved)) << rig.story();
  const auto primary = rig.primary(), other = std::string{primary == "db2" ? "db3" : "db2"};
  const auto hears = [&] {
    return rig.ask(other, "SELECT SERVICE_STATE FROM performance_schema.replication_connection_status") == "ON";
  };
  EXPECT_TRUE(comes_true(hears)) << rig.story();
  const auto since = std::chrono::steady_clock::now();
  EXPECT_TRUE(comes_true([&] { return writer.accepted_by(primary, since) > 0; })) << rig.story();
  ASSERT_TRUE(rig.sandbox().start("db1"));
  // The primary of before has no login that it could keep; nothing is tried with one that nobody takes.
  EXPECT_TRUE(comes_true([&] { return rig.why_not("DetachedNode").find("replctl rotate") != std::string::npos; }))
      << rig.story();
  succeeds({"rotate", rig.cluster(), "-y"});
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  writer.stop();
  const auto lost = writer.lost_on(rig.primary());
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(lost->empty());
}

// As in every cluster that was set up by hand and is adopted.
TEST_F(Accounts, ANewNodeTakesTheAccountFromASourceThatHasItInItsBinaryLog) {
  auto root = rig.sandbox().root_session("db1");
  ASSERT_TRUE(root->query("CREATE USER repl_replica@'%' IDENTIFIED BY '" + password("replica") + "'"));
  ASSERT_TRUE(root->query("GRANT REPLICATION SLAVE ON *.* TO repl_replica@'%'"));
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_TRUE(comes_true([&] {
      return rig.ask(node,
                     "SELECT COUNT(*) FROM mysql.global_grants WHERE USER='repl_replica' AND PRIV='BACKUP_ADMIN'") ==
             "1";
    })) << node;
  }
}

TEST_F(Accounts, WhatSomebodyTakesAwayIsPutRightByItself) {
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));
  rig.repld().stop();
  auto root = rig.sandbox().root_session("db1");
  ASSERT_TRUE(root->query("DROP USER repl_monitor@'%'"));
  ASSERT_TRUE(root->query("REVOKE ALL PRIVILEGES ON app.* FROM app@'%'"));
  rig.repld().start();
  const auto right = [&](const char* node) {
    return rig.ask(node, "SELECT COUNT(*) FROM mysql.user WHERE User='repl_monitor'") == "1" &&
           rig.ask(node, "SELECT COUNT(*) FROM mysql.db WHERE User='app' AND Insert_priv='Y'") == "1";
  };
  for (const auto* node : {"db1", "db2", "db3"}) EXPECT_TRUE(comes_true([&] { return right(node); })) << node;
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  EXPECT_NE(rig.replctl({"events"}).output.find("AccountsDeviate"), std::string::npos);

  // A changed secret alone changes nothing: its file may be half written.
  put("app", "An-other-secret-2");
  rig.repld().stop();
  rig.repld().start();
  EXPECT_TRUE(comes_true([&] { return problem("AccountsDeviate"); }));
  EXPECT_FALSE(has_former("app"));
  succeeds({"rotate", rig.cluster(), "-y"});
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
}

// As docs/topology-file.md says it is to be done.
TEST_F(Accounts, TheAdminPasswordIsRotatedByHandWithoutANodeBeingLost) {
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));
  const auto former = password("admin");
  ASSERT_TRUE(rig.sandbox().root_session("db1")->query(
      "ALTER USER repl_admin@'%' IDENTIFIED BY 'An-other-secret-3' RETAIN CURRENT PASSWORD"));
  put("admin", "An-other-secret-3");
  succeeds({"rotate", rig.cluster(), "-y"});
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_TRUE(has_former("repl_admin")) << "that is not done before it is asked for";
  succeeds({"rotate", rig.cluster(), "--discard-former", "admin", "-y"});
  EXPECT_FALSE(has_former("repl_admin"));
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_TRUE(comes_true([&] { return !logs_in(node, "repl_admin", former); })) << node;
  }
  rig.repld().stop();
  rig.repld().start();
  EXPECT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  EXPECT_EQ(rig.replctl({"events"}).output.find("AccessDenied"), std::string::npos);
}

TEST_F(Accounts, APolicyIsCheckedBeforehandAndMadeTrueOnEveryNode) {
  const std::string policy =
      "passwordPolicy: { minLength: 20, history: 3, expireAfter: 90d, maxFailedLogins: 5, lockFor: 1d }\n";
  const auto strong = password("app");
  put("app", "weak");
  const auto refused = rig.replctl({"apply", variant(policy)});
  EXPECT_EQ(refused.exit_code, 3) << refused.output;
  EXPECT_NE(refused.errors.find("accounts.application.password cannot be used: it has 4 characters"), std::string::npos)
      << refused.errors;
  EXPECT_EQ(refused.errors.find("weak"), std::string::npos) << "never shown";
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_EQ(rig.ask(node, "SELECT COUNT(*) FROM mysql.component"), "0") << node << ": nothing was changed";
  }
  put("app", strong);
  succeeds({"apply", variant(policy)});
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_EQ(rig.ask(node, "SELECT @@validate_password.length"), "20") << node;
    EXPECT_TRUE(comes_true([&] {
      return rig.ask(
                 node,
                 "SELECT CONCAT(password_lifetime, ' ', Password_reuse_history, ' ', "
                 "User_attributes->>'$.Password_locking.failed_login_attempts') FROM mysql.user WHERE User='app'") ==
             "90 3 5";
    })) << node;
    EXPECT_EQ(rig.ask(node, "SELECT password_lifetime FROM mysql.user WHERE User='repl_replica'"), "0") << node;
  }
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  const auto again = rig.replctl_json({"apply", variant(policy), "--dry-run"});
  EXPECT_TRUE(again["clusters"][0]["plan"]["steps"].empty()) << again.dump(1);

  succeeds({"apply", rig.topology_file().string(), "-y"});
  EXPECT_TRUE(comes_true([&] {
    return rig.ask("db2", "SELECT COALESCE(password_lifetime, 'default') FROM mysql.user WHERE User='app'") ==
           "default";
  }));
}

TEST_F(Accounts, ARunningReplicaIsNotOpenedForThePolicy) {
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));
  const auto applied = succeeds({"apply", variant("passwordPolicy: { minLength: 20 }\n"), "-y"});
  EXPECT_NE(applied.find("db2 runs as a replica and lacks what only a writable node can be given"), std::string::npos)
      << applied;
  EXPECT_EQ(rig.ask("db1", "SELECT @@validate_password.length"), "20");
  EXPECT_EQ(rig.ask("db2", "SELECT COUNT(*) FROM mysql.component"), "0");
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();
  succeeds({"switchover", rig.cluster(), "--to", "db2"});
  succeeds({"apply", variant("passwordPolicy: { minLength: 20 }\n"), "-y"});
  EXPECT_EQ(rig.ask("db2", "SELECT @@validate_password.length"), "20") << "once it takes writes";
}

TEST_F(Accounts, SecretsThatAreOpenToEverybodyAreRefused) {
  ::chmod(secret("replica").c_str(), 0644);
  const auto refused = rig.replctl({"apply", rig.topology_file().string()});
  EXPECT_EQ(refused.exit_code, 2) << refused.output << refused.errors;
  EXPECT_NE(refused.errors.find("(mode 644): chmod 600 " + secret("replica").string()), std::string::npos)
      << refused.errors;
  ::chmod(secret("replica").c_str(), 0600);
  succeeds({"apply", rig.topology_file().string()});
  ASSERT_TRUE(rig.wait_until_whole(30s));

  rig.repld().stop();
  ::chmod(secret("app").c_str(), 0604);
  const std::vector<std::string> start{(own_folder() / "repld").string(), "--state-dir", rig.repld().state().string(),
                                       "--listen", "127.0.0.1:0"};
  auto started = run_program(start);
  EXPECT_NE(started.exit_code, 0);
  EXPECT_NE((started.output + started.errors).find(secret("app").string()), std::string::npos) << started.errors;
  ::chmod(secret("app").c_str(), 0600);
  ::chmod(rig.repld().state().c_str(), 0755);
  started = run_program(start);
  EXPECT_NE(started.exit_code, 0);
  EXPECT_NE((started.output + started.errors).find("chmod 700"), std::string::npos) << started.errors;
  ::chmod(rig.repld().state().c_str(), 0700);
  const auto token = rig.repld().state() / "token";
  ::chmod(token.c_str(), 0644);
  started = run_program(start);
  EXPECT_NE(started.exit_code, 0);
  EXPECT_NE((started.output + started.errors).find(token.string()), std::string::npos) << started.errors;
  ::chmod(token.c_str(), 0600);
  rig.repld().start();
  EXPECT_TRUE(rig.wait_until_whole(30s));
}

class Group : public Accounts {
 protected:
  void use(const std::string& node, const Certificates::Pair& pair) {
    auto root = rig.sandbox().root_session(node);
    // Persisted: the members keep them over a restart.
    for (const auto& [name, value] : std::map<std::string, fs::path>{
             {"ssl_ca", certificates.authority()}, {"ssl_cert", pair.certificate}, {"ssl_key", pair.key}}) {
      ASSERT_TRUE(root->query("SET PERSIST " + name + "='" + value.string() + "'"));
    }
    ASSERT_TRUE(root->query("ALTER INSTANCE RELOAD TLS"));
  }
  std::string group_file() {
    auto text = contents_of(rig.topology_file());
    const auto cut = [&](const std::string& from, const std::string& until, const std::string& by) {
      const auto begin = text.find(from);
      text.replace(begin, text.find(until, begin) - begin, by);
    };
    cut("topology:", "\n", "topology: group-single-primary");
    cut("sync:\n", "nodes:", "");
    for (auto at = text.find(", type: "); at != std::string::npos; at = text.find(", type: ")) {
      text.erase(at, text.find('}', at) - at);
    }
    text += "tls: { mode: verify-identity, ca: " + certificates.authority().string() + " }\n";
    const auto file = rig.topology_file().parent_path() / "group.yaml";
    std::ofstream(file) << text;
    return file.string();
  }
  void stop_group(const std::string& node) {
    // The member may still be at a START or STOP of its own (3663).
    std::string said;
    const auto stops = [&] {
      const auto stopped = rig.sandbox().root_session(node, 60s)->query("STOP GROUP_REPLICATION");
      said = stopped ? "" : stopped.error().message;
      return said.empty();
    };
    EXPECT_TRUE(comes_true(stops, 60s)) << said;
  }
  std::string members(const std::string& node) {
    return rig.ask(node,
                   "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE='ONLINE'");
  }
  Certificates certificates;
};

TEST_F(Group, MembersCheckEachOthersNamesAndARotationReachesThem) {
  const auto right = certificates.made_out_to("IP:127.0.0.1");
  for (const auto* node : {"db1", "db2", "db3"}) use(node, right);
  succeeds({"apply", group_file()});
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();
  for (const auto* node : {"db1", "db2", "db3"}) {
    EXPECT_EQ(members(node), "3");
    EXPECT_EQ(rig.ask(node,
                      "SELECT CONCAT(@@group_replication_ssl_mode, ' ', "
                      "@@group_replication_recovery_ssl_verify_server_cert, ' ', @@group_replication_recovery_ssl_ca)"),
              "VERIFY_IDENTITY 1 " + certificates.authority().string());
  }

  const auto former = password("replica");
  put("replica", "An-other-secret-1");
  // While the members do not take it, one that falls out comes back with the login that it has.
  stop_group("db3");
  EXPECT_TRUE(comes_true([&] { return members("db1") == "3"; }, 90s)) << rig.story();
  const auto idle = [](const json& status) { return status["operation"].is_null(); };
  ASSERT_TRUE(rig.wait_for(idle, 60s)) << rig.story();
  succeeds({"rotate", rig.cluster(), "-y"});
  EXPECT_FALSE(has_former("repl_replica"));
  // A member that falls out comes back with the new password, over recovery and the group's own connections.
  stop_group("db3");
  EXPECT_TRUE(comes_true([&] { return members("db1") == "3"; }, 90s)) << rig.story();

  // One with a certificate of another name is not let in.
  succeeds({"pause", rig.cluster()});  // or it would be started again and again
  use("db3", certificates.made_out_to("IP:127.0.0.2"));
  stop_group("db3");
  ASSERT_TRUE(comes_true([&] { return members("db1") == "2"; }, 60s));
  const auto joined = rig.sandbox().root_session("db3", 120s)->query("START GROUP_REPLICATION");
  EXPECT_EQ(members("db1"), "2") << "joined, with a certificate that is not its own";
  EXPECT_FALSE(joined);
}

}  // namespace
}  // namespace repl::testing

// Every file in topologies/ on real servers: applied to empty ones, held against what the servers themselves say,
// written through each node that takes writes, read on each node, applied again without a step, and let go of. What
// should be is read from the file here, and not asked of repld.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

std::vector<std::string> topology_files() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator{REPL_TOPOLOGIES}) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().stem());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// A replica of six hours would have what was written when nobody waits for it any more.
constexpr int kDelaySeconds = 3;

/// Channels that repld makes; those of a group are its own.
constexpr const char* kChannels = " NOT LIKE 'group\\_replication\\_%'";

class EveryTopologyFile : public ::testing::TestWithParam<std::string> {
 protected:
  EveryTopologyFile()
      : file_{YAML::LoadFile((fs::path{REPL_TOPOLOGIES} / (GetParam() + ".yaml")).string())},
        rig_{{.name = "topology",
              .nodes = static_cast<int>(file_["nodes"].size()),
              .positioning = text(file_["positioning"]) == "binlog" ? Positioning::Binlog : Positioning::Gtid}} {
    for (const auto& node : file_["nodes"]) names_.push_back(node["name"].as<std::string>());
  }

  void SetUp() override {
    for (const auto& program : fs::directory_iterator{fs::path{REPL_TOPOLOGIES} / "hooks"}) {
      std::ostringstream text;
      text << std::ifstream{program.path()}.rdbuf();
      rig_.repld().add_hook(program.path().filename(), text.str());
    }
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << rig_.story();
  }

  /// The file with this machine's servers in it; the secrets are those of the sandbox.
  fs::path adapted() {
    file_["name"] = rig_.cluster();
    std::size_t i = 0;
    for (auto node : file_["nodes"]) {
      node["host"] = "127.0.0.1";
      node["port"] = rig_.sandbox().nodes().at(i++).port;
      if (node["delay"]) node["delay"] = std::to_string(kDelaySeconds) + "s";
    }
    const auto path = rig_.topology_file().parent_path() / "adapted.yaml";
    std::ofstream{path} << file_ << '\n';
    return path;
  }

  // ---- what the file says

  static std::string text(const YAML::Node& node, const std::string& missing = "") {
    return node && node.IsScalar() ? node.as<std::string>() : missing;
  }
  std::string said(const char* key, const char* inner, const std::string& missing) const {
    const auto outer = file_[key];
    return outer ? text(outer[inner], missing) : missing;
  }
  std::string topology() const { return text(file_["topology"]); }
  bool is_group() const { return topology().starts_with("group-"); }
  bool is_ring() const { return topology() == "circular" || topology() == "source-source"; }
  bool all_write() const { return is_ring() || topology() == "group-multi-primary"; }
  bool waits() const { return !is_group() && said("sync", "mode", "async") != "async"; }
  const YAML::Node node(std::size_t i) const { return file_["nodes"][i]; }
  bool is_delayed(std::size_t i) const { return node(i)["delay"].IsDefined(); }
  std::size_t place_of(const std::string& name) const {
    return static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
  }
  std::size_t declared_source() const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (text(node(i)["type"]) == "source") return i;
    }
    return 0;
  }
  /// Whom it follows; empty: nobody.
  std::optional<std::size_t> source_of(std::size_t i) const {
    if (is_ring()) return (i + names_.size() - 1) % names_.size();
    if (is_group() || i == declared_source()) return std::nullopt;
    return node(i)["follows"] ? place_of(text(node(i)["follows"])) : declared_source();
  }
  bool takes_writes(std::size_t i) const {
    if (topology() == "group-single-primary") return names_[i] == elected_;
    return all_write() || i == declared_source();
  }
  /// Those whose acknowledgement counts for commits on that node.
  int ackers_of(std::size_t source) const {
    int out = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) out += source_of(i) == source && !is_delayed(i) ? 1 : 0;
    return out;
  }
  /// The server variables that the file names for the node; a switch as the server shows it.
  std::map<std::string, std::string> settings(std::size_t i) const {
    std::map<std::string, std::string> out;
    const auto take = [&](const YAML::Node& from) {
      for (const auto& setting : from) {
        const auto value = setting.second.as<std::string>();
        out[setting.first.as<std::string>()] = value == "true" ? "ON" : value == "false" ? "OFF" : value;
      }
    };
    if (file_["settings"]) take(file_["settings"]);
    if (node(i)["nodeSettings"]) take(node(i)["nodeSettings"]);
    for (const auto& error : file_["skipErrors"]) {
      auto& all = out["replica_skip_errors"];
      all += (all.empty() ? "" : ",") + error.as<std::string>();
    }
    const auto group = file_["groupReplication"];
    if (!group) return out;
    const auto seconds = [](std::string duration) { return duration.substr(0, duration.find('s')); };
    if (group["consistency"]) out["group_replication_consistency"] = text(group["consistency"]);
    if (group["expelAfter"]) out["group_replication_member_expel_timeout"] = seconds(text(group["expelAfter"]));
    if (group["majorityTimeout"]) {
      out["group_replication_unreachable_majority_timeout"] = seconds(text(group["majorityTimeout"]));
    }
    if (const auto weights = group["weight"]) {
      out["group_replication_member_weight"] = text(weights[names_[i]], "50");
    }
    return out;
  }

  // ---- what the servers say

  bool comes_to(const std::string& node, const std::string& sql, const std::string& wanted) {
    return comes_true([&] { return rig_.ask(node, sql) == wanted; });
  }
  void says(std::size_t i, const std::string& sql, const std::string& wanted) {
    EXPECT_EQ(rig_.ask(names_[i], sql), wanted) << names_[i] << ": " << sql;
  }
  void says_soon(std::size_t i, const std::string& sql, const std::string& wanted) {
    EXPECT_TRUE(comes_to(names_[i], sql, wanted))
        << names_[i] << ": " << sql << "\n  is     " << rig_.ask(names_[i], sql) << "\n  wanted " << wanted;
  }
  /// "OFF" also where the plugin that knows it is not there.
  static std::string variable(const std::string& name) {
    return "SELECT COALESCE(MAX(VARIABLE_VALUE), 'OFF') FROM performance_schema.global_variables WHERE "
           "VARIABLE_NAME='" +
           name + "'";
  }

  void everything_is_as_the_file_says() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      SCOPED_TRACE(names_[i]);
      who_takes_writes(i);
      who_follows_whom(i);
      if (is_group()) members(i);
      how_commits_wait(i);
      says(i, variable("auto_increment_increment"), all_write() ? std::to_string(names_.size()) : "1");
      says(i, variable("auto_increment_offset"), all_write() ? std::to_string(i + 1) : "1");
      for (const auto& [name, value] : settings(i)) {
        says(i, variable(name), value);
        // Only what was otherwise is persisted; of a plugin's variables no source tells whether it was.
        if (name.starts_with("group_replication_")) continue;
        says(
            i,
            "SELECT VARIABLE_SOURCE<>'DYNAMIC' OR EXISTS (SELECT 1 FROM performance_schema.persisted_variables p WHERE "
            "p.VARIABLE_NAME='" +
                name + "' AND p.VARIABLE_VALUE IN ('" + value + "', '" + (value == "ON" ? "true" : value) +
                "')) FROM performance_schema.variables_info WHERE VARIABLE_NAME='" + name + "'",
            "1");
      }
      for (const auto& account : file_["accounts"]) {
        const auto user = text(account.second["user"]);
        says_soon(i, "SELECT COUNT(*) FROM mysql.user WHERE User='" + user + "' AND account_locked='N'", "1");
      }
    }
  }

  void who_takes_writes(std::size_t i) {
    says(i, "SELECT @@super_read_only", takes_writes(i) ? "0" : "1");
    says(i, "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='super_read_only'",
         "ON");
    says(i, "SELECT @@offline_mode", "0");
  }

  void who_follows_whom(std::size_t i) {
    const auto source = source_of(i);
    const auto address =
        source ? "127.0.0.1:" + std::to_string(rig_.sandbox().nodes().at(*source).port) : std::string{"nobody"};
    says(i,
         std::string{"SELECT COALESCE(GROUP_CONCAT(HOST, ':', PORT), 'nobody') FROM "
                     "performance_schema.replication_connection_configuration WHERE HOST<>'' AND CHANNEL_NAME"} +
             kChannels,
         address);
    if (!source) return;
    says_soon(i,
              std::string{"SELECT COUNT(*) FROM performance_schema.replication_connection_status s JOIN "
                          "performance_schema.replication_applier_status a USING (CHANNEL_NAME) WHERE "
                          "s.SERVICE_STATE='ON' AND a.SERVICE_STATE='ON' AND CHANNEL_NAME"} +
                  kChannels,
              "1");
    const auto tls = said("tls", "mode", "preferred");  // which asks for none on this machine
    says(i,
         std::string{"SELECT CONCAT(SSL_ALLOWED, ' ', AUTO_POSITION) FROM "
                     "performance_schema.replication_connection_configuration WHERE CHANNEL_NAME"} +
             kChannels,
         std::string{tls == "preferred" || tls == "disabled" ? "NO" : "YES"} +
             (text(file_["positioning"]) == "binlog" ? " 0" : " 1"));
    says(i,
         std::string{"SELECT DESIRED_DELAY FROM performance_schema.replication_applier_configuration WHERE "
                     "CHANNEL_NAME"} +
             kChannels,
         is_delayed(i) ? std::to_string(kDelaySeconds) : "0");
  }

  void members(std::size_t i) {
    const auto all = std::to_string(names_.size());
    says_soon(i, "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE='ONLINE'", all);
    says(i, variable("group_replication_single_primary_mode"), all_write() ? "OFF" : "ON");
    says(i, "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_ROLE='PRIMARY'",
         all_write() ? all : "1");
  }

  void how_commits_wait(std::size_t i) {
    const bool source = waits() && takes_writes(i);
    says(i, variable("rpl_semi_sync_source_enabled"), source ? "ON" : "OFF");
    says(i, variable("rpl_semi_sync_replica_enabled"), waits() && !is_delayed(i) ? "ON" : "OFF");
    if (!source) return;
    const auto ackers = ackers_of(i);
    const bool every = said("sync", "mode", "async") == "sync";
    says(i, variable("rpl_semi_sync_source_wait_for_replica_count"),
         every ? std::to_string(ackers) : said("sync", "acks", "1"));
    says_soon(i,
              "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE "
              "VARIABLE_NAME='Rpl_semi_sync_source_clients'",
              std::to_string(ackers));
    // `wait`, which is the default, and what every file here says.
    says(i, variable("rpl_semi_sync_source_timeout"), "4294967295");
    says(i, variable("rpl_semi_sync_source_wait_no_replica"), "ON");
    says(i, variable("rpl_semi_sync_source_wait_point"), "AFTER_SYNC");
  }

  // ---- what happens

  std::vector<std::string> writers() {
    std::vector<std::string> out;
    const auto status = rig_.status();
    for (const auto& node : status["nodes"]) {
      if (node["role"] == "primary") out.push_back(node["name"]);
    }
    return out;
  }
  /// Keys are made by AUTO_INCREMENT on every writer, in parallel, and must not clash; every node gets all.
  void is_written_and_read_everywhere(const std::vector<std::string>& writers) {
    constexpr int kRows = 5;
    std::vector<std::jthread> writing;
    for (const auto& writer : writers) {
      writing.emplace_back([&, writer] {
        ASSERT_TRUE(comes_to(writer, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME='item'", "1"));
        for (int i = 0; i < kRows; ++i) {
          EXPECT_EQ(rig_.ask(writer, "INSERT INTO shop.item (at_node) VALUES ('" + writer + "')"), "");
        }
      });
    }
    writing.clear();
    rows_ += kRows * writers.size();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      says_soon(i, "SELECT COUNT(*) FROM shop.item", std::to_string(rows_));
    }
  }

  YAML::Node file_;
  Rig rig_;
  std::vector<std::string> names_;  ///< Of the nodes, as in the file.
  std::string elected_;             ///< By the members of a group, its primary.
  std::size_t rows_ = 0;
};

TEST_P(EveryTopologyFile, IsAppliedWrittenReadAndLetGoOf) {
  const auto file = adapted();
  const auto applied = rig_.replctl({"apply", file.string(), "--wait"});
  ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
  ASSERT_TRUE(rig_.wait_for(
      [](const json& status) {
        return std::all_of(status["nodes"].begin(), status["nodes"].end(),
                           [](const json& n) { return n["state"] == "ok"; });
      },
      60s));
  elected_ = rig_.primary();
  everything_is_as_the_file_says();

  const auto all = writers();
  ASSERT_EQ(all.size(), all_write() ? names_.size() : 1U);
  EXPECT_EQ(rig_.ask(all.front(), "CREATE DATABASE shop"), "");
  EXPECT_EQ(rig_.ask(all.front(), "CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, at_node VARCHAR(64))"),
            "");
  is_written_and_read_everywhere(all);

  const auto again = rig_.replctl_json({"apply", file.string(), "--dry-run"});
  ASSERT_TRUE(again.is_object());
  EXPECT_TRUE(again["clusters"][0]["plan"]["steps"].empty()) << again.dump(1);

  // What the servers keep of the cluster is written when nothing else is going on.
  constexpr const char* kKept = "SELECT COUNT(*) FROM repld.cluster";
  for (std::size_t i = 0; i < names_.size(); ++i) says_soon(i, kKept, "1");
  const auto forgotten = rig_.replctl({"forget", rig_.cluster()});
  EXPECT_EQ(forgotten.exit_code, 0) << forgotten.errors;
  EXPECT_TRUE(rig_.replctl_json({"clusters"})["clusters"].empty());

  // Let go of: repld is gone from the servers, and they go on as they are.
  const auto admin = text(file_["accounts"]["admin"]["user"]);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    // Threads of replication bear the name of who has started them. The server finds out that who watched the primary
    // has gone when the sleep is over in which it was watched, half a minute at most.
    says_soon(i,
              "SELECT COUNT(*) FROM performance_schema.threads WHERE NAME='thread/sql/one_connection' AND "
              "COALESCE(PROCESSLIST_INFO, '') NOT LIKE 'DO SLEEP(%' AND PROCESSLIST_USER='" +
                  admin + "'",
              "0");
  }
  everything_is_as_the_file_says();
  is_written_and_read_everywhere(all);
  for (std::size_t i = 0; i < names_.size(); ++i) says(i, kKept, "1");
}

std::string test_name(const ::testing::TestParamInfo<std::string>& file) {
  auto name = file.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Each, EveryTopologyFile, ::testing::ValuesIn(topology_files()), test_name);

TEST(TopologyFiles, AreAtLeastFourteen) {
  EXPECT_GE(topology_files().size(), 14U);
}

}  // namespace
}  // namespace repl::testing

// Every file in topologies/ on real servers: applied to empty ones, written through each node that takes writes, read
// on each node, applied again without a step, and let go of.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
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

class EveryTopologyFile : public ::testing::TestWithParam<std::string> {
 protected:
  EveryTopologyFile()
      : file_{YAML::LoadFile((fs::path{REPL_TOPOLOGIES} / (GetParam() + ".yaml")).string())},
        rig_{{.name = "topology",
              .nodes = static_cast<int>(file_["nodes"].size()),
              .positioning = file_["positioning"] && file_["positioning"].as<std::string>() == "binlog"
                                 ? Positioning::Binlog
                                 : Positioning::Gtid}} {}

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
    auto file = YAML::Clone(file_);
    file["name"] = rig_.cluster();
    std::size_t i = 0;
    for (auto node : file["nodes"]) {
      node["host"] = "127.0.0.1";
      node["port"] = rig_.sandbox().nodes().at(i++).port;
    }
    const auto path = rig_.topology_file().parent_path() / "adapted.yaml";
    std::ofstream{path} << file << '\n';
    return path;
  }

  std::vector<std::string> with_role(const std::string& role) {
    std::vector<std::string> out;
    const auto status = rig_.status();
    for (const auto& node : status["nodes"]) {
      if (node["role"] == role) out.push_back(node["name"]);
    }
    return out;
  }

  bool comes_to(const std::string& node, const std::string& sql, const std::string& wanted) {
    return comes_true([&] { return rig_.ask(node, sql) == wanted; });
  }

  YAML::Node file_;
  Rig rig_;
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

  // Keys are made by AUTO_INCREMENT on every writer, in parallel, and must not clash.
  const auto writers = with_role("primary");
  ASSERT_FALSE(writers.empty());
  EXPECT_EQ(rig_.ask(writers.front(), "CREATE DATABASE shop"), "");
  EXPECT_EQ(
      rig_.ask(writers.front(), "CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, at_node VARCHAR(64))"), "");
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
  const auto status = rig_.status();
  for (const auto& node : status["nodes"]) {
    if (node["delaySeconds"] != 0) continue;  // it has them when the delay is over
    EXPECT_TRUE(comes_to(node["name"], "SELECT COUNT(*) FROM shop.item", std::to_string(kRows * writers.size())))
        << node["name"] << ": " << rig_.ask(node["name"], "SELECT COUNT(*) FROM shop.item");
  }

  const auto again = rig_.replctl_json({"apply", file.string(), "--dry-run"});
  ASSERT_TRUE(again.is_object());
  EXPECT_TRUE(again["clusters"][0]["plan"]["steps"].empty()) << again.dump(1);

  const auto forgotten = rig_.replctl({"forget", rig_.cluster()});
  EXPECT_EQ(forgotten.exit_code, 0) << forgotten.errors;
  EXPECT_TRUE(rig_.replctl_json({"clusters"})["clusters"].empty());
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

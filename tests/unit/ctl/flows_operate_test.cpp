// maintenance, backup: from arguments to requests, output and exit code.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

using OperateFlow = ReplctlTest;

const Json kMaintenance{{"since", "2025-11-24T14:30:00.000000Z"},
                        {"until", "2025-11-24T15:30:00.000000Z"},
                        {"by", "ann"},
                        {"reason", "disk swap"}};

TEST_F(OperateFlow, MaintenanceIsOfANodeOrOfTheCluster) {
  repld_.on("POST", "/api/v1/clusters/shop/maintenance", Json::object());
  const auto node = replctl({"maintenance", "shop", "db2", "--for", "1h", "--reason", "disk swap"});
  EXPECT_EQ(node.code, 0) << node.err;
  EXPECT_EQ(node.out, "shop/db2: in maintenance for 1h; repld repairs nothing on it and does not promote it\n");
  EXPECT_EQ(replctl({"maintenance", "shop", "--for", "30m", "--reason", "move"}).code, 0);
  const auto bodies = repld_.bodies("POST", "/api/v1/clusters/shop/maintenance");
  EXPECT_EQ(bodies.at(0), (Json{{"node", "db2"}, {"forSeconds", 3600.0}, {"reason", "disk swap"}}));
  EXPECT_EQ(bodies.at(1), (Json{{"forSeconds", 1800.0}, {"reason", "move"}}));
}

TEST_F(OperateFlow, MaintenanceSaysWhatIsUnderWayThere) {
  repld_.on("POST", "/api/v1/clusters/shop/maintenance", {{"operation", "shop-12"}});
  EXPECT_EQ(replctl({"maintenance", "shop", "db2", "--for", "1h", "--reason", "disk swap"}).out,
            "shop/db2: in maintenance for 1h; repld repairs nothing on it and does not promote it\n"
            "the operation shop-12 was under way there and goes on: wait for its end (`replctl operation shop-12 "
            "--wait`)\n");
  repld_.on("POST", "/api/v1/clusters/shop/maintenance", {{"operation", nullptr}});
  EXPECT_EQ(replctl({"maintenance", "shop", "db2", "--for", "1h", "--reason", "disk swap"}).out,
            "shop/db2: in maintenance for 1h; repld repairs nothing on it and does not promote it\n");
}

TEST_F(OperateFlow, MaintenanceEnds) {
  repld_.on("POST", "/api/v1/clusters/shop/maintenance/end", Json::object());
  EXPECT_EQ(replctl({"maintenance", "shop", "db2", "--end"}).out,
            "shop/db2: out of maintenance; repld acts by itself again\n");
  EXPECT_EQ(repld_.bodies("POST", "/api/v1/clusters/shop/maintenance/end").at(0), (Json{{"node", "db2"}}));
}

TEST_F(OperateFlow, MaintenanceWantsATimeAndAReason) {
  EXPECT_EQ(replctl({"maintenance", "shop", "db2", "--for", "1h"}).code, 2);
  EXPECT_EQ(replctl({"maintenance", "shop", "db2"}).code, 2);
  EXPECT_EQ(replctl({"maintenance", "shop", "--for", "soon", "--reason", "x"}).code, 2);
  EXPECT_EQ(replctl({"maintenance", "shop", "--for", "1h", "--end"}).code, 2);
  EXPECT_EQ(replctl({"maintenance", "--for", "1h", "--reason", "x"}).code, 2);
  EXPECT_TRUE(repld_.requests().empty());
}

TEST_F(OperateFlow, MaintenanceListsWhoWorksWhere) {
  auto db2 = samples::node("db2", "db3");
  db2["maintenance"] = kMaintenance;
  auto cluster = samples::cluster({samples::node("db3"), db2});
  repld_.on("GET", "/api/v1/clusters", {{"clusters", {{{"cluster", "shop"}}}}});
  repld_.on("GET", "/api/v1/clusters/shop", cluster);
  EXPECT_EQ(replctl({"maintenance"}).out,
            "CLUSTER  NODE  SINCE                 UNTIL                 BY   REASON\n"
            "shop     db2   2025-11-24 14:30:00Z  2025-11-24 15:30:00Z  ann  disk swap\n");
  cluster["nodes"] = Json::array();
  cluster["maintenance"] = kMaintenance;
  repld_.on("GET", "/api/v1/clusters/shop", cluster);
  const auto json = Json::parse(replctl({"maintenance", "shop", "-o", "json"}).out);
  EXPECT_EQ(json.at("maintenance").at(0).at("node"), nullptr);
  cluster.erase("maintenance");
  repld_.on("GET", "/api/v1/clusters/shop", cluster);
  EXPECT_EQ(replctl({"maintenance", "shop"}).out, "nothing is in maintenance\n");
}

TEST_F(OperateFlow, StatusShowsMaintenanceAndRestoration) {
  auto db2 = samples::node("db2", "db3");
  db2["maintenance"] = kMaintenance;
  auto cluster = samples::cluster({samples::node("db3"), db2});
  cluster["restored"] = "2025-11-23T15:30:00.000000Z";
  cluster["maintenance"] = kMaintenance;
  cluster["problemList"] = {{{"name", "ReplicationStopped"},
                             {"severity", "warning"},
                             {"node", "db2"},
                             {"evidence", "stopped"},
                             {"blocked", "in maintenance"},
                             {"inMaintenance", true}}};
  repld_.on("GET", "/api/v1/clusters/shop", cluster);
  const auto out = replctl({"status", "shop"}).out;
  for (const auto* part :
       {"maintenance until 2025-11-24 15:30:00Z ann",
        "in maintenance until 2025-11-24 15:30:00Z by ann: disk swap: repld changes nothing by itself",
        "restored from the backup of 2025-11-23 15:30:00Z: repld changes nothing",
        "problem: ReplicationStopped db2 (in maintenance)"}) {
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  }
}

TEST_F(OperateFlow, BackupWritesANewFileForItsOwner) {
  using namespace std::string_literals;
  const auto bytes = "repld backup 1\nversion 1\n\n\0\1\2binary"s;
  repld_.on("GET", "/api/v1/backup", [&](const FakeRepld::Request&) { return FakeRepld::Answer{200, bytes}; });
  const auto file = (folder_ / "b").string();
  const auto ran = replctl({"backup", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), bytes);
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_EQ(replctl({"backup", file}).code, 2) << "never over another file";
}

TEST_F(OperateFlow, BackupLeavesNoFileWhenRepldRefuses) {
  repld_.refuse("GET", "/api/v1/backup", 503, "store-failed", "the disk is full");
  const auto file = (folder_ / "b").string();
  EXPECT_EQ(replctl({"backup", file}).code, 4);
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace repl::ctl

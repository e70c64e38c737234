// Checks against other clusters and against the permissions of files.
#include "spec/check.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace repl::spec {
namespace {

namespace fs = std::filesystem;

Spec cluster(const std::string& name, std::vector<Address> addresses) {
  Spec spec{.cluster = {name}};
  for (auto& a : addresses) spec.nodes.push_back({.id = {"db" + std::to_string(spec.nodes.size() + 1)}, .address = a});
  return spec;
}

TEST(CheckAgainst, NamesAServerThatBelongsToAnotherCluster) {
  const std::vector others{cluster("books", {{"10.0.0.1", 3306}, {"db.example", 3307}})};
  const auto found = check_against(cluster("shop", {{"10.0.0.2", 3306}, {"DB.example", 3307}}), others);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(to_string(found[0]),
            "shop: nodes.host: db.example:3307 is node \"db2\" of cluster \"books\" already: a server belongs to one "
            "cluster");
}

TEST(CheckAgainst, TakesAnotherPortForAnotherServer) {
  const std::vector others{cluster("books", {{"10.0.0.1", 3306}})};
  EXPECT_TRUE(check_against(cluster("shop", {{"10.0.0.1", 3307}}), others).empty());
}

TEST(CheckAgainst, PassesOverTheEarlierRevisionOfTheSameCluster) {
  const auto spec = cluster("shop", {{"10.0.0.1", 3306}});
  EXPECT_TRUE(check_against(spec, std::vector{spec}).empty());
}

TEST(CheckAgainst, GivesThePlaceInTheFile) {
  const auto parsed = parse(R"(name: shop
topology: source-replica
nodes:
  - { name: db1, host: 10.0.0.1, type: source }
  - { name: db2, host: 10.0.0.2 }
accounts: { admin: { user: a, password: { env: A } }, replication: { user: r, password: { env: R } } }
)",
                            "shop.yaml", "");
  ASSERT_TRUE(parsed.ok());
  const auto found = check_against(parsed, std::vector{cluster("books", {{"10.0.0.2", 3306}})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].file, "shop.yaml");
  EXPECT_EQ(found[0].line, 5);
  EXPECT_EQ(found[0].column, 24);
}

/// A folder of its own for each test, gone afterwards.
class CheckPermissions : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / ("repl-permissions-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, fs::perms permissions) {
    const auto path = folder_ / name;
    std::ofstream{path} << "x\n";
    fs::permissions(path, permissions);
    return path.string();
  }

  Parsed parsed_with(const std::string& secret) const {
    return parse(R"(name: shop
topology: source-replica
nodes: [ { name: db1, host: db1, type: source }, { name: db2, host: db2 } ]
accounts:
  admin:       { user: a, password: { file: )" +
                     secret + R"( } }
  replication: { user: r, password: { env: R } }
)",
                 "shop.yaml", folder_.string());
  }

  static constexpr auto kPrivate = fs::perms::owner_read | fs::perms::owner_write;
  fs::path folder_;
};

TEST_F(CheckPermissions, AcceptsFilesOfOwnerAndGroup) {
  file("admin", kPrivate);
  EXPECT_TRUE(check_permissions(file("shop.yaml", kPrivate | fs::perms::group_read), parsed_with("admin")).empty());
}

// It holds no secret, and names commands that are run.
TEST_F(CheckPermissions, RefusesATopologyFileThatOthersMayWrite) {
  EXPECT_TRUE(check_permissions(file("shop.yaml", kPrivate | fs::perms::others_read), parsed_with("admin")).empty());
  const auto topology = file("shop.yaml", kPrivate | fs::perms::others_read | fs::perms::others_write);
  const auto found = check_permissions(topology, parsed_with("admin"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(to_string(found[0]), "shop.yaml: " + topology +
                                     " may be written by every user of this machine (mode 606): chmod o-w " + topology);
}

TEST_F(CheckPermissions, RefusesASecretThatOthersMayReadOrWriteAndSaysWhereItIsNamed) {
  const auto secret = file("admin", kPrivate | fs::perms::others_read | fs::perms::others_write);
  const auto found = check_permissions("", parsed_with("admin"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(to_string(found[0]), "shop.yaml:5:37: accounts.admin.password: " + secret +
                                     " may be read and written by every user of this machine (mode 606): chmod 600 " +
                                     secret);
}

TEST_F(CheckPermissions, PassesOverFilesThatAreNotThere) {
  EXPECT_TRUE(check_permissions((folder_ / "nothing.yaml").string(), parsed_with("nothing")).empty());
}

}  // namespace
}  // namespace repl::spec

// The topology file of a sandbox is one that the validator takes.
#include "ctl/sandbox/topology_file.hpp"

#include <gtest/gtest.h>

#include <set>

#include "ctl/random_password.hpp"
#include "ctl/sandbox/sandbox.hpp"
#include "spec/parse.hpp"

namespace repl::ctl::sandbox {
namespace {

TEST(SandboxTopology, IsAcceptedAndDeclaresTheFirstNodeTheSource) {
  const auto text = topology_yaml("shop", {{"db1", 20001}, {"db2", 20002}, {"db3", 20003}}, DataSync::SemiSync);
  const auto parsed = spec::parse(text, "topology.yaml", "/sandboxes/shop");
  for (const auto& detail : parsed.errors) ADD_FAILURE() << to_string(detail);
  for (const auto& detail : parsed.warnings) ADD_FAILURE() << to_string(detail);
  ASSERT_EQ(parsed.clusters.size(), 1U);
  const auto& spec = parsed.clusters.front();
  EXPECT_EQ(spec.cluster.name, "shop");
  EXPECT_EQ(spec.sync.mode, DataSyncType::SemiSync);
  EXPECT_EQ(spec.sync.acks, 1);
  EXPECT_EQ(spec.sync.on_too_few, OnTooFewReplicas::Wait);
  ASSERT_NE(spec.declared_source(), nullptr);
  EXPECT_EQ(spec.declared_source()->id.name, "db1");
  EXPECT_EQ(spec.nodes.at(2).address, (Address{"127.0.0.1", 20003}));
  EXPECT_EQ(spec.accounts.at(AccountRole::Admin).password.value, "/sandboxes/shop/secrets/admin");
  EXPECT_EQ(spec.accounts.at(AccountRole::Replication).user, "repl_replica");
  EXPECT_EQ(spec.accounts.at(AccountRole::Application).schemas, std::vector<std::string>{"app"});
}

TEST(SandboxTopology, IsAsyncWhenAskedFor) {
  const auto text = topology_yaml("shop", {{"db1", 20001}, {"db2", 20002}}, DataSync::Async);
  const auto parsed = spec::parse(text, "topology.yaml", "/");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.clusters.at(0).sync.mode, DataSyncType::Async);
}

TEST(SandboxTopology, SaysHowReplicasFindTheirPlace) {
  const auto text = topology_yaml("shop", {{"db1", 20001}, {"db2", 20002}}, DataSync::Async, Positioning::Binlog);
  const auto parsed = spec::parse(text, "topology.yaml", "/");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.clusters.at(0).positioning, Positioning::Binlog);
}

TEST(RandomPassword, HasWhatAPasswordPolicyAsksForAndNothingThatNeedsQuoting) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const auto password = random_password();
    EXPECT_EQ(password.size(), 27U);
    EXPECT_EQ(password.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string::npos);
    EXPECT_NE(password.find_first_of("abcdefghijklmnopqrstuvwxyz"), std::string::npos);
    EXPECT_NE(password.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos);
    EXPECT_NE(password.find_first_of("0123456789"), std::string::npos);
    EXPECT_TRUE(seen.insert(password).second);
  }
}

}  // namespace
}  // namespace repl::ctl::sandbox

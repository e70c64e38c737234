// What servers keep of their cluster comes back as it was, held against what is there now.
#include <gtest/gtest.h>

#include "spec/parse.hpp"
#include "spec/to_yaml.hpp"
#include "unit/adopt/found.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

/// As a former repld managed it.
Spec managed() {
  auto spec = spec_of("a b c d").follows("c", "b").follows("d", "c");
  spec.failover.max_lag = 77s;
  spec.settings["replica_net_timeout"] = "60";
  return spec;
}

ClusterRecord record_of(const Spec& spec, std::uint64_t term, std::uint64_t revision,
                        const std::string& primary = "a") {
  return {.cluster = spec.cluster,
          .term = {term},
          .revision = {revision},
          .primary = NodeId{primary},
          .document = spec::to_yaml(spec)};
}

Found kept(const ClusterRecord& record) {
  auto found = chain();
  for (auto& server : found.servers) server.now.inventory->records = {record};
  return found;
}

TEST(Recorded, ComesBackAsItWas) {
  const auto d = described(kept(record_of(managed(), 7, 3)));
  auto wanted = managed();
  wanted.management = Management::Observe;
  wanted.accounts[AccountRole::Admin] = order_of().admin;
  EXPECT_EQ(d.spec, wanted);
  ASSERT_TRUE(d.record);
  EXPECT_EQ(d.record->term.number, 7U);
  EXPECT_EQ(d.differences, Names{});
  const auto text = adopt::document(d);
  EXPECT_NE(text.find("revision 3, written in term 7"), std::string::npos) << text;
  const auto parsed = spec::parse(text, "adopted.yaml", "/");
  ASSERT_TRUE(parsed.ok()) << text;
  EXPECT_EQ(parsed.clusters.front(), wanted);
}

TEST(Recorded, TheHighestTermWinsThenTheLatestRevision) {
  auto found = kept(record_of(managed(), 7, 3));
  auto later = managed();
  later.failover.max_lag = 88s;
  found.now("c").inventory->records = {record_of(later, 7, 4)};
  EXPECT_EQ(described(found).spec.failover.max_lag, 88s);
  auto newest = managed();
  newest.failover.max_lag = 99s;
  found.now("d").inventory->records = {record_of(newest, 8, 2)};
  EXPECT_EQ(described(found).spec.failover.max_lag, 99s);
}

TEST(Recorded, WhoIsPrimaryNowIsTheSource) {
  auto found = Found{"a b c d"}.follows("a", "b").follows("c", "b").follows("d", "c");
  for (auto& server : found.servers) server.now.inventory->records = {record_of(managed(), 7, 3, "b")};
  const auto d = described(found);
  EXPECT_EQ(d.spec.declared_source()->id.name, "b");
  EXPECT_EQ(d.differences, Names{});
  EXPECT_TRUE(any_has(d.notes, "b is the primary now"));
}

TEST(Recorded, IsHeldAgainstWhatIsThere) {
  auto found = kept(record_of(managed(), 7, 3));
  found.follows("d", "a");
  const auto d = described(found);
  ASSERT_EQ(d.differences.size(), 1U);
  EXPECT_NE(d.differences[0].find("d follows a, and by the file c"), std::string::npos) << d.differences[0];
}

TEST(Recorded, ANodeThatDoesNotAnswerIsADifference) {
  auto found = kept(record_of(managed(), 7, 3));
  found.servers.pop_back();
  const auto d = described(found);
  ASSERT_EQ(d.differences.size(), 1U);
  EXPECT_NE(d.differences[0].find("d (db-d:3306)"), std::string::npos) << d.differences[0];
}

TEST(Recorded, ServersBeyondItAreNamed) {
  auto found = kept(record_of(managed(), 7, 3));
  found.servers.push_back(plain_server("e"));
  found.follows("e", "a");
  EXPECT_TRUE(any_has(described(found).notes, "db-e:3306 was found and is no node"));
}

TEST(Recorded, OfAnotherClusterOrOtherServersIsPassedOver) {
  auto elsewhere = managed();
  for (auto& node : elsewhere.nodes) node.address.port = 9999;
  EXPECT_FALSE(described(kept(record_of(elsewhere, 9, 1))).record);
  auto order = order_of();
  order.name = ClusterId{"other"};
  EXPECT_FALSE(described(kept(record_of(managed(), 9, 1)), order).record);
}

TEST(Recorded, ThatCannotBeReadIsPassedOver) {
  auto broken = record_of(managed(), 9, 1);
  broken.document = "nonsense: [";
  EXPECT_FALSE(described(kept(broken)).record);
}

}  // namespace
}  // namespace repl::test

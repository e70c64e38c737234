// Places in binary logs and the histories made of them.
#include "model/binlog_position.hpp"

#include "unit/support/cluster.hpp"

#include <gtest/gtest.h>

namespace repl::test {
namespace {

BinlogPosition at(const std::string& file, std::uint64_t position) {
  return {file, position};
}

TEST(BinlogPosition, IsOrderedByTheNumberOfTheFileThenByPosition) {
  EXPECT_LT(at("binlog.000001", 900), at("binlog.000002", 4));
  EXPECT_LT(at("binlog.000002", 4), at("binlog.000002", 5));
  EXPECT_LT(at("binlog.999999", 900), at("binlog.1000000", 4)) << "names are not in order here";
  EXPECT_EQ(at("mysql-bin.000003", 7), at("binlog.000003", 7));
  EXPECT_LT(BinlogPosition{}, at("binlog.000001", 4));
}

TEST(BinlogPosition, MakesHistoriesThatContainEachOtherAsPlacesAreBefore) {
  const auto early = history(uuid('A'), at("binlog.000009", 4'000'000'000)),
             late = history(uuid('A'), at("binlog.000010", 4));
  EXPECT_TRUE(late.contains(early));
  EXPECT_FALSE(early.contains(late));
  EXPECT_TRUE(late.contains(late));
  EXPECT_FALSE(late.contains(history(uuid('B'), at("binlog.000001", 4)))) << "another server's log";
  EXPECT_TRUE(history("", at("binlog.000001", 4)).empty());
  EXPECT_TRUE(history(uuid('A'), {}).empty());
}

TEST(BinlogPosition, IsNeverMixedUpWithGtids) {
  const auto places = history(uuid('A'), at("binlog.000001", 4));
  EXPECT_TRUE(is_by_position(places));
  EXPECT_FALSE(is_by_position(gtids("A:1-1000000000000")));
  EXPECT_FALSE(gtids("A:1-9000000000000000000").contains(places));
  EXPECT_EQ(GtidSet::parse(places.to_string()), places) << "as the journal writes it";
}

TEST(BinlogPosition, IsToldInBytesAndFiles) {
  const auto set = [](const std::string& file, std::uint64_t position) {
    return history(uuid('A'), at(file, position));
  };
  EXPECT_EQ(how_much(subtract(set("b.000003", 500), set("b.000003", 380))), "120 bytes of the binary log");
  EXPECT_EQ(how_much(subtract(set("b.000004", 500), set("b.000002", 380))), "what is in 3 binary log files");
  EXPECT_EQ(how_much(gtids("A:1")), "1 transaction");
  EXPECT_EQ(in_words(set("b.000003", 500)), "up to 000003:500 of the binary log of " + uuid('A'));
  EXPECT_EQ(in_words(gtids("A:1-3")), uuid('A') + ":1-3");
}

TEST(BinlogPosition, SaysWhichFileIsTheLastOneKnown) {
  const auto both = unite(history(uuid('A'), at("b.000007", 500)), history(uuid('B'), at("b.000003", 4)));
  EXPECT_EQ(last_file(both, uuid('A')), 7U);
  EXPECT_EQ(last_file(both, uuid('B')), 3U);
  EXPECT_EQ(last_file(both, uuid('C')), 0U);
  EXPECT_EQ(last_file(gtids("A:1-9"), uuid('A')), 0U);
}

TEST(DetachedHost, SaysWhoseLogThePlaceIsIn) {
  const auto host = detached_host(uuid('A'), "10.0.0.11");
  EXPECT_TRUE(host.ends_with(".detached.invalid"));
  EXPECT_EQ(detached_from(host).server_uuid, uuid('A'));
  EXPECT_EQ(detached_from(host).host, "10.0.0.11");
  EXPECT_EQ(detached_from(kDetachedHost).server_uuid, "");
  EXPECT_EQ(detached_from("db1.example.com").server_uuid, "");
  EXPECT_EQ(detached_host("", "db1"), kDetachedHost) << "it never reached its source";
  const auto long_name = detached_host(uuid('A'), std::string(250, 'x'));
  EXPECT_LE(long_name.size(), 255U);
  EXPECT_EQ(detached_from(long_name).server_uuid, uuid('A'));
}

TEST(Snapshot, WithoutGtidsHasItsOwnHistoryAndThatOfItsSource) {
  auto seen = replica("b", "a", {});
  seen.log_at(700).places(1200, 1000);
  const auto& now = seen.now();
  EXPECT_TRUE(now.executed.contains(history(uuid('B'), at("binlog.000001", 700))));
  EXPECT_TRUE(now.executed.contains(history(uuid('A'), at("binlog.000001", 1000))));
  EXPECT_FALSE(now.executed.contains(history(uuid('A'), at("binlog.000001", 1001))));
  EXPECT_EQ(now.position(), history(uuid('A'), at("binlog.000001", 1200)));
  EXPECT_EQ(now.written(), history(uuid('B'), at("binlog.000001", 700)));
}

TEST(Snapshot, OfADetachedReplicaKeepsWhereItStopped) {
  auto seen = replica("b", "a", {});
  seen.log_at(700).places(1000, 1000).detached_from("a");
  EXPECT_TRUE(is_detached(seen.channel()));
  EXPECT_EQ(seen.channel().source_uuid, uuid('A'));
  EXPECT_EQ(seen.now().position(), history(uuid('A'), at("binlog.000001", 1000)));
}

}  // namespace
}  // namespace repl::test

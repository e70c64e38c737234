// Snapshots and views: what follows from them alone.
#include "model/view.hpp"

#include <gtest/gtest.h>

namespace repl {
namespace {

constexpr const char* kUuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

GtidSet gtids(std::int64_t first, std::int64_t last) {
  GtidSet out;
  out.add({kUuid, ""}, {first, last});
  return out;
}

Observation observed(const std::string& name, Reach reach) {
  Snapshot snapshot{.node = {name}, .reach = reach};
  return {.node = {name}, .latest = snapshot};
}

TEST(View, FindsNodesInWhateverOrderTheyCame) {
  const View view{Time{}, {observed("c", Reach::Ok), observed("a", Reach::Ok), observed("b", Reach::Silent)}};
  for (const auto* name : {"a", "b", "c"}) {
    ASSERT_NE(view.find({name}), nullptr) << name;
    EXPECT_EQ(view.find({name})->node.name, name);
  }
  EXPECT_EQ(view.find({"d"}), nullptr);
  EXPECT_EQ(View{}.find({"a"}), nullptr);
}

TEST(View, IsEqualForEqualRoundsInAnotherOrder) {
  EXPECT_EQ((View{Time{}, {observed("a", Reach::Ok), observed("b", Reach::Lost)}}),
            (View{Time{}, {observed("b", Reach::Lost), observed("a", Reach::Ok)}}));
}

TEST(View, GivesASnapshotOnlyOfNodesThatAnswered) {
  const View view{Time{}, {observed("a", Reach::Ok), observed("b", Reach::Busy), observed("c", Reach::Refused)}};
  EXPECT_NE(view.reachable({"a"}), nullptr);
  EXPECT_EQ(view.reachable({"b"}), nullptr);
  EXPECT_EQ(view.reachable({"c"}), nullptr);
}

TEST(View, IsCompleteWhenEveryNodeWasProbed) {
  EXPECT_TRUE((View{Time{}, {observed("a", Reach::Silent)}}).complete());
  EXPECT_FALSE((View{Time{}, {observed("a", Reach::Ok), Observation{.node = {"b"}}}}).complete());
  EXPECT_FALSE(View{}.complete());
}

TEST(Reach, TakesAnErrorPacketForASignOfLife) {
  for (const auto reach : {Reach::Ok, Reach::Busy, Reach::Denied, Reach::Error}) EXPECT_TRUE(is_alive(reach));
  for (const auto reach : {Reach::Refused, Reach::Silent, Reach::Lost}) EXPECT_FALSE(is_alive(reach));
}

TEST(Position, IsExecutedAndReceived) {
  Snapshot snapshot{.node = {"b"}};
  snapshot.executed = gtids(1, 5);
  EXPECT_EQ(snapshot.position(), gtids(1, 5));
  snapshot.channels = {Channel{.received = gtids(6, 9)}};
  EXPECT_EQ(snapshot.position(), gtids(1, 9));
}

TEST(ErrantTransactions, AreThoseThatTheSourceLacks) {
  Snapshot source{.node = {"a"}};
  source.executed = gtids(1, 9);
  Snapshot replica{.node = {"b"}};
  replica.executed = gtids(1, 5);
  EXPECT_TRUE(errant_transactions(replica, source).empty());
  replica.executed.add({"4e11fa47-71ca-11e1-9e33-c80aa9429562", ""}, {1, 1});
  EXPECT_EQ(errant_transactions(replica, source).to_string(), "4e11fa47-71ca-11e1-9e33-c80aa9429562:1");
}

}  // namespace
}  // namespace repl

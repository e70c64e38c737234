// What follows from a spec: who follows whom under a given primary, and whose acknowledgement counts.
#include "model/spec.hpp"

#include <gtest/gtest.h>

namespace repl {
namespace {

using namespace std::chrono_literals;

NodeSpec node(const std::string& name, const std::string& follows = "", std::chrono::seconds delay = 0s) {
  NodeSpec out{.id = {name}, .address = {name + ".example"}, .delay = delay};
  if (!follows.empty()) out.follows = NodeId{follows};
  return out;
}

/// a is the declared source; c follows b, d follows c; e is delayed.
Spec chain() {
  Spec spec{.cluster = {"shop"}};
  spec.nodes = {node("a"), node("b"), node("c", "b"), node("d", "c"), node("e", "", 1h)};
  spec.nodes[0].type = NodeType::Source;
  return spec;
}

using Nodes = std::vector<NodeId>;

TEST(SourceOf, IsNobodyForThePrimary) {
  EXPECT_EQ(chain().source_of({"a"}, {"a"}), std::nullopt);
}

TEST(SourceOf, IsThePrimaryUnlessTheNodeFollowsAnother) {
  const auto spec = chain();
  EXPECT_EQ(spec.source_of({"b"}, {"a"}), NodeId{"a"});
  EXPECT_EQ(spec.source_of({"c"}, {"a"}), NodeId{"b"});
  EXPECT_EQ(spec.source_of({"d"}, {"a"}), NodeId{"c"});
}

TEST(SourceOf, IsThePrimaryForTheOldSourceAfterAFailover) {
  EXPECT_EQ(chain().source_of({"a"}, {"b"}), NodeId{"b"});
}

TEST(SourceOf, IsThePrimaryWhenItIsTheNodeThatWasFollowed) {
  EXPECT_EQ(chain().source_of({"c"}, {"b"}), NodeId{"b"});
  EXPECT_EQ(chain().source_of({"d"}, {"c"}), NodeId{"c"});
}

TEST(SourceOf, LeavesTheChainAboveAPrimaryFromItsEnd) {
  // d is primary: b would follow it anyway, and c still follows b.
  const auto spec = chain();
  EXPECT_EQ(spec.source_of({"b"}, {"d"}), NodeId{"d"});
  EXPECT_EQ(spec.source_of({"c"}, {"d"}), NodeId{"b"});
}

TEST(SourceOf, IsThePrimaryWhenFollowsNamesNobodyOrACircle) {
  Spec spec{.cluster = {"shop"}};
  spec.nodes = {node("a"), node("b", "gone"), node("c", "d"), node("d", "c"), node("e", "e")};
  for (const auto* name : {"b", "c", "d", "e"}) EXPECT_EQ(spec.source_of({name}, {"a"}), NodeId{"a"}) << name;
}

TEST(SourceOf, NeverLeadsInACircleWhoeverIsPrimary) {
  const auto spec = chain();
  for (const auto& primary : spec.nodes) {
    for (const auto& start : spec.nodes) {
      auto at = start.id;
      std::size_t steps = 0;
      while (const auto up = spec.source_of(at, primary.id)) {
        at = *up;
        ASSERT_LE(++steps, spec.nodes.size()) << start.id.name << " under " << primary.id.name;
      }
      EXPECT_EQ(at, primary.id);
    }
  }
}

TEST(Ackers, AreTheUndelayedDirectReplicas) {
  EXPECT_EQ(chain().ackers({"a"}), (Nodes{{"b"}}));
  EXPECT_EQ(chain().ackers({"b"}), (Nodes{{"a"}, {"c"}}));
}

TEST(AcksWanted, FollowsTheModeOfSync) {
  auto spec = chain();
  EXPECT_EQ(spec.acks_wanted({"a"}), 0);
  spec.sync = {.mode = DataSyncType::SemiSync, .acks = 2};
  EXPECT_EQ(spec.acks_wanted({"a"}), 2);
  spec.sync = {.mode = DataSyncType::Sync};
  EXPECT_EQ(spec.acks_wanted({"b"}), 2);
}

TEST(WaitsForAcks, IsTrueOnlyWhenCommitsNeverGoOnAlone) {
  auto spec = chain();
  EXPECT_FALSE(spec.waits_for_acks());
  spec.sync = {.mode = DataSyncType::SemiSync};
  EXPECT_TRUE(spec.waits_for_acks());
  spec.sync.on_too_few = OnTooFewReplicas::DegradeToAsync;
  EXPECT_FALSE(spec.waits_for_acks());
}

TEST(SettingsOf, LaysTheNodesOwnOverTheClusters) {
  auto spec = chain();
  spec.settings = {{"x", "1"}, {"y", "2"}};
  spec.nodes[1].settings = {{"y", "3"}, {"z", "4"}};
  EXPECT_EQ(spec.settings_of({"b"}), (std::map<std::string, std::string>{{"x", "1"}, {"y", "3"}, {"z", "4"}}));
  EXPECT_EQ(spec.settings_of({"a"}), spec.settings);
  EXPECT_EQ(spec.settings_of({"gone"}), spec.settings);
}

TEST(Find, KnowsNodesByNameAndByAddress) {
  const auto spec = chain();
  ASSERT_NE(spec.find(NodeId{"c"}), nullptr);
  EXPECT_EQ(spec.find(NodeId{"c"}), spec.find(Address{"c.example", 3306}));
  EXPECT_EQ(spec.find(NodeId{"x"}), nullptr);
  EXPECT_EQ(spec.find(Address{"c.example", 3307}), nullptr);
  EXPECT_EQ(spec.declared_source()->id, NodeId{"a"});
}

}  // namespace
}  // namespace repl

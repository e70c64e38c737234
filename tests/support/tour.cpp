// The ways, family by family.
#include "tests/support/tour.hpp"

#include <fmt/format.h>

namespace repl::testing {
namespace {

constexpr const char* kTree = "source-replica";
constexpr const char* kRing = "circular";
constexpr const char* kPair = "source-source";
constexpr const char* kGroup = "group-single-primary";
constexpr const char* kMulti = "group-multi-primary";
constexpr const char* kAsync = "mode: async";
constexpr const char* kSemi = "mode: semi-sync, acks: 1";
constexpr const char* kSync = "mode: sync";

using Nodes = std::vector<std::string>;

Nodes tree(int count, const std::vector<std::string>& extra = {}) {
  Nodes out{"name: db1, type: source"};
  for (int i = 2; i <= count; ++i) out.push_back(fmt::format("name: db{}, type: replica", i));
  for (std::size_t i = 0; i < extra.size() && i < out.size(); ++i) {
    if (!extra[i].empty()) out[i] += ", " + extra[i];
  }
  return out;
}

/// Each follows the one before it; the first is the source.
Nodes chain_of(const std::vector<int>& numbers) {
  Nodes out;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    out.push_back(i == 0 ? fmt::format("name: db{}, type: source", numbers[i])
                         : fmt::format("name: db{}, type: replica, follows: db{}", numbers[i], numbers[i - 1]));
  }
  return out;
}

/// Without a type: all nodes are alike.
Nodes alike(const std::vector<int>& numbers) {
  Nodes out;
  for (const int n : numbers) out.push_back(fmt::format("name: db{}", n));
  return out;
}

const Nodes kFlat3 = tree(3);
const Nodes kMoved3{"name: db1, type: replica", "name: db2, type: source", "name: db3, type: replica"};
const Nodes kDelayedChain = tree(4, {"", "", "follows: db2", "delay: 3s"});

Shape async3() {
  return {"3 nodes, async", kTree, kFlat3, kAsync};
}
Shape semi3() {
  return {"3 nodes, semi-sync", kTree, kFlat3, kSemi};
}
Shape sync3() {
  return {"3 nodes, sync", kTree, kFlat3, kSync};
}
Shape ring3(const std::string& sync, const std::string& name) {
  return {name, kRing, alike({1, 2, 3}), sync};
}
Shape group3() {
  return {"group of 3", kGroup, alike({1, 2, 3})};
}
Shape multi3() {
  return {"multi-primary group of 3", kMulti, alike({1, 2, 3})};
}
Shape without_gtids(Shape shape) {
  shape.name += ", binlog";
  shape.positioning = Positioning::Binlog;
  return shape;
}

Tour durability() {
  const Shape semi2of3{"3 nodes, semi-sync, acks 2", kTree, kFlat3, "mode: semi-sync, acks: 2"};
  const Shape degrading{"3 nodes, semi-sync, may go on alone", kTree, kFlat3,
                        "mode: semi-sync, acks: 1, onTooFewReplicas: degrade-to-async, timeout: 2s"};
  const Shape async_moved{"3 nodes, async, db2 the source", kTree, kMoved3, kAsync};
  const Shape sync_moved{"3 nodes, sync, db2 the source", kTree, kMoved3, kSync};
  return {"durability",
          3,
          {async3(), semi3(), sync3(), async3(), sync3(), semi3(), semi2of3, semi3(), degrading, semi3(), async3(),
           async_moved, async3(), sync3(), sync_moved, sync3()}};
}

Tour trees() {
  const Shape flat5{"5 nodes", kTree, tree(5), kSemi};
  const Shape chain{"chain of 5", kTree, tree(5, {"", "", "follows: db2", "follows: db3", "follows: db4"}), kSemi};
  const Shape branches{"two branches", kTree, tree(5, {"", "", "", "follows: db2", "follows: db3"}), kSemi};
  const Shape delayed{"5 nodes, one delayed", kTree, tree(5, {"", "", "", "", "delay: 60s"}), kSemi};
  const Shape four{"4 nodes", kTree, tree(4), kSemi};
  const Shape replaced{
      "4 nodes, one replaced",
      kTree,
      {"name: db1, type: source", "name: db2, type: replica", "name: db3, type: replica", "name: db5, type: replica"},
      kSemi};
  const Shape moved{
      "4 nodes, db2 the source",
      kTree,
      {"name: db1, type: replica", "name: db2, type: source", "name: db3, type: replica", "name: db5, type: replica"},
      kSemi};
  const Shape tuned{"4 nodes, other settings", kTree, moved.nodes, kSemi,
                    "settings: {max_connections: 321, binlog_transaction_compression: ON}\n"};
  return {"trees", 5, {flat5, chain, branches, flat5, delayed, flat5, four, flat5, four, replaced, moved, tuned}};
}

/// Nodes that others follow come, go and change places.
Tour chains() {
  const Shape chain4{"chain of 4", kTree, chain_of({1, 2, 3, 4}), kSemi};
  const Shape inserted{"chain of 4, one put between", kTree, chain_of({1, 2, 5, 3, 4}), kSemi};
  const Shape removed{"chain of 4, the second removed", kTree, chain_of({1, 3, 4}), kSemi};
  const Shape replaced{"chain of 4, the second replaced", kTree, chain_of({1, 5, 3, 4}), kSemi};
  const Shape swapped{"chain of 4, two swapped", kTree, chain_of({1, 3, 5, 4}), kSemi};
  const Shape ring{"ring of 4, semi-sync", kRing, alike({1, 3, 5, 4}), kSemi};
  return {"chains", 5, {chain4, inserted, chain4, removed, chain4, replaced, swapped, ring, swapped}};
}

Tour rings() {
  const auto async = ring3(kAsync, "ring of 3");
  const auto semi = ring3(kSemi, "ring of 3, semi-sync");
  const auto sync = ring3(kSync, "ring of 3, sync");
  const Shape ring4{"ring of 4", kRing, alike({1, 2, 3, 4}), kAsync};
  const Shape ring4semi{"ring of 4, semi-sync", kRing, alike({1, 2, 3, 4}), kSemi};
  const Shape ring4other{"ring of 4, another order", kRing, alike({1, 3, 2, 4}), kAsync};
  const Shape replaced{"ring of 3, one replaced", kRing, alike({1, 2, 4}), kAsync};
  const Shape semi_replaced{"ring of 3, semi-sync, one replaced", kRing, alike({1, 2, 4}), kSemi};
  const Shape pair{"source-source", kPair, alike({1, 2}), kAsync};
  const Shape pair_replaced{"source-source, one replaced", kPair, alike({1, 3}), kAsync};
  const Shape pairsemi{"source-source, semi-sync", kPair, alike({1, 2}), kSemi};
  return {"rings", 4, {async3(),  async,    semi,          sync,     semi,     async,    ring4,     ring4other,
                       ring4,     async,    replaced,      pair,     async,    async3(), semi,      semi3(),
                       pair,      pairsemi, semi3(),       pairsemi, pair,     async3(), ring4semi, semi,
                       ring4semi, semi,     semi_replaced, semi,     async3(), pairsemi, async3(),  ring4,
                       async3(),  pair,     pair_replaced, pair,     async3(), sync3(),  sync,      sync3()}};
}

Tour groups() {
  const Shape group4{"group of 4", kGroup, alike({1, 2, 3, 4})};
  const Shape replaced{"group of 3, one replaced", kGroup, alike({1, 2, 4})};
  // Refused while it is the primary.
  const Shape without_primary{.name = "group of 4, its primary removed",
                              .topology = kGroup,
                              .nodes = alike({2, 3, 4}),
                              .switch_to_first = "db2"};
  const Shape multi4{"multi-primary group of 4", kMulti, alike({1, 2, 3, 4})};
  const Shape multi_replaced{"multi-primary group of 3, one replaced", kMulti, alike({1, 2, 4})};
  const Shape weights{"group of 3, weights and consistency", kGroup, alike({1, 2, 3}), "",
                      "groupReplication: {consistency: BEFORE, weight: {db2: 80}}\n"};
  const Shape chain3{"chain of 3", kTree, chain_of({1, 2, 3}), kSemi};
  return {"groups", 4, {async3(),        group3(), semi3(),  group3(), group4,         group3(), replaced,
                        group3(),        weights,  group3(), multi3(), multi4,         multi3(), group3(),
                        async3(),        multi3(), semi3(),  multi3(), multi_replaced, multi3(), async3(),
                        sync3(),         group3(), sync3(),  chain3,   group3(),       semi3(),  group4,
                        without_primary, group4,   async3(), group4,   semi3()}};
}

/// No way leads back from GTIDs, so each way has servers of its own.
std::vector<Tour> positions() {
  const Shape delayed{"chain with a delayed node", kTree, kDelayedChain, kSemi};
  return {
      {"positions", 3, {without_gtids(async3()), async3()}, Positioning::Binlog},
      {"positions", 3, {without_gtids(async3()), without_gtids(semi3()), semi3()}, Positioning::Binlog},
      {"positions", 4, {without_gtids(delayed), delayed}, Positioning::Binlog},
  };
}

}  // namespace

std::vector<Tour> tours() {
  std::vector<Tour> out{durability(), trees(), chains(), rings(), groups()};
  for (auto& tour : positions()) out.push_back(std::move(tour));
  return out;
}

std::vector<Tour> short_tours() {
  const Shape moved{"3 nodes, semi-sync, db2 the source", kTree, kMoved3, kSemi};
  const Shape chain3{"chain of 3", kTree, chain_of({1, 2, 3}), kSemi};
  return {
      {"with GTIDs",
       3,
       {async3(), semi3(), moved, chain3, ring3(kSemi, "ring of 3, semi-sync"), async3(), group3(), multi3(), semi3()}},
      {"File and Position", 3, {without_gtids(semi3()), semi3()}, Positioning::Binlog},
  };
}

void travel(const Tour& tour, const std::function<void(const Change&)>& made) {
  Traveller traveller{tour.servers, tour.servers_are_for};
  traveller.begin(tour.shapes.front());
  for (std::size_t i = 1; i < tour.shapes.size(); ++i) made(traveller.change(tour.shapes[i]));
}

}  // namespace repl::testing

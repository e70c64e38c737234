// Bench: every promised change of a topology on real servers under a writer: time, write gap, lost rows; and how long
// the large topologies take from empty servers.
//
//   bench-changes [--tour NAME]... [--from-empty]
//
// A row per change; one that took no step is marked, and is no pair. Without --tour: all of them. The exit code is 1
// when a row was lost, when all tours together make fewer pairs than are promised, or with --from-empty when a topology
// took longer than is promised.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <set>

#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

constexpr std::size_t kPromisedPairs = 24;

int measure(const std::vector<std::string>& only) {
  std::set<std::pair<std::string, std::string>> pairs;
  std::size_t lost = 0;
  double longest = 0;
  fmt::print("{:<38} {:<38} {:>5} {:>8} {:>8} {:>7}\n", "from", "to", "steps", "took", "gap", "lost");
  for (const auto& tour : tours()) {
    if (!only.empty() && std::find(only.begin(), only.end(), tour.name) == only.end()) continue;
    travel(tour, [&](const Change& c) {
      fmt::print("{:<38} {:<38} {:>5} {:>6.2f} s {:>6.3f} s {:>7}{}\n", c.from, c.to, c.steps, c.took, c.gap, c.lost,
                 c.steps == 0 ? "   (nothing to do)" : "");
      std::fflush(stdout);
      if (c.steps > 0) pairs.emplace(c.from, c.to);
      lost += c.lost;
      longest = std::max(longest, c.gap);
    });
  }
  fmt::print("changes      pairs {}   longest gap {:.3f} s   lost: {}\n", pairs.size(), longest, lost);
  const bool enough = !only.empty() || pairs.size() >= kPromisedPairs;
  if (!enough) fmt::print("fewer than the {} pairs that are promised\n", kPromisedPairs);
  return lost == 0 && enough ? 0 : 1;
}

struct FromEmpty {
  const char* topology;
  int nodes;
  double within;  ///< Seconds, as promised.
};
constexpr FromEmpty kFromEmpty[] = {
    {"circular", 9, 30},
    {"group-single-primary", 5, 60},
    {"group-multi-primary", 5, 60},
};

int measure_from_empty() {
  bool in_time = true;
  for (const auto& [topology, nodes, within] : kFromEmpty) {
    const auto took = from_empty(topology, nodes);
    const bool late = took > within;
    fmt::print("from empty   {} of {}: {:.2f} s{}\n", topology, nodes, took,
               late ? fmt::format(", longer than {} s", within) : "");
    std::fflush(stdout);
    in_time = in_time && !late;
  }
  return in_time ? 0 : 1;
}

}  // namespace
}  // namespace repl::testing

int main(int argc, char** argv) {
  CLI::App app{"Changes of topologies under a writer."};
  std::vector<std::string> only;
  bool empty = false;
  app.add_option("--tour", only, "Only this tour (durability, trees, chains, rings, groups, positions)");
  app.add_flag("--from-empty", empty, "Only: a ring of 9 and groups of 5 from empty servers");
  CLI11_PARSE(app, argc, argv);
  try {
    return empty ? repl::testing::measure_from_empty() : repl::testing::measure(only);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

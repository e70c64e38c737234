// Bench: every promised change of a topology on real servers under a writer: time, write gap, lost rows; and how long
// the large topologies take from empty servers.
//
//   bench-changes [--tour NAME]... [--from-empty]
//
// A row per change. Without --tour: all of them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <set>

#include "tests/support/tour.hpp"

namespace repl::testing {
namespace {

int measure(const std::vector<std::string>& only) {
  std::set<std::pair<std::string, std::string>> pairs;
  std::size_t lost = 0;
  double longest = 0;
  fmt::print("{:<38} {:<38} {:>5} {:>8} {:>8} {:>7}\n", "from", "to", "steps", "took", "gap", "lost");
  for (const auto& tour : tours()) {
    if (!only.empty() && std::find(only.begin(), only.end(), tour.name) == only.end()) continue;
    travel(tour, [&](const Change& c) {
      fmt::print("{:<38} {:<38} {:>5} {:>6.2f} s {:>6.3f} s {:>7}\n", c.from, c.to, c.steps, c.took, c.gap, c.lost);
      std::fflush(stdout);
      pairs.emplace(c.from, c.to);
      lost += c.lost;
      longest = std::max(longest, c.gap);
    });
  }
  fmt::print("changes      pairs {}   longest gap {:.3f} s   lost: {}\n", pairs.size(), longest, lost);
  return lost == 0 ? 0 : 1;
}

void print_from_empty(const std::string& topology, int nodes) {
  fmt::print("from empty   {} of {}: {:.2f} s\n", topology, nodes, from_empty(topology, nodes));
  std::fflush(stdout);
}

}  // namespace
}  // namespace repl::testing

int main(int argc, char** argv) {
  CLI::App app{"Changes of topologies under a writer."};
  std::vector<std::string> only;
  bool empty = false;
  app.add_option("--tour", only, "Only this tour (durability, trees, rings, groups)");
  app.add_flag("--from-empty", empty, "Only: a ring of 9 and a group of 5 from empty servers");
  CLI11_PARSE(app, argc, argv);
  try {
    if (empty) {
      repl::testing::print_from_empty("circular", 9);
      repl::testing::print_from_empty("group-single-primary", 5);
      repl::testing::print_from_empty("group-multi-primary", 5);
      return 0;
    }
    return repl::testing::measure(only);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// sim: runs seeded schedules on demand.
//   sim --seeds 100000 --from 1        random ones, until the first that fails (or all, with --all)
//   sim --seed 4711 --trace            one, with all that happened
//   sim --name quiet --seeds 500       another family (random, storm, changing, ring, quiet)
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <map>

#include "sim/families.hpp"
#include "sim/simulation.hpp"

int main(int argc, char** argv) {
  using namespace repl::sim;
  CLI::App app{"Seeded simulation of the controller against simulated MySQL servers"};
  std::uint64_t seeds = 1;
  std::uint64_t from = 1;
  std::uint64_t seed = 0;
  std::string name = "random";
  std::string show;
  bool trace = false;
  bool all = false;
  bool list = false;
  app.add_option("--seeds", seeds, "How many seeds to run");
  app.add_option("--from", from, "The first of them");
  app.add_option("--seed", seed, "Run this one only");
  app.add_option("--name", name, "random, storm, changing, ring, quiet, or the name of a directed schedule (--list)");
  app.add_option("--show-explained", show, "Print the seeds whose end differs from the declared state for this reason");
  app.add_flag("--trace", trace, "Print all that happened");
  app.add_flag("--all", all, "Go on after a failure");
  app.add_flag("--list", list, "Names of the directed schedules");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    for (const auto& s : directed_schedules()) std::cout << describe(s) << '\n';
    return 0;
  }
  if (seed != 0) {
    from = seed;
    seeds = 1;
  }
  const auto began = std::chrono::steady_clock::now();
  std::map<std::string, int> operations;
  std::map<std::string, int> broken;
  std::map<std::string, int> explained;
  std::size_t acknowledged = 0;
  int failed = 0;
  for (auto s = from; s < from + seeds; ++s) {
    const auto schedule = schedule_named(name, s);
    if (!schedule) {
      std::cerr << "no schedule " << name << '\n';
      return 2;
    }
    const auto report = trace ? run(*schedule, KeepTrace::Yes) : run(*schedule);
    for (const auto& [what, count] : report.operations) operations[what] += count;
    acknowledged += report.acknowledged;
    for (const auto& e : report.explained) {
      ++explained[e];
      if (!show.empty() && e.find(show) != std::string::npos) std::cout << "seed " << s << "  " << e << std::endl;
    }
    if (trace) {
      for (const auto& line : report.trace) std::cout << line << '\n';
    }
    if (report.ok()) continue;
    ++failed;
    for (const auto& v : report.violations) ++broken[std::string{to_string(v.invariant)}];
    if (all) {
      std::cout << "seed " << s;
      for (const auto& v : report.violations) std::cout << "  " << to_string(v.invariant) << ": " << v.what;
      std::cout << std::endl;
    } else {
      std::cout << run_and_explain(*schedule).text() << std::endl;
      break;
    }
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::cout << seeds << " seeds, " << failed << " failed, " << acknowledged << " writes acknowledged, " << took
            << " s\n";
  for (const auto& [what, count] : broken) std::cout << "  broken " << what << ": " << count << '\n';
  for (const auto& [what, count] : explained) std::cout << "  explained: " << what << ": " << count << '\n';
  for (const auto& [what, count] : operations) std::cout << "  " << what << ": " << count << '\n';
  return failed == 0 ? 0 : 1;
}

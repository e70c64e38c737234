// Bench: how long the rollback of a change takes, verified.
//
//   bench-rollback [--nodes N] [--trials N]
//
// Each trial applies a change of settings, semi-sync and nodes, and takes the time of `replctl rollback -y`, which
// looks at every server again before it ends. Beside it, a writer goes on. The exit code is 1 when a row was lost or a
// rollback took longer than is promised.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

/// Seconds, on 5 nodes.
constexpr double kPromised = 10;

std::string changed_file(const Rig& rig, int nodes, int connections) {
  std::ifstream in(rig.topology_file());
  std::string text;
  for (std::string line; std::getline(in, line);) {
    if (line.find(fmt::format("name: db{},", nodes)) != std::string::npos) continue;  // the last one leaves
    if (line.find("acks: 1") != std::string::npos) line = "  acks: 2";
    text += line + "\n";
  }
  text += fmt::format("settings: {{max_connections: {}, long_query_time: 3, binlog_expire_logs_seconds: 604800}}\n",
                      connections);
  const auto file = (rig.topology_file().parent_path() / "changed.yaml").string();
  std::ofstream(file) << text;
  ::chmod(file.c_str(), 0600);
  return file;
}

void must(const Rig& rig, const Outcome& outcome) {
  if (outcome.exit_code != 0) throw std::runtime_error(outcome.output + outcome.errors + rig.story());
}

int measure(int nodes, int trials) {
  Rig rig{{.name = "bench-rollback", .nodes = nodes}};
  must(rig, rig.replctl({"apply", rig.topology_file().string()}));
  if (!rig.wait_until_whole(seconds{60})) throw std::runtime_error("not whole\n" + rig.story());
  AckedWriter writer{rig.writer_nodes(), "app", rig.application_password()};
  if (const auto made = writer.create_table(seconds{20}); !made) throw std::runtime_error(made.error().message);
  writer.start();
  std::vector<double> took;
  for (int i = 0; i < trials; ++i) {
    must(rig, rig.replctl({"apply", changed_file(rig, nodes, 300 + i)}));
    const auto began = steady_clock::now();
    const auto done = rig.replctl({"rollback", rig.cluster(), "1", "-y"});
    took.push_back(std::chrono::duration<double>(steady_clock::now() - began).count());
    must(rig, done);
    if (done.output.find("verified: nothing left to change") == std::string::npos) {
      throw std::runtime_error("not verified\n" + done.output);
    }
    const auto steps = std::count(done.output.begin(), done.output.end(), '\n');
    fmt::print("  rollback {:.3f} s   ({} lines)\n", took.back(), steps);
    std::fflush(stdout);
  }
  writer.stop();
  const auto lost = writer.lost_on(rig.primary());
  if (!lost) throw std::runtime_error(lost.error().message);
  std::sort(took.begin(), took.end());
  fmt::print("rollback     nodes {}   trials {}   median {:.3f} s   max {:.3f} s   acknowledged {}   lost: {}\n", nodes,
             trials, took[took.size() / 2], took.back(), writer.count(), lost->size());
  const bool late = nodes <= 5 && took.back() > kPromised;
  if (late) fmt::print("longer than {} s\n", kPromised);
  return lost->empty() && !late ? 0 : 1;
}

}  // namespace
}  // namespace repl::testing

int main(int argc, char** argv) {
  int nodes = 5, trials = 5;
  CLI::App app{"How long a verified rollback takes"};
  app.add_option("--nodes", nodes, "servers");
  app.add_option("--trials", trials, "rollbacks");
  CLI11_PARSE(app, argc, argv);
  try {
    return repl::testing::measure(nodes, trials);
  } catch (const std::exception& e) {
    std::cerr << "failed: " << e.what() << "\n";
    return 2;
  }
}

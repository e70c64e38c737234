// acked-writer: an application under load, for the demo. Writes to every node until its standard input ends, says how
// long none was given when another node took over, and in the end what of the acknowledged is missing.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>

#include "tests/support/acked_writer.hpp"

namespace {

using namespace repl::testing;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{20};
constexpr double kWorthTelling = 0.05;  // seconds without an acknowledgement

bool input_ended() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  char byte = 0;
  return ::poll(&in, 1, static_cast<int>(kLook.count())) > 0 && ::read(STDIN_FILENO, &byte, 1) <= 0;
}

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> node_options;
  std::string user = "app", password_file;
  int threads = 2;
  CLI::App app{"Writes to every node until standard input ends; then says what was lost"};
  app.add_option("--node", node_options, "NAME=PORT on 127.0.0.1")->required();
  app.add_option("--user", user, "account");
  app.add_option("--password-file", password_file, "file with its password")->required();
  app.add_option("--threads", threads, "per node");
  CLI11_PARSE(app, argc, argv);

  std::vector<WriterNode> nodes;
  for (const auto& option : node_options) {
    const auto equals = option.find('=');
    nodes.push_back({option.substr(0, equals), static_cast<std::uint16_t>(std::stoi(option.substr(equals + 1)))});
  }
  std::string password;
  std::getline(std::ifstream{password_file} >> std::ws, password);

  AckedWriter writer{nodes, user, password, threads};
  if (const auto made = writer.create_table(std::chrono::seconds{20}); !made) {
    std::cerr << made.error().message << "\n";
    return 1;
  }
  writer.start();

  std::size_t told = 0;
  while (!input_ended()) {
    const auto acks = writer.acks();
    for (auto i = std::max<std::size_t>(told, 1); i < acks.size(); ++i) {
      const auto gap = seconds_between(acks[i - 1].done, acks[i].done);
      if (gap < kWorthTelling || acks[i - 1].node == acks[i].node) continue;  // else the machine was busy
      std::cout << fmt::format("writer: time to write again: {:.3f} s (last acknowledged by {}, then by {})\n", gap,
                               nodes[acks[i - 1].node].name, nodes[acks[i].node].name)
                << std::flush;
    }
    told = acks.size();
  }
  writer.stop();
  const auto acks = writer.acks();
  if (acks.empty()) {
    std::cerr << "writer: nothing was ever acknowledged\n";
    return 1;
  }
  const auto& last = nodes[acks.back().node].name;
  const auto lost = writer.lost_on(last);
  if (!lost) {
    std::cerr << lost.error().message << "\n";
    return 1;
  }
  std::cout << fmt::format("writer: acknowledged: {}   found on {}: {}   lost: {}\n", acks.size(), last,
                           acks.size() - lost->size(), lost->size());
  return lost->empty() ? 0 : 1;
}

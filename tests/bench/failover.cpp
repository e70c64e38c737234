// Bench: how long writes are out after a kill, a freeze and a switchover, and whether anything acknowledged was lost.
//
//   bench-failover [--kill N] [--freeze N] [--switchover N] [--apply N] [--rest SECONDS] [--soak SECONDS] [--nodes N]
//                  [--threads N] [--pace MS]
//
// A writer writes to every node all the time and keeps each acknowledgement. Times are from the fault (signal sent,
// command started) to the first acknowledgement elsewhere; for a switchover, the longest time without any. Figures of
// one run belong together: machines differ.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

struct Figures {
  std::vector<double> seconds;
  std::size_t lost = 0;
  std::size_t acknowledged = 0;

  double at(double share) const {
    if (seconds.empty()) return 0;
    auto sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
    return sorted[index];
  }
  void print(const char* what) const {
    fmt::print("{:<12} trials {:>3}   median {:.3f} s   p95 {:.3f} s   max {:.3f} s   acknowledged {}   lost: {}\n",
               what, seconds.size(), at(0.5), at(0.95), at(1.0), acknowledged, lost);
    std::fflush(stdout);
  }
};

[[noreturn]] void give_up(const Rig& rig, const std::string& why) {
  throw std::runtime_error(why + "\n" + rig.story());
}

class Bench {
 public:
  Bench(int nodes, int threads, std::chrono::microseconds pace)
      : rig_({.name = "bench", .nodes = nodes}),
        writer_(rig_.writer_nodes(), "app", rig_.application_password(), threads, pace) {
    const auto began = steady_clock::now();
    const auto applied = rig_.replctl({"apply", rig_.topology_file().string(), "--wait"});
    apply_took_ = steady_clock::now() - began;
    if (applied.exit_code != 0) give_up(rig_, "apply failed: " + applied.output + applied.errors);
    whole();
    if (const auto made = writer_.create_table(seconds{20}); !made) give_up(rig_, made.error().message);
  }

  double apply_took() const { return apply_took_.count(); }
  bool second_apply_is_empty() const {
    const auto again = rig_.replctl_json({"apply", rig_.topology_file().string(), "--dry-run"});
    return again.is_object() && again["clusters"][0]["plan"]["steps"].empty();
  }
  void write() { writer_.start(); }
  void stop_writing() { writer_.stop(); }
  Repld::Usage usage() { return rig_.repld().usage(); }

  void kill(Figures& figures) {
    const auto victim = ready();
    const auto began = steady_clock::now();
    must(rig_.sandbox().kill(victim));
    const auto first = wait_for_write(began, victim);
    figures.seconds.push_back(std::chrono::duration<double>(first.done - began).count());
    survivors_follow(victim);
    must(rig_.sandbox().start(victim));
    come_back(victim);
    judge(figures, fmt::format("kill {} -> {}", victim, rig_.primary()));
  }

  void freeze(Figures& figures) {
    const auto victim = ready();
    const auto began = steady_clock::now();
    must(rig_.sandbox().freeze(victim));
    const auto first = wait_for_write(began, victim);
    figures.seconds.push_back(std::chrono::duration<double>(first.done - began).count());
    survivors_follow(victim);
    const auto thawed = steady_clock::now();
    must(rig_.sandbox().thaw(victim));
    come_back(victim);
    const auto stale = writer_.accepted_by(victim, thawed);
    if (stale != 0) give_up(rig_, fmt::format("{} acknowledged {} writes after it woke up", victim, stale));
    judge(figures, fmt::format("freeze {} -> {}", victim, rig_.primary()));
  }

  void switch_over(Figures& figures) {
    const auto old = ready();
    const auto began = steady_clock::now();
    const auto done = rig_.replctl({"switchover", rig_.cluster(), "--wait"});
    if (done.exit_code != 0) give_up(rig_, "switchover failed: " + done.output + done.errors);
    wait_for_write(began, old);
    whole();
    figures.seconds.push_back(writer_.longest_gap(began, steady_clock::now()).length.count());
    judge(figures, fmt::format("switchover {} -> {}", old, rig_.primary()));
  }

  std::size_t acknowledged() const { return writer_.count(); }

 private:
  void must(const Result<void>& result) const {
    if (!result) give_up(rig_, result.error().message);
  }

  void whole() const {
    if (!rig_.wait_until_whole(seconds{60})) give_up(rig_, "the cluster does not become whole");
  }

  /// A whole cluster under load, its failovers acknowledged. Gives the primary.
  std::string ready() {
    whole();
    rig_.replctl({"ack", rig_.cluster()});
    const auto count = writer_.count();
    const auto deadline = steady_clock::now() + seconds{20};
    while (writer_.count() < count + 50) {
      if (steady_clock::now() > deadline) give_up(rig_, "the writer does not get on");
      std::this_thread::sleep_for(milliseconds{5});
    }
    return rig_.primary();
  }

  Ack wait_for_write(steady_clock::time_point since, const std::string& not_on) const {
    const auto deadline = steady_clock::now() + seconds{30};
    while (steady_clock::now() < deadline) {
      if (const auto ack = writer_.first_after(since, not_on)) return *ack;
      std::this_thread::sleep_for(milliseconds{5});
    }
    give_up(rig_, "no write was accepted within 30 s");
  }

  void survivors_follow(const std::string& gone) const {
    const bool done = rig_.wait_for(
        [&](const nlohmann::json& s) {
          if (!s["primary"].is_string() || s["primary"] == gone) return false;
          return std::all_of(s["nodes"].begin(), s["nodes"].end(), [&](const nlohmann::json& n) {
            return n["name"] == gone || n["name"] == s["primary"] ||
                   (n["source"] == s["primary"] && n["receiver"] == "running" && n["applier"] == "running");
          });
        },
        seconds{30});
    if (!done) give_up(rig_, "the surviving replicas do not follow the new primary");
  }

  /// Re-attached by itself, or in quarantine with its transactions named, and then rebuilt as a clone.
  void come_back(const std::string& node) {
    std::string state, errant;
    const bool settled = rig_.wait_for(
        [&](const nlohmann::json& s) {
          for (const auto& n : s["nodes"]) {
            if (n["name"] != node) continue;
            state = n["state"];
            errant = n.value("errant", "");
            return (state == "ok" && n["source"] == s["primary"]) || (state == "quarantined" && !errant.empty());
          }
          return false;
        },
        seconds{60});
    if (!settled) give_up(rig_, node + " is neither re-attached nor in quarantine");
    if (state == "ok") {
      ++reattached;
      return;
    }
    ++quarantined;
    must(rig_.sandbox().rebuild(node));
    whole();
  }

  void judge(Figures& figures, const std::string& what) {
    const auto lost = writer_.lost_on(rig_.primary());
    if (!lost) give_up(rig_, lost.error().message);
    figures.lost += lost->size();
    figures.acknowledged = writer_.count();
    fmt::print("  {:<28} {:.3f} s   lost {}\n", what, figures.seconds.back(), lost->size());
    std::fflush(stdout);
  }

  Rig rig_;
  AckedWriter writer_;
  std::chrono::duration<double> apply_took_{0};

 public:
  int reattached = 0;
  int quarantined = 0;
};

void rest(Bench& bench, int length) {
  const auto before = bench.usage();
  const auto began = steady_clock::now();
  std::this_thread::sleep_for(seconds{length});  // the point is that nothing happens
  const auto after = bench.usage();
  const std::chrono::duration<double> took = steady_clock::now() - began;
  fmt::print("{:<12} {:.2f} CPU s per minute   {:.1f} MiB RSS   {} open files\n", "at rest",
             (after.cpu_seconds - before.cpu_seconds) * 60 / took.count(),
             static_cast<double>(after.resident_bytes) / 1048576.0, after.open_files);
  std::fflush(stdout);
}

/// Switchovers and kills in turn. Gives the number of lost transactions.
std::size_t soak(Bench& bench, int length) {
  const auto until = steady_clock::now() + seconds{length};
  Figures kills, switchovers;
  int round = 0;
  const auto usage_line = [&](const char* when) {
    const auto u = bench.usage();
    fmt::print("{:<12} {:.1f} MiB RSS   {} open files   {:.1f} CPU s   round {}\n", when,
               static_cast<double>(u.resident_bytes) / 1048576.0, u.open_files, u.cpu_seconds, round);
    std::fflush(stdout);
  };
  usage_line("soak begins");
  while (steady_clock::now() < until) {
    bench.switch_over(switchovers);
    bench.kill(kills);
    if (++round % 10 == 0) usage_line("soak");
  }
  usage_line("soak ends");
  kills.print("soak kill");
  switchovers.print("soak switch");
  return kills.lost + switchovers.lost;
}

}  // namespace
}  // namespace repl::testing

int main(int argc, char** argv) {
  using namespace repl::testing;
  int kills = 20, freezes = 10, switchovers = 20, applies = 1, nodes = 3, threads = 2, rest_for = 0, soak_for = 0,
      pace = 2;
  CLI::App app{"How long writes are out, and what is lost"};
  app.add_option("--kill", kills, "trials of kill -9");
  app.add_option("--freeze", freezes, "trials of SIGSTOP");
  app.add_option("--switchover", switchovers, "trials of a planned switchover");
  app.add_option("--apply", applies, "sandboxes applied from empty servers");
  app.add_option("--nodes", nodes, "servers");
  app.add_option("--threads", threads, "writing threads per node");
  app.add_option("--pace", pace, "milliseconds each thread pauses after a commit");
  app.add_option("--rest", rest_for, "seconds at rest to measure repld's own needs in");
  app.add_option("--soak", soak_for, "seconds of switchovers and kills in a loop");
  CLI11_PARSE(app, argc, argv);
  try {
    for (int i = 1; i < applies; ++i) {
      const Bench once{nodes, threads, milliseconds{pace}};
      fmt::print("{:<12} {:.2f} s\n", "apply", once.apply_took());
    }
    Bench bench{nodes, threads, milliseconds{pace}};
    fmt::print("{:<12} {:.2f} s on {} empty servers; a second one is {}\n", "apply", bench.apply_took(), nodes,
               bench.second_apply_is_empty() ? "empty" : "NOT EMPTY");
    if (rest_for > 0) rest(bench, rest_for);
    bench.write();
    std::size_t lost = 0;
    const auto trials = [&](const char* name, int count, void (Bench::*trial)(Figures&)) {
      Figures figures;
      for (int i = 0; i < count; ++i) (bench.*trial)(figures);
      if (count > 0) figures.print(name);
      lost += figures.lost;
    };
    trials("kill -9", kills, &Bench::kill);
    trials("freeze", freezes, &Bench::freeze);
    trials("switchover", switchovers, &Bench::switch_over);
    if (soak_for > 0) lost += soak(bench, soak_for);
    bench.stop_writing();
    fmt::print("returned: {} re-attached, {} quarantined and rebuilt; acknowledged {}, lost: {}\n", bench.reattached,
               bench.quarantined, bench.acknowledged(), lost);
    return lost == 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "failed: " << e.what() << "\n";
    return 2;
  }
}

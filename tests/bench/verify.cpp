// Bench: how long `replctl verify` takes for a schema of about a gigabyte under a writer, and how far replicas fall
// behind meanwhile, measured apart from repld: a row that the primary writes with its time, and that each replica is
// asked for.
//
//   bench-verify [--megabytes N] [--nodes N] [--pace MS] [--rest SECONDS] [--max-lag DURATION]
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/acked_writer.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kTables = 8;
constexpr int kRowsAtOnce = 20'000;
constexpr int kBytesPerRow = 256;
constexpr milliseconds kBeat{20};

double since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

ctl::sandbox::RootSession root(const Rig& rig, const std::string& node) {
  auto session = rig.sandbox().root_session(node, seconds{600});
  if (!session) throw std::runtime_error(session.error().message);
  return std::move(*session);
}

std::string ask(ctl::sandbox::RootSession& session, const std::string& sql) {
  const auto rows = session.query(sql);
  if (!rows) throw std::runtime_error(sql + ": " + rows.error().message);
  return rows->empty() || rows->front().empty() ? "" : rows->front().front().value_or("");
}

/// How old the newest row is that a replica has: the heartbeat of the primary, looked for all the time.
class LagMeter {
 public:
  explicit LagMeter(const Rig& rig) : rig_(rig) {
    auto primary = root(rig, "db1");
    ask(primary, "CREATE DATABASE IF NOT EXISTS beat");
    ask(primary, "CREATE TABLE IF NOT EXISTS beat.heart (id INT PRIMARY KEY, at DATETIME(6))");
    threads_.emplace_back([this](const std::stop_token& stop) {
      auto session = root(rig_, "db1");
      while (!stop.stop_requested()) {
        ask(session, "REPLACE INTO beat.heart VALUES (1, UTC_TIMESTAMP(6))");
        std::this_thread::sleep_for(kBeat);
      }
    });
    for (const auto& node : rig.sandbox().nodes()) {
      if (node.name == "db1") continue;
      threads_.emplace_back([this, name = node.name](const std::stop_token& stop) {
        auto session = root(rig_, name);
        while (!stop.stop_requested()) {
          const auto rows = session.query("SELECT TIMESTAMPDIFF(MICROSECOND, at, UTC_TIMESTAMP(6)) FROM beat.heart");
          if (rows && !rows->empty()) note(name, rows->front().front().value_or(""));  // else it has not come yet
          std::this_thread::sleep_for(kBeat);
        }
      });
    }
  }

  void forget() {
    const std::lock_guard lock{mutex_};
    seen_.clear();
  }
  void print(const char* when) {
    const std::lock_guard lock{mutex_};
    for (auto& [node, lags] : seen_) {
      std::sort(lags.begin(), lags.end());
      const auto at = [&](double share) {
        return lags[static_cast<std::size_t>(share * static_cast<double>(lags.size() - 1))];
      };
      fmt::print("lag of {} {:<12} looks {:>6}   median {:.3f} s   p99 {:.3f} s   max {:.3f} s\n", node, when,
                 lags.size(), at(0.5), at(0.99), at(1.0));
    }
    std::fflush(stdout);
  }

 private:
  void note(const std::string& node, const std::string& microseconds) {
    if (microseconds.empty()) return;
    const std::lock_guard lock{mutex_};
    seen_[node].push_back(std::stod(microseconds) / 1e6);
  }

  const Rig& rig_;
  std::mutex mutex_;
  std::map<std::string, std::vector<double>> seen_;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

long rows_per_table(int megabytes) {
  return static_cast<long>(megabytes) * 1'000'000 / kBytesPerRow / kTables;
}

void fill(const Rig& rig, int megabytes) {
  auto session = root(rig, "db1");
  ask(session, "CREATE DATABASE big");
  ask(session, fmt::format("SET SESSION cte_max_recursion_depth={}", kRowsAtOnce + 1));
  const auto rows = rows_per_table(megabytes);
  for (int table = 0; table < kTables; ++table) {
    ask(session,
        fmt::format("CREATE TABLE big.t{} (id BIGINT PRIMARY KEY, customer INT NOT NULL, price DECIMAL(12,2) NOT "
                    "NULL, created DATETIME(3) NOT NULL, note VARCHAR(255))",
                    table));
    for (long first = 1; first <= rows; first += kRowsAtOnce) {
      ask(session,
          fmt::format("INSERT INTO big.t{} WITH RECURSIVE n(i) AS (SELECT {} UNION ALL SELECT i+1 FROM n WHERE i < "
                      "{}) SELECT i, i % 9973, i / 7, '2026-01-01' + INTERVAL i SECOND, CONCAT(SHA2(i,512), "
                      "SHA2(i,256)) FROM n",
                      table, first, std::min(first + kRowsAtOnce - 1, rows)));
    }
    fmt::print("filled big.t{}: {} rows\n", table, rows);
    std::fflush(stdout);
  }
}

void run(int megabytes, int nodes, milliseconds pace, int rest, const std::string& max_lag) {
  Rig rig({.name = "bench-verify",
           .nodes = nodes,
           .settings = {{"innodb_buffer_pool_size", "512M"},
                        {"loose_innodb_redo_log_capacity", "512M"},
                        {"replica_parallel_workers", "4"}}});
  const auto applied = rig.replctl({"apply", rig.topology_file().string(), "--wait"});
  if (applied.exit_code != 0) throw std::runtime_error(applied.output + applied.errors);
  auto began = steady_clock::now();
  fill(rig, megabytes);
  if (!rig.wait_until_whole(seconds{600})) throw std::runtime_error("the replicas do not catch up\n" + rig.story());
  fmt::print("filled in {:.0f} s\n", since(began));

  auto session = root(rig, "db1");
  ask(session, "SET SESSION information_schema_stats_expiry=0");
  for (int table = 0; table < kTables; ++table) ask(session, fmt::format("ANALYZE TABLE big.t{}", table));
  const auto size =
      ask(session, "SELECT ROUND(SUM(DATA_LENGTH)/1e6) FROM information_schema.TABLES WHERE TABLE_SCHEMA='big'");

  AckedWriter writer(rig.writer_nodes(), "app", rig.application_password(), 2, pace);
  if (const auto made = writer.create_table(seconds{20}); !made) throw std::runtime_error(made.error().message);
  writer.start();
  std::jthread updates([&](const std::stop_token& stop) {
    auto changing = root(rig, "db1");
    for (long i = 0; !stop.stop_requested(); ++i) {
      ask(changing, fmt::format("UPDATE big.t{} SET price = price + 1 WHERE id = {}", i % kTables,
                                1 + i * 7919 % (rows_per_table(megabytes) / 2)));
      std::this_thread::sleep_for(pace);
    }
  });
  LagMeter meter(rig);
  std::this_thread::sleep_for(seconds{rest});  // the figures without a verification
  meter.print("before");
  meter.forget();
  const auto acknowledged = writer.count();
  const auto used = rig.repld().usage().cpu_seconds;
  began = steady_clock::now();
  std::vector<std::string> command{"verify", rig.cluster(), "--schema", "big"};
  if (!max_lag.empty()) command.insert(command.end(), {"--max-lag", max_lag});
  const auto outcome = rig.replctl(command);
  const auto took = since(began);
  meter.print("meanwhile");
  const auto run = rig.replctl_json({"verify", rig.cluster(), "--show"})["run"];
  fmt::print("{}{}", outcome.output, outcome.errors);
  fmt::print("verified {} MB, {} rows in {} chunks: {:.1f} s, {:.0f} MB/s, {:.0f} rows/s, exit code {}\n", size,
             run["rows"].dump(), run["chunks"].dump(), took, std::stod(size) / took, run["rows"].get<double>() / took,
             outcome.exit_code);
  fmt::print(
      "greatest lag that repld waited for {:.3f} s; {} commits acknowledged meanwhile; repld used {:.2f} s CPU\n",
      run["longestWaitSeconds"].get<double>(), writer.count() - acknowledged, rig.repld().usage().cpu_seconds - used);

  // A row that changed behind replication's back is found and named.
  const auto last = "db" + std::to_string(nodes);
  rig.replctl({"pause", rig.cluster()});  // it would close the replica again at once
  auto tampering = root(rig, last);
  for (const auto* statement : {"SET sql_log_bin=0", "SET GLOBAL super_read_only=0"}) {
    ask(tampering, statement);
  }
  ask(tampering, fmt::format("UPDATE big.t3 SET price = price + 0.01 WHERE id = {}", rows_per_table(megabytes) - 10));
  const auto found = rig.replctl({"verify", rig.cluster(), "--schema", "big"});
  fmt::print("after one row of {} was changed: exit code {}\n{}", last, found.exit_code, found.output);
  updates.request_stop();
  writer.stop();
}

}  // namespace
}  // namespace repl::testing

int main(int argc, char** argv) {
  int megabytes = 1024, nodes = 3, pace = 5, rest = 20;
  std::string max_lag;
  CLI::App app{"How long verify takes, and how far replicas fall behind meanwhile.", "bench-verify"};
  app.add_option("--megabytes", megabytes, "size of the schema")->capture_default_str()->check(CLI::Range(1, 100'000));
  app.add_option("--nodes", nodes, "servers")->capture_default_str()->check(CLI::Range(2, 9));
  app.add_option("--pace", pace, "milliseconds between two writes of a writer")->capture_default_str();
  app.add_option("--rest", rest, "seconds of figures before the verification")->capture_default_str();
  app.add_option("--max-lag", max_lag, "as of replctl verify");
  CLI11_PARSE(app, argc, argv);
  try {
    repl::testing::run(megabytes, nodes, std::chrono::milliseconds{pace}, rest, max_lag);
  } catch (const std::exception& e) {
    std::cerr << "bench-verify: " << e.what() << '\n';
    return 1;
  }
  return 0;
}

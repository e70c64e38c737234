// Runs independent schedules on all processors and keeps the reports of those that broke an invariant.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/simulation.hpp"

namespace repl::sim {

struct Outcome {
  std::vector<Schedule> failed;  ///< In the order of their numbers.
  std::size_t runs = 0;
  std::map<std::string, int> operations;
  std::size_t acknowledged = 0;
};

/// `schedule(i)` for i = 0 .. count-1 must not depend on anything but i.
inline Outcome run_all(std::size_t count, const std::function<Schedule(std::size_t)>& schedule) {
  std::mutex mutex;
  Outcome outcome;
  std::map<std::size_t, Schedule> failed;
  std::atomic<std::size_t> next{0};
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < std::max(1U, std::thread::hardware_concurrency()); ++t) {
      threads.emplace_back([&] {
        for (auto i = next++; i < count; i = next++) {
          auto s = schedule(i);
          const auto report = run(s);
          const std::lock_guard lock{mutex};
          ++outcome.runs;
          outcome.acknowledged += report.acknowledged;
          for (const auto& [what, n] : report.operations) outcome.operations[what] += n;
          if (!report.ok()) failed.emplace(i, std::move(s));
        }
      });
    }
  }
  for (auto& [i, s] : failed) outcome.failed.push_back(std::move(s));
  return outcome;
}

/// The first few failures with the ends of their traces, and the names and seeds of all.
inline std::string explain(const Outcome& outcome, std::size_t with_trace = 1) {
  std::string out = fmt::format("{} of {} runs broke an invariant\n", outcome.failed.size(), outcome.runs);
  for (std::size_t i = 0; i < outcome.failed.size() && i < 30; ++i) {
    const auto report = run_and_explain(outcome.failed[i]);
    out += i < with_trace ? report.text() : report.text(0);
    out += '\n';
  }
  return out;
}

}  // namespace repl::sim

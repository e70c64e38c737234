// What GET /metrics tells: counters and histograms that grow with what the runners report, and gauges made from the
// state of the clusters at each scrape. No server is asked by a scrape. Names and labels: docs/metrics.md. Thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "run/observer.hpp"
#include "serve/picture.hpp"

namespace repl::serve {

class Metrics final : public run::Observer {
 public:
  explicit Metrics(std::string version);
  ~Metrics() override;

  // run::Observer
  void cluster_added(const ClusterId& cluster) override;
  void cluster_forgotten(const ClusterId& cluster) override;
  void loop_turned(const ClusterId& cluster, Time now) override;
  void operation_changed(const ClusterId& cluster, const Operation& operation) override;
  void event_recorded(const ClusterId& cluster, const Event& event) override;
  void probe_done(const ClusterId& cluster, const Snapshot& snapshot) override;
  void chunk_verified(const ClusterId& cluster, std::uint64_t rows) override;
  void hook_ended(const ClusterId& cluster, HookPoint point, std::string_view outcome, Duration took) override;
  void journal_written(const ClusterId& cluster, Duration took, bool durable) override;

  /// @param route  the pattern, never a path; "none" when there was no such route
  void http_answered(std::string_view route, int status, Duration took);

  /// When the loop of `cluster` last came round. A loop that never has is given from the first time it is asked for.
  Time last_turn(const ClusterId& cluster, Time now) const;

  /// Prometheus text format 0.0.4.
  std::string exposition(std::span<const Picture> clusters) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repl::serve

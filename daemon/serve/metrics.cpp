// Counters and histograms, and the scrape.
#include "serve/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "diagnose/rules.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "run/hook_program.hpp"
#include "serve/families.hpp"
#include "serve/json.hpp"

namespace repl::serve {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;

const Histogram::BucketBoundaries kPhaseBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60};
const Histogram::BucketBoundaries kProbeBuckets{0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
const Histogram::BucketBoundaries kQuickBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10};

/// Names of the problems that lead to a failover by itself.
std::vector<std::string> failover_reasons() {
  std::vector<std::string> reasons;
  for (const auto& rule : diagnose::cluster_rules()) {
    if (rule.goal == Goal::FailOver) reasons.emplace_back(rule.name);
  }
  return reasons;
}

/// The problem that an operation was caused by, or "request". Causes are sentences; a label must not be.
std::string reason_of(const Operation& operation) {
  for (const auto& reason : failover_reasons()) {
    if (operation.cause.find(reason) != std::string::npos) return reason;
  }
  return "request";
}

/// When the promoted node was opened for writes; empty when the plan opens none, or has not yet.
std::optional<Time> opened_at(const Operation& operation) {
  for (std::size_t i = 0; i < operation.plan.steps.size() && i < operation.progress.size(); ++i) {
    const auto* step = std::get_if<SetReadOnly>(&operation.plan.steps[i].step);
    const auto& progress = operation.progress[i];
    if (step != nullptr && step->to == ReadOnly::Off && operation.plan.promotes == step->node &&
        progress.state == StepState::Done) {
      return progress.changed_at;
    }
  }
  return std::nullopt;
}

constexpr OperationState kResults[] = {OperationState::Done, OperationState::TakenBack, OperationState::NeedsPerson,
                                       OperationState::GivenUp};

}  // namespace

struct Metrics::Impl {
  explicit Impl(std::string version_) : version(std::move(version_)) {}

  const std::string version;
  prometheus::Registry registry;

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Family<Counter>& failovers = counters("repld_failovers_total", "Failovers that ended.");
  Family<Counter>& switchovers = counters("repld_switchovers_total", "Switchovers that ended.");
  Family<Counter>& operations = counters("repld_operations_total", "Operations that ended.");
  Family<Counter>& steps = counters("repld_steps_total", "Steps of operations that ended.");
  Family<Histogram>& operation_seconds = histograms("repld_operation_duration_seconds", "How long operations took.");
  Family<Histogram>& failover_seconds = histograms(
      "repld_failover_duration_seconds", "Failovers that were done: until the new primary takes writes, and in total.");
  Family<Counter>& probes = counters("repld_probes_total", "Probes, by how they ended.");
  Family<Histogram>& probe_seconds = histograms("repld_probe_duration_seconds", "How long probes took.");
  Family<Counter>& events = counters("repld_events_total", "Events that were recorded.");
  Family<Histogram>& journal_seconds =
      histograms("repld_journal_write_seconds", "How long it took until a record was durable.");
  Family<Counter>& chunks = counters("repld_verify_chunks_total", "Parts of tables compared on all nodes.");
  Family<Counter>& verified_rows = counters("repld_verify_rows_total", "Rows compared on all nodes.");
  Family<Counter>& hook_runs = counters("repld_hook_runs_total", "Runs of hooks, by how they ended.");
  Family<Histogram>& hook_seconds = histograms("repld_hook_duration_seconds", "How long runs of hooks took.");
  Family<Counter>& store_errors = counters("repld_store_errors_total", "Records that could not be stored.");
  Family<Counter>& http_requests = counters("repld_http_requests_total", "Requests answered.");
  Family<Histogram>& http_seconds = histograms("repld_http_request_duration_seconds", "How long answers took.");

  std::mutex mutex;  // guards what follows
  std::map<ClusterId, Time> turns;
  std::map<ClusterId, std::string> last_ended;  // operations are reported more than once

  /// Families start at 0 for each cluster: a counter that appears with 1 has no increase.
  void start_at_zero(const std::string& cluster) {
    chunks.Add({{"cluster", cluster}});
    verified_rows.Add({{"cluster", cluster}});
    for (const auto& point : kHookPoints) {
      for (const auto outcome : {run::HookOutcome::Done, run::HookOutcome::Failed, run::HookOutcome::TimedOut,
                                 run::HookOutcome::Refused, run::HookOutcome::Stopped}) {
        hook_runs.Add({{"cluster", cluster}, {"hook", label(point.name)}, {"result", label(to_string(outcome))}});
      }
    }
    auto reasons = failover_reasons();
    reasons.emplace_back("request");
    for (const auto result : kResults) {
      for (const auto& reason : reasons) {
        failovers.Add({{"cluster", cluster}, {"reason", reason}, {"result", label(to_string(result))}});
      }
      switchovers.Add({{"cluster", cluster}, {"reason", "request"}, {"result", label(to_string(result))}});
      for (int goal = 1; to_string(static_cast<Goal>(goal)) != "?"; ++goal) {
        operations.Add({{"cluster", cluster},
                        {"kind", label(to_string(static_cast<Goal>(goal)))},
                        {"result", label(to_string(result))}});
      }
    }
  }

  void count(const std::string& cluster, const Operation& operation) {
    const auto result = label(to_string(operation.state));
    const auto kind = label(to_string(operation.goal));
    const auto took = seconds(operation.finished - operation.started);
    operations.Add({{"cluster", cluster}, {"kind", kind}, {"result", result}}).Increment();
    operation_seconds.Add({{"cluster", cluster}, {"kind", kind}}, kPhaseBuckets).Observe(took);
    if (operation.goal == Goal::FailOver) {
      failovers.Add({{"cluster", cluster}, {"reason", reason_of(operation)}, {"result", result}}).Increment();
      if (operation.state == OperationState::Done) {
        failover_seconds.Add({{"cluster", cluster}, {"phase", "total"}}, kPhaseBuckets).Observe(took);
        if (const auto opened = opened_at(operation)) {
          failover_seconds.Add({{"cluster", cluster}, {"phase", "promote"}}, kPhaseBuckets)
              .Observe(seconds(*opened - operation.started));
        }
      }
    }
    if (operation.goal == Goal::SwitchOver) {
      switchovers.Add({{"cluster", cluster}, {"reason", "request"}, {"result", result}}).Increment();
    }
    for (std::size_t i = 0; i < operation.plan.steps.size() && i < operation.progress.size(); ++i) {
      steps
          .Add({{"cluster", cluster},
                {"kind", label(name_of(operation.plan.steps[i].step))},
                {"result", label(to_string(operation.progress[i].state))}})
          .Increment();
    }
  }
};

Metrics::Metrics(std::string version) : impl_(std::make_unique<Impl>(std::move(version))) {
  impl_->store_errors.Add({});
  impl_->journal_seconds.Add({}, kQuickBuckets);
}

Metrics::~Metrics() = default;

void Metrics::cluster_added(const ClusterId& cluster) {
  impl_->start_at_zero(cluster.name);
}

void Metrics::cluster_forgotten(const ClusterId& cluster) {
  const std::lock_guard lock(impl_->mutex);
  impl_->turns.erase(cluster);
  impl_->last_ended.erase(cluster);
}

void Metrics::loop_turned(const ClusterId& cluster, Time now) {
  const std::lock_guard lock(impl_->mutex);
  impl_->turns[cluster] = now;
}

void Metrics::operation_changed(const ClusterId& cluster, const Operation& operation) {
  if (!is_over(operation.state)) return;
  {
    const std::lock_guard lock(impl_->mutex);
    auto& last = impl_->last_ended[cluster];
    if (last == operation.id.value) return;
    last = operation.id.value;
  }
  impl_->count(cluster.name, operation);
}

void Metrics::event_recorded(const ClusterId&, const Event& event) {
  impl_->events.Add({{"kind", event.kind}}).Increment();
}

void Metrics::probe_done(const ClusterId& cluster, const Snapshot& snapshot) {
  impl_->probes.Add({{"cluster", cluster.name}, {"result", label(to_string(snapshot.reach))}}).Increment();
  impl_->probe_seconds.Add({{"cluster", cluster.name}}, kProbeBuckets).Observe(seconds(snapshot.took));
}

void Metrics::chunk_verified(const ClusterId& cluster, std::uint64_t rows) {
  impl_->chunks.Add({{"cluster", cluster.name}}).Increment();
  impl_->verified_rows.Add({{"cluster", cluster.name}}).Increment(static_cast<double>(rows));
}

void Metrics::hook_ended(const ClusterId& cluster, HookPoint point, std::string_view outcome, Duration took) {
  const auto hook = label(to_string(point));
  impl_->hook_runs.Add({{"cluster", cluster.name}, {"hook", hook}, {"result", label(outcome)}}).Increment();
  impl_->hook_seconds.Add({{"cluster", cluster.name}, {"hook", hook}}, kPhaseBuckets).Observe(seconds(took));
}

void Metrics::journal_written(const ClusterId&, Duration took, bool durable) {
  if (durable) {
    impl_->journal_seconds.Add({}, kQuickBuckets).Observe(seconds(took));
  } else {
    impl_->store_errors.Add({}).Increment();
  }
}

void Metrics::http_answered(std::string_view route, int status, Duration took) {
  impl_->http_requests.Add({{"route", label(route)}, {"code", std::to_string(status)}}).Increment();
  impl_->http_seconds.Add({{"route", label(route)}}, kQuickBuckets).Observe(seconds(took));
}

Time Metrics::last_turn(const ClusterId& cluster, Time now) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->turns.try_emplace(cluster, now).first->second;
}

std::string Metrics::exposition(std::span<const Picture> clusters) const {
  Families families;
  families.gauge("repld_build_info", "The version of repld; always 1.", {{"version", impl_->version}}, 1);
  families.gauge("repld_leader", "1 when this repld acts; a single one always does.", {}, 1);
  add_cluster_gauges(families, clusters);
  add_process_metrics(families);
  auto all = families.take();
  auto counted = impl_->registry.Collect();
  all.insert(all.end(), std::make_move_iterator(counted.begin()), std::make_move_iterator(counted.end()));
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace repl::serve

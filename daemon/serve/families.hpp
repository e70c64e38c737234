// Gauges of one scrape, put together family by family.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/picture.hpp"

namespace repl::serve {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// The value of a label.
inline std::string label(std::string_view value) {
  return std::string(value);
}

/// Collects samples; each family comes out once and in one piece, in the order of first use.
class Families {
 public:
  void gauge(const char* name, const char* help, Labels labels, double value) {
    add(name, help, prometheus::MetricType::Gauge, std::move(labels), value);
  }
  void counter(const char* name, const char* help, Labels labels, double value) {
    add(name, help, prometheus::MetricType::Counter, std::move(labels), value);
  }
  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  void add(const char* name, const char* help, prometheus::MetricType type, Labels labels, double value);

  std::vector<prometheus::MetricFamily> families_;
};

/// What the clusters are like now.
void add_cluster_gauges(Families& families, std::span<const Picture> clusters);
/// This process, from /proc/self: CPU, memory, descriptors, threads, start. What cannot be read is left out.
void add_process_metrics(Families& families);

}  // namespace repl::serve

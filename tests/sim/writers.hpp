// Applications: writers that insert rows all the time, at whichever node takes them, and log each acknowledgement.
#pragma once

#include <functional>
#include <vector>

#include "sim/world.hpp"

namespace repl::sim {

struct Acknowledgement {
  Transaction transaction;
  int server = 0;
  Time at{};
  bool by_persons_doing = false;  ///< The node was open only because a person had opened it.
};

class Writers {
 public:
  Writers(World& world, int count);

  Duration think_shortest{20'000}, think_longest{200'000};
  bool everywhere = false;       ///< They go from node to node, where several take writes.
  Duration patience{3'000'000};  ///< After so long without an answer a writer goes elsewhere.

  void start();
  void stop() { writing_ = false; }
  const std::vector<Acknowledgement>& log() const { return log_; }
  /// Time of the latest acknowledgement of a write that a server took at `since` or later; empty: none.
  bool acknowledged_since(Time since) const { return !log_.empty() && log_.back().at >= since; }

 private:
  struct Writer {
    int target = 0;
    std::uint64_t attempt = 0;
  };
  void next(std::size_t writer, Duration pause);
  void write(std::size_t writer);
  void answered(std::size_t writer, std::uint64_t attempt, bool accepted);

  World& world_;
  Random random_;
  bool writing_ = false;
  std::vector<Writer> writers_;
  std::vector<Acknowledgement> log_;
};

}  // namespace repl::sim

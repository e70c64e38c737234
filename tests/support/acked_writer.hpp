// An application that never stops writing, to every node at once, and keeps what was acknowledged: the judge of every
// claim about lost transactions, write gaps and two writers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model/error.hpp"

namespace repl::testing {

using SteadyTime = std::chrono::steady_clock::time_point;

struct WriterNode {
  std::string name;
  std::uint16_t port = 0;  ///< On 127.0.0.1.
};

/// One commit that the server called done.
struct Ack {
  std::int64_t id = 0;   ///< Primary key of the row.
  std::size_t node = 0;  ///< Index into the nodes.
  SteadyTime sent;
  SteadyTime done;
};

struct Gap {
  std::chrono::duration<double> length{0};
  SteadyTime from, to;
};

/// Each thread writes to one node, whether that takes writes or not: an error is followed by the next attempt a moment
/// later. So the first acknowledgement of a new primary is seen within milliseconds, and one by a node that should be
/// closed is never missed. Thread-safe.
class AckedWriter {
 public:
  /// @param between_commits  pause of a thread after each acknowledgement: what the load is, apart from the server's speed
  AckedWriter(std::vector<WriterNode> nodes, std::string user, std::string password, int threads_per_node = 2,
              std::chrono::microseconds between_commits = std::chrono::milliseconds{2});
  ~AckedWriter();

  /// Creates schema `app` and table `app.acked` on whichever node takes writes. @errors DeadlineExceeded
  Result<void> create_table(std::chrono::seconds within);
  void start();
  /// Ends the threads, those stuck in a commit too.
  void stop();

  std::vector<Ack> acks() const;
  std::size_t count() const;
  /// The first acknowledgement of a statement sent after `since` on another node than `not_on`.
  std::optional<Ack> first_after(SteadyTime since, const std::string& not_on) const;
  /// Acknowledgements of `node` for statements sent after `since`. (A commit that a replica had acknowledged before a
  /// freeze is answered after it, and rightly: it is on that replica. One that nobody had is found by lost_on.)
  std::size_t accepted_by(const std::string& node, SteadyTime since) const;
  /// The longest time without any acknowledgement between the two moments, the ends counted.
  Gap longest_gap(SteadyTime from, SteadyTime to) const;

  /// Acknowledged rows that are not on `node`. @errors when the node cannot be asked
  Result<std::vector<std::int64_t>> lost_on(const std::string& node) const;

 private:
  void write(std::size_t node, int thread, const std::stop_token& stop);
  std::size_t index_of(const std::string& node) const;

  std::vector<WriterNode> nodes_;
  std::string user_, password_;
  int threads_per_node_;
  std::chrono::microseconds between_commits_;
  std::atomic<std::int64_t> next_id_{1};
  mutable std::mutex mutex_;
  std::vector<Ack> acks_;     // under mutex_
  std::vector<int> sockets_;  // under mutex_, one per thread; -1: none
  std::vector<std::jthread> threads_;
};

}  // namespace repl::testing

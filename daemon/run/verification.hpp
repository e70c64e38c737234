// One run of a verification at work: goes through the tables chunk by chunk, compares the nodes, and keeps what it
// finds in the store. What is decided by values alone is in verify/; how rows are read is in mysql/. docs/verify.md
// says what the order of the reads proves.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <vector>

#include "mysql/checksum_reader.hpp"
#include "run/clock.hpp"
#include "run/observer.hpp"
#include "run/registry.hpp"
#include "store/store.hpp"
#include "verify/chunk_size.hpp"
#include "verify/run.hpp"

namespace repl::run {

/// One thread, the verifier's. Reads of several nodes are made at the same time on threads of their own.
class Verification {
 public:
  struct Surroundings {
    ClusterId cluster;
    std::function<std::shared_ptr<const ClusterState>()> state;
    std::function<void(const verify::Run&)> publish;
    store::Store& store;
    const Clock& clock;
    Observer& observer;
    const std::atomic<bool>& asked_to_stop;  ///< Somebody wants the run to end; otherwise it is repld that ends.
  };

  /// @param tables  how far a run that goes on had come; empty for a new one
  Verification(Surroundings around, verify::Run run, std::vector<verify::TableProgress> tables);

  /// Works until the end, `stop`, or until some node is out of reach for too long. When it returns the run is in the
  /// store; Running when repld ends, so that it goes on with the next one.
  void work(const std::stop_token& stop);

 private:
  using Reader = mysql::ChecksumReader;
  struct Members {
    std::shared_ptr<Reader> reference;
    std::vector<std::shared_ptr<Reader>> others;
  };
  /// What of a chunk, or of a piece of one, has still to be looked at.
  struct Disputed {
    const verify::TableShape& shape;
    Reader& node;
    verify::KeyRange range;
  };

  // The order of a run: verification.cpp. Each gives an error when a node fails it.
  void work_to_the_end();
  Result<void> go_through();
  void end(verify::RunState state, const std::string& kind, const std::string& text);
  Result<void> gather();
  Result<void> compare_gtids();
  Result<void> list_tables();
  Result<void> compare_table(verify::TableProgress& table);

  // One table: verification_rows.cpp
  struct Comparable {
    std::optional<verify::TableShape> shape;  ///< Empty: the reference has no such table.
    std::vector<std::shared_ptr<Reader>> nodes;
  };
  Result<Comparable> compare_definitions(verify::TableProgress& table);
  /// Begins a table from the start, and forgets what it has found there: none of it belongs to the present definition.
  void start_anew(verify::TableProgress& table);
  /// What a chunk leaves to be done.
  enum class Next { Chunk, NoMore, Anew };
  /// Never ends with Next::Chunk.
  Result<Next> compare_rows(verify::TableProgress& table, const verify::TableShape& shape,
                            const std::vector<std::shared_ptr<Reader>>& nodes);
  Result<Next> compare_chunk(verify::TableProgress& table, const verify::TableShape& shape,
                             const std::vector<std::shared_ptr<Reader>>& nodes, verify::ChunkSize& size);
  /// Whether the table is defined so on all of them, and on the reference, now.
  Result<bool> is_still(const verify::TableShape& shape, const std::vector<std::shared_ptr<Reader>>& nodes);
  /// Of a chunk that was looked at row by row; counted when the whole chunk is done.
  struct Settled {
    std::vector<verify::Finding> findings;
    std::uint64_t unsettled = 0;
  };
  Result<void> settle(const Disputed& disputed, Settled& outcome);
  struct Look {
    verify::Round round;
    std::optional<verify::Key> cut_at;  ///< There are too many rows at once: look at those up to this one first.
  };
  Result<Look> look(const Disputed& disputed, const std::vector<verify::Key>& keys);

  // Fences: verification_fences.cpp
  Result<void> wait_until_calm(const verify::TableProgress& table, const std::vector<std::shared_ptr<Reader>>& nodes);
  Result<void> bring_up(Reader& node, const GtidSet& position);
  /// Waits until the reference has what `node` has now, but for what is the node's own.
  Result<void> bring_up_reference(Reader& node);
  /// Waits for the reference to execute `set`, as long as it may still get it. False: some of it will never come.
  /// @param what  "what db2 has"
  Result<bool> reference_gets(const GtidSet& set, const std::string& what);
  /// What every node, the reference included, has to apply before a chunk is read.
  Result<std::map<NodeId, GtidSet>> to_be_applied(const std::vector<std::shared_ptr<Reader>>& nodes);
  /// That the node has applied something of what it lacked of `wanted` when this was last asked is progress. What it
  /// commits itself is none.
  void note_progress(Reader& node, const GtidSet& wanted);

  // Records: verification_records.cpp
  void not_compared(verify::TableProgress& table, const std::string& why);
  void found(verify::TableProgress& table, verify::Finding finding);
  void waits(const std::string& why);
  void tell(Severity severity, const std::string& kind, const std::optional<NodeId>& node, const std::string& text);
  void count_up();
  /// At most twice a second unless `now`: a chunk that is compared again does no harm.
  enum class Keep { Soon, Now };
  /// @param table  the one that has changed; null: all
  void keep(Keep when, const verify::TableProgress* table = nullptr);

  bool is_over() const { return stop_.stop_requested(); }
  Result<void> check_patience(const std::string& what) const;
  void pause(std::chrono::milliseconds time) const;

  const Surroundings around_;
  verify::Run run_;
  std::vector<verify::TableProgress> tables_;
  Members members_;
  std::map<NodeId, GtidSet> lacked_;  ///< By those that were waited for, when they were last looked at.
  std::map<NodeId, GtidSet> own_;     ///< What a node has and the reference will not get: not waited for.
  std::stop_token stop_;
  std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);

  std::vector<verify::Finding> findings_;   ///< Not stored yet.
  std::vector<verify::TableId> forgotten_;  ///< Tables whose stored findings are still to be dropped.
  std::vector<Event> events_;               ///< Not stored yet.
  std::uint64_t told_ = 0;                  ///< Events about differences.
  Time kept_at_{};
  Time progress_at_{};  ///< When something was last compared.
  Time counted_to_{};   ///< Up to where `worked` goes.
};

}  // namespace repl::run

// One verification of a cluster: what was asked for, how far it is, and what it found. Values that the store keeps, so
// that it goes on after repld was restarted.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/enum_text.hpp"
#include "model/error.hpp"
#include "model/ids.hpp"
#include "verify/dispute.hpp"
#include "verify/gtid_comparison.hpp"
#include "verify/table.hpp"

namespace repl::verify {

struct Settings {
  std::vector<std::string> schemas;  ///< Empty, and `tables` too: all but the server's own.
  std::vector<TableId> tables;       ///< Beside `schemas`.
  /// A chunk is read only while every compared node is at most so far behind.
  std::chrono::milliseconds max_lag{500};
  bool gtid_only = false;  ///< Compare the executed GTIDs and no rows.
  bool operator==(const Settings&) const = default;
};

enum class RunState {
  Running,
  Stopped,      ///< Somebody asked for it.
  Interrupted,  ///< It could not go on: mostly a node that could not be reached. `error` says why.
  Done,
};
inline constexpr std::array kRunStates{
    EnumText{RunState::Running, "running"},
    EnumText{RunState::Stopped, "stopped"},
    EnumText{RunState::Interrupted, "interrupted"},
    EnumText{RunState::Done, "done"},
};
static_assert(is_complete(kRunStates, RunState::Done));

enum class TableState {
  Waiting,
  Comparing,
  Compared,
  NotCompared,  ///< `why` says why not.
};
inline constexpr std::array kTableStates{
    EnumText{TableState::Waiting, "waiting"},
    EnumText{TableState::Comparing, "comparing"},
    EnumText{TableState::Compared, "compared"},
    EnumText{TableState::NotCompared, "not-compared"},
};
static_assert(is_complete(kTableStates, TableState::NotCompared));

struct TableProgress {
  TableId table;
  TableState state = TableState::Waiting;
  std::string why;
  std::uint64_t rows_expected = 0;  ///< By the server's estimate.
  std::uint64_t rows = 0;           ///< Compared, counted on the reference.
  std::uint64_t chunks = 0;
  std::uint64_t differences = 0;  ///< Rows that differ, on all nodes together.
  std::uint64_t unsettled = 0;    ///< Rows that kept changing: not known to be equal.
  std::optional<Key> done_to;     ///< Where to go on; empty: at the beginning.
  /// What `done_to` and the counts belong to (definition_of); "": nothing is read yet.
  std::string definition;
  bool operator==(const TableProgress&) const = default;
};

enum class FindingKind { Rows, TableMissing, TableExtra, OtherDefinition };
inline constexpr std::array kFindingKinds{
    EnumText{FindingKind::Rows, "rows"},
    EnumText{FindingKind::TableMissing, "table-missing"},
    EnumText{FindingKind::TableExtra, "table-extra"},
    EnumText{FindingKind::OtherDefinition, "other-definition"},
};
static_assert(is_complete(kFindingKinds, FindingKind::OtherDefinition));

/// A difference between a node and the reference: of one table, and for rows of one chunk of it.
struct Finding {
  TableId table;
  NodeId node;
  FindingKind kind = FindingKind::Rows;
  std::uint64_t missing = 0;  ///< Rows that only the reference has.
  std::uint64_t extra = 0;    ///< Rows that only the node has.
  std::uint64_t changed = 0;
  std::string key;                    ///< Names of the key columns: "(shop, id)"; "" for a table without a key.
  std::string first;                  ///< The range from the first such row ...
  std::string last;                   ///< ... to the last.
  std::vector<std::string> examples;  ///< "changed 42"; at most kExamples.
  std::string text;                   ///< In words.
  Time at{};
  static constexpr std::size_t kExamples = 10;
  std::uint64_t rows() const { return missing + extra + changed; }
  bool operator==(const Finding&) const = default;
};

struct LeftOut {
  NodeId node;
  std::string why;
  bool declared = false;  ///< The topology file wants it so (a delayed replica): not worth a warning.
  bool operator==(const LeftOut&) const = default;
};

struct Run {
  std::string id;  ///< "<cluster>-v<number>"
  Settings settings;
  RunState state = RunState::Running;
  std::string asked_by;
  NodeId reference;               ///< What all others are compared with.
  std::vector<NodeId> nodes;      ///< Those that are compared with it.
  std::vector<LeftOut> left_out;  ///< Those that are not.
  std::vector<NodeGtids> gtids;   ///< Of the beginning; the reference comes first.
  Time started{};
  Time finished{};     ///< The end, or the last sign of life while it runs.
  Duration worked{0};  ///< Time in which it ran, without interruptions.
  std::uint64_t tables = 0;
  std::uint64_t tables_done = 0;  ///< Compared or not compared.
  std::uint64_t tables_not_compared = 0;
  std::uint64_t rows_expected = 0;
  std::uint64_t rows = 0;
  std::uint64_t chunks = 0;
  std::uint64_t differences = 0;  ///< Rows that differ, and tables that do.
  std::uint64_t unsettled = 0;
  std::string table;         ///< The one at work: "shop.orders".
  std::string waiting;       ///< Why no chunk is read just now; "": it works.
  Duration longest_wait{0};  ///< That a node took to apply what the reference had: the greatest lag seen.
  std::optional<Error> error;
  /// It compares all that the topology file asks for: only such a run counts for `checksumEvery`, and only one that is
  /// done tells anew how the cluster is.
  bool full = false;
  bool operator==(const Run&) const = default;

  /// Some transactions of some node are on no other, or rows or tables differ.
  bool found_differences() const;
  /// Some node, table or row that was asked for was not compared. What the topology file leaves out was not asked for.
  bool left_something_out() const;
  /// Without this, "no difference" is said of a part only.
  bool is_complete() const { return state == RunState::Done && !left_something_out(); }
  bool can_go_on() const { return state == RunState::Stopped || state == RunState::Interrupted; }
};

/// Whether a run with these settings compares all of `schemas` (empty: all that there are).
bool covers(const Settings& settings, const std::vector<std::string>& schemas);

/// What repld does by itself about `consistency.checksumEvery`.
enum class Due { Nothing, Start, Resume };
/// An interrupted full run goes on after so long, or after `every` when that is shorter.
inline constexpr std::chrono::hours kResumeAfter{1};
/// @param latest  of any kind
/// @param full    the newest full one, maybe the same
/// @param every   empty: never
Due what_is_due(const std::optional<Run>& latest, const std::optional<Run>& full,
                std::optional<std::chrono::seconds> every, Time now);

/// One finding for the rows in dispute; empty when all turned out equal.
std::optional<Finding> finding_of(const TableShape& shape, const NodeId& node, const Dispute& dispute, Time at);

/// "shop.orders on db3: 2 rows differ, id 42 to 57 (1 missing, 1 changed)"
std::string describe(const Finding& finding);

}  // namespace repl::verify

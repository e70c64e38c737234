// What must never happen, checked during a run and after it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/repld.hpp"
#include "sim/world.hpp"
#include "sim/writers.hpp"

namespace repl::sim {

enum class Invariant {
  NoLostAck,           ///< What was acknowledged under the declared durability is on the primary at the end.
  NoLoneAck,           ///< Where commits wait for replicas, nothing is acknowledged that no other node holds.
  KeysClash,           ///< Never two nodes that take writes and count their automatic keys so that they meet.
  OneWriter,           ///< Never two nodes that would acknowledge an application's write.
  NoStaleAction,       ///< No step of an old term, none that the journal did not hold before.
  OldOrNew,            ///< An apply ends with the wanted spec in force, or with the former, as its records say.
  Converges,           ///< Faults healed: the declared state within 120 s, and no action after.
  Quiet,               ///< No fault, no action.
  NoNeedlessFailover,  ///< The primary had no fault that anybody could notice.
  CoolDown,            ///< One automatic failover within the cool-down.
  NoFalseQuarantine,   ///< What is quarantined has transactions of its own.
  NoDataReset,         ///< GTIDs of a node with data are never reset.
  Rests,               ///< The loop of repld does not spin.
  AsExpected,          ///< What this very schedule was written to show.
};
std::string_view to_string(Invariant invariant);

struct Violation {
  Invariant invariant;
  std::string what;
};

/// How a server differs from what is declared. Node: empty for the cluster as a whole.
struct Deviation {
  std::optional<NodeId> node;
  std::string what;
  bool by_apply = false;  ///< What an apply makes, or takes back, at once: that a repair is blocked explains nothing.
};

class Checker {
 public:
  Checker(World& world, const Repld& repld, const Writers& writers, Spec spec);

  /// To be called after each event.
  void after_event();
  /// To be called when the store holds something else than `before`.
  void stored(const Memory& before);
  /// The faults of a schedule from which a primary may be thought dead are told to the checker.
  void primary_in_doubt() { doubt_ = true; }
  bool is_in_doubt() const { return doubt_; }
  /// A person's deed explains what repld then does and what is lost.
  void blame(Invariant invariant, std::string what);

  /// Servers against the stored office and spec.
  std::vector<Deviation> deviations() const;
  /// Those that no problem, quarantine or stopped operation explains.
  std::vector<Deviation> unexplained() const;
  /// Why it is allowed; empty: nothing explains it.
  std::string explanation(const Deviation& deviation) const;
  /// No step for `span`, and no operation under way.
  bool at_rest(Duration span) const;

  void check_end();
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  /// What is acknowledged now is to survive the loss of the primary: so says what is in force, and what is to be.
  bool promises() const;
  /// It was told to stop waiting by an apply that gave way, and was not closed since.
  bool may_not_wait(const Server& server) const;
  /// When the last failover began while nothing of the kind was promised: the owner chose to live with what it lost.
  std::optional<Time> last_unpromised_failover() const;
  void check_end_of_apply(const Memory& before);
  void note_who_has_left(const Operation& apply);
  void compare_primary(const Server& server, std::vector<Deviation>& out) const;
  void compare_replica(const Server& server, std::vector<Deviation>& out) const;
  void compare_settings(const Server& server, std::vector<Deviation>& out) const;
  void compare_writer(const Server& server, std::vector<Deviation>& out) const;
  void compare_outsider(const Server& server, std::vector<Deviation>& out) const;
  bool shows(std::string_view problem, const std::optional<NodeId>& node = std::nullopt) const;
  /// Some apply went without it, or could not be taken back on it: what it has to put back it does with the next.
  bool missed_an_apply(const NodeId& node) const;
  bool would_acknowledge(const Server& server) const;
  void check_writers();
  void check_keys();
  bool is_lost(const Transaction& t, int by) const;
  void check_acknowledgements();
  void check_quarantine();
  void check_failovers();

  World& world_;
  const Repld& repld_;
  const Writers& writers_;
  Spec spec_;
  bool changed_ = true;
  bool doubt_ = false;
  std::set<std::pair<int, std::int64_t>> unpromised_;     ///< Acknowledged while commits did not have to wait.
  std::vector<std::pair<Time, bool>> promised_;           ///< From when on what was promised.
  std::set<std::pair<const int, std::uint64_t>> fenced_;  ///< Of those that may not wait: index and process.
  bool rings_ = false;                                    ///< Some spec so far was a ring.
  std::set<std::string> settings_;                        ///< Variables that any spec named so far.
  std::set<NodeId> left_;                                 ///< Were nodes once, and are not, or were in between.
  std::set<NodeId> died_in_undo_;                         ///< What was done there was not taken back.
  std::set<NodeId> not_told_;                             ///< Have left, and did not answer, or refused, when told so.
  std::vector<Violation> violations_;
};

}  // namespace repl::sim

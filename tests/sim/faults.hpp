// Faults: what a schedule does to a run. Each heals by itself after its span, or at the end of the schedule at the
// latest.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/changes.hpp"
#include "sim/checker.hpp"
#include "sim/repld.hpp"
#include "sim/world.hpp"

namespace repl::sim {

/// A node by the role it has when the fault strikes.
struct Who {
  enum class Role { Node, Primary, Replica };
  Role role = Role::Primary;
  int number = 0;  ///< Node: its index. Replica: the n-th node that is not the primary.
};
inline constexpr Who kPrimary{Who::Role::Primary, 0};
inline constexpr Who replica(int n) {
  return {Who::Role::Replica, n};
}
inline constexpr Who node(int n) {
  return {Who::Role::Node, n};
}
std::string to_string(const Who& who);

enum class FaultKind {
  Kill,                ///< kill -9, started again after the span.
  Freeze,              ///< SIGSTOP, SIGCONT after the span.
  Isolate,             ///< From everybody.
  CutReplication,      ///< From the other servers only.
  CutLink,             ///< Between `who` and `other`, both ways.
  CutOneWay,           ///< What `who` sends to `other` does not arrive.
  CutFromRepld,        ///< repld and `who` only.
  CutFromRepldOneWay,  ///< What repld sends to `who` does not arrive.
  IsolateRepld,        ///< repld reaches nobody.
  CrashRepld,
  StallRepld,
  StallApplier,
  SlowNetwork,
  LossyNetwork,
  TooManyConnections,
  AccessDenied,
  ErrantWrite,        ///< A person writes past read-only.
  OpenReplica,        ///< A person turns read-only off.
  CloseNode,          ///< A person turns super-read-only on.
  Repoint,            ///< A person makes `who` follow `other`.
  StopReplication,    ///< A person stops both threads.
  RelayLogRecovery,   ///< A person persists relay_log_recovery=ON.
  RequestSwitchOver,  ///< To `who`; to the best when that is the primary.
  RequestFailOver,
  RequestAcknowledge,
  RequestApply,  ///< Of the spec in force with one change.
  RequestCancel,
  Maintenance,  ///< A person works on `who`; it ends by itself after the span.
};
std::string_view to_string(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::Kill;
  Who who = kPrimary;
  Duration span{5'000'000};
  Who other = replica(0);
  Change change = Change::Setting;  ///< RequestApply.
};
std::string describe(const Fault& fault);

/// Brings faults over a run, and takes them back.
class Faults {
 public:
  Faults(World& world, Repld& repld, Checker& checker) : world_(world), repld_(repld), checker_(checker) {}

  void strike(const Fault& fault);
  /// Ends whatever has not ended yet.
  void heal_all();
  /// Tickets of the requests made.
  std::uint64_t last_ticket() const { return tickets_; }

 private:
  Server* resolve(const Who& who);
  void heal_after(Duration span, std::function<void()> heal);
  void cut(Endpoint a, Endpoint b, Duration span);
  void cut_one_way(Endpoint a, Endpoint b, Duration span);
  bool is_primary(const Server& server) const;

  World& world_;
  Repld& repld_;
  Checker& checker_;
  std::map<std::uint64_t, std::function<void()>> open_;
  std::uint64_t numbers_ = 0;
  std::uint64_t tickets_ = 1'000;
};

}  // namespace repl::sim

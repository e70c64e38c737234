// The effect of every step on simulated servers: as the statements the real MySQL end sends, one round trip each, so
// that a run can be cut off between any two of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace repl::sim {

/// What one run of a step has found out so far.
struct StepNotes {
  GtidSet goal;
  std::optional<GtidSet> position;
  std::optional<std::uint64_t> before;  ///< Incarnation of the server before its restart.
  bool reached = false;                 ///< The goal was there already: nothing is left to do.
};

struct Statement {
  int server = 0;
  std::string text;
  std::function<void(Server&, std::uint64_t session, const Server::Reply&)> execute;
  bool awaits_restart = false;  ///< Sent again until a process answers that was not there before.
};

/// Ways in which the servers betray repld, to prove that the checker notices. Not a state that MySQL can be in.
enum class Tampering {
  None,
  LastNodeStays,        ///< DetachReceiver and FollowSource report success on the last node and leave it as it is.
  DetachDropsRelayLog,  ///< DetachReceiver throws away what was received and not applied, before it reads the position.
  WaitsReturnAtOnce,    ///< WaitForApplied and ApplyReceived do not wait.
  SemiSyncNeverOn,      ///< SetSemiSyncSource reports success and does nothing.
  ReadOnlyDoesNothing,  ///< SetReadOnly to Super reports success and leaves the server open.
  OneAckIsEnough,       ///< SetSemiSyncSource sets an acknowledgement count of 1, whatever was asked for.
  StoreForgets,         ///< The store reports success and writes nothing, once a spec is in force.
  PersistedIsIgnored,   ///< A crashed server comes back writable, whatever PersistReadOnly has done.
  SettingIsNotSet,      ///< SetVariable reports success and does nothing.
  SpecIsKept,           ///< The store keeps the first spec in force, whatever it is told.
  InverseDoesNothing,   ///< A step that is taken back reports success and stays.
};

/// The statements of `step`, at least one. `notes` are shared by them. A new step does not compile before it is here.
std::vector<Statement> statements_of(const Step& step, World& world, const std::shared_ptr<StepNotes>& notes,
                                     Tampering tampering = Tampering::None);
/// What only looks as if it were carried out.
std::vector<Statement> no_statements(const Step& step, World& world);

}  // namespace repl::sim

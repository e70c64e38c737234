// One applied spec with who, when and why, what became of it, and what each server was like before it. Values that the
// store keeps for good. Nothing in them is secret: a spec holds references to secrets only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/snapshot.hpp"
#include "model/spec.hpp"

namespace repl {

/// A server variable as it is: now, and as persisted.
struct VariableState {
  std::string value;                     ///< "" while the server does not have it: a plugin's that is not loaded.
  std::optional<std::string> persisted;  ///< Empty: its value at the next start is that of the option files.
  bool operator==(const VariableState&) const = default;
};

/// What variables were before the first revision that named them, by server_uuid and name: what they go back to when no
/// revision names them any more.
using PriorSettings = std::map<std::string, std::map<std::string, VariableState>>;

/// What a server was like when a revision was planned.
struct PriorState {
  NodeId node;
  Address address;
  bool reached = false;  ///< When false, everything below is a default and means nothing.
  Time at{};             ///< When it was looked at.
  std::string server_uuid;
  std::uint32_t server_id = 0;
  ServerVersion version;
  ReadOnly read_only = ReadOnly::Super;
  bool super_read_only_persisted = false;
  bool offline_mode = false;
  GtidSet executed;
  std::optional<Address> source;  ///< Empty: it replicated from nobody; the three below are defaults then.
  ThreadState receiver = ThreadState::Stopped;
  ThreadState applier = ThreadState::Stopped;
  std::chrono::seconds delay{0};
  SemiSync semi_sync;
  std::map<std::string, VariableState> variables;  ///< Those that this revision or the one before it names.
  bool operator==(const PriorState&) const = default;
};

enum class RevisionState {
  Applying,
  Applied,      ///< It came into force.
  TakenBack,    ///< Its apply failed; the servers are as before, and the revision before it stayed in force.
  NeedsPerson,  ///< Its apply failed and could not be taken back.
};
std::string_view to_string(RevisionState state);

struct AppliedRevision {
  Revision revision;
  Time at{};
  std::string author;
  std::string note;
  std::optional<Revision> back_to;  ///< A rollback to that one; empty: an apply.
  std::string document;             ///< The YAML as it was sent; of a rollback, that of the revision it goes back to.
  std::optional<Spec> spec;         ///< Empty: applied by a repld that kept only the document.
  std::optional<OperationId> operation;  ///< Empty: no server had to be changed.
  RevisionState state = RevisionState::Applying;
  Time finished{};
  std::vector<PriorState> before;  ///< One per node of this revision and of the one before it.
  bool operator==(const AppliedRevision&) const = default;
};

/// How the apply of a revision ended.
struct RevisionOutcome {
  Revision revision;
  RevisionState state = RevisionState::Applied;
  Time finished{};
  bool operator==(const RevisionOutcome&) const = default;
};

}  // namespace repl

// Look-ups in the tables of snapshot_text.hpp; a table that misses a value does not compile.
#include "model/snapshot_text.hpp"

namespace repl {

static_assert(is_complete(kGtidModes, GtidMode::On));
static_assert(is_complete(kReaches, Reach::Lost));
static_assert(is_complete(kThreadStates, ThreadState::Running));
static_assert(is_complete(kReadOnlys, ReadOnly::Super));
static_assert(is_complete(kMemberStates, MemberState::Error));
static_assert(is_complete(kAccountFaults, AccountFault::LockedOut));
static_assert(is_complete(kCloneStages, CloneStage::Recovery));

std::string_view to_string(CloneStage value) {
  return name_in(kCloneStages, value);
}
std::string_view to_string(AccountFault value) {
  return name_in(kAccountFaults, value);
}

std::string_view to_string(GtidMode value) {
  return name_in(kGtidModes, value);
}
std::string_view to_string(MemberState value) {
  return name_in(kMemberStates, value);
}
std::string_view to_string(Reach value) {
  return name_in(kReaches, value);
}
std::string_view to_string(ThreadState value) {
  return name_in(kThreadStates, value);
}
std::string_view to_string(ReadOnly value) {
  return name_in(kReadOnlys, value);
}
std::string_view describe(ReadOnly value) {
  switch (value) {
    case ReadOnly::Off:
      return "writable";
    case ReadOnly::On:
      return "read-only";
    case ReadOnly::Super:
      return "super-read-only";
  }
  return "?";
}

std::optional<Reach> reach_from(std::string_view name) {
  return value_in(kReaches, name);
}
std::optional<ThreadState> thread_state_from(std::string_view name) {
  return value_in(kThreadStates, name);
}
std::optional<ReadOnly> read_only_from(std::string_view name) {
  return value_in(kReadOnlys, name);
}

}  // namespace repl

// The names of the values of snapshot.hpp, as the API and the journal write them.
#pragma once

#include <optional>
#include <string_view>

#include "model/enum_text.hpp"
#include "model/snapshot.hpp"

namespace repl {

inline constexpr std::array kReaches{
    EnumText{Reach::Ok, "ok"},       EnumText{Reach::Busy, "busy"},       EnumText{Reach::Denied, "denied"},
    EnumText{Reach::Error, "error"}, EnumText{Reach::Refused, "refused"}, EnumText{Reach::Silent, "silent"},
    EnumText{Reach::Lost, "lost"},
};
inline constexpr std::array kThreadStates{
    EnumText{ThreadState::Stopped, "stopped"},
    EnumText{ThreadState::Connecting, "connecting"},
    EnumText{ThreadState::Running, "running"},
};
inline constexpr std::array kReadOnlys{
    EnumText{ReadOnly::Off, "off"},
    EnumText{ReadOnly::On, "on"},
    EnumText{ReadOnly::Super, "super"},
};

/// As the server writes them.
inline constexpr std::array kGtidModes{
    EnumText{GtidMode::Off, "OFF"},
    EnumText{GtidMode::OffPermissive, "OFF_PERMISSIVE"},
    EnumText{GtidMode::OnPermissive, "ON_PERMISSIVE"},
    EnumText{GtidMode::On, "ON"},
};

/// As performance_schema.replication_group_members writes them, in lower case.
inline constexpr std::array kMemberStates{
    EnumText{MemberState::Online, "online"},
    EnumText{MemberState::Recovering, "recovering"},
    EnumText{MemberState::Unreachable, "unreachable"},
    EnumText{MemberState::Offline, "offline"},
    EnumText{MemberState::Error, "error"},
};

inline constexpr std::array kAccountFaults{
    EnumText{AccountFault::Missing, "missing"},      EnumText{AccountFault::Grants, "grants"},
    EnumText{AccountFault::Password, "password"},    EnumText{AccountFault::Locked, "locked"},
    EnumText{AccountFault::Expired, "expired"},      EnumText{AccountFault::Policy, "policy"},
    EnumText{AccountFault::LockedOut, "locked-out"},
};

inline constexpr std::array kCloneStages{
    EnumText{CloneStage::DropData, "drop-data"}, EnumText{CloneStage::FileCopy, "file-copy"},
    EnumText{CloneStage::PageCopy, "page-copy"}, EnumText{CloneStage::RedoCopy, "redo-copy"},
    EnumText{CloneStage::FileSync, "file-sync"}, EnumText{CloneStage::Restart, "restart"},
    EnumText{CloneStage::Recovery, "recovery"},
};

std::string_view to_string(CloneStage value);
std::string_view to_string(AccountFault value);
std::string_view to_string(GtidMode value);
std::string_view to_string(MemberState value);
std::string_view to_string(Reach value);
std::string_view to_string(ThreadState value);
std::string_view to_string(ReadOnly value);
/// For sentences: "writable", "read-only", "super-read-only".
std::string_view describe(ReadOnly value);

/// Each is empty when no value has that name.
std::optional<Reach> reach_from(std::string_view name);
std::optional<ThreadState> thread_state_from(std::string_view name);
std::optional<ReadOnly> read_only_from(std::string_view name);

}  // namespace repl

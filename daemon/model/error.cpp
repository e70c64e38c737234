// Names and exit codes of the errors, one row each.
#include "model/error.hpp"

#include <array>

namespace repl {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int exit_code;
};

constexpr int kUsage = 2, kRefused = 3, kFailed = 4, kUnreachable = 7;

constexpr std::array kErrorTable{
    Row{ErrorCode::InvalidArgument, "invalid-argument", kUsage},
    Row{ErrorCode::InvalidSpec, "invalid-spec", kUsage},
    Row{ErrorCode::NotSupported, "not-supported", kUsage},
    Row{ErrorCode::NoSuchCluster, "no-such-cluster", kUsage},
    Row{ErrorCode::NoSuchNode, "no-such-node", kUsage},
    Row{ErrorCode::NoSuchOperation, "no-such-operation", kUsage},
    Row{ErrorCode::NoSuchRevision, "no-such-revision", kUsage},
    Row{ErrorCode::Unauthorised, "unauthorised", kUnreachable},
    Row{ErrorCode::Conflict, "conflict", kRefused},
    Row{ErrorCode::NotAReplica, "not-a-replica", kRefused},
    Row{ErrorCode::ErrantTransactions, "errant-transactions", kRefused},
    Row{ErrorCode::Diverged, "diverged", kRefused},
    Row{ErrorCode::NotPromotable, "not-promotable", kRefused},
    Row{ErrorCode::NotFenced, "not-fenced", kRefused},
    Row{ErrorCode::QuorumMissing, "quorum-missing", kRefused},
    Row{ErrorCode::PreconditionFailed, "precondition-failed", kRefused},
    Row{ErrorCode::Paused, "paused", kRefused},
    Row{ErrorCode::ConnectionRefused, "connection-refused", kFailed},
    Row{ErrorCode::ConnectionLost, "connection-lost", kFailed},
    Row{ErrorCode::AccessDenied, "access-denied", kFailed},
    Row{ErrorCode::TooManyConnections, "too-many-connections", kFailed},
    Row{ErrorCode::DeadlineExceeded, "deadline-exceeded", kFailed},
    Row{ErrorCode::LockWaitTimeout, "lock-wait-timeout", kFailed},
    Row{ErrorCode::ServerRefused, "server-refused", kFailed},
    Row{ErrorCode::ReadOnlyServer, "read-only-server", kFailed},
    Row{ErrorCode::BreakerOpen, "breaker-open", kFailed},
    Row{ErrorCode::SessionSuperseded, "session-superseded", kFailed},
    Row{ErrorCode::HookFailed, "hook-failed", kFailed},
    Row{ErrorCode::StoreFailed, "store-failed", kFailed},
    Row{ErrorCode::SecretUnavailable, "secret-unavailable", kFailed},
    Row{ErrorCode::Stopping, "stopping", kFailed},
    Row{ErrorCode::Unreachable, "unreachable", kUnreachable},
    Row{ErrorCode::Internal, "internal", kFailed},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kErrorTable.size(); ++i) {
    if (static_cast<std::size_t>(kErrorTable[i].code) != i) return false;
  }
  return kErrorTable.size() == static_cast<std::size_t>(ErrorCode::Internal) + 1;
}
static_assert(rows_are_in_order());

const Row& row(ErrorCode code) {
  return kErrorTable[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  return row(code).name;
}

std::optional<ErrorCode> error_code_from(std::string_view name) {
  for (const auto& r : kErrorTable) {
    if (r.name == name) return r.code;
  }
  return std::nullopt;
}

int exit_code(ErrorCode code) {
  return row(code).exit_code;
}

}  // namespace repl

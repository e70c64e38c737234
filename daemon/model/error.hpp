// The one error type of the project. Expected failures are values: Result<T> holds a T or an Error.
// Foreign errors (connector exceptions, errnos, SQLite codes) are turned into these at the edge where they arise.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace repl {

/// What went wrong, in our terms. kErrorTable (error.cpp) gives each its stable name and exit code; `serve/` maps it to
/// a HTTP status.
enum class ErrorCode {
  // The request itself.
  InvalidArgument,  ///< A parameter or document is malformed.
  InvalidSpec,      ///< A topology file breaks a rule.
  NotSupported,     ///< Valid, but this version does not do it.
  NoSuchCluster,
  NoSuchNode,
  NoSuchOperation,
  NoSuchRevision,
  Unauthorised,
  // Refused: possible in another state of the cluster; nothing was changed.
  Conflict,            ///< Another operation is running.
  NotAReplica,         ///< The candidate does not replicate from the primary.
  ErrantTransactions,  ///< The node has transactions the primary lacks.
  Diverged,            ///< GTID sets of which neither holds the other.
  NotPromotable,       ///< No node may be promoted; the message says why not, node by node.
  NotFenced,           ///< The old primary cannot be kept from taking writes.
  QuorumMissing,       ///< Acknowledged transactions may be on nodes that do not answer.
  PreconditionFailed,  ///< A server is not fit for what was asked.
  Paused,
  // A server, while being operated.
  ConnectionRefused,
  ConnectionLost,
  AccessDenied,
  TooManyConnections,
  DeadlineExceeded,   ///< The caller's deadline passed; the server may still do it.
  LockWaitTimeout,    ///< 1205: somebody holds what the statement needs.
  ServerRefused,      ///< Any other error packet.
  ReadOnlyServer,     ///< 1290 because of (super_)read_only.
  BreakerOpen,        ///< Not tried: the node failed too often just now.
  SessionSuperseded,  ///< Another session took the control lock of the node.
  HookFailed,         ///< A program of the owner's ended badly, not in time, or may not be run.
  // repld itself.
  StoreFailed,
  SecretUnavailable,
  Stopping,
  Unreachable,  ///< replctl cannot reach repld.
  Internal,
};

struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;  ///< What was tried, on which node, what the server said, what to do now. Never a secret.

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

/// An Error to be returned from a function that gives a Result.
template <class... Args>
tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// Stable name in kebab-case, as the API and JSON output show it: "no-such-cluster".
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::string_view name);

/// Exit code of replctl for this error (docs/exit-codes: 2 bad usage, 3 refused, 4 failed, 7 not reachable).
int exit_code(ErrorCode code);

}  // namespace repl

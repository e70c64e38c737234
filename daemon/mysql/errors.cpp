// The table of error numbers, and the few that need their text.
#include "mysql/errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace repl::mysql {
namespace {

struct Known {
  unsigned number;
  std::string_view name;
  ErrorCode code;
  Reach reach;
};

// Sorted by number. Sources: mysqld_error.h of 9.x, errmsg.h of both client libraries, and trials: which number a
// library gives for a refused, timed-out or cut connection is not what its documentation says.
constexpr std::array kTable{
    Known{1040, "CON_COUNT_ERROR", ErrorCode::TooManyConnections, Reach::Busy},
    Known{1042, "BAD_HOST_ERROR", ErrorCode::AccessDenied, Reach::Denied},
    Known{1043, "HANDSHAKE_ERROR", ErrorCode::ConnectionLost, Reach::Error},
    Known{1044, "DBACCESS_DENIED_ERROR", ErrorCode::AccessDenied, Reach::Error},
    Known{1045, "ACCESS_DENIED_ERROR", ErrorCode::AccessDenied, Reach::Denied},
    Known{1053, "SERVER_SHUTDOWN", ErrorCode::ConnectionLost, Reach::Error},
    Known{1129, "HOST_IS_BLOCKED", ErrorCode::TooManyConnections, Reach::Busy},
    Known{1130, "HOST_NOT_PRIVILEGED", ErrorCode::AccessDenied, Reach::Denied},
    Known{1142, "TABLEACCESS_DENIED_ERROR", ErrorCode::AccessDenied, Reach::Error},
    Known{1193, "UNKNOWN_SYSTEM_VARIABLE", ErrorCode::ServerRefused, Reach::Error},
    Known{1203, "TOO_MANY_USER_CONNECTIONS", ErrorCode::TooManyConnections, Reach::Busy},
    Known{1205, "LOCK_WAIT_TIMEOUT", ErrorCode::LockWaitTimeout, Reach::Error},
    Known{1226, "USER_LIMIT_REACHED", ErrorCode::TooManyConnections, Reach::Busy},
    Known{1227, "SPECIFIC_ACCESS_DENIED_ERROR", ErrorCode::AccessDenied, Reach::Error},
    Known{1251, "NOT_SUPPORTED_AUTH_MODE", ErrorCode::AccessDenied, Reach::Denied},
    Known{1290, "OPTION_PREVENTS_STATEMENT", ErrorCode::ReadOnlyServer, Reach::Error},
    Known{1698, "ACCESS_DENIED_NO_PASSWORD_ERROR", ErrorCode::AccessDenied, Reach::Denied},
    Known{1820, "MUST_CHANGE_PASSWORD", ErrorCode::AccessDenied, Reach::Denied},
    Known{1836, "READ_ONLY_MODE", ErrorCode::ReadOnlyServer, Reach::Error},
    Known{1862, "MUST_CHANGE_PASSWORD_LOGIN", ErrorCode::AccessDenied, Reach::Denied},
    Known{2002, "CONNECTION_ERROR", ErrorCode::ConnectionRefused, Reach::Refused},
    Known{2003, "CONN_HOST_ERROR", ErrorCode::ConnectionRefused, Reach::Refused},
    Known{2005, "UNKNOWN_HOST", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2006, "SERVER_GONE_ERROR", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2012, "SERVER_HANDSHAKE_ERR", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2013, "SERVER_LOST", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2026, "SSL_CONNECTION_ERROR", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2027, "MALFORMED_PACKET", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2055, "SERVER_LOST_EXTENDED", ErrorCode::ConnectionLost, Reach::Lost},
    Known{2059, "AUTH_PLUGIN_CANNOT_LOAD", ErrorCode::AccessDenied, Reach::Denied},
    Known{2061, "AUTH_PLUGIN_ERR", ErrorCode::AccessDenied, Reach::Denied},
    Known{3024, "QUERY_TIMEOUT", ErrorCode::DeadlineExceeded, Reach::Error},
    Known{3032, "SERVER_OFFLINE_MODE", ErrorCode::AccessDenied, Reach::Denied},
    Known{3118, "ACCOUNT_HAS_BEEN_LOCKED", ErrorCode::AccessDenied, Reach::Denied},
    Known{3159, "SECURE_TRANSPORT_REQUIRED", ErrorCode::AccessDenied, Reach::Denied},
    Known{3955, "USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK", ErrorCode::AccessDenied, Reach::Denied},
    Known{4031, "CLIENT_INTERACTION_TIMEOUT", ErrorCode::ConnectionLost, Reach::Error},
};
static_assert(std::is_sorted(kTable.begin(), kTable.end(),
                             [](const Known& a, const Known& b) { return a.number < b.number; }));

constexpr unsigned kClientFirst = 2000, kClientLast = 2999;

bool is_from_client(unsigned number) {
  return number == 0 || (kClientFirst <= number && number <= kClientLast);
}

const Known& known(unsigned number) {
  static constexpr Known kOtherServerError{0, "", ErrorCode::ServerRefused, Reach::Error};
  static constexpr Known kOtherClientError{0, "", ErrorCode::ConnectionLost, Reach::Lost};
  const auto* found = std::lower_bound(kTable.begin(), kTable.end(), number,
                                       [](const Known& r, unsigned wanted) { return r.number < wanted; });
  if (found != kTable.end() && found->number == number) return *found;
  return is_from_client(number) ? kOtherClientError : kOtherServerError;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// 2002 and 2003 stand for every failed connect(); the system's number is in the text only: "… (111)".
bool was_refused(std::string_view message) {
  return has(message, fmt::format("({})", ECONNREFUSED));
}

/// 2026 while connecting: the TLS settings do not fit, in contrast to a connection that broke in the handshake.
bool is_tls_refusal(std::string_view message) {
  for (const auto part : {"certificate", "verif", "fingerprint", "not support", "is required", "protocol", "alert"}) {
    if (has(message, part)) return true;
  }
  return false;
}

}  // namespace

ErrorCode error_code_of(unsigned number, std::string_view message, Moment moment) {
  if ((number == 2002 || number == 2003) && !was_refused(message)) return ErrorCode::ConnectionLost;
  if (number == 2026 && moment == Moment::Connecting && is_tls_refusal(message)) return ErrorCode::AccessDenied;
  // 1290 stands for every option that forbids a statement; only two of them are the read-only ones.
  if (number == 1290 && !has(message, "read-only") && !has(message, "read_only")) return ErrorCode::ServerRefused;
  return known(number).code;
}

Reach reach_of(unsigned number, std::string_view message, Moment moment) {
  if ((number == 2002 || number == 2003) && !was_refused(message)) return Reach::Lost;
  if (number == 2026 && moment == Moment::Connecting && is_tls_refusal(message)) return Reach::Denied;
  return known(number).reach;
}

bool is_lost(unsigned number) {
  return is_from_client(number) || number == 1053 || number == 4031;
}

bool is_from_server(unsigned number) {
  return !is_from_client(number);
}

}  // namespace repl::mysql

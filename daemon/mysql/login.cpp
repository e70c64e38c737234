// Blocking login with libmariadb.
#include "mysql/login.hpp"

#include <mariadb/mysql.h>

#include <algorithm>
#include <array>
#include <memory>

#include "mysql/errors.hpp"

namespace repl::mysql {
namespace {

constexpr unsigned kLimitSeconds = 2;
constexpr unsigned kTlsError = 2026;
// The server looks at these after the password.
constexpr std::array kPasswordIsRight{1820U, 1862U, 3032U, 3118U};
/// At this one before the password, or instead of it: the answer to the failed login that reaches the limit.
constexpr unsigned kLockedByFailedLogins = 3955;

struct Attempt {
  unsigned number = 0;
  std::string text;
};

Attempt log_in(const Endpoint& admin, const std::string& user, const std::string& password, bool tls) {
  const std::unique_ptr<MYSQL, void (*)(MYSQL*)> mysql{mysql_init(nullptr), mysql_close};
  const unsigned protocol = MYSQL_PROTOCOL_TCP;
  mysql_options(mysql.get(), MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(mysql.get(), MYSQL_OPT_CONNECT_TIMEOUT, &kLimitSeconds);
  mysql_options(mysql.get(), MYSQL_OPT_READ_TIMEOUT, &kLimitSeconds);
  mysql_options(mysql.get(), MYSQL_OPT_WRITE_TIMEOUT, &kLimitSeconds);
  if (tls) {
    const my_bool yes = 1;
    mysql_options(mysql.get(), MYSQL_OPT_SSL_ENFORCE, &yes);
    if (!admin.tls.ca.empty()) mysql_options(mysql.get(), MYSQL_OPT_SSL_CA, admin.tls.ca.c_str());
    if (admin.tls.mode == TlsMode::VerifyIdentity) mysql_options(mysql.get(), MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
  if (mysql_real_connect(mysql.get(), admin.address.host.c_str(), user.c_str(), password.c_str(), nullptr,
                         admin.address.port, nullptr, 0) != nullptr) {
    return {};
  }
  return {mysql_errno(mysql.get()), mysql_error(mysql.get())};
}

}  // namespace

Result<LoginOutcome> try_login(const Call& call, const Endpoint& admin, const std::string& user,
                               const std::string& password) {
  const auto denied = [](const Attempt& a) {
    return error_code_of(a.number, a.text, Moment::Connecting) == ErrorCode::AccessDenied;
  };
  const bool may_be_plain = admin.tls.mode == TlsMode::Preferred;
  auto attempt = log_in(admin, user, password, admin.tls.mode != TlsMode::Disabled);
  // A server without TLS says so before it asks for a password. After a password was refused nothing is tried again:
  // it would count as another failed login.
  if (attempt.number == kTlsError && may_be_plain) attempt = log_in(admin, user, password, false);
  if (attempt.number == kLockedByFailedLogins) return LoginOutcome::LockedOut;
  if (attempt.number == 0 ||
      std::find(kPasswordIsRight.begin(), kPasswordIsRight.end(), attempt.number) != kPasswordIsRight.end()) {
    return LoginOutcome::Works;
  }
  // A certificate that was refused says nothing about the password.
  if (denied(attempt) && attempt.number != kTlsError) return LoginOutcome::Denied;
  return fail(error_code_of(attempt.number, attempt.text, Moment::Connecting),
              "{}: cannot find out whether the password of '{}' works: {} ({})", call.node, user,
              without_secrets(attempt.text, {password}), attempt.number);
}

}  // namespace repl::mysql

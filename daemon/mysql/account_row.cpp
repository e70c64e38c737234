// Reads mysql.user.
#include "mysql/account_row.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "mysql/login.hpp"
#include "mysql/password_hash.hpp"

namespace repl::mysql {
namespace {

int digit(char c) {
  return c <= '9' ? c - '0' : c - 'A' + 10;
}

/// Salts have any byte in them.
std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return out;
}

}  // namespace

Result<std::optional<AccountRow>> read_account(Server& server, const std::string& user) {
  const auto rows = server.query(fmt::format(
      "SELECT account_locked='Y', password_expired='Y', COALESCE(NULLIF(COALESCE(password_lifetime, "
      "@@GLOBAL.default_password_lifetime), 0) < TIMESTAMPDIFF(SECOND, password_last_changed, NOW())/86400, 0), "
      "COALESCE(password_lifetime, @@GLOBAL.default_password_lifetime) > 0, "
      "password_lifetime, Password_reuse_history, "
      "COALESCE(User_attributes->>'$.Password_locking.failed_login_attempts', '0'), "
      "COALESCE(User_attributes->>'$.Password_locking.password_lock_time_days', '0'), "
      "plugin, HEX(authentication_string), HEX(User_attributes->>'$.additional_password'), "
      "CONCAT(SHA2(authentication_string, 256), SHA2(COALESCE(User_attributes, ''), 256), account_locked) "
      "FROM mysql.user WHERE User={} AND Host='%'",
      sql_quoted(user)));
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::optional<AccountRow>{};
  const auto& row = rows->front();
  const auto is = [&](std::size_t i) { return row.at(i) == "1"; };
  const auto text = [&](std::size_t i) { return row.at(i).value_or(""); };
  const auto number = [&](std::size_t i) {
    return row.at(i) ? std::optional{std::atoi(row.at(i)->c_str())} : std::nullopt;
  };
  AccountRow out;
  out.locked = is(0);
  out.expired = is(1);
  out.too_old = is(2);
  out.may_expire = is(3);
  out.rules = {number(4), number(5), number(6).value_or(0), number(7).value_or(0)};
  out.plugin = text(8);
  out.kept = from_hex(text(9));
  out.kept_former = from_hex(text(10));
  out.state = text(11);
  return std::optional{std::move(out)};
}

std::optional<WhichPassword> which_password(const AccountRow& row, const std::string& password) {
  const auto present = is_made_of(row.plugin, row.kept, password);
  if (present == true) return WhichPassword::Present;
  const auto former =
      row.kept_former.empty() ? std::optional{false} : is_made_of(row.plugin, row.kept_former, password);
  if (former == true) return WhichPassword::Former;
  return present && former ? std::optional{WhichPassword::Neither} : std::nullopt;
}

Result<bool> password_gets_in(Server& server, const std::string& user, const std::string& password,
                              const Endpoint& admin) {
  const auto row = read_account(server, user);
  if (!row) return tl::unexpected(row.error());
  if (!*row) {
    return fail(ErrorCode::PreconditionFailed, "{}: there is no account '{}'@'%' whose password could be changed",
                server.node(), user);
  }
  if (const auto which = which_password(**row, password)) return *which != WhichPassword::Neither;
  const auto outcome = try_login(server.call(), admin, user, password);
  if (!outcome) return tl::unexpected(outcome.error());
  if (*outcome == LoginOutcome::LockedOut) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: failed logins have locked '{}'@'%', so nobody can tell which password it has: ALTER USER {} "
                "ACCOUNT UNLOCK first",
                server.node(), user, account_name(user));
  }
  return *outcome == LoginOutcome::Works;
}

}  // namespace repl::mysql

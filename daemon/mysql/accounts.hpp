// The account profiles that repld creates and keeps: what each may do, as GRANT statements and as a check of SHOW
// GRANTS. Pure; no session here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/spec.hpp"
#include "mysql/sql_text.hpp"

namespace repl::mysql {

/// GRANT statements that give the account what its role needs under `spec`. Replication gets REPLICATION SLAVE, for
/// clones BACKUP_ADMIN, and more in groups only: with CONNECTION_ADMIN its receivers would survive offline_mode, which
/// is there to cut them too. Admin gets none, it must exist beforehand.
std::vector<Statement> grants_for(AccountRole role, const Account& account, const Spec& spec);

/// `shown` (the lines of SHOW GRANTS) covers all that grants_for() gives.
bool has_grants_for(AccountRole role, const Account& account, const Spec& spec, const std::vector<std::string>& shown);

/// What the server has noted of an account's expiry, history and lock-out. Empty: the server's default.
struct PasswordRules {
  std::optional<int> lifetime_days;  ///< 0: never expires.
  std::optional<int> history;
  int failed_logins = 0;
  int lock_days = 0;
  bool operator==(const PasswordRules&) const = default;
};
/// What the policy means for an account of that role: for the accounts that repld and replication need it is protection
/// from expiry and lock-out, whatever the policy says, and without one.
PasswordRules password_rules(AccountRole role, const PasswordPolicy& policy);
/// The same for CREATE USER and ALTER USER: "PASSWORD HISTORY 5 PASSWORD EXPIRE INTERVAL 90 DAY ...".
std::string password_options(AccountRole role, const PasswordPolicy& policy);

/// Why `password` does not satisfy the policy of `spec`: the same rules as the server's (validate_password, MEDIUM),
/// told before anything is changed. "" when it does. Never contains the password.
std::string weakness_of(const std::string& password, const Account& account, const Spec& spec);

/// The privileges that plans for `spec` need and `shown` (SHOW GRANTS of the admin account) does not hold, in the
/// server's words, on *.* unless they say where: "RELOAD, ALL PRIVILEGES ON `shop`.* WITH GRANT OPTION"; "" when there
/// are none. Privileges that its roles give it do not count: nobody can tell whether they are active.
std::string lacking_for_admin(const Spec& spec, const std::vector<std::string>& shown);
/// They contain SHUTDOWN, which RESTART needs.
bool may_restart(const std::vector<std::string>& shown);

}  // namespace repl::mysql

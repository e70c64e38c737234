// What a server keeps of one account: its rules, and which passwords get in.
#pragma once

#include <optional>
#include <string>

#include "mysql/accounts.hpp"
#include "mysql/server.hpp"

namespace repl::mysql {

/// A row of mysql.user.
struct AccountRow {
  bool locked = false;   ///< ACCOUNT LOCK.
  bool expired = false;  ///< PASSWORD EXPIRE: only another password helps.
  bool too_old = false;  ///< It has passed its lifetime.
  bool may_expire = false;
  PasswordRules rules;
  std::string plugin, kept, kept_former;  ///< What the server has of its passwords; "" when there is no former one.
  std::string state;                      ///< Another one after every change of password or attributes.

  bool may_be_locked_out() const { return rules.failed_logins > 0 && rules.lock_days != 0; }
};

/// 'user'@'%'. Empty: no such account.
Result<std::optional<AccountRow>> read_account(Server& server, const std::string& user);

enum class WhichPassword { Neither, Present, Former };
/// Told without a login: one that fails would count against the account. Empty: the account's plugin is none whose
/// hashes are known.
std::optional<WhichPassword> which_password(const AccountRow& row, const std::string& password);

/// The same of an account as the server has it; where the hash tells nothing, one login does.
/// @errors PreconditionFailed: there is no such account, or nothing can be known of it while failed logins lock it
Result<bool> password_gets_in(Server& server, const std::string& user, const std::string& password,
                              const Endpoint& admin);

}  // namespace repl::mysql

// One login (0.2 ms on a warm cache) with an account's own name: does it get in?
#pragma once

#include "mysql/session.hpp"

namespace repl::mysql {

enum class LoginOutcome {
  Works,      ///< Also when only offline_mode, ACCOUNT LOCK or an expired password turned it away: those come later.
  Denied,     ///< Counts as a failed login of the account.
  LockedOut,  ///< Failed logins have locked the account (3955): nothing is known of the password.
};

/// Tries to log `user` in to the server of `admin`; blocks, at most 2 s. Never more than one login that fails.
/// @errors whatever leaves the question open: ConnectionRefused, ConnectionLost, TooManyConnections
Result<LoginOutcome> try_login(const Call& call, const Endpoint& admin, const std::string& user,
                               const std::string& password);

}  // namespace repl::mysql

// Does a password work? One cheap login (0.2 ms on a warm cache) with the account's own name.
#pragma once

#include "mysql/session.hpp"

namespace repl::mysql {

/// Whether `user` can log in to the server of `admin` with `password`; blocks, at most 2 s.
/// A login that only offline_mode, ACCOUNT LOCK or an expired password turns away has proved its password. Of an
/// account that failed logins have locked nothing can be known: its password is taken to work.
/// @errors whatever leaves the question open: ConnectionRefused, ConnectionLost, TooManyConnections
Result<bool> password_works(const Call& call, const Endpoint& admin, const std::string& user,
                            const std::string& password);

}  // namespace repl::mysql

// The thorough look at a server, before plans are made: schemas, accounts, variables, privileges.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.hpp"
#include "model/spec.hpp"
#include "mysql/server.hpp"

namespace repl::mysql {

/// Which passwords were found to work, and which not, for which state of an account: none is tried twice. Where failed
/// logins lock an account, asking again and again would do it. Thread-safe.
class TriedPasswords {
 public:
  /// @param state  changes with everything about the account that matters
  std::optional<bool> works(const std::string& user, const std::string& state, const std::string& password) const;
  void note(const std::string& user, const std::string& state, const std::string& password, bool works);

 private:
  struct Tried {
    std::string state, password_hash;
    bool works = false;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Tried> last_;  // by user
};

/// @param admin      how repld logs in; the passwords of the other accounts are tried at the same address
/// @param variables  names of the variables whose values are wanted; unknown ones are left out of the answer
Result<Inventory> read_inventory(Server& server, const Spec& spec, const Endpoint& admin,
                                 const std::vector<std::string>& variables, TriedPasswords& tried);

/// Whether the channel, or that of distributed recovery, connects as declared. Empty: there is none, or several.
Result<std::optional<bool>> receiver_is_as_declared(Server& server, const Spec& spec);

/// Schemas beside the server's own and repld's.
Result<std::vector<std::string>> user_schemas(Server& server);

/// The lines of SHOW GRANTS for 'user'@'%' or CURRENT_USER(). No such account: an error of the server.
Result<std::vector<std::string>> shown_grants(Server& server, const std::string& account);

}  // namespace repl::mysql

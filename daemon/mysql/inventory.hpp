// The thorough look at a server, before plans are made: schemas, accounts, variables, privileges.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.hpp"
#include "model/spec.hpp"
#include "mysql/server.hpp"

namespace repl::mysql {

/// @param admin      how repld logs in; the passwords of the other accounts are tried at the same address
/// @param variables  names of the variables whose values are wanted; unknown ones are left out of the answer
Result<Inventory> read_inventory(Server& server, const Spec& spec, const Endpoint& admin,
                                 const std::vector<std::string>& variables);

/// Schemas beside the server's own and repld's.
Result<std::vector<std::string>> user_schemas(Server& server);

/// The lines of SHOW GRANTS for 'user'@'%' or CURRENT_USER(). No such account: an error of the server.
Result<std::vector<std::string>> shown_grants(Server& server, const std::string& account);

}  // namespace repl::mysql

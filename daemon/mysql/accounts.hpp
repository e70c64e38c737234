// The account profiles that repld creates and keeps: what each may do, as GRANT statements and as a check of SHOW
// GRANTS. Pure; no session here.
#pragma once

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

/// The privileges on *.* that plans for `spec` need and `shown` (SHOW GRANTS of the admin account) does not hold, in
/// the server's words: "RELOAD, CREATE USER"; "" when there are none.
std::string lacking_for_admin(const Spec& spec, const std::vector<std::string>& shown);

}  // namespace repl::mysql

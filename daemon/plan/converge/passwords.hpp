// Accounts and passwords in a cluster that runs.
#pragma once

#include "plan/converge/preparation.hpp"

namespace repl::plan::converge {

/// Makes the account that receivers, clones and members log in with what it should be, before any of them does. Nothing
/// while `writer` takes no writes: then it is made on each node by itself, or at the end.
void replication_account_first(Draft& draft, const Node& writer);

/// Gives accounts whose declared password is another one than the server's the declared one; the present one works on.
/// To be called before anybody is told to log in with it. Nothing while `writer` takes no writes.
void rotate_passwords(Draft& draft, const Node& writer);

/// Accounts that are missing, or are otherwise than their profile says.
void accounts_through_the_binary_log(Draft& draft, const Node& writer, std::vector<Builder::Index> after);

/// Tells every receiver that logs in otherwise than declared, one after the other, and discards the former password of
/// the replication account once all of them are told; those of other accounts when it was asked for.
void settle_passwords(Draft& draft, const Node& writer);

}  // namespace repl::plan::converge

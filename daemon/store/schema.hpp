// The tables of the store and how an older file becomes one of today.
#pragma once

namespace SQLite {
class Database;
}

namespace repl::store {

/// Brings the open database to the newest version, each version in a transaction of its own. Throws SQLite::Exception,
/// or std::runtime_error for a file that a newer repld has written.
void migrate(SQLite::Database& database);

}  // namespace repl::store

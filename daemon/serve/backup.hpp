// All that a repld knows, in one file: a few lines of text that people can read, then the database.
#pragma once

#include <string>
#include <vector>

#include "store/store.hpp"

namespace repl::serve {

/// @param version  of this repld
/// @param scratch  a path in a private directory, where a copy lies for a moment
/// @errors StoreFailed
Result<std::string> make_backup(const store::Store& store, const std::string& version, Time at,
                                const std::string& scratch);

/// What is in a backup, one line per cluster, for people to look at before it is taken.
struct Contents {
  std::string version;  ///< Of the repld that made it.
  Time at{};
  std::vector<std::string> lines;
};

/// Reads the file whole: its digest, its database and every value in that, which is left at `database`, as one that
/// this repld can work with, marked as restored.
/// @errors InvalidArgument: no backup, or a damaged one; StoreFailed. Nothing is left at `database` then
Result<Contents> read_backup(const std::string& file, const std::string& database);

/// With its side files.
void remove_database(const std::string& path);

enum class Overwrite { No, Yes };

/// Puts `database` into the place of `store`, whose file is kept beside it. At any instant one of the two is in place.
/// The caller holds the lock of the state directory.
/// @return the path under which the old file is kept; empty when there was none
/// @errors Conflict: the store has clusters, and may not be overwritten; StoreFailed
Result<std::string> put_in_place(const std::string& database, const std::string& store, Time now, Overwrite overwrite);

}  // namespace repl::serve

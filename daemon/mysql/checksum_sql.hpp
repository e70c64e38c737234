// The statements by which rows are compared: sums and hashes of rows, ranges of keys, definitions of tables. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "mysql/sql_text.hpp"
#include "verify/run.hpp"

namespace repl::mysql {

/// The server ends a statement that reads rows after this long (error 3024).
inline constexpr std::chrono::milliseconds kMostReadTime{4000};

/// What a session that only compares is set to. With it every value below is the same text on every server, whatever
/// its own character sets and time zone.
Statement prepare_for_checksums();

/// 64 hexadecimal digits: SHA-256 of all stored columns of a row, such that rows of different contents never give the
/// same input (docs/verify.md). MD5() and SHA1() are not there from MySQL 9.6 on.
std::string row_hash(const verify::TableShape& table);

/// The key that is `rows` rows behind `after` (or the beginning); no row when there are not so many.
Statement boundary_query(const verify::TableShape& table, const std::optional<verify::Key>& after, std::uint64_t rows);
/// One row: how many rows, and the exclusive or of their hashes.
Statement sum_query(const verify::TableShape& table, const verify::KeyRange& range);
/// Per row its key and half of its hash, in the order of the key; of `keys` only, when there are any.
/// Without a key: per different row its hash and how many there are.
Statement rows_query(const verify::TableShape& table, const verify::KeyRange& range,
                     const std::vector<verify::Key>& keys, std::uint64_t most);

/// Schema, name, engine, estimated rows and bytes of the base tables that `settings` name.
Statement tables_query(const verify::Settings& settings);
/// Engine, estimated rows and bytes; no row when there is no such table.
Statement table_query(const verify::TableId& table);
/// Name, type, full type, character set, collation, nullable (YES), EXTRA, generation expression.
Statement columns_query(const verify::TableId& table);
/// Index, unique (1), visible (YES), column, prefix length, A or D; in the order of the parts.
Statement indexes_query(const verify::TableId& table);

}  // namespace repl::mysql

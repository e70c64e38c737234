// What must be known of a table to compare its rows: columns, the key it is walked by, and why it may not be
// comparable.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verify/key.hpp"

namespace repl::verify {

struct TableId {
  std::string schema;
  std::string name;
  auto operator<=>(const TableId&) const = default;
};
/// "schema.name"
std::string to_string(const TableId& table);

/// Source: information_schema.COLUMNS.
struct Column {
  std::string name;
  std::string type;       ///< DATA_TYPE, in small letters: "varchar".
  std::string full_type;  ///< COLUMN_TYPE: "varchar(64)", "int unsigned".
  std::string charset;    ///< "" when the type has none.
  std::string collation;
  bool nullable = false;
  bool is_virtual = false;  ///< Generated when it is read, so that there is nothing to compare.
  std::string generated;    ///< GENERATION_EXPRESSION, "" when it is not generated.
  bool operator==(const Column&) const = default;
};

/// Source: information_schema.STATISTICS.
struct IndexPart {
  std::string column;  ///< "" for an expression.
  bool whole = true;   ///< Not only the first characters.
  bool descending = false;
};
struct Index {
  std::string name;
  bool unique = false;
  bool visible = true;
  std::vector<IndexPart> parts;
};

/// The index by which a table is read in chunks.
struct TableKey {
  std::string index;
  std::vector<KeyColumn> columns;
  bool operator==(const TableKey&) const = default;
};

struct TableShape {
  TableId id;
  std::string engine;
  std::vector<Column> columns;  ///< By position, invisible ones too.
  std::optional<TableKey> key;  ///< Empty: it can only be compared as a whole.
  std::uint64_t rows_estimate = 0;
  std::uint64_t bytes_estimate = 0;
};

/// All of the definition that the rows and their order are compared by, as text to be kept: equal for equal definitions
/// only. A resume point means nothing under another one.
std::string definition_of(const TableShape& shape);

/// A table without a usable key is compared as a whole up to this size, by the estimate of the server.
inline constexpr std::uint64_t kMostRowsWithoutKey = 100'000;
inline constexpr std::uint64_t kMostBytesWithoutKey = 64ULL << 20;

/// The primary key, else the NOT NULL unique index with the fewest columns, in whose order rows can be read range by
/// range: every part a whole column, ascending, of a type that keeps its order and value in a statement. ENUM, SET and
/// floating-point columns do not.
std::optional<TableKey> choose_key(const std::vector<Column>& columns, const std::vector<Index>& indexes);

/// Whether the key has one value for each column of the table's key: what was read under another key often has not.
bool has_key(const TableShape& shape, const Key& key);

/// Why the rows of such a table cannot be compared, and what would help; "": they can.
std::string why_not_comparable(const TableShape& shape);

/// What makes rows of the two incomparable, in words for people: the first column, key or engine that differs. "":
/// none.
/// @param here, there  names of the nodes
std::string difference_of(const TableShape& a, const TableShape& b, const std::string& here, const std::string& there);

}  // namespace repl::verify

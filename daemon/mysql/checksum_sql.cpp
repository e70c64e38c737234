// Text of the statements.
#include "mysql/checksum_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace repl::mysql {
namespace {

using verify::Key;
using verify::KeyColumn;
using verify::KeyKind;
using verify::TableShape;

constexpr std::string_view kServersOwn = "'mysql','sys','performance_schema','information_schema','repld'";

std::string name_of(const verify::TableId& table) {
  return quoted_name(table.schema) + "." + quoted_name(table.name);
}

// ---- hashes

/// How the value of a column enters the hash of its row.
enum class Form {
  AsItIs,   ///< Text without the separator: whole numbers, decimals, dates.
  Number,   ///< By its number: BIT, and ENUM and SET, whose texts belong to the definition.
  Double,   ///< With all digits; FLOAT would be shown with six.
  Bytes,    ///< The stored bytes, and their number among the lengths.
  Hashed,   ///< Too long to be put together with others.
  JsonText  ///< As the server prints it, hashed; how it is stored may differ after partial updates.
};

struct FormOfType {
  std::string_view type;
  Form form;
};
constexpr std::array kForms{
    FormOfType{"tinyint", Form::AsItIs},  FormOfType{"smallint", Form::AsItIs},  FormOfType{"mediumint", Form::AsItIs},
    FormOfType{"int", Form::AsItIs},      FormOfType{"bigint", Form::AsItIs},    FormOfType{"decimal", Form::AsItIs},
    FormOfType{"year", Form::AsItIs},     FormOfType{"date", Form::AsItIs},      FormOfType{"time", Form::AsItIs},
    FormOfType{"datetime", Form::AsItIs}, FormOfType{"timestamp", Form::AsItIs}, FormOfType{"bit", Form::Number},
    FormOfType{"enum", Form::Number},     FormOfType{"set", Form::Number},       FormOfType{"float", Form::Double},
    FormOfType{"double", Form::Double},   FormOfType{"char", Form::Bytes},       FormOfType{"varchar", Form::Bytes},
    FormOfType{"binary", Form::Bytes},    FormOfType{"varbinary", Form::Bytes},  FormOfType{"json", Form::JsonText},
};

Form form_of(const verify::Column& column) {
  const auto* found =
      std::find_if(kForms.begin(), kForms.end(), [&](const FormOfType& f) { return f.type == column.type; });
  return found == kForms.end() ? Form::Hashed : found->form;  // TEXT, BLOB, spatial, VECTOR and what is new
}

std::string value_of(const verify::Column& column) {
  const auto name = quoted_name(column.name);
  switch (form_of(column)) {
    case Form::AsItIs:
      return name;
    case Form::Number:
      return fmt::format("CAST({} AS UNSIGNED)", name);  // `+0` would make a DOUBLE of ENUM and SET: 53 bits of 64
    case Form::Double:
      return fmt::format("CAST({} AS DOUBLE)", name);
    case Form::Bytes:
      return fmt::format("CAST({} AS BINARY)", name);
    case Form::Hashed:
      return fmt::format("SHA2({},256)", name);
    case Form::JsonText:
      return fmt::format("SHA2(CAST({} AS CHAR),256)", name);
  }
  return name;
}

// ---- ranges

std::string literal(const KeyColumn& column, const std::string& value) {
  switch (column.kind) {
    case KeyKind::Number:
      return is_number(value) ? value : sql_quoted(value);
    case KeyKind::Text:
      return fmt::format("_{} X'{}' COLLATE {}", column.charset, value, column.collation);
    case KeyKind::Bytes:
      return fmt::format("X'{}'", value);
    case KeyKind::Time:
      return sql_quoted(value);
  }
  return sql_quoted(value);
}

/// The column as it is read into a Key.
std::string read_key(const KeyColumn& column) {
  const auto name = quoted_name(column.name);
  switch (column.kind) {
    case KeyKind::Number:
      return name + "+0";  // BIT and YEAR too are numbers then
    case KeyKind::Text:
    case KeyKind::Bytes:
      return fmt::format("HEX({})", name);
    case KeyKind::Time:
      return name;
  }
  return name;
}

std::string equal(const KeyColumn& column, const std::string& value) {
  return fmt::format("{} = {}", quoted_name(column.name), literal(column, value));
}

/// Written out, because the server reads no range for (a, b) > (x, y).
std::string compared(const std::vector<KeyColumn>& columns, const Key& key, std::string_view sign,
                     std::string_view last_sign) {
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::string term;
    for (std::size_t j = 0; j < i; ++j) term += equal(columns[j], key.at(j)) + " AND ";
    term += fmt::format("{} {} {}", quoted_name(columns[i].name), i + 1 == columns.size() ? last_sign : sign,
                        literal(columns[i], key.at(i)));
    out += fmt::format("{}({})", out.empty() ? "" : " OR ", term);
  }
  return "(" + out + ")";
}

std::string one_of(const std::vector<KeyColumn>& columns, const std::vector<Key>& keys) {
  std::string out;
  for (const auto& key : keys) {
    std::string term;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      term += (i == 0 ? "" : " AND ") + equal(columns[i], key.at(i));
    }
    out += fmt::format("{}({})", out.empty() ? "" : " OR ", term);
  }
  return "(" + out + ")";
}

std::string where(const TableShape& table, const verify::KeyRange& range, const std::vector<Key>& keys = {}) {
  if (!table.key) return "";
  const auto& columns = table.key->columns;
  std::vector<std::string> terms;
  if (range.after) terms.push_back(compared(columns, *range.after, ">", ">"));
  if (range.up_to) terms.push_back(compared(columns, *range.up_to, "<", "<="));
  if (!keys.empty()) terms.push_back(one_of(columns, keys));
  return terms.empty() ? "" : fmt::format(" WHERE {}", fmt::join(terms, " AND "));
}

std::string from(const TableShape& table) {
  if (!table.key) return name_of(table.id);
  return fmt::format("{} FORCE INDEX ({})", name_of(table.id), quoted_name(table.key->index));
}

std::string key_list(const TableShape& table, std::string (*form)(const KeyColumn&)) {
  std::string out;
  for (const auto& column : table.key->columns) out += (out.empty() ? "" : ",") + form(column);
  return out;
}
std::string plain_key(const KeyColumn& column) {
  return quoted_name(column.name);
}

std::string hint() {
  return fmt::format("/*+ MAX_EXECUTION_TIME({}) */", kMostReadTime.count());
}

std::string of_table(const verify::TableId& table) {
  return fmt::format("TABLE_SCHEMA={} AND TABLE_NAME={}", sql_quoted(table.schema), sql_quoted(table.name));
}

}  // namespace

Statement prepare_for_checksums() {
  return "SET NAMES utf8mb4, SESSION transaction_read_only=1, SESSION information_schema_stats_expiry=0";
}

std::string row_hash(const TableShape& table) {
  std::string values, lengths, nulls;
  for (const auto& column : table.columns) {
    if (column.is_virtual) continue;
    const auto name = quoted_name(column.name);
    values += "," + value_of(column);
    if (form_of(column) == Form::Bytes) lengths += fmt::format(",LENGTH({})", name);
    if (column.nullable) nulls += (nulls.empty() ? "" : ",") + fmt::format("ISNULL({})", name);
  }
  return fmt::format("SHA2(CONCAT_WS('#'{}{}{}),256)", values, lengths,
                     nulls.empty() ? "" : fmt::format(",CONCAT({})", nulls));
}

Statement boundary_query(const TableShape& table, const std::optional<Key>& after, std::uint64_t rows) {
  return fmt::format("SELECT {} {} FROM {}{} ORDER BY {} LIMIT 1 OFFSET {}", hint(), key_list(table, read_key),
                     from(table), where(table, {after, std::nullopt}), key_list(table, plain_key), rows - 1);
}

Statement sum_query(const TableShape& table, const verify::KeyRange& range) {
  if (table.key) {
    return fmt::format("SELECT {} COUNT(*), HEX(BIT_XOR(UNHEX({}))) FROM {}{}", hint(), row_hash(table), from(table),
                       where(table, range));
  }
  // Equal rows would cancel each other out, so that how many there are belongs to what is summed up.
  return fmt::format(
      "SELECT {} COALESCE(SUM(c),0), HEX(BIT_XOR(UNHEX(SHA2(CONCAT(h,'#',c),256)))) FROM "
      "(SELECT {} h, COUNT(*) c FROM {} GROUP BY h) d",
      hint(), row_hash(table), from(table));
}

Statement rows_query(const TableShape& table, const verify::KeyRange& range, const std::vector<Key>& keys,
                     std::uint64_t most) {
  if (table.key) {
    return fmt::format("SELECT {} {}, LEFT({},32) FROM {}{} ORDER BY {} LIMIT {}", hint(), key_list(table, read_key),
                       row_hash(table), from(table), where(table, range, keys), key_list(table, plain_key), most);
  }
  return fmt::format("SELECT {} {} h, COUNT(*) FROM {} GROUP BY h LIMIT {}", hint(), row_hash(table), from(table),
                     most);
}

Statement tables_query(const verify::Settings& settings) {
  std::string wanted;
  const auto add = [&](std::string_view term) { wanted += fmt::format("{}{}", wanted.empty() ? "" : " OR ", term); };
  for (const auto& schema : settings.schemas) add("TABLE_SCHEMA=" + sql_quoted(schema));
  for (const auto& table : settings.tables) add("(" + of_table(table) + ")");
  return fmt::format(
      "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(ENGINE,''), COALESCE(TABLE_ROWS,0), COALESCE(DATA_LENGTH,0) "
      "FROM information_schema.TABLES WHERE TABLE_TYPE='BASE TABLE' AND TABLE_SCHEMA NOT IN ({}){} ORDER BY 1, 2",
      kServersOwn, wanted.empty() ? "" : " AND (" + wanted + ")");
}

Statement table_query(const verify::TableId& table) {
  return fmt::format(
      "SELECT COALESCE(ENGINE,''), COALESCE(TABLE_ROWS,0), COALESCE(DATA_LENGTH,0) FROM information_schema.TABLES "
      "WHERE {} AND TABLE_TYPE='BASE TABLE'",
      of_table(table));
}

Statement columns_query(const verify::TableId& table) {
  return fmt::format(
      "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME,''), COALESCE(COLLATION_NAME,''), "
      "IS_NULLABLE, EXTRA, COALESCE(GENERATION_EXPRESSION,'') FROM information_schema.COLUMNS WHERE {} "
      "ORDER BY ORDINAL_POSITION",
      of_table(table));
}

Statement indexes_query(const verify::TableId& table) {
  return fmt::format(
      "SELECT INDEX_NAME, NON_UNIQUE=0, IS_VISIBLE, COALESCE(COLUMN_NAME,''), SUB_PART, COALESCE(COLLATION,'A') "
      "FROM information_schema.STATISTICS WHERE {} ORDER BY INDEX_NAME, SEQ_IN_INDEX",
      of_table(table));
}

}  // namespace repl::mysql

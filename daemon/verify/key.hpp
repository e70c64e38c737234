// Keys of rows and ranges of them, as values. The server alone knows how its keys are ordered (collations): ranges are
// made of keys that it gave, and only shown in an order of our own.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace repl::verify {

/// How the values of a key column travel, exact to the byte and independent of any session.
enum class KeyKind {
  Number,  ///< As the server prints it: -7, 12.50.
  Text,    ///< The stored bytes in hexadecimal, in the character set of the column.
  Bytes,   ///< The stored bytes in hexadecimal.
  Time,    ///< Dates and times as the server prints them in UTC.
};

struct KeyColumn {
  std::string name;
  KeyKind kind = KeyKind::Number;
  std::string charset;    ///< Text only.
  std::string collation;  ///< Text only.
  bool operator==(const KeyColumn&) const = default;
};

/// One value per key column.
using Key = std::vector<std::string>;

/// The rows with after < key <= up_to, in the order of the server's index. Empty: no bound on that side.
struct KeyRange {
  std::optional<Key> after;
  std::optional<Key> up_to;
  bool operator==(const KeyRange&) const = default;
};

/// "42", "'müller'", "(7, 0x00FF)"; texts that are not readable are shown in hexadecimal.
std::string shown(const std::vector<KeyColumn>& columns, const Key& key);
/// "id", "(shop, id)"
std::string names_of(const std::vector<KeyColumn>& columns);

/// An order for showing: numbers by value, all else by bytes. Collations order otherwise, so nothing is decided by it.
bool shown_before(const std::vector<KeyColumn>& columns, const Key& a, const Key& b);

}  // namespace repl::verify

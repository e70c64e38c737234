// How an enumeration and its names in files, API and journal belong together: one constexpr table per enumeration, a
// row per value, in the order of the enumeration. Looking up either way, and listing the names, works on any such
// table.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace repl {

template <class Enum>
struct EnumText {
  Enum value;
  std::string_view name;  ///< Stable: it stands in files, in the API and in the journal.
};

/// For a static_assert beside each table: rows stand in the order of the enumeration, `last` is its last value.
template <class Enum, std::size_t N>
constexpr bool is_complete(const std::array<EnumText<Enum>, N>& table, Enum last) {
  for (std::size_t i = 0; i < N; ++i) {
    if (static_cast<std::size_t>(table[i].value) != i) return false;
  }
  return N == static_cast<std::size_t>(last) + 1;
}

template <class Enum, std::size_t N>
constexpr std::string_view name_in(const std::array<EnumText<Enum>, N>& table, Enum value) {
  return table[static_cast<std::size_t>(value)].name;
}

/// Empty when no row has that name.
template <class Enum, std::size_t N>
constexpr std::optional<Enum> value_in(const std::array<EnumText<Enum>, N>& table, std::string_view name) {
  for (const auto& row : table) {
    if (row.name == name) return row.value;
  }
  return std::nullopt;
}

}  // namespace repl

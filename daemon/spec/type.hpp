// Types of values in a topology file: how one is read (with every error it can have) and how it is written. Types are
// put together from smaller ones, and a mapping is a table of fields; fields.cpp is made of nothing else.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/enum_text.hpp"
#include "spec/duration.hpp"
#include "spec/not_yet.hpp"
#include "spec/reader.hpp"

namespace repl::spec {

/// Whether writing leaves out what a reader would assume anyway.
enum class Defaults { Shown, Hidden };

template <class V>
struct Type {
  /// Empty when the value is wrong; the reader then has at least one error more.
  std::function<std::optional<V>(Reader&, const Tree&)> read;
  /// Null when there is nothing to write.
  std::function<TreePtr(const V&, Defaults)> write;
};

enum class Presence {
  Optional,
  Required,  ///< Missing is an error; always written.
  Shown,     ///< Has a default, and is written all the same.
};

/// One row of the table of a mapping that becomes a T.
template <class T>
struct Field {
  std::string name;
  Presence presence = Presence::Optional;
  std::function<void(Reader&, const Tree&, T&)> read;
  std::function<TreePtr(const T&, Defaults)> write;
};
template <class T>
using Fields = std::vector<Field<T>>;

/// "a mapping", "the text "x"", "nothing": what an error says was found.
std::string found(const Tree& tree);
/// The text of a scalar; reports anything else. `wanted`: "a whole number".
std::optional<std::string> read_scalar(Reader& reader, const Tree& tree, std::string_view wanted);
/// Reports the row of the table of what is not carried out yet, when there is one.
void report_not_yet(Reader& reader, Mark at, std::string_view value);
void report_unknown(Reader& reader, const Entry& entry, const std::vector<std::string_view>& known);
void report_missing(Reader& reader, std::string_view field);
bool expect_kind(Reader& reader, const Tree& tree, Tree::Kind kind);

Type<int> integer(int least, int most);
Type<bool> boolean();
/// `right` says in words what `fits` accepts.
Type<std::string> text(std::string right, std::function<bool(std::string_view)> fits);

/// D: the unit in which the value is kept; a finer value is an error.
template <class D>
Type<D> duration(std::chrono::milliseconds least, std::chrono::milliseconds most) {
  using std::chrono::milliseconds;
  const auto right = fmt::format("{} to {}", print_duration(least), print_duration(most));
  return {
      [=](Reader& reader, const Tree& tree) -> std::optional<D> {
        const auto given = read_scalar(reader, tree, "a duration such as 500ms, 10s, 5m, 1h or 90d");
        if (!given) return std::nullopt;
        const auto value = parse_duration(*given);
        if (!value) {
          reader.error(tree.at,
                       fmt::format("{} is no duration: expected a number with a unit, such as 500ms, 10s, 5m, 1h "
                                   "or 90d; {} here",
                                   shown(*given), right));
          return std::nullopt;
        }
        if (*value < least || *value > most) {
          reader.error(tree.at, fmt::format("{} is out of range: expected {}", *given, right));
          return std::nullopt;
        }
        const auto kept = std::chrono::duration_cast<D>(*value);
        if (kept != *value) {
          reader.error(tree.at, fmt::format("{} is not a whole number of seconds", *given));
          return std::nullopt;
        }
        return kept;
      },
      [](const D& value, Defaults) { return scalar(print_duration(value)); },
  };
}

/// One of the names of `table`. `alias` finds values by names that are read but never written.
template <class Enum, std::size_t N>
Type<Enum> one_of(const std::array<EnumText<Enum>, N>& table,
                  std::function<std::optional<Enum>(std::string_view)> alias = {}) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.name);
  return {
      [=](Reader& reader, const Tree& tree) -> std::optional<Enum> {
        const auto given = read_scalar(reader, tree, either(names));
        if (!given) return std::nullopt;
        const auto value = alias ? alias(*given) : value_in(table, *given);
        if (!value) {
          const auto meant = nearest_name(*given, names);
          reader.error(tree.at, fmt::format("{} is none of {}{}", shown(*given), either(names),
                                            meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant)));
          return std::nullopt;
        }
        report_not_yet(reader, tree.at, *given);
        return value;
      },
      [&table](const Enum& value, Defaults) { return scalar(std::string{name_in(table, value)}); },
  };
}

template <class V>
Type<std::vector<V>> list_of(Type<V> item) {
  return {
      [item](Reader& reader, const Tree& tree) -> std::optional<std::vector<V>> {
        if (!expect_kind(reader, tree, Tree::Kind::Sequence)) return std::nullopt;
        std::vector<V> out;
        for (std::size_t i = 0; i < tree.items.size(); ++i) {
          const Reader::Scope scope{reader, fmt::format("[{}]", i), {tree.items[i]->at, tree.items[i]->at}};
          if (auto value = item.read(reader, *tree.items[i])) {
            out.push_back(std::move(*value));
          } else {
            out.emplace_back();  // keeps the indices of values and places equal
          }
        }
        return out;
      },
      [item](const std::vector<V>& values, Defaults defaults) -> TreePtr {
        if (values.empty()) return nullptr;
        std::vector<TreePtr> items;
        for (const auto& value : values) items.push_back(item.write(value, defaults));
        return sequence(std::move(items));
      },
  };
}

/// A row whose value goes to `where(T&)`: a pointer to a member, or a function that takes const and non-const T.
template <class T, class Where, class V>
Field<T> field(std::string name, Where where, Type<V> type, Presence presence = Presence::Optional) {
  return {
      .name = std::move(name),
      .presence = presence,
      .read =
          [=](Reader& reader, const Tree& tree, T& into) {
            if (auto value = type.read(reader, tree)) std::invoke(where, into) = std::move(*value);
          },
      .write = [=](const T& from, Defaults defaults) -> TreePtr {
        auto tree = type.write(std::invoke(where, from), defaults);
        if (tree == nullptr || defaults == Defaults::Shown || presence != Presence::Optional) return tree;
        const T blank{};
        const auto assumed = type.write(std::invoke(where, blank), Defaults::Shown);
        const auto full = type.write(std::invoke(where, from), Defaults::Shown);
        return assumed != nullptr && same(*full, *assumed) ? nullptr : tree;
      },
  };
}

/// A row for a value that may be absent.
template <class T, class V>
Field<T> optional_field(std::string name, std::optional<V> T::*where, Type<V> type) {
  return {
      .name = std::move(name),
      .read =
          [=](Reader& reader, const Tree& tree, T& into) {
            if (auto value = type.read(reader, tree)) into.*where = std::move(*value);
          },
      .write = [=](const T& from, Defaults defaults) -> TreePtr {
        return from.*where ? type.write(*(from.*where), defaults) : nullptr;
      },
  };
}

/// Stands for a mapping that is checked and then refused: there is nothing to keep.
struct Unused {};

template <class V>
Field<Unused> checked(std::string name, Type<V> type) {
  return {
      .name = std::move(name),
      .read = [=](Reader& reader, const Tree& tree, Unused&) { type.read(reader, tree); },
      .write = [](const Unused&, Defaults) { return TreePtr{}; },
  };
}

/// Reads by the table: unknown and missing fields, then each value. What is wrong or missing is as in `defaults`.
template <class T>
Type<T> mapping_of(Fields<T> fields, T defaults = {}) {
  return {
      [fields, defaults](Reader& reader, const Tree& tree) -> std::optional<T> {
        if (!expect_kind(reader, tree, Tree::Kind::Mapping)) return std::nullopt;
        T into = defaults;
        std::vector<std::string_view> known;
        for (const auto& row : fields) known.push_back(row.name);
        for (const auto& entry : tree.entries) {
          if (std::find(known.begin(), known.end(), entry.key) == known.end()) report_unknown(reader, entry, known);
        }
        for (const auto& row : fields) {
          const auto* entry = tree.find(row.name);
          if (entry == nullptr) {
            if (row.presence == Presence::Required) report_missing(reader, row.name);
            continue;
          }
          const Reader::Scope scope{reader, row.name, {entry->at, entry->value->at}};
          row.read(reader, *entry->value, into);
          report_not_yet(reader, entry->at, "");
        }
        return into;
      },
      [fields](const T& from, Defaults shown) -> TreePtr {
        std::vector<Entry> entries;
        for (const auto& row : fields) {
          if (auto tree = row.write(from, shown)) entries.push_back({row.name, {}, std::move(tree)});
        }
        return entries.empty() ? nullptr : mapping(std::move(entries));
      },
  };
}

}  // namespace repl::spec

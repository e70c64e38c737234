// Choosing a key, and comparing definitions.
#include "verify/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

namespace repl::verify {
namespace {

struct KindOfType {
  std::string_view type;
  KeyKind kind;
};
constexpr std::array kKinds{
    KindOfType{"tinyint", KeyKind::Number},   KindOfType{"smallint", KeyKind::Number},
    KindOfType{"mediumint", KeyKind::Number}, KindOfType{"int", KeyKind::Number},
    KindOfType{"bigint", KeyKind::Number},    KindOfType{"decimal", KeyKind::Number},
    KindOfType{"year", KeyKind::Number},      KindOfType{"bit", KeyKind::Number},
    KindOfType{"char", KeyKind::Text},        KindOfType{"varchar", KeyKind::Text},
    KindOfType{"tinytext", KeyKind::Text},    KindOfType{"text", KeyKind::Text},
    KindOfType{"mediumtext", KeyKind::Text},  KindOfType{"longtext", KeyKind::Text},
    KindOfType{"binary", KeyKind::Bytes},     KindOfType{"varbinary", KeyKind::Bytes},
    KindOfType{"tinyblob", KeyKind::Bytes},   KindOfType{"blob", KeyKind::Bytes},
    KindOfType{"date", KeyKind::Time},        KindOfType{"datetime", KeyKind::Time},
    KindOfType{"timestamp", KeyKind::Time},   KindOfType{"time", KeyKind::Time},
};

std::optional<TableKey> as_key(const Index& index, const std::vector<Column>& columns) {
  if (!index.unique || !index.visible || index.parts.empty()) return std::nullopt;
  TableKey key{.index = index.name, .columns = {}};
  for (const auto& part : index.parts) {
    const auto column =
        std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == part.column; });
    if (column == columns.end() || column->nullable || !part.whole || part.descending) return std::nullopt;
    const auto* kind =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const KindOfType& k) { return k.type == column->type; });
    if (kind == kKinds.end()) return std::nullopt;
    key.columns.push_back({column->name, kind->kind, column->charset, column->collation});
  }
  return key;
}

std::string described(const Column& c) {
  return fmt::format("{}{}{}{}{}", c.full_type, c.collation.empty() ? "" : " " + c.collation,
                     c.nullable ? "" : " not null", c.generated.empty() ? "" : " as (" + c.generated + ")",
                     c.is_virtual ? " virtual" : "");
}

/// Texts one after the other, each with its length before it: names may hold any character.
class Joined {
 public:
  Joined& operator<<(std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "{}:{}", text.size(), text);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

std::string to_string(const TableId& table) {
  return table.schema + "." + table.name;
}

std::optional<TableKey> choose_key(const std::vector<Column>& columns, const std::vector<Index>& indexes) {
  std::optional<TableKey> best;
  for (const auto& index : indexes) {
    auto key = as_key(index, columns);
    if (!key) continue;
    if (index.name == "PRIMARY") return key;
    if (!best || key->columns.size() < best->columns.size()) best = std::move(key);
  }
  return best;
}

std::string definition_of(const TableShape& shape) {
  Joined out;
  out << shape.engine;
  for (const auto& [name, type, full_type, charset, collation, nullable, is_virtual, generated] : shape.columns) {
    out << name << full_type << charset << collation << (nullable ? "null" : "") << (is_virtual ? "virtual" : "")
        << generated;
  }
  if (shape.key) {
    out << "key" << shape.key->index;
    for (const auto& column : shape.key->columns) out << column.name;
  }
  return out.take();
}

bool has_key(const TableShape& shape, const Key& key) {
  return shape.key && shape.key->columns.size() == key.size();
}

std::string why_not_comparable(const TableShape& shape) {
  if (shape.engine != "InnoDB") {
    return fmt::format("its engine {} gives no consistent reads: a checksum would need a lock", shape.engine);
  }
  if (!shape.key && (shape.rows_estimate > kMostRowsWithoutKey || shape.bytes_estimate > kMostBytesWithoutKey)) {
    return fmt::format(
        "it has about {} rows and no key to read it in parts by: give it a primary key, or a NOT NULL unique one, of "
        "whole columns that are neither ENUM, SET nor floating-point",
        shape.rows_estimate);
  }
  return "";
}

std::string difference_of(const TableShape& a, const TableShape& b, const std::string& here, const std::string& there) {
  if (a.engine != b.engine) return fmt::format("engine {} on {}, {} on {}", a.engine, here, b.engine, there);
  for (std::size_t i = 0; i < std::max(a.columns.size(), b.columns.size()); ++i) {
    if (i >= a.columns.size()) return fmt::format("column {} is on {} only", b.columns[i].name, there);
    if (i >= b.columns.size()) return fmt::format("column {} is on {} only", a.columns[i].name, here);
    const auto &x = a.columns[i], &y = b.columns[i];
    if (x == y) continue;
    if (x.name != y.name) {
      return fmt::format("column {} is {} on {}, {} on {}", i + 1, x.name, here, y.name, there);
    }
    return fmt::format("column {} is {} on {}, {} on {}", x.name, described(x), here, described(y), there);
  }
  if (a.key != b.key) {
    const auto name = [](const TableShape& s) {
      return s.key ? fmt::format("{} {}", s.key->index, names_of(s.key->columns)) : std::string{"none"};
    };
    return fmt::format("unique key {} on {}, {} on {}", name(a), here, name(b), there);
  }
  return "";
}

}  // namespace repl::verify

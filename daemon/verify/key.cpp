// Keys as text for people.
#include "verify/key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace repl::verify {
namespace {

constexpr std::size_t kShownBytes = 64;

int digit(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

bool is_ascii_compatible(std::string_view charset) {
  return charset.starts_with("utf8") || charset == "ascii";
}

/// Printable, and UTF-8 as far as its shape goes.
bool is_readable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return false;
    if (c < 0x80) continue;
    std::size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4) return false;
    for (; more > 0; --more) {
      if (++i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

std::string shown_value(const KeyColumn& column, const std::string& value) {
  switch (column.kind) {
    case KeyKind::Number:
      return value;
    case KeyKind::Time:
      return "'" + value + "'";
    case KeyKind::Text:
      if (const auto text = bytes_of(value);
          is_ascii_compatible(column.charset) && text.size() <= kShownBytes && is_readable(text)) {
        return "'" + text + "'";
      }
      [[fallthrough]];
    case KeyKind::Bytes:
      return value.size() <= 2 * kShownBytes ? "0x" + value : "0x" + value.substr(0, 2 * kShownBytes) + "...";
  }
  return value;
}

struct Decimal {
  bool negative = false;
  std::string_view whole, fraction;
};

Decimal decimal(std::string_view text) {
  Decimal out;
  if (!text.empty() && text.front() == '-') {
    out.negative = true;
    text.remove_prefix(1);
  }
  const auto point = text.find('.');
  out.whole = text.substr(0, point);
  if (point != std::string_view::npos) out.fraction = text.substr(point + 1);
  while (out.whole.size() > 1 && out.whole.front() == '0') out.whole.remove_prefix(1);
  return out;
}

bool smaller_number(std::string_view a, std::string_view b) {
  const auto x = decimal(a), y = decimal(b);
  if (x.negative != y.negative) return x.negative;
  const auto smaller_size = [](const Decimal& l, const Decimal& r) {
    if (l.whole.size() != r.whole.size()) return l.whole.size() < r.whole.size();
    if (l.whole != r.whole) return l.whole < r.whole;
    return l.fraction < r.fraction;
  };
  return x.negative ? smaller_size(y, x) : smaller_size(x, y);
}

}  // namespace

std::string shown(const std::vector<KeyColumn>& columns, const Key& key) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < std::min(columns.size(), key.size()); ++i) {
    values.push_back(shown_value(columns[i], key[i]));
  }
  if (values.size() == 1) return values.front();
  return fmt::format("({})", fmt::join(values, ", "));
}

std::string names_of(const std::vector<KeyColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  if (names.size() == 1) return names.front();
  return fmt::format("({})", fmt::join(names, ", "));
}

bool shown_before(const std::vector<KeyColumn>& columns, const Key& a, const Key& b) {
  for (std::size_t i = 0; i < std::min({columns.size(), a.size(), b.size()}); ++i) {
    if (a[i] == b[i]) continue;
    return columns[i].kind == KeyKind::Number ? smaller_number(a[i], b[i]) : a[i] < b[i];
  }
  return a.size() < b.size();
}

}  // namespace repl::verify

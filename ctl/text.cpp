// Widths, colours, durations and times.
#include "ctl/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <istream>
#include <numeric>
#include <sstream>

namespace repl::ctl {
namespace {

struct Range {
  std::uint32_t first, last;
};

constexpr std::array kZeroWidth{
    Range{0x0000, 0x001f}, Range{0x007f, 0x009f}, Range{0x0300, 0x036f}, Range{0x0483, 0x0489},
    Range{0x0591, 0x05bd}, Range{0x0610, 0x061a}, Range{0x064b, 0x065f}, Range{0x1ab0, 0x1aff},
    Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f}, Range{0x2028, 0x202e}, Range{0x2060, 0x2064},
    Range{0x20d0, 0x20f0}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}, Range{0xfeff, 0xfeff}};
constexpr std::array kDoubleWidth{Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x23e9, 0x23ec},
                                  Range{0x2e80, 0x303e},   Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},
                                  Range{0x4e00, 0x9fff},   Range{0xa000, 0xa4cf},   Range{0xac00, 0xd7a3},
                                  Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
                                  Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff},
                                  Range{0x1f900, 0x1f9ff}, Range{0x20000, 0x3fffd}};

template <std::size_t N>
bool holds(const std::array<Range, N>& ranges, std::uint32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](Range r) { return r.first <= c && c <= r.last; });
}

struct Character {
  std::size_t bytes = 1;
  int width = 1;
};

/// The character that begins at `at`.
Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(at);
  const std::size_t bytes = lead < 0x80           ? 1
                            : (lead >> 5) == 0x6  ? 2
                            : (lead >> 4) == 0xe  ? 3
                            : (lead >> 3) == 0x1e ? 4
                                                  : 0;
  if (bytes == 0 || at + bytes > text.size()) return {};
  auto code = static_cast<std::uint32_t>(bytes == 1 ? lead : lead & (0xff >> (bytes + 1)));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(at + i) & 0x3fU);
  }
  return {bytes, holds(kZeroWidth, code) ? 0 : holds(kDoubleWidth, code) ? 2 : 1};
}

std::string blanks(int count) {
  return std::string(static_cast<std::size_t>(std::max(0, count)), ' ');
}

/// Two units, the smaller one left out when it is 0: "3h 5m", "2d".
std::string two_units(long long big, char big_unit, long long small, char small_unit) {
  return small == 0 ? fmt::format("{}{}", big, big_unit) : fmt::format("{}{} {}{}", big, big_unit, small, small_unit);
}

/// "0.4" for 0.4, "0" for 0.0.
std::string one_decimal(double value) {
  auto text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

}  // namespace

int display_width(std::string_view utf8) {
  int width = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto c = character_at(utf8, at);
    width += c.width;
    at += c.bytes;
  }
  return width;
}

std::string pad_right(std::string_view utf8, int width) {
  return std::string(utf8) + blanks(width - display_width(utf8));
}

std::string pad_left(std::string_view utf8, int width) {
  return blanks(width - display_width(utf8)) + std::string(utf8);
}

std::string Style::paint(Colour which, std::string_view text) const {
  const auto code = [&]() -> std::string_view {
    switch (which) {
      case Colour::None:
        return "";
      case Colour::Red:
        return "31";
      case Colour::Yellow:
        return "33";
      case Colour::Green:
        return "32";
      case Colour::Cyan:
        return "36";
      case Colour::Dim:
        return "2";
      case Colour::Bold:
        return "1";
    }
    return "";
  }();
  if (!colour || code.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string shorten(std::string_view utf8, int width, const Style& style) {
  if (width <= 0 || display_width(utf8) <= width) return std::string(utf8);
  std::size_t at = 0;
  for (int used = 0; at < utf8.size();) {
    const auto c = character_at(utf8, at);
    if (used + c.width > width - 1) break;
    used += c.width;
    at += c.bytes;
  }
  return std::string(utf8.substr(0, at)) + (style.unicode ? "…" : ">");
}

std::string coarse_duration(double seconds) {
  const auto s = std::max(0LL, std::llround(seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m", s / 60);
  if (s < 86400) return two_units(s / 3600, 'h', s % 3600 / 60, 'm');
  return two_units(s / 86400, 'd', s % 86400 / 3600, 'h');
}

std::string took_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", std::max(0.0, seconds));
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto s = std::llround(seconds);
  return s < 3600 ? two_units(s / 60, 'm', s % 60, 's') : two_units(s / 3600, 'h', s % 3600 / 60, 'm');
}

std::string lag_text(double seconds) {
  return seconds < 9.95 ? one_decimal(std::max(0.0, seconds)) + "s" : coarse_duration(seconds);
}

std::string bytes_text(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  auto value = std::max(0.0, bytes);
  // 999.6 would be printed as 1000.
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit > 0 && value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                                  : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string with_commas(long long number) {
  auto digits = std::to_string(number);
  const auto first = number < 0 ? 1U : 0U;
  for (auto at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(long long number, std::string_view word, std::string_view plural) {
  if (number == 1) return fmt::format("1 {}", word);
  return plural.empty() ? fmt::format("{} {}s", number, word) : fmt::format("{} {}", number, plural);
}

std::optional<Time> parse_time(std::string_view t) {
  // 2025-11-24T07:08:22.123456Z; the fraction may be missing or have any number of digits.
  const auto number = [&](std::size_t at, std::size_t length) -> std::optional<int> {
    int value = 0;
    if (at + length > t.size()) return std::nullopt;
    const auto* begin = t.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + length, value);
    if (error != std::errc{} || end != begin + length) return std::nullopt;
    return value;
  };
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != ' ') || t[13] != ':' || t[16] != ':' ||
      t.back() != 'Z') {
    return std::nullopt;
  }
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  int micros = 0;
  if (t[19] == '.') {
    int scale = 100'000;
    for (std::size_t i = 20; i + 1 < t.size(); ++i, scale /= 10) {
      if (t[i] < '0' || t[i] > '9') return std::nullopt;
      micros += (t[i] - '0') * scale;
    }
  } else if (t.size() != 20) {
    return std::nullopt;
  }
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} + std::chrono::microseconds{micros};
}

std::string short_time(std::string_view rfc3339) {
  if (!parse_time(rfc3339)) return std::string(rfc3339);
  return fmt::format("{} {}Z", rfc3339.substr(0, 10), rfc3339.substr(11, 8));
}

std::string read_all(std::istream& in) {
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string closest(std::string_view word, const std::vector<std::string>& words) {
  const auto distance = [&](std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 0; i < word.size(); ++i) {
      auto diagonal = row[0]++;
      for (std::size_t j = 0; j < other.size(); ++j) {
        const auto replaced = diagonal + (word[i] == other[j] ? 0U : 1U);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
      }
    }
    return row.back();
  };
  std::string best;
  std::size_t best_distance = 3;
  for (const auto& candidate : words) {
    const auto d = distance(candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace repl::ctl

// The units, and both ways through them.
#include "spec/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace repl::spec {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  milliseconds length;
};
constexpr std::array kUnits{
    Unit{"d", std::chrono::hours{24}},  Unit{"h", std::chrono::hours{1}}, Unit{"m", std::chrono::minutes{1}},
    Unit{"s", std::chrono::seconds{1}}, Unit{"ms", milliseconds{1}},
};
constexpr milliseconds kMost = std::chrono::hours{24} * 10'000;

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : kUnits) {
    if (unit.name == name && number <= kMost / unit.length) return number * unit.length;
  }
  return std::nullopt;
}

std::string print_duration(milliseconds duration) {
  if (duration == milliseconds{0}) return "0s";
  for (const auto& unit : kUnits) {
    if (duration % unit.length == milliseconds{0}) return fmt::format("{}{}", duration / unit.length, unit.name);
  }
  return "0s";
}

}  // namespace repl::spec

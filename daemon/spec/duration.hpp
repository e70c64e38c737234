// Durations as people write them: a whole number and a unit.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace repl::spec {

/// "500ms", "10s", "5m", "1h", "90d". Empty when the text is nothing like that, is negative, or is more than 10,000
/// days.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// In the largest unit that leaves a whole number: 3600 s is "1h", 90 s is "90s", nothing is "0s".
std::string print_duration(std::chrono::milliseconds duration);

}  // namespace repl::spec

// Points in time in sentences for people.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "model/ids.hpp"

namespace repl {

/// "2026-11-24 15:30:00Z": UTC, whole seconds.
inline std::string time_text(Time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(at - day)};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

}  // namespace repl

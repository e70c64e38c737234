// How log lines look: for people, or one JSON object a line. Cluster and operation come from the LogScope of the
// thread.
#pragma once

#include <string>
#include <string_view>

#include "model/ids.hpp"
#include "serve/config.hpp"

namespace repl::serve {

/// Sets up spdlog's default logger on standard error; nothing is logged before.
void start_log(LogFormat format, LogLevel level);

/// A line without its end, as start_log()'s formatter writes it. `level` as spdlog names it.
std::string log_line(LogFormat format, Time at, std::string_view level, std::string_view message);

}  // namespace repl::serve

// Results of queries as text, the same for both client libraries.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace repl::mysql {

/// Empty: NULL.
using Field = std::optional<std::string>;
using Row = std::vector<Field>;
using Rows = std::vector<Row>;

}  // namespace repl::mysql

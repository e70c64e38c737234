// The JSON type of this folder, and the texts in it. Fields keep the order in which docs/api.md shows them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/ids.hpp"

namespace repl::serve {

using Json = nlohmann::ordered_json;

/// RFC 3339 in UTC with microseconds: "2026-01-31T12:00:00.000123Z".
std::string rfc3339(Time at);
double seconds(Duration duration);
/// On one line; bytes that are not UTF-8 are replaced.
std::string to_text(const Json& json);

}  // namespace repl::serve

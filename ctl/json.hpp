// JSON as replctl reads it: forgiving getters, so that a missing or null field of another repld version is shown as
// nothing instead of failing; and the two machine-readable output formats.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"

namespace repl::ctl {

/// Keeps the order of fields, so that output is in the order in which repld wrote it.
using Json = nlohmann::ordered_json;

/// @errors InvalidArgument
Result<Json> parse_json(std::string_view text);

/// The field as text: strings as they are, numbers and booleans as JSON; "" when missing or null.
std::string text_of(const Json& object, const char* key);
std::optional<double> number_of(const Json& object, const char* key);
/// 0 when missing.
long long integer_of(const Json& object, const char* key);
bool is_true(const Json& object, const char* key);
/// The elements of an array; none when it is missing or no array. Points into `object`.
std::vector<const Json*> items_of(const Json& object, const char* key);
/// Null when missing or JSON null.
const Json* find(const Json& object, const char* key);

/// Indented by two, a final newline.
std::string to_json_text(const Json& value);
/// Block style; strings are quoted where a YAML reader would take them for something else.
std::string to_yaml_text(const Json& value);

}  // namespace repl::ctl

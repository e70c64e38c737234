// JSON Schema, as much of it as the API needs: how schemas are put together, and what a value breaks. Requests are held
// to the same schemas that the OpenAPI document shows.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "serve/json.hpp"

namespace repl::serve::schema {

struct Member {
  const char* name;
  Json schema;
  bool required = true;
};

Json text();
Json text_of(std::initializer_list<std::string_view> values);
Json whole();
Json number();
Json flag();
Json time();
Json list(Json items);
/// Nothing but these members.
Json object(std::vector<Member> members);
Member optional(const char* name, Json schema);
/// The schema, or null.
Json nullable(Json schema);
/// Of components.schemas.
Json ref(std::string_view name);
/// With limits, for numbers: `at_least(whole(), 0)`.
Json at_least(Json schema, Json minimum);
Json at_most(Json schema, Json maximum);
Json about(Json schema, std::string_view description);

/// Everything in `value` that the schema does not allow, each as "where: what"; empty: it fits.
/// @param named  components.schemas, where references lead
std::vector<std::string> violations(const Json& schema, const Json& value, const Json& named);

}  // namespace repl::serve::schema

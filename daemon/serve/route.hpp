// The table of calls: where each is, who may make it, what answers it, and what the OpenAPI document says about it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "serve/call.hpp"

namespace repl::serve {

enum class Access { Open, Token };

struct Parameter {
  std::string_view name;
  enum class Kind { Whole, Duration, Text } kind;
  std::string_view meaning;
};

struct Outcome {
  int status;
  std::string_view schema;  ///< Name in schemas(); "": no body, or none that is JSON.
  std::string_view meaning;
};

struct Route {
  Method method;
  std::string_view pattern;  ///< "/api/v1/clusters/{cluster}"
  std::string_view id;       ///< operationId, unique.
  Handler handler;
  Access access = Access::Token;
  Worker worker = Worker::Look;
  std::string_view request;  ///< Name of the body's schema; "": no body.
  std::vector<Parameter> query;
  std::vector<Outcome> outcomes;  ///< Successes and answers of their own; every call can also fail with Failure.
  std::string_view content_type = "application/json";
  std::string_view summary;
};

const std::vector<Route>& routes();

/// The segments of the target fit the pattern; fills `values` with what stands for its {names}.
bool matches(std::string_view pattern, std::span<const std::string> segments,
             std::map<std::string, std::string>& values);

}  // namespace repl::serve

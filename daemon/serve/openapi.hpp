// The OpenAPI 3.1 document, made from the table of calls and the schemas, so that it cannot say anything else than they
// do.
#pragma once

#include <string_view>

#include "serve/json.hpp"

namespace repl::serve {

Json openapi_document(std::string_view version);

}  // namespace repl::serve

// The named schemas of the API: every shape of docs/api.md, and every request and answer that has more than one member.
#pragma once

#include "serve/json.hpp"

namespace repl::serve {

/// components.schemas of the OpenAPI document. Built once.
const Json& schemas();

}  // namespace repl::serve

// The schemas of verifications.
#pragma once

#include "serve/json.hpp"

namespace repl::serve {

/// The part of schemas() that is about verifications.
Json verify_schemas();

}  // namespace repl::serve

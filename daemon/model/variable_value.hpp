// When two texts are the same value of a server variable.
#pragma once

#include <string>

namespace repl {

/// ON, 1 and TRUE are, and 3 and 3.000000; case does not matter.
bool same_value(const std::string& a, const std::string& b);

}  // namespace repl

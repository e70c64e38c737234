// replctl as a function: arguments in, exit code out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ctl/console.hpp"

namespace CLI {
class App;
}

namespace repl::ctl {

/// Commands that live in a library of their own (the sandbox).
struct Extension {
  std::function<void(CLI::App&)> add_commands;
  /// Names that completion scripts ask for, by kind; none for a kind it does not know.
  std::function<std::vector<std::string>(const std::string& kind)> names;
};

/// Parses, runs, prints, and says how it went (exit_codes.hpp).
/// @param arguments  without the program's name
int run(const std::vector<std::string>& arguments, Console& console, const Extension& extension = {});

}  // namespace repl::ctl

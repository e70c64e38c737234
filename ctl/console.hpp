// Where a command reads and writes, and what the reader's end can show. Given to commands, so that tests give strings.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "ctl/text.hpp"

namespace repl::ctl {

/// Value of an environment variable; "" when it is not set.
using Environment = std::function<std::string(const std::string& name)>;

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Environment environment;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  Style style;      ///< Of `out`.
  Style err_style;  ///< Of `err`.
  int width = 0;    ///< Columns of the terminal; 0: no terminal, lines are not cut.

  /// A person sits there who can be asked.
  bool interactive() const { return in_is_terminal && out_is_terminal; }
};

/// The process's own. Colour: on a terminal that is not "dumb", and NO_COLOR not set (or empty).
/// Source of the rule: no-color.org.
Console process_console();

/// Asks `question` and reads a line: true for y or yes, false for all else and at the end of input.
bool confirmed(Console& console, const std::string& question);

}  // namespace repl::ctl

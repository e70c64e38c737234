// The last thing that a text says, for a sentence that has room for one line of it.
#pragma once

#include <string>
#include <string_view>

namespace repl {

/// Without the blanks and line feeds at the end of `text`.
inline std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto cut = text.rfind('\n');
  return std::string{cut == std::string_view::npos ? text : text.substr(cut + 1)};
}

}  // namespace repl

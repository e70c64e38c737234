// Which folder may #include what, and a check of one file against it. The linker does not enforce the layers: static
// libraries and headers slip through.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace repl::layering {

/// The folder that answers for a file: "daemon/plan/switchover.cpp" -> "plan", "daemon/main.cpp" -> "main",
/// "ctl/sandbox/ports.cpp" -> "ctl". Empty for anything else.
std::string folder_of(std::string_view path);

/// What the file includes or calls and its folder may not, one sentence each with the line; empty: all is well.
std::vector<std::string> violations(std::string_view path, std::string_view contents);

}  // namespace repl::layering

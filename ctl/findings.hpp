// What is wrong in a topology file, shown the way compilers do: file, line, column, the line itself and a caret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/json.hpp"
#include "ctl/text.hpp"

namespace repl::ctl {

enum class Level { Error, Warning };

struct Finding {
  Level level = Level::Error;
  std::string file;
  int line = 0;    ///< From 1; 0: the file as a whole.
  int column = 0;  ///< From 1, in bytes; 0: the line as a whole.
  std::string message;
};

/// A Detail of the API ({"file","line","column","message"}).
Finding finding_from(const Json& detail, Level level);

/// "shop.yaml:7:12: message", then the line and a caret when `source`, the text of the file, has that line.
std::string render_finding(const Finding& finding, std::string_view source, const Style& style);
std::string render_findings(const std::vector<Finding>& findings, std::string_view source, const Style& style);

Json to_json(const Finding& finding);

}  // namespace repl::ctl

// Errors and warnings of topology files as text.
#include "ctl/findings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace repl::ctl {
namespace {

std::string place(const Finding& f) {
  if (f.line <= 0) return f.file;
  if (f.column <= 0) return fmt::format("{}:{}", f.file, f.line);
  return fmt::format("{}:{}:{}", f.file, f.line, f.column);
}

}  // namespace

Finding finding_from(const Json& detail, Level level) {
  return {.level = level,
          .file = text_of(detail, "file"),
          .line = static_cast<int>(integer_of(detail, "line")),
          .column = static_cast<int>(integer_of(detail, "column")),
          .message = text_of(detail, "message")};
}

std::string render_finding(const Finding& f, std::string_view source, const Style& style) {
  const auto colour = f.level == Level::Error ? Colour::Red : Colour::Yellow;
  std::string out = style.paint(Colour::Bold, place(f) + ":") + ' ' +
                    (f.level == Level::Warning ? style.paint(colour, "warning:") + ' ' : "") + f.message + '\n';
  const auto lines = lines_of(source);
  if (f.line <= 0 || static_cast<std::size_t>(f.line) > lines.size()) return out;
  std::string line(lines[static_cast<std::size_t>(f.line) - 1]);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\t' || c == '\r'; }, ' ');
  out += fmt::format("{:>6} | {}\n", f.line, line);
  if (f.column > 0) {
    const auto before = std::min(static_cast<std::size_t>(f.column) - 1, line.size());
    const std::string margin(static_cast<std::size_t>(display_width(line.substr(0, before))), ' ');
    out += "       | " + margin + style.paint(colour, "^") + '\n';
  }
  return out;
}

std::string render_findings(const std::vector<Finding>& findings, std::string_view source, const Style& style) {
  std::string out;
  for (const auto& f : findings) out += render_finding(f, source, style);
  return out;
}

Json to_json(const Finding& f) {
  return {{"file", f.file}, {"line", f.line}, {"column", f.column}, {"message", f.message}};
}

}  // namespace repl::ctl

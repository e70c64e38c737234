// The file that a description is written as.
#include <fmt/format.h>

#include <algorithm>

#include "adopt/describe.hpp"
#include "model/spec_text.hpp"
#include "spec/to_yaml.hpp"

namespace repl::adopt {
namespace {

constexpr std::size_t kWidth = 110;

/// "# " before each line, broken at blanks.
std::string comment(const std::string& text, const std::string& indent = "") {
  std::string out;
  std::string line = indent + "#";
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find_first_of(" \n", begin), text.size());
    const auto word = text.substr(begin, end - begin);
    if (line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent + "#  ";
    }
    if (!word.empty()) line += " " + word;
    begin = end + 1;
  }
  return out + line + "\n";
}

/// Above the first line that begins so, indented as it is; at the end when there is none.
void comment_above(std::string& yaml, const std::string& line, const std::string& text) {
  auto at = yaml.starts_with(line) ? 0 : yaml.find("\n" + line);
  if (at == std::string::npos) {
    at = yaml.size();
  } else if (at > 0) {
    ++at;
  }
  yaml.insert(at, comment(text, std::string(line.find_first_not_of(' '), ' ')));
}

}  // namespace

std::string document(const Description& d) {
  auto yaml = spec::to_yaml(d.spec);
  comment_above(yaml, "management:",
                "observe: repld watches, diagnoses and reports, and changes nothing. full: it keeps the cluster as it "
                "stands here, and acts when something fails. `replctl apply --dry-run` shows what that would change.");
  if (d.to_fill_in) {
    comment_above(yaml, "  replication:",
                  fmt::format("Put the password that the channels use today into {}: repld needs it before management "
                              "is full, and sets whatever stands there.",
                              d.to_fill_in->value));
  }
  if (!d.record && !d.spec.settings.empty()) {
    comment_above(yaml, "settings:",
                  "As the servers have it. Without these lines repld sets what it takes for better (docs/adopt.md).");
  }
  std::string head;
  if (d.record) {
    head = comment(fmt::format("Cluster {} as its servers keep it: revision {}, written in term {}.", d.spec.cluster,
                               d.record->revision.number, d.record->term.number));
  } else {
    head = comment(fmt::format("Cluster {} as it was found: {}, {} nodes.", d.spec.cluster, to_string(d.spec.topology),
                               d.spec.nodes.size()));
  }
  for (const auto& note : d.notes) head += comment("Note: " + note);
  for (const auto& difference : d.differences) head += comment("Differs: " + difference);
  return head + yaml;
}

}  // namespace repl::adopt

// The layout of diffs and plans.
#include "ctl/plan_layout.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ctl/findings.hpp"

namespace repl::ctl {
namespace {

Colour sign_colour(std::string_view sign) {
  if (sign == "+") return Colour::Green;
  if (sign == "-") return Colour::Red;
  return Colour::Yellow;
}

std::string change_text(const Json& change) {
  const auto from = text_of(change, "from");
  const auto to = text_of(change, "to");
  const auto sign = text_of(change, "sign");
  if (sign == "+") return to;
  if (sign == "-") return from;
  return fmt::format("{} -> {}", from.empty() ? "''" : from, to.empty() ? "''" : to);
}

std::string render_notes(const Json& cluster) {
  std::string out;
  for (const auto* note : items_of(cluster, "notes")) {
    if (note->is_string()) out += "  note: " + note->get<std::string>() + '\n';
  }
  return out;
}

std::string rule_line(std::string_view text, const Style& style) {
  const std::string_view dash = style.unicode ? "──" : "--";
  return style.paint(Colour::Dim, fmt::format("  {} {} {}", dash, text, dash)) + '\n';
}

}  // namespace

StepWords words_of_step(const Json& step) {
  auto node = text_of(step, "node");
  auto action = text_of(step, "text");
  if (!node.empty() && action.starts_with(node + ": ")) action.erase(0, node.size() + 2);
  return {std::move(node), std::move(action)};
}

std::string render_changes(const std::vector<const Json*>& changes, const Style& style) {
  int width = 0;
  for (const auto* c : changes) width = std::max(width, display_width(text_of(*c, "path")));
  std::string out;
  for (const auto* c : changes) {
    const auto sign = text_of(*c, "sign");
    const auto path = text_of(*c, "path");
    const auto text = change_text(*c);
    out += "  " + style.paint(sign_colour(sign), sign) + ' ' +
           (text.empty() ? path : pad_right(path, width) + "  " + text) + '\n';
  }
  return out;
}

std::string render_steps(const Json& plan, const Style& style) {
  const auto steps = items_of(plan, "steps");
  int node_width = 0;
  for (const auto* s : steps) node_width = std::max(node_width, display_width(words_of_step(*s).node));
  const auto number_width = static_cast<int>(std::to_string(steps.size()).size());
  const auto no_return = static_cast<std::size_t>(number_of(plan, "pointOfNoReturn").value_or(0));
  std::string out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == no_return && i > 0) out += rule_line("from here on it only goes forward", style);
    const auto words = words_of_step(*steps[i]);
    out += fmt::format("  {}  {}  {}{}\n", pad_left(std::to_string(i + 1), number_width),
                       pad_right(words.node, node_width), words.action,
                       is_true(*steps[i], "bestEffort") ? style.paint(Colour::Dim, "  (if possible)") : "");
  }
  return out;
}

bool is_empty_plan(const Json& applied) {
  const auto* plan = find(applied, "plan");
  return plan == nullptr || items_of(*plan, "steps").empty();
}

std::string render_plan(const Json& applied, const Style& style) {
  const auto revision = text_of(applied, "revision");
  const auto previous = integer_of(applied, "previousRevision");
  std::string out = "cluster " + style.paint(Colour::Bold, text_of(applied, "cluster")) + "  ";
  if (previous == 0) {
    out += fmt::format("new, revision {}\n", revision);
  } else if (revision == std::to_string(previous)) {
    out += fmt::format("revision {}\n", revision);
  } else {
    out += fmt::format("revision {} -> {}\n", previous, revision);
  }
  out += render_changes(items_of(applied, "changes"), style);
  out += render_notes(applied);
  for (const auto* warning : items_of(applied, "warnings")) {
    out += render_finding(finding_from(*warning, Level::Warning), {}, style);
  }
  if (is_empty_plan(applied)) return out + "nothing to do: the servers are as the file wants them\n";
  const auto& plan = *find(applied, "plan");
  out += "steps\n" + render_steps(plan, style);
  if (const auto reasons = items_of(plan, "reasons"); !reasons.empty()) {
    out += "why\n";
    for (const auto* reason : reasons) {
      if (reason->is_string()) out += "  " + reason->get<std::string>() + '\n';
    }
  }
  if (const auto promotes = text_of(plan, "promotes"); !promotes.empty()) {
    out += previous == 0 ? fmt::format("writes: {} takes them at the end\n", promotes)
                         : fmt::format("writes: held up while {} is made the primary\n", promotes);
  }
  return out;
}

std::string render_revision_diff(const Json& diff, const Style& style) {
  const auto out = fmt::format("cluster {}  revision {} -> {}{}\n", style.paint(Colour::Bold, text_of(diff, "cluster")),
                               text_of(diff, "from"), text_of(diff, "to"), is_true(diff, "equal") ? "  equal" : "");
  return out + render_changes(items_of(diff, "changes"), style);
}

std::string render_diff(const Json& cluster, const Style& style) {
  const auto name = text_of(cluster, "cluster");
  std::string out = fmt::format("cluster {}  {}\n", style.paint(Colour::Bold, name),
                                is_true(cluster, "equal") ? "equal" : "differs from the revision in force");
  out += render_changes(items_of(cluster, "changes"), style);
  return out + render_notes(cluster);
}

}  // namespace repl::ctl

// Compares two specs as lists of paths and values, which the tables of the file give.
#include "spec/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/spec_text.hpp"
#include "spec/duration.hpp"
#include "spec/fields.hpp"

namespace repl::spec {
namespace {

struct Line {
  std::string path;
  std::string value;
};

std::string list_text(const Tree& list) {
  std::string out;
  for (const auto& item : list.items) out += (out.empty() ? "" : ", ") + item->text;
  return "[" + out + "]";
}

void flatten(const Tree& tree, const std::string& path, std::vector<Line>& out) {
  if (!tree.in_short.empty()) {
    out.push_back({path, tree.in_short});
  } else if (tree.kind == Tree::Kind::Mapping) {
    for (const auto& [key, at, value] : tree.entries) flatten(*value, path.empty() ? key : path + "." + key, out);
  } else if (tree.kind == Tree::Kind::Sequence) {
    out.push_back({path, list_text(tree)});
  } else {
    out.push_back({path, tree.text});
  }
}

std::string name_of(const Tree& node) {
  return node.find("name")->value->text;
}

std::string in_one_line(const NodeSpec& node) {
  std::string out = fmt::format("{}, {}", to_string(node.address), to_string(node.type));
  if (!node.region.empty()) out += ", region " + node.region;
  if (node.delay.count() > 0) out += ", delayed " + print_duration(node.delay);
  return out;
}

/// Lines of `after` that are new or different, then those that only `before` has.
void compare(const std::vector<Line>& before, const std::vector<Line>& after, std::vector<Change>& out) {
  const auto in = [](const std::vector<Line>& lines, const std::string& path) {
    return std::find_if(lines.begin(), lines.end(), [&](const Line& l) { return l.path == path; });
  };
  for (const auto& [path, value] : after) {
    const auto old = in(before, path);
    if (old == before.end()) {
      out.push_back({'+', path, "", value});
    } else if (old->value != value) {
      out.push_back({'~', path, old->value, value});
    }
  }
  for (const auto& [path, value] : before) {
    if (in(after, path) == after.end()) out.push_back({'-', path, value, ""});
  }
}

void compare_nodes(const Spec& before, const Spec& after, std::vector<Change>& out) {
  const auto lines_of = [](const Spec& spec) {
    std::map<std::string, std::vector<Line>> lines;
    const auto tree = spec_type().write(spec, Defaults::Shown);
    if (const auto* nodes = tree->find("nodes")) {
      for (const auto& node : nodes->value->items) flatten(*node, "node " + name_of(*node), lines[name_of(*node)]);
    }
    return lines;
  };
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(after);
  for (const auto& node : after.nodes) {
    if (before.find(node.id) == nullptr) {
      out.push_back({'+', "node " + node.id.name, "", in_one_line(node)});
    } else {
      compare(old_lines.at(node.id.name), new_lines.at(node.id.name), out);
    }
  }
  for (const auto& node : before.nodes) {
    if (after.find(node.id) == nullptr) out.push_back({'-', "node " + node.id.name, in_one_line(node), ""});
  }
}

/// Everything but the nodes, split at the place where they stand.
std::pair<std::vector<Line>, std::vector<Line>> around_nodes(const Spec& spec) {
  std::pair<std::vector<Line>, std::vector<Line>> out;
  auto* part = &out.first;
  const auto tree = spec_type().write(spec, Defaults::Shown);
  for (const auto& [key, at, value] : tree->entries) {
    if (key == "nodes") {
      part = &out.second;
    } else {
      flatten(*value, key, *part);
    }
  }
  return out;
}

}  // namespace

std::vector<Change> diff(const Spec& before, const Spec& after) {
  const auto old_lines = around_nodes(before);
  const auto new_lines = around_nodes(after);
  std::vector<Change> out;
  compare(old_lines.first, new_lines.first, out);
  compare_nodes(before, after, out);
  compare(old_lines.second, new_lines.second, out);
  return out;
}

std::string to_string(const Change& change) {
  switch (change.sign) {
    case '+':
      return fmt::format("+ {}  {}", change.path, change.to);
    case '-':
      return fmt::format("- {}  {}", change.path, change.from);
    default:
      return fmt::format("~ {}  {} -> {}", change.path, change.from, change.to);
  }
}

}  // namespace repl::spec

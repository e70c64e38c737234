// Which rows of the base apply to a node.
#include "plan/base.hpp"

#include <fmt/format.h>

#include <charconv>

#include "model/variable_value.hpp"

namespace repl::plan {
namespace {

std::string_view text(BaseFor whom) {
  switch (whom) {
    case BaseFor::EveryNode:
      return "every node";
    case BaseFor::Writers:
      return "nodes that may take writes";
    case BaseFor::Followers:
      return "nodes that apply what others write";
    case BaseFor::Members:
      return "members of a group";
    case BaseFor::ByPosition:
      return "File and Position";
  }
  return "?";
}

bool may_take_writes(const Spec& spec, const NodeSpec& node) {
  if (spec.topology != TopologyType::SourceReplica || node.type == NodeType::Source) return true;
  return node.promotion != Promotion::Never && node.delay.count() == 0;
}

std::optional<long> number(std::string_view text) {
  long out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{out} : std::nullopt;
}

}  // namespace

std::string origin_of(const BaseRow& row) {
  return fmt::format("base: {}", text(row.whom));
}

bool applies(const BaseRow& row, const Spec& spec, const NodeId& node) {
  const auto* known = spec.find(node);
  if (spec.tuning == Tuning::None || known == nullptr) return false;
  switch (row.whom) {
    case BaseFor::EveryNode:
    case BaseFor::Followers:
      return true;
    case BaseFor::Writers:
      return may_take_writes(spec, *known);
    case BaseFor::Members:
      return spec.is_group();
    case BaseFor::ByPosition:
      return spec.by_position();
  }
  return false;
}

const BaseRow* base_row(const Spec& spec, const NodeId& node, const std::string& variable) {
  for (const auto& row : kBase) {
    if (row.name != variable) continue;
    return applies(row, spec, node) && !spec.settings_of(node).contains(variable) ? &row : nullptr;
  }
  return nullptr;
}

bool is_met_by(const BaseRow& row, const std::string& value) {
  if (same_value(value, std::string{row.value})) return true;
  const auto is = number(value), least = number(row.value);
  return row.at_least && is && least && *is >= *least;
}

std::map<std::string, std::string> base_of(const Spec& spec, const NodeId& node) {
  std::map<std::string, std::string> out;
  for (const auto& row : kBase) {
    if (applies(row, spec, node)) out.emplace(row.name, row.value);
  }
  return out;
}

}  // namespace repl::plan

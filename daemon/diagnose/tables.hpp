// The parts of the table of problems, in the order of their priority; rules.cpp puts them together.
#pragma once

#include <algorithm>

#include "diagnose/rules.hpp"

namespace repl::diagnose {

std::span<const NodeRule> follower_rules();
std::span<const NodeRule> writer_rules();
std::span<const NodeRule> health_rules();

/// What repld does alone needs no advice; what it leaves to people needs some.
template <class Table>
constexpr bool advised_where_a_person_is_needed(const Table& table) {
  return std::all_of(table.begin(), table.end(),
                     [](const auto& rule) { return (rule.goal == Goal::None) == !rule.advice.empty(); });
}

}  // namespace repl::diagnose

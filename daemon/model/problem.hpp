// Problems: named deviations and failures found in a view, with their evidence. Which there are, and what leads to
// each, is the table in diagnose/ (rules.hpp); this is only what one of them looks like.
#pragma once

#include <optional>
#include <string>

#include "model/ids.hpp"
#include "model/operation.hpp"

namespace repl {

struct Problem {
  std::string name;  ///< PascalCase, stable: "DeadPrimary". Row of the table in diagnose/.
  Severity severity = Severity::Warning;
  std::optional<NodeId> node;   ///< Empty: the cluster as a whole.
  Goal goal = Goal::None;       ///< What repld does about it, when it may; None: tells people.
  std::string evidence;         ///< One sentence with the figures seen.
  std::string advice;           ///< What a person can do; empty when repld does it.
  std::string blocked;          ///< Why repld does not act although it has a goal; empty: it acts, or has none.
  Time since{};                 ///< First view in which it was found.
  bool established = false;     ///< It lasted long enough to be acted on.
  bool in_maintenance = false;  ///< Somebody works there and knows: it is shown, and counts for no alarm.
  bool operator==(const Problem&) const = default;
};

}  // namespace repl

// What the language of topology files has and this version does not carry out. Such a field is checked like any other
// and then refused: nothing that somebody asked for is ignored in silence.
#pragma once

#include <array>
#include <string_view>

namespace repl::spec {

struct NotYet {
  enum class Outcome {
    Refused,  ///< An error: without it the cluster would not be what the file says.
    Noted,    ///< A warning: repld does less than it says, and nothing that it rules out.
  };
  std::string_view field;    ///< Label: "failover.fencing.mode".
  std::string_view value;    ///< "": whatever the value.
  std::string_view instead;  ///< What to write, or what happens.
  Outcome outcome = Outcome::Refused;
};

inline constexpr std::array kNotYet{
    NotYet{"failover.fencing.mode", "lease", "use auto, semi-sync, hook or none"},
    NotYet{"failover.fencing.lease", "", "remove it"},
    NotYet{"failover.rejoin", "clone-if-errant",
           "a node with errant transactions is quarantined and named, and a person decides", NotYet::Outcome::Noted},
    NotYet{"audit", "", "remove it"},
    NotYet{"routing", "", "remove it"},
};

/// The row for this field with this value ("" for a field that is not an enumeration); null: it is carried out.
constexpr const NotYet* not_yet(std::string_view field, std::string_view value) {
  for (const auto& row : kNotYet) {
    if (row.field == field && row.value == value) return &row;
  }
  return nullptr;
}

}  // namespace repl::spec

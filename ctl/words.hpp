// The words of the API as replctl shows them: colour of a status, short form of a mode.
#pragma once

#include <string>
#include <string_view>

#include "ctl/json.hpp"
#include "ctl/text.hpp"

namespace repl::ctl {

/// ASCII only.
std::string upper(std::string_view text);
/// "off" -> "rw", "super" -> "ro"; "on" -> "ro-not-super", for an administrator can still write.
std::string mode_word(std::string_view read_only);
/// "in maintenance until 2026-11-24 15:30:00Z by ann: disk swap"
std::string maintenance_sentence(const Json& maintenance);
Colour status_colour(std::string_view cluster_status);
Colour severity_colour(std::string_view severity);
Colour node_state_colour(std::string_view state);
/// Of the state of an operation or a step.
Colour state_colour(std::string_view state);
Colour revision_colour(std::string_view state);

}  // namespace repl::ctl

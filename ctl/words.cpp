// Tables from the API's words to ours.
#include "ctl/words.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace repl::ctl {
namespace {

struct Row {
  std::string_view word;
  Colour colour;
};

template <std::size_t N>
Colour look_up(const std::array<Row, N>& rows, std::string_view word) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.word == word; });
  return at == rows.end() ? Colour::None : at->colour;
}

}  // namespace

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

std::string mode_word(std::string_view read_only) {
  if (read_only == "off") return "rw";
  if (read_only == "on") return "ro-not-super";
  if (read_only == "super") return "ro";
  return std::string(read_only);
}

std::string maintenance_sentence(const Json& maintenance) {
  return fmt::format("in maintenance until {} by {}: {}", short_time(text_of(maintenance, "until")),
                     text_of(maintenance, "by"), text_of(maintenance, "reason"));
}

Colour status_colour(std::string_view status) {
  static constexpr std::array kRows{Row{"OK", Colour::Green},          Row{"OK_NO_TOLERANCE", Colour::Yellow},
                                    Row{"OK_PARTIAL", Colour::Yellow}, Row{"DEGRADED", Colour::Red},
                                    Row{"NOT_WRITABLE", Colour::Red},  Row{"UNKNOWN", Colour::Yellow}};
  return look_up(kRows, status);
}

Colour severity_colour(std::string_view severity) {
  static constexpr std::array kRows{Row{"critical", Colour::Red}, Row{"warning", Colour::Yellow}};
  return look_up(kRows, severity);
}

Colour node_state_colour(std::string_view state) {
  static constexpr std::array kRows{Row{"ok", Colour::Green}, Row{"degraded", Colour::Red}, Row{"down", Colour::Red},
                                    Row{"quarantined", Colour::Red}, Row{"unknown", Colour::Yellow}};
  return look_up(kRows, state);
}

Colour state_colour(std::string_view state) {
  static constexpr std::array kRows{Row{"done", Colour::Green},        Row{"failed", Colour::Red},
                                    Row{"taken-back", Colour::Yellow}, Row{"undone", Colour::Yellow},
                                    Row{"needs-person", Colour::Red},  Row{"given-up", Colour::Yellow},
                                    Row{"running", Colour::Cyan},      Row{"undoing", Colour::Yellow},
                                    Row{"waiting", Colour::Dim},       Row{"skipped", Colour::Dim}};
  return look_up(kRows, state);
}

Colour revision_colour(std::string_view state) {
  static constexpr std::array kRows{Row{"in-force", Colour::Green}, Row{"replaced", Colour::Dim},
                                    Row{"applying", Colour::Cyan}, Row{"taken-back", Colour::Yellow},
                                    Row{"needs-person", Colour::Red}};
  return look_up(kRows, state);
}

}  // namespace repl::ctl

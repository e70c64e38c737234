// Values of server variables as text.
#include "model/variable_value.hpp"

#include <cctype>
#include <charconv>
#include <optional>

namespace repl {
namespace {

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

std::string canonical(const std::string& value) {
  std::string upper;
  for (const char c : value) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "1" || upper == "TRUE" || upper == "YES") return "ON";
  if (upper == "0" || upper == "FALSE" || upper == "NO") return "OFF";
  return upper;
}

}  // namespace

bool same_value(const std::string& a, const std::string& b) {
  if (canonical(a) == canonical(b)) return true;
  const auto one = number_in(a), other = number_in(b);  // "3" is shown as "3.000000"
  return one && other && *one == *other;
}

}  // namespace repl

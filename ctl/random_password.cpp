// Random bytes of the kernel, as characters that need quotes nowhere.
#include "ctl/random_password.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace repl::ctl {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

char random_character() {
  for (;;) {
    unsigned char byte = 0;
    // Below 256 bytes this neither fails nor is cut short. Source: getrandom(2)
    if (::getrandom(&byte, 1, 0) != 1) continue;
    // The top of the range is left out, or the first characters would come more often.
    if (byte < 256 / kAlphabet.size() * kAlphabet.size()) return kAlphabet[byte % kAlphabet.size()];
  }
}

}  // namespace

std::string random_password() {
  const auto has = [](const std::string& text, int (*kind)(int)) { return std::ranges::any_of(text, kind); };
  for (;;) {
    std::string password;
    for (int group = 0; group < 4; ++group) {
      if (group > 0) password += '-';
      for (int i = 0; i < 6; ++i) password += random_character();
    }
    if (has(password, std::islower) && has(password, std::isupper) && has(password, std::isdigit)) return password;
  }
}

}  // namespace repl::ctl

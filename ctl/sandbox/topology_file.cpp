#include "ctl/sandbox/topology_file.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cctype>

#include "ctl/sandbox/sandbox.hpp"
#include "model/spec_text.hpp"

namespace repl::ctl::sandbox {
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

std::string topology_yaml(std::string_view cluster, const std::vector<std::pair<std::string, std::uint16_t>>& nodes,
                          DataSync sync, Positioning positioning) {
  std::string text = fmt::format(
      "# Made by `replctl sandbox up`. The servers run on this machine; the passwords are in secrets/.\n"
      "apiVersion: replctl/v1\n"
      "name: {}\n"
      "topology: source-replica\n"
      "positioning: {}\n",
      cluster, to_string(positioning));
  text += sync == DataSync::Async ? "sync: {mode: async}\n"
                                  : "sync:\n"
                                    "  mode: semi-sync\n"
                                    "  acks: 1\n"
                                    "  onTooFewReplicas: wait\n";
  text += "nodes:\n";
  for (const auto& [name, port] : nodes) {
    text += fmt::format("  - {{name: {}, host: 127.0.0.1, port: {}, type: {}}}\n", name, port,
                        name == nodes.front().first ? "source" : "replica");
  }
  text += "accounts:\n";
  for (const auto& [role, user, secret] : kSandboxAccounts) {
    text += fmt::format("  {}: {{user: {}, password: {{file: secrets/{}}}{}}}\n", role, user, secret,
                        role == "application" ? ", schemas: [app]" : "");
  }
  text +=
      "failover:\n"
      "  cooldown: 10s   # a sandbox is there to be broken again and again; the defaults are 1h and 3\n"
      "  perDay: 1000\n";
  return text;
}

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

}  // namespace repl::ctl::sandbox

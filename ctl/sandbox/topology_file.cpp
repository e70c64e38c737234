#include "ctl/sandbox/topology_file.hpp"

#include <fmt/format.h>

#include "ctl/sandbox/sandbox.hpp"
#include "model/spec_text.hpp"

namespace repl::ctl::sandbox {
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

}  // namespace repl::ctl::sandbox

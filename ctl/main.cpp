// replctl.
#include "ctl/console.hpp"
#include "ctl/run.hpp"
#include "ctl/sandbox/commands.hpp"
#include "ctl/sandbox/sandbox.hpp"

namespace {

using repl::ctl::sandbox::Sandbox;

/// "shop" for sandboxes; "db1" for their nodes, "shop/db1" where there are several sandboxes.
std::vector<std::string> sandbox_names(const std::string& kind) {
  const auto sandboxes = Sandbox::names();
  if (kind == "sandboxes") return sandboxes;
  std::vector<std::string> nodes;
  if (kind != "sandbox-nodes") return nodes;
  for (const auto& name : sandboxes) {
    const auto sandbox = Sandbox::open(name);
    if (!sandbox) continue;
    for (const auto& node : sandbox->nodes())
      nodes.push_back(sandboxes.size() == 1 ? node.name : name + "/" + node.name);
  }
  return nodes;
}

}  // namespace

int main(int argc, char** argv) {
  auto console = repl::ctl::process_console();
  return repl::ctl::run({argv + 1, argv + argc}, console,
                        {.add_commands = repl::ctl::sandbox::add_sandbox_commands, .names = sandbox_names});
}

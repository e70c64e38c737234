// Completion scripts for bash, zsh and fish, generated from the tree of commands. Names of clusters and nodes are asked
// of repld at the moment of completion, through the hidden command `replctl __names KIND`.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace repl::ctl {

struct CompletionOption {
  std::vector<std::string> names;  ///< "-o", "--output"
  std::string summary;
  std::string type;                ///< "" for a flag.
  std::vector<std::string> words;  ///< The only values there are; empty: by type.
};

struct CompletionCommand {
  std::string path;  ///< "" for replctl itself, "/apply", "/sandbox/up".
  std::string summary;
  std::vector<CompletionOption> options;    ///< Without those of the commands above it.
  std::vector<CompletionOption> arguments;  ///< In order; names hold what the argument is called.
  std::vector<std::string> subcommands;     ///< Their names, aliases left out.
};

/// The tree below `app`, depth first, hidden commands and options left out.
std::vector<CompletionCommand> describe_commands(const CLI::App& app);

enum class Shell { Bash, Zsh, Fish };
std::string completion_script(Shell shell, const std::vector<CompletionCommand>& commands);

}  // namespace repl::ctl

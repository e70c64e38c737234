// `replctl sandbox ...`: the commands, their options and what they print.
#pragma once

#include <CLI/App.hpp>

namespace repl::ctl::sandbox {

/// Adds the subcommand `sandbox` with all of its own to `parent`. They run as callbacks during CLI::App::parse, print
/// their result to standard output, and errors to standard error. A failure is thrown as CLI::RuntimeError with the
/// exit code of docs/exit-codes, which CLI::App::exit() gives back without printing more.
void add_sandbox_commands(CLI::App& parent);

}  // namespace repl::ctl::sandbox

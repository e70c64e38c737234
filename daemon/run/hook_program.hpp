// The owner's programs (docs/hooks.md): which of them may be run, what one is told, and one run of it.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/operation.hpp"
#include "model/spec.hpp"

namespace repl::run {

/// The path of a program that may be run. It is a regular file directly inside `directory`, which repld may execute.
/// Nobody but root and the user of repld may have a say in what it does: they own it and the directories above it, and
/// nobody else may write there.
/// @param program  as the topology file names it
/// @errors HookFailed: what is wrong, and what to do about it
Result<std::string> find_hook(const std::string& directory, const std::string& program);

/// What keeps the hooks of `spec` from being run, a sentence each; empty: nothing, or none is ever run.
std::vector<std::string> check_hooks(const std::string& directory, const Spec& spec);

/// "NAME=value", all that the program finds in its environment. No secrets.
/// @param spec  where the nodes are
std::vector<std::string> hook_environment(const RunHook& hook, const Operation& operation, const Spec& spec);

enum class HookOutcome {
  Done,
  Failed,    ///< Another exit code than 0, or a signal.
  TimedOut,  ///< It was ended.
  Refused,   ///< It was not started.
  Stopped,   ///< repld ends, or goes on with something else.
};
std::string_view to_string(HookOutcome outcome);

struct HookRun {
  HookOutcome outcome = HookOutcome::Done;
  StepResult result;
};

/// How much of what a program prints is kept: the end of it.
inline constexpr std::size_t kKeptOutput = 4096;

/// Runs it to its end, without a shell, in a process group of its own, with nothing of repld's but standard error and
/// output, which are read. What takes longer than the hook may, or than repld lives, is sent SIGTERM, a second later
/// SIGKILL, with all processes of its group. Blocks; any thread.
HookRun run_hook(const RunHook& hook, const std::string& directory, std::vector<std::string> environment,
                 const std::stop_token& stop);

}  // namespace repl::run

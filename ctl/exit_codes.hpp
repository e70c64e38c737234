// The exit codes of replctl, one row each: stable, for scripts and cron. docs/exit-codes.md says the same at length.
#pragma once

#include <array>
#include <string_view>

#include "model/error.hpp"

namespace repl::ctl {

/// In order of how much somebody has to worry, but for Unreachable.
enum class Exit {
  Done = 0,
  Differs = 1,      ///< diff and verify only.
  Usage = 2,        ///< Bad usage or file; nothing was changed.
  Refused = 3,      ///< Not possible now; nothing was changed.
  TakenBack = 4,    ///< Failed, and everything is as it was.
  NeedsPerson = 5,  ///< Failed, and could not be taken back.
  TimedOut = 6,     ///< --timeout passed; the operation goes on.
  Unreachable = 7,  ///< repld is not reachable, or does not accept the token.
};

struct ExitRow {
  Exit code;
  std::string_view meaning;
};

inline constexpr std::array kExitTable{
    ExitRow{Exit::Done, "done; for diff and verify: equal"},
    ExitRow{Exit::Differs, "diff: the file and the revision in force differ; verify: the nodes differ"},
    ExitRow{Exit::Usage, "bad usage or a bad topology file; nothing was changed"},
    ExitRow{Exit::Refused, "refused, not possible now; nothing was changed"},
    ExitRow{Exit::TakenBack, "failed, and was taken back; verify: not all was compared"},
    ExitRow{Exit::NeedsPerson, "failed, and needs a person"},
    ExitRow{Exit::TimedOut, "--timeout passed; the operation goes on"},
    ExitRow{Exit::Unreachable, "repld is not reachable, or does not accept the token"},
};

/// The table of model/error.hpp, as an Exit.
Exit exit_for(ErrorCode code);

/// The code of an error that repld answered with. One that this replctl does not know (a newer repld) goes by the
/// status.
ErrorCode code_for(std::string_view error_code, int http_status);

/// For an operation by its state, as the API names it: "done", "taken-back", "needs-person"; others are still going on.
Exit exit_for_operation(std::string_view state);

/// The one of two outcomes that a script must rather hear of.
Exit worse(Exit a, Exit b);

}  // namespace repl::ctl

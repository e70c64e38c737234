// Waiting for operations: polls repld, shows progress, and ends with a sentence.
#pragma once

#include <optional>
#include <string>

#include "ctl/invocation.hpp"

namespace repl::ctl {

struct WaitOptions {
  bool wait = true;
  std::string timeout;  ///< As given: "30s"; "" is no limit.
};

/// "30s", "5m", "1h", "500ms", or a number of seconds. Empty: it is none of these, or negative.
std::optional<double> seconds_from(std::string_view text);

/// Follows the operation until it is over, `timeout` has passed, or Ctrl-C was pressed; prints progress and the
/// sentence. A repld that does not answer for a while (it may be restarting) is waited for.
/// @param revision  the one that apply made; 0 for others
/// @param last      the operation as seen last
/// @errors Unreachable: repld did not come back; NoSuchOperation
Result<Exit> wait_for_operation(Invocation& run, const std::string& id, const WaitOptions& options, long long revision,
                                Json& last);

}  // namespace repl::ctl

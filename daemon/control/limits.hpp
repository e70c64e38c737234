// When an automatic failover is one too many: cool-down and failovers per day. Pure.
#pragma once

#include "model/error.hpp"
#include "model/operation.hpp"
#include "model/spec.hpp"

namespace repl::control {

/// @errors Conflict: says until when, and what a person can do
Result<void> may_fail_over_again(const FailoverSpec& limits, const Memory& memory, Time now);

/// Forgets failovers that no limit asks for any more.
void forget_old_failovers(const FailoverSpec& limits, Memory& memory, Time now);

}  // namespace repl::control

// A verification as text: from the JSON of the API to tables, a line of progress, and how it ended. Pure.
#pragma once

#include <string>
#include <vector>

#include "ctl/exit_codes.hpp"
#include "ctl/json.hpp"
#include "ctl/tables.hpp"

namespace repl::ctl {

/// A row per node: its transactions, those of its own, those that it lacks.
Table gtids_table(const Json& run);
Table differences_table(const std::vector<const Json*>& differences);
/// Tables that were not compared, and why.
Table not_compared_table(const std::vector<const Json*>& tables);

/// "shop.orders: 3 of 12 tables, 1,200,000 of about 2,000,000 rows, 120,000 rows/s, about 7 s left"
std::string verify_progress_line(const Json& run);

/// A row per run that is kept.
Table runs_table(const std::vector<const Json*>& runs);

struct VerifyOutcome {
  Exit code = Exit::Done;
  Colour colour = Colour::Red;  ///< Green only for what is done, complete and equal.
  std::string sentence;         ///< Several lines, a newline at the end.
};
/// How a run ended, or where it is.
VerifyOutcome verify_outcome(const Json& run, const std::string& cluster);

/// "1,234,567"
std::string grouped(long long number);

}  // namespace repl::ctl

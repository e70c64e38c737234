// Which exit code an error or the end of an operation has.
#include "ctl/exit_codes.hpp"

#include <algorithm>

namespace repl::ctl {

Exit exit_for(ErrorCode code) {
  return static_cast<Exit>(exit_code(code));
}

ErrorCode code_for(std::string_view error_code, int http_status) {
  if (const auto known = error_code_from(error_code)) return *known;
  switch (http_status) {
    case 400:
    case 404:
    case 405:
    case 501:
      return ErrorCode::InvalidArgument;
    case 401:
    case 403:
      return ErrorCode::Unauthorised;
    case 409:
    case 412:
      return ErrorCode::PreconditionFailed;
    default:
      return ErrorCode::Internal;
  }
}

Exit exit_for_operation(std::string_view state) {
  if (state == "done") return Exit::Done;
  if (state == "taken-back") return Exit::TakenBack;
  if (state == "given-up") return Exit::TakenBack;  // only repld's own repairs end so; they are tried again
  if (state == "needs-person") return Exit::NeedsPerson;
  return Exit::TimedOut;
}

Exit worse(Exit a, Exit b) {
  // Least alarming first.
  static constexpr std::array kOrder{Exit::Done,     Exit::Differs,   Exit::Usage,       Exit::Refused,
                                     Exit::TimedOut, Exit::TakenBack, Exit::Unreachable, Exit::NeedsPerson};
  const auto rank = [](Exit e) { return std::find(kOrder.begin(), kOrder.end(), e) - kOrder.begin(); };
  return rank(a) < rank(b) ? b : a;
}

}  // namespace repl::ctl

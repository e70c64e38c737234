// Schedules and seeds that once failed. Each says what went wrong, in one line.
#include "sim/families.hpp"

namespace repl::sim {

std::vector<Schedule> regressions() {
  return {};
}

}  // namespace repl::sim

// Schedules and seeds that once failed. Each says what went wrong, in one line.
#include "sim/families.hpp"

namespace repl::sim {
namespace {

Schedule named(std::string name, Schedule schedule) {
  schedule.name = std::move(name);
  return schedule;
}

}  // namespace

std::vector<Schedule> regressions() {
  return {
      // The candidate died at its opening; the opening was repeated after its restart, with semi-sync off by then.
      named("candidate-restarted-before-it-was-opened-again", random_schedule(176)),
      // An opening of unknown outcome was repeated, refused, and taken back, although the first attempt had opened it.
      named("opening-taken-back-though-it-had-happened", random_schedule(1699)),
      // The fence of a writable replica timed out, took effect, and was taken back: the replica was opened by repld.
      named("fence-taken-back", random_schedule(4231)),
      named("fence-taken-back-after-its-answer-was-lost", random_schedule(12551)),
      // A receiver that was stopped with a connection error in its channel was never started again.
      named("stopped-receiver-with-a-stale-error", random_schedule(2717)),
      named("stopped-receiver-with-a-stale-error-hangs-all-commits", random_schedule(4229)),
      // A returned primary with waiting commits had semi-sync switched off before its clients were cut.
      named("rejoin-freed-waiting-commits", storm_schedule(495)),
      named("rejoin-freed-waiting-commits-of-two-nodes", storm_schedule(765)),
      // The rejoin could not let clients in again, and nobody tried a second time.
      named("rejoined-node-stayed-offline", storm_schedule(426)),
  };
}

}  // namespace repl::sim

// Schedules and seeds that once failed. Each says what went wrong, in one line.
#include "sim/families.hpp"

namespace repl::sim {
namespace {

Schedule named(std::string name, Schedule schedule) {
  schedule.name = std::move(name);
  return schedule;
}

/// A struck one, as it printed itself.
Schedule named(std::string name, const std::string& as_printed) {
  return named(std::move(name), schedule_named(as_printed, 1).value());
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
      // A node that was down during an apply kept its former settings until the next look of every five minutes.
      named("node-that-missed-an-apply-kept-its-settings", changing_schedule(67)),
      // A node that was down when it became delayed, or when commits ceased to wait, acknowledged for ever after.
      named("node-that-is-delayed-by-now-acknowledged", changing_schedule(90)),
      named("node-acknowledged-although-commits-wait-no-more", changing_schedule(135)),
      // A server was restarted while an apply was taken back, came back closed, and what had been made on it could not
      // be removed: a person was needed.
      named("restarted-while-taken-back", "apply-step-8-refused-before-then-step-44-server-dies"),
      named("restarted-while-an-account-was-taken-back", "apply-step-28-refused-before-then-step-72-server-dies"),
      // A node of a ring that was down while the others changed the steps in which they count their keys was opened
      // with
      // the former ones; and one that died while it was told the new ones, which were taken back on the others.
      named("ring-node-counted-as-before", ring_schedule(91)),
      named("ring-node-counted-as-was-taken-back", ring_schedule(101)),
      // What had been set on a node of a ring could not be taken back, for it was cut off, and then it was opened
      // again.
      named("ring-node-opened-half-undone", ring_schedule(457)),
      // A node of a ring slept while commits ceased to wait, and waited for ever when it woke up.
      named("ring-node-waited-for-nobody", ring_schedule(172)),
  };
}

}  // namespace repl::sim

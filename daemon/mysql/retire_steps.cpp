// Using up the numbers of transactions that exist nowhere any more. A replica that has such a transaction already would
// skip the empty one and never acknowledge it, and a node that has it with its rows would no longer be seen to differ:
// so all nodes are asked first, and one that has any, or does not answer, forbids it. Tried on 9.7, in a group too.
#include <fmt/format.h>

#include <algorithm>

#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr auto kLooksAtMost = 2s;
/// Between two of these it is seen whether the step was given up.
constexpr std::int64_t kBatch = 100;

/// Why `node` is not the one to commit on; empty when it is.
std::string unfit(const Snapshot& node) {
  if (node.read_only != ReadOnly::Off) return "it takes no writes";
  const auto& semi_sync = node.semi_sync;
  if (semi_sync.source_enabled && semi_sync.source_status && semi_sync.clients < semi_sync.wait_for_count) {
    return fmt::format("a commit there would wait: {} of {} semi-sync replicas are connected", semi_sync.clients,
                       semi_sync.wait_for_count);
  }
  return {};
}

/// @errors ErrantTransactions, PreconditionFailed
Result<void> nobody_has(const GtidSet& missing, const RetireGtids& step, const StepEnvironment& env) {
  std::string holders, silent;
  for (const auto& other : env.spec->nodes) {
    if (other.id == step.node) continue;
    const auto seen =
        env.look_at(other.id, std::min(env.call.deadline, std::chrono::steady_clock::now() + kLooksAtMost));
    if (!seen || !seen->reachable()) {
      silent += (silent.empty() ? "" : ", ") + other.id.name;
      continue;
    }
    const auto held = intersect(missing, seen->position());
    if (!held.empty()) holders += fmt::format("{}{} has {}", holders.empty() ? "" : ", ", other.id, held.to_string());
  }
  if (!holders.empty()) {
    return fail(
        ErrorCode::ErrantTransactions,
        "{}: nothing was committed empty, for what was thrown away is still elsewhere: {}. Save from there what "
        "is wanted, then clone that node too: `replctl apply FILE --allow-data-loss NODE`",
        step.node, holders);
  }
  if (!silent.empty()) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: nothing was committed empty: {} does not answer and may have what was thrown away elsewhere",
                step.node, silent);
  }
  return {};
}

/// One empty transaction of that number; no error when the server has it already.
Result<void> commit_empty(Server& server, const std::string& gtid) {
  auto named = server.execute(fmt::format("SET SESSION GTID_NEXT='{}'", gtid));
  if (!named) return named;
  if (auto begun = server.execute("BEGIN"); !begun) return begun;
  return server.execute("COMMIT");
}

/// The session is used by later steps: their transactions get numbers of their own, and go to no binary log.
Result<void> leave_session(Server& server, Result<void> outcome) {
  if (server.session().lost()) return outcome;
  if (!outcome) static_cast<void>(server.execute("ROLLBACK"));
  auto automatic = server.execute("SET SESSION GTID_NEXT='AUTOMATIC'");
  auto unlogged = server.execute("SET SESSION sql_log_bin=0");
  if (!outcome) return outcome;
  return automatic ? unlogged : automatic;
}

Result<void> commit_all(Server& server, const GtidSet& missing, GtidSet& committed) {
  if (auto logged = server.execute("SET SESSION sql_log_bin=1"); !logged) return logged;
  for (const auto& [origin, intervals] : missing.origins()) {
    const auto prefix = origin.tag.empty() ? origin.uuid : origin.uuid + ':' + origin.tag;
    for (const auto& interval : intervals) {
      for (auto n = interval.first; n <= interval.last; ++n) {
        if ((n - interval.first) % kBatch == 0 && server.call().is_over()) {
          return fail(ErrorCode::DeadlineExceeded,
                      "{}: {} of {} transactions were committed empty in time; the rest "
                      "follows",
                      server.node(), committed.count(), missing.count());
        }
        if (auto done = commit_empty(server, fmt::format("{}:{}", prefix, n)); !done) return done;
        committed.add(origin, {n, n});
      }
    }
  }
  return {};
}

}  // namespace

Result<GtidSet> retire_gtids(Server& server, const RetireGtids& step, const StepEnvironment& env) {
  const auto now = env.look_at(step.node, env.call.deadline);
  if (!now) return tl::unexpected(now.error());
  if (!now->reachable()) return fail(ErrorCode::ConnectionLost, "{}: {}", step.node, now->problem);
  if (now->by_position()) return GtidSet{};
  const auto missing = subtract(step.retired, now->executed);
  if (missing.empty()) return GtidSet{};
  if (missing.count() > kRetiredAtMost) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} transactions are too many to be committed empty (at most {})",
                step.node, missing.count(), kRetiredAtMost);
  }
  if (const auto why = unfit(*now); !why.empty()) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} discarded transactions cannot be committed empty: {}", step.node,
                missing.count(), why);
  }
  if (auto nowhere = nobody_has(missing, step, env); !nowhere) return tl::unexpected(nowhere.error());
  GtidSet committed;
  const auto done = leave_session(server, commit_all(server, missing, committed));
  if (done) return committed;
  // 6038, which only servers with tags know, is not among the numbers that mean a denial.
  const bool denied = done.error().code == ErrorCode::AccessDenied ||
                      done.error().message.find("TRANSACTION_GTID_TAG") != std::string::npos;
  if (denied) {
    return fail(ErrorCode::AccessDenied,
                "{}: the admin account may not commit transactions under given numbers: it needs "
                "SYSTEM_VARIABLES_ADMIN, and for tagged ones TRANSACTION_GTID_TAG, ON *.*. The server says: {}",
                step.node, done.error().message);
  }
  return tl::unexpected(done.error());
}

}  // namespace repl::mysql

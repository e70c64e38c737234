// Steps that wait for a condition and change nothing.
#include <fmt/format.h>

#include <algorithm>

#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Waits go in slices, so that a stop of repld and a broken applier are noticed; the first is short, for a broken
// applier is often broken from the beginning.
constexpr std::chrono::milliseconds kFirstSlice = 200ms;
constexpr std::chrono::milliseconds kSlice = 1000ms;
constexpr auto kPollAckers = 20ms;

/// Why what is missing will not come by itself; empty while it may.
std::optional<Error> hopeless(const Snapshot& now, const GtidSet& missing) {
  const auto* channel = now.channel();
  // The group gives a member what it lacks, without a channel that repld would know.
  if (channel == nullptr && now.in_group()) return std::nullopt;
  if (channel == nullptr) {
    return Error{ErrorCode::PreconditionFailed,
                 fmt::format("{}: lacks {} transactions and replicates from nobody", now.node, missing.count())};
  }
  if (channel->applier == ThreadState::Running) return std::nullopt;
  if (channel->applier_errno == 0) {
    return Error{
        ErrorCode::PreconditionFailed,
        fmt::format("{}: {} transactions wait and the applier is stopped. Start it (START REPLICA SQL_THREAD).",
                    now.node, missing.count())};
  }
  return Error{ErrorCode::ServerRefused,
               fmt::format("{}: the applier has stopped with {} transactions left: {} ({})", now.node, missing.count(),
                           channel->applier_error, channel->applier_errno)};
}

}  // namespace

Result<void> wait_for_applied(Server& server, const GtidSet& wanted, Deadline until) {
  if (wanted.empty()) return {};
  if (is_by_position(wanted)) return wait_for_applied_by_position(server, wanted, until);
  auto slice = kFirstSlice;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    const auto wait = std::clamp(left, 1ms, slice);
    const auto timed_out = server.value(fmt::format("SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {}.{:03})",
                                                    wanted.to_string(), wait.count() / 1000, wait.count() % 1000));
    if (!timed_out) return tl::unexpected(timed_out.error());
    if (*timed_out == "0") return {};
    slice = kSlice;
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto missing = subtract(wanted, now->executed);
    if (missing.empty()) return {};
    if (const auto error = hopeless(*now, missing)) return tl::unexpected(*error);
    if (steady_clock::now() >= until || server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: still applying, {} transactions are left", server.node(),
                  missing.count());
    }
  }
}

Result<void> wait_for_gtids(Server& server, const WaitForGtids& step) {
  const auto until = std::min(server.call().deadline, steady_clock::now() + step.timeout);
  while (true) {
    const auto anonymous = server.status("Ongoing_anonymous_transaction_count");
    if (!anonymous) return tl::unexpected(anonymous.error());
    if (anonymous->value_or("0") == "0") return {};
    if (steady_clock::now() >= until || server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded,
                  "{}: {} transactions without a GTID are still going on; end the clients that have begun them before "
                  "the change (performance_schema.events_transactions_current shows GTID 'ANONYMOUS')",
                  server.node(), **anonymous);
    }
    wait_within(server.call(), kPollAckers);
  }
}

Result<void> wait_for_ackers(Server& server, const WaitForAckers& step) {
  const auto until = std::min(server.call().deadline, steady_clock::now() + step.timeout);
  while (true) {
    const auto clients = server.status("Rpl_semi_sync_source_clients");
    if (!clients) return tl::unexpected(clients.error());
    if (!*clients) {
      return fail(ErrorCode::PreconditionFailed, "{}: the semi-sync source plugin is not loaded", server.node());
    }
    if (std::atoi((*clients)->c_str()) >= step.count) return {};
    if (steady_clock::now() >= until || server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: {} of {} semi-sync replicas are connected", server.node(),
                  **clients, step.count);
    }
    wait_within(server.call(), kPollAckers);
  }
}

}  // namespace repl::mysql

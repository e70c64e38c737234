// Steps that switch the two sides of semi-sync.
//
// Tried on 9.7: replicas that were connected before the source side was enabled count as soon as it is
// (Rpl_semi_sync_source_clients counts them even while it is disabled), so nobody has to reconnect at a promotion.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

Error no_plugin(Server& server, std::string_view side) {
  return {ErrorCode::PreconditionFailed, fmt::format("{}: the semi-sync {} plugin is not loaded", server.node(), side)};
}

/// Commits of clients that wait for an acknowledgement. An applier that waits for one (on a replica where the source
/// side was switched on by mistake) is none of them.
Result<int> waiting_clients(Server& server) {
  const auto count = server.value(
      "SELECT COUNT(*) FROM performance_schema.threads WHERE NAME='thread/sql/one_connection' "
      "AND PROCESSLIST_STATE='Waiting for semi-sync ACK from replica'");
  if (!count) return tl::unexpected(count.error());
  return std::atoi(count->value_or("0").c_str());
}

struct Waits {
  long acknowledged = 0;  ///< Since the server's start.
  long clients = 0;
};

Result<Waits> waits(Server& server) {
  const auto rows = server.query(
      "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME IN "
      "('Rpl_semi_sync_source_yes_tx','Rpl_semi_sync_source_clients')");
  if (!rows) return tl::unexpected(rows.error());
  Waits out;
  for (const auto& row : *rows) {
    const auto number = std::atol(row.at(1).value_or("0").c_str());
    (row.at(0).value_or("").ends_with("yes_tx") ? out.acknowledged : out.clients) = number;
  }
  return out;
}

constexpr auto kPollWaits = std::chrono::milliseconds{10};
constexpr auto kHangsAfter = std::chrono::seconds{1};

/// Until no client waits for an acknowledgement, or, under load, until one was given: then the rest get theirs in
/// milliseconds. @errors PreconditionFailed: none is given
Result<void> wait_until_acknowledged(Server& server) {
  const auto before = waits(server);
  if (!before) return tl::unexpected(before.error());
  const auto until = std::chrono::steady_clock::now() + kHangsAfter;
  while (true) {
    const auto waiting = waiting_clients(server);
    if (!waiting) return tl::unexpected(waiting.error());
    if (*waiting == 0) return {};
    const auto now = waits(server);
    if (!now) return tl::unexpected(now.error());
    if (now->acknowledged > before->acknowledged) return {};
    if (std::chrono::steady_clock::now() > until) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: {} commits wait for an acknowledgement; without semi-sync their clients would be told that they "
                  "are safe. Let them be acknowledged, or fence the server first.",
                  server.node(), *waiting);
    }
    std::this_thread::sleep_for(kPollWaits);
  }
}

/// Commits that missed their acknowledgement get that of a later commit, which this is: the smallest that goes to the
/// binary log. Missed are those of which the binary log dump had sent the end before the source side was on, and those
/// at whose end it sent nothing, because the replica has that transaction already (in a ring, after the receiver of the
/// next node was started again). Under a small load all threads then wait behind them, and no later commit is made by
/// itself (seen). Without enough replicas, and on a server that takes no writes, there is nothing to be done.
Result<void> pass_by_what_missed_its_acknowledgement(Server& server, int acks) {
  const auto read_only = server.read_only();
  if (!read_only) return tl::unexpected(read_only.error());
  const auto now = waits(server);
  if (!now) return tl::unexpected(now.error());
  if (*read_only == ReadOnly::Super || now->clients < acks) return {};
  return server.execute("FLUSH OPTIMIZER_COSTS");
}

}  // namespace

Result<void> set_semi_sync_source(Server& server, const SetSemiSyncSource& step) {
  const auto enabled = server.variable("rpl_semi_sync_source_enabled");
  if (!enabled) return tl::unexpected(enabled.error());
  if (!*enabled) return step.to ? Result<void>{tl::unexpected(no_plugin(server, "source"))} : Result<void>{};
  if (step.to) {
    // The count first: no commit may be acknowledged by fewer than are asked for.
    if (auto count = server.execute(
            fmt::format("SET GLOBAL rpl_semi_sync_source_wait_for_replica_count={}", std::max(1, step.acks_to)));
        !count) {
      return count;
    }
    if (*enabled != "ON") {
      if (auto on = server.execute("SET GLOBAL rpl_semi_sync_source_enabled=1"); !on) return on;
    }
    return pass_by_what_missed_its_acknowledgement(server, step.acks_to);
  }
  if (*enabled != "ON") return {};
  if (auto acknowledged = wait_until_acknowledged(server); !acknowledged) return acknowledged;
  return server.execute("SET GLOBAL rpl_semi_sync_source_enabled=0");
}

Result<void> set_semi_sync_replica(Server& server, bool on) {
  constexpr std::string_view kVariable = "rpl_semi_sync_replica_enabled";
  const auto enabled = server.variable(kVariable);
  if (!enabled) return tl::unexpected(enabled.error());
  if (!*enabled) return on ? Result<void>{tl::unexpected(no_plugin(server, "replica"))} : Result<void>{};
  const auto persisted = server.persisted(kVariable);
  if (!persisted) return tl::unexpected(persisted.error());
  const std::string wanted = on ? "ON" : "OFF";
  if (*enabled != wanted || *persisted != wanted) {
    if (auto set = server.execute(fmt::format("SET PERSIST {}={}", kVariable, wanted)); !set) return set;
  }
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->channel() == nullptr || now->channel()->receiver == ThreadState::Stopped) return {};
  // It takes effect with the next connection of the receiver.
  const auto acknowledges = server.status("Rpl_semi_sync_replica_status");
  if (!acknowledges) return tl::unexpected(acknowledges.error());
  // One that connects has asked for semi-sync or will ask: told to stop in between, it waits for what the source does
  // not send (error 13117, seen). It has not asked yet when it is told to begin.
  const bool connecting = now->channel()->receiver == ThreadState::Connecting;
  if (connecting ? on : *acknowledges == wanted) return {};
  const auto channel = sql_quoted(now->channel()->name);
  if (auto stopped = server.execute("STOP REPLICA IO_THREAD FOR CHANNEL " + channel); !stopped) return stopped;
  return server.execute("START REPLICA IO_THREAD FOR CHANNEL " + channel);
}

}  // namespace repl::mysql

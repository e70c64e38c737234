// Steps that switch the two sides of semi-sync.
//
// Tried on 9.7: replicas that were connected before the source side was enabled count as soon as it is
// (Rpl_semi_sync_source_clients counts them even while it is disabled), so nobody has to reconnect at a promotion.
#include <fmt/format.h>

#include <algorithm>

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
    return *enabled == "ON" ? Result<void>{} : server.execute("SET GLOBAL rpl_semi_sync_source_enabled=1");
  }
  if (*enabled != "ON") return {};
  const auto waiting = waiting_clients(server);
  if (!waiting) return tl::unexpected(waiting.error());
  if (*waiting > 0) {
    return fail(
        ErrorCode::PreconditionFailed,
        "{}: {} commits wait for an acknowledgement; without semi-sync their clients would be told that they are "
        "safe. Let them be acknowledged, or fence the server first.",
        server.node(), *waiting);
  }
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
  if (*acknowledges == wanted || now->channel()->receiver == ThreadState::Connecting) return {};
  const auto channel = sql_quoted(now->channel()->name);
  if (auto stopped = server.execute("STOP REPLICA IO_THREAD FOR CHANNEL " + channel); !stopped) return stopped;
  return server.execute("START REPLICA IO_THREAD FOR CHANNEL " + channel);
}

}  // namespace repl::mysql

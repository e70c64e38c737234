// Restarting a server (a clone ends with a restart as well: clone_steps.cpp). Tried on 9.7: with a supervisor that
// starts it again (MYSQLD_PARENT_PID is set in the server's environment) it comes back by itself; without one RESTART
// fails at once (3707).
#include <fmt/format.h>

#include <spdlog/spdlog.h>

#include "model/variable_value.hpp"
#include "mysql/inventory.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kNeverByStatement = 1238;
constexpr auto kPollStart = 100ms;

/// A session with the process that came after the one that started at `before`.
/// @errors DeadlineExceeded: nobody has started it in time
Result<std::unique_ptr<Session>> session_after_restart(const StepEnvironment& env, std::int64_t before) {
  std::string last = "it does not answer";
  while (!env.call.is_over()) {
    auto session = env.server.open_apart(env.call);
    if (session) {
      const auto started = process_started_at(**session, env.call);
      if (started && *started > before + 1) return session;  // both are rounded to seconds
      last = started ? "the old process still answers" : started.error().message;
    } else {
      last = session.error().message;
    }
    wait_within(env.call, kPollStart);
  }
  return fail(
      ErrorCode::DeadlineExceeded,
      "{}: the server has not come back: {}. If nothing supervises it (systemd, mysqld_safe), start it; its error "
      "log says what it does not like",
      env.call.node, last);
}

Result<bool> are_in_force(Server& server, const std::vector<StartVariable>& variables) {
  for (const auto& variable : variables) {
    const auto current = server.variable(variable.name);
    if (!current) return tl::unexpected(current.error());
    if (!*current || !same_value(**current, variable.to)) return false;
  }
  return true;
}

Result<void> persist(Server& server, const std::string& name, const std::optional<std::string>& value) {
  const auto persisted = server.persisted(name);
  if (!persisted) return tl::unexpected(persisted.error());
  if (*persisted == value) return {};
  if (!value) return server.execute("RESET PERSIST IF EXISTS " + name);
  auto done = set_to(server, "PERSIST_ONLY", name, *value);
  if (done || server.last_error() != kNeverByStatement) return done;
  return fail(
      ErrorCode::PreconditionFailed,
      "{}: no SQL can set {}, nor persist it. Write it into the server's option file and restart the server, or "
      "remove it from `settings`",
      server.node(), name);
}

/// The best that can be done when the step ends without a restart.
Result<void> persist_as_before(Server& server, const std::vector<StartVariable>& variables) {
  Result<void> out;
  for (const auto& variable : variables) {
    auto done = persist(server, variable.name, variable.persisted_from);
    if (!done) out = std::move(done);
  }
  return out;
}

Result<void> persist_all(Server& server, const std::vector<StartVariable>& variables) {
  for (const auto& variable : variables) {
    auto done = persist(server, variable.name, variable.persisted_to);
    if (done) continue;
    if (!server.session().lost()) static_cast<void>(persist_as_before(server, variables));
    return done;
  }
  return {};
}

/// What was persisted rules over command line and option files; a value that the server does not take it corrects, and
/// says so in its log only.
Result<void> came_back_with(Server& server, const std::vector<StartVariable>& variables) {
  for (const auto& variable : variables) {
    if (!variable.persisted_to) continue;  // the option files may say something else by now
    const auto current = server.variable(variable.name);
    if (!current) return tl::unexpected(current.error());
    if (*current && same_value(**current, variable.to)) continue;
    return fail(ErrorCode::ServerRefused, "{}: was restarted, and {} is {} instead of {}: its error log says why",
                server.node(), variable.name, current->value_or("gone"), variable.to);
  }
  return {};
}

/// It is to acknowledge, and attached in a way in which it does not.
Result<bool> attached_without_semi_sync(Server& server) {
  const auto enabled = server.variable("rpl_semi_sync_replica_enabled");
  if (!enabled) return tl::unexpected(enabled.error());
  if (*enabled != "ON") return false;
  const auto status = server.status("Rpl_semi_sync_replica_status");
  if (!status) return tl::unexpected(status.error());
  return *status != "ON";
}

/// Both threads run, and what is to acknowledge does: a receiver that starts with its server may attach without (seen
/// on 9.7), and with the next replica away commits would hang. Threads start with the server unless its options forbid
/// it (skip_replica_start).
Result<void> replicates_again(Server& server) {
  constexpr int kLooksForSemiSync = 20;
  int looks = 0;
  bool told = false;
  std::string last = "has no replication channel";
  while (!server.call().is_over()) {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    if (const auto* channel = now->channel()) {
      const bool receives = channel->receiver == ThreadState::Running,
                 applies = channel->applier == ThreadState::Running;
      if (receives && applies) {
        const auto without = attached_without_semi_sync(server);
        if (!without) return tl::unexpected(without.error());
        if (!*without || looks > kLooksForSemiSync) return {};  // at the end: its source has no semi-sync
        if (++looks == kLooksForSemiSync / 2) {
          if (auto renewed = set_semi_sync_replica(server, true); !renewed) return renewed;
        }
      }
      const auto error = channel->applier_errno != 0 ? channel->applier_error : channel->receiver_error;
      const bool stopped = channel->receiver == ThreadState::Stopped || channel->applier == ThreadState::Stopped;
      last = error.empty() ? "its replication does not run" : error;
      if (stopped && told && !error.empty()) break;
      if (stopped && !told) {
        told = true;
        if (auto started = start_replication(server); !started) return started;
        continue;
      }
    }
    wait_within(server.call(), kPollStart);
  }
  return fail(ErrorCode::DeadlineExceeded, "{}: was restarted, and does not replicate since: {}", server.node(), last);
}

}  // namespace

Result<std::int64_t> process_started_at(Session& session, const Call& call) {
  const auto at = session.value(call,
                                "SELECT CAST(UNIX_TIMESTAMP() AS SIGNED) - CAST(VARIABLE_VALUE AS SIGNED) FROM "
                                "performance_schema.global_status WHERE VARIABLE_NAME='Uptime'");
  if (!at) return tl::unexpected(at.error());
  return std::atoll(at->value_or("0").c_str());
}

Result<void> restart_server(Server& server, const RestartServer& step, const StepEnvironment& env, StepResult& result) {
  for (const auto& variable : step.variables) {
    if (auto named = require_variable_name(server, variable.name); !named) return named;
  }
  const auto true_already = are_in_force(server, step.variables);
  if (!true_already) return tl::unexpected(true_already.error());
  if (auto kept = persist_all(server, step.variables); !kept) return kept;
  if (!step.variables.empty() && *true_already) return step.replicates ? replicates_again(server) : Result<void>{};

  const auto before = process_started_at(server.session(), server.call());
  if (!before) return tl::unexpected(before.error());
  const auto sent = server.execute("RESTART");
  if (!sent && server.last_error() == kRestartFailed) {
    auto back = persist_as_before(server, step.variables);
    if (!back) return back;
    return fail(
        ErrorCode::PreconditionFailed,
        "{}: nothing would start the server again, so it was not restarted, and nothing is persisted that was not "
        "before (no supervisor: MYSQLD_PARENT_PID is not set). Run it under systemd or mysqld_safe and apply again; or "
        "set by hand what the restart is for (SET PERSIST_ONLY, or its option file), restart it, and apply again",
        server.node());
  }
  if (!sent && sent.error().code != ErrorCode::ConnectionLost) {
    static_cast<void>(persist_as_before(server, step.variables));
    return sent;
  }
  result.certain = false;
  const auto again = session_after_restart(env, *before);
  if (!again) return tl::unexpected(again.error());
  Server renewed{**again, env.call};
  if (auto as_wanted = came_back_with(renewed, step.variables); !as_wanted) return as_wanted;
  return step.replicates ? replicates_again(renewed) : Result<void>{};
}

}  // namespace repl::mysql

// Steps in which the server starts anew: RESTART, and CLONE INSTANCE, which ends with one. Tried on 9.7: with a
// supervisor that starts it again (MYSQLD_PARENT_PID is set in the server's environment) both come back by themselves;
// without one RESTART fails at once (3707), and after a clone the server exits and waits for whoever starts it.
#include <fmt/format.h>

#include <spdlog/spdlog.h>

#include "model/variable_value.hpp"
#include "mysql/inventory.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kRestartFailed = 3707;
constexpr unsigned kNeverByStatement = 1238;
constexpr auto kPollStart = 100ms;
constexpr auto kDonorCatchesUp = 5s;

/// Second of the server's own clock in which its process was started; another process has another.
Result<std::int64_t> started_at(Session& session, const Call& call) {
  const auto at = session.value(call,
                                "SELECT CAST(UNIX_TIMESTAMP() AS SIGNED) - CAST(VARIABLE_VALUE AS SIGNED) FROM "
                                "performance_schema.global_status WHERE VARIABLE_NAME='Uptime'");
  if (!at) return tl::unexpected(at.error());
  return std::atoll(at->value_or("0").c_str());
}

/// A session with the process that came after the one that started at `before`.
/// @errors DeadlineExceeded: nobody has started it in time
Result<std::unique_ptr<Session>> session_after_restart(const StepEnvironment& env, std::int64_t before) {
  std::string last = "it does not answer";
  while (!env.call.is_over()) {
    auto session = env.server.open_apart(env.call, Session::kReadTimeout);
    if (session) {
      const auto started = started_at(**session, env.call);
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

struct CloneStatus {
  std::string state, source, error;
  GtidSet cloned;
  BinlogPosition place;  ///< The same in the donor's binary log.
};

Result<CloneStatus> clone_status(Session& session, const Call& call) {
  const auto rows = session.query(
      call,
      "SELECT STATE, SOURCE, CONCAT(ERROR_NO, ' ', ERROR_MESSAGE), GTID_EXECUTED, BINLOG_FILE, BINLOG_POSITION FROM "
      "performance_schema.clone_status");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return CloneStatus{};
  const auto& row = rows->front();
  auto cloned = GtidSet::parse(row.at(3).value_or(""));
  if (!cloned) return tl::unexpected(cloned.error());
  return CloneStatus{
      row.at(0).value_or(""), row.at(1).value_or(""), row.at(2).value_or(""), std::move(*cloned),
      BinlogPosition{row.at(4).value_or(""), std::strtoull(row.at(5).value_or("0").c_str(), nullptr, 10)}};
}

/// What has to be true before data is thrown away. The set that was cloned when that is done already.
Result<std::optional<GtidSet>> check_recipient(Server& server, const CloneFrom& step, const Address& donor,
                                               const Snapshot& donor_now, const StepEnvironment& env) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (donor_now.by_position()) {
    // Only what a clone leaves at its end tells that it is done: the sets of such servers say nothing about data.
    const auto* channel = now->channel();
    if (channel != nullptr && is_detached(*channel) && channel->source_uuid == donor_now.server_uuid) {
      return std::optional{history(channel->source_uuid, channel->applied)};
    }
  }
  auto own = subtract(now->executed, step.discarded);
  const auto has_plugin = server.value("SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME='clone'");
  if (!has_plugin) return tl::unexpected(has_plugin.error());
  if (*has_plugin == "1") {
    const auto status = clone_status(server.session(), server.call());
    if (!status) return tl::unexpected(status.error());
    const bool from_it = !donor_now.by_position() && status->state == "Completed" && status->source == to_string(donor);
    // The server remembers its last clone for good: one from long ago counts no longer.
    const auto lost = subtract(step.discarded, status->cloned);
    const bool is_this_one = intersect(now->executed, lost).empty() && now->executed.contains(donor_now.purged);
    if (from_it && is_this_one && !status->cloned.empty() && now->executed.contains(status->cloned)) {
      return status->cloned;
    }
  }
  // One that replicates has applied more since this was planned: that is the donor's as well, or is in a moment.
  const auto patience = std::min(env.call.deadline, std::chrono::steady_clock::now() + kDonorCatchesUp);
  while (!own.empty() && !donor_now.by_position()) {
    const auto donor_has = env.look_at(step.donor, env.call.deadline);
    if (!donor_has) return tl::unexpected(donor_has.error());
    own = subtract(own, donor_has->executed);
    if (own.empty() || std::chrono::steady_clock::now() >= patience) break;
    wait_within(env.call, kPollStart);
  }
  if (!own.empty()) {
    return fail(ErrorCode::PreconditionFailed, "{}: has {} more than may be lost ({}), so it was not cloned over",
                server.node(), how_much(own), in_words(own));
  }
  return std::optional<GtidSet>{};
}

/// Closed to applications before it is opened for the plugin and the clone, and closed after its restart.
Result<void> prepare_recipient(Server& server, const Address& donor) {
  if (auto kept = persist_read_only(server, true); !kept) return kept;
  if (auto cut = set_offline_mode(server, true); !cut) return cut;
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  for (const auto& channel : now->channels) {
    if (auto stopped = server.execute("STOP REPLICA FOR CHANNEL " + sql_quoted(channel.name)); !stopped) return stopped;
  }
  for (const auto* statement : {"SET GLOBAL super_read_only=0", "SET GLOBAL read_only=0"}) {
    if (auto opened = server.execute(statement); !opened) return opened;
  }
  if (auto installed = install_plugin(server, Plugin::Clone); !installed) return installed;
  return server.execute("SET GLOBAL clone_valid_donor_list=" + sql_quoted(to_string(donor)));
}

/// A donor that was a replica gives its channel's configuration along; its relay log is not there.
Result<void> clean_after_clone(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  for (const auto& channel : now->channels) {
    const auto name = sql_quoted(channel.name);
    if (auto stopped = server.execute("STOP REPLICA FOR CHANNEL " + name); !stopped) return stopped;
    if (auto reset = server.execute("RESET REPLICA ALL FOR CHANNEL " + name); !reset) return reset;
  }
  const auto closed = server.read_only();
  if (!closed) return tl::unexpected(closed.error());
  if (*closed == ReadOnly::Super) return {};
  return server.execute("SET GLOBAL super_read_only=1");
}

/// A clone begins its binary log anew at file 1. Without GTIDs a replica that knows a place in the old one would some
/// day find such a file again, and go on there: the numbers go on instead, so that it is told that there is no such
/// file.
Result<void> go_on_counting_files(Server& server, std::uint64_t last_file) {
  const auto had = server.value("SELECT @@GLOBAL.gtid_executed");
  if (!had) return tl::unexpected(had.error());
  if (auto reset = server.execute(reset_binary_logs(server.version(), last_file + 1)); !reset) return reset;
  if (!*had || (*had)->empty()) return {};
  return server.execute("SET GLOBAL gtid_purged=" + sql_quoted(**had));
}

/// Leaves a channel that knows from where in the donor's binary log the node has to go on, whatever becomes of repld.
Result<GtidSet> remember_place(Server& server, const CloneStatus& cloned, const std::string& donor_uuid,
                               const Address& donor, const Spec& spec) {
  if (cloned.place.empty()) {
    return fail(ErrorCode::ServerRefused,
                "{}: the clone does not say at which place of the donor's binary log it was "
                "made",
                server.node());
  }
  const auto made = server.execute(detached_channel(donor_uuid, donor, cloned.place, spec.channel_name()));
  if (!made) return tl::unexpected(made.error());
  return history(donor_uuid, cloned.place);
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

Result<GtidSet> clone_from(Server& server, const CloneFrom& step, const StepEnvironment& env) {
  const auto* donor = env.spec->find(step.donor);
  if (donor == nullptr) return fail(ErrorCode::NoSuchNode, "{}: \"{}\" is not in the spec", step.node, step.donor);
  const auto login = replication_login(step.node, *env.spec);
  if (!login) return tl::unexpected(login.error());

  const auto donor_now = env.look_at(step.donor, env.call.deadline);
  if (!donor_now) return tl::unexpected(donor_now.error());
  const auto done = check_recipient(server, step, donor->address, *donor_now, env);
  if (!done) return tl::unexpected(done.error());
  if (*done) return **done;
  const auto before = started_at(server.session(), server.call());
  if (!before) return tl::unexpected(before.error());
  const auto recipient = server.look();
  if (!recipient) return tl::unexpected(recipient.error());
  // It keeps what it had. Clients come back only once it is closed to their writes.
  const auto give_up = [&](const Error& why) {
    const auto closed = server.execute("SET GLOBAL super_read_only=1");
    if (closed && !recipient->offline_mode) static_cast<void>(set_offline_mode(server, false));
    return tl::unexpected(why);
  };
  if (auto ready = prepare_recipient(server, donor->address); !ready) return give_up(ready.error());
  if (env.spec->tls.verifies()) {
    if (auto told = server.execute("SET GLOBAL clone_ssl_ca=@@GLOBAL.ssl_ca"); !told) return give_up(told.error());
  }
  const auto session = patient_session(env);
  if (!session) return give_up(session.error());
  const bool tls = wants_tls(env.spec->tls, donor->address);
  const auto cloned = (*session)->execute(
      env.call, {fmt::format("CLONE INSTANCE FROM {}@{}:{} IDENTIFIED BY {}{}", sql_quoted(login->user),
                             sql_quoted(donor->address.host), donor->address.port, sql_quoted(login->password),
                             tls ? " REQUIRE SSL" : ""),
                 {login->password}});
  const bool restarts =
      !cloned && ((*session)->last_error() == kRestartFailed || cloned.error().code == ErrorCode::ConnectionLost);
  if (!cloned && !restarts) return give_up(cloned.error());
  const auto again = session_after_restart(env, *before);
  if (!again) return tl::unexpected(again.error());
  const auto status = clone_status(**again, env.call);
  if (!status) return tl::unexpected(status.error());
  if (status->state != "Completed") {
    return fail(ErrorCode::ServerRefused, "{}: the clone of {} ended in state {}: {}", step.node, step.donor,
                status->state, status->error);
  }
  Server renewed{**again, env.call};
  if (auto clean = clean_after_clone(renewed); !clean) return tl::unexpected(clean.error());
  if (donor_now->by_position()) {
    const auto last =
        std::max(recipient->log_position.file_number(), last_file(step.discarded, recipient->server_uuid));
    if (auto counted = go_on_counting_files(renewed, last); !counted) return tl::unexpected(counted.error());
    return remember_place(renewed, *status, donor_now->server_uuid, donor->address, *env.spec);
  }
  return status->cloned;
}

Result<void> restart_server(Server& server, const RestartServer& step, const StepEnvironment& env, StepResult& result) {
  for (const auto& variable : step.variables) {
    if (auto named = require_variable_name(server, variable.name); !named) return named;
  }
  const auto true_already = are_in_force(server, step.variables);
  if (!true_already) return tl::unexpected(true_already.error());
  if (auto kept = persist_all(server, step.variables); !kept) return kept;
  if (!step.variables.empty() && *true_already) return step.replicates ? replicates_again(server) : Result<void>{};

  const auto before = started_at(server.session(), server.call());
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

// CLONE INSTANCE: the data of another server, with the clone plugin. It ends with a restart of the recipient, by a
// supervisor (MYSQLD_PARENT_PID is set in the server's environment), else the server exits and waits for whoever starts
// it. Tried on 9.7: the server goes on with a clone whose session broke; one that is killed after it has dropped the
// data leaves a server without schemas, and with the GTIDs of what they held.
#include <fmt/format.h>

#include <spdlog/spdlog.h>

#include "mysql/inventory.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPollRecipient = 100ms;
constexpr auto kPollClone = 500ms;
constexpr auto kDonorCatchesUp = 5s;
/// From the end of the copying until somebody has started the server, and it has recovered.
constexpr auto kStartsWithin = 1h;
/// A statement that was sent is begun by then, or never.
constexpr auto kBegunWithin = 3s;
/// A killed clone ends after a moment: seconds, when its bandwidth is limited.
constexpr auto kLeftWithin = 30s;

/// The clone that runs, or the last one: the server remembers it for good.
struct CloneStatus {
  std::string state, source, error, began, session;
  GtidSet cloned;
  BinlogPosition place;  ///< The same in the donor's binary log.

  bool runs() const { return state == "In Progress"; }
  bool runs_from(const Address& donor) const { return runs() && source == to_string(donor); }
};

/// Empty when the server has never cloned.
Result<CloneStatus> clone_status(Session& session, const Call& call) {
  const auto has_plugin = session.value(
      call, "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME='clone' AND PLUGIN_STATUS='ACTIVE'");
  if (!has_plugin) return tl::unexpected(has_plugin.error());
  if (*has_plugin == "0") return CloneStatus{};
  const auto rows = session.query(
      call,
      "SELECT STATE, SOURCE, CONCAT(ERROR_NO, ' ', ERROR_MESSAGE), GTID_EXECUTED, BINLOG_FILE, BINLOG_POSITION, "
      "BEGIN_TIME, PID FROM performance_schema.clone_status");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return CloneStatus{};
  const auto& row = rows->front();
  auto cloned = GtidSet::parse(row.at(3).value_or(""));
  if (!cloned) return tl::unexpected(cloned.error());
  return CloneStatus{
      row.at(0).value_or(""),
      row.at(1).value_or(""),
      row.at(2).value_or(""),
      row.at(6).value_or(""),
      row.at(7).value_or(""),
      std::move(*cloned),
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
    wait_within(env.call, kPollRecipient);
  }
  if (!own.empty()) {
    return fail(ErrorCode::PreconditionFailed, "{}: has {} more than may be lost ({}), so it was not cloned over",
                server.node(), how_much(own), in_words(own));
  }
  return std::optional<GtidSet>{};
}

/// The clone plugin asks at most who has signed the donor's certificate, never to whom it is made out.
Result<void> check_name_of_donor(const StepEnvironment& env, const NodeSpec& donor) {
  if (env.spec->tls.mode != TlsMode::VerifyIdentity) return {};
  auto endpoint = env.server.endpoint();
  endpoint.address = donor.address;
  endpoint.tls = env.spec->tls;
  NodeMySQL there{donor.id, endpoint, std::make_shared<NodeCounters>()};
  const auto session = there.open_apart(env.call);
  if (session) return {};
  return fail(ErrorCode::PreconditionFailed,
              "{}: was not cloned, for {} does not prove that it is {} (tls.mode verify-identity): {}", env.call.node,
              donor.id, to_string(donor.address), session.error().message);
}

/// Nothing was said of what is lost, and somebody may have loaded data since, without a trace in its GTIDs.
Result<void> require_empty(Server& server) {
  const auto schemas = user_schemas(server);
  if (!schemas) return tl::unexpected(schemas.error());
  if (schemas->empty()) return {};
  return fail(ErrorCode::PreconditionFailed,
              "{}: was empty when this was planned and has the schema {} now, so it was not cloned over. Apply again",
              server.node(), schemas->front());
}

/// Closed to applications before it is opened for the plugin and the clone, and closed after its restart.
Result<void> prepare_recipient(Server& server, const CloneFrom& step, const Address& donor, const TlsSpec& tls) {
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
  if (tls.verifies()) {
    if (auto told = server.execute("SET GLOBAL clone_ssl_ca=@@GLOBAL.ssl_ca"); !told) return told;
  }
  if (auto listed = server.execute("SET GLOBAL clone_valid_donor_list=" + sql_quoted(to_string(donor))); !listed) {
    return listed;
  }
  return step.must_be_empty ? require_empty(server) : Result<void>{};
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

/// A clone that fails late has thrown the data away.
Result<bool> has_dropped_data(Server& server) {
  const auto dropped = server.value(
      "SELECT COUNT(*) FROM performance_schema.clone_progress WHERE STAGE='DROP DATA' AND STATE='Completed'");
  if (!dropped) return tl::unexpected(dropped.error());
  return *dropped == "1";
}

/// Then the server is empty, and must not pass for one that has what its GTIDs, or its channel's place in the source's
/// log, say.
Result<void> forget_dropped_data(Server& server) {
  const auto schemas = user_schemas(server);
  if (!schemas) return tl::unexpected(schemas.error());
  if (!schemas->empty()) return {};
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  for (const auto& channel : now->channels) {
    const auto name = sql_quoted(channel.name);
    if (auto reset = server.execute("RESET REPLICA ALL FOR CHANNEL " + name); !reset) return reset;
  }
  if (now->by_position()) return go_on_counting_files(server, now->log_position.file_number());
  return server.execute(reset_gtids(server.version()));
}

/// Left alone it would give the node its new data when nobody reckons with it.
void end_clone(Server& server, const Address& donor) {
  auto status = clone_status(server.session(), server.call());
  if (!status || !status->runs_from(donor)) return;
  spdlog::info("{}: its clone is ended", server.node());
  if (const auto killed = kill(server, status->session); !killed) return;
  while (status && status->runs() && !server.call().is_over()) {
    wait_within(server.call(), kPollRecipient);
    status = clone_status(server.session(), server.call());
  }
}

/// It has what it had, and replicates on.
Result<void> start_what_ran(Server& server, const std::vector<Channel>& channels) {
  for (const auto& channel : channels) {
    for (const auto& [state, thread] : {std::pair{channel.receiver, "IO_THREAD"}, {channel.applier, "SQL_THREAD"}}) {
      if (state == ThreadState::Stopped) continue;
      const auto statement = fmt::format("START REPLICA {} FOR CHANNEL {}", thread, sql_quoted(channel.name));
      if (auto started = server.execute(statement); !started) return started;
    }
  }
  return {};
}

/// What can be done for a recipient that has not got the data. Its own session may be as lost as the time of its step.
/// @param before  when the last clone of before began: what that one has dropped is no matter of this one
/// @param was     the recipient before anything was done to it
void leave_recipient(const StepEnvironment& env, const Address& donor, const std::string& before, const Snapshot& was) {
  const Call call{env.call.node, steady_clock::now() + kLeftWithin, nullptr, nullptr};
  const auto session = env.server.open_apart(call);
  if (!session) return;
  Server server{**session, call};
  if (env.call.is_over()) end_clone(server, donor);
  // Clients come back only once it is closed to their writes.
  if (const auto closed = server.execute("SET GLOBAL super_read_only=1"); !closed) return;
  if (!was.offline_mode) static_cast<void>(set_offline_mode(server, false));
  const auto status = clone_status(server.session(), call);
  if (!status || status->runs()) return;
  const bool has_failed = status->began != before && status->state == "Failed";
  const auto dropped = has_failed ? has_dropped_data(server) : Result<bool>{false};
  const Result<void> left = !dropped   ? Result<void>{tl::unexpected(dropped.error())}
                            : *dropped ? forget_dropped_data(server)
                                       : start_what_ran(server, was.channels);
  if (!left) spdlog::warn("{}: left as the clone left it: {}", call.node, left.error().message);
}

/// Waits until the clone has ended, and with it the process that started at `started`.
/// @param before  the clone of before: as long as the server knows no other, this one was not begun
/// @return a session with the next process
/// @errors ConnectionLost: it was not begun; ServerRefused: it failed; DeadlineExceeded
Result<std::unique_ptr<Session>> wait_for_clone(const StepEnvironment& env, std::int64_t started,
                                                const std::string& before) {
  const auto begun_by = steady_clock::now() + kBegunWithin;
  std::string last = "it does not answer";
  std::unique_ptr<Session> session;
  auto answered = steady_clock::now();
  while (!env.call.is_over() && steady_clock::now() < answered + kStartsWithin) {
    std::chrono::milliseconds pause = kPollRecipient;
    if (!session || session->lost()) {
      auto opened = env.server.open_apart(env.call);
      if (opened) {
        session = std::move(*opened);
      } else {
        last = opened.error().message;
      }
    }
    if (session && !session->lost()) {
      answered = steady_clock::now();
      const auto now = process_started_at(*session, env.call);
      if (now && *now > started + 1) return session;  // both are rounded to seconds
      last = now ? "the old process still answers" : now.error().message;
      const auto status = clone_status(*session, env.call);
      if (status && status->began == before && steady_clock::now() > begun_by) {
        return fail(ErrorCode::ConnectionLost, "{}: the connection broke before the clone was begun", env.call.node);
      }
      if (status && status->began != before && status->state == "Failed") {
        return fail(ErrorCode::ServerRefused, "{}: the clone of {} failed: {}", env.call.node, status->source,
                    status->error);
      }
      if (status && status->runs()) pause = kPollClone;
    }
    wait_within(env.call, pause);
  }
  return fail(
      ErrorCode::DeadlineExceeded,
      "{}: the server has not come back: {}. If nothing supervises it (systemd, mysqld_safe), start it; its error "
      "log says what it does not like",
      env.call.node, last);
}

/// Sends the statement and waits for the next process.
Result<std::unique_ptr<Session>> clone(const StepEnvironment& env, const Address& donor, const Login& login,
                                       std::int64_t started, const std::string& before) {
  const auto session = env.server.open_patient(env.call);
  if (!session) return tl::unexpected(session.error());
  const auto cloned = (*session)->execute(
      env.call,
      {fmt::format("CLONE INSTANCE FROM {}@{}:{} IDENTIFIED BY {}{}", sql_quoted(login.user), sql_quoted(donor.host),
                   donor.port, sql_quoted(login.password), wants_tls(env.spec->tls, donor) ? " REQUIRE SSL" : ""),
       {login.password}});
  const bool may_restart = cloned || (*session)->last_error() == kRestartFailed || (*session)->lost();
  if (!cloned && (!may_restart || env.call.is_over())) return tl::unexpected(cloned.error());
  return wait_for_clone(env, started, before);
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
  const auto started = process_started_at(server.session(), server.call());
  if (!started) return tl::unexpected(started.error());
  const auto recipient = server.look();
  if (!recipient) return tl::unexpected(recipient.error());
  if (auto named = check_name_of_donor(env, *donor); !named) return tl::unexpected(named.error());
  const auto before = clone_status(server.session(), env.call);
  if (!before) return tl::unexpected(before.error());
  auto again = [&]() -> Result<std::unique_ptr<Session>> {
    if (before->runs_from(donor->address)) {
      spdlog::info("{}: a clone of {} runs already, and is waited for", step.node, step.donor);
      auto ended = wait_for_clone(env, *started, "");
      // That it failed is no verdict on this one: it may have been killed by whoever let go of it.
      if (ended || env.call.is_over()) return ended;
      spdlog::info("{}; it is begun anew", ended.error().message);
    }
    if (auto ready = prepare_recipient(server, step, donor->address, env.spec->tls); !ready) {
      return tl::unexpected(ready.error());
    }
    return clone(env, donor->address, *login, *started, before->began);
  }();
  if (!again) {
    // When only repld stops, its successor goes on with it.
    const bool given_up = env.call.given_up && *env.call.given_up, stopping = env.call.stopping && *env.call.stopping;
    if (given_up || !stopping) {
      leave_recipient(env, donor->address, before->runs() ? "" : before->began, *recipient);
    }
    return tl::unexpected(again.error());
  }
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

}  // namespace repl::mysql

// Steps that change where a server replicates from. A node has one channel, whatever its
// name; every statement names it. None of them ever throws away a relay log that holds what was not applied: it may be
// the only copy of an acknowledged commit.
//
// Tried on 9.7: CHANGE REPLICATION SOURCE with the receiver stopped and the applier running keeps the relay log, and
// RECEIVED_TRANSACTION_SET with it, also when it is repeated and over a kill -9 of the server.
// STOP REPLICA IO_THREAD returns at once while the receiver is connected, even to a frozen source. Once it is
// CONNECTING to one it takes 2.06 s, whatever replica_net_timeout is, and KILL does not shorten it; replica_net_timeout
// only decides when the receiver gets there, so it should be well above the time that detection takes. Reads go on
// meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/spec_variables.hpp"
#include "mysql/channels.hpp"
#include "mysql/inventory.hpp"
#include "mysql/login.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPollThreads = 20ms;
// How long a receiver is watched for a refusal of its source after it was started.
constexpr auto kReceiverConnectLimit = 1s;

// Errors of a receiver that do not go away by waiting: access denied, no key for the password, binary logs purged,
// fatal error when reading them, equal server ids or UUIDs.
constexpr std::array kReceiverErrors{1045, 1236, 1593, 2061, 3032, 13114, 13117};
/// Of these, those that another login may help against: it was refused, or there is none.
constexpr std::array kLoginErrors{1045, 13117};
/// ER_REPLICA_CM_INIT_REPOSITORY of the applier: its metadata are half made.
constexpr unsigned kNoApplierMetadata = 1872;

bool is_final(int receiver_errno) {
  return std::find(kReceiverErrors.begin(), kReceiverErrors.end(), receiver_errno) != kReceiverErrors.end();
}

bool has_unapplied(const Snapshot& now) {
  return !now.executed.contains(now.channel()->received);
}

Error applier_broken(const Snapshot& now) {
  return {
      ErrorCode::PreconditionFailed,
      fmt::format("{}: the applier does not run: {} ({}). Its relay log would be thrown away, so nothing was changed; "
                  "repair it and start it (START REPLICA SQL_THREAD) first",
                  now.node, now.channel()->applier_error.empty() ? "stopped" : now.channel()->applier_error,
                  now.channel()->applier_errno)};
}

}  // namespace

Result<void> run_on(Server& server, const Channel& channel, std::string_view statement) {
  return server.execute(fmt::format("{} FOR CHANNEL {}", statement, sql_quoted(channel.name)));
}

namespace {

Result<void> start_applier(Server& server, const Channel& channel) {
  return run_on(server, channel, "START REPLICA SQL_THREAD");
}
Result<void> start_receiver(Server& server, const Channel& channel) {
  return run_on(server, channel, "START REPLICA IO_THREAD");
}
Result<void> stop_receiver(Server& server, const Channel& channel) {
  return run_on(server, channel, "STOP REPLICA IO_THREAD");
}
Result<void> stop_applier(Server& server, const Channel& channel) {
  return run_on(server, channel, "STOP REPLICA SQL_THREAD");
}

Result<void> start_named(Server& server, const std::string& channel) {
  return server.execute("START REPLICA FOR CHANNEL " + sql_quoted(channel));
}

/// @errors PreconditionFailed: it has several channels, and none is said to be meant
Result<void> require_one_channel(const Snapshot& now) {
  if (now.channels.size() < 2) return {};
  return fail(ErrorCode::PreconditionFailed, "{}: has {} replication channels; repld works with one", now.node,
              now.channels.size());
}

}  // namespace

Result<void> make_sure_the_applier_runs(Server& server, const Snapshot& now) {
  if (now.channel()->applier == ThreadState::Running) return {};
  if (auto started = start_applier(server, *now.channel()); !started) return started;
  const auto after = server.look();
  if (!after) return tl::unexpected(after.error());
  if (after->channel() == nullptr || after->channel()->applier != ThreadState::Running) {
    return tl::unexpected(applier_broken(*after));
  }
  return {};
}

Result<void> set_delay(Server& server, const Channel& channel, std::chrono::seconds delay) {
  if (auto stopped = stop_applier(server, channel); !stopped) return stopped;
  const auto changed =
      run_on(server, channel, fmt::format("CHANGE REPLICATION SOURCE TO SOURCE_DELAY={}", delay.count()));
  const auto started = start_applier(server, channel);
  return changed ? started : changed;
}

Result<void> confirm_receiver(Server& server, const Address& source) {
  const auto until = std::min(server.call().deadline, steady_clock::now() + kReceiverConnectLimit);
  while (true) {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto* channel = now->channel();
    if (channel == nullptr) return fail(ErrorCode::Internal, "{}: its channel is gone", server.node());
    if (channel->receiver == ThreadState::Running) return {};
    if (is_final(channel->receiver_errno) ||
        (channel->receiver == ThreadState::Stopped && channel->receiver_errno != 0)) {
      return fail(ErrorCode::ServerRefused, "{}: cannot receive from {}: {} ({})", server.node(), to_string(source),
                  channel->receiver_error, channel->receiver_errno);
    }
    if (steady_clock::now() >= until) return {};
    wait_within(server.call(), kPollThreads);
  }
}

namespace {

Result<SourceOptions> options_towards(Server& server, const Address& source, const Spec& spec) {
  SourceOptions options{.source = source,
                        .user = {},
                        .password = {},
                        .tls = spec.tls,
                        .server_ca = {},
                        .compression = spec.compression_between(server.node(), source),
                        .zstd_level = spec.network.zstd_level,
                        .keeps_login = true};
  if (spec.tls.verifies()) {
    const auto ca = server.value("SELECT @@GLOBAL.ssl_ca");
    if (!ca) return tl::unexpected(ca.error());
    options.server_ca = ca->value_or("");
    if (options.server_ca.empty()) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: has no ssl_ca, the file with the authority that it is to check its source's certificate with. "
                  "Set it in its option file, or SET PERSIST ssl_ca and ALTER INSTANCE RELOAD TLS",
                  server.node());
    }
  }
  return options;
}

}  // namespace

Result<SourceOptions> with_declared_login(Server& server, SourceOptions options, const Spec& spec) {
  auto login = replication_login(server.node(), spec);
  if (!login) return tl::unexpected(login.error());
  options.user = std::move(login->user);
  options.password = std::move(login->password);
  options.keeps_login = false;
  return options;
}

Result<SourceOptions> source_options(Server& server, const FollowSource& step, const Spec& spec) {
  const auto* source = spec.find(step.to);
  if (source == nullptr) return fail(ErrorCode::NoSuchNode, "{}: \"{}\" is not in the spec", server.node(), step.to);
  return options_towards(server, source->address, spec);
}

Result<bool> leads_there(Server& server, const Channel& channel, const SourceOptions& wanted) {
  if (channel.source != wanted.source || is_final(channel.receiver_errno)) return false;
  const auto same = server.value(fmt::format(
      "SELECT {} AND HEARTBEAT_INTERVAL=0.5 AND SSL_ALLOWED='{}' AND COALESCE(SSL_CA_FILE, '')={} AND "
      "SSL_VERIFY_SERVER_CERTIFICATE='{}' AND COMPRESSION_ALGORITHM={} AND ({} OR ZSTD_COMPRESSION_LEVEL={}) FROM "
      "performance_schema.replication_connection_configuration WHERE CHANNEL_NAME={}",
      wanted.keeps_login ? "TRUE" : "USER=" + sql_quoted(wanted.user),
      wants_tls(wanted.tls, wanted.source) ? "YES" : "NO", sql_quoted(wanted.server_ca),
      wanted.tls.mode == TlsMode::VerifyIdentity ? "YES" : "NO", sql_quoted(compression_algorithms(wanted.compression)),
      wanted.compression != Compression::Zstd, wanted.zstd_level, sql_quoted(channel.name)));
  if (!same) return tl::unexpected(same.error());
  return *same == "1";
}

Result<void> confirm_login(Server& server, const Channel& channel, const SourceOptions& options, const Spec& spec) {
  auto heard = confirm_receiver(server, options.source);
  if (heard || !options.keeps_login) return heard;
  const auto now = server.look();
  const bool refused =
      now && now->channel() != nullptr &&
      std::find(kLoginErrors.begin(), kLoginErrors.end(), now->channel()->receiver_errno) != kLoginErrors.end();
  if (!refused) return heard;
  const auto declared = with_declared_login(server, options, spec);
  if (!declared) return heard;
  if (auto stopped = stop_receiver(server, channel); !stopped) return stopped;
  if (auto told = server.execute(renew_login(*declared, channel.name)); !told) return told;
  if (auto started = start_receiver(server, channel); !started) return started;
  return confirm_receiver(server, options.source);
}

/// The declared login as repld tries it itself at the source: a receiver that is told what does not work there yet
/// would be lost.
Result<void> login_works_at(Server& server, const SourceOptions& options) {
  Endpoint source;
  source.address = options.source;
  source.tls = options.tls;
  const auto outcome = try_login(server.call(), source, options.user, options.password);
  if (!outcome) return tl::unexpected(outcome.error());
  if (*outcome == LoginOutcome::Works) return {};
  return fail(ErrorCode::PreconditionFailed,
              "{}: its source {} does not take the declared password of '{}' yet, so its receiver was left as it is",
              server.node(), to_string(options.source), options.user);
}

Result<void> renew_channel(Server& server, const Snapshot& now, const Spec& spec) {
  const auto& channel = *now.channel();
  const auto towards = options_towards(server, channel.source, spec);
  if (!towards) return tl::unexpected(towards.error());
  const auto options = with_declared_login(server, *towards, spec);
  if (!options) return tl::unexpected(options.error());
  if (auto works = login_works_at(server, *options); !works) return works;
  if (auto runs = make_sure_the_applier_runs(server, now); !runs) return runs;
  if (auto stopped = stop_receiver(server, channel); !stopped) return stopped;
  const auto told = server.execute(renew_login(*options, channel.name));
  // Also when it stood still: an attempt before this one may have stopped it, and lost its session then.
  const auto started = start_receiver(server, channel);
  if (!told || !started) return told ? started : told;
  return confirm_receiver(server, channel.source);
}

namespace {

Result<bool> follows_as_wanted(Server& server, const Channel& channel, const SourceOptions& wanted) {
  if (!channel.auto_position) return false;
  return leads_there(server, channel, wanted);
}

/// Nothing of the relay log may be left before it is thrown away.
Result<void> drain(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->channel() == nullptr || !has_unapplied(*now)) return {};
  if (auto runs = make_sure_the_applier_runs(server, *now); !runs) return runs;
  return wait_for_applied(server, now->channel()->received, server.call().deadline);
}

/// Both threads stop, with all applied that was received. The applier stops first, while the end of its transaction
/// still comes: one that was begun, and whose end the receiver did not get any more, holds STOP REPLICA up for 60 s
/// (seen on 9.7, with a receiver that was stopped first, under load).
///
/// A delayed replica holds back what it was given, for hours maybe, and is never the only one that has it: nothing of
/// its relay log is waited for.
Result<void> stop_with_all_applied(Server& server, const Snapshot& now) {
  const auto& channel = *now.channel();
  if (channel.delay.count() > 0) return run_on(server, channel, "STOP REPLICA");
  // A receiver that was just restarted is connecting, and brings the end as well.
  const bool both_run = channel.receiver != ThreadState::Stopped && channel.applier == ThreadState::Running;
  if (!both_run || now.by_position()) {
    if (auto stopped = stop_receiver(server, channel); !stopped) return stopped;
    if (auto drained = drain(server); !drained) return drained;
    return run_on(server, channel, "STOP REPLICA");
  }
  if (auto stopped = stop_applier(server, channel); !stopped) return stopped;
  if (auto stopped = stop_receiver(server, channel); !stopped) return stopped;
  const auto then = server.look();
  if (!then) return tl::unexpected(then.error());
  if (then->channel() == nullptr || !has_unapplied(*then)) return {};
  const auto& received = then->channel()->received;
  if (auto started = run_on(server, channel,
                            fmt::format("START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS='{}'", received.to_string()));
      !started) {
    return started;
  }
  if (auto applied = wait_for_applied(server, received, server.call().deadline); !applied) return applied;
  return stop_applier(server, channel);
}

/// Auto-positioning can only be switched on with both threads stopped, which throws the relay log away.
Result<void> use_auto_position(Server& server, const Snapshot& now) {
  if (auto stopped = stop_with_all_applied(server, now); !stopped) return stopped;
  const auto then = server.look();
  if (!then) return tl::unexpected(then.error());
  if (then->channel() == nullptr) return fail(ErrorCode::Internal, "{}: its channel is gone", server.node());
  // A delayed one gets anew from its source what it had not applied.
  if (has_unapplied(*then) && then->channel()->delay.count() == 0) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: replicates by file and position and has not applied all it received; it cannot be switched to "
                "auto-position before it has",
                server.node());
  }
  return run_on(server, *then->channel(), "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION=1");
}

Result<void> repoint(Server& server, const Snapshot& now, const SourceOptions& options) {
  if (auto runs = make_sure_the_applier_runs(server, now); !runs) return runs;
  if (now.channel()->auto_position) {
    if (auto stopped = stop_receiver(server, *now.channel()); !stopped) return stopped;
  } else if (auto switched = use_auto_position(server, now); !switched) {
    return switched;
  }
  return server.execute(repoint_channel(options, now.channel()->name));
}

}  // namespace

Result<void> start_replication(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (auto one = require_one_channel(*now); !one) return one;
  if (now->channel() == nullptr) {
    return fail(ErrorCode::PreconditionFailed, "{}: has no replication channel that could be started", server.node());
  }
  return run_on(server, *now->channel(), "START REPLICA");
}

Result<void> stop_replication(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (auto one = require_one_channel(*now); !one) return one;
  return now->channel() == nullptr ? Result<void>{} : run_on(server, *now->channel(), "STOP REPLICA");
}

Result<GtidSet> detach_receiver(Server& server) {
  auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->channel() == nullptr) return now->executed;
  if (auto one = require_one_channel(*now); !one) return tl::unexpected(one.error());
  const bool detached = is_detached(*now->channel());
  if (!detached && now->channel()->applier != ThreadState::Running) return tl::unexpected(applier_broken(*now));
  if (now->channel()->receiver != ThreadState::Stopped) {
    if (auto stopped = stop_receiver(server, *now->channel()); !stopped) return tl::unexpected(stopped.error());
    // Only now does nothing more arrive.
    now = server.look();
    if (!now) return tl::unexpected(now.error());
    if (now->channel() == nullptr) return now->executed;
  }
  if (!detached) {
    // The applier may have stopped in the meantime, and the change would then throw its relay log away.
    if (now->channel()->applier != ThreadState::Running) return tl::unexpected(applier_broken(*now));
    const auto& channel = *now->channel();
    const auto changed =
        now->by_position()
            ? server.execute(detached_channel(channel.source_uuid, channel.source,
                                              std::max(channel.read, channel.applied), channel.name))
            : run_on(server, channel, fmt::format("CHANGE REPLICATION SOURCE TO SOURCE_HOST='{}'", kDetachedHost));
    if (!changed) return tl::unexpected(changed.error());
  }
  return now->position();
}

Result<void> follow_source(Server& server, const FollowSource& step, const Spec& spec) {
  const auto options = source_options(server, step, spec);
  if (!options) return tl::unexpected(options.error());
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (auto one = require_one_channel(*now); !one) return one;
  const auto make = [&]() -> Result<void> {
    const auto declared = with_declared_login(server, *options, spec);
    if (!declared) return tl::unexpected(declared.error());
    if (auto made = server.execute(create_channel(*declared, step.delay, step.channel)); !made) return made;
    return start_named(server, step.channel);
  };
  // An attempt before was killed while it made the channel, and left half of it: nothing was received over it.
  const auto attach = [&]() -> Result<void> {
    auto made = make();
    if (!made && server.last_error() == kNoApplierMetadata) {
      const auto reset = server.execute("RESET REPLICA ALL FOR CHANNEL " + sql_quoted(step.channel));
      made = reset ? make() : reset;
    }
    return made ? confirm_receiver(server, options->source) : made;
  };
  if (now->channel() == nullptr) return attach();
  const auto& channel = *now->channel();
  const auto as_wanted = follows_as_wanted(server, channel, *options);
  if (!as_wanted) return tl::unexpected(as_wanted.error());
  if (!*as_wanted) {
    if (auto changed = repoint(server, *now, *options); !changed) return changed;
  }
  if (auto started = start_receiver(server, channel); !started) {
    if (step.from || server.last_error() != kNoApplierMetadata) return started;
    if (auto reset = run_on(server, channel, "RESET REPLICA ALL"); !reset) return reset;
    return attach();
  }
  if (channel.delay != step.delay) {
    if (auto changed = set_delay(server, channel, step.delay); !changed) return changed;
  }
  if (auto started = start_applier(server, channel); !started) return started;
  return confirm_login(server, channel, *options, spec);
}

Result<void> renew_receiver(Server& server, const Spec& spec) {
  const auto as_declared = receiver_is_as_declared(server, spec);
  if (!as_declared) return tl::unexpected(as_declared.error());
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (spec.is_group()) return *as_declared == true ? Result<void>{} : tell_recovery_account(server, spec);
  if (auto one = require_one_channel(*now); !one) return one;
  const auto* channel = now->channel();
  // Detached, it is told anew when it is attached.
  if (channel == nullptr || channel->source.host == kDetachedHost) return {};
  if (*as_declared == true && channel->receiver == ThreadState::Running) return {};
  return renew_channel(server, *now, spec);
}

Result<void> forget_source(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->channel() == nullptr) return {};
  if (auto one = require_one_channel(*now); !one) return one;
  if (auto stopped = stop_with_all_applied(server, *now); !stopped) return stopped;
  return run_on(server, *now->channel(), "RESET REPLICA ALL");
}

}  // namespace repl::mysql

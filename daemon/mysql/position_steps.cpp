// Following and draining without GTIDs. A place in a binary log means something in that server's log alone, so a
// replica is only ever put to a place of which it is certain that it has exactly what is before it, and nothing after.
//
// Tried on 9.7: CHANGE REPLICATION SOURCE TO SOURCE_HOST with SOURCE_LOG_FILE and SOURCE_LOG_POS, receiver stopped and
// applier running, keeps the relay log and the place, over a kill -9 of the server too; it forgets the source's UUID.
// Without the place SOURCE_LOG_FILE would be emptied. A receiver that is stopped within a transaction has read beyond
// what can be applied: the coordinator waits for more, the workers wait for the coordinator, and Exec_Source_Log_Pos
// stays. With several workers Exec_Source_Log_Pos is behind by up to replica_checkpoint_period.
#include <fmt/format.h>

#include <set>

#include "mysql/channels.hpp"
#include "mysql/inventory.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPollApplied = 10ms;
/// Longer than any replica_checkpoint_period that is in use (300 ms by default).
constexpr auto kIdleForSure = 1000ms;

/// What was closed just now may still be applied and seen.
constexpr auto kComesToRest = 1500ms;
constexpr auto kPollRest = 50ms;

/// Neither the coordinator nor a worker has anything left that could be applied.
Result<bool> applier_idles(Server& server) {
  const auto busy = server.value(
      "SELECT COUNT(*) FROM performance_schema.threads WHERE NAME IN ('thread/sql/replica_sql',"
      "'thread/sql/replica_worker') AND COALESCE(PROCESSLIST_STATE, '') NOT IN ("
      "'Replica has read all relay log; waiting for more updates', 'Waiting for an event from Coordinator')");
  if (!busy) return tl::unexpected(busy.error());
  return *busy == "0";
}

Error stopped_applier(const Snapshot& now) {
  const auto& channel = *now.channel();
  return {channel.applier_errno == 0 ? ErrorCode::PreconditionFailed : ErrorCode::ServerRefused,
          fmt::format("{}: the applier has stopped at {} of {} received: {} ({})", now.node, to_string(channel.applied),
                      to_string(channel.read),
                      channel.applier_error.empty() ? "START REPLICA SQL_THREAD starts it" : channel.applier_error,
                      channel.applier_errno)};
}

/// Whose history a node has, and up to where: its own where it replicates from nobody that answers.
struct Standing {
  std::string server_uuid;
  BinlogPosition place;
  bool operator==(const Standing&) const = default;
};

/// All that is looked at for one decision.
using Looks = std::map<std::string, Snapshot>;  // by server_uuid

Looks look_around(Server& server, const Snapshot& me, const StepEnvironment& env) {
  Looks out{{me.server_uuid, me}};
  const auto until = std::min(env.call.deadline, steady_clock::now() + 1s);
  for (const auto& node : env.spec->nodes) {
    if (node.id == server.node()) continue;
    if (auto now = env.look_at(node.id, until)) out.insert_or_assign(now->server_uuid, std::move(*now));
  }
  return out;
}

Result<Standing> standing(std::string uuid, const Looks& looks) {
  std::set<std::string> passed;
  while (passed.insert(uuid).second) {
    const auto& now = looks.at(uuid);
    if (now.read_only != ReadOnly::Super) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: takes writes, so no place in its binary log can be said to be what a replica has", now.node);
    }
    const auto* channel = now.channel();
    if (channel == nullptr) return Standing{uuid, now.log_position};
    if (channel->applied != channel->read) {
      return fail(ErrorCode::PreconditionFailed, "{}: has applied {} and received {}", now.node,
                  to_string(channel->applied), to_string(channel->read));
    }
    const auto source = looks.find(channel->source_uuid);
    if (source == looks.end() || is_detached(*channel)) {
      if (channel->receiver != ThreadState::Stopped && source == looks.end()) {
        return fail(ErrorCode::PreconditionFailed, "{}: its source may still send something", now.node);
      }
      return Standing{channel->source_uuid, channel->applied};
    }
    if (source->second.log_position != channel->applied) {
      return fail(ErrorCode::PreconditionFailed, "{}: has {} of the binary log of {}, which ends at {}", now.node,
                  to_string(channel->applied), source->second.node, to_string(source->second.log_position));
    }
    uuid = channel->source_uuid;
  }
  return fail(ErrorCode::PreconditionFailed, "{}: replicates in a circle", looks.at(uuid).node);
}

/// Neither has any data, so both have the same.
Result<bool> both_empty(Server& server, const Address& other, const StepEnvironment& env) {
  const auto mine = user_schemas(server);
  if (!mine) return tl::unexpected(mine.error());
  if (!mine->empty()) return false;
  auto endpoint = env.server.endpoint();
  endpoint.address = other;
  NodeMySQL source{env.call.node, endpoint, std::make_shared<NodeCounters>()};
  const auto session = source.open_apart(env.call, Session::kReadTimeout);
  if (!session) return tl::unexpected(session.error());
  Server there{**session, env.call};
  const auto theirs = user_schemas(there);
  if (!theirs) return tl::unexpected(theirs.error());
  return theirs->empty();
}

/// One look at both: the end of the log of `to`, when they have the same.
Result<BinlogPosition> common_place(const Looks& looks, const std::string& mine, const std::string& to, bool empty) {
  const auto there = looks.find(to);
  if (there == looks.end()) return fail(ErrorCode::PreconditionFailed, "it does not answer");
  if (there->second.read_only != ReadOnly::Super) {
    return fail(ErrorCode::PreconditionFailed, "{} takes writes", there->second.node);
  }
  if (empty) return there->second.log_position;
  const auto own = standing(mine, looks);
  if (!own) return tl::unexpected(own.error());
  const auto theirs = standing(to, looks);
  if (!theirs) return tl::unexpected(theirs.error());
  if (own->server_uuid != theirs->server_uuid) {
    return fail(ErrorCode::PreconditionFailed, "their data do not come from the same server");
  }
  if (own->place != theirs->place) {
    return fail(ErrorCode::PreconditionFailed, "it stopped at {}, and {} at {} of the same log", to_string(own->place),
                there->second.node, to_string(theirs->place));
  }
  return there->second.log_position;
}

/// The place in the log of `to` up to which this node has everything, and nothing else.
Result<BinlogPosition> common_place(Server& server, const Snapshot& to, const Address& address,
                                    const StepEnvironment& env) {
  const auto until = std::min(env.call.deadline, steady_clock::now() + kComesToRest);
  std::optional<BinlogPosition> before;
  while (true) {
    const auto me = server.look();
    if (!me) return tl::unexpected(me.error());
    auto empty = me->channel() == nullptr ? both_empty(server, address, env) : Result<bool>{false};
    if (!empty) return tl::unexpected(empty.error());
    auto place = common_place(look_around(server, *me, env), me->server_uuid, to.server_uuid, *empty);
    // A server's log and channel are read one after the other: only when the log has not grown between two looks does
    // its end belong to what was applied between them.
    if (place && before == *place) return place;
    if (!place && steady_clock::now() >= until) {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: where it stands in the binary log of {} is not known: {}. `replctl apply FILE --allow-data-loss "
                  "{}` gives it the data of {} anew",
                  server.node(), to.node, place.error().message, server.node(), to.node);
    }
    before = place ? std::optional{std::move(*place)} : std::nullopt;
    if (env.call.is_over()) return fail(ErrorCode::DeadlineExceeded, "{}: did not come to rest in time", to.node);
    if (!before) wait_within(env.call, kPollRest);
  }
}

/// One that does not answer is known by its address: its replicas must go on asking for it, or nobody bears witness.
bool knows_its_place_in(const Channel& channel, const Result<Snapshot>& to, const Address& address) {
  if (to) return channel.source_uuid == to->server_uuid;
  if (!is_detached(channel)) return channel.source == address;
  return detached_from(channel.source.host).host == address.host && channel.source.port == address.port;
}

/// Up to where it was received, so that the relay log can be kept.
Result<void> resume(Server& server, const Snapshot& now, const SourceOptions& options) {
  const auto& channel = *now.channel();
  if (auto runs = make_sure_the_applier_runs(server, now); !runs) return runs;
  if (auto stopped = run_on(server, channel, "STOP REPLICA IO_THREAD"); !stopped) return stopped;
  const auto stopped = server.look();
  if (!stopped) return tl::unexpected(stopped.error());
  return server.execute(
      channel_at(options, std::max(stopped->channel()->read, stopped->channel()->applied), channel.name));
}

/// Nothing is left in the relay log; it is thrown away.
Result<void> begin_at(Server& server, const Snapshot& now, const SourceOptions& options, const BinlogPosition& place,
                      const FollowSource& step) {
  const auto name = now.channel() == nullptr ? step.channel : now.channel()->name;
  if (now.channel() != nullptr) {
    if (auto stopped = run_on(server, *now.channel(), "STOP REPLICA"); !stopped) return stopped;
  }
  return server.execute(channel_at(options, place, name, step.delay));
}

}  // namespace

Result<GtidSet> follow_by_position(Server& server, const FollowSource& step, const StepEnvironment& env) {
  const auto options = source_options(server, step, *env.spec);
  if (!options) return tl::unexpected(options.error());
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  const auto to = env.look_at(step.to, std::min(env.call.deadline, steady_clock::now() + 1s));
  const auto* channel = now->channel();
  auto place = channel == nullptr ? BinlogPosition{} : channel->applied;
  auto uuid = to ? to->server_uuid : std::string{};
  if (channel != nullptr && knows_its_place_in(*channel, to, options->source)) {
    uuid = channel->source_uuid;
    const auto there = leads_there(server, *channel, *options);
    if (!there) return tl::unexpected(there.error());
    if (!*there) {
      if (auto resumed = resume(server, *now, *options); !resumed) return tl::unexpected(resumed.error());
    }
    if (channel->delay != step.delay) {
      if (auto changed = set_delay(server, *channel, step.delay); !changed) return tl::unexpected(changed.error());
    }
  } else {
    if (!to) return tl::unexpected(to.error());
    auto common = common_place(server, *to, options->source, env);
    if (!common) return tl::unexpected(common.error());
    place = std::move(*common);
    const auto towards = channel == nullptr ? with_declared_login(server, *options, *env.spec) : options;
    if (!towards) return tl::unexpected(towards.error());
    if (auto begun = begin_at(server, *now, *towards, place, step); !begun) return tl::unexpected(begun.error());
  }
  const auto started =
      server.execute("START REPLICA FOR CHANNEL " + sql_quoted(channel == nullptr ? step.channel : channel->name));
  if (!started) return tl::unexpected(started.error());
  const auto hears = channel == nullptr ? confirm_receiver(server, options->source)
                                        : confirm_login(server, *channel, *options, *env.spec);
  if (!hears) return tl::unexpected(hears.error());
  return history(uuid, place);
}

Result<void> wait_for_applied_by_position(Server& server, const GtidSet& wanted, Deadline until) {
  while (true) {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto missing = subtract(wanted, now->executed);
    if (missing.empty()) return {};
    if (now->channel() == nullptr) {
      return fail(ErrorCode::PreconditionFailed, "{}: lacks {} and replicates from nobody", server.node(),
                  how_much(missing));
    }
    if (now->channel()->applier != ThreadState::Running) return tl::unexpected(stopped_applier(*now));
    if (steady_clock::now() >= until || server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: still applying, {} are left", server.node(), how_much(missing));
    }
    wait_within(server.call(), kPollApplied);
  }
}

Result<GtidSet> apply_received_by_position(Server& server, const GtidSet& received, Deadline until) {
  BinlogPosition applied;
  auto idle_since = steady_clock::now();
  while (true) {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto* channel = now->channel();
    if (channel == nullptr) {
      return fail(ErrorCode::PreconditionFailed, "{}: replicates from nobody, so there is nothing to apply",
                  server.node());
    }
    if (now->executed.contains(received) && channel->applied == channel->read) return now->executed;
    if (channel->applier != ThreadState::Running) return tl::unexpected(stopped_applier(*now));
    const auto idle = applier_idles(server);
    if (!idle) return tl::unexpected(idle.error());
    if (!*idle || channel->applied != applied || !is_detached(*channel)) {
      idle_since = steady_clock::now();
      applied = channel->applied;
    } else if (steady_clock::now() - idle_since >= kIdleForSure) {
      // What is left is a part of a transaction, which nobody can have acknowledged.
      if (auto stopped = run_on(server, *channel, "STOP REPLICA"); !stopped) return tl::unexpected(stopped.error());
      const auto from = detached_from(channel->source.host);
      const auto cut = server.execute(
          detached_channel(from.server_uuid, {from.host, channel->source.port}, channel->applied, channel->name));
      if (!cut) return tl::unexpected(cut.error());
      if (auto on = run_on(server, *channel, "START REPLICA SQL_THREAD"); !on) return tl::unexpected(on.error());
      return now->executed;
    }
    if (steady_clock::now() >= until || server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: has applied {} of {} received", server.node(),
                  to_string(channel->applied), to_string(channel->read));
    }
    wait_within(server.call(), kPollApplied);
  }
}

}  // namespace repl::mysql

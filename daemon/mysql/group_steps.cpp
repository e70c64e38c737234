// Steps of group replication. Their statements take seconds to minutes, so they have a session of their own, with a
// lock of its own; the control lock of the server is held by the session of the step meanwhile.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

#include "model/snapshot_text.hpp"
#include "mysql/account_row.hpp"
#include "mysql/login.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollMember = 100ms;
constexpr auto kLookAtMember = 1s;

/// GET_LOCK(): held while a statement about the group executes, also when nobody waits for its answer any more.
constexpr auto kGroupLock = "repld.group";

/// ER_GROUP_REPLICATION_RUNNING, and ER_GROUP_REPLICATION_COMMAND_FAILURE: another START or STOP is executing.
constexpr unsigned kGroupRuns = 3093;
constexpr unsigned kGroupCommandRuns = 3663;
constexpr auto kPollCommand = 200ms;

/// A member that comes back from a clone starts by itself (group_replication_start_on_boot), at the same moment.
Result<void> join(PatientSession& session, const Call& call) {
  while (true) {
    auto started = session.execute(call, "START GROUP_REPLICATION");
    if (started || session.last_error() == kGroupRuns) return {};
    if (session.last_error() != kGroupCommandRuns || call.is_over()) return started;
    wait_within(call, kPollCommand);
  }
}

/// ON around this one START only, whatever becomes of it: a second bootstrap makes a second group.
Result<void> start(PatientSession& session, const Call& call, Server& server, GroupStart how) {
  if (how == GroupStart::Join) return join(session, call);
  if (auto on = session.execute(call, "SET GLOBAL group_replication_bootstrap_group=ON"); !on) return on;
  auto started = session.execute(call, "START GROUP_REPLICATION");
  auto off = session.lost() ? server.execute("SET GLOBAL group_replication_bootstrap_group=OFF")
                            : session.execute(call, "SET GLOBAL group_replication_bootstrap_group=OFF");
  return started ? off : started;
}

Result<void> wait_until_online(Server& server) {
  while (true) {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    if (now->in_group()) return {};
    const auto state = now->member_state();
    if (state == MemberState::Error || state == MemberState::Offline) {
      return fail(ErrorCode::ServerRefused, "{}: has not become a member of the group, it is {}{}", server.node(),
                  to_string(state),
                  now->group.recovery_error.empty() ? "; its error log says why" : ": " + now->group.recovery_error);
    }
    if (server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: is still {} and not ONLINE{}", server.node(), to_string(state),
                  now->group.recovery_error.empty() ? "" : ": " + now->group.recovery_error);
    }
    wait_within(server.call(), kPollMember);
  }
}

/// Waits, as long as the call has left, until an earlier statement about the group is over.
Result<void> take_group_lock(PatientSession& session, const Call& call) {
  const auto left = std::chrono::floor<std::chrono::seconds>(call.deadline - std::chrono::steady_clock::now());
  const auto got =
      session.value(call, fmt::format("SELECT GET_LOCK('{}', {})", kGroupLock, std::max(left.count(), {})));
  if (!got) return tl::unexpected(got.error());
  if (*got == "1") return {};
  return fail(ErrorCode::DeadlineExceeded,
              "{}: an earlier statement of repld's about the group executes still; its session holds the lock '{}'. "
              "SHOW PROCESSLIST on the server says what it waits for",
              call.node, kGroupLock);
}

/// Runs `change` in a session of its own. What an earlier statement did, whose answer was lost, is settled by then, so
/// `change` looks first.
template <typename Change>
Result<void> in_group_session(const StepEnvironment& env, StepResult& result, Change change) {
  const auto session = env.server.open_patient(env.call);
  if (!session) return tl::unexpected(session.error());
  if (auto locked = take_group_lock(**session, env.call); !locked) return locked;
  result.certain = true;
  auto done = change(**session);
  result.certain = !(*session)->in_doubt();
  return done;
}

Result<void> call_function(PatientSession& session, const Call& of_step, const std::string& function) {
  const auto said = session.value(of_step, "SELECT " + function);
  if (!said) return tl::unexpected(said.error());
  spdlog::info("{}: {}", of_step.node, said->value_or(""));
  return {};
}

/// After a restart as well: what StopGroup has switched off.
Result<void> stays_a_member(Server& server) {
  if (auto online = wait_until_online(server); !online) return online;
  const auto kept = server.persisted("group_replication_start_on_boot");
  if (!kept) return tl::unexpected(kept.error());
  if (*kept != "OFF") return {};
  return server.execute("SET PERSIST group_replication_start_on_boot=ON");
}

}  // namespace

Result<void> tell_recovery_account(Server& server, const Spec& spec) {
  const auto login = replication_login(server.node(), spec);
  if (!login) return tl::unexpected(login.error());
  return server.execute({fmt::format("CHANGE REPLICATION SOURCE TO SOURCE_USER={}, SOURCE_PASSWORD={} FOR CHANNEL "
                                     "'group_replication_recovery'",
                                     sql_quoted(login->user), sql_quoted(login->password)),
                         {login->password}});
}

namespace {

/// Whether the members take it; where none answers, whether the node itself would. In doubt they do.
bool members_take(Server& server, const Login& login, const StepEnvironment& env) {
  for (const auto& node : env.spec->nodes) {
    if (node.id == server.node()) continue;
    const auto there =
        env.look_at(node.id, std::min(env.call.deadline, std::chrono::steady_clock::now() + kLookAtMember));
    if (!there || !there->in_group()) continue;
    auto endpoint = env.server.endpoint();
    endpoint.address = node.address;
    const auto outcome = try_login(env.call, endpoint, login.user, login.password);
    if (outcome) return *outcome != LoginOutcome::Denied;
  }
  return password_gets_in(server, login.user, login.password, env.server.endpoint()).value_or(true);
}

}  // namespace

Result<void> tell_recovery_account_in_force(Server& server, const StepEnvironment& env) {
  const auto login = replication_login(server.node(), *env.spec);
  const auto kept = server.value(
      "SELECT COUNT(*) FROM mysql.slave_master_info WHERE Channel_name='group_replication_recovery' AND "
      "COALESCE(User_name, '')<>''");
  if (!kept) return tl::unexpected(kept.error());
  const bool has_one = *kept != "0";
  if (!login) return has_one ? Result<void>{} : tl::unexpected(login.error());
  if (has_one && !members_take(server, *login, env)) return {};
  return tell_recovery_account(server, *env.spec);
}

Result<void> start_group(Server& server, const StartGroup& step, const StepEnvironment& env, StepResult& result) {
  return in_group_session(env, result, [&](PatientSession& session) -> Result<void> {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    if (!now->group.plugin) {
      return fail(ErrorCode::PreconditionFailed, "{}: the group replication plugin is not loaded", server.node());
    }
    const auto state = now->member_state();
    if (state == MemberState::Online || state == MemberState::Recovering) return stays_a_member(server);
    if (state == MemberState::Error) {
      if (auto stopped = session.execute(env.call, "STOP GROUP_REPLICATION"); !stopped) return stopped;
    }
    if (auto told = tell_recovery_account_in_force(server, env); !told) return told;
    if (auto started = start(session, env.call, server, step.how); !started) return started;
    return stays_a_member(server);
  });
}

Result<void> stop_group(Server& server, const StopGroup& step, const StepEnvironment& env, StepResult& result) {
  return in_group_session(env, result, [&](PatientSession& session) -> Result<void> {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto leave_open = [&]() -> Result<void> {
      if (step.leaves != ReadOnly::Off) return {};
      if (auto open = server.execute("SET GLOBAL super_read_only=0"); !open) return open;
      return server.execute("SET GLOBAL read_only=0");
    };
    if (!now->group.plugin || now->member_state() == MemberState::Offline) return leave_open();
    while (true) {
      auto stopped = session.execute(env.call, "STOP GROUP_REPLICATION");
      if (stopped) break;
      // A server that has just started may join by itself.
      if (session.last_error() != kGroupCommandRuns || server.time_left() <= kPollCommand) return stopped;
      wait_within(env.call, kPollCommand);
    }
    // Set by hand it stays over a restart: without it the server would join again by itself.
    if (auto off = server.execute("SET PERSIST group_replication_start_on_boot=OFF"); !off) return off;
    return leave_open();
  });
}

Result<void> set_group_primary(Server& server, const StepEnvironment& env, StepResult& result) {
  return in_group_session(env, result, [&](PatientSession& session) -> Result<void> {
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto* self = now->group.find(now->server_uuid);
    if (self != nullptr && self->primary && now->in_group()) return {};
    return call_function(session, env.call,
                         fmt::format("group_replication_set_as_primary({})", sql_quoted(now->server_uuid)));
  });
}

Result<void> set_group_mode(Server& server, const SetGroupMode& step, const StepEnvironment& env, StepResult& result) {
  return in_group_session(env, result, [&](PatientSession& session) -> Result<void> {
    const auto single = server.variable("group_replication_single_primary_mode");
    if (!single) return tl::unexpected(single.error());
    if (*single == (step.to_multi_primary ? "OFF" : "ON")) return {};
    const auto now = server.look();
    if (!now) return tl::unexpected(now.error());
    const auto function = step.to_multi_primary ? std::string{"group_replication_switch_to_multi_primary_mode()"}
                                                : fmt::format("group_replication_switch_to_single_primary_mode({})",
                                                              sql_quoted(now->server_uuid));
    return call_function(session, env.call, function);
  });
}

}  // namespace repl::mysql

// Chooses the function of a step, and repeats it when the session breaks.
#include "mysql/steps.hpp"

#include <spdlog/spdlog.h>

#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using std::chrono::steady_clock;

constexpr int kAttempts = 3;

Deadline until(const Call& call, std::chrono::milliseconds timeout) {
  return std::min(call.deadline, steady_clock::now() + timeout);
}

/// Either end of the channel gives or takes transactions without GTIDs.
Result<bool> without_gtids(Server& server, const NodeId& source, const StepEnvironment& env) {
  const auto mode = server.value("SELECT @@GLOBAL.gtid_mode");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "ON") return true;
  // One that does not answer is followed by auto-position: the receiver says so when it cannot.
  const auto there = env.look_at(source, std::min(env.call.deadline, steady_clock::now() + std::chrono::seconds{1}));
  return there && there->by_position();
}

/// Before gtid_mode=OFF, which is a way back: a transaction with a GTID that is still to come would stop the applier
/// (1781). The source gives out none any more, so what it has written until now is all.
Result<void> apply_what_has_gtids(Server& server, const std::string& name, const std::string& to,
                                  const StepEnvironment& env) {
  if (name != "gtid_mode" || to != "OFF") return {};
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->channel() == nullptr || now->gtid_mode == GtidMode::Off) return {};
  for (const auto& node : env.spec->nodes) {
    if (node.address != now->channel()->source) continue;
    const auto source =
        env.look_at(node.id, std::min(env.call.deadline, steady_clock::now() + std::chrono::seconds{1}));
    if (source) return wait_for_applied(server, source->written(), env.call.deadline);
  }
  return {};  // a source that died: what it had sent is applied, or found
}

Result<void> carry_out(const Step& step, const StepEnvironment& env, Server& server, StepResult& result) {
  return std::visit(
      Overloaded{
          [&](const InstallPlugin& s) { return install_plugin(server, s.plugin); },
          [&](const UninstallPlugin& s) { return uninstall_plugin(server, s.plugin); },
          [&](const CreateAccount& s) { return create_account(server, s, env.server.endpoint(), *env.spec); },
          [&](const DropAccount& s) { return drop_account(server, s); },
          [&](const SetVariable& s) -> Result<void> {
            if (auto applied = apply_what_has_gtids(server, s.name, s.to, env); !applied) return applied;
            return set_variable(server, s, *env.spec);
          },
          [&](const ResetVariable& s) -> Result<void> {
            if (auto applied = apply_what_has_gtids(server, s.name, s.to, env); !applied) return applied;
            return reset_variable(server, s, *env.spec);
          },
          [&](const PersistReadOnly& s) { return persist_read_only(server, s.to); },
          [&](const SetReadOnly& s) { return set_read_only(server, s); },
          [&](const SetOfflineMode& s) { return set_offline_mode(server, s.to); },
          [&](const SetSemiSyncSource& s) { return set_semi_sync_source(server, s); },
          [&](const SetSemiSyncReplica& s) { return set_semi_sync_replica(server, s.to); },
          [&](const ResetGtids& s) { return reset_gtids_of_empty(server, s); },
          [&](const StartReplication&) { return start_replication(server); },
          [&](const StopReplication&) { return stop_replication(server); },
          [&](const DetachReceiver&) -> Result<void> {
            auto position = detach_receiver(server);
            if (!position) return tl::unexpected(position.error());
            result.position = std::move(*position);
            return {};
          },
          [&](const FollowSource& s) -> Result<void> {
            const auto by_position = without_gtids(server, s.to, env);
            if (!by_position) return tl::unexpected(by_position.error());
            if (!*by_position) return follow_source(server, s, *env.spec);
            auto from = follow_by_position(server, s, env);
            if (!from) return tl::unexpected(from.error());
            result.position = std::move(*from);
            return {};
          },
          [&](const ForgetSource&) { return forget_source(server); },
          [&](const WaitForApplied& s) -> Result<void> {
            const auto source = env.look_at(s.source, until(env.call, s.timeout));
            if (!source) return tl::unexpected(source.error());
            result.position = source->written();
            return wait_for_applied(server, *result.position, until(env.call, s.timeout));
          },
          [&](const ApplyReceived& s) -> Result<void> {
            if (!is_by_position(s.received)) {
              return wait_for_applied(server, s.received, until(env.call, s.timeout));
            }
            auto applied = apply_received_by_position(server, s.received, until(env.call, s.timeout));
            if (!applied) return tl::unexpected(applied.error());
            result.position = std::move(*applied);
            return {};
          },
          [&](const WaitForGtids& s) { return wait_for_gtids(server, s); },
          [&](const WaitForAckers& s) { return wait_for_ackers(server, s); },
          [&](const CloseReturned&) { return close_returned(server); },
          [&](const CloneFrom& s) -> Result<void> {
            auto cloned = clone_from(server, s, env);
            if (!cloned) return tl::unexpected(cloned.error());
            result.position = std::move(*cloned);
            return {};
          },
          [&](const RestartServer& s) { return restart_server(server, s, env, result); },
          [&](const StartGroup& s) { return start_group(server, s, env, result); },
          [&](const StopGroup& s) { return stop_group(server, s, env, result); },
          [&](const SetGroupPrimary&) { return set_group_primary(server, env, result); },
          [&](const SetGroupMode& s) { return set_group_mode(server, s, env, result); },
          [&](const AmendAccount& s) { return amend_account(server, s, env.server.endpoint(), *env.spec); },
          [&](const RotatePassword& s) { return rotate_password(server, s, env.server.endpoint(), *env.spec); },
          [&](const DiscardFormerPassword& s) { return discard_former_password(server, s, env.server.endpoint()); },
          [&](const RenewReceiver&) { return renew_receiver(server, *env.spec); },
          [&](const RetireGtids& s) -> Result<void> {
            auto committed = retire_gtids(server, s, env);
            if (!committed) return tl::unexpected(committed.error());
            result.position = std::move(*committed);
            return {};
          },
          [&](const ChangeGrants& s) { return change_grants(server, s); },
          [&](const LockAccount& s) { return lock_account(server, s); },
          [&](const RunHook&) -> Result<void> {
            return fail(ErrorCode::Internal, "a hook runs on no server: run/hooks.cpp runs it");
          },
      },
      step);
}

/// One attempt. `in_doubt`: a statement was sent whose outcome nobody knows.
Result<void> attempt(const Step& step, const StepEnvironment& env, StepResult& result, bool& in_doubt) {
  auto session = env.server.borrow(purpose_of(step), env.call);
  if (!session) return tl::unexpected(session.error());
  // A new session of ours holds the lock now, so the statement of the one before is over: no doubt is left from it.
  in_doubt = false;
  Server server{**session, env.call};
  auto done = carry_out(step, env, server, result);
  in_doubt = (*session)->in_doubt();
  return done;
}

}  // namespace

Purpose purpose_of(const Step& step) {
  // Without GTIDs what is left of a transaction is thrown away at the end: a change.
  const auto* drains = std::get_if<ApplyReceived>(&step);
  const bool waits = std::holds_alternative<WaitForApplied>(step) || std::holds_alternative<WaitForGtids>(step) ||
                     std::holds_alternative<WaitForAckers>(step) ||
                     (drains != nullptr && !is_by_position(drains->received));
  return waits ? Purpose::Wait : Purpose::Operate;
}

StepResult run_step(const Step& step, const StepEnvironment& env) {
  const auto started = steady_clock::now();
  StepResult result;
  bool in_doubt = false;
  for (int i = 1;; ++i) {
    const auto done = attempt(step, env, result, in_doubt);
    if (done) {
      result.error.reset();
      break;
    }
    result.error = done.error();
    if (result.error->code != ErrorCode::ConnectionLost || i == kAttempts || env.call.is_over()) break;
    spdlog::info("{}: {} is tried again: {}", env.call.node, name_of(step), result.error->message);
  }
  // A wait changes nothing, so its outcome is never in doubt.
  result.certain = result.ok() || (result.certain && !in_doubt) || purpose_of(step) == Purpose::Wait;
  if (!result.certain && result.error->code == ErrorCode::ConnectionLost && env.call.is_over()) {
    result.error->code = ErrorCode::DeadlineExceeded;
  }
  result.took = std::chrono::duration_cast<Duration>(steady_clock::now() - started);
  return result;
}

}  // namespace repl::mysql

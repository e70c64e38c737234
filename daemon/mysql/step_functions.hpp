// The SQL of each step, one function each; steps.cpp chooses among them.
#pragma once

#include "model/step.hpp"
#include "mysql/server.hpp"
#include "mysql/steps.hpp"

namespace repl::mysql {

// replication_steps.cpp
Result<void> start_replication(Server& server);
Result<void> stop_replication(Server& server);
/// The position: executed and received.
Result<GtidSet> detach_receiver(Server& server);
Result<void> follow_source(Server& server, const FollowSource& step, const Spec& spec);
Result<void> forget_source(Server& server);
Result<void> renew_receiver(Server& server, const Spec& spec);

// position_steps.cpp
/// FollowSource without GTIDs. The history up to where it follows from.
Result<GtidSet> follow_by_position(Server& server, const FollowSource& step, const StepEnvironment& env);
Result<void> wait_for_applied_by_position(Server& server, const GtidSet& wanted, Deadline until);
/// A detached replica applies all whole transactions that it has received; a part of one at the end is thrown away, so
/// that afterwards as much is received as is applied. What it has executed then.
Result<GtidSet> apply_received_by_position(Server& server, const GtidSet& received, Deadline until);

// wait_steps.cpp
Result<void> wait_for_gtids(Server& server, const WaitForGtids& step);
Result<void> wait_for_applied(Server& server, const GtidSet& wanted, Deadline until);
Result<void> wait_for_ackers(Server& server, const WaitForAckers& step);

// read_only_steps.cpp
Result<void> set_read_only(Server& server, const SetReadOnly& step);
Result<void> persist_read_only(Server& server, bool on);
Result<void> set_offline_mode(Server& server, bool on);
Result<void> close_returned(Server& server);

// semi_sync_steps.cpp
Result<void> set_semi_sync_source(Server& server, const SetSemiSyncSource& step);
Result<void> set_semi_sync_replica(Server& server, bool on);

// clone_steps.cpp
/// What the node has after it: the donor's transactions. A clone of which nobody wants to hear any more is ended,
/// unless it is repld that stops: the next one finds it and waits for its end.
Result<GtidSet> clone_from(Server& server, const CloneFrom& step, const StepEnvironment& env);

// restart_steps.cpp
/// ER_RESTART_SERVER_FAILED: nobody would start it again.
inline constexpr unsigned kRestartFailed = 3707;
/// Second of the server's own clock in which its process was started; another process has another (both are rounded).
Result<std::int64_t> process_started_at(Session& session, const Call& call);
/// A failure after the server was told to restart is not certain: it has to be taken back by another one.
Result<void> restart_server(Server& server, const RestartServer& step, const StepEnvironment& env, StepResult& result);

// retire_steps.cpp
/// What was committed empty.
Result<GtidSet> retire_gtids(Server& server, const RetireGtids& step, const StepEnvironment& env);

// group_steps.cpp
/// The declared replication account, for distributed recovery and the group's own connections.
Result<void> tell_recovery_account(Server& server, const Spec& spec);
/// The same, unless the members do not take it yet and the server has a login of before.
Result<void> tell_recovery_account_in_force(Server& server, const StepEnvironment& env);
/// Each settles first what an earlier one did whose answer was lost; `result.certain` is theirs.
Result<void> start_group(Server& server, const StartGroup& step, const StepEnvironment& env, StepResult& result);
Result<void> stop_group(Server& server, const StopGroup& step, const StepEnvironment& env, StepResult& result);
Result<void> set_group_primary(Server& server, const StepEnvironment& env, StepResult& result);
Result<void> set_group_mode(Server& server, const SetGroupMode& step, const StepEnvironment& env, StepResult& result);

// setup_steps.cpp
Result<void> install_plugin(Server& server, Plugin plugin);
Result<void> uninstall_plugin(Server& server, Plugin plugin);
Result<void> create_account(Server& server, const CreateAccount& step, const Endpoint& admin, const Spec& spec);
Result<void> drop_account(Server& server, const DropAccount& step);
Result<void> amend_account(Server& server, const AmendAccount& step, const Endpoint& admin, const Spec& spec);
Result<void> rotate_password(Server& server, const RotatePassword& step, const Endpoint& admin, const Spec& spec);
Result<void> discard_former_password(Server& server, const DiscardFormerPassword& step, const Endpoint& admin);
/// SET how name = value, where `how` is GLOBAL, PERSIST or PERSIST_ONLY.
Result<void> set_to(Server& server, std::string_view how, const std::string& name, const std::string& value);
/// @errors InvalidArgument: it would not stand in a statement as the name of a variable
Result<void> require_variable_name(const Server& server, const std::string& name);
/// `spec`: a certificate of the settings is served once its key is set as well.
Result<void> set_variable(Server& server, const SetVariable& step, const Spec& spec);
Result<void> reset_variable(Server& server, const ResetVariable& step, const Spec& spec);
Result<void> reset_gtids_of_empty(Server& server, const ResetGtids& step);

}  // namespace repl::mysql

// What the steps on replication channels share: statements on one channel, and how a replica reaches its source.
#pragma once

#include <string_view>

#include "mysql/server.hpp"
#include "mysql/steps.hpp"

namespace repl::mysql {

/// "STOP REPLICA" and the like, on that channel alone.
Result<void> run_on(Server& server, const Channel& channel, std::string_view statement);
/// Needed before a channel is changed: with both threads stopped the relay log is purged.
Result<void> make_sure_the_applier_runs(Server& server, const Snapshot& now);
/// The delay can be changed while the receiver runs and the applier does not.
Result<void> set_delay(Server& server, const Channel& channel, std::chrono::seconds delay);
/// Returns when the receiver hears its source, or only the source is missing; fails when it will never.
Result<void> confirm_receiver(Server& server, const Address& source);
/// Without a login: a channel keeps the one it has. The declared one may be known to no server yet, and where it is to
/// be found may be out of reach just when a replica has to be moved.
Result<SourceOptions> source_options(Server& server, const FollowSource& step, const Spec& spec);
/// The same with the declared login, for a channel that has none.
Result<SourceOptions> with_declared_login(Server& server, SourceOptions options, const Spec& spec);
/// confirm_receiver(), and when the source refuses the channel's own login it is told the declared one.
Result<void> confirm_login(Server& server, const Channel& channel, const SourceOptions& options, const Spec& spec);
/// The channel leads there, with this login, and its receiver has not failed for good.
Result<bool> leads_there(Server& server, const Channel& channel, const SourceOptions& wanted);

}  // namespace repl::mysql

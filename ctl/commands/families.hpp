// The command families; each adds its commands to `app`, which runs them through `run`.
#pragma once

namespace CLI {
class App;
}

namespace repl::ctl {

class Invocation;

void add_see_commands(CLI::App& app, Invocation& run);       ///< status, clusters, nodes, problems, rules
void add_past_commands(CLI::App& app, Invocation& run);      ///< events, history, operation
void add_adopt_commands(CLI::App& app, Invocation& run);     ///< adopt
void add_file_commands(CLI::App& app, Invocation& run);      ///< validate, diff, apply
void add_revision_commands(CLI::App& app, Invocation& run);  ///< show, rollback, rotate
void add_init_commands(CLI::App& app, Invocation& run);      ///< init
void add_primary_commands(CLI::App& app, Invocation& run);   ///< switchover, failover
void add_switch_commands(CLI::App& app, Invocation& run);    ///< ack, pause, resume, forget
void add_maintenance_commands(CLI::App& app, Invocation& run);
void add_backup_commands(CLI::App& app, Invocation& run);  ///< backup, restore
void add_verify_commands(CLI::App& app, Invocation& run);  ///< verify
void add_about_commands(CLI::App& app, Invocation& run);   ///< version, connection
void add_completion_commands(CLI::App& app, Invocation& run);

}  // namespace repl::ctl

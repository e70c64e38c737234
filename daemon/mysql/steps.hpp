// Carries out steps: the SQL of each, by std::visit. Every step first looks whether its goal is reached already, so
// that it may be repeated after a crash, a lost session or a missed deadline.
#pragma once

#include <functional>
#include <memory>

#include "model/step.hpp"
#include "mysql/node_mysql.hpp"

namespace repl::mysql {

/// What a step needs beside its own fields.
struct StepEnvironment {
  NodeMySQL& server;
  Call call;
  std::shared_ptr<const Spec> spec;  ///< Addresses, accounts, TLS.
  /// Probes another node; its snapshot when it has answered, else why not.
  std::function<Result<Snapshot>(const NodeId&, Deadline)> look_at;
};

/// Which session the step runs in: changes hold the control lock of the server, waits do not.
Purpose purpose_of(const Step& step);

/// Blocks until the step is done, has failed, or the call is over. A session that breaks on the way is opened anew and
/// the step repeated while there is time. `took` is filled.
StepResult run_step(const Step& step, const StepEnvironment& environment);

}  // namespace repl::mysql

// One server in the course of one step: statements that share the step's deadline, and typed reads of what steps ask
// for.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "mysql/session.hpp"

namespace repl::mysql {

/// One thread; does not own the session.
class Server {
 public:
  Server(Session& session, const Call& call) : session_{session}, call_{call} {}

  const NodeId& node() const { return call_.node; }
  const Call& call() const { return call_; }
  Session& session() { return session_; }
  ServerVersion version() const { return session_.version(); }
  std::chrono::milliseconds time_left() const;

  Result<void> execute(const Statement& statement) { return session_.execute(call_, statement); }
  Result<Rows> query(const Statement& statement) { return session_.query(call_, statement); }
  Result<Field> value(const Statement& statement) { return session_.value(call_, statement); }
  unsigned last_error() const { return session_.last_error(); }

  /// All that a probe sees, but for the variables of plugins: semi-sync's, and the group's mode.
  Result<Snapshot> look();
  Result<ReadOnly> read_only();
  /// As in performance_schema.global_variables; empty when there is no such variable.
  Result<Field> variable(std::string_view name);
  /// As in performance_schema.persisted_variables; empty when it is not persisted.
  Result<Field> persisted(std::string_view name);
  Result<Field> status(std::string_view name);

 private:
  Session& session_;
  const Call& call_;
};

/// A session that stands in the way of a lock of the whole server.
struct Blocker {
  std::string id;
  std::string who;  ///< "app@10.0.0.7:51234, 12 s, Waiting for semi-sync ACK from replica". Never its statement.
};

/// Sessions that hold what SET GLOBAL super_read_only waits for: statements that write, LOCK TABLES, commits, those
/// that wait for an acknowledgement included; clients and events, but not the applier, whose transactions end by
/// themselves. Without the metadata-lock instrument: all that execute something.
Result<std::vector<Blocker>> blockers(Server& server);

/// Ends the session; it is no error when it has ended already.
Result<void> kill(Server& server, const std::string& id);

}  // namespace repl::mysql

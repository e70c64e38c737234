// One session on mysql-connector-c++ (JDBC API), as operating uses it: statements in, rows or errors out. The
// connector's types and exceptions stay behind this header.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "mysql/counters.hpp"
#include "mysql/endpoint.hpp"
#include "mysql/rows.hpp"
#include "mysql/sql_text.hpp"

namespace repl::mysql {

/// Loads the connector's driver. Call it once in main before any thread is started: the first call is not thread-safe.
void init_driver();

/// Which node a call is for, and how long it may take. Its log lines get the operation from LogScope.
struct Call {
  NodeId node;
  Deadline deadline;
  /// Set when nobody waits for the outcome any more: no further statement is sent.
  std::shared_ptr<const std::atomic<bool>> given_up;
  /// Set when repld stops or lets go of the node.
  std::shared_ptr<const std::atomic<bool>> stopping;

  bool is_over() const {
    return (given_up && *given_up) || (stopping && *stopping) || std::chrono::steady_clock::now() >= deadline;
  }
};

// Quoting needs a known sql_mode. Nothing of what repld does on one node may reach another through the binary log; the
// few statements that shall, switch it on. Sessions are kept for long, so the server must not end them for being idle.
inline constexpr const char* kSessionSettings =
    "SET SESSION sql_mode='', time_zone='+00:00', autocommit=1, wait_timeout=31536000, "
    "max_execution_time=0, lock_wait_timeout=5, long_query_time=31536000";
inline constexpr const char* kKeepOutOfTheBinaryLog = "SET SESSION sql_log_bin=0";

/// One thread at a time. Time-outs of the connector are whole seconds, so a call may take up to kReadTimeout longer
/// than its deadline when the server is frozen: whoever cannot wait that long waits elsewhere and sets `given_up`.
class Session {
 public:
  static constexpr std::chrono::seconds kReadTimeout{10};

  /// @param read_timeout  the longest that a statement may take
  /// @errors ConnectionRefused, ConnectionLost, AccessDenied, TooManyConnections, DeadlineExceeded, SecretUnavailable
  static Result<std::unique_ptr<Session>> open(const Call& call, const Endpoint& endpoint, bool tls,
                                               std::shared_ptr<SessionCounters> counters,
                                               std::chrono::seconds read_timeout = kReadTimeout);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// @errors what the server says, by the table of errors.hpp; ConnectionLost makes the session useless
  Result<Rows> query(const Call& call, const Statement& statement);
  Result<void> execute(const Call& call, const Statement& statement);
  /// The first field of the first row; empty when there is none or it is NULL.
  Result<Field> value(const Call& call, const Statement& statement);

  /// CONNECTION_ID()
  std::uint64_t id() const { return id_; }
  bool lost() const { return lost_; }
  /// The last statement was sent and not answered: the server may still carry it out.
  bool in_doubt() const { return in_doubt_; }
  ServerVersion version() const { return version_; }
  Deadline last_used() const { return last_used_; }
  /// Number of the last error packet or client error; 0 when the last statement succeeded.
  unsigned last_error() const { return last_error_; }

 private:
  struct Connection;
  explicit Session(std::unique_ptr<Connection> connection, std::shared_ptr<SessionCounters> counters);
  Result<Rows> run(const Call& call, const Statement& statement);

  std::unique_ptr<Connection> connection_;
  std::shared_ptr<SessionCounters> counters_;
  std::uint64_t id_ = 0;
  ServerVersion version_;
  bool lost_ = false;
  bool in_doubt_ = false;
  unsigned last_error_ = 0;
  Deadline last_used_{};
};

}  // namespace repl::mysql

// A session for a statement that may take hours (a clone, joining a group), on libmariadb's non-blocking API: whoever
// waits for it gets away as soon as the call is over, which the connector's calls do not allow.
#pragma once

#include <memory>

#include "mysql/async_session.hpp"
#include "mysql/session.hpp"

namespace repl::mysql {

/// One thread. It is in no pool, and holds no lock by itself.
class PatientSession {
 public:
  /// @errors ConnectionRefused, ConnectionLost, AccessDenied, TooManyConnections, DeadlineExceeded
  static Result<std::unique_ptr<PatientSession>> open(const Call& call, const Endpoint& endpoint, bool tls,
                                                      std::shared_ptr<SessionCounters> counters);
  ~PatientSession();
  PatientSession(const PatientSession&) = delete;
  PatientSession& operator=(const PatientSession&) = delete;

  /// Waits as long as the call has left. A statement that has not ended by then goes on on the server, without anybody
  /// to hear of it: DeadlineExceeded, and the session is lost.
  /// @errors what the server says, by the table of errors.hpp
  Result<void> execute(const Call& call, const Statement& statement);
  /// The first field of the first row; empty when there is none or it is NULL.
  Result<Field> value(const Call& call, const Statement& statement);

  /// CONNECTION_ID()
  std::uint64_t id() const { return id_; }
  bool lost() const { return session_.state() == AsyncSession::State::Closed; }
  /// The last statement was sent and not answered: the server may still carry it out.
  bool in_doubt() const { return in_doubt_; }
  /// Number of the last error packet or client error; 0 when the last statement succeeded.
  unsigned last_error() const { return last_error_; }

 private:
  explicit PatientSession(std::shared_ptr<SessionCounters> counters);
  Result<void> finish(const Call& call, AsyncSession::Progress progress, const Statement& what, Moment moment);

  AsyncSession session_;
  std::shared_ptr<SessionCounters> counters_;
  std::uint64_t id_ = 0;
  bool in_doubt_ = false;
  unsigned last_error_ = 0;
};

}  // namespace repl::mysql

// One session on libmariadb's non-blocking API: it never waits, but says what it waits for. The watcher's event loop
// drives many of them on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mysql/endpoint.hpp"
#include "mysql/errors.hpp"
#include "mysql/rows.hpp"

namespace repl::mysql {

/// One thread. Deadlines are the caller's: close() gives up whatever is going on, in any state, without waiting.
class AsyncSession {
 public:
  enum class State {
    Closed,
    Connecting,
    Idle,
    Busy,  ///< A statement was sent.
  };
  enum class Progress {
    Waiting,  ///< Call resume() when socket() is ready for wanted().
    Done,     ///< Connected, or the statement was answered: see rows().
    Failed,   ///< See error_number(); the state says whether the session lives on.
  };

  AsyncSession();
  ~AsyncSession();
  AsyncSession(const AsyncSession&) = delete;
  AsyncSession& operator=(const AsyncSession&) = delete;

  /// @param host   numeric, or the name itself where TLS must verify it (then a name look-up may block)
  /// @param label  sent as connection attribute "repld_session", to find the session on the server
  Progress connect(const Endpoint& endpoint, const std::string& host, bool tls, const std::string& label,
                   std::string_view initial_statement);
  /// Only while Idle.
  Progress query(std::string_view sql);
  /// @param ready  epoll events
  Progress resume(std::uint32_t ready);
  /// Gives the session up. What was sent may still run on the server.
  void close();

  State state() const { return state_; }
  /// -1 when there is none.
  int socket() const;
  /// The epoll events to wait for.
  std::uint32_t wanted() const { return wanted_; }

  const Rows& rows() const { return rows_; }
  unsigned error_number() const { return error_number_; }
  const std::string& error_text() const { return error_text_; }
  /// The session's id on the server; 0 before the server's greeting.
  std::uint64_t server_thread() const;

 private:
  struct Handle;
  Progress after_connect();
  Progress after_query();
  Progress store();
  Progress wait_for(int events);
  Progress failed(Moment moment);

  enum class Call { None, Connect, Query, Store };
  std::unique_ptr<Handle> handle_;
  State state_ = State::Closed;
  Call call_ = Call::None;
  std::uint32_t wanted_ = 0;
  std::string statement_;  // must outlive the call
  Rows rows_;
  unsigned error_number_ = 0;
  std::string error_text_;
};

}  // namespace repl::mysql

// A session that is kept blocked in a query on one server: when the process dies, the kernel closes the socket and the
// read returns. A hint only, and it comes late for big servers (memory is unmapped before sockets are closed).
#pragma once

#include <functional>
#include <memory>

#include "mysql/async_session.hpp"
#include "mysql/counters.hpp"
#include "mysql/event_loop.hpp"

namespace repl::mysql {

/// How to reach a node now.
struct Route {
  std::string host;  ///< "" while the name is not resolved.
  bool tls = false;
};

/// The loop's thread only.
class Sentinel {
 public:
  /// @param on_broken  called on the loop's thread each time the blocked session breaks
  Sentinel(EventLoop& loop, Endpoint endpoint, std::function<Route()> route, std::shared_ptr<SessionCounters> counters,
           std::function<void()> on_broken);
  ~Sentinel();

 private:
  void connect();
  void block();
  void advance(AsyncSession::Progress progress);
  void refused();
  void give_up();
  void on_timer();
  void retry_later();

  Endpoint endpoint_;
  std::function<Route()> route_;
  std::shared_ptr<SessionCounters> counters_;
  std::function<void()> on_broken_;
  AsyncSession session_;
  IoWatch io_;
  Timer timer_;
  bool blocked_ = false;
};

}  // namespace repl::mysql

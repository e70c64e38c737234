// One thread that waits for sockets, points in time and posted work: the engine of the watcher.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mysql/endpoint.hpp"

namespace repl::mysql {

class IoWatch;
class Timer;

/// In one round, sockets come before posted work and that before timers: an answer that is there counts, even if the
/// thread got to run only after the deadline.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();  ///< Ends the thread; posted work that did not run yet is dropped.
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Thread-safe. Runs `work` on the loop's thread, soon, in the order of posting.
  void post(std::function<void()> work);
  /// Thread-safe. As post(), and waits until it has run. On the loop's own thread it runs at once.
  void run(const std::function<void()>& work);
  /// Thread-safe. Runs `work` on the loop's thread once `when` has come.
  void call_at(Deadline when, std::function<void()> work);
  bool on_loop_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  friend class IoWatch;
  friend class Timer;
  void loop();
  int milliseconds_to_next_timer() const;
  void run_posted();
  void run_timers();

  int epoll_ = -1;
  int wake_up_ = -1;  // eventfd
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_

  // The loop's thread only.
  std::unordered_map<std::uint64_t, IoWatch*> watches_;
  std::uint64_t next_watch_ = 1;
  std::set<std::pair<Deadline, Timer*>> timers_;
  std::multimap<Deadline, std::function<void()>> calls_;

  std::thread thread_;
};

/// Interest in one socket. The loop's thread only.
class IoWatch {
 public:
  IoWatch(EventLoop& loop, std::function<void(std::uint32_t)> on_ready);
  ~IoWatch();
  IoWatch(const IoWatch&) = delete;
  IoWatch& operator=(const IoWatch&) = delete;

  /// @param events  epoll events
  /// @param may_be_new  the socket may have been closed and another opened under the same number
  void want(int socket, std::uint32_t events, bool may_be_new);
  /// Call it when the socket is closed, before another may get its number.
  void none();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  std::function<void(std::uint32_t)> on_ready_;
  std::uint64_t id_ = 0;  // 0: not registered
  int socket_ = -1;
  std::uint32_t events_ = 0;
};

/// One point in time at most. The loop's thread only.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> on_due);
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Replaces the point in time set before.
  void at(Deadline when);
  void cancel();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  std::function<void()> on_due_;
  Deadline when_{};
  bool set_ = false;
};

}  // namespace repl::mysql

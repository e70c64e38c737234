// A line of tasks, run one after the other on a thread that exists only while there is something to do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace repl::mysql {

/// Thread-safe. Must not be destroyed by a task of its own.
class Worker {
 public:
  Worker() = default;
  ~Worker();  ///< Drops the tasks that did not start and waits for those that did.
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The thread is started when there is none, and ends after a minute without tasks.
  void post(std::function<void()> task);
  /// The running task is stuck in a call: those behind it go on on a new thread.
  void abandon();

 private:
  struct Line {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> tasks;
    bool closed = false;  ///< No more tasks.
    bool ended = false;   ///< The thread is about to return.
  };
  struct Run {
    std::shared_ptr<Line> line;
    std::thread thread;
  };
  static void run(const std::shared_ptr<Line>& line);
  void start(std::deque<std::function<void()>> tasks);
  void join_ended();

  std::mutex mutex_;
  Run now_;                  // guarded by mutex_
  std::vector<Run> former_;  // guarded by mutex_
};

}  // namespace repl::mysql

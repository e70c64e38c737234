// Threads on demand.
#include "mysql/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace repl::mysql {
namespace {

constexpr std::chrono::seconds kIdleFor{60};

}  // namespace

Worker::~Worker() {
  const std::lock_guard lock{mutex_};
  if (now_.line) former_.push_back(std::move(now_));
  for (auto& run : former_) {
    {
      const std::lock_guard line_lock{run.line->mutex};
      run.line->closed = true;
      run.line->tasks.clear();
    }
    run.line->changed.notify_all();
    run.thread.join();
  }
}

void Worker::post(std::function<void()> task) {
  const std::lock_guard lock{mutex_};
  if (now_.line) {
    const std::lock_guard line_lock{now_.line->mutex};
    if (!now_.line->ended) {
      now_.line->tasks.push_back(std::move(task));
      now_.line->changed.notify_all();
      return;
    }
  }
  std::deque<std::function<void()>> tasks;
  tasks.push_back(std::move(task));
  start(std::move(tasks));
}

void Worker::abandon() {
  const std::lock_guard lock{mutex_};
  if (!now_.line) return;
  std::deque<std::function<void()>> waiting;
  {
    const std::lock_guard line_lock{now_.line->mutex};
    waiting.swap(now_.line->tasks);
    now_.line->closed = true;
  }
  now_.line->changed.notify_all();
  if (!waiting.empty()) return start(std::move(waiting));
  former_.push_back(std::exchange(now_, {}));
}

void Worker::start(std::deque<std::function<void()>> tasks) {
  if (now_.line) former_.push_back(std::exchange(now_, {}));
  join_ended();
  now_.line = std::make_shared<Line>();
  now_.line->tasks = std::move(tasks);
  now_.thread = std::thread{[line = now_.line] { run(line); }};
}

void Worker::join_ended() {
  const auto first = std::partition(former_.begin(), former_.end(), [](const Run& run) {
    const std::lock_guard line_lock{run.line->mutex};
    return !run.line->ended;
  });
  std::for_each(first, former_.end(), [](Run& run) { run.thread.join(); });
  former_.erase(first, former_.end());
}

void Worker::run(const std::shared_ptr<Line>& line) {
  pthread_setname_np(pthread_self(), "node");
  std::unique_lock lock{line->mutex};
  while (true) {
    line->changed.wait_for(lock, kIdleFor, [&] { return line->closed || !line->tasks.empty(); });
    if (line->tasks.empty()) break;
    const auto task = std::move(line->tasks.front());
    line->tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
  line->ended = true;
}

}  // namespace repl::mysql

// The loop on epoll and an eventfd.
#include "mysql/event_loop.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <future>
#include <system_error>

namespace repl::mysql {
namespace {

constexpr std::uint64_t kWakeUp = 0;  // the token of the eventfd; watches count from 1

}  // namespace

EventLoop::EventLoop() : epoll_{epoll_create1(EPOLL_CLOEXEC)}, wake_up_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeUp;
  if (epoll_ < 0 || wake_up_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_up_, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot create the event loop");
  }
  thread_ = std::thread{[this] { loop(); }};
}

EventLoop::~EventLoop() {
  stopping_ = true;
  post([] {});
  thread_.join();
  close(wake_up_);
  close(epoll_);
}

void EventLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock{mutex_};
    posted_.push_back(std::move(work));
    if (posted_.size() > 1) return;  // woken already
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_up_, &one, sizeof one);  // full means: it will wake up
}

void EventLoop::run(const std::function<void()>& work) {
  if (on_loop_thread()) return work();
  std::promise<void> done;
  post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void EventLoop::call_at(Deadline when, std::function<void()> work) {
  post([this, when, work = std::move(work)]() mutable { calls_.emplace(when, std::move(work)); });
}

int EventLoop::milliseconds_to_next_timer() const {
  auto next = Deadline::max();
  if (!timers_.empty()) next = timers_.begin()->first;
  if (!calls_.empty()) next = std::min(next, calls_.begin()->first);
  if (next == Deadline::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void EventLoop::loop() {
  pthread_setname_np(pthread_self(), "watcher");
  std::array<epoll_event, 64> ready{};
  while (!stopping_) {
    const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), milliseconds_to_next_timer());
    for (int i = 0; i < count; ++i) {
      const auto& event = ready[static_cast<std::size_t>(i)];
      if (event.data.u64 == kWakeUp) {
        std::uint64_t times = 0;
        [[maybe_unused]] const auto got = read(wake_up_, &times, sizeof times);
        continue;
      }
      // A watch that an earlier event of this round has dropped is not found any more.
      const auto watch = watches_.find(event.data.u64);
      if (watch != watches_.end()) watch->second->on_ready_(event.events);
    }
    run_posted();
    run_timers();
  }
}

void EventLoop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock{mutex_};
    work.swap(posted_);
  }
  for (const auto& w : work) w();
}

void EventLoop::run_timers() {
  const auto now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto* const timer = timers_.begin()->second;
    timer->cancel();
    timer->on_due_();
  }
  while (!calls_.empty() && calls_.begin()->first <= now) {
    const auto call = calls_.extract(calls_.begin());
    call.mapped()();
  }
}

IoWatch::IoWatch(EventLoop& loop, std::function<void(std::uint32_t)> on_ready)
    : loop_{loop}, on_ready_{std::move(on_ready)} {}

IoWatch::~IoWatch() {
  none();
}

void IoWatch::want(int socket, std::uint32_t events, bool may_be_new) {
  if (id_ != 0 && socket != socket_) none();
  if (id_ != 0 && events == events_ && !may_be_new) return;
  const bool registered = id_ != 0;
  if (!registered) {
    id_ = loop_.next_watch_++;
    loop_.watches_.emplace(id_, this);
  }
  socket_ = socket;
  events_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id_;
  const int first = registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(loop_.epoll_, first, socket, &event) != 0) {
    const int second = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    epoll_ctl(loop_.epoll_, second, socket, &event);
  }
}

void IoWatch::none() {
  if (id_ == 0) return;
  epoll_ctl(loop_.epoll_, EPOLL_CTL_DEL, socket_, nullptr);  // fails when the socket is closed, which is as good
  loop_.watches_.erase(id_);
  id_ = 0;
  socket_ = -1;
}

Timer::Timer(EventLoop& loop, std::function<void()> on_due) : loop_{loop}, on_due_{std::move(on_due)} {}

void Timer::at(Deadline when) {
  if (set_ && when == when_) return;
  cancel();
  when_ = when;
  set_ = true;
  loop_.timers_.emplace(when, this);
}

void Timer::cancel() {
  if (!set_) return;
  loop_.timers_.erase({when_, this});
  set_ = false;
}

}  // namespace repl::mysql

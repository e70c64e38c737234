// Host names to numeric addresses on a thread of its own, for getaddrinfo() waits and the event loop must not.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace repl::mysql {

/// Thread-safe. One look-up at a time: a slow name server delays the first connection to other *named* hosts, never a
/// session that exists, a numeric host or a name looked up before (that answer is used while a fresh one is fetched).
class Resolver {
 public:
  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Numeric addresses of `host`. Empty: not known yet; then, or when what is known is old, a look-up is started, and
  /// `on_answer` is called on the resolver's thread when the first answer or failure is there.
  std::vector<std::string> addresses(const std::string& host, std::function<void()> on_answer);

 private:
  struct Entry {
    std::vector<std::string> addresses;
    std::chrono::steady_clock::time_point asked{};
    bool under_way = false;
    std::vector<std::function<void()>> waiting;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::map<std::string, Entry> entries_;
  std::deque<std::string> queue_;
  std::thread thread_;  // started with the first name
};

}  // namespace repl::mysql

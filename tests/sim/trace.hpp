// What happened in a run, line by line, for people. Kept only when asked for: a run is replayed from its seed.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "sim/event_queue.hpp"

namespace repl::sim {

class Trace {
 public:
  explicit Trace(const EventQueue& events) : events_(&events) {}

  void keep(bool on) { on_ = on; }
  bool on() const { return on_; }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    if (!on_) return;
    const auto since = std::chrono::duration<double>(events_->now() - kStart).count();
    lines_.push_back(fmt::format("{:11.6f}  ", since) + fmt::format(format, std::forward<Args>(args)...));
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  const EventQueue* events_;
  bool on_ = false;
  std::vector<std::string> lines_;
};

}  // namespace repl::sim

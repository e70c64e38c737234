// The heap behind virtual time.
#include "sim/event_queue.hpp"

#include <algorithm>

namespace repl::sim {

void EventQueue::at(Time when, Action action) {
  heap_.push_back({std::max(when, now_), added_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool EventQueue::run_one(Time limit) {
  if (heap_.empty() || heap_.front().when > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  auto event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.when;
  ++run_;
  event.action();
  return true;
}

}  // namespace repl::sim

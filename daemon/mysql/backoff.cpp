// Backoff and breaker.
#include "mysql/backoff.hpp"

#include <algorithm>

namespace repl::mysql {
namespace {

constexpr std::chrono::milliseconds kFirst{100};
constexpr std::chrono::milliseconds kLongestPause{10'000};
// A trial whose outcome was never reported must not keep the breaker shut for good.
constexpr std::chrono::seconds kTrialLimit{15};

}  // namespace

std::chrono::milliseconds backoff(int attempt, double chance) {
  constexpr int kDoublings = 7;  // 12.8 s, more than the longest
  const auto whole = std::min(kLongestPause, kFirst * (1 << std::clamp(attempt - 1, 0, kDoublings)));
  return whole / 2 + std::chrono::duration_cast<std::chrono::milliseconds>(chance * (whole / 2));
}

bool CircuitBreaker::admits(Deadline now) {
  if (!is_open()) return true;
  if (now < retry_at_) return false;
  retry_at_ = now + kTrialLimit;
  return true;
}

void CircuitBreaker::succeeded() {
  failures_ = 0;
}

void CircuitBreaker::failed(Deadline now, double chance) {
  ++failures_;
  if (is_open()) retry_at_ = now + backoff(failures_ - kFailures + 1, chance);
}

}  // namespace repl::mysql

// Connect, block, block again; tell when it breaks.
#include "mysql/sentinel.hpp"

#include <fmt/format.h>

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectLimit = 2s;
constexpr auto kRetry = 1s;
constexpr auto kSleep = 30s;
// A session that does not come back from its sleep was cut off without notice, and would never break.
constexpr auto kOversleep = 15s;

Deadline in(std::chrono::milliseconds d) {
  return std::chrono::steady_clock::now() + d;
}

}  // namespace

Sentinel::Sentinel(EventLoop& loop, Endpoint endpoint, std::function<Route()> route,
                   std::shared_ptr<SessionCounters> counters, std::function<void()> on_broken)
    : endpoint_{std::move(endpoint)},
      route_{std::move(route)},
      counters_{std::move(counters)},
      on_broken_{std::move(on_broken)},
      io_{loop, [this](std::uint32_t ready) { advance(session_.resume(ready)); }},
      timer_{loop, [this] { on_timer(); }} {
  connect();
}

Sentinel::~Sentinel() {
  if (blocked_) --counters_->open;
}

void Sentinel::connect() {
  const auto route = route_();
  if (route.host.empty() || !endpoint_.secret_problem.empty()) return retry_later();
  timer_.at(in(kConnectLimit));
  // Without this a slow query log gets a line at every turn.
  advance(session_.connect(endpoint_, route.host, route.tls, "sentinel", "SET SESSION long_query_time=31536000"));
}

void Sentinel::block() {
  timer_.at(in(kSleep + kOversleep));
  advance(session_.query(fmt::format("DO SLEEP({})", kSleep.count())));
}

void Sentinel::advance(AsyncSession::Progress progress) {
  switch (progress) {
    case AsyncSession::Progress::Waiting:
      io_.want(session_.socket(), session_.wanted(), session_.state() == AsyncSession::State::Connecting);
      return;
    case AsyncSession::Progress::Done:
      if (!blocked_) {
        blocked_ = true;
        ++counters_->opened;
        ++counters_->open;
      }
      return block();
    case AsyncSession::Progress::Failed:
      if (session_.state() == AsyncSession::State::Idle) return refused();
      return retry_later();
  }
}

void Sentinel::refused() {
  constexpr unsigned kQueryInterrupted = 1317;
  if (session_.error_number() == kQueryInterrupted) return block();
  give_up();
  timer_.at(in(kRetry));
}

void Sentinel::give_up() {
  if (blocked_) --counters_->open;
  blocked_ = false;
  io_.none();
  session_.close();
}

void Sentinel::on_timer() {
  give_up();
  connect();
}

void Sentinel::retry_later() {
  io_.none();
  timer_.at(in(kRetry));
  if (!blocked_) return;
  blocked_ = false;
  --counters_->open;
  ++counters_->lost;
  on_broken_();
}

}  // namespace repl::mysql

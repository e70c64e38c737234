// The pool, and who may operate.
#include "mysql/node_mysql.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr int kConnectAttempts = 3;
constexpr auto kTrustedFor = 2s;  // a session used so recently needs no check of its health
constexpr std::size_t kOwnIdsKept = 32;
constexpr const char* kWaitsForAck = "Waiting for semi-sync ACK from replica";

bool worth_another_try(ErrorCode code) {
  return code == ErrorCode::ConnectionLost;
}

}  // namespace

void wait_within(const Call& call, std::chrono::milliseconds pause) {
  const auto end = steady_clock::now() + pause;
  while (!call.is_over() && steady_clock::now() < end) {
    std::this_thread::sleep_until(std::min(end, steady_clock::now() + 10ms));
  }
}

NodeMySQL::NodeMySQL(NodeId node, Endpoint endpoint, std::shared_ptr<NodeCounters> counters)
    : node_{std::move(node)},
      counters_{std::move(counters)},
      endpoint_{std::move(endpoint)},
      tls_{wants_tls(endpoint_.tls, endpoint_.address)} {}

Endpoint NodeMySQL::endpoint() const {
  const std::lock_guard lock{mutex_};
  return endpoint_;
}

void NodeMySQL::set_endpoint(const Endpoint& endpoint) {
  std::array<std::unique_ptr<Session>, kPurposes> dropped;
  const std::lock_guard lock{mutex_};
  if (endpoint == endpoint_) return;
  endpoint_ = endpoint;
  tls_ = wants_tls(endpoint.tls, endpoint.address);
  breaker_.succeeded();
  for (std::size_t i = 0; i < kPurposes; ++i) {
    ++slots_[i].round;
    dropped[i] = std::move(slots_[i].idle);
  }
}

void NodeMySQL::note_alive() {
  const std::lock_guard lock{mutex_};
  breaker_.succeeded();
  counters_->breaker_open = false;
}

void NodeMySQL::close_idle() {
  std::array<std::unique_ptr<Session>, kPurposes> dropped;
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < kPurposes; ++i) dropped[i] = std::move(slots_[i].idle);
}

void NodeMySQL::give_up(Purpose purpose) {
  const std::lock_guard lock{mutex_};
  auto& slot = slots_[static_cast<std::size_t>(purpose)];
  ++slot.round;
  slot.lent = false;
}

bool NodeMySQL::is_warm(Purpose purpose) const {
  const std::lock_guard lock{mutex_};
  const auto& slot = slots_[static_cast<std::size_t>(purpose)];
  return slot.idle != nullptr || slot.lent;
}

void NodeMySQL::give_back(Purpose purpose, std::uint64_t round, std::unique_ptr<Session> session) {
  const std::lock_guard lock{mutex_};
  auto& slot = slots_[static_cast<std::size_t>(purpose)];
  if (slot.round != round) return;
  slot.lent = false;
  if (!session->lost() && purpose != Purpose::Look) slot.idle = std::move(session);
}

void NodeMySQL::not_given(Purpose purpose, std::uint64_t round) {
  const std::lock_guard lock{mutex_};
  auto& slot = slots_[static_cast<std::size_t>(purpose)];
  if (slot.round == round) slot.lent = false;
}

double NodeMySQL::chance() {
  const std::lock_guard lock{mutex_};
  return std::uniform_real_distribution{0.0, 1.0}(random_);
}

void NodeMySQL::connected() {
  note_alive();
}

void NodeMySQL::failed_to_connect() {
  const double c = chance();
  const std::lock_guard lock{mutex_};
  breaker_.failed(steady_clock::now(), c);
  counters_->breaker_open = breaker_.is_open();
}

Result<NodeMySQL::Lease> NodeMySQL::borrow(Purpose purpose, const Call& call, Control control) {
  std::unique_ptr<Session> kept;
  std::uint64_t round = 0;
  {
    const std::lock_guard lock{mutex_};
    auto& slot = slots_[static_cast<std::size_t>(purpose)];
    if (!slot.idle && !breaker_.admits(steady_clock::now())) {
      return fail(
          ErrorCode::BreakerOpen,
          "{}: not tried, the last {} attempts to connect to {} failed; the next one is let through in {} ms", node_,
          CircuitBreaker::kFailures, to_string(endpoint_.address),
          std::chrono::duration_cast<std::chrono::milliseconds>(breaker_.closed_until() - steady_clock::now()).count());
    }
    kept = std::move(slot.idle);
    slot.lent = true;
    round = slot.round;
  }
  auto session = ready_session(purpose, call, control, std::move(kept));
  if (session) return Lease{*this, purpose, round, std::move(*session)};
  not_given(purpose, round);
  return tl::unexpected(std::move(session.error()));
}

Result<std::unique_ptr<Session>> NodeMySQL::ready_session(Purpose purpose, const Call& call, Control control,
                                                          std::unique_ptr<Session> kept) {
  if (kept) {
    const auto healthy = check(purpose, *kept, call, control);
    if (healthy) return kept;
    if (!kept->lost()) return tl::unexpected(healthy.error());
    kept.reset();
  }
  return open(purpose, call, control);
}

Result<std::unique_ptr<Session>> NodeMySQL::open(Purpose purpose, const Call& call, Control control) {
  for (int attempt = 1;; ++attempt) {
    auto session = open_once(call);
    if (session) {
      connected();
      if (!needs_control(purpose, control)) return session;
      const auto taken = take_control(**session, call);
      if (taken) return session;
      session = tl::unexpected(taken.error());
    } else if (session.error().code != ErrorCode::SecretUnavailable) {
      failed_to_connect();
    }
    if (!worth_another_try(session.error().code) || attempt == kConnectAttempts || call.is_over()) return session;
    wait_within(call, backoff(attempt, chance()));
  }
}

bool NodeMySQL::needs_control(Purpose purpose, Control control) const {
  if (purpose != Purpose::Operate) return false;
  const std::lock_guard lock{mutex_};
  return control == Control::Take || held_control_;
}

Result<std::unique_ptr<Session>> NodeMySQL::open_apart(const Call& call, std::chrono::seconds read_timeout) {
  return open_once(call, read_timeout);
}

Result<std::unique_ptr<PatientSession>> NodeMySQL::open_patient(const Call& call) {
  const auto way = route();
  return PatientSession::open(call, way.endpoint, way.tls, session_counters());
}

NodeMySQL::Route NodeMySQL::route() const {
  const std::lock_guard lock{mutex_};
  return {endpoint_, tls_};
}

/// Not a make_shared of its own: the counters of sessions are part of the node's.
std::shared_ptr<SessionCounters> NodeMySQL::session_counters() const {
  return {counters_, &counters_->sessions};
}

Result<std::unique_ptr<Session>> NodeMySQL::open_once(const Call& call, std::chrono::seconds read_timeout) {
  const auto way = route();
  auto session = Session::open(call, way.endpoint, way.tls, session_counters(), read_timeout);
  if (session || session.error().code != ErrorCode::AccessDenied || way.endpoint.tls.mode != TlsMode::Preferred) {
    return session;
  }
  // The server has no TLS, or the account must use it.
  auto other = Session::open(call, way.endpoint, !way.tls, session_counters(), read_timeout);
  if (!other) return session;
  const std::lock_guard lock{mutex_};
  tls_ = !way.tls;
  return other;
}

Result<void> NodeMySQL::check(Purpose purpose, Session& session, const Call& call, Control control) {
  if (!needs_control(purpose, control)) {
    if (steady_clock::now() - session.last_used() < kTrustedFor) return {};
    return session.execute(call, "DO 1");
  }
  // The health check and the guarantee that nobody else operates the server are the same query.
  const auto holder = session.value(call, fmt::format("SELECT IS_USED_LOCK('{}')", kControlLock));
  if (!holder) return tl::unexpected(holder.error());
  if (*holder == std::to_string(session.id())) return {};
  return take_control(session, call);
}

Result<void> NodeMySQL::take_control(Session& session, const Call& call) {
  const auto got = session.value(call, fmt::format("SELECT GET_LOCK('{}', 0)", kControlLock));
  if (!got) return tl::unexpected(got.error());
  if (*got != "1") {
    const auto holder = session.value(call, fmt::format("SELECT IS_USED_LOCK('{}')", kControlLock));
    if (!holder) return tl::unexpected(holder.error());
    if (const auto taken = take_over(session, call, holder->value_or("")); !taken) return taken;
  }
  const std::lock_guard lock{mutex_};
  held_control_ = true;
  own_ids_.push_back(std::to_string(session.id()));
  if (own_ids_.size() > kOwnIdsKept) own_ids_.pop_front();
  return {};
}

Result<void> NodeMySQL::take_over(Session& session, const Call& call, const std::string& holder) {
  if (!holder.empty()) {
    {
      const std::lock_guard lock{mutex_};
      const bool ours = std::find(own_ids_.begin(), own_ids_.end(), holder) != own_ids_.end();
      // Once, at the start, a repld takes the place of the one before. After that, who takes it from us is the new one.
      if (held_control_ && !ours) {
        return fail(ErrorCode::SessionSuperseded,
                    "{}: another repld operates this server (session {} holds the lock '{}'). Stop one of the two.",
                    node_, holder, kControlLock);
      }
    }
    spdlog::info("{}: session {} holds the control lock, killing it", node_, holder);
    constexpr unsigned kNoSuchThread = 1094;
    const auto killed = session.execute(call, "KILL " + holder);
    if (!killed && session.last_error() != kNoSuchThread) return killed;
  }
  // A commit that waits for an acknowledgement does not end when it is killed, and keeps its locks. Its client is gone
  // and it has nothing left to do but to return, so it cannot disturb what we do.
  const auto state = session.value(
      call, fmt::format("SELECT PROCESSLIST_STATE FROM performance_schema.threads WHERE PROCESSLIST_ID={}",
                        holder.empty() ? "0" : holder));
  if (!state) return tl::unexpected(state.error());
  if (*state == kWaitsForAck) return {};
  const auto got = session.value(call, fmt::format("SELECT GET_LOCK('{}', 2)", kControlLock));
  if (!got) return tl::unexpected(got.error());
  if (*got == "1") return {};
  return fail(ErrorCode::Conflict,
              "{}: session {} was killed and still holds the control lock (state: {}). What it does must end first.",
              node_, holder, state->value_or("unknown"));
}

}  // namespace repl::mysql

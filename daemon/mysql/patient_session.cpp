// Waiting in slices, with an eye on the call.
#include "mysql/patient_session.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>

#include "mysql/errors.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kWaitSlice = 50ms;
constexpr auto kLoginLimit = 5s;

/// The epoll events that came within a slice; 0: none.
std::uint32_t wait_for(int socket, std::uint32_t wanted) {
  pollfd fd{socket, 0, 0};
  if ((wanted & EPOLLIN) != 0) fd.events |= POLLIN;
  if ((wanted & EPOLLOUT) != 0) fd.events |= POLLOUT;
  if ((wanted & EPOLLPRI) != 0) fd.events |= POLLPRI;
  if (::poll(&fd, 1, static_cast<int>(kWaitSlice.count())) <= 0) return 0;
  std::uint32_t ready = 0;
  if ((fd.revents & POLLIN) != 0) ready |= EPOLLIN;
  if ((fd.revents & POLLOUT) != 0) ready |= EPOLLOUT;
  if ((fd.revents & POLLPRI) != 0) ready |= EPOLLPRI;
  if ((fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) ready |= EPOLLHUP;
  return ready;
}

}  // namespace

PatientSession::PatientSession(std::shared_ptr<SessionCounters> counters) : counters_{std::move(counters)} {
  ++counters_->opened;
  ++counters_->open;
}

PatientSession::~PatientSession() {
  --counters_->open;
  if (lost()) ++counters_->lost;
}

Result<std::unique_ptr<PatientSession>> PatientSession::open(const Call& call, const Endpoint& endpoint, bool tls,
                                                             std::shared_ptr<SessionCounters> counters) {
  if (!endpoint.secret_problem.empty())
    return fail(ErrorCode::SecretUnavailable, "{}: {}", call.node, endpoint.secret_problem);
  Call connecting = call;
  connecting.deadline = std::min(call.deadline, steady_clock::now() + kLoginLimit);
  std::unique_ptr<PatientSession> session{new PatientSession{std::move(counters)}};
  const auto progress = session->session_.connect(endpoint, endpoint.address.host, tls, "patient",
                                                  fmt::format("{}, sql_log_bin=0", kSessionSettings));
  const Statement what{fmt::format("logging in to {} as '{}'", to_string(endpoint.address), endpoint.user),
                       {endpoint.password}};
  if (auto ready = session->finish(connecting, progress, what, Moment::Connecting); !ready) {
    return tl::unexpected(ready.error());
  }
  session->id_ = session->session_.server_thread();
  return session;
}

Result<void> PatientSession::finish(const Call& call, AsyncSession::Progress progress, const Statement& what,
                                    Moment moment) {
  const auto shown = [&] { return without_secrets(what.text, what.secrets); };
  while (progress == AsyncSession::Progress::Waiting) {
    if (call.is_over()) {
      session_.close();
      return fail(ErrorCode::DeadlineExceeded, "{}: {}: not waited for any longer", call.node, shown());
    }
    const auto ready = wait_for(session_.socket(), session_.wanted());
    if (ready != 0) progress = session_.resume(ready);
  }
  if (progress == AsyncSession::Progress::Done) {
    in_doubt_ = false;
    last_error_ = 0;
    return {};
  }
  last_error_ = session_.error_number();
  in_doubt_ = in_doubt_ && lost();
  const auto text = without_secrets(session_.error_text(), what.secrets);
  return fail(error_code_of(last_error_, text, moment), "{}: {}: {} ({})", call.node, shown(), text, last_error_);
}

Result<void> PatientSession::execute(const Call& call, const Statement& statement) {
  if (lost()) return fail(ErrorCode::ConnectionLost, "{}: the session is lost", call.node);
  if (call.is_over()) {
    return fail(ErrorCode::DeadlineExceeded, "{}: no time left for: {}", call.node,
                without_secrets(statement.text, statement.secrets));
  }
  in_doubt_ = true;
  return finish(call, session_.query(statement.text), statement, Moment::Established);
}

Result<Field> PatientSession::value(const Call& call, const Statement& statement) {
  if (auto done = execute(call, statement); !done) return tl::unexpected(done.error());
  const auto& rows = session_.rows();
  return rows.empty() || rows.front().empty() ? Field{} : rows.front().front();
}

}  // namespace repl::mysql

// The chain connect -> query -> store result of libmariadb's _start/_cont calls.
#include "mysql/async_session.hpp"

#include <fcntl.h>
#include <mariadb/mysql.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cassert>

namespace repl::mysql {
namespace {

/// After a TLS handshake the library leaves its socket in blocking mode, and reads from it as if it were not: a query
/// that is not answered would hold up the loop. Tried with 3.3.20.
void never_block(int socket) {
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
}

/// For what the library reads right after the handshake, before it lets go of the call.
void hardly_block(int socket) {
  const timeval limit{0, 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int library_events(std::uint32_t ready) {
  int events = 0;
  // A hang-up is something to read: the library then finds the end of the stream and says so.
  if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) events |= MYSQL_WAIT_READ;
  if ((ready & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) events |= MYSQL_WAIT_WRITE;
  if ((ready & EPOLLPRI) != 0) events |= MYSQL_WAIT_EXCEPT;
  return events;
}

std::uint32_t epoll_events(int library) {
  std::uint32_t events = 0;
  if ((library & MYSQL_WAIT_READ) != 0) events |= EPOLLIN;
  if ((library & MYSQL_WAIT_WRITE) != 0) events |= EPOLLOUT;
  if ((library & MYSQL_WAIT_EXCEPT) != 0) events |= EPOLLPRI;
  return events;
}

}  // namespace

struct AsyncSession::Handle {
  MYSQL mysql{};
  MYSQL* connected = nullptr;
  MYSQL_RES* result = nullptr;
  int query_failed = 0;
  // The library keeps pointers to these until connect is done.
  std::string host, user, password;
};

AsyncSession::AsyncSession() = default;
AsyncSession::~AsyncSession() {
  close();
}

int AsyncSession::socket() const {
  return handle_ ? static_cast<int>(mysql_get_socket(&handle_->mysql)) : -1;
}

std::uint64_t AsyncSession::server_thread() const {
  return handle_ ? mysql_thread_id(&handle_->mysql) : 0;
}

void AsyncSession::close() {
  if (handle_) {
    if (handle_->result != nullptr) mysql_free_result(handle_->result);
    mysql_close(&handle_->mysql);  // of a call under way it waits for nothing
  }
  handle_.reset();
  state_ = State::Closed;
  call_ = Call::None;
  wanted_ = 0;
}

AsyncSession::Progress AsyncSession::connect(const Endpoint& endpoint, const std::string& host, bool tls,
                                             const std::string& label, std::string_view initial_statement) {
  close();
  handle_ = std::make_unique<Handle>();
  handle_->host = host;
  handle_->user = endpoint.user;
  handle_->password = endpoint.password;
  MYSQL* mysql = &handle_->mysql;
  mysql_init(mysql);
  const std::size_t stack = 128 * 1024;  // of the library's coroutine: twice the default, for name look-ups and TLS
  mysql_options(mysql, MYSQL_OPT_NONBLOCK, &stack);
  const unsigned protocol = MYSQL_PROTOCOL_TCP;  // "localhost" would mean a Unix socket otherwise
  mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "repld");
  mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "repld_session", label.c_str());
  if (!initial_statement.empty()) mysql_options(mysql, MYSQL_INIT_COMMAND, std::string{initial_statement}.c_str());
  if (tls) {
    const my_bool yes = 1;
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (!endpoint.tls.ca.empty()) mysql_options(mysql, MYSQL_OPT_SSL_CA, endpoint.tls.ca.c_str());
    if (endpoint.tls.mode == TlsMode::VerifyIdentity) mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
  state_ = State::Connecting;
  call_ = Call::Connect;
  const int events = mysql_real_connect_start(&handle_->connected, mysql, handle_->host.c_str(), handle_->user.c_str(),
                                              handle_->password.c_str(), nullptr, endpoint.address.port, nullptr, 0);
  return events != 0 ? wait_for(events) : after_connect();
}

AsyncSession::Progress AsyncSession::query(std::string_view sql) {
  assert(state_ == State::Idle);
  statement_ = sql;
  rows_.clear();
  state_ = State::Busy;
  call_ = Call::Query;
  const int events =
      mysql_real_query_start(&handle_->query_failed, &handle_->mysql, statement_.data(), statement_.size());
  return events != 0 ? wait_for(events) : after_query();
}

AsyncSession::Progress AsyncSession::resume(std::uint32_t ready) {
  const int happened = library_events(ready);
  switch (call_) {
    case Call::Connect: {
      const int events = mysql_real_connect_cont(&handle_->connected, &handle_->mysql, happened);
      return events != 0 ? wait_for(events) : after_connect();
    }
    case Call::Query: {
      const int events = mysql_real_query_cont(&handle_->query_failed, &handle_->mysql, happened);
      return events != 0 ? wait_for(events) : after_query();
    }
    case Call::Store: {
      const int events = mysql_store_result_cont(&handle_->result, &handle_->mysql, happened);
      return events != 0 ? wait_for(events) : store();
    }
    case Call::None:
      break;
  }
  // Idle, and the server has something to say: it says goodbye.
  error_number_ = 2013;
  error_text_ = "the server closed the connection";
  close();
  return Progress::Failed;
}

AsyncSession::Progress AsyncSession::wait_for(int events) {
  if (call_ == Call::Connect) hardly_block(socket());
  never_block(socket());
  wanted_ = epoll_events(events);
  return Progress::Waiting;
}

AsyncSession::Progress AsyncSession::after_connect() {
  if (handle_->connected == nullptr) return failed(Moment::Connecting);
  never_block(socket());
  state_ = State::Idle;
  call_ = Call::None;
  wanted_ = EPOLLIN;
  return Progress::Done;
}

AsyncSession::Progress AsyncSession::after_query() {
  if (handle_->query_failed != 0) return failed(Moment::Established);
  if (mysql_field_count(&handle_->mysql) == 0) {
    state_ = State::Idle;
    call_ = Call::None;
    wanted_ = EPOLLIN;
    return Progress::Done;
  }
  call_ = Call::Store;
  const int events = mysql_store_result_start(&handle_->result, &handle_->mysql);
  return events != 0 ? wait_for(events) : store();
}

AsyncSession::Progress AsyncSession::store() {
  if (handle_->result == nullptr) return failed(Moment::Established);
  const auto fields = mysql_num_fields(handle_->result);
  while (const MYSQL_ROW row = mysql_fetch_row(handle_->result)) {
    const auto* lengths = mysql_fetch_lengths(handle_->result);
    Row& out = rows_.emplace_back(fields);
    for (unsigned i = 0; i < fields; ++i) {
      if (row[i] != nullptr) out[i].emplace(row[i], lengths[i]);
    }
  }
  mysql_free_result(handle_->result);
  handle_->result = nullptr;
  state_ = State::Idle;
  call_ = Call::None;
  wanted_ = EPOLLIN;
  return Progress::Done;
}

AsyncSession::Progress AsyncSession::failed(Moment moment) {
  error_number_ = mysql_errno(&handle_->mysql);
  error_text_ = mysql_error(&handle_->mysql);
  if (moment == Moment::Connecting || is_lost(error_number_)) {
    close();
  } else {
    state_ = State::Idle;
    call_ = Call::None;
    wanted_ = EPOLLIN;
  }
  return Progress::Failed;
}

}  // namespace repl::mysql

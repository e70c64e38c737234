// One connect() without libmariadb in between.
#include "mysql/refusal.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>

namespace repl::mysql {
namespace {

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1000));
}

/// The error of a connect() to `to`; 0: connected; EINPROGRESS: no answer in time.
int connect_error(const addrinfo& to, Deadline deadline) {
  const int fd = ::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol);
  if (fd < 0) return errno;
  int error = ::connect(fd, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  pollfd wanted{.fd = fd, .events = POLLOUT, .revents = 0};
  if (error == EINPROGRESS && ::poll(&wanted, 1, milliseconds_until(deadline)) == 1) {
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  ::close(fd);
  return error;
}

}  // namespace

bool refuses_connections(const Address& address, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all{found, ::freeaddrinfo};
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    if (connect_error(*one, deadline) != ECONNREFUSED) return false;
  }
  return true;
}

}  // namespace repl::mysql

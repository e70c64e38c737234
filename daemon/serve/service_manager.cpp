// The datagrams. Source: sd_notify(3), sd_watchdog_enabled(3).
#include "serve/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace repl::serve {
namespace {

/// The variable's value; our own children must not speak for us, so it is removed.
std::string taken_from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread is started
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  auto socket = taken_from_environment("NOTIFY_SOCKET");
  const auto interval = std::strtoll(taken_from_environment("WATCHDOG_USEC").c_str(), nullptr, 10);
  const auto watched = taken_from_environment("WATCHDOG_PID");
  const bool for_us = watched.empty() || watched == std::to_string(::getpid());
  std::optional<std::chrono::microseconds> watchdog;
  if (interval > 0 && for_us) watchdog = std::chrono::microseconds(interval);
  return {std::move(socket), watchdog};
}

void ServiceManager::send(const std::string& message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // Nobody to tell about a failure: systemd will find out by the message that is missing.
  (void)::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
}

}  // namespace repl::serve

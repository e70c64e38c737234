#include "serve/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "../temporary_directory.hpp"

namespace repl::serve {
namespace {

/// What systemd would be: the other end of the socket.
class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) != 0)
      throw std::runtime_error("cannot bind " + name);
    const timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Listener() { ::close(fd_); }

  std::string message() {
    char text[1000];
    const auto length = ::recv(fd_, text, sizeof text, 0);
    return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
  }

 private:
  int fd_;
};

TEST(ServiceManager, SendsItsStateToTheSocketThatItWasGiven) {
  const TemporaryDirectory temporary;
  for (const auto& name : {temporary / "notify", "@repl-test-" + std::to_string(::getpid())}) {
    Listener listener(name);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    const auto service = ServiceManager::from_environment();
    EXPECT_EQ(service.watchdog(), std::chrono::seconds(30));
    service.ready("answers");
    EXPECT_EQ(listener.message(), "READY=1\nSTATUS=answers");
    service.alive();
    EXPECT_EQ(listener.message(), "WATCHDOG=1");
    service.stopping();
    EXPECT_EQ(listener.message().substr(0, 10), "STOPPING=1");
    EXPECT_EQ(::getenv("NOTIFY_SOCKET"), nullptr);
  }
}

TEST(ServiceManager, IsSilentWithoutSystemd) {
  const auto service = ServiceManager::from_environment();
  EXPECT_FALSE(service.watchdog());
  service.ready("answers");
  ServiceManager("/no/such/socket", {}).alive();
}

TEST(ServiceManager, LeavesAWatchdogThatIsForAnotherProcess) {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(ServiceManager::from_environment().watchdog());
}

}  // namespace
}  // namespace repl::serve

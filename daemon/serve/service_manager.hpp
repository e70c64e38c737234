// Tells systemd how repld is (sd_notify(3)), by hand: a datagram to the socket that it named. Without one nothing is
// sent.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace repl::serve {

class ServiceManager {
 public:
  /// From NOTIFY_SOCKET and WATCHDOG_USEC, which are taken out of the environment. To be called before threads are
  /// started.
  static ServiceManager from_environment();
  ServiceManager() = default;
  ServiceManager(std::string socket, std::optional<std::chrono::microseconds> watchdog)
      : socket_(std::move(socket)), watchdog_(watchdog) {}

  void ready(const std::string& status) const { send("READY=1\nSTATUS=" + status); }
  void stopping() const { send("STOPPING=1\nSTATUS=stopping"); }
  /// Repld is alive. To be sent twice in each watchdog() interval; when it is not, systemd restarts us.
  void alive() const { send("WATCHDOG=1"); }
  /// Empty when systemd does not watch.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  void send(const std::string& message) const;

  std::string socket_;  ///< Path, or "@name" in the abstract namespace.
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace repl::serve

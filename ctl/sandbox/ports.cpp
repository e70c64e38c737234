#include "ctl/sandbox/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <string>
#include <system_error>

#include "ctl/sandbox/folders.hpp"
#include "ctl/sandbox/process.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

// Source: ip_local_port_range in ip(7), which begins at 32768 unless somebody changed it.
constexpr int kFirstPort = 20000;
constexpr int kLastPort = 32000;

fs::path registry() {
  return cache_folder() / "ports";
}

bool is_reserved(int port) {
  const auto owner = read_file(registry() / std::to_string(port));
  return owner && fs::exists(*owner);
}

bool can_be_bound(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const int on = 1;  // as mysqld does: connections that are just closing do not count
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return bound;
}

}  // namespace

Result<std::vector<std::uint16_t>> reserve_ports(int count, const fs::path& owner) {
  std::error_code error;
  fs::create_directories(registry(), error);
  if (error) return fail(ErrorCode::Internal, "cannot create {}: {}", registry().string(), error.message());
  const auto lock = FileLock::take(registry() / "lock", FileLock::Kind::Exclusive, deadline_in(30s));
  if (!lock) return tl::unexpected(lock.error());

  // Begins somewhere else each time: other programs look for free ports too, most of them upwards from a round number.
  std::random_device random;
  int port = std::uniform_int_distribution(kFirstPort, kLastPort)(random);
  std::vector<std::uint16_t> ports;
  for (int tried = kFirstPort; tried <= kLastPort && std::ssize(ports) < count; ++tried) {
    if (!is_reserved(port) && can_be_bound(port)) {
      const auto noted = write_file(registry() / std::to_string(port), owner.string(), 0600);
      if (!noted) return tl::unexpected(noted.error());
      ports.push_back(static_cast<std::uint16_t>(port));
    }
    port = port == kLastPort ? kFirstPort : port + 1;
  }
  if (std::ssize(ports) < count) {
    release_ports(ports);
    return fail(ErrorCode::Internal, "no {} free ports between {} and {} on 127.0.0.1", count, kFirstPort, kLastPort);
  }
  return ports;
}

void release_ports(const std::vector<std::uint16_t>& ports) {
  std::error_code ignored;  // a note that stays counts for nothing once the owner's folder is gone
  for (const auto port : ports) fs::remove(registry() / std::to_string(port), ignored);
}

}  // namespace repl::ctl::sandbox

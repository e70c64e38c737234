// getaddrinfo() on a thread.
#include "mysql/resolver.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>
#include <utility>

namespace repl::mysql {
namespace {

constexpr std::chrono::seconds kFresh{10};

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  return inet_pton(AF_INET, host.c_str(), buffer.data()) == 1 || inet_pton(AF_INET6, host.c_str(), buffer.data()) == 1;
}

std::vector<std::string> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<std::string> out;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return out;
  for (const auto* a = found; a != nullptr; a = a->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
      out.emplace_back(text.data());
    }
  }
  freeaddrinfo(found);
  return out;
}

}  // namespace

Resolver::Resolver() = default;

Resolver::~Resolver() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<std::string> Resolver::addresses(const std::string& host, std::function<void()> on_answer) {
  if (is_numeric(host)) return {host};
  if (host == "localhost") return {"127.0.0.1"};
  const std::lock_guard lock{mutex_};
  auto& entry = entries_[host];
  const auto now = std::chrono::steady_clock::now();
  if (entry.addresses.empty()) entry.waiting.push_back(std::move(on_answer));
  if (!entry.under_way && (entry.addresses.empty() || now - entry.asked > kFresh)) {
    entry.under_way = true;
    queue_.push_back(host);
    if (!thread_.joinable()) thread_ = std::thread{[this] { work(); }};
    changed_.notify_all();
  }
  return entry.addresses;
}

void Resolver::work() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const auto host = queue_.front();
    queue_.pop_front();
    lock.unlock();
    auto found = look_up(host);
    lock.lock();
    auto& entry = entries_[host];
    entry.under_way = false;
    entry.asked = std::chrono::steady_clock::now();
    if (!found.empty()) entry.addresses = std::move(found);  // a failed look-up does not make us forget
    const auto waiting = std::exchange(entry.waiting, {});
    lock.unlock();
    for (const auto& w : waiting) w();
    lock.lock();
  }
}

}  // namespace repl::mysql

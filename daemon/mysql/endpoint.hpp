// Where a server listens and how repld logs in.
#pragma once

#include <chrono>
#include <string>

#include "model/ids.hpp"
#include "model/spec.hpp"

namespace repl::mysql {

/// Deadlines inside mysql/ are on the steady clock; those of the controller are turned into these on arrival.
using Deadline = std::chrono::steady_clock::time_point;

struct Endpoint {
  Address address;
  std::string user;
  std::string password;
  TlsSpec tls;
  /// Why there is no password; empty when there is one. Nothing is tried without.
  std::string secret_problem;
  bool operator==(const Endpoint&) const = default;
};

}  // namespace repl::mysql

// Where a server listens and how repld logs in.
#pragma once

#include <chrono>
#include <string>

#include "model/error.hpp"
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

/// The password of the admin account of `spec`. Blocks like resolve_secret(). @errors SecretUnavailable
Result<std::string> admin_password(const Spec& spec);
/// The node as the admin account reaches it. Without a password its `secret_problem` says why.
Endpoint endpoint_for(const NodeSpec& node, const Spec& spec, const Result<std::string>& password);

}  // namespace repl::mysql

// Reads passwords from where a spec says they are.
#pragma once

#include <string>

#include "model/error.hpp"
#include "model/spec.hpp"

namespace repl::mysql {

/// The password a reference points to, without the line end of a file or a command's output. Blocks for as long as the
/// command of an `exec` reference runs, at most 5 s.
/// @errors SecretUnavailable: says which reference, never the value
Result<std::string> resolve_secret(const SecretRef& ref);

/// SHA-256 in hexadecimal: to compare a password with one that a server keeps, without sending it.
std::string sha256(const std::string& text);

struct Login {
  std::string user, password;
};

/// The account that replicas, clones and members log in with. `node` is for the error.
/// @errors PreconditionFailed: the spec names none; SecretUnavailable
Result<Login> replication_login(const NodeId& node, const Spec& spec);

}  // namespace repl::mysql

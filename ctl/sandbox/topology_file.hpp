// The topology file of a sandbox, ready for `replctl apply`, and the passwords it refers to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/spec.hpp"

namespace repl::ctl::sandbox {

enum class DataSync;

/// An account of the topology file: its key there, its user, and the file in secrets/ with its password.
struct SandboxAccount {
  std::string_view role;
  std::string_view user;
  std::string_view secret;
};

/// In the order of the file; the first exists on every server from the start, the others are repld's to create.
inline constexpr SandboxAccount kSandboxAccounts[] = {
    {.role = "admin", .user = "repl_admin", .secret = "admin"},
    {.role = "replication", .user = "repl_replica", .secret = "replica"},
    {.role = "monitoring", .user = "repl_monitor", .secret = "monitor"},
    {.role = "application", .user = "app", .secret = "app"},
};

/// `nodes`: name and port; the first is the source.
std::string topology_yaml(std::string_view cluster, const std::vector<std::pair<std::string, std::uint16_t>>& nodes,
                          DataSync sync, Positioning positioning = Positioning::Gtid);

}  // namespace repl::ctl::sandbox

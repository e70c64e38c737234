// Ports on 127.0.0.1 for servers that come and go: a port stays a sandbox's own while its server is down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "model/error.hpp"

namespace repl::ctl::sandbox {

/// Free ports, noted as `owner`'s (a folder) until they are released or the folder is gone. They lie below those that
/// the kernel hands out to outgoing connections, which could otherwise take the port of a server that is being
/// restarted.
/// @errors Internal: none left
Result<std::vector<std::uint16_t>> reserve_ports(int count, const std::filesystem::path& owner);
void release_ports(const std::vector<std::uint16_t>& ports);

}  // namespace repl::ctl::sandbox

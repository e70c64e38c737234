// Whether nobody listens at an address, asked of the system itself.
#pragma once

#include "model/ids.hpp"
#include "mysql/endpoint.hpp"

namespace repl::mysql {

/// True when a connection to `address` is refused (ECONNREFUSED) before `deadline`. False: accepted, silent,
/// unreachable or unknown. Blocking, for at most until `deadline`; looks the name up, so for the threads of sessions
/// only.
bool refuses_connections(const Address& address, Deadline deadline);

}  // namespace repl::mysql

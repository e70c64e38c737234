// Finding a topology from one of its servers: whom each follows, who follows it, who is in its group. Reads only.
#pragma once

#include <chrono>

#include "adopt/findings.hpp"
#include "model/error.hpp"

namespace repl::mysql {

/// The most that a crawl takes.
inline constexpr std::chrono::seconds kCrawlTime{60};

/// Looks at the servers of `order`, and from each on to its neighbours, until all are known. Blocks; at most
/// kCrawlTime. Replicas are found by what they report of themselves, and where they report no host by where their dump
/// threads come from. A server is the one it claims to be when its server_uuid is the expected one.
/// @errors SecretUnavailable: there is no password to log in with
Result<adopt::Findings> crawl(const adopt::Order& order);

}  // namespace repl::mysql

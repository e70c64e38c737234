// What a probe asks beside the status query of a server that does not give GTIDs to all transactions: places in binary
// logs, which no table shows. Pure; no session here.
#pragma once

#include <string>

#include "model/snapshot.hpp"
#include "mysql/rows.hpp"

namespace repl::mysql {

/// SHOW BINARY LOG STATUS, which is SHOW MASTER STATUS before 8.2.
std::string log_place_query(ServerVersion version);
inline constexpr const char* kChannelPlacesQuery = "SHOW REPLICA STATUS";

/// Fills the places and the histories that follow from them, and the lag.
/// @param status    answer to the status query, already read into `snapshot`
/// @param own       answer to log_place_query()
/// @param channels  answer to kChannelPlacesQuery; no rows where there are no channels
/// @errors Internal: a value has not the form it should have
Result<void> read_places(const Rows& status, const Rows& own, const Rows& channels, Snapshot& snapshot);

}  // namespace repl::mysql

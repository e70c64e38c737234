// What a probe asks beside the status query of a server that repld clones another one over: how far it is. Pure; no
// session here.
#pragma once

#include "model/snapshot.hpp"
#include "mysql/rows.hpp"

namespace repl::mysql {

/// Refused (1146) until the clone plugin is loaded. One row per stage in its order; none before a clone has begun and
/// once the server has come back with its new data. What was left of an earlier clone is not among them.
inline constexpr const char* kCloneProgressQuery =
    "SELECT p.STAGE, p.STATE, p.ESTIMATE, p.DATA, p.DATA_SPEED FROM performance_schema.clone_progress p "
    "JOIN performance_schema.clone_status s ON s.ID=p.ID WHERE s.STATE IN ('Not Started', 'In Progress')";

/// Empty when no clone is going on.
std::optional<CloneProgress> read_clone_progress(const Rows& rows);

}  // namespace repl::mysql

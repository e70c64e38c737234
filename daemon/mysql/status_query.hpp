// The query that a probe makes: everything a snapshot holds but the inventory, in one round trip (about 1 ms), and
// reading its answer. Pure; no session here.
#pragma once

#include <string>

#include "model/snapshot.hpp"
#include "mysql/rows.hpp"

namespace repl::mysql {

/// Which plugins the query may refer to. Their variables do not exist without them, and a query that names one fails
/// (1193); looking them up by name in performance_schema would cost as much again as the whole query.
struct LoadedPlugins {
  bool semi_sync_source = false;
  bool semi_sync_replica = false;
  bool group = false;
  bool operator==(const LoadedPlugins&) const = default;
};

/// One row per replication channel, at least one. Wants a session with time_zone '+00:00', so that a change to summer
/// time is not read as an hour of silence.
std::string status_query(LoadedPlugins plugins);

/// The plugins that are loaded, by the answer to a query made for any of them: what it asks for without need of a
/// plugin is there only with it.
LoadedPlugins plugins_in(const Rows& rows);

/// Fills all of `snapshot` that the server can tell; node, times and reach are left alone.
/// @errors Internal: a value has not the form it should have
Result<void> read_status(const Rows& rows, Snapshot& snapshot);

/// How far a replica is behind, from what it says itself: zero when it has applied all it received and hears its
/// source; the age of what it applies now, or of what it applied last, while something is left to apply; empty when the
/// receiver does not run or is silent, for nobody knows then what it misses. Never Seconds_Behind_Source, which is 0
/// while the source is frozen.
std::optional<Duration> lag_of(const Channel& channel, const GtidSet& executed,
                               std::optional<Duration> since_last_applied);

}  // namespace repl::mysql

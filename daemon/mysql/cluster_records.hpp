// The table repld.cluster: what the servers of a cluster keep of it (model/cluster_record.hpp). One row per cluster,
// written on the node that takes writes and replicated from there.
#pragma once

#include <vector>

#include "model/cluster_record.hpp"
#include "mysql/server.hpp"

namespace repl::mysql {

/// Empty when the table is not there.
Result<std::vector<ClusterRecord>> read_cluster_records(Server& server);

/// Replaces what is kept of the cluster, through the binary log; makes the table when it is not there. Nothing is
/// written when it is kept already. Needs INSERT and DELETE, and CREATE for the first time.
/// @errors Conflict: what is kept is newer, so another repld is at work; ReadOnlyServer; what the server says
Result<void> keep_cluster_record(Server& server, const ClusterRecord& record);

}  // namespace repl::mysql

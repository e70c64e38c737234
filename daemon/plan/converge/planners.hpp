// One planner per kind of topology: from what was checked to the steps. Each in the file of its name.
#pragma once

#include "plan/converge/preparation.hpp"

namespace repl::plan::converge {

/// source-replica: one primary, the others below it.
void plan_tree(Draft& draft);
/// source-source and circular: every node writes and follows the one before it.
void plan_ring(Draft& draft);
/// Group replication, single- and multi-primary.
void plan_group(Draft& draft);

/// The whole plan of a draft in which servers have to be started anew: what the planners above have made, and then the
/// restarts, one at a time, each server back and replicating before the next one goes.
/// @errors NotSupported, PreconditionFailed: it cannot be done safely in this apply; the text says how it can
Result<Plan> with_restarts(Draft& draft);

/// The most that writes are held up by a planned move of the primary before it is taken back.
inline constexpr std::chrono::milliseconds kMovesWithin{10'000};
inline constexpr std::chrono::milliseconds kAckersTimeout{20'000};
/// For what a new node lacks while nobody waits for it.
inline constexpr std::chrono::milliseconds kCatchUpTimeout{600'000};
/// For transactions that were begun before all new ones get a GTID.
inline constexpr std::chrono::milliseconds kGtidsTimeout{20'000};
/// For what a ring or a former member has not applied yet.
inline constexpr std::chrono::milliseconds kDrainTimeout{60'000};

/// A node that leaves takes no more writes, once `closes_after` is done. A member is closed by its group.
void close_leaving(Draft& draft, const Snapshot& node);

/// A node that leaves: once `after` is done its channel is removed. It keeps its data and stays read-only.
void release(Draft& draft, const Snapshot& node, std::vector<Builder::Index> after);

/// The nodes of the ring that was, in the order in which they follow each other, from `first` on. Those that do not
/// answer are passed by.
std::vector<NodeId> ring_from(const Draft& draft, const NodeId& first);

/// Of a ring in which a node that leaves does not answer: whoever followed that one follows the one before it, before
/// anybody is closed: else what that one wrote would get no further, and its commits might wait for good.
void close_gaps(Draft& draft);

/// Of a ring of which each node has stopped writing, all get what all others wrote. `order`: the nodes as they follow
/// each other, of which the last one is followed by the first. The steps after which everybody has everything.
std::vector<Builder::Index> drain_ring(Draft& draft, const std::vector<NodeId>& order,
                                       std::vector<Builder::Index> after);

}  // namespace repl::plan::converge

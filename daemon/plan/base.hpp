// The server variables that repld keeps beside what a file names (`tuning: base`): a short table, each row with its
// reason. A file's `settings` override a row, `tuning: none` switches all of them off, and a row whose variable a
// server does not have is left out there. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/spec.hpp"

namespace repl::plan {

/// Roles move with every failover, so a role here is what a node may become, not what it is.
enum class BaseFor {
  EveryNode,
  Writers,    ///< Nodes that may take writes: the primary, those that may be promoted, all of a ring or a group.
  Followers,  ///< Nodes that apply what others write: all, since the primary of today follows another one tomorrow.
  Members,    ///< Every node of a group.
  ByPosition  ///< Every node where replicas find their place by File and Position.
};

struct BaseRow {
  std::string_view name, value;
  BaseFor whom = BaseFor::EveryNode;
  bool at_least = false;  ///< A bigger number is as good: it is left alone.
  std::string_view why;   ///< As docs/topology-file.md says it.
};

inline constexpr BaseRow kBase[] = {
    {"replica_net_timeout", "10", BaseFor::EveryNode, false,
     "a receiver notices a silent source in 10 s, not 60; heartbeats come each 0.5 s"},
    {"replica_checkpoint_period", "20", BaseFor::ByPosition, false,
     "until the next checkpoint a replica without GTIDs does not say what its workers have applied, and writes wait "
     "for that in a switchover"},
    {"sync_binlog", "1", BaseFor::Writers, false,
     "a transaction that was acknowledged is in the binary log after a crash of the machine; without it a server comes "
     "back behind its own replicas and issues numbers a second time"},
    {"innodb_flush_log_at_trx_commit", "1", BaseFor::Writers, false,
     "the same for the data: what the binary log has, the tables have"},
    {"binlog_row_image", "FULL", BaseFor::Writers, false,
     "the binary log holds whole rows, before and after: what was changed can be told, and undone, from it alone"},
    {"binlog_transaction_dependency_tracking", "WRITESET", BaseFor::Writers, false,
     "8.0 only, later servers do it always: replicas apply in parallel what touches different rows, and so keep up"},
    {"replica_parallel_workers", "4", BaseFor::Followers, true,
     "a failover waits until the candidate has applied all it has received: the shorter its backlog, the sooner"},
    {"replica_preserve_commit_order", "ON", BaseFor::Followers, false,
     "a replica never shows, and is never promoted in, a state that its source was not in"},
    {"group_replication_exit_state_action", "OFFLINE_MODE", BaseFor::Members, false,
     "a member that fell out of its group, and so stands still, turns its clients away; before 8.4 it went on showing "
     "them old data"},
    {"group_replication_autorejoin_tries", "3", BaseFor::Members, true,
     "a member that was expelled comes back by itself, before repld has to join it"},
};

/// Why a node has a base value: "base: nodes that may take writes".
std::string origin_of(const BaseRow& row);

/// The row is meant for that node. (`settings` may override it.)
bool applies(const BaseRow& row, const Spec& spec, const NodeId& node);

/// The row that gives the node this variable; null where there is none, or the file names the variable itself.
const BaseRow* base_row(const Spec& spec, const NodeId& node, const std::string& variable);

/// Nothing has to be set for the row where the server has `value`.
bool is_met_by(const BaseRow& row, const std::string& value);

/// What the base says on that node, by variable. Empty with `tuning: none`.
std::map<std::string, std::string> base_of(const Spec& spec, const NodeId& node);

}  // namespace repl::plan

// What one probe of one node saw. Values only: no connection, clock or lock. Built once at the MySQL end (or by the
// simulator); nobody changes it. Probe again to know more.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/binlog_position.hpp"
#include "model/cluster_record.hpp"
#include "model/gtid_set.hpp"
#include "model/ids.hpp"
#include "model/spec.hpp"

namespace repl {

/// How a probe ended. All but Ok, Busy and Denied mean: nothing came back.
enum class Reach {
  Ok,
  Busy,     ///< An error packet: 1040 too many connections, 1129 host blocked. The server is alive.
  Denied,   ///< 1045 or a TLS refusal: alive, and our credentials are wrong.
  Error,    ///< Another error packet, or a partial answer. Alive.
  Refused,  ///< A fresh connection was refused: no process listens there.
  Silent,   ///< The deadline passed.
  Lost,     ///< The connection broke and a fresh one was not answered either (reset, unreachable).
};
inline bool is_alive(Reach reach) {
  return reach == Reach::Ok || reach == Reach::Busy || reach == Reach::Denied || reach == Reach::Error;
}

/// Source: performance_schema.replication_connection_status.SERVICE_STATE and
/// replication_applier_status.SERVICE_STATE.
enum class ThreadState { Stopped, Connecting, Running };

/// In order: each value forbids more than the one before it.
enum class ReadOnly { Off, On, Super };

/// In the order in which a running server goes from the one end to the other, a step at a time.
enum class GtidMode { Off, OffPermissive, OnPermissive, On };

struct ServerVersion {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const ServerVersion&) const = default;
};

/// One replication channel, as the replica reports it.
struct Channel {
  std::string name;  ///< "" is the default channel.
  Address source;
  std::string source_uuid;  ///< "" before the first connection. Of a detached channel: the server it was detached from.
  bool auto_position = true;
  /// Without GTIDs, in the source's binary log: up to where it was received, maybe in the middle of a transaction, and
  /// up to where it was applied, a whole number of transactions.
  BinlogPosition read;
  BinlogPosition applied;
  ThreadState receiver = ThreadState::Stopped;
  ThreadState applier = ThreadState::Stopped;
  /// RECEIVED_TRANSACTION_SET; not cumulative over a reconfiguration: join it with executed. Without GTIDs the history
  /// up to `read`.
  GtidSet received;
  int receiver_errno = 0;
  std::string receiver_error;
  int applier_errno = 0;
  std::string applier_error;
  /// Since the receiver last heard its source (heartbeat or event), by the replica's own clock. Means something only
  /// while the receiver is Running. Empty: it never heard any since it was started.
  std::optional<Duration> silence;
  Duration heartbeat_interval{0};
  /// Age of the transaction being applied now; empty when idle.
  std::optional<Duration> applying_for;
  /// By the rule of "lag" in docs/architecture.md: zero when idle and heard, empty when unknown.
  std::optional<Duration> lag;
  std::chrono::seconds delay{0};  ///< SOURCE_DELAY.
  bool operator==(const Channel&) const = default;
};

/// rpl_semi_sync_source_timeout: from here on it counts as practically infinite.
inline constexpr std::chrono::milliseconds kPracticallyForever = std::chrono::hours{24};

struct SemiSync {
  bool source_plugin = false;
  bool replica_plugin = false;
  bool source_enabled = false;
  bool source_status = false;  ///< Rpl_semi_sync_source_status: OFF after it went on alone.
  int clients = 0;             ///< Rpl_semi_sync_source_clients; not evidence of life.
  int wait_sessions = 0;       ///< Commits that wait for an acknowledgement now.
  int wait_for_count = 1;      ///< rpl_semi_sync_source_wait_for_replica_count
  bool wait_no_replica = true;
  bool after_sync = true;
  std::chrono::milliseconds timeout{10'000};
  bool replica_enabled = false;
  bool replica_status = false;  ///< The running receiver acknowledges.
  /// As it is set up, whether it is on or not: no commit is seen or acknowledged before replicas have it.
  bool never_goes_alone() const { return after_sync && wait_no_replica && timeout >= kPracticallyForever; }
  bool operator==(const SemiSync&) const = default;
};

enum class MemberState { Online, Recovering, Unreachable, Offline, Error };

/// One row of performance_schema.replication_group_members.
struct GroupMember {
  std::string server_uuid;
  Address address;  ///< What the member reports of itself; it may be another name for the spec's.
  MemberState state = MemberState::Offline;
  bool primary = false;  ///< In multi-primary mode every ONLINE member is.
  bool operator==(const GroupMember&) const = default;
};

/// The node's own opinion of its group; several nodes' are to be compared before one is believed.
struct GroupView {
  bool plugin = false;
  std::string name;  ///< group_replication_group_name; "" while not set.
  bool single_primary = true;
  bool bootstraps = false;           ///< group_replication_bootstrap_group is ON: the next start makes a second group.
  std::vector<GroupMember> members;  ///< By server_uuid. Not started: the node itself, Offline.
  GtidSet received;                  ///< Of the channel group_replication_applier.
  std::string recovery_error;        ///< Last error of distributed recovery.

  const GroupMember* find(const std::string& server_uuid) const;
  /// More than half of the members that this node knows of are ONLINE or RECOVERING.
  bool has_majority() const;
  bool operator==(const GroupView&) const = default;
};

/// What may be otherwise about a declared account than its profile says.
enum class AccountFault {
  Missing,
  Grants,    ///< It lacks some that its profile needs.
  Password,  ///< The declared one does not work.
  Locked,    ///< ACCOUNT LOCK.
  Expired,   ///< Only another password helps.
  Policy,    ///< History, expiry and lock-out are not as the password policy says.
};

/// What only a thorough look finds; asked for before plans are made, not with every probe.
struct Inventory {
  std::vector<std::string> user_schemas;  ///< Beside the server's and repld's own. Empty means: the node is empty.
  std::set<AccountRole>
      accounts;  ///< Declared profiles that exist with the grants they need and a password that works.
  /// What is wrong with the declared profiles that are not among `accounts`.
  std::map<AccountRole, std::set<AccountFault>> account_faults;
  /// Accounts with a second password: the one before the last rotation still works. Admin included.
  std::set<AccountRole> former_passwords;
  /// Why a declared password cannot be given to an account: it cannot be read, or does not satisfy the policy. Never
  /// the password.
  std::map<AccountRole, std::string> unusable_passwords;
  /// Its receiver (of a group: distributed recovery) logs in as declared: user, password, TLS. Empty: there is none.
  std::optional<bool> receiver_as_declared;
  std::map<std::string, std::string> variables;  ///< Current values of the variables the planner asked for, as text.
  std::map<std::string, std::string> persisted;  ///< performance_schema.persisted_variables
  /// Of those in `variables` that were asked about (mysql/inventory.cpp says which): what only a start of the server
  /// makes otherwise, and of these what no SQL persists, so that only an option file can say it.
  std::set<std::string> fixed_until_restart;
  std::set<std::string> fixed_by_option_file;
  bool admin_may_restart = true;  ///< SHUTDOWN, which only RESTART needs.
  bool plugins_loadable = true;
  bool clone_plugin = false;  ///< Loaded: the node may be the donor or the recipient of a clone.
  /// Tables that group replication cannot replicate, "schema.table (MyISAM)" or "(no primary key)"; the first ones.
  std::vector<std::string> unfit_for_group;
  static constexpr std::size_t kUnfitListed = 20;
  std::vector<ClusterRecord> records;  ///< What the server keeps of clusters it is, or was, a node of.
  bool admin_may_operate = true;       ///< The admin account has the privileges that plans need.
  std::string admin_lacks;             ///< Names of the missing ones.
  bool operator==(const Inventory&) const = default;

  /// Empty: as declared. An account of which nothing is known is Missing.
  std::set<AccountFault> faults_of(AccountRole role) const;
};

/// In the order in which a clone goes through them. Source: performance_schema.clone_progress.STAGE
enum class CloneStage { DropData, FileCopy, PageCopy, RedoCopy, FileSync, Restart, Recovery };
/// Where a clone is of which the node is the recipient.
struct CloneProgress {
  CloneStage stage = CloneStage::DropData;
  std::uint64_t bytes_done = 0;        ///< Of all stages so far.
  std::uint64_t bytes_estimated = 0;   ///< Grows while the donor is written to.
  std::uint64_t bytes_per_second = 0;  ///< Of late; 0 while nothing is copied.
  bool operator==(const CloneProgress&) const = default;
};

struct Snapshot {
  NodeId node;
  Time taken_at{};  ///< When the probe was answered or given up.
  Duration took{0};
  Reach reach = Reach::Silent;
  std::string problem;         ///< When not Ok: what the server or the client said.
  bool session_broke = false;  ///< The kept session turned out to be closed by the peer at this probe.

  // Everything below means something only when reach is Ok.
  std::string server_uuid;
  std::uint32_t server_id = 0;
  ServerVersion version;
  std::chrono::seconds uptime{0};
  ReadOnly read_only = ReadOnly::Super;
  bool super_read_only_persisted = false;  ///< It comes back read-only after a crash.
  bool offline_mode = false;
  GtidMode gtid_mode = GtidMode::On;
  BinlogPosition log_position;  ///< The end of its own binary log; only asked for without GTIDs.
  bool log_replica_updates = true;
  bool relay_log_recovery = false;
  /// Without GTIDs the history of its own binary log, and what it has applied of those of its sources.
  GtidSet executed;
  GtidSet purged;  ///< Without GTIDs not asked for: empty.
  SemiSync semi_sync;
  std::vector<Channel> channels;  ///< Empty: replicates from nobody. The group's own are not among them.
  GroupView group;
  int threads_running = 0;
  int threads_connected = 0;
  std::optional<Inventory> inventory;
  std::optional<CloneProgress> clone;  ///< Asked for only while repld clones the node.

  bool reachable() const { return reach == Reach::Ok; }
  /// The default channel; null when there is none.
  const Channel* channel() const { return channels.empty() ? nullptr : &channels.front(); }
  /// Its transactions have no GTIDs, or not all of them: places in binary logs tell what it has.
  bool by_position() const { return gtid_mode != GtidMode::On; }
  /// Executed and received: what the node would have after draining. Without GTIDs of a replica only that of its
  /// source.
  GtidSet position() const;
  /// What it gives to its replicas: executed; without GTIDs the history of its own binary log.
  GtidSet written() const;
  /// Its own state in the group; Offline without one.
  MemberState member_state() const;
  /// It says of itself that it is an ONLINE member, in a view with a majority.
  bool in_group() const { return member_state() == MemberState::Online && group.has_majority(); }

  bool operator==(const Snapshot&) const = default;
};

/// Transactions that `replica` has and `source` lacks. Give it a source that was probed after the replica: the other
/// way round, a transaction on its way would look errant.
GtidSet errant_transactions(const Snapshot& replica, const Snapshot& source);

/// The host name written into a channel that must not find a source any more. Never resolves (RFC 2606).
inline constexpr const char* kDetachedHost = "detached.invalid";
/// The same for a channel that keeps a place in a binary log: only this name tells in whose, since the server forgets
/// the UUID of a source whose host is changed. The port stays the source's.
std::string detached_host(const std::string& source_uuid, const std::string& source_host);
/// What such a name says of the source; empty texts when it says nothing.
struct DetachedFrom {
  std::string server_uuid;
  std::string host;
};
DetachedFrom detached_from(const std::string& host);
bool is_detached(const Channel& channel);

/// Fills the histories of a server without GTIDs from the places in it.
void use_positions(Snapshot& snapshot);

}  // namespace repl

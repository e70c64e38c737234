// One simulated MySQL server: what is on its disk, what its process knows, and what statements, clients, replication
// messages and signals do to both. Behaviour follows measurements of real servers; model_test.cpp holds it to them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/controller.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"

namespace repl::sim {

struct World;

struct Transaction {
  int origin = 0;  ///< Index of the server that gave it its number.
  std::int64_t number = 0;
  std::optional<AccountRole> account;  ///< It creates this account; otherwise it writes an application's row.
  bool setup = false;                  ///< An installer's: no application data.
  Time committed{};                    ///< By the origin's own clock.
};

/// SOURCE_HEARTBEAT_PERIOD of every channel.
inline constexpr Duration kHeartbeat{200'000};

/// Index of the source in a channel that points to kDetachedHost.
inline constexpr int kNowhere = -1;

struct ChannelConfig {
  int source = kNowhere;
  std::chrono::seconds delay{0};
};

/// What survives the death of the process.
struct Disk {
  GtidSet executed;
  std::vector<Transaction> binary_log;
  std::optional<ChannelConfig> channel;
  std::deque<Transaction> relay_log;  ///< Received and not applied yet.
  GtidSet received;                   ///< RECEIVED_TRANSACTION_SET.
  std::set<AccountRole> accounts{AccountRole::Admin};
  std::set<Plugin> plugins;
  std::map<std::string, std::string> persisted;
  bool user_data = false;
  bool ignores_persisted_read_only = false;  ///< Tampered with.
  std::optional<int> cloned_from;            ///< The donor, where the data is a clone.
  std::size_t purged_until = 0;              ///< Index in the binary log of the first transaction that is still there.
};

/// A replica's connection as its source knows it.
struct Dump {
  int replica = 0;
  std::uint64_t connection = 0;
  bool semi_sync = false;
  Stream stream;
};

struct Receiver {
  ThreadState state = ThreadState::Stopped;
  std::uint64_t connection = 0;  ///< Changes with every attempt to connect.
  bool semi_sync = false;        ///< The running connection acknowledges.
  std::optional<Time> heard;
  int error = 0;
  Stream stream;  ///< Acknowledgements to the source.
};

struct Applier {
  ThreadState state = ThreadState::Stopped;
  bool busy = false;  ///< A transaction is being applied, or waits in its commit.
  Time began{};
  bool waits_for_delay = false;                 ///< SOURCE_DELAY.
  std::vector<std::function<void()>> stopping;  ///< STOP REPLICA waits for the transaction in hand.
};

enum class Life { Up, Frozen, Down };

/// How quick one server is.
struct Pace {
  Duration commit_shortest{300}, commit_longest{3'000};
  Duration apply_shortest{200}, apply_longest{3'000};
  Duration flush_longest{300};  ///< Relay log, before the acknowledgement is sent.
  Duration teardown_shortest{50'000}, teardown_longest{300'000};
  Duration recovery_shortest{300'000}, recovery_longest{2'000'000};
  Duration clock_skew{0};
};

/// What a server variable is where nobody says otherwise; "" where the simulator does not know it.
std::string default_of(const std::string& variable);
/// Only a start of the server changes it.
bool needs_restart(const std::string& variable);

class Server {
 public:
  using Action = std::function<void()>;
  /// How a statement ended; empty: done.
  using Reply = std::function<void(std::optional<Error>)>;

  Server(World& world, int index, NodeId id);

  int index() const { return index_; }
  const NodeId& id() const { return id_; }
  const std::string& uuid() const { return uuid_; }
  Address address() const;
  Pace pace;

  // ---- process --------------------------------------------------------------------------------------------------
  void start();
  /// kill -9. The kernel closes the sockets only after it has torn down the address space.
  void crash();
  /// Starts again by itself, after `down` and crash recovery.
  void crash_and_restart(Duration down);
  void freeze();
  void thaw();
  Life life() const { return life_; }
  bool up() const { return life_ == Life::Up; }
  /// Dead, and its sockets not closed yet: connections are accepted and nothing answers.
  bool tearing_down() const { return life_ == Life::Down && tearing_down_; }
  std::uint64_t incarnation() const { return incarnation_; }
  /// Runs `request` in the process; `lost` runs at the caller's end when that never happens because there is no
  /// process, or when the process dies before `request` called the completion it was given.
  void request(Endpoint from, std::function<void(Action completed)> request, std::function<void(Reach)> lost);
  /// Runs in the process after `delay`; never when the process dies before. Waits while it is frozen.
  void later(Duration delay, Action action);
  /// As later() at once; for messages that nobody waits for.
  void gate(Action action);

  // ---- statements: called at the instant the server executes them
  // ----------------------------------------------------
  void install_plugin(Plugin plugin, const Reply& reply);
  void uninstall_plugin(Plugin plugin, const Reply& reply);
  void create_account(AccountRole role, Logged logged, const Reply& reply);
  void drop_account(AccountRole role, const Reply& reply);
  void alter_account(const Reply& reply);
  void set_variable(const std::string& name, const std::string& value, const Reply& reply);
  void set_global(const std::string& name, const std::string& value, const Reply& reply);
  void persist(const std::string& name, const std::string& value);
  void reset_persisted(const std::string& name);
  void ignore_persisted_read_only() { disk_.ignores_persisted_read_only = true; }
  /// Raising waits for running commits, at most `lock_wait`; reads `to` meanwhile.
  void set_read_only(ReadOnly to, Duration lock_wait, std::uint64_t session, const Reply& reply);
  void set_offline_mode(bool on);
  void set_semi_sync_source(bool on, int acks);
  /// The smallest commit there is, which passes by what missed its acknowledgement; nothing where it would only wait.
  void flush_optimizer_costs(const Reply& reply);
  /// Commits of clients that wait for acknowledgements.
  int clients_waiting() const;
  /// Rpl_semi_sync_source_yes_tx
  std::uint64_t acknowledged_commits() const { return acknowledged_commits_; }
  void set_semi_sync_replica(bool on);
  void reset_gtids();
  void start_receiver(const Reply& reply);
  void start_applier(const Reply& reply);
  void stop_receiver(const Reply& reply);
  void stop_applier(const Reply& reply);
  /// CHANGE REPLICATION SOURCE TO. Throws the relay log away when both threads are stopped.
  void change_source(const ChannelConfig& config, const Reply& reply);
  /// RESET REPLICA ALL: throws away what was received and not applied.
  void reset_replica(const Reply& reply);
  /// CLONE INSTANCE FROM `donor`; it ends with a restart of this server.
  void clone_from(Server& donor, const Reply& reply);
  /// Kills what clones; nothing happens when nothing does.
  void end_clone();
  /// RESTART, as a supervisor carries it out.
  void restart();
  /// PURGE BINARY LOGS, all of them.
  void purge_binary_logs();
  /// Those of `numbers` that it lacks, as transactions without content; waits for the acknowledgements of all.
  void commit_empty(const GtidSet& numbers, const Reply& reply);

  // ---- the control lock ---------------------------------------------------------------------------------------------
  /// A newer session takes GET_LOCK('repld.control') and kills the holder; an older one finds itself dead.
  bool take_control(std::uint64_t session);
  bool is_controlled_by(std::uint64_t session) const { return session == control_session_; }

  // ---- applications -------------------------------------------------------------------------------------------------
  /// One autocommitted row. `reply` gets ReadOnlyServer, ServerRefused (offline), or nothing wrong: acknowledged.
  /// ConnectionLost when offline_mode cuts the client.
  void write(const std::function<void(std::optional<Error>, Transaction)>& reply);
  /// A person's doing, past all rules.
  void write_errant();
  /// What an installer leaves on a new server: transactions without application data.
  void install_transactions(int count);

  // ---- seen from outside --------------------------------------------------------------------------------------------
  Snapshot look(const control::ProbeOrder& order) const;
  const Disk& disk() const { return disk_; }
  ReadOnly read_only() const { return read_only_wait_ ? read_only_wait_->to : read_only_; }
  bool read_only_pending() const { return read_only_wait_.has_value(); }
  bool offline_mode() const { return offline_; }
  bool source_enabled() const { return source_enabled_; }
  bool source_waits() const { return source_enabled_ && source_status_; }
  bool replica_enabled() const { return replica_enabled_; }
  int wait_for_count() const { return wait_for_count_; }
  const std::vector<Dump>& dumps() const { return dumps_; }
  int semi_sync_clients() const;
  const Receiver& receiver() const { return receiver_; }
  const Applier& applier() const { return applier_; }
  std::size_t commits_waiting() const { return commits_.size(); }
  bool has(const Transaction& t) const;    ///< Executed.
  bool holds(const Transaction& t) const;  ///< Executed, in the binary log or in the relay log: on this disk.
  GtidSet purged() const;
  GtidSet position() const { return unite(disk_.executed, disk_.received); }
  std::string variable(const std::string& name) const;
  /// A person opened it, so what it acknowledges is the person's doing until it is closed again.
  bool opened_by_person = false;
  bool applier_stalled = false;  ///< The disk or a lock holds the applier up.
  bool too_many_connections = false;
  bool access_denied = false;
  void resume_applier() {
    applier_stalled = false;
    apply_next();
  }

 private:
  struct Commit {
    Transaction transaction;
    std::size_t log_index = 0;
    std::function<void(std::optional<Error>)> reply;
    std::set<int> acked_by;
    bool client = false;
    bool applier = false;
  };
  struct ReadOnlyWait {
    ReadOnly to;
    std::uint64_t session;
    std::uint64_t id;
    Reply reply;
  };

  void drain_deferred();
  void torn_down();
  void recover();
  void changed();

  // commits
  Transaction number(std::optional<AccountRole> account, bool setup);
  void commit(const Transaction& transaction, bool client, bool applier,
              std::function<void(std::optional<Error>)> reply);
  void finish(Commit commit);
  void finish_acknowledged();
  void finish_all();
  void read_only_settled();
  void take_into_data(const Transaction& transaction);

  // source side
  void hello(int replica, std::uint64_t connection, bool semi_sync, const GtidSet& has);
  void goodbye(std::uint64_t connection);
  void acknowledged(std::uint64_t connection, std::size_t log_index);
  void send(const Dump& dump, std::size_t log_index);
  void heartbeat(std::uint64_t connection);

  // replica side
  void connect();
  void connect_failed(std::uint64_t connection, int error);
  void connected(std::uint64_t connection, bool semi_sync);
  void refused_by_source(std::uint64_t connection, int error);
  void receive(std::uint64_t connection, const Transaction& transaction, std::size_t log_index);
  void hear(std::uint64_t connection);
  void connection_broke(std::uint64_t connection);
  void watch_silence(std::uint64_t connection, Duration rest);
  void close_receiver();
  void abandon_connection();
  void apply_next();
  void applied();
  Duration net_timeout() const;

  int clones_ = 0;
  std::function<void()> cloning_;  ///< Tells whoever waits for the clone that it was killed.

  World& world_;
  int index_;
  NodeId id_;
  std::string uuid_;
  Random random_;
  Disk disk_;

  // process
  Life life_ = Life::Down;
  bool tearing_down_ = false;
  std::uint64_t incarnation_ = 0;
  Time started_{};
  std::deque<Action> deferred_;  ///< What waits for the thaw.
  bool draining_ = false;
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, std::pair<Endpoint, std::function<void(Reach)>>> open_requests_;
  std::uint64_t control_session_ = 0;

  ReadOnly read_only_ = ReadOnly::Off;
  std::optional<ReadOnlyWait> read_only_wait_;
  std::uint64_t read_only_waits_ = 0;
  bool offline_ = false;
  std::uint64_t offline_epoch_ = 0;
  bool source_enabled_ = false;
  bool source_status_ = false;
  int wait_for_count_ = 1;
  std::uint64_t acknowledged_commits_ = 0;
  bool replica_enabled_ = false;
  std::map<std::string, std::string> variables_;
  int running_writes_ = 0;
  std::vector<Action> hung_writes_;
  std::deque<Commit> commits_;
  std::vector<Dump> dumps_;
  Receiver receiver_;
  Applier applier_;
};

}  // namespace repl::sim

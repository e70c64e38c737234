// What the owner of a cluster wants, as values: the topology file after parsing and validation. Field by field the same
// as the YAML; defaults are those of docs/topology-file.md.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.hpp"

namespace repl {

enum class TopologyType { SourceReplica, SourceSource, Circular, GroupSinglePrimary, GroupMultiPrimary };
enum class Positioning { Gtid, Binlog };
enum class DataSyncType { Async, SemiSync, Sync };
enum class OnTooFewReplicas { Wait, DegradeToAsync };
/// What the file declares a node to be. Who is primary now is Office (operation.hpp), not this.
enum class NodeType { Source, Replica, Normal };
enum class Promotion { Prefer, Neutral, Avoid, Never };
enum class FencingMode { Auto, SemiSync, Lease, Hook, None };
enum class Rejoin { Never, IfClean, CloneIfErrant };
/// In order: each asks for more than the one before it.
enum class TlsMode { Disabled, Preferred, Required, VerifyCa, VerifyIdentity };
enum class Provisioning { Clone, None };
/// Whether repld changes anything, or only watches, diagnoses and reports.
enum class Management { Full, Observe };
/// What is done about a deviation that harms nobody for the moment.
enum class Drift { Repair, Report };
/// When a program of the owner's is run around a change of the primary; named as in the topology file.
enum class HookPoint { PreFailover, PostFailover, PreSwitchover, PostSwitchover };
/// Whether repld keeps its own base of server variables beside `settings` (plan/base.hpp).
enum class Tuning { Base, None };
/// How what goes between servers is packed.
enum class Compression { None, Zlib, Zstd };
/// Between which servers.
enum class CompressionScope { All, CrossRegion };
/// group_replication_consistency
enum class GroupConsistency { Eventual, BeforeOnPrimaryFailover, Before, After, BeforeAndAfter };

/// Where a password is to be found. Never the password itself.
struct SecretRef {
  enum class Kind { File, Env, Exec };
  Kind kind = Kind::File;
  std::string
      value;  ///< File: absolute path once the document is taken in. Env: variable of repld. Exec: command line.
  bool operator==(const SecretRef&) const = default;
};

struct Account {
  std::string user;
  SecretRef password;
  std::vector<std::string> schemas;  ///< application only: what it may read and write.
  bool operator==(const Account&) const = default;
};

/// The profiles repld creates and keeps, in the order in which they are created. Admin must exist beforehand.
enum class AccountRole { Admin, Replication, Monitoring, Application };

struct NodeSpec {
  NodeId id;
  Address address;
  NodeType type = NodeType::Replica;
  std::string region;
  Promotion promotion = Promotion::Neutral;
  std::chrono::seconds delay{0};
  int read_weight = 1;
  std::optional<NodeId> follows;                ///< Empty: follows the primary.
  std::map<std::string, std::string> settings;  ///< nodeSettings: overrides Spec::settings on this node.
  std::optional<std::vector<int>> skip_errors;  ///< Instead of Spec::skip_errors on this node.
  bool operator==(const NodeSpec&) const = default;
};

struct SyncSpec {
  DataSyncType mode = DataSyncType::Async;
  int acks = 1;
  OnTooFewReplicas on_too_few = OnTooFewReplicas::Wait;
  std::chrono::milliseconds timeout{10'000};  ///< degrade-to-async only.
  bool operator==(const SyncSpec&) const = default;
};

struct DetectionSpec {
  std::chrono::milliseconds probe_interval{1000};
  std::chrono::milliseconds probe_timeout{500};
  int misses = 3;
  bool operator==(const DetectionSpec&) const = default;
};

struct FailoverSpec {
  bool automatic = true;
  DetectionSpec detection;
  std::chrono::milliseconds blocked_after{5000};
  FencingMode fencing = FencingMode::Auto;
  std::chrono::seconds max_lag{30};
  int min_replicas = 1;
  bool cross_region = false;
  std::chrono::seconds cooldown{3600};
  int per_day = 3;
  Rejoin rejoin = Rejoin::CloneIfErrant;
  bool operator==(const FailoverSpec&) const = default;
};

struct TlsSpec {
  TlsMode mode = TlsMode::Preferred;
  std::string ca;  ///< Path on repld's machine; needed by the verify modes.
  /// Certificates are checked.
  bool verifies() const { return mode == TlsMode::VerifyCa || mode == TlsMode::VerifyIdentity; }
  /// What it asks of a connection to that address: never Preferred, which is Disabled on this machine and Required
  /// beyond it.
  TlsMode towards(const Address& address) const;
  bool operator==(const TlsSpec&) const = default;
};

/// What the network between the servers asks for.
struct NetworkSpec {
  /// Of what a replica receives from its source, and a member of a group from its donor when it joins. A source that
  /// does not allow it (protocol_compression_algorithms) sends it as it is.
  Compression compression = Compression::None;
  CompressionScope scope = CompressionScope::All;  ///< In groups always All: a member chooses its donor by itself.
  int zstd_level = 3;                              ///< 1 to 22: more is smaller, and slower at the source.
  bool operator==(const NetworkSpec&) const = default;
};

/// What passwords must be like, and how long they hold. Length and composition are asked of every account; the rest
/// is set on the application and monitoring accounts only: an account that expires or is locked out must never be one
/// that repld or replication needs.
struct PasswordPolicy {
  std::optional<int> min_length;                     ///< Characters; with it MySQL's policy MEDIUM.
  std::optional<int> history;                        ///< So many earlier passwords may not be used again.
  std::optional<std::chrono::seconds> expire_after;  ///< Whole days.
  std::optional<int> max_failed_logins;              ///< Together with `lock_for`.
  std::optional<std::chrono::seconds> lock_for;      ///< Whole days.
  bool operator==(const PasswordPolicy&) const = default;
  bool empty() const { return *this == PasswordPolicy{}; }
};

/// Of group topologies only.
struct GroupSpec {
  std::chrono::seconds expel_after{0};        ///< A member that is unreachable for 5 s and this long leaves the group.
  std::chrono::seconds majority_timeout{20};  ///< Cut off from the majority for so long, a member stops itself.
  GroupConsistency consistency = GroupConsistency::BeforeOnPrimaryFailover;
  std::map<std::string, int> weights;  ///< By node name, 0 to 100; who becomes primary. 50 where nothing is said.
  bool operator==(const GroupSpec&) const = default;
};

/// Comparing the data of the nodes (`replctl verify`).
struct ConsistencySpec {
  std::optional<std::chrono::seconds> checksum_every;  ///< Empty: only when somebody asks for it.
  std::vector<std::string> schemas;                    ///< Empty: all but the server's own.
  bool operator==(const ConsistencySpec&) const = default;
};

/// Programs that repld runs before and after it changes the primary (docs/hooks.md): names of files in the hooks
/// directory of repld.yaml, or their absolute paths. In order, one after the other.
struct HooksSpec {
  std::vector<std::string> pre_failover;
  std::vector<std::string> post_failover;
  std::vector<std::string> pre_switchover;
  std::vector<std::string> post_switchover;
  std::chrono::milliseconds timeout{5000};  ///< The longest that one run may take.
  const std::vector<std::string>& at(HookPoint point) const;
  bool empty() const;
  bool operator==(const HooksSpec&) const = default;
};

struct Spec {
  ClusterId cluster;
  TopologyType topology = TopologyType::SourceReplica;
  Positioning positioning = Positioning::Gtid;
  SyncSpec sync;
  std::vector<NodeSpec> nodes;
  std::map<AccountRole, Account> accounts;
  TlsSpec tls;
  FailoverSpec failover;
  Provisioning provisioning = Provisioning::Clone;
  GroupSpec group;
  std::map<std::string, std::string> settings;  ///< Server variables kept on every node, persisted.
  std::chrono::milliseconds alert_lag{10'000};
  ConsistencySpec consistency;
  PasswordPolicy password_policy;
  Management management = Management::Full;
  Drift drift = Drift::Repair;
  HooksSpec hooks;
  Tuning tuning = Tuning::Base;
  /// Errors at which an applier passes the event by, which is then missing on that replica.
  std::vector<int> skip_errors;
  NetworkSpec network;

  bool operator==(const Spec&) const = default;

  /// Null when there is no such node.
  const NodeSpec* find(const NodeId& id) const;
  const NodeSpec* find(const Address& address) const;
  const NodeSpec* declared_source() const;
  /// Commits wait for replicas and never go on alone: the durability that failover must not break.
  bool waits_for_acks() const { return sync.mode != DataSyncType::Async && sync.on_too_few == OnTooFewReplicas::Wait; }
  /// Replicas find their place by File and Position, without GTIDs.
  bool by_position() const { return positioning == Positioning::Binlog; }
  bool semi_sync() const { return sync.mode != DataSyncType::Async; }
  /// Nothing is changed on any server.
  bool observes() const { return management == Management::Observe; }
  /// source-source or circular: every node takes writes and follows the one before it in `nodes`, the first one the
  /// last.
  bool is_ring() const { return topology == TopologyType::SourceSource || topology == TopologyType::Circular; }
  bool is_group() const {
    return topology == TopologyType::GroupSinglePrimary || topology == TopologyType::GroupMultiPrimary;
  }
  /// Applications write on every node; nobody is *the* primary.
  bool several_writers() const { return is_ring() || topology == TopologyType::GroupMultiPrimary; }
  /// Undelayed nodes that follow `primary` directly: those whose acknowledgement can count. `primary` itself excluded.
  /// In a ring: of any node, the one after it.
  std::vector<NodeId> ackers(const NodeId& primary) const;
  /// How many acknowledgements the spec asks for under `primary`: 0 async, `acks` semi-sync, all ackers sync.
  int acks_wanted(const NodeId& primary) const;
  /// Whom `node` should follow while `primary` is in office; empty for the primary itself. A declared `follows` counts
  /// unless it names the primary, the node itself, or forms a loop through the primary: then it is the primary.
  /// In a ring it is the node before, whoever `primary` is; members of a group follow nobody.
  std::optional<NodeId> source_of(const NodeId& node, const NodeId& primary) const;
  /// How what `replica` receives from `source` is packed. Nodes that are not in the file, and those without a region,
  /// count as of one region with everybody.
  Compression compression_between(const NodeId& replica, const Address& source) const;
  /// Name of a replication channel that has to be made.
  std::string channel_name() const { return is_ring() ? "ring" : ""; }
  /// `settings` with the node's own laid over, and `skip_errors` as the variable that carries them out.
  std::map<std::string, std::string> settings_of(const NodeId& node) const;
};

/// Server-wide, but a node has one channel in every topology, so the list is the channel's.
inline constexpr const char* kSkipErrorsVariable = "replica_skip_errors";

/// What a node is called at the address that its name has no more: "db3 at 10.0.0.13:3306".
NodeId at_former_address(const NodeSpec& before);

/// `wanted`, and with it the nodes of `before` that it no longer has: those are watched, and changed, until they have
/// left. A node of which only the name has changed has not left. Where a name stands for another address, what answers
/// at the former one is looked at as well, by a name of its own: it may be another server, which leaves, or the same
/// one.
Spec with_leaving_nodes(Spec wanted, const Spec* before);

}  // namespace repl

// Steps: the changes a plan is made of, as data. Only mysql/ knows the SQL for one, only the simulator its effect on
// simulated servers. A step may be repeated (after a crash the journal replays it), so whoever carries it out checks
// first whether its goal is already reached. A new step does not compile before both ends and the journal know it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/gtid_set.hpp"
#include "model/ids.hpp"
#include "model/snapshot.hpp"
#include "model/spec.hpp"

namespace repl {

/// What is installed on each server by itself. PasswordValidation is a component, file://component_validate_password.
enum class Plugin { SemiSyncSource, SemiSyncReplica, Clone, GroupReplication, PasswordValidation };
/// Whether a statement goes to the binary log of the node it runs on.
enum class Logged { No, Yes };

struct InstallPlugin {
  NodeId node;
  Plugin plugin;
  bool operator==(const InstallPlugin&) const = default;
};
struct UninstallPlugin {
  NodeId node;
  Plugin plugin;
  bool operator==(const UninstallPlugin&) const = default;
};

/// Creates the account with password, grants and password policy; one that exists is made so.
struct CreateAccount {
  NodeId node;
  AccountRole role;
  Account account;
  Logged logged = Logged::No;
  bool operator==(const CreateAccount&) const = default;
};
struct DropAccount {
  NodeId node;
  AccountRole role;
  Account account;
  Logged logged = Logged::No;
  bool operator==(const DropAccount&) const = default;
};
/// Makes true what `faults` say of an account that exists. There is nothing to take back: it only gets what it should
/// have had, and it is never dropped.
struct AmendAccount {
  NodeId node;
  AccountRole role;
  Account account;
  std::set<AccountFault> faults;
  Logged logged = Logged::No;
  bool operator==(const AmendAccount&) const = default;
};
/// Gives the account the declared password, and keeps the present one as a second that works as well (RETAIN CURRENT
/// PASSWORD). Goes to the binary log. Nothing to take back: whoever has the former password still gets in.
struct RotatePassword {
  NodeId node;
  AccountRole role;
  Account account;
  bool operator==(const RotatePassword&) const = default;
};
/// Makes the second password of the account useless (DISCARD OLD PASSWORD); the declared one works before and after.
/// Goes to the binary log.
struct DiscardFormerPassword {
  NodeId node;
  AccountRole role;
  Account account;
  bool operator==(const DiscardFormerPassword&) const = default;
};
/// Tells the receiver of `replica` the declared replication account and TLS mode; it is restarted, and the applier and
/// its relay log are left alone. A member of a group is told for distributed recovery; nothing is restarted there.
struct RenewReceiver {
  NodeId replica;
  bool operator==(const RenewReceiver&) const = default;
};

/// SET PERSIST of one server variable. Values are text as in performance_schema.global_variables.
struct SetVariable {
  NodeId node;
  std::string name;
  std::string from;
  std::string to;
  bool was_persisted = true;  ///< False: taking it back leaves it as not persisted as it was.
  std::string origin{};       ///< Why, where no file says so: "base: nodes that may take writes". Shown only.
  bool operator==(const SetVariable&) const = default;
};
/// RESET PERSIST of one server variable, and SET GLOBAL to what it was before it was persisted.
struct ResetVariable {
  NodeId node;
  std::string name;
  std::string from;
  std::string to;  ///< "": not known, so that the value in force stays until the next start.
  bool operator==(const ResetVariable&) const = default;
};

/// SET PERSIST_ONLY super_read_only: what the server will be after its next start; nothing changes now.
struct PersistReadOnly {
  NodeId node;
  bool from;
  bool to;
  bool operator==(const PersistReadOnly&) const = default;
};

/// Done when the SET has returned: @@super_read_only reads 1 while it still waits. Bounded by `lock_wait`; when that
/// passes the server is left (or put back) as it was, and the error names who is in the way.
struct SetReadOnly {
  NodeId node;
  ReadOnly from;
  ReadOnly to;
  std::chrono::milliseconds lock_wait{1000};
  /// To Off: refused (PreconditionFailed, nothing changed) unless rpl_semi_sync_source_enabled is ON in that very
  /// moment. It is not persisted, so a server that was restarted since would acknowledge alone.
  bool only_with_semi_sync = false;
  /// Never taken back: it closes a server that was open although somebody else is the one that takes writes.
  bool for_good = false;
  bool operator==(const SetReadOnly&) const = default;
};

struct SetOfflineMode {
  NodeId node;
  bool from;
  bool to;
  bool operator==(const SetOfflineMode&) const = default;
};

/// rpl_semi_sync_source_enabled (never persisted) with its acknowledgement count. Switched on, on a server that takes
/// writes, commits that missed their acknowledgement are passed by (semi_sync_steps.cpp says which those are).
struct SetSemiSyncSource {
  NodeId node;
  bool from;
  bool to;
  int acks_from = 1;
  int acks_to = 1;
  bool operator==(const SetSemiSyncSource&) const = default;
};
/// rpl_semi_sync_replica_enabled, persisted; a running receiver is restarted so that it takes effect.
struct SetSemiSyncReplica {
  NodeId node;
  bool from;
  bool to;
  bool operator==(const SetSemiSyncReplica&) const = default;
};

/// RESET BINARY LOGS AND GTIDS on a node without data, whose few transactions (an installer's) nobody needs.
struct ResetGtids {
  NodeId node;
  GtidSet discarded;
  bool operator==(const ResetGtids&) const = default;
};

struct StartReplication {
  NodeId replica;
  bool operator==(const StartReplication&) const = default;
};
struct StopReplication {
  NodeId replica;
  bool operator==(const StopReplication&) const = default;
};

/// Stops the receiver, reads the position, and points the receiver away for good (detached_host()): a receiver that is
/// only stopped starts again with its server. The applier goes on and the relay log is kept. The result carries the
/// position. Refused while the applier is stopped: the change would throw the relay log away.
struct DetachReceiver {
  NodeId replica;
  NodeId from;
  bool operator==(const DetachReceiver&) const = default;
};

/// Afterwards `replica` replicates from `to`, both threads running. Where both servers have gtid_mode=ON by
/// auto-position; only the receiver is touched when a channel exists already, so that the relay log is kept.
///
/// Without GTIDs from the place in the binary log of `to` up to which the replica has all: where it stopped, when it
/// followed `to` before or is its clone; else the end of the log of `to`, which must be closed while the two have
/// exactly the same, everything received applied: both empty, or at the same place of the same server's log, directly
/// or over others between. The result carries that place.
/// @errors PreconditionFailed, nothing changed: no such place is known
struct FollowSource {
  NodeId replica;
  std::optional<NodeId> from;  ///< Empty: it followed nobody.
  NodeId to;
  std::chrono::seconds delay{0};
  std::optional<std::chrono::seconds> delay_before{};  ///< Of the channel it has, where it is another.
  std::string channel{};  ///< Name for a channel that has to be made; one that exists keeps its own.
  bool operator==(const FollowSource&) const = default;
};
/// STOP REPLICA; RESET REPLICA ALL. Only where the relay log is not needed any more. `from` has an empty name when the
/// channel points to no node of the cluster. `delay` and `channel` are what the channel has, for its inverse.
struct ForgetSource {
  NodeId replica;
  NodeId from;
  std::chrono::seconds delay{0};
  std::string channel{};
  bool operator==(const ForgetSource&) const = default;
};

/// Waits until `replica` has applied all that `source` has executed when the wait begins.
struct WaitForApplied {
  NodeId replica;
  NodeId source;
  std::chrono::milliseconds timeout;
  bool operator==(const WaitForApplied&) const = default;
};
/// Drains: waits until `replica` has applied all of `received`, its own relay log.
struct ApplyReceived {
  NodeId replica;
  GtidSet received;
  std::chrono::milliseconds timeout;
  bool operator==(const ApplyReceived&) const = default;
};
/// Waits until no transaction is going on that will get no GTID (Ongoing_anonymous_transaction_count). Before that
/// gtid_mode=ON would be refused somewhere, or break a replica.
struct WaitForGtids {
  NodeId node;
  std::chrono::milliseconds timeout;
  bool operator==(const WaitForGtids&) const = default;
};
/// Waits until `count` semi-sync replicas are connected to `source`.
struct WaitForAckers {
  NodeId source;
  int count;
  std::chrono::milliseconds timeout;
  bool operator==(const WaitForAckers&) const = default;
};

/// Fences a reachable server that was primary once and must not take writes: offline_mode, wait until no client is left
/// in a commit, semi-sync source off, super_read_only. What a hanging commit leaves behind is errant.
/// Leaves offline_mode ON.
struct CloseReturned {
  NodeId node;
  bool operator==(const CloseReturned&) const = default;
};

/// Gives the node the data of `donor` with the clone plugin; what it has is lost, but for settings and server_uuid.
/// Closed to applications meanwhile, and read-only afterwards. The server restarts itself; the step is done when it
/// answers again and has what the donor had. Its result carries the cloned set.
/// @errors PreconditionFailed, before anything is lost: it has transactions beyond `discarded` that the donor lacks, or
/// data although it must be empty
struct CloneFrom {
  NodeId node;
  NodeId donor;
  GtidSet discarded;                                          ///< What the node may have when its data is thrown away.
  std::chrono::milliseconds timeout{std::chrono::hours{24}};  ///< A failover does not wait for it.
  bool must_be_empty = false;  ///< Nobody has said that its data may be lost: it had none when this was planned.
  bool operator==(const CloneFrom&) const = default;
};

/// A server variable that only a start makes otherwise. Values in force as in performance_schema.global_variables.
struct StartVariable {
  std::string name;
  std::string from, to;
  /// In mysqld-auto.cnf; empty: it is not, and the option files say what comes. Equal where somebody has persisted it
  /// already and only the restart is missing.
  std::optional<std::string> persisted_from, persisted_to;
  bool operator==(const StartVariable&) const = default;
};
/// SET PERSIST_ONLY (or RESET PERSIST) of `variables`, then RESTART, which makes them true. Done when another process
/// answers and has them; nothing is restarted when they are true already. Its inverse restarts the server once more.
/// @errors PreconditionFailed: nobody would start the server again (3707). Nothing happened then, and what was
/// persisted is as before
struct RestartServer {
  NodeId node;
  std::chrono::milliseconds timeout{120'000};
  std::vector<StartVariable> variables{};
  bool replicates = false;  ///< It follows a source: done when receiver and applier run again.
  bool operator==(const RestartServer&) const = default;
};

enum class GroupStart { Join, Bootstrap };
/// START GROUP_REPLICATION, with the recovery credentials made true before; done when the member is ONLINE.
/// Bootstrap makes a new group of this one member: never on two of them.
struct StartGroup {
  NodeId node;
  GroupStart how = GroupStart::Join;
  std::chrono::milliseconds timeout{600'000};
  ReadOnly from = ReadOnly::Super;  ///< What the node was before: its inverse leaves it so.
  bool operator==(const StartGroup&) const = default;
};
/// STOP GROUP_REPLICATION; the member becomes read-only, and then what `leaves` says. `back` is how its inverse starts
/// it.
struct StopGroup {
  NodeId node;
  GroupStart back = GroupStart::Join;
  ReadOnly leaves = ReadOnly::Super;
  bool operator==(const StopGroup&) const = default;
};
/// group_replication_set_as_primary(): `node`, an ONLINE member, takes the writes over from `from`.
struct SetGroupPrimary {
  NodeId node;
  NodeId from;
  bool operator==(const SetGroupPrimary&) const = default;
};
/// Single- and multi-primary mode of a running group, told to any ONLINE member; to single: `node` becomes primary.
struct SetGroupMode {
  NodeId node;
  bool from_multi_primary;
  bool to_multi_primary;
  bool operator==(const SetGroupMode&) const = default;
};

/// Uses up the numbers of transactions that were thrown away with a node's data: commits those that `node`, which takes
/// writes, lacks as empty transactions, so that every node counts them as executed and no server gives their numbers to
/// others. Looks for them on every other node of the spec first. Nothing to take back. Without GTIDs nothing to do.
/// @errors ErrantTransactions: another node has some of them; PreconditionFailed: `node` takes no writes, or its
/// commits would wait, or another node does not answer, or there are more than kRetiredAtMost. Nothing was committed.
struct RetireGtids {
  NodeId node;
  GtidSet retired;
  bool operator==(const RetireGtids&) const = default;
};
/// Each is a transaction in the binary logs for good, and a commit that waits for acknowledgements.
inline constexpr std::uint64_t kRetiredAtMost = 100'000;
/// Runs a program of the owner's beside repld, on no server (docs/hooks.md). Nothing to take back: what it did is its
/// own affair, and it may be run again.
/// @errors HookFailed: it is not there, may not be run, ended with another code than 0, or not in time; it runs no
/// longer
struct RunHook {
  NodeId node;                 ///< Who becomes, or has become, the primary.
  std::optional<NodeId> from;  ///< Who was.
  HookPoint point;
  std::string program;  ///< As the topology file names it.
  std::chrono::milliseconds timeout{5000};
  /// It comes after the change, which stands whatever it says.
  bool after() const { return point == HookPoint::PostFailover || point == HookPoint::PostSwitchover; }
  bool operator==(const RunHook&) const = default;
};

using Step = std::variant<InstallPlugin, UninstallPlugin, CreateAccount, DropAccount, SetVariable, ResetVariable,
                          PersistReadOnly, SetReadOnly, SetOfflineMode, SetSemiSyncSource, SetSemiSyncReplica,
                          ResetGtids, StartReplication, StopReplication, DetachReceiver, FollowSource, ForgetSource,
                          WaitForApplied, ApplyReceived, WaitForGtids, WaitForAckers, CloseReturned, CloneFrom,
                          RestartServer, StartGroup, StopGroup, SetGroupPrimary, SetGroupMode, AmendAccount,
                          RotatePassword, DiscardFormerPassword, RenewReceiver, RetireGtids, RunHook>;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// The step that takes `step` back; empty when there is nothing to take back, or nothing that may be.
std::optional<Step> inverse(const Step& step);
/// The server the step runs on; of RunHook, the one that it is about.
const NodeId& node_of(const Step& step);
/// Stable name, as in metrics, JSON and the journal: "set-read-only".
std::string_view name_of(const Step& step);
/// One line for people: "db2 follows db3". No secrets.
std::string describe(const Step& step);

/// What came of a step.
struct StepResult {
  std::optional<Error> error;  ///< Empty: done.
  bool certain = true;         ///< False: an error, and the server may still carry the step out.
  /// DetachReceiver: executed and received, after the receiver had stopped. WaitForApplied: what the source had
  /// executed when the wait began, and the replica has now. CloneFrom: the cloned set. FollowSource without GTIDs: from
  /// where it follows. RetireGtids: what was committed empty.
  std::optional<GtidSet> position;
  Duration took{0};
  std::string output{};  ///< RunHook: the end of what it printed; printable UTF-8 and line feeds.
  bool ok() const { return !error; }
  bool operator==(const StepResult&) const = default;
};

}  // namespace repl

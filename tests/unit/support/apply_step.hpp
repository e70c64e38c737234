// The smallest model of servers that steps can be carried out on: everything happens at once and in full. It knows what
// a server refuses (plugins and accounts under super_read_only, variables of a plugin that is not loaded, a channel
// that is in the way), so that a plan whose order is wrong fails here, without a clock or a network. Header only.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/snapshot_text.hpp"
#include "model/step.hpp"
#include "model/view.hpp"
#include "unit/support/cluster.hpp"

namespace repl::test {

enum class Life { Up, Down, Frozen };

struct ModelServer {
  Snapshot now;
  Inventory has;
  Life life = Life::Up;
  bool member = false;  ///< Of the one group there is.
  bool elected = false;
  bool validates_passwords = false;
  bool supervised = true;  ///< Somebody starts it again after RESTART.
  /// By user: what was taken from it, and whether it is locked.
  std::map<std::string, std::set<ProfileGrant>> revoked;
  std::set<std::string> locked;
  /// Whose data it is a clone of, as long as that is all it has: it knows its place in the log of that one.
  std::optional<NodeId> clone_of;
};

class Servers {
 public:
  Servers() = default;
  /// Fresh servers, as an installer leaves them: writable, empty, three transactions of their own, no plugin. For a
  /// topology without GTIDs: with an empty binary log.
  static Servers fresh(const Spec& spec) {
    Servers servers;
    for (const auto& node : spec.nodes) {
      auto& s = servers.add(node.id);
      if (!spec.by_position()) {
        s.now.executed = gtids(fmt::format("{}:1-3", letter_of(node.id.name)));
        continue;
      }
      s.now.gtid_mode = GtidMode::Off;
      s.has.variables["gtid_mode"] = to_string(GtidMode::Off);
      s.has.variables["enforce_gtid_consistency"] = "OFF";
    }
    return servers;
  }

  /// A bare writable server without transactions.
  ModelServer& add(const NodeId& id) {
    auto& s = servers_[id];
    Seen seen{id.name};
    s.now = seen.now();
    s.now.read_only = ReadOnly::Off;
    s.now.super_read_only_persisted = false;
    s.now.semi_sync = SemiSync{};
    s.has.accounts = {AccountRole::Admin};
    s.has.clone_plugin = true;
    s.has.variables = {{"replica_net_timeout", "60"},     {"max_connections", "151"},     {"sync_binlog", "1"},
                       {"auto_increment_increment", "1"}, {"auto_increment_offset", "1"}, {"report_host", ""},
                       {"replica_skip_errors", "OFF"}};
    s.has.fixed_until_restart = {"report_host", "replica_skip_errors"};
    return s;
  }
  ModelServer& operator[](const NodeId& id) { return servers_.at(id); }
  ModelServer& operator[](const std::string& name) { return servers_.at({name}); }
  const ModelServer& at(const NodeId& id) const { return servers_.at(id); }
  const std::map<NodeId, ModelServer>& all() const { return servers_; }

  // ---- what happens to servers by itself

  /// A client's transaction. False: refused, or it waits for acknowledgements that do not come.
  bool write(const std::string& name, const std::optional<std::string>& schema = std::nullopt) {
    auto& s = servers_.at({name});
    if (s.life != Life::Up || s.now.read_only != ReadOnly::Off || s.now.offline_mode || commits_hang(s)) return false;
    const auto number = commit(s);
    if (schema) schema_of_[{s.now.server_uuid, number}] = *schema;
    apply_transaction(s, {s.now.server_uuid, number});
    settle();
    return true;
  }
  void kill(const std::string& name) {
    servers_.at({name}).life = Life::Down;
    settle();
  }
  void freeze(const std::string& name) {
    servers_.at({name}).life = Life::Frozen;
    settle();
  }
  void thaw(const std::string& name) {
    servers_.at({name}).life = Life::Up;
    settle();
  }
  /// What is not persisted is lost; replication starts by itself.
  void restart(const std::string& name) {
    auto& s = servers_.at({name});
    s.life = Life::Up;
    s.now.read_only = s.now.super_read_only_persisted ? ReadOnly::Super : ReadOnly::Off;
    s.now.offline_mode = false;
    s.now.semi_sync.source_enabled = false;
    s.now.uptime = 1s;
    for (auto& channel : s.now.channels) {
      channel.receiver = ThreadState::Running;
      channel.applier = ThreadState::Running;
    }
    settle();
  }

  /// Replication as far as it gets: receivers connect or say why not, all that is sent arrives and is applied.
  void settle() {
    for (std::size_t round = 0; round <= servers_.size() + 1; ++round) {
      for (auto& [id, s] : servers_) {
        if (s.life == Life::Up) receive(s);
      }
    }
    settle_group();
    for (auto& [id, s] : servers_) s.now.semi_sync.clients = clients_of(id);
    for (auto& [id, s] : servers_) {
      s.now.semi_sync.source_status = s.now.semi_sync.source_enabled;
    }
  }

  // ---- steps

  /// Carries the step out; the error of the server when it refuses.
  StepResult apply(const Step& step) {
    StepResult result;
    const auto found = servers_.find(node_of(step));
    if (found == servers_.end()) {
      result.error = Error{ErrorCode::NoSuchNode, node_of(step).name};
      return result;
    }
    auto& s = found->second;
    if (s.life == Life::Down) {
      result.error = Error{ErrorCode::ConnectionRefused, fmt::format("{} is down", node_of(step))};
      return result;
    }
    if (s.life == Life::Frozen) {
      result.error = Error{ErrorCode::DeadlineExceeded, fmt::format("{} is frozen", node_of(step))};
      result.certain = false;
      return result;
    }
    result.error = std::visit([&](const auto& known) { return carry_out(s, known, result); }, step);
    settle();
    return result;
  }

  // ---- looking

  /// What a probe finds now.
  Snapshot look(const NodeId& id, Time at) const {
    const auto& s = servers_.at(id);
    Snapshot seen;
    if (s.life == Life::Up) {
      seen = s.now;
    } else {
      seen.node = id;
      seen.reach = s.life == Life::Down ? Reach::Refused : Reach::Silent;
      seen.problem = s.life == Life::Down ? "connection refused" : "no answer in time";
    }
    seen.node = id;
    seen.taken_at = at;
    seen.took = Duration{0};
    if (seen.reachable() && seen.by_position()) show_places(seen);
    return seen;
  }

  /// Everything that can be known, with inventories, and histories compared with `primary`.
  View view(const std::optional<NodeId>& primary = std::nullopt) const {
    std::vector<Observation> all;
    for (const auto& [id, s] : servers_) {
      Observation o;
      o.node = id;
      o.latest = look(id, kNow);
      if (s.life == Life::Up) {
        o.reached = o.latest;
        o.inventory = s.has;
        if (primary && id != *primary && servers_.at(*primary).life == Life::Up) {
          o.errant = subtract(s.now.executed, servers_.at(*primary).now.executed);
        }
      } else {
        o.misses = 3;
      }
      all.push_back(std::move(o));
    }
    return {kNow, std::move(all)};
  }

 private:
  using Numbered = std::pair<std::string, std::int64_t>;  // UUID and number of a transaction
  using Outcome = std::optional<Error>;

  /// Without GTIDs only places in binary logs can be seen. The model counts its transactions all the same; each is 100
  /// bytes long in every log, and all have the same.
  static void show_places(Snapshot& seen) {
    const auto end_of = [](const GtidSet& log) { return BinlogPosition{"binlog.000001", 157 + 100 * log.count()}; };
    seen.log_position = end_of(seen.executed);
    for (auto& channel : seen.channels) {
      channel.read = end_of(unite(seen.executed, channel.received));
      channel.applied = end_of(seen.executed);
    }
    use_positions(seen);
  }
  /// Source: MySQL 8.4 Reference Manual, "Replication Mode Concepts", the table of compatible modes.
  static bool modes_fit(const ModelServer& source, const ModelServer& replica, bool auto_position) {
    const auto s = source.now.gtid_mode;
    const auto r = replica.now.gtid_mode;
    if (auto_position) return s >= GtidMode::OnPermissive && r != GtidMode::Off;
    if (s <= GtidMode::OffPermissive) return r != GtidMode::On;
    return r != GtidMode::Off;
  }

  static Outcome refused(const Step& step, std::string_view why, ErrorCode code = ErrorCode::ServerRefused) {
    return Error{code, fmt::format("{}: {}", describe(step), why)};
  }
  static bool& loaded(ModelServer& s, Plugin p) {
    switch (p) {
      case Plugin::SemiSyncSource:
        return s.now.semi_sync.source_plugin;
      case Plugin::SemiSyncReplica:
        return s.now.semi_sync.replica_plugin;
      case Plugin::Clone:
        return s.has.clone_plugin;
      case Plugin::GroupReplication:
        return s.now.group.plugin;
      case Plugin::PasswordValidation:
        return s.validates_passwords;
    }
    throw std::logic_error{"no such plugin"};
  }
  /// A group whose primary has gone makes another member its primary.
  void elect() {
    ModelServer* first = nullptr;
    for (auto& [id, s] : servers_) {
      if (!s.member || !s.now.group.single_primary) continue;
      if (s.elected) return;
      if (first == nullptr) first = &s;
    }
    if (first != nullptr) first->elected = true;
  }
  /// Members have what each of them has, and the same view.
  void settle_group() {
    GtidSet all;
    std::vector<GroupMember> members;
    for (auto& [id, s] : servers_) {
      if (s.life != Life::Up) s.member = s.elected = false;
      if (!s.member) continue;
      all = unite(all, s.now.executed);
    }
    elect();
    for (auto& [id, s] : servers_) {
      if (!s.member) continue;
      members.push_back(
          {s.now.server_uuid, address_of(id), MemberState::Online, s.elected || !s.now.group.single_primary});
    }
    for (auto& [id, s] : servers_) {
      if (!s.now.group.plugin) continue;
      if (!s.member) {
        s.now.group.members = {{s.now.server_uuid, address_of(id), MemberState::Offline, false}};
        continue;
      }
      const auto missing = subtract(all, s.now.executed);
      for (const auto& [origin, intervals] : missing.origins()) {
        for (const auto& interval : intervals) {
          for (auto n = interval.first; n <= interval.last; ++n) apply_transaction(s, {origin.uuid, n});
        }
      }
      s.now.executed = all;
      s.now.group.members = members;
      s.now.read_only = s.elected || !s.now.group.single_primary ? ReadOnly::Off : ReadOnly::Super;
    }
  }
  static bool commits_hang(const ModelServer& s) {
    return s.now.semi_sync.source_enabled && s.now.semi_sync.clients < s.now.semi_sync.wait_for_count;
  }

  static std::int64_t commit(ModelServer& s) {
    std::int64_t next = 1;
    const auto mine = s.now.executed.origins().find({s.now.server_uuid, ""});
    if (mine != s.now.executed.origins().end()) next = mine->second.back().last + 1;
    s.now.executed.add({s.now.server_uuid, ""}, {next, next});
    return next;
  }

  ModelServer* at_address(const Address& address) {
    for (auto& [id, s] : servers_) {
      if (address_of(id) == address) return &s;
    }
    return nullptr;
  }

  int clients_of(const NodeId& source) const {
    return static_cast<int>(std::count_if(servers_.begin(), servers_.end(), [&](const auto& n) {
      const auto* channel = n.second.now.channel();
      return n.second.life == Life::Up && n.second.now.semi_sync.replica_status && channel != nullptr &&
             channel->source == address_of(source);
    }));
  }

  static void lose(Channel& channel, ThreadState state, int error) {
    channel.receiver = state;
    channel.receiver_errno = error;
    channel.receiver_error = fmt::format("error {}", error);
    channel.silence.reset();
  }

  void receive(ModelServer& s) {
    s.now.semi_sync.replica_status = false;
    if (s.now.channels.empty()) return;
    auto& channel = s.now.channels.front();
    if (channel.receiver != ThreadState::Stopped) {
      auto* source = at_address(channel.source);
      if (source == nullptr) {
        lose(channel, ThreadState::Connecting, 2005);
      } else if (source->life != Life::Up) {
        lose(channel, ThreadState::Connecting, source->life == Life::Down ? 2003 : 2013);
      } else if (!source->has.accounts.contains(AccountRole::Replication)) {
        lose(channel, ThreadState::Connecting, 1045);
      } else if (!modes_fit(*source, s, channel.auto_position)) {
        lose(channel, ThreadState::Stopped, 13117);
      } else if (const auto mine = subtract(s.now.position(), source->now.executed);
                 mine.origins().contains({source->now.server_uuid, ""})) {
        lose(channel, ThreadState::Stopped, 13114);
      } else if (!s.now.position().contains(source->now.purged)) {
        lose(channel, ThreadState::Stopped, 1236);
      } else {
        channel.receiver = ThreadState::Running;
        channel.receiver_errno = 0;
        channel.receiver_error.clear();
        channel.source_uuid = source->now.server_uuid;
        channel.silence = Duration{100'000};
        channel.received = unite(channel.received, source->now.executed);
        s.now.semi_sync.replica_status = s.now.semi_sync.replica_enabled && source->now.semi_sync.source_plugin;
      }
    }
    // A delayed replica has not come to it yet; one that waits for acknowledgements never does.
    if (channel.applier != ThreadState::Running || channel.delay.count() > 0 || commits_hang(s)) return;
    channel.lag = Duration{0};
    const auto waiting = subtract(channel.received, s.now.executed);
    for (const auto& [origin, intervals] : waiting.origins()) {
      for (const auto& interval : intervals) {
        for (auto number = interval.first; number <= interval.last; ++number)
          apply_transaction(s, {origin.uuid, number});
      }
    }
    s.now.executed = unite(s.now.executed, channel.received);
  }

  void apply_transaction(ModelServer& s, const Numbered& transaction) {
    if (const auto account = account_of_.find(transaction); account != account_of_.end()) {
      s.has.accounts.insert(account->second);
    }
    if (const auto schema = schema_of_.find(transaction); schema != schema_of_.end()) {
      auto& schemas = s.has.user_schemas;
      if (std::find(schemas.begin(), schemas.end(), schema->second) == schemas.end()) schemas.push_back(schema->second);
    }
  }

  /// Why the server does not take the value.
  static std::string_view refusal_of(const ModelServer& s, const std::string& name, const std::string& value) {
    if (name == "enforce_gtid_consistency" && s.now.gtid_mode == GtidMode::On && value != "ON") {
      return "1779 while gtid_mode is ON";
    }
    if (name != "gtid_mode") return {};
    const auto to = mode_from(value);
    if (std::abs(static_cast<int>(to) - static_cast<int>(s.now.gtid_mode)) > 1) return "1788 one step at a time";
    if (to == GtidMode::On && s.has.variables.at("enforce_gtid_consistency") != "ON") {
      return "3111 enforce_gtid_consistency is not ON";
    }
    const bool by_itself =
        std::any_of(s.now.channels.begin(), s.now.channels.end(), [](const Channel& c) { return c.auto_position; });
    if (to == GtidMode::Off && by_itself) return "1776 a channel finds its place by itself";
    return {};
  }
  static GtidMode mode_from(std::string_view text) {
    for (const auto mode : {GtidMode::Off, GtidMode::OffPermissive, GtidMode::OnPermissive}) {
      if (to_string(mode) == text) return mode;
    }
    return GtidMode::On;
  }

  static void set_global(ModelServer& s, const std::string& name, const std::string& value) {
    s.has.variables[name] = value;
    if (name == "gtid_mode") s.now.gtid_mode = mode_from(value);
    if (name == "rpl_semi_sync_source_timeout") {
      s.now.semi_sync.timeout = std::chrono::milliseconds{std::stoll(value)};
    }
    if (name == "rpl_semi_sync_source_wait_no_replica") s.now.semi_sync.wait_no_replica = value == "ON";
    if (name == "rpl_semi_sync_source_wait_point") s.now.semi_sync.after_sync = value == "AFTER_SYNC";
  }

  // ---- each step

  Outcome carry_out(ModelServer& s, const InstallPlugin& step, StepResult&) {
    if (loaded(s, step.plugin)) return std::nullopt;
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    loaded(s, step.plugin) = true;
    if (step.plugin == Plugin::SemiSyncSource) {
      s.now.semi_sync.timeout = std::chrono::milliseconds{10'000};
      s.has.variables["rpl_semi_sync_source_timeout"] = "10000";
      s.has.variables["rpl_semi_sync_source_wait_no_replica"] = "ON";
      s.has.variables["rpl_semi_sync_source_wait_point"] = "AFTER_SYNC";
    }
    if (step.plugin == Plugin::GroupReplication) {
      s.has.variables["group_replication_start_on_boot"] = "ON";
      s.has.variables["group_replication_single_primary_mode"] = "ON";
      s.has.variables["group_replication_enforce_update_everywhere_checks"] = "OFF";
    }
    if (step.plugin == Plugin::PasswordValidation) {
      s.has.variables["validate_password.length"] = "8";
      s.has.variables["validate_password.policy"] = "MEDIUM";
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const UninstallPlugin& step, StepResult&) {
    if (!loaded(s, step.plugin)) return std::nullopt;
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    loaded(s, step.plugin) = false;
    if (step.plugin == Plugin::SemiSyncSource) {
      std::erase_if(s.has.variables, [](const auto& v) { return v.first.starts_with("rpl_semi_sync_source_"); });
    }
    if (step.plugin == Plugin::SemiSyncReplica) s.now.semi_sync.replica_enabled = false;
    if (step.plugin == Plugin::PasswordValidation) {
      std::erase_if(s.has.variables, [](const auto& v) { return v.first.starts_with("validate_password."); });
    }
    if (step.plugin == Plugin::GroupReplication) {
      s.now.group = {};
      std::erase_if(s.has.variables, [](const auto& v) { return v.first.starts_with("group_replication_"); });
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const CreateAccount& step, StepResult& result) {
    // What is logged is said for those that lack it, too.
    if (s.has.accounts.contains(step.role) && step.logged == Logged::No) return std::nullopt;
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    if (step.logged == Logged::Yes) {
      if (commits_hang(s)) {
        result.certain = false;
        return refused(step, "waits for acknowledgements", ErrorCode::DeadlineExceeded);
      }
      account_of_[{s.now.server_uuid, commit(s)}] = step.role;
    }
    s.has.accounts.insert(step.role);
    return std::nullopt;
  }
  /// What follows `writer`, or is in its group, has its accounts as well: everything replicates at once here.
  void accounts_reach_everybody(const ModelServer& writer) {
    for (auto& [id, other] : servers_) {
      const auto* channel = other.now.channel();
      const bool follows = channel != nullptr && channel->receiver == ThreadState::Running;
      if (!follows && !(writer.member && other.member)) continue;
      other.has.accounts = writer.has.accounts;
      other.has.account_faults = writer.has.account_faults;
      other.has.former_passwords = writer.has.former_passwords;
    }
  }
  Outcome carry_out(ModelServer& s, const AmendAccount& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    auto& faults = s.has.account_faults[step.role];
    for (const auto fault : step.faults) faults.erase(fault);
    if (faults.empty()) {
      s.has.account_faults.erase(step.role);
      s.has.accounts.insert(step.role);
    }
    if (step.logged == Logged::Yes) {
      commit(s);
      accounts_reach_everybody(s);
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const RotatePassword& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    auto& faults = s.has.account_faults[step.role];
    faults.erase(AccountFault::Password);
    faults.erase(AccountFault::Locked);
    faults.erase(AccountFault::Expired);
    if (faults.empty()) {
      s.has.account_faults.erase(step.role);
      s.has.accounts.insert(step.role);
    }
    s.has.former_passwords.insert(step.role);
    commit(s);
    accounts_reach_everybody(s);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const DiscardFormerPassword& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    if (step.role == AccountRole::Replication) {
      for (const auto& [id, other] : servers_) {
        if (!other.has.receiver_as_declared.value_or(true)) {
          return refused(step, id.name + " still logs in with the former password");
        }
      }
    }
    s.has.former_passwords.erase(step.role);
    commit(s);
    accounts_reach_everybody(s);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const ChangeGrants& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    const bool group_uses_it = step.role == AccountRole::Replication && s.member && !step.to &&
                               std::any_of(step.grants.begin(), step.grants.end(),
                                           [](const auto& g) { return g.privilege == "GROUP_REPLICATION_STREAM"; });
    if (group_uses_it) return refused(step, "members log in with it");
    commit(s);
    everybody_who_follows(s, [&](ModelServer& other) {
      for (const auto& grant : step.grants) {
        if (step.to) {
          other.revoked[step.account.user].erase(grant);
        } else {
          other.revoked[step.account.user].insert(grant);
        }
      }
    });
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const LockAccount& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    commit(s);
    everybody_who_follows(s, [&](ModelServer& other) {
      if (step.to) {
        other.locked.insert(step.account.user);
      } else {
        other.locked.erase(step.account.user);
      }
    });
    return std::nullopt;
  }
  /// `writer` and what follows it directly or not: everything replicates at once here.
  template <class Change>
  void everybody_who_follows(ModelServer& writer, Change change) {
    for (auto& [id, other] : servers_) {
      const auto* channel = other.now.channel();
      const bool follows = channel != nullptr && channel->receiver == ThreadState::Running;
      if (&other == &writer || follows || (writer.member && other.member)) change(other);
    }
  }
  Outcome carry_out(ModelServer& s, const RenewReceiver& step, StepResult&) {
    const auto* source = s.now.channel() == nullptr ? nullptr : at_address(s.now.channel()->source);
    if (source != nullptr && source->has.faults_of(AccountRole::Replication).contains(AccountFault::Password)) {
      return refused(step, "the source does not take the declared password");
    }
    s.has.receiver_as_declared = true;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer&, const RunHook&, StepResult&) { return std::nullopt; }
  Outcome carry_out(ModelServer& s, const DropAccount& step, StepResult&) {
    if (s.now.read_only == ReadOnly::Super) return refused(step, "1290 under super_read_only");
    s.has.accounts.erase(step.role);
    if (step.logged == Logged::Yes) {
      // Replicates at once, as everything here does.
      commit(s);
      for (auto& [id, other] : servers_) {
        const auto* channel = other.now.channel();
        const bool follows = channel != nullptr && channel->receiver == ThreadState::Running;
        if (follows || (s.member && other.member)) other.has.accounts.erase(step.role);
      }
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetVariable& step, StepResult&) {
    if (step.name.starts_with("rpl_semi_sync_source_") && !s.now.semi_sync.source_plugin) {
      return refused(step, "1193 unknown system variable");
    }
    if (step.name.starts_with("group_replication_") && !s.now.group.plugin) {
      return refused(step, "1193 unknown system variable");
    }
    if (s.has.fixed_until_restart.contains(step.name)) return refused(step, "1238 a read only variable");
    if (step.to.empty()) return refused(step, "1231 no such value");
    if (const auto why = refusal_of(s, step.name, step.to); !why.empty()) return refused(step, why);
    if (step.name == "group_replication_single_primary_mode") {
      if (s.member) return refused(step, "3093 while group replication runs");
      s.now.group.single_primary = step.to == "ON";
    }
    if (step.name == "group_replication_group_name") s.now.group.name = step.to;
    s.has.persisted[step.name] = step.to;
    set_global(s, step.name, step.to);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const ResetVariable& step, StepResult&) {
    if (const auto why = refusal_of(s, step.name, step.to); !step.to.empty() && !why.empty()) {
      return refused(step, why);
    }
    s.has.persisted.erase(step.name);
    if (!step.to.empty() && s.has.variables.contains(step.name)) set_global(s, step.name, step.to);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const PersistReadOnly& step, StepResult&) {
    s.now.super_read_only_persisted = step.to;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetReadOnly& step, StepResult& result) {
    if (step.to == ReadOnly::Off && step.only_with_semi_sync && !s.now.semi_sync.source_enabled) {
      return refused(step, "semi-sync is off", ErrorCode::PreconditionFailed);
    }
    if (step.to != ReadOnly::Off && s.now.read_only == ReadOnly::Off && s.now.semi_sync.wait_sessions > 0) {
      result.certain = true;
      return refused(step, "1205 behind a commit that waits", ErrorCode::LockWaitTimeout);
    }
    s.now.read_only = step.to;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetOfflineMode& step, StepResult&) {
    s.now.offline_mode = step.to;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetSemiSyncSource& step, StepResult&) {
    if (!s.now.semi_sync.source_plugin) return refused(step, "1193 unknown system variable");
    s.now.semi_sync.source_enabled = step.to;
    s.now.semi_sync.wait_for_count = step.acks_to;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetSemiSyncReplica& step, StepResult&) {
    if (!s.now.semi_sync.replica_plugin) return refused(step, "1193 unknown system variable");
    s.now.semi_sync.replica_enabled = step.to;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const ResetGtids& step, StepResult&) {
    if (!s.now.channels.empty()) return refused(step, "has a channel", ErrorCode::PreconditionFailed);
    if (!s.has.user_schemas.empty()) return refused(step, "has data", ErrorCode::PreconditionFailed);
    if (!step.discarded.contains(s.now.executed)) return refused(step, "has more", ErrorCode::PreconditionFailed);
    s.now.executed = {};
    s.now.purged = {};
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const StartReplication& step, StepResult&) {
    if (s.now.channels.empty()) return refused(step, "1200 no channel");
    auto& channel = s.now.channels.front();
    channel.receiver = ThreadState::Running;
    channel.applier = ThreadState::Running;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const StopReplication& step, StepResult&) {
    if (s.now.channels.empty()) return refused(step, "1200 no channel");
    s.now.channels.front().receiver = ThreadState::Stopped;
    s.now.channels.front().applier = ThreadState::Stopped;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const DetachReceiver& step, StepResult& result) {
    if (!s.now.channels.empty()) {
      auto& channel = s.now.channels.front();
      if (channel.applier != ThreadState::Running) return refused(step, "the applier does not run");
      channel.source = {kDetachedHost, 3306};
      lose(channel, ThreadState::Stopped, 0);
    }
    result.position = look(step.replica, kNow).position();
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const FollowSource& step, StepResult&) {
    const auto& source = servers_.at(step.to);
    const bool has_gtids = s.now.gtid_mode == GtidMode::On && source.now.gtid_mode == GtidMode::On;
    const bool knows_its_place =
        (!s.now.channels.empty() && s.now.channels.front().source == address_of(step.to)) || s.clone_of == step.to;
    if (!has_gtids && !knows_its_place &&
        (source.now.read_only != ReadOnly::Super || source.now.executed != s.now.executed)) {
      return refused(step, "nobody knows its place in that log", ErrorCode::PreconditionFailed);
    }
    if (s.now.channels.empty()) {
      Channel fresh;
      fresh.name = step.channel;
      fresh.heartbeat_interval = 500ms;
      s.now.channels.push_back(fresh);
    }
    auto& channel = s.now.channels.front();
    channel.source = address_of(step.to);
    channel.auto_position = has_gtids;
    channel.delay = step.delay;
    channel.receiver = ThreadState::Running;
    channel.applier = ThreadState::Running;
    channel.receiver_errno = 0;
    settle();
    const bool final =
        channel.receiver_errno == 1045 || channel.receiver_errno == 1236 || channel.receiver_errno >= 13114;
    if (final) return refused(step, channel.receiver_error);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const ForgetSource&, StepResult&) {
    if (!s.now.channels.empty()) {
      // Drained first.
      s.now.executed = unite(s.now.executed, s.now.channels.front().received);
      s.now.channels.clear();
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const WaitForApplied& step, StepResult& result) {
    settle();
    const auto& source = servers_.at(step.source);
    if (source.life != Life::Up) return refused(step, "the source does not answer", ErrorCode::ConnectionRefused);
    if (!s.now.executed.contains(source.now.executed)) return refused(step, "not in time", ErrorCode::DeadlineExceeded);
    result.position = look(step.source, kNow).written();
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const ApplyReceived& step, StepResult&) {
    settle();
    if (!s.now.executed.contains(step.received)) return refused(step, "not in time", ErrorCode::DeadlineExceeded);
    return std::nullopt;
  }
  /// Nobody has a transaction open for long.
  Outcome carry_out(ModelServer& s, const WaitForGtids& step, StepResult&) {
    if (s.now.gtid_mode <= GtidMode::OffPermissive) return refused(step, "not in time", ErrorCode::DeadlineExceeded);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const WaitForAckers& step, StepResult&) {
    if (!s.now.semi_sync.source_plugin) return refused(step, "the plugin is not loaded", ErrorCode::PreconditionFailed);
    settle();
    if (s.now.semi_sync.clients < step.count) return refused(step, "not in time", ErrorCode::DeadlineExceeded);
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const CloseReturned&, StepResult&) {
    s.now.offline_mode = true;
    s.now.semi_sync.source_enabled = false;
    s.now.semi_sync.wait_sessions = 0;
    s.now.read_only = ReadOnly::Super;
    return std::nullopt;
  }

  Outcome carry_out(ModelServer& s, const CloneFrom& step, StepResult& result) {
    auto& donor = servers_.at(step.donor);
    if (donor.life != Life::Up || !donor.has.clone_plugin) return refused(step, "3862 the donor cannot be cloned");
    if (!donor.has.accounts.contains(AccountRole::Replication)) return refused(step, "1045 on the donor");
    if (!subtract(subtract(s.now.executed, step.discarded), donor.now.executed).empty()) {
      return refused(step, "has more than may be lost", ErrorCode::PreconditionFailed);
    }
    s.clone_of = step.donor;
    s.now.executed = donor.now.executed;
    s.now.purged = donor.now.executed;
    s.now.channels.clear();
    s.now.semi_sync.source_plugin = donor.now.semi_sync.source_plugin;
    s.now.semi_sync.replica_plugin = donor.now.semi_sync.replica_plugin;
    s.now.semi_sync.source_enabled = s.now.semi_sync.replica_enabled = false;
    s.now.group.plugin = donor.now.group.plugin;
    s.now.read_only = ReadOnly::Super;
    s.now.super_read_only_persisted = true;
    s.now.offline_mode = false;
    s.has.accounts = donor.has.accounts;
    s.has.user_schemas = donor.has.user_schemas;
    for (const auto& [name, value] : donor.has.variables) {
      if (name.starts_with("rpl_semi_sync_source_")) s.has.variables.emplace(name, "");
    }
    if (s.now.semi_sync.source_plugin) {
      // What the recipient has persisted stays its own.
      const auto starts_with = [&](const std::string& name, const std::string& otherwise) {
        const auto own = s.has.persisted.find(name);
        s.has.variables[name] = own == s.has.persisted.end() ? otherwise : own->second;
      };
      starts_with("rpl_semi_sync_source_timeout", "10000");
      starts_with("rpl_semi_sync_source_wait_no_replica", "ON");
      starts_with("rpl_semi_sync_source_wait_point", "AFTER_SYNC");
    }
    result.position = look(step.node, kNow).written();
    return std::nullopt;
  }
  /// No second server is away, no client is cut off in a write, and no member is lost to its group.
  Outcome carry_out(ModelServer& s, const RestartServer& step, StepResult&) {
    const auto in_force = [&](const StartVariable& v) { return s.has.variables[v.name] == v.to; };
    const bool nothing_to_do =
        !step.variables.empty() && std::all_of(step.variables.begin(), step.variables.end(), in_force);
    if (!nothing_to_do && !s.supervised) return refused(step, "3707 nobody starts it", ErrorCode::PreconditionFailed);
    for (const auto& variable : step.variables) {
      s.has.persisted.erase(variable.name);
      if (variable.persisted_to) s.has.persisted[variable.name] = *variable.persisted_to;
    }
    if (nothing_to_do) return std::nullopt;
    if (s.member) return refused(step, "is a member, and the group would lose it");
    if (s.now.read_only == ReadOnly::Off) return refused(step, "takes writes");
    for (const auto& variable : step.variables) set_global(s, variable.name, variable.to);
    restart(step.node.name);
    const auto* channel = s.now.channel();
    if (step.replicates && (channel == nullptr || channel->receiver != ThreadState::Running)) {
      return refused(step, "does not replicate since", ErrorCode::DeadlineExceeded);
    }
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const StartGroup& step, StepResult&) {
    if (s.member) return std::nullopt;
    if (!s.now.group.plugin) return refused(step, "the plugin is not loaded", ErrorCode::PreconditionFailed);
    for (const auto* name : {"group_replication_group_name", "group_replication_local_address"}) {
      if (!s.has.variables.contains(name)) return refused(step, fmt::format("{} is mandatory", name));
    }
    if (!s.has.accounts.contains(AccountRole::Replication)) return refused(step, "no recovery account");
    const auto runs = std::any_of(servers_.begin(), servers_.end(), [](const auto& n) { return n.second.member; });
    if (step.how == GroupStart::Bootstrap) {
      if (runs) return refused(step, "would be a second group");
      s.elected = s.now.group.single_primary;
    } else {
      if (!runs) return refused(step, "no member answers");
      for (const auto& [id, other] : servers_) {
        if (!other.member) continue;
        if (!subtract(s.now.executed, other.now.executed).empty()) return refused(step, "3092 has more than the group");
        if (!s.now.executed.contains(other.now.purged)) return refused(step, "nobody has what it needs");
        if (other.now.group.single_primary != s.now.group.single_primary) return refused(step, "3092 another mode");
      }
    }
    if (!s.now.channels.empty()) return refused(step, "replicates by a channel too");
    s.member = true;
    const auto kept = s.has.persisted.find("group_replication_start_on_boot");
    if (kept != s.has.persisted.end() && kept->second == "OFF") start_on_boot(s, "ON");
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const StopGroup& step, StepResult&) {
    if (step.leaves == ReadOnly::Off && !s.member) s.now.read_only = ReadOnly::Off;
    if (!s.member) return std::nullopt;
    s.member = s.elected = false;
    s.now.read_only = step.leaves;
    start_on_boot(s, "OFF");
    return std::nullopt;
  }
  static void start_on_boot(ModelServer& s, const std::string& value) {
    s.has.persisted["group_replication_start_on_boot"] = value;
    s.has.variables["group_replication_start_on_boot"] = value;
  }
  Outcome carry_out(ModelServer& s, const SetGroupPrimary& step, StepResult&) {
    if (!s.member || !s.now.group.single_primary) return refused(step, "is no member of a single-primary group");
    for (auto& [id, other] : servers_) other.elected = false;
    s.elected = true;
    return std::nullopt;
  }
  Outcome carry_out(ModelServer& s, const SetGroupMode& step, StepResult&) {
    if (!s.member) return refused(step, "is no member");
    for (auto& [id, other] : servers_) {
      if (!other.member) continue;
      other.now.group.single_primary = !step.to_multi_primary;
      other.has.variables["group_replication_single_primary_mode"] = step.to_multi_primary ? "OFF" : "ON";
      other.has.variables["group_replication_enforce_update_everywhere_checks"] = step.to_multi_primary ? "ON" : "OFF";
      other.elected = !step.to_multi_primary && &other == &s;
    }
    return std::nullopt;
  }

  Outcome carry_out(ModelServer& s, const RetireGtids& step, StepResult& result) {
    settle();
    const auto missing = subtract(step.retired, s.now.executed);
    if (missing.empty()) return std::nullopt;
    if (s.now.read_only != ReadOnly::Off) return refused(step, "1290 read-only", ErrorCode::PreconditionFailed);
    for (auto& [id, other] : servers_) {
      if (id == step.node) continue;
      if (other.life != Life::Up) return refused(step, id.name + " is silent", ErrorCode::PreconditionFailed);
      if (other.now.position().intersects(missing)) {
        return refused(step, id.name + " has some of them", ErrorCode::ErrantTransactions);
      }
    }
    s.now.executed = unite(s.now.executed, missing);
    result.position = missing;
    settle();
    return std::nullopt;
  }

  std::map<NodeId, ModelServer> servers_;
  std::map<Numbered, AccountRole> account_of_;
  std::map<Numbered, std::string> schema_of_;
};

/// Carries out all steps of a plan in the given order; the first refusal, if any.
inline std::optional<Error> apply_all(Servers& servers, const Plan& plan, const std::vector<std::size_t>& order) {
  for (const auto i : order) {
    const auto result = servers.apply(plan.steps[i].step);
    if (!result.ok() && !plan.steps[i].best_effort) return result.error;
  }
  return std::nullopt;
}
inline std::vector<std::size_t> in_written_order(const Plan& plan) {
  std::vector<std::size_t> order(plan.steps.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  return order;
}

}  // namespace repl::test

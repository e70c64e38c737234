// The checks, in the order in which people would ask.
#include "plan/converge/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "plan/converge/donor.hpp"
#include "plan/group.hpp"
#include "plan/variables.hpp"

namespace repl::plan::converge {
namespace {

constexpr ServerVersion kOldest{8, 0, 26};
/// The MySQL communication stack. Source: MySQL 8.0 Reference Manual, 18.6.1.
constexpr ServerVersion kOldestInGroup{8, 0, 27};
/// An empty node that lacks more is cloned: replaying so many takes longer than a copy.
constexpr std::uint64_t kReplayedAtMost = 20'000;

class Checker {
 public:
  Checker(const Spec& wanted, const Office& office, const Spec* before, const View& view, const Allowed& allowed)
      : wanted_(wanted),
        known_(with_leaving_nodes(wanted, before)),
        office_(office),
        before_(before),
        view_(view),
        allowed_(allowed) {}

  Result<Checked> check() && {
    out_.may_lose_data = allowed_.to_lose_data;
    change_of_topology();
    for (const auto& node : wanted_.nodes) collect(node);
    find_seed();
    identities();
    passwords();
    former_password();
    for (const auto& [id, node] : out_.nodes) fitness(node);
    change_of_positioning();
    for (const auto& [id, node] : out_.nodes) {
      if (out_.changes_to_gtids) continue;
      if (wanted_.by_position()) {
        place(node);
      } else {
        history(node);
      }
    }
    if (wanted_.by_position()) below_clones();
    for (const auto& [id, lost] : out_.to_clone) has_a_donor(id);
    if (!reasons_.empty()) {
      return tl::unexpected(Error{code_, fmt::format("{}: nothing was changed:{}", wanted_.cluster, reasons_)});
    }
    return std::move(out_);
  }

 private:
  void refuse(ErrorCode code, std::string reason) {
    if (reasons_.empty()) code_ = code;
    reasons_ += "\n  - " + std::move(reason);
  }

  /// Others go by way of source-replica, each with an apply of its own.
  void change_of_topology() {
    if (before_ == nullptr || before_->topology == wanted_.topology) return;
    const bool of_the_tree =
        before_->topology == TopologyType::SourceReplica || wanted_.topology == TopologyType::SourceReplica;
    const bool same_kind = (before_->is_group() && wanted_.is_group()) || (before_->is_ring() && wanted_.is_ring());
    if (of_the_tree || same_kind) return;
    refuse(ErrorCode::NotSupported,
           fmt::format("from {} to {} in one step is not possible: apply source-replica first, then this file",
                       to_string(before_->topology), to_string(wanted_.topology)));
  }

  // ---- whose data everybody gets ------------------------------------------------------------------------------------

  void find_seed() {
    if (wanted_.nodes.empty()) return;
    if (wanted_.topology == TopologyType::SourceReplica) return find_primary();
    if (office_.primary && wanted_.find(*office_.primary) != nullptr) {
      out_.seed = *office_.primary;
      return;
    }
    if (office_.primary && wanted_.is_group()) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is the primary and is not in the new file: `replctl switchover` first", *office_.primary));
    }
    // A member that says of itself that it writes, then one that has data, then the first of the file.
    const auto rank = [&](const NodeSpec& spec) {
      const auto found = out_.nodes.find(spec.id);
      if (found == out_.nodes.end()) return 3;
      const auto& node = found->second;
      if (node.now->in_group() && node.now->read_only == ReadOnly::Off) return 0;
      if (!node.empty() || node.follows()) return 1;
      return 2;
    };
    const auto best = std::min_element(wanted_.nodes.begin(), wanted_.nodes.end(),
                                       [&](const NodeSpec& a, const NodeSpec& b) { return rank(a) < rank(b); });
    out_.seed = best->id;
    if (out_.nodes.find(out_.seed) == out_.nodes.end() && reasons_.empty()) {
      refuse(ErrorCode::PreconditionFailed, "no node of the file answers");
    }
  }

  void find_primary() {
    const auto* declared = wanted_.declared_source();
    out_.seed = office_.primary.value_or(declared->id);
    if (!office_.primary) return took_writes_before();
    if (wanted_.find(out_.seed) == nullptr) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is the primary and is not in the new file: `replctl switchover` first", out_.seed));
      return;
    }
    primary_is_the_same_server();
    const auto* declared_before = before_ != nullptr ? before_->declared_source() : nullptr;
    const bool moved = declared_before != nullptr && declared_before->id != declared->id;
    if (moved && declared->id != out_.seed) {
      out_.moves_to = declared->id;
    } else if (declared->id != out_.seed) {
      out_.notes.push_back(fmt::format("primary is {} (declared {})", out_.seed, declared->id));
    }
  }

  /// Its name may stand for another address; with another server there, nobody would be the primary.
  void primary_is_the_same_server() {
    const auto* was = before_ == nullptr ? nullptr : before_->find(out_.seed);
    if (was == nullptr || was->address == wanted_.find(out_.seed)->address) return;
    const auto* there = view_.reachable(at_former_address(*was));
    const auto* here = view_.reachable(out_.seed);
    if (there == nullptr || here == nullptr || there->server_uuid == here->server_uuid) return;
    refuse(
        ErrorCode::PreconditionFailed,
        fmt::format("{} is the primary, and at {} is another server than at {}: `replctl switchover` first, and then "
                    "replace {}",
                    out_.seed, to_string(wanted_.find(out_.seed)->address), to_string(was->address), out_.seed));
  }

  /// What several writers wrote is on each of them, and the others follow the new primary.
  void took_writes_before() {
    if (before_ == nullptr || !before_->several_writers()) return;
    if (before_->find(out_.seed) != nullptr || before_->find(wanted_.find(out_.seed)->address) != nullptr) return;
    refuse(ErrorCode::PreconditionFailed,
           fmt::format("{} is the source of the new file and no node of the old one: name a node that takes writes now "
                       "as the source, apply, then `replctl switchover`",
                       out_.seed));
  }

  bool must_answer(const NodeSpec& spec) const {
    const bool known = before_ != nullptr && before_->find(spec.id) != nullptr &&
                       before_->find(spec.id)->address == spec.address && spec.id != office_.primary;
    return !known || before_->topology != wanted_.topology || before_->positioning != wanted_.positioning ||
           ring_changes();
  }

  /// Who does not answer repld may take writes all the same: it would go on counting its keys in the former steps, or
  /// waiting for a node that acknowledges nothing any more.
  bool ring_changes() const {
    if (before_ == nullptr || !before_->is_ring()) return false;
    return before_->semi_sync() != wanted_.semi_sync() ||
           !std::equal(before_->nodes.begin(), before_->nodes.end(), wanted_.nodes.begin(), wanted_.nodes.end(),
                       [](const NodeSpec& a, const NodeSpec& b) { return a.id == b.id; });
  }

  void collect(const NodeSpec& spec) {
    const auto* now = view_.reachable(spec.id);
    const auto* seen = view_.find(spec.id);
    if (now != nullptr && seen->inventory) {
      out_.nodes[spec.id] = Node{&spec, now, &*seen->inventory};
      return;
    }
    const auto what = seen == nullptr || !seen->latest ? std::string{"was not looked at"}
                      : seen->latest->problem.empty()  ? std::string{"does not answer"}
                                                       : seen->latest->problem;
    if (!must_answer(spec)) {
      out_.notes.push_back(fmt::format("{} is left out: {}", spec.id, what));
    } else {
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format(
              "{} ({}): {}. Every node must answer repld's admin account '{}'", spec.id, to_string(spec.address), what,
              wanted_.accounts.contains(AccountRole::Admin) ? wanted_.accounts.at(AccountRole::Admin).user : "?"));
    }
  }

  // ---- each node by itself ------------------------------------------------------------------------------------------

  void identities() {
    std::map<std::string, NodeId> uuids;
    std::map<std::uint32_t, NodeId> ids;
    for (const auto& [id, node] : out_.nodes) {
      if (const auto [at, fresh] = uuids.emplace(node.now->server_uuid, id); !fresh) {
        refuse(
            ErrorCode::PreconditionFailed,
            fmt::format("{} and {} have the same server_uuid {}: remove auto.cnf from one's data folder and restart it",
                        at->second, id, node.now->server_uuid));
      }
      if (const auto [at, fresh] = ids.emplace(node.now->server_id, id); !fresh) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} and {} have the same server_id {}: SET PERSIST server_id on one", at->second, id,
                           node.now->server_id));
      }
    }
  }

  /// Read by repld, so that one node's inventory says it for all.
  void passwords() {
    if (out_.nodes.empty()) return;
    for (const auto& [role, why] : out_.nodes.begin()->second.has->unusable_passwords) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("accounts.{}.password cannot be used: {}", to_string(role), why));
    }
  }

  /// A server keeps one former password: another rotation ends it, and whoever still has that is locked out.
  void former_password() {
    const auto found = out_.nodes.find(out_.seed);
    if (found == out_.nodes.end() || found->second.now->read_only != ReadOnly::Off) return;
    const auto& has = *found->second.has;
    const bool rotates = has.faults_of(AccountRole::Replication).contains(AccountFault::Password);
    if (!rotates || !has.former_passwords.contains(AccountRole::Replication)) return;
    std::string users;
    for (const auto& spec : wanted_.nodes) {
      const auto* why = why_it_may_need_the_former(spec);
      if (why != nullptr) users += fmt::format("{}{} ({})", users.empty() ? "" : ", ", spec.id, why);
    }
    if (users.empty()) return;
    refuse(ErrorCode::PreconditionFailed,
           fmt::format("the password of the replication account was rotated before, and changes once more, which would "
                       "end the former one; that may still be needed by {}. Put the present password back where the "
                       "file says it is, apply when they are there and have been told, and rotate then; or take them "
                       "out of the file",
                       users));
  }

  const char* why_it_may_need_the_former(const NodeSpec& spec) const {
    const auto found = out_.nodes.find(spec.id);
    if (found == out_.nodes.end()) return "does not answer";
    const auto& node = found->second;
    if (node.has->receiver_as_declared.value_or(true)) return nullptr;
    if (!node.attached()) return "does not replicate";
    const auto source =
        node.now->channel() == nullptr ? std::nullopt : diagnose::source_node(known_, *node.now->channel());
    const auto* below = source ? wanted_.find(*source) : nullptr;
    return below != nullptr && below->delay.count() > 0 ? "follows a delayed node" : nullptr;
  }

  void fitness(const Node& node) {
    const auto& id = node.id();
    const auto& now = *node.now;
    const auto oldest = wanted_.is_group() ? kOldestInGroup : kOldest;
    if (now.version < oldest) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is MySQL {}.{}.{}; {}.{}.{} is the oldest that is managed{}", id, now.version.major,
                         now.version.minor, now.version.patch, oldest.major, oldest.minor, oldest.patch,
                         wanted_.is_group() ? " in a group" : ""));
    }
    gtid_mode(node);
    if (!now.log_replica_updates && !gets_by_a_restart(node, "log_replica_updates", "ON")) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} has log_replica_updates off: write `settings: {{ log_replica_updates: ON }}`, which "
                         "restarts it, or set it in its option file and restart it",
                         id));
    }
    settings(node);
    if (!node.has->admin_may_operate) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{}: the admin account lacks {}", id, node.has->admin_lacks));
    }
    const auto settings_of_node = wanted_.settings_of(id);
    const bool gets_ca = settings_of_node.contains("ssl_ca") && !settings_of_node.at("ssl_ca").empty();
    if (wanted_.tls.verifies() && !gets_ca && value_before(*node.has, "ssl_ca").empty() &&
        node.has->variables.contains("ssl_ca")) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} has no ssl_ca, the file with the authority by which it checks other servers: set it in "
                         "its option file, or SET PERSIST ssl_ca and ALTER INSTANCE RELOAD TLS",
                         id));
    }
    plugins(node);
    for (const auto& channel : now.channels) {
      if (!is_detached(channel) && !diagnose::source_node(known_, channel)) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} replicates from {}, which is not in the file", id, to_string(channel.source)));
      }
    }
    const bool of_a_ring = before_ != nullptr && before_->is_ring();
    if (wanted_.topology == TopologyType::SourceReplica && id == out_.seed && !office_.primary && !of_a_ring &&
        node.follows()) {
      if (const auto source = diagnose::source_node(known_, *now.channel())) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} replicates from {}: name {} as the source, apply, then `replctl switchover`", id,
                           *source, *source));
      }
    }
    if (now.channels.size() > 1) {
      refuse(ErrorCode::NotSupported, fmt::format("{} has {} replication channels", id, now.channels.size()));
    }
    if (!wanted_.several_writers() && id != out_.seed && now.read_only == ReadOnly::Off && office_.primary &&
        !node.empty() && now.channels.empty() && !node.member()) {
      out_.notes.push_back(fmt::format("{} took writes until now; it is closed first", id));
    }
    if (!wanted_.is_group() && node.member() && (before_ == nullptr || !before_->is_group())) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is a member of the group {}: adopt the group first, or STOP GROUP_REPLICATION there", id,
                         now.group.name));
    }
    if (wanted_.is_group()) tables_fit_a_group(node);
    if (wanted_.is_group() && node.member()) tls_of_member(node);
  }

  /// A running member changes none of these. With `preferred` it may stay as it was.
  void tls_of_member(const Node& node) {
    if (wanted_.tls.mode == TlsMode::Preferred) return;
    const auto declared = group_variables_of_stopped(wanted_, *node.spec, node.now->group.name);
    std::string statements;
    for (const auto* name : {"group_replication_ssl_mode", "group_replication_recovery_use_ssl",
                             "group_replication_recovery_ssl_verify_server_cert"}) {
      const auto is = node.has->variables.find(name);
      if (is == node.has->variables.end() || same_value(is->second, declared.at(name))) continue;
      statements += fmt::format("SET PERSIST {}='{}'; ", name, declared.at(name));
    }
    if (statements.empty()) return;
    if (wanted_.tls.verifies()) statements += "SET PERSIST group_replication_recovery_ssl_ca=@@ssl_ca; ";
    refuse(
        ErrorCode::PreconditionFailed,
        fmt::format("{} runs as a member with another TLS mode than `tls.mode: {}`, and keeps it until it is started "
                    "anew. `replctl pause {}`; then on each member in turn, the primary last: STOP "
                    "GROUP_REPLICATION; {}START GROUP_REPLICATION; then `replctl resume {}` and apply again",
                    node.id(), to_string(wanted_.tls.mode), wanted_.cluster, statements, wanted_.cluster));
  }

  bool gets_by_a_restart(const Node& node, const std::string& name, const std::string& value) const {
    const auto settings = wanted_.settings_of(node.id());
    const auto found = settings.find(name);
    return found != settings.end() && same_value(found->second, value) &&
           node.has->fixed_until_restart.contains(name) && !node.has->fixed_by_option_file.contains(name);
  }

  /// What no SQL can set.
  void settings(const Node& node) {
    for (const auto& [name, value] : wanted_.settings_of(node.id())) {
      const auto is = value_before(*node.has, name);
      if (!node.has->fixed_by_option_file.contains(name) || same_value(is, value)) continue;
      if (!node.has->variables.contains(name)) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} has no server variable {}: correct its name, load the plugin that it comes with, or "
                           "remove it from `settings` (and `nodeSettings`)",
                           node.id(), name));
        continue;
      }
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{}: {} is {} and should be {}, and no SQL can set it, nor persist it: write it into the "
                         "server's option file and restart the server, or remove it from `settings`",
                         node.id(), name, is.empty() ? "''" : is, value));
    }
  }

  void gtid_mode(const Node& node) {
    const auto& now = *node.now;
    if (wanted_.by_position()) {
      const bool goes_back = before_ != nullptr && !before_->by_position();  // change_of_positioning() says why not
      if (now.by_position() || goes_back) return;
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} has gtid_mode ON: write `positioning: gtid`, which finds a replica's place by itself and "
                         "needs no clone after a failover",
                         node.id()));
      return;
    }
    const bool changes = before_ != nullptr && before_->by_position();
    if (!now.by_position() || changes || begins_with_gtids(node)) return;
    refuse(ErrorCode::PreconditionFailed,
           fmt::format("{} has gtid_mode {} and {}: apply `positioning: binlog` first, and then `positioning: gtid`, "
                       "which changes it online",
                       node.id(), to_string(now.gtid_mode), node.empty() ? "replicates" : "has data"));
  }

  /// Nothing has to be brought along: gtid_mode is switched on before anything replicates.
  static bool begins_with_gtids(const Node& node) {
    return node.now->by_position() && node.empty() && !node.attached() && node.gtid_executed().empty();
  }

  /// What it has executed, in GTIDs: places in binary logs count for nothing where those are wanted.
  static GtidSet executed(const Node& node) { return node.now->by_position() ? GtidSet{} : node.now->executed; }

  void plugins(const Node& node) {
    const auto& now = *node.now;
    const auto needs_semi_sync = wanted_.semi_sync() && !(now.semi_sync.source_plugin && now.semi_sync.replica_plugin);
    if (wanted_.semi_sync() && !node.has->plugins_loadable) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{}: the semi-sync plugins are not in its plugin_dir", node.id()));
    } else if (needs_semi_sync && !node.may_write() && !node.member()) {
      if (const auto why = why_not_equipped(node)) {
        refuse(
            ErrorCode::PreconditionFailed,
            fmt::format("{} runs as a replica and has not loaded the semi-sync plugins, which only a writable server "
                        "can be told, and {}: STOP REPLICA, set super_read_only OFF, INSTALL PLUGIN, and back again",
                        node.id(), *why));
      } else {
        out_.to_equip.insert(node.id());
      }
    }
  }

  /// Why a running replica cannot be given plugins between leaving its source and following again.
  std::optional<std::string> why_not_equipped(const Node& node) const {
    if (wanted_.by_position()) return "without GTIDs its place would be lost with its channel";
    if (wanted_.topology != TopologyType::SourceReplica ||
        (before_ != nullptr && before_->topology != wanted_.topology)) {
      return "the topology is no source-replica, or becomes one only now";
    }
    if (node.now->semi_sync.replica_enabled) return "commits may wait for its acknowledgement";
    const auto* channel = node.now->channel();
    if (channel->applier != ThreadState::Running || channel->applier_errno != 0) return "its applier does not run";
    if (channel->delay.count() > 0) return "it is delayed, so that what it has received would be lost";
    return std::nullopt;
  }

  void tables_fit_a_group(const Node& node) {
    if (node.id() != out_.seed || node.has->unfit_for_group.empty()) return;
    refuse(ErrorCode::PreconditionFailed,
           fmt::format("{}: a group replicates InnoDB tables with a primary key only, and these are none: {}{}",
                       node.id(), fmt::join(node.has->unfit_for_group, ", "),
                       node.has->unfit_for_group.size() >= Inventory::kUnfitListed ? ", ..." : ""));
  }

  // ---- how the nodes' data relate -----------------------------------------------------------------------------------

  bool in_the_topology(const Node& node) const {
    if (node.member()) return true;
    return node.follows() && diagnose::source_node(known_, *node.now->channel()).has_value();
  }

  // ---- without GTIDs ------------------------------------------------------------------------------------------------

  void change_of_positioning() {
    if (before_ == nullptr || before_->positioning == wanted_.positioning) return;
    if (wanted_.by_position()) {
      refuse(ErrorCode::NotSupported,
             "from gtid to binlog is a way back that repld does not go, for every failover would cost clones again. By "
             "hand, on each node: SOURCE_AUTO_POSITION=0 with the file and position of SHOW REPLICA STATUS, then "
             "gtid_mode ON_PERMISSIVE, OFF_PERMISSIVE and OFF on all, and `replctl forget` before the new file");
      return;
    }
    auto same = wanted_;
    same.positioning = before_->positioning;
    if (same.topology != before_->topology || same.nodes != before_->nodes) {
      refuse(ErrorCode::NotSupported,
             "positioning and nodes change in one file: apply `positioning: gtid` with the nodes as they are, then the "
             "rest");
      return;
    }
    if (!out_.nodes.contains(out_.seed)) return;
    out_.changes_to_gtids = true;
    const auto primary_has = GtidSet::parse(out_.at_seed().gtid_executed()).value_or(GtidSet{});
    for (const auto& [id, node] : out_.nodes) {
      if (id == out_.seed) continue;
      const auto* channel = node.now->channel();
      const auto source = wanted_.source_of(id, out_.seed);
      const bool sound = node.follows() && channel->applier == ThreadState::Running &&
                         channel->receiver == ThreadState::Running && diagnose::source_node(known_, *channel) == source;
      if (!sound) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} does not replicate from {} now: `replctl problems` says why. Bring that in order first, "
                           "for a replica that misses transactions without GTIDs could never get them afterwards",
                           id, source ? source->name : "anybody"));
      }
      const auto own = subtract(GtidSet::parse(node.gtid_executed()).value_or(GtidSet{}), primary_has);
      if (!own.empty()) {
        refuse(ErrorCode::ErrantTransactions,
               fmt::format("{} has transactions with GTIDs that {} lacks ({}): with gtid_mode=ON they would be errant",
                           id, out_.seed, own.to_string()));
      }
    }
  }

  /// It stands still at an error that does not go away by itself: what it needs is gone, or it has other data.
  static bool is_broken(const Channel& channel) {
    const bool receiver = channel.receiver_errno != 0 && !diagnose::is_connection_error(channel.receiver_errno);
    return !is_detached(channel) && (receiver || channel.applier_errno != 0);
  }

  /// From where the node goes on in its source's binary log.
  void place(const Node& node) {
    if (node.id() == out_.seed || !out_.nodes.contains(out_.seed)) return;
    const auto& id = node.id();
    const auto source = wanted_.source_of(id, out_.seed);
    const auto* channel = node.now->channel();
    if (!source || !out_.nodes.contains(*source)) {
      if (source && channel == nullptr) {
        refuse(ErrorCode::PreconditionFailed, fmt::format("{} should follow {}, which does not answer", id, *source));
      }
      return;
    }
    const auto& from = out_.nodes.at(*source);
    const bool clones = wanted_.provisioning == Provisioning::Clone;
    const bool may_lose = allowed_.to_lose_data.contains(id) && clones;
    const bool knows_it = channel != nullptr && channel->source_uuid == from.now->server_uuid;
    if (knows_it && !(may_lose && is_broken(*channel))) return;
    if (node.follows() && !may_lose) {
      if (node.spec->delay.count() > 0) {
        refuse(
            ErrorCode::PreconditionFailed,
            fmt::format("{} should follow {} and is delayed: without GTIDs a replica is moved only when it has applied "
                        "everything. Take the delay off first, or clone it (`--allow-data-loss {}`)",
                        id, *source, id));
      } else if (channel->applier != ThreadState::Running) {
        refuse(
            ErrorCode::PreconditionFailed,
            fmt::format("{} should follow {}, and its applier does not run: without GTIDs a replica is moved only when "
                        "it has applied everything",
                        id, *source));
      } else {
        out_.to_place.insert(id);
      }
      return;
    }
    const bool nothing_anywhere = node.empty() && out_.at_seed().empty() && from.empty();
    if (nothing_anywhere && channel == nullptr) {
      out_.to_place.insert(id);
      return;
    }
    if (clones && (may_lose || (node.empty() && !node.attached()))) {
      out_.to_clone[id] = node.now->executed;
      return;
    }
    refuse(
        ErrorCode::PreconditionFailed,
        fmt::format("{} cannot follow {}: without GTIDs nobody can tell where in the binary log of {} it would have to "
                    "go on{}",
                    id, *source, *source,
                    clones ? fmt::format(". `--allow-data-loss {}` makes it a clone; what it has is lost", id)
                           : std::string{", and `provisioning: none` forbids to clone it"}));
  }

  /// A clone begins a new binary log, in which the replicas below it know no place.
  void below_clones() {
    const auto left_below = [&]() -> const Node* {
      for (const auto& [id, node] : out_.nodes) {
        const auto source = id == out_.seed ? std::nullopt : wanted_.source_of(id, out_.seed);
        if (source && out_.to_clone.contains(*source) && !out_.to_clone.contains(id)) return &node;
      }
      return nullptr;
    };
    while (const auto* node = left_below()) {
      const auto& id = node->id();
      if (!(node->empty() && !node->attached()) && !allowed_.to_lose_data.contains(id)) {
        return refuse(ErrorCode::PreconditionFailed,
                      fmt::format("{} follows {}, which is cloned and begins a new binary log: name {} with "
                                  "`--allow-data-loss {}` as well, or let it follow another node first",
                                  id, *wanted_.source_of(id, out_.seed), id, id));
      }
      out_.to_place.erase(id);
      out_.to_clone[id] = node->now->executed;
    }
  }

  // ---- with GTIDs ---------------------------------------------------------------------------------------------------

  void history(const Node& node) {
    if (node.id() == out_.seed || !out_.nodes.contains(out_.seed)) return;
    const auto& seed = out_.at_seed();
    const auto& id = node.id();
    const bool on_its_way = is_on_its_way(node);
    const auto own = subtract(executed(node), executed(seed));
    const bool forgets = node.empty() && !node.attached() && !own.empty();
    const bool may_lose = allowed_.to_lose_data.contains(id) && wanted_.provisioning == Provisioning::Clone;

    // Only the transactions tell how two nodes' data relate.
    const bool of_unknown_origin = !node.empty() && !node.attached() &&
                                   (executed(node).empty() || (!office_.primary && seed.empty() && own.empty()));
    if (of_unknown_origin && !may_lose) {
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format("{} has data (schema {}) that no transaction accounts for, so it cannot be told whether {} has "
                      "them too: rebuild it from {}, or name it as the source",
                      id, node.has->user_schemas.front(), out_.seed, out_.seed));
    }
    if (forgets) {
      out_.to_forget[id] = own;
    } else if (!own.empty() && !may_lose && !on_its_way) {
      const bool seed_is_behind = executed(seed).empty() || executed(node).contains(executed(seed));
      refuse(seed_is_behind ? ErrorCode::ErrantTransactions : ErrorCode::Diverged,
             fmt::format("{} has {} transactions that {} lacks ({}){}", id, own.count(), out_.seed, own.to_string(),
                         seed.empty() ? fmt::format(", and {} is empty: name {} as the source instead", out_.seed, id)
                                      : std::string{": rebuild it from another node, or move its data first"}));
    }
    provide(node, forgets, may_lose && (!own.empty() || of_unknown_origin) && !on_its_way);
    if (!on_its_way && (forgets || out_.to_clone.contains(id))) retire(node, own);
  }

  /// An installer's transactions on a server that was part of nothing are on no other node, and nobody misses their
  /// numbers; those of a server that others have transactions of may be.
  void retire(const Node& node, const GtidSet& own) {
    GtidSet retired;
    for (const auto& [origin, intervals] : own.origins()) {
      const bool known = !executed(out_.at_seed()).only_of(origin.uuid).empty();
      if (!known && node.empty() && !node.attached()) continue;
      for (const auto& interval : intervals) retired.add(origin, interval);
    }
    const auto all = unite(out_.to_retire, retired);
    if (all.count() <= kRetiredAtMost) {
      out_.to_retire = all;
      return;
    }
    out_.notes.push_back(fmt::format(
        "{} alone has {}, too many to be committed empty on {} (at most {}), so their numbers stay free: remove "
        "auto.cnf from its data folder and restart it, for a new server_uuid, before it becomes the primary",
        node.id(), how_much(retired), out_.seed, kRetiredAtMost));
  }

  /// A replica that was read a moment later than its source is ahead of that reading, not errant; in a ring, and in a
  /// group, others write too.
  bool is_on_its_way(const Node& node) const {
    const auto* seen = view_.find(node.id());
    const bool known_errant = seen->errant && !seen->errant->empty();
    return in_the_topology(node) && !known_errant;
  }

  void provide(const Node& node, bool forgets, bool replaced) {
    const auto& seed = out_.at_seed();
    const auto& id = node.id();
    const auto position = forgets || node.now->by_position() ? GtidSet{} : node.now->position();
    const auto gone = subtract(seed.now->purged, position);
    const bool clones = wanted_.provisioning == Provisioning::Clone;
    const bool much = !node.attached() && node.empty() && !seed.empty() && clones &&
                      subtract(executed(seed), position).count() > kReplayedAtMost;
    if (gone.empty() && !replaced && !much) return;
    const bool disposable = (node.empty() && !node.attached()) || allowed_.to_lose_data.contains(id);
    if (clones && disposable) {
      out_.to_clone[id] = executed(node);
      out_.to_forget.erase(id);
      return;
    }
    if (gone.empty()) return;
    refuse(
        ErrorCode::PreconditionFailed,
        fmt::format("{} lacks {} transactions that {} has purged from its binary logs: rebuild it as a clone of {}{}",
                    id, gone.count(), out_.seed, out_.seed,
                    clones ? fmt::format(" (`--allow-data-loss {}` does that; what it has is lost)", id) : ""));
  }

  /// The clone plugin refuses all of them.
  void has_a_donor(const NodeId& id) {
    const auto& version = out_.nodes.at(id).now->version;
    const auto fits = [&](const auto& n) {
      return n.first != id && !out_.to_clone.contains(n.first) && can_be_cloned(n.second.now->version, version);
    };
    if (std::any_of(out_.nodes.begin(), out_.nodes.end(), fits)) return;
    refuse(ErrorCode::PreconditionFailed,
           fmt::format("{} has to be cloned and is MySQL {}.{}.{}, of which no other node can give it the data: the "
                       "clone plugin wants the same series, and before 8.0.37 the same release. Give it another "
                       "version, or its data by other means",
                       id, version.major, version.minor, version.patch));
  }

  const Spec& wanted_;
  const Spec known_;  ///< With the nodes that leave: one may follow such a node still.
  const Office& office_;
  const Spec* before_;
  const View& view_;
  const Allowed& allowed_;
  Checked out_;
  ErrorCode code_ = ErrorCode::PreconditionFailed;
  std::string reasons_;
};

}  // namespace

Result<Checked> check(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                      const Allowed& allowed) {
  return Checker{wanted, office, before, view, allowed}.check();
}

}  // namespace repl::plan::converge

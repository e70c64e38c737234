// The checks, in the order in which people would ask.
#include "plan/converge/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "model/spec_text.hpp"
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
    change_of_topology();
    for (const auto& node : wanted_.nodes) collect(node);
    find_seed();
    identities();
    passwords();
    for (const auto& [id, node] : out_.nodes) fitness(node);
    for (const auto& [id, node] : out_.nodes) history(node);
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
    if (!office_.primary) return;
    if (wanted_.find(out_.seed) == nullptr) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is the primary and is not in the new file: `replctl switchover` first", out_.seed));
      return;
    }
    const auto* declared_before = before_ != nullptr ? before_->declared_source() : nullptr;
    const bool moved = declared_before != nullptr && declared_before->id != declared->id;
    if (moved && declared->id != out_.seed) {
      out_.moves_to = declared->id;
    } else if (declared->id != out_.seed) {
      out_.notes.push_back(fmt::format("primary is {} (declared {})", out_.seed, declared->id));
    }
  }

  bool must_answer(const NodeSpec& spec) const {
    const bool known = before_ != nullptr && before_->find(spec.id) != nullptr &&
                       before_->find(spec.id)->address == spec.address && spec.id != office_.primary;
    return !known || before_->topology != wanted_.topology;
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
    if (!now.gtid_mode_on) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{} has gtid_mode off; set gtid_mode and "
                                                        "enforce_gtid_consistency ON in its option file",
                                                        id));
    }
    if (!now.log_replica_updates) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{} has log_replica_updates off", id));
    }
    if (!node.has->admin_may_operate) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{}: the admin account lacks {}", id, node.has->admin_lacks));
    }
    if (wanted_.tls.verifies() && value_before(*node.has, "ssl_ca").empty() && node.has->variables.contains("ssl_ca")) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} has no ssl_ca, the file with the authority by which it checks other servers: set it in "
                         "its option file, or SET PERSIST ssl_ca and ALTER INSTANCE RELOAD TLS",
                         id));
    }
    plugins(node);
    for (const auto& channel : now.channels) {
      if (channel.source.host != kDetachedHost && !diagnose::source_node(known_, channel)) {
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
  }

  void plugins(const Node& node) {
    const auto& now = *node.now;
    const auto needs_semi_sync = wanted_.semi_sync() && !(now.semi_sync.source_plugin && now.semi_sync.replica_plugin);
    if (wanted_.semi_sync() && !node.has->plugins_loadable) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{}: the semi-sync plugins are not in its plugin_dir", node.id()));
    } else if (needs_semi_sync && !node.may_write() && !node.member()) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} runs as a replica and has not loaded the semi-sync plugins, which only a writable server "
                         "can be told: STOP REPLICA, set super_read_only OFF, INSTALL PLUGIN, and back again",
                         node.id()));
    }
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

  void history(const Node& node) {
    if (node.id() == out_.seed || !out_.nodes.contains(out_.seed)) return;
    const auto& seed = out_.at_seed();
    const auto& id = node.id();
    const bool on_its_way = is_on_its_way(node);
    const auto own = subtract(node.now->executed, seed.now->executed);
    const bool forgets = node.empty() && !node.attached() && !own.empty();
    const bool may_lose = allowed_.to_lose_data.contains(id) && wanted_.provisioning == Provisioning::Clone;

    // Only the transactions tell how two nodes' data relate.
    const bool of_unknown_origin = !node.empty() && !node.attached() &&
                                   (node.now->executed.empty() || (!office_.primary && seed.empty() && own.empty()));
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
      const bool seed_is_behind = seed.now->executed.empty() || node.now->executed.contains(seed.now->executed);
      refuse(seed_is_behind ? ErrorCode::ErrantTransactions : ErrorCode::Diverged,
             fmt::format("{} has {} transactions that {} lacks ({}){}", id, own.count(), out_.seed, own.to_string(),
                         seed.empty() ? fmt::format(", and {} is empty: name {} as the source instead", out_.seed, id)
                                      : std::string{": rebuild it from another node, or move its data first"}));
    }
    provide(node, forgets, may_lose && (!own.empty() || of_unknown_origin) && !on_its_way);
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
    const auto position = forgets ? GtidSet{} : node.now->position();
    const auto gone = subtract(seed.now->purged, position);
    const bool clones = wanted_.provisioning == Provisioning::Clone;
    const bool much = !node.attached() && node.empty() && !seed.empty() && clones &&
                      subtract(seed.now->executed, position).count() > kReplayedAtMost;
    if (gone.empty() && !replaced && !much) return;
    const bool disposable = (node.empty() && !node.attached()) || allowed_.to_lose_data.contains(id);
    if (clones && disposable) {
      out_.to_clone[id] = node.now->executed;
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

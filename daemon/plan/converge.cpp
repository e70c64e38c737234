// Checks that only the servers can answer, then the steps, node by node.
#include "plan/converge.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "diagnose/facts.hpp"
#include "plan/builder.hpp"
#include "plan/put_back.hpp"
#include "plan/semi_sync.hpp"

namespace repl::plan {
namespace {

constexpr ServerVersion kOldest{8, 0, 26};
constexpr std::chrono::milliseconds kAckersTimeout{20'000};

/// Kept on every node beside the user's settings: defaults that are wrong for a watched topology.
const std::map<std::string, std::string> kBase{
    {"replica_net_timeout", "10"},  // a receiver notices a silent source in 10 s, not 60; heartbeats come each 0.5 s
};

}  // namespace

std::map<std::string, std::string> variables_of(const Spec& spec, const NodeId& node) {
  auto out = kBase;
  for (const auto& [name, value] : semi_sync_variables(spec)) out[name] = value;
  for (const auto& [name, value] : spec.settings_of(node)) out[name] = value;
  return out;
}

std::string value_before(const Inventory& has, const std::string& name) {
  static const std::map<std::string, std::string> kDefaults{{"rpl_semi_sync_source_timeout", "10000"},
                                                            {"rpl_semi_sync_source_wait_no_replica", "ON"},
                                                            {"rpl_semi_sync_source_wait_point", "AFTER_SYNC"}};
  if (const auto found = has.variables.find(name); found != has.variables.end()) return found->second;
  const auto found = kDefaults.find(name);
  return found == kDefaults.end() ? std::string{} : found->second;
}

namespace {

struct Node {
  const NodeSpec* spec = nullptr;
  const Snapshot* now = nullptr;
  const Inventory* has = nullptr;

  bool empty() const { return has->user_schemas.empty(); }
  bool attached() const { return now->channel() != nullptr && now->channel()->source.host != kDetachedHost; }
  /// A running replica is never opened to create something on it.
  bool may_write() const { return now->read_only == ReadOnly::Off || !attached(); }
};

/// What an empty node has of its own is forgotten before it follows anybody: the transactions of its installer.
GtidSet to_forget(const Node& node, const Node& primary) {
  if (!node.empty() || node.attached()) return {};
  return subtract(node.now->executed, primary.now->executed);
}

class Checker {
 public:
  Checker(const Spec& wanted, const Office& office, const Spec* before, const View& view)
      : wanted_(wanted), office_(office), before_(before), view_(view) {}

  /// The nodes that take part, keyed by id. Nodes that do not answer are left out when they were part of the cluster
  /// before and the cluster has a primary that answers; else they are an error.
  std::map<NodeId, Node> nodes;
  std::vector<std::string> notes;

  Result<NodeId> primary() {
    if (const auto refused = refusals(); !refused.empty()) {
      return tl::unexpected(Error{code_, fmt::format("{}: nothing was changed:{}", wanted_.cluster, refused)});
    }
    return primary_;
  }

 private:
  void refuse(ErrorCode code, std::string reason) {
    if (reasons_.empty()) code_ = code;
    reasons_ += "\n  - " + std::move(reason);
  }

  const std::string& refusals() {
    find_primary();
    for (const auto& node : wanted_.nodes) collect(node);
    identities();
    for (const auto& [id, node] : nodes) fitness(node);
    for (const auto& [id, node] : nodes) history(node);
    return reasons_;
  }

  void find_primary() {
    const auto* declared = wanted_.declared_source();
    primary_ = office_.primary.value_or(declared->id);
    if (!office_.primary) return;
    if (wanted_.find(primary_) == nullptr) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is the primary and is not in the new file: `replctl switchover` first", primary_));
      return;
    }
    const auto* declared_before = before_ != nullptr ? before_->declared_source() : nullptr;
    const bool moved = declared_before != nullptr && declared_before->id != declared->id;
    if (moved && declared->id != primary_) {
      refuse(ErrorCode::NotSupported,
             fmt::format("the file names {} as source now and {} is the primary: `replctl switchover {} --to {}`, then "
                         "apply again",
                         declared->id, primary_, wanted_.cluster, declared->id));
    } else if (declared->id != primary_) {
      notes.push_back(fmt::format("primary is {} (declared {})", primary_, declared->id));
    }
  }

  void collect(const NodeSpec& spec) {
    const auto* now = view_.reachable(spec.id);
    const auto* seen = view_.find(spec.id);
    if (now != nullptr && seen->inventory) {
      nodes[spec.id] = Node{&spec, now, &*seen->inventory};
      return;
    }
    const bool known = before_ != nullptr && before_->find(spec.id) != nullptr &&
                       before_->find(spec.id)->address == spec.address && spec.id != primary_;
    const auto what = seen == nullptr || !seen->latest ? std::string{"was not looked at"}
                      : seen->latest->problem.empty()  ? std::string{"does not answer"}
                                                       : seen->latest->problem;
    if (known) {
      notes.push_back(fmt::format("{} is left out: {}", spec.id, what));
    } else {
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format(
              "{} ({}): {}. Every node must answer repld's admin account '{}'", spec.id, to_string(spec.address), what,
              wanted_.accounts.contains(AccountRole::Admin) ? wanted_.accounts.at(AccountRole::Admin).user : "?"));
    }
  }

  void identities() {
    std::map<std::string, NodeId> uuids;
    std::map<std::uint32_t, NodeId> ids;
    for (const auto& [id, node] : nodes) {
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

  void fitness(const Node& node) {
    const auto& id = node.spec->id;
    const auto& now = *node.now;
    if (now.version < kOldest) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{} is MySQL {}.{}.{}; 8.0.26 is the oldest that is managed",
                                                        id, now.version.major, now.version.minor, now.version.patch));
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
    if (wanted_.semi_sync() && !node.has->plugins_loadable) {
      refuse(ErrorCode::PreconditionFailed, fmt::format("{}: the semi-sync plugins are not in its plugin_dir", id));
    } else if (wanted_.semi_sync() && !(now.semi_sync.source_plugin && now.semi_sync.replica_plugin) &&
               !node.may_write()) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} runs as a replica and has not loaded the semi-sync plugins, which only a writable server "
                         "can be told: STOP REPLICA, set super_read_only OFF, INSTALL PLUGIN, and back again",
                         id));
    }
    for (const auto& channel : now.channels) {
      if (channel.source.host != kDetachedHost && !diagnose::source_node(wanted_, channel)) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} replicates from {}, which is not in the file", id, to_string(channel.source)));
      }
    }
    if (id == primary_ && !office_.primary && node.attached()) {
      if (const auto source = diagnose::source_node(wanted_, *now.channel())) {
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("{} replicates from {}: name {} as the source, apply, then `replctl switchover`", id,
                           *source, *source));
      }
    }
    if (now.channels.size() > 1) {
      refuse(ErrorCode::NotSupported, fmt::format("{} has {} replication channels", id, now.channels.size()));
    }
    if (id != primary_ && now.read_only == ReadOnly::Off && office_.primary && !node.empty() && now.channels.empty()) {
      notes.push_back(fmt::format("{} took writes until now; it is closed first", id));
    }
  }

  void history(const Node& node) {
    if (node.spec->id == primary_) return;
    const auto found = nodes.find(primary_);
    if (found == nodes.end()) return;
    const auto& primary = found->second;
    const auto& id = node.spec->id;
    const auto own = subtract(node.now->executed, primary.now->executed);
    const auto forgotten = to_forget(node, primary);
    // Only the transactions tell how two nodes' data relate.
    const bool of_unknown_origin = !node.empty() && !node.attached() &&
                                   (node.now->executed.empty() || (!office_.primary && primary.empty() && own.empty()));
    if (of_unknown_origin) {
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format("{} has data (schema {}) that no transaction accounts for, so it cannot be told whether {} has "
                      "them too: rebuild it from {}, or name it as the source",
                      id, node.has->user_schemas.front(), primary_, primary_));
    }
    if (!own.empty() && forgotten.empty()) {
      // A replica that was read a moment later than its source is ahead of that reading, not errant.
      const auto* seen = view_.find(id);
      const bool follows = node.attached() && diagnose::source_node(wanted_, *node.now->channel()).has_value();
      const bool known_errant = seen->errant && !seen->errant->empty();
      if (!follows || known_errant) {
        const bool primary_is_behind =
            primary.now->executed.empty() || node.now->executed.contains(primary.now->executed);
        refuse(
            primary_is_behind ? ErrorCode::ErrantTransactions : ErrorCode::Diverged,
            fmt::format("{} has {} transactions that {} lacks ({}){}", id, own.count(), primary_, own.to_string(),
                        primary.empty() ? fmt::format(", and {} is empty: name {} as the source instead", primary_, id)
                                        : std::string{": rebuild it from another node, or move its data first"}));
      }
    }
    const auto position = forgotten.empty() ? node.now->position() : GtidSet{};
    const auto gone = subtract(primary.now->purged, position);
    if (!gone.empty()) {
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format("{} lacks {} transactions that {} has purged from its binary logs: rebuild it as a clone of {}",
                      id, gone.count(), primary_, primary_));
    }
  }

  const Spec& wanted_;
  const Office& office_;
  const Spec* before_;
  const View& view_;
  NodeId primary_;
  ErrorCode code_ = ErrorCode::PreconditionFailed;
  std::string reasons_;
};

class Planner {
 public:
  Planner(const Spec& wanted, NodeId primary, const std::map<NodeId, Node>& nodes, bool first, const Spec* before,
          const PriorSettings& prior)
      : wanted_(wanted), primary_(std::move(primary)), nodes_(nodes), first_(first), before_(before), prior_(prior) {}

  /// @param leaving  nodes that the spec no longer has, and that answer
  Plan make(const std::vector<std::string>& notes, const std::vector<const Snapshot*>& leaving) && {
    for (const auto& note : notes) plan_.because(note);
    const auto& primary = nodes_.at(primary_);
    // A commit that waits for acknowledgements must find its replicas in order.
    const bool waits = primary.now->read_only != ReadOnly::Off || primary.now->semi_sync.source_enabled;
    expect_less(primary);
    // Nobody outside the topology may hold the only copy of an acknowledged commit.
    for (const auto* node : leaving) {
      if (node->semi_sync.replica_enabled) plan_.add(SetSemiSyncReplica{node->node, true, false}, expects_less_);
    }
    for (const auto& [id, node] : nodes_) prepare(node);
    if (!waits) accounts_through_the_binary_log(primary, waits);
    for (const auto* node : from_the_top()) attach(*node);
    open(primary);
    if (waits) accounts_through_the_binary_log(primary, waits);
    return std::move(plan_).take();
  }

 private:
  /// Acknowledgements to wait for in the end. A node that is down is no reason to give up what is in force.
  int acks(const Node& primary) const {
    if (!wanted_.semi_sync()) return 0;
    const auto present = static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      return n.first != primary_ && n.second.spec->delay.count() == 0 &&
             wanted_.source_of(n.first, primary_) == primary_;
    }));
    const auto& has = primary.now->semi_sync;
    const auto in_force = has.source_enabled ? std::min(has.wait_for_count, wanted_.acks_wanted(primary_)) : 0;
    return std::max(acks_to_wait_for(wanted_, primary_, present), in_force);
  }

  /// Before any replica stops acknowledging: the other way round commits would hang.
  void expect_less(const Node& primary) {
    const auto& has = primary.now->semi_sync;
    const auto wanted = acks(primary);
    if (!has.source_enabled || wanted >= has.wait_for_count) return;
    expects_less_ = {plan_.add(SetSemiSyncSource{primary_, true, wanted_.semi_sync(), has.wait_for_count,
                                                 wanted_.semi_sync() ? wanted : has.wait_for_count})};
  }

  /// What must be there before replication runs, made locally with the binary log off, before the node turns read-only.
  void prepare(const Node& node) {
    const auto& id = node.spec->id;
    const bool is_primary = id == primary_;
    const bool closed = node.now->read_only != ReadOnly::Off;
    const auto local = local_writes(node);
    const bool open_for_it = !local.empty() && closed && node.may_write();
    if (open_for_it) {
      if (!node.now->offline_mode) plan_.add(SetOfflineMode{id, false, true});
      plan_.add(SetReadOnly{id, node.now->read_only, ReadOnly::Off});
    }
    if (node.may_write()) {
      for (const auto& step : local) plan_.add(step);
    } else if (!local.empty()) {
      plan_.because(fmt::format("{} runs as a replica and lacks what only a writable node can be given: {}", id,
                                describe(local.front())));
    }
    for (const auto& [name, value] : variables_of(wanted_, id)) {
      const auto from = value_before(*node.has, name);
      if (!same_value(from, value)) plan_.add(SetVariable{id, name, from, value, node.has->persisted.contains(name)});
    }
    put_back(node);
    if (!node.now->super_read_only_persisted) plan_.add(PersistReadOnly{id, false, true});
    if (!is_primary && node.now->semi_sync.source_enabled) {
      plan_.add(
          SetSemiSyncSource{id, true, false, node.now->semi_sync.wait_for_count, node.now->semi_sync.wait_for_count});
    }
    if (open_for_it || (!is_primary && node.now->read_only != ReadOnly::Super)) {
      plan_.add(SetReadOnly{id, open_for_it ? ReadOnly::Off : node.now->read_only, ReadOnly::Super});
    }
    if (open_for_it && !node.now->offline_mode) plan_.add(SetOfflineMode{id, true, false});
    const bool acker = wanted_.semi_sync() && node.spec->delay.count() == 0;
    if (node.now->semi_sync.replica_enabled != acker && (acker || node.now->semi_sync.replica_plugin)) {
      plan_.add(SetSemiSyncReplica{id, node.now->semi_sync.replica_enabled, acker},
                acker ? std::vector<Builder::Index>{} : expects_less_);
    }
  }

  /// What no spec names any more.
  void put_back(const Node& node) {
    const auto& id = node.spec->id;
    for (const auto& variable : to_put_back(wanted_, before_, *node.now, prior_)) {
      const auto step = step_for(variable, id, *node.has);
      if (!step) continue;
      plan_.add(*step);
      if (!variable.to) {
        plan_.because(fmt::format("{}: what {} was before is not known; its option files say it after the next restart",
                                  id, variable.name));
      }
    }
  }

  std::vector<Step> local_writes(const Node& node) const {
    std::vector<Step> out;
    const auto& id = node.spec->id;
    // In async as well, as long as it costs nothing: a running replica cannot be told later.
    if (wanted_.semi_sync() || (node.has->plugins_loadable && node.may_write())) {
      if (!node.now->semi_sync.source_plugin) out.push_back(InstallPlugin{id, Plugin::SemiSyncSource});
      if (!node.now->semi_sync.replica_plugin) out.push_back(InstallPlugin{id, Plugin::SemiSyncReplica});
    }
    const auto account = wanted_.accounts.find(AccountRole::Replication);
    if (account != wanted_.accounts.end() && !node.has->accounts.contains(AccountRole::Replication)) {
      // In a running cluster a change goes through the primary's binary log: see below.
      if (first_ || !node.attached())
        out.push_back(CreateAccount{id, AccountRole::Replication, account->second, Logged::No});
    }
    return out;
  }

  /// Everything else about accounts is said once, on the primary, and replicates.
  void accounts_through_the_binary_log(const Node& primary, bool waits) {
    for (const auto& [role, account] : wanted_.accounts) {
      if (role == AccountRole::Admin || role == AccountRole::Replication || primary.has->accounts.contains(role)) {
        continue;
      }
      plan_.add(CreateAccount{primary_, role, account, Logged::Yes},
                waits ? last_steps() : std::vector<Builder::Index>{});
    }
  }

  std::vector<Builder::Index> last_steps() const {
    std::vector<Builder::Index> out;
    for (const auto& [id, node] : nodes_) {
      if (const auto last = plan_.last_of(id)) out.push_back(*last);
    }
    return out;
  }

  /// The nodes beside the primary, sources before those that follow them.
  std::vector<const Node*> from_the_top() const {
    const auto depth = [&](NodeId node) {
      int hops = 0;
      while (const auto source = wanted_.source_of(node, primary_)) {
        node = *source;
        ++hops;
      }
      return hops;
    };
    std::vector<const Node*> out;
    for (const auto& [id, node] : nodes_) {
      if (id != primary_) out.push_back(&node);
    }
    std::stable_sort(out.begin(), out.end(),
                     [&](const Node* a, const Node* b) { return depth(a->spec->id) < depth(b->spec->id); });
    return out;
  }

  void attach(const Node& node) {
    const auto& id = node.spec->id;
    const auto source = wanted_.source_of(id, primary_);
    if (!source) return;
    const auto* channel = node.now->channel();
    const auto follows = node.attached() ? diagnose::source_node(wanted_, *channel) : std::nullopt;
    const bool right = follows == source && channel->delay == node.spec->delay;
    if (node.attached() && channel->applier == ThreadState::Stopped && channel->applier_errno != 0) {
      if (!right) {
        plan_.because(
            fmt::format("{} is left where it is: its applier stopped at error {}", id, channel->applier_errno));
      }
      return;
    }
    if (const auto own = to_forget(node, nodes_.at(primary_)); !own.empty()) {
      if (channel != nullptr) plan_.add(ForgetSource{id, NodeId{}});
      plan_.add(ResetGtids{id, own});
    }
    if (!right) {
      // The source's replication account must be there first: all that was prepared on it.
      auto after = expects_less_;
      if (const auto last = plan_.last_of(*source)) after.push_back(*last);
      plan_.add(FollowSource{.replica = id, .from = follows, .to = *source, .delay = node.spec->delay}, after);
    } else if (channel->receiver == ThreadState::Stopped || channel->applier == ThreadState::Stopped) {
      plan_.add(StartReplication{id});
    }
  }

  void open(const Node& primary) {
    const auto& now = *primary.now;
    const auto wanted = acks(primary);
    std::vector<Builder::Index> before_opening;
    if (wanted_.semi_sync() && (!now.semi_sync.source_enabled || now.semi_sync.wait_for_count < wanted)) {
      // Only once replicas are there to acknowledge: with none, every commit would hang.
      auto after = last_steps();
      after.push_back(plan_.add_beside(WaitForAckers{primary_, wanted, kAckersTimeout}, after));
      before_opening.push_back(plan_.add(
          SetSemiSyncSource{primary_, now.semi_sync.source_enabled, true, now.semi_sync.wait_for_count, wanted},
          after));
    }
    if (now.channel() != nullptr) {
      const auto from =
          primary.attached() ? diagnose::source_node(wanted_, *now.channel()).value_or(NodeId{}) : NodeId{};
      plan_.add(ForgetSource{primary_, from});
    }
    if (now.read_only != ReadOnly::Off) {
      // Opened for its own account, it was left super-read-only.
      const auto from = local_writes(primary).empty() ? now.read_only : ReadOnly::Super;
      const auto step = plan_.add(
          SetReadOnly{.node = primary_, .from = from, .to = ReadOnly::Off, .only_with_semi_sync = wanted_.semi_sync()},
          before_opening);
      if (now.offline_mode) plan_.add(SetOfflineMode{primary_, true, false}, {step});
    }
  }

  const Spec& wanted_;
  NodeId primary_;
  const std::map<NodeId, Node>& nodes_;
  bool first_;
  const Spec* before_;
  const PriorSettings& prior_;
  Builder plan_{Goal::Converge};
  std::vector<Builder::Index> expects_less_;
};

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

std::string canonical(const std::string& value) {
  std::string upper;
  for (const char c : value) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "1" || upper == "TRUE" || upper == "YES") return "ON";
  if (upper == "0" || upper == "FALSE" || upper == "NO") return "OFF";
  return upper;
}

}  // namespace

bool same_value(const std::string& a, const std::string& b) {
  if (canonical(a) == canonical(b)) return true;
  const auto one = number_in(a), other = number_in(b);  // "3" is shown as "3.000000"
  return one && other && *one == *other;
}

std::vector<std::string> variables_to_look_at(const Spec& spec) {
  std::set<std::string> names;
  for (const auto& node : spec.nodes) {
    for (const auto& [name, value] : variables_of(spec, node.id)) names.insert(name);
  }
  return {names.begin(), names.end()};
}

namespace {

std::vector<const Snapshot*> leaving(const Spec& wanted, const Spec* before, const View& view) {
  std::vector<const Snapshot*> out;
  if (before == nullptr) return out;
  for (const auto& node : with_leaving_nodes(wanted, before).nodes) {
    if (wanted.find(node.id) != nullptr) continue;
    if (const auto* now = view.reachable(node.id)) out.push_back(now);
  }
  return out;
}

}  // namespace

Result<Plan> plan_converge(const Spec& wanted, const Office& office, const Spec* before, const View& view,
                           const PriorSettings& prior) {
  Checker checker{wanted, office, before, view};
  const auto primary = checker.primary();
  if (!primary) return tl::unexpected(primary.error());
  return Planner{wanted, *primary, checker.nodes, !office.primary, before, prior}.make(checker.notes,
                                                                                       leaving(wanted, before, view));
}

Office office_after(const Spec& wanted, const Office& office, const View& view, Time now) {
  Office after = office;
  if (!after.primary) {
    after = Office{.term = Term{office.term.number + 1}, .primary = wanted.declared_source()->id, .since = now};
    if (const auto* primary = view.reachable(*after.primary)) after.inherited = primary->executed;
  }
  std::set<NodeId> ackers;
  for (const auto& node : wanted.ackers(*after.primary)) ackers.insert(node);
  const auto acks =
      wanted.waits_for_acks() ? acks_to_wait_for(wanted, *after.primary, static_cast<int>(ackers.size())) : 0;
  // Ackers of before stay: a commit that one of them alone acknowledged is not known to have reached the others.
  if (office.primary) ackers.insert(office.ackers.begin(), office.ackers.end());
  std::erase_if(ackers, [&](const NodeId& n) { return wanted.find(n) == nullptr; });
  after.acks = office.primary && office.acks > 0 && acks > 0 ? std::min(office.acks, acks) : acks;
  after.ackers = std::move(ackers);
  return after;
}

}  // namespace repl::plan

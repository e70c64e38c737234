// The steps of preparation, node by node.
#include "plan/converge/preparation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "model/snapshot_text.hpp"
#include "plan/base.hpp"
#include "plan/converge/donor.hpp"
#include "plan/converge/planners.hpp"
#include "plan/group.hpp"
#include "plan/put_back.hpp"
#include "plan/semi_sync.hpp"
#include "plan/variables.hpp"

namespace repl::plan::converge {
namespace {

bool validates_passwords(const Inventory& has) {
  return has.variables.contains(std::string{kPasswordLength});
}

bool needs_plugin(const Spec& wanted, const Node& node, Plugin plugin, bool may_write) {
  const auto& now = *node.now;
  switch (plugin) {
    // In async as well, as long as it costs nothing: a running replica cannot be told later.
    case Plugin::SemiSyncSource:
      return !now.semi_sync.source_plugin && !wanted.is_group() &&
             (wanted.semi_sync() || (node.has->plugins_loadable && may_write));
    case Plugin::SemiSyncReplica:
      return !now.semi_sync.replica_plugin && !wanted.is_group() &&
             (wanted.semi_sync() || (node.has->plugins_loadable && may_write));
    case Plugin::Clone:
      return !node.has->clone_plugin && wanted.provisioning == Provisioning::Clone && may_write &&
             node.has->plugins_loadable;
    case Plugin::GroupReplication:
      return !now.group.plugin && wanted.is_group();
    case Plugin::PasswordValidation:
      return wanted.password_policy.min_length && !validates_passwords(*node.has);
  }
  return false;
}

/// What is missing and can only be given to a node that may be written to; in the order in which it is made.
std::vector<Step> local_writes(const Draft& draft, const Node& node, bool may_write) {
  std::vector<Step> out;
  const auto& id = node.id();
  for (const auto plugin : {Plugin::SemiSyncSource, Plugin::SemiSyncReplica, Plugin::Clone, Plugin::GroupReplication,
                            Plugin::PasswordValidation}) {
    if (needs_plugin(draft.wanted, node, plugin, may_write)) out.push_back(InstallPlugin{id, plugin});
  }
  const auto account = draft.wanted.accounts.find(AccountRole::Replication);
  if (account == draft.wanted.accounts.end()) return out;
  auto faults = node.has->faults_of(AccountRole::Replication);
  faults.erase(AccountFault::Expired);
  const bool seed = id == draft.checked.seed;
  const bool alone = !node.attached() && !seed;
  // In what replicates already it is said once, and gets everywhere with everything else.
  const bool through_the_log = draft.runs() && !draft.wanted.is_group() && !alone;
  if (faults.empty() || through_the_log || !(draft.begins() || alone)) return out;
  if (draft.gets_account_from_source(node) || (seed && draft.gives_account_to_new_nodes())) return out;
  if (faults.contains(AccountFault::Missing)) {
    out.push_back(CreateAccount{id, AccountRole::Replication, account->second, Logged::No});
  } else {
    out.push_back(AmendAccount{id, AccountRole::Replication, account->second, std::move(faults), Logged::No});
  }
  return out;
}

bool counts_keys(const std::string& name) {
  return name.starts_with("auto_increment_");
}

/// What no spec names any more.
void put_back(Draft& draft, const Node& node) {
  for (const auto& variable : to_put_back(draft.wanted, draft.before, *node.now, draft.prior)) {
    // How writers count goes back when only one is left: count_one_by_one().
    if (draft.leaves_several_writers() && counts_keys(variable.name)) continue;
    const auto step = step_for(variable, node.id(), *node.has);
    if (!step) continue;
    if (const auto* restart = std::get_if<RestartServer>(&*step)) {
      add_restart(draft, node.id(), restart->variables.front());
      continue;
    }
    draft.plan.add(*step);
    if (!variable.to) {
      draft.plan.because(
          fmt::format("{}: what {} was before is not known; its option files say it after the next "
                      "restart",
                      node.id(), variable.name));
    }
  }
}

void variables(Draft& draft, const Node& node, bool gets_components) {
  auto wanted = variables_of(draft.wanted, node.id());
  std::erase_if(wanted, [&](const auto& variable) {
    const auto* row = base_row(draft.wanted, node.id(), variable.first);
    if (row == nullptr) return false;
    const auto has = node.has->variables.find(variable.first);
    // A member has these once the plugin is installed; any other is one that this version does not know.
    if (has == node.has->variables.end()) return row->whom != BaseFor::Members;
    return is_met_by(*row, has->second);
  });
  if (!validates_passwords(*node.has) && !gets_components) {
    // They come with the component, which a running replica cannot be given.
    std::erase_if(wanted, [](const auto& variable) { return variable.first.starts_with(kPasswordVariables); });
  }
  if (draft.wanted.is_group() && !node.member()) {
    const auto name = group_name(draft.wanted, draft.view, draft.seed().now->server_uuid);
    for (auto& [variable, value] : group_variables_of_stopped(draft.wanted, *node.spec, name)) wanted[variable] = value;
    // Members check each other by the authority that their own server knows.
    const auto declared = wanted.find("ssl_ca");
    if (draft.wanted.tls.verifies()) {
      wanted["group_replication_recovery_ssl_ca"] =
          declared != wanted.end() ? declared->second : value_before(*node.has, "ssl_ca");
    }
  }
  if (draft.wanted.is_ring()) {
    // These only while nobody writes; ring.cpp sees to it.
    for (const auto& [name, value] : auto_increment(draft.wanted, node.id())) wanted.erase(name);
  }
  set_variables(draft, node, wanted);
  put_back(draft, node);
}

}  // namespace

bool was_closed_by_spec(const Draft& draft, const NodeId& node) {
  return draft.before != nullptr && draft.before->find(node) != nullptr && !draft.before->several_writers();
}

void set_variables(Draft& draft, const Node& node, const std::map<std::string, std::string>& wanted) {
  const auto set = [&](const std::string& name, const std::string& value) {
    const auto from = value_before(*node.has, name);
    if (same_value(from, value)) return;
    const auto kept = node.has->persisted.find(name);
    const bool persisted = kept != node.has->persisted.end();
    if (node.has->fixed_until_restart.contains(name)) {
      const auto before = persisted ? std::optional{kept->second} : std::nullopt;
      return add_restart(draft, node.id(), {name, from, value, before, value});
    }
    const auto* row = base_row(draft.wanted, node.id(), name);
    draft.plan.add(SetVariable{node.id(), name, from, value, persisted, row == nullptr ? "" : origin_of(*row)});
  };
  // Refused while single-primary mode is still on.
  constexpr std::string_view kAfterItsMode = "group_replication_enforce_update_everywhere_checks";
  const auto is_last = [&](const auto& v) { return v.first == kAfterItsMode && v.second == "ON"; };
  for (const auto& v : wanted) {
    if (!is_last(v)) set(v.first, v.second);
  }
  for (const auto& v : wanted) {
    if (is_last(v)) set(v.first, v.second);
  }
}

void add_restart(Draft& draft, const NodeId& node, StartVariable variable) {
  auto& all = draft.restarts[node];
  const bool known = std::any_of(all.begin(), all.end(), [&](const auto& v) { return v.name == variable.name; });
  if (!known) all.push_back(std::move(variable));
}

bool Draft::runs() const {
  return std::any_of(checked.nodes.begin(), checked.nodes.end(), [](const auto& n) { return n.second.attached(); });
}

bool Draft::gets_account_from_source(const Node& node) const {
  const auto missing = [](const Node& n) {
    return n.has->faults_of(AccountRole::Replication).contains(AccountFault::Missing);
  };
  // A ring and a group need it on every node before they are one, and without GTIDs nothing of before is replayed.
  if (wanted.topology != TopologyType::SourceReplica || wanted.by_position() || was_ring() || was_group()) return false;
  // What is delayed, or below such a node, would get it late, and nobody could log in there so long.
  for (std::optional<NodeId> at = node.id(); at && *at != checked.seed; at = wanted.source_of(*at, checked.seed)) {
    if (wanted.find(*at)->delay.count() > 0) return false;
  }
  return node.id() != checked.seed && !node.attached() && !checked.to_clone.contains(node.id()) && missing(node) &&
         seed().now->read_only == ReadOnly::Off && !missing(seed());
}

bool Draft::gives_account_to_new_nodes() const {
  return std::any_of(checked.nodes.begin(), checked.nodes.end(),
                     [&](const auto& n) { return gets_account_from_source(n.second); });
}

std::vector<Builder::Index> Draft::last_steps() const {
  std::vector<Builder::Index> out;
  for (const auto& [id, node] : checked.nodes) {
    if (const auto last = plan.last_of(id)) out.push_back(*last);
  }
  return out;
}

std::vector<Builder::Index> Draft::last_step_of(const NodeId& node) const {
  const auto last = plan.last_of(node);
  return last ? std::vector{*last} : std::vector<Builder::Index>{};
}

std::vector<Builder::Index> Draft::all_last_steps() const {
  std::vector<Builder::Index> out;
  for (const auto& node : known.nodes) {
    if (const auto last = plan.last_of(node.id)) out.push_back(*last);
  }
  return out;
}

void use_gtids(Draft& draft, const std::vector<const Node*>& nodes, GtidMode mode, std::vector<Builder::Index> after) {
  const auto persisted = [](const Node& node, const char* name) { return node.has->persisted.contains(name); };
  for (const auto* node : nodes) {
    if (node->now->gtid_mode >= mode) continue;
    // The steps before it have brought it one below.
    const auto before = static_cast<GtidMode>(static_cast<int>(mode) - 1);
    const bool first = node->now->gtid_mode == before;
    draft.plan.add(SetVariable{node->id(), "gtid_mode", std::string{to_string(before)}, std::string{to_string(mode)},
                               !first || persisted(*node, "gtid_mode")},
                   after);
  }
}

void enforce_gtid_consistency(Draft& draft, const Node& node, const std::string& from, const std::string& to) {
  constexpr auto* kName = "enforce_gtid_consistency";
  const auto has = value_before(*node.has, kName);
  if (same_value(has, "ON") || same_value(has, to)) return;
  draft.plan.add(
      SetVariable{node.id(), kName, from, to, !same_value(has, from) || node.has->persisted.contains(kName)});
}

ReadOnly prepare(Draft& draft, const Node& node, Stays stays, bool detaches) {
  auto& plan = draft.plan;
  const auto& id = node.id();
  const auto& now = *node.now;
  if (!draft.wanted.by_position() && now.by_position() && !draft.checked.changes_to_gtids) {
    enforce_gtid_consistency(draft, node, "OFF", "WARN");
    enforce_gtid_consistency(draft, node, "WARN", "ON");
    for (const auto mode : {GtidMode::OffPermissive, GtidMode::OnPermissive, GtidMode::On}) {
      use_gtids(draft, {&node}, mode, {});
    }
  }
  const auto clone = draft.checked.to_clone.find(id);
  const bool cloned = clone != draft.checked.to_clone.end();
  if (cloned) {
    const auto [donor, why] = choose_donor(draft, id);
    plan.because(fmt::format("{} gets its data from {} ({})", id, donor, why));
    auto after = draft.last_step_of(donor);
    // It acknowledges no more.
    after.insert(after.end(), draft.expects_less.begin(), draft.expects_less.end());
    if (const auto before = draft.last_clone_of.find(donor); before != draft.last_clone_of.end()) {
      after.push_back(before->second);
    }
    draft.last_clone_of[donor] = plan.add(CloneFrom{.node = id,
                                                    .donor = donor,
                                                    .discarded = clone->second,
                                                    .must_be_empty = !draft.checked.may_lose_data.contains(id)},
                                          std::move(after));
  }
  // A member that has left its group is closed.
  const auto read_only = detaches && node.member() ? ReadOnly::Super : now.read_only;
  const bool closed = read_only != ReadOnly::Off;
  const bool may_write = node.may_write() || detaches;
  const auto local = cloned ? std::vector<Step>{} : local_writes(draft, node, may_write);
  const bool open_for_it = !local.empty() && closed && may_write;
  if (open_for_it) {
    if (!now.offline_mode) plan.add(SetOfflineMode{id, false, true});
    plan.add(SetReadOnly{id, read_only, ReadOnly::Off});
  }
  if (may_write) {
    for (const auto& step : local) plan.add(step);
  } else if (!local.empty()) {
    plan.because(fmt::format("{} runs as a replica and lacks what only a writable node can be given: {}", id,
                             describe(local.front())));
  }
  variables(draft, node, may_write && !cloned);
  if (!now.super_read_only_persisted && !cloned) plan.add(PersistReadOnly{id, false, true});
  const bool is_open = !cloned && (open_for_it || !closed);
  const bool to_close = stays == Stays::Closed || stays == Stays::Paused;
  const bool closes = open_for_it || (to_close && !cloned && read_only != ReadOnly::Super);
  if (closes) {
    SetReadOnly close{id, is_open ? ReadOnly::Off : read_only, ReadOnly::Super};
    if (stays == Stays::Paused) close.lock_wait = kPauseWithin;
    // A server that was restarted since would acknowledge alone when it is taken back.
    close.only_with_semi_sync =
        is_open && now.semi_sync.source_enabled && (draft.wanted.semi_sync() || stays == Stays::Closed);
    close.for_good = !open_for_it && id != draft.checked.seed && was_closed_by_spec(draft, id);
    plan.add(close, open_for_it ? std::vector<Builder::Index>{} : draft.closes_after);
  }
  if (open_for_it && !now.offline_mode) plan.add(SetOfflineMode{id, true, false});
  if (stays == Stays::Closed && now.semi_sync.source_enabled && !cloned) {
    // After it was closed: commits of clients may wait until then, and are acknowledged.
    plan.add(semi_sync_source_off(now));
  }
  return cloned || closes ? ReadOnly::Super : read_only;
}

void acknowledge(Draft& draft, const Node& node, std::vector<Builder::Index> after) {
  const auto& now = *node.now;
  const bool acker = draft.wanted.semi_sync() && node.spec->delay.count() == 0;
  const bool acknowledges = !draft.checked.to_clone.contains(node.id()) && now.semi_sync.replica_enabled;
  if (acknowledges == acker || !(acker || now.semi_sync.replica_plugin)) return;
  draft.plan.add(SetSemiSyncReplica{node.id(), acknowledges, acker}, acker ? std::move(after) : draft.expects_less);
}

std::optional<NodeId> source_now(const Draft& draft, const Snapshot& node) {
  if (const auto moved = draft.moved.find(node.node); moved != draft.moved.end()) return moved->second;
  return node.channel() == nullptr ? std::nullopt : diagnose::source_node(draft.known, *node.channel());
}

void forget_source(Draft& draft, const Node& node, std::vector<Builder::Index> after) {
  const auto source = source_now(draft, *node.now);
  const auto& channel = *node.now->channel();
  draft.plan.add(ForgetSource{node.id(), source.value_or(NodeId{}), channel.delay, channel.name}, std::move(after));
}

std::optional<Builder::Index> take_off_delay(Draft& draft, const Node& node) {
  if (!node.follows() || draft.checked.to_clone.contains(node.id())) return std::nullopt;
  const auto& channel = *node.now->channel();
  const auto source = diagnose::source_node(draft.known, channel);
  if (channel.delay.count() == 0 || !source) return std::nullopt;
  draft.plan.add(FollowSource{.replica = node.id(), .from = source, .to = *source, .delay_before = channel.delay});
  return draft.plan.add(WaitForApplied{node.id(), *source, kCatchUpTimeout});
}

void forget_own(Draft& draft, const Node& node) {
  const auto own = draft.checked.to_forget.find(node.id());
  if (own == draft.checked.to_forget.end()) return;
  if (node.now->channel() != nullptr) draft.plan.add(ForgetSource{node.id(), NodeId{}});
  draft.plan.add(ResetGtids{node.id(), own->second});
}

void count_one_by_one(Draft& draft, const Node& node, const std::vector<Builder::Index>& after) {
  if (!draft.leaves_several_writers()) return;
  std::set<std::string> captured;
  for (const auto& variable : to_put_back(draft.wanted, draft.before, *node.now, draft.prior)) {
    if (!counts_keys(variable.name) || !variable.to) continue;
    captured.insert(variable.name);
    if (const auto step = step_for(variable, node.id(), *node.has)) draft.plan.add(*step, after);
  }
  const auto wanted = variables_of(draft.wanted, node.id());
  for (const auto* name : {"auto_increment_increment", "auto_increment_offset"}) {
    const auto from = value_before(*node.has, name);
    if (captured.contains(name) || wanted.contains(name) || same_value(from, "1")) continue;
    draft.plan.add(SetVariable{node.id(), name, from, "1", node.has->persisted.contains(name)}, after);
  }
}

void retire_discarded(Draft& draft) {
  const auto& retired = draft.checked.to_retire;
  if (retired.empty()) return;
  draft.plan.add(RetireGtids{draft.checked.seed, retired}, draft.last_steps(), Must::BestEffort);
  draft.plan.because(
      fmt::format("{} that no other node has {} thrown away; {} commits {} empty, so that the numbers are not given to "
                  "others: {}",
                  how_much(retired), retired.count() == 1 ? "is" : "are", draft.checked.seed,
                  retired.count() == 1 ? "it" : "them", in_words(retired)));
}

bool only_moved(const Draft& draft, const Snapshot& leaving) {
  const auto& nodes = draft.checked.nodes;
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const auto& n) { return n.second.now->server_uuid == leaving.server_uuid; });
}

std::vector<const Snapshot*> leaving(const Draft& draft) {
  std::vector<const Snapshot*> out;
  for (const auto& node : draft.known.nodes) {
    if (draft.wanted.find(node.id) != nullptr) continue;
    const auto* now = draft.view.reachable(node.id);
    if (now != nullptr && !only_moved(draft, *now)) out.push_back(now);
  }
  return out;
}

void put_back_on_leaving(Draft& draft) {
  for (const auto& spec : draft.known.nodes) {
    if (draft.wanted.find(spec.id) != nullptr) continue;
    const auto& id = spec.id;
    const auto* now = draft.view.reachable(id);
    const auto* seen = draft.view.find(id);
    if (now == nullptr || !seen->inventory) {
      draft.plan.because(fmt::format(
          "{} leaves and does not answer: it keeps its channel and what repld has set there, for nobody looks at it "
          "any more",
          id));
      continue;
    }
    draft.plan.because(
        fmt::format("{} leaves: variables go back to what they were before; it keeps its data, accounts and plugins, "
                    "and stays super-read-only",
                    id));
    for (const auto& variable : to_put_back(draft.wanted, draft.before, *now, draft.prior)) {
      auto step = step_for(variable, id, *seen->inventory);
      if (!step) continue;
      if (const auto* restart = std::get_if<RestartServer>(&*step)) {
        // It is no longer repld's to restart.
        const auto& v = restart->variables.front();
        if (v.persisted_to) {
          draft.plan.because(
              fmt::format("{}: {} was {} before and only a start makes it so: SET PERSIST_ONLY and "
                          "RESTART there",
                          id, v.name, *v.persisted_to));
          continue;
        }
        step = ResetVariable{id, v.name, v.from, ""};
      }
      draft.plan.add(std::move(*step), {}, Must::BestEffort);
    }
  }
}

}  // namespace repl::plan::converge

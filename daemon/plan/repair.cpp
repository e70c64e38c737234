// One row per problem that repld takes back.
#include "plan/repair.hpp"

#include <algorithm>
#include <array>

#include "diagnose/facts.hpp"
#include "model/variable_value.hpp"
#include "plan/builder.hpp"
#include "plan/group.hpp"
#include "plan/semi_sync.hpp"
#include "plan/variables.hpp"

namespace repl::plan {
namespace {

using diagnose::Facts;
using diagnose::NodeFacts;

SetSemiSyncSource semi_sync_source_on(const Facts& f, const Snapshot& node) {
  const auto has = node.semi_sync.wait_for_count;
  // In a ring one node follows each.
  const auto possible = f.office->primary ? f.acks_possible : 1;
  const auto acks = acks_to_wait_for(*f.spec, f.office->primary.value_or(node.node), possible);
  return {node.node, node.semi_sync.source_enabled, true, has, acks};
}

void reopen(Builder& plan, const Facts& f, const NodeFacts& primary) {
  for (const auto& correction : semi_sync_corrections(*f.spec, *primary.now)) plan.add(correction);
  // Semi-sync first: it is not persisted, and a primary opened without it would acknowledge alone.
  if (f.spec->semi_sync()) plan.add(semi_sync_source_on(f, *primary.now));
  const auto open = plan.add(SetReadOnly{.node = primary.spec->id,
                                         .from = primary.now->read_only,
                                         .to = ReadOnly::Off,
                                         .only_with_semi_sync = f.spec->semi_sync()});
  plan.opens(open, primary.spec->id);
  plan.because(fmt::format("{} is the primary of term {} and no other node takes writes", primary.spec->id,
                           f.office->term.number));
}

/// Points a node that follows nobody to where it should. With a channel left, taking it back leaves it attached:
/// without one it could bear no witness, and would be no part of a quorum.
FollowSource attach(const Facts& f, const NodeFacts& node) {
  return {.replica = node.spec->id,
          .from = node.channel != nullptr ? node.should_follow : std::nullopt,
          .to = *node.should_follow,
          .delay = node.spec->delay,
          .channel = f.spec->channel_name()};
}

/// It may have missed a change of the ring, or have died in the middle of one: its keys would meet those of others.
void count_keys(Builder& plan, const Facts& f, const NodeFacts& node) {
  const auto& has = node.seen->inventory;
  for (const auto& [name, value] : auto_increment(*f.spec, node.spec->id)) {
    const auto is = has ? value_before(*has, name) : value;
    if (has && same_value(is, value)) continue;
    plan.add(SetVariable{node.spec->id, name, is, value, !has || has->persisted.contains(name)});
  }
}

/// Its own source side first: it is not persisted, and a node opened without it would acknowledge alone.
void open_writer(Builder& plan, const Facts& f, const NodeFacts& node) {
  count_keys(plan, f, node);
  for (const auto& correction : semi_sync_corrections(*f.spec, *node.now)) plan.add(correction);
  if (f.spec->semi_sync()) plan.add(semi_sync_source_on(f, *node.now));
  plan.add(SetReadOnly{.node = node.spec->id,
                       .from = node.now->read_only,
                       .to = ReadOnly::Off,
                       .only_with_semi_sync = f.spec->semi_sync()});
  if (node.seen->closed_by_repld && node.now->offline_mode) plan.add(SetOfflineMode{node.spec->id, true, false});
  plan.because(fmt::format("every node of {} takes writes", f.spec->cluster));
}

/// A group takes only those that have the mode it runs in, whatever is declared.
bool group_runs_multi_primary(const Facts& f) {
  const auto member = std::find_if(f.nodes.begin(), f.nodes.end(),
                                   [](const NodeFacts& n) { return n.now != nullptr && n.now->in_group(); });
  return member == f.nodes.end() ? f.spec->topology == TopologyType::GroupMultiPrimary
                                 : !member->now->group.single_primary;
}

void join_group(Builder& plan, const Facts& f, const NodeFacts& node) {
  const auto& id = node.spec->id;
  for (const auto& correction : group_mode_corrections(group_runs_multi_primary(f), *node.now)) plan.add(correction);
  plan.add(StartGroup{.node = id, .how = GroupStart::Join});
  if (node.now->offline_mode) plan.add(SetOfflineMode{id, true, false}, {}, Must::BestEffort);
}

/// Where somebody works it stays as it is, and turns away whom it turns away: it joins when that is over (MemberOut).
void bootstrap_group(Builder& plan, const Facts& f, const NodeFacts& node) {
  const auto first = plan.add(StartGroup{.node = node.spec->id, .how = GroupStart::Bootstrap});
  plan.because(fmt::format("{} has all that any node has", node.spec->id));
  for (const auto& other : f.nodes) {
    if (other.spec->id == node.spec->id || other.seen->in_maintenance) continue;
    plan.add(StartGroup{.node = other.spec->id, .how = GroupStart::Join}, {first}, Must::BestEffort);
  }
  for (const auto& each : f.nodes) {
    if (!each.now->offline_mode || each.seen->in_maintenance) continue;
    plan.add(SetOfflineMode{each.spec->id, true, false}, {}, Must::BestEffort);
  }
}

void rejoin(Builder& plan, const Facts& f, const NodeFacts& node) {
  const auto& now = *node.now;
  const auto& id = node.spec->id;
  for (const auto& correction : semi_sync_corrections(*f.spec, now)) plan.add(correction);
  if (now.semi_sync.source_enabled) plan.add(semi_sync_source_off(now));
  if (now.read_only != ReadOnly::Super) plan.add(SetReadOnly{id, now.read_only, ReadOnly::Super});
  if (!now.super_read_only_persisted) plan.add(PersistReadOnly{id, false, true});
  if (node.acker && now.semi_sync.replica_plugin && !now.semi_sync.replica_enabled) {
    plan.add(SetSemiSyncReplica{id, false, true});
  }
  // Where it should not, not even for the moment until that is found.
  if ((!f.spec->semi_sync() || node.spec->delay.count() > 0) && now.semi_sync.replica_enabled) {
    plan.add(SetSemiSyncReplica{id, true, false});
  }
  plan.add(attach(f, node));
  if (now.offline_mode) {
    plan.add(WaitForApplied{id, *node.should_follow, std::chrono::seconds{60}}, {}, Must::BestEffort);
    plan.add(SetOfflineMode{id, true, false}, {}, Must::BestEffort);
  }
  plan.because(fmt::format("{} has nothing that {} lacks", id, *f.office->primary));
}

void fence(Builder& plan, const Facts&, const NodeFacts& node) {
  if (node.now->semi_sync.source_enabled) {
    plan.add(CloseReturned{node.spec->id});  // commits may hang in it: super_read_only alone would wait for ever
  } else {
    plan.add(SetReadOnly{node.spec->id, node.now->read_only, ReadOnly::Super});
  }
}

/// A password is never changed without somebody who asks for it: its file may be half written.
void amend_accounts(Builder& plan, const Facts& f, const NodeFacts& writer) {
  if (!writer.seen->inventory) return;
  const auto& id = writer.spec->id;
  for (const auto& [role, account] : f.spec->accounts) {
    if (role == AccountRole::Admin) continue;
    auto faults = writer.seen->inventory->faults_of(role);
    faults.erase(AccountFault::Password);
    faults.erase(AccountFault::Expired);
    // Its owner's policy, or whoever else has limited it, wants it locked; an apply or a rotation unlocks it.
    if (role != AccountRole::Replication) faults.erase(AccountFault::LockedOut);
    if (faults.contains(AccountFault::Missing)) {
      plan.add(CreateAccount{id, role, account, Logged::Yes});
    } else if (!faults.empty()) {
      plan.add(AmendAccount{id, role, account, std::move(faults), Logged::Yes});
    }
  }
}

/// A channel that has to be made gets the declared login, and that must be good where it will follow.
Result<void> has_a_login(const Facts& f, const NodeFacts& node) {
  if (f.spec->is_group() || node.channel != nullptr || !node.should_follow) return {};
  for (const auto& source : f.nodes) {
    if (source.spec->id != *node.should_follow || source.seen == nullptr || !source.seen->inventory) continue;
    if (!source.seen->inventory->faults_of(AccountRole::Replication).contains(AccountFault::Password)) return {};
    return fail(ErrorCode::PreconditionFailed,
                "{}: {} has no login of before, and {} does not take the declared password of the replication account "
                "yet. `replctl rotate {}` gives it that one; while commits wait for {}, put the present password back "
                "where the topology file says it is, and rotate afterwards",
                f.spec->cluster, node.spec->id, source.spec->id, f.spec->cluster, node.spec->id);
  }
  return {};
}

struct Row {
  std::string_view problem;
  void (*plan)(Builder&, const Facts&, const NodeFacts&);
};

// For a cluster-wide problem the node is the primary.
constexpr std::array kRepairs{
    Row{"PrimaryReadOnly", reopen},
    Row{"DetachedNode", rejoin},
    Row{"WritableReplica", fence},
    Row{"SemiSyncOff",
        [](Builder& plan, const Facts& f, const NodeFacts& n) {
          for (const auto& correction : semi_sync_corrections(*f.spec, *n.now)) plan.add(correction);
          plan.add(semi_sync_source_on(f, *n.now));
        }},
    Row{"DurabilityReduced",
        [](Builder& plan, const Facts& f, const NodeFacts& n) { plan.add(semi_sync_source_on(f, *n.now)); }},
    Row{"PrimaryReplicates",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(ForgetSource{n.spec->id, n.follows.value_or(NodeId{}), n.channel->delay, n.channel->name});
        }},
    Row{"SemiSyncSourceOnReplica",
        [](Builder& plan, const Facts&, const NodeFacts& n) { plan.add(semi_sync_source_off(*n.now)); }},
    Row{"NotSuperReadOnly",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetReadOnly{n.spec->id, n.now->read_only, ReadOnly::Super});
        }},
    Row{"NotPersistedReadOnly",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(PersistReadOnly{n.spec->id, false, true});
        }},
    Row{"WrongSource",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(
              FollowSource{.replica = n.spec->id, .from = n.follows, .to = *n.should_follow, .delay = n.spec->delay});
        }},
    Row{"NotAutoPositioned",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(
              FollowSource{.replica = n.spec->id, .from = n.follows, .to = *n.should_follow, .delay = n.spec->delay});
        }},
    Row{"DelayDiffers",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(FollowSource{.replica = n.spec->id,
                                .from = n.follows,
                                .to = *n.should_follow,
                                .delay = n.spec->delay,
                                .delay_before = n.channel->delay});
        }},
    Row{"NumbersNotRetired",
        [](Builder& plan, const Facts& f, const NodeFacts& n) {
          plan.add(RetireGtids{diagnose::writing_node(f)->spec->id, diagnose::numbers_not_retired(f, n)});
        }},
    Row{"LeftDetached", [](Builder& plan, const Facts& f, const NodeFacts& n) { plan.add(attach(f, n)); }},
    Row{"RingBroken", [](Builder& plan, const Facts& f, const NodeFacts& n) { plan.add(attach(f, n)); }},
    Row{"WriterClosed", open_writer},
    Row{"WriterSemiSyncOff",
        [](Builder& plan, const Facts& f, const NodeFacts& n) {
          for (const auto& correction : semi_sync_corrections(*f.spec, *n.now)) plan.add(correction);
          plan.add(semi_sync_source_on(f, *n.now));
        }},
    Row{"CommitsMayGoAlone",
        [](Builder& plan, const Facts& f, const NodeFacts& n) {
          for (const auto& correction : semi_sync_corrections(*f.spec, *n.now)) plan.add(correction);
        }},
    Row{"SecondaryTakesWrites", fence},
    Row{"GroupIsSinglePrimary",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetGroupMode{n.spec->id, false, true});
        }},
    Row{"CommitsStuck",
        [](Builder& plan, const Facts& f, const NodeFacts& n) { plan.add(semi_sync_source_on(f, *n.now)); }},
    Row{"GroupDown", bootstrap_group},
    Row{"MemberOut", join_group},
    Row{"MemberLeftOffline",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetOfflineMode{n.spec->id, true, false});
        }},
    Row{"LeftOffline",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetOfflineMode{n.spec->id, true, false});
        }},
    Row{"ReplicationStopped",
        [](Builder& plan, const Facts&, const NodeFacts& n) { plan.add(StartReplication{n.spec->id}); }},
    Row{"SemiSyncReplicaOff",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetSemiSyncReplica{n.spec->id, n.now->semi_sync.replica_enabled, true});
        }},
    Row{"SemiSyncReplicaOn",
        [](Builder& plan, const Facts&, const NodeFacts& n) {
          plan.add(SetSemiSyncReplica{n.spec->id, true, false});
        }},
    Row{"SettingDeviates",
        [](Builder& plan, const Facts& f, const NodeFacts& n) {
          for (const auto& d : diagnose::deviating_settings(*f.spec, n)) {
            if (d.needs_restart) continue;  // never without somebody who asks for it
            plan.add(SetVariable{n.spec->id, d.name, d.is, d.wanted, n.seen->inventory->persisted.contains(d.name)});
          }
        }},
    Row{"AccountsDeviate", amend_accounts},
    Row{"ReceiverOutdated",
        [](Builder& plan, const Facts&, const NodeFacts& n) { plan.add(RenewReceiver{n.spec->id}); }},
};

}  // namespace

bool knows_repair(const std::string& problem_name) {
  return std::any_of(kRepairs.begin(), kRepairs.end(), [&](const Row& r) { return r.problem == problem_name; });
}

Result<Plan> plan_repair(const Problem& problem, const Spec& spec, const Office& office, const View& view) {
  const auto row =
      std::find_if(kRepairs.begin(), kRepairs.end(), [&](const Row& r) { return r.problem == problem.name; });
  if (row == kRepairs.end()) return fail(ErrorCode::Internal, "no repair is known for {}", problem.name);
  const auto facts = diagnose::count_facts(spec, office, view);
  auto wanted = problem.node ? problem.node : office.primary;
  if (problem.name == "GroupDown") {
    const auto first = bootstrap_candidate(spec, view);
    if (!first) return tl::unexpected(first.error());
    wanted = *first;
  }
  const auto node =
      std::find_if(facts.nodes.begin(), facts.nodes.end(), [&](const NodeFacts& n) { return n.spec->id == wanted; });
  if (node == facts.nodes.end() || node->now == nullptr) {
    return fail(ErrorCode::PreconditionFailed, "{}: the node to be repaired ({}) does not answer", spec.cluster,
                wanted ? wanted->name : "none");
  }
  if (problem.goal == Goal::Reopen && !facts.primary_lacks.empty()) {
    return fail(ErrorCode::PreconditionFailed, "{}: {} is not opened, it lacks {} that replicas have from it",
                spec.cluster, *office.primary, how_much(facts.primary_lacks));
  }
  if (problem.name == "NumbersNotRetired") {
    if (const auto silent = diagnose::silent_nodes(facts); !silent.empty()) {
      return fail(ErrorCode::PreconditionFailed, "{}: {} does not answer, and may have them: it is asked first",
                  spec.cluster, silent.front());
    }
    if (diagnose::writing_node(facts) == nullptr)
      return fail(ErrorCode::PreconditionFailed, "{}: nobody takes writes", spec.cluster);
  }
  if (problem.name == "DetachedNode" || problem.name == "LeftDetached" || problem.name == "RingBroken") {
    if (const auto login = has_a_login(facts, *node); !login) return tl::unexpected(login.error());
  }
  Builder plan{problem.goal};
  plan.because(fmt::format("{}: {}", problem.name, problem.evidence));
  row->plan(plan, facts, *node);
  return std::move(plan).take();
}

}  // namespace repl::plan

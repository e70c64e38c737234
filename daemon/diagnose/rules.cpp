// The rows. Each `matches` is one expression over Facts; each `evidence` one sentence with the figures seen.
#include "diagnose/rules.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {
namespace {

using std::string;

double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

std::string_view text(ThreadState s) {
  switch (s) {
    case ThreadState::Stopped:
      return "stopped";
    case ThreadState::Connecting:
      return "connecting";
    case ThreadState::Running:
      return "running";
  }
  return "?";
}

string primary_name(const Facts& f) {
  return f.office->primary->name;
}

string what_replicas_say(const Facts& f) {
  return fmt::format("{} of {} other nodes reached, {} lost it, {} hear it", f.others_reached, f.others,
                     f.replicas_that_lost_it, f.replicas_hearing);
}

string last_words(const Facts& f) {
  const auto& seen = *f.primary->seen;
  return seen.latest->problem.empty() ? string{"no answer"} : seen.latest->problem;
}

/// The primary answers nothing at all, and we are not the ones cut off. A group elects the next by itself.
bool primary_gone(const Facts& f) {
  return f.primary != nullptr && !f.spec->is_group() && !f.primary_alive && f.primary->seen->seen();
}

/// No replica hears the primary and at least one lost it: a second witness.
bool replicas_agree_it_is_gone(const Facts& f) {
  return f.replicas_hearing == 0 && f.replicas_that_lost_it > 0;
}

/// A node that was primary once, closed or not, with clients whose commits nobody has acknowledged: switching semi-sync
/// off would tell them that all is well.
bool clients_wait_in_commits(const NodeFacts& n) {
  return n.channel == nullptr && n.now->semi_sync.wait_sessions > 0;
}

/// Connection errors pass by themselves, and stay in the channel of a receiver that was stopped since.
bool receiver_needs_a_person(const NodeFacts& n) {
  // Semi-sync was switched off while it connected: another start agrees on it anew.
  const bool missed_semi_sync = n.channel->receiver_error.find("'after_read_event' hook") != std::string::npos;
  return n.channel->receiver_errno != 0 && !is_connection_error(n.channel->receiver_errno) && !missed_semi_sync;
}

bool healthy_follower(const NodeFacts& n) {
  return n.now != nullptr && !n.is_primary && !n.detached;
}

/// What stands in the way of replication further up is found first: in a tree the primary, in a ring the node before.
bool source_answers(const Facts& f, const NodeFacts& n) {
  return f.spec->is_ring() ? n.source_now != nullptr : f.primary_reachable;
}

/// What the node needs from its source is still there, and nothing says that it is not to be attached.
bool may_be_attached(const Facts& f, const NodeFacts& n) {
  if (f.spec->is_ring()) return n.source_now != nullptr && n.purged_but_needed.empty() && n.own_lost.empty();
  if (f.spec->by_position()) return n.source_now != nullptr && n.same_log && n.errant.empty();
  return f.primary_reachable && n.compared && n.errant.empty() && n.purged_but_needed.empty();
}

bool takes_writes(const NodeFacts& n) {
  return n.writer && n.now != nullptr && n.now->read_only == ReadOnly::Off;
}

enum class NeedRestart { No, Yes };
/// "max_connections is 151 instead of 500", of the variables that need a restart, or of the others.
string settings_that(const Facts& f, const NodeFacts& n, NeedRestart need) {
  string out;
  for (const auto& d : deviating_settings(*f.spec, n)) {
    if (d.needs_restart != (need == NeedRestart::Yes)) continue;
    out +=
        fmt::format("{}{} is {} instead of {}", out.empty() ? "" : ", ", d.name, d.is.empty() ? "''" : d.is, d.wanted);
  }
  return out;
}

/// "application 'shop_app' (grants, policy)", as last looked at thoroughly; "" when all is as declared.
string deviations(const Facts& f, const NodeFacts& n) {
  if (!n.seen->inventory) return {};
  string out;
  for (const auto& [role, account] : f.spec->accounts) {
    const auto faults = role == AccountRole::Admin ? std::set<AccountFault>{} : n.seen->inventory->faults_of(role);
    if (faults.empty()) continue;
    string what;
    for (const auto fault : faults) what += (what.empty() ? "" : ", ") + string{to_string(fault)};
    out += fmt::format("{}{} '{}' ({})", out.empty() ? "" : ", ", to_string(role), account.user, what);
  }
  return out;
}

/// The source takes what is declared: else the receiver would be lost.
bool receiver_outdated(const Facts& f, const NodeFacts& n) {
  if (n.now == nullptr || !n.seen->inventory || n.seen->inventory->receiver_as_declared.value_or(true)) return false;
  if (f.spec->is_group() ? !n.now->in_group() : !healthy_follower(n) || !n.follows) return false;
  return std::any_of(f.nodes.begin(), f.nodes.end(), [&](const NodeFacts& other) {
    const bool source = f.spec->is_group() ? takes_writes(other) : other.spec->id == n.follows;
    return source && other.now != nullptr && other.seen->inventory &&
           other.seen->inventory->accounts.contains(AccountRole::Replication);
  });
}

bool is_member(const NodeFacts& n) {
  return n.now != nullptr && n.now->in_group();
}

/// The group lives, and this node is none of it.
bool out_of_the_group(const Facts& f, const NodeFacts& n) {
  if (!f.spec->is_group() || n.now == nullptr || f.members_online == 0) return false;
  const auto state = n.now->member_state();
  return state == MemberState::Offline || state == MemberState::Error;
}

/// No node is in the group, and none waits for its majority: all were stopped.
bool group_is_down(const Facts& f) {
  return f.spec->is_group() && f.members_online == 0 && f.members_without_majority == 0 &&
         std::any_of(f.nodes.begin(), f.nodes.end(), [](const NodeFacts& n) { return n.now != nullptr; }) &&
         std::none_of(f.nodes.begin(), f.nodes.end(), [](const NodeFacts& n) {
           return n.now != nullptr && n.now->member_state() == MemberState::Recovering;
         });
}

constexpr std::array kClusterRules{
    ClusterRule{
        .name = "ObserverIsolated",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::AtOnce,
        .summary = "repld reaches neither the primary nor half of the other nodes: it is probably cut off itself",
        .advice = "Check the network between this repld and the nodes. Nothing is changed until it sees them again.",
        .matches = [](const Facts& f) { return primary_gone(f) && f.observer_isolated(); },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} does not answer, and only {} of {} other nodes do", primary_name(f),
                                 f.others_reached, f.others);
            }},
    ClusterRule{.name = "DeadPrimary",
                .severity = Severity::Critical,
                .goal = Goal::FailOver,
                .hold = Hold::AtOnce,
                .summary = "the primary's port refuses connections, and no replica hears from it",
                .advice = "",
                .matches =
                    [](const Facts& f) {
                      return primary_gone(f) && f.primary_refused && replicas_agree_it_is_gone(f) &&
                             !f.observer_isolated();
                    },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{}: {}; {}", primary_name(f), last_words(f), what_replicas_say(f));
                    }},
    ClusterRule{.name = "SilentPrimary",
                .severity = Severity::Critical,
                .goal = Goal::FailOver,
                .hold = Hold::AtOnce,
                .summary = "the primary answered none of several probes, and no replica hears from it",
                .advice = "",
                .matches =
                    [](const Facts& f) {
                      return primary_gone(f) && !f.primary_refused && f.primary_silent_for_good &&
                             replicas_agree_it_is_gone(f) && !f.observer_isolated();
                    },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{}: {} probes without an answer ({}); {}", primary_name(f), f.primary_misses,
                                         last_words(f), what_replicas_say(f));
                    }},
    ClusterRule{
        .name = "PrimaryUnreachable",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::AtOnce,
        .summary = "repld does not reach the primary, but replicas hear from it",
        .advice = "Check the network between this repld and the primary; applications are probably fine.",
        .matches = [](const Facts& f) { return primary_gone(f) && f.replicas_hearing > 0 && !f.observer_isolated(); },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{}: {}; {}", primary_name(f), last_words(f), what_replicas_say(f));
            }},
    ClusterRule{
        .name = "PrimaryNotAnswering",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::AtOnce,
        .summary = "the primary does not answer, and there is not enough evidence yet that it is gone",
        .advice =
            "If it stays so: no replica can bear witness. `replctl failover` decides by hand, under the same rules.",
        .matches =
            [](const Facts& f) {
              return primary_gone(f) && f.replicas_hearing == 0 && !f.observer_isolated() &&
                     !(replicas_agree_it_is_gone(f) && (f.primary_refused || f.primary_silent_for_good));
            },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{}: {} probe{} without an answer ({}); {}", primary_name(f), f.primary_misses,
                                 f.primary_misses == 1 ? "" : "s", last_words(f), what_replicas_say(f));
            }},
    ClusterRule{
        .name = kAnotherPrimary,
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::AtOnce,
        .summary =
            "the primary in office is closed and replicates from a node that takes writes: somebody moved the primary",
        .advice =
            "Move it back by hand; or `replctl forget`, name the new primary as source in the file, and apply it.",
        .matches = [](const Facts& f) { return f.another_primary.has_value(); },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} is read-only and follows {}, which takes writes", primary_name(f),
                                 *f.another_primary);
            }},
    ClusterRule{
        .name = "PrimaryBehind",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "the primary came back without transactions that it had given to replicas: its data went back",
        .advice = "Stop it: repld then promotes a replica that has them. Afterwards rebuild it from the new primary.",
        .matches = [](const Facts& f) { return !f.primary_lacks.empty(); },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} lacks {}: {}", primary_name(f), how_much(f.primary_lacks),
                                 in_words(f.primary_lacks));
            }},
    ClusterRule{.name = "PrimaryReadOnly",
                .severity = Severity::Critical,
                .goal = Goal::Reopen,
                .hold = Hold::AtOnce,
                .summary = "the primary in office does not take writes, and no other node does: it was restarted",
                .advice = "",
                .matches =
                    [](const Facts& f) {
                      return f.primary_reachable && f.primary->now->read_only != ReadOnly::Off &&
                             f.writable_others == 0 && !f.spec->is_group();
                    },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{} is read-only, up for {} s", primary_name(f),
                                         f.primary->now->uptime.count());
                    }},
    ClusterRule{
        .name = "PrimaryNotHeard",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::BlockedAfter,
        .summary = "the primary answers repld, but no replica hears from it: replication alone is cut",
        .advice = "Under semi-sync, commits hang. Check the network between the nodes, or move the primary by hand.",
        .matches = [](const Facts& f) { return f.primary_reachable && replicas_agree_it_is_gone(f); },
        .evidence =
            [](const Facts& f) { return fmt::format("{} answers; {}", primary_name(f), what_replicas_say(f)); }},
    ClusterRule{
        .name = "CommitsHang",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::BlockedAfter,
        .summary = "commits wait for acknowledgements, and too few semi-sync replicas are connected to give them",
        .advice = "Bring a replica back; or lower `sync.acks` and apply, knowing what that gives up.",
        .matches =
            [](const Facts& f) {
              return f.primary_reachable && f.primary->now->semi_sync.wait_sessions > 0 &&
                     f.acks_possible < f.primary->now->semi_sync.wait_for_count;
            },
        .evidence =
            [](const Facts& f) {
              const auto& s = f.primary->now->semi_sync;
              return fmt::format("{} commits wait on {}; {} acks needed, {} replicas can give one", s.wait_sessions,
                                 primary_name(f), s.wait_for_count, f.acks_possible);
            }},
    ClusterRule{
        .name = "SemiSyncOff",
        .severity = Severity::Critical,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "the primary takes writes without waiting for replicas, although the spec asks for it",
        .advice = "",
        .matches =
            [](const Facts& f) {
              return f.spec->semi_sync() && f.primary_reachable && f.primary->now->read_only == ReadOnly::Off &&
                     !f.primary->now->semi_sync.source_enabled;
            },
        .evidence =
            [](const Facts& f) { return fmt::format("rpl_semi_sync_source_enabled is OFF on {}", primary_name(f)); }},
    ClusterRule{
        .name = "SemiSyncFellBack",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "semi-sync gave up waiting and commits go on alone; what they write can be lost",
        .advice = "Bring replicas back; the server returns to semi-sync by itself once one has caught up.",
        .matches =
            [](const Facts& f) {
              return f.spec->semi_sync() && f.primary_reachable && f.primary->now->semi_sync.source_enabled &&
                     !f.primary->now->semi_sync.source_status;
            },
        .evidence =
            [](const Facts& f) { return fmt::format("Rpl_semi_sync_source_status is OFF on {}", primary_name(f)); }},
    ClusterRule{
        .name = "DurabilityReduced",
        .severity = Severity::Warning,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "commits wait for fewer acknowledgements than the spec asks for, and enough replicas are back",
        .advice = "",
        .matches =
            [](const Facts& f) {
              return f.spec->semi_sync() && f.primary_reachable && f.primary->now->semi_sync.source_enabled &&
                     f.primary->now->semi_sync.wait_for_count < f.spec->acks_wanted(*f.office->primary) &&
                     f.acks_possible > f.primary->now->semi_sync.wait_for_count;
            },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} waits for {} of {} acks; {} replicas can give one", primary_name(f),
                                 f.primary->now->semi_sync.wait_for_count, f.spec->acks_wanted(*f.office->primary),
                                 f.acks_possible);
            }},
    ClusterRule{
        .name = "ForeignAcker",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::TenSeconds,
        .summary = "a semi-sync replica that is not in the topology acknowledges commits: it may hold the only copy",
        .advice =
            "Add it to the topology file, or set rpl_semi_sync_replica_enabled=OFF on it and restart its receiver.",
        .matches = [](const Facts& f) { return f.primary_reachable && f.foreign_ackers > 0; },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} semi-sync replicas are connected to {}, {} more than the topology has",
                                 f.primary->now->semi_sync.clients, primary_name(f), f.foreign_ackers);
            }},
    ClusterRule{.name = "AcksMissing",
                .severity = Severity::Warning,
                .goal = Goal::None,
                .hold = Hold::OneProbe,
                .summary = "fewer replicas can acknowledge than the spec asks for",
                .advice = "Bring the missing replicas back.",
                .matches =
                    [](const Facts& f) {
                      return f.spec->semi_sync() && f.primary_reachable && f.primary->now->read_only == ReadOnly::Off &&
                             f.acks_possible < f.spec->acks_wanted(*f.office->primary);
                    },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{} of {} acks can be given", f.acks_possible,
                                         f.spec->acks_wanted(*f.office->primary));
                    }},
    ClusterRule{.name = "PrimaryReplicates",
                .severity = Severity::Warning,
                .goal = Goal::Repair,
                .hold = Hold::TenSeconds,
                .summary = "the primary still has a replication channel, a leftover of its promotion",
                .advice = "",
                .matches =
                    [](const Facts& f) {
                      return f.primary_reachable && f.primary->channel != nullptr && !f.primary->foreign_source;
                    },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{} has a channel to {}", primary_name(f),
                                         to_string(f.primary->channel->source));
                    }},
    ClusterRule{
        .name = "GroupWithoutMajority",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary =
            "the members that are left are no majority: reads work, writes hang; nothing is ever forced by itself",
        .advice =
            "Bring the lost members back. If they are certainly down: SET GLOBAL group_replication_force_members.",
        .matches =
            [](const Facts& f) {
              return f.spec->is_group() && f.members_online == 0 && f.members_without_majority > 0;
            },
        .evidence =
            [](const Facts& f) {
              return fmt::format("{} of {} nodes are ONLINE, and none of them sees a majority",
                                 f.members_without_majority, f.nodes.size());
            }},
    ClusterRule{.name = "TwoGroups",
                .severity = Severity::Critical,
                .goal = Goal::None,
                .hold = Hold::OneProbe,
                .summary = "two nodes are members of groups that do not know each other: both may take writes",
                .advice = "Compare their gtid_executed, stop the smaller group, and rebuild its nodes.",
                .matches = [](const Facts& f) { return f.two_groups; },
                .evidence =
                    [](const Facts& f) {
                      return fmt::format("{} nodes are ONLINE, and not all of them in one view", f.members_online);
                    }},
    ClusterRule{.name = "GroupDown",
                .severity = Severity::Critical,
                .goal = Goal::Repair,
                .hold = Hold::TenSeconds,
                .summary = "no node is a member of the group: it is started from the node that has everything",
                .advice = "",
                .matches = group_is_down,
                .evidence =
                    [](const Facts& f) {
                      const auto answering = std::count_if(f.nodes.begin(), f.nodes.end(),
                                                           [](const NodeFacts& n) { return n.now != nullptr; });
                      return fmt::format("{} of {} nodes answer, none is a member", answering, f.nodes.size());
                    }},
    ClusterRule{.name = "HookFailed",
                .severity = Severity::Warning,
                .goal = Goal::None,
                .hold = Hold::AtOnce,
                .summary = "a program that runs after a change of the primary failed; the change stands",
                .advice = "Do by hand what the program should have done, then `replctl ack`.",
                .matches = [](const Facts& f) { return !f.office->failed_hooks.empty(); },
                .evidence =
                    [](const Facts& f) {
                      std::string all;
                      for (const auto& hook : f.office->failed_hooks) all += (all.empty() ? "" : "; ") + hook;
                      return all;
                    }},
};

constexpr std::array kNodeRules{
    NodeRule{.name = "WritableReplica",
             .severity = Severity::Critical,
             .goal = Goal::Fence,
             .hold = Hold::AtOnce,
             .summary = "a node that is not the primary takes writes",
             .advice = "",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   // A group closes its members itself, one after the other when its mode changes.
                   return !n.writer && n.now != nullptr && !is_member(n) &&
                          (n.now->read_only == ReadOnly::Off || clients_wait_in_commits(n));
                 },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   if (clients_wait_in_commits(n)) {
                     return fmt::format("{} commits wait for acknowledgements on {}, and {} is the primary",
                                        n.now->semi_sync.wait_sessions, n.spec->id, primary_name(f));
                   }
                   return fmt::format("super_read_only and read_only are OFF on {}, and {} is the primary", n.spec->id,
                                      primary_name(f));
                 }},
    NodeRule{
        .name = "ErrantTransactions",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a node has transactions that the primary does not have; it is in quarantine",
        .advice =
            "Look at them (mysqlbinlog --include-gtids=...), save what is needed, then rebuild the node from another.",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return !n.is_primary && n.now != nullptr && !n.errant.empty() && f.primary_lacks.empty();
            },
        .evidence =
            [](const Facts&, const NodeFacts& n) {
              return fmt::format("{} has {} of its own: {}", n.spec->id, how_much(n.errant), in_words(n.errant));
            }},
    NodeRule{.name = "SemiSyncSourceOnReplica",
             .severity = Severity::Critical,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica waits for acknowledgements that nobody gives it: its applier hangs",
             .advice = "",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   return healthy_follower(n) && !n.writer && n.now->semi_sync.source_enabled;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("rpl_semi_sync_source_enabled is ON on {}", n.spec->id);
                 }},
    NodeRule{
        .name = "NotSuperReadOnly",
        .severity = Severity::Warning,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "a replica is read-only for applications but not for administrators",
        .advice = "",
        .matches = [](const Facts&,
                      const NodeFacts& n) { return !n.writer && n.now != nullptr && n.now->read_only == ReadOnly::On; },
        .evidence = [](const Facts&,
                       const NodeFacts& n) { return fmt::format("super_read_only is OFF on {}", n.spec->id); }},
    NodeRule{.name = "NotPersistedReadOnly",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::TenSeconds,
             .summary = "after a crash the node would come back writable",
             .advice = "",
             .matches = [](const Facts&,
                           const NodeFacts& n) { return n.now != nullptr && !n.now->super_read_only_persisted; },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("super_read_only is not persisted ON on {}", n.spec->id);
                 }},
    NodeRule{.name = "NeedsData",
             .severity = Severity::Critical,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "the node lacks transactions that are no longer in its source's binary logs",
             .advice = "Rebuild it as a clone of another node.",
             .matches = [](const Facts&, const NodeFacts& n) { return !n.is_primary && !n.purged_but_needed.empty(); },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   const auto* source = n.source_now != nullptr ? n.source_now : n.primary_now;
                   return fmt::format("{} purged {} transactions that {} lacks", source->node,
                                      n.purged_but_needed.count(), n.spec->id);
                 }},
    NodeRule{.name = "DetachedNode",
             .severity = Severity::Warning,
             .goal = Goal::Rejoin,
             .hold = Hold::OneProbe,
             .summary = "a node has come back, has nothing of its own, and replicates from nobody",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return !n.writer && !f.spec->is_group() && n.now != nullptr && n.detached &&
                          n.now->read_only != ReadOnly::Off && !clients_wait_in_commits(n) && may_be_attached(f, n);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} has no source and should follow {}", n.spec->id, n.should_follow->name);
                 }},
    NodeRule{.name = "LeftDetached",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a failover that was not finished left the replica pointed away; it can bear no witness so",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.primary != nullptr && !n.is_primary && n.detached && n.channel != nullptr &&
                          n.should_follow && !f.primary_alive && !n.seen->has_its_own() &&
                          (!f.spec->by_position() || n.same_log);
                 },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   return fmt::format("{} is pointed away, and {} is still the primary in office", n.spec->id,
                                      primary_name(f));
                 }},
    NodeRule{.name = "WrongSource",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica follows another node than it should",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return healthy_follower(n) && n.follows && n.should_follow && n.follows != n.should_follow &&
                          may_be_attached(f, n);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} follows {}, and should follow {}", n.spec->id, n.follows->name,
                                      n.should_follow->name);
                 }},
    NodeRule{.name = "DelayDiffers",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica's SOURCE_DELAY is not the `delay` of the topology file",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->topology == TopologyType::SourceReplica && healthy_follower(n) && n.follows &&
                          n.follows == n.should_follow && n.channel->delay != n.spec->delay && may_be_attached(f, n);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} applies {} s after its source, and {} s are declared", n.spec->id,
                                      n.channel->delay.count(), n.spec->delay.count());
                 }},
    NodeRule{
        .name = "DiscardedElsewhere",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "transactions that were thrown away with the data of a cloned node are on another node still",
        .advice = "Save from that node what is wanted, then clone it too: `replctl apply FILE --allow-data-loss "
                  "NODE`. Their numbers are used up when no node has them any more.",
        .matches = [](const Facts& f, const NodeFacts& n) { return !holders_of(f, numbers_not_retired(f, n)).empty(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              std::vector<std::string> all;
              for (const auto& [node, set] : holders_of(f, numbers_not_retired(f, n))) {
                all.push_back(fmt::format("{} has {}", node, set.to_string()));
              }
              return fmt::format("{}: thrown away with its data, and {}", n.spec->id, fmt::join(all, ", "));
            }},
    NodeRule{.name = "NumbersNotRetired",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "transactions were thrown away with the data of a cloned node, and a server could give their "
                        "numbers to others: they are committed empty once every node was asked for them",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   const auto left = numbers_not_retired(f, n);
                   return !left.empty() && holders_of(f, left).empty();
                 },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   const auto left = numbers_not_retired(f, n);
                   return fmt::format("{}: {} thrown away with its data, and {} lacks them: {}", n.spec->id,
                                      how_much(left), writing_node(f)->spec->id, left.to_string());
                 }},
    NodeRule{.name = "PlaceUnknown",
             .severity = Severity::Critical,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "without GTIDs nobody can tell where in its source's binary log the node would have to go on",
             .advice = "Save what only it may have, then clone it anew: `replctl apply FILE --allow-data-loss NODE`.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->by_position() && !n.is_primary && n.now != nullptr && n.detached && n.should_follow &&
                          n.source_now != nullptr && !n.same_log && f.primary_reachable;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return n.channel == nullptr
                              ? fmt::format("{} replicates from nobody and should follow {}", n.spec->id,
                                            n.should_follow->name)
                              : fmt::format("{} should follow {}, and has applied {} of another server's binary log",
                                            n.spec->id, n.should_follow->name, to_string(n.channel->applied));
                 }},
    NodeRule{.name = "MoveNeedsPause",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "a replica follows another node than it should, and can be moved only while nobody writes",
             .advice = "Apply the topology file again: the primary is closed for a moment, and the replica moved.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->by_position() && healthy_follower(n) && n.follows && n.should_follow &&
                          n.follows != n.should_follow && n.source_now != nullptr && f.primary_reachable;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} follows {}, and should follow {}", n.spec->id, n.follows->name,
                                      n.should_follow->name);
                 }},
    NodeRule{
        .name = "GtidModeDiffers",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::TenSeconds,
        .summary = "the server's gtid_mode is not the one that the topology's `positioning` needs",
        .advice = "Set gtid_mode step by step as before, and look who changed it; replication may break soon.",
        .matches = [](const Facts& f,
                      const NodeFacts& n) { return n.now != nullptr && n.now->by_position() != f.spec->by_position(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("{} has gtid_mode {}, and positioning is {}", n.spec->id, to_string(n.now->gtid_mode),
                                 to_string(f.spec->positioning));
            }},
    NodeRule{.name = "NotAutoPositioned",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica still follows by File and Position, although all transactions have GTIDs",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->topology == TopologyType::SourceReplica && !f.spec->by_position() &&
                          healthy_follower(n) && !n.channel->auto_position && n.follows &&
                          n.follows == n.should_follow && n.source_now != nullptr && !n.now->by_position() &&
                          !n.source_now->by_position();
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} follows {} without SOURCE_AUTO_POSITION", n.spec->id, n.follows->name);
                 }},
    NodeRule{.name = "ForeignSource",
             .severity = Severity::Critical,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "a node replicates from a server that is not in the topology",
             .advice = "Add that server to the topology file, or end the replication by hand (RESET REPLICA ALL).",
             .matches = [](const Facts&, const NodeFacts& n) { return n.foreign_source; },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} replicates from {}", n.spec->id, to_string(n.channel->source));
                 }},
    NodeRule{
        .name = "OwnTransactionsLost",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a node of the ring lacks transactions of its own that others have: its data went back",
        .advice = "Rebuild it as a clone of another node before it takes writes: it would use their numbers again.",
        .matches = [](const Facts&, const NodeFacts& n) { return !n.own_lost.empty(); },
        .evidence =
            [](const Facts&, const NodeFacts& n) {
              return fmt::format("{} lacks {} transactions that bear its own UUID: {}", n.spec->id, n.own_lost.count(),
                                 n.own_lost.to_string());
            }},
    NodeRule{.name = "WriterClosed",
             .severity = Severity::Critical,
             .goal = Goal::Reopen,
             .hold = Hold::OneProbe,
             .summary = "a node of the ring takes no writes: it was restarted",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->is_ring() && n.now != nullptr && n.now->read_only != ReadOnly::Off &&
                          n.own_lost.empty();
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} is read-only, up for {} s", n.spec->id, n.now->uptime.count());
                 }},
    NodeRule{.name = "RingBroken",
             .severity = Severity::Critical,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a node of the ring replicates from nobody",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->is_ring() && n.now != nullptr && n.detached && n.should_follow &&
                          may_be_attached(f, n);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} has no source and should follow {}", n.spec->id, n.should_follow->name);
                 }},
    NodeRule{
        .name = "WriterSemiSyncOff",
        .severity = Severity::Critical,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "a node of the ring takes writes without waiting for the next one, although the spec asks for it",
        .advice = "",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return f.spec->is_ring() && f.spec->semi_sync() && n.now != nullptr &&
                     n.now->read_only == ReadOnly::Off && !n.now->semi_sync.source_enabled;
            },
        .evidence =
            [](const Facts&, const NodeFacts& n) {
              return fmt::format("rpl_semi_sync_source_enabled is OFF on {}", n.spec->id);
            }},
    NodeRule{.name = "WriterCommitsHang",
             .severity = Severity::Critical,
             .goal = Goal::None,
             .hold = Hold::BlockedAfter,
             .summary = "commits on a node of the ring wait for the next one, which does not acknowledge",
             .advice = "Bring the next node back, or take it out of the file and apply: the ring is closed around it.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->is_ring() && n.now != nullptr && n.now->semi_sync.wait_sessions > 0 &&
                          n.now->semi_sync.clients == 0;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} commits wait on {}, and no semi-sync replica is connected to it",
                                      n.now->semi_sync.wait_sessions, n.spec->id);
                 }},
    NodeRule{.name = "CommitsStuck",
             .severity = Severity::Critical,
             .goal = Goal::Repair,
             .hold = Hold::BlockedAfter,
             .summary = "commits wait for an acknowledgement that was missed, although enough replicas are connected",
             .advice = "",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   if (n.now == nullptr || n.now->read_only != ReadOnly::Off) return false;
                   const auto& s = n.now->semi_sync;
                   const auto& earlier = n.seen->earlier;
                   return s.source_enabled && s.wait_sessions > 0 && s.clients >= s.wait_for_count && earlier &&
                          earlier->executed == n.now->executed;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format(
                       "{} commits wait on {}, {} semi-sync replicas are connected, and nothing is committed",
                       n.now->semi_sync.wait_sessions, n.spec->id, n.now->semi_sync.clients);
                 }},
    NodeRule{.name = "MemberOut",
             .severity = Severity::Critical,
             .goal = Goal::Rejoin,
             .hold = Hold::TenSeconds,
             .summary = "a node is not in its group, which goes on without it",
             .advice = "",
             .matches = [](const Facts& f, const NodeFacts& n) { return out_of_the_group(f, n) && n.errant.empty(); },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   const auto& why = n.now->group.recovery_error;
                   return fmt::format("{} is {}{}", n.spec->id, to_string(n.now->member_state()),
                                      why.empty() ? "" : fmt::format("; its last recovery ended with: {}", why));
                 }},
    NodeRule{.name = "MemberRecovering",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::TenSeconds,
             .summary = "a node has joined its group and still fetches what it lacks",
             .advice = "If it does not end: look at the recovery error, or rebuild the node as a clone.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->is_group() && n.now != nullptr && n.now->member_state() == MemberState::Recovering;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   const auto& why = n.now->group.recovery_error;
                   return fmt::format("{} is recovering{}", n.spec->id, why.empty() ? "" : "; " + why);
                 }},
    NodeRule{.name = "MemberLeftOffline",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary =
                 "a member came back to its group, and the server still turns clients away, as it does when it falls "
                 "out",
             .advice = "",
             .matches = [](const Facts& f,
                           const NodeFacts& n) { return f.spec->is_group() && is_member(n) && n.now->offline_mode; },
             .evidence = [](const Facts&,
                            const NodeFacts& n) { return fmt::format("offline_mode is ON on {}", n.spec->id); }},
    NodeRule{
        .name = "ApplierFailed",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::AtOnce,
        .summary = "the applier stopped at an error; nothing is ever skipped by itself",
        .advice = "Find out how the row came to differ; rebuild the node if in doubt.",
        .matches =
            [](const Facts&, const NodeFacts& n) {
              return healthy_follower(n) && n.channel->applier == ThreadState::Stopped && n.channel->applier_errno != 0;
            },
        .evidence =
            [](const Facts&, const NodeFacts& n) {
              return fmt::format("{}: error {}: {}", n.spec->id, n.channel->applier_errno, n.channel->applier_error);
            }},
    NodeRule{.name = "ReplicationStopped",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::TenSeconds,
             .summary = "a replication thread is stopped, without an error that only a person can mend",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return healthy_follower(n) && source_answers(f, n) && n.channel->applier_errno == 0 &&
                          !receiver_needs_a_person(n) &&
                          (n.channel->receiver == ThreadState::Stopped || n.channel->applier == ThreadState::Stopped);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{}: receiver {}, applier {}", n.spec->id, text(n.channel->receiver),
                                      text(n.channel->applier));
                 }},
    NodeRule{
        .name = "ReceiverFailing",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a replica cannot get its source's binary log",
        .advice = "1045/2061: check the replication account. 1236: the source purged what is needed; rebuild the node.",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return healthy_follower(n) && source_answers(f, n) && n.channel->receiver != ThreadState::Running &&
                     n.channel->receiver_errno != 0 &&
                     (n.channel->receiver == ThreadState::Connecting || receiver_needs_a_person(n));
            },
        .evidence =
            [](const Facts&, const NodeFacts& n) {
              return fmt::format("{}: error {}: {}", n.spec->id, n.channel->receiver_errno, n.channel->receiver_error);
            }},
    NodeRule{.name = "SemiSyncReplicaOff",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica that should acknowledge does not",
             .advice = "",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   // A server that was restarted attaches its receiver before the persisted ON is read.
                   if (!healthy_follower(n) || !n.acker) return false;
                   const auto& s = n.now->semi_sync;
                   return s.replica_plugin &&
                          (!s.replica_enabled || (n.channel->receiver == ThreadState::Running && !s.replica_status));
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return n.now->semi_sync.replica_enabled
                              ? fmt::format("Rpl_semi_sync_replica_status is OFF on {}: it attached without",
                                            n.spec->id)
                              : fmt::format("rpl_semi_sync_replica_enabled is OFF on {}", n.spec->id);
                 }},
    NodeRule{
        .name = "SettingDeviates",
        .severity = Severity::Warning,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "a server variable is not what `settings` say",
        .advice = "",
        .matches = [](const Facts& f, const NodeFacts& n) { return !settings_that(f, n, NeedRestart::No).empty(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("{}: {}", n.spec->id, settings_that(f, n, NeedRestart::No));
            }},
    NodeRule{
        .name = "SettingNeedsRestart",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a server variable is not what `settings` say, and only a start of the server changes it",
        .advice = "`replctl apply` restarts the nodes that need it, one at a time; `--dry-run` shows how. A server "
                  "that nothing would start again is restarted by hand.",
        .matches = [](const Facts& f, const NodeFacts& n) { return !settings_that(f, n, NeedRestart::Yes).empty(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("{}: {}", n.spec->id, settings_that(f, n, NeedRestart::Yes));
            }},
    NodeRule{.name = "AccountsDeviate",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "an account on a node that takes writes is not as its profile says; a password is not changed "
                        "before `replctl rotate` asks for it",
             .advice = "",
             .matches = [](const Facts& f, const NodeFacts& n) { return takes_writes(n) && !deviations(f, n).empty(); },
             .evidence = [](const Facts& f,
                            const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, deviations(f, n)); }},
    NodeRule{
        .name = "ReplicaAccountsDeviate",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::TenSeconds,
        .summary = "an account is as its profile says where it is written, and otherwise on a replica",
        .advice = "Somebody changed it there. Set super_read_only OFF, SET sql_log_bin=0, make it right, and back.",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return n.now != nullptr && !n.writer && n.spec->delay.count() == 0 && !deviations(f, n).empty() &&
                     std::any_of(f.nodes.begin(), f.nodes.end(), [&](const NodeFacts& other) {
                       return takes_writes(other) && other.seen->inventory && deviations(f, other).empty();
                     });
            },
        .evidence = [](const Facts& f,
                       const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, deviations(f, n)); }},
    NodeRule{.name = "ReceiverOutdated",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a receiver logs in with another password or TLS mode than declared, and its source takes the "
                        "declared one",
             .advice = "",
             .matches = receiver_outdated,
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("the receiver of {} would not log in as declared after it loses its source",
                                      n.spec->id);
                 }},
    NodeRule{.name = "UnsafeAcker",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "a replica that acknowledges would throw its relay log away when restarted",
             .advice = "SET PERSIST_ONLY relay_log_recovery=OFF and restart it when convenient.",
             .matches = [](const Facts&,
                           const NodeFacts& n) { return n.acker && n.now != nullptr && n.now->relay_log_recovery; },
             .evidence = [](const Facts&,
                            const NodeFacts& n) { return fmt::format("relay_log_recovery is ON on {}", n.spec->id); }},
    NodeRule{.name = "ReplicaLagging",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::TenSeconds,
             .summary = "a replica is further behind than alerts.lag allows",
             .advice = "Look for a long transaction, a table without a primary key, or too few applier workers.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return healthy_follower(n) && n.spec->delay.count() == 0 && n.channel->lag &&
                          *n.channel->lag > Duration{f.spec->alert_lag};
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("{} is {:.1f} s behind", n.spec->id, seconds(*n.channel->lag));
                 }},
    NodeRule{.name = "LeftOffline",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a node that was fenced replicates again, and its clients are still turned away",
             .advice = "",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   return healthy_follower(n) && n.now->offline_mode && n.seen->closed_by_repld && n.compared &&
                          !n.seen->has_its_own() && n.now->read_only == ReadOnly::Super &&
                          n.channel->receiver == ThreadState::Running && n.channel->applier == ThreadState::Running;
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("repld had set offline_mode on {}, and it follows {} now", n.spec->id,
                                      n.follows ? n.follows->name : "nobody");
                 }},
    NodeRule{.name = "NodeOffline",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::TenSeconds,
             .summary = "the node turns ordinary clients away (offline_mode)",
             .advice = "SET GLOBAL offline_mode=OFF when whoever set it is done.",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   return n.now != nullptr && n.now->offline_mode && n.errant.empty() && !n.seen->closed_by_repld &&
                          !is_member(n);
                 },
             .evidence = [](const Facts&,
                            const NodeFacts& n) { return fmt::format("offline_mode is ON on {}", n.spec->id); }},
    NodeRule{
        .name = "AccessDenied",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "the node refuses repld's account: it lives, but cannot be watched or operated",
        .advice = "Check the admin account's password reference in the topology file and the account on the server.",
        .matches =
            [](const Facts&, const NodeFacts& n) {
              return n.seen != nullptr && n.seen->seen() && n.seen->latest->reach == Reach::Denied;
            },
        .evidence = [](const Facts&,
                       const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, n.seen->latest->problem); }},
    NodeRule{.name = "NodeOverloaded",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "the node answers with an error: it lives, but takes no more sessions",
             .advice = "Raise max_connections or find who holds them; nothing is failed over for this.",
             .matches =
                 [](const Facts&, const NodeFacts& n) {
                   return n.seen != nullptr && n.seen->seen() &&
                          (n.seen->latest->reach == Reach::Busy || n.seen->latest->reach == Reach::Error);
                 },
             .evidence = [](const Facts&,
                            const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, n.seen->latest->problem); }},
    NodeRule{.name = "NodeUnreachable",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "a node that is not the primary, or is a member of a group, does not answer",
             .advice = "Start it again; it is attached by itself when it has nothing of its own.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return (!n.is_primary || f.spec->is_group()) && n.seen != nullptr && n.seen->seen() &&
                          !n.seen->alive();
                 },
             .evidence = [](const Facts&,
                            const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, n.seen->latest->problem); }},
};

constexpr bool names_are_unique() {
  for (std::size_t i = 0; i < kClusterRules.size(); ++i) {
    for (std::size_t j = i + 1; j < kClusterRules.size(); ++j) {
      if (kClusterRules[i].name == kClusterRules[j].name) return false;
    }
    for (const auto& n : kNodeRules) {
      if (kClusterRules[i].name == n.name) return false;
    }
  }
  for (std::size_t i = 0; i < kNodeRules.size(); ++i) {
    for (std::size_t j = i + 1; j < kNodeRules.size(); ++j) {
      if (kNodeRules[i].name == kNodeRules[j].name) return false;
    }
  }
  return true;
}
static_assert(names_are_unique());

/// What repld does alone needs no advice; what it leaves to people needs some.
constexpr bool advice_where_a_person_is_needed() {
  return std::all_of(kClusterRules.begin(), kClusterRules.end(),
                     [](const auto& r) { return (r.goal == Goal::None) == !r.advice.empty(); }) &&
         std::all_of(kNodeRules.begin(), kNodeRules.end(),
                     [](const auto& r) { return (r.goal == Goal::None) == !r.advice.empty(); });
}
static_assert(advice_where_a_person_is_needed());

template <class Rule>
Problem problem_of(const Rule& rule, std::optional<NodeId> node, string evidence) {
  return Problem{.name = string{rule.name},
                 .severity = rule.severity,
                 .node = std::move(node),
                 .goal = rule.goal,
                 .evidence = std::move(evidence),
                 .advice = string{rule.advice}};
}

Duration duration_of(Hold hold, const Spec& spec) {
  switch (hold) {
    case Hold::AtOnce:
      return Duration{0};
    case Hold::OneProbe:
      return spec.failover.detection.probe_interval;
    case Hold::BlockedAfter:
      return spec.failover.blocked_after;
    case Hold::TenSeconds:
      return std::chrono::seconds{10};
  }
  return Duration{0};
}

}  // namespace

std::span<const ClusterRule> cluster_rules() {
  return kClusterRules;
}
std::span<const NodeRule> node_rules() {
  return kNodeRules;
}

std::vector<Problem> diagnose(const Spec& spec, const Office& office, const View& view) {
  std::vector<Problem> found;
  if (!office.primary && !spec.several_writers()) return found;
  const auto facts = count_facts(spec, office, view);
  if (!spec.several_writers() && (facts.primary == nullptr || facts.primary->seen == nullptr)) return found;
  for (const auto& rule : kClusterRules) {
    if (rule.matches(facts)) found.push_back(problem_of(rule, std::nullopt, rule.evidence(facts)));
  }
  for (const auto& rule : kNodeRules) {
    for (const auto& node : facts.nodes) {
      if (rule.matches(facts, node)) found.push_back(problem_of(rule, node.spec->id, rule.evidence(facts, node)));
    }
  }
  return found;
}

bool is_found_by_inventory(std::string_view problem) {
  return problem == "SettingDeviates" || problem == "SettingNeedsRestart" || problem == "AccountsDeviate" ||
         problem == "ReplicaAccountsDeviate" || problem == "ReceiverOutdated";
}

bool is_drift(std::string_view problem) {
  constexpr std::array<std::string_view, 11> kDrift{
      "NotSuperReadOnly",   "NotPersistedReadOnly",    "ReplicationStopped", "WrongSource",
      "SemiSyncReplicaOff", "SemiSyncSourceOnReplica", "SettingDeviates",    "AccountsDeviate",
      "ReceiverOutdated",   "NotAutoPositioned",       "DelayDiffers"};
  return std::find(kDrift.begin(), kDrift.end(), problem) != kDrift.end();
}

Duration hold_of(std::string_view problem, const Spec& spec) {
  for (const auto& rule : kClusterRules) {
    if (rule.name == problem) return duration_of(rule.hold, spec);
  }
  for (const auto& rule : kNodeRules) {
    if (rule.name == problem) return duration_of(rule.hold, spec);
  }
  return Duration{0};
}

}  // namespace repl::diagnose

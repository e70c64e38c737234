// Rules about the cluster as a whole: its primary, its acknowledgements, its group.
#include <algorithm>
#include <array>

#include "diagnose/judgements.hpp"
#include "diagnose/tables.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {
namespace {

using std::string;

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
    // Only shown: going back closes members that take writes now, and whoever opened them has clients there.
    ClusterRule{
        .name = "GroupIsMultiPrimary",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::TenSeconds,
        .summary =
            "every member of the group takes writes, and the topology has one primary: somebody changed its mode",
        .advice = "Apply the topology file again: the primary stays, and the other members are closed for writes. Or "
                  "declare group-multi-primary.",
        .matches =
            [](const Facts& f) {
              return f.spec->topology == TopologyType::GroupSinglePrimary && !f.two_groups &&
                     std::any_of(f.nodes.begin(), f.nodes.end(), in_multi_primary_group);
            },
        .evidence =
            [](const Facts& f) {
              const auto several = std::count_if(f.nodes.begin(), f.nodes.end(), in_multi_primary_group);
              return fmt::format("group_replication_single_primary_mode is OFF on {} of {} nodes", several,
                                 f.nodes.size());
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
static_assert(advised_where_a_person_is_needed(kClusterRules));

}  // namespace

std::span<const ClusterRule> cluster_rules() {
  return kClusterRules;
}

}  // namespace repl::diagnose

// Rules about nodes that take writes beside others: members of rings and of groups.
#include <algorithm>
#include <array>

#include "diagnose/judgements.hpp"
#include "diagnose/tables.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {
namespace {

using std::string;

constexpr std::array kWriterRules{
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
    // Repaired whatever `drift` says: until then a slow replica costs the durability that was asked for, and a primary
    // that falls silent counts as not fenced. To put it right stops nobody.
    NodeRule{.name = "CommitsMayGoAlone",
             .severity = Severity::Critical,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary =
                 "semi-sync is on, and set up so that commits go on without replicas, although the spec makes them "
                 "wait",
             .advice = "",
             .matches = [](const Facts& f, const NodeFacts& n) { return commits_may_go_alone(*f.spec, n); },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   const auto& s = n.now->semi_sync;
                   return fmt::format("{}: rpl_semi_sync_source_timeout is {} ms, _wait_no_replica {}, _wait_point {}",
                                      n.spec->id, s.timeout.count(), s.wait_no_replica ? "ON" : "OFF",
                                      s.after_sync ? "AFTER_SYNC" : "AFTER_COMMIT");
                 }},
    // Only shown: sessions that began since go on counting so, and a value put right under them would hide it. An apply
    // stops all writes for a moment and cuts the sessions off.
    NodeRule{
        .name = "KeysMayCollide",
        .severity = Severity::Critical,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a node of the ring counts automatic keys otherwise than its place says: two nodes may give the "
                   "same key to different rows",
        .advice = "Apply the topology file again: writes stop for a moment, clients are cut off, and every session "
                  "counts right from then on.",
        .matches = [](const Facts& f, const NodeFacts& n) { return !deviating_keys(*f.spec, n).empty(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("{}: {}", n.spec->id, listed(deviating_keys(*f.spec, n)));
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
    // Not at once: the group closes members itself when somebody moves its primary.
    NodeRule{
        .name = "SecondaryTakesWrites",
        .severity = Severity::Critical,
        .goal = Goal::Fence,
        .hold = Hold::TenSeconds,
        .summary = "a secondary was opened by hand: a group with one primary does not check its writes for conflicts",
        .advice = "",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return f.spec->topology == TopologyType::GroupSinglePrimary && in_single_primary_group(n) &&
                     !is_elected(n) && !n.is_primary && n.now->read_only == ReadOnly::Off;
            },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("super_read_only and read_only are OFF on {}, and {} is the primary", n.spec->id,
                                 primary_name(f));
            }},
    // Repaired: it opens members that are declared to be open, and closes none. Told to the one that is open.
    NodeRule{.name = "GroupIsSinglePrimary",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::TenSeconds,
             .summary = "only one member of the group takes writes, and all are declared to: somebody changed its mode",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   return f.spec->topology == TopologyType::GroupMultiPrimary && !f.two_groups &&
                          in_single_primary_group(n) && is_elected(n);
                 },
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format("group_replication_single_primary_mode is ON, and {} is the primary", n.spec->id);
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
};
static_assert(advised_where_a_person_is_needed(kWriterRules));

}  // namespace

std::span<const NodeRule> writer_rules() {
  return kWriterRules;
}

}  // namespace repl::diagnose

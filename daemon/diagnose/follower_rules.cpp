// Rules about nodes that follow another one: closed, without anything of their own, attached to the right source.
#include <algorithm>
#include <array>

#include "diagnose/judgements.hpp"
#include "diagnose/tables.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {
namespace {

using std::string;

constexpr std::array kFollowerRules{
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
    NodeRule{.name = "FilteredReplica",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "replication filters keep data from a node: it is not promoted, and no clone is made of it",
             .advice = "Where that is meant so, say `promotion: never` for it in the topology file. Else remove the "
                       "filters (CHANGE REPLICATION FILTER, and the option files), and clone it anew.",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   const bool is_meant = n.spec->promotion == Promotion::Never && !n.writer;
                   return n.now != nullptr && !n.is_primary && !is_meant &&
                          !filtered(*f.spec, *f.view, n.spec->id, f.office->primary).empty();
                 },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   return fmt::format("{} {}", n.spec->id, filtered(*f.spec, *f.view, n.spec->id, f.office->primary));
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
};
static_assert(advised_where_a_person_is_needed(kFollowerRules));

}  // namespace

std::span<const NodeRule> follower_rules() {
  return kFollowerRules;
}

}  // namespace repl::diagnose

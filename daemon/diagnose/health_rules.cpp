// Rules about how well a node does its work: its threads, settings, accounts, lag, and whether it answers.
#include <algorithm>
#include <array>

#include "diagnose/judgements.hpp"
#include "diagnose/tables.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {
namespace {

using std::string;

std::string_view thread_state(ThreadState s) {
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

constexpr std::array kHealthRules{
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
                   return fmt::format("{}: receiver {}, applier {}", n.spec->id, thread_state(n.channel->receiver),
                                      thread_state(n.channel->applier));
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
    NodeRule{.name = "SemiSyncReplicaOn",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a replica that should not acknowledge does: it is delayed, or commits wait for nobody",
             .advice = "",
             .matches =
                 [](const Facts& f, const NodeFacts& n) {
                   const bool should = f.spec->semi_sync() && n.spec->delay.count() == 0;
                   return healthy_follower(n) && !should && n.now->semi_sync.replica_enabled;
                 },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   return fmt::format("rpl_semi_sync_replica_enabled is ON on {}, {}", n.spec->id,
                                      f.spec->semi_sync() ? "which is delayed" : "and `sync` is async");
                 }},
    NodeRule{
        .name = "SettingDeviates",
        .severity = Severity::Warning,
        .goal = Goal::Repair,
        .hold = Hold::OneProbe,
        .summary = "a server variable is not what the topology file says, or what follows from it",
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
    // Only shown: only a start of the server changes it, and the file does not ask for one.
    NodeRule{
        .name = "SkipsErrors",
        .severity = Severity::Warning,
        .goal = Goal::None,
        .hold = Hold::OneProbe,
        .summary = "a server passes errors of its applier by that the topology file does not name: events are lost on "
                   "it in silence",
        .advice = "Take replica_skip_errors out of its option file (or RESET PERSIST) and restart it, then compare its "
                  "data (`replctl verify`); or declare `skipErrors`.",
        .matches = [](const Facts& f, const NodeFacts& n) { return !undeclared_skipped_errors(*f.spec, n).empty(); },
        .evidence =
            [](const Facts& f, const NodeFacts& n) {
              return fmt::format("replica_skip_errors is {} on {}", undeclared_skipped_errors(*f.spec, n), n.spec->id);
            }},
    NodeRule{.name = "AccountsDeviate",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::TenSeconds,  // in a ring one gets what an apply has made on another
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
        .advice =
            "Somebody changed it there. Set super_read_only OFF, SET sql_log_bin=0, make it right, and back. One that "
            "failed logins have locked there: FLUSH PRIVILEGES.",
        .matches =
            [](const Facts& f, const NodeFacts& n) {
              return n.now != nullptr && !n.writer && n.spec->delay.count() == 0 && !deviations(f, n).empty() &&
                     std::any_of(f.nodes.begin(), f.nodes.end(), [&](const NodeFacts& other) {
                       return takes_writes(other) && other.seen->inventory && deviations(f, other).empty();
                     });
            },
        .evidence = [](const Facts& f,
                       const NodeFacts& n) { return fmt::format("{}: {}", n.spec->id, deviations(f, n)); }},
    NodeRule{.name = "AdminAtRisk",
             .severity = Severity::Warning,
             .goal = Goal::None,
             .hold = Hold::OneProbe,
             .summary = "repld's own account may expire, or failed logins may lock it",
             .advice = "On the node that takes writes: ALTER USER it PASSWORD EXPIRE NEVER FAILED_LOGIN_ATTEMPTS 0 "
                       "PASSWORD_LOCK_TIME 0.",
             .matches = [](const Facts&, const NodeFacts& n) { return takes_writes(n) && admin_at_risk(n); },
             .evidence =
                 [](const Facts& f, const NodeFacts& n) {
                   return fmt::format("{}: '{}' has a limited lifetime or a limit of failed logins", n.spec->id,
                                      f.spec->accounts.at(AccountRole::Admin).user);
                 }},
    NodeRule{.name = "ReceiverOutdated",
             .severity = Severity::Warning,
             .goal = Goal::Repair,
             .hold = Hold::OneProbe,
             .summary = "a receiver connects with another password, TLS mode or compression than declared, and its "
                        "source takes the declared ones",
             .advice = "",
             .matches = receiver_outdated,
             .evidence =
                 [](const Facts&, const NodeFacts& n) {
                   return fmt::format(
                       "the receiver of {} does not connect as declared, which shows when it loses its source",
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
                   return fmt::format("{} is {:.1f} s behind", n.spec->id,
                                      std::chrono::duration<double>(*n.channel->lag).count());
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
static_assert(advised_where_a_person_is_needed(kHealthRules));

}  // namespace

std::span<const NodeRule> health_rules() {
  return kHealthRules;
}

}  // namespace repl::diagnose

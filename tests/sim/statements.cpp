// Step by step, what is sent.
#include "sim/statements.hpp"

#include <algorithm>

namespace repl::sim {
namespace {

constexpr Duration kPoll{5'000};
constexpr std::chrono::milliseconds kCloseLockWait{2'000};
constexpr Duration kHangsAfter{1'000'000};
/// Longer than the step that waits so is waited for.
constexpr Duration kLong{60'000'000};

using Reply = Server::Reply;
using Notes = std::shared_ptr<StepNotes>;
using Statements = std::vector<Statement>;

/// Answers when `holds` does, or with DeadlineExceeded after `timeout`.
void wait_until(Server& server, Duration timeout, std::function<bool()> holds, std::string what, const Reply& reply) {
  if (holds()) return reply(std::nullopt);
  if (timeout <= Duration{0}) {
    return reply(Error{ErrorCode::DeadlineExceeded, fmt::format("{}: {} not in time", server.id(), what)});
  }
  server.later(kPoll, [&server, timeout, holds = std::move(holds), what = std::move(what), reply] {
    wait_until(server, timeout - kPoll, holds, what, reply);
  });
}

/// Until no client waits for an acknowledgement, or one was given: then the rest get theirs in a moment.
void wait_until_acknowledged(Server& server, Duration timeout, std::uint64_t before, const Reply& reply) {
  if (server.clients_waiting() == 0 || server.acknowledged_commits() > before) return reply(std::nullopt);
  if (timeout <= Duration{0}) {
    return reply(Error{ErrorCode::PreconditionFailed, fmt::format("{}: {} commits wait for an acknowledgement",
                                                                  server.id(), server.clients_waiting())});
  }
  server.later(kPoll,
               [&server, timeout, before, reply] { wait_until_acknowledged(server, timeout - kPoll, before, reply); });
}

/// One statement that is done at once.
template <class Effect>
Statement at_once(int server, std::string text, Effect effect) {
  return {server, std::move(text), [effect](Server& s, std::uint64_t, const Reply& reply) {
            effect(s);
            reply(std::nullopt);
          }};
}

Statement stop_receiver(int node, const Notes& notes) {
  return {node, "STOP REPLICA IO_THREAD", [notes](Server& s, std::uint64_t, const Reply& reply) {
            if (notes->reached) return reply(std::nullopt);
            s.stop_receiver(reply);
          }};
}

Statement stop_applier(int node) {
  return {node, "STOP REPLICA SQL_THREAD", [](Server& s, std::uint64_t, const Reply& reply) { s.stop_applier(reply); }};
}

class Writer {
 public:
  Writer(World& world, Notes notes, Tampering tampering)
      : world_(world), notes_(std::move(notes)), tampering_(tampering) {}

  Statements operator()(const InstallPlugin& s) const {
    return {{node(s.node), "INSTALL PLUGIN",
             [p = s.plugin](Server& n, std::uint64_t, const Reply& reply) { n.install_plugin(p, reply); }}};
  }
  Statements operator()(const UninstallPlugin& s) const {
    return {{node(s.node), "UNINSTALL PLUGIN",
             [p = s.plugin](Server& n, std::uint64_t, const Reply& reply) { n.uninstall_plugin(p, reply); }}};
  }
  Statements operator()(const CreateAccount& s) const {
    return {
        {node(s.node), "CREATE USER", [role = s.role, logged = s.logged](Server& n, std::uint64_t, const Reply& reply) {
           n.create_account(role, logged, reply);
         }}};
  }
  Statements operator()(const DropAccount& s) const {
    return {{node(s.node), "DROP USER",
             [role = s.role](Server& n, std::uint64_t, const Reply& reply) { n.drop_account(role, reply); }}};
  }
  Statements operator()(const SetVariable& s) const {
    // What commits wait for is watched by itself, and would be repaired without end.
    const bool is_setting = !s.name.starts_with("rpl_semi_sync_");
    if (tampering_ == Tampering::SettingIsNotSet && is_setting) return nothing(s.node);
    return {{node(s.node), fmt::format("SET PERSIST {}={}", s.name, s.to),
             [s](Server& n, std::uint64_t, const Reply& reply) { n.set_variable(s.name, s.to, reply); }}};
  }
  Statements operator()(const ResetVariable& s) const {
    return {at_once(node(s.node), fmt::format("RESET PERSIST {}", s.name),
                    [name = s.name](Server& n) { n.reset_persisted(name); }),
            {node(s.node), fmt::format("SET GLOBAL {}={}", s.name, s.to),
             [s](Server& n, std::uint64_t, const Reply& reply) {
               if (s.to.empty()) return reply(std::nullopt);
               n.set_global(s.name, s.to, reply);
             }}};
  }
  Statements operator()(const PersistReadOnly& s) const {
    return {at_once(node(s.node), fmt::format("SET PERSIST_ONLY super_read_only={}", s.to ? "ON" : "OFF"),
                    [to = s.to, ignored = tampering_ == Tampering::PersistedIsIgnored](Server& n) {
                      n.persist("super_read_only", to ? "ON" : "OFF");
                      if (ignored) n.ignore_persisted_read_only();
                    })};
  }
  Statements operator()(const SetReadOnly& s) const {
    const auto set = [s](ReadOnly to) {
      return [s, to](Server& n, std::uint64_t session, const Reply& reply) {
        n.set_read_only(to, s.lock_wait, session, reply);
      };
    };
    if (s.to != ReadOnly::Off) {
      if (tampering_ == Tampering::ReadOnlyDoesNothing) return nothing(s.node);
      return {{node(s.node), s.to == ReadOnly::Super ? "SET GLOBAL super_read_only=ON" : "SET GLOBAL read_only=ON",
               set(s.to)}};
    }
    return {{node(s.node), "SET GLOBAL super_read_only=OFF",
             [set, s](Server& n, std::uint64_t session, const Reply& reply) {
               if (s.only_with_semi_sync && !n.source_enabled()) {
                 return reply(Error{ErrorCode::PreconditionFailed,
                                    fmt::format("{}: not opened: its semi-sync source side is off", n.id())});
               }
               if (n.read_only() != ReadOnly::Super) return reply(std::nullopt);
               set(ReadOnly::On)(n, session, reply);
             }},
            {node(s.node), "SET GLOBAL read_only=OFF", set(ReadOnly::Off)}};
  }
  Statements operator()(const SetOfflineMode& s) const {
    return {at_once(node(s.node), fmt::format("SET GLOBAL offline_mode={}", s.to ? "ON" : "OFF"),
                    [to = s.to](Server& n) { n.set_offline_mode(to); })};
  }
  Statements operator()(const SetSemiSyncSource& s) const {
    if (tampering_ == Tampering::SemiSyncNeverOn) return nothing(s.node);
    const auto at = node(s.node);
    if (!s.to) {
      return {{at, "SELECT COUNT(*) FROM performance_schema.threads",
               [](Server& n, std::uint64_t, const Reply& reply) {
                 if (!n.source_enabled()) return reply(std::nullopt);
                 wait_until_acknowledged(n, kHangsAfter, n.acknowledged_commits(), reply);
               }},
              at_once(at, "SET GLOBAL rpl_semi_sync_source_enabled=OFF", [acks = s.acks_to](Server& n) {
                if (n.source_enabled()) n.set_semi_sync_source(false, acks);
              })};
    }
    return {{at, "SET GLOBAL rpl_semi_sync_source_enabled=ON",
             [acks = tampering_ == Tampering::OneAckIsEnough ? 1 : s.acks_to](Server& n, std::uint64_t,
                                                                              const Reply& reply) {
               if (!n.disk().plugins.contains(Plugin::SemiSyncSource)) {
                 return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1193, no semi-sync plugin", n.id())});
               }
               n.set_semi_sync_source(true, acks);
               reply(std::nullopt);
             }},
            {at, "FLUSH OPTIMIZER_COSTS",
             [](Server& n, std::uint64_t, const Reply& reply) { n.flush_optimizer_costs(reply); }}};
  }
  Statements operator()(const SetSemiSyncReplica& s) const {
    const auto at = node(s.node);
    return {{at, fmt::format("SET PERSIST rpl_semi_sync_replica_enabled={}", s.to ? "ON" : "OFF"),
             [s, notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
               if (!n.disk().plugins.contains(Plugin::SemiSyncReplica)) {
                 return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1193, no semi-sync plugin", n.id())});
               }
               notes->reached = n.receiver().state == ThreadState::Stopped;  // nothing to restart
               n.set_semi_sync_replica(s.to);
               reply(std::nullopt);
             }},
            stop_receiver(at, notes_),
            {at, "START REPLICA IO_THREAD", [notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
               if (notes->reached) return reply(std::nullopt);
               n.start_receiver(reply);
             }}};
  }
  Statements operator()(const ResetGtids& s) const {
    return {at_once(node(s.node), "RESET BINARY LOGS AND GTIDS", [](Server& n) { n.reset_gtids(); })};
  }
  Statements operator()(const StartReplication& s) const {
    const auto at = node(s.replica);
    return {{at, "START REPLICA", [](Server& n, std::uint64_t, const Reply& reply) {
               n.start_applier([](const auto&) {});
               n.start_receiver(reply);
             }}};
  }
  Statements operator()(const StopReplication& s) const {
    return {stop_receiver(node(s.replica), notes_), stop_applier(node(s.replica))};
  }
  Statements operator()(const DetachReceiver& s) const {
    const auto at = node(s.replica);
    auto read = at_once(at, "SELECT position", [notes = notes_](Server& n) { notes->position = n.position(); });
    if (stays(at)) return {read};
    Statements out{
        {at, "SELECT applier state",
         [notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
           notes->reached = !n.disk().channel ||
                            (n.disk().channel->source == kNowhere && n.receiver().state != ThreadState::Running);
           if (!notes->reached && n.applier().state == ThreadState::Stopped) {
             return reply(
                 Error{ErrorCode::PreconditionFailed,
                       fmt::format("{}: the applier is stopped, detaching would throw its relay log away", n.id())});
           }
           reply(std::nullopt);
         }},
        stop_receiver(at, notes_)};
    const auto away = change(at, kNowhere, std::chrono::seconds{0});
    if (tampering_ == Tampering::DetachDropsRelayLog) {
      out.insert(out.end(), {stop_applier(at), away, read});
    } else {
      out.insert(out.end(), {read, away});
    }
    return out;
  }
  Statements operator()(const FollowSource& s) const {
    const auto at = node(s.replica);
    const auto to = node(s.to);
    if (stays(at)) return nothing(s.replica);
    return {{at, "START REPLICA SQL_THREAD",  // a stopped applier would cost the relay log
             [to, delay = s.delay, notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
               if (!n.disk().channel) return reply(std::nullopt);
               n.start_applier([](const auto&) {});
               notes->reached = n.disk().channel->source == to && n.disk().channel->delay == delay &&
                                n.receiver().state != ThreadState::Stopped;
               reply(std::nullopt);
             }},
            stop_receiver(at, notes_),
            change(at, to, s.delay),
            {at, "START REPLICA", [notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
               n.start_applier([](const auto&) {});
               if (notes->reached) return reply(std::nullopt);
               n.start_receiver(reply);
             }}};
  }
  Statements operator()(const ForgetSource& s) const {
    const auto at = node(s.replica);
    return {stop_receiver(at, notes_),
            {at, "SELECT RECEIVED_TRANSACTION_SET",
             [at_once = tampering_ == Tampering::WaitsReturnAtOnce](Server& n, std::uint64_t, const Reply& reply) {
               if (at_once || !n.disk().channel || n.disk().relay_log.empty()) return reply(std::nullopt);
               if (n.applier().state == ThreadState::Stopped) {
                 return reply(Error{ErrorCode::PreconditionFailed, fmt::format("{}: the applier is stopped", n.id())});
               }
               wait_until(
                   n, kLong, [&n] { return n.disk().relay_log.empty(); }, "the relay log applied", reply);
             }},
            stop_applier(at),
            {at, "RESET REPLICA ALL", [](Server& n, std::uint64_t, const Reply& reply) {
               if (!n.disk().channel) return reply(std::nullopt);
               n.reset_replica(reply);
             }}};
  }
  Statements operator()(const WaitForApplied& s) const {
    return {at_once(node(s.source), "SELECT @@gtid_executed",
                    [notes = notes_](Server& n) { notes->position = notes->goal = n.disk().executed; }),
            wait_for(s.replica, s.timeout)};
  }
  Statements operator()(const ApplyReceived& s) const {
    notes_->goal = s.received;
    return {wait_for(s.replica, s.timeout)};
  }
  // Every simulated server has GTIDs.
  Statements operator()(const WaitForGtids& s) const { return not_simulated(s); }
  Statements operator()(const WaitForAckers& s) const {
    return {{node(s.source), "SELECT Rpl_semi_sync_source_clients", [s](Server& n, std::uint64_t, const Reply& reply) {
               wait_until(
                   n, s.timeout, [&n, count = s.count] { return n.semi_sync_clients() >= count; }, "semi-sync replicas",
                   reply);
             }}};
  }
  Statements operator()(const CloseReturned& s) const {
    const auto at = node(s.node);
    return {at_once(at, "SET GLOBAL offline_mode=ON", [](Server& n) { n.set_offline_mode(true); }),
            at_once(at, "SET GLOBAL rpl_semi_sync_source_enabled=OFF",
                    [](Server& n) { n.set_semi_sync_source(false, n.wait_for_count()); }),
            {at, "SET GLOBAL super_read_only=ON", [](Server& n, std::uint64_t session, const Reply& reply) {
               n.set_read_only(ReadOnly::Super, kCloseLockWait, session, reply);
             }}};
  }
  // Passwords and TLS are not simulated: accounts are there or not, and logins work.
  Statements operator()(const AmendAccount& s) const { return not_simulated(s); }
  Statements operator()(const RotatePassword& s) const {
    return {{node(s.node), "ALTER USER", [](Server& n, std::uint64_t, const Reply& reply) { n.alter_account(reply); }}};
  }
  Statements operator()(const DiscardFormerPassword& s) const {
    return {{node(s.node), "ALTER USER", [](Server& n, std::uint64_t, const Reply& reply) { n.alter_account(reply); }}};
  }
  Statements operator()(const ChangeGrants& s) const {
    return {{node(s.node), s.to ? "GRANT" : "REVOKE",
             [](Server& n, std::uint64_t, const Reply& reply) { n.alter_account(reply); }}};
  }
  Statements operator()(const LockAccount& s) const {
    return {{node(s.node), "ALTER USER", [](Server& n, std::uint64_t, const Reply& reply) { n.alter_account(reply); }}};
  }
  Statements operator()(const RenewReceiver& s) const {
    const auto at = node(s.replica);
    return {
        stop_receiver(at, notes_),
        {at, "START REPLICA IO_THREAD", [](Server& n, std::uint64_t, const Reply& reply) { n.start_receiver(reply); }}};
  }
  Statements operator()(const CloneFrom& s) const {
    const auto at = node(s.node);
    const auto donor = node(s.donor);
    const auto unless_done = [notes = notes_](auto effect) {
      return [notes, effect](Server& n, std::uint64_t session, const Reply& reply) {
        if (notes->reached) return reply(std::nullopt);
        effect(n, session, reply);
      };
    };
    return {{at, "SELECT @@gtid_executed",
             [notes = notes_, donor, discarded = s.discarded, &world = world_](Server& n, std::uint64_t,
                                                                               const Reply& reply) {
               notes->before = n.incarnation();
               const auto own = subtract(n.disk().executed, discarded);
               // clone_status says from whom it has what it has: stands for it that it has all that only a clone gives.
               notes->reached = n.purged().contains(world.server(donor).purged()) && !n.purged().empty() &&
                                n.disk().cloned_from == donor;
               if (notes->reached) notes->position = n.purged();
               if (!notes->reached && !own.empty()) {
                 return reply(Error{ErrorCode::PreconditionFailed,
                                    fmt::format("{}: has {} that may not be lost", n.id(), own.to_string())});
               }
               reply(std::nullopt);
             }},
            {at, "SET PERSIST_ONLY super_read_only=ON, offline_mode=ON",
             unless_done([](Server& n, std::uint64_t, const Reply& reply) {
               n.persist("super_read_only", "ON");
               n.set_offline_mode(true);
               reply(std::nullopt);
             })},
            {at, "STOP REPLICA IO_THREAD",
             unless_done([](Server& n, std::uint64_t, const Reply& reply) { n.stop_receiver(reply); })},
            {at, "STOP REPLICA SQL_THREAD",
             unless_done([](Server& n, std::uint64_t, const Reply& reply) { n.stop_applier(reply); })},
            {at, "SET GLOBAL super_read_only=OFF, read_only=OFF",
             unless_done([](Server& n, std::uint64_t session, const Reply& reply) {
               n.set_read_only(ReadOnly::Off, Duration{0}, session, reply);
             })},
            {at, "CLONE INSTANCE", unless_done([donor, &world = world_](Server& n, std::uint64_t, const Reply& reply) {
               n.clone_from(world.server(donor), reply);
             })},
            back_again(at),
            {at, "SELECT GTID_EXECUTED FROM clone_status",
             unless_done([notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
               notes->position = n.purged();
               reply(std::nullopt);
             })},
            {at, "STOP REPLICA IO_THREAD",
             unless_done([](Server& n, std::uint64_t, const Reply& reply) { n.stop_receiver(reply); })},
            {at, "STOP REPLICA SQL_THREAD",
             unless_done([](Server& n, std::uint64_t, const Reply& reply) { n.stop_applier(reply); })},
            {at, "RESET REPLICA ALL", unless_done([](Server& n, std::uint64_t, const Reply& reply) {
               if (!n.disk().channel) return reply(std::nullopt);
               n.reset_replica(reply);
             })}};
  }
  Statements operator()(const RestartServer& s) const {
    const auto at = node(s.node);
    const auto as_wanted = [variables = s.variables](const Server& n) {
      return std::all_of(variables.begin(), variables.end(),
                         [&](const StartVariable& v) { return n.variable(v.name) == v.to; });
    };
    const auto unless_done = [notes = notes_](auto effect) {
      return [notes, effect](Server& n, std::uint64_t, const Reply& reply) {
        if (notes->reached) return reply(std::nullopt);
        effect(n, reply);
      };
    };
    Statements out{{at, "SET PERSIST_ONLY",
                    [notes = notes_, variables = s.variables, as_wanted](Server& n, std::uint64_t, const Reply& reply) {
                      notes->reached = !variables.empty() && as_wanted(n);
                      for (const auto& v : variables) {
                        if (v.persisted_to) {
                          n.persist(v.name, *v.persisted_to);
                        } else {
                          n.reset_persisted(v.name);
                        }
                      }
                      reply(std::nullopt);
                    }},
                   {at, "RESTART", unless_done([notes = notes_](Server& n, const Reply& reply) {
                      notes->before = n.incarnation();
                      reply(std::nullopt);
                      n.restart();
                    })},
                   back_again(at),
                   {at, "SELECT the variables", unless_done([as_wanted](Server& n, const Reply& reply) {
                      if (as_wanted(n)) return reply(std::nullopt);
                      reply(Error{ErrorCode::ServerRefused, fmt::format("{}: came back otherwise", n.id())});
                    })}};
    if (!s.replicates) return out;
    out.push_back(
        {at, "SELECT SERVICE_STATE", [timeout = s.timeout](Server& n, std::uint64_t, const Reply& reply) {
           if (n.disk().channel) {
             n.start_applier([](const auto&) {});
             n.start_receiver([](const auto&) {});
           }
           wait_until(
               n, timeout,
               [&n] { return n.receiver().state == ThreadState::Running && n.applier().state == ThreadState::Running; },
               "replication", reply);
         }});
    return out;
  }
  // No simulated spec has hooks.
  Statements operator()(const RunHook& s) const { return not_simulated(s); }
  Statements operator()(const StartGroup& s) const { return not_simulated(s); }
  Statements operator()(const StopGroup& s) const { return not_simulated(s); }
  Statements operator()(const SetGroupPrimary& s) const { return not_simulated(s); }
  Statements operator()(const SetGroupMode& s) const { return not_simulated(s); }
  Statements operator()(const RetireGtids& s) const {
    return {{node(s.node), "SET GTID_NEXT, COMMIT",
             [retired = s.retired](Server& n, std::uint64_t, const Reply& reply) { n.commit_empty(retired, reply); }}};
  }

 private:
  /// A schedule that comes here is wrong, and fails: what a server would do is not known.
  Statements not_simulated(const Step& step) const {
    return {{node(node_of(step)), std::string{name_of(step)},
             [&world = world_, text = describe(step)](Server&, std::uint64_t, const Reply& reply) {
               if (world.hooks.not_simulated) world.hooks.not_simulated(text);
               reply(Error{ErrorCode::Internal, "not simulated: " + text});
             }}};
  }

  Statement back_again(int at) const {
    return {at, "SELECT Uptime",
            [notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
              if (notes->reached || !notes->before || n.incarnation() != *notes->before) return reply(std::nullopt);
              reply(Error{ErrorCode::ServerRefused, fmt::format("{}: the old process still answers", n.id())});
            },
            true};
  }

  int node(const NodeId& id) const { return world_.find(id)->index(); }

  bool stays(int at) const {
    return tampering_ == Tampering::LastNodeStays && world_.server(at).disk().channel &&
           at + 1 == static_cast<int>(world_.servers.size());
  }

  Statements nothing(const NodeId& id) const {
    return {at_once(node(id), "DO 0", [](Server&) {})};
  }

  Statement change(int at, int to, std::chrono::seconds delay) const {
    return {
        at,
        to == kNowhere ? "CHANGE REPLICATION SOURCE TO nowhere" : fmt::format("CHANGE REPLICATION SOURCE TO #{}", to),
        [to, delay, notes = notes_](Server& n, std::uint64_t, const Reply& reply) {
          if (notes->reached) return reply(std::nullopt);
          n.change_source({to, delay}, reply);
        }};
  }

  Statement wait_for(const NodeId& replica, Duration timeout) const {
    return {node(replica), "SELECT WAIT_FOR_EXECUTED_GTID_SET()",
            [timeout, notes = notes_, at_once = tampering_ == Tampering::WaitsReturnAtOnce](Server& n, std::uint64_t,
                                                                                            const Reply& reply) {
              wait_until(
                  n, timeout, [&n, notes, at_once] { return at_once || n.disk().executed.contains(notes->goal); },
                  "transactions applied", reply);
            }};
  }

  World& world_;
  Notes notes_;
  Tampering tampering_;
};

}  // namespace

std::vector<Statement> statements_of(const Step& step, World& world, const std::shared_ptr<StepNotes>& notes,
                                     Tampering tampering) {
  return std::visit(Writer{world, notes, tampering}, step);
}

std::vector<Statement> no_statements(const Step& step, World& world) {
  return {at_once(world.find(node_of(step))->index(), "DO 0", [](Server&) {})};
}

}  // namespace repl::sim

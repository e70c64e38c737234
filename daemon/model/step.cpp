// Inverses, names and descriptions of steps.
#include "model/step.hpp"

#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl {
namespace {

std::string_view text(Plugin p) {
  switch (p) {
    case Plugin::SemiSyncSource:
      return "semi-sync source plugin";
    case Plugin::SemiSyncReplica:
      return "semi-sync replica plugin";
    case Plugin::Clone:
      return "clone plugin";
    case Plugin::GroupReplication:
      return "group replication plugin";
    case Plugin::PasswordValidation:
      return "password validation component";
  }
  return "?";
}

std::string_view text(AccountRole r) {
  switch (r) {
    case AccountRole::Admin:
      return "admin";
    case AccountRole::Replication:
      return "replication";
    case AccountRole::Monitoring:
      return "monitoring";
    case AccountRole::Application:
      return "application";
  }
  return "?";
}

std::string text(const std::set<AccountFault>& faults) {
  std::string out;
  for (const auto fault : faults) out += (out.empty() ? "" : ", ") + std::string{to_string(fault)};
  return out;
}

std::string text(const std::vector<StartVariable>& variables) {
  const auto shown = [](const std::string& value) { return value.empty() ? std::string{"''"} : value; };
  std::string out;
  for (const auto& v : variables) {
    out += fmt::format("{}{} {} -> {}", out.empty() ? "" : ", ", v.name, shown(v.from), shown(v.to));
  }
  return out;
}

double seconds(std::chrono::milliseconds d) {
  return static_cast<double>(d.count()) / 1000.0;
}

}  // namespace

std::optional<Step> inverse(const Step& step) {
  using Inverse = std::optional<Step>;
  return std::visit(
      Overloaded{
          [](const InstallPlugin& s) -> Inverse {
            return UninstallPlugin{s.node, s.plugin};
          },
          [](const UninstallPlugin& s) -> Inverse {
            return InstallPlugin{s.node, s.plugin};
          },
          [](const CreateAccount& s) -> Inverse {
            // Receivers may have been told of it, on nodes that this plan does not name any more when it is taken back.
            if (s.role == AccountRole::Replication && s.logged == Logged::Yes) return std::nullopt;
            return DropAccount{s.node, s.role, s.account, s.logged};
          },
          [](const DropAccount& s) -> Inverse {
            return CreateAccount{s.node, s.role, s.account, s.logged};
          },
          [](const SetVariable& s) -> Inverse {
            if (!s.was_persisted) return ResetVariable{s.node, s.name, s.to, s.from};
            return SetVariable{s.node, s.name, s.to, s.from};
          },
          [](const ResetVariable& s) -> Inverse {
            if (s.from.empty()) return std::nullopt;
            return SetVariable{s.node, s.name, s.to, s.from, false};
          },
          [](const PersistReadOnly& s) -> Inverse {
            return PersistReadOnly{s.node, s.to, s.from};
          },
          [](const SetReadOnly& s) -> Inverse {
            if (s.for_good) return std::nullopt;
            return SetReadOnly{s.node, s.to, s.from, s.lock_wait, s.only_with_semi_sync};
          },
          [](const SetOfflineMode& s) -> Inverse {
            return SetOfflineMode{s.node, s.to, s.from};
          },
          [](const SetSemiSyncSource& s) -> Inverse {
            return SetSemiSyncSource{s.node, s.to, s.from, s.acks_to, s.acks_from};
          },
          [](const SetSemiSyncReplica& s) -> Inverse {
            return SetSemiSyncReplica{s.node, s.to, s.from};
          },
          [](const ResetGtids&) -> Inverse { return std::nullopt; },  // the node had no data; nothing to bring back
          [](const StartReplication& s) -> Inverse { return StopReplication{s.replica}; },
          [](const StopReplication& s) -> Inverse { return StartReplication{s.replica}; },
          [](const DetachReceiver& s) -> Inverse {
            return FollowSource{.replica = s.replica, .from = std::nullopt, .to = s.from};
          },
          [](const FollowSource& s) -> Inverse {
            if (!s.from) return ForgetSource{s.replica, s.to, s.delay, s.channel};
            return FollowSource{.replica = s.replica,
                                .from = s.to,
                                .to = *s.from,
                                .delay = s.delay_before.value_or(s.delay),
                                .delay_before = s.delay_before ? std::optional{s.delay} : std::nullopt,
                                .channel = s.channel};
          },
          [](const ForgetSource& s) -> Inverse {
            if (s.from.name.empty()) return std::nullopt;
            return FollowSource{
                .replica = s.replica, .from = std::nullopt, .to = s.from, .delay = s.delay, .channel = s.channel};
          },
          [](const WaitForApplied&) -> Inverse { return std::nullopt; },
          [](const ApplyReceived&) -> Inverse { return std::nullopt; },
          [](const WaitForGtids&) -> Inverse { return std::nullopt; },
          [](const WaitForAckers&) -> Inverse { return std::nullopt; },
          [](const CloseReturned&) -> Inverse { return std::nullopt; },  // never reopen what had to be fenced
          [](const CloneFrom&) -> Inverse { return std::nullopt; },      // it had nothing that was to be kept
          [](const RestartServer& s) -> Inverse {
            if (s.variables.empty()) return std::nullopt;
            auto back = s;
            for (auto& variable : back.variables) {
              std::swap(variable.from, variable.to);
              std::swap(variable.persisted_from, variable.persisted_to);
            }
            return back;
          },
          [](const StartGroup& s) -> Inverse {
            return StopGroup{s.node, s.how, s.from};
          },
          [](const StopGroup& s) -> Inverse { return StartGroup{.node = s.node, .how = s.back, .from = s.leaves}; },
          [](const SetGroupPrimary& s) -> Inverse {
            return SetGroupPrimary{s.from, s.node};
          },
          [](const SetGroupMode& s) -> Inverse {
            return SetGroupMode{s.node, s.to_multi_primary, s.from_multi_primary};
          },
          [](const AmendAccount&) -> Inverse { return std::nullopt; },
          // Both passwords work from then on; which was the first of them is not known to repld.
          [](const RotatePassword&) -> Inverse { return std::nullopt; },
          [](const DiscardFormerPassword&) -> Inverse { return std::nullopt; },
          [](const RenewReceiver&) -> Inverse { return std::nullopt; },
          [](const RetireGtids&) -> Inverse { return std::nullopt; },
          [](const RunHook&) -> Inverse { return std::nullopt; },
      },
      step);
}

const NodeId& node_of(const Step& step) {
  return std::visit(
      [](const auto& s) -> const NodeId& {
        if constexpr (requires { s.node; }) {
          return s.node;
        } else if constexpr (requires { s.replica; }) {
          return s.replica;
        } else {
          return s.source;
        }
      },
      step);
}

std::string_view name_of(const Step& step) {
  return std::visit(Overloaded{
                        [](const InstallPlugin&) { return "install-plugin"; },
                        [](const UninstallPlugin&) { return "uninstall-plugin"; },
                        [](const CreateAccount&) { return "create-account"; },
                        [](const DropAccount&) { return "drop-account"; },
                        [](const SetVariable&) { return "set-variable"; },
                        [](const ResetVariable&) { return "reset-variable"; },
                        [](const PersistReadOnly&) { return "persist-read-only"; },
                        [](const SetReadOnly&) { return "set-read-only"; },
                        [](const SetOfflineMode&) { return "set-offline-mode"; },
                        [](const SetSemiSyncSource&) { return "set-semi-sync-source"; },
                        [](const SetSemiSyncReplica&) { return "set-semi-sync-replica"; },
                        [](const ResetGtids&) { return "reset-gtids"; },
                        [](const StartReplication&) { return "start-replication"; },
                        [](const StopReplication&) { return "stop-replication"; },
                        [](const DetachReceiver&) { return "detach-receiver"; },
                        [](const FollowSource&) { return "follow-source"; },
                        [](const ForgetSource&) { return "forget-source"; },
                        [](const WaitForApplied&) { return "wait-for-applied"; },
                        [](const ApplyReceived&) { return "apply-received"; },
                        [](const WaitForGtids&) { return "wait-for-gtids"; },
                        [](const WaitForAckers&) { return "wait-for-ackers"; },
                        [](const CloseReturned&) { return "close-returned"; },
                        [](const CloneFrom&) { return "clone-from"; },
                        [](const RestartServer&) { return "restart-server"; },
                        [](const StartGroup&) { return "start-group"; },
                        [](const StopGroup&) { return "stop-group"; },
                        [](const SetGroupPrimary&) { return "set-group-primary"; },
                        [](const SetGroupMode&) { return "set-group-mode"; },
                        [](const AmendAccount&) { return "amend-account"; },
                        [](const RotatePassword&) { return "rotate-password"; },
                        [](const DiscardFormerPassword&) { return "discard-former-password"; },
                        [](const RenewReceiver&) { return "renew-receiver"; },
                        [](const RetireGtids&) { return "retire-gtids"; },
                        [](const RunHook&) { return "run-hook"; },
                    },
                    step);
}

std::string describe(const Step& step) {
  return std::visit(
      Overloaded{
          [](const InstallPlugin& s) { return fmt::format("{}: install the {}", s.node, text(s.plugin)); },
          [](const UninstallPlugin& s) { return fmt::format("{}: remove the {}", s.node, text(s.plugin)); },
          [](const CreateAccount& s) {
            return fmt::format("{}: create the {} account '{}'", s.node, text(s.role), s.account.user);
          },
          [](const DropAccount& s) {
            return fmt::format("{}: drop the {} account '{}'", s.node, text(s.role), s.account.user);
          },
          [](const SetVariable& s) {
            return fmt::format("{}: set {} {} -> {}{}", s.node, s.name, s.from.empty() ? "''" : s.from, s.to,
                               s.origin.empty() ? "" : fmt::format(" ({})", s.origin));
          },
          [](const ResetVariable& s) {
            return s.to.empty() ? fmt::format("{}: persist {} no longer; {} until its next restart", s.node, s.name,
                                              s.from.empty() ? "as it is" : s.from)
                                : fmt::format("{}: put {} back {} -> {}, not persisted", s.node, s.name, s.from, s.to);
          },
          [](const PersistReadOnly& s) {
            return fmt::format("{}: after a restart {}", s.node, s.to ? "super-read-only" : "as its option files say");
          },
          [](const SetReadOnly& s) { return fmt::format("{}: {} -> {}", s.node, describe(s.from), describe(s.to)); },
          [](const SetOfflineMode& s) {
            return fmt::format("{}: {}", s.node, s.to ? "turn clients away" : "let clients in");
          },
          [](const SetSemiSyncSource& s) {
            return s.to ? fmt::format("{}: semi-sync source on, {} ack{}", s.node, s.acks_to, s.acks_to == 1 ? "" : "s")
                        : fmt::format("{}: semi-sync source off", s.node);
          },
          [](const SetSemiSyncReplica& s) {
            return fmt::format("{}: semi-sync replica {}", s.node, s.to ? "on" : "off");
          },
          [](const ResetGtids& s) {
            return fmt::format("{}: empty, forget its {} transactions", s.node, s.discarded.count());
          },
          [](const StartReplication& s) { return fmt::format("{}: start replication", s.replica); },
          [](const StopReplication& s) { return fmt::format("{}: stop replication", s.replica); },
          [](const DetachReceiver& s) { return fmt::format("{}: detach from {}", s.replica, s.from); },
          [](const FollowSource& s) { return fmt::format("{}: follow {}", s.replica, s.to); },
          [](const ForgetSource& s) {
            return s.from.name.empty() ? fmt::format("{}: remove its replication channel", s.replica)
                                       : fmt::format("{}: forget {} as its source", s.replica, s.from);
          },
          [](const WaitForApplied& s) {
            return fmt::format("{}: apply all that {} has (at most {} s)", s.replica, s.source, seconds(s.timeout));
          },
          [](const ApplyReceived& s) {
            return fmt::format("{}: apply all it has received (at most {} s)", s.replica, seconds(s.timeout));
          },
          [](const WaitForGtids& s) {
            return fmt::format("{}: wait until every transaction gets a GTID (at most {} s)", s.node,
                               seconds(s.timeout));
          },
          [](const WaitForAckers& s) {
            return fmt::format("{}: wait for {} semi-sync replica{} (at most {} s)", s.source, s.count,
                               s.count == 1 ? "" : "s", seconds(s.timeout));
          },
          [](const CloseReturned& s) { return fmt::format("{}: fence, it must not take writes", s.node); },
          [](const CloneFrom& s) {
            const auto clone = fmt::format("{}: clone the data of {}", s.node, s.donor);
            if (s.discarded.empty()) return clone;
            // Bytes of a log would say nothing.
            return clone + ", what it has is lost" +
                   (is_by_position(s.discarded) ? std::string{} : fmt::format(" ({})", how_much(s.discarded)));
          },
          [](const RestartServer& s) {
            if (s.variables.empty()) return fmt::format("{}: restart the server", s.node);
            return fmt::format("{}: restart the server: {} need{} one", s.node, text(s.variables),
                               s.variables.size() == 1 ? "s" : "");
          },
          [](const StartGroup& s) {
            return fmt::format("{}: {} the group", s.node, s.how == GroupStart::Bootstrap ? "bootstrap" : "join");
          },
          [](const StopGroup& s) { return fmt::format("{}: leave the group", s.node); },
          [](const SetGroupPrimary& s) {
            return fmt::format("{}: take over from {} as the group's primary", s.node, s.from);
          },
          [](const SetGroupMode& s) {
            return s.to_multi_primary ? fmt::format("{}: let every member take writes", s.node)
                                      : fmt::format("{}: become the only member that takes writes", s.node);
          },
          [](const AmendAccount& s) {
            return fmt::format("{}: make the {} account '{}' true: {}", s.node, text(s.role), s.account.user,
                               text(s.faults));
          },
          [](const RotatePassword& s) {
            return fmt::format("{}: give the {} account '{}' its new password, the present one works on", s.node,
                               text(s.role), s.account.user);
          },
          [](const DiscardFormerPassword& s) {
            return fmt::format("{}: the former password of the {} account '{}' works no longer", s.node, text(s.role),
                               s.account.user);
          },
          [](const RenewReceiver& s) {
            return fmt::format("{}: its receiver logs in as declared from now on", s.replica);
          },
          [](const RetireGtids& s) {
            return fmt::format(
                "{}: commit {} discarded transaction{} empty, so that nobody uses their numbers again ({})", s.node,
                s.retired.count(), s.retired.count() == 1 ? "" : "s", in_words(s.retired));
          },
          [](const RunHook& s) {
            return fmt::format("{}: {} hook {} (at most {} s)", s.node, to_string(s.point), s.program,
                               seconds(s.timeout));
          },
      },
      step);
}

}  // namespace repl

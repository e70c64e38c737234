// What taking a change back has to bring back, server by server: all that a step can change, but for histories, which
// only grow.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "model/spec_text.hpp"
#include "unit/support/apply_step.hpp"

namespace repl::test {

struct Restorable {
  ReadOnly read_only;
  bool persisted, offline;
  bool source_plugin, replica_plugin, group_plugin, validates_passwords;
  bool source_enabled, replica_enabled;
  int acks;
  std::optional<Address> source;
  std::chrono::seconds delay;
  bool receiver, applier, auto_position;
  GtidMode gtid_mode;
  bool member, elected, single_primary;
  std::set<AccountRole> accounts;
  std::map<std::string, std::string> variables, persisted_variables;
  bool operator==(const Restorable&) const = default;
};

inline Restorable restorable(const ModelServer& s) {
  const auto* channel = s.now.channel();
  const bool attached = channel != nullptr && channel->source.host != kDetachedHost;
  return {.read_only = s.now.read_only,
          .persisted = s.now.super_read_only_persisted,
          .offline = s.now.offline_mode,
          .source_plugin = s.now.semi_sync.source_plugin,
          .replica_plugin = s.now.semi_sync.replica_plugin,
          .group_plugin = s.now.group.plugin,
          .validates_passwords = s.validates_passwords,
          .source_enabled = s.now.semi_sync.source_enabled,
          .replica_enabled = s.now.semi_sync.replica_enabled,
          .acks = s.now.semi_sync.source_enabled ? s.now.semi_sync.wait_for_count : 0,
          .source = attached ? std::optional{channel->source} : std::nullopt,
          .delay = attached ? channel->delay : std::chrono::seconds{0},
          .receiver = attached && channel->receiver != ThreadState::Stopped,
          .applier = attached && channel->applier != ThreadState::Stopped,
          .auto_position = attached && channel->auto_position,
          .gtid_mode = s.now.gtid_mode,
          .member = s.member,
          .elected = s.elected,
          .single_primary = s.now.group.single_primary,
          .accounts = s.has.accounts,
          .variables = s.has.variables,
          .persisted_variables = s.has.persisted};
}

using AllRestorable = std::map<NodeId, Restorable>;

inline AllRestorable restorable(const Servers& servers) {
  AllRestorable out;
  for (const auto& [id, s] : servers.all()) out.emplace(id, restorable(s));
  return out;
}

/// What is not as it was, "b: source, delay"; empty when all is.
inline std::string difference(const AllRestorable& before, const AllRestorable& after) {
  std::string out;
  for (const auto& [id, b] : before) {
    const auto& a = after.at(id);
    std::string what;
    const auto compare = [&](const auto& then, const auto& now, std::string_view name) {
      if (then != now) what += fmt::format("{}{}", what.empty() ? "" : ", ", name);
    };
    const auto compare_each = [&](const auto& then, const auto& now, std::string_view name) {
      for (const auto& [key, value] : then) {
        const auto found = now.find(key);
        if (found == now.end()) {
          compare(0, 1, fmt::format("{} {} is gone", name, key));
        } else {
          compare(value, found->second, fmt::format("{} {}: {} -> {}", name, key, value, found->second));
        }
      }
      for (const auto& [key, value] : now) {
        if (!then.contains(key)) compare(0, 1, fmt::format("{} {} = {} is new", name, key, value));
      }
    };
    compare(b.read_only, a.read_only, "read_only");
    compare(b.persisted, a.persisted, "super_read_only persisted");
    compare(b.offline, a.offline, "offline_mode");
    compare(b.source_plugin, a.source_plugin, "semi-sync source plugin");
    compare(b.replica_plugin, a.replica_plugin, "semi-sync replica plugin");
    compare(b.group_plugin, a.group_plugin, "group plugin");
    compare(b.validates_passwords, a.validates_passwords, "password validation");
    compare(b.source_enabled, a.source_enabled, "semi-sync source side");
    compare(b.replica_enabled, a.replica_enabled, "semi-sync replica side");
    compare(b.acks, a.acks, "acks");
    compare(b.source, a.source, "source");
    compare(b.delay, a.delay, "delay");
    compare(b.receiver, a.receiver, "receiver");
    compare(b.applier, a.applier, "applier");
    compare(b.auto_position, a.auto_position, "auto-position");
    compare(b.gtid_mode, a.gtid_mode, "gtid_mode");
    compare(b.member, a.member, "membership");
    compare(b.elected, a.elected, "election");
    compare(b.single_primary, a.single_primary, "mode of the group");
    for (const auto role :
         {AccountRole::Admin, AccountRole::Replication, AccountRole::Monitoring, AccountRole::Application}) {
      compare(b.accounts.contains(role), a.accounts.contains(role), fmt::format("account {}", to_string(role)));
    }
    compare_each(b.variables, a.variables, "variable");
    compare_each(b.persisted_variables, a.persisted_variables, "persisted");
    if (!what.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", id, what);
  }
  return out;
}

}  // namespace repl::test

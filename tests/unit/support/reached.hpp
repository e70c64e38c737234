// Is the declared topology true on these servers? Said without the planner's help, so that it can be judged by it.
#pragma once

#include <string>
#include <vector>

#include "unit/support/apply_step.hpp"

namespace repl::test {

/// In every topology: nothing of another one is left, and nobody lacks anything.
inline void expect_nothing_left(const Spec& spec, const Servers& servers, std::vector<std::string>& out) {
  GtidSet all;
  for (const auto& node : spec.nodes) all = unite(all, servers.at(node.id).now.position());
  // What is delayed itself has received it, but not what is below it.
  const bool some_wait =
      std::any_of(spec.nodes.begin(), spec.nodes.end(), [](const NodeSpec& n) { return n.delay.count() > 0; });
  for (const auto& node : spec.nodes) {
    const auto& server = servers.at(node.id);
    const auto& now = server.now;
    const auto expect = [&](bool holds, std::string_view what) {
      if (!holds) out.push_back(fmt::format("{}: {}", node.id, what));
    };
    const auto is = [&](const std::string& name, std::string_view value) {
      const auto found = server.has.variables.find(name);
      return found != server.has.variables.end() && found->second == value;
    };
    expect(some_wait || now.position() == all, "lacks what others have");
    expect(server.member == spec.is_group(), spec.is_group() ? "is in no group" : "is in a group");
    expect(!now.group.bootstraps, "would bootstrap a group at its next start");
    const bool joins = is("group_replication_start_on_boot", "ON");
    expect(joins == spec.is_group() || !now.group.plugin, "whether it joins a group by itself at its next start");
    expect(now.by_position() == spec.by_position(), "gtid_mode");
    for (const auto& channel : now.channels) {
      expect(channel.auto_position != spec.by_position(), "how its channel finds its place");
    }
    if (spec.several_writers()) continue;
    const auto settings = spec.settings_of(node.id);
    for (const auto* name : {"auto_increment_increment", "auto_increment_offset"}) {
      const bool counts = server.has.variables.contains(name) && !is(name, "1");
      expect(!counts || settings.contains(name), "counts its keys as if several wrote");
    }
  }
}

/// Of a server that is not in `spec`, and was taken out of it: it neither follows nor acknowledges anybody, is in no
/// group, and takes no writes.
inline std::vector<std::string> not_released(const NodeId& id, const ModelServer& server) {
  std::vector<std::string> out;
  const auto expect = [&](bool holds, std::string_view what) {
    if (!holds) out.push_back(fmt::format("{}, which has left: {}", id, what));
  };
  expect(server.now.channels.empty(), "has a channel");
  expect(!server.member, "is in the group");
  expect(!server.now.semi_sync.replica_enabled, "acknowledges");
  expect(!server.now.semi_sync.source_enabled, "waits for acknowledgements");
  expect(server.now.read_only == ReadOnly::Super, "takes writes");
  return out;
}

/// The same where several nodes write, and in groups.
inline std::vector<std::string> deviations(const Spec& spec, const Servers& servers) {
  std::vector<std::string> out;
  const auto expect = [&](bool holds, const NodeId& node, std::string_view what) {
    if (!holds) out.push_back(fmt::format("{}: {}", node, what));
  };
  GtidSet all;
  for (const auto& node : spec.nodes) all = unite(all, servers.at(node.id).now.executed);
  expect_nothing_left(spec, servers, out);
  int position = 0;
  int writers = 0;
  for (const auto& node : spec.nodes) {
    const auto& server = servers.at(node.id);
    const auto& now = server.now;
    ++position;
    for (const auto& [name, value] : spec.settings_of(node.id)) {
      expect(server.has.variables.contains(name) && server.has.variables.at(name) == value, node.id,
             name + " is not " + value);
    }
    expect(now.super_read_only_persisted, node.id, "would come back writable");
    expect(!now.offline_mode, node.id, "turns clients away");
    expect(now.executed == all, node.id, "does not have everything");
    expect(server.has.accounts.contains(AccountRole::Replication), node.id, "no replication account");
    if (now.read_only == ReadOnly::Off) ++writers;
    if (spec.several_writers()) {
      expect(now.read_only == ReadOnly::Off, node.id, "is closed");
      expect(server.has.variables.contains("auto_increment_offset") &&
                 server.has.variables.at("auto_increment_offset") == std::to_string(position) &&
                 server.has.variables.at("auto_increment_increment") == std::to_string(spec.nodes.size()),
             node.id, "counts its keys wrongly");
    }
    if (spec.is_ring()) {
      const auto* channel = now.channel();
      const auto source = *spec.source_of(node.id, NodeId{});
      expect(channel != nullptr && channel->source == address_of(source), node.id,
             "follows another than " + source.name);
      expect(now.semi_sync.source_enabled == spec.semi_sync(), node.id, "semi-sync source side");
      expect(now.semi_sync.replica_enabled == spec.semi_sync(), node.id, "semi-sync replica side");
    } else {
      expect(now.in_group() && now.group.members.size() == spec.nodes.size(), node.id, "is not in the group");
      expect(now.channels.empty(), node.id, "has a channel beside the group");
      expect(now.group.single_primary == (spec.topology == TopologyType::GroupSinglePrimary), node.id, "mode");
    }
  }
  if (!spec.several_writers() && writers != 1) out.push_back(fmt::format("{} nodes take writes", writers));
  return out;
}

/// What is not as `spec` wants it while `primary` is in office; empty when everything is.
inline std::vector<std::string> deviations(const Spec& spec, const NodeId& primary, const Servers& servers) {
  std::vector<std::string> out;
  const auto expect = [&](bool holds, const NodeId& node, std::string_view what) {
    if (!holds) out.push_back(fmt::format("{}: {}", node, what));
  };
  expect_nothing_left(spec, servers, out);
  for (const auto& node : spec.nodes) {
    const auto& server = servers.at(node.id);
    const auto& now = server.now;
    const bool is_primary = node.id == primary;
    const auto variables = spec.settings_of(node.id);
    for (const auto& [name, value] : variables) {
      expect(server.has.variables.contains(name) && server.has.variables.at(name) == value, node.id,
             name + " is not " + value);
    }
    expect(now.super_read_only_persisted, node.id, "would come back writable");
    expect(!now.offline_mode, node.id, "turns clients away");
    expect(now.read_only == (is_primary ? ReadOnly::Off : ReadOnly::Super), node.id, "read-only is wrong");
    expect(server.has.accounts.contains(AccountRole::Replication), node.id, "no replication account");
    if (spec.semi_sync()) {
      expect(now.semi_sync.source_plugin && now.semi_sync.replica_plugin, node.id, "a plugin is missing");
      expect(now.semi_sync.wait_no_replica && now.semi_sync.after_sync, node.id, "semi-sync variables");
      const auto timeout =
          spec.sync.on_too_few == OnTooFewReplicas::Wait ? std::chrono::milliseconds{4'294'967'295} : spec.sync.timeout;
      expect(now.semi_sync.timeout == timeout, node.id, "semi-sync time-out");
    }
    const bool acker = spec.semi_sync() && node.delay.count() == 0;
    expect(now.semi_sync.replica_enabled == acker, node.id, "semi-sync replica side");
    expect(now.semi_sync.source_enabled == (is_primary && spec.semi_sync()), node.id, "semi-sync source side");
    if (is_primary) {
      expect(now.channels.empty(), node.id, "the primary has a channel");
      if (spec.semi_sync()) {
        expect(now.semi_sync.wait_for_count == std::max(1, spec.acks_wanted(primary)), node.id, "acks");
      }
      continue;
    }
    const auto source = *spec.source_of(node.id, primary);
    const auto* channel = now.channel();
    expect(channel != nullptr && channel->source == address_of(source), node.id, "follows another than " + source.name);
    if (channel == nullptr) continue;
    expect(channel->delay == node.delay, node.id, "delay");
    expect(channel->receiver == ThreadState::Running, node.id,
           fmt::format("receiver does not run: {}", channel->receiver_errno));
    expect(channel->applier == ThreadState::Running, node.id, "applier does not run");
  }
  for (const auto& [role, account] : spec.accounts) {
    expect(servers.at(primary).has.accounts.contains(role), primary, "an account is missing");
  }
  return out;
}

/// What is not as it should be on the nodes of `before` that `spec` has no more: they take no writes, and have nothing
/// that those who stay lack.
inline std::vector<std::string> deviations_of_those_who_left(const Spec& before, const Spec& spec,
                                                             const Servers& servers) {
  std::vector<std::string> out;
  GtidSet stayed;
  for (const auto& node : spec.nodes) stayed = unite(stayed, servers.at(node.id).now.executed);
  for (const auto& node : before.nodes) {
    const auto& server = servers.at(node.id);
    const auto& now = server.now;
    if (spec.find(node.id) != nullptr || server.life != Life::Up) continue;
    const auto expect = [&](bool holds, std::string_view what) {
      if (!holds) out.push_back(fmt::format("{}, which has left: {}", node.id, what));
    };
    expect(now.read_only == ReadOnly::Super, "takes writes");
    expect(stayed.contains(now.executed), "has what nobody else has");
  }
  return out;
}

}  // namespace repl::test

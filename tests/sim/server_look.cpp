// What a probe finds on a simulated server, as the real MySQL end would report it.
#include <algorithm>

#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

constexpr const char* kDefaultTimeout = "10000";

Duration clamp_small_negatives(Duration d) {
  return std::max(d, Duration{0});
}

}  // namespace

Snapshot Server::look(const control::ProbeOrder& order) const {
  const auto now = world_.events.now();
  Snapshot s;
  s.node = id_;
  s.taken_at = now;
  s.reach = Reach::Ok;
  s.server_uuid = uuid_;
  s.server_id = static_cast<std::uint32_t>(index_ + 1);
  s.version = {9, 7, 4};
  s.uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
  s.read_only = read_only();
  const auto persisted = disk_.persisted.find("super_read_only");
  s.super_read_only_persisted = persisted != disk_.persisted.end() && persisted->second == "ON";
  s.offline_mode = offline_;
  s.log_replica_updates = variable("log_replica_updates") == "ON";
  s.relay_log_recovery = variable("relay_log_recovery") == "ON";
  s.executed = disk_.executed;
  s.purged = purged();
  s.semi_sync.source_plugin = disk_.plugins.contains(Plugin::SemiSyncSource);
  s.semi_sync.replica_plugin = disk_.plugins.contains(Plugin::SemiSyncReplica);
  s.semi_sync.source_enabled = source_enabled_;
  s.semi_sync.source_status = source_waits();
  s.semi_sync.clients = semi_sync_clients();
  s.semi_sync.wait_sessions = source_waits() ? static_cast<int>(commits_.size()) : 0;
  s.semi_sync.wait_for_count = wait_for_count_;
  s.semi_sync.wait_no_replica = variable("rpl_semi_sync_source_wait_no_replica") != "OFF";
  s.semi_sync.after_sync = variable("rpl_semi_sync_source_wait_point") == "AFTER_SYNC";
  const auto timeout =
      s.semi_sync.source_plugin ? variable("rpl_semi_sync_source_timeout") : std::string{kDefaultTimeout};
  s.semi_sync.timeout = std::chrono::milliseconds{std::stoll(timeout)};
  s.semi_sync.replica_enabled = replica_enabled_ && s.semi_sync.replica_plugin;
  s.semi_sync.replica_status = receiver_.state == ThreadState::Running && receiver_.semi_sync;
  s.threads_running = 2 + running_writes_;
  s.threads_connected = 5;

  if (disk_.channel) {
    Channel c;
    const auto source = disk_.channel->source;
    c.source = source == kNowhere ? Address{kDetachedHost, 3306} : world_.server(source).address();
    c.source_uuid = source == kNowhere || !receiver_.heard ? "" : world_.server(source).uuid();
    c.receiver = receiver_.state;
    c.applier = applier_.state;
    c.received = disk_.received;
    c.receiver_errno = receiver_.error;
    if (receiver_.error != 0) c.receiver_error = fmt::format("error {}", receiver_.error);
    if (receiver_.heard) c.silence = now - *receiver_.heard;
    c.heartbeat_interval = kHeartbeat;
    c.delay = disk_.channel->delay;
    if (applier_.busy) c.applying_for = now - applier_.began;
    const bool heard = receiver_.state == ThreadState::Running && c.silence && *c.silence < 3 * kHeartbeat;
    if (!disk_.relay_log.empty()) {
      c.lag = clamp_small_negatives(now + pace.clock_skew - disk_.relay_log.front().committed);
    } else if (heard) {
      c.lag = Duration{0};
    }
    s.channels.push_back(std::move(c));
  }

  if (order.depth == control::Depth::Inventory) {
    Inventory inventory;
    inventory.clone_plugin = true;  // nothing is cloned here
    if (disk_.user_data) inventory.user_schemas.push_back("shop");
    inventory.accounts = disk_.accounts;
    for (const auto& name : order.variables) {
      auto value = variable(name);
      if (needs_restart(name)) inventory.fixed_until_restart.insert(name);
      if (needs_restart(name) || !value.empty()) inventory.variables[name] = std::move(value);
    }
    inventory.persisted = disk_.persisted;
    s.inventory = std::move(inventory);
  }
  return s;
}

}  // namespace repl::sim

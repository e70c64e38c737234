// Administrative statements on a simulated server: plugins, accounts, variables, RESET.
#include <algorithm>
#include <array>

#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

/// Defaults of the server. What is not here is unknown to it.
const std::map<std::string, std::string>& defaults() {
  static const std::map<std::string, std::string> kDefaults{
      {"gtid_mode", "ON"},
      {"enforce_gtid_consistency", "ON"},
      {"log_replica_updates", "ON"},
      {"log_bin", "ON"},
      {"binlog_format", "ROW"},
      {"sync_binlog", "1"},
      {"innodb_flush_log_at_trx_commit", "1"},
      {"relay_log_recovery", "OFF"},
      {"replica_net_timeout", "60"},
      {"replica_parallel_workers", "4"},
      {"replica_preserve_commit_order", "ON"},
      {"skip_replica_start", "OFF"},
      {"event_scheduler", "ON"},
      {"binlog_expire_logs_seconds", "2592000"},
      {"auto_increment_increment", "1"},
      {"auto_increment_offset", "1"},
      {"rpl_semi_sync_source_timeout", "10000"},
      {"rpl_semi_sync_source_wait_no_replica", "ON"},
      {"rpl_semi_sync_source_wait_point", "AFTER_SYNC"},
      {"rpl_semi_sync_source_wait_for_replica_count", "1"},
      {"rpl_semi_sync_source_enabled", "OFF"},
      {"rpl_semi_sync_replica_enabled", "OFF"},
  };
  return kDefaults;
}

/// Plugin that must be loaded for a variable to exist.
std::optional<Plugin> owner(const std::string& name) {
  if (name.starts_with("rpl_semi_sync_source_")) return Plugin::SemiSyncSource;
  if (name.starts_with("rpl_semi_sync_replica_")) return Plugin::SemiSyncReplica;
  return std::nullopt;
}

/// Changed only with a restart: SET PERSIST_ONLY.
constexpr std::array kNeedRestart{"relay_log_recovery", "log_replica_updates", "skip_replica_start", "report_host"};

}  // namespace

bool needs_restart(const std::string& variable) {
  return std::find(kNeedRestart.begin(), kNeedRestart.end(), variable) != kNeedRestart.end();
}

std::string default_of(const std::string& variable) {
  const auto found = defaults().find(variable);
  return found == defaults().end() ? std::string{} : found->second;
}

std::string Server::variable(const std::string& name) const {
  if (name == "super_read_only") return read_only() == ReadOnly::Super ? "ON" : "OFF";
  if (name == "read_only") return read_only() == ReadOnly::Off ? "OFF" : "ON";
  if (name == "offline_mode") return offline_ ? "ON" : "OFF";
  if (name == "rpl_semi_sync_source_enabled") return source_enabled_ ? "ON" : "OFF";
  if (name == "rpl_semi_sync_source_wait_for_replica_count") return std::to_string(wait_for_count_);
  if (name == "rpl_semi_sync_replica_enabled") return replica_enabled_ ? "ON" : "OFF";
  if (const auto own = variables_.find(name); own != variables_.end()) return own->second;
  return default_of(name);
}

void Server::persist(const std::string& name, const std::string& value) {
  disk_.persisted[name] = value;
}

void Server::reset_persisted(const std::string& name) {
  disk_.persisted.erase(name);
}

void Server::set_variable(const std::string& name, const std::string& value, const Reply& reply) {
  if (needs_restart(name)) {
    return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1238, {} is a read only variable", id_, name)});
  }
  if (const auto plugin = owner(name); !plugin || disk_.plugins.contains(*plugin)) persist(name, value);
  set_global(name, value, reply);
}

void Server::set_global(const std::string& name, const std::string& value, const Reply& reply) {
  if (const auto plugin = owner(name); plugin && !disk_.plugins.contains(*plugin)) {
    return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1193, unknown system variable {}", id_, name)});
  }
  if (needs_restart(name)) return reply(std::nullopt);
  if (name == "rpl_semi_sync_source_enabled") {
    if ((value == "ON") != source_enabled_) set_semi_sync_source(value == "ON", wait_for_count_);
  } else if (name == "rpl_semi_sync_source_wait_for_replica_count") {
    wait_for_count_ = std::stoi(value);
    finish_acknowledged();
  } else if (name == "rpl_semi_sync_replica_enabled") {
    replica_enabled_ = value == "ON";
  } else {
    variables_[name] = value;
  }
  reply(std::nullopt);
  changed();
}

void Server::install_plugin(Plugin plugin, const Reply& reply) {
  if (disk_.plugins.contains(plugin)) return reply(std::nullopt);
  if (read_only() == ReadOnly::Super) {
    return reply(Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, INSTALL PLUGIN under super_read_only", id_)});
  }
  disk_.plugins.insert(plugin);
  reply(std::nullopt);
}

void Server::uninstall_plugin(Plugin plugin, const Reply& reply) {
  if (!disk_.plugins.contains(plugin)) return reply(std::nullopt);
  if (read_only() == ReadOnly::Super) {
    return reply(
        Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, UNINSTALL PLUGIN under super_read_only", id_)});
  }
  if (plugin == Plugin::SemiSyncSource && source_enabled_) set_semi_sync_source(false, wait_for_count_);
  if (plugin == Plugin::SemiSyncReplica) replica_enabled_ = false;
  disk_.plugins.erase(plugin);
  reply(std::nullopt);
  changed();
}

void Server::create_account(AccountRole role, Logged logged, const Reply& reply) {
  // Logged it is said also where the account is: CREATE USER IF NOT EXISTS, for those that lack it.
  if (disk_.accounts.contains(role) && logged == Logged::No) return reply(std::nullopt);
  if (read_only() == ReadOnly::Super) {
    return reply(Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, CREATE USER under super_read_only", id_)});
  }
  if (logged == Logged::No) {
    disk_.accounts.insert(role);
    reply(std::nullopt);
    return;
  }
  commit(number(role, false), false, false, [reply](std::optional<Error> e) { reply(std::move(e)); });
}

void Server::alter_account(const Reply& reply) {
  if (read_only() == ReadOnly::Super) {
    return reply(Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, ALTER USER under super_read_only", id_)});
  }
  commit(number(AccountRole::Admin, false), false, false, [reply](std::optional<Error> e) { reply(std::move(e)); });
}

void Server::drop_account(AccountRole role, const Reply& reply) {
  if (read_only() == ReadOnly::Super) {
    return reply(Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, DROP USER under super_read_only", id_)});
  }
  disk_.accounts.erase(role);
  reply(std::nullopt);
}

void Server::reset_gtids() {
  world_.trace.line("{}: RESET BINARY LOGS AND GTIDS, {} transactions", id_, disk_.executed.count());
  if (disk_.user_data && world_.hooks.data_reset) world_.hooks.data_reset(*this);
  disk_.executed = {};
  disk_.binary_log.clear();
  disk_.purged_until = 0;
}

void Server::install_transactions(int count) {
  for (int i = 0; i < count; ++i) commit(number(std::nullopt, true), false, false, [](const auto&) {});
}

}  // namespace repl::sim

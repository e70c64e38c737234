// The option file of a sandbox server, and the initialised data folder that all servers of a version start from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "ctl/sandbox/folders.hpp"
#include "ctl/sandbox/mysql_installation.hpp"
#include "model/error.hpp"

namespace repl::ctl::sandbox {

/// Server variables by name, as in an option file.
using Settings = std::map<std::string, std::string>;

/// The text of a server's my.cnf.
///
/// Replication and durability are as in production: GTIDs, binary log with sync_binlog=1, doublewrite, flush at every
/// commit. What is small is memory: about 225 MB resident for a server instead of 540 MB (MySQL 9.7.4, measured idle).
/// What that costs:
///  - performance_schema keeps no statement, stage, wait or transaction history, no digests, no per-user, per-host and
///    per-error summaries, and no memory, mutex, file, socket, index and table I/O instruments: those tables are there
///    but empty. replication_*, threads and processlist with the state of each thread, global_status, variables_info,
///    persisted_variables, metadata_locks, data_locks, clone_* and error_log work in full.
///  - a buffer pool of 32 MB and a redo log of 32 MB: enough for tests, a bottleneck for large data.
/// `settings` are written last and win.
std::string server_options(const MysqlInstallation& mysql, const NodeFolder& node, std::uint16_t port,
                           const Settings& settings);

/// The initialised data folder for this version of MySQL, made on the first call (3 to 4 s) under a lock. It has no
/// auto.cnf, so that each copy gets a server_uuid of its own; root@localhost has no password yet.
Result<std::filesystem::path> data_template(const MysqlInstallation& mysql);

/// Copies the template to `data`, which must not exist. Blocks are shared where the file system can.
Result<void> copy_template(const std::filesystem::path& data_template, const std::filesystem::path& data);

}  // namespace repl::ctl::sandbox

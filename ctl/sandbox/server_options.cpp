#include "ctl/sandbox/server_options.hpp"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

#include "ctl/sandbox/process.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

using Option = std::pair<std::string_view, std::string_view>;

/// Part of the name of the template: raise it when anything changes that an existing data folder does not take up.
constexpr int kTemplateFormat = 1;

constexpr Option kRedoLog{"loose_innodb_redo_log_capacity", "32M"};  // since 8.0.30

constexpr std::array kReplication{
    Option{"log_bin", "binlog"},
    Option{"relay_log", "relay"},
    Option{"gtid_mode", "ON"},
    Option{"enforce_gtid_consistency", "ON"},
    Option{"log_replica_updates", "ON"},
    Option{"sync_binlog", "1"},
    Option{"innodb_flush_log_at_trx_commit", "1"},
    Option{"report_host", "127.0.0.1"},
};

constexpr std::array kServer{
    Option{"bind_address", "127.0.0.1"}, Option{"loose_mysqlx", "OFF"},   Option{"skip_name_resolve", "ON"},
    Option{"secure_file_priv", "NULL"},  Option{"log_timestamps", "UTC"},
};

constexpr std::array kSmall{
    Option{"innodb_buffer_pool_size", "32M"},
    Option{"innodb_buffer_pool_load_at_startup", "OFF"},
    Option{"innodb_buffer_pool_dump_at_shutdown", "OFF"},
    Option{"innodb_log_buffer_size", "2M"},
    Option{"innodb_read_io_threads", "1"},
    Option{"innodb_write_io_threads", "1"},
    Option{"innodb_purge_threads", "1"},
    Option{"innodb_page_cleaners", "1"},
    Option{"key_buffer_size", "64K"},
    Option{"table_open_cache", "400"},
    Option{"table_open_cache_instances", "1"},
    Option{"table_definition_cache", "400"},
    Option{"loose_temptable_max_ram", "8M"},
};

/// Each is loose: names come and go between versions, and none of them is worth a server that does not start.
constexpr std::array kSmallPerformanceSchema{
    Option{"error_size", "0"},
    Option{"digests_size", "0"},
    Option{"max_digest_length", "128"},
    Option{"max_sql_text_length", "256"},
    Option{"events_statements_history_size", "0"},
    Option{"events_statements_history_long_size", "0"},
    Option{"events_stages_history_size", "0"},
    Option{"events_stages_history_long_size", "0"},
    Option{"events_transactions_history_size", "0"},
    Option{"events_transactions_history_long_size", "0"},
    Option{"events_waits_history_size", "0"},
    Option{"events_waits_history_long_size", "0"},
    Option{"accounts_size", "0"},
    Option{"hosts_size", "0"},
    Option{"users_size", "0"},
    Option{"max_statement_classes", "0"},
    Option{"max_memory_classes", "0"},
    Option{"max_index_stat", "0"},
    Option{"max_table_lock_stat", "0"},
    Option{"max_table_handles", "0"},
    Option{"max_table_instances", "0"},
    Option{"max_program_instances", "0"},
    Option{"max_prepared_statements_instances", "0"},
    Option{"max_file_classes", "0"},
    Option{"max_file_instances", "0"},
    Option{"max_file_handles", "32"},
    Option{"max_mutex_classes", "0"},
    Option{"max_mutex_instances", "0"},
    Option{"max_rwlock_classes", "0"},
    Option{"max_rwlock_instances", "0"},
    Option{"max_cond_classes", "0"},
    Option{"max_cond_instances", "0"},
    Option{"max_socket_classes", "0"},
    Option{"max_socket_instances", "0"},
    Option{"max_meter_classes", "0"},
    Option{"max_metric_classes", "0"},
    Option{"max_logger_classes", "0"},
};

std::string line(std::string_view name, std::string_view value) {
  return fmt::format("{}={}\n", name, value);
}

template <class Options>
std::string lines(const Options& options) {
  std::string text;
  for (const auto& [name, value] : options) text += line(name, value);
  return text;
}

/// What every run of this mysqld needs, --initialize too.
std::string common_options(const MysqlInstallation& mysql, const fs::path& data) {
  std::string text = "[mysqld]\n";
  if (::geteuid() == 0) text += line("user", "root");  // mysqld refuses to run as root unless told to
  text += lines(mysql.server_options());
  text += line("datadir", data.string());
  return text;
}

}  // namespace

std::string server_options(const MysqlInstallation& mysql, const NodeFolder& node, std::uint16_t port,
                           const Settings& settings) {
  auto text = common_options(mysql, node.data());
  text += line("socket", node.socket().string());
  text += line("pid_file", (node.path() / "mysqld.pid").string());
  text += line("log_error", node.error_log().string());
  text += line("tmpdir", node.temporary().string());
  text += line("port", std::to_string(port));
  text += line("report_port", std::to_string(port));
  // Unique in the cluster it must be; the port is unique on the machine, and easy to recognise.
  text += line("server_id", std::to_string(port));
  text += lines(kReplication) + lines(kServer) + line(kRedoLog.first, kRedoLog.second) + lines(kSmall);
  for (const auto& [name, value] : kSmallPerformanceSchema) {
    text += line(fmt::format("loose_performance_schema_{}", name), value);
  }
  if (!settings.empty()) text += "# given with --set\n" + lines(settings);
  return text;
}

Result<fs::path> data_template(const MysqlInstallation& mysql) {
  const auto cache = cache_folder();
  const auto finished = cache / fmt::format("data-{}-{}", mysql.full_version(), kTemplateFormat);
  if (fs::exists(finished)) return finished;
  std::error_code error;
  fs::create_directories(cache, error);
  if (error) return fail(ErrorCode::Internal, "cannot create {}: {}", cache.string(), error.message());
  const auto lock = FileLock::take(cache / "data.lock", FileLock::Kind::Exclusive, deadline_in(2min));
  if (!lock) return tl::unexpected(lock.error());
  if (fs::exists(finished)) return finished;  // somebody else has made it meanwhile

  const auto partial = cache / ".data-partial";  // one name: whoever holds the lock may clear it away
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  const InterruptGuard interrupts;
  const auto give_up = [&](Error why) -> Result<fs::path> {
    fs::remove_all(partial, error);
    return tl::unexpected(std::move(why));
  };
  const auto data = partial / "data";
  const auto options = partial / "my.cnf";
  const auto log = partial / "initialize.log";
  auto text = common_options(mysql, data) + line(kRedoLog.first, kRedoLog.second);
  // Only speed: an interrupted initialisation is thrown away, not recovered.
  text += line("innodb_flush_log_at_trx_commit", "0") + line("skip_log_bin", "ON");
  if (const auto written = write_file(options, text, 0600); !written) return give_up(written.error());
  const auto mysqld = mysql.command("mysqld");
  if (!mysqld) return give_up(mysqld.error());
  auto arguments = *mysqld;
  arguments.insert(arguments.end(), {"--defaults-file=" + options.string(), "--initialize-insecure"});
  const auto code = run({.arguments = arguments, .environment = {}, .output = log});
  if (!code) return give_up(code.error());
  if (*code != 0) {
    const bool confined = mysql.root() == "/usr" && fs::exists("/etc/apparmor.d/usr.sbin.mysqld");
    return give_up(
        {ErrorCode::Internal,
         fmt::format("mysqld --initialize-insecure of MySQL {} ended with exit code {}:\n  {}{}", mysql.full_version(),
                     *code, fmt::join(last_lines(log, 8), "\n  "),
                     confined ? "\nAppArmor confines this mysqld (/etc/apparmor.d/usr.sbin.mysqld) to its own "
                                "folders: name another MySQL in REPLCTL_MYSQL_ROOT, or allow it "
                              : "")});
  }
  fs::remove(data / "auto.cnf", error);
  fs::rename(data, finished, error);
  if (error)
    return give_up({ErrorCode::Internal, fmt::format("cannot create {}: {}", finished.string(), error.message())});
  fs::remove_all(partial, error);
  return finished;
}

Result<void> copy_template(const fs::path& data_template, const fs::path& data) {
  const auto code = run({.arguments = {"cp", "-a", "--reflink=auto", "--", data_template.string(), data.string()},
                         .environment = {},
                         .output = data.parent_path() / "copy.log"});
  if (!code) return tl::unexpected(code.error());
  if (*code != 0) {
    return fail(ErrorCode::Internal, "copying {} to {} failed: {}", data_template.string(), data.string(),
                fmt::join(last_lines(data.parent_path() / "copy.log", 3), "; "));
  }
  std::error_code ignored;  // an empty log that stays does no harm
  fs::remove(data.parent_path() / "copy.log", ignored);
  return {};
}

}  // namespace repl::ctl::sandbox

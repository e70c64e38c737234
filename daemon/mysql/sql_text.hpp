// Statements as text: quoting, and those whose form depends on the server's version or on the spec. Pure; no session
// here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/gtid_set.hpp"
#include "model/snapshot.hpp"
#include "model/spec.hpp"

namespace repl::mysql {

/// One SQL statement, and how it may be shown in logs and errors.
struct Statement {
  std::string text;
  std::vector<std::string> secrets;  ///< Parts of `text` that must not be shown.

  Statement(std::string sql, std::vector<std::string> hidden = {}) : text{std::move(sql)}, secrets{std::move(hidden)} {}
  Statement(const char* sql) : text{sql} {}
};

/// `text` without any of `secrets`, neither plain nor as quoted in SQL: each is replaced by <secret>.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

/// 'text', for sessions without NO_BACKSLASH_ESCAPES (ours set sql_mode themselves).
std::string sql_quoted(std::string_view text);
/// `name`
std::string quoted_name(std::string_view name);
/// 'user'@'%'
std::string account_name(std::string_view user);
/// A schema in GRANT, where _ and % are wildcards unless escaped.
std::string grant_schema(std::string_view schema);

/// How a replica is to reach its source.
struct SourceOptions {
  Address source;
  std::string user;
  std::string password;
  TlsSpec tls;
  std::string
      server_ca;  ///< @@ssl_ca of the replica: the CA file for the verifying modes lies on its machine, not on ours.
  /// The channel's own user and password stay as they are; none are named.
  bool keeps_login = false;
};

/// The connection options of CHANGE REPLICATION SOURCE TO, all of them: naming a host resets the heartbeat to its
/// default (half of replica_net_timeout), so a part is never enough. Only options that a running applier allows.
std::string receiver_options(const SourceOptions& options);

/// How it logs in, without where to: the rest of the channel stays as it is.
Statement renew_login(const SourceOptions& options, std::string_view channel);

/// CHANGE REPLICATION SOURCE TO for a channel that does not exist yet.
Statement create_channel(const SourceOptions& options, std::chrono::seconds delay, std::string_view channel);
/// The same for one that exists; its receiver must be stopped and its applier should run.
Statement repoint_channel(const SourceOptions& options, std::string_view channel);

/// The same without GTIDs: what is received from there on. With the receiver stopped and the applier running the relay
/// log is kept; with both stopped it is thrown away, and `delay` may be given.
Statement channel_at(const SourceOptions& options, const BinlogPosition& place, std::string_view channel,
                     std::optional<std::chrono::seconds> delay = std::nullopt);
/// Points a channel away from its source, so that it keeps its place in that one's binary log. The receiver must be
/// stopped and the applier run, or the relay log be empty.
std::string detached_channel(const std::string& source_uuid, const Address& source, const BinlogPosition& place,
                             std::string_view channel);

/// RESET BINARY LOGS AND GTIDS, which is RESET MASTER before 8.2.
Statement reset_gtids(ServerVersion version);
/// The same, with the number of the first new binary log file.
Statement reset_binary_logs(ServerVersion version, std::uint64_t first_file);

/// A value for SET, quoted unless it is a number.
std::string variable_value(std::string_view value);
bool is_number(std::string_view value);
/// Letters, digits, "_" and one "." (component variables).
bool is_variable_name(std::string_view name);

/// "8.0.36-debug" and the like. Unreadable text gives 0.0.0.
ServerVersion parse_version(std::string_view text);

/// TLS towards this address: `preferred` encrypts where there is a network to listen in on, so not on loopback.
bool wants_tls(const TlsSpec& tls, const Address& address);
bool is_loopback(std::string_view host);

}  // namespace repl::mysql

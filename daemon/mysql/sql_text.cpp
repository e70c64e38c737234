// Quoting and the statements whose form is not constant.
#include "mysql/sql_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace repl::mysql {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Half a second lets a replica tell within 1.5 s that its source has fallen silent.
constexpr std::string_view kHeartbeatSeconds = "0.5";

std::string login_options(const SourceOptions& options) {
  const auto login = options.keeps_login ? std::string{}
                                         : fmt::format("SOURCE_USER={}, SOURCE_PASSWORD={}, ", sql_quoted(options.user),
                                                       sql_quoted(options.password));
  return fmt::format("{}GET_SOURCE_PUBLIC_KEY=1, SOURCE_SSL={}, SOURCE_SSL_CA={}, SOURCE_SSL_VERIFY_SERVER_CERT={}",
                     login, wants_tls(options.tls, options.source) ? 1 : 0,
                     sql_quoted(options.tls.verifies() ? options.server_ca : ""),
                     options.tls.mode == TlsMode::VerifyIdentity ? 1 : 0);
}

}  // namespace

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    replace_all(text, sql_quoted(secret), "<secret>");
    replace_all(text, secret, "<secret>");
  }
  return text;
}

std::string sql_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    switch (c) {
      case '\0':
        out += "\\0";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\x1a':
        out += "\\Z";
        break;
      case '\'':
      case '\\':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out + "'";
}

std::string quoted_name(std::string_view name) {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  return out + "`";
}

std::string account_name(std::string_view user) {
  return sql_quoted(user) + "@'%'";
}

std::string grant_schema(std::string_view schema) {
  std::string escaped;
  for (const char c : schema) {
    if (c == '_' || c == '%') escaped += '\\';
    escaped += c;
  }
  return quoted_name(escaped);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

bool wants_tls(const TlsSpec& tls, const Address& address) {
  if (tls.mode == TlsMode::Preferred) return !is_loopback(address.host);
  return tls.mode != TlsMode::Disabled;
}

std::string receiver_options(const SourceOptions& options) {
  return fmt::format(
      "SOURCE_HOST={}, SOURCE_PORT={}, {}, SOURCE_HEARTBEAT_PERIOD={}, SOURCE_CONNECT_RETRY=1, "
      "SOURCE_RETRY_COUNT=86400",
      sql_quoted(options.source.host), options.source.port, login_options(options), kHeartbeatSeconds);
}

Statement renew_login(const SourceOptions& options, std::string_view channel) {
  return {fmt::format("CHANGE REPLICATION SOURCE TO {} FOR CHANNEL {}", login_options(options), sql_quoted(channel)),
          {options.password}};
}

Statement create_channel(const SourceOptions& options, std::chrono::seconds delay, std::string_view channel) {
  return {fmt::format("CHANGE REPLICATION SOURCE TO {}, SOURCE_AUTO_POSITION=1, SOURCE_DELAY={} FOR CHANNEL {}",
                      receiver_options(options), delay.count(), sql_quoted(channel)),
          {options.password}};
}

Statement repoint_channel(const SourceOptions& options, std::string_view channel) {
  return {fmt::format("CHANGE REPLICATION SOURCE TO {} FOR CHANNEL {}", receiver_options(options), sql_quoted(channel)),
          {options.password}};
}

Statement channel_at(const SourceOptions& options, const BinlogPosition& place, std::string_view channel,
                     std::optional<std::chrono::seconds> delay) {
  return {fmt::format("CHANGE REPLICATION SOURCE TO {}, SOURCE_LOG_FILE={}, SOURCE_LOG_POS={}{} FOR CHANNEL {}",
                      receiver_options(options), sql_quoted(place.file), place.position,
                      delay ? fmt::format(", SOURCE_AUTO_POSITION=0, SOURCE_DELAY={}", delay->count()) : "",
                      sql_quoted(channel)),
          {options.password}};
}

std::string detached_channel(const std::string& source_uuid, const Address& source, const BinlogPosition& place,
                             std::string_view channel) {
  const auto where =
      place.empty() ? std::string{}
                    : fmt::format(", SOURCE_LOG_FILE={}, SOURCE_LOG_POS={}", sql_quoted(place.file), place.position);
  return fmt::format("CHANGE REPLICATION SOURCE TO SOURCE_HOST={}, SOURCE_PORT={}{} FOR CHANNEL {}",
                     sql_quoted(detached_host(source_uuid, source.host)), source.port, where, sql_quoted(channel));
}

Statement reset_gtids(ServerVersion version) {
  return version >= ServerVersion{8, 2, 0} ? "RESET BINARY LOGS AND GTIDS" : "RESET MASTER";
}

Statement reset_binary_logs(ServerVersion version, std::uint64_t first_file) {
  return fmt::format("{} TO {}", reset_gtids(version).text, first_file);
}

bool is_number(std::string_view value) {
  if (!value.empty() && value.front() == '-') value.remove_prefix(1);
  const auto point = value.find('.');
  const auto all_digits = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  };
  if (point == std::string_view::npos) return all_digits(value);
  return all_digits(value.substr(0, point)) && all_digits(value.substr(point + 1));
}

std::string variable_value(std::string_view value) {
  return is_number(value) ? std::string{value} : sql_quoted(value);
}

bool is_variable_name(std::string_view name) {
  const auto point = name.find('.');
  const auto words = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_word);
  };
  if (point == std::string_view::npos) return words(name);
  return words(name.substr(0, point)) && words(name.substr(point + 1));
}

ServerVersion parse_version(std::string_view text) {
  ServerVersion version;
  int* const parts[] = {&version.major, &version.minor, &version.patch};
  for (int* part : parts) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (error != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() == '.') text.remove_prefix(1);
  }
  return version;
}

}  // namespace repl::mysql

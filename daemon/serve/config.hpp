// repld.yaml: what repld is told about itself. Every field has a default, and so has the file. Reading reports all
// errors at once, with line and column; values are not looked at beyond the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/enum_text.hpp"
#include "model/error.hpp"
#include "model/ids.hpp"
#include "spec/detail.hpp"

namespace repl::serve {

enum class LogFormat { Human, JsonLines };
inline constexpr std::array kLogFormats{EnumText{LogFormat::Human, "human"}, EnumText{LogFormat::JsonLines, "json"}};

/// As spdlog orders them.
enum class LogLevel { Debug, Info, Warning, Error };
inline constexpr std::array kLogLevels{EnumText{LogLevel::Debug, "debug"}, EnumText{LogLevel::Info, "info"},
                                       EnumText{LogLevel::Warning, "warning"}, EnumText{LogLevel::Error, "error"}};

struct Config {
  Address listen{"127.0.0.1", 10330};
  bool allow_remote = false;  ///< Needed for a listen address beyond loopback: the API speaks plain HTTP.
  std::string state_directory;
  std::string token_file;  ///< "": `token` in the state directory.
  LogFormat log_format = LogFormat::Human;
  LogLevel log_level = LogLevel::Info;
  bool metrics = true;
  int max_connections = 128;
  std::string hooks_directory = "/etc/repld/hooks";  ///< The only programs that topology files can name are in it.
  bool operator==(const Config&) const = default;

  std::string token_path() const { return token_file.empty() ? state_directory + "/token" : token_file; }
};

struct ParsedConfig {
  Config config;
  std::vector<spec::Detail> errors;
};

/// @param base_directory  relative paths in it are resolved against this
ParsedConfig parse_config(std::string_view text, std::string_view file_name, std::string_view base_directory);

/// "127.0.0.1:10330", "[::1]:0". @errors InvalidArgument
Result<Address> parse_listen(std::string_view text);
/// Whether only this machine reaches the address.
bool is_loopback(const Address& address);
/// What contradicts: a listen address beyond loopback without allowRemote. @errors InvalidArgument
Result<void> check(const Config& config);

/// $STATE_DIRECTORY (systemd), else /var/lib/repld for root, else ${XDG_STATE_HOME:-~/.local/state}/replctl.
std::string default_state_directory();

}  // namespace repl::serve

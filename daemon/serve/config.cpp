// The table of fields of repld.yaml, read like a topology file.
#include "serve/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "spec/document.hpp"
#include "spec/type.hpp"

namespace repl::serve {
namespace {

struct LogSection {
  LogFormat format = LogFormat::Human;
  LogLevel level = LogLevel::Info;
};

spec::Type<Address> listen_address() {
  return {[](spec::Reader& reader, const spec::Tree& tree) -> std::optional<Address> {
            const auto given = spec::read_scalar(reader, tree, "an address such as 127.0.0.1:10330");
            if (!given) return std::nullopt;
            auto address = parse_listen(*given);
            if (!address) {
              reader.error(tree.at, address.error().message);
              return std::nullopt;
            }
            return *address;
          },
          [](const Address& address, spec::Defaults) { return spec::scalar(to_string(address)); }};
}

spec::Type<std::string> path() {
  return {[](spec::Reader& reader, const spec::Tree& tree) -> std::optional<std::string> {
            const auto given = spec::read_scalar(reader, tree, "a path");
            if (!given) return std::nullopt;
            if (given->empty()) {
              reader.error(tree.at, "the path is empty");
              return std::nullopt;
            }
            return reader.resolved(*given);
          },
          [](const std::string& text, spec::Defaults) { return spec::scalar(text); }};
}

const spec::Type<Config>& config_type() {
  using spec::field;
  static const auto log = spec::mapping_of<LogSection>({
      field<LogSection>("format", &LogSection::format, spec::one_of(kLogFormats)),
      field<LogSection>("level", &LogSection::level, spec::one_of(kLogLevels)),
  });
  static const spec::Field<Config> log_field{
      .name = "log",
      .read =
          [](spec::Reader& reader, const spec::Tree& tree, Config& into) {
            if (const auto section = log.read(reader, tree)) {
              into.log_format = section->format;
              into.log_level = section->level;
            }
          },
      .write =
          [](const Config& from, spec::Defaults defaults) {
            return log.write({from.log_format, from.log_level}, defaults);
          },
  };
  const auto itself = [](auto& directory) -> auto& {
    return directory;
  };
  static const auto hooks =
      spec::mapping_of<std::string>({field<std::string>("directory", itself, path())}, Config{}.hooks_directory);
  static const auto type = spec::mapping_of<Config>({
      field<Config>("listen", &Config::listen, listen_address()),
      field<Config>("allowRemote", &Config::allow_remote, spec::boolean()),
      field<Config>("stateDirectory", &Config::state_directory, path()),
      field<Config>("tokenFile", &Config::token_file, path()),
      log_field,
      field<Config>("metrics", &Config::metrics, spec::boolean()),
      field<Config>("maxConnections", &Config::max_connections, spec::integer(8, 10'000)),
      field<Config>("hooks", &Config::hooks_directory, hooks),
  });
  return type;
}

}  // namespace

ParsedConfig parse_config(std::string_view text, std::string_view file_name, std::string_view base_directory) {
  ParsedConfig parsed;
  const auto add = [&](const std::vector<spec::Complaint>& complaints) {
    for (const auto& [at, message] : complaints)
      parsed.errors.push_back({std::string(file_name), at.line, at.column, message});
  };
  const auto documents = spec::read_documents(text);
  if (documents.complete.size() > 1) {
    const auto at = documents.complete[1].root->at;
    parsed.errors.push_back({std::string(file_name), at.line, at.column, "repld.yaml is a single document"});
  }
  if (!documents.complete.empty()) {
    const auto& document = documents.complete.front();
    spec::Reader reader(std::string(base_directory), document.root->at);
    for (const auto& complaint : document.complaints) reader.complain(complaint);
    if (auto config = config_type().read(reader, *document.root)) {
      parsed.config = std::move(*config);
      if (const auto consistent = check(parsed.config); !consistent)
        reader.error_at("listen", consistent.error().message);
    }
    add(reader.errors());
  }
  add(documents.syntax);
  std::stable_sort(parsed.errors.begin(), parsed.errors.end(), [](const spec::Detail& a, const spec::Detail& b) {
    return std::pair{a.line, a.column} < std::pair{b.line, b.column};
  });
  return parsed;
}

Result<Address> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::InvalidArgument,
                "'{}' {}: expected an IP address and a port such as 127.0.0.1:10330 or [::1]:10330", text, why);
  };
  if (colon == std::string_view::npos) return wrong("has no port");
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return wrong("has no host");
  std::uint16_t port = 0;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return wrong("has no valid port");
  return Address{std::string(host), port};
}

bool is_loopback(const Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

Result<void> check(const Config& config) {
  if (is_loopback(config.listen) || config.allow_remote) return {};
  return fail(
      ErrorCode::InvalidArgument,
      "{} is reached from other machines, and the API speaks plain HTTP: whoever reads the traffic has the token. "
      "Put TLS in front of 127.0.0.1, or say allowRemote: true",
      to_string(config.listen));
}

std::string default_state_directory() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread is started
    return std::string(value == nullptr ? "" : value);
  };
  if (const auto by_systemd = variable("STATE_DIRECTORY"); !by_systemd.empty())
    return by_systemd.substr(0, by_systemd.find(':'));
  if (const auto xdg = variable("XDG_STATE_HOME"); xdg.starts_with("/")) return xdg + "/replctl";
  if (::geteuid() == 0 || variable("HOME").empty()) return "/var/lib/repld";
  return variable("HOME") + "/.local/state/replctl";
}

}  // namespace repl::serve

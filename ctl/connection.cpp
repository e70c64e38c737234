// Finding repld and talking to it.
#include "ctl/connection.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ctl/text.hpp"

namespace repl::ctl {
namespace {

/// The account that runs this program; "" when it has no name.
std::string name_of_user() {
  const auto* account = ::getpwuid(::geteuid());
  return account == nullptr ? "" : account->pw_name;
}

constexpr std::uint16_t kDefaultPort = 10330;
constexpr std::string_view kHowToStart =
    "start it with `repld` (or `systemctl start repld`), or say where it is with --server or REPLCTL_SERVER";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// Empty when the file cannot be read.
std::optional<std::string> read_line_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return trimmed(read_all(file));
}

bool is_readable(const std::string& path) {
  return std::ifstream(path).good();
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text + ",") {
    if (c == ',' || c == ' ' || c == '\n') {
      if (!part.empty()) parts.push_back(std::exchange(part, {}));
    } else {
      part += c;
    }
  }
  return parts;
}

std::vector<std::string> state_folders(const Environment& environment, const std::string& system_state) {
  std::vector<std::string> folders;
  if (const auto state = environment("XDG_STATE_HOME"); !state.empty()) {
    folders.push_back(state + "/replctl");
  } else if (const auto home = environment("HOME"); !home.empty()) {
    folders.push_back(home + "/.local/state/replctl");
  }
  folders.push_back(system_state);
  return folders;
}

Result<std::string> read_token(const Endpoint& endpoint) {
  if (endpoint.token_file.empty()) return std::string{};
  const auto token = read_line_of(endpoint.token_file);
  if (!token) {
    return fail(
        ErrorCode::Unauthorised,
        "cannot read the token file {}: you need the rights of repld's owner, or name another with --token-file or "
        "REPLCTL_TOKEN_FILE",
        endpoint.token_file);
  }
  return *token;
}

std::string how_to_authorise(const Endpoint& endpoint) {
  return endpoint.token_file.empty()
             ? "no token file was found; name the one repld wrote (TOKEN_FILE, `token` in its state folder) with "
               "--token-file "
               "or REPLCTL_TOKEN_FILE"
             : fmt::format(
                   "the token of {} is not the one of this repld; name its token file with --token-file or "
                   "REPLCTL_TOKEN_FILE",
                   endpoint.token_file);
}

}  // namespace

Result<Address> parse_server(std::string_view url) {
  auto rest = url;
  if (rest.starts_with("https://")) {
    return fail(ErrorCode::InvalidArgument, "server '{}': this version speaks http only; repld listens on loopback",
                url);
  }
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::InvalidArgument, "server '{}': {}; write it as http://127.0.0.1:{}", url, what,
                kDefaultPort);
  };
  if (rest.find('/') != std::string_view::npos) return wrong("a path is not expected");
  Address address{.host = {}, .port = kDefaultPort};
  auto colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return wrong("the bracket is not closed");
    address.host = rest.substr(1, end - 1);
    colon = end + 1 < rest.size() ? end + 1 : std::string_view::npos;
    if (colon != std::string_view::npos && rest[colon] != ':') return wrong("a port is expected after the bracket");
  } else {
    address.host = rest.substr(0, colon);
  }
  if (address.host.empty()) return wrong("the host is missing");
  if (colon != std::string_view::npos) {
    const auto port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc{} || end != port.data() + port.size() || address.port == 0) {
      return wrong(fmt::format("'{}' is no port", port));
    }
  }
  return address;
}

Result<std::vector<Endpoint>> find_endpoints(const ConnectionOptions& options, const Environment& environment,
                                             const std::string& system_state) {
  const auto folders = state_folders(environment, system_state);
  const auto given_token = options.token_file.empty() ? environment("REPLCTL_TOKEN_FILE") : options.token_file;
  const auto token_in = [&](const std::string& folder) {
    return given_token.empty() ? folder + "/token" : given_token;
  };
  const auto any_token = [&]() -> std::string {
    if (!given_token.empty()) return given_token;
    const auto at =
        std::find_if(folders.begin(), folders.end(), [](const auto& f) { return is_readable(f + "/token"); });
    return at == folders.end() ? std::string{} : *at + "/token";
  };

  std::vector<Endpoint> endpoints;
  const auto add = [&](const std::string& url, const std::string& origin, const std::string& token) -> Result<void> {
    auto address = parse_server(url);
    if (!address) return fail(ErrorCode::InvalidArgument, "{}: {}", origin, address.error().message);
    endpoints.push_back({*address, origin, token});
    return {};
  };
  for (const auto& argument : options.servers) {
    for (const auto& url : split_list(argument)) {
      if (auto added = add(url, "--server", any_token()); !added) return tl::unexpected(added.error());
    }
  }
  if (!endpoints.empty()) return endpoints;
  for (const auto& url : split_list(environment("REPLCTL_SERVER"))) {
    if (auto added = add(url, "REPLCTL_SERVER", any_token()); !added) return tl::unexpected(added.error());
  }
  if (!endpoints.empty()) return endpoints;
  for (const auto& folder : folders) {
    const auto file = folder + "/address";
    if (const auto url = read_line_of(file); url && !url->empty()) {
      if (auto added = add(*url, file, token_in(folder)); !added) return tl::unexpected(added.error());
    }
  }
  if (endpoints.empty()) endpoints.push_back({{"127.0.0.1", kDefaultPort}, "default", any_token()});
  return endpoints;
}

Repld::Repld(std::vector<Endpoint> endpoints)
    : endpoints_(std::move(endpoints)), last_details_(std::make_unique<Json>(nullptr)) {}
Repld::~Repld() = default;
Repld::Repld(Repld&&) noexcept = default;
Repld& Repld::operator=(Repld&&) noexcept = default;

const Json& Repld::last_details() const {
  return *last_details_;
}

Result<HttpResponse> Repld::send(const HttpRequest& request, std::chrono::milliseconds timeout) {
  std::string tried;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const auto at = (current_ + i) % endpoints_.size();
    const auto& endpoint = endpoints_[at];
    auto token = read_token(endpoint);
    if (!token && endpoints_.size() == 1) return tl::unexpected(token.error());
    auto complete = request;
    complete.asked_by = name_of_user();
    if (token) complete.token = *token;
    auto response = token ? send_http(endpoint.address, complete, timeout) : tl::unexpected(token.error());
    const bool may_have_arrived = !response && response.error().code != ErrorCode::Unreachable && token;
    if (response || (may_have_arrived && request.method != "GET")) {
      current_ = at;
      if (response) return response;
      return fail(
          ErrorCode::Unreachable,
          "repld at {} may have taken the request, but did not answer: {}; see what it does with `replctl history`",
          to_string(endpoint.address), response.error().message);
    }
    tried += fmt::format("\n  {} ({}): {}", to_string(endpoint.address), endpoint.origin, response.error().message);
  }
  return fail(ErrorCode::Unreachable, "repld is not reachable; tried{}\n{}", tried, kHowToStart);
}

Result<Json> Repld::call(const std::string& method, const std::string& target, std::string body,
                         std::chrono::milliseconds timeout) {
  const auto response = accepted(method, target, std::move(body), timeout);
  if (!response) return tl::unexpected(response.error());
  if (response->body.empty()) return Json::object();
  auto json = parse_json(response->body);
  if (json) return json;
  return fail(ErrorCode::Unreachable, "what answers at {} is not repld: {}", to_string(endpoint().address),
              json.error().message);
}

Result<HttpResponse> Repld::accepted(const std::string& method, const std::string& target, std::string body,
                                     std::chrono::milliseconds timeout) {
  *last_details_ = nullptr;
  auto response = send({.method = method, .target = target, .body = std::move(body), .token = {}}, timeout);
  if (!response || response->status < 400) return response;
  const auto json = parse_json(response->body);
  const auto* error = json ? find(*json, "error") : nullptr;
  const auto code = error == nullptr ? std::string{} : text_of(*error, "code");
  auto message = error == nullptr ? fmt::format("repld at {} answered {} to {} {}", to_string(endpoint().address),
                                                response->status, method, target)
                                  : text_of(*error, "message");
  if (error != nullptr) {
    if (const auto* details = find(*error, "details")) *last_details_ = *details;
  }
  const auto known = code_for(code, response->status);
  if (known == ErrorCode::Unauthorised) message += "; " + how_to_authorise(endpoint());
  return tl::unexpected(Error{known, std::move(message)});
}

Result<Json> Repld::get(const std::string& target) {
  return call("GET", target, {}, std::chrono::seconds(15));
}

Result<std::string> Repld::download(const std::string& target) {
  auto response = accepted("GET", target, {}, std::chrono::seconds(60));
  if (!response) return tl::unexpected(response.error());
  return std::move(response->body);
}

Result<Json> Repld::post(const std::string& target, const Json& body, std::chrono::milliseconds timeout) {
  return call("POST", target, body.dump(-1, ' ', false, Json::error_handler_t::replace), timeout);
}

Result<Json> Repld::remove(const std::string& target) {
  return call("DELETE", target, {}, std::chrono::seconds(60));
}

}  // namespace repl::ctl

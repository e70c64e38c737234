// Finding repld and talking to it: which addresses are tried in which order, where the token comes from, and what a
// person is told when none answers.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ctl/console.hpp"
#include "ctl/exit_codes.hpp"
#include "ctl/http_client.hpp"
#include "ctl/json.hpp"

namespace repl::ctl {

/// One place where repld may listen.
struct Endpoint {
  Address address;
  std::string origin;      ///< How we came to it: "--server", "REPLCTL_SERVER", a file, "default".
  std::string token_file;  ///< "" when none is known.
};

struct ConnectionOptions {
  std::vector<std::string> servers;  ///< --server, in order.
  std::string token_file;            ///< --token-file.
};

/// "http://host:port", "host:port", "[::1]:port" or "host"; the port is 10330 when left out.
/// @errors InvalidArgument: https, a path, a bad port
Result<Address> parse_server(std::string_view url);

/// Where to look, in order: --server; REPLCTL_SERVER (blanks or commas between several); the address files that repld
/// writes
/// (${XDG_STATE_HOME:-~/.local/state}/replctl/address, /var/lib/repld/address); 127.0.0.1:10330.
/// The token: --token-file, REPLCTL_TOKEN_FILE, else `token` beside the address file, or in the first of those folders
/// that has one.
/// @param system_state  /var/lib/repld; another folder in tests
Result<std::vector<Endpoint>> find_endpoints(const ConnectionOptions& options, const Environment& environment,
                                             const std::string& system_state = "/var/lib/repld");

/// repld, as a command sees it. Tries each endpoint until one answers, and stays with that one. One thread.
class Repld {
 public:
  explicit Repld(std::vector<Endpoint> endpoints);

  /// Any answer with a status below 400.
  /// @errors what repld said (its code and message); Unauthorised; Unreachable: no endpoint answered, or one may have
  ///         taken the request and did not answer
  Result<Json> get(const std::string& target);
  /// The body as it is.
  Result<std::string> download(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body,
                    std::chrono::milliseconds timeout = std::chrono::seconds(60));
  Result<Json> remove(const std::string& target);

  /// The endpoint that answered; the first one before that.
  const Endpoint& endpoint() const { return endpoints_[current_]; }

  /// "details" of the last answer, when it was an error that has them; else null.
  const Json& last_details() const;

  ~Repld();
  Repld(Repld&&) noexcept;
  Repld& operator=(Repld&&) noexcept;

 private:
  Result<HttpResponse> send(const HttpRequest& request, std::chrono::milliseconds timeout);
  /// An answer with a status below 400.
  Result<HttpResponse> accepted(const std::string& method, const std::string& target, std::string body,
                                std::chrono::milliseconds timeout);
  Result<Json> call(const std::string& method, const std::string& target, std::string body,
                    std::chrono::milliseconds timeout);

  std::vector<Endpoint> endpoints_;
  std::size_t current_ = 0;
  std::unique_ptr<Json> last_details_;
};

}  // namespace repl::ctl

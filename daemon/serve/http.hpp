// Requests and responses as handlers see them: plain values, without the HTTP library.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.hpp"

namespace repl::serve {

enum class Method { Get, Head, Post, Delete, Options, Other };
std::string_view to_string(Method method);

/// Path and query of a request line, decoded.
struct Target {
  std::vector<std::string> segments;  ///< "/c/shop%20x/" is {"c", "shop x"}.
  std::map<std::string, std::string> query;
  bool operator==(const Target&) const = default;
};

/// @errors InvalidArgument: not an absolute path, a wrong percent escape, a name given twice
Result<Target> parse_target(std::string_view text);

struct Request {
  Method method = Method::Get;
  std::string target;         ///< As it was sent: "/api/v1/events?limit=5".
  std::string authorization;  ///< The header's value; "" when there is none.
  std::string asked_by;       ///< Header X-Asked-By: who is at the client, by its own word.
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;  ///< Of HEAD too: the server leaves it out and keeps its length.
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Where a request is answered: what waits for a cluster must not hold up those who only look.
enum class Worker { Look, Change };

/// Answers requests. Thread-safe: several workers call at the same time.
class Application {
 public:
  virtual ~Application() = default;
  virtual Worker worker_for(const Request& request) const = 0;
  virtual Response answer(const Request& request) = 0;
  /// The answer to something that is no acceptable request: 400, 408, 413, 431 or 503.
  virtual Response refuse(int status, std::string_view why) = 0;
};

}  // namespace repl::serve

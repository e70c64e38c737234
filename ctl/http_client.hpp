// One HTTP/1.1 request over a connection of its own, with a deadline. Plain HTTP only: repld listens on loopback.
#pragma once

#include <chrono>
#include <string>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace repl::ctl {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  ///< Path and query, escaped.
  std::string body;          ///< JSON; "" for none.
  std::string token;         ///< Bearer token; "" for none. Never in a message.
  std::string asked_by;      ///< Who is at the keyboard, for repld's journal; "" for nobody in particular.
};

struct HttpResponse {
  int status = 0;
  std::string body;
};

/// Blocks until the answer is there or `timeout` has passed.
/// @errors Unreachable: the server never got the request; ConnectionLost and DeadlineExceeded: it may have.
///         The messages say only what happened ("connection refused"): the caller knows what for.
Result<HttpResponse> send_http(const Address& server, const HttpRequest& request, std::chrono::milliseconds timeout);

/// A piece of a path or a query value, percent-encoded.
std::string url_escape(std::string_view text);

}  // namespace repl::ctl

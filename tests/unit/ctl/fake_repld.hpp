// An HTTP server within the test that answers as docs/api.md says, request by request as the test wants it. It stands
// for repld's HTTP side only: what is tested is how replctl asks, shows and ends.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ctl/json.hpp"

namespace repl::ctl {

class FakeRepld {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string authorization;
    std::string body;
  };
  struct Answer {
    int status = 200;  ///< 0: the connection is closed without an answer.
    std::string body;
  };
  using Handler = std::function<Answer(const Request&)>;

  /// Listens on a free port of 127.0.0.1. Whatever has no handler is answered 404 no-such-cluster.
  FakeRepld();
  ~FakeRepld();
  FakeRepld(const FakeRepld&) = delete;
  FakeRepld& operator=(const FakeRepld&) = delete;

  /// @param target  path without query
  void on(const std::string& method, const std::string& target, Handler handler);
  void on(const std::string& method, const std::string& target, Json answer, int status = 200);
  /// The answers of successive requests; the last one stays.
  void on_each(const std::string& method, const std::string& target, std::vector<Json> answers);
  void refuse(const std::string& method, const std::string& target, int status, const std::string& code,
              const std::string& message, Json details = nullptr);

  std::string url() const;
  /// All requests so far, oldest first.
  std::vector<Request> requests() const;
  /// Bodies of the requests to `target`.
  std::vector<Json> bodies(const std::string& method, const std::string& target) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace repl::ctl

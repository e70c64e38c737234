// A session as root over a server's unix socket: for what the sandbox itself needs to ask or set.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/sandbox/folders.hpp"
#include "ctl/sandbox/process.hpp"
#include "model/error.hpp"

struct st_mysql;  // MYSQL of libmariadb

namespace repl::ctl::sandbox {

/// One thread at a time. The password is read from the node's client.cnf.
class RootSession {
 public:
  using Row = std::vector<std::optional<std::string>>;  ///< empty: NULL

  /// `answer_within`: how long the server may take for each answer; libmariadb counts whole seconds.
  /// @errors ConnectionRefused: nobody listens; AccessDenied; ConnectionLost: no answer in time
  static Result<RootSession> open(const NodeFolder& node, std::chrono::seconds answer_within);

  RootSession(RootSession&&) noexcept = default;
  RootSession& operator=(RootSession&&) noexcept = default;
  ~RootSession() = default;

  /// Runs one statement. @errors ConnectionLost; ServerRefused with the server's code and words, see last_code()
  Result<std::vector<Row>> query(std::string_view statement);
  /// The server's or client's code of the last error, 0 after success.
  unsigned last_code() const;

 private:
  struct Close {
    void operator()(st_mysql* handle) const;
  };
  explicit RootSession(std::unique_ptr<st_mysql, Close> handle) : handle_(std::move(handle)) {}
  std::unique_ptr<st_mysql, Close> handle_;
};

}  // namespace repl::ctl::sandbox

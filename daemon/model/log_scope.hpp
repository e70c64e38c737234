// Of which cluster and operation the current thread is working: read by the formatter of the log, so that every line
// says it without passing it through every call. Only the ends (run/, mysql/, serve/) open scopes; nothing decides by
// them.
#pragma once

#include <string>
#include <utility>

namespace repl {

/// While it lives, log lines of this thread carry the cluster and the operation. Scopes nest; the inner one counts.
class LogScope {
 public:
  explicit LogScope(std::string cluster, std::string operation = {})
      : cluster_(std::move(cluster)), operation_(std::move(operation)), outer_(current_) {
    current_ = this;
  }
  ~LogScope() { current_ = outer_; }
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  /// Null outside of every scope.
  static const LogScope* current() { return current_; }
  const std::string& cluster() const { return cluster_; }
  const std::string& operation() const { return operation_; }  ///< "" when there is none.

 private:
  std::string cluster_;
  std::string operation_;
  const LogScope* outer_;
  static inline thread_local const LogScope* current_ = nullptr;
};

}  // namespace repl

// The directory that belongs to one repld: the store, the token of the API, and the address where the API is found.
#pragma once

#include <string>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace repl::serve {

/// Holds the directory's lock while it lives: two repld never share one. The lock goes with the process, however it
/// ends.
class StateDirectory {
 public:
  /// Makes the directory (mode 0700) when it is not there. @errors Conflict: another repld has it; StoreFailed
  static Result<StateDirectory> take(const std::string& path);
  ~StateDirectory();
  StateDirectory(StateDirectory&& other) noexcept;
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;
  StateDirectory& operator=(StateDirectory&&) = delete;

  std::string store_path() const { return path_ + "/store.db"; }
  /// For a copy of the store that is there for a moment.
  std::string scratch_path() const { return path_ + "/store.copy"; }

  /// Writes `address` for tools that look for this repld; the file is removed when the directory is given back.
  Result<void> publish(const Address& address);

 private:
  StateDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;
  bool published_ = false;
};

/// Reads the token of the API, or makes one of 256 bits (mode 0600) when the file is not there.
/// @errors SecretUnavailable: not readable, readable by others, or too short to be safe
Result<std::string> load_or_make_token(const std::string& path);

}  // namespace repl::serve

#include "ctl/sandbox/folders.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
namespace {

/// The XDG rules ignore a relative path, and so do we. Source: XDG Base Directory Specification.
fs::path absolute_from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes our environment
  fs::path path = value == nullptr ? "" : value;
  return path.is_absolute() ? path : fs::path{};
}

fs::path home() {
  if (auto path = absolute_from_environment("HOME"); !path.empty()) return path;
  const passwd* user = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe)
  return user == nullptr ? "/" : user->pw_dir;
}

}  // namespace

fs::path cache_folder() {
  const auto base = absolute_from_environment("XDG_CACHE_HOME");
  return (base.empty() ? home() / ".cache" : base) / "replctl";
}

fs::path sandboxes_folder() {
  if (auto path = absolute_from_environment("REPLCTL_SANDBOX_DIR"); !path.empty()) return path.lexically_normal();
  const auto base = absolute_from_environment("XDG_DATA_HOME");
  return (base.empty() ? home() / ".local" / "share" : base) / "replctl" / "sandboxes";
}

}  // namespace repl::ctl::sandbox

// Lock, token and address file.
#include "serve/state_directory.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <utility>

namespace repl::serve {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kShortestToken = 32;  // characters, of a token that somebody else has made

std::string why() {
  return std::strerror(errno);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Whole or not at all: readers never find half a file.
Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const auto draft = path + ".new";
  ::unlink(draft.c_str());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written = fd >= 0 && write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  errno = error;
  if (!written || ::rename(draft.c_str(), path.c_str()) != 0) {
    return fail(ErrorCode::StoreFailed, "{} cannot be written: {}", path, why());
  }
  return {};
}

}  // namespace

Result<StateDirectory> StateDirectory::take(const std::string& path) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (!error && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) error = {errno, std::generic_category()};
  if (error) {
    return fail(ErrorCode::StoreFailed, "the state directory {} cannot be made: {}. --state-dir names another one.",
                path, error.message());
  }
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && (found.st_mode & S_IRWXO) != 0) {
    return fail(ErrorCode::SecretUnavailable,
                "the state directory {} is open to every user of this machine (mode {:o}): chmod 700 {}", path,
                found.st_mode & 07777U, path);
  }
  const auto lock_path = path + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return fail(ErrorCode::StoreFailed, "{} cannot be opened: {}. --state-dir names another directory.", lock_path,
                why());
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> pid{};
    const auto length = ::read(lock, pid.data(), pid.size() - 1);
    const auto owner = std::string(pid.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    ::close(lock);
    return fail(ErrorCode::Conflict, "another repld{} works in {}: stop it, or give this one a --state-dir of its own",
                owner.empty() ? "" : fmt::format(" (process {})", owner.substr(0, owner.find('\n'))), path);
  }
  const auto pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock, 0) != 0 || !write_all(lock, pid)) {
    const auto reason = why();
    ::close(lock);
    return fail(ErrorCode::StoreFailed, "{} cannot be written: {}", lock_path, reason);
  }
  return StateDirectory(path, lock);
}

StateDirectory::StateDirectory(StateDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), published_(other.published_) {}

StateDirectory::~StateDirectory() {
  if (lock_ < 0) return;
  if (published_) ::unlink((path_ + "/address").c_str());
  ::close(lock_);  // the file stays: removing it would let two processes lock two files of the same name
}

Result<void> StateDirectory::publish(const Address& address) {
  auto done = replace_file(path_ + "/address", to_string(address) + "\n", 0644);
  published_ = done.has_value();
  return done;
}

Result<std::string> load_or_make_token(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    std::array<unsigned char, kTokenBytes> random{};
    if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
      return fail(ErrorCode::SecretUnavailable, "the system gave no random bytes for a token");
    }
    const auto token = fmt::format("{:02x}", fmt::join(random, ""));
    if (auto written = replace_file(path, fmt::format("{}\n", token), 0600); !written)
      return tl::unexpected(written.error());
    return token;
  }
  if (fd < 0) return fail(ErrorCode::SecretUnavailable, "the token file {} cannot be read: {}", path, why());
  struct stat found {};
  std::array<char, 1024> text{};
  const bool stat_failed = ::fstat(fd, &found) != 0;
  const auto length = ::read(fd, text.data(), text.size());
  const auto reason = why();
  ::close(fd);
  if (stat_failed || length < 0)
    return fail(ErrorCode::SecretUnavailable, "the token file {} cannot be read: {}", path, reason);
  if ((found.st_mode & 0077) != 0) {
    return fail(ErrorCode::SecretUnavailable,
                "the token file {} may be read by others (mode {:o}): chmod 600 it, and remove it first if others may "
                "have read it",
                path, found.st_mode & 0777);
  }
  std::string token(text.data(), static_cast<std::size_t>(length));
  while (!token.empty() && std::string_view(" \t\r\n").find(token.back()) != std::string_view::npos) token.pop_back();
  if (token.size() < kShortestToken) {
    return fail(ErrorCode::SecretUnavailable,
                "the token in {} is shorter than {} characters: remove the file, and a new one is made", path,
                kShortestToken);
  }
  return token;
}

}  // namespace repl::serve

// File, environment, command.
#include "mysql/secrets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

extern char** environ;

namespace repl::mysql {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kCommandLimit{5};
constexpr std::size_t kLongestSecret = 4096;

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Result<std::string> from_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return fail(ErrorCode::SecretUnavailable, "password file {}: {}", path, std::strerror(errno));
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return fail(ErrorCode::SecretUnavailable,
                "password file {}: every user of this machine may {} it (mode {:o}). Run: chmod 600 {}", path,
                (status.st_mode & S_IROTH) != 0 ? "read" : "write", status.st_mode & 07777U, path);
  }
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return fail(ErrorCode::SecretUnavailable, "password file {}: cannot be read", path);
  return without_line_end(text.str());
}

Result<std::string> from_environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr) {
    return fail(ErrorCode::SecretUnavailable, "environment variable {}: not set where repld was started", name);
  }
  return std::string{value};
}

/// The environment without what init_driver() has put there for us alone.
std::vector<char*> inherited_environment() {
  std::vector<char*> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    if (text != "SSL_CERT_FILE=/dev/null" && text != "SSL_CERT_DIR=/dev/null") out.push_back(*entry);
  }
  out.push_back(nullptr);
  return out;
}

/// Reads until the end of the stream. False: not in time, or too much.
bool read_all(int from, std::string& out, steady_clock::time_point until) {
  std::array<char, 512> buffer{};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    pollfd wait{from, POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
    const auto got = read(from, buffer.data(), buffer.size());
    if (got == 0) return true;
    if (got < 0) return false;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > kLongestSecret) return false;
  }
}

Result<std::string> from_command(const std::string& command) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::SecretUnavailable, "password command: {}", std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // so that a late one is ended with its children
  std::string shell = "/bin/sh", option = "-c", line = command;
  std::array<char*, 4> arguments{shell.data(), option.data(), line.data(), nullptr};
  auto environment = inherited_environment();
  pid_t child = 0;
  const int error = posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(pipe_ends[1]);
  if (error != 0) {
    ::close(pipe_ends[0]);
    return fail(ErrorCode::SecretUnavailable, "password command \"{}\": {}", command, std::strerror(error));
  }
  std::string out;
  const bool complete = read_all(pipe_ends[0], out, steady_clock::now() + kCommandLimit);
  ::close(pipe_ends[0]);
  if (!complete) ::kill(-child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!complete) {
    return fail(ErrorCode::SecretUnavailable, "password command \"{}\": no end within {} s", command,
                kCommandLimit.count());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorCode::SecretUnavailable, "password command \"{}\": ended with status {}", command,
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
  return without_line_end(std::move(out));
}

}  // namespace

Result<std::string> resolve_secret(const SecretRef& ref) {
  switch (ref.kind) {
    case SecretRef::Kind::File:
      return from_file(ref.value);
    case SecretRef::Kind::Env:
      return from_environment(ref.value);
    case SecretRef::Kind::Exec:
      return from_command(ref.value);
  }
  return fail(ErrorCode::Internal, "unknown kind of secret reference");
}

std::string sha256(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  std::string out;
  for (unsigned i = 0; i < length; ++i) out += fmt::format("{:02x}", digest.at(i));
  return out;
}

Result<Login> replication_login(const NodeId& node, const Spec& spec) {
  const auto account = spec.accounts.find(AccountRole::Replication);
  if (account == spec.accounts.end()) {
    return fail(ErrorCode::PreconditionFailed, "{}: the spec names no replication account", node);
  }
  auto password = resolve_secret(account->second.password);
  if (!password) return tl::unexpected(password.error());
  return Login{account->second.user, std::move(*password)};
}

}  // namespace repl::mysql

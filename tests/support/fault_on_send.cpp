// A broken network, or an end of it that breaks, for one statement. Preloaded into a program, it looks for
// REPL_FAULT_STATEMENT in what is sent over sockets without TLS, and lets such a statement fail as REPL_FAULT says:
//
//   lost         the connection breaks and nothing arrives, every time
//   unheard      the first one arrives, and the connection breaks before the answer
//   killed       the first one arrives, and the program dies
//   not-sent     the program dies in place of the first one
//   server-dies  the first one arrives, and the server at the other end is killed: the process of its port in
//                REPL_FAULT_SERVERS, "PORT=FILE;PORT=FILE;", each file beginning with a process id
//
// The file REPL_FAULT_MARK is made when it has happened.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using Send = ssize_t (*)(int, const void*, size_t, int);

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

bool strikes(const void* data, size_t size) {
  static const auto statement = environment("REPL_FAULT_STATEMENT");
  static const bool once = environment("REPL_FAULT") != "lost";
  static std::atomic<bool> over{false};
  const std::string_view sent{static_cast<const char*>(data), size};
  return !statement.empty() && sent.find(statement) != std::string_view::npos && !(over.exchange(true) && once);
}

void leave_mark() {
  const int file = ::open(std::getenv("REPL_FAULT_MARK"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

/// 0: the socket leads to none of the servers, or that one does not run.
pid_t server_behind(int socket) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_family != AF_INET) return 0;
  const auto servers = environment("REPL_FAULT_SERVERS");
  const auto key = std::to_string(ntohs(peer.sin_port)) + "=";
  const auto found = servers.find(key);
  if (found == std::string_view::npos) return 0;
  const auto begin = found + key.size();
  const std::string name{servers.substr(begin, servers.find(';', begin) - begin)};
  char text[32] = {};
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const auto got = ::read(file, text, sizeof text - 1);
  ::close(file);
  return got > 0 ? static_cast<pid_t>(std::atoi(text)) : 0;
}

}  // namespace

extern "C" ssize_t send(int socket, const void* data, size_t size, int flags) {
  static const auto real = reinterpret_cast<Send>(::dlsym(RTLD_NEXT, "send"));
  if (!strikes(data, size)) return real(socket, data, size, flags);
  leave_mark();
  const auto fault = environment("REPL_FAULT");
  if (fault == "not-sent") ::kill(::getpid(), SIGKILL);
  if (fault == "lost") {
    ::shutdown(socket, SHUT_RDWR);
    errno = ECONNRESET;
    return -1;
  }
  const auto server = fault == "server-dies" ? server_behind(socket) : 0;
  (void)real(socket, data, size, flags);
  if (fault == "killed") ::kill(::getpid(), SIGKILL);
  if (server > 0) ::kill(server, SIGKILL);
  ::shutdown(socket, SHUT_RDWR);
  return static_cast<ssize_t>(size);
}

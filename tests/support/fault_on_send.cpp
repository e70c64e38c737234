// A broken network for one statement. Preloaded into a program, it looks for REPL_FAULT_STATEMENT in what is sent over
// sockets without TLS, and lets such a statement fail as REPL_FAULT says: "lost" (the connection breaks and nothing
// arrives, every time), "unheard" (the first one arrives, and the connection breaks before the answer), "killed" (the
// first one arrives, and the program dies). The file REPL_FAULT_MARK is made when it has happened.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
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

}  // namespace

extern "C" ssize_t send(int socket, const void* data, size_t size, int flags) {
  static const auto real = reinterpret_cast<Send>(::dlsym(RTLD_NEXT, "send"));
  if (!strikes(data, size)) return real(socket, data, size, flags);
  leave_mark();
  const auto fault = environment("REPL_FAULT");
  if (fault != "lost") {
    (void)real(socket, data, size, flags);
    if (fault == "killed") ::kill(::getpid(), SIGKILL);
    ::shutdown(socket, SHUT_RDWR);
    return static_cast<ssize_t>(size);
  }
  ::shutdown(socket, SHUT_RDWR);
  errno = ECONNRESET;
  return -1;
}

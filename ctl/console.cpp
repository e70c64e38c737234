// The process's terminal.
#include "ctl/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace repl::ctl {
namespace {

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
  return value == nullptr ? std::string{} : std::string(value);
}

bool locale_is_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {  // the first one that is set decides
    if (const auto value = variable(name); !value.empty()) {
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos ||
             value.find("UTF8") != std::string::npos;
    }
  }
  return false;
}

int terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

Console process_console() {
  const bool colourful = variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  const bool unicode = locale_is_utf8();
  const bool out = ::isatty(STDOUT_FILENO) == 1;
  const bool err = ::isatty(STDERR_FILENO) == 1;
  return {.in = std::cin,
          .out = std::cout,
          .err = std::cerr,
          .environment = variable,
          .in_is_terminal = ::isatty(STDIN_FILENO) == 1,
          .out_is_terminal = out,
          .style = {.colour = out && colourful, .unicode = unicode},
          .err_style = {.colour = err && colourful, .unicode = unicode},
          .width = out ? terminal_width() : 0};
}

bool confirmed(Console& console, const std::string& question) {
  console.out << question << " [y/N] " << std::flush;
  std::string answer;
  if (!std::getline(console.in, answer)) return false;
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

}  // namespace repl::ctl

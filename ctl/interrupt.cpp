// The handler sets a flag.
#include "ctl/interrupt.hpp"

namespace repl::ctl {
namespace {
volatile sig_atomic_t g_interrupted = 0;
}

CatchInterrupt::CatchInterrupt() {
  g_interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  ::sigaction(SIGINT, &action, &before_);
}

CatchInterrupt::~CatchInterrupt() {
  ::sigaction(SIGINT, &before_, nullptr);
}

bool CatchInterrupt::interrupted() const {
  return g_interrupted != 0;
}

}  // namespace repl::ctl

// Ctrl-C while replctl waits for something that goes on without it.
#pragma once

#include <signal.h>

namespace repl::ctl {

/// While it lives, Ctrl-C ends the waiting and not the program: what was started goes on, and somebody must be told so.
/// One at a time.
class CatchInterrupt {
 public:
  CatchInterrupt();
  ~CatchInterrupt();
  CatchInterrupt(const CatchInterrupt&) = delete;
  CatchInterrupt& operator=(const CatchInterrupt&) = delete;
  bool interrupted() const;

 private:
  struct sigaction before_ {};
};

}  // namespace repl::ctl

// Carries out the steps that run beside repld: each run of a hook on a thread of its own, so that it holds up neither
// the loop of its cluster nor the line of any node.
#pragma once

#include <functional>
#include <future>
#include <list>
#include <string>
#include <thread>

#include "control/controller.hpp"
#include "run/clock.hpp"
#include "run/observer.hpp"

namespace repl::run {

/// One thread, the runner's. What is left running of one operation is ended before a hook of another is run.
class Hooks {
 public:
  /// @param sink  takes the results, from any thread
  Hooks(ClusterId cluster, std::string directory, const Clock& clock, Observer& observer,
        std::function<void(control::Input)> sink);
  ~Hooks();  ///< Ends those that run: within about a second.

  /// Takes the hooks out of `output` and starts them; the other steps are left in it.
  /// The output holds what is to be remembered, as every output does that has steps.
  void start(control::Output& output);

 private:
  struct Run {
    OperationId operation;
    std::shared_future<void> over;
    std::jthread thread;
  };
  void start(const control::StepOrder& order, const RunHook& hook, const Memory& memory);

  const ClusterId cluster_;
  const std::string directory_;
  const Clock& clock_;
  Observer& observer_;
  const std::function<void(control::Input)> sink_;
  std::list<Run> runs_;
};

}  // namespace repl::run

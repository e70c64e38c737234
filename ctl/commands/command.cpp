// Options that several commands share.
#include "ctl/commands/command.hpp"

namespace repl::ctl {

const CLI::Validator& is_duration() {
  static const CLI::Validator kValidator(
      [](std::string& text) {
        return seconds_from(text) ? std::string{} : fmt::format("'{}' is no duration: 500ms, 30s, 5m, 1h", text);
      },
      "");
  return kValidator;
}

void add_wait_options(CLI::App& app, WaitOptions& options) {
  app.add_flag("--wait,!--no-wait", options.wait,
               "wait until it is done, with progress (the default), or return at once");
  app.add_option("--timeout", options.timeout,
                 "the longest to wait; the operation goes on after that, and the exit code is 6")
      ->type_name(kDurationType)
      ->check(is_duration());
}

}  // namespace repl::ctl

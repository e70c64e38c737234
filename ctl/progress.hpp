// An operation while it runs, and how it ended. On a terminal the steps that run are a live list under the finished
// ones; elsewhere each finished step is one line.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "ctl/exit_codes.hpp"
#include "ctl/json.hpp"
#include "ctl/text.hpp"

namespace repl::ctl {

/// One step that is over: sign, node, action, time. An error stands on a line of its own.
std::string finished_step_line(const Json& step, const Json& progress, const Style& style, int width);

/// The steps that run now, then where the operation is: "step 7 of 12, 3.2 s".
std::vector<std::string> live_lines(const Json& operation, double elapsed_seconds, int frame, const Style& style,
                                    int width);

/// How far the clone is that a running step makes: "file copy, 1.2 of 3.4 GB, 210 MB/s, 11 s left"; "" for other steps.
std::string clone_words(const Json& progress);

/// Of nodes that were cloned and lack transactions of the primary still: "db3 is catching up: 1,234 transactions
/// behind"; "" when all have caught up. One that is delayed on purpose is not waited for, nor one that does not answer.
/// @param cluster  as the API gives it
std::string catching_up_words(const Json& cluster, const std::vector<std::string>& nodes);
/// The nodes that the operation has cloned.
std::vector<std::string> cloned_nodes(const Json& operation);

/// Prints an operation as it goes on. One thread; the stream must outlive it.
class Progress {
 public:
  enum class Mode { Lines, Live };
  Progress(std::ostream& out, Mode mode, Style style, int width);

  /// Prints the steps that ended since the last call, and redraws the live list.
  void show(const Json& operation, double elapsed_seconds);
  /// Takes the live list away; what is finished stays.
  void clear();

 private:
  std::ostream& out_;
  Mode mode_;
  Style style_;
  int width_;
  int frame_ = 0;
  std::size_t live_ = 0;  // lines of the live list on the screen
  std::string phase_;
  std::vector<std::string> states_;  // of each step, as shown last
  std::vector<std::string> stages_;  // of each clone, as shown last
};

struct Outcome {
  Exit code = Exit::Done;
  std::string sentence;  ///< What was reached, or what failed and what to do; may be several lines.
};

/// How an operation ended, or where it is when it goes on.
/// @param revision  the one that apply made; 0 for others
Outcome outcome_of(const Json& operation, long long revision);

/// `replctl operation`: everything about one.
std::string render_operation(const Json& operation, const Style& style);

}  // namespace repl::ctl

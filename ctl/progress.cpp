// Operations as text.
#include "ctl/progress.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "ctl/plan_layout.hpp"
#include "ctl/words.hpp"

namespace repl::ctl {
namespace {

struct Sign {
  std::string_view state;
  std::string_view unicode;
  std::string_view ascii;
};
/// The states in which a step stays.
constexpr std::array kSigns{Sign{"done", "✓", "ok"}, Sign{"failed", "✗", "FAILED"}, Sign{"undone", "↺", "undone"},
                            Sign{"skipped", "–", "skipped"}};

const Sign* sign_of(std::string_view state) {
  const auto* at = std::find_if(kSigns.begin(), kSigns.end(), [&](const Sign& s) { return s.state == state; });
  return at == kSigns.end() ? nullptr : at;
}

std::string_view spinner(int frame, const Style& style) {
  static constexpr std::array<std::string_view, 10> kBraille{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  static constexpr std::array<std::string_view, 4> kAscii{"|", "/", "-", "\\"};
  const auto f = static_cast<std::size_t>(frame);
  return style.unicode ? kBraille[f % kBraille.size()] : kAscii[f % kAscii.size()];
}

std::string error_message(const Json& holder) {
  const auto* error = find(holder, "error");
  return error == nullptr ? std::string{} : text_of(*error, "message");
}

const Json& plan_of(const Json& operation) {
  static const Json kNone = Json::object();
  const auto* plan = find(operation, "plan");
  return plan == nullptr ? kNone : *plan;
}

std::string cluster_of(const Json& operation) {
  if (auto name = text_of(operation, "cluster"); !name.empty()) return name;
  const auto id = text_of(operation, "id");
  return id.substr(0, id.rfind('-'));
}

std::optional<double> seconds_taken(const Json& operation) {
  const auto started = parse_time(text_of(operation, "started"));
  const auto finished = parse_time(text_of(operation, "finished"));
  if (!started || !finished) return std::nullopt;
  return std::chrono::duration<double>(*finished - *started).count();
}

/// The operation's own error, else that of the first step that failed.
std::string reason_of(const Json& operation) {
  if (auto message = error_message(operation); !message.empty()) return message;
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    if (text_of(*progress[i], "state") == "failed") {
      return fmt::format("{}: {}", text_of(*steps[i], "text"), error_message(*progress[i]));
    }
  }
  return "no reason given";
}

/// What a hook printed.
std::string output_lines(std::string_view output, const Style& style) {
  std::string out;
  while (!output.empty()) {
    const auto end = output.find('\n');
    out += style.paint(Colour::Dim, fmt::format("       | {}", output.substr(0, end))) + '\n';
    output = end == std::string_view::npos ? std::string_view{} : output.substr(end + 1);
  }
  return out;
}

std::string done_sentence(const Json& operation, long long revision) {
  const auto promotes = text_of(plan_of(operation), "promotes");
  const auto goal = text_of(operation, "goal");
  std::string out = cluster_of(operation) + ": ";
  if (goal == "apply") {
    out += revision > 0 ? fmt::format("revision {} is in force", revision) : "applied";
    if (!promotes.empty()) out += fmt::format(", {} is the primary and takes writes", promotes);
  } else if (!promotes.empty()) {
    out += fmt::format("{} is the primary and takes writes", promotes);
  } else {
    out += goal + " done";
  }
  out += fmt::format(" ({}", counted(integer_of(operation, "steps"), "step"));
  if (const auto took = seconds_taken(operation)) out += ", " + took_text(*took);
  return out + ')';
}

}  // namespace

std::string finished_step_line(const Json& step, const Json& progress, const Style& style, int width) {
  const auto state = text_of(progress, "state");
  const auto* sign = sign_of(state);
  const auto words = words_of_step(step);
  const auto shown = std::string(sign == nullptr ? std::string_view(state)
                                 : style.unicode ? sign->unicode
                                                 : sign->ascii);
  const int sign_width = style.unicode ? 1 : 7;
  std::string rest = words.node.empty() ? words.action : words.node + "  " + words.action;
  std::string time;
  if (const auto took = number_of(progress, "tookSeconds"); took && state != "skipped") time = "  " + took_text(*took);
  if (const auto attempts = integer_of(progress, "attempts"); attempts > 1)
    time += fmt::format(", {} attempts", attempts);
  if (width > 0) rest = shorten(rest, std::max(10, width - sign_width - 4 - display_width(time)), style);
  std::string out = "  " + style.paint(state_colour(state), pad_right(shown, sign_width)) + "  " + rest +
                    style.paint(Colour::Dim, time) + '\n';
  if (state == "failed") {
    if (const auto message = error_message(progress); !message.empty()) out += "       " + message + '\n';
  }
  return out;
}

std::string clone_words(const Json& progress) {
  const auto* clone = find(progress, "clone");
  if (clone == nullptr || !clone->is_object()) return {};
  auto words = text_of(*clone, "stage");
  std::replace(words.begin(), words.end(), '-', ' ');
  if (words == "restart" || words == "recovery") words += ": the server comes back with its new data";
  const auto estimated = number_of(*clone, "bytesEstimated").value_or(0);
  const auto rate = number_of(*clone, "bytesPerSecond").value_or(0);
  if (words.ends_with("copy") && estimated > 0) {
    words += fmt::format(", {} of {}", bytes_text(number_of(*clone, "bytesDone").value_or(0)), bytes_text(estimated));
    if (rate > 0) words += fmt::format(", {}/s", bytes_text(rate));
    if (const auto left = number_of(*clone, "secondsLeft")) words += fmt::format(", {} left", coarse_duration(*left));
  }
  return words;
}

constexpr double kCaughtUpWithin = 1;  // seconds

std::string catching_up_words(const Json& cluster, const std::vector<std::string>& nodes) {
  std::string out;
  const auto what = text_of(cluster, "positioning") == "binlog" ? "bytes of the binary log" : "transactions";
  for (const auto* node : items_of(cluster, "nodes")) {
    const auto name = text_of(*node, "name");
    const auto missing = integer_of(*node, "missing");
    const bool waited_for = std::find(nodes.begin(), nodes.end(), name) != nodes.end() &&
                            text_of(*node, "reach") == "ok" && integer_of(*node, "delaySeconds") == 0;
    // On a busy primary there is always something on its way.
    const auto lag = node->value("lagSeconds", Json(nullptr));
    const bool close = lag.is_number() && lag.get<double>() < kCaughtUpWithin;
    if (!waited_for || missing == 0 || close || text_of(*node, "applier") == "stopped") continue;
    out += fmt::format("{}{} is catching up: {} {} behind", out.empty() ? "" : ", ", name, with_commas(missing), what);
  }
  return out;
}

std::vector<std::string> cloned_nodes(const Json& operation) {
  std::vector<std::string> out;
  for (const auto* step : items_of(plan_of(operation), "steps")) {
    if (text_of(*step, "name") == "clone-from") out.push_back(text_of(*step, "node"));
  }
  return out;
}

std::vector<std::string> live_lines(const Json& operation, double elapsed_seconds, int frame, const Style& style,
                                    int width) {
  std::vector<std::string> lines;
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  std::size_t over = 0;
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    const auto state = text_of(*progress[i], "state");
    if (sign_of(state) != nullptr) ++over;
    if (state != "running" && state != "undoing") continue;
    const auto words = words_of_step(*steps[i]);
    auto text = words.node.empty() ? words.action : words.node + "  " + words.action;
    if (state == "undoing") text += " (taking back)";
    if (const auto clone = clone_words(*progress[i]); !clone.empty()) text += ": " + clone;
    lines.push_back("  " + style.paint(Colour::Cyan, spinner(frame, style)) + "  " +
                    shorten(text, width > 0 ? width - 6 : 0, style));
  }
  lines.push_back(style.paint(
      Colour::Dim, fmt::format("  {} {}, {} of {} steps over, {}", text_of(operation, "goal"),
                               text_of(operation, "state"), over, steps.size(), took_text(elapsed_seconds))));
  return lines;
}

Progress::Progress(std::ostream& out, Mode mode, Style style, int width)
    : out_(out), mode_(mode), style_(style), width_(width) {}

void Progress::clear() {
  if (live_ > 0) out_ << fmt::format("\x1b[{}A\r\x1b[J", live_) << std::flush;
  live_ = 0;
}

void Progress::show(const Json& operation, double elapsed_seconds) {
  // A failover's second plan replaces the first one: its steps are others.
  if (const auto phase = text_of(operation, "phase"); phase != phase_) {
    phase_ = phase;
    states_.clear();
    stages_.clear();
  }
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  states_.resize(steps.size());
  stages_.resize(steps.size());
  std::string finished;
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    const auto state = text_of(*progress[i], "state");
    const auto* clone = find(*progress[i], "clone");
    const auto stage = clone == nullptr || !clone->is_object() ? std::string{} : text_of(*clone, "stage");
    if (mode_ == Mode::Lines && !stage.empty() && stage != stages_[i]) {
      stages_[i] = stage;
      finished += fmt::format("  {}  {}\n", text_of(*steps[i], "node"), clone_words(*progress[i]));
    }
    if (state == states_[i]) continue;
    states_[i] = state;
    if (sign_of(state) != nullptr)
      finished += finished_step_line(*steps[i], *progress[i], style_, mode_ == Mode::Live ? width_ : 0);
  }
  if (mode_ == Mode::Lines) {
    out_ << finished << std::flush;
    return;
  }
  clear();
  out_ << finished;
  const auto lines = live_lines(operation, elapsed_seconds, frame_++, style_, width_);
  for (const auto& line : lines) out_ << line << '\n';
  live_ = lines.size();
  out_ << std::flush;
}

namespace {

/// Nothing brings data back that a clone has thrown away.
std::string but_for_clones(const Json& operation) {
  std::string out;
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    if (text_of(*steps[i], "name") != "clone-from" || text_of(*progress[i], "state") != "undone") continue;
    out += (out.empty() ? ", but for the data that were cloned over: " : ", ") + text_of(*steps[i], "node");
  }
  return out;
}

/// A server that died meanwhile keeps what was done on it.
std::string but_for_the_dead(const Json& operation) {
  std::string out;
  std::set<std::string> named;
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    const auto* took = find(*progress[i], "tookSeconds");
    const bool was_made = took != nullptr && took->is_number();
    if (text_of(*progress[i], "state") != "skipped" || !was_made) continue;
    const auto node = text_of(*steps[i], "node");
    if (named.insert(node).second) out += (out.empty() ? ", but for what was done on " : ", ") + node;
  }
  return out.empty() ? out : out + " before it died";
}

}  // namespace

Outcome outcome_of(const Json& operation, long long revision) {
  const auto state = text_of(operation, "state");
  const auto id = text_of(operation, "id");
  const auto cluster = cluster_of(operation);
  const auto goal = text_of(operation, "goal");
  const auto code = exit_for_operation(state);
  switch (code) {
    case Exit::Done:
      return {code, done_sentence(operation, revision)};
    case Exit::TakenBack:
      return {code, fmt::format("{}: {} failed and was taken back, everything is as it was{}{}\n  why: {}\n"
                                "  steps: replctl operation {}",
                                cluster, goal, but_for_clones(operation), but_for_the_dead(operation),
                                reason_of(operation), id)};
    case Exit::NeedsPerson:
      return {code, fmt::format("{}: {} failed and could be neither finished nor taken back: a person is needed\n"
                                "  why: {}\n  what is there now: replctl status {}\n  steps: replctl operation {}",
                                cluster, goal, reason_of(operation), cluster, id)};
    default:
      return {code, fmt::format("{}: {} goes on ({} of {} steps done); wait for it with: replctl operation {} --wait",
                                cluster, goal, integer_of(operation, "stepsDone"), integer_of(operation, "steps"), id)};
  }
}

std::string render_operation(const Json& operation, const Style& style) {
  const auto state = text_of(operation, "state");
  std::string out = fmt::format("operation {}  {} {}\n", style.paint(Colour::Bold, text_of(operation, "id")),
                                text_of(operation, "goal"), style.paint(state_colour(state), state));
  const auto add = [&](std::string_view title, const std::string& text) {
    if (!text.empty()) out += fmt::format("  {}  {}\n", pad_right(title, 8), text);
  };
  add("cluster", text_of(operation, "cluster"));
  add("asked by", text_of(operation, "askedBy"));
  add("because", text_of(operation, "cause"));
  add("term", text_of(operation, "term"));
  add("started", short_time(text_of(operation, "started")));
  const auto took = seconds_taken(operation);
  add("finished",
      short_time(text_of(operation, "finished")) + (took ? fmt::format(", after {}", took_text(*took)) : ""));
  add("error", error_message(operation));
  const auto steps = items_of(plan_of(operation), "steps");
  const auto progress = items_of(operation, "progress");
  if (!steps.empty()) out += "steps\n";
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    out += finished_step_line(*steps[i], *progress[i], style, 0);
    out += output_lines(text_of(*progress[i], "output"), style);
  }
  if (const auto reasons = items_of(plan_of(operation), "reasons"); !reasons.empty()) {
    out += "why\n";
    for (const auto* reason : reasons) {
      if (reason->is_string()) out += "  " + reason->get<std::string>() + '\n';
    }
  }
  return out;
}

}  // namespace repl::ctl

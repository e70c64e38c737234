// Waiting for operations.
#include "ctl/wait.hpp"

#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "ctl/interrupt.hpp"
#include "ctl/progress.hpp"

namespace repl::ctl {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a repld that has stopped answering is waited for.
constexpr std::chrono::seconds kPatience{30};
/// A short operation is followed closely, a long one less so.
constexpr std::chrono::milliseconds kCloseLook{40}, kRelaxedLook{200};
constexpr std::chrono::seconds kClosely{5};

bool is_over(const Json& operation) {
  return exit_for_operation(text_of(operation, "state")) != Exit::TimedOut;
}

/// What the cluster is like after all that; nothing when repld does not say.
std::string now_sentence(Repld& repld, const std::string& cluster) {
  const auto answer = repld.get(cluster_path(cluster));
  if (!answer) return {};
  const auto status = text_of(*answer, "status");
  return status.empty() ? std::string{} : fmt::format("now {}: {}\n", status, text_of(*answer, "statusText"));
}

/// What repld needs no operation for: a clone gets what was written meanwhile, and a failover would not wait for that.
/// Returns when all have caught up, or waiting is over. Who cannot watch is told once.
void watch_catching_up(Repld& repld, const std::string& cluster, const std::vector<std::string>& nodes,
                       std::ostream& out, bool live, const std::function<bool()>& waiting_is_over) {
  bool told = false;
  while (!nodes.empty()) {
    const auto answer = repld.get(cluster_path(cluster));
    const auto words = answer ? catching_up_words(*answer, nodes) : std::string{};
    if (live && told) out << "\x1b[1A\r\x1b[J";
    if (!words.empty() && (live || !told)) out << "  " << words << '\n';
    out << std::flush;
    told = told || !words.empty();
    if (words.empty() || !live || waiting_is_over()) return;
    std::this_thread::sleep_for(kRelaxedLook);
  }
}

}  // namespace

std::optional<double> seconds_from(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number >= 0) || number > 1e9) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() || unit == "s") return number;
  if (unit == "ms") return number / 1000;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return std::nullopt;
}

Result<Exit> wait_for_operation(Invocation& run, const std::string& id, const WaitOptions& options, long long revision,
                                Json& last) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  auto& console = run.console();
  const bool live = run.for_people() && console.out_is_terminal;
  Progress progress(run.talk(), live ? Progress::Mode::Live : Progress::Mode::Lines, run.talk_style(),
                    live ? console.width : 0);

  const CatchInterrupt interrupt;
  const auto begin = Clock::now();
  const auto limit = seconds_from(options.timeout);
  auto last_answer = begin;
  while (true) {
    const auto answer = (*repld)->get("/api/v1/operations/" + url_escape(id));
    const auto at = Clock::now();
    const auto elapsed = std::chrono::duration<double>(at - begin).count();
    if (answer) {
      last_answer = at;
      last = *answer;
      progress.show(last, elapsed);
    } else if (answer.error().code != ErrorCode::Unreachable || at - last_answer > kPatience) {
      progress.clear();
      return fail(answer.error().code, "lost sight of operation {}, which goes on or is resumed when repld is back: {}",
                  id, answer.error().message);
    }
    const bool over = answer && is_over(last);
    const bool give_up = !options.wait || interrupt.interrupted() || (limit && elapsed >= *limit);
    if (over || give_up) {
      progress.clear();
      const auto outcome = outcome_of(last, revision);
      const bool asked_not_to_wait = !options.wait && outcome.code == Exit::TimedOut;
      const auto colour = asked_not_to_wait                ? Colour::None
                          : outcome.code == Exit::Done     ? Colour::Green
                          : outcome.code == Exit::TimedOut ? Colour::Yellow
                                                           : Colour::Red;
      run.talk() << run.talk_style().paint(colour, outcome.sentence) << '\n';
      if (over && options.wait && outcome.code == Exit::Done) {
        watch_catching_up(**repld, text_of(last, "cluster"), cloned_nodes(last), run.talk(), live, [&] {
          const auto so_far = std::chrono::duration<double>(Clock::now() - begin).count();
          return interrupt.interrupted() || (limit && so_far >= *limit);
        });
      }
      if (over) run.talk() << now_sentence(**repld, text_of(last, "cluster"));
      run.talk() << std::flush;
      return asked_not_to_wait ? Exit::Done : outcome.code;
    }
    std::this_thread::sleep_for(at - begin < kClosely ? kCloseLook : kRelaxedLook);
  }
}

}  // namespace repl::ctl

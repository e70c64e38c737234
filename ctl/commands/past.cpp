// events, history, operation: what has happened.
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/progress.hpp"
#include "ctl/views.hpp"

namespace repl::ctl {
namespace {

struct EventsOptions {
  std::string cluster;
  bool follow = false;
  int limit = 100;
};
struct HistoryOptions {
  std::string cluster;
  int limit = 20;
};
struct OperationOptions {
  std::string id;
  bool wait = false;
  std::string timeout;
};

constexpr std::chrono::milliseconds kFollowInterval{250};
/// The most that repld lists at once.
constexpr int kMost = 1000;

std::string events_path(const std::string& cluster) {
  return cluster.empty() ? "/api/v1/events" : cluster_path(cluster, "/events");
}

/// For a list that goes on: a line for people, a JSON text line, a YAML document, or a row.
void print_event(Invocation& run, const Json& event) {
  auto& out = run.console().out;
  switch (run.format()) {
    case Format::Table:
    case Format::Wide:
      out << event_line(event, run.style());
      break;
    case Format::JsonText:
      out << event.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
      break;
    case Format::YamlText:
      out << "---\n" << to_yaml_text(event);
      break;
    case Format::Tsv: {
      const auto table = render_tsv(events_table({&event}));
      out << table.substr(table.find('\n') + 1);
      break;
    }
  }
}

Result<Exit> follow(Invocation& run, Repld& repld, const EventsOptions& options) {
  long long last = -1;
  while (run.console().out) {
    const auto query =
        last < 0 ? fmt::format("?limit={}", options.limit) : fmt::format("?since={}&limit={}", last, kMost);
    const auto answer = repld.get(events_path(options.cluster) + query);
    if (answer) {
      for (const auto* event : items_of(*answer, "events")) {
        const auto id = integer_of(*event, "id");
        if (id <= last) continue;
        last = id;
        print_event(run, *event);
      }
      last = std::max(last, 0LL);
      run.console().out << std::flush;
    } else if (last < 0 || answer.error().code != ErrorCode::Unreachable) {  // one that is restarting comes back
      return tl::unexpected(answer.error());
    }
    std::this_thread::sleep_for(kFollowInterval);
  }
  return Exit::Done;
}

Result<Exit> events(Invocation& run, const EventsOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  if (options.follow) return follow(run, **repld, options);
  const auto answer = (*repld)->get(fmt::format("{}?limit={}", events_path(options.cluster), options.limit));
  if (!answer) return tl::unexpected(answer.error());
  std::string text;
  const auto found = items_of(*answer, "events");
  for (const auto* event : found) text += event_line(*event, run.style());
  return run.show(*answer, events_table(found), found.empty() ? "no events\n" : text);
}

Result<Exit> history(Invocation& run, const HistoryOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto answer = (*repld)->get(cluster_path(*cluster, fmt::format("/history?limit={}", options.limit)));
  if (!answer) return tl::unexpected(answer.error());
  return run.show(*answer, history_table(*answer));
}

Result<Exit> operation(Invocation& run, const OperationOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  if (options.wait) {
    Json last;
    const auto code = wait_for_operation(run, options.id, {.wait = true, .timeout = options.timeout}, 0, last);
    if (code && !run.for_people()) run.show(last, steps_table(last));
    return code;
  }
  const auto answer = (*repld)->get("/api/v1/operations/" + url_escape(options.id));
  if (!answer) return tl::unexpected(answer.error());
  return run.show(*answer, steps_table(*answer), render_operation(*answer, run.style()));
}

}  // namespace

void add_past_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] = add_command<EventsOptions>(app, run, {"events", kSee, "what happened, oldest first"}, events);
    sub->add_option("CLUSTER", options->cluster, "only those of this cluster")->type_name(kClusterType);
    sub->add_flag("-f,--follow", options->follow, "go on with new ones until Ctrl-C");
    sub->add_option("-n,--limit", options->limit, "how many of the newest")
        ->type_name("NUMBER")
        ->capture_default_str()
        ->check(CLI::Range(1, kMost));
    sub->footer("Examples:\n  replctl events -n 20\n  replctl events shop --follow -o json");
  }
  {
    auto [sub, options] = add_command<HistoryOptions>(
        app, run, {"history", kSee, "applied revisions and operations, newest first"}, history);
    add_cluster_argument(*sub, options->cluster);
    sub->add_option("-n,--limit", options->limit, "how many of each")
        ->type_name("NUMBER")
        ->capture_default_str()
        ->check(CLI::Range(1, kMost));
    sub->footer(
        "`replctl show` prints a revision, `replctl diff CLUSTER REVISION` compares it with the one in force, and\n"
        "`replctl operation` shows an operation step by step.");
  }
  {
    auto [sub, options] =
        add_command<OperationOptions>(app, run, {"operation", kSee, "one operation, step by step"}, operation);
    sub->alias("show-operation");
    sub->add_option("ID", options->id, "as `history` shows it: shop-12")->type_name("OPERATION")->required();
    sub->add_flag("--wait", options->wait, "wait until it is over; the exit code tells how it ended");
    sub->add_option("--timeout", options->timeout, "with --wait: the longest to wait")
        ->type_name(kDurationType)
        ->check(is_duration());
  }
}

}  // namespace repl::ctl

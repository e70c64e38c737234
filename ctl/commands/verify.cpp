// verify: whether the nodes of a cluster hold the same data.
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/interrupt.hpp"
#include "ctl/verify_views.hpp"

namespace repl::ctl {
namespace {

using Clock = std::chrono::steady_clock;

struct VerifyOptions {
  std::string cluster;
  std::vector<std::string> schemas;
  std::vector<std::string> tables;
  std::string max_lag;
  bool gtid_only = false;
  bool resume = false;
  bool stop = false;
  bool show = false;
  bool list = false;
  std::string run;
  WaitOptions wait;
};

constexpr std::chrono::milliseconds kLookInterval{200};
constexpr std::chrono::seconds kLostForAtMost{30};
/// Where lines cannot be redrawn, one of them so often.
constexpr std::chrono::seconds kLineInterval{10};
constexpr int kMostDifferences = 1000;

/// The line of progress: redrawn on a terminal, elsewhere a line now and then.
class ProgressLine {
 public:
  explicit ProgressLine(Invocation& run)
      : out_(run.talk()),
        style_(run.talk_style()),
        live_(run.for_people() && run.console().out_is_terminal),
        width_(run.console().width) {}
  ~ProgressLine() { clear(); }

  void show(const Json& run) {
    const auto line = "  " + verify_progress_line(run);
    if (live_) {
      out_ << "\r\x1b[K" << style_.paint(Colour::Dim, shorten(line, width_ - 1, style_)) << std::flush;
      drawn_ = true;
    } else if (Clock::now() - last_ >= kLineInterval) {
      out_ << line << '\n' << std::flush;
      last_ = Clock::now();
    }
  }
  void clear() {
    if (drawn_) out_ << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }

 private:
  std::ostream& out_;
  const Style& style_;
  const bool live_;
  const int width_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
};

/// The path of something about one run. @param id  "": the latest
std::string run_path(const std::string& cluster, const std::string& what, const std::string& id) {
  return cluster_path(cluster, "/verify" + what) +
         (id.empty() ? "" : (what.find('?') == std::string::npos ? "?run=" : "&run=") + url_escape(id));
}

/// Null when there is none.
Result<Json> run_named(Repld& repld, const std::string& cluster, const std::string& id) {
  const auto answer = repld.get(run_path(cluster, "", id));
  if (!answer) return tl::unexpected(answer.error());
  const auto* run = find(*answer, "run");
  return run == nullptr ? Json(nullptr) : *run;
}

/// Everything that there is to say of the run; its exit code.
Result<Exit> report(Invocation& invocation, Repld& repld, const std::string& cluster, const Json& run) {
  const auto id = text_of(run, "id");
  const auto found = repld.get(run_path(cluster, fmt::format("/differences?limit={}", kMostDifferences), id));
  if (!found) return tl::unexpected(found.error());
  const auto tables = repld.get(run_path(cluster, "/tables", id));
  if (!tables) return tl::unexpected(tables.error());
  const auto outcome = verify_outcome(run, cluster);
  const auto differences = differences_table(items_of(*found, "differences"));
  std::string text;
  const auto add = [&](const Table& table) {
    if (!table.rows.empty()) text += render_table(table, invocation.shown(), invocation.style()) + '\n';
  };
  add(gtids_table(run));
  add(differences);
  add(not_compared_table(items_of(*tables, "tables")));
  text += invocation.style().paint(outcome.colour, outcome.sentence);
  Json all = Json::object();
  all["run"] = run;
  all["differences"] = (*found)["differences"];
  all["tables"] = (*tables)["tables"];
  invocation.show(all, differences, text);
  if (!invocation.for_people()) invocation.talk() << outcome.sentence;
  return outcome.code;
}

Result<Exit> wait_for_run(Invocation& invocation, Repld& repld, const std::string& cluster, const std::string& id,
                          const WaitOptions& options) {
  const CatchInterrupt interrupt;
  const auto begin = Clock::now();
  const auto limit = seconds_from(options.timeout);
  auto last_answer = begin;
  Json last = Json::object({{"id", id}, {"state", "running"}});
  ProgressLine progress(invocation);
  while (true) {
    const auto run = run_named(repld, cluster, id);
    const auto at = Clock::now();
    if (run) {
      last_answer = at;
      last = *run;
      if (text_of(last, "state") != "running") break;
      progress.show(last);
    } else if (run.error().code != ErrorCode::Unreachable || at - last_answer > kLostForAtMost) {
      return fail(run.error().code, "lost sight of verification {}, which goes on when repld is back: {}", id,
                  run.error().message);
    }
    const bool over_time = limit && std::chrono::duration<double>(at - begin).count() >= *limit;
    if (interrupt.interrupted() || over_time) {
      progress.clear();
      invocation.talk() << verify_outcome(last, cluster).sentence << std::flush;
      return Exit::TimedOut;
    }
    std::this_thread::sleep_for(kLookInterval);
  }
  progress.clear();
  return report(invocation, repld, cluster, last);
}

Json request_of(const VerifyOptions& options) {
  Json body = Json::object();
  if (options.resume) body["resume"] = true;
  if (!options.schemas.empty()) body["schemas"] = options.schemas;
  if (!options.tables.empty()) body["tables"] = options.tables;
  if (const auto lag = seconds_from(options.max_lag)) body["maxLagSeconds"] = *lag;
  if (options.gtid_only) body["gtidOnly"] = true;
  return body;
}

Result<Exit> verify(Invocation& run, const VerifyOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  if (options.stop) {
    const auto stopped = (*repld)->post(cluster_path(*cluster, "/verify/stop"), Json::object());
    if (!stopped) return tl::unexpected(stopped.error());
    return run.say({{"cluster", *cluster}, {"done", "stop"}},
                   fmt::format("{}: stopped; `replctl verify {} --resume` goes on where it was", *cluster, *cluster));
  }
  if (options.list) {
    const auto runs = (*repld)->get(cluster_path(*cluster, "/verify/runs"));
    if (!runs) return tl::unexpected(runs.error());
    const auto table = runs_table(items_of(*runs, "runs"));
    if (table.rows.empty()) return run.say({{"runs", Json::array()}}, fmt::format("{}: never verified", *cluster));
    return run.show(*runs, table);
  }
  if (options.show || !options.run.empty()) {
    const auto shown = run_named(**repld, *cluster, options.run);
    if (!shown) return tl::unexpected(shown.error());
    if (shown->is_null()) return run.say({{"cluster", *cluster}}, fmt::format("{}: never verified", *cluster));
    if (run.for_people() && text_of(*shown, "state") == "running") {
      run.talk() << verify_progress_line(*shown) << "\n";
    }
    const auto code = report(run, **repld, *cluster, *shown);
    return code && *code == Exit::TimedOut ? Exit::Done : code;
  }
  const auto started = (*repld)->post(cluster_path(*cluster, "/verify"), request_of(options));
  if (!started) return tl::unexpected(started.error());
  const auto id = text_of(*started, "run");
  if (!options.wait.wait) {
    return run.say({{"cluster", *cluster}, {"run", id}},
                   fmt::format("{}: verification {} goes on; `replctl verify {} --show` tells how far it is", *cluster,
                               id, *cluster));
  }
  run.talk() << fmt::format("{}: verification {}\n", *cluster, id) << std::flush;
  return wait_for_run(run, **repld, *cluster, id, options.wait);
}

}  // namespace

void add_verify_commands(CLI::App& app, Invocation& run) {
  auto [sub, options] =
      add_command<VerifyOptions>(app, run, {"verify", kSee, "compare the data of all nodes of a cluster"}, verify);
  add_cluster_argument(*sub, options->cluster);
  auto* schemas = sub->add_option("--schema", options->schemas,
                                  "compare this schema; may be given several times (default: consistency.schemas of "
                                  "the topology file, else all)")
                      ->type_name("SCHEMA")
                      ->expected(1)
                      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* tables = sub->add_option("--table", options->tables, "compare this table; may be given several times")
                     ->type_name("SCHEMA.TABLE")
                     ->expected(1)
                     ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* max_lag = sub->add_option("--max-lag", options->max_lag,
                                  "read only while no replica is further behind (repld's default: 500ms)")
                      ->type_name(kDurationType)
                      ->check(is_duration());
  auto* gtid_only = sub->add_flag("--gtid-only", options->gtid_only, "compare executed transactions and no rows");
  auto* resume = sub->add_flag("--resume", options->resume, "go on with the one that was stopped or interrupted");
  auto* stop = sub->add_flag("--stop", options->stop, "stop the one that is running");
  auto* show = sub->add_flag("--show", options->show, "show the latest one and start none");
  auto* one =
      sub->add_option("--run", options->run, "show this one, which --list has, and start none")->type_name("RUN");
  auto* list = sub->add_flag("--list", options->list, "list those that are kept and start none");
  for (auto* alone : {resume, stop, show, one, list}) {
    for (auto* other : {schemas, tables, max_lag, gtid_only}) alone->excludes(other);
  }
  resume->excludes(stop)->excludes(show)->excludes(one)->excludes(list);
  stop->excludes(show)->excludes(one)->excludes(list);
  list->excludes(show)->excludes(one);
  add_wait_options(*sub, options->wait);
  sub->footer(
      "Rows are read in small parts on all nodes at once, and only while the replicas keep up. Nothing is locked or\n"
      "written, and replication is not stopped. Exit code 1: the nodes differ; 4: no difference was found, but not "
      "all\n"
      "was compared.\n\n"
      "Examples:\n  replctl verify shop\n  replctl verify shop --schema orders --max-lag 200ms --no-wait\n"
      "  replctl verify shop --show -o wide\n  replctl verify shop --run shop-v7");
}

}  // namespace repl::ctl

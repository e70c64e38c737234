// status, clusters, nodes, problems, rules: what is there now.
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/tree.hpp"
#include "ctl/views.hpp"

namespace repl::ctl {
namespace {

struct StatusOptions {
  std::string cluster;
  bool watch = false;
  std::string interval = "1s";
};

/// The clusters to be shown: the named one, or all.
Result<Json> fetch_clusters(Repld& repld, const std::string& cluster) {
  Json found = Json::array();
  if (!cluster.empty()) {
    auto one = repld.get(cluster_path(cluster));
    if (!one) return tl::unexpected(one.error());
    found.push_back(std::move(*one));
    return found;
  }
  const auto summaries = repld.get("/api/v1/clusters");
  if (!summaries) return tl::unexpected(summaries.error());
  for (const auto* summary : items_of(*summaries, "clusters")) {
    auto one = repld.get(cluster_path(text_of(*summary, "cluster")));
    if (one) {
      found.push_back(std::move(*one));
    } else if (one.error().code != ErrorCode::NoSuchCluster) {  // forgotten between the two calls
      return tl::unexpected(one.error());
    }
  }
  return found;
}

std::string status_text(const Json& clusters, const Invocation& run, Shown shown) {
  if (clusters.empty()) return "repld manages no cluster yet; give it one with: replctl apply FILE\n";
  std::string out;
  for (const auto& cluster : clusters)
    out += (out.empty() ? "" : "\n") + render_status(cluster, now(), shown, run.style());
  return out;
}

Table nodes_of(const Json& clusters) {
  Json nodes = Json::array();
  for (const auto& cluster : clusters) {
    for (const auto* node : items_of(cluster, "nodes")) {
      nodes.push_back(*node);
      nodes.back()["cluster"] = text_of(cluster, "cluster");
    }
  }
  std::vector<const Json*> rows;
  for (const auto& node : nodes) rows.push_back(&node);
  return nodes_table(rows);
}

/// One cluster is an object, several are a list of them.
Json status_value(const Json& clusters, const std::string& named) {
  if (clusters.size() == 1 || !named.empty()) return clusters.at(0);
  return {{"clusters", clusters}};
}

/// Text that replaces what is on the screen, line by line so that nothing flickers.
std::string over_the_last(const std::string& text) {
  std::string out = "\x1b[H";
  for (const auto line : lines_of(text)) out += std::string(line) + "\x1b[K\n";
  return out + "\x1b[J";
}

/// Redraws until Ctrl-C. A repld that goes away is shown as such, and shown again when it is back.
Result<Exit> watch(Invocation& run, Repld& repld, const StatusOptions& options) {
  auto& out = run.console().out;
  const std::chrono::duration<double> interval(seconds_from(options.interval).value_or(1));
  while (out) {
    const auto clusters = fetch_clusters(repld, options.cluster);
    if (!clusters && clusters.error().code != ErrorCode::Unreachable) return tl::unexpected(clusters.error());
    const auto text = clusters ? status_text(*clusters, run, run.shown()) : clusters.error().message + '\n';
    if (run.console().out_is_terminal) {
      out << over_the_last(text) << std::flush;
    } else {
      out << text << "\n" << std::flush;
    }
    std::this_thread::sleep_for(interval);
  }
  return Exit::Done;
}

Result<Exit> status(Invocation& run, const StatusOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  if (options.watch) {
    if (!run.for_people())
      return fail(ErrorCode::InvalidArgument, "--watch is for people: leave out -o {}", run.options.format);
    return watch(run, **repld, options);
  }
  const auto clusters = fetch_clusters(**repld, options.cluster);
  if (!clusters) return tl::unexpected(clusters.error());
  return run.show(status_value(*clusters, options.cluster), nodes_of(*clusters),
                  status_text(*clusters, run, run.shown()));
}

Result<Exit> clusters(Invocation& run, const NoOptions&) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto answer = (*repld)->get("/api/v1/clusters");
  if (!answer) return tl::unexpected(answer.error());
  return run.show(*answer, clusters_table(items_of(*answer, "clusters")));
}

Result<Exit> nodes(Invocation& run, const ClusterOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  auto answer = (*repld)->get("/api/v1/nodes");
  if (!answer) return tl::unexpected(answer.error());
  if (!options.cluster.empty()) {
    Json kept = Json::array();
    for (const auto* node : items_of(*answer, "nodes")) {
      if (text_of(*node, "cluster") == options.cluster) kept.push_back(*node);
    }
    if (kept.empty())
      return fail(ErrorCode::NoSuchCluster, "repld manages no cluster {}; `replctl clusters` lists them",
                  options.cluster);
    (*answer)["nodes"] = std::move(kept);
  }
  return run.show(*answer, nodes_table(items_of(*answer, "nodes")));
}

Result<Exit> problems(Invocation& run, const ClusterOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto answer =
      (*repld)->get(options.cluster.empty() ? "/api/v1/problems" : cluster_path(options.cluster, "/problems"));
  if (!answer) return tl::unexpected(answer.error());
  const auto found = items_of(*answer, "problems");
  const auto table = problems_table(found, now());
  if (found.empty() && run.for_people()) return run.show(*answer, table, "no problems\n");
  return run.show(*answer, table);
}

Result<Exit> rules(Invocation& run, const NoOptions&) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto answer = (*repld)->get("/api/v1/rules");
  if (!answer) return tl::unexpected(answer.error());
  return run.show(*answer, rules_table(items_of(*answer, "rules")));
}

}  // namespace

void add_see_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] =
        add_command<StatusOptions>(app, run, {"status", kSee, "a cluster as a tree, with its problems"}, status);
    sub->alias("topology");
    sub->add_option("CLUSTER", options->cluster, "name of the cluster; all when left out")->type_name(kClusterType);
    sub->add_flag("-w,--watch", options->watch, "redraw until Ctrl-C");
    sub->add_option("--interval", options->interval, "with --watch: time between two looks")
        ->type_name(kDurationType)
        ->capture_default_str()
        ->check(is_duration());
    sub->footer(
        "Examples:\n  replctl status\n  replctl status shop --watch\n  replctl status shop -o json | jq .status\n\n"
        "A node's line: [role, state, lag, version, rw or ro, semi-sync replicas/acks or acker].\n"
        "+ replicates, - does not. -o wide shows more of each node.");
  }
  add_command<NoOptions>(app, run, {"clusters", kSee, "all clusters, one per line"}, clusters);
  {
    auto [sub, options] = add_command<ClusterOptions>(app, run, {"nodes", kSee, "all servers, one per line"}, nodes);
    sub->add_option("CLUSTER", options->cluster, "only those of this cluster")->type_name(kClusterType);
  }
  {
    auto [sub, options] = add_command<ClusterOptions>(
        app, run, {"problems", kSee, "what is wrong now, and what repld does about it"}, problems);
    sub->alias("replication-analysis");
    sub->add_option("CLUSTER", options->cluster, "only those of this cluster")->type_name(kClusterType);
  }
  add_command<NoOptions>(app, run, {"rules", kSee, "every problem repld can find, its meaning and remedy"}, rules);
}

}  // namespace repl::ctl

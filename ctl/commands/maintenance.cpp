// maintenance: a person works on a node or a cluster, and repld keeps its hands off until that is over.
#include <nlohmann/json.hpp>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/views.hpp"

namespace repl::ctl {
namespace {

struct MaintenanceOptions {
  std::string cluster;
  std::string node;
  std::string length;
  std::string reason;
  bool end = false;
};

/// Who works where now.
Result<Exit> list(Invocation& run, Repld& repld, const std::string& only) {
  std::vector<std::string> names{only};
  if (only.empty()) {
    const auto all = repld.get("/api/v1/clusters");
    if (!all) return tl::unexpected(all.error());
    names.clear();
    for (const auto* cluster : items_of(*all, "clusters")) names.push_back(text_of(*cluster, "cluster"));
  }
  Json found = Json::array();
  const auto add = [&](const std::string& cluster, const Json& node, const Json& in) {
    const auto* maintenance = find(in, "maintenance");
    if (maintenance == nullptr) return;
    Json entry{{"cluster", cluster}, {"node", node}};
    entry.update(*maintenance);
    found.push_back(std::move(entry));
  };
  for (const auto& name : names) {
    const auto cluster = repld.get(cluster_path(name));
    if (!cluster) return tl::unexpected(cluster.error());
    add(name, nullptr, *cluster);
    for (const auto* node : items_of(*cluster, "nodes")) add(name, text_of(*node, "name"), *node);
  }
  const Json value{{"maintenance", std::move(found)}};
  const auto entries = items_of(value, "maintenance");
  const auto table = maintenance_table(entries);
  if (entries.empty() && run.for_people()) return run.show(value, table, "nothing is in maintenance\n");
  return run.show(value, table);
}

Result<Exit> maintenance(Invocation& run, const MaintenanceOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  if (options.length.empty() && !options.end) {
    if (!options.node.empty()) {
      return fail(ErrorCode::InvalidArgument, "say for how long (--for 1h --reason TEXT), or --end");
    }
    return list(run, **repld, options.cluster);
  }
  if (options.cluster.empty()) return fail(ErrorCode::InvalidArgument, "which cluster?");
  if (!options.end && options.reason.empty()) {
    return fail(ErrorCode::InvalidArgument, "--reason is missing: others will want to know why repld keeps off");
  }
  Json body = Json::object();
  if (!options.node.empty()) body["node"] = options.node;
  if (!options.end) {
    body["forSeconds"] = *seconds_from(options.length);
    body["reason"] = options.reason;
  }
  const auto answer =
      (*repld)->post(cluster_path(options.cluster, options.end ? "/maintenance/end" : "/maintenance"), body);
  if (!answer) return tl::unexpected(answer.error());
  const auto under_way = text_of(*answer, "operation");
  const auto what = options.node.empty() ? options.cluster : options.cluster + "/" + options.node;
  auto sentence =
      options.end ? fmt::format("{}: out of maintenance; repld acts by itself again", what)
      : options.node.empty()
          ? fmt::format("{}: in maintenance for {}; repld changes nothing there by itself", what, options.length)
          : fmt::format("{}: in maintenance for {}; repld repairs nothing on it and does not promote it", what,
                        options.length);
  if (!under_way.empty()) {
    sentence += fmt::format(
        "\nthe operation {} was under way there and goes on: wait for its end (`replctl operation "
        "{} --wait`)",
        under_way, under_way);
  }
  return run.say({{"cluster", options.cluster},
                  {"node", options.node},
                  {"done", options.end ? "end" : "maintenance"},
                  {"operation", under_way.empty() ? Json(nullptr) : Json(under_way)}},
                 sentence);
}

}  // namespace

void add_maintenance_commands(CLI::App& app, Invocation& run) {
  auto [sub, options] = add_command<MaintenanceOptions>(
      app, run, {"maintenance", kOperate, "keep repld off a node or a cluster while somebody works on it"},
      maintenance);
  sub->alias("downtime");
  sub->add_option("CLUSTER", options->cluster, "name of the cluster")->type_name(kClusterType);
  sub->add_option("NODE", options->node, "only this node; the whole cluster when left out")->type_name(kNodeType);
  auto* length = sub->add_option("--for", options->length, "how long; it ends by itself then")
                     ->type_name(kDurationType)
                     ->check(is_duration());
  sub->add_option("--reason", options->reason, "why, for others to read")->type_name("TEXT");
  sub->add_flag("--end", options->end, "end it now")->excludes(length);
  sub->footer(
      "A node in maintenance is not repaired, not re-attached and never promoted, and its problems count for no "
      "alarm.\n"
      "Open for clients it is still closed: turn them away first (SET GLOBAL offline_mode=ON) to write on it. In a\n"
      "cluster in maintenance nothing is done automatically; what people ask for is. Without --for and --end it tells\n"
      "who works where.\n\n"
      "Examples:\n  replctl maintenance shop db2 --for 1h --reason 'disk swap'\n  replctl maintenance shop db2 --end\n"
      "  replctl maintenance");
}

}  // namespace repl::ctl

// cancel, ack, pause, resume, forget: one request, one sentence.
#include <nlohmann/json.hpp>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"

namespace repl::ctl {
namespace {

struct ForgetOptions {
  std::string cluster;
  bool yes = false;
};

Result<Exit> post_verb(Invocation& run, const std::string& given, const char* verb, const char* sentence) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(given);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto answer = (*repld)->post(cluster_path(*cluster, std::string("/") + verb), Json::object());
  if (!answer) return tl::unexpected(answer.error());
  return run.say({{"cluster", *cluster}, {"done", verb}}, fmt::format("{}: {}", *cluster, sentence));
}

Result<Exit> cancel(Invocation& run, const ClusterOptions& o) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(o.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto answer = (*repld)->post(cluster_path(*cluster, "/cancel"), Json::object());
  if (!answer) return tl::unexpected(answer.error());
  const auto id = text_of(*answer, "operation");
  return run.say(
      {{"cluster", *cluster}, {"done", "cancel"}, {"operation", id}},
      fmt::format("{}: {} is being taken back; `replctl history {}` says how it ends", *cluster, id, *cluster));
}

Result<Exit> ack(Invocation& run, const ClusterOptions& o) {
  return post_verb(run, o.cluster, "ack",
                   "earlier failovers are acknowledged; they hold back the next automatic one no longer");
}
Result<Exit> pause(Invocation& run, const ClusterOptions& o) {
  return post_verb(run, o.cluster, "pause", "paused; repld watches and changes nothing until `replctl resume`");
}
Result<Exit> resume(Invocation& run, const ClusterOptions& o) {
  return post_verb(run, o.cluster, "resume", "resumed; repld acts by itself again");
}

Result<Exit> forget(Invocation& run, const ForgetOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  if (run.console().interactive() && !options.yes &&
      !confirmed(run.console(),
                 fmt::format("Stop managing {}? Its servers stay as they are, and nothing fails over any more.",
                             options.cluster))) {
    return fail(ErrorCode::PreconditionFailed, "not confirmed: nothing was changed");
  }
  const auto answer = (*repld)->remove(cluster_path(options.cluster));
  if (!answer) return tl::unexpected(answer.error());
  return run.say({{"cluster", options.cluster}, {"done", "forget"}},
                 fmt::format("{}: no longer managed; its servers are left as they are", options.cluster));
}

}  // namespace

void add_switch_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] = add_command<ClusterOptions>(
        app, run, {"cancel", kOperate, "take back the apply or switchover that is under way"}, cancel);
    add_cluster_argument(*sub, options->cluster);
  }
  {
    auto [sub, options] = add_command<ClusterOptions>(
        app, run, {"ack", kOperate, "acknowledge failovers, so that the next automatic one may come"}, ack);
    sub->alias("ack-cluster-recoveries");
    add_cluster_argument(*sub, options->cluster);
  }
  {
    auto [sub, options] =
        add_command<ClusterOptions>(app, run, {"pause", kOperate, "watch only: change nothing by itself"}, pause);
    sub->alias("disable-recoveries");
    add_cluster_argument(*sub, options->cluster);
  }
  {
    auto [sub, options] = add_command<ClusterOptions>(app, run, {"resume", kOperate, "end a pause"}, resume);
    sub->alias("enable-recoveries");
    add_cluster_argument(*sub, options->cluster);
  }
  {
    auto [sub, options] = add_command<ForgetOptions>(
        app, run, {"forget", kOperate, "stop managing a cluster; its servers are left as they are"}, forget);
    sub->add_option("CLUSTER", options->cluster, "name of the cluster")->type_name(kClusterType)->required();
    add_yes_option(*sub, options->yes);
  }
}

}  // namespace repl::ctl

// switchover, failover: who is the primary.
#include <nlohmann/json.hpp>
#include <ostream>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/views.hpp"

namespace repl::ctl {
namespace {

struct SwitchoverOptions {
  std::string cluster;
  std::string to;
  std::string hold_writes;
  WaitOptions wait;
};
struct FailoverOptions {
  std::string cluster;
  std::string to;
  bool yes = false;
  WaitOptions wait;
};

/// Asks for the operation and waits for it.
Result<Exit> start(Invocation& run, Repld& repld, const std::string& cluster, const char* verb, const Json& body,
                   const WaitOptions& wait) {
  const auto answer = repld.post(cluster_path(cluster, std::string("/") + verb), body);
  if (!answer) return tl::unexpected(answer.error());
  const auto id = text_of(*answer, "operation");
  if (id.empty()) return run.say(*answer, fmt::format("{}: nothing to do", cluster));
  run.talk() << fmt::format("{}: {}, operation {}\n", cluster, verb, id) << std::flush;
  Json last;
  const auto code = wait_for_operation(run, id, wait, 0, last);
  if (code && !run.for_people()) run.show(last, steps_table(last));
  return code;
}

Result<Exit> switchover(Invocation& run, const SwitchoverOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  Json body = Json::object();
  if (!options.to.empty()) body["to"] = options.to;
  if (const auto hold = seconds_from(options.hold_writes)) body["timeoutSeconds"] = *hold;
  return start(run, **repld, *cluster, "switchover", body, options.wait);
}

Result<Exit> failover(Invocation& run, const FailoverOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  if (run.console().interactive() && !options.yes &&
      !confirmed(run.console(), fmt::format("Replace the primary of {} as if it were dead?", *cluster))) {
    return fail(ErrorCode::PreconditionFailed, "not confirmed: nothing was changed");
  }
  Json body = Json::object();
  if (!options.to.empty()) body["to"] = options.to;
  return start(run, **repld, *cluster, "failover", body, options.wait);
}

}  // namespace

void add_primary_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] = add_command<SwitchoverOptions>(
        app, run, {"switchover", kChange, "make another node the primary while the present one is alive"}, switchover);
    sub->alias("takeover")->alias("graceful-master-takeover");
    add_cluster_argument(*sub, options->cluster);
    sub->add_option("--to", options->to, "the new primary; the best candidate when left out")->type_name(kNodeType);
    sub->add_option("--hold-writes", options->hold_writes,
                    "the longest that writes are held up before all is taken back (repld's default: 10s)")
        ->type_name(kDurationType)
        ->check(is_duration());
    add_wait_options(*sub, options->wait);
    sub->footer(
        "Nothing is lost, and there are never two writers: the old primary is closed first, and the new one opens once "
        "it\n"
        "has applied all that the old one has.\n\n"
        "Examples:\n  replctl switchover shop --to db2\n  replctl switchover shop --hold-writes 2s --timeout 1m");
  }
  {
    auto [sub, options] = add_command<FailoverOptions>(
        app, run, {"failover", kChange, "replace a dead primary now, without waiting for detection or cool-down"},
        failover);
    sub->alias("recover")->alias("force-master-failover");
    add_cluster_argument(*sub, options->cluster);
    sub->add_option("--to", options->to, "the new primary; the best candidate when left out")->type_name(kNodeType);
    add_yes_option(*sub, options->yes);
    add_wait_options(*sub, options->wait);
    sub->footer(
        "The safety rules are those of an automatic failover: no acknowledged transaction may be lost, and the old "
        "primary\n"
        "must be fenced. What stands against it is named, and the exit code is 3.\n\n"
        "Examples:\n  replctl failover shop\n  replctl failover shop --to db3 -y");
  }
}

}  // namespace repl::ctl

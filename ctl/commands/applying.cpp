// What apply, rollback and diff have in common.
#include "ctl/commands/applying.hpp"

#include <nlohmann/json.hpp>
#include <ostream>

#include "ctl/plan_layout.hpp"

namespace repl::ctl {

Table changes_table(const Json& clusters) {
  Table table{.columns = {{"CLUSTER"}, {"SIGN"}, {"PATH"}, {"FROM"}, {"TO"}}, .rows = {}};
  for (const auto& cluster : clusters) {
    for (const auto* c : items_of(cluster, "changes")) {
      table.rows.push_back({{text_of(cluster, "cluster"), Colour::None},
                            {text_of(*c, "sign"), Colour::None},
                            {text_of(*c, "path"), Colour::None},
                            {text_of(*c, "from"), Colour::None},
                            {text_of(*c, "to"), Colour::None}});
    }
  }
  return table;
}

/// Something is done to a cluster that was managed before.
bool changes_a_running_cluster(const Json& answer) {
  for (const auto* cluster : items_of(answer, "clusters")) {
    if (integer_of(*cluster, "previousRevision") > 0 && !is_empty_plan(*cluster)) return true;
  }
  return false;
}

std::string render_plans(const Json& answer, const Style& style) {
  std::string text;
  for (const auto* cluster : items_of(answer, "clusters")) text += render_plan(*cluster, style);
  return text;
}

Table plan_table(const Json& answers) {
  Table table{.columns = {{"CLUSTER"}, {"STEP", Align::Right}, {"NODE"}, {"NAME"}, {"TEXT"}}, .rows = {}};
  for (const auto* cluster : items_of(answers, "clusters")) {
    const auto* plan = find(*cluster, "plan");
    if (plan == nullptr) continue;
    long long number = 0;
    for (const auto* step : items_of(*plan, "steps")) {
      table.rows.push_back({{text_of(*cluster, "cluster"), Colour::None},
                            {std::to_string(++number), Colour::None},
                            {text_of(*step, "node"), Colour::None},
                            {text_of(*step, "name"), Colour::None},
                            {words_of_step(*step).action, Colour::None}});
    }
  }
  return table;
}

/// Waits for what an accepted apply started. `results` gets the clusters with their operations.
Result<Exit> wait_for_all(Invocation& run, const Json& answer, const WaitOptions& wait, Json& results) {
  auto code = Exit::Done;
  for (const auto* cluster : items_of(answer, "clusters")) {
    Json result = *cluster;
    const auto id = text_of(*cluster, "operation");
    if (id.empty()) {
      run.talk() << fmt::format("{}: revision {} is in force\n", text_of(*cluster, "cluster"),
                                text_of(*cluster, "revision"));
    } else {
      Json last;
      const auto waited = wait_for_operation(run, id, wait, integer_of(*cluster, "revision"), last);
      if (!waited) return tl::unexpected(waited.error());
      code = worse(code, *waited);
      result["result"] = std::move(last);
    }
    results.push_back(std::move(result));
  }
  return code;
}

Result<Exit> plan_and_carry_out(Invocation& run, Repld& repld, const std::string& path, Json body,
                                const CarryOut& options, Json& results) {
  const bool look_first = options.dry_run || (run.console().interactive() && !options.yes);
  if (look_first) {
    body["dryRun"] = true;
    const auto plan = repld.post(path, body, kPlanningTime);
    if (!plan) return tl::unexpected(plan.error());
    run.talk() << render_plans(*plan, run.talk_style()) << std::flush;
    if (options.dry_run) {
      run.talk() << "nothing was changed; run without --dry-run to carry it out\n";
      if (!run.for_people()) run.show(*plan, plan_table(*plan));
      return Exit::Done;
    }
    if (changes_a_running_cluster(*plan) && !confirmed(run.console(), "Carry this out?")) {
      return fail(ErrorCode::PreconditionFailed, "not confirmed: nothing was changed");
    }
  }
  body["dryRun"] = false;
  const auto answer = repld.post(path, body, kPlanningTime);
  if (!answer) return tl::unexpected(answer.error());
  if (!look_first) run.talk() << render_plans(*answer, run.talk_style()) << std::flush;
  results = Json::array();
  return wait_for_all(run, *answer, options.wait, results);
}

}  // namespace repl::ctl

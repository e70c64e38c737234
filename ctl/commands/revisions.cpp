// show, rollback: what was applied once, and the way back to it; rotate: what is in force, with other passwords.
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "ctl/commands/applying.hpp"
#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/plan_layout.hpp"
#include "ctl/views.hpp"

namespace repl::ctl {
namespace {

struct ShowOptions {
  std::string cluster;
  long long revision = 0;  ///< 0: the one in force.
  bool state = false;
};
struct RollbackOptions {
  std::string cluster;
  long long revision = 0;  ///< 0: the one that was in force before.
  bool dry_run = false;
  bool yes = false;
  std::string note;
  WaitOptions wait;
};

struct RotateOptions {
  std::string cluster;
  std::vector<std::string> discard_former;
  bool dry_run = false;
  bool yes = false;
  WaitOptions wait;
};

/// How long the servers may take to become what was applied before it counts as not reached.
constexpr std::chrono::seconds kSettlingTime{10};
constexpr std::chrono::milliseconds kLookAgainAfter{200};

Result<Exit> show(Invocation& run, const ShowOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  auto number = options.revision;
  if (number == 0) {
    const auto now = (*repld)->get(cluster_path(*cluster));
    if (!now) return tl::unexpected(now.error());
    number = integer_of(*now, "revision");
    if (number == 0) return fail(ErrorCode::PreconditionFailed, "{}: no revision is in force yet", *cluster);
  }
  const auto answer = (*repld)->get(cluster_path(*cluster, fmt::format("/revisions/{}", number)));
  if (!answer) return tl::unexpected(answer.error());
  return run.show(*answer, prior_state_table(*answer), render_revision(*answer, options.state, run.style()));
}

/// Looks at the servers again: are they what the revision in force says? What is left is named.
Result<Exit> check_converged(Invocation& run, Repld& repld, const std::string& cluster, Json& verified) {
  const auto until = std::chrono::steady_clock::now() + kSettlingTime;
  while (true) {
    auto answer = repld.post(cluster_path(cluster, "/converged"), Json::object(), kPlanningTime);
    const bool late = std::chrono::steady_clock::now() >= until;
    if (!answer && (late || answer.error().code != ErrorCode::Conflict)) {
      return fail(answer.error().code, "it was done, and could not be verified: {}", answer.error().message);
    }
    if (answer) {
      verified = *answer;
      if (is_true(*answer, "verified")) {
        run.talk() << fmt::format("verified: nothing left to change, the servers are what revision {} says\n",
                                  text_of(*answer, "revision"));
        return Exit::Done;
      }
      if (late) {
        for (const auto* node : items_of(*answer, "notReached")) {
          run.talk() << fmt::format("not verified: {} does not answer\n", node->get<std::string>());
        }
        const auto* plan = find(*answer, "plan");
        if (plan != nullptr && !items_of(*plan, "steps").empty()) {
          run.talk() << "not verified: this is left to be changed\n" << render_steps(*plan, run.talk_style());
        }
        return Exit::NeedsPerson;
      }
    }
    std::this_thread::sleep_for(kLookAgainAfter);
  }
}

Result<Exit> rollback(Invocation& run, const RollbackOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto path = cluster_path(*cluster, "/rollback");
  Json body{{"note", options.note}, {"dryRun", true}};
  if (options.revision > 0) body["to"] = options.revision;

  Json results;
  auto code = plan_and_carry_out(run, **repld, path, body, {options.dry_run, options.yes, options.wait}, results);
  if (!code || results.is_null()) return code;
  Json value{{"clusters", std::move(results)}};
  if (code && *code == Exit::Done && options.wait.wait) {
    Json verified;
    code = check_converged(run, **repld, *cluster, verified);
    if (!verified.is_null()) value["verified"] = std::move(verified);
  }
  if (code && !run.for_people()) run.show(value, plan_table(value));
  return code;
}

Result<Exit> rotate(Invocation& run, const RotateOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto cluster = run.cluster(options.cluster);
  if (!cluster) return tl::unexpected(cluster.error());
  Json body = Json::object();
  if (!options.discard_former.empty()) body["discardFormer"] = options.discard_former;
  Json results;
  auto code = plan_and_carry_out(run, **repld, cluster_path(*cluster, "/rotate"), body,
                                 {options.dry_run, options.yes, options.wait}, results);
  if (!code || results.is_null()) return code;
  const Json value{{"clusters", std::move(results)}};
  if (!run.for_people()) run.show(value, plan_table(value));
  return code;
}

}  // namespace

void add_revision_commands(CLI::App& app, Invocation& run) {
  const auto add_revision = [](CLI::App& sub, long long& revision, const char* meaning) {
    sub.add_option("REVISION", revision, meaning)->type_name("REVISION")->check(CLI::PositiveNumber);
  };
  {
    auto [sub, options] =
        add_command<RollbackOptions>(app, run, {"rollback", kChange, "go back to an earlier revision"}, rollback);
    add_cluster_argument(*sub, options->cluster);
    add_revision(*sub, options->revision, "as `history` shows it; the one that was in force before when left out");
    sub->add_flag("--dry-run", options->dry_run, "show changes and steps, and change nothing");
    sub->add_option("--note", options->note, "kept with the revision: why")->type_name("TEXT");
    add_yes_option(*sub, options->yes);
    add_wait_options(*sub, options->wait);
    sub->footer(
        "The earlier revision is applied as a new one, with the checks of an apply, and server variables that later\n"
        "revisions have set go back to what they were. The primary in office stays (`replctl switchover` moves it).\n"
        "Afterwards every server is looked at again: nothing may be left to change, or the exit code is 5.\n\n"
        "Examples:\n  replctl rollback shop --dry-run\n  replctl rollback shop 6 --note 'too many acks'");
  }
  {
    auto [sub, options] = add_command<ShowOptions>(
        app, run, {"show", kSee, "a revision: its topology file, who applied it and why"}, show);
    add_cluster_argument(*sub, options->cluster);
    add_revision(*sub, options->revision, "as `history` shows it; the one in force when left out");
    sub->add_flag("--state", options->state, "also what each server was like before it was applied");
    sub->footer(
        "What is printed is a topology file, with the rest as comments.\n\n"
        "Examples:\n  replctl show shop 6 > shop.yaml\n  replctl show shop --state");
  }
  {
    auto [sub, options] = add_command<RotateOptions>(
        app, run, {"rotate", kChange, "give accounts the passwords that their secrets hold now"}, rotate);
    add_cluster_argument(*sub, options->cluster);
    sub->add_option("--discard-former", options->discard_former,
                    "the former password of this account works no longer; again for another account")
        ->type_name("ACCOUNT")
        ->check(CLI::IsMember({"admin", "replication", "monitoring", "application"}));
    sub->add_flag("--dry-run", options->dry_run, "show the steps, and change nothing");
    add_yes_option(*sub, options->yes);
    add_wait_options(*sub, options->wait);
    sub->footer(
        "Put the new password where the topology file says it is (edit the secret file) first. The account keeps its\n"
        "present password as a second one; then every replica is told the new one, one after the other, and the "
        "former\n"
        "one of the replication account is discarded. Those of the others work on until --discard-former.\n\n"
        "Examples:\n  replctl rotate shop --dry-run\n  replctl rotate shop\n"
        "  replctl rotate shop --discard-former application");
  }
}

}  // namespace repl::ctl

// The calls about revisions: show one, compare two, go back to one.
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "model/spec_text.hpp"
#include "serve/applying.hpp"
#include "serve/handlers.hpp"
#include "serve/shapes.hpp"
#include "spec/diff.hpp"
#include "spec/to_yaml.hpp"

namespace repl::serve {
namespace {

/// @errors InvalidArgument
Result<Revision> revision_number(std::string_view text) {
  Revision revision;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision.number);
  if (error == std::errc{} && end == text.data() + text.size() && revision.number > 0) return revision;
  return fail(ErrorCode::InvalidArgument, "'{}' is no number of a revision", text);
}

/// @errors NoSuchRevision; NotSupported: only its document was kept
Result<AppliedRevision> with_spec(const Call& call, Revision number) {
  const ClusterId cluster{call.cluster_name()};
  auto revision = call.backend.store.revision(cluster, number);
  if (revision && !revision->spec) {
    return fail(ErrorCode::NotSupported,
                "revision {} of {} was applied by a repld that kept only its file: `replctl show {} {} > FILE`, then "
                "`replctl diff FILE` and `replctl apply FILE`",
                number.number, cluster, cluster, number.number);
  }
  return revision;
}

/// The one that was in force before the one that is.
Result<Revision> last_but_one(const Call& call, Revision in_force) {
  const ClusterId cluster{call.cluster_name()};
  const auto revisions = call.backend.store.revisions(cluster);
  if (!revisions) return tl::unexpected(revisions.error());
  for (const auto& revision : *revisions) {
    if (revision.revision < in_force && revision.state == RevisionState::Applied) return revision.revision;
  }
  return fail(ErrorCode::PreconditionFailed, "{}: there is no revision before {}; `replctl history {}` lists them",
              cluster, in_force.number, cluster);
}

}  // namespace

Result<Response> show_revision(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto number = revision_number(call.path.at("revision"));
  if (!number) return tl::unexpected(number.error());
  const auto revision = call.backend.store.revision({call.cluster_name()}, *number);
  if (!revision) return tl::unexpected(revision.error());
  return json_response(200, revision_json(*revision, *cluster));
}

Result<Response> diff_revisions(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto in_force = std::to_string(cluster->memory().revision.number);
  std::vector<AppliedRevision> two;
  for (const auto* side : {"from", "to"}) {
    const auto given = call.query.find(side);
    if (given == call.query.end() && std::string_view(side) == "from") {
      return fail(ErrorCode::InvalidArgument, "from: the number of a revision is missing");
    }
    const auto number = revision_number(given == call.query.end() ? in_force : given->second);
    if (!number) return tl::unexpected(number.error());
    auto revision = with_spec(call, *number);
    if (!revision) return tl::unexpected(revision.error());
    two.push_back(std::move(*revision));
  }
  Json changes = Json::array();
  for (const auto& change : spec::diff(*two[0].spec, *two[1].spec)) changes.push_back(change_json(change));
  return json_response(200, {{"cluster", call.cluster_name()},
                             {"from", two[0].revision.number},
                             {"to", two[1].revision.number},
                             {"equal", changes.empty()},
                             {"changes", std::move(changes)}});
}

Result<Response> roll_back(const Call& call) {
  const auto one_at_a_time = applying();
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto target = call.body.contains("to") ? Result<Revision>(Revision{call.body.at("to").get<std::uint64_t>()})
                                               : last_but_one(call, cluster->memory().revision);
  if (!target) return tl::unexpected(target.error());
  const auto revision = with_spec(call, *target);
  if (!revision) return tl::unexpected(revision.error());
  // Its secrets may have gone, and another cluster may have its servers by now.
  const auto taken = take(call, spec::to_yaml(*revision->spec), fmt::format("revision {}", target->number), "/");
  if (taken.refusal) return *taken.refusal;
  const bool dry_run = call.body.value("dryRun", false);
  const auto asked = ask_to_apply(call, {.spec = *revision->spec,
                                         .dry_run = dry_run,
                                         .note = call.body.value("note", std::string()),
                                         .document = revision->document,
                                         .back_to = *target});
  if (!asked) return tl::unexpected(asked.error());
  Json json = {{"clusters", Json::array({applied_json(*asked, *revision->spec, taken.warnings_of(0))})}};
  return json_response(asked->reply.operation ? 202 : 200, json);
}

Result<Response> rotate_passwords(const Call& call) {
  const auto one_at_a_time = applying();
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto& memory = cluster->memory();
  if (!memory.spec) {
    return fail(ErrorCode::PreconditionFailed, "{}: nothing was applied yet; `replctl apply` comes first",
                call.cluster_name());
  }
  std::set<AccountRole> discard;
  for (const auto& name : call.body.value("discardFormer", Json::array())) {
    const auto role = account_role_from(name.get<std::string>());
    if (!role || !memory.spec->accounts.contains(*role)) {
      return fail(ErrorCode::InvalidArgument, "discardFormer: {} has no {} account", call.cluster_name(),
                  name.get<std::string>());
    }
    discard.insert(*role);
  }
  const auto taken = take(call, spec::to_yaml(*memory.spec), fmt::format("revision {}", memory.revision.number), "/");
  if (taken.refusal) return *taken.refusal;
  const auto asked = ask_to_apply(call, {.spec = *memory.spec,
                                         .dry_run = call.body.value("dryRun", false),
                                         .discard_former = std::move(discard),
                                         .back_to = memory.revision});
  if (!asked) return tl::unexpected(asked.error());
  Json json = {{"clusters", Json::array({applied_json(*asked, *memory.spec, taken.warnings_of(0))})}};
  return json_response(asked->reply.operation ? 202 : 200, json);
}

Result<Response> check_converged(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  if (!cluster->memory().spec) {
    return fail(ErrorCode::PreconditionFailed, "{}: nothing was applied yet; `replctl apply` comes first",
                call.cluster_name());
  }
  const auto& memory = cluster->memory();
  // As a way back to itself: a source that was declared and is not the primary is no deviation.
  const auto asked = ask_to_apply(call, {.spec = *memory.spec, .dry_run = true, .back_to = memory.revision});
  if (!asked) return tl::unexpected(asked.error());
  const auto plan = asked->reply.plan.value_or(Plan{.goal = Goal::Converge});
  // A node that does not answer is left out of a plan: of what it is nobody knows anything.
  const auto state = state_of(call, memory.spec->cluster);
  Json not_reached = Json::array();
  for (const auto& node : memory.spec->nodes) {
    if (!state.view || state.view->reachable(node.id) == nullptr) not_reached.push_back(node.id.name);
  }
  return json_response(200, {{"cluster", call.cluster_name()},
                             {"revision", memory.revision.number},
                             {"verified", plan.empty() && not_reached.empty()},
                             {"notReached", not_reached},
                             {"plan", plan_json(plan)}});
}

}  // namespace repl::serve

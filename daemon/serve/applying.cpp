// Shared parts of the changing calls.
#include "serve/applying.hpp"

#include <nlohmann/json.hpp>

#include "plan/put_back.hpp"
#include "plan/variables.hpp"
#include "run/hook_program.hpp"
#include "serve/shapes.hpp"
#include "spec/check.hpp"
#include "spec/diff.hpp"

namespace repl::serve {
namespace {

/// A controller answers once it has looked at the servers and made its plan.
constexpr std::chrono::seconds kAnswerWithin{30};

Response invalid_spec(std::vector<spec::Detail> errors) {
  auto message =
      fmt::format("{} error{} in the topology file; nothing was changed", errors.size(), errors.size() == 1 ? "" : "s");
  if (!errors.empty()) message += ". The first: " + to_string(errors.front());
  auto json = Json{{"error", error_json({ErrorCode::InvalidSpec, std::move(message)})}};
  json["error"]["details"] = details_json(errors);
  return json_response(status_of(ErrorCode::InvalidSpec), json);
}

}  // namespace

std::vector<spec::Detail> Taken::warnings_of(std::size_t cluster) const {
  const auto starts = [this](std::size_t i) { return parsed.located.at(i).name.line; };
  std::vector<spec::Detail> out;
  for (const auto& warning : parsed.warnings) {
    std::size_t owner = 0;
    for (std::size_t i = 1; i < parsed.clusters.size(); ++i) {
      if (warning.line >= starts(i)) owner = i;
    }
    if (owner == cluster) out.push_back(warning);
  }
  return out;
}
Taken take(const Call& call, const std::string& text, const std::string& file, const std::string& directory) {
  if (!directory.empty() && directory.front() != '/') {
    return {.refusal = error_response(
                {ErrorCode::InvalidArgument, fmt::format("baseDirectory: '{}' is not absolute", directory)})};
  }
  Taken taken{.parsed = spec::parse(text, file, directory)};
  auto errors = taken.parsed.errors;
  std::vector<Spec> others;
  for (const auto& state : call.backend.registry.clusters()) {
    if (state->memory.spec) others.push_back(*state->memory.spec);
  }
  for (auto& found : {spec::check_against(taken.parsed, others), spec::check_permissions("", taken.parsed)}) {
    errors.insert(errors.end(), found.begin(), found.end());
  }
  for (std::size_t i = 0; i < taken.parsed.clusters.size(); ++i) {
    const auto at = taken.parsed.located[i].hooks;
    for (auto& wrong : run::check_hooks(call.backend.hooks_directory, taken.parsed.clusters[i])) {
      errors.push_back({taken.parsed.file, at.line, at.column, std::move(wrong)});
    }
  }
  if (!errors.empty()) taken.refusal = invalid_spec(std::move(errors));
  return taken;
}

run::ClusterState state_of(const Call& call, const ClusterId& cluster) {
  const auto state = call.backend.registry.find(cluster);
  return state == nullptr ? run::ClusterState{.cluster = cluster} : *state;
}

Json changes_json(const Memory& memory, const Spec& wanted) {
  Json changes = Json::array();
  const auto before = memory.spec.value_or(Spec{.cluster = wanted.cluster, .topology = wanted.topology});
  for (auto& change : spec::diff(before, wanted)) {
    if (!memory.spec) {  // of a new cluster everything is new; what it would be by default was never there
      if (change.sign == '-') continue;
      change = {.sign = '+', .path = change.path, .from = {}, .to = change.to};
    }
    changes.push_back(change_json(change));
  }
  return changes;
}

Json notes_json(const run::ClusterState& state, const Spec& wanted) {
  Json notes = Json::array();
  const auto& memory = state.memory;
  if (!memory.spec) notes.push_back("not managed yet");
  const auto* declared = wanted.declared_source();
  if (memory.office.primary && declared != nullptr && declared->id != *memory.office.primary) {
    notes.push_back(fmt::format("primary is {} (declared {})", *memory.office.primary, declared->id));
  }
  if (memory.spec && state.view) {
    for (auto& note : plan::put_back_notes(wanted, &*memory.spec, *state.view, memory.prior_settings)) {
      notes.push_back(std::move(note));
    }
  }
  if (memory.spec && state.view && !wanted.observes()) {
    for (auto& note : plan::variable_notes(wanted, *state.view)) notes.push_back(std::move(note));
  }
  return notes;
}

Result<control::Reply> ask(const Call& call, const ClusterId& cluster, decltype(control::Request::what) what) {
  control::Request request{.asked_by = call.asked_by, .what = std::move(what)};
  auto reply = call.backend.registry.ask(cluster, std::move(request), call.backend.clock() + kAnswerWithin);
  if (reply && reply->error) return tl::unexpected(*reply->error);
  return reply;
}

Result<Asked> ask_to_apply(const Call& call, control::ApplySpec what) {
  const auto cluster = what.spec.cluster;
  Asked asked{.before = state_of(call, cluster), .reply = {}};
  auto reply = ask(call, cluster, std::move(what));
  if (!reply) return tl::unexpected(reply.error());
  asked.reply = std::move(*reply);
  return asked;
}

Json applied_json(const Asked& asked, const Spec& wanted, const std::vector<spec::Detail>& warnings) {
  const auto& memory = asked.before.memory;
  return {{"cluster", wanted.cluster.name},
          {"revision", asked.reply.revision.number},
          {"previousRevision", memory.revision.number},
          {"operation", asked.reply.operation ? Json(asked.reply.operation->value) : Json(nullptr)},
          {"plan", plan_json(asked.reply.plan.value_or(Plan{.goal = Goal::Converge}))},
          {"changes", changes_json(memory, wanted)},
          {"notes", notes_json(asked.before, wanted)},
          {"warnings", details_json(warnings)}};
}

std::unique_lock<std::mutex> applying() {
  static std::mutex mutex;
  return std::unique_lock(mutex);
}

}  // namespace repl::serve

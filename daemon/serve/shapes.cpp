// One function per shape, fields in the order of docs/api.md.
#include "serve/shapes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

#include "diagnose/rules.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "spec/to_yaml.hpp"

namespace repl::serve {
namespace {

template <class T>
Json name_or_null(const std::optional<T>& id) {
  if (!id) return nullptr;
  if constexpr (requires { id->name; }) {
    return id->name;
  } else {
    return id->value;
  }
}

Json seconds_or_null(const std::optional<Duration>& duration) {
  return duration ? Json(seconds(*duration)) : Json(nullptr);
}

std::string_view phase_text(Phase phase) {
  switch (phase) {
    case Phase::Only:
      return "only";
    case Phase::Secure:
      return "secure";
    case Phase::Promote:
      return "promote";
  }
  return "?";
}

std::string version_text(const Snapshot* reached) {
  if (reached == nullptr) return {};
  return fmt::format("{}.{}.{}", reached->version.major, reached->version.minor, reached->version.patch);
}

/// The channel's values; nothing that was not read is made up.
void add_channel(Json& json, const Channel* channel) {
  const bool there = channel != nullptr;
  json["receiver"] = there ? Json(to_string(channel->receiver)) : Json(nullptr);
  json["applier"] = there ? Json(to_string(channel->applier)) : Json(nullptr);
  json["receiverError"] = there ? channel->receiver_error : "";
  json["applierError"] = there ? channel->applier_error : "";
  json["lagSeconds"] = there ? seconds_or_null(channel->lag) : Json(nullptr);
  json["silenceSeconds"] = there ? seconds_or_null(channel->silence) : Json(nullptr);
}

std::size_t steps_over(const Operation& operation) {
  return static_cast<std::size_t>(
      std::count_if(operation.progress.begin(), operation.progress.end(),
                    [](const StepProgress& p) { return p.state == StepState::Done || p.state == StepState::Skipped; }));
}

Json maintenance_or_null(const Maintenance* maintenance) {
  if (maintenance == nullptr) return nullptr;
  return {{"since", rfc3339(maintenance->since)},
          {"until", rfc3339(maintenance->until)},
          {"by", maintenance->by},
          {"reason", maintenance->reason}};
}

Json prior_state_json(const PriorState& state) {
  const auto& version = state.version;
  Json variables = Json::array();
  for (const auto& [name, variable] : state.variables) {
    variables.push_back({{"name", name},
                         {"value", variable.value},
                         {"persisted", variable.persisted ? Json(*variable.persisted) : Json(nullptr)}});
  }
  return {{"node", state.node.name},
          {"address", to_string(state.address)},
          {"reached", state.reached},
          {"serverUuid", state.server_uuid},
          {"version", state.reached ? fmt::format("{}.{}.{}", version.major, version.minor, version.patch) : ""},
          {"readOnly", state.reached ? Json(to_string(state.read_only)) : Json(nullptr)},
          {"readOnlyPersisted", state.super_read_only_persisted},
          {"offlineMode", state.offline_mode},
          {"source", state.source ? Json(to_string(*state.source)) : Json(nullptr)},
          {"receiver", state.source ? Json(to_string(state.receiver)) : Json(nullptr)},
          {"applier", state.source ? Json(to_string(state.applier)) : Json(nullptr)},
          {"delaySeconds", state.delay.count()},
          {"semiSyncSource", state.semi_sync.source_enabled},
          {"semiSyncReplica", state.semi_sync.replica_enabled},
          {"acks", state.semi_sync.source_enabled ? state.semi_sync.wait_for_count : 0},
          {"executed", in_words(state.executed)},
          {"variables", std::move(variables)}};
}

Json error_or_null(const std::optional<Error>& error) {
  return error ? error_json(*error) : Json(nullptr);
}

/// Where a clone is that goes on; null for other steps. While the server starts anew its last word stands.
Json clone_or_null(const Step& step, const StepProgress& progress, const View* now) {
  const auto* clone = std::get_if<CloneFrom>(&step);
  if (clone == nullptr || progress.state != StepState::Running || now == nullptr) return nullptr;
  const auto* seen = now->find(clone->node);
  if (seen == nullptr || !seen->latest) return nullptr;
  const auto& latest = *seen->latest;
  const auto last = seen->reached ? seen->reached->clone : std::nullopt;
  std::string_view stage = last ? to_string(last->stage) : "starting";
  if (latest.reach == Reach::Refused) {
    stage = to_string(CloneStage::Restart);
  } else if (latest.reachable() && !last && latest.taken_at - latest.uptime > progress.changed_at) {
    stage = "finishing";
  }
  const auto figures = last.value_or(CloneProgress{});
  const auto left = figures.bytes_estimated - std::min(figures.bytes_done, figures.bytes_estimated);
  const bool copies = figures.bytes_per_second > 0 && stage.ends_with("-copy");
  return {{"stage", stage},
          {"bytesDone", figures.bytes_done},
          {"bytesEstimated", figures.bytes_estimated},
          {"bytesPerSecond", copies ? figures.bytes_per_second : 0},
          {"secondsLeft",
           copies ? Json(static_cast<double>(left) / static_cast<double>(figures.bytes_per_second)) : Json(nullptr)}};
}

}  // namespace

std::string rfc3339(Time at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  const auto seconds_since_1970 = static_cast<std::time_t>(whole.time_since_epoch().count());
  std::tm utc{};
  ::gmtime_r(&seconds_since_1970, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, (at - whole).count());
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json error_json(const Error& error) {
  return {{"code", to_string(error.code)}, {"message", error.message}};
}

Json detail_json(const spec::Detail& detail) {
  return {{"file", detail.file}, {"line", detail.line}, {"column", detail.column}, {"message", detail.message}};
}

Json details_json(std::span<const spec::Detail> details) {
  Json out = Json::array();
  for (const auto& detail : details) out.push_back(detail_json(detail));
  return out;
}

Json change_json(const spec::Change& change) {
  return {{"sign", std::string(1, change.sign)}, {"path", change.path}, {"from", change.from}, {"to", change.to}};
}

Json cluster_summary_json(const Picture& cluster) {
  const auto* spec = cluster.spec();
  const auto& memory = cluster.memory();
  return {{"cluster", cluster.state().cluster.name},
          {"topology", spec == nullptr ? "" : to_string(spec->topology)},
          {"positioning", spec == nullptr ? "" : to_string(spec->positioning)},
          {"sync", spec == nullptr ? "" : durability(*spec)},
          {"status", to_string(cluster.status())},
          {"statusText", cluster.status_text()},
          {"primary", name_or_null(memory.office.primary)},
          {"term", memory.office.term.number},
          {"revision", memory.revision.number},
          {"nodes", cluster.nodes().size()},
          {"nodesOk", cluster.nodes_ok()},
          {"problems", cluster.problems_that_count()},
          {"management", spec == nullptr ? "" : to_string(spec->management)},
          {"paused", memory.paused},
          {"maintenance", maintenance_or_null(memory.maintenance_of(std::nullopt))},
          {"restored", memory.restored ? Json(rfc3339(*memory.restored)) : Json(nullptr)}};
}

Json cluster_json(const Picture& cluster) {
  auto json = cluster_summary_json(cluster);
  json["operation"] = cluster.memory().operation ? operation_summary_json(*cluster.memory().operation) : Json(nullptr);
  auto& nodes = json["nodes"] = Json::array();
  for (const auto& node : cluster.nodes()) nodes.push_back(node_json(node));
  auto& problems = json["problemList"] = Json::array();
  for (const auto& problem : cluster.problems()) problems.push_back(problem_json(problem, cluster.state().cluster));
  json["acks"] = cluster.acks_needed();
  json["candidates"] = cluster.candidates();
  return json;
}

Json node_json(const NodePicture& node) {
  static const Snapshot nothing;
  const auto& spec = *node.spec;
  const auto& read = node.reached == nullptr ? nothing : *node.reached;
  const auto* seen = node.facts->seen;
  Json json = {{"name", spec.id.name},
               {"address", to_string(spec.address)},
               {"region", spec.region},
               {"role", to_string(node.role)},
               {"state", to_string(node.state)},
               {"reach", node.latest == nullptr ? "unknown" : to_string(node.latest->reach)},
               {"version", version_text(node.reached)},
               {"readOnly", node.reached == nullptr ? Json(nullptr) : Json(to_string(read.read_only))},
               {"offlineMode", read.offline_mode},
               {"source", node.source.empty() ? Json(nullptr) : Json(node.source)}};
  add_channel(json, read.channel());
  json["memberState"] = read.group.members.empty() ? Json(nullptr) : Json(to_string(read.member_state()));
  json["acker"] = node.facts->acknowledges;
  json["semiSyncSource"] = read.semi_sync.source_enabled;
  json["semiSyncReplica"] = read.semi_sync.replica_enabled;
  json["semiSyncClients"] = read.semi_sync.clients;
  json["waitingCommits"] = read.semi_sync.wait_sessions;
  json["executed"] = read.by_position() ? "" : read.executed.to_string();
  json["errant"] = seen != nullptr && seen->errant ? in_words(*seen->errant) : "";
  const auto place_or_null = [](const BinlogPosition& place) {
    return place.empty() ? Json(nullptr) : Json(to_string(place));
  };
  json["logPosition"] = place_or_null(read.log_position);
  json["appliedPosition"] = place_or_null(read.channel() == nullptr ? BinlogPosition{} : read.channel()->applied);
  json["missing"] = node.missing;
  json["uptimeSeconds"] = read.uptime.count();
  json["probeAgeSeconds"] = seconds_or_null(node.age);
  json["declared"] = to_string(spec.type);
  json["promotion"] = to_string(spec.promotion);
  json["delaySeconds"] = spec.delay.count();
  json["message"] = node.latest == nullptr ? "" : node.latest->problem;
  json["maintenance"] = maintenance_or_null(node.maintenance);
  return json;
}

Json problem_json(const Problem& problem, const ClusterId& cluster) {
  return {{"cluster", cluster.name},
          {"name", problem.name},
          {"severity", to_string(problem.severity)},
          {"node", name_or_null(problem.node)},
          {"goal", to_string(problem.goal)},
          {"evidence", problem.evidence},
          {"advice", problem.advice},
          {"blocked", problem.blocked},
          {"since", rfc3339(problem.since)},
          {"established", problem.established},
          {"inMaintenance", problem.in_maintenance}};
}

Json event_json(const store::StoredEvent& stored) {
  const auto& event = stored.event;
  return {{"id", stored.id},
          {"at", rfc3339(event.at)},
          {"cluster", stored.cluster.name},
          {"severity", to_string(event.severity)},
          {"kind", event.kind},
          {"node", name_or_null(event.node)},
          {"operation", name_or_null(event.operation)},
          {"text", event.text}};
}

Json revision_summary_json(const AppliedRevision& revision, const Picture& cluster) {
  const bool in_force = revision.revision == cluster.memory().revision;
  const bool applied = revision.state == RevisionState::Applied;
  return {{"revision", revision.revision.number},
          {"at", rfc3339(revision.at)},
          {"author", revision.author},
          {"note", revision.note},
          {"backTo", revision.back_to ? Json(revision.back_to->number) : Json(nullptr)},
          {"state", !applied   ? to_string(revision.state)
                    : in_force ? "in-force"
                               : "replaced"},
          {"operation", name_or_null(revision.operation)}};
}

Json revision_json(const AppliedRevision& revision, const Picture& cluster) {
  auto json = revision_summary_json(revision, cluster);
  json["cluster"] = cluster.state().cluster.name;
  json["document"] = revision.spec ? spec::to_yaml(*revision.spec) : revision.document;
  json["sent"] = revision.document;
  auto& before = json["before"] = Json::array();
  for (const auto& state : revision.before) before.push_back(prior_state_json(state));
  return json;
}

Json operation_summary_json(const Operation& operation) {
  return {{"id", operation.id.value},
          {"goal", to_string(operation.goal)},
          {"state", to_string(operation.state)},
          {"started", rfc3339(operation.started)},
          {"finished", is_over(operation.state) ? Json(rfc3339(operation.finished)) : Json(nullptr)},
          {"askedBy", operation.asked_by},
          {"cause", operation.cause},
          {"steps", operation.plan.steps.size()},
          {"stepsDone", steps_over(operation)},
          {"error", error_or_null(operation.error)}};
}

Json operation_json(const Operation& operation, const ClusterId& cluster, const View* now) {
  auto json = operation_summary_json(operation);
  json["cluster"] = cluster.name;
  json["term"] = operation.term.number;
  json["phase"] = phase_text(operation.phase);
  json["oldPrimary"] = name_or_null(operation.old_primary);
  json["plan"] = plan_json(operation.plan);
  auto& progress = json["progress"] = Json::array();
  for (std::size_t i = 0; i < operation.progress.size(); ++i) {
    const auto& step = operation.progress[i];
    const bool over = step.result.has_value();
    progress.push_back({{"state", to_string(step.state)},
                        {"attempts", step.attempts},
                        {"tookSeconds", over ? Json(seconds(step.result->took)) : Json(nullptr)},
                        {"error", over ? error_or_null(step.result->error) : Json(nullptr)},
                        {"clone", clone_or_null(operation.plan.steps.at(i).step, step, now)},
                        {"output", over ? step.result->output : std::string{}}});
  }
  return json;
}

Json plan_json(const Plan& plan) {
  Json steps = Json::array();
  for (const auto& planned : plan.steps) {
    steps.push_back({{"name", name_of(planned.step)},
                     {"node", node_of(planned.step).name},
                     {"text", describe(planned.step)},
                     {"after", planned.after},
                     {"bestEffort", planned.best_effort}});
  }
  return {{"goal", to_string(plan.goal)},
          {"promotes", name_or_null(plan.promotes)},
          {"pointOfNoReturn", plan.point_of_no_return},
          {"steps", std::move(steps)},
          {"reasons", plan.reasons}};
}

Json rules_json() {
  Json rules = Json::array();
  const auto add = [&](const auto& rule, const char* about) {
    rules.push_back({{"name", rule.name},
                     {"about", about},
                     {"severity", to_string(rule.severity)},
                     {"goal", to_string(rule.goal)},
                     {"summary", rule.summary},
                     {"advice", rule.advice}});
  };
  for (const auto& rule : diagnose::cluster_rules()) add(rule, "cluster");
  for (const auto& rule : diagnose::node_rules()) add(rule, "node");
  return rules;
}

}  // namespace repl::serve

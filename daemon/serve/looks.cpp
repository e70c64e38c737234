// The calls that only look.
#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>

#include "serve/backup.hpp"
#include "serve/handlers.hpp"
#include "serve/metrics.hpp"
#include "serve/openapi.hpp"
#include "serve/shapes.hpp"

namespace repl::serve {
namespace {

/// A declared whole number of the query, which check_query() has accepted.
std::int64_t number_or(const Call& call, const char* name, std::int64_t otherwise) {
  const auto found = call.query.find(name);
  if (found == call.query.end()) return otherwise;
  std::int64_t number = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

Result<std::size_t> limit_of(const Call& call) {
  const auto limit = number_or(call, "limit", 100);
  if (limit < 1 || limit > 1000) return fail(ErrorCode::InvalidArgument, "limit: {} is not in 1 to 1000", limit);
  return static_cast<std::size_t>(limit);
}

Result<Response> events_of(const Call& call, const std::optional<ClusterId>& cluster) {
  const auto limit = limit_of(call);
  if (!limit) return tl::unexpected(limit.error());
  const auto& store = call.backend.store;
  const auto events = call.query.contains("since") ? store.events(cluster, number_or(call, "since", 0), *limit)
                                                   : store.latest_events(cluster, *limit);
  if (!events) return tl::unexpected(events.error());
  Json list = Json::array();
  for (const auto& event : *events) list.push_back(event_json(event));
  return json_response(200, {{"events", std::move(list)}});
}

std::vector<Picture> all_clusters(const Call& call) {
  std::vector<Picture> pictures;
  const auto now = call.backend.clock();
  for (auto& state : call.backend.registry.clusters()) pictures.emplace_back(std::move(state), now);
  return pictures;
}

void add_problems(Json& list, const Picture& cluster) {
  for (const auto& problem : cluster.problems()) list.push_back(problem_json(problem, cluster.state().cluster));
}

/// "shop" of "shop-12".
ClusterId cluster_of(const OperationId& id) {
  return {id.value.substr(0, id.value.rfind('-'))};
}

}  // namespace

Result<Response> list_clusters(const Call& call) {
  Json list = Json::array();
  for (const auto& cluster : all_clusters(call)) list.push_back(cluster_summary_json(cluster));
  return json_response(200, {{"clusters", std::move(list)}});
}

Result<Response> show_cluster(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  return json_response(200, cluster_json(*cluster));
}

Result<Response> list_nodes(const Call& call) {
  Json list = Json::array();
  for (const auto& cluster : all_clusters(call)) {
    for (const auto& node : cluster.nodes()) {
      list.push_back(node_json(node));
      list.back()["cluster"] = cluster.state().cluster.name;
    }
  }
  return json_response(200, {{"nodes", std::move(list)}});
}

Result<Response> list_problems(const Call& call) {
  Json list = Json::array();
  for (const auto& cluster : all_clusters(call)) add_problems(list, cluster);
  return json_response(200, {{"problems", std::move(list)}});
}

Result<Response> list_cluster_problems(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  Json list = Json::array();
  add_problems(list, *cluster);
  return json_response(200, {{"problems", std::move(list)}});
}

Result<Response> list_events(const Call& call) {
  return events_of(call, std::nullopt);
}

/// Of a cluster that is no longer managed too: its events are kept.
Result<Response> list_cluster_events(const Call& call) {
  return events_of(call, ClusterId{call.cluster_name()});
}

Result<Response> show_history(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto limit = limit_of(call);
  if (!limit) return tl::unexpected(limit.error());
  const auto revisions = call.backend.store.revisions({call.cluster_name()});
  if (!revisions) return tl::unexpected(revisions.error());
  const auto operations = call.backend.store.operations({call.cluster_name()}, *limit);
  if (!operations) return tl::unexpected(operations.error());
  Json json = {{"revisions", Json::array()}, {"operations", Json::array()}};
  for (const auto& revision : *revisions) json["revisions"].push_back(revision_summary_json(revision, *cluster));
  for (const auto& operation : *operations) json["operations"].push_back(operation_summary_json(operation));
  return json_response(200, json);
}

Result<Response> show_operation(const Call& call) {
  const OperationId id{call.path.at("operation")};
  // The one that is going on is newer in memory than in the store.
  if (const auto state = call.backend.registry.find(cluster_of(id));
      state != nullptr && state->memory.operation && state->memory.operation->id == id) {
    return json_response(200, operation_json(*state->memory.operation, state->cluster, state->view.get()));
  }
  const auto operation = call.backend.store.operation(id);
  if (!operation) return tl::unexpected(operation.error());
  return json_response(200, operation_json(*operation, cluster_of(id)));
}

Result<Response> list_rules(const Call&) {
  return json_response(200, {{"rules", rules_json()}});
}

Result<Response> show_version(const Call& call) {
  return json_response(200, {{"version", call.backend.version}});
}

Result<Response> show_openapi(const Call& call) {
  return json_response(200, openapi_document(call.backend.version));
}

Result<Response> back_up(const Call& call) {
  static std::mutex one_at_a_time;  // the scratch file is one
  const std::lock_guard lock(one_at_a_time);
  const auto& backend = call.backend;
  auto bytes = make_backup(backend.store, backend.version, backend.clock(), backend.scratch);
  if (!bytes) return tl::unexpected(bytes.error());
  return Response{.content_type = "application/octet-stream", .body = std::move(*bytes)};
}

Result<Response> show_metrics(const Call& call) {
  if (!call.backend.serve_metrics)
    return fail(ErrorCode::NotSupported, "metrics are switched off in repld.yaml (metrics: false)");
  return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = call.backend.metrics.exposition(all_clusters(call))};
}

}  // namespace repl::serve

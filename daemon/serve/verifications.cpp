// The calls about verifications: start and stop one, and read how far it is and what it found.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "serve/handlers.hpp"
#include "serve/shapes.hpp"

namespace repl::serve {
namespace {

constexpr std::int64_t kMostDifferences = 1000;

Json names_json(const std::vector<NodeId>& nodes) {
  Json out = Json::array();
  for (const auto& node : nodes) out.push_back(node.name);
  return out;
}

Json tables_json(const std::vector<verify::TableId>& tables) {
  Json out = Json::array();
  for (const auto& table : tables) out.push_back(to_string(table));
  return out;
}

Json gtids_json(const verify::NodeGtids& row) {
  return {{"node", row.node.name},
          {"executed", row.executed.to_string()},
          {"executedCount", row.executed.count()},
          {"errant", row.errant.to_string()},
          {"errantCount", row.errant.count()},
          {"missing", row.missing.to_string()},
          {"missingCount", row.missing.count()}};
}

Json run_json(const verify::Run& run) {
  Json left_out = Json::array(), gtids = Json::array();
  for (const auto& [node, why, declared] : run.left_out) {
    left_out.push_back({{"node", node.name}, {"why", why}, {"declared", declared}});
  }
  for (const auto& row : run.gtids) gtids.push_back(gtids_json(row));
  return {{"id", run.id},
          {"state", name_in(verify::kRunStates, run.state)},
          {"askedBy", run.asked_by},
          {"started", rfc3339(run.started)},
          {"finished", rfc3339(run.finished)},
          {"workedSeconds", seconds(run.worked)},
          {"schemas", run.settings.schemas},
          {"tablesAsked", tables_json(run.settings.tables)},
          {"maxLagSeconds", seconds(run.settings.max_lag)},
          {"gtidOnly", run.settings.gtid_only},
          {"reference", run.reference.name},
          {"nodes", names_json(run.nodes)},
          {"leftOut", std::move(left_out)},
          {"gtids", std::move(gtids)},
          {"tables", run.tables},
          {"tablesDone", run.tables_done},
          {"tablesNotCompared", run.tables_not_compared},
          {"rows", run.rows},
          {"rowsExpected", run.rows_expected},
          {"chunks", run.chunks},
          {"differences", run.differences},
          {"unsettled", run.unsettled},
          {"clean", !run.found_differences()},
          {"complete", run.is_complete()},
          {"full", run.full},
          {"table", run.table},
          {"waiting", run.waiting},
          {"longestWaitSeconds", seconds(run.longest_wait)},
          {"error", run.error ? error_json(*run.error) : Json(nullptr)}};
}

Json table_json(const verify::TableProgress& table) {
  return {{"table", to_string(table.table)},
          {"state", name_in(verify::kTableStates, table.state)},
          {"why", table.why},
          {"rows", table.rows},
          {"rowsExpected", table.rows_expected},
          {"chunks", table.chunks},
          {"differences", table.differences},
          {"unsettled", table.unsettled}};
}

Json finding_json(const verify::Finding& finding) {
  return {{"table", to_string(finding.table)},
          {"node", finding.node.name},
          {"kind", name_in(verify::kFindingKinds, finding.kind)},
          {"rows", finding.rows()},
          {"missing", finding.missing},
          {"extra", finding.extra},
          {"changed", finding.changed},
          {"key", finding.key},
          {"first", finding.first},
          {"last", finding.last},
          {"examples", finding.examples},
          {"text", finding.text},
          {"at", rfc3339(finding.at)}};
}

/// The one that `run` names, else the latest; null when there was none. @errors NoSuchCluster, NoSuchOperation
Result<std::shared_ptr<const verify::Run>> wanted(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto& latest = cluster->state().verification;
  const auto given = call.query.find("run");
  if (given == call.query.end() || (latest && latest->id == given->second)) return latest;
  const auto runs = call.backend.store.verifications({call.cluster_name()});
  if (!runs) return tl::unexpected(runs.error());
  const auto found = std::find_if(runs->begin(), runs->end(), [&](const auto& r) { return r.id == given->second; });
  if (found == runs->end()) {
    return fail(ErrorCode::NoSuchOperation,
                "{}: no verification {} is kept; `replctl verify {} --list` shows those that are", call.cluster_name(),
                given->second, call.cluster_name());
  }
  return std::make_shared<const verify::Run>(*found);
}

/// "shop.orders"; a name that has a dot itself cannot be written so, and is compared with its schema.
Result<verify::TableId> table_named(const std::string& text) {
  const auto dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size() || text.find('.', dot + 1) != std::string::npos) {
    return fail(ErrorCode::InvalidArgument, "tables: '{}' is not schema.table", text);
  }
  return verify::TableId{text.substr(0, dot), text.substr(dot + 1)};
}

}  // namespace

Result<Response> show_verification(const Call& call) {
  const auto run = wanted(call);
  if (!run) return tl::unexpected(run.error());
  return json_response(200, {{"run", *run ? run_json(**run) : Json(nullptr)}});
}

Result<Response> list_verifications(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto runs = call.backend.store.verifications({call.cluster_name()});
  if (!runs) return tl::unexpected(runs.error());
  Json list = Json::array();
  for (const auto& run : *runs) list.push_back(run_json(run));
  return json_response(200, {{"runs", std::move(list)}});
}

Result<Response> list_verified_tables(const Call& call) {
  const auto run = wanted(call);
  if (!run) return tl::unexpected(run.error());
  Json list = Json::array();
  if (*run) {
    const auto tables = call.backend.store.verified_tables((*run)->id);
    if (!tables) return tl::unexpected(tables.error());
    for (const auto& table : *tables) list.push_back(table_json(table));
  }
  return json_response(200, {{"tables", std::move(list)}});
}

Result<Response> list_differences(const Call& call) {
  const auto run = wanted(call);
  if (!run) return tl::unexpected(run.error());
  std::int64_t limit = 100;
  if (const auto given = call.query.find("limit"); given != call.query.end()) {
    std::from_chars(given->second.data(), given->second.data() + given->second.size(), limit);
  }
  if (limit < 1 || limit > kMostDifferences) {
    return fail(ErrorCode::InvalidArgument, "limit: {} is not in 1 to {}", limit, kMostDifferences);
  }
  Json list = Json::array();
  if (*run) {
    const auto findings = call.backend.store.findings((*run)->id, static_cast<std::size_t>(limit));
    if (!findings) return tl::unexpected(findings.error());
    for (const auto& finding : *findings) list.push_back(finding_json(finding));
  }
  return json_response(200, {{"differences", std::move(list)}});
}

Result<Response> start_verification(const Call& call) {
  if (const auto cluster = call.cluster(); !cluster) return tl::unexpected(cluster.error());
  run::VerifyOrder order{.settings = {}, .resume = call.body.value("resume", false), .asked_by = call.asked_by};
  if (order.resume && call.body.size() > 1) {
    return fail(ErrorCode::InvalidArgument,
                "resume: the verification goes on with what it was started with; give "
                "nothing else");
  }
  auto& settings = order.settings;
  if (call.body.contains("schemas")) settings.schemas = call.body.at("schemas").get<std::vector<std::string>>();
  if (call.body.contains("tables")) {
    for (const auto& name : call.body.at("tables")) {
      auto table = table_named(name.get<std::string>());
      if (!table) return tl::unexpected(table.error());
      settings.tables.push_back(std::move(*table));
    }
  }
  if (call.body.contains("maxLagSeconds")) {
    settings.max_lag = std::chrono::milliseconds(std::llround(call.body.at("maxLagSeconds").get<double>() * 1000));
  }
  settings.gtid_only = call.body.value("gtidOnly", false);
  const auto started = call.backend.registry.verify({call.cluster_name()}, order);
  if (!started) return tl::unexpected(started.error());
  return json_response(202, {{"run", *started}});
}

Result<Response> stop_verification(const Call& call) {
  if (const auto cluster = call.cluster(); !cluster) return tl::unexpected(cluster.error());
  const auto stopped = call.backend.registry.stop_verification({call.cluster_name()});
  if (!stopped) return tl::unexpected(stopped.error());
  return json_response(200, Json::object());
}

}  // namespace repl::serve

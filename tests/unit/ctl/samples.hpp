// Answers of repld as docs/api.md has them, for the tests to vary.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "ctl/json.hpp"

namespace repl::ctl::samples {

/// A replica of `source` that is well; with no source, a primary that takes writes.
inline Json node(const std::string& name, const std::string& source = {}) {
  const bool primary = source.empty();
  return {{"name", name},
          {"address", "10.0.0.1" + name.substr(2) + ":3306"},
          {"region", "eu-west"},
          {"role", primary ? "primary" : "replica"},
          {"state", "ok"},
          {"reach", "ok"},
          {"version", "8.4.7"},
          {"readOnly", primary ? "off" : "super"},
          {"offlineMode", false},
          {"source", primary ? Json(nullptr) : Json(source)},
          {"receiver", primary ? Json(nullptr) : Json("running")},
          {"applier", primary ? Json(nullptr) : Json("running")},
          {"receiverError", ""},
          {"applierError", ""},
          {"lagSeconds", primary ? Json(nullptr) : Json(0.0)},
          {"acker", !primary},
          {"semiSyncSource", primary},
          {"semiSyncClients", primary ? 1 : 0},
          {"waitingCommits", 0},
          {"executed", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"},
          {"errant", ""},
          {"missing", 0},
          {"uptimeSeconds", 7200},
          {"probeAgeSeconds", 0.4},
          {"declared", primary ? "source" : "replica"},
          {"promotion", "neutral"},
          {"delaySeconds", 0},
          {"message", ""}};
}

inline Json cluster(Json nodes) {
  return {{"cluster", "shop"},
          {"topology", "source-replica"},
          {"sync", "semi-sync(1)"},
          {"status", "OK"},
          {"statusText", "all 3 nodes are well"},
          {"primary", "db3"},
          {"term", 41},
          {"revision", 8},
          {"problems", 0},
          {"paused", false},
          {"operation", nullptr},
          {"nodes", std::move(nodes)},
          {"problemList", Json::array()},
          {"acks", 1}};
}

inline Json step(const std::string& node, const std::string& text, const std::string& name = "follow-source") {
  return {
      {"name", name}, {"node", node}, {"text", node + ": " + text}, {"after", Json::array()}, {"bestEffort", false}};
}

inline Json progress(const std::string& state, double took = 0.02) {
  return {{"state", state}, {"attempts", state == "waiting" ? 0 : 1}, {"tookSeconds", took}, {"error", nullptr}};
}

inline Json switchover_plan() {
  return {{"goal", "switchover"},
          {"promotes", "db2"},
          {"pointOfNoReturn", 2},
          {"steps",
           {step("db1", "writable -> super-read-only", "set-read-only"),
            step("db2", "apply all that db1 has (at most 10 s)", "wait-for-applied"),
            step("db2", "super-read-only -> writable", "set-read-only"), step("db3", "follow db2")}},
          {"reasons", {"db2: 0 s behind, the primary's region"}}};
}

inline Json operation(const std::string& state, Json progress) {
  return {{"id", "shop-13"},
          {"goal", "switchover"},
          {"state", state},
          {"started", "2025-11-24T07:08:22.000000Z"},
          {"finished", state == "running" ? Json(nullptr) : Json("2025-11-24T07:08:22.620000Z")},
          {"askedBy", "alice"},
          {"cause", "asked for"},
          {"steps", 4},
          {"stepsDone", 2},
          {"error", nullptr},
          {"cluster", "shop"},
          {"term", 42},
          {"phase", "only"},
          {"plan", switchover_plan()},
          {"progress", std::move(progress)}};
}

}  // namespace repl::ctl::samples

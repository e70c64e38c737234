// One function per shape, in the order of docs/api.md.
#include "serve/schemas.hpp"

#include <nlohmann/json.hpp>

#include "serve/schema.hpp"
#include "serve/verify_schemas.hpp"

namespace repl::serve {
namespace {

using namespace schema;

Json severity() {
  return text_of({"info", "warning", "critical"});
}
Json goal() {
  return text_of({"none", "apply", "failover", "switchover", "reopen", "rejoin", "repair", "fence"});
}
Json seconds_schema(std::string_view meaning) {
  return about(at_least(number(), 0), meaning);
}

std::vector<Member> summary_members() {
  return {
      {"cluster", text()},
      {"topology", about(text(), "\"\" before the first apply is known")},
      {"positioning", about(text(), "gtid, binlog")},
      {"sync", about(text(), "async, semi-sync(1), sync")},
      {"status", text_of({"OK", "OK_PARTIAL", "OK_NO_TOLERANCE", "DEGRADED", "NOT_WRITABLE", "UNKNOWN"})},
      {"statusText", text()},
      {"primary", nullable(text())},
      {"term", at_least(whole(), 0)},
      {"revision", about(at_least(whole(), 0), "the one in force; 0: none yet")},
      {"nodes", at_least(whole(), 0)},
      {"nodesOk", at_least(whole(), 0)},
      {"problems", about(at_least(whole(), 0), "those of nodes in maintenance are not counted")},
      {"management", about(text(), "full, or observe: nothing is changed; \"\" before the first apply is known")},
      {"paused", flag()},
      {"maintenance", about(nullable(ref("Maintenance")), "of the whole cluster")},
      {"restored", about(nullable(time()), "from a backup of then, and the servers were not found as it says yet")}};
}

Json cluster() {
  auto members = summary_members();
  for (auto& member : members) {
    if (std::string_view(member.name) == "nodes") member.schema = list(ref("Node"));
  }
  members.push_back({"operation", nullable(ref("OperationSummary"))});
  members.push_back({"problemList", list(ref("Problem"))});
  members.push_back({"acks", about(at_least(whole(), 0), "acknowledgements that commits wait for now")});
  members.push_back({"candidates", about(at_least(whole(), 0), "nodes that an automatic failover may promote now")});
  return object(std::move(members));
}

std::vector<Member> node_members() {
  return {
      {"name", text()},
      {"address", text()},
      {"region", text()},
      {"role", text_of({"primary", "replica", "secondary", "detached", "unknown"})},
      {"state", text_of({"ok", "degraded", "down", "unknown", "quarantined"})},
      {"reach", text_of({"ok", "busy", "denied", "error", "refused", "silent", "lost", "unknown"})},
      {"version", about(text(), "\"\" while it has never answered")},
      {"readOnly", nullable(text_of({"off", "on", "super"}))},
      {"offlineMode", flag()},
      {"source", about(nullable(text()), "name of a node, or host:port of a server that is not declared")},
      {"receiver", nullable(text_of({"stopped", "connecting", "running"}))},
      {"applier", nullable(text_of({"stopped", "connecting", "running"}))},
      {"receiverError", text()},
      {"applierError", text()},
      {"lagSeconds", nullable(seconds_schema("null: unknown, or no replica"))},
      {"silenceSeconds", nullable(seconds_schema("since its receiver last heard its source"))},
      {"memberState", about(nullable(text_of({"online", "recovering", "unreachable", "offline", "error"})),
                            "what it says of itself in its group; null without one")},
      {"acker", about(flag(), "it acknowledges the commits of the primary in office")},
      {"semiSyncSource", flag()},
      {"semiSyncReplica", flag()},
      {"semiSyncClients", at_least(whole(), 0)},
      {"waitingCommits", at_least(whole(), 0)},
      {"executed", about(text(), "GTID set; \"\" with File and Position")},
      {"errant", about(text(), "GTID set; \"\" when there are none, or not compared yet")},
      {"logPosition", about(nullable(text()), "file:position of the end of its own binary log; null with GTIDs")},
      {"appliedPosition",
       about(nullable(text()), "file:position in its source's binary log up to which it has applied; null with GTIDs")},
      {"missing", about(at_least(whole(), 0),
                        "transactions of the primary that it lacks, as last seen of both; bytes of its binary log with "
                        "File and Position")},
      {"uptimeSeconds", at_least(whole(), 0)},
      {"probeAgeSeconds", nullable(seconds_schema("age of all values above; null: it never answered"))},
      {"declared", text_of({"source", "replica", "normal"})},
      {"promotion", text_of({"prefer", "neutral", "avoid", "never"})},
      {"delaySeconds", at_least(whole(), 0)},
      {"message", about(text(), "what the server or the client said when the latest probe was not answered")},
      {"maintenance", nullable(ref("Maintenance"))}};
}

Json node_of_cluster() {
  auto members = node_members();
  members.push_back({"cluster", text()});
  return object(std::move(members));
}

Json problem() {
  return object(
      {{"cluster", text()},
       {"name", text()},
       {"severity", severity()},
       {"node", nullable(text())},
       {"goal", about(goal(), "what repld does about it")},
       {"evidence", text()},
       {"advice", text()},
       {"blocked", about(text(), "why repld does not act although it has a goal; \"\": it acts, or has none")},
       {"since", time()},
       {"established", flag()},
       {"inMaintenance", about(flag(), "somebody works there: it is shown, and counts for no alarm")}});
}

Json event() {
  return object({{"id", at_least(whole(), 1)},
                 {"at", time()},
                 {"cluster", text()},
                 {"severity", severity()},
                 {"kind", text()},
                 {"node", nullable(text())},
                 {"operation", nullable(text())},
                 {"text", text()}});
}

std::vector<Member> revision_members() {
  return {{"revision", at_least(whole(), 1)},
          {"at", time()},
          {"author", text()},
          {"note", text()},
          {"backTo", about(nullable(at_least(whole(), 1)), "a rollback to that revision")},
          {"state", text_of({"applying", "in-force", "replaced", "taken-back", "needs-person"})},
          {"operation", about(nullable(text()), "null: no server had to be changed")}};
}

Json revision() {
  auto members = revision_members();
  members.push_back({"cluster", text()});
  members.push_back({"document", about(text(), "the topology file, as repld understood it: apply it to get the same")});
  members.push_back({"sent", about(text(), "the topology file, as it was sent")});
  members.push_back(
      {"before",
       about(list(object({{"node", text()},
                          {"address", text()},
                          {"reached", about(flag(), "false: nothing else is known of it")},
                          {"serverUuid", text()},
                          {"version", text()},
                          {"readOnly", nullable(text_of({"off", "on", "super"}))},
                          {"readOnlyPersisted", flag()},
                          {"offlineMode", flag()},
                          {"source", about(nullable(text()), "host:port")},
                          {"receiver", nullable(text_of({"stopped", "connecting", "running"}))},
                          {"applier", nullable(text_of({"stopped", "connecting", "running"}))},
                          {"delaySeconds", at_least(whole(), 0)},
                          {"semiSyncSource", flag()},
                          {"semiSyncReplica", flag()},
                          {"acks", at_least(whole(), 0)},
                          {"executed", about(text(), "GTID set")},
                          {"variables",
                           list(object({{"name", text()}, {"value", text()}, {"persisted", nullable(text())}}))}})),
             "each server before this revision was applied")});
  return object(std::move(members));
}

std::vector<Member> operation_members() {
  return {{"id", text()},
          {"goal", goal()},
          {"state", text_of({"running", "undoing", "done", "taken-back", "needs-person", "given-up"})},
          {"started", time()},
          {"finished", nullable(time())},
          {"askedBy", text()},
          {"cause", text()},
          {"steps", at_least(whole(), 0)},
          {"stepsDone", at_least(whole(), 0)},
          {"error", nullable(ref("Error"))}};
}

Json operation() {
  auto members = operation_members();
  members.push_back({"cluster", text()});
  members.push_back({"term", at_least(whole(), 0)});
  members.push_back({"phase", text_of({"only", "secure", "promote"})});
  members.push_back({"oldPrimary", nullable(text())});
  members.push_back({"plan", ref("Plan")});
  members.push_back(
      {"progress",
       list(object({{"state", text_of({"waiting", "running", "done", "failed", "undoing", "undone", "skipped"})},
                    {"attempts", at_least(whole(), 0)},
                    {"tookSeconds", nullable(seconds_schema("of the last attempt"))},
                    {"error", nullable(ref("Error"))},
                    {"clone", about(nullable(ref("CloneProgress")), "of a clone-from step that is running")},
                    {"output", about(text(), "the end of what a hook printed; of other steps empty")}}))});
  return object(std::move(members));
}

Json clone_progress() {
  return object({{"stage", text_of({"starting", "drop-data", "file-copy", "page-copy", "redo-copy", "file-sync",
                                    "restart", "recovery", "finishing"})},
                 {"bytesDone", at_least(whole(), 0)},
                 {"bytesEstimated", about(at_least(whole(), 0), "grows while the donor is written to")},
                 {"bytesPerSecond", about(at_least(whole(), 0), "0 while nothing is copied")},
                 {"secondsLeft", nullable(seconds_schema("of copying, at that rate"))}});
}

Json plan() {
  return object(
      {{"goal", goal()},
       {"promotes", nullable(text())},
       {"pointOfNoReturn", about(at_least(whole(), 0), "index of the step from which the plan only goes forward")},
       {"steps", list(object({{"name", text()},
                              {"node", text()},
                              {"text", text()},
                              {"after", list(at_least(whole(), 0))},
                              {"bestEffort", flag()}}))},
       {"reasons", list(text())}});
}

Json rule() {
  return object({{"name", text()},
                 {"about", text_of({"cluster", "node"})},
                 {"severity", severity()},
                 {"goal", goal()},
                 {"summary", text()},
                 {"advice", text()}});
}

Json change() {
  return object({{"sign", text_of({"+", "-", "~"})}, {"path", text()}, {"from", text()}, {"to", text()}});
}

std::vector<Member> document_members() {
  return {{"document", about(text(), "YAML; one or several documents")},
          optional("file", about(text(), "as errors show it")),
          optional("baseDirectory", about(text(), "absolute; relative paths in the document are resolved against it"))};
}

Json apply_request() {
  auto members = document_members();
  members.push_back(optional("dryRun", flag()));
  members.push_back(
      optional("allowDataLoss", about(list(text()), "nodes whose own data may be thrown away by a clone")));
  members.push_back(optional("note", about(text(), "kept with the revision")));
  return object(std::move(members));
}

Json applied() {
  return object({{"clusters", list(object({{"cluster", text()},
                                           {"revision", at_least(whole(), 0)},
                                           {"previousRevision", at_least(whole(), 0)},
                                           {"operation", nullable(text())},
                                           {"plan", ref("Plan")},
                                           {"changes", list(ref("Change"))},
                                           {"notes", list(text())},
                                           {"warnings", list(ref("Detail"))}}))}});
}

Json adopt_request() {
  return object(
      {{"servers", about(list(text()), "host:port of one server or more; the others are found")},
       {"admin", about(object({{"user", text()},
                               {"password", about(object({optional("file", about(text(), "absolute")),
                                                          optional("env", text()), optional("exec", text())}),
                                                  "one of them: where repld finds the password")}}),
                       "the account with which repld logs in, on every server the same")},
       optional("tls", object({optional("mode", text_of({"disabled", "preferred", "required", "verify-ca"})),
                               optional("ca", about(text(), "absolute"))})),
       optional("name", about(text(), "of the cluster; what the servers keep, else \"adopted\", when it is missing"))});
}

Json found() {
  return object(
      {{"cluster", text()},
       {"topology", text()},
       {"document", about(text(), "the topology file, with management: observe")},
       {"recorded",
        about(nullable(object({{"term", at_least(whole(), 0)}, {"revision", at_least(whole(), 0)}})),
              "the document is what the servers keep of the cluster; null: it was made from what was found")},
       {"nodes", list(object({{"name", text()},
                              {"address", text()},
                              {"reached", flag()},
                              {"role", text_of({"primary", "replica", "secondary", "unknown"})},
                              {"source", about(nullable(text()), "node, or host:port of a server that is none")},
                              {"version", text()},
                              {"readOnly", nullable(text_of({"off", "on", "super"}))},
                              {"delaySeconds", at_least(whole(), 0)}}))},
       {"unreached", list(object({{"address", text()}, {"seenBy", text()}, {"why", text()}}))},
       {"notes", list(text())},
       {"differences", about(list(text()), "why an apply of the document would be refused")}});
}

Json diff() {
  return object(
      {{"clusters",
        list(object(
            {{"cluster", text()}, {"equal", flag()}, {"changes", list(ref("Change"))}, {"notes", list(text())}}))}});
}

Json own_schemas() {
  return {
      {"Error", object({{"code", text()}, {"message", text()}})},
      {"Failure",
       object({{"error", object({{"code", text()}, {"message", text()}, optional("details", list(ref("Detail")))})}})},
      {"Detail",
       object(
           {{"file", text()}, {"line", at_least(whole(), 0)}, {"column", at_least(whole(), 0)}, {"message", text()}})},
      {"ClusterSummary", object(summary_members())},
      {"Clusters", object({{"clusters", list(ref("ClusterSummary"))}})},
      {"Cluster", cluster()},
      {"Node", object(node_members())},
      {"Nodes", object({{"nodes", list(node_of_cluster())}})},
      {"Problem", problem()},
      {"Problems", object({{"problems", list(ref("Problem"))}})},
      {"Event", event()},
      {"Events", object({{"events", list(ref("Event"))}})},
      {"RevisionSummary", object(revision_members())},
      {"Revision", revision()},
      {"RevisionDiff", object({{"cluster", text()},
                               {"from", at_least(whole(), 1)},
                               {"to", at_least(whole(), 1)},
                               {"equal", flag()},
                               {"changes", list(ref("Change"))}})},
      {"OperationSummary", object(operation_members())},
      {"History", object({{"revisions", list(ref("RevisionSummary"))}, {"operations", list(ref("OperationSummary"))}})},
      {"Operation", operation()},
      {"CloneProgress", clone_progress()},
      {"Plan", plan()},
      {"Rules", object({{"rules", list(rule())}})},
      {"Document", object(document_members())},
      {"Valid", object({{"valid", flag()}, {"clusters", list(text())}, {"warnings", list(ref("Detail"))}})},
      {"Change", change()},
      {"Diff", diff()},
      {"ApplyRequest", apply_request()},
      {"Applied", applied()},
      {"AdoptRequest", adopt_request()},
      {"Found", found()},
      {"RollbackRequest",
       object({optional("to", about(at_least(whole(), 1), "the revision that was in force before, when it is missing")),
               optional("dryRun", flag()), optional("note", about(text(), "kept with the revision"))})},
      {"RotateRequest",
       object(
           {optional("discardFormer",
                     about(list(text_of({"admin", "replication", "monitoring", "application"})),
                           "accounts whose former password is to work no longer; that of replication goes by itself")),
            optional("dryRun", flag())})},
      {"Verified", object({{"cluster", text()},
                           {"revision", at_least(whole(), 1)},
                           {"verified", about(flag(), "nothing is left to be changed")},
                           {"plan", ref("Plan")}})},
      {"SwitchoverRequest", object({optional("to", about(text(), "the best candidate when it is missing")),
                                    optional("timeoutSeconds", about(at_most(at_least(number(), 0.1), 3600),
                                                                     "the most that writes are held up; 10"))})},
      {"FailoverRequest", object({optional("to", text())})},
      {"Started", object({{"operation", nullable(text())}})},
      {"Nothing", object({})},
      {"Version", object({{"version", text()}})},
      {"Maintenance", object({{"since", time()}, {"until", time()}, {"by", text()}, {"reason", text()}})},
      {"MaintenanceRequest",
       object({optional("node", about(text(), "the whole cluster when it is missing")),
               {"forSeconds", about(at_most(at_least(number(), 1), 30 * 86400), "at most 30 days")},
               {"reason", text()}})},
      {"MaintenanceBegun",
       object({{"operation", about(nullable(text()), "was under way there, and goes on; null: nothing is")}})},
      {"MaintenanceEnd", object({optional("node", about(text(), "the whole cluster when it is missing"))})},
  };
}

}  // namespace

const Json& schemas() {
  static const Json all = [] {
    Json json = own_schemas();
    json.update(verify_schemas());
    return json;
  }();
  return all;
}

}  // namespace repl::serve

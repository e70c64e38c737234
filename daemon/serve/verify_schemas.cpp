// In the order of docs/api.md.
#include "serve/verify_schemas.hpp"

#include <nlohmann/json.hpp>

#include "serve/schema.hpp"

namespace repl::serve {
namespace {

using namespace schema;

Json count(std::string_view meaning) {
  return about(at_least(whole(), 0), meaning);
}

Json verify_request() {
  return object({optional("schemas", about(list(text()), "those of the topology file, or all, when it is missing")),
                 optional("tables", about(list(text()), "schema.table, beside the schemas")),
                 optional("maxLagSeconds", about(at_most(at_least(number(), 0.01), 3600),
                                                 "a chunk is read only while no replica is further behind; 0.5")),
                 optional("gtidOnly", about(flag(), "compare executed GTIDs and no rows")),
                 optional("resume", about(flag(), "go on with the one that was stopped or interrupted"))});
}

Json run() {
  return object({{"id", text()},
                 {"state", text_of({"running", "stopped", "interrupted", "done"})},
                 {"askedBy", text()},
                 {"started", time()},
                 {"finished", about(time(), "or the last sign of life")},
                 {"workedSeconds", about(at_least(number(), 0), "without interruptions")},
                 {"schemas", list(text())},
                 {"tablesAsked", list(text())},
                 {"maxLagSeconds", at_least(number(), 0)},
                 {"gtidOnly", flag()},
                 {"reference", about(text(), "the node that all others are compared with")},
                 {"nodes", list(text())},
                 {"leftOut", list(object({{"node", text()}, {"why", text()}, {"declared", flag()}}))},
                 {"gtids", list(object({{"node", text()},
                                        {"executed", about(text(), "GTID set")},
                                        {"executedCount", count("")},
                                        {"errant", about(text(), "executed here and not on the reference")},
                                        {"errantCount", count("")},
                                        {"missing", about(text(), "executed on the reference and not yet here")},
                                        {"missingCount", count("")}}))},
                 {"tables", count("all that are to be compared")},
                 {"tablesDone", count("")},
                 {"tablesNotCompared", count("of those that are done")},
                 {"rows", count("compared so far, counted on the reference")},
                 {"rowsExpected", count("by the estimate of the server")},
                 {"chunks", count("")},
                 {"differences", count("rows that differ, and tables that do")},
                 {"unsettled", count("rows that kept changing: not known to be equal")},
                 {"clean", about(flag(), "no difference so far, errant transactions included")},
                 {"complete", about(flag(), "done, and every node, table and row that was asked for was compared")},
                 {"full", about(flag(), "all that the topology file asks for: what its schedule counts")},
                 {"table", about(text(), "the one at work")},
                 {"waiting", about(text(), "why no chunk is read just now; \"\": it works")},
                 {"longestWaitSeconds", about(at_least(number(), 0), "the greatest lag that was waited for")},
                 {"error", nullable(ref("Error"))}});
}

Json table() {
  return object({{"table", text()},
                 {"state", text_of({"waiting", "comparing", "compared", "not-compared"})},
                 {"why", about(text(), "it was not compared")},
                 {"rows", count("compared so far")},
                 {"rowsExpected", count("by the estimate of the server")},
                 {"chunks", count("")},
                 {"differences", count("")},
                 {"unsettled", count("")}});
}

Json difference() {
  return object({{"table", text()},
                 {"node", text()},
                 {"kind", text_of({"rows", "table-missing", "table-extra", "other-definition"})},
                 {"rows", count("missing, extra and changed ones")},
                 {"missing", count("rows that only the reference has")},
                 {"extra", count("rows that only the node has")},
                 {"changed", count("")},
                 {"key", about(text(), "names of the key columns; \"\": no rows, or no key")},
                 {"first", text()},
                 {"last", about(text(), "the range of keys from first to last holds all these rows")},
                 {"examples", list(text())},
                 {"text", text()},
                 {"at", time()}});
}

}  // namespace

Json verify_schemas() {
  return {{"VerifyRequest", verify_request()},
          {"VerificationStarted", object({{"run", text()}})},
          {"VerifyRun", run()},
          {"Verification", object({{"run", nullable(ref("VerifyRun"))}})},
          {"Verifications", object({{"runs", list(ref("VerifyRun"))}})},
          {"VerifiedTable", table()},
          {"VerifiedTables", object({{"tables", list(ref("VerifiedTable"))}})},
          {"Difference", difference()},
          {"Differences", object({{"differences", list(ref("Difference"))}})}};
}

}  // namespace repl::serve

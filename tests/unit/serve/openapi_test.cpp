// Goes through every call of the OpenAPI document that a running server gives out: each is made, over the network, in
// the ways that lead to each documented status, and each answer is held to the schema that the document shows for it.
#include "serve/openapi.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "backend.hpp"
#include "client.hpp"
#include "serve/schema.hpp"
#include "serve/server.hpp"

namespace repl::serve {
namespace {

struct OpenApiTest : testing::Test, World {
  std::unique_ptr<Server> server = Server::start({"127.0.0.1", 0}, api).value();
  Json openapi = Json::parse(call(server->address(), "GET", "/api/v1/openapi.json").body);

  OpenApiTest() {
    shop::Shop s;
    s.memory.operation = shop::operation();
    s.memory.paused = true;
    s.memory.spec->accounts = shop::revision(1).spec->accounts;
    s.memory.maintenance = {{NodeId{"db3"}, shop::kNow, shop::kNow, "ann", "disk swap"},
                            {std::nullopt, shop::kNow, shop::kNow, "bob", "move"}};
    s.problems = {shop::problem("ReplicaLags", Severity::Warning, NodeId{"db3"}),
                  shop::problem("X", Severity::Critical)};
    s.lose(2, Reach::Silent, 5);
    s.verification = std::make_shared<const verify::Run>(shop::verification());
    registry.set(s);
    auto failed = shop::operation(OperationState::TakenBack);
    failed.id = {"shop-3"};
    failed.error = Error{ErrorCode::LockWaitTimeout, "db1: somebody holds a lock"};
    failed.progress[1] = {.state = StepState::Failed,
                          .attempts = 3,
                          .changed_at = shop::kNow,
                          .result = StepResult{.error = failed.error}};
    const store::Record record{
        .cluster = {"shop"},
        .operations = {failed},
        .events = {Event{.at = shop::kNow,
                         .severity = Severity::Critical,
                         .kind = "failover-done",
                         .node = NodeId{"db2"},
                         .operation = OperationId{"shop-4"},
                         .text = "done"},
                   Event{.at = shop::kNow, .kind = "note", .text = "no node"}},
        .revisions = {shop::revision(1), shop::revision(2)},
        .verification = store::VerifyRecord{
            .run = shop::verification(), .tables = {shop::verified_table()}, .findings = {shop::finding()}}};
    if (!store->write(record)) throw std::runtime_error("the sample could not be stored");
  }
};

/// One way to make a call.
struct Example {
  std::string method, path;  ///< As the document has them.
  std::string target;        ///< With values and parameters.
  int status;
  std::string body;
};

std::vector<Example> examples() {
  const auto document = Json({{"document", shop_document("alerts: {lag: 5s}\n")}, {"file", "shop.yaml"}}).dump();
  const auto wrong = Json({{"document", "name: 7\nnodes: x\n"}}).dump();
  const std::string shop = "/api/v1/clusters/shop", pattern = "/api/v1/clusters/{cluster}",
                    node = "/c/{cluster}/n/{node}/";
  return {
      {"get", "/api/v1/clusters", "/api/v1/clusters", 200, ""},
      {"get", pattern, shop, 200, ""},
      {"get", pattern, "/api/v1/clusters/none", 404, ""},
      {"get", "/api/v1/nodes", "/api/v1/nodes", 200, ""},
      {"get", "/api/v1/problems", "/api/v1/problems", 200, ""},
      {"get", pattern + "/problems", shop + "/problems", 200, ""},
      {"get", "/api/v1/events", "/api/v1/events?since=0&limit=10", 200, ""},
      {"get", "/api/v1/events", "/api/v1/events?limit=ten", 400, ""},
      {"get", pattern + "/events", shop + "/events", 200, ""},
      {"get", pattern + "/history", shop + "/history?limit=5", 200, ""},
      {"get", pattern + "/revisions/{revision}", shop + "/revisions/2", 200, ""},
      {"get", pattern + "/revisions/{revision}", shop + "/revisions/9", 404, ""},
      {"get", pattern + "/diff", shop + "/diff?from=1&to=2", 200, ""},
      {"get", pattern + "/diff", shop + "/diff?from=1", 200, ""},
      {"get", pattern + "/diff", shop + "/diff", 400, ""},
      {"get", "/api/v1/operations/{operation}", "/api/v1/operations/shop-4", 200, ""},
      {"get", "/api/v1/operations/{operation}", "/api/v1/operations/shop-3", 200, ""},
      {"get", "/api/v1/operations/{operation}", "/api/v1/operations/shop-99", 404, ""},
      {"get", "/api/v1/rules", "/api/v1/rules", 200, ""},
      {"get", "/api/v1/version", "/api/v1/version", 200, ""},
      {"get", "/api/v1/openapi.json", "/api/v1/openapi.json", 200, ""},
      {"post", "/api/v1/adopt", "/api/v1/adopt", 200,
       R"({"servers":["10.0.0.2:3401"],"admin":{"user":"root","password":{"file":"/secrets/root"}},"tls":{"mode":"required"}})"},
      {"post", "/api/v1/adopt", "/api/v1/adopt", 400, R"({"servers":["10.0.0.2:3401"]})"},
      {"post", "/api/v1/validate", "/api/v1/validate", 200, document},
      {"post", "/api/v1/validate", "/api/v1/validate", 400, wrong},
      {"post", "/api/v1/diff", "/api/v1/diff", 200, document},
      {"post", "/api/v1/diff", "/api/v1/diff", 400, R"({"document":"x","unknown":1})"},
      {"post", "/api/v1/apply", "/api/v1/apply", 202, document},
      {"post", "/api/v1/apply", "/api/v1/apply", 200,
       Json({{"document", shop_document()}, {"dryRun", true}, {"note", "n"}}).dump()},
      {"post", "/api/v1/apply", "/api/v1/apply", 400, wrong},
      {"post", pattern + "/rollback", shop + "/rollback", 202, R"({"note":"n"})"},
      {"post", pattern + "/rollback", shop + "/rollback", 200, R"({"to":2,"dryRun":true})"},
      {"post", pattern + "/rollback", shop + "/rollback", 404, R"({"to":9})"},
      {"post", pattern + "/rotate", shop + "/rotate", 202, R"({"discardFormer":["replication"]})"},
      {"post", pattern + "/rotate", shop + "/rotate", 200, R"({"dryRun":true})"},
      {"post", pattern + "/rotate", shop + "/rotate", 400, R"({"discardFormer":["monitoring"]})"},
      {"post", pattern + "/rotate", shop + "/rotate", 400, R"({"discardFormer":["root"]})"},
      {"post", pattern + "/converged", shop + "/converged", 200, ""},
      {"post", pattern + "/switchover", shop + "/switchover", 202, R"({"to":"db2","timeoutSeconds":5})"},
      {"post", pattern + "/switchover", shop + "/switchover", 200, R"({"to":"db1"})"},
      {"post", pattern + "/failover", shop + "/failover", 202, R"({"to":"db3"})"},
      {"post", pattern + "/failover", shop + "/failover", 200, R"({"to":"db1"})"},
      {"post", pattern + "/failover", shop + "/failover", 412, R"({})"},
      {"get", pattern + "/verify", shop + "/verify", 200, ""},
      {"get", pattern + "/verify", shop + "/verify?run=shop-v1", 200, ""},
      {"get", pattern + "/verify", shop + "/verify?run=shop-v9", 404, ""},
      {"get", pattern + "/verify", shop + "/verify?run=", 400, ""},
      {"get", pattern + "/verify/runs", shop + "/verify/runs", 200, ""},
      {"get", pattern + "/verify/tables", shop + "/verify/tables", 200, ""},
      {"get", pattern + "/verify/tables", shop + "/verify/tables?run=shop-v9", 404, ""},
      {"get", pattern + "/verify/differences", shop + "/verify/differences?limit=10", 200, ""},
      {"get", pattern + "/verify/differences", shop + "/verify/differences?limit=0", 400, ""},
      {"post", pattern + "/verify", shop + "/verify", 202,
       R"({"schemas":["shop"],"tables":["crm.leads"],"maxLagSeconds":0.2,"gtidOnly":false})"},
      {"post", pattern + "/verify", shop + "/verify", 400, R"({"tables":["leads"]})"},
      {"post", pattern + "/verify", shop + "/verify", 412, R"({"resume":true})"},
      {"post", pattern + "/verify/stop", shop + "/verify/stop", 200, ""},
      {"post", pattern + "/cancel", shop + "/cancel", 202, ""},
      {"post", pattern + "/ack", shop + "/ack", 200, ""},
      {"post", pattern + "/pause", shop + "/pause", 200, ""},
      {"post", pattern + "/resume", shop + "/resume", 200, ""},
      {"post", pattern + "/maintenance", shop + "/maintenance", 200,
       R"({"node":"db2","forSeconds":3600,"reason":"disk swap"})"},
      {"post", pattern + "/maintenance", shop + "/maintenance", 400, R"({"forSeconds":3600})"},
      {"post", pattern + "/maintenance", shop + "/maintenance", 404, R"({"node":"x","forSeconds":1,"reason":"r"})"},
      {"post", pattern + "/maintenance/end", shop + "/maintenance/end", 200, R"({"node":"db2"})"},
      {"get", "/api/v1/backup", "/api/v1/backup", 200, ""},
      {"get", "/liveness", "/liveness", 200, ""},
      {"get", "/readiness", "/readiness", 200, ""},
      {"get", "/metrics", "/metrics", 200, ""},
      {"get", node + "primary", "/c/shop/n/db1/primary", 200, ""},
      {"get", node + "primary", "/c/shop/n/db3/primary", 503, ""},
      {"get", node + "replica", "/c/shop/n/db3/replica?lag=5s", 200, ""},
      {"get", node + "replica", "/c/shop/n/db1/replica", 503, ""},
      {"get", node + "read-only", "/c/shop/n/db1/read-only", 200, ""},
      {"get", node + "read-only", "/c/shop/n/db2/read-only", 503, ""},
      {"get", node + "sync", "/c/shop/n/db3/sync", 200, ""},
      {"get", node + "sync", "/c/shop/n/db1/sync", 503, ""},
      {"get", node + "health", "/c/shop/n/db1/health", 200, ""},
      {"get", node + "health", "/c/shop/n/db2/health", 503, ""},
      {"delete", pattern, shop, 204, ""},
  };
}

/// The first node of a name starts an operation, the primary is nothing to do, no name is refused: enough for each
/// status.
Result<control::Reply> controller(const shop::Registry::Asked& asked) {
  const auto towards = [&](const std::optional<NodeId>& to) -> Result<control::Reply> {
    if (!to) return fail(ErrorCode::NotPromotable, "shop: no node can be promoted");
    if (to == NodeId{"db1"}) return control::Reply{};
    return control::Reply{.operation = OperationId{"shop-5"}, .plan = shop::plan()};
  };
  if (const auto* what = std::get_if<control::SwitchOver>(&asked.request.what)) return towards(what->to);
  if (const auto* what = std::get_if<control::FailOver>(&asked.request.what)) return towards(what->to);
  if (std::holds_alternative<control::Cancel>(asked.request.what)) return towards(NodeId{"db2"});
  if (const auto* what = std::get_if<control::ApplySpec>(&asked.request.what)) {
    if (what->dry_run) return control::Reply{.plan = shop::plan(), .revision = {2}};
    return control::Reply{.operation = OperationId{"shop-5"}, .plan = shop::plan()};
  }
  return control::Reply{};
}

TEST_F(OpenApiTest, DescribesEveryCallAsItIsAnswered) {
  registry.set_answer(controller);
  const auto& named = openapi.at("components").at("schemas");
  std::set<std::string> undone;  // "get /path 200" of the document, until an example has led there
  for (const auto& [path, methods] : openapi.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      for (const auto& [status, response] : operation.at("responses").items()) {
        if (status != "default") undone.insert(method + " " + path + " " + status);
      }
    }
  }
  // Only a cluster that hangs is not alive or ready; checks_test.cpp has one.
  undone.erase("get /liveness 503");
  undone.erase("get /readiness 503");

  for (const auto& example : examples()) {
    SCOPED_TRACE(example.method + " " + example.target + " " + example.body);
    auto method = example.method;
    for (auto& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto& operation = openapi.at("paths").at(example.path).at(example.method);
    const bool open = operation.contains("security") && operation.at("security").empty();

    if (!open) {
      const auto refused = call(server->address(), method, example.target, "", example.body);
      EXPECT_EQ(refused.status, 401);
      const auto wrong = schema::violations(named.at("Failure"), Json::parse(refused.body), named);
      EXPECT_TRUE(wrong.empty()) << wrong[0];
    }
    const auto answer = call(server->address(), method, example.target, open ? "" : kToken, example.body);
    EXPECT_EQ(answer.status, example.status) << answer.body;
    const auto status = std::to_string(answer.status);
    const auto& responses = operation.at("responses");
    const auto& response = responses.contains(status) ? responses.at(status) : responses.at("default");
    undone.erase(example.method + " " + example.path + " " + status);
    if (!response.contains("content")) {
      EXPECT_EQ(answer.body, "");
      continue;
    }
    const auto only = response.at("content").begin();
    const auto& type = only.key();
    const auto& content = only.value();
    EXPECT_EQ(answer.headers.at("content-type"), type);
    if (type != "application/json") continue;
    const auto wrong = schema::violations(content.at("schema"), Json::parse(answer.body), named);
    EXPECT_TRUE(wrong.empty()) << wrong[0] << "\n" << answer.body;
  }
  for (const auto& what : undone) ADD_FAILURE() << "no example leads to " << what;
}

TEST_F(OpenApiTest, IsWellFormed) {
  EXPECT_EQ(openapi.at("openapi"), "3.1.0");
  EXPECT_EQ(openapi.at("info").at("version"), "1.2.3");
  const auto& named = openapi.at("components").at("schemas");
  std::set<std::string> ids;
  const auto text = openapi.dump();
  for (auto at = text.find("#/components/schemas/"); at != std::string::npos;
       at = text.find("#/components/schemas/", at + 1)) {
    const auto name = text.substr(at + 21, text.find('"', at) - at - 21);
    EXPECT_TRUE(named.contains(name)) << name;
  }
  for (const auto& [path, methods] : openapi.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << operation.at("operationId");
      EXPECT_FALSE(operation.at("summary").get<std::string>().empty()) << path;
      EXPECT_FALSE(operation.at("responses").empty()) << path;
    }
  }
}

}  // namespace
}  // namespace repl::serve

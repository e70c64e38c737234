#include "serve/api.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "backend.hpp"
#include "serve/json.hpp"
#include "spec/parse.hpp"

namespace repl::serve {
namespace {

using Replied = Result<control::Reply>;
using Asked = shop::Registry::Asked;

struct ApiTest : testing::Test, World {
  static Json json_of(const Response& response) { return Json::parse(response.body); }

  void is_error(const Response& response, int status, const std::string& code, const std::string& text) {
    EXPECT_EQ(response.status, status) << response.body;
    const auto error = json_of(response).at("error");
    EXPECT_EQ(error.at("code"), code);
    EXPECT_NE(error.at("message").get<std::string>().find(text), std::string::npos) << response.body;
  }
  Response post(const std::string& target, const Json& body) { return ask(Method::Post, target, body.dump()); }
  static Json document(const std::string& text) { return {{"document", text}, {"file", "shop.yaml"}}; }
};

TEST_F(ApiTest, AsksForTheToken) {
  for (const std::string given : {"", "Bearer ", "Bearer wrong", "Basic abc", kToken}) {
    const auto response = api.answer({.target = "/api/v1/clusters", .authorization = given});
    is_error(response, 401, "unauthorised", "token");
    EXPECT_EQ(response.headers.at(0), (std::pair<std::string, std::string>{"WWW-Authenticate", "Bearer"}));
  }
  auto almost = std::string("Bearer ") + kToken;
  almost.back() = 'x';
  is_error(api.answer({.target = "/api/v1/clusters", .authorization = almost}), 401, "unauthorised", "");
  EXPECT_EQ(ask(Method::Get, "/api/v1/clusters").status, 200);
}

TEST_F(ApiTest, ChangesNothingWithoutTheToken) {
  for (const std::string target :
       {"/api/v1/apply", "/api/v1/clusters/shop/switchover", "/api/v1/clusters/shop/failover",
        "/api/v1/clusters/shop/cancel", "/api/v1/clusters/shop/ack", "/api/v1/clusters/shop/pause",
        "/api/v1/clusters/shop/resume"}) {
    EXPECT_EQ(api.answer({.method = Method::Post, .target = target, .body = "{}"}).status, 401) << target;
  }
  EXPECT_EQ(api.answer({.method = Method::Delete, .target = "/api/v1/clusters/shop"}).status, 401);
  EXPECT_TRUE(registry.asked().empty());
  EXPECT_NE(registry.find({"shop"}), nullptr);
}

TEST_F(ApiTest, AnswersWithoutTheTokenOnlyWhatAnybodyMayKnow) {
  for (const std::string target :
       {"/liveness", "/readiness", "/metrics", "/api/v1/openapi.json", "/c/shop/n/db1/primary"}) {
    EXPECT_EQ(api.answer({.target = target}).status, 200) << target;
  }
}

TEST_F(ApiTest, RefusesUnknownPathsAndMethods) {
  is_error(ask(Method::Get, "/api/v1/nonsense"), 404, "invalid-argument", "/api/v1/nonsense");
  is_error(ask(Method::Get, "/api/v1/clusters/shop/more/and/more"), 404, "invalid-argument", "");
  const auto response = ask(Method::Post, "/api/v1/clusters");
  is_error(response, 405, "invalid-argument", "GET");
  EXPECT_EQ(response.headers.at(0).first, "Allow");
  EXPECT_EQ(ask(Method::Delete, "/metrics").status, 405);
  EXPECT_EQ(ask(Method::Other, "/api/v1/clusters").status, 405);
}

TEST_F(ApiTest, RefusesParametersItDoesNotKnow) {
  is_error(ask(Method::Get, "/api/v1/events?until=4"), 400, "invalid-argument", "'until' is not known");
  is_error(ask(Method::Get, "/api/v1/events?since=x&limit=-1"), 400, "invalid-argument", "since: 'x'");
  is_error(ask(Method::Get, "/api/v1/events?limit=0"), 400, "invalid-argument", "limit");
  is_error(ask(Method::Get, "/api/v1/events?limit=1001"), 400, "invalid-argument", "limit");
  is_error(ask(Method::Get, "/api/v1/events?limit=5&limit=6"), 400, "invalid-argument", "twice");
  is_error(ask(Method::Get, "/api/v1/clusters?x=%zz"), 400, "invalid-argument", "percent");
}

TEST_F(ApiTest, RefusesAWrongBodyWholeBeforeAnythingIsAsked) {
  is_error(ask(Method::Post, "/api/v1/clusters/shop/switchover", "{"), 400, "invalid-argument", "not JSON");
  is_error(ask(Method::Post, "/api/v1/clusters/shop/switchover", "[]"), 400, "invalid-argument", "object");
  is_error(post("/api/v1/clusters/shop/switchover", {{"to", 7}, {"force", true}}), 400, "invalid-argument",
           "'force' is not known");
  is_error(post("/api/v1/clusters/shop/switchover", {{"to", 7}, {"force", true}}), 400, "invalid-argument",
           "to: wanted");
  is_error(post("/api/v1/clusters/shop/switchover", {{"timeoutSeconds", 0}}), 400, "invalid-argument",
           "timeoutSeconds");
  is_error(post("/api/v1/clusters/shop/ack", {{"why", "x"}}), 400, "invalid-argument", "no body");
  is_error(post("/api/v1/apply", {{"dryRun", true}}), 400, "invalid-argument", "'document' is missing");
  is_error(post("/api/v1/apply", {{"document", shop_document()}, {"dry_run", true}}), 400, "invalid-argument",
           "dry_run");
  EXPECT_TRUE(registry.asked().empty());
}

TEST_F(ApiTest, NamesWhatIsNotThere) {
  is_error(ask(Method::Get, "/api/v1/clusters/pay"), 404, "no-such-cluster", "pay");
  is_error(ask(Method::Post, "/api/v1/clusters/pay/pause"), 404, "no-such-cluster", "pay");
  is_error(ask(Method::Delete, "/api/v1/clusters/pay"), 404, "no-such-cluster", "pay");
  is_error(ask(Method::Get, "/api/v1/clusters/pay/history"), 404, "no-such-cluster", "pay");
  is_error(ask(Method::Get, "/api/v1/operations/shop-99"), 404, "no-such-operation", "shop-99");
  is_error(post("/api/v1/clusters/shop/switchover", {{"to", "db9"}}), 404, "no-such-node", "db9");
  EXPECT_EQ(ask(Method::Get, "/c/shop/n/db9/primary").status, 404);
}

TEST_F(ApiTest, GivesEachRefusalTheStatusThatTheDocumentationNames) {
  const std::vector<std::pair<ErrorCode, int>> wanted{
      {ErrorCode::InvalidArgument, 400}, {ErrorCode::Conflict, 409},    {ErrorCode::Paused, 409},
      {ErrorCode::NotPromotable, 412},   {ErrorCode::NotFenced, 412},   {ErrorCode::QuorumMissing, 412},
      {ErrorCode::NotSupported, 501},    {ErrorCode::StoreFailed, 503}, {ErrorCode::DeadlineExceeded, 504},
      {ErrorCode::Diverged, 412},        {ErrorCode::NoSuchNode, 404},  {ErrorCode::ConnectionLost, 503},
      {ErrorCode::NotAReplica, 412},     {ErrorCode::Stopping, 503},    {ErrorCode::PreconditionFailed, 412}};
  for (const auto& [code, status] : wanted) {
    registry.set_answer([code = code](const Asked&) -> Replied { return tl::unexpected(Error{code, "said so"}); });
    is_error(post("/api/v1/clusters/shop/switchover", Json::object()), status, std::string(to_string(code)), "said so");
    // The same when the controller refuses in its reply.
    registry.set_answer([code = code](const Asked&) -> Replied {
      return control::Reply{.error = Error{code, "said so"}};
    });
    is_error(post("/api/v1/clusters/shop/failover", Json::object()), status, std::string(to_string(code)), "said so");
  }
}

TEST_F(ApiTest, HandsASwitchoverToTheController) {
  registry.set_answer([](const Asked&) -> Replied { return control::Reply{.operation = OperationId{"shop-5"}}; });
  const auto response = post("/api/v1/clusters/shop/switchover", {{"to", "db2"}, {"timeoutSeconds", 2.5}});
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(json_of(response), Json({{"operation", "shop-5"}}));
  ASSERT_EQ(registry.asked().size(), 1U);
  const auto& asked = std::get<control::SwitchOver>(registry.asked()[0].request.what);
  EXPECT_EQ(asked.to, NodeId{"db2"});
  EXPECT_EQ(asked.timeout, std::chrono::milliseconds(2500));
}

TEST_F(ApiTest, TellsTheControllerWhoAsked) {
  const auto asker = [&](const std::string& claimed) {
    api.answer({.method = Method::Post,
                .target = "/api/v1/clusters/shop/pause",
                .authorization = std::string("Bearer ") + kToken,
                .asked_by = claimed});
    return registry.asked().back().request.asked_by;
  };
  EXPECT_EQ(asker("alice@ops-1"), "alice@ops-1");
  EXPECT_EQ(asker(""), "api");
  EXPECT_EQ(asker("two words"), "api");
  EXPECT_EQ(asker("\x1b[31m"), "api");
  EXPECT_EQ(asker(std::string(65, 'a')), "api");
}

TEST_F(ApiTest, HandsEachOtherRequestToTheController) {
  EXPECT_EQ(post("/api/v1/clusters/shop/failover", {{"to", "db3"}}).status, 200);
  EXPECT_EQ(ask(Method::Post, "/api/v1/clusters/shop/ack").status, 200);
  EXPECT_EQ(ask(Method::Post, "/api/v1/clusters/shop/pause", "{}").status, 200);
  EXPECT_EQ(ask(Method::Post, "/api/v1/clusters/shop/resume").status, 200);
  ASSERT_EQ(registry.asked().size(), 4U);
  EXPECT_EQ(std::get<control::FailOver>(registry.asked()[0].request.what).to, NodeId{"db3"});
  EXPECT_TRUE(std::holds_alternative<control::Acknowledge>(registry.asked()[1].request.what));
  EXPECT_TRUE(std::holds_alternative<control::Pause>(registry.asked()[2].request.what));
  EXPECT_TRUE(std::holds_alternative<control::Resume>(registry.asked()[3].request.what));
  EXPECT_EQ(ask(Method::Delete, "/api/v1/clusters/shop").status, 204);
  EXPECT_EQ(registry.find({"shop"}), nullptr);
}

TEST_F(ApiTest, AppliesAsTheNextRevisionAndKeepsTheDocument) {
  registry.set_answer([](const Asked&) -> Replied {
    return control::Reply{.operation = OperationId{"shop-5"}, .plan = shop::plan(), .revision = {3}};
  });
  auto body = document(shop_document("alerts: {lag: 5s}\n"));
  body["note"] = "faster";
  const auto response = post("/api/v1/apply", body);
  ASSERT_EQ(response.status, 202) << response.body;
  const auto cluster = json_of(response).at("clusters").at(0);
  EXPECT_EQ(cluster.at("cluster"), "shop");
  EXPECT_EQ(cluster.at("revision"), 3);
  EXPECT_EQ(cluster.at("previousRevision"), 2);
  EXPECT_EQ(cluster.at("operation"), "shop-5");
  EXPECT_EQ(cluster.at("plan").at("steps").size(), 2U);
  ASSERT_EQ(registry.asked().size(), 1U);
  const auto& asked = registry.asked()[0];
  const auto& apply = std::get<control::ApplySpec>(asked.request.what);
  EXPECT_FALSE(apply.dry_run);
  EXPECT_EQ(apply.spec.alert_lag, std::chrono::seconds(5));
  EXPECT_EQ(apply.document, shop_document("alerts: {lag: 5s}\n"));
  EXPECT_EQ(apply.note, "faster");
  EXPECT_EQ(apply.back_to, std::nullopt);
}

TEST_F(ApiTest, AppliesADryRunWithoutADocumentToKeep) {
  registry.set_answer([](const Asked&) -> Replied { return control::Reply{.plan = shop::plan()}; });
  auto body = document(shop_document());
  body["dryRun"] = true;
  const auto response = post("/api/v1/apply", body);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(json_of(response).at("clusters").at(0).at("operation").is_null());
  EXPECT_TRUE(std::get<control::ApplySpec>(registry.asked().at(0).request.what).dry_run);
  EXPECT_EQ(std::get<control::ApplySpec>(registry.asked()[0].request.what).document, "");
}

TEST_F(ApiTest, ShowsARevisionAsAFileThatGivesTheSameSpec) {
  ASSERT_TRUE(store->write({.cluster = {"shop"}, .revisions = {shop::revision(2)}}));
  const auto response = ask(Method::Get, "/api/v1/clusters/shop/revisions/2");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = json_of(response);
  EXPECT_EQ(json.at("state"), "in-force");
  EXPECT_EQ(json.at("sent"), "name: shop\n");
  const auto parsed = spec::parse(json.at("document").get<std::string>(), "x", "/");
  ASSERT_TRUE(parsed.ok()) << response.body;
  EXPECT_EQ(parsed.clusters.at(0), *shop::revision(2).spec);
  EXPECT_EQ(json.at("before").at(0).at("variables").at(0),
            Json::parse(R"({"name":"max_connections","value":"151","persisted":null})"));
  EXPECT_EQ(json.at("before").at(2).at("reached"), false);
  is_error(ask(Method::Get, "/api/v1/clusters/shop/revisions/3"), 404, "no-such-revision", "revision 3");
  is_error(ask(Method::Get, "/api/v1/clusters/shop/revisions/x"), 400, "invalid-argument", "'x'");
}

TEST_F(ApiTest, ComparesTwoRevisions) {
  ASSERT_TRUE(store->write({.cluster = {"shop"}, .revisions = {shop::revision(1), shop::revision(2)}}));
  const auto response = ask(Method::Get, "/api/v1/clusters/shop/diff?from=2&to=1");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json_of(response).at("changes").dump(), R"([{"sign":"~","path":"alerts.lag","from":"2s","to":"1s"}])");
  EXPECT_EQ(json_of(ask(Method::Get, "/api/v1/clusters/shop/diff?from=2")).at("equal"), true);
  is_error(ask(Method::Get, "/api/v1/clusters/shop/diff?from=7"), 404, "no-such-revision", "revision 7");
}

TEST_F(ApiTest, GoesBackToTheRevisionThatWasInForceBefore) {
  auto failed = shop::revision(2);
  failed.state = RevisionState::TakenBack;
  ASSERT_TRUE(store->write({.cluster = {"shop"}, .revisions = {shop::revision(1), failed, shop::revision(3)}}));
  shop::Shop s;
  s.memory.revision = {3};
  registry.set(s);
  registry.set_answer([](const Asked&) -> Replied {
    return control::Reply{.operation = OperationId{"shop-5"}, .plan = shop::plan(), .revision = {4}};
  });
  const auto response = post("/api/v1/clusters/shop/rollback", {{"note", "it was better"}});
  ASSERT_EQ(response.status, 202) << response.body;
  EXPECT_EQ(json_of(response).at("clusters").at(0).at("revision"), 4);
  const auto& what = std::get<control::ApplySpec>(registry.asked().at(0).request.what);
  EXPECT_EQ(what.back_to, Revision{1});
  EXPECT_EQ(what.spec, *shop::revision(1).spec);
  EXPECT_EQ(what.note, "it was better");
  EXPECT_EQ(what.document, "name: shop\n");
}

TEST_F(ApiTest, RotatesByApplyingWhatIsInForceAgain) {
  shop::Shop s;
  s.memory.spec->accounts = shop::revision(1).spec->accounts;
  registry.set(s);
  registry.set_answer([](const Asked&) -> Replied {
    return control::Reply{.operation = OperationId{"shop-5"}, .plan = shop::plan(), .revision = {2}};
  });
  const auto response = post("/api/v1/clusters/shop/rotate", {{"discardFormer", {"replication"}}});
  ASSERT_EQ(response.status, 202) << response.body;
  const auto& what = std::get<control::ApplySpec>(registry.asked().at(0).request.what);
  EXPECT_EQ(what.discard_former, std::set{AccountRole::Replication});
  EXPECT_FALSE(what.dry_run);
  EXPECT_TRUE(what.back_to) << "the primary in office stays";
  is_error(post("/api/v1/clusters/shop/rotate", {{"discardFormer", {"application"}}}), 400, "invalid-argument",
           "has no application account");
}

TEST_F(ApiTest, RefusesToGoBackWhereThereIsNoWay) {
  is_error(post("/api/v1/clusters/shop/rollback", Json::object()), 412, "precondition-failed", "no revision before 2");
  is_error(post("/api/v1/clusters/shop/rollback", {{"to", 7}}), 404, "no-such-revision", "revision 7");
  auto old = shop::revision(1);
  old.spec.reset();
  ASSERT_TRUE(store->write({.cluster = {"shop"}, .revisions = {old}}));
  is_error(post("/api/v1/clusters/shop/rollback", {{"to", 1}}), 501, "not-supported", "replctl show shop 1");
  EXPECT_TRUE(registry.asked().empty());
}

TEST_F(ApiTest, SaysWhichVariablesGoBackToWhat) {
  shop::Shop s;
  s.seen(1).server_uuid = shop::kUuid1;
  s.set(1, s.seen(1));
  s.memory.spec->settings = {{"max_connections", "500"}, {"long_query_time", "1"}};
  s.memory.prior_settings[shop::kUuid1] = {{"max_connections", {"151", std::nullopt}}};
  registry.set(s);
  const auto response = post("/api/v1/diff", document(shop_document()));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto notes = json_of(response).at("clusters").at(0).at("notes").dump();
  EXPECT_NE(notes.find("db1: max_connections goes back to 151, not persisted"), std::string::npos) << notes;
  EXPECT_NE(notes.find("long_query_time is persisted no longer"), std::string::npos) << notes;
}

TEST_F(ApiTest, ReportsAllErrorsOfADocumentWithTheirPlaces) {
  const auto text = "name: shop\ntopology: star\nnodes:\n  - {name: db1, host: a, port: 70000}\n";
  for (const std::string target : {"/api/v1/validate", "/api/v1/diff", "/api/v1/apply"}) {
    const auto response = post(target, document(text));
    is_error(response, 400, "invalid-spec", "shop.yaml:");
    const auto details = json_of(response).at("error").at("details");
    ASSERT_GE(details.size(), 2U) << response.body;
    EXPECT_EQ(details.at(0).at("file"), "shop.yaml");
    EXPECT_TRUE(std::any_of(details.begin(), details.end(), [](const Json& d) {
      return d.at("line") == 2 && d.at("column") == 11 &&
             d.at("message").get<std::string>().find("star") != std::string::npos;
    })) << details;
  }
  EXPECT_TRUE(registry.asked().empty());
}

TEST_F(ApiTest, RefusesHooksThatWouldNotRun) {
  const auto hooks = directory / "hooks";
  std::filesystem::create_directory(hooks);
  std::filesystem::permissions(hooks, std::filesystem::perms{0755});
  const auto text = shop_document("hooks: {postFailover: [announce]}\n");
  for (const std::string target : {"/api/v1/validate", "/api/v1/diff", "/api/v1/apply"}) {
    const auto response = post(target, document(text));
    is_error(response, 400, "invalid-spec", "hooks.postFailover: " + hooks + "/announce: No such file");
    EXPECT_EQ(json_of(response).at("error").at("details").at(0).at("line"), 12);
  }
  EXPECT_TRUE(registry.asked().empty());
  std::ofstream{hooks + "/announce"} << "#!/bin/sh\n";
  std::filesystem::permissions(hooks + "/announce", std::filesystem::perms{0755});
  registry.set_answer([](const Asked&) -> Replied { return control::Reply{.plan = shop::plan()}; });
  EXPECT_EQ(post("/api/v1/apply", document(text)).status, 200);
  EXPECT_EQ(std::get<control::ApplySpec>(registry.asked().at(0).request.what).spec.hooks.post_failover,
            std::vector<std::string>{"announce"});
}

TEST_F(ApiTest, RefusesAServerOfAnotherCluster) {
  auto text = shop_document();
  text.replace(text.find("name: shop"), 10, "name: pay!");
  text.replace(text.find("pay!"), 4, "pay2");
  is_error(post("/api/v1/apply", document(text)), 400, "invalid-spec", "shop");
  EXPECT_TRUE(registry.asked().empty());
}

TEST_F(ApiTest, RefusesAnEmptyDocumentAndARelativeBaseDirectory) {
  is_error(post("/api/v1/validate", document("# nothing\n")), 400, "invalid-spec", "no document");
  auto body = document(shop_document());
  body["baseDirectory"] = "secrets";
  is_error(post("/api/v1/validate", body), 400, "invalid-argument", "not absolute");
}

TEST_F(ApiTest, ValidatesADocumentOfSeveralClusters) {
  auto other = shop_document();
  for (auto at = other.find("10.0.0.1"); at != std::string::npos; at = other.find("10.0.0.1", at + 1))
    other.replace(at, 8, "10.0.0.9");
  other.replace(other.find("name: shop"), 10, "name: pay");
  const auto response = post("/api/v1/validate", document(shop_document() + "---\n" + other));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json_of(response).at("clusters"), Json({"shop", "pay"}));
}

TEST_F(ApiTest, TakesAFileOfSeveralClustersWhole) {
  auto other = shop_document();
  for (auto at = other.find("10.0.0.1"); at != std::string::npos; at = other.find("10.0.0.1", at + 1))
    other.replace(at, 8, "10.0.0.9");
  other.replace(other.find("name: shop"), 10, "name: pay");
  registry.set_answer([](const Asked& asked) -> Replied {
    if (asked.cluster.name == "pay") return fail(ErrorCode::PreconditionFailed, "pay: db1 has no gtid_mode");
    return control::Reply{.operation = OperationId{"shop-5"}};
  });
  is_error(post("/api/v1/apply", document(shop_document() + "---\n" + other)), 412, "precondition-failed", "gtid_mode");
  for (const auto& asked : registry.asked()) EXPECT_TRUE(std::get<control::ApplySpec>(asked.request.what).dry_run);

  registry.set_answer([](const Asked& asked) -> Replied {
    return control::Reply{.operation = OperationId{asked.cluster.name + "-1"}};
  });
  const auto response = post("/api/v1/apply", document(shop_document() + "---\n" + other));
  ASSERT_EQ(response.status, 202) << response.body;
  EXPECT_EQ(json_of(response).at("clusters").at(1).at("operation"), "pay-1");
  EXPECT_EQ(std::get<control::ApplySpec>(registry.asked().back().request.what).document, other);
}

TEST_F(ApiTest, ComparesWithTheRevisionInForce) {
  auto response = post("/api/v1/diff", document(shop_document("alerts: {lag: 5s}\n")));
  ASSERT_EQ(response.status, 200) << response.body;
  auto cluster = json_of(response).at("clusters").at(0);
  EXPECT_EQ(cluster.at("equal"), false);
  EXPECT_NE(cluster.at("changes").dump().find("alerts.lag"), std::string::npos) << cluster;
  EXPECT_TRUE(cluster.at("notes").empty());

  shop::Shop s;
  s.memory.office.primary = NodeId{"db2"};
  registry.set(s);
  response = post("/api/v1/diff", document(shop_document()));
  EXPECT_EQ(json_of(response).at("clusters").at(0).at("notes"), Json({"primary is db2 (declared db1)"}));
}

TEST_F(ApiTest, ListsEventsFromACursor) {
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(store->write(
        {.cluster = {"shop"}, .events = {Event{.at = shop::kNow, .kind = "k", .text = std::to_string(i)}}}));
  }
  const auto texts = [&](const std::string& target) {
    std::string all;
    const auto json = json_of(ask(Method::Get, target));
    for (const auto& event : json.at("events")) all += event.at("text").get<std::string>();
    return all;
  };
  EXPECT_EQ(texts("/api/v1/events"), "123");
  EXPECT_EQ(texts("/api/v1/events?limit=2"), "23");
  EXPECT_EQ(texts("/api/v1/events?since=1&limit=1"), "2");
  EXPECT_EQ(texts("/api/v1/clusters/shop/events?since=2"), "3");
  EXPECT_EQ(texts("/api/v1/clusters/pay/events"), "");
}

TEST_F(ApiTest, PrefersTheOperationInMemoryToTheStoredOne) {
  ASSERT_TRUE(store->write({.cluster = {"shop"}, .operations = {shop::operation(OperationState::Done)}}));
  EXPECT_EQ(json_of(ask(Method::Get, "/api/v1/operations/shop-4")).at("state"), "done");
  shop::Shop s;
  s.memory.operation = shop::operation();
  registry.set(s);
  EXPECT_EQ(json_of(ask(Method::Get, "/api/v1/operations/shop-4")).at("state"), "running");
}

TEST_F(ApiTest, AnswersAMistakeOfItsOwnWithoutDetails) {
  registry.set_answer([](const Asked&) -> Replied { throw std::runtime_error("secret detail"); });
  const auto response = ask(Method::Post, "/api/v1/clusters/shop/pause");
  is_error(response, 503, "internal", "log");
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace repl::serve

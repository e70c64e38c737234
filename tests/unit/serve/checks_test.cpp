#include "backend.hpp"

#include <gtest/gtest.h>

namespace repl::serve {
namespace {

struct ChecksTest : testing::Test, World {
  shop::Shop shop;

  Response check(const std::string& target) {
    registry.set(shop);
    return api.answer({.target = target});
  }
  void says(const std::string& target, int status, const std::string& text) {
    const auto response = check(target);
    EXPECT_EQ(response.status, status) << target << " " << response.body;
    EXPECT_NE(response.body.find(text), std::string::npos) << target << " " << response.body;
    EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  }
};

TEST_F(ChecksTest, SayWhatEachNodeIsGoodFor) {
  says("/c/shop/n/db1/primary", 200, "db1: the primary");
  says("/c/shop/n/db1/replica", 503, "not a replica");
  says("/c/shop/n/db1/read-only", 200, "");
  says("/c/shop/n/db1/sync", 503, "");
  says("/c/shop/n/db1/health", 200, "");
  says("/c/shop/n/db2/primary", 503, "not the primary");
  says("/c/shop/n/db2/replica", 200, "");
  says("/c/shop/n/db2/read-only", 200, "");
  says("/c/shop/n/db2/sync", 200, "acknowledges");
}

TEST_F(ChecksTest, AnswerHeadAndOptionsLikeGet) {
  registry.set(shop);
  for (const auto method : {Method::Head, Method::Options}) {
    EXPECT_EQ(api.answer({.method = method, .target = "/c/shop/n/db1/primary"}).status, 200);
    EXPECT_EQ(api.answer({.method = method, .target = "/c/shop/n/db2/primary"}).status, 503);
  }
}

TEST_F(ChecksTest, FailForANodeThatDoesNotAnswer) {
  shop.lose(1, Reach::Silent, 1);
  shop.lose(2, Reach::Refused, 1);
  says("/c/shop/n/db1/primary", 503, "does not answer");
  says("/c/shop/n/db2/replica", 503, "does not answer");
  says("/c/shop/n/db2/health", 503, "does not answer");
}

TEST_F(ChecksTest, FailForAReadOnlyOrOfflinePrimary) {
  auto db1 = shop::primary();
  db1.read_only = ReadOnly::Super;
  shop.set(1, db1);
  says("/c/shop/n/db1/primary", 503, "read-only");
  says("/c/shop/n/db1/read-only", 200, "");
  db1.offline_mode = true;
  shop.set(1, db1);
  says("/c/shop/n/db1/read-only", 503, "offline_mode");
}

TEST_F(ChecksTest, FailForAQuarantinedNode) {
  shop.memory.quarantined = {NodeId{"db2"}};
  says("/c/shop/n/db2/replica", 503, "quarantined");
  says("/c/shop/n/db2/health", 200, "");
}

TEST_F(ChecksTest, HoldAReplicaToTheLagThatIsAskedFor) {
  auto db2 = shop::replica("db2");
  db2.channels[0].lag = std::chrono::seconds(5);
  shop.set(2, db2);
  says("/c/shop/n/db2/replica", 200, "");
  says("/c/shop/n/db2/replica?lag=5s", 200, "");
  says("/c/shop/n/db2/replica?lag=4999ms", 503, "5.0 s behind");
  db2.channels[0].lag.reset();
  shop.set(2, db2);
  says("/c/shop/n/db2/replica?lag=5s", 503, "not known");
  EXPECT_EQ(check("/c/shop/n/db2/replica?lag=soon").status, 400);
}

TEST_F(ChecksTest, FailForAReplicaThatDoesNotReplicate) {
  auto db2 = shop::replica("db2");
  db2.channels[0].applier = ThreadState::Stopped;
  shop.set(2, db2);
  says("/c/shop/n/db2/replica", 503, "applier");
  db2.channels[0].receiver = ThreadState::Connecting;
  shop.set(2, db2);
  says("/c/shop/n/db2/replica", 503, "receiver");
  says("/c/shop/n/db2/sync", 503, "receiver");
}

TEST_F(ChecksTest, DoNotTrustOldValues) {
  for (std::size_t i = 1; i <= 3; ++i)
    shop.node(i).latest->taken_at = shop.node(i).reached->taken_at = shop::kNow - std::chrono::seconds(31);
  says("/c/shop/n/db1/primary", 503, "not looked at for 31 s");
  says("/c/shop/n/db2/replica", 503, "not looked at for 31 s");
}

TEST_F(ChecksTest, AreAliveWhileLoopsComeRound) {
  says("/liveness", 200, "alive");
  metrics.loop_turned({"shop"}, shop::kNow - std::chrono::seconds(31));
  // The view of the shop is of now, which is a sign of life too.
  says("/liveness", 200, "alive");
}

TEST_F(ChecksTest, AreNotAliveWhenALoopHangs) {
  auto stale = std::make_shared<run::ClusterState>(*shop.state());
  stale->view = std::make_shared<const View>(shop::kNow - std::chrono::seconds(40), shop.nodes);
  struct Hanging final : run::Registry {
    std::shared_ptr<const run::ClusterState> state;
    std::vector<std::shared_ptr<const run::ClusterState>> clusters() const override { return {state}; }
    std::shared_ptr<const run::ClusterState> find(const ClusterId&) const override { return state; }
    Result<control::Reply> ask(const ClusterId&, control::Request, Time) override { return {}; }
    Result<void> forget(const ClusterId&) override { return {}; }
    Result<std::string> verify(const ClusterId&, const run::VerifyOrder&) override { return {}; }
    Result<void> stop_verification(const ClusterId&) override { return {}; }
  } hanging;
  hanging.state = stale;
  metrics.loop_turned({"shop"}, shop::kNow - std::chrono::seconds(35));
  Api other(Backend{
      .registry = hanging, .store = *store, .metrics = metrics, .clock = [] { return shop::kNow; }, .token = kToken});
  const auto response = other.answer({.target = "/liveness"});
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find("shop has not come round for 35 s"), std::string::npos) << response.body;
  EXPECT_EQ(other.answer({.target = "/readiness"}).status, 503);
}

TEST_F(ChecksTest, AreReadyWhenEveryNodeWasLookedAt) {
  says("/readiness", 200, "ready");
  shop.node(2) = Observation{.node = {"db2"}};
  says("/readiness", 503, "not every node");
}

}  // namespace
}  // namespace repl::serve

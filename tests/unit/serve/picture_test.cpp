#include "serve/picture.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "serve/shapes.hpp"
#include "shop.hpp"

namespace repl::serve {
namespace {

using shop::Shop;
using namespace std::chrono_literals;

Picture picture(const Shop& shop) {
  return Picture(shop.state(), shop::kNow);
}

void is(const Shop& shop, ClusterStatus status, const std::string& text) {
  const auto seen = picture(shop);
  EXPECT_EQ(to_string(seen.status()), to_string(status)) << seen.status_text();
  EXPECT_NE(seen.status_text().find(text), std::string::npos) << seen.status_text();
}

TEST(Picture, IsOkWhenAllWorks) {
  is(Shop{}, ClusterStatus::Ok, "db1 takes writes, 2 nodes could replace it");
  EXPECT_EQ(picture(Shop{}).nodes_ok(), 3);
  EXPECT_EQ(picture(Shop{}).writable_nodes(), 1);
  EXPECT_EQ(picture(Shop{}).candidates(), 2);
  EXPECT_EQ(picture(Shop{}).acks_needed(), 1);
}

TEST(Picture, GivesRolesSourcesAndValues) {
  const auto seen = picture(Shop{});
  EXPECT_EQ(seen.find("db1")->role, NodeRole::Primary);
  EXPECT_EQ(seen.find("db1")->source, "");
  EXPECT_EQ(seen.find("db2")->role, NodeRole::Replica);
  EXPECT_EQ(seen.find("db2")->source, "db1");
  EXPECT_EQ(seen.find("db2")->age, Duration{400'000});
  EXPECT_EQ(seen.find("db9"), nullptr);
}

TEST(Picture, NamesASourceThatIsNotDeclaredByItsAddress) {
  Shop s;
  auto db2 = shop::replica("db2");
  db2.channels[0].source = {"elsewhere", 3306};
  s.set(2, db2);
  EXPECT_EQ(picture(s).find("db2")->source, "elsewhere:3306");
}

TEST(Picture, CallsANodeWithoutASourceDetached) {
  Shop s;
  auto db2 = shop::replica("db2");
  db2.channels.clear();
  s.set(2, db2);
  auto db3 = shop::replica("db3");
  db3.channels[0].source.host = kDetachedHost;
  s.set(3, db3);
  const auto seen = picture(s);
  EXPECT_EQ(seen.find("db2")->role, NodeRole::Detached);
  EXPECT_EQ(seen.find("db3")->role, NodeRole::Detached);
  EXPECT_EQ(seen.find("db3")->source, "");
}

TEST(Picture, CountsWhatAReplicaLacks) {
  Shop s;
  auto db2 = shop::replica("db2");
  db2.executed = shop::transactions(2);
  s.set(2, db2);
  EXPECT_EQ(picture(s).find("db2")->missing, 3U);
}

TEST(Picture, TellsARefusedNodeFromOneThatMissedAProbe) {
  Shop s;
  s.lose(2, Reach::Refused, 1);
  s.lose(3, Reach::Silent, 1);
  auto seen = picture(s);
  EXPECT_EQ(seen.find("db2")->state, NodeState::Down);
  EXPECT_EQ(seen.find("db3")->state, NodeState::Degraded);
  s.lose(3, Reach::Silent, 3);
  EXPECT_EQ(picture(s).find("db3")->state, NodeState::Down);
}

TEST(Picture, KeepsTheLastValuesOfALostNode) {
  Shop s;
  s.lose(2, Reach::Refused, 1);
  const auto seen = picture(s);
  EXPECT_EQ(seen.find("db2")->role, NodeRole::Replica);
  EXPECT_EQ(seen.find("db2")->reached->version, (ServerVersion{9, 7, 4}));
}

TEST(Picture, CallsAQuarantinedNodeSoWhateverElseItIs) {
  Shop s;
  s.memory.quarantined = {NodeId{"db2"}};
  s.lose(2, Reach::Refused, 1);
  EXPECT_EQ(picture(s).find("db2")->state, NodeState::Quarantined);
}

TEST(Picture, CallsANodeWithAProblemDegraded) {
  Shop s;
  s.problems = {shop::problem("ReplicaLags", Severity::Warning, NodeId{"db3"}),
                shop::problem("Note", Severity::Info, NodeId{"db2"})};
  EXPECT_EQ(picture(s).find("db3")->state, NodeState::Degraded);
  EXPECT_EQ(picture(s).find("db2")->state, NodeState::Ok);
  is(s, ClusterStatus::OkPartial, "db3 is degraded");
}

TEST(Picture, IsUnknownBeforeAnyLook) {
  Shop s;
  for (auto& node : s.nodes) node = Observation{.node = node.node};
  is(s, ClusterStatus::Unknown, "not looked at yet");
  s.nodes.clear();
  is(s, ClusterStatus::Unknown, "not looked at yet");
  s.memory.spec.reset();
  is(s, ClusterStatus::Unknown, "no topology file");
}

TEST(Picture, ShowsTheNodesOfAFirstApplyThatIsGoingOn) {
  Shop s;
  s.memory.proposed = std::move(s.memory.spec);
  s.memory.spec.reset();
  s.memory.office = {};
  is(s, ClusterStatus::NotWritable, "first apply");
  EXPECT_EQ(picture(s).nodes().size(), 3U);
}

TEST(Picture, IsNotWritableWhenThePrimaryIsDownReadOnlyOrOffline) {
  Shop down;
  down.lose(1, Reach::Refused, 1);
  is(down, ClusterStatus::NotWritable, "db1, the primary, is down: no answer");

  Shop read_only;
  auto db1 = shop::primary();
  db1.read_only = ReadOnly::On;
  read_only.set(1, db1);
  is(read_only, ClusterStatus::NotWritable, "read-only");

  Shop offline;
  db1 = shop::primary();
  db1.offline_mode = true;
  offline.set(1, db1);
  is(offline, ClusterStatus::NotWritable, "offline_mode");
}

TEST(Picture, IsNotWritableWhenTooFewReplicasAcknowledge) {
  Shop s;
  s.lose(2, Reach::Refused, 1);
  s.lose(3, Reach::Refused, 1);
  is(s, ClusterStatus::NotWritable, "commits on db1 wait: 0 of 1");
}

TEST(Picture, IsDegradedWhenThePrimaryMissedAProbe) {
  Shop s;
  s.lose(1, Reach::Silent, 1);
  is(s, ClusterStatus::Degraded, "did not answer the latest probe");
}

TEST(Picture, IsDegradedByACriticalProblem) {
  Shop s;
  s.problems = {shop::problem("SplitBrain", Severity::Critical)};
  is(s, ClusterStatus::Degraded, "SplitBrain: seen");
}

TEST(Picture, HasNoToleranceWithTheLastAckerOrWithoutACandidate) {
  Shop last_acker;
  last_acker.lose(3, Reach::Refused, 1);
  is(last_acker, ClusterStatus::OkNoTolerance, "db3 is down; 1 acknowledging replica of 1 needed");

  Shop no_candidate;
  for (auto& node : no_candidate.memory.spec->nodes) node.promotion = Promotion::Never;
  is(no_candidate, ClusterStatus::OkNoTolerance, "no node may be promoted if db1 dies");
}

TEST(Picture, SaysThatItIsPaused) {
  Shop s;
  s.memory.spec->management = Management::Observe;
  is(s, ClusterStatus::Ok, "management: observe, repld only looks on");
  s.memory.spec->management = Management::Full;
  s.memory.paused = true;
  is(s, ClusterStatus::Ok, "paused");
}

TEST(Shapes, WriteTimesWithMicroseconds) {
  EXPECT_EQ(rfc3339(Time{Duration{1'700'000'000'000'042}}), "2023-11-14T22:13:20.000042Z");
  EXPECT_EQ(rfc3339(Time{Duration{0}}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(Time{Duration{-1}}), "1969-12-31T23:59:59.999999Z");
}

TEST(Shapes, ShowANodeAsItWasSeen) {
  Shop s;
  auto db2 = shop::replica("db2");
  db2.channels[0].lag = 1500ms;
  db2.channels[0].receiver = ThreadState::Connecting;
  db2.channels[0].receiver_error = "cannot connect";
  s.set(2, db2);
  s.node(2).errant = shop::gtids("22222222-71ca-11e1-9e33-c80aa9429562:1");
  const auto cluster = picture(s);
  const auto json = node_json(*cluster.find("db2"));
  EXPECT_EQ(json.at("address"), "10.0.0.1:3302");
  EXPECT_EQ(json.at("role"), "replica");
  EXPECT_EQ(json.at("source"), "db1");
  EXPECT_EQ(json.at("receiver"), "connecting");
  EXPECT_EQ(json.at("receiverError"), "cannot connect");
  EXPECT_EQ(json.at("lagSeconds"), 1.5);
  EXPECT_EQ(json.at("silenceSeconds"), 0.1);
  EXPECT_EQ(json.at("errant"), "22222222-71ca-11e1-9e33-c80aa9429562:1");
  EXPECT_EQ(json.at("probeAgeSeconds"), 0.4);
  EXPECT_EQ(json.at("readOnly"), "super");
  EXPECT_EQ(json.at("acker"), true);
  EXPECT_EQ(json.at("version"), "9.7.4");
}

TEST(Shapes, MakeNothingUpForANodeThatNeverAnswered) {
  Shop s;
  s.node(2) = Observation{.node = {"db2"}};
  const auto cluster = picture(s);
  const auto json = node_json(*cluster.find("db2"));
  for (const auto* field :
       {"readOnly", "source", "receiver", "applier", "lagSeconds", "silenceSeconds", "probeAgeSeconds"}) {
    EXPECT_TRUE(json.at(field).is_null()) << field;
  }
  EXPECT_EQ(json.at("version"), "");
  EXPECT_EQ(json.at("reach"), "unknown");
  EXPECT_EQ(json.at("state"), "unknown");
}

TEST(Shapes, ShowHowFarACloneIs) {
  auto operation = shop::operation();
  operation.plan.steps[1].step = CloneFrom{.node = {"db3"}, .donor = {"db2"}};
  operation.progress[1] = {.state = StepState::Running, .attempts = 1, .changed_at = Time{Duration{5'000'000}}};
  Snapshot now;
  now.node = {"db3"};
  now.reach = Reach::Ok;
  now.taken_at = Time{Duration{9'000'000}};
  now.uptime = std::chrono::seconds{1000};
  const auto shown = [&](const Snapshot& latest, const Snapshot& reached) {
    const View view{latest.taken_at, {Observation{.node = {"db3"}, .latest = latest, .reached = reached}}};
    return operation_json(operation, {"shop"}, &view).at("progress").at(1).at("clone");
  };
  EXPECT_EQ(shown(now, now).at("stage"), "starting");

  now.clone = CloneProgress{CloneStage::FileCopy, 100, 300, 20};
  auto clone = shown(now, now);
  EXPECT_EQ(clone.at("stage"), "file-copy");
  EXPECT_EQ(clone.at("bytesDone"), 100);
  EXPECT_EQ(clone.at("bytesEstimated"), 300);
  EXPECT_EQ(clone.at("bytesPerSecond"), 20);
  EXPECT_EQ(clone.at("secondsLeft"), 10.0);

  Snapshot refused;
  refused.node = {"db3"};
  refused.reach = Reach::Refused;
  clone = shown(refused, now);
  EXPECT_EQ(clone.at("stage"), "restart");
  EXPECT_EQ(clone.at("bytesDone"), 100);
  EXPECT_TRUE(clone.at("secondsLeft").is_null());

  auto back = now;
  back.clone.reset();
  back.uptime = std::chrono::seconds{1};
  EXPECT_EQ(shown(back, back).at("stage"), "finishing");

  EXPECT_TRUE(operation_json(operation, {"shop"}).at("progress").at(1).at("clone").is_null()) << "nobody looked";
  operation.progress[1].state = StepState::Done;
  EXPECT_TRUE(shown(now, now).is_null());
}

TEST(Shapes, ShowAnOperationWithTheProgressOfItsSteps) {
  const auto json = operation_json(shop::operation(), {"shop"});
  EXPECT_EQ(json.at("steps"), 2);
  EXPECT_EQ(json.at("stepsDone"), 1);
  EXPECT_TRUE(json.at("finished").is_null());
  EXPECT_EQ(json.at("plan").at("steps").at(1).at("name"), "set-read-only");
  EXPECT_EQ(json.at("plan").at("steps").at(1).at("after"), Json::array({0}));
  EXPECT_EQ(json.at("progress").at(0).at("tookSeconds"), 0.02);
  EXPECT_TRUE(json.at("progress").at(1).at("tookSeconds").is_null());
  EXPECT_EQ(operation_json(shop::operation(OperationState::Done), {"shop"}).at("finished"),
            "2023-11-14T22:13:21.000000Z");
}

}  // namespace
}  // namespace repl::serve

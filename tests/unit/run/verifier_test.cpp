// What of verifications needs no server: what is waited for, and that a defect ends a run and not repld.
#include "run/verifier.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <stdexcept>

#include "run/verification_text.hpp"
#include "temporary_directory.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;

const std::string kOne = "11111111-71ca-11e1-9e33-c80aa9429562", kTwo = "22222222-71ca-11e1-9e33-c80aa9429562",
                  kGroup = "99999999-71ca-11e1-9e33-c80aa9429562";

GtidSet gtids(const std::string& text) {
  return GtidSet::parse(text).value();
}

/// db1, which is the reference, and db2.
ClusterState cluster(TopologyType topology, int waiting_commits = 0) {
  Spec spec;
  spec.cluster = {"shop"};
  spec.topology = topology;
  spec.nodes = {{.id = {"db1"}, .address = {"10.0.0.1", 3306}}, {.id = {"db2"}, .address = {"10.0.0.2", 3306}}};
  std::vector<Observation> nodes;
  for (const auto& [name, uuid] : {std::pair{"db1", kOne}, std::pair{"db2", kTwo}}) {
    Snapshot snapshot;
    snapshot.node = {name};
    snapshot.reach = Reach::Ok;
    snapshot.server_uuid = uuid;
    if (uuid == kOne) snapshot.semi_sync.wait_sessions = waiting_commits;
    nodes.push_back({.node = {name}, .latest = snapshot, .reached = snapshot});
  }
  ClusterState state;
  state.cluster = {"shop"};
  state.memory.spec = spec;
  state.view = std::make_shared<const View>(Time{}, nodes);
  return state;
}

GtidSet still(const ClusterState& state, const std::string& lacking) {
  return may_still_come(state, {"db1"}, gtids(lacking));
}

TEST(MayStillCome, IsAllOfItWhereEveryNodeWrites) {
  for (const auto topology : {TopologyType::SourceSource, TopologyType::Circular}) {
    EXPECT_EQ(still(cluster(topology), kTwo + ":7," + kGroup + ":1"), gtids(kTwo + ":7," + kGroup + ":1"));
  }
}

TEST(MayStillCome, IsWhatTheGroupHasGivenAndNotWhatAMemberDidOutsideOfIt) {
  for (const auto topology : {TopologyType::GroupSinglePrimary, TopologyType::GroupMultiPrimary}) {
    EXPECT_EQ(still(cluster(topology), kTwo + ":7," + kGroup + ":1"), gtids(kGroup + ":1"));
  }
}

TEST(MayStillCome, IsACommitOfThePrimaryThatWaitsForAnAcknowledgement) {
  const auto lacking = kOne + ":9," + kTwo + ":7";
  EXPECT_TRUE(still(cluster(TopologyType::SourceReplica), lacking).empty());
  EXPECT_EQ(still(cluster(TopologyType::SourceReplica, 2), lacking), gtids(kOne + ":9"))
      << "what a replica has given itself is errant, however many commits wait";
}

/// The verifier's last word.
class Published {
 public:
  void put(std::shared_ptr<const verify::Run> run) {
    const std::lock_guard lock{mutex_};
    runs_.push_back(std::move(run));
    changed_.notify_all();
  }
  verify::Run when_over() {
    std::unique_lock lock{mutex_};
    const auto over = [&] { return !runs_.empty() && runs_.back()->state != verify::RunState::Running; };
    if (!changed_.wait_for(lock, 30s, over)) throw std::runtime_error("the run does not end");
    return *runs_.back();
  }
  std::vector<std::string> ids() {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> out;
    for (const auto& run : runs_) out.push_back(run->id);
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<const verify::Run>> runs_;
};

struct VerifierTest : testing::Test {
  TemporaryDirectory directory;
  std::unique_ptr<store::Store> store = store::Store::open(directory / "store.db").value();
  Clock clock;
  Observer observer;
  Published published;

  std::unique_ptr<Verifier> verifier(Verifier::State state) {
    return std::make_unique<Verifier>(ClusterId{"shop"}, *store, clock, observer, std::move(state),
                                      [this](std::shared_ptr<const verify::Run> run) { published.put(run); });
  }
  void stored(const std::string& id, bool full, verify::RunState state) {
    verify::Run run{.id = id, .state = state};
    run.full = full;
    const store::Record record{.cluster = {"shop"},
                               .memory = std::nullopt,
                               .operations = {},
                               .events = {},
                               .revisions = {},
                               .outcomes = {},
                               .verification = store::VerifyRecord{.run = run, .tables = {}, .findings = {}}};
    ASSERT_TRUE(store->write(record));
  }
};

TEST_F(VerifierTest, ADefectEndsTheRunAndNotRepld) {
  const auto state = std::make_shared<const ClusterState>(cluster(TopologyType::SourceReplica));
  std::atomic<int> calls{0};
  auto broken = verifier([&]() -> std::shared_ptr<const ClusterState> {
    if (++calls > 1) throw std::out_of_range("vector::at");
    return state;
  });
  const auto id = broken->start({.settings = {}, .resume = false, .asked_by = "ann"});
  ASSERT_TRUE(id) << id.error().message;
  const auto run = published.when_over();
  EXPECT_EQ(run.state, verify::RunState::Interrupted);
  ASSERT_TRUE(run.error);
  EXPECT_EQ(run.error->code, ErrorCode::Internal);
  EXPECT_NE(run.error->message.find("vector::at"), std::string::npos) << run.error->message;
  broken.reset();  // what is published is stored a moment later
  EXPECT_EQ(store->verifications({"shop"}).value().at(0).state, verify::RunState::Interrupted)
      << "so that the next repld does not take it up by itself";
  EXPECT_TRUE(run.full) << "nothing less than all was asked for";
}

TEST_F(VerifierTest, TellsTheLastFullRunThatWasDoneAndThenTheLatest) {
  stored("shop-v1", true, verify::RunState::Done);
  stored("shop-v2", true, verify::RunState::Interrupted);
  stored("shop-v3", false, verify::RunState::Done);
  const auto state = std::make_shared<const ClusterState>(cluster(TopologyType::SourceReplica));
  const auto fresh = verifier([&] { return state; });
  EXPECT_EQ(published.ids(), (std::vector<std::string>{"shop-v1", "shop-v3"}));
}

}  // namespace
}  // namespace repl::run

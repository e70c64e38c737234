// CloneFrom on real servers, with so much data and so little bandwidth that it can be interrupted.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

class Cloning : public MysqlTest {
 protected:
  void SetUp() override {
    MysqlTest::SetUp();
    const auto& account = spec->accounts.at(AccountRole::Replication);
    done(CreateAccount{kDb1, AccountRole::Replication, account, Logged::No});
    done(InstallPlugin{kDb1, Plugin::Clone});
    done(InstallPlugin{kDb2, Plugin::Clone});
    servers.tell(kDb1, {"CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)",
                        "INSERT INTO shop.t (v) VALUES (REPEAT('x', 1000000)), (REPEAT('y', 1000000))"});
    for (int i = 0; i < 4; ++i) servers.tell(kDb1, {"INSERT INTO shop.t (v) SELECT v FROM shop.t"});
    servers.tell(kDb2, {"CREATE DATABASE shop", "CREATE TABLE shop.own (id INT PRIMARY KEY)"});
    clone = {.node = kDb2, .donor = kDb1, .discarded = probe(kDb2).executed};
  }
  void TearDown() override {
    limit(0);
    MysqlTest::TearDown();
  }

  /// A recipient is slow to let anybody in while it drops its data, and away while it starts anew.
  std::string ask(const std::string& query) {
    for (const auto end = std::chrono::steady_clock::now() + 60s;;) {
      try {
        return servers.ask(kDb2, query);
      } catch (const std::runtime_error&) {
        if (std::chrono::steady_clock::now() > end) throw;
      }
      std::this_thread::sleep_for(100ms);
    }
  }
  /// MiB/s of the recipient's clones; 0: as much as goes.
  void limit(int bandwidth) {
    ask(fmt::format("SET GLOBAL clone_max_data_bandwidth={}, clone_autotune_concurrency={}, clone_max_concurrency={}",
                    bandwidth, bandwidth == 0, bandwidth == 0 ? 16 : 1));
  }
  bool is_copying() {
    return ask("SELECT STATE FROM performance_schema.clone_progress WHERE STAGE='FILE COPY'") == "In Progress";
  }
  std::future<StepResult> start() {
    return std::async(std::launch::async, [this] {
      const StepEnvironment environment{
          *nodes.at(kDb2), Call{kDb2, std::chrono::steady_clock::now() + 120s, given_up, stopping}, spec,
          [this](const NodeId& other, Deadline) -> Result<Snapshot> { return probe(other); }};
      return run_step(clone, environment);
    });
  }
  std::string status(const std::string& column) {
    return ask("SELECT " + column + " FROM performance_schema.clone_status");
  }

  CloneFrom clone;
  std::shared_ptr<std::atomic<bool>> given_up = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
};

TEST_F(Cloning, OneThatIsGivenUpIsEndedAndLeavesAnEmptyServer) {
  limit(1);
  auto step = start();
  ASSERT_TRUE(comes_true([&] { return is_copying(); }));
  *given_up = true;
  ASSERT_EQ(step.wait_for(60s), std::future_status::ready);
  EXPECT_FALSE(step.get().ok());
  EXPECT_EQ(status("STATE"), "Failed");
  const auto left = probe(kDb2);
  EXPECT_TRUE(left.executed.empty()) << "its data is gone: " << left.executed.to_string();
  EXPECT_EQ(left.read_only, ReadOnly::Super);
  EXPECT_FALSE(left.offline_mode);
  EXPECT_EQ(ask("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='shop'"), "0");
  // And it can be had again.
  limit(0);
  *given_up = false;
  const auto again = start().get();
  EXPECT_TRUE(again.ok()) << again.error->message;
  EXPECT_EQ(ask("SELECT COUNT(*) FROM shop.t"), "32");
}

TEST_F(Cloning, OneOfARepldThatStoppedIsWaitedForByTheNext) {
  limit(1);
  auto step = start();
  ASSERT_TRUE(comes_true([&] { return is_copying(); }));
  *stopping = true;
  ASSERT_EQ(step.wait_for(60s), std::future_status::ready);
  EXPECT_FALSE(step.get().ok());
  ASSERT_EQ(status("STATE"), "In Progress") << "the server goes on with it";
  const auto begun = status("BEGIN_TIME");
  limit(0);
  *stopping = false;
  const auto result = start().get();
  ASSERT_TRUE(result.ok()) << result.error->message;
  EXPECT_EQ(status("BEGIN_TIME"), begun) << "not cloned once more";
  EXPECT_EQ(ask("SELECT COUNT(*) FROM shop.t"), "32");
  EXPECT_EQ(probe(kDb2).read_only, ReadOnly::Super);
}

TEST_F(Cloning, ANodeThatWasEmptyWhenItWasPlannedIsNotClonedOverWhenItIsNoMore) {
  clone.must_be_empty = true;
  const auto result = start().get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error->code, ErrorCode::PreconditionFailed) << result.error->message;
  EXPECT_NE(result.error->message.find("shop"), std::string::npos) << result.error->message;
  EXPECT_EQ(ask("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME='own'"), "1");
  EXPECT_FALSE(probe(kDb2).offline_mode);
  EXPECT_EQ(probe(kDb2).read_only, ReadOnly::Super);
}

TEST_F(Cloning, ARefusalOfTheDonorLeavesTheNodeReplicating) {
  done(FollowSource{.replica = kDb3, .from = std::nullopt, .to = kDb1});
  done(WaitForApplied{kDb3, kDb1, 60s}, 60s);
  servers.tell(kDb1, {"SET sql_log_bin=0", "REVOKE BACKUP_ADMIN ON *.* FROM repl_replica@'%'"});
  const auto result = run(CloneFrom{.node = kDb3, .donor = kDb1, .discarded = probe(kDb3).executed}, 60s);
  ASSERT_FALSE(result.ok());
  const auto left = probe(kDb3);
  EXPECT_FALSE(left.offline_mode);
  ASSERT_NE(left.channel(), nullptr);
  EXPECT_NE(left.channel()->receiver, ThreadState::Stopped);
  EXPECT_EQ(left.channel()->applier, ThreadState::Running);
  servers.tell(kDb1, {"INSERT INTO shop.t (v) VALUES ('z')"});
  done(WaitForApplied{kDb3, kDb1, 60s}, 60s);
}

}  // namespace
}  // namespace repl::mysql

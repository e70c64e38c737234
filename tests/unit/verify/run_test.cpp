#include "verify/run.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

using namespace std::chrono_literals;

TableShape orders() {
  TableShape s{.id = {"shop", "orders"}};
  s.key = TableKey{"PRIMARY", {{.name = "id"}}};
  return s;
}

/// `node` against a reference that stands still.
Dispute settled(const RowHashes& reference, const RowHashes& node) {
  Dispute dispute;
  dispute.take({reference, node, reference, true});
  return dispute;
}

TEST(FindingOf, NamesTheRangeInTheOrderOfNumbers) {
  const auto dispute = settled({{{"9"}, "a"}, {{"10"}, "b"}, {{"100"}, "c"}}, {{{"10"}, "x"}, {{"100"}, "c"}});
  const auto finding = finding_of(orders(), {"db3"}, dispute, {});
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->first, "9");
  EXPECT_EQ(finding->last, "10");
  EXPECT_EQ(finding->missing, 1U);
  EXPECT_EQ(finding->changed, 1U);
  EXPECT_EQ(finding->examples, (std::vector<std::string>{"missing 9", "changed 10"}));
  EXPECT_EQ(finding->text, "shop.orders on db3: 2 rows differ, id 9 to 10 (1 missing, 1 changed)");
}

TEST(FindingOf, SaysOneRowAsOne) {
  const auto dispute = settled({}, {{{"7"}, "x"}});
  EXPECT_EQ(finding_of(orders(), {"db3"}, dispute, {})->text, "shop.orders on db3: 1 row differs, id 7 (1 extra)");
}

TEST(FindingOf, IsNoneWhenAllTurnedOutEqual) {
  EXPECT_FALSE(finding_of(orders(), {"db3"}, settled({{{"1"}, "a"}}, {{{"1"}, "a"}}), {}));
}

TEST(FindingOf, HasNoRangeWithoutAKey) {
  TableShape keyless{.id = {"shop", "log"}};
  const auto finding = finding_of(keyless, {"db2"}, settled({{{"hash"}, "2"}}, {{{"hash"}, "1"}}), {});
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->text, "shop.log on db2: 1 row differs, the table has no key to name them by (1 changed)");
}

TEST(Covers, IsAboutAllThatTheTopologyFileAsksFor) {
  const std::vector<std::string> all, shop{"shop"};
  EXPECT_TRUE(covers({}, all));
  EXPECT_TRUE(covers({}, shop));
  EXPECT_TRUE(covers({.schemas = {"crm", "shop"}, .tables = {}}, shop));
  EXPECT_FALSE(covers({.schemas = {"crm"}, .tables = {}}, shop));
  EXPECT_FALSE(covers({.schemas = {"shop"}, .tables = {}}, all));
  EXPECT_FALSE(covers({.schemas = {}, .tables = {{"shop", "orders"}}}, shop));
  EXPECT_FALSE(covers({.schemas = {}, .tables = {{"shop", "orders"}}}, all));
  EXPECT_FALSE(covers({.schemas = {}, .tables = {}, .gtid_only = true}, all));
}

class WhatIsDue : public ::testing::Test {
 protected:
  static constexpr Time kNow{std::chrono::hours{1000}};
  static constexpr std::chrono::hours kEvery{24};

  static verify::Run full(std::chrono::hours ago, RunState state = RunState::Done) {
    verify::Run run{.id = "shop-v1", .state = state};
    run.full = true;
    run.started = run.finished = kNow - ago;
    return run;
  }
  static verify::Run small() {
    verify::Run run{.id = "shop-v2", .state = RunState::Done};
    run.started = run.finished = kNow;
    return run;
  }
  static Due due(const std::optional<verify::Run>& latest, const std::optional<verify::Run>& full) {
    return what_is_due(latest, full, kEvery, kNow);
  }
};

TEST_F(WhatIsDue, CountsFromTheStartOfTheLatestFullRun) {
  EXPECT_EQ(due(std::nullopt, std::nullopt), Due::Start);
  EXPECT_EQ(due(full(23h), full(23h)), Due::Nothing);
  EXPECT_EQ(due(full(24h), full(24h)), Due::Start);
  EXPECT_EQ(what_is_due(std::nullopt, std::nullopt, std::nullopt, kNow), Due::Nothing) << "only on request";
}

TEST_F(WhatIsDue, IsNotPutOffBySmallRuns) {
  EXPECT_EQ(due(small(), std::nullopt), Due::Start);
  EXPECT_EQ(due(small(), full(24h)), Due::Start);
  EXPECT_EQ(due(small(), full(23h)), Due::Nothing);
}

TEST_F(WhatIsDue, IsNothingWhileOneRuns) {
  auto running = small();
  running.state = RunState::Running;
  EXPECT_EQ(due(running, full(24h)), Due::Nothing);
  EXPECT_EQ(due(full(30h, RunState::Running), full(30h, RunState::Running)), Due::Nothing);
}

TEST_F(WhatIsDue, GoesOnWithOneThatWasInterruptedAndLeavesOneThatAPersonStopped) {
  const auto interrupted = full(1h, RunState::Interrupted);
  EXPECT_EQ(due(interrupted, interrupted), Due::Resume);
  EXPECT_EQ(due(small(), interrupted), Due::Start) << "only the latest can go on";
  EXPECT_EQ(due(full(0h, RunState::Interrupted), full(0h, RunState::Interrupted)), Due::Nothing) << "not at once";
  EXPECT_EQ(what_is_due(interrupted, interrupted, 30min, kNow), Due::Start) << "it is too old by now";
  EXPECT_EQ(due(full(2h, RunState::Stopped), full(2h, RunState::Stopped)), Due::Nothing);
}

TEST(LeftSomethingOut, CountsWhatWasAskedForAndNotCompared) {
  verify::Run run{.state = RunState::Done};
  EXPECT_TRUE(run.is_complete());
  run.left_out = {{{"db3"}, "it is delayed", true}};
  EXPECT_TRUE(run.is_complete()) << "the topology file wants it so";
  const auto but = [&](auto change) {
    auto other = run;
    change(other);
    return other.is_complete();
  };
  EXPECT_FALSE(but([](auto& r) { r.left_out.push_back({{"db2"}, "it does not answer", false}); }));
  EXPECT_FALSE(but([](auto& r) { r.tables_not_compared = 1; }));
  EXPECT_FALSE(but([](auto& r) { r.unsettled = 1; }));
  EXPECT_FALSE(but([](auto& r) { r.state = RunState::Running; }));
}

TEST(FoundDifferences, CountsErrantTransactionsToo) {
  verify::Run run;
  EXPECT_FALSE(run.found_differences());
  run.gtids = {{{"db2"}, {}, GtidSet::parse("aaaaaaaa-71ca-11e1-9e33-c80aa9429562:1").value(), {}}};
  EXPECT_TRUE(run.found_differences());
}

}  // namespace
}  // namespace repl::verify

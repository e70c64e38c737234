#include "verify/run.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

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

TEST(IsDue, CountsFromTheStartOfTheLatest) {
  using namespace std::chrono_literals;
  const Time now{1h};
  EXPECT_FALSE(is_due(std::nullopt, std::nullopt, now)) << "only on request";
  EXPECT_TRUE(is_due(std::nullopt, 10min, now));
  verify::Run latest{.state = RunState::Done};
  latest.started = now - 9min;
  EXPECT_FALSE(is_due(latest, 10min, now));
  latest.started = now - 10min;
  EXPECT_TRUE(is_due(latest, 10min, now));
  latest.state = RunState::Running;
  EXPECT_FALSE(is_due(latest, 10min, now));
}

TEST(FoundDifferences, CountsErrantTransactionsToo) {
  verify::Run run;
  EXPECT_FALSE(run.found_differences());
  run.gtids = {{{"db2"}, {}, GtidSet::parse("aaaaaaaa-71ca-11e1-9e33-c80aa9429562:1").value(), {}}};
  EXPECT_TRUE(run.found_differences());
}

}  // namespace
}  // namespace repl::verify

// Which rows differ, while the reference changes all the time: single verdicts, and random histories against the truth.
#include "verify/dispute.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace repl::verify {
namespace {

Key key(int number) {
  return {std::to_string(number)};
}

Round still(const RowHashes& reference, const RowHashes& node) {
  return {reference, node, reference, false};
}

TEST(Dispute, FindsAtOnceWhatDiffersInAQuietRound) {
  Dispute dispute;
  dispute.take({{{key(1), "a"}, {key(2), "b"}}, {{key(2), "x"}, {key(3), "c"}}, {{key(1), "a"}, {key(2), "b"}}, true});
  EXPECT_TRUE(dispute.settled());
  EXPECT_EQ(dispute.differences(),
            (std::map<Key, Difference>{
                {key(1), Difference::Missing}, {key(2), Difference::Changed}, {key(3), Difference::Extra}}));
}

TEST(Dispute, SeesARowSeveralTimesBeforeItIsAFindingWhileOthersCommit) {
  Dispute dispute;
  for (int i = 1; i < Dispute::kConfirmations; ++i) {
    dispute.take(still({{key(1), "a"}}, {{key(1), "x"}}));
    EXPECT_FALSE(dispute.settled()) << i;
  }
  dispute.take(still({{key(1), "a"}}, {{key(1), "x"}}));
  EXPECT_TRUE(dispute.settled());
  EXPECT_EQ(dispute.differences().size(), 1U);
}

TEST(Dispute, TakesEitherValueOfARowThatWasChangingForEqual) {
  Dispute dispute;
  dispute.take({{{key(1), "a"}, {key(2), "c"}}, {{key(1), "a"}, {key(2), "d"}}, {{key(1), "b"}, {key(2), "d"}}, false});
  EXPECT_TRUE(dispute.settled());
  EXPECT_TRUE(dispute.differences().empty());
}

TEST(Dispute, LooksOnlyAtOpenRowsAgain) {
  Dispute dispute;
  dispute.take(still({{key(1), "a"}, {key(2), "b"}}, {{key(1), "x"}, {key(2), "b"}}));
  EXPECT_EQ(dispute.open(), std::vector<Key>{key(1)});
}

TEST(Dispute, DropsASuspicionWhenTheNodeHasCaughtUp) {
  Dispute dispute;
  dispute.take(still({{key(1), "a"}}, {}));
  dispute.take(still({{key(1), "a"}}, {{key(1), "a"}}));
  EXPECT_TRUE(dispute.settled());
  EXPECT_TRUE(dispute.differences().empty());
}

TEST(Dispute, DoesNotAddUpSuspicionsOfDifferentValues) {
  Dispute dispute;  // a row that goes to and fro: never the same two values three times in a row
  for (int i = 0; i < Dispute::kRounds; ++i) {
    const bool even = i % 2 == 0;
    dispute.take(still({{key(1), even ? "a" : "b"}}, {{key(1), even ? "b" : "a"}}));
  }
  EXPECT_TRUE(dispute.settled());
  EXPECT_TRUE(dispute.differences().empty());
  EXPECT_EQ(dispute.open().size(), 1U) << "not known to be equal either";
}

TEST(Dispute, GivesUpOnRowsThatNeverHoldStill) {
  Dispute dispute;
  for (int i = 0; i < Dispute::kRounds; ++i) {
    EXPECT_FALSE(dispute.settled());
    dispute.take({{{key(1), std::to_string(i)}}, {{key(1), "x"}}, {{key(1), std::to_string(i + 1)}}, false});
  }
  EXPECT_TRUE(dispute.settled());
  EXPECT_TRUE(dispute.differences().empty());
  EXPECT_EQ(dispute.open().size(), 1U);
}

/// A reference with a history, and a node that follows it and was tampered with. Every commit writes a value that was
/// never there before, and what was deleted stays deleted: rows that go back and forth are left open by the method, see
/// docs/verify.md.
class World {
 public:
  World() {
    for (int i = 0, rows = *rc::gen::inRange(0, 30); i < rows; ++i) node_[key(i)] = fresh();
    history_.push_back(node_);
    for (int i = 0, times = *rc::gen::inRange(0, 6); i < times; ++i) tamper(*rc::gen::inRange(0, 40));
  }

  /// As docs/verify.md prescribes it.
  Round look() {
    Round round;
    const auto began = visible();
    round.reference_before = history_[began];
    commit_some();
    apply_up_to(*rc::gen::inRange(std::max(began, applied_), committed() + 1));  // it may be ahead of what is visible
    const auto position = applied_;
    round.node = node_;
    commit_some();
    visible_ = std::max(visible_, position);
    round.reference_after = history_[visible()];
    round.quiet = visible() == began;
    at_look_ = position;
    return round;
  }

  /// Whether the row differed from what the reference had at the position of the last look.
  bool differed(const Key& k) const {
    const auto& right = history_[at_look_];
    const auto a = right.find(k), b = looked_at().find(k);
    if (a == right.end() || b == looked_at().end()) return (a == right.end()) != (b == looked_at().end());
    return a->second != b->second;
  }
  /// Rows that were tampered with and that no commit has touched.
  std::set<Key> lasting() const {
    std::set<Key> out;
    for (const auto& k : tampered_) {
      if (!touched_.contains(k)) out.insert(k);
    }
    return out;
  }

 private:
  std::string fresh() { return std::to_string(++values_); }
  std::size_t committed() const { return history_.size() - 1; }
  std::size_t visible() const { return visible_; }
  const RowHashes& looked_at() const { return node_; }

  void tamper(int number) {
    const auto k = key(number);
    if (node_.contains(k) && *rc::gen::arbitrary<bool>()) {
      node_.erase(k);
    } else {
      node_[k] = fresh();
    }
    const auto right = history_[0].find(k);
    const auto now = node_.find(k);
    const bool differs =
        (right == history_[0].end()) != (now == node_.end()) || (now != node_.end() && right->second != now->second);
    if (differs) {
      tampered_.insert(k);
    } else {
      tampered_.erase(k);
    }
  }

  void commit(const Key& k, const std::optional<std::string>& value) {
    auto next = history_.back();
    if (value) {
      next[k] = *value;
    } else {
      next.erase(k);
    }
    changes_.push_back({k, value});
    touched_.insert(k);
    history_.push_back(std::move(next));
  }

  /// Changes, deletions, and rows that come and go, as in a queue. Commits become visible in order; the last few may
  /// not be yet.
  void commit_some() {
    for (int i = 0, times = *rc::gen::inRange(0, 6); i < times; ++i) {
      const auto k = key(*rc::gen::inRange(0, 50));
      switch (*rc::gen::inRange(0, 4)) {
        case 0: {
          const auto passing = key(1000 + ++values_);
          commit(passing, fresh());
          commit(passing, std::nullopt);
          break;
        }
        case 1:
          if (history_.back().contains(k)) {
            commit(k, std::nullopt);
            deleted_.insert(k);
            break;
          }
          [[fallthrough]];
        default:
          if (!deleted_.contains(k)) commit(k, fresh());
      }
    }
    visible_ = *rc::gen::inRange(visible_, committed() + 1);
  }

  void apply_up_to(std::size_t position) {
    for (; applied_ < position; ++applied_) {
      const auto& [k, value] = changes_[applied_];
      if (value) {
        node_[k] = *value;
      } else {
        node_.erase(k);
      }
    }
  }

  struct Change {
    Key k;
    std::optional<std::string> value;
  };
  std::vector<RowHashes> history_;  // of the reference, by position
  std::vector<Change> changes_;     // changes_[i] leads from position i to i + 1
  RowHashes node_;
  std::size_t visible_ = 0, applied_ = 0, at_look_ = 0;
  std::set<Key> tampered_, touched_, deleted_;
  int values_ = 0;
};

RC_GTEST_PROP(DisputeProperty, FindsWhatDiffersAndNothingElse, ()) {
  World world;
  Dispute dispute;
  std::set<Key> found;
  while (!dispute.settled()) {
    dispute.take(world.look());
    for (const auto& [k, difference] : dispute.differences()) {
      if (found.insert(k).second) RC_ASSERT(world.differed(k));
    }
  }
  for (const auto& k : world.lasting()) RC_ASSERT(dispute.differences().contains(k));
}

}  // namespace
}  // namespace repl::verify

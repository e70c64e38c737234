// GTID sets: the notation, and the arithmetic against a naive set of single identifiers.
#include "model/gtid_set.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <tuple>

namespace repl {
namespace {

constexpr const char* kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr const char* kB = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

/// "A" and "B" stand for the two UUIDs.
std::string spelled_out(std::string text) {
  std::string out;
  for (const char c : text) out += c == 'A' ? kA : c == 'B' ? kB : std::string(1, c);
  return out;
}

GtidSet set(const std::string& text) {
  const auto parsed = GtidSet::parse(spelled_out(text));
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed.value_or(GtidSet{});
}

// ---- notation ------------------------------------------------------------------------------------------------------

TEST(GtidSet, PrintsWhatItParsed) {
  for (const auto* text :
       {"", "A:1", "A:1-5", "A:1-5:7-9", "A:1,B:2", "A:1-3:tag:1-2", "A:tag:5", "A:1:a:2:b_1:3-4,B:x:1"}) {
    EXPECT_EQ(set(text).to_string(), spelled_out(text));
  }
}

TEST(GtidSet, IsCanonicalHoweverItWasWritten) {
  EXPECT_EQ(set("A:7:1-3:4:2-5"), set("A:1-5:7"));
  EXPECT_EQ(set("B:1,A:1,B:2"), set("A:1,B:1-2"));
  EXPECT_EQ(set("A:1:tag:2,A:3"), set("A:1:3:tag:2"));
  EXPECT_EQ(GtidSet::parse("3E11FA47-71CA-11E1-9E33-C80AA9429562:TAG:1"), set("A:tag:1"));
}

TEST(GtidSet, AllowsBlanksNewlinesAndEmptyPartsLikeTheServer) {
  EXPECT_EQ(set("\n A:1-5 : 7 ,\nB : tag : 1 - 2\n"), set("A:1-5:7,B:tag:1-2"));
  EXPECT_EQ(set(",A:1,,B:1,"), set("A:1,B:1"));
  EXPECT_TRUE(set(" \n").empty());
}

TEST(GtidSet, TakesTheLargestNumberAndNoLargerOne) {
  EXPECT_EQ(set("A:9223372036854775806").to_string(), spelled_out("A:9223372036854775806"));
  EXPECT_FALSE(GtidSet::parse(spelled_out("A:9223372036854775807")));
}

TEST(GtidSet, RefusesWhatIsNoSetAndSaysWhichPart) {
  struct Case {
    const char* text;
    const char* told;
  };
  for (const auto& [text, told] : {
           Case{"x", "does not begin with a server UUID"},
           Case{"A", "has a UUID but no transaction numbers"},
           Case{"A:", "is neither a number, a range nor a tag"},
           Case{"A:0", "is neither a number"},
           Case{"A:5-3", "\"5-3\""},
           Case{"A:1-", "\"1-\""},
           Case{"A:-1", "\"-1\""},
           Case{"A:1-2-3", "\"1-2-3\""},
           Case{"A:tag", "tag \"tag\""},
           Case{"A:tag:other:1", "\"other\""},
           Case{"A:1:ta-g:1", "\"ta-g\""},
           Case{"A:a23456789012345678901234567890123:1", "\"a23456789012345678901234567890123\""},
           Case{"A:1;B:1", "is neither a number"},
           Case{"3e11fa47x71ca-11e1-9e33-c80aa9429562:1", "server UUID"},
       }) {
    const auto parsed = GtidSet::parse(spelled_out(text));
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::InvalidArgument);
    EXPECT_NE(parsed.error().message.find(told), std::string::npos) << parsed.error().message;
  }
}

// ---- arithmetic by example -----------------------------------------------------------------------------------------

TEST(GtidSet, KeepsTagsOfOneServerApart) {
  EXPECT_EQ(subtract(set("A:1-3:t:1-3"), set("A:1-3")), set("A:t:1-3"));
  EXPECT_FALSE(set("A:1-3").contains(set("A:t:1")));
  EXPECT_FALSE(set("A:1").intersects(set("A:t:1")));
}

TEST(GtidSet, CutsIntervals) {
  EXPECT_EQ(subtract(set("A:1-10"), set("A:3-4:7")), set("A:1-2:5-6:8-10"));
  EXPECT_EQ(intersect(set("A:1-5:8-10"), set("A:4-8")), set("A:4-5:8"));
  EXPECT_EQ(unite(set("A:1-2:5"), set("A:3-4")), set("A:1-5"));
  EXPECT_TRUE(subtract(set("A:1-5"), set("A:1-9")).empty());
}

TEST(GtidSet, CountsIdentifiers) {
  EXPECT_EQ(set("").count(), 0U);
  EXPECT_EQ(set("A:1-5:7:t:1-2,B:9").count(), 9U);
  EXPECT_EQ(set("A:1-9223372036854775806").count(), 9223372036854775806U);
}

TEST(GtidSet, TellsHowTwoHistoriesRelate) {
  EXPECT_EQ(relate(set("A:1-5"), set("A:1-5")), GtidRelation::Identical);
  EXPECT_EQ(relate(set("A:1-5"), set("A:1-4")), GtidRelation::Contains);
  EXPECT_EQ(relate(set("A:1-4"), set("A:1-5")), GtidRelation::ContainedBy);
  EXPECT_EQ(relate(set("A:1-5,B:1"), set("A:1-6")), GtidRelation::Diverged);
  EXPECT_EQ(relate(set(""), set("")), GtidRelation::Identical);
}

// ---- arithmetic against single identifiers -------------------------------------------------------------------------

using Single = std::tuple<std::string, std::string, std::int64_t>;
using Singles = std::set<Single>;

constexpr std::int64_t kMost = 40;

Singles some_singles() {
  Singles out;
  const auto size = *rc::gen::inRange(0, 60);
  for (int i = 0; i < size; ++i) {
    out.emplace(*rc::gen::elementOf(std::vector<std::string>{kA, kB}),
                *rc::gen::elementOf(std::vector<std::string>{"", "", "t1", "t2"}),
                *rc::gen::inRange<std::int64_t>(1, kMost + 1));
  }
  return out;
}

/// Each identifier on its own, in any order: the set has to put them together.
std::string as_text(const Singles& singles) {
  std::vector<Single> rest{singles.begin(), singles.end()};
  std::string out;
  while (!rest.empty()) {
    const auto next = rest.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(rest.size()));
    const auto& [uuid, tag, number] = *next;
    out += (out.empty() ? "" : ",") + uuid + (tag.empty() ? "" : ":" + tag) + ":" + std::to_string(number);
    rest.erase(next);
  }
  return out;
}

Singles singles_of(const GtidSet& set) {
  Singles out;
  for (const auto& [origin, intervals] : set.origins()) {
    for (const auto& interval : intervals) {
      for (auto n = interval.first; n <= interval.last; ++n) out.emplace(origin.uuid, origin.tag, n);
    }
  }
  return out;
}

GtidSet parsed(const Singles& singles) {
  return *GtidSet::parse(as_text(singles));
}

template <class Algorithm>
Singles combined(const Singles& a, const Singles& b, Algorithm algorithm) {
  Singles out;
  algorithm(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

constexpr auto kUnion = [](auto... arguments) { return std::set_union(arguments...); };
constexpr auto kDifference = [](auto... arguments) { return std::set_difference(arguments...); };
constexpr auto kCommon = [](auto... arguments) { return std::set_intersection(arguments...); };

bool is_canonical(const GtidSet& set) {
  return std::all_of(set.origins().begin(), set.origins().end(), [](const auto& entry) {
    const auto& intervals = entry.second;
    for (std::size_t i = 1; i < intervals.size(); ++i) {
      if (intervals[i].first <= intervals[i - 1].last + 1) return false;
    }
    return !intervals.empty();
  });
}

RC_GTEST_PROP(GtidSetProperty, ArithmeticIsThatOfSingleIdentifiers, ()) {
  const auto x = some_singles();
  const auto y = some_singles();
  const auto a = parsed(x);
  const auto b = parsed(y);
  RC_ASSERT(singles_of(a) == x);
  RC_ASSERT(singles_of(unite(a, b)) == combined(x, y, kUnion));
  RC_ASSERT(singles_of(subtract(a, b)) == combined(x, y, kDifference));
  RC_ASSERT(singles_of(intersect(a, b)) == combined(x, y, kCommon));
  RC_ASSERT(a.count() == x.size());
  RC_ASSERT(a.contains(b) == std::includes(x.begin(), x.end(), y.begin(), y.end()));
  RC_ASSERT(a.intersects(b) == !combined(x, y, kCommon).empty());
}

RC_GTEST_PROP(GtidSetProperty, ResultsAreCanonical, ()) {
  const auto a = parsed(some_singles());
  const auto b = parsed(some_singles());
  RC_ASSERT(is_canonical(a));
  RC_ASSERT(is_canonical(unite(a, b)));
  RC_ASSERT(is_canonical(subtract(a, b)));
  RC_ASSERT(is_canonical(intersect(a, b)));
}

RC_GTEST_PROP(GtidSetProperty, TextIsReadBackAsTheSame, ()) {
  const auto a = parsed(some_singles());
  const auto again = GtidSet::parse(a.to_string());
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == a);
}

RC_GTEST_PROP(GtidSetProperty, MembershipIsThatOfSingleIdentifiers, ()) {
  const auto x = some_singles();
  const auto a = parsed(x);
  for (const auto* uuid : {kA, kB}) {
    for (const auto* tag : {"", "t1", "t2"}) {
      for (std::int64_t n = 1; n <= kMost; ++n) RC_ASSERT(a.contains(uuid, tag, n) == x.contains({uuid, tag, n}));
    }
  }
}

RC_GTEST_PROP(GtidSetProperty, AddIsUniteWithOneInterval, ()) {
  auto a = parsed(some_singles());
  const GtidSet::Origin origin{kA, *rc::gen::element<std::string>("", "t1")};
  const auto first = *rc::gen::inRange<std::int64_t>(1, kMost);
  const GtidSet::Interval interval{first, first + *rc::gen::inRange<std::int64_t>(0, 10)};
  GtidSet one;
  one.add(origin, interval);
  const auto expected = unite(a, one);
  a.add(origin, interval);
  RC_ASSERT(a == expected);
}

RC_GTEST_PROP(GtidSetProperty, RelationTurnsAroundWithItsArguments, ()) {
  const auto a = parsed(some_singles());
  const auto b = *rc::gen::inRange(0, 2) == 0 ? unite(a, parsed(some_singles())) : parsed(some_singles());
  const auto back = relate(b, a);
  switch (relate(a, b)) {
    case GtidRelation::Contains:
      RC_ASSERT(back == GtidRelation::ContainedBy);
      break;
    case GtidRelation::ContainedBy:
      RC_ASSERT(back == GtidRelation::Contains);
      break;
    case GtidRelation::Identical:
      RC_ASSERT(a == b && back == GtidRelation::Identical);
      break;
    case GtidRelation::Diverged:
      RC_ASSERT(back == GtidRelation::Diverged);
      break;
  }
}

RC_GTEST_PROP(GtidSetProperty, ParsingSurvivesAnyText, ()) {
  std::string text;
  for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
    text += *rc::gen::elementOf(
        std::vector<std::string>{kA, ":", ",", "1", "-", "5", "tag", " ", "x", "9223372036854775807", "\n", "_"});
  }
  const auto a = GtidSet::parse(text);
  if (a) RC_ASSERT(is_canonical(*a));
}

}  // namespace
}  // namespace repl

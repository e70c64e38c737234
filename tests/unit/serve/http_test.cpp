#include "serve/http.hpp"

#include <gtest/gtest.h>

#include "serve/route.hpp"

namespace repl::serve {
namespace {

TEST(ParseTarget, TakesPathAndQueryApart) {
  EXPECT_EQ(parse_target("/api/v1/events?since=4&limit=10").value(),
            (Target{{"api", "v1", "events"}, {{"since", "4"}, {"limit", "10"}}}));
  EXPECT_EQ(parse_target("/").value(), Target{});
  EXPECT_EQ(parse_target("//a///b/").value(), (Target{{"a", "b"}, {}}));
  EXPECT_EQ(parse_target("/a?").value(), (Target{{"a"}, {}}));
  EXPECT_EQ(parse_target("/a?x").value(), (Target{{"a"}, {{"x", ""}}}));
  EXPECT_EQ(parse_target("/a?x=1=2&&").value(), (Target{{"a"}, {{"x", "1=2"}}}));
}

TEST(ParseTarget, DecodesAfterItHasSplit) {
  EXPECT_EQ(parse_target("/a%2Fb/c%20d+e?f=%26+g").value(), (Target{{"a/b", "c d+e"}, {{"f", "& g"}}}));
}

TEST(ParseTarget, RefusesWhatIsNoTarget) {
  for (const auto* wrong : {"", "a", "http://x/", "/%", "/%4", "/%zz", "/a?x=%g0", "/a?x=1&x=2"}) {
    EXPECT_FALSE(parse_target(wrong)) << wrong;
  }
}

TEST(Matches, FindsTheValuesOfNames) {
  std::map<std::string, std::string> values;
  const auto fits = [&](std::string_view pattern, std::vector<std::string> segments) {
    return matches(pattern, segments, values);
  };
  EXPECT_TRUE(fits("/c/{cluster}/n/{node}/primary", {"c", "shop", "n", "db1", "primary"}));
  EXPECT_EQ(values, (std::map<std::string, std::string>{{"cluster", "shop"}, {"node", "db1"}}));
  EXPECT_TRUE(fits("/metrics", {"metrics"}));
  EXPECT_TRUE(values.empty());
  EXPECT_FALSE(fits("/metrics", {"metrics", "x"}));
  EXPECT_FALSE(fits("/c/{cluster}/n", {"c", "shop"}));
  EXPECT_FALSE(fits("/c/{cluster}", {"c"}));
  EXPECT_FALSE(fits("/metrics", {}));
}

}  // namespace
}  // namespace repl::serve

#include "serve/schema.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace repl::serve::schema {
namespace {

const Json kNamed = {{"Inner", object({{"n", at_most(at_least(whole(), 1), 3)}})}};

std::vector<std::string> found(const Json& schema, const char* value) {
  return violations(schema, Json::parse(value), kNamed);
}

void fits(const Json& schema, const char* value) {
  EXPECT_TRUE(found(schema, value).empty()) << value << ": " << found(schema, value)[0];
}
void breaks(const Json& schema, const char* value, const char* complaint) {
  const auto all = found(schema, value);
  ASSERT_FALSE(all.empty()) << value;
  EXPECT_NE(all[0].find(complaint), std::string::npos) << all[0];
}

TEST(Schema, KnowsEachType) {
  fits(text(), "\"x\"");
  breaks(text(), "1", "string");
  fits(whole(), "1");
  breaks(whole(), "1.5", "integer");
  breaks(whole(), "\"1\"", "integer");
  fits(number(), "1.5");
  fits(flag(), "true");
  breaks(flag(), "0", "boolean");
  fits(list(whole()), "[1,2]");
  breaks(list(whole()), "[1,\"x\"]", "[1]: wanted");
  breaks(list(whole()), "{}", "array");
  breaks(object({}), "[]", "object");
}

TEST(Schema, AllowsNullOnlyWhereItSaysSo) {
  breaks(text(), "null", "string");
  fits(nullable(text()), "null");
  fits(nullable(text_of({"a"})), "null");
  breaks(nullable(text_of({"a"})), "\"b\"", "none of");
  fits(nullable(ref("Inner")), "null");
  breaks(nullable(ref("Inner")), "{\"n\":9}", "n: 9 is more than 3");
}

TEST(Schema, WantsRequiredMembersAndNoOthers) {
  const auto schema = object({{"a", text()}, optional("b", whole())});
  fits(schema, R"({"a":"x"})");
  fits(schema, R"({"a":"x","b":1})");
  breaks(schema, R"({"b":1})", "'a' is missing");
  breaks(schema, R"({"a":"x","c":1})", "'c' is not known here");
}

TEST(Schema, ReportsAllThatIsWrongWithItsPlace) {
  const auto schema = object({{"list", list(ref("Inner"))}, {"a", text()}});
  EXPECT_EQ(found(schema, R"({"list":[{"n":1},{"n":0},{"m":1}]})"),
            (std::vector<std::string>{"'a' is missing", "list[1].n: 0 is less than 1", "list[2]: 'n' is missing",
                                      "list[2]: 'm' is not known here"}));
}

}  // namespace
}  // namespace repl::serve::schema

// Forgiving getters, and YAML that a YAML reader takes for the same values.
#include "ctl/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace repl::ctl {
namespace {

TEST(JsonGetters, TakeMissingNullAndOddFieldsForNothing) {
  const Json node{{"name", "db1"}, {"lag", nullptr}, {"port", 3306}, {"ok", true}, {"list", {1, 2}}};
  EXPECT_EQ(text_of(node, "name"), "db1");
  EXPECT_EQ(text_of(node, "port"), "3306");
  EXPECT_EQ(text_of(node, "ok"), "true");
  EXPECT_EQ(text_of(node, "lag"), "");
  EXPECT_EQ(text_of(node, "nothing"), "");
  EXPECT_EQ(text_of(node, "list"), "");
  EXPECT_FALSE(number_of(node, "lag"));
  EXPECT_FALSE(number_of(node, "name"));
  EXPECT_EQ(integer_of(node, "port"), 3306);
  EXPECT_TRUE(is_true(node, "ok"));
  EXPECT_FALSE(is_true(node, "name"));
  EXPECT_EQ(items_of(node, "list").size(), 2U);
  EXPECT_TRUE(items_of(node, "name").empty());
  EXPECT_EQ(text_of(Json("no object"), "name"), "");
}

TEST(ParseJson, SaysWhatIsNoJson) {
  const auto wrong = parse_json("<html>");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "not JSON: <html>");
}

TEST(YamlText, IsBlockStyleInTheOrderOfTheFields) {
  const Json value{{"cluster", "shop"},
                   {"revision", 8},
                   {"paused", false},
                   {"primary", nullptr},
                   {"nodes", {{{"name", "db1"}, {"lagSeconds", 0.5}}, {{"name", "db2"}, {"tags", {"a", "b"}}}}},
                   {"none", Json::array()},
                   {"empty", Json::object()}};
  EXPECT_EQ(to_yaml_text(value),
            "cluster: shop\n"
            "revision: 8\n"
            "paused: false\n"
            "primary: null\n"
            "nodes:\n"
            "  - name: db1\n"
            "    lagSeconds: 0.5\n"
            "  - name: db2\n"
            "    tags:\n"
            "      - a\n"
            "      - b\n"
            "none: []\n"
            "empty: {}\n");
}

TEST(YamlText, QuotesWhatAReaderWouldTakeForSomethingElse) {
  EXPECT_EQ(
      to_yaml_text({{"a", "yes"}, {"b", "0x1f"}, {"c", "127.0.0.1:3306"}, {"d", ""}, {"e", "- x"}, {"f", "a #b"}}),
      "a: \"yes\"\n"
      "b: \"0x1f\"\n"
      "c: \"127.0.0.1:3306\"\n"
      "d: \"\"\n"
      "e: \"- x\"\n"
      "f: \"a #b\"\n");
}

TEST(YamlText, ShowsTextOfSeveralLinesAsABlock) {
  EXPECT_EQ(to_yaml_text({{"document", "name: shop\n\nnodes:\n  - a\n"}, {"note", "one\ntwo"}}),
            "document: |\n"
            "  name: shop\n"
            "\n"
            "  nodes:\n"
            "    - a\n"
            "note: |-\n"
            "  one\n"
            "  two\n");
}

}  // namespace
}  // namespace repl::ctl

#include "verify/table.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

Column column(const std::string& name, const std::string& type, bool nullable = false) {
  Column c{.name = name, .type = type, .full_type = type, .nullable = nullable};
  if (type == "varchar") c.charset = "utf8mb4", c.collation = "utf8mb4_0900_ai_ci";
  return c;
}
Index unique(const std::string& name, std::vector<std::string> columns) {
  Index index{.name = name, .unique = true};
  for (auto& c : columns) index.parts.push_back({.column = std::move(c)});
  return index;
}

const std::vector<Column> kColumns{column("id", "bigint"),     column("shop", "int"),
                                   column("name", "varchar"),  column("kind", "enum"),
                                   column("rate", "double"),   column("alias", "varchar", true),
                                   column("raw", "varbinary"), column("day", "date")};

TEST(ChooseKey, PrefersThePrimaryKeyWhateverItsLength) {
  const auto key = choose_key(kColumns, {unique("a", {"id"}), unique("PRIMARY", {"shop", "name"})});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->index, "PRIMARY");
  EXPECT_EQ(key->columns[1].kind, KeyKind::Text);
  EXPECT_EQ(key->columns[1].collation, "utf8mb4_0900_ai_ci");
}

TEST(ChooseKey, TakesTheShortestUniqueIndexOtherwise) {
  const auto key = choose_key(kColumns, {unique("long", {"shop", "raw"}), unique("short", {"day"})});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->index, "short");
  EXPECT_EQ(key->columns[0].kind, KeyKind::Time);
}

TEST(ChooseKey, RefusesWhatCannotBeReadInRanges) {
  auto prefix = unique("prefix", {"name"}), descending = unique("descending", {"id"}),
       invisible = unique("invisible", {"id"}), plain = unique("plain", {"id"});
  prefix.parts[0].whole = false;
  descending.parts[0].descending = true;
  invisible.visible = false;
  plain.unique = false;
  EXPECT_FALSE(
      choose_key(kColumns, {prefix, descending, invisible, plain, unique("nullable", {"alias"}),
                            unique("enum", {"kind"}), unique("double", {"rate"}), unique("expression", {""})}));
}

TableShape shape() {
  TableShape s{.id = {"shop", "orders"}, .engine = "InnoDB", .columns = kColumns};
  s.key = choose_key(kColumns, {unique("PRIMARY", {"id"})});
  return s;
}

TEST(WhyNotComparable, NamesOtherEnginesAndBigTablesWithoutAKey) {
  EXPECT_EQ(why_not_comparable(shape()), "");
  auto other = shape();
  other.engine = "MyISAM";
  EXPECT_NE(why_not_comparable(other).find("MyISAM"), std::string::npos);
  auto keyless = shape();
  keyless.key.reset();
  EXPECT_EQ(why_not_comparable(keyless), "") << "a small one is compared as a whole";
  keyless.rows_estimate = kMostRowsWithoutKey + 1;
  EXPECT_NE(why_not_comparable(keyless).find("primary key"), std::string::npos);
}

TEST(DefinitionOf, IsAnotherForAnotherKeyOrColumn) {
  const auto definition = definition_of(shape());
  EXPECT_EQ(definition_of(shape()), definition);
  const auto after = [&](auto change) {
    auto s = shape();
    change(s);
    return definition_of(s);
  };
  EXPECT_EQ(after([](TableShape& s) { s.rows_estimate = 7; }), definition) << "how much is in it is not its definition";
  EXPECT_NE(after([](TableShape& s) { s.key->columns.push_back({.name = "day"}); }), definition);
  EXPECT_NE(after([](TableShape& s) { s.key->columns[0].name = "uuid"; }), definition)
      << "as many columns, another key";
  EXPECT_NE(after([](TableShape& s) { s.key.reset(); }), definition);
  EXPECT_NE(after([](TableShape& s) { s.columns.pop_back(); }), definition);
  EXPECT_NE(after([](TableShape& s) { s.columns[0].full_type = "bigint unsigned"; }), definition);
  EXPECT_NE(after([](TableShape& s) { s.columns[2].nullable = !s.columns[2].nullable; }), definition);
  EXPECT_NE(after([](TableShape& s) { s.engine = "MyISAM"; }), definition);
  EXPECT_NE(after([](TableShape& s) {
              s.columns[0].name += s.columns[0].full_type;
              s.columns[0].full_type.clear();
            }),
            definition)
      << "where a name ends belongs to it";
}

TEST(HasKey, WantsAValueForEachColumn) {
  EXPECT_TRUE(has_key(shape(), {"7"}));
  EXPECT_FALSE(has_key(shape(), {"7", "8"}));
  EXPECT_FALSE(has_key(shape(), {}));
  auto keyless = shape();
  keyless.key.reset();
  EXPECT_FALSE(has_key(keyless, {"7"}));
}

TEST(DifferenceOf, NamesTheFirstColumnThatDiffers) {
  const auto a = shape();
  auto b = shape();
  EXPECT_EQ(difference_of(a, b, "db1", "db2"), "");
  b.columns[2].collation = "utf8mb4_bin";
  EXPECT_EQ(difference_of(a, b, "db1", "db2"),
            "column name is varchar utf8mb4_0900_ai_ci not null on db1, varchar utf8mb4_bin not null on db2");
  b = shape();
  b.columns.pop_back();
  EXPECT_EQ(difference_of(a, b, "db1", "db2"), "column day is on db1 only");
  b = shape();
  b.key.reset();
  EXPECT_EQ(difference_of(a, b, "db1", "db2"), "unique key PRIMARY id on db1, none on db2");
}

}  // namespace
}  // namespace repl::verify

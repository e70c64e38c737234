#include "mysql/checksum_sql.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

using verify::Column;
using verify::KeyKind;

Column column(const std::string& name, const std::string& type, bool nullable = false) {
  return {.name = name, .type = type, .full_type = type, .nullable = nullable};
}

verify::TableShape shape() {
  verify::TableShape s{.id = {"shop", "odd `name"}};
  s.columns = {column("id", "bigint"), column("n`n", "varchar", true)};
  s.key = verify::TableKey{"PRIMARY", {{.name = "id"}}};
  return s;
}

verify::TableShape two_columns() {
  auto s = shape();
  s.key->columns = {{.name = "id"},
                    {.name = "n`n", .kind = KeyKind::Text, .charset = "utf8mb4", .collation = "utf8mb4_0900_ai_ci"}};
  return s;
}

bool has(const Statement& statement, std::string_view part) {
  return statement.text.find(part) != std::string::npos;
}

TEST(RowHash, TellsNullFromEmptyAndWhereAColumnEnds) {
  EXPECT_EQ(row_hash(shape()),
            "SHA2(CONCAT_WS('#',`id`,CAST(`n``n` AS BINARY),LENGTH(`n``n`),CONCAT(ISNULL(`n``n`))),256)");
}

TEST(RowHash, TakesEachTypeInAFormThatIsTheSameEverywhere) {
  verify::TableShape s;
  s.columns = {column("f", "float"), column("e", "enum"),  column("j", "json"),
               column("t", "text"),  column("g", "point"), column("b", "bit")};
  s.columns.push_back(column("v", "int"));
  s.columns.back().is_virtual = true;
  EXPECT_EQ(row_hash(s),
            "SHA2(CONCAT_WS('#',CAST(`f` AS DOUBLE),CAST(`e` AS UNSIGNED),SHA2(CAST(`j` AS "
            "CHAR),256),SHA2(`t`,256),SHA2(`g`,256),"
            "CAST(`b` AS UNSIGNED)),256)");
}

TEST(SumQuery, ReadsARangeByItsIndexWithALimitOfTime) {
  const auto sql = sum_query(shape(), {verify::Key{"5"}, verify::Key{"9"}});
  EXPECT_TRUE(has(sql, "/*+ MAX_EXECUTION_TIME(4000) */")) << sql.text;
  EXPECT_TRUE(has(sql, "FROM `shop`.`odd ``name` FORCE INDEX (`PRIMARY`) WHERE ((`id` > 5)) AND ((`id` <= 9))"))
      << sql.text;
  EXPECT_FALSE(has(sum_query(shape(), {}), "WHERE"));
}

TEST(SumQuery, WritesOutTheComparisonOfSeveralColumns) {
  const auto sql = sum_query(two_columns(), {verify::Key{"-5", "C3BC"}, verify::Key{"9", ""}});
  EXPECT_TRUE(has(sql,
                  "((`id` > -5) OR (`id` = -5 AND `n``n` > _utf8mb4 X'C3BC' COLLATE utf8mb4_0900_ai_ci)) AND "
                  "((`id` < 9) OR (`id` = 9 AND `n``n` <= _utf8mb4 X'' COLLATE utf8mb4_0900_ai_ci))"))
      << sql.text;
}

TEST(SumQuery, CountsEqualRowsWhereThereIsNoKey) {
  auto keyless = shape();
  keyless.key.reset();
  const auto sql = sum_query(keyless, {});
  EXPECT_TRUE(has(sql, "COUNT(*) c")) << sql.text;
  EXPECT_TRUE(has(sql, "GROUP BY h")) << sql.text;
}

TEST(RowsQuery, CanAskForSomeKeysOnly) {
  const auto sql = rows_query(two_columns(), {verify::Key{"1", "61"}, std::nullopt}, {{"2", "62"}, {"3", "63"}}, 10);
  EXPECT_TRUE(has(sql, "AND ((`id` = 2 AND `n``n` = _utf8mb4 X'62' COLLATE utf8mb4_0900_ai_ci) OR (`id` = 3 AND"))
      << sql.text;
  EXPECT_TRUE(has(sql, "ORDER BY `id`,`n``n` LIMIT 10")) << sql.text;
}

TEST(BoundaryQuery, StepsOverAsManyRows) {
  EXPECT_TRUE(has(boundary_query(shape(), std::nullopt, 100), "ORDER BY `id` LIMIT 1 OFFSET 99"));
}

TEST(Literals, CannotLeaveTheirQuotes) {
  auto s = shape();
  EXPECT_TRUE(has(sum_query(s, {verify::Key{"1 OR 1=1"}, std::nullopt}), "`id` > '1 OR 1=1'"));
  s.key->columns[0].kind = KeyKind::Time;
  EXPECT_TRUE(has(sum_query(s, {verify::Key{"it's"}, std::nullopt}), "`id` > 'it\\'s'"));
}

TEST(TablesQuery, NamesWhatWasAskedForAndNeverTheServersOwn) {
  const auto sql = tables_query({.schemas = {"it's"}, .tables = {{"a", "b"}}});
  EXPECT_TRUE(has(sql, "TABLE_SCHEMA='it\\'s' OR (TABLE_SCHEMA='a' AND TABLE_NAME='b')")) << sql.text;
  EXPECT_TRUE(has(sql, "NOT IN ('mysql','sys'")) << sql.text;
  EXPECT_FALSE(has(tables_query({}), " OR "));
}

}  // namespace
}  // namespace repl::mysql

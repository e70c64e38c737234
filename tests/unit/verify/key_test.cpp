#include "verify/key.hpp"

#include <gtest/gtest.h>

namespace repl::verify {
namespace {

const std::vector<KeyColumn> kId{{.name = "id"}};
const std::vector<KeyColumn> kName{
    {.name = "name", .kind = KeyKind::Text, .charset = "utf8mb4", .collation = "utf8mb4_bin"}};

TEST(Shown, SaysNumbersAndTextsAsPeopleWriteThem) {
  EXPECT_EQ(shown(kId, {"-42"}), "-42");
  EXPECT_EQ(shown(kName, {"6D"
                          "C3BC"
                          "6C6C6572"}),
            "'müller'");
  EXPECT_EQ(shown({{.name = "day", .kind = KeyKind::Time}}, {"2026-01-31"}), "'2026-01-31'");
}

TEST(Shown, FallsBackToBytesWhereATextIsNotReadable) {
  EXPECT_EQ(shown(kName, {"00FF"}), "0x00FF");
  EXPECT_EQ(shown(kName, {"C3"}), "0xC3");  // cut in the middle of a character
  EXPECT_EQ(shown({{.name = "b", .kind = KeyKind::Bytes}}, {"6162"}), "0x6162");
  const std::vector<KeyColumn> latin1{{.name = "n", .kind = KeyKind::Text, .charset = "latin1", .collation = "x"}};
  EXPECT_EQ(shown(latin1, {"FC"}), "0xFC");
}

TEST(Shown, PutsSeveralColumnsInParentheses) {
  EXPECT_EQ(shown({kId[0], kName[0]}, {"7", "6162"}), "(7, 'ab')");
  EXPECT_EQ(names_of({kId[0], kName[0]}), "(id, name)");
  EXPECT_EQ(names_of(kId), "id");
}

TEST(ShownBefore, OrdersNumbersByValue) {
  const std::vector<Key> ordered{{"-100"}, {"-9.50"}, {"-9"}, {"0"}, {"9"}, {"9.5"}, {"100"}, {"18446744073709551615"}};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(shown_before(kId, ordered[i], ordered[j]), i < j) << ordered[i][0] << " " << ordered[j][0];
    }
  }
}

TEST(ShownBefore, GoesByTheFirstColumnThatDiffers) {
  const std::vector<KeyColumn> both{kId[0], kName[0]};
  EXPECT_TRUE(shown_before(both, {"9", "6263"}, {"10", "6162"}));
  EXPECT_TRUE(shown_before(both, {"9", "6162"}, {"9", "6263"}));
  EXPECT_FALSE(shown_before(both, {"9", "6162"}, {"9", "6162"}));
}

}  // namespace
}  // namespace repl::verify

// The arithmetic of GtidSet against the server's own.
#include <gtest/gtest.h>
#include <random>

#include "model/gtid_set.hpp"
#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

class GtidOracle : public MysqlTest {
 protected:
  GtidSet random_set() {
    static const char* const uuids[] = {"11111111-1111-1111-1111-111111111111", "2fffffff-2222-2222-2222-222222222222",
                                        "aaaaaaaa-3333-3333-3333-333333333333"};
    static const char* const tags[] = {"", "a", "blue_1"};
    GtidSet set;
    const auto pick = [&](std::int64_t from, std::int64_t to) {
      return std::uniform_int_distribution{from, to}(random);
    };
    for (auto parts = pick(0, 8); parts > 0; --parts) {
      const auto first = pick(1, 30);
      const bool tagged = tags_known && pick(0, 2) == 0;
      set.add({uuids[pick(0, 2)], tagged ? tags[pick(1, 2)] : ""}, {first, first + pick(0, 6)});
    }
    return set;
  }
  std::mt19937_64 random{20240607};
  bool tags_known = false;
};

TEST_F(GtidOracle, AgreesWithTheServer) {
  auto session = servers.sandbox().root_session("db1");
  ASSERT_TRUE(session);
  tags_known = probe(kDb1).version >= ServerVersion{8, 3, 0};
  for (int i = 0; i < 400; ++i) {
    const auto a = random_set();
    const auto b = random_set();
    const auto rows =
        session->query(fmt::format("SELECT GTID_SUBSET('{0}','{1}'), GTID_SUBTRACT('{0}','{1}'), "
                                   "GTID_SUBTRACT('{0}','')",
                                   a.to_string(), b.to_string()));
    ASSERT_TRUE(rows) << rows.error().message;
    const auto& row = rows->front();
    EXPECT_EQ(row[0] == "1", b.contains(a)) << a.to_string() << " in " << b.to_string();
    const auto difference = GtidSet::parse(row[1].value());
    ASSERT_TRUE(difference) << difference.error().message;
    EXPECT_EQ(*difference, subtract(a, b)) << a.to_string() << " - " << b.to_string();
    const auto same = GtidSet::parse(row[2].value());
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, a);
  }
}

}  // namespace
}  // namespace repl::mysql

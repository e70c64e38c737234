// What the reader refuses before it asks a server.
#include "mysql/checksum_reader.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

TEST(ChecksumReader, RefusesARangeOfAnotherKey) {
  verify::TableShape orders{.id = {"shop", "orders"}};
  orders.key = verify::TableKey{"PRIMARY", {{.name = "id"}, {.name = "created_at"}}};
  Endpoint nowhere;
  nowhere.secret_problem = "a test";  // so that nothing is tried
  ChecksumReader reader({"db1"}, nowhere, std::make_shared<const std::atomic<bool>>(false));
  const verify::Key by_id{"7"}, by_both{"7", "2026-01-01"};
  const auto sum = reader.sum(orders, {by_id, std::nullopt});
  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().code, ErrorCode::ServerRefused);
  EXPECT_NE(sum.error().message.find("shop.orders"), std::string::npos) << sum.error().message;
  EXPECT_EQ(reader.boundary(orders, by_id, 10).error().code, ErrorCode::ServerRefused);
  EXPECT_EQ(reader.rows(orders, {by_both, by_id}, {}, 10).error().code, ErrorCode::ServerRefused);
  const auto fitting = reader.sum(orders, {by_both, std::nullopt});
  ASSERT_FALSE(fitting) << "it was to be sent";
  EXPECT_NE(fitting.error().code, ErrorCode::ServerRefused) << fitting.error().message;
}

}  // namespace
}  // namespace repl::mysql

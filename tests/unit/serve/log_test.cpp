#include "serve/log.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/log_scope.hpp"

namespace repl::serve {
namespace {

const Time kAt{Duration{1'700'000'000'000'042}};

TEST(LogLine, IsOneJsonObjectWhateverTheMessageHolds) {
  const LogScope scope("shop", "shop-12");
  const auto line = log_line(LogFormat::JsonLines, kAt, "error", "a \"quoted\"\nline \x01 \xff");
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json.at("time"), "2023-11-14T22:13:20.000042Z");
  EXPECT_EQ(json.at("level"), "error");
  EXPECT_EQ(json.at("cluster"), "shop");
  EXPECT_EQ(json.at("operation"), "shop-12");
  EXPECT_EQ(json.at("message").get<std::string>().substr(0, 10), "a \"quoted\"");
}

TEST(LogLine, NamesClusterAndOperationOnlyWhereThereAreSome) {
  EXPECT_FALSE(nlohmann::json::parse(log_line(LogFormat::JsonLines, kAt, "info", "x")).contains("cluster"));
  EXPECT_EQ(log_line(LogFormat::Human, kAt, "info", "x"), "2023-11-14T22:13:20.000042Z info    x");
  const LogScope cluster("shop");
  EXPECT_FALSE(nlohmann::json::parse(log_line(LogFormat::JsonLines, kAt, "info", "x")).contains("operation"));
  EXPECT_EQ(log_line(LogFormat::Human, kAt, "info", "x"), "2023-11-14T22:13:20.000042Z info    [shop] x");
  {
    const LogScope operation("shop", "shop-3");
    EXPECT_EQ(log_line(LogFormat::Human, kAt, "warning", "x"), "2023-11-14T22:13:20.000042Z warning [shop-3] x");
  }
  EXPECT_EQ(log_line(LogFormat::Human, kAt, "info", "x"), "2023-11-14T22:13:20.000042Z info    [shop] x");
}

TEST(LogLine, StaysOneLineForPeopleToo) {
  EXPECT_EQ(log_line(LogFormat::Human, kAt, "info", "a\nb\x1b[31m").find_first_of("\n\x1b"), std::string::npos);
}

}  // namespace
}  // namespace repl::serve

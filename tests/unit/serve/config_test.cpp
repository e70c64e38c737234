#include "serve/config.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace repl::serve {
namespace {

ParsedConfig parsed(const std::string& text) {
  return parse_config(text, "repld.yaml", "/etc/repld");
}

void complains(const std::string& text, int line, int column, const std::string& message) {
  const auto result = parsed(text);
  for (const auto& error : result.errors) {
    if (error.line == line && error.column == column && error.message.find(message) != std::string::npos) return;
  }
  std::string all;
  for (const auto& error : result.errors) all += "\n" + to_string(error);
  ADD_FAILURE() << "no '" << message << "' at " << line << ":" << column << " for\n" << text << "\nbut" << all;
}

TEST(Config, HasDefaultsForAll) {
  const auto result = parsed("");
  EXPECT_TRUE(result.errors.empty());
  EXPECT_EQ(result.config, Config{});
  EXPECT_EQ(to_string(result.config.listen), "127.0.0.1:10330");
}

TEST(Config, TakesEveryField) {
  const auto result = parsed(
      "listen: '[::1]:0'\nallowRemote: true\nstateDirectory: state\ntokenFile: /run/token\n"
      "log: {format: json, level: debug}\nmetrics: false\nmaxConnections: 8\n"
      "hooks: {directory: own}\n");
  ASSERT_TRUE(result.errors.empty()) << to_string(result.errors[0]);
  EXPECT_EQ(result.config, (Config{{"::1", 0},
                                   true,
                                   "/etc/repld/state",
                                   "/run/token",
                                   LogFormat::JsonLines,
                                   LogLevel::Debug,
                                   false,
                                   8,
                                   "/etc/repld/own"}));
  EXPECT_EQ(result.config.token_path(), "/run/token");
}

TEST(Config, ReportsAllErrorsWithTheirPlaces) {
  const std::string text =
      "listen: nowhere\nlogs: x\nlog: {format: xml, level: loud}\nmetrics: perhaps\nmaxConnections: 1\n";
  const auto errors = parsed(text).errors;
  EXPECT_EQ(errors.size(), 6U);
  EXPECT_TRUE(
      std::is_sorted(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.line < b.line; }));
  complains(text, 1, 9, "no port");
  complains(text, 2, 1, "logs");
  complains(text, 3, 15, "xml");
  complains(text, 3, 27, "loud");
  complains(text, 4, 10, "metrics");
  complains(text, 5, 17, "maxConnections");
}

TEST(Config, ReportsWrongYaml) {
  EXPECT_FALSE(parsed("listen: [").errors.empty());
  EXPECT_FALSE(parsed("- a\n- b\n").errors.empty());
  EXPECT_FALSE(parsed("metrics: true\n---\nmetrics: false\n").errors.empty());
}

TEST(Config, RefusesAnAddressBeyondLoopbackUnlessItIsAllowed) {
  complains("metrics: true\nlisten: 0.0.0.0:10330\n", 2, 9, "allowRemote");
  EXPECT_TRUE(parsed("allowRemote: true\nlisten: 0.0.0.0:10330\n").errors.empty());
  for (const auto* loopback : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
    EXPECT_TRUE(is_loopback({loopback, 1})) << loopback;
  for (const auto* remote : {"0.0.0.0", "10.0.0.1", "::", "128.0.0.1"})
    EXPECT_FALSE(is_loopback({remote, 1})) << remote;
}

TEST(ParseListen, TakesHostAndPort) {
  EXPECT_EQ(parse_listen("127.0.0.1:0").value(), (Address{"127.0.0.1", 0}));
  EXPECT_EQ(parse_listen("[::1]:65535").value(), (Address{"::1", 65535}));
  for (const auto* wrong : {"", "127.0.0.1", ":1", "a:", "a:b", "a:65536", "a:-1", "a:1x"})
    EXPECT_FALSE(parse_listen(wrong)) << wrong;
}

}  // namespace
}  // namespace repl::serve

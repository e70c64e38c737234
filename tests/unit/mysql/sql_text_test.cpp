#include "mysql/sql_text.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

SourceOptions options(TlsSpec tls = {}) {
  return {{"db2.example", 3307}, "repl", "it's", std::move(tls), "ca.pem"};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Quoting, KeepsTextFromEndingItsQuotes) {
  EXPECT_EQ(sql_quoted("it's"), R"('it\'s')");
  EXPECT_EQ(sql_quoted(R"(back\slash)"), R"('back\\slash')");
  EXPECT_EQ(sql_quoted(std::string_view{"a\0b", 3}), R"('a\0b')");
  EXPECT_EQ(quoted_name("a`b"), "`a``b`");
}

TEST(Quoting, EscapesWildcardsOfSchemasInGrants) {
  EXPECT_EQ(grant_schema("shop_eu"), "`shop\\_eu`");
}

TEST(Secrets, AreShownNeitherPlainNorQuoted) {
  EXPECT_EQ(without_secrets(R"(BY 'it\'s' near 'it's')", {"it's"}), "BY <secret> near '<secret>'");
  EXPECT_EQ(without_secrets("nothing", {""}), "nothing");
}

TEST(ChangeSource, NamesTheHeartbeatEachTimeForAHostResetsIt) {
  EXPECT_TRUE(has(create_channel(options(), 0s, "").text, "SOURCE_HEARTBEAT_PERIOD=0.5"));
  EXPECT_TRUE(has(repoint_channel(options(), "").text, "SOURCE_HEARTBEAT_PERIOD=0.5"));
}

TEST(ChangeSource, OfAnExistingChannelHasOnlyWhatARunningApplierAllows) {
  const auto text = repoint_channel(options(), "").text;
  EXPECT_FALSE(has(text, "AUTO_POSITION"));
  EXPECT_FALSE(has(text, "DELAY"));
  EXPECT_TRUE(has(text, "FOR CHANNEL ''"));
}

TEST(ChangeSource, NamesNoLoginWhereTheChannelKeepsItsOwn) {
  auto keeping = options();
  keeping.keeps_login = true;
  const auto text = repoint_channel(keeping, "").text;
  EXPECT_FALSE(has(text, "SOURCE_USER")) << text;
  EXPECT_FALSE(has(text, "SOURCE_PASSWORD")) << text;
  EXPECT_TRUE(has(text, "GET_SOURCE_PUBLIC_KEY=1")) << "the rest is named";
}

TEST(ChangeSource, OfANewChannelPositionsItselfAndDelays) {
  const auto text = create_channel(options(), 3600s, "ring").text;
  EXPECT_TRUE(has(text, "SOURCE_AUTO_POSITION=1"));
  EXPECT_TRUE(has(text, "SOURCE_DELAY=3600"));
}

TEST(ChangeSource, HidesThePassword) {
  const auto statement = create_channel(options(), 0s, "");
  EXPECT_TRUE(has(statement.text, R"('it\'s')"));
  EXPECT_FALSE(has(without_secrets(statement.text, statement.secrets), "it"));
}

TEST(ChangeSource, UsesTlsAsTheSpecSays) {
  EXPECT_TRUE(has(receiver_options(options({TlsMode::Disabled, ""})), "SOURCE_SSL=0"));
  EXPECT_TRUE(has(receiver_options(options({TlsMode::Required, ""})), "SOURCE_SSL=1, SOURCE_SSL_CA=''"));
  EXPECT_TRUE(has(receiver_options(options({TlsMode::VerifyCa, "x"})),
                  "SOURCE_SSL=1, SOURCE_SSL_CA='ca.pem', SOURCE_SSL_VERIFY_SERVER_CERT=0"));
  EXPECT_TRUE(has(receiver_options(options({TlsMode::VerifyIdentity, "x"})), "SOURCE_SSL_VERIFY_SERVER_CERT=1"));
}

TEST(Tls, IsPreferredWhereThereIsANetwork) {
  EXPECT_TRUE(wants_tls({TlsMode::Preferred, ""}, {"10.0.0.1", 3306}));
  EXPECT_FALSE(wants_tls({TlsMode::Preferred, ""}, {"127.0.0.1", 3306}));
  EXPECT_FALSE(wants_tls({TlsMode::Preferred, ""}, {"localhost", 3306}));
  EXPECT_TRUE(wants_tls({TlsMode::Required, ""}, {"127.0.0.1", 3306}));
}

TEST(ResetGtids, HasItsOldNameBeforeMysql82) {
  EXPECT_EQ(reset_gtids({8, 0, 36}).text, "RESET MASTER");
  EXPECT_EQ(reset_gtids({8, 4, 0}).text, "RESET BINARY LOGS AND GTIDS");
  EXPECT_EQ(reset_gtids({9, 7, 4}).text, "RESET BINARY LOGS AND GTIDS");
}

TEST(VariableValue, IsQuotedUnlessItIsANumber) {
  EXPECT_EQ(variable_value("604800"), "604800");
  EXPECT_EQ(variable_value("-1"), "-1");
  EXPECT_EQ(variable_value("0.5"), "0.5");
  EXPECT_EQ(variable_value("ON"), "'ON'");
  EXPECT_EQ(variable_value(""), "''");
  EXPECT_EQ(variable_value("1; DROP"), "'1; DROP'");
  EXPECT_EQ(variable_value("."), "'.'");
}

TEST(VariableName, HasNoPlaceForAnythingElse) {
  EXPECT_TRUE(is_variable_name("binlog_expire_logs_seconds"));
  EXPECT_TRUE(is_variable_name("validate_password.length"));
  EXPECT_FALSE(is_variable_name("a=1, b"));
  EXPECT_FALSE(is_variable_name(""));
  EXPECT_FALSE(is_variable_name("a.b.c"));
  EXPECT_FALSE(is_variable_name("a."));
}

TEST(Version, IsReadFromTheServersText) {
  EXPECT_EQ(parse_version("8.0.36-0ubuntu0.22.04.1"), (ServerVersion{8, 0, 36}));
  EXPECT_EQ(parse_version("9.7.4-2"), (ServerVersion{9, 7, 4}));
  EXPECT_EQ(parse_version("nonsense"), ServerVersion{});
}

}  // namespace
}  // namespace repl::mysql

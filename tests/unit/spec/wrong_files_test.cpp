// Every file in wrong/ gives exactly the errors and warnings written in the .expected file beside it, with their
// places. To add one: write NAME.yaml, run this test, read what it prints, and keep that as NAME.expected when it is
// right.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "spec/parse.hpp"

namespace repl::spec {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string findings(const Parsed& parsed) {
  std::ostringstream out;
  for (const auto& d : parsed.errors) out << d.line << ':' << d.column << ": " << d.message << '\n';
  for (const auto& d : parsed.warnings) out << "warning " << d.line << ':' << d.column << ": " << d.message << '\n';
  return out.str();
}

std::vector<std::string> wrong_files() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{REPL_WRONG_FILES}) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class WrongFile : public testing::TestWithParam<std::string> {};

TEST_P(WrongFile, GivesExactlyTheExpectedErrorsAllAtOnce) {
  const fs::path folder{REPL_WRONG_FILES};
  const auto parsed = parse(contents(folder / (GetParam() + ".yaml")), GetParam(), "/etc/repld");
  EXPECT_FALSE(parsed.errors.empty());
  EXPECT_EQ(findings(parsed), contents(folder / (GetParam() + ".expected")));
}

/// GoogleTest takes letters, digits and _ only.
std::string test_name(const testing::TestParamInfo<std::string>& file) {
  auto name = file.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Each, WrongFile, testing::ValuesIn(wrong_files()), test_name);

TEST(WrongFiles, AreAtLeastSixtySix) {
  EXPECT_GE(wrong_files().size(), 66U);
}

TEST(WrongFiles, HaveNoExpectationWithoutAFile) {
  for (const auto& entry : fs::directory_iterator{REPL_WRONG_FILES}) {
    auto yaml = entry.path();
    EXPECT_TRUE(fs::exists(yaml.replace_extension(".yaml"))) << entry.path();
  }
}

TEST(WrongFiles, NeverShowAPasswordThatStandsInTheFile) {
  for (const auto* name : {"password-in-the-file", "password-for-an-account", "secret-references"}) {
    const auto parsed = parse(contents(fs::path{REPL_WRONG_FILES} / (std::string{name} + ".yaml")), name, "");
    for (const auto& error : parsed.errors) EXPECT_EQ(error.message.find("horse"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace repl::spec

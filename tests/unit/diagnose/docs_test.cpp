// docs/problems.md has a row for each rule, and the row is true.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "diagnose/rules.hpp"
#include "model/operation.hpp"

namespace repl::test {
namespace {

std::string text_of(diagnose::Hold hold) {
  switch (hold) {
    case diagnose::Hold::AtOnce:
      return "at once";
    case diagnose::Hold::OneProbe:
      return "one probe";
    case diagnose::Hold::BlockedAfter:
      return "`blockedAfter`";
    case diagnose::Hold::TenSeconds:
      return "10 s";
  }
  return "?";
}

class ProblemsPage : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(REPL_PROBLEMS_PAGE);
    std::ostringstream all;
    all << file.rdbuf();
    page = all.str();
    ASSERT_FALSE(page.empty());
  }
  template <class Rules>
  void has(const Rules& rules) {
    for (const auto& r : rules) {
      const auto row = fmt::format("| `{}` | {} | {} | {} | {} | {} |", r.name, to_string(r.severity), text_of(r.hold),
                                   to_string(r.goal), r.summary, r.advice);
      EXPECT_NE(page.find(row), std::string::npos) << "docs/problems.md lacks this row:\n" << row;
    }
  }
  std::string page;
};

TEST_F(ProblemsPage, HasEachRule) {
  has(diagnose::cluster_rules());
  has(diagnose::node_rules());
}

TEST_F(ProblemsPage, HasNoOther) {
  std::size_t found = 0;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) found += line.starts_with("| `") ? 1 : 0;
  EXPECT_EQ(found, diagnose::cluster_rules().size() + diagnose::node_rules().size());
}

}  // namespace
}  // namespace repl::test

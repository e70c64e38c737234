// docs/topology-file.md says what the tables of the language say: no field, value or rule is missing there.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "spec/fields.hpp"
#include "spec/not_yet.hpp"
#include "spec/rules.hpp"

namespace repl::spec {
namespace {

std::string reference() {
  std::ifstream in{std::string{REPL_DOCS} + "/topology-file.md"};
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Reference, NamesEveryField) {
  const auto text = reference();
  for (const auto& label : field_labels()) {
    EXPECT_NE(text.find("`" + label + "`"), std::string::npos) << label << " is missing in docs/topology-file.md";
  }
}

TEST(Reference, SaysWhatIsNotCarriedOutYet) {
  const auto text = reference();
  for (const auto& row : kNotYet) {
    const auto line =
        row.value.empty() ? fmt::format("| `{}` |", row.field) : fmt::format("| `{}: {}` |", row.field, row.value);
    EXPECT_NE(text.find(line), std::string::npos) << line << " is missing in docs/topology-file.md";
  }
}

TEST(Reference, ListsEveryRule) {
  const auto text = reference();
  for (const auto& rule : rules()) {
    EXPECT_NE(text.find("- " + std::string{rule.summary}), std::string::npos)
        << rule.summary << " is missing in docs/topology-file.md";
  }
}

TEST(NotYet, SpeaksOfFieldsThatTheLanguageHas) {
  const auto labels = field_labels();
  for (const auto& row : kNotYet) {
    EXPECT_NE(std::find(labels.begin(), labels.end(), row.field), labels.end()) << row.field;
  }
}

}  // namespace
}  // namespace repl::spec

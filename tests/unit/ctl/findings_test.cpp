// Errors of topology files, exactly as printed.
#include "ctl/findings.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace repl::ctl {
namespace {

TEST(RenderFinding, ShowsPlaceMessageLineAndCaret) {
  const Finding f{.file = "shop.yaml", .line = 2, .column = 7, .message = "acks: 12 is out of range, expected 1 to 9"};
  EXPECT_EQ(render_finding(f, "sync:\n  acks: 12\n", {}),
            "shop.yaml:2:7: acks: 12 is out of range, expected 1 to 9\n"
            "     2 |   acks: 12\n"
            "       |       ^\n");
}

TEST(RenderFinding, PutsTheCaretUnderTheCharacterBehindWideOnes) {
  const Finding f{.file = "x", .line = 1, .column = 8, .message = "m"};  // 東京 has six bytes and four columns
  EXPECT_EQ(render_finding(f, "東京\tz", {}),
            "x:1:8: m\n"
            "     1 | 東京 z\n"
            "       |      ^\n");
}

TEST(RenderFinding, MarksWarnings) {
  const Finding f{
      .level = Level::Warning, .file = "shop.yaml", .line = 1, .column = 1, .message = "two writers are possible"};
  EXPECT_EQ(render_finding(f, "a: b", {}),
            "shop.yaml:1:1: warning: two writers are possible\n"
            "     1 | a: b\n"
            "       | ^\n");
}

TEST(RenderFinding, DoesWithoutWhatItDoesNotKnow) {
  EXPECT_EQ(render_finding({.file = "shop.yaml", .message = "m"}, "a: b", {}), "shop.yaml: m\n");
  EXPECT_EQ(render_finding({.file = "shop.yaml", .line = 9, .column = 1, .message = "m"}, "a: b", {}),
            "shop.yaml:9:1: m\n");
  EXPECT_EQ(render_finding({.file = "shop.yaml", .line = 1, .message = "m"}, "a: b", {}),
            "shop.yaml:1: m\n     1 | a: b\n");
  EXPECT_EQ(render_finding({.file = "x", .line = 1, .column = 99, .message = "m"}, "ab", {}),
            "x:1:99: m\n     1 | ab\n       |   ^\n");
}

TEST(FindingFrom, ReadsADetailOfTheApi) {
  const auto f = finding_from({{"file", "a.yaml"}, {"line", 7}, {"column", 12}, {"message", "m"}}, Level::Error);
  EXPECT_EQ(f.file, "a.yaml");
  EXPECT_EQ(f.line, 7);
  EXPECT_EQ(f.column, 12);
  EXPECT_EQ(f.message, "m");
}

}  // namespace
}  // namespace repl::ctl

// Tables, exactly as printed.
#include "ctl/tables.hpp"

#include <gtest/gtest.h>

namespace repl::ctl {
namespace {

Table towns() {
  return {.columns = {{"TOWN"}, {"NODES", Align::Right}, {"NOTE", Align::Left, Shown::Wide}, {"STATE"}},
          .rows = {{{"東京", Colour::None}, {"12", Colour::None}, {"far", Colour::None}, {"ok", Colour::Green}},
                   {{"Zürich", Colour::None}, {"3", Colour::None}, {"near\nby", Colour::None}, {"", Colour::None}}}};
}

TEST(RenderTable, AlignsByDisplayWidthAndLeavesNoBlanksAtTheEnd) {
  EXPECT_EQ(render_table(towns(), Shown::Always, {}),
            "TOWN    NODES  STATE\n"
            "東京       12  ok\n"
            "Zürich      3\n");
}

TEST(RenderTable, ShowsWideColumnsOnlyWhenAsked) {
  EXPECT_EQ(render_table(towns(), Shown::Wide, {}),
            "TOWN    NODES  NOTE     STATE\n"
            "東京       12  far      ok\n"
            "Zürich      3  near by\n");
}

TEST(RenderTable, DoesNotCountColoursAsWidth) {
  EXPECT_EQ(render_table({.columns = {{"A"}, {"B"}}, .rows = {{{"x", Colour::Red}, {"y", Colour::None}}}},
                         Shown::Always, {.colour = true}),
            "\x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
}

TEST(RenderTsv, HasAllColumnsAndOneLinePerRow) {
  EXPECT_EQ(render_tsv(towns()),
            "TOWN\tNODES\tNOTE\tSTATE\n"
            "東京\t12\tfar\tok\n"
            "Zürich\t3\tnear by\t\n");
}

}  // namespace
}  // namespace repl::ctl

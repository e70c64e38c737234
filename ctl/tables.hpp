// Tables as text: columns in display width for people, tab-separated values for programs.
#pragma once

#include <string>
#include <vector>

#include "ctl/text.hpp"

namespace repl::ctl {

enum class Align { Left, Right };
/// A wide column is left out of the narrow table.
enum class Shown { Always, Wide };

struct Column {
  std::string title;
  Align align = Align::Left;
  Shown shown = Shown::Always;
};

struct Cell {
  std::string text;
  Colour colour = Colour::None;
};

/// Every row has a cell for every column.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

/// Columns two blanks apart, no blanks at the end of a line, a final newline.
/// @param shown  Wide: all columns
std::string render_table(const Table& table, Shown shown, const Style& style);

/// All columns, a line of titles first. Tabs and newlines within cells become blanks.
std::string render_tsv(const Table& table);

}  // namespace repl::ctl

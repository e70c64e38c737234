// Tables as text.
#include "ctl/tables.hpp"

#include <algorithm>

namespace repl::ctl {
namespace {

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

std::string render_table(const Table& table, Shown shown, const Style& style) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (shown == Shown::Wide || table.columns[i].shown == Shown::Always) columns.push_back(i);
  }
  std::vector<int> widths(table.columns.size());
  for (const auto i : columns) {
    widths[i] = display_width(table.columns[i].title);
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], display_width(one_line(row[i].text)));
  }

  std::string out;
  const auto add_line = [&](auto cell_of) {
    std::string line;
    std::string gap;  // blanks are written only before something visible
    for (const auto i : columns) {
      const Cell cell = cell_of(i);
      const auto text = one_line(cell.text);
      const std::string space(static_cast<std::size_t>(widths[i] - display_width(text)), ' ');
      if (table.columns[i].align == Align::Right) gap += space;
      if (!text.empty()) {
        line += gap + style.paint(cell.colour, text);
        gap.clear();
      }
      if (table.columns[i].align == Align::Left) gap += space;
      gap += "  ";
    }
    out += line + '\n';
  };
  add_line([&](std::size_t i) { return Cell{table.columns[i].title, Colour::Dim}; });
  for (const auto& row : table.rows) {
    add_line([&](std::size_t i) { return row[i]; });
  }
  return out;
}

std::string render_tsv(const Table& table) {
  std::string out;
  const auto add_line = [&](auto text_at) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (i > 0) out += '\t';
      out += one_line(text_at(i));
    }
    out += '\n';
  };
  add_line([&](std::size_t i) { return table.columns[i].title; });
  for (const auto& row : table.rows) {
    add_line([&](std::size_t i) { return row[i].text; });
  }
  return out;
}

}  // namespace repl::ctl

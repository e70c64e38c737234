// Small pure functions from values to text: widths, colours, durations, times. Everything replctl prints goes through
// these, so that columns line up and colours can be left out in one place.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"

namespace repl::ctl {

/// Columns a terminal needs for `utf8`: 2 for East Asian wide characters and emoji, 0 for combining marks and control
/// characters. A broken byte counts as one column.
/// Source: Unicode 15, East_Asian_Width W and F; the ranges that occur in host names, names and messages.
int display_width(std::string_view utf8);

/// Blanks up to `width` columns; text that is wider stays as it is.
std::string pad_right(std::string_view utf8, int width);
std::string pad_left(std::string_view utf8, int width);

enum class Colour { None, Red, Yellow, Green, Cyan, Dim, Bold };

/// How the reader's end can show text.
struct Style {
  bool colour = false;   ///< ANSI colours: a terminal, and NO_COLOR not set.
  bool unicode = false;  ///< Signs beyond ASCII.

  std::string paint(Colour colour, std::string_view text) const;
};

/// Cut to `width` columns, the last one an ellipsis (or ">") when something was cut. `width` <= 0: not cut.
std::string shorten(std::string_view utf8, int width, const Style& style);

/// An age or a distance, coarse: "0s", "25m", "3h 5m", "2d 4h".
std::string coarse_duration(double seconds);
/// How long something took: "0.04 s", "12.3 s", "2m 5s".
std::string took_text(double seconds);
/// A lag: "0s", "0.4s", "12s", then as coarse_duration.
std::string lag_text(double seconds);

/// "512 B", "1.2 kB", "34 MB", "5.6 GB"; thousands, not 1024s.
std::string bytes_text(double bytes);
/// "1,234,567"
std::string with_commas(long long number);

/// "1 step", "2 steps"; `plural` for words that do not just get an s.
std::string counted(long long number, std::string_view word, std::string_view plural = {});

/// RFC 3339 in UTC, as the API gives times. Empty when it is not one.
std::optional<Time> parse_time(std::string_view rfc3339);
/// "2025-11-24 07:08:22Z"; what is not a time comes back unchanged.
std::string short_time(std::string_view rfc3339);

/// All that can be read. (Unlike an istreambuf_iterator it does not throw when reading fails half-way.)
std::string read_all(std::istream& in);

/// Split at newlines; a final newline makes no empty line.
std::vector<std::string_view> lines_of(std::string_view text);

/// The one of `words` that was probably meant by `word`: at most two letters away. Empty: none is near.
std::string closest(std::string_view word, const std::vector<std::string>& words);

}  // namespace repl::ctl

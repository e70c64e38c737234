// One remark about a topology file: where it is, and what is wrong there.
#pragma once

#include <compare>
#include <string>

namespace repl::spec {

/// A place in a text, counted from 1; a column counts bytes. 0 and 0: the file as a whole.
struct Mark {
  int line = 0;
  int column = 0;
  auto operator<=>(const Mark&) const = default;
};

struct Detail {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;  ///< Names the field, the offending value (never a secret), and what would be right.
  bool operator==(const Detail&) const = default;
};

/// "shop.yaml:7:12: sync.acks: 12 is out of range, expected 1 to 9"
std::string to_string(const Detail& detail);

}  // namespace repl::spec

// Sets of global transaction identifiers, tagged ones (MySQL 8.3+) included, and their arithmetic. Values; no server is
// asked. Checked against the server's own GTID_SUBSET() and GTID_SUBTRACT() in the integration tests.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"

namespace repl {

/// A set of GTIDs in the server's own notation: "uuid:1-5:7:tag:1-3,uuid2:9". Canonical: equal sets compare equal,
/// intervals are sorted, disjoint and not adjacent; UUIDs and tags are lower case.
/// Source: MySQL 8.4 Reference Manual, 19.1.3.1 "GTID Sets"; tags: 8.3 release notes.
class GtidSet {
 public:
  /// Both ends included; 1 <= first <= last <= 2^63-2.
  struct Interval {
    std::int64_t first = 1;
    std::int64_t last = 1;
    bool operator==(const Interval&) const = default;
  };
  /// Who gave the identifiers: a server's UUID and a tag, "" for untagged.
  struct Origin {
    std::string uuid;
    std::string tag;
    auto operator<=>(const Origin&) const = default;
  };
  using Intervals = std::vector<Interval>;

  GtidSet() = default;

  /// Blanks and newlines anywhere between tokens are allowed, as in the server's output; "" is the empty set.
  /// @errors InvalidArgument: says which part is wrong.
  static Result<GtidSet> parse(std::string_view text);

  bool empty() const { return sets_.empty(); }
  /// How many identifiers are in the set.
  std::uint64_t count() const;
  bool contains(const GtidSet& other) const;
  bool contains(std::string_view uuid, std::string_view tag, std::int64_t number) const;
  bool intersects(const GtidSet& other) const;
  const std::map<Origin, Intervals>& origins() const { return sets_; }

  void add(const Origin& origin, Interval interval);
  /// Removes all that the server of that UUID has given, whatever the tag.
  void erase_from(std::string_view uuid);
  /// All that the server of that UUID has given, whatever the tag.
  GtidSet only_of(std::string_view uuid) const;

  friend GtidSet unite(const GtidSet& a, const GtidSet& b);
  friend GtidSet subtract(const GtidSet& a, const GtidSet& b);
  friend GtidSet intersect(const GtidSet& a, const GtidSet& b);

  /// The server's notation, one line, no blanks: "uuid:1-5:tag:1,uuid2:1".
  std::string to_string() const;

  bool operator==(const GtidSet&) const = default;

 private:
  std::map<Origin, Intervals> sets_;  // no empty vectors
};

GtidSet unite(const GtidSet& a, const GtidSet& b);
/// What `a` has and `b` has not.
GtidSet subtract(const GtidSet& a, const GtidSet& b);
GtidSet intersect(const GtidSet& a, const GtidSet& b);

/// How two histories relate, in MySQL Shell's words.
enum class GtidRelation {
  Identical,
  Contains,     ///< The first has all of the second and more.
  ContainedBy,  ///< The second has all of the first and more.
  Diverged,     ///< Each has what the other lacks.
};
GtidRelation relate(const GtidSet& a, const GtidSet& b);

}  // namespace repl

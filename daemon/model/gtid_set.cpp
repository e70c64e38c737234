// Parsing, printing and arithmetic of GTID sets on sorted interval lists.
#include "model/gtid_set.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

namespace repl {
namespace {

using Interval = GtidSet::Interval;
using Intervals = GtidSet::Intervals;

constexpr std::int64_t kMaxNumber = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::size_t kUuidLength = 36;
constexpr std::size_t kMaxTagLength = 32;

std::string without_blanks_in_lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidLength) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTagLength) return false;
  if (std::isdigit(static_cast<unsigned char>(text.front())) != 0) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool parse_number(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= kMaxNumber;
}

/// Empty when the text is no interval. "5-3" is an empty interval to the server; we refuse it.
std::optional<Interval> parse_interval(std::string_view text) {
  Interval interval;
  const auto dash = text.find('-');
  if (!parse_number(text.substr(0, dash), interval.first)) return std::nullopt;
  interval.last = interval.first;
  if (dash != std::string_view::npos && !parse_number(text.substr(dash + 1), interval.last)) return std::nullopt;
  if (interval.last < interval.first) return std::nullopt;
  return interval;
}

/// Sorted, disjoint and not adjacent.
Intervals merged(Intervals all) {
  std::sort(all.begin(), all.end(), [](const Interval& a, const Interval& b) { return a.first < b.first; });
  Intervals out;
  for (const auto& next : all) {
    if (!out.empty() && next.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, next.last);
    } else {
      out.push_back(next);
    }
  }
  return out;
}

Intervals difference(const Intervals& a, const Intervals& b) {
  Intervals out;
  auto cut = b.begin();
  for (const auto& whole : a) {
    auto first = whole.first;
    while (cut != b.end() && cut->last < first) ++cut;
    for (auto c = cut; c != b.end() && c->first <= whole.last; ++c) {
      if (c->first > first) out.push_back({first, c->first - 1});
      first = c->last + 1;
    }
    if (first <= whole.last) out.push_back({first, whole.last});
  }
  return out;
}

Intervals common(const Intervals& a, const Intervals& b) {
  Intervals out;
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() && y != b.end()) {
    const auto first = std::max(x->first, y->first);
    const auto last = std::min(x->last, y->last);
    if (first <= last) out.push_back({first, last});
    if (x->last < y->last) {
      ++x;
    } else {
      ++y;
    }
  }
  return out;
}

}  // namespace

Result<GtidSet> GtidSet::parse(std::string_view text) {
  const auto compact = without_blanks_in_lower_case(text);
  std::map<Origin, Intervals> found;
  for (const auto part : split(compact, ',')) {
    if (part.empty()) continue;  // the server allows empty parts: ",uuid:1"
    const auto fields = split(part, ':');
    if (!is_uuid(fields.front())) {
      return fail(ErrorCode::InvalidArgument, "GTID set: \"{}\" does not begin with a server UUID", part);
    }
    if (fields.size() < 2) {
      return fail(ErrorCode::InvalidArgument, "GTID set: \"{}\" has a UUID but no transaction numbers", part);
    }
    Origin origin{std::string{fields.front()}, ""};
    bool tag_without_interval = false;
    for (auto field = fields.begin() + 1; field != fields.end(); ++field) {
      if (const auto interval = parse_interval(*field)) {
        found[origin].push_back(*interval);
        tag_without_interval = false;
      } else if (is_tag(*field) && !tag_without_interval) {
        origin.tag = std::string{*field};
        tag_without_interval = true;
      } else {
        return fail(ErrorCode::InvalidArgument, "GTID set: \"{}\" in \"{}\" is neither a number, a range nor a tag",
                    *field, part);
      }
    }
    if (tag_without_interval) {
      return fail(ErrorCode::InvalidArgument, "GTID set: tag \"{}\" in \"{}\" has no transaction numbers", origin.tag,
                  part);
    }
  }
  GtidSet set;
  for (auto& [origin, intervals] : found) set.sets_.emplace(origin, merged(std::move(intervals)));
  return set;
}

std::uint64_t GtidSet::count() const {
  std::uint64_t sum = 0;
  for (const auto& [origin, intervals] : sets_) {
    for (const auto& i : intervals) sum += static_cast<std::uint64_t>(i.last - i.first) + 1;
  }
  return sum;
}

bool GtidSet::contains(const GtidSet& other) const {
  return subtract(other, *this).empty();
}

bool GtidSet::contains(std::string_view uuid, std::string_view tag, std::int64_t number) const {
  const auto found = sets_.find(Origin{std::string{uuid}, std::string{tag}});
  return found != sets_.end() && std::any_of(found->second.begin(), found->second.end(), [number](const Interval& i) {
           return i.first <= number && number <= i.last;
         });
}

bool GtidSet::intersects(const GtidSet& other) const {
  return !intersect(*this, other).empty();
}

void GtidSet::add(const Origin& origin, Interval interval) {
  auto& intervals = sets_[origin];
  intervals.push_back(interval);
  intervals = merged(std::move(intervals));
}

GtidSet GtidSet::only_of(std::string_view uuid) const {
  GtidSet out;
  for (const auto& [origin, intervals] : sets_) {
    if (origin.uuid == uuid) out.sets_.emplace(origin, intervals);
  }
  return out;
}

void GtidSet::erase_from(std::string_view uuid) {
  std::erase_if(sets_, [&](const auto& entry) { return entry.first.uuid == uuid; });
}

GtidSet unite(const GtidSet& a, const GtidSet& b) {
  GtidSet out = a;
  for (const auto& [origin, intervals] : b.sets_) {
    auto& mine = out.sets_[origin];
    mine.insert(mine.end(), intervals.begin(), intervals.end());
    mine = merged(std::move(mine));
  }
  return out;
}

GtidSet subtract(const GtidSet& a, const GtidSet& b) {
  GtidSet out;
  for (const auto& [origin, intervals] : a.sets_) {
    const auto cut = b.sets_.find(origin);
    auto rest = cut == b.sets_.end() ? intervals : difference(intervals, cut->second);
    if (!rest.empty()) out.sets_.emplace(origin, std::move(rest));
  }
  return out;
}

GtidSet intersect(const GtidSet& a, const GtidSet& b) {
  GtidSet out;
  for (const auto& [origin, intervals] : a.sets_) {
    const auto other = b.sets_.find(origin);
    if (other == b.sets_.end()) continue;
    auto both = common(intervals, other->second);
    if (!both.empty()) out.sets_.emplace(origin, std::move(both));
  }
  return out;
}

std::string GtidSet::to_string() const {
  std::string out;
  const Origin* previous = nullptr;
  for (const auto& [origin, intervals] : sets_) {
    if (previous == nullptr || previous->uuid != origin.uuid) {
      if (previous != nullptr) out += ',';
      out += origin.uuid;
    }
    if (!origin.tag.empty()) out += ':' + origin.tag;
    for (const auto& i : intervals) {
      out += i.first == i.last ? fmt::format(":{}", i.first) : fmt::format(":{}-{}", i.first, i.last);
    }
    previous = &origin;
  }
  return out;
}

GtidRelation relate(const GtidSet& a, const GtidSet& b) {
  const bool a_has_b = a.contains(b);
  const bool b_has_a = b.contains(a);
  if (a_has_b) return b_has_a ? GtidRelation::Identical : GtidRelation::Contains;
  return b_has_a ? GtidRelation::ContainedBy : GtidRelation::Diverged;
}

}  // namespace repl

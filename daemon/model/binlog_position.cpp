// Order and text of places in binary logs.
#include "model/binlog_position.hpp"

#include <fmt/format.h>

#include <charconv>

namespace repl {
namespace {

/// A tag that repld gives to no transaction.
constexpr std::string_view kPlaceTag = "repld_file_and_position";
/// Positions need 32 bits; a file may grow beyond max_binlog_size by one transaction.
constexpr int kPositionBits = 33;
constexpr std::int64_t kMaxFile = (std::int64_t{1} << (62 - kPositionBits)) - 1;
constexpr std::int64_t kMaxPosition = (std::int64_t{1} << kPositionBits) - 1;

std::int64_t number_of(const BinlogPosition& place) {
  const auto file = std::min<std::int64_t>(static_cast<std::int64_t>(place.file_number()), kMaxFile);
  const auto position = std::min<std::int64_t>(static_cast<std::int64_t>(place.position), kMaxPosition);
  return (file << kPositionBits) + position;
}

}  // namespace

std::uint64_t BinlogPosition::file_number() const {
  std::uint64_t number = 0;
  const auto dot = file.rfind('.');
  if (dot == std::string::npos) return 0;
  std::from_chars(file.data() + dot + 1, file.data() + file.size(), number);
  return number;
}

std::strong_ordering BinlogPosition::operator<=>(const BinlogPosition& other) const {
  if (const auto files = file_number() <=> other.file_number(); files != 0) return files;
  return position <=> other.position;
}

std::string to_string(const BinlogPosition& place) {
  return place.empty() ? "none" : fmt::format("{}:{}", place.file, place.position);
}

GtidSet history(const std::string& server_uuid, const BinlogPosition& place) {
  GtidSet out;
  if (server_uuid.empty() || place.empty()) return out;
  if (const auto last = number_of(place); last > 0) out.add({server_uuid, std::string{kPlaceTag}}, {1, last});
  return out;
}

bool is_by_position(const GtidSet& set) {
  return !set.empty() && set.origins().begin()->first.tag == kPlaceTag;
}

std::uint64_t last_file(const GtidSet& set, const std::string& server_uuid) {
  const auto found = set.origins().find({server_uuid, std::string{kPlaceTag}});
  return found == set.origins().end() ? 0 : static_cast<std::uint64_t>(found->second.back().last >> kPositionBits);
}

std::string how_much(const GtidSet& set) {
  const auto count = set.count();
  if (!is_by_position(set)) return fmt::format("{} transaction{}", count, count == 1 ? "" : "s");
  if (count > static_cast<std::uint64_t>(kMaxPosition)) {
    return fmt::format("what is in {} binary log files", (count >> kPositionBits) + 1);
  }
  return fmt::format("{} bytes of the binary log", count);
}

std::string in_words(const GtidSet& set) {
  if (!is_by_position(set)) return set.to_string();
  std::string out;
  for (const auto& [origin, intervals] : set.origins()) {
    const auto last = intervals.back().last;
    out += fmt::format("{}up to {:06}:{} of the binary log of {}", out.empty() ? "" : ", ", last >> kPositionBits,
                       last & kMaxPosition, origin.uuid);
  }
  return out;
}

}  // namespace repl

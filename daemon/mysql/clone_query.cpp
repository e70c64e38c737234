// Reading the answer.
#include "mysql/clone_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace repl::mysql {
namespace {

constexpr std::array<std::string_view, 7> kStages{"DROP DATA", "FILE COPY", "PAGE COPY", "REDO COPY",
                                                  "FILE SYNC", "RESTART",   "RECOVERY"};
constexpr std::size_t kProgressColumns = 5;

std::uint64_t bytes_in(const Field& field) {
  std::uint64_t value = 0;
  const auto text = field.value_or("");
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<CloneProgress> read_clone_progress(const Rows& rows) {
  std::optional<CloneProgress> out;
  for (const auto& row : rows) {
    if (row.size() != kProgressColumns) return std::nullopt;
    const auto stage = std::find(kStages.begin(), kStages.end(), row[0].value_or(""));
    if (stage == kStages.end()) continue;  // of a newer server
    if (!out) out.emplace();
    const auto done = bytes_in(row[3]);
    out->bytes_done += done;
    out->bytes_estimated += std::max(bytes_in(row[2]), done);
    const auto state = row[1].value_or("");
    if (state == "Not Started") continue;
    const auto at = static_cast<CloneStage>(stage - kStages.begin());
    if (at < out->stage) continue;
    out->stage = at;
    out->bytes_per_second = state == "In Progress" ? bytes_in(row[4]) : 0;
  }
  return out;
}

}  // namespace repl::mysql

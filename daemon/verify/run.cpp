// Findings from disputes, and in words.
#include "verify/run.hpp"

#include <algorithm>

namespace repl::verify {
namespace {

std::string_view word_of(Difference difference) {
  switch (difference) {
    case Difference::Missing:
      return "missing";
    case Difference::Extra:
      return "extra";
    case Difference::Changed:
      return "changed";
  }
  return "?";
}

}  // namespace

bool Run::found_differences() const {
  return differences > 0 ||
         std::any_of(gtids.begin(), gtids.end(), [](const NodeGtids& g) { return !g.errant.empty(); });
}

bool Run::left_something_out() const {
  return unsettled > 0 || tables_not_compared > 0 ||
         std::any_of(left_out.begin(), left_out.end(), [](const LeftOut& l) { return !l.declared; });
}

bool covers(const Settings& settings, const std::vector<std::string>& schemas) {
  if (settings.gtid_only) return false;
  if (settings.schemas.empty()) return settings.tables.empty();
  return !schemas.empty() && std::all_of(schemas.begin(), schemas.end(), [&](const std::string& schema) {
    return std::find(settings.schemas.begin(), settings.schemas.end(), schema) != settings.schemas.end();
  });
}

Due what_is_due(const std::optional<Run>& latest, const std::optional<Run>& full,
                std::optional<std::chrono::seconds> every, Time now) {
  if (!every || (latest && latest->state == RunState::Running)) return Due::Nothing;
  if (!full || full->started + *every <= now) return Due::Start;
  const auto again = full->finished + std::min<std::chrono::seconds>(*every, kResumeAfter);
  if (full->state != RunState::Interrupted || now < again) return Due::Nothing;
  return full->id == latest->id ? Due::Resume : Due::Start;  // only the latest can go on
}

std::optional<Finding> finding_of(const TableShape& shape, const NodeId& node, const Dispute& dispute, Time at) {
  const auto& rows = dispute.differences();
  if (rows.empty()) return std::nullopt;
  Finding finding{.table = shape.id, .node = node, .at = at};
  for (const auto& [key, difference] : rows) {
    auto& count = difference == Difference::Missing ? finding.missing
                  : difference == Difference::Extra ? finding.extra
                                                    : finding.changed;
    ++count;
  }
  if (shape.key) {
    const auto& columns = shape.key->columns;
    std::vector<Key> keys;
    for (const auto& [key, difference] : rows) keys.push_back(key);
    std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) { return shown_before(columns, a, b); });
    finding.key = names_of(columns);
    finding.first = shown(columns, keys.front());
    finding.last = shown(columns, keys.back());
    for (std::size_t i = 0; i < std::min(keys.size(), Finding::kExamples); ++i) {
      finding.examples.push_back(fmt::format("{} {}", word_of(rows.at(keys[i])), shown(columns, keys[i])));
    }
  }
  finding.text = describe(finding);
  return finding;
}

std::string describe(const Finding& finding) {
  if (finding.kind != FindingKind::Rows) return finding.text;
  std::vector<std::string> counts;
  const auto add = [&](std::uint64_t count, Difference what) {
    if (count > 0) counts.push_back(fmt::format("{} {}", count, word_of(what)));
  };
  add(finding.missing, Difference::Missing);
  add(finding.extra, Difference::Extra);
  add(finding.changed, Difference::Changed);
  const auto where = finding.key.empty() ? std::string{"the table has no key to name them by"}
                     : finding.first == finding.last
                         ? fmt::format("{} {}", finding.key, finding.first)
                         : fmt::format("{} {} to {}", finding.key, finding.first, finding.last);
  return fmt::format("{} on {}: {} row{} {}, {} ({})", to_string(finding.table), finding.node, finding.rows(),
                     finding.rows() == 1 ? "" : "s", finding.rows() == 1 ? "differs" : "differ", where,
                     fmt::join(counts, ", "));
}

}  // namespace repl::verify

// What a run keeps and tells: progress, findings, events.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "run/verification.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;

using verify::TableState;

constexpr auto kKeepInterval = 500ms;
/// Further differences are in the findings only.
constexpr std::uint64_t kMostEvents = 20;

}  // namespace

void Verification::not_compared(verify::TableProgress& table, const std::string& why) {
  table.state = TableState::NotCompared;
  table.why = why;
}

void Verification::found(verify::TableProgress& table, verify::Finding finding) {
  finding.at = around_.clock.now();
  table.differences += finding.kind == verify::FindingKind::Rows ? finding.rows() : 1;
  if (told_++ < kMostEvents) tell(Severity::Warning, "difference-found", finding.node, finding.text);
  findings_.push_back(std::move(finding));
}

void Verification::waits(const std::string& why) {
  if (run_.waiting == why) return;
  run_.waiting = why;
  around_.publish(run_);
}

void Verification::tell(Severity severity, const std::string& kind, const std::optional<NodeId>& node,
                        const std::string& text) {
  spdlog::log(severity == Severity::Info ? spdlog::level::info : spdlog::level::warn, "{}: {}", kind, text);
  events_.push_back({.at = around_.clock.now(), .severity = severity, .kind = kind, .node = node, .text = text});
}

void Verification::count_up() {
  const auto now = around_.clock.now();
  run_.worked += now - counted_to_;
  run_.finished = counted_to_ = now;
  run_.tables = tables_.size();
  run_.tables_done = run_.tables_not_compared = run_.rows_expected = run_.rows = run_.chunks = run_.differences =
      run_.unsettled = 0;
  for (const auto& table : tables_) {
    const bool compared = table.state == TableState::Compared, not_to_be = table.state == TableState::NotCompared;
    run_.tables_done += compared || not_to_be ? 1 : 0;
    run_.tables_not_compared += not_to_be ? 1 : 0;
    run_.rows_expected += compared || not_to_be ? table.rows : std::max(table.rows_expected, table.rows);
    run_.rows += table.rows;
    run_.chunks += table.chunks;
    run_.differences += table.differences;
    run_.unsettled += table.unsettled;
  }
}

void Verification::keep(Keep when, const verify::TableProgress* table) {
  count_up();
  around_.publish(run_);
  const auto now = around_.clock.now();
  if (when == Keep::Soon && findings_.empty() && now - kept_at_ < kKeepInterval) return;
  kept_at_ = now;
  store::VerifyRecord record{.run = run_, .tables = {}, .findings = findings_, .forgotten = forgotten_};
  if (table != nullptr) {
    record.tables.push_back(*table);
  } else {
    record.tables = tables_;
  }
  const auto written = around_.store.write({.cluster = around_.cluster,
                                            .memory = std::nullopt,
                                            .operations = {},
                                            .events = events_,
                                            .revisions = {},
                                            .outcomes = {},
                                            .verification = std::move(record)});
  if (!written) {  // findings and events go along with the next record
    spdlog::error("{}: {}", run_.id, written.error().message);
    return;
  }
  for (const auto& event : events_) around_.observer.event_recorded(around_.cluster, event);
  findings_.clear();
  forgotten_.clear();
  events_.clear();
}

void Verification::pause(std::chrono::milliseconds time) const {
  for (const auto until = around_.clock.now() + time; !is_over() && around_.clock.now() < until;) {
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(time, 20ms));
  }
}

}  // namespace repl::run

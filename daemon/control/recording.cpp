// What the servers of a cluster keep of it: written on the node that takes writes, once nothing else is going on and
// nothing is wrong there, so that it holds up neither an apply nor a failover and opens no node. What is written is a
// copy of what the store holds; after a crash it is compared, and written again where it differs.
#include <algorithm>

#include "control/state.hpp"
#include "spec/to_yaml.hpp"

namespace repl::control {
namespace {

constexpr Duration kWrittenWithin = std::chrono::seconds{3};
constexpr int kLongestPauseDoublings = 6;

ClusterRecord without_document(ClusterRecord record) {
  record.document.clear();
  return record;
}

/// Only the node that takes writes; where several do, the first of the file that does.
const Snapshot* writer(const Spec& spec, const Office& office, const View& view) {
  const auto takes_writes = [&](const NodeId& node) -> const Snapshot* {
    const auto* now = view.reachable(node);
    return now != nullptr && now->read_only == ReadOnly::Off && !now->offline_mode ? now : nullptr;
  };
  if (office.primary) return takes_writes(*office.primary);
  if (!spec.several_writers()) return nullptr;
  for (const auto& node : spec.nodes) {
    if (const auto* now = takes_writes(node.id)) return now;
  }
  return nullptr;
}

}  // namespace

std::string only_looks_on(const ClusterId& cluster) {
  return fmt::format(
      "{}: repld only looks on here (management: observe) and changes nothing: set `management: full` in the file and "
      "apply it",
      cluster);
}

/// The server to write to; null while it is not the moment.
const Snapshot* Controller::State::may_keep_record() const {
  const auto& spec = *memory.spec;
  if (spec.observes() || busy() || applying || memory.paused || memory.restored || !memory.maintenance.empty()) {
    return nullptr;
  }
  if (memory.office.term.number == 0 || !looked_since_last_change()) return nullptr;
  const auto* node = writer(spec, memory.office, *view);
  if (node == nullptr) return nullptr;
  // A commit that would hang, or be lost with the node, helps nobody.
  const bool in_doubt = std::any_of(problems.begin(), problems.end(), [&](const Problem& p) {
    return p.goal == Goal::FailOver || p.node == node->node || (!p.node && p.severity == Severity::Critical);
  });
  return in_doubt ? nullptr : node;
}

void Controller::State::keep_record(Time now) {
  if (recording.under_way && now < recording.until) return;
  if (std::exchange(recording.under_way, false)) {
    take_record(RecordDone{{}, Error{ErrorCode::DeadlineExceeded, "no answer in time"}}, now);
  }
  ClusterRecord wanted{.cluster = cluster,
                       .term = memory.office.term,
                       .revision = memory.revision,
                       .primary = memory.office.primary,
                       .document = {}};
  if (recording.kept == wanted || now < recording.not_before) return;
  const auto* node = may_keep_record();
  if (node == nullptr) return;
  wanted.document = spec::to_yaml(*memory.spec);
  recording.under_way = true;
  recording.until = now + kWrittenWithin + std::chrono::seconds{1};
  out.record = RecordOrder{node->node, std::move(wanted), now + kWrittenWithin};
}

void Controller::State::take_record(const RecordDone& done, Time now) {
  recording.under_way = false;
  if (!done.error) {
    recording.kept = without_document(done.record);
    recording.failures = 0;
    return;
  }
  const auto pause = std::chrono::seconds{30} * (1 << std::min(recording.failures, kLongestPauseDoublings));
  recording.not_before = now + pause;
  ++recording.failures;
}

}  // namespace repl::control

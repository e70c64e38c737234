// Waiting: until the nodes are level before a chunk, and for each other's transactions between two reads.
#include <algorithm>
#include <utility>

#include "run/verification.hpp"
#include "run/verification_parts.hpp"
#include "run/verification_text.hpp"

namespace repl::run {

using namespace std::chrono_literals;

Result<void> Verification::wait_until_calm(const verify::TableProgress& table,
                                           const std::vector<std::shared_ptr<Reader>>& nodes) {
  for (bool waited = true; waited;) {
    waited = false;
    while (const auto why = why_hold_back(*around_.state())) {
      if (is_over()) return stopping();
      waits(*why);
      progress_at_ = around_.clock.now();
      pause(200ms);
    }
    const auto position = members_.reference->position();
    if (!position) return tl::unexpected(position.error());
    const auto since = around_.clock.now();
    const auto applied = [&](std::chrono::milliseconds within) {
      return at_once(around_.cluster, nodes, [&](Reader& r) { return r.wait_for(*position, within); });
    };
    for (;;) {
      const auto left =
          run_.settings.max_lag - std::chrono::floor<std::chrono::milliseconds>(around_.clock.now() - since);
      const auto outcomes = applied(left.count() > 0 ? std::min<std::chrono::milliseconds>(left, 1000ms) : 1000ms);
      if (is_over()) return stopping();
      if (const auto* error = first_error(outcomes)) return tl::unexpected(*error);
      run_.longest_wait = std::max(run_.longest_wait, around_.clock.now() - since);
      const auto late = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !*o; });
      if (late == outcomes.end()) break;
      if (around_.clock.now() - since < run_.settings.max_lag) continue;
      if (!std::exchange(waited, true)) keep(Keep::Now, &table);  // it may take long
      const auto& node = nodes[static_cast<std::size_t>(late - outcomes.begin())]->node();
      const auto behind = std::chrono::duration<double>(around_.clock.now() - since).count();
      waits(fmt::format("{} is {:.1f} s behind", node, behind));
      note_progress(*nodes[static_cast<std::size_t>(late - outcomes.begin())]);
      const auto patient =
          check_patience(fmt::format("{} has applied nothing new for {:.0f} s; `replctl status` says "
                                     "how its replication is",
                                     node, behind));
      if (!patient) return patient;
    }
  }
  waits("");
  return {};
}

Result<void> Verification::bring_up(Reader& node, const GtidSet& position) {
  for (;;) {
    const auto applied = node.wait_for(position, 1000ms);
    if (is_over()) return stopping();
    if (!applied) return tl::unexpected(applied.error());
    if (*applied) {
      waits("");
      return {};
    }
    waits(fmt::format("{} has not applied yet what {} has", node.node(), run_.reference));
    note_progress(node);
    const auto patient =
        check_patience(fmt::format("{} does not apply what {} has; `replctl status` says how its "
                                   "replication is",
                                   node.node(), run_.reference));
    if (!patient) return patient;
  }
}

Result<bool> Verification::reference_has_what(Reader& node) {
  auto& reference = *members_.reference;
  const auto there = node.position();
  if (!there) return tl::unexpected(there.error());
  const auto here = reference.position();
  if (!here) return tl::unexpected(here.error());
  const auto lacking = subtract(subtract(*there, *here), own_[node.node()]);
  const auto came = reference.wait_for(lacking, kSettleTime);
  if (!came) return tl::unexpected(came.error());
  if (*came) return true;
  const auto state = around_.state();
  const auto* seen = state->view->reachable(reference.node());
  if (seen != nullptr && seen->semi_sync.wait_sessions == 0) {
    const auto now = reference.position();
    if (!now) return tl::unexpected(now.error());
    own_[node.node()] = unite(own_[node.node()], subtract(lacking, *now));
  }
  return false;
}

void Verification::note_progress(Reader& node) {
  const auto position = node.position();
  if (!position || last_seen_[node.node()] == *position) return;
  last_seen_[node.node()] = *position;
  progress_at_ = around_.clock.now();
}

Result<void> Verification::check_patience(const std::string& what) const {
  if (is_over()) return stopping();
  if (around_.clock.now() - progress_at_ < kPatience) return {};
  return fail(ErrorCode::DeadlineExceeded, "{}", what);
}

}  // namespace repl::run

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
    const auto wanted = to_be_applied(nodes);
    if (!wanted) return tl::unexpected(wanted.error());
    auto all = nodes;
    all.push_back(members_.reference);
    const auto since = around_.clock.now();
    const auto applied = [&](std::chrono::milliseconds within) {
      return at_once(around_.cluster, all, [&](Reader& r) { return r.wait_for(wanted->at(r.node()), within); });
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
      auto& node = *all[static_cast<std::size_t>(late - outcomes.begin())];
      const auto behind = std::chrono::duration<double>(around_.clock.now() - since).count();
      waits(fmt::format("{} is {:.1f} s behind", node.node(), behind));
      note_progress(node, wanted->at(node.node()));
      const auto patient =
          check_patience(fmt::format("{} has applied nothing new for {:.0f} s; `replctl status` says "
                                     "how its replication is",
                                     node.node(), behind));
      if (!patient) return patient;
    }
  }
  waits("");
  return {};
}

Result<std::map<NodeId, GtidSet>> Verification::to_be_applied(const std::vector<std::shared_ptr<Reader>>& nodes) {
  std::map<NodeId, GtidSet> out;
  auto& of_the_reference = out[members_.reference->node()];
  const auto& spec = around_.state()->memory.spec;
  if (spec && spec->several_writers()) {  // there the reference may be behind as well
    const auto there = at_once(around_.cluster, nodes, [](Reader& r) { return r.position(); });
    if (const auto* error = first_error(there)) return tl::unexpected(*error);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      of_the_reference = unite(of_the_reference, subtract(*there[i], own_[nodes[i]->node()]));
    }
  }
  const auto here = members_.reference->position();
  if (!here) return tl::unexpected(here.error());
  of_the_reference = subtract(of_the_reference, *here);
  for (const auto& node : nodes) out[node->node()] = *here;
  return out;
}

Result<void> Verification::bring_up(Reader& node, const GtidSet& position) {
  for (bool waited = false;; waited = true) {
    const auto applied = node.wait_for(position, 1000ms);
    if (is_over()) return stopping();
    if (!applied) return tl::unexpected(applied.error());
    if (*applied) {
      if (waited) progress_at_ = around_.clock.now();
      waits("");
      return {};
    }
    waits(fmt::format("{} has not applied yet what {} has", node.node(), run_.reference));
    note_progress(node, position);
    const auto patient =
        check_patience(fmt::format("{} does not apply what {} has; `replctl status` says how its "
                                   "replication is",
                                   node.node(), run_.reference));
    if (!patient) return patient;
  }
}

Result<void> Verification::bring_up_reference(Reader& node) {
  auto& reference = *members_.reference;
  const auto there = node.position();
  if (!there) return tl::unexpected(there.error());
  auto here = reference.position();
  if (!here) return tl::unexpected(here.error());
  auto& own = own_[node.node()];
  const auto lacking = subtract(subtract(*there, *here), own);
  const auto came = reference_gets(lacking, fmt::format("what {} has", node.node()));
  if (!came) return tl::unexpected(came.error());
  if (*came) return {};
  here = reference.position();
  if (!here) return tl::unexpected(here.error());
  own = unite(own, subtract(lacking, *here));
  return {};
}

Result<bool> Verification::reference_gets(const GtidSet& set, const std::string& what) {
  auto& reference = *members_.reference;
  for (bool waited = false;; waited = true) {
    const auto came = reference.wait_for(set, kSettleTime);
    if (is_over()) return stopping();
    if (!came) return tl::unexpected(came.error());
    if (*came) {
      if (waited) progress_at_ = around_.clock.now();
      waits("");
      return true;
    }
    const auto now = reference.position();
    if (!now) return tl::unexpected(now.error());
    const auto coming = may_still_come(*around_.state(), reference.node(), subtract(set, *now));
    if (coming.empty()) return false;
    waits(fmt::format("{} has not applied yet {}", reference.node(), what));
    note_progress(reference, coming);
    const auto patient =
        check_patience(fmt::format("{} does not get {}: {}; `replctl status` says how its replication is",
                                   reference.node(), what, coming.to_string()));
    if (!patient) return tl::unexpected(patient.error());
  }
}

void Verification::note_progress(Reader& node, const GtidSet& wanted) {
  const auto position = node.position();
  if (!position) return;
  auto& lacked = lacked_[node.node()];
  if (position->intersects(lacked)) progress_at_ = around_.clock.now();
  lacked = subtract(wanted, *position);
}

Result<void> Verification::check_patience(const std::string& what) const {
  if (is_over()) return stopping();
  if (around_.clock.now() - progress_at_ < kPatience) return {};
  return fail(ErrorCode::DeadlineExceeded, "{}", what);
}

}  // namespace repl::run

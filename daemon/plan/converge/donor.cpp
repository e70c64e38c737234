// The ranking.
#include "plan/converge/donor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "diagnose/facts.hpp"

namespace repl::plan::converge {
namespace {

/// What is so far behind has to be caught up with by the clone as well.
constexpr Duration kHardlyBehind = std::chrono::seconds{10};

bool writes(const Node& node) {
  return node.now->read_only == ReadOnly::Off;
}

/// Empty: unknown, so that nobody can tell how far behind it is.
std::optional<Duration> lag(const Node& node) {
  const auto* channel = node.now->channel();
  return channel == nullptr ? std::optional{Duration{0}} : channel->lag;
}

/// A clone has the plugins of its donor, and is closed: what it lacks it cannot be given. The seed gets them first.
bool gives_the_plugins(const Draft& draft, const Node& donor) {
  const auto& now = *donor.now;
  const bool semi_sync = now.semi_sync.source_plugin && now.semi_sync.replica_plugin;
  return donor.id() == draft.checked.seed ||
         ((semi_sync || !draft.wanted.semi_sync()) && (now.group.plugin || !draft.wanted.is_group()));
}

bool suitable(const Draft& draft, const Node& donor, const Node& recipient) {
  const auto& id = donor.id();
  const auto& now = *donor.now;
  const auto* channel = now.channel();
  const auto* seen = draft.view.find(id);
  const bool applies = channel == nullptr || (channel->applier == ThreadState::Running && channel->delay.count() == 0);
  const bool belongs = id == draft.checked.seed || donor.attached();
  return id != recipient.id() && belongs && applies && !draft.checked.to_clone.contains(id) && !donor.empty() &&
         now.executed.contains(draft.seed().now->purged) && !seen->has_its_own() && !seen->in_maintenance &&
         !now.offline_mode && donor.has->clone_plugin && gives_the_plugins(draft, donor) &&
         diagnose::filtered(draft.wanted, draft.view, id, draft.checked.seed).empty() &&
         can_be_cloned(now.version, recipient.now->version);
}

auto load_of(const Draft& draft, const Node& donor, const Node& recipient) {
  const auto behind = lag(donor);
  return std::tuple{writes(donor), draft.last_clone_of.contains(donor.id()),
                    donor.spec->region != recipient.spec->region, !behind || *behind > kHardlyBehind,
                    donor.now->threads_running};
}

std::string why(const Draft& draft, const Node& donor, const Node& recipient) {
  const auto behind = lag(donor);
  const auto threads = donor.now->threads_running;
  auto out = std::string{writes(donor) ? "takes writes" : "a replica"};
  if (draft.last_clone_of.contains(donor.id())) out += ", after another clone";
  if (!recipient.spec->region.empty()) {
    out += donor.spec->region == recipient.spec->region ? ", in the same region" : ", in another region";
  }
  if (!writes(donor)) {
    out += behind ? fmt::format(", {} s behind", std::chrono::duration_cast<std::chrono::seconds>(*behind).count())
                  : ", behind by nobody knows how much";
  }
  return out + fmt::format(", {} thread{} at work", threads, threads == 1 ? "" : "s");
}

}  // namespace

bool can_be_cloned(const ServerVersion& donor, const ServerVersion& recipient) {
  if (donor == recipient) return true;
  if (donor.major != recipient.major || donor.minor != recipient.minor) return false;
  constexpr ServerVersion kFirst{8, 0, 37};
  return donor >= kFirst && recipient >= kFirst;
}

Donor choose_donor(const Draft& draft, const NodeId& recipient) {
  // Without GTIDs a clone knows its place in the binary log of its donor only.
  if (draft.wanted.by_position()) {
    return {draft.wanted.source_of(recipient, draft.checked.seed).value_or(draft.checked.seed),
            "it will follow that one"};
  }
  const auto& to = draft.checked.nodes.at(recipient);
  std::vector<const Node*> donors;
  for (const auto& [id, node] : draft.checked.nodes) {
    if (suitable(draft, node, to)) donors.push_back(&node);
  }
  const auto best = std::min_element(donors.begin(), donors.end(), [&](const Node* a, const Node* b) {
    return load_of(draft, *a, to) < load_of(draft, *b, to);
  });
  if (best == donors.end()) return {draft.checked.seed, "no other node is fit to give its data"};
  return {(*best)->id(), why(draft, **best, to)};
}

}  // namespace repl::plan::converge

// Ranking of the candidates.
#include "plan/candidate.hpp"

#include <algorithm>
#include <tuple>

#include "diagnose/facts.hpp"

namespace repl::plan {
namespace {

double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

/// Why `node` must not be promoted; empty when it may be.
std::string obstacle(const NodeSpec& node, const Spec& spec, const Office& office, const View& view, Urgency urgency) {
  const auto* now = view.reachable(node.id);
  if (now == nullptr) return "does not answer";
  if (node.promotion == Promotion::Never) return "promotion: never";
  if (node.delay.count() > 0) return "is a delayed replica";
  if (now->by_position() != spec.by_position()) return now->by_position() ? "has gtid_mode off" : "has gtid_mode on";
  if (!now->log_replica_updates) return "has log_replica_updates off";
  if (auto why = diagnose::filtered(spec, view, node.id, office.primary); !why.empty()) return why;
  const auto* seen = view.find(node.id);
  if (seen != nullptr && seen->errant && !seen->errant->empty()) return "has errant transactions";
  if (seen != nullptr && seen->quarantined) return "is in quarantine";
  if (seen != nullptr && !seen->discarded.only_of(now->server_uuid).empty()) {
    return "would give numbers of transactions that were thrown away with its former data to others";
  }
  if (seen != nullptr && seen->in_maintenance) return "is in maintenance";
  const auto* channel = now->channel();
  if (channel == nullptr) return "replicates from nobody";
  if (channel->applier == ThreadState::Stopped) {
    return channel->applier_errno != 0 ? fmt::format("its applier stopped at error {}", channel->applier_errno)
                                       : std::string{"its applier is stopped"};
  }
  if (urgency == Urgency::ByHand) return "";
  const auto* old_primary = office.primary ? spec.find(*office.primary) : nullptr;
  if (old_primary != nullptr && !spec.failover.cross_region && node.region != old_primary->region) {
    return fmt::format("is in region '{}', not '{}' (crossRegion: false)", node.region, old_primary->region);
  }
  const Duration limit = spec.failover.max_lag;
  const auto behind = std::max(channel->lag.value_or(Duration{0}), channel->applying_for.value_or(Duration{0}));
  if (behind > limit) {
    return fmt::format("is {:.1f} s behind (maxLag {} s)", seconds(behind), spec.failover.max_lag.count());
  }
  return "";
}

int rank(Promotion promotion) {
  switch (promotion) {
    case Promotion::Prefer:
      return 0;
    case Promotion::Neutral:
      return 1;
    case Promotion::Avoid:
      return 2;
    case Promotion::Never:
      return 3;
  }
  return 3;
}

/// Backlogs that differ by less than this are drained in about the same time.
constexpr std::uint64_t kBacklogsAlike = 32;

/// Transactions that the node has received and not applied yet: writes wait until they are.
std::uint64_t backlog(const NodeSpec& node, const Positions& positions, const View& view) {
  const auto* now = view.reachable(node.id);
  return now == nullptr ? 0 : subtract(positions.at(node.id), now->executed).count();
}

/// The node whose position contains every other's.
std::optional<NodeId> most_advanced(const Positions& positions, const Spec& spec) {
  for (const auto& [node, position] : positions) {
    const auto* declared = spec.find(node);
    if (declared == nullptr || declared->delay.count() > 0) continue;
    const bool contains_all = std::all_of(positions.begin(), positions.end(), [&](const auto& other) {
      const auto* s = spec.find(other.first);
      return s == nullptr || s->delay.count() > 0 || position.contains(other.second);
    });
    if (contains_all) return node;
  }
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

}  // namespace

Result<Choice> choose_candidate(const Spec& spec, const Office& office, const View& view, const Positions& all,
                                const std::optional<NodeId>& wanted, Urgency urgency) {
  Positions positions = all;
  if (office.primary) positions.erase(*office.primary);
  std::erase_if(positions, [&](const auto& p) {
    const auto* seen = view.find(p.first);  // a quarantined node's position says nothing about the cluster's history
    return seen != nullptr && seen->has_its_own();
  });

  std::vector<std::string> reasons;
  std::vector<const NodeSpec*> fit;
  for (const auto& node : spec.nodes) {
    if (office.primary == node.id) continue;
    auto why_not = positions.contains(node.id) ? obstacle(node, spec, office, view, urgency)
                                               : obstacle(node, spec, office, view, Urgency::ByHand);
    if (why_not.empty() && !positions.contains(node.id)) why_not = "its position is not known";
    if (!why_not.empty()) {
      reasons.push_back(fmt::format("{} {}", node.id, why_not));
    } else {
      fit.push_back(&node);
    }
  }
  if (positions.empty() || fit.empty()) {
    return fail(ErrorCode::NotPromotable, "{}: no node can be promoted: {}", spec.cluster,
                reasons.empty() ? "there is no other node" : joined(reasons));
  }

  // What filters keep from a node is not on it, whatever its position says: nobody can get it there.
  auto whole = positions;
  std::erase_if(whole, [&](const auto& p) { return !diagnose::filtered(spec, view, p.first, office.primary).empty(); });
  const auto ahead = most_advanced(whole, spec);
  if (!ahead) {
    std::string sets;
    for (const auto& [node, position] : positions) sets += fmt::format("\n  {}: {}", node, in_words(position));
    return fail(ErrorCode::Diverged,
                "{}: the nodes' histories differ, none contains all others; nothing is promoted until a person has "
                "decided which to keep:{}",
                spec.cluster, sets);
  }

  if (wanted) {
    const auto found = std::find_if(fit.begin(), fit.end(), [&](const NodeSpec* n) { return n->id == *wanted; });
    if (found == fit.end()) {
      return fail(ErrorCode::NotPromotable, "{}: {} cannot be promoted: {}", spec.cluster, *wanted, joined(reasons));
    }
    fit = {*found};
  }

  const auto* old_primary = office.primary ? spec.find(*office.primary) : nullptr;
  const auto& best_position = positions.at(*ahead);
  const bool primary_answers = office.primary && view.reachable(*office.primary) != nullptr;
  for (const auto& [node, position] : positions) {
    const auto* declared = spec.find(node);
    const bool counts = !whole.contains(node) && declared != nullptr && declared->delay.count() == 0;
    if (!counts || primary_answers || best_position.contains(position)) continue;
    const auto beyond = how_much(subtract(position, best_position));
    if (spec.waits_for_acks()) {
      return fail(ErrorCode::NotPromotable,
                  "{}: no node can be promoted: {} alone has received {}, and {}: a commit may have been acknowledged "
                  "that nobody else has, and it cannot be had whole from there. Bring the old primary back",
                  spec.cluster, node, beyond, diagnose::filtered(spec, view, node, office.primary));
    }
    reasons.push_back(fmt::format("{} alone has received {}, which is lost: it {}", node, beyond,
                                  diagnose::filtered(spec, view, node, office.primary)));
  }
  if (spec.by_position()) {
    // Without GTIDs nobody can get from another replica what it lacks.
    std::erase_if(fit, [&](const NodeSpec* n) {
      if (positions.at(n->id).contains(best_position)) return false;
      reasons.push_back(fmt::format("{} lacks {} that {} has received, and cannot get it without GTIDs", n->id,
                                    how_much(subtract(best_position, positions.at(n->id))), *ahead));
      return true;
    });
    if (fit.empty()) {
      return fail(ErrorCode::NotPromotable, "{}: no node can be promoted: {}", spec.cluster, joined(reasons));
    }
  }
  const auto key = [&](const NodeSpec* n) {
    const bool other_region = old_primary != nullptr && n->region != old_primary->region;
    const bool behind = !positions.at(n->id).contains(best_position);
    return std::tuple{rank(n->promotion), other_region, behind, backlog(*n, positions, view) / kBacklogsAlike, n->id};
  };
  const auto* best =
      *std::min_element(fit.begin(), fit.end(), [&](const NodeSpec* a, const NodeSpec* b) { return key(a) < key(b); });

  Choice choice{.candidate = best->id, .most_advanced = best->id, .reasons = {}};
  if (!positions.at(best->id).contains(best_position)) choice.most_advanced = *ahead;
  choice.reasons.push_back(choice.most_advanced == best->id
                               ? fmt::format("{} is chosen: it has all that any reached node has", best->id)
                               : fmt::format("{} is chosen; it first gets {} from {}", best->id,
                                             how_much(subtract(best_position, positions.at(best->id))), *ahead));
  for (const auto* n : fit) {
    if (n == best) continue;
    const auto mine = key(n);
    const auto chosen = key(best);
    const std::string_view why = std::get<0>(mine) != std::get<0>(chosen)   ? "its `promotion` ranks lower"
                                 : std::get<1>(mine) != std::get<1>(chosen) ? "it is in another region"
                                 : std::get<2>(mine) != std::get<2>(chosen) ? "it has fewer transactions"
                                 : std::get<3>(mine) != std::get<3>(chosen) ? "it has more left to apply"
                                                                            : "equal in all, later by name";
    choice.reasons.push_back(fmt::format("{} is not: {}", n->id, why));
  }
  choice.reasons.insert(choice.reasons.end(), reasons.begin(), reasons.end());
  return choice;
}

}  // namespace repl::plan

// Gathering snapshots and pacing probes.
#include "control/observations.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace repl::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How soon to look again while the primary is in doubt: witnesses see it a moment later than we do.
constexpr Duration kFirstCloseLooks = milliseconds{20};
constexpr Duration kLaterCloseLooks = milliseconds{250};
constexpr Duration kManyCloseLooksFor = seconds{5};
/// A probe's end is overdue by this much only when the order itself was lost.
constexpr Duration kLost = seconds{2};

/// What the replica had executed, without what the primary has; empty when the two cannot be compared. Without GTIDs
/// only what a replica has of the primary's own binary log can be; one below another replica has none of that.
std::optional<GtidSet> compared(const Snapshot& replica, const GtidSet& executed, const Snapshot& primary) {
  const bool by_position = primary.by_position();
  if (replica.by_position() != by_position || (!executed.empty() && is_by_position(executed) != by_position)) {
    return std::nullopt;
  }
  if (!by_position) return subtract(executed, primary.executed);
  const auto of_primary = executed.only_of(primary.server_uuid);
  if (!of_primary.empty()) return subtract(of_primary, primary.executed);
  const bool attached = replica.channel() != nullptr && !is_detached(*replica.channel());
  return attached ? std::optional{GtidSet{}} : std::nullopt;
}

}  // namespace

void Observations::watch(const std::vector<NodeSpec>& nodes, Time now) {
  std::map<NodeId, Watch> kept;
  for (const auto& node : nodes) {
    const auto found = watched_.find(node.id);
    if (found != watched_.end() && found->second.address == node.address) {
      kept[node.id] = std::move(found->second);
      continue;
    }
    auto& fresh = kept[node.id];
    fresh.address = node.address;
    fresh.seen.node = node.id;
    fresh.next = now;
  }
  watched_ = std::move(kept);
  std::erase_if(inventories_, [&](const NodeId& n) { return !watched_.contains(n); });
  view_.reset();
}

bool Observations::take(Snapshot snapshot, const std::optional<NodeId>& primary, const DetectionSpec& detection,
                        Time now) {
  const auto found = watched_.find(snapshot.node);
  if (found == watched_.end()) return false;
  auto& watch = found->second;
  auto& seen = watch.seen;
  if (snapshot.inventory && snapshot.taken_at - snapshot.took < watch.inventory_asked) {
    snapshot.inventory.reset();  // overtaken by another order
  } else if (snapshot.inventory) {
    seen.inventory = std::move(snapshot.inventory);
    snapshot.inventory.reset();
    inventories_.erase(snapshot.node);
  } else {
    if (!snapshot.reachable()) inventories_.erase(snapshot.node);
    watch.under_way = false;
  }
  const bool was_reachable = seen.reachable();
  view_.reset();
  if (snapshot.reachable() && seen.reached && seen.reached->taken_at > snapshot.taken_at) return false;  // overtaken
  if (is_alive(snapshot.reach)) {
    seen.misses = 0;
    seen.silent_since.reset();
    watch.next = now + detection.probe_interval;
  } else {
    ++seen.misses;
    if (!seen.silent_since) seen.silent_since = snapshot.taken_at;
    // A miss is followed by the next probe at once; a refusal comes back in no time, so that one is paced.
    watch.next = snapshot.reach == Reach::Silent ? now : now + kFirstCloseLooks;
    if (primary != snapshot.node && snapshot.reach != Reach::Silent) watch.next = now + detection.probe_interval;
    if (seen.misses > 10 * detection.misses) watch.next = now + detection.probe_interval;
  }
  if (snapshot.reachable()) {
    if (!was_reachable) {
      seen.errant.reset();
      seen.earlier.reset();
    } else if (seen.reached) {
      seen.earlier = {seen.reached->taken_at, std::move(seen.reached->executed)};
    }
    seen.reached = snapshot;
  } else {
    seen.errant.reset();
  }
  seen.latest = std::move(snapshot);
  if (seen.reachable() && primary == seen.node) compare(*seen.latest);
  if (!seen.alive() && primary == seen.node && seen.misses == 1) look_closely(now);
  return !was_reachable && seen.reachable();
}

void Observations::compare(const Snapshot& primary) {
  const auto began = primary.taken_at - primary.took;
  for (auto& [id, watch] : watched_) {
    if (id == primary.node || !watch.seen.reachable()) continue;
    if (primary.in_group() && watch.seen.latest->in_group() && watch.seen.latest->group.name == primary.group.name) {
      watch.seen.errant = GtidSet{};  // all is certified by all of them; a secondary may even commit it first
      continue;
    }
    const auto* had = watch.seen.executed_before(began);
    if (had == nullptr) continue;
    watch.seen.errant = compared(*watch.seen.latest, *had, primary);
    // A commit that waits for acknowledgements is on replicas already, and not yet among what the primary has executed.
    if (watch.seen.errant && primary.semi_sync.wait_sessions > 0) watch.seen.errant->erase_from(primary.server_uuid);
  }
}

void Observations::expire(Time now, const std::optional<NodeId>& primary, const DetectionSpec& detection) {
  for (auto& [id, watch] : watched_) {
    if (!watch.under_way || now < watch.deadline + kLost) continue;
    Snapshot lost;
    lost.node = id;
    lost.taken_at = now;
    lost.reach = Reach::Silent;
    lost.problem = "no word of the probe";
    take(std::move(lost), primary, detection, now);
  }
}

void Observations::mark(const Memory& memory) {
  for (auto& [id, watch] : watched_) {
    const auto thrown_away = memory.discarded.find(id);
    auto marked =
        std::tuple{memory.quarantined.contains(id), memory.closed.contains(id), memory.maintenance_of(id) != nullptr,
                   thrown_away == memory.discarded.end() ? GtidSet{} : thrown_away->second};
    auto marks =
        std::tie(watch.seen.quarantined, watch.seen.closed_by_repld, watch.seen.in_maintenance, watch.seen.discarded);
    if (marks == marked) continue;
    marks = marked;
    view_.reset();
  }
}

void Observations::primary_changed() {
  for (auto& [id, watch] : watched_) watch.seen.errant.reset();
  view_.reset();
}

void Observations::look_at_all(Time now) {
  for (auto& [id, watch] : watched_) watch.next = std::min(watch.next, now);
}

void Observations::look_closely(Time now) {
  closely_since_ = now;
  look_at_all(now);
}

bool Observations::suspicious(const std::optional<NodeId>& primary) const {
  if (!primary) return false;
  const auto found = watched_.find(*primary);
  return found != watched_.end() && found->second.seen.seen() && !found->second.seen.alive();
}

std::vector<ProbeOrder> Observations::due(Time now, const DetectionSpec& detection,
                                          const std::optional<NodeId>& primary) {
  std::vector<ProbeOrder> out;
  const bool closely = suspicious(primary);
  for (auto& [id, watch] : watched_) {
    if (watch.under_way) continue;
    if (closely && id != primary && watch.seen.reachable()) {
      const auto pause = now - closely_since_ < kManyCloseLooksFor ? kFirstCloseLooks : kLaterCloseLooks;
      watch.next = std::min(watch.next, watch.seen.latest->taken_at + pause);
    }
    if (watch.next > now) continue;
    watch.under_way = true;
    watch.deadline = now + detection.probe_timeout;
    watch.next = now + detection.probe_interval;
    out.push_back({id, Depth::Status, watch.deadline, {}});
  }
  return out;
}

std::vector<ProbeOrder> Observations::take_inventory(Time now, Duration limit,
                                                     const std::vector<std::string>& variables) {
  std::vector<ProbeOrder> out;
  for (auto& [id, watch] : watched_) {
    inventories_.insert(id);
    watch.inventory_asked = now;
    out.push_back({id, Depth::Inventory, now + limit, variables});
  }
  return out;
}

void Observations::forget_inventories(Time now) {
  inventories_.clear();
  for (auto& [id, watch] : watched_) {
    watch.inventory_asked = now;
    watch.seen.inventory.reset();
  }
  view_.reset();
}

std::shared_ptr<const View> Observations::view(Time now) {
  if (!view_) {
    std::vector<Observation> all;
    all.reserve(watched_.size());
    for (const auto& [id, watch] : watched_) all.push_back(watch.seen);
    view_ = std::make_shared<const View>(now, std::move(all));
  }
  return view_;
}

Time Observations::next_wake_up() const {
  auto next = Time::max();
  for (const auto& [id, watch] : watched_) {
    next = std::min(next, watch.under_way ? watch.deadline + kLost : watch.next);
  }
  return next;
}

}  // namespace repl::control

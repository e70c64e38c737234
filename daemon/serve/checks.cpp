// Checks: the status decides, the sentence is for people.
#include "serve/handlers.hpp"
#include "serve/metrics.hpp"
#include "spec/duration.hpp"

namespace repl::serve {
namespace {

/// A loop wakes up at least once a second; so long without a turn, and it hangs.
constexpr std::chrono::seconds kLoopMayTake{30};
/// A value that is older says nothing about now: the watching itself has stopped.
constexpr std::chrono::seconds kProbeMayBeOld{30};

Response sentence(bool yes, std::string text) {
  return {.status = yes ? 200 : 503, .content_type = "text/plain; charset=utf-8", .body = std::move(text) + "\n"};
}

/// Empty: the answer is yes.
using Objection = std::string (*)(const Call&, const Picture&, const NodePicture&);

Result<Response> answer(const Call& call, std::string_view what, Objection objection) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  const auto& name = call.path.at("node");
  const auto* node = cluster->find(name);
  if (node == nullptr) return fail(ErrorCode::NoSuchNode, "cluster {} has no node '{}'", call.cluster_name(), name);
  auto why_not = objection(call, *cluster, *node);
  if (!why_not.empty()) return sentence(false, fmt::format("{}: {}", name, why_not));
  return sentence(true, fmt::format("{}: {}", name, what));
}

std::string not_healthy(const Call&, const Picture&, const NodePicture& node) {
  if (node.latest == nullptr) return "not looked at yet";
  if (node.latest->reach != Reach::Ok) return "does not answer";
  if (*node.age > kProbeMayBeOld) return fmt::format("not looked at for {:.0f} s", seconds(*node.age));
  return {};
}

std::string not_serving(const Call& call, const Picture& cluster, const NodePicture& node) {
  if (auto why = not_healthy(call, cluster, node); !why.empty()) return why;
  if (node.state == NodeState::Quarantined) return "quarantined";
  if (node.latest->offline_mode) return "turns clients away (offline_mode)";
  return {};
}

std::string not_primary(const Call& call, const Picture& cluster, const NodePicture& node) {
  if (auto why = not_serving(call, cluster, node); !why.empty()) return why;
  if (node.role != NodeRole::Primary) return "is not the primary";
  if (node.latest->read_only != ReadOnly::Off) return "is read-only";
  return {};
}

std::string not_replica(const Call& call, const Picture& cluster, const NodePicture& node) {
  if (auto why = not_serving(call, cluster, node); !why.empty()) return why;
  if (node.role == NodeRole::Secondary) return node.latest->in_group() ? "" : "is not ONLINE in its group";
  if (node.role != NodeRole::Replica) return "is not a replica";
  const auto* channel = node.latest->channel();
  if (channel == nullptr || channel->receiver != ThreadState::Running) return "its receiver is not running";
  if (channel->applier != ThreadState::Running) return "its applier is not running";
  const auto asked = call.query.find("lag");
  if (asked == call.query.end()) return {};
  const auto limit = spec::parse_duration(asked->second);
  if (!channel->lag) return "its lag is not known";
  if (!limit || *channel->lag > *limit) return fmt::format("is {:.1f} s behind", seconds(*channel->lag));
  return {};
}

std::string not_read_only(const Call& call, const Picture& cluster, const NodePicture& node) {
  if (node.role == NodeRole::Primary) return not_serving(call, cluster, node);
  return not_replica(call, cluster, node);
}

std::string not_sync(const Call& call, const Picture& cluster, const NodePicture& node) {
  if (auto why = not_replica(call, cluster, node); !why.empty()) return why;
  if (!node.facts->acker || !node.latest->semi_sync.replica_status) return "does not acknowledge";
  return {};
}

}  // namespace

std::string not_alive(const run::Registry& registry, const Metrics& metrics, Time now) {
  for (const auto& state : registry.clusters()) {
    const auto viewed = state->view ? state->view->at() : Time{};
    const auto alive_at = std::max(metrics.last_turn(state->cluster, now), viewed);
    if (now - alive_at > kLoopMayTake) {
      return fmt::format("the loop of cluster {} has not come round for {:.0f} s", state->cluster,
                         seconds(now - alive_at));
    }
  }
  return {};
}

Result<Response> check_liveness(const Call& call) {
  auto why_not = not_alive(call.backend.registry, call.backend.metrics, call.backend.clock());
  const bool alive = why_not.empty();
  return sentence(alive, alive ? "alive" : std::move(why_not));
}

Result<Response> check_readiness(const Call& call) {
  if (auto dead = not_alive(call.backend.registry, call.backend.metrics, call.backend.clock()); !dead.empty()) {
    return sentence(false, std::move(dead));
  }
  for (const auto& state : call.backend.registry.clusters()) {
    const bool looked_at = state->view != nullptr && state->view->complete();
    if (state->memory.spec && !looked_at) {
      return sentence(false, fmt::format("cluster {}: not every node has been looked at yet", state->cluster));
    }
  }
  return sentence(true, "ready");
}

Result<Response> check_primary(const Call& call) {
  return answer(call, "the primary, takes writes", not_primary);
}
Result<Response> check_replica(const Call& call) {
  return answer(call, "a working replica", not_replica);
}
Result<Response> check_read_only(const Call& call) {
  return answer(call, "answers reads", not_read_only);
}
Result<Response> check_sync(const Call& call) {
  return answer(call, "acknowledges", not_sync);
}
Result<Response> check_health(const Call& call) {
  return answer(call, "answers", not_healthy);
}

}  // namespace repl::serve

// Probes to the watcher, steps to the workers of their nodes, and what came of them to the sink.
#include "mysql/node_manager.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include "model/log_scope.hpp"
#include "mysql/cluster_records.hpp"
#include "mysql/inventory.hpp"
#include "mysql/node_mysql.hpp"
#include "mysql/steps.hpp"
#include "mysql/watcher.hpp"
#include "mysql/worker.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// What carries out an order reports at its deadline by itself, with more to say than that it passed.
constexpr auto kGrace = 50ms;
constexpr auto kWarmingLimit = 3s;
// Well below the idle limits of firewalls.
constexpr auto kKeepAlive = 5min;
constexpr auto kSecretRefresh = 5s;
constexpr auto kWarmingRetry = 5s;

using Flag = std::shared_ptr<std::atomic<bool>>;
Flag make_flag() {
  return std::make_shared<std::atomic<bool>>(false);
}

/// One order under way. Whoever reports first (its worker, or the deadline) is the only one.
struct Order {
  std::atomic<bool> reported{false};
  std::atomic<bool> started{false};
  Flag given_up = make_flag();
  std::mutex mutex;
  std::optional<Snapshot> seen;  ///< Guarded by mutex. Inventory: the status, while the rest is being read.
};
struct StepUnderWay {
  NodeId node;
  Purpose purpose{};
  std::weak_ptr<Order> order;
};

struct Node {
  Node(const NodeId& id, Endpoint e)
      : endpoint{std::move(e)}, counters{std::make_shared<NodeCounters>()}, server{id, endpoint, counters} {}

  Worker& worker(Purpose purpose) { return workers[static_cast<std::size_t>(purpose)]; }

  // Guarded by the manager's mutex:
  Endpoint endpoint;
  Deadline warmed{};
  Deadline secret_read{};
  std::string warming_problem;

  std::shared_ptr<NodeCounters> counters;
  TriedPasswords tried;
  NodeMySQL server;
  Flag stopping = make_flag();
  std::array<Worker, kPurposes> workers;  // last: they use the rest
};

}  // namespace

struct NodeManager::Impl : std::enable_shared_from_this<NodeManager::Impl> {
  Impl(ClusterId id, Watcher& w, Clock c, Sink s)
      : cluster{std::move(id)}, watcher{w}, clock{std::move(c)}, sink{std::move(s)} {}

  const ClusterId cluster;
  Watcher& watcher;
  const Clock clock;
  const Sink sink;

  // Callbacks of the watcher hold it, so that nothing they use goes away, and nothing is reported after close().
  mutable std::mutex mutex;
  bool closed = false;  // guarded by mutex, as all below
  std::map<NodeId, std::unique_ptr<Node>> nodes;
  std::shared_ptr<const Spec> spec = std::make_shared<Spec>();
  std::optional<NodeId> sentinel;
  std::map<std::string, StepStats, std::less<>> steps;
  std::map<std::pair<OperationId, std::size_t>, StepUnderWay> under_way;
  /// Nodes that left: their workers may be at something still.
  std::vector<std::future<void>> departures;

  Watcher::Key key(const NodeId& node) const { return {cluster, node}; }
  Deadline steady(Time when) const { return steady_clock::now() + (when - clock()); }

  void emit(control::Input input) {
    const std::lock_guard lock{mutex};
    if (!closed) sink(std::move(input));
  }

  /// Runs `work(node)` under the mutex, unless the manager is closed or the node is gone.
  template <class Work>
  void with(const NodeId& id, const Work& work) {
    const std::lock_guard lock{mutex};
    const auto found = nodes.find(id);
    if (!closed && found != nodes.end()) work(*found->second);
  }

  // ---- probes ----
  void probe(const control::ProbeOrder& order);
  void take_inventory(const control::ProbeOrder& order);
  void inventory_task(const control::ProbeOrder& order, Deadline deadline, Node& node, Order& state);
  void report(Order& order, Snapshot snapshot);
  void answered(Node& node, Snapshot& snapshot);
  Result<Snapshot> look_at(const NodeId& node, Deadline deadline, const Flag& stopping);

  // ---- steps ----
  void run(const control::StepOrder& order);
  void cancel(const control::StepCancel& what);
  void step_task(const control::StepOrder& order, Deadline deadline, Node& node, Order& state);
  void report(Order& order, const control::StepOrder& step, StepResult result);

  // ---- records ----
  void keep(const control::RecordOrder& order);

  // ---- sessions ----
  void warm(Node& node, const NodeId& id, Purpose purpose);
  /// Its worker and session are stuck in a statement, and are used no more.
  static void let_go(Node& node, Purpose purpose) {
    node.worker(purpose).abandon();
    node.server.give_up(purpose);
  }
  void keep_warm(Node& node, const NodeId& id, const Snapshot& snapshot);
  void read_secret_again(Node& node, const NodeId& id);
  void move_sentinel(const std::optional<NodeId>& to);
};

namespace {

StepResult too_late(const control::StepOrder& order, bool started) {
  StepResult result;
  result.error = Error{ErrorCode::DeadlineExceeded,
                       fmt::format("{}: {}", node_of(order.step),
                                   started ? "the server did not answer in time and may still do it"
                                           : "not begun in time, what was ordered before it took too long")};
  result.certain = !started || purpose_of(order.step) == Purpose::Wait;
  return result;
}

}  // namespace

// ---- probes -------------------------------------------------------------------------------------------------------

void NodeManager::Impl::answered(Node& node, Snapshot& snapshot) {
  snapshot.taken_at = clock();
  node.counters->count_probe(snapshot.reach, snapshot.took);
  if (snapshot.reach == Reach::Ok) {
    node.server.note_alive();
    keep_warm(node, snapshot.node, snapshot);
    return;
  }
  // A server that shuts down waits 10 s for idle clients to go.
  if (snapshot.session_broke) node.worker(Purpose::Look).post([&node] { node.server.close_idle(); });
  if (snapshot.reach == Reach::Denied && steady_clock::now() - node.secret_read > kSecretRefresh) {
    node.secret_read = steady_clock::now();
    read_secret_again(node, snapshot.node);
  }
}

void NodeManager::Impl::probe(const control::ProbeOrder& order) {
  if (order.depth == control::Depth::Inventory) return take_inventory(order);
  watcher.probe(key(order.node), steady(order.deadline), [weak = weak_from_this()](Snapshot snapshot) {
    const auto self = weak.lock();
    if (!self) return;
    const auto id = snapshot.node;
    self->with(id, [&](Node& node) {
      self->answered(node, snapshot);
      self->sink(control::ProbeDone{std::move(snapshot)});
    });
  });
}

Result<Snapshot> NodeManager::Impl::look_at(const NodeId& id, Deadline deadline, const Flag& stopping) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Snapshot> snapshot;
  };
  const auto answer = std::make_shared<Answer>();
  watcher.probe(key(id), deadline, [answer](Snapshot snapshot) {
    {
      const std::lock_guard lock{answer->mutex};
      answer->snapshot = std::move(snapshot);
    }
    answer->changed.notify_all();
  });
  std::unique_lock lock{answer->mutex};
  // A node that is not watched (any more) never answers.
  while (!answer->snapshot && steady_clock::now() < deadline + kGrace && !*stopping) {
    answer->changed.wait_for(lock, 100ms);
  }
  if (!answer->snapshot) {
    return fail(*stopping ? ErrorCode::Stopping : ErrorCode::DeadlineExceeded, "{}: could not be looked at", id);
  }
  return std::move(*answer->snapshot);
}

void NodeManager::Impl::report(Order& order, Snapshot snapshot) {
  if (!order.reported.exchange(true)) emit(control::ProbeDone{std::move(snapshot)});
}

void NodeManager::Impl::take_inventory(const control::ProbeOrder& order) {
  const auto deadline = steady(order.deadline);
  const auto state = std::make_shared<Order>();
  with(order.node, [&](Node& node) {
    node.worker(Purpose::Look).post([this, order, deadline, &node, state] {
      state->started = true;
      if (!state->reported) inventory_task(order, deadline, node, *state);
    });
    watcher.call_at(deadline + kGrace, [weak = weak_from_this(), state, id = order.node] {
      const auto self = weak.lock();
      if (!self || state->reported.exchange(true)) return;
      *state->given_up = true;
      self->with(id, [&](Node& late) {
        if (state->started) let_go(late, Purpose::Look);
        Snapshot snapshot;
        const std::lock_guard lock{state->mutex};
        if (state->seen) {
          snapshot = *state->seen;
        } else {
          snapshot.node = id;
          snapshot.taken_at = self->clock();
        }
        if (snapshot.problem.empty()) snapshot.problem = "the inventory could not be read in time";
        self->sink(control::ProbeDone{std::move(snapshot)});
      });
    });
  });
}

void NodeManager::Impl::inventory_task(const control::ProbeOrder& order, Deadline deadline, Node& node, Order& state) {
  const LogScope scope{cluster.name};
  auto looked = look_at(order.node, deadline, node.stopping);
  if (!looked) {
    Snapshot silent;
    silent.node = order.node;
    silent.problem = looked.error().message;
    silent.taken_at = clock();
    return report(state, std::move(silent));
  }
  auto snapshot = std::move(*looked);
  with(order.node, [&](Node& n) { answered(n, snapshot); });
  if (!snapshot.reachable()) return report(state, std::move(snapshot));
  {
    const std::lock_guard lock{state.mutex};
    state.seen = snapshot;
  }
  std::shared_ptr<const Spec> spec_now;
  {
    const std::lock_guard lock{mutex};
    spec_now = spec;
  }
  const Call call{order.node, deadline, state.given_up, node.stopping};
  const auto inventory = [&]() -> Result<Inventory> {
    auto session = node.server.borrow(Purpose::Look, call);
    if (!session) return tl::unexpected(session.error());
    Server server{**session, call};
    return read_inventory(server, *spec_now, node.server.endpoint(), order.variables, node.tried);
  }();
  if (inventory) {
    snapshot.inventory = *inventory;
  } else {
    spdlog::warn("{}: the inventory cannot be read: {}", order.node, inventory.error().message);
    snapshot.problem = inventory.error().message;
  }
  report(state, std::move(snapshot));
}

// ---- steps --------------------------------------------------------------------------------------------------------

void NodeManager::Impl::report(Order& order, const control::StepOrder& step, StepResult result) {
  if (order.reported.exchange(true)) return;
  const auto name = name_of(step.step);
  if (std::holds_alternative<CloneFrom>(step.step)) watcher.follow_clone(key(node_of(step.step)), false);
  if (result.ok()) {
    spdlog::info("{} ({:.1f} ms)", describe(step.step), static_cast<double>(result.took.count()) / 1000.0);
  } else {
    spdlog::warn("{}: {}{}", describe(step.step), result.error->message,
                 result.certain ? "" : " (the server may still do it)");
  }
  const std::lock_guard lock{mutex};
  under_way.erase({step.operation, step.index});
  auto& stats = steps[std::string{name}];
  ++(result.ok() ? stats.done : stats.failed);
  stats.seconds += std::chrono::duration<double>(result.took).count();
  if (!closed) sink(control::StepDone{step.operation, step.index, step.undo, std::move(result)});
}

void NodeManager::Impl::run(const control::StepOrder& order) {
  const auto& id = node_of(order.step);
  const auto deadline = steady(order.deadline);
  const auto purpose = purpose_of(order.step);
  const auto state = std::make_shared<Order>();
  bool known = false;
  if (std::holds_alternative<CloneFrom>(order.step)) watcher.follow_clone(key(id), true);
  with(id, [&](Node& node) {
    known = true;
    under_way[{order.operation, order.index}] = {id, purpose, state};
    node.worker(purpose).post([this, order, deadline, &node, state] {
      state->started = true;
      if (!state->reported) step_task(order, deadline, node, *state);
    });
  });
  if (!known) {
    StepResult result;
    result.error = Error{ErrorCode::NoSuchNode, fmt::format("\"{}\" is not a node of cluster \"{}\"", id, cluster)};
    return report(*state, order, std::move(result));
  }
  watcher.call_at(deadline + kGrace, [weak = weak_from_this(), state, order, id, purpose] {
    const auto self = weak.lock();
    if (!self || state->reported) return;
    const LogScope scope{self->cluster.name, order.operation.value};
    *state->given_up = true;
    const bool started = state->started;
    if (started) {
      self->with(id, [&](Node& node) {
        // The next session, opened at once, kills the stuck one as it takes the control lock.
        let_go(node, purpose);
        self->warm(node, id, purpose);
      });
    }
    self->report(*state, order, too_late(order, started));
  });
}

void NodeManager::Impl::cancel(const control::StepCancel& what) {
  const std::lock_guard lock{mutex};
  const auto found = under_way.find({what.operation, what.index});
  if (closed || found == under_way.end()) return;
  const auto& step = found->second;
  const auto order = step.order.lock();
  if (!order || order->reported.exchange(true)) return;
  *order->given_up = true;
  watcher.follow_clone(key(step.node), false);
  const auto node = nodes.find(step.node);
  if (!order->started || node == nodes.end()) return;
  let_go(*node->second, step.purpose);
  warm(*node->second, step.node, step.purpose);
}

void NodeManager::Impl::step_task(const control::StepOrder& order, Deadline deadline, Node& node, Order& state) {
  const LogScope scope{cluster.name, order.operation.value};
  std::shared_ptr<const Spec> spec_now;
  {
    const std::lock_guard lock{mutex};
    spec_now = spec;
  }
  const auto& id = node_of(order.step);
  const StepEnvironment environment{node.server, Call{id, deadline, state.given_up, node.stopping}, spec_now,
                                    [&](const NodeId& other, Deadline until) -> Result<Snapshot> {
                                      auto snapshot = look_at(other, until, node.stopping);
                                      if (snapshot && !snapshot->reachable()) {
                                        return fail(ErrorCode::ConnectionLost, "{}: cannot be looked at: {}", other,
                                                    snapshot->problem);
                                      }
                                      return snapshot;
                                    }};
  auto result = run_step(order.step, environment);
  if (!result.ok() && result.error->code == ErrorCode::AccessDenied) read_secret_again(node, id);
  if (!result.ok() && *node.stopping) result.error->code = ErrorCode::Stopping;
  report(state, order, std::move(result));
}

// ---- records ------------------------------------------------------------------------------------------------------

/// In the line of those that look: a commit that waits for acknowledgements must not hold up a fence. It is written
/// without the control lock; that what is kept is never replaced by something older protects it from a former repld.
void NodeManager::Impl::keep(const control::RecordOrder& order) {
  const auto deadline = steady(order.deadline);
  const auto state = std::make_shared<Order>();
  const auto done = [order](std::optional<Error> error) { return control::RecordDone{order.record, std::move(error)}; };
  with(order.node, [&](Node& node) {
    node.worker(Purpose::Look).post([this, order, deadline, &node, state, done] {
      state->started = true;
      if (state->reported) return;
      const LogScope scope{cluster.name};
      const Call call{order.node, deadline, state->given_up, node.stopping};
      const auto kept = [&]() -> Result<void> {
        auto session = node.server.borrow(Purpose::Look, call);
        if (!session) return tl::unexpected(session.error());
        Server server{**session, call};
        return keep_cluster_record(server, order.record);
      }();
      if (state->reported.exchange(true)) return;
      if (!kept) spdlog::warn("what the servers keep of the cluster is not up to date: {}", kept.error().message);
      emit(done(kept ? std::nullopt : std::optional{kept.error()}));
    });
    watcher.call_at(deadline + kGrace, [weak = weak_from_this(), state, id = order.node, done] {
      const auto self = weak.lock();
      if (!self || state->reported.exchange(true)) return;
      *state->given_up = true;
      self->with(id, [&](Node& late) {
        if (state->started) let_go(late, Purpose::Look);
        self->sink(done(Error{ErrorCode::DeadlineExceeded, fmt::format("{}: not written in time", id)}));
      });
    });
  });
}

// ---- sessions -----------------------------------------------------------------------------------------------------

void NodeManager::Impl::warm(Node& node, const NodeId& id, Purpose purpose) {
  node.worker(purpose).post([this, &node, id, purpose] {
    const LogScope scope{cluster.name};
    const Call call{id, steady_clock::now() + kWarmingLimit, nullptr, node.stopping};
    std::string problem;
    {
      const auto session = node.server.borrow(purpose, call, Control::IfHadBefore);
      if (!session) {
        problem = session.error().message;
        if (session.error().code == ErrorCode::AccessDenied) read_secret_again(node, id);
      }
    }
    const std::lock_guard lock{mutex};
    if (std::exchange(node.warming_problem, problem) == problem || problem.empty()) return;
    spdlog::warn("{}: no session can be kept ready: {}", id, problem);
  });
}

void NodeManager::Impl::keep_warm(Node& node, const NodeId& id, const Snapshot& snapshot) {
  const auto now = steady_clock::now();
  const bool cold = !node.server.is_warm(Purpose::Operate) || !node.server.is_warm(Purpose::Wait);
  const auto since = now - node.warmed;
  if (!(snapshot.session_broke || since > kKeepAlive || (cold && since > kWarmingRetry))) return;
  node.warmed = now;
  warm(node, id, Purpose::Operate);
  warm(node, id, Purpose::Wait);
}

void NodeManager::Impl::read_secret_again(Node& node, const NodeId& id) {
  if (*node.stopping) return;  // its lines are being closed
  node.worker(Purpose::Look).post([this, &node, id] {
    std::shared_ptr<const Spec> spec_now;
    {
      const std::lock_guard lock{mutex};
      spec_now = spec;
    }
    const auto* declared = spec_now->find(id);
    if (declared == nullptr) return;
    const auto endpoint = endpoint_for(*declared, *spec_now, admin_password(*spec_now));
    {
      const std::lock_guard lock{mutex};
      if (closed || endpoint == node.endpoint) return;
      node.endpoint = endpoint;
    }
    spdlog::info("{}: the admin password has changed, logging in anew", id);
    node.server.set_endpoint(endpoint);
    watcher.watch(key(id), endpoint, std::shared_ptr<SessionCounters>{node.counters, &node.counters->sessions});
  });
}

void NodeManager::Impl::move_sentinel(const std::optional<NodeId>& to) {
  std::optional<NodeId> from;
  {
    const std::lock_guard lock{mutex};
    if (sentinel == to) return;
    from = std::exchange(sentinel, to);
  }
  if (from) watcher.drop_sentinel(key(*from));
  if (!to) return;
  watcher.keep_sentinel(key(*to), [weak = weak_from_this(), id = *to] {
    if (const auto self = weak.lock()) self->emit(control::SentinelBroke{id});
  });
}

// ---- the manager --------------------------------------------------------------------------------------------------

NodeManager::NodeManager(ClusterId cluster, Watcher& watcher, Clock clock, Sink sink)
    : impl_{std::make_shared<Impl>(std::move(cluster), watcher, std::move(clock), std::move(sink))} {}

NodeManager::~NodeManager() {
  std::map<NodeId, std::unique_ptr<Node>> nodes;
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->closed = true;
    nodes.swap(impl_->nodes);
    for (const auto& [id, node] : nodes) *node->stopping = true;
  }
  for (const auto& [id, node] : nodes) impl_->watcher.unwatch(impl_->key(id));
  nodes.clear();  // waits for the workers
  impl_->departures.clear();
}

void NodeManager::configure(const Spec& spec) {
  const auto password = admin_password(spec);
  std::vector<std::pair<NodeId, std::unique_ptr<Node>>> removed;
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->spec = std::make_shared<Spec>(spec);
    auto& nodes = impl_->nodes;
    for (auto it = nodes.begin(); it != nodes.end();) {
      const bool stays = spec.find(it->first) != nullptr;
      if (!stays) removed.emplace_back(it->first, std::move(it->second));
      it = stays ? std::next(it) : nodes.erase(it);
    }
    for (const auto& declared : spec.nodes) {
      const auto endpoint = endpoint_for(declared, spec, password);
      auto& node = nodes[declared.id];
      if (!node) {
        node = std::make_unique<Node>(declared.id, endpoint);
      } else if (node->endpoint != endpoint) {
        node->endpoint = endpoint;
        node->server.set_endpoint(endpoint);
      }
      impl_->watcher.watch(impl_->key(declared.id), endpoint,
                           std::shared_ptr<SessionCounters>{node->counters, &node->counters->sessions});
    }
  }
  for (const auto& [id, node] : removed) {
    *node->stopping = true;
    impl_->watcher.unwatch(impl_->key(id));
  }
  std::erase_if(impl_->departures, [](const auto& d) { return d.wait_for(0s) == std::future_status::ready; });
  if (removed.empty()) return;
  // Waits for the workers, which the cluster's loop must not.
  impl_->departures.push_back(
      std::async(std::launch::async, [nodes = std::move(removed)]() mutable { nodes.clear(); }));
}

void NodeManager::cancel(const control::Output& output) {
  for (const auto& step : output.cancels) impl_->cancel(step);
}

void NodeManager::start(const control::Output& output) {
  impl_->move_sentinel(output.sentinel);
  for (const auto& step : output.steps) impl_->run(step);
  for (const auto& order : output.probes) impl_->probe(order);
  if (output.record) impl_->keep(*output.record);
}

NodeManagerStats NodeManager::stats() const {
  NodeManagerStats out;
  const std::lock_guard lock{impl_->mutex};
  for (const auto& [id, node] : impl_->nodes) {
    const auto& c = *node->counters;
    NodeStats s;
    s.node = id;
    std::copy(c.probes.begin(), c.probes.end(), s.probes.begin());
    std::copy(c.probe_durations.begin(), c.probe_durations.end(), s.probe_durations.begin());
    s.probe_seconds = static_cast<double>(c.probe_microseconds) / 1e6;
    s.sessions_opened = c.sessions.opened;
    s.sessions_lost = c.sessions.lost;
    s.sessions = c.sessions.open;
    s.breaker_open = c.breaker_open;
    out.nodes.push_back(std::move(s));
  }
  for (const auto& [name, stats] : impl_->steps) {
    out.steps.push_back(stats);
    out.steps.back().name = name;
  }
  return out;
}

}  // namespace repl::mysql

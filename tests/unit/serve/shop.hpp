// A cluster "shop" as values: db1 is primary, db2 and db3 are semi-sync replicas, everything works. Tests change what
// matters to them. And a Registry that holds such values.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "model/spec_text.hpp"
#include "run/registry.hpp"

namespace repl::serve::shop {

inline constexpr auto kUuid1 = "11111111-71ca-11e1-9e33-c80aa9429562";
inline const Time kNow{std::chrono::microseconds(1'700'000'000'000'000)};

inline GtidSet gtids(const std::string& text) {
  return GtidSet::parse(text).value();
}
inline GtidSet transactions(int last) {
  return gtids(fmt::format("{}:1-{}", kUuid1, last));
}

inline Spec spec() {
  Spec s;
  s.cluster = {"shop"};
  s.sync.mode = DataSyncType::SemiSync;
  for (int i = 1; i <= 3; ++i) {
    s.nodes.push_back({.id = {fmt::format("db{}", i)},
                       .address = {"10.0.0.1", static_cast<std::uint16_t>(3300 + i)},
                       .type = i == 1 ? NodeType::Source : NodeType::Replica});
  }
  return s;
}

inline Snapshot primary() {
  Snapshot s;
  s.node = {"db1"};
  s.taken_at = kNow - std::chrono::milliseconds(400);
  s.reach = Reach::Ok;
  s.version = {9, 7, 4};
  s.uptime = std::chrono::seconds(100);
  s.read_only = ReadOnly::Off;
  s.executed = transactions(5);
  s.semi_sync.source_plugin = s.semi_sync.replica_plugin = true;
  s.semi_sync.source_enabled = s.semi_sync.source_status = true;
  s.semi_sync.clients = 2;
  return s;
}

inline Snapshot replica(const std::string& name) {
  Snapshot s = primary();
  s.node = {name};
  s.read_only = ReadOnly::Super;
  s.semi_sync = {.source_plugin = true, .replica_plugin = true, .replica_enabled = true, .replica_status = true};
  s.channels.push_back({.source = {"10.0.0.1", 3301},
                        .receiver = ThreadState::Running,
                        .applier = ThreadState::Running,
                        .received = transactions(5),
                        .silence = std::chrono::milliseconds(100),
                        .heartbeat_interval = std::chrono::seconds(1),
                        .lag = Duration{0}});
  return s;
}

inline Observation observed(Snapshot snapshot) {
  Observation o{.node = snapshot.node, .latest = snapshot};
  if (snapshot.reachable()) o.reached = snapshot;
  if (snapshot.node.name != "db1") o.errant = GtidSet{};
  return o;
}

/// The values a ClusterState is made of, to be changed before they are.
struct Shop {
  Memory memory;
  std::vector<Observation> nodes;
  std::vector<Problem> problems;
  std::shared_ptr<const verify::Run> verification;
  std::shared_ptr<const verify::Run> full_verification;

  Shop() {
    memory.revision = {2};
    memory.spec = spec();
    memory.office = {.term = {3}, .primary = NodeId{"db1"}, .ackers = {NodeId{"db2"}, NodeId{"db3"}}, .acks = 1};
    memory.operations = 4;
    nodes = {observed(primary()), observed(replica("db2")), observed(replica("db3"))};
  }
  Observation& node(std::size_t number) { return nodes.at(number - 1); }
  Snapshot& seen(std::size_t number) { return *node(number).latest; }
  /// The latest probe of the node got no answer; what was seen before stays known.
  void lose(std::size_t number, Reach reach, int misses) {
    auto& o = node(number);
    Snapshot s;
    s.node = o.node;
    s.taken_at = kNow;
    s.reach = reach;
    s.problem = "no answer";
    o.latest = s;
    o.misses = misses;
    o.silent_since = kNow;
    o.errant.reset();
  }
  /// The latest probe is also the last answered one.
  void set(std::size_t number, Snapshot snapshot) { node(number).latest = node(number).reached = std::move(snapshot); }

  std::shared_ptr<const run::ClusterState> state() const {
    return std::make_shared<const run::ClusterState>(
        run::ClusterState{{"shop"},
                          memory,
                          std::make_shared<const View>(kNow, nodes),
                          std::make_shared<const std::vector<Problem>>(problems),
                          verification,
                          full_verification});
  }
};

/// A verification that is done and has found a row of db3 changed.
inline verify::Run verification() {
  verify::Run run{.id = "shop-v1", .state = verify::RunState::Done, .asked_by = "alice"};
  run.settings.tables = {{"shop", "orders"}};
  run.reference = {"db1"};
  run.nodes = {{"db2"}, {"db3"}};
  run.left_out = {{{"db4"}, "it is delayed on purpose and cannot be waited for", true}};
  run.gtids = {{{"db1"}, transactions(5), {}, {}}, {{"db2"}, transactions(4), {}, transactions(5)}};
  run.started = kNow - std::chrono::seconds(10);
  run.finished = kNow;
  run.worked = std::chrono::seconds(10);
  run.tables = run.tables_done = 1;
  run.rows = run.rows_expected = 1000;
  run.chunks = 4;
  run.differences = 1;
  return run;
}
inline verify::TableProgress verified_table() {
  return {.table = {"shop", "orders"},
          .state = verify::TableState::Compared,
          .rows_expected = 1000,
          .rows = 1000,
          .chunks = 4,
          .differences = 1,
          .done_to = verify::Key{"7", "6162"}};
}
inline verify::Finding finding() {
  verify::Finding found{.table = {"shop", "orders"},
                        .node = {"db3"},
                        .changed = 1,
                        .key = "id",
                        .first = "42",
                        .last = "42",
                        .examples = {"changed 42"},
                        .at = kNow};
  found.text = describe(found);
  return found;
}

/// Holds states, keeps what it was asked, and answers as a test says.
class Registry final : public run::Registry {
 public:
  struct Asked {
    ClusterId cluster;
    control::Request request;
  };
  using Answer = std::function<Result<control::Reply>(const Asked&)>;

  void set(const Shop& shop) { states_["shop"] = shop.state(); }
  void set_answer(Answer answer) { answer_ = std::move(answer); }
  const std::vector<Asked>& asked() const { return asked_; }

  std::vector<std::shared_ptr<const run::ClusterState>> clusters() const override {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const run::ClusterState>> all;
    for (const auto& [name, state] : states_) all.push_back(state);
    return all;
  }
  std::shared_ptr<const run::ClusterState> find(const ClusterId& cluster) const override {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(cluster.name);
    return found == states_.end() ? nullptr : found->second;
  }
  Result<control::Reply> ask(const ClusterId& cluster, control::Request request, Time) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back({cluster, std::move(request)});
    const auto& asked = asked_.back();
    if (!states_.contains(cluster.name) && !std::holds_alternative<control::ApplySpec>(asked.request.what)) {
      return fail(ErrorCode::NoSuchCluster, "no cluster {}", cluster);
    }
    return answer_(asked);
  }
  Result<void> forget(const ClusterId& cluster) override {
    const std::lock_guard lock(mutex_);
    if (states_.erase(cluster.name) == 0) return fail(ErrorCode::NoSuchCluster, "no cluster {}", cluster);
    return {};
  }
  Result<std::string> verify(const ClusterId& cluster, const run::VerifyOrder& order) override {
    const std::lock_guard lock(mutex_);
    if (order.resume) return fail(ErrorCode::PreconditionFailed, "{}: nothing to go on with", cluster);
    verify_orders_.push_back(order);
    return cluster.name + "-v1";
  }
  Result<void> stop_verification(const ClusterId&) override { return {}; }
  std::vector<run::VerifyOrder> verify_orders() const {
    const std::lock_guard lock(mutex_);
    return verify_orders_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const run::ClusterState>> states_;
  std::vector<Asked> asked_;
  std::vector<run::VerifyOrder> verify_orders_;
  Answer answer_ = [](const Asked&) -> Result<control::Reply> { return control::Reply{}; };
};

/// A plan with two steps, and an operation that has done the first.
inline Plan plan() {
  Plan p;
  p.goal = Goal::SwitchOver;
  p.steps = {{SetReadOnly{{"db1"}, ReadOnly::Off, ReadOnly::Super}, {}, false},
             {SetReadOnly{{"db2"}, ReadOnly::Super, ReadOnly::Off}, {0}, true}};
  p.point_of_no_return = 1;
  p.promotes = NodeId{"db2"};
  p.reasons = {"db2 has all"};
  return p;
}

inline Operation operation(OperationState state = OperationState::Running) {
  Operation o;
  o.id = {"shop-4"};
  o.goal = Goal::SwitchOver;
  o.term = {3};
  o.revision = {2};
  o.plan = plan();
  o.progress.push_back({.state = StepState::Done,
                        .attempts = 1,
                        .changed_at = kNow,
                        .result = StepResult{.took = std::chrono::milliseconds(20)}});
  o.progress.push_back({.changed_at = kNow});
  o.state = state;
  o.started = kNow;
  o.finished = is_over(state) ? kNow + std::chrono::seconds(1) : Time{};
  o.asked_by = "alice";
  o.cause = "asked for";
  o.old_primary = NodeId{"db1"};
  return o;
}

/// A revision of the cluster, as the store keeps it.
inline AppliedRevision revision(std::uint64_t number) {
  AppliedRevision r{.revision = {number},
                    .at = kNow,
                    .author = "alice",
                    .note = "as asked",
                    .document = "name: shop\n",
                    .spec = spec(),
                    .operation = OperationId{"shop-4"},
                    .state = RevisionState::Applied,
                    .finished = kNow};
  r.spec->alert_lag = std::chrono::seconds(number);
  for (const auto role : {AccountRole::Admin, AccountRole::Replication}) {
    r.spec->accounts[role] = {.user = std::string(to_string(role)), .password = {SecretRef::Kind::Env, "PASSWORD"}};
  }
  r.before = {PriorState{.node = {"db1"},
                         .address = {"10.0.0.1", 3301},
                         .reached = true,
                         .server_uuid = kUuid1,
                         .version = {9, 7, 4},
                         .read_only = ReadOnly::Off,
                         .variables = {{"max_connections", {"151", std::nullopt}}, {"sync_binlog", {"1", "1"}}}},
              PriorState{.node = {"db2"},
                         .address = {"10.0.0.1", 3302},
                         .reached = true,
                         .source = Address{"10.0.0.1", 3301},
                         .receiver = ThreadState::Running,
                         .applier = ThreadState::Running},
              PriorState{.node = {"db3"}, .address = {"10.0.0.1", 3303}}};
  return r;
}

inline Problem problem(std::string name, Severity severity, std::optional<NodeId> node = {}) {
  return {.name = std::move(name), .severity = severity, .node = std::move(node), .evidence = "seen", .since = kNow};
}

}  // namespace repl::serve::shop

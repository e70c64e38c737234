// Values with every member set to something that is not its default, so that a member lost on the way is seen.
#pragma once

#include "model/operation.hpp"

namespace repl::store::samples {

inline GtidSet gtids(std::string_view text) {
  return GtidSet::parse(text).value();
}

inline const ClusterId kShop{"shop"};
inline constexpr auto kUuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

inline GtidSet some_gtids() {
  return gtids("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:9:tag:1-3,4e11fa47-71ca-11e1-9e33-c80aa9429562:7");
}

inline Account account() {
  return {.user = "shop_app", .password = {SecretRef::Kind::Env, "APP_PASSWORD"}, .schemas = {"shop", "archive"}};
}

/// One of each alternative of Step, in the order of the variant.
inline std::vector<Step> steps() {
  using namespace std::chrono_literals;
  const NodeId a{"db1"}, b{"db2"};
  return {InstallPlugin{a, Plugin::SemiSyncReplica},
          UninstallPlugin{a, Plugin::SemiSyncSource},
          CreateAccount{a, AccountRole::Application, account(), Logged::Yes},
          DropAccount{a, AccountRole::Monitoring, account(), Logged::No},
          SetVariable{a, "binlog_expire_logs_seconds", "2592000", "604800", false},
          ResetVariable{a, "max_connections", "500", "151"},
          PersistReadOnly{a, false, true},
          SetReadOnly{a, ReadOnly::Super, ReadOnly::Off, 250ms},
          SetOfflineMode{a, true, false},
          SetSemiSyncSource{a, false, true, 2, 3},
          SetSemiSyncReplica{a, false, true},
          ResetGtids{a, some_gtids()},
          StartReplication{a},
          StopReplication{a},
          DetachReceiver{a, b},
          FollowSource{
              .replica = a, .from = b, .to = NodeId{"db3"}, .delay = 3600s, .delay_before = 60s, .channel = "ring"},
          ForgetSource{a, b, 60s, "ring"},
          WaitForApplied{a, b, 1500ms},
          ApplyReceived{a, some_gtids(), 2500ms},
          WaitForGtids{a, 3000ms},
          WaitForAckers{a, 2, 3500ms},
          CloseReturned{a},
          CloneFrom{a, b, some_gtids(), 4500ms, true},
          RestartServer{a, 5500ms, {{"log_replica_updates", "OFF", "ON", std::nullopt, "ON"}}, true},
          StartGroup{a, GroupStart::Bootstrap, 6500ms, ReadOnly::Off},
          StopGroup{a, GroupStart::Bootstrap, ReadOnly::Off},
          SetGroupPrimary{a, b},
          SetGroupMode{a, false, true},
          AmendAccount{a, AccountRole::Monitoring, account(), {AccountFault::Grants}, Logged::Yes},
          RotatePassword{a, AccountRole::Application, account()},
          DiscardFormerPassword{a, AccountRole::Application, account()},
          RenewReceiver{a},
          RetireGtids{a, some_gtids()},
          RunHook{a, b, HookPoint::PostSwitchover, "announce", 7500ms}};
}

inline Spec spec() {
  using namespace std::chrono_literals;
  Spec s;
  s.cluster = {"shop"};
  s.topology = TopologyType::Circular;
  s.positioning = Positioning::Binlog;
  s.sync = {DataSyncType::SemiSync, 2, OnTooFewReplicas::DegradeToAsync, 7s};
  s.nodes = {NodeSpec{.id = {"db1"},
                      .address = {"10.0.0.11", 3307},
                      .type = NodeType::Source,
                      .region = "eu-west",
                      .promotion = Promotion::Prefer,
                      .read_weight = 3},
             NodeSpec{.id = {"db2"},
                      .address = {"::1", 3306},
                      .type = NodeType::Normal,
                      .promotion = Promotion::Never,
                      .delay = 60s,
                      .follows = NodeId{"db1"},
                      .settings = {{"innodb_buffer_pool_size", "1G"}},
                      .skip_errors = {{1062}}}};
  s.accounts = {{AccountRole::Admin, {"repl_admin", {SecretRef::Kind::File, "/etc/repld/admin"}, {}}},
                {AccountRole::Application, account()}};
  s.tls = {TlsMode::VerifyIdentity, "/etc/ca.pem"};
  s.failover = {.automatic = false,
                .detection = {2s, 300ms, 5},
                .blocked_after = 4s,
                .fencing = FencingMode::Lease,
                .max_lag = 9s,
                .min_replicas = 2,
                .cross_region = true,
                .cooldown = 60s,
                .per_day = 7,
                .rejoin = Rejoin::Never};
  s.provisioning = Provisioning::None;
  s.management = Management::Observe;
  s.drift = Drift::Report;
  s.tuning = Tuning::None;
  s.skip_errors = {1133, 1396};
  s.settings = {{"binlog_expire_logs_seconds", "604800"}, {"sync_binlog", "1"}};
  s.alert_lag = 12s;
  s.consistency = {24h, {"shop"}};
  s.password_policy = {14, 5, 90 * 24h, 6, 48h};
  s.hooks = {{"fence"}, {"announce", "/etc/repld/hooks/dns"}, {"ask"}, {"tell"}, 4s};
  return s;
}

inline Time at(std::int64_t microseconds) {
  return Time{Duration{microseconds}};
}

inline Operation operation(std::uint64_t number = 12) {
  Operation o;
  o.id = {fmt::format("shop-{}", number)};
  o.goal = Goal::FailOver;
  o.phase = Phase::Promote;
  o.term = {4};
  o.revision = {8};
  o.plan.goal = Goal::FailOver;
  o.plan.point_of_no_return = 7;
  o.plan.promotes = NodeId{"db2"};
  o.plan.reasons = {"db2: has all, same region", "db3: 45 s behind\n\"quoted\" \xc3\xa4"};
  for (const auto& step : steps()) {
    o.plan.steps.push_back({step, {0, o.plan.steps.size()}, true});
    o.progress.push_back({StepState::Failed, 3, true, at(1'700'000'000'123'456),
                          StepResult{Error{ErrorCode::LockWaitTimeout, "db1: 1205"}, false, some_gtids(),
                                     Duration{4711}, "told the proxy\n"}});
  }
  o.state = OperationState::Undoing;
  o.started = at(1'700'000'000'000'001);
  o.finished = at(1'700'000'009'000'002);
  o.asked_by = "alice";
  o.cause = "DeadPrimary";
  o.old_primary = NodeId{"db1"};
  o.error = Error{ErrorCode::ConnectionLost, "db1: gone"};
  return o;
}

inline AppliedRevision revision(std::uint64_t number = 8) {
  using namespace std::chrono_literals;
  PriorState seen{.node = {"db1"},
                  .address = {"10.0.0.11", 3307},
                  .reached = true,
                  .at = at(4),
                  .server_uuid = kUuid,
                  .server_id = 11,
                  .version = {9, 7, 4},
                  .read_only = ReadOnly::On,
                  .super_read_only_persisted = true,
                  .offline_mode = true,
                  .executed = some_gtids(),
                  .source = Address{"10.0.0.12", 3308},
                  .receiver = ThreadState::Connecting,
                  .applier = ThreadState::Running,
                  .delay = 60s,
                  .semi_sync = {true, true, true, true, 2, 3, 2, false, false, 4s, true, true},
                  .variables = {{"max_connections", {"151", "200"}}, {"sync_binlog", {"1", std::nullopt}}}};
  return {.revision = {number},
          .at = at(5),
          .author = "alice",
          .note = "more acks",
          .back_to = Revision{3},
          .document = "name: shop\n",
          .spec = spec(),
          .operation = OperationId{"shop-12"},
          .state = RevisionState::NeedsPerson,
          .finished = at(6),
          .before = {seen, PriorState{.node = {"db2"}}}};
}

inline Event event(std::string text = "db2 is primary now") {
  return {.at = at(1'700'000'000'000'003),
          .severity = Severity::Critical,
          .kind = "failover-done",
          .node = NodeId{"db2"},
          .operation = OperationId{"shop-12"},
          .text = std::move(text)};
}

inline verify::Run verification(std::string id = "shop-v7") {
  using namespace std::chrono_literals;
  verify::Run r{.id = std::move(id),
                .settings = {{"shop"}, {{"crm", "leads"}}, 200ms, true},
                .state = verify::RunState::Interrupted,
                .asked_by = "alice",
                .reference = {"db1"},
                .nodes = {{"db2"}},
                .left_out = {{{"db3"}, "it is delayed", true}},
                .gtids = {{{"db1"}, some_gtids(), {}, some_gtids()}}};
  r.started = at(5);
  r.finished = at(9);
  r.worked = Duration{4};
  r.tables = 9;
  r.tables_done = 3;
  r.tables_not_compared = 1;
  r.rows_expected = 100;
  r.rows = 50;
  r.chunks = 7;
  r.differences = 2;
  r.unsettled = 1;
  r.table = "shop.orders";
  r.waiting = "db2 is behind";
  r.longest_wait = Duration{300};
  r.error = Error{ErrorCode::ConnectionLost, "db2: gone"};
  return r;
}

inline verify::TableProgress verified_table(std::string name = "orders") {
  return {.table = {"shop", std::move(name)},
          .state = verify::TableState::Comparing,
          .why = "?",
          .rows_expected = 100,
          .rows = 50,
          .chunks = 7,
          .differences = 2,
          .unsettled = 1,
          .done_to = verify::Key{"-7", "C3BC"}};
}

inline verify::Finding finding(std::string first = "1") {
  return {.table = {"shop", "orders"},
          .node = {"db2"},
          .kind = verify::FindingKind::OtherDefinition,
          .missing = 1,
          .extra = 2,
          .changed = 3,
          .key = "id",
          .first = std::move(first),
          .last = "9",
          .examples = {"changed 1"},
          .text = "...",
          .at = at(8)};
}

inline Memory memory() {
  Memory m;
  m.revision = {8};
  m.spec = spec();
  m.proposed = spec();
  m.proposed->sync.acks = 1;
  m.office = {{4},  NodeId{"db2"}, {NodeId{"db1"}, NodeId{"db3"}}, 2, some_gtids(),
              true, true,          at(1'700'000'000'000'004)};
  m.operation = operation();
  m.operations = 18'446'744'073'709'551'615ULL;
  m.paused = true;
  m.automatic_failovers = {at(1), at(2)};
  m.acknowledged = at(3);
  m.quarantined = {NodeId{"db9"}};
  m.closed = {NodeId{"db8"}};
  m.revisions = 11;
  m.prior_settings[kUuid] = {{"max_connections", {"151", std::nullopt}}, {"sync_binlog", {"0", "1"}}};
  m.proposed_prior_settings.emplace()[kUuid] = {{"sync_binlog", {"1", std::nullopt}}};
  m.restored = at(12);
  m.maintenance = {{NodeId{"db2"}, at(7), at(8), "ann", "disk swap"}, {std::nullopt, at(9), at(10), "bob", "move"}};
  return m;
}

}  // namespace repl::store::samples

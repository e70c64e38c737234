// Properties of plans over generated specs and servers, carried out on model servers.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <utility>

#include "plan/converge.hpp"
#include "plan/failover.hpp"
#include "plan/put_back.hpp"
#include "plan/switchover.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/dice.hpp"
#include "unit/support/reached.hpp"

namespace repl::test {
namespace {

/// A valid spec of `count` nodes, "a" the source.
SpecOf any_spec(Dice& dice, int count) {
  std::string names;
  for (int i = 0; i < count; ++i) names += fmt::format(" {}", static_cast<char>('a' + i));
  auto spec = spec_of(names);
  for (int i = 1; i < count; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    if (dice.chance(2)) spec.delayed(name, std::chrono::seconds{dice.between(1, 3600)});
    if (dice.chance(3)) spec.follows(name, std::string(1, static_cast<char>('a' + dice.between(0, i - 1))));
    spec.promotion(name, dice.one_of<Promotion>({Promotion::Neutral, Promotion::Avoid, Promotion::Never}));
    if (spec.node(name).delay.count() == 0 && dice.chance(2)) spec.promotion(name, Promotion::Prefer);
  }
  const auto ackers = static_cast<int>(spec.ackers({"a"}).size());
  if (ackers > 0 && dice.chance(6)) {
    if (dice.chance(3)) {
      spec.sync_all();
    } else {
      spec.acks(dice.between(1, ackers));
    }
    if (dice.chance(2)) spec.degrading();
  }
  if (dice.chance(5)) spec.setting("max_connections", std::to_string(dice.between(100, 999)));
  if (dice.chance(3)) spec.setting("sync_binlog", dice.one_of<std::string>({"0", "1"}));
  if (dice.chance(5))
    spec.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
  if (dice.chance(3)) spec.accounts[AccountRole::Monitoring] = {"watch", {SecretRef::Kind::Env, "MONITOR"}, {}};
  return spec;
}

/// Servers that were never part of a cluster, in all states in which they may be found.
Servers any_fresh_servers(Dice& dice, const Spec& spec) {
  auto servers = Servers::fresh(spec);
  for (const auto& node : spec.nodes) {
    auto& s = servers[node.id];
    if (dice.chance(3)) s.now.executed = {};
    if (dice.chance(3)) {
      s.now.semi_sync.source_plugin = true;
      s.has.variables["rpl_semi_sync_source_timeout"] = "10000";
      s.has.variables["rpl_semi_sync_source_wait_no_replica"] = "ON";
      s.has.variables["rpl_semi_sync_source_wait_point"] = "AFTER_SYNC";
    }
    if (dice.chance(3)) s.now.semi_sync.replica_plugin = true;
    if (s.now.semi_sync.replica_plugin && dice.chance(3)) s.now.semi_sync.replica_enabled = true;
    if (dice.chance(3)) s.has.accounts.insert(AccountRole::Replication);
    if (dice.chance(2)) s.now.super_read_only_persisted = true;
    s.now.read_only = dice.one_of<ReadOnly>({ReadOnly::Off, ReadOnly::Off, ReadOnly::On, ReadOnly::Super});
  }
  if (dice.chance(5) && servers["a"].now.read_only == ReadOnly::Off) servers.write("a", "shop");
  servers.settle();
  return servers;
}

/// What people and accidents do to a running cluster without losing data.
void drift(Dice& dice, Servers& servers, const Spec& spec, const NodeId& primary) {
  for (const auto& node : spec.nodes) {
    auto& s = servers[node.id];
    if (dice.chance(2)) s.now.super_read_only_persisted = false;
    if (dice.chance(2)) s.has.variables["max_connections"] = "77";
    if (node.id == primary) continue;
    if (dice.chance(2)) s.now.read_only = dice.one_of<ReadOnly>({ReadOnly::Off, ReadOnly::On});
    if (dice.chance(2) && s.now.semi_sync.replica_plugin)
      s.now.semi_sync.replica_enabled = !s.now.semi_sync.replica_enabled;
    if (!s.now.channels.empty()) {
      if (dice.chance(2)) s.now.channels[0].receiver = ThreadState::Stopped;
      if (dice.chance(1)) s.now.channels[0].applier = ThreadState::Stopped;
      if (dice.chance(1)) servers.apply(DetachReceiver{node.id, primary});
      if (dice.chance(1)) servers.apply(ForgetSource{node.id, primary});
    }
  }
  servers.settle();
}

/// Some order in which the steps may be started.
std::vector<std::size_t> any_order(Dice& dice, const Plan& plan) {
  std::vector<std::size_t> order;
  std::set<std::size_t> done;
  while (order.size() < plan.steps.size()) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      const auto& after = plan.steps[i].after;
      const bool free = std::all_of(after.begin(), after.end(), [&](std::size_t b) { return done.contains(b); });
      if (free && !done.contains(i)) ready.push_back(i);
    }
    order.push_back(dice.one_of(ready));
    done.insert(order.back());
  }
  return order;
}

std::string listed(const Plan& plan, const std::vector<std::size_t>& order) {
  std::string out;
  for (const auto i : order) out += "\n  " + describe(plan.steps[i].step);
  return out;
}

Plan planned(const Spec& wanted, const Office& office, const Spec* before, const Servers& servers) {
  const auto plan = plan::plan_converge(wanted, office, before, servers.view(office.primary));
  if (!plan) RC_FAIL("refused: " + plan.error().message);
  RC_ASSERT(static_cast<bool>(well_formed(*plan)));
  return *plan;
}

/// What is not as `spec` wants it, whatever its topology.
std::vector<std::string> deviations_of(const Spec& spec, const Office& office, const Servers& servers) {
  return spec.is_ring() || spec.is_group() ? deviations(spec, servers) : deviations(spec, *office.primary, servers);
}

/// Carries the plan out in any order; then the spec holds and nothing is left to plan.
void reach(Dice& dice, const Spec& wanted, Office& office, const Spec* before, Servers& servers) {
  const auto plan = planned(wanted, office, before, servers);
  const auto order = any_order(dice, plan);
  const auto error = apply_all(servers, plan, order);
  if (error) RC_FAIL("step refused: " + error->message + listed(plan, order));
  office = plan::office_after(wanted, office, servers.view(office.primary), kNow);
  const auto wrong = deviations_of(wanted, office, servers);
  if (!wrong.empty()) RC_FAIL("not reached: " + wrong.front() + listed(plan, order));
  const auto again = planned(wanted, office, &wanted, servers);
  if (!again.empty())
    RC_FAIL("planned again:" + listed(again, in_written_order(again)) + "\nafter" + listed(plan, order));
}

RC_GTEST_PROP(PlanConverge, ReachesTheSpecFromFreshServersInAnyOrderOfItsSteps, ()) {
  auto dice = any_dice();
  const auto spec = any_spec(dice, dice.between(1, 6));
  auto servers = any_fresh_servers(dice, spec);
  Office office;
  reach(dice, spec, office, nullptr, servers);
}

RC_GTEST_PROP(PlanConverge, ReachesTheSpecFromARunningClusterOfAnotherSpec, ()) {
  auto dice = any_dice();
  const auto count = dice.between(1, 6);
  const auto first = any_spec(dice, count);
  auto servers = Servers::fresh(first);
  Office office;
  reach(dice, first, office, nullptr, servers);
  auto second = any_spec(dice, count);
  drift(dice, servers, first, *office.primary);
  reach(dice, second, office, &first, servers);
}

/// A ring or a group of these nodes, or a tree.
SpecOf any_topology(Dice& dice, const std::string& names) {
  auto spec = spec_of(names);
  const auto count = words(names).size();
  const int kind = dice.between(0, count >= 2 ? 3 : 0);
  if (kind == 0) {
    if (count >= 2 && dice.chance(5)) spec.acks(1);
  } else if (kind == 1) {
    if (dice.chance(5)) spec.acks(1);
    spec.ring();
  } else {
    spec.group(kind == 2 ? TopologyType::GroupSinglePrimary : TopologyType::GroupMultiPrimary);
  }
  return spec;
}

/// One topology to the other in one apply, or by way of source-replica.
bool in_one_step(const Spec& from, const Spec& to) {
  const auto is_tree = [](const Spec& s) { return s.topology == TopologyType::SourceReplica; };
  return is_tree(from) || is_tree(to) || from.is_ring() == to.is_ring();
}

RC_GTEST_PROP(PlanConverge, ReachesEveryTopologyFromFreshServers, ()) {
  auto dice = any_dice();
  const auto spec = any_topology(dice, dice.one_of<std::string>({"a b", "a b c", "a b c d e"}));
  auto servers = Servers::fresh(spec);
  if (dice.chance(3)) servers.write("a", "shop");
  Office office;
  reach(dice, spec, office, nullptr, servers);
}

RC_GTEST_PROP(PlanConverge, ChangesOneTopologyToAnotherAndItsNodesWithIt, ()) {
  auto dice = any_dice();
  const auto first = any_topology(dice, dice.one_of<std::string>({"a b", "a b c", "a b c d"}));
  auto servers = Servers::fresh(spec_of("a b c d e"));
  Office office;
  reach(dice, first, office, nullptr, servers);
  servers.write("a", "shop");
  const auto second = any_topology(dice, dice.one_of<std::string>({"a b", "a b c", "a b c d", "a b c d e"}));
  if (!in_one_step(first, second)) {
    const auto refused = plan::plan_converge(second, office, &first, servers.view(office.primary));
    RC_ASSERT(!refused);
    RC_ASSERT(refused.error().code == ErrorCode::NotSupported);
    return;
  }
  reach(dice, second, office, &first, servers);
  RC_ASSERT(servers["a"].has.user_schemas == std::vector<std::string>{"shop"});
}

RC_GTEST_PROP(PlanConverge, LeavesNoVariableBehindWhenItGoesBackToAnEarlierSpec, ()) {
  auto dice = any_dice();
  const auto count = dice.between(1, 6);
  const auto first = any_spec(dice, count);
  const auto second = any_spec(dice, count);
  auto servers = any_fresh_servers(dice, first);
  Office office;
  PriorSettings prior;
  const auto apply = [&](const Spec& wanted, const Spec* before) {
    const auto view = servers.view(office.primary);
    const auto plan = plan::plan_converge(wanted, office, before, view, prior);
    if (!plan) RC_FAIL("refused: " + plan.error().message);
    prior = plan::captured(prior, wanted, before, view);
    const auto order = any_order(dice, *plan);
    if (const auto error = apply_all(servers, *plan, order)) RC_FAIL(error->message + listed(*plan, order));
    office = plan::office_after(wanted, office, servers.view(office.primary), kNow);
  };
  apply(first, nullptr);
  const auto before = servers;
  apply(second, &first);
  apply(first, &second);
  for (const auto& [id, then] : before.all()) {
    const auto& now = servers.at(id);
    // What it names may have got its value from somewhere else at first, and is persisted now.
    const auto unnamed = [&, named = plan::variables_of(first, id)](std::map<std::string, std::string> persisted) {
      std::erase_if(persisted, [&](const auto& variable) { return named.contains(variable.first); });
      return persisted;
    };
    RC_ASSERT(unnamed(now.has.persisted) == unnamed(then.has.persisted));
    for (const auto& [name, value] : then.has.variables) RC_ASSERT(now.has.variables.at(name) == value);
  }
}

/// What applying inverses has to bring back; histories only grow.
struct Restorable {
  ReadOnly read_only;
  bool persisted, offline, source_plugin, replica_plugin, source_enabled, replica_enabled;
  int acks;
  std::optional<Address> source;
  bool receiver, applier;
  std::set<AccountRole> accounts;  ///< Those made locally; the others came with the history, and leave with it.
  std::map<std::string, std::string> variables, persisted_variables;
  bool operator==(const Restorable&) const = default;
};

std::set<AccountRole> only_replication(std::set<AccountRole> accounts) {
  std::erase_if(accounts, [](AccountRole role) { return role != AccountRole::Replication; });
  return accounts;
}

std::map<NodeId, Restorable> restorable(const Servers& servers) {
  std::map<NodeId, Restorable> out;
  for (const auto& [id, s] : servers.all()) {
    const auto* channel = s.now.channel();
    const bool attached = channel != nullptr && channel->source.host != kDetachedHost;
    out[id] = {.read_only = s.now.read_only,
               .persisted = s.now.super_read_only_persisted,
               .offline = s.now.offline_mode,
               .source_plugin = s.now.semi_sync.source_plugin,
               .replica_plugin = s.now.semi_sync.replica_plugin,
               .source_enabled = s.now.semi_sync.source_enabled,
               .replica_enabled = s.now.semi_sync.replica_enabled,
               .acks = s.now.semi_sync.source_enabled ? s.now.semi_sync.wait_for_count : 0,
               .source = attached ? std::optional{channel->source} : std::nullopt,
               .receiver = attached && channel->receiver != ThreadState::Stopped,
               .applier = attached && channel->applier != ThreadState::Stopped,
               .accounts = id.name == "a" ? s.has.accounts : only_replication(s.has.accounts),
               .variables = s.has.variables,
               .persisted_variables = s.has.persisted};
  }
  return out;
}

std::string difference(const std::map<NodeId, Restorable>& before, const std::map<NodeId, Restorable>& after) {
  for (const auto& [id, b] : before) {
    const auto& a = after.at(id);
    if (a == b) continue;
    std::string what;
    if (a.read_only != b.read_only) what += " read_only";
    if (a.persisted != b.persisted) what += " persisted";
    if (a.offline != b.offline) what += " offline";
    if (a.source_plugin != b.source_plugin || a.replica_plugin != b.replica_plugin) what += " plugins";
    if (a.source_enabled != b.source_enabled || a.replica_enabled != b.replica_enabled) what += " semi-sync";
    if (a.acks != b.acks) what += " acks";
    if (a.source != b.source) what += " source";
    if (a.receiver != b.receiver || a.applier != b.applier) what += " threads";
    if (a.accounts != b.accounts) what += " accounts";
    if (a.variables != b.variables) what += " variables";
    if (a.persisted_variables != b.persisted_variables) what += " persisted variables";
    return id.name + ":" + what;
  }
  return "";
}

/// That stays: receivers may have been told of it.
bool makes_a_login_for_receivers(const Plan& plan) {
  const auto made = all_of_kind<CreateAccount>(plan);
  return std::any_of(made.begin(), made.end(), [](const CreateAccount& s) {
    return s.role == AccountRole::Replication && s.logged == Logged::Yes;
  });
}

/// Carries out the first steps of some order, then takes them back, last first; what is not as it was.
std::string not_restored(Dice& dice, const Servers& before, const Plan& plan, std::size_t limit) {
  auto servers = before;
  auto order = any_order(dice, plan);
  const auto point = std::find(order.begin(), order.end(), limit);
  order.erase(point, order.end());
  if (!order.empty()) order.resize(static_cast<std::size_t>(dice.between(0, static_cast<int>(order.size()))));
  for (const auto i : order) {
    if (const auto result = servers.apply(plan.steps[i].step); !result.ok()) return "refused: " + result.error->message;
  }
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    const auto back = inverse(plan.steps[*i].step);
    if (!back) continue;
    if (const auto result = servers.apply(*back); !result.ok()) {
      return "not taken back: " + result.error->message + listed(plan, order);
    }
  }
  auto was = restorable(before), is = restorable(servers);
  if (makes_a_login_for_receivers(plan)) {
    for (auto* all : {&was, &is}) {
      for (auto& [id, server] : *all) server.accounts.erase(AccountRole::Replication);
    }
  }
  const auto what = difference(was, is);
  return what.empty() ? "" : what + listed(plan, order);
}

RC_GTEST_PROP(PlanConverge, IsTakenBackFromAnyPrefix, ()) {
  auto dice = any_dice();
  const auto count = dice.between(1, 5);
  const auto first = any_spec(dice, count);
  auto servers = dice.chance(5) ? Servers::fresh(first) : any_fresh_servers(dice, first);
  Office office;
  std::optional<Spec> before;
  auto wanted = first;
  if (dice.chance(6)) {
    reach(dice, first, office, nullptr, servers);
    before = first;
    wanted = any_spec(dice, count);
  }
  const auto plan = planned(wanted, office, before ? &*before : nullptr, servers);
  const auto wrong = not_restored(dice, servers, plan, plan.steps.size());
  if (!wrong.empty()) RC_FAIL(wrong);
}

/// A cluster that runs as its spec says, with data.
struct Running {
  SpecOf spec;
  Servers servers;
  Office office;
};

Running any_running(Dice& dice) {
  Running r{any_spec(dice, dice.between(2, 6)), {}, {}};
  r.servers = Servers::fresh(r.spec);
  reach(dice, r.spec, r.office, nullptr, r.servers);
  for (int i = dice.between(0, 5); i > 0; --i) r.servers.write("a", "shop");
  r.office.returns_read_only = true;
  r.office.commits_wait = r.spec.waits_for_acks();
  return r;
}

/// A running cluster, and a switchover that is possible in it.
std::pair<Running, Result<Plan>> any_switchover(Dice& dice) {
  while (true) {
    auto r = any_running(dice);
    std::vector<std::optional<NodeId>> choices{std::nullopt};
    for (const auto& node : r.spec.nodes) choices.emplace_back(node.id);
    auto plan = plan::plan_switchover(r.spec, r.office, r.servers.view(r.office.primary), dice.one_of(choices), 10s);
    if (plan) return {std::move(r), std::move(plan)};
  }
}

RC_GTEST_PROP(PlanSwitchover, LeadsToADeclaredClusterUnderTheNewPrimary, ()) {
  auto dice = any_dice();
  auto [r, plan] = any_switchover(dice);
  RC_ASSERT(static_cast<bool>(well_formed(*plan)));
  RC_ASSERT(plan->promotes.has_value());
  const auto order = any_order(dice, *plan);
  for (const auto i : order) {
    const auto result = r.servers.apply(plan->steps[i].step);
    if (!result.ok()) RC_FAIL("refused: " + result.error->message + listed(*plan, order));
    int writers = 0;
    for (const auto& [id, s] : r.servers.all()) writers += s.now.read_only == ReadOnly::Off ? 1 : 0;
    if (writers > 1) RC_FAIL("two writers:" + listed(*plan, order));
  }
  const auto& primary = r.servers.at(*plan->promotes).now;
  RC_ASSERT(primary.read_only == ReadOnly::Off);
  RC_ASSERT(primary.semi_sync.source_enabled == r.spec.semi_sync());
  for (const auto& [id, s] : r.servers.all()) {
    if (!primary.executed.contains(s.now.executed)) RC_FAIL(id.name + " has what the new primary lacks");
    if (id == *plan->promotes) continue;
    RC_ASSERT(s.now.channel() != nullptr);
    if (s.now.channel()->source != address_of(*r.spec.source_of(id, *plan->promotes))) {
      RC_FAIL(id.name + " follows another than it should" + listed(*plan, order));
    }
  }
}

RC_GTEST_PROP(PlanSwitchover, IsTakenBackFromAnyPrefixBeforeThePointOfNoReturn, ()) {
  auto dice = any_dice();
  const auto [r, plan] = any_switchover(dice);
  const auto wrong = not_restored(dice, r.servers, *plan, plan->point_of_no_return);
  if (!wrong.empty()) RC_FAIL(wrong);
}

RC_GTEST_PROP(PlanPromotion, OpensOneNodeThatHasAllThatAnyReachedNodeHad, ()) {
  auto dice = any_dice();
  auto r = any_running(dice);
  r.spec.failover.fencing = FencingMode::None;
  r.servers.kill("a");
  for (const auto& node : r.spec.nodes) {
    if (node.id.name != "a" && dice.chance(2)) r.servers.kill(node.id.name);
    // Some have fallen behind.
    auto& s = r.servers[node.id];
    if (node.id.name != "a" && node.delay.count() == 0 && dice.chance(3)) {
      s.now.executed = subtract(s.now.executed, gtids(fmt::format("A:{}-100", dice.between(4, 12))));
      if (!s.now.channels.empty()) s.now.channels[0].received = s.now.executed;
    }
  }
  const auto view = r.servers.view();
  const auto secure = plan::plan_secure(r.spec, r.office, view);
  plan::Positions positions;
  for (const auto& step : secure.steps) {
    const auto result = r.servers.apply(step.step);
    if (result.ok()) positions[node_of(step.step)] = *result.position;
  }
  const auto plan = plan::plan_promotion(r.spec, r.office, r.servers.view(), secure, positions, std::nullopt,
                                         plan::Urgency::Automatic);
  RC_CLASSIFY(!plan, "refused");
  if (!plan) return;
  RC_ASSERT(static_cast<bool>(well_formed(*plan)));
  std::vector<std::size_t> order = any_order(dice, *plan);
  for (const auto i : order) {
    if (i < secure.steps.size()) continue;
    const auto result = r.servers.apply(plan->steps[i].step);
    if (!result.ok() && !plan->steps[i].best_effort)
      RC_FAIL("refused: " + result.error->message + listed(*plan, order));
    int writers = 0;
    for (const auto& [id, s] : r.servers.all()) {
      writers += s.life == Life::Up && s.now.read_only == ReadOnly::Off ? 1 : 0;
    }
    RC_ASSERT(writers <= 1);
    if (i == plan->point_of_no_return) {
      const auto& opened = r.servers.at(*plan->promotes).now;
      for (const auto& [id, position] : positions) {
        if (r.spec.find(id)->delay.count() > 0) continue;
        if (!opened.executed.contains(position))
          RC_FAIL(id.name + " had more than what was opened" + listed(*plan, order));
      }
    }
  }
  RC_ASSERT(r.servers.at(*plan->promotes).now.read_only == ReadOnly::Off);
}

}  // namespace
}  // namespace repl::test

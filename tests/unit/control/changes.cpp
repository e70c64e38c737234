// The table of changes.
#include "unit/control/changes.hpp"

#include <utility>

namespace repl::test {
namespace {

SpecOf group(const std::string& names) {
  return spec_of(names).group();
}
SpecOf multi(const std::string& names) {
  return spec_of(names).group(TopologyType::GroupMultiPrimary);
}

SpecOf only_a_writes() {
  return spec_of("a b c").promotion("b", Promotion::Never).promotion("c", Promotion::Never);
}

/// With accounts of applications and of those who watch, and a policy for their passwords.
SpecOf served(SpecOf spec) {
  spec.accounts[AccountRole::Application] = {"shop", {SecretRef::Kind::File, "/secrets/app"}, {"shop"}};
  spec.accounts[AccountRole::Monitoring] = {"watch", {SecretRef::Kind::Env, "MONITOR"}, {}};
  return spec;
}
SpecOf with_policy(SpecOf spec) {
  spec.password_policy.min_length = 12;
  return spec;
}
/// Nodes "a" to "d", each below the one before it.
SpecOf chain() {
  return spec_of("a b c d").follows("c", "b").follows("d", "c");
}

/// Nobody has the beginning in its binary logs any more.
void purge(Servers& servers) {
  for (const auto& [id, server] : servers.all()) {
    if (!server.has.user_schemas.empty()) servers[id].now.purged = server.now.executed;
  }
}
void break_accounts(Servers& servers, AccountRole role, AccountFault fault) {
  for (const auto& [id, server] : servers.all()) {
    auto& has = servers[id].has;
    has.accounts.erase(role);
    has.account_faults[role] = {fault};
  }
}
/// The secrets of replication and of applications hold other passwords now.
void change_secrets(Servers& servers) {
  break_accounts(servers, AccountRole::Replication, AccountFault::Password);
  break_accounts(servers, AccountRole::Application, AccountFault::Password);
  for (const auto& [id, server] : servers.all()) {
    if (server.now.channel() != nullptr) servers[id].has.receiver_as_declared = false;
  }
}
void lose_grants(Servers& servers) {
  break_accounts(servers, AccountRole::Application, AccountFault::Grants);
}
void stop_b(Servers& servers) {
  servers.apply(StopReplication{kB});
}
/// Somebody has written on "c", and its binary logs say so.
void diverge_c(Servers& servers) {
  servers["c"].now.executed = unite(servers["c"].now.executed, gtids("C:7-8"));
}
/// "b" has lost its data, and a client of "a" waits for its acknowledgement.
void empty_b(Servers& servers) {
  auto& b = servers["b"];
  b.now.channels.clear();
  b.now.executed = {};
  b.has.user_schemas.clear();
  b.clone_of.reset();
  servers["a"].now.semi_sync.wait_sessions = 1;
}

}  // namespace

const std::vector<Change>& changes() {
  static const std::vector<Change> all{
      {"AsyncToSemiSync", spec_of("a b c"), spec_of("a b c").acks(1)},
      {"SemiSyncToAsync", spec_of("a b c").acks(1), spec_of("a b c")},
      {"SemiSyncToSync", spec_of("a b c").acks(1), spec_of("a b c").sync_all()},
      {"SyncToSemiSync", spec_of("a b c").sync_all(), spec_of("a b c").acks(1)},
      {"SyncToAsync", spec_of("a b c").sync_all(), spec_of("a b c")},
      {"AsyncToSync", spec_of("a b c"), spec_of("a b c").sync_all()},
      {"MoreAcks", spec_of("a b c").acks(1), spec_of("a b c").acks(2)},
      {"FewerAcks", spec_of("a b c").acks(2), spec_of("a b c").acks(1)},
      {"MayGoOnAlone", spec_of("a b c").acks(1), spec_of("a b c").acks(1).degrading()},
      {"NodeAdded", spec_of("a b c").acks(1), spec_of("a b c d").acks(1)},
      {"NodeRemoved", spec_of("a b c d").acks(1), spec_of("a b c").acks(1)},
      {"NodeReplaced", spec_of("a b c").acks(1), spec_of("a b d").acks(1)},
      {"FlatToChain", spec_of("a b c d").acks(1), spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c")},
      {"ChainToFlat", spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c"), spec_of("a b c d").acks(1)},
      {"ChainRearranged", spec_of("a b c d").follows("d", "b"), spec_of("a b c d").follows("d", "c")},
      {"Delayed", spec_of("a b c").acks(1), spec_of("a b c").acks(1).delayed("c", 60s)},
      {"SourceMoved", spec_of("a b c").acks(1), spec_of("a b c").acks(1).source("b")},
      {"SourceMovedWithHooks", spec_of("a b c").acks(1).with_hooks(),
       spec_of("a b c").acks(1).with_hooks().source("b")},
      {"Settings", spec_of("a b c").acks(1), spec_of("a b c").acks(1).setting("max_connections", "321")},
      {"Restarts", spec_of("a b c"), spec_of("a b c").setting("report_host", "here")},
      {"SemiSyncRestarts", spec_of("a b c").acks(1), spec_of("a b c").acks(1).setting("report_host", "here")},
      {"RestartOfReplicas", spec_of("a b c").acks(1), spec_of("a b c").acks(1).skip_errors("b", {1062})},
      {"RestartInPlace", only_a_writes(), only_a_writes().setting("report_host", "here")},
      {"SemiSyncRestartInPlace", only_a_writes().acks(1), only_a_writes().acks(1).setting("report_host", "here")},
      {"SettingNamedNoMore", spec_of("a b c").setting("report_host", "here"), spec_of("a b c")},
      {"TuningSwitchedOff", spec_of("a b c"), spec_of("a b c").untuned()},
      {"RingRestarts", spec_of("a b c").ring(), spec_of("a b c").ring().setting("report_host", "here")},
      {"GroupRestarts", group("a b c"), group("a b c").setting("report_host", "here")},
      {"MultiPrimaryRestarts", multi("a b c"), multi("a b c").setting("report_host", "here")},
      {"TreeToRing", spec_of("a b c"), spec_of("a b c").ring()},
      {"TreeToSemiSyncRing", spec_of("a b c"), spec_of("a b c").acks(1).ring()},
      {"SemiSyncTreeToRing", spec_of("a b c").acks(1), spec_of("a b c").ring()},
      {"RingToTree", spec_of("a b c").ring(), spec_of("a b c")},
      {"SemiSyncRingToSemiSyncTree", spec_of("a b c").acks(1).ring(), spec_of("a b c").acks(1)},
      {"TreeToPair", spec_of("a b"), spec_of("a b").ring()},
      {"PairToTree", spec_of("a b").ring(), spec_of("a b")},
      {"PairToRing", spec_of("a b").ring(), spec_of("a b c").ring()},
      {"RingToPair", spec_of("a b c").ring(), spec_of("a b").ring()},
      {"RingAsyncToSemiSync", spec_of("a b c").ring(), spec_of("a b c").acks(1).ring()},
      {"RingSemiSyncToAsync", spec_of("a b c").acks(1).ring(), spec_of("a b c").ring()},
      {"RingNodeAdded", spec_of("a b c").acks(1).ring(), spec_of("a b c d").acks(1).ring()},
      {"RingNodeRemoved", spec_of("a b c d").acks(1).ring(), spec_of("a b c").acks(1).ring()},
      {"RingNodeReplaced", spec_of("a b c").ring(), spec_of("a b d").ring()},
      {"RingInAnotherOrder", spec_of("a b c d").ring(), spec_of("a c b d").ring()},
      {"TreeToGroup", spec_of("a b c"), group("a b c")},
      {"SemiSyncTreeToGroup", spec_of("a b c").acks(1), group("a b c")},
      {"GroupToTree", group("a b c"), spec_of("a b c")},
      {"GroupToSemiSyncTree", group("a b c"), spec_of("a b c").acks(1)},
      {"TreeToMultiPrimary", spec_of("a b c"), multi("a b c")},
      {"MultiPrimaryToTree", multi("a b c"), spec_of("a b c")},
      {"SingleToMultiPrimary", group("a b c"), multi("a b c")},
      {"MultiToSinglePrimary", multi("a b c"), group("a b c")},
      {"MemberAdded", group("a b c"), group("a b c d")},
      {"MemberRemoved", group("a b c d"), group("a b c")},
      {"MemberReplaced", group("a b c"), group("a b d")},
      // Without GTIDs, and on to GTIDs.
      {"BinlogToGtid", spec_of("a b c").by_position(), spec_of("a b c")},
      {"BinlogChainToGtid", chain().acks(1).by_position(), chain().acks(1)},
      {"BinlogToGtidAndSemiSync", spec_of("a b c").by_position(), spec_of("a b c").acks(1)},
      {"BinlogChainRearranged", spec_of("a b c d").by_position().follows("d", "b"),
       spec_of("a b c d").by_position().follows("d", "c")},
      {"BinlogNodeAdded", spec_of("a b c").acks(1).by_position(), spec_of("a b c d").acks(1).by_position()},
      {"BinlogSourceMoved", spec_of("a b c").acks(1).by_position(), spec_of("a b c").acks(1).by_position().source("b")},
      {.name = "BinlogCommitsHang",
       .from = spec_of("a b").acks(1).by_position(),
       .to = spec_of("a b").acks(1).by_position(),
       .prepare = empty_b},
      // Data by a clone.
      {.name = "NodeAddedByClone",
       .from = spec_of("a b c").acks(1),
       .to = spec_of("a b c d").acks(1),
       .prepare = purge},
      {.name = "ChainNodeAddedByClone",
       .from = spec_of("a b c").acks(1),
       .to = spec_of("a b c d").acks(1).follows("d", "c"),
       .prepare = purge},
      {.name = "RingNodeAddedByClone",
       .from = spec_of("a b c").acks(1).ring(),
       .to = spec_of("a b c d").acks(1).ring(),
       .prepare = purge},
      {.name = "MemberAddedByClone", .from = group("a b c"), .to = group("a b c d"), .prepare = purge},
      {.name = "DivergedNodeRebuilt",
       .from = spec_of("a b c").acks(1),
       .to = spec_of("a b c").acks(1),
       .prepare = diverge_c,
       .seen_for = 5s,
       .may_lose = {kC}},
      // From nothing.
      {"FreshTree", served(spec_of("a b c")), with_policy(served(spec_of("a b c"))), Start::Fresh},
      {"FreshSemiSyncChain", chain().acks(1), chain().acks(1), Start::Fresh},
      {"FreshRing", spec_of("a b c").acks(1).ring(), spec_of("a b c").acks(1).ring(), Start::Fresh},
      {"FreshGroup", group("a b c"), group("a b c"), Start::Fresh},
      {"FreshMultiPrimary", served(multi("a b c")), served(multi("a b c")), Start::Fresh},
      {"FreshBinlog", spec_of("a b c").acks(1).by_position(), spec_of("a b c").acks(1).by_position(), Start::Fresh},
      // Accounts, and what had stopped.
      {"AccountsAdded", spec_of("a b c").acks(1), served(spec_of("a b c").acks(1))},
      {"AccountsNamedNoMore", served(spec_of("a b c").acks(1)), spec_of("a b c").acks(1)},
      {.name = "PasswordsRotated",
       .from = served(spec_of("a b c").acks(1)),
       .to = served(spec_of("a b c").acks(1)),
       .prepare = change_secrets},
      {.name = "GroupPasswordsRotated",
       .from = served(group("a b c")),
       .to = served(group("a b c")),
       .prepare = change_secrets},
      {.name = "GrantsGivenBack",
       .from = served(spec_of("a b c")),
       .to = served(spec_of("a b c")).setting("max_connections", "321"),
       .prepare = lose_grants},
      {.name = "StoppedReplicaStarted",
       .from = spec_of("a b c").acks(1),
       .to = spec_of("a b c").acks(1).setting("max_connections", "321"),
       .prepare = stop_b},
      // Whom others follow.
      {"IntermediateRemoved", spec_of("a b c d").acks(1).follows("c", "b"), spec_of("a c d").acks(1)},
      {"IntermediateReplaced", spec_of("a b c").acks(1).follows("c", "b"), spec_of("a d c").acks(1).follows("c", "d")},
      {"ChainNodeAdded", spec_of("a b c").acks(1).follows("c", "b"),
       spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c")},
      {"ChainNodeRemoved", chain().acks(1), spec_of("a b c").acks(1).follows("c", "b")},
      {"ChainNodeReplaced", spec_of("a b c").acks(1).follows("c", "b"), spec_of("a b d").acks(1).follows("d", "b")},
      {"ParentAndChildSwapped", chain().acks(1), spec_of("a b c d").acks(1).follows("b", "c").follows("d", "b")},
      {"SourceMovedInAChain", spec_of("a b c d").acks(1).follows("c", "b"),
       spec_of("a b c d").acks(1).follows("c", "b").source("b")},
      // Rings and groups.
      {"PairNodeReplaced", spec_of("a b").acks(1).ring(), spec_of("a c").acks(1).ring()},
      {"RingAsyncToSync", spec_of("a b c").ring(), spec_of("a b c").sync_all().ring()},
      {"SyncRingToSyncTree", spec_of("a b c").sync_all().ring(), spec_of("a b c").sync_all()},
      {"SyncTreeToSyncRing", spec_of("a b c").sync_all(), spec_of("a b c").sync_all().ring()},
      {"ChainToRing", chain().acks(1), spec_of("a b c d").acks(1).ring()},
      {"MultiPrimaryMemberAdded", multi("a b c"), multi("a b c d")},
      {"MultiPrimaryMemberReplaced", multi("a b c"), multi("a b d")},
      {"MultiPrimaryFirstMemberRemoved", multi("a b c"), multi("b c")},
      {"ChainToGroup", chain().acks(1), group("a b c d")},
      {"SyncTreeToGroup", spec_of("a b c").sync_all(), group("a b c")},
      {"GroupToSyncTree", group("a b c"), spec_of("a b c").sync_all()},
      {"GroupToChain", group("a b c d"), chain().acks(1)},
      // The topology and its nodes at once.
      {"TreeToRingOfMore", spec_of("a b c").acks(1), spec_of("a b c d").acks(1).ring()},
      {"TreeToRingOfFewer", spec_of("a b c d").acks(1), spec_of("a b c").acks(1).ring()},
      {"RingToTreeOfMore", spec_of("a b c").acks(1).ring(), spec_of("a b c d").acks(1)},
      {"RingToTreeOfFewer", spec_of("a b c d").acks(1).ring(), spec_of("a b c").acks(1)},
      {"TreeToGroupOfMore", spec_of("a b c").acks(1), group("a b c d")},
      {"TreeToGroupOfFewer", spec_of("a b c d").acks(1), group("a b c")},
      {"GroupToTreeOfMore", group("a b c"), spec_of("a b c d").acks(1)},
      {"GroupToTreeOfFewer", group("a b c d"), spec_of("a b c").acks(1)},
      {"RingToTreeOfTwo", spec_of("a b c").ring(), spec_of("a b")},
      {"SyncNodeReplaced", spec_of("a b c").sync_all(), spec_of("a b d").sync_all()},
      {"MultiPrimaryToTreeOfFewer", multi("a b c d"), spec_of("a b c")},
  };
  return all;
}

const std::vector<RefusedChange>& refused_changes() {
  const auto tree = [] { return spec_of("a b c").acks(1); };
  static const std::vector<RefusedChange> all{
      {{"PrimaryRemoved", tree(), spec_of("b c").acks(1)},
       {"a is the primary and is not in the new file", "replctl switchover"}},
      {{"PrimaryMemberRemoved", group("a b c"), group("b c")},
       {"a is the primary and is not in the new file", "replctl switchover"}},
      {{"PrimaryMemberReplaced", group("a b c"), group("b c d")},
       {"a is the primary and is not in the new file", "replctl switchover"}},
      {{"RingToGroup", tree().ring(), group("a b c")}, {"in one step is not possible", "apply source-replica first"}},
      {{"GroupToRing", group("a b c"), tree().ring()}, {"in one step is not possible", "apply source-replica first"}},
      {{"GtidToBinlog", tree(), tree().by_position()}, {"from gtid to binlog", "By hand", "replctl forget"}},
      {{"BinlogToGtidWithNodeAdded", tree().by_position(), spec_of("a b c d").acks(1)},
       {"positioning and nodes change in one file", "with the nodes as they are"}},
      {{"SourceMovedAndAcks", tree(), tree().source("b").acks(2)},
       {"changes other things as well", "with a as the source first"}},
      {{"SemiSyncRingRestarts", tree().ring(), tree().ring().setting("report_host", "here")},
       {"has to be restarted for report_host", "mode: async"}},
      {{"RestartAndAnotherTopology", spec_of("a b c"), spec_of("a b c").ring().setting("report_host", "here")},
       {"has to be restarted for report_host", "apply the one, then the other"}},
  };
  return all;
}

}  // namespace repl::test

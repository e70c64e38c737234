// From what was found to the file that says it.
#include <gtest/gtest.h>

#include "plan/converge.hpp"
#include "spec/parse.hpp"
#include "unit/adopt/found.hpp"

namespace repl::test {
namespace {

using Names = std::vector<std::string>;

/// The file that is printed says the same, and applied it changes nothing.
void expect_taken_up_as_it_is(const adopt::Description& d) {
  const auto text = adopt::document(d);
  const auto parsed = spec::parse(text, "adopted.yaml", "/");
  ASSERT_TRUE(parsed.ok()) << text << "\n" << to_string(parsed.errors.front());
  EXPECT_EQ(parsed.clusters.front(), d.spec) << text;
  EXPECT_TRUE(d.spec.observes());
  EXPECT_EQ(d.differences, Names{});
  const auto plan = plan::plan_converge(d.spec, {}, nullptr, d.view);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->empty());
}

/// Given into repld's hands it gets what nodes lack, and replication goes on untouched.
void expect_no_replication_is_touched(const adopt::Description& d) {
  auto full = d.spec;
  full.management = Management::Full;
  const auto office = plan::office_after(d.spec, {}, d.view, kNow);
  const auto plan = plan::plan_converge(full, office, &d.spec, d.view);
  ASSERT_TRUE(plan) << plan.error().message;
  for (const auto& planned : plan->steps) {
    const auto& step = planned.step;
    const bool harmless =
        std::holds_alternative<InstallPlugin>(step) || std::holds_alternative<SetVariable>(step) ||
        std::holds_alternative<PersistReadOnly>(step) || std::holds_alternative<CreateAccount>(step) ||
        std::holds_alternative<WaitForApplied>(step) ||
        (std::holds_alternative<SetReadOnly>(step) && std::get<SetReadOnly>(step).to == ReadOnly::Super);
    // Of a node that follows nobody it says only what it will do as a replica.
    const bool later =
        std::holds_alternative<SetSemiSyncReplica>(step) && d.view.reachable(node_of(step))->channel() == nullptr;
    EXPECT_TRUE(harmless || later) << describe(step);
  }
}

void expect_refused(const Found& found, ErrorCode code, const Names& parts) {
  const auto d = adopt::describe(found, order_of());
  ASSERT_FALSE(d) << adopt::document(*d);
  EXPECT_EQ(d.error().code, code) << d.error().message;
  for (const auto& part : parts) EXPECT_NE(d.error().message.find(part), std::string::npos) << d.error().message;
}

// ---- shapes
// -----------------------------------------------------------------------------------------------------------

TEST(Describe, AChain) {
  const auto d = described(chain());
  EXPECT_EQ(d.spec.topology, TopologyType::SourceReplica);
  EXPECT_EQ(names_of(d.spec), (Names{"db-a", "db-b", "db-c", "db-d"}));
  EXPECT_EQ(d.spec.declared_source()->id.name, "db-a");
  EXPECT_FALSE(d.spec.nodes[1].follows) << "that is whom it follows anyway";
  EXPECT_EQ(d.spec.nodes[2].follows, NodeId{"db-b"});
  EXPECT_EQ(d.spec.nodes[3].follows, NodeId{"db-c"});
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, IsTheSameFromWhereverItIsFound) {
  auto found = chain();
  std::reverse(found.servers.begin(), found.servers.end());
  EXPECT_EQ(described(found).spec, described(chain()).spec);

  auto flat = Found{"a c b d"}.follows("d", "a").follows("c", "a").follows("b", "a");
  EXPECT_EQ(names_of(described(flat).spec), (Names{"db-a", "db-b", "db-c", "db-d"}));
  EXPECT_EQ(names_of(described(Found{"c b a"}.group("a b c", "b")).spec), (Names{"db-b", "db-a", "db-c"}));
}

TEST(Describe, TwoSources) {
  const auto d = described(Found{"a b"}.ring("a b"));
  EXPECT_EQ(d.spec.topology, TopologyType::SourceSource);
  EXPECT_EQ(d.notes, Names{});
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, ARingInTheOrderOfItsKeys) {
  const auto d = described(Found{"a b c"}.ring("b a c"));
  EXPECT_EQ(d.spec.topology, TopologyType::Circular);
  EXPECT_EQ(names_of(d.spec), (Names{"db-b", "db-a", "db-c"}));
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, ARingThatCountsOtherwiseSaysWhatThatMeans) {
  auto found = Found{"a b c"}.ring("a b c");
  found.variable("b", "auto_increment_increment") = "1";
  const auto d = described(found);
  EXPECT_TRUE(any_has(d.notes, "writes stop for a moment")) << testing::PrintToString(d.notes);
  expect_taken_up_as_it_is(d);
}

TEST(Describe, AGroup) {
  auto found = Found{"a b c"}.group("a b c", "b");
  found.variable("a", "group_replication_member_weight") = "70";
  const auto d = described(found);
  EXPECT_EQ(d.spec.topology, TopologyType::GroupSinglePrimary);
  EXPECT_EQ(names_of(d.spec), (Names{"db-b", "db-a", "db-c"}));
  EXPECT_EQ(d.spec.group, (GroupSpec{.expel_after = 5s,
                                     .majority_timeout = 0s,
                                     .consistency = GroupConsistency::Eventual,
                                     .weights = {{"db-a", 70}}}));
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, AGroupInWhichAllWrite) {
  auto found = Found{"a b c"}.group("a b c", "");
  found.variable("a", "auto_increment_offset") = "3";
  found.variable("b", "auto_increment_offset") = "1";
  found.variable("c", "auto_increment_offset") = "2";
  const auto d = described(found);
  EXPECT_EQ(d.spec.topology, TopologyType::GroupMultiPrimary);
  EXPECT_EQ(names_of(d.spec), (Names{"db-b", "db-c", "db-a"}));
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

// ---- fields
// -----------------------------------------------------------------------------------------------------------

TEST(Describe, CommitsThatWait) {
  for (const auto timeout : {10'000ms, std::chrono::milliseconds{1'000'000'000}}) {
    auto found = Found{"a b c"}.follows("b", "a").follows("c", "a");
    auto& source = found.now("a").semi_sync;
    source.source_plugin = source.source_enabled = source.source_status = source.wait_no_replica = source.after_sync =
        true;
    source.wait_for_count = 2;
    source.timeout = timeout;
    for (const auto* replica : {"b", "c"}) {
      found.now(replica).semi_sync.replica_plugin = found.now(replica).semi_sync.replica_enabled = true;
      found.now(replica).semi_sync.source_plugin = true;
    }
    found.now("a").semi_sync.replica_plugin = true;
    const auto d = described(found);
    EXPECT_EQ(d.spec.sync.mode, DataSyncType::SemiSync);
    EXPECT_EQ(d.spec.sync.acks, 2);
    EXPECT_EQ(d.spec.waits_for_acks(), timeout != 10'000ms);
    EXPECT_EQ(d.spec.sync.timeout, 10'000ms);
    expect_taken_up_as_it_is(d);
    expect_no_replication_is_touched(d);
  }
}

TEST(Describe, ADelay) {
  auto found = Found{"a b c"}.follows("b", "a").follows("c", "a");
  found.now("c").channels.front().delay = 3600s;
  const auto d = described(found);
  EXPECT_EQ(d.spec.find(NodeId{"db-c"})->delay, 3600s);
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, WhatRepldWouldSetOtherwiseSoThatItDoesNot) {
  auto d = described(chain());
  EXPECT_EQ(d.spec.settings, (std::map<std::string, std::string>{{"replica_net_timeout", "60"}}));
  auto found = chain();
  found.variable("c", "replica_net_timeout") = "10";
  d = described(found);
  EXPECT_TRUE(d.spec.settings.empty());
  EXPECT_TRUE(d.spec.find(NodeId{"db-c"})->settings.empty()) << "that is what repld would set";
  EXPECT_EQ(d.spec.find(NodeId{"db-d"})->settings.at("replica_net_timeout"), "60");
  expect_taken_up_as_it_is(d);
}

TEST(Describe, NodesAreNamedByTheirHostsAndAddressesByPlace) {
  auto found = chain();
  const auto move = [&](const std::string& server, const std::string& replica, const Address& to) {
    found[server].reached = to;
    if (!replica.empty()) found.now(replica).channels.front().source = to;
  };
  move("a", "b", {"127.0.0.1", 3301});
  move("b", "c", {"fd00::7", 3306});
  move("c", "d", {"eu_1.db.example.com", 3306});
  move("d", "", {"eu_1.other.example.com", 3399});
  const auto d = described(found);
  EXPECT_EQ(names_of(d.spec), (Names{"db1", "db2", "eu_1", "eu_1-3399"}));
  expect_taken_up_as_it_is(d);
}

TEST(Describe, AServerByTheNameThatItsReplicasUse) {
  auto found = chain();
  found.now("b").channels.front().source = {"primary.internal", 3306};
  const auto d = described(found);
  EXPECT_EQ(d.spec.nodes[0].address, (Address{"primary.internal", 3306}));
  EXPECT_TRUE(any_has(d.notes, "primary.internal:3306"));
  expect_taken_up_as_it_is(d);
}

TEST(Describe, AccountsByNameAndTheirPasswordsAsFilesToBeFilledIn) {
  const auto d = described(chain());
  EXPECT_EQ(d.spec.accounts.at(AccountRole::Admin), order_of().admin);
  EXPECT_EQ(d.spec.accounts.at(AccountRole::Replication),
            (Account{"repl", {SecretRef::Kind::File, "/secrets/adopted-replication"}, {}}));
  EXPECT_NE(adopt::document(d).find("Put the password that the channels use today"), std::string::npos);
}

TEST(Describe, AnAdminWhoReplicatesAsWellGetsAnAccountBesideIt) {
  auto found = chain();
  for (auto& server : found.servers) server.replication_users = {order_of().admin.user};
  const auto d = described(found);
  EXPECT_EQ(d.spec.accounts.at(AccountRole::Replication).user, "repl_replica");
  EXPECT_TRUE(any_has(d.notes, "which is the admin account"));
  expect_taken_up_as_it_is(d);
}

TEST(Describe, ClonesOnlyWhereAllHaveThePlugin) {
  auto found = chain();
  EXPECT_EQ(described(found).spec.provisioning, Provisioning::None);
  for (auto& server : found.servers) server.now.inventory->clone_plugin = true;
  EXPECT_EQ(described(found).spec.provisioning, Provisioning::Clone);
}

TEST(Describe, TheNameThatSomebodyGaveIt) {
  auto order = order_of();
  order.name = ClusterId{"shop"};
  EXPECT_EQ(described(chain(), order).spec.cluster.name, "shop");
  order.name = ClusterId{"Not A Name"};
  const auto d = adopt::describe(chain(), order);
  ASSERT_FALSE(d);
  EXPECT_NE(d.error().message.find("name"), std::string::npos);
}

TEST(Describe, ReplicasThatTakeWritesAreADifference) {
  auto found = chain();
  found.now("c").read_only = ReadOnly::Off;
  const auto d = described(found);
  ASSERT_EQ(d.differences.size(), 1U);
  EXPECT_NE(d.differences[0].find("db-c takes writes"), std::string::npos);
  EXPECT_NE(adopt::document(d).find("Differs: db-c takes writes"), std::string::npos);
}

TEST(Describe, ATreeWithoutGtids) {
  auto found = chain();
  for (auto& server : found.servers) {
    server.now.gtid_mode = GtidMode::Off;
    for (auto& channel : server.now.channels) channel.auto_position = false;
  }
  const auto d = described(found);
  EXPECT_EQ(d.spec.positioning, Positioning::Binlog);
  EXPECT_NE(adopt::document(d).find("positioning: binlog"), std::string::npos);
  expect_taken_up_as_it_is(d);
}

TEST(Describe, WhoWasSeenAndNotReached) {
  auto found = chain();
  found.unreached.push_back({{"10.9.9.9", 3306}, "follows db-a:3306", "Access denied"});
  const auto d = described(found);
  EXPECT_TRUE(any_has(d.notes, "10.9.9.9:3306 (follows db-a:3306) is not in this file: Access denied"));
  expect_taken_up_as_it_is(d);
}

// ---- what no file can say
// ---------------------------------------------------------------------------------------------

TEST(DescribeRefuses, NothingThatAnswers) {
  Found found{""};
  found.unreached.push_back({{"db-a", 3306}, "named by you", "connection refused"});
  expect_refused(found, ErrorCode::PreconditionFailed, {"no server answers", "connection refused"});
}

TEST(DescribeRefuses, ServersOfWhichSomeHaveGtids) {
  auto found = chain();
  found.now("c").gtid_mode = GtidMode::Off;
  expect_refused(found, ErrorCode::NotSupported, {"db-c:3306 has gtid_mode OFF, and db-a:3306 has ON"});
}

TEST(DescribeRefuses, ServersOnTheirWayToGtids) {
  auto found = chain();
  for (const auto* name : {"a", "b", "c"}) found.now(name).gtid_mode = GtidMode::OnPermissive;
  expect_refused(found, ErrorCode::NotSupported, {"db-a:3306 has gtid_mode ON_PERMISSIVE", "a step at a time"});
}

TEST(DescribeRefuses, ARingWithoutGtids) {
  Found found{"a b c"};
  found.ring("a b c");
  for (const auto* name : {"a", "b", "c"}) found.now(name).gtid_mode = GtidMode::Off;
  expect_refused(found, ErrorCode::NotSupported, {"rings are kept with GTIDs only"});
}

TEST(DescribeRefuses, PositionsInFiles) {
  auto found = chain();
  found.now("c").channels.front().auto_position = false;
  expect_refused(found, ErrorCode::NotSupported, {"db-c:3306", "SOURCE_AUTO_POSITION = 1"});
}

TEST(DescribeRefuses, SeveralChannels) {
  auto found = chain();
  auto second = found.now("c").channels.front();
  second.name = "more";
  second.source = address_of({"a"});
  found.now("c").channels.push_back(second);
  expect_refused(found, ErrorCode::NotSupported, {"db-c:3306 has 2 replication channels", "'more' from db-a:3306"});
}

TEST(DescribeRefuses, ASourceThatCannotBeLookedAt) {
  auto found = chain();
  found.servers.erase(found.servers.begin());
  found.unreached.push_back({address_of({"a"}), "source of db-b:3306", "connection refused"});
  expect_refused(found, ErrorCode::PreconditionFailed,
                 {"db-b:3306 follows db-a:3306, which cannot be looked at (connection refused)"});
}

TEST(DescribeRefuses, TwoTopologies) {
  expect_refused(Found{"a b c d"}.follows("b", "a").follows("d", "c"), ErrorCode::NotSupported,
                 {"2 servers follow nobody (db-a:3306, db-c:3306)"});
}

TEST(DescribeRefuses, ASingleServer) {
  expect_refused(Found{"a"}, ErrorCode::PreconditionFailed, {"nobody is known to follow it"});
}

TEST(DescribeRefuses, WhatHangsBelowARing) {
  expect_refused(Found{"a b c"}.ring("a b").follows("c", "b"), ErrorCode::NotSupported,
                 {"2 servers form a ring, and db-c:3306 follow it"});
  expect_refused(Found{"c a b d"}.ring("a b").follows("c", "b").follows("d", "c"), ErrorCode::NotSupported,
                 {"2 servers form a ring"});
}

TEST(DescribeRefuses, ARingBesideATree) {
  expect_refused(Found{"a b c d"}.ring("a b").follows("d", "c"), ErrorCode::NotSupported, {"circle"});
}

TEST(DescribeRefuses, TwoGroups) {
  auto found = Found{"a b c d"}.group("a b", "a", "one").group("c d", "c", "two");
  expect_refused(found, ErrorCode::NotSupported, {"2 groups (one, two)"});
}

TEST(DescribeRefuses, AGroupWithReplicas) {
  expect_refused(Found{"a b c"}.group("a b", "a").follows("c", "a"), ErrorCode::NotSupported,
                 {"db-c:3306 is no ONLINE member"});
}

TEST(DescribeRefuses, AMemberThatCannotBeLookedAt) {
  auto found = Found{"a b c"}.group("a b c", "a");
  found.servers.pop_back();
  expect_refused(found, ErrorCode::PreconditionFailed, {"db-c:3306 is a member of the group and cannot be looked at"});
}

TEST(DescribeRefuses, DifferentNamesOfOneServer) {
  auto found = Found{"a b c"}.follows("b", "a").follows("c", "a");
  found.now("c").channels.front().source = {"other-name", 3306};
  expect_refused(found, ErrorCode::PreconditionFailed, {"by different names (db-a:3306, other-name:3306)"});
}

TEST(DescribeRefuses, MoreThanCouldBeLookedAt) {
  auto found = chain();
  found.cut_short = true;
  expect_refused(found, ErrorCode::NotSupported, {"more than could be looked at"});
}

TEST(DescribeRefuses, MoreReplicasThanAFileHolds) {
  Found found{"a b c d e f g h i j k l"};
  for (const auto* replica : {"b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}) found.follows(replica, "a");
  expect_refused(found, ErrorCode::NotSupported, {"1 to 9 replicas"});
}

TEST(DescribeRefuses, EverythingAtOnce) {
  auto found = chain();
  found.now("a").gtid_mode = GtidMode::Off;
  found.now("b").log_replica_updates = false;
  expect_refused(found, ErrorCode::NotSupported,
                 {"db-b:3306 has gtid_mode ON, and db-a:3306 has OFF", "log_replica_updates ON"});
}

// ---- filters and TLS
// ---------------------------------------------------------------------------------------------------

TEST(Describe, ANodeWithFiltersAndThoseBelowItAsNeverToBePromoted) {
  auto found = chain();
  found.now("c").channels.front().filters = "REPLICATE_WILD_IGNORE_TABLE=shop.audit%";
  const auto d = described(found);
  EXPECT_EQ(d.spec.find(NodeId{"db-b"})->promotion, Promotion::Neutral);
  EXPECT_EQ(d.spec.find(NodeId{"db-c"})->promotion, Promotion::Never);
  EXPECT_EQ(d.spec.find(NodeId{"db-d"})->promotion, Promotion::Never);
  EXPECT_TRUE(any_has(d.notes, "db-c has replication filters (REPLICATE_WILD_IGNORE_TABLE=shop.audit%)"));
  EXPECT_TRUE(any_has(d.notes, "db-d gets its data by db-c, which has replication filters"));
  expect_taken_up_as_it_is(d);
  expect_no_replication_is_touched(d);
}

TEST(Describe, ARingWithFiltersSaysThatItsNodesHaveNotTheSame) {
  auto found = Found{"a b"}.ring("a b");
  found.now("b").channels.front().filters = "REPLICATE_DO_DB=shop";
  const auto d = described(found);
  EXPECT_TRUE(any_has(d.notes, "the nodes of the ring have not the same data"));
  EXPECT_EQ(d.spec.find(NodeId{"db-b"})->promotion, Promotion::Neutral);
}

/// As on one machine, where repld's `preferred` asks for no TLS.
Found chain_on_this_machine(TlsMode mode) {
  auto found = chain();
  for (auto& server : found.servers) server.reached.host = "127.0.0.1";
  std::uint16_t port = 4000;
  for (auto& server : found.servers) server.reached.port = ++port;
  for (const auto& [replica, source] : {std::pair{"b", "a"}, {"c", "b"}, {"d", "c"}}) {
    found.now(replica).channels.front().source = found[source].reached;
    found.now(replica).inventory->receiver_tls = ReceiverTls{.mode = mode};
  }
  return found;
}

TEST(Describe, ChannelsThatAreEncryptedStaySo) {
  const auto d = described(chain_on_this_machine(TlsMode::Required));
  EXPECT_EQ(d.spec.tls.mode, TlsMode::Required);
  EXPECT_TRUE(any_has(d.notes, "tls.mode is required"));
  expect_taken_up_as_it_is(d);
  EXPECT_EQ(described(chain_on_this_machine(TlsMode::Disabled)).spec.tls.mode, TlsMode::Preferred);

  auto some = chain_on_this_machine(TlsMode::Required);
  some.now("d").inventory->receiver_tls = ReceiverTls{};
  EXPECT_TRUE(any_has(described(some).notes, "Not so yet, and once management is full: db4"));

  auto not_offered = chain_on_this_machine(TlsMode::Required);
  not_offered["d"].offers_tls = false;
  const auto refused = described(not_offered);
  EXPECT_EQ(refused.spec.tls.mode, TlsMode::Preferred) << "repld's own sessions would not be let in";
  EXPECT_TRUE(any_has(refused.differences, "write `tls: { mode: required }`"));
}

TEST(Describe, ChannelsThatCheckTheirSourceAreNamedUntilTheFileDoes) {
  const auto found = chain_on_this_machine(TlsMode::VerifyIdentity);
  const auto d = described(found);
  EXPECT_EQ(d.spec.tls.mode, TlsMode::Required);
  EXPECT_EQ(d.differences.size(), 3U);
  EXPECT_TRUE(any_has(d.differences, "write `tls: { mode: verify-identity, ca: FILE }`"));
  auto order = order_of();
  order.tls = {TlsMode::VerifyIdentity, "/ca.pem"};
  expect_taken_up_as_it_is(described(found, order));
}

TEST(Describe, WhatAChannelHasThatNoFileCanSay) {
  auto found = chain();
  found.now("b").inventory->receiver_tls =
      ReceiverTls{.mode = TlsMode::Required, .other_authority = true, .own_certificate = true};
  const auto d = described(found);
  EXPECT_TRUE(any_has(d.notes, "db-b checks its source by another authority than its own ssl_ca"));
  EXPECT_TRUE(any_has(d.notes, "db-b shows its source a certificate of its own"));
}

}  // namespace
}  // namespace repl::test

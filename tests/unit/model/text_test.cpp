// Names of values: each is read back as the value it names.
#include <gtest/gtest.h>

#include "model/error.hpp"
#include "model/operation.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl {
namespace {

template <class Table, class From>
void expect_read_back(const Table& table, From from) {
  for (const auto& row : table) {
    EXPECT_EQ(to_string(row.value), row.name);
    EXPECT_EQ(from(row.name), row.value) << row.name;
  }
  EXPECT_EQ(from(""), std::nullopt);
  EXPECT_EQ(from("something else"), std::nullopt);
}

TEST(Names, OfTheValuesOfASpecAreReadBack) {
  expect_read_back(kTopologyTypes, topology_type_from);
  expect_read_back(kPositionings, positioning_from);
  expect_read_back(kDataSyncTypes, data_sync_type_from);
  expect_read_back(kOnTooFewReplicas, on_too_few_replicas_from);
  expect_read_back(kNodeTypes, node_type_from);
  expect_read_back(kPromotions, promotion_from);
  expect_read_back(kFencingModes, fencing_mode_from);
  expect_read_back(kRejoins, rejoin_from);
  expect_read_back(kTlsModes, tls_mode_from);
  expect_read_back(kCompressions, compression_from);
  expect_read_back(kCompressionScopes, compression_scope_from);
  expect_read_back(kProvisionings, provisioning_from);
  expect_read_back(kSecretKinds, secret_kind_from);
  expect_read_back(kAccountRoles, account_role_from);
}

TEST(Names, OfTheValuesOfASnapshotAreReadBack) {
  expect_read_back(kReaches, reach_from);
  expect_read_back(kThreadStates, thread_state_from);
  expect_read_back(kReadOnlys, read_only_from);
}

TEST(Names, MasterAndSlaveAreReadAndNeverWritten) {
  EXPECT_EQ(node_type_from("master"), NodeType::Source);
  EXPECT_EQ(node_type_from("slave"), NodeType::Replica);
}

TEST(Names, OfErrorsAreReadBack) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_code_from(to_string(code)), code) << to_string(code);
  }
  EXPECT_EQ(error_code_from("no-such-error"), std::nullopt);
}

TEST(Names, OfGoalsAreReadBack) {
  for (const auto goal : {Goal::None, Goal::Converge, Goal::FailOver, Goal::SwitchOver, Goal::Reopen, Goal::Rejoin,
                          Goal::Repair, Goal::Fence}) {
    EXPECT_EQ(goal_from(to_string(goal)), goal) << to_string(goal);
  }
}

TEST(SecretRef, IsShownAsAReference) {
  EXPECT_EQ(to_string(SecretRef{SecretRef::Kind::File, "/etc/repld/secrets/admin"}), "file:/etc/repld/secrets/admin");
  EXPECT_EQ(to_string(SecretRef{SecretRef::Kind::Env, "ADMIN"}), "env:ADMIN");
}

TEST(SyncSpec, IsShownInOneWord) {
  EXPECT_EQ(to_string(SyncSpec{}), "async");
  EXPECT_EQ(to_string(SyncSpec{.mode = DataSyncType::SemiSync, .acks = 2}), "semi-sync(2)");
  EXPECT_EQ(to_string(SyncSpec{.mode = DataSyncType::Sync}), "sync");
}

TEST(Address, PutsBracketsAroundAnAddressWithColons) {
  EXPECT_EQ(to_string(Address{"db1", 3307}), "db1:3307");
  EXPECT_EQ(to_string(Address{"fd00::1", 3306}), "[fd00::1]:3306");
}

}  // namespace
}  // namespace repl

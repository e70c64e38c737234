// Look-ups in the tables of spec_text.hpp; a table that misses a value does not compile.
#include "model/spec_text.hpp"

#include <fmt/format.h>

namespace repl {

static_assert(is_complete(kTopologyTypes, TopologyType::GroupMultiPrimary));
static_assert(is_complete(kPositionings, Positioning::Binlog));
static_assert(is_complete(kDataSyncTypes, DataSyncType::Sync));
static_assert(is_complete(kOnTooFewReplicas, OnTooFewReplicas::DegradeToAsync));
static_assert(is_complete(kNodeTypes, NodeType::Normal));
static_assert(is_complete(kPromotions, Promotion::Never));
static_assert(is_complete(kFencingModes, FencingMode::None));
static_assert(is_complete(kRejoins, Rejoin::CloneIfErrant));
static_assert(is_complete(kCompressions, Compression::Zstd));
static_assert(is_complete(kCompressionScopes, CompressionScope::CrossRegion));
static_assert(is_complete(kTlsModes, TlsMode::VerifyIdentity));
static_assert(is_complete(kProvisionings, Provisioning::None));
static_assert(is_complete(kManagements, Management::Observe));
static_assert(is_complete(kDrifts, Drift::Report));
static_assert(is_complete(kHookPoints, HookPoint::PostSwitchover));
static_assert(is_complete(kTunings, Tuning::None));
static_assert(is_complete(kGroupConsistencies, GroupConsistency::BeforeAndAfter));
static_assert(is_complete(kSecretKinds, SecretRef::Kind::Exec));
static_assert(is_complete(kAccountRoles, AccountRole::Application));

std::string_view to_string(TopologyType value) {
  return name_in(kTopologyTypes, value);
}
std::string_view to_string(Positioning value) {
  return name_in(kPositionings, value);
}
std::string_view to_string(DataSyncType value) {
  return name_in(kDataSyncTypes, value);
}
std::string_view to_string(OnTooFewReplicas value) {
  return name_in(kOnTooFewReplicas, value);
}
std::string_view to_string(NodeType value) {
  return name_in(kNodeTypes, value);
}
std::string_view to_string(Promotion value) {
  return name_in(kPromotions, value);
}
std::string_view to_string(FencingMode value) {
  return name_in(kFencingModes, value);
}
std::string_view to_string(Rejoin value) {
  return name_in(kRejoins, value);
}
std::string_view to_string(Compression value) {
  return name_in(kCompressions, value);
}
std::string_view to_string(CompressionScope value) {
  return name_in(kCompressionScopes, value);
}
std::string_view to_string(TlsMode value) {
  return name_in(kTlsModes, value);
}
std::string_view to_string(Provisioning value) {
  return name_in(kProvisionings, value);
}
std::string_view to_string(Management value) {
  return name_in(kManagements, value);
}
std::string_view to_string(Drift value) {
  return name_in(kDrifts, value);
}
std::string_view to_string(HookPoint value) {
  return name_in(kHookPoints, value);
}
std::string_view to_string(Tuning value) {
  return name_in(kTunings, value);
}
std::string_view to_string(GroupConsistency value) {
  return name_in(kGroupConsistencies, value);
}
std::string_view to_string(SecretRef::Kind value) {
  return name_in(kSecretKinds, value);
}
std::string_view to_string(AccountRole value) {
  return name_in(kAccountRoles, value);
}

std::optional<TopologyType> topology_type_from(std::string_view name) {
  return value_in(kTopologyTypes, name);
}
std::optional<Positioning> positioning_from(std::string_view name) {
  return value_in(kPositionings, name);
}
std::optional<DataSyncType> data_sync_type_from(std::string_view name) {
  return value_in(kDataSyncTypes, name);
}
std::optional<OnTooFewReplicas> on_too_few_replicas_from(std::string_view name) {
  return value_in(kOnTooFewReplicas, name);
}
std::optional<NodeType> node_type_from(std::string_view name) {
  if (name == "master") return NodeType::Source;
  if (name == "slave") return NodeType::Replica;
  return value_in(kNodeTypes, name);
}
std::optional<Promotion> promotion_from(std::string_view name) {
  return value_in(kPromotions, name);
}
std::optional<FencingMode> fencing_mode_from(std::string_view name) {
  return value_in(kFencingModes, name);
}
std::optional<Rejoin> rejoin_from(std::string_view name) {
  return value_in(kRejoins, name);
}
std::optional<Compression> compression_from(std::string_view name) {
  return value_in(kCompressions, name);
}
std::optional<CompressionScope> compression_scope_from(std::string_view name) {
  return value_in(kCompressionScopes, name);
}
std::optional<TlsMode> tls_mode_from(std::string_view name) {
  return value_in(kTlsModes, name);
}
std::optional<Provisioning> provisioning_from(std::string_view name) {
  return value_in(kProvisionings, name);
}
std::optional<Management> management_from(std::string_view name) {
  return value_in(kManagements, name);
}
std::optional<Drift> drift_from(std::string_view name) {
  return value_in(kDrifts, name);
}
std::optional<Tuning> tuning_from(std::string_view name) {
  return value_in(kTunings, name);
}
std::optional<SecretRef::Kind> secret_kind_from(std::string_view name) {
  return value_in(kSecretKinds, name);
}
std::optional<AccountRole> account_role_from(std::string_view name) {
  return value_in(kAccountRoles, name);
}

std::string to_string(const SecretRef& reference) {
  return fmt::format("{}:{}", to_string(reference.kind), reference.value);
}

std::string to_string(const SyncSpec& sync) {
  return sync.mode == DataSyncType::SemiSync ? fmt::format("semi-sync({})", sync.acks)
                                             : std::string{to_string(sync.mode)};
}

std::string durability(const Spec& spec) {
  return spec.is_group() ? "group" : to_string(spec.sync);
}

}  // namespace repl

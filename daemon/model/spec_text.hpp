// The names of the values of spec.hpp, as the topology file, the API and the journal write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/enum_text.hpp"
#include "model/spec.hpp"

namespace repl {

inline constexpr std::array kTopologyTypes{
    EnumText{TopologyType::SourceReplica, "source-replica"},
    EnumText{TopologyType::SourceSource, "source-source"},
    EnumText{TopologyType::Circular, "circular"},
    EnumText{TopologyType::GroupSinglePrimary, "group-single-primary"},
    EnumText{TopologyType::GroupMultiPrimary, "group-multi-primary"},
};
inline constexpr std::array kPositionings{
    EnumText{Positioning::Gtid, "gtid"},
    EnumText{Positioning::Binlog, "binlog"},
};
inline constexpr std::array kDataSyncTypes{
    EnumText{DataSyncType::Async, "async"},
    EnumText{DataSyncType::SemiSync, "semi-sync"},
    EnumText{DataSyncType::Sync, "sync"},
};
inline constexpr std::array kOnTooFewReplicas{
    EnumText{OnTooFewReplicas::Wait, "wait"},
    EnumText{OnTooFewReplicas::DegradeToAsync, "degrade-to-async"},
};
inline constexpr std::array kNodeTypes{
    EnumText{NodeType::Source, "source"},
    EnumText{NodeType::Replica, "replica"},
    EnumText{NodeType::Normal, "normal"},
};
inline constexpr std::array kPromotions{
    EnumText{Promotion::Prefer, "prefer"},
    EnumText{Promotion::Neutral, "neutral"},
    EnumText{Promotion::Avoid, "avoid"},
    EnumText{Promotion::Never, "never"},
};
inline constexpr std::array kFencingModes{
    EnumText{FencingMode::Auto, "auto"},   EnumText{FencingMode::SemiSync, "semi-sync"},
    EnumText{FencingMode::Lease, "lease"}, EnumText{FencingMode::Hook, "hook"},
    EnumText{FencingMode::None, "none"},
};
inline constexpr std::array kRejoins{
    EnumText{Rejoin::Never, "never"},
    EnumText{Rejoin::IfClean, "if-clean"},
    EnumText{Rejoin::CloneIfErrant, "clone-if-errant"},
};
inline constexpr std::array kCompressions{
    EnumText{Compression::None, "none"},
    EnumText{Compression::Zlib, "zlib"},
    EnumText{Compression::Zstd, "zstd"},
};
inline constexpr std::array kCompressionScopes{
    EnumText{CompressionScope::All, "all"},
    EnumText{CompressionScope::CrossRegion, "cross-region"},
};
inline constexpr std::array kTlsModes{
    EnumText{TlsMode::Disabled, "disabled"},
    EnumText{TlsMode::Preferred, "preferred"},
    EnumText{TlsMode::Required, "required"},
    EnumText{TlsMode::VerifyCa, "verify-ca"},
    EnumText{TlsMode::VerifyIdentity, "verify-identity"},
};
inline constexpr std::array kProvisionings{
    EnumText{Provisioning::Clone, "clone"},
    EnumText{Provisioning::None, "none"},
};
inline constexpr std::array kManagements{
    EnumText{Management::Full, "full"},
    EnumText{Management::Observe, "observe"},
};
inline constexpr std::array kDrifts{
    EnumText{Drift::Repair, "repair"},
    EnumText{Drift::Report, "report"},
};
inline constexpr std::array kHookPoints{
    EnumText{HookPoint::PreFailover, "preFailover"},
    EnumText{HookPoint::PostFailover, "postFailover"},
    EnumText{HookPoint::PreSwitchover, "preSwitchover"},
    EnumText{HookPoint::PostSwitchover, "postSwitchover"},
};
inline constexpr std::array kTunings{
    EnumText{Tuning::Base, "base"},
    EnumText{Tuning::None, "none"},
};
/// As the server writes them.
inline constexpr std::array kGroupConsistencies{
    EnumText{GroupConsistency::Eventual, "EVENTUAL"},
    EnumText{GroupConsistency::BeforeOnPrimaryFailover, "BEFORE_ON_PRIMARY_FAILOVER"},
    EnumText{GroupConsistency::Before, "BEFORE"},
    EnumText{GroupConsistency::After, "AFTER"},
    EnumText{GroupConsistency::BeforeAndAfter, "BEFORE_AND_AFTER"},
};
inline constexpr std::array kSecretKinds{
    EnumText{SecretRef::Kind::File, "file"},
    EnumText{SecretRef::Kind::Env, "env"},
    EnumText{SecretRef::Kind::Exec, "exec"},
};
inline constexpr std::array kAccountRoles{
    EnumText{AccountRole::Admin, "admin"},
    EnumText{AccountRole::Replication, "replication"},
    EnumText{AccountRole::Monitoring, "monitoring"},
    EnumText{AccountRole::Application, "application"},
};

std::string_view to_string(TopologyType value);
std::string_view to_string(Positioning value);
std::string_view to_string(DataSyncType value);
std::string_view to_string(OnTooFewReplicas value);
std::string_view to_string(NodeType value);
std::string_view to_string(Promotion value);
std::string_view to_string(FencingMode value);
std::string_view to_string(Rejoin value);
std::string_view to_string(Compression value);
std::string_view to_string(CompressionScope value);
std::string_view to_string(TlsMode value);
std::string_view to_string(Provisioning value);
std::string_view to_string(Management value);
std::string_view to_string(Drift value);
std::string_view to_string(HookPoint value);
std::string_view to_string(Tuning value);
std::string_view to_string(GroupConsistency value);
std::string_view to_string(SecretRef::Kind value);
std::string_view to_string(AccountRole value);

/// Each is empty when no value has that name.
std::optional<TopologyType> topology_type_from(std::string_view name);
std::optional<Positioning> positioning_from(std::string_view name);
std::optional<DataSyncType> data_sync_type_from(std::string_view name);
std::optional<OnTooFewReplicas> on_too_few_replicas_from(std::string_view name);
/// "master" and "slave" are taken as aliases; to_string() never writes them.
std::optional<NodeType> node_type_from(std::string_view name);
std::optional<Promotion> promotion_from(std::string_view name);
std::optional<FencingMode> fencing_mode_from(std::string_view name);
std::optional<Rejoin> rejoin_from(std::string_view name);
std::optional<Compression> compression_from(std::string_view name);
std::optional<CompressionScope> compression_scope_from(std::string_view name);
std::optional<TlsMode> tls_mode_from(std::string_view name);
std::optional<Provisioning> provisioning_from(std::string_view name);
std::optional<Management> management_from(std::string_view name);
std::optional<Drift> drift_from(std::string_view name);
std::optional<Tuning> tuning_from(std::string_view name);
std::optional<SecretRef::Kind> secret_kind_from(std::string_view name);
std::optional<AccountRole> account_role_from(std::string_view name);

/// Where the secret is to be found, for people: "file:/etc/repld/secrets/admin", "env:MONITOR_PASSWORD".
std::string to_string(const SecretRef& reference);

/// Durability in one word, for status lines: "async", "semi-sync(1)", "sync".
std::string to_string(const SyncSpec& sync);
/// The same of a whole spec: a group agrees on commits in its own way, "group".
std::string durability(const Spec& spec);

}  // namespace repl

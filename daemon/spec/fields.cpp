// One function per mapping, each a table to be read row by row: name, where the value goes, what it may be.
#include "spec/fields.hpp"

#include <cctype>

#include "model/spec_text.hpp"

namespace repl::spec {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr auto kDay = std::chrono::hours{24};

// ---- kinds of text -------------------------------------------------------------------------------------------------

bool is_letter_or_digit(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}
bool is_lower_or_digit(char c) {
  return is_letter_or_digit(c) && std::isupper(static_cast<unsigned char>(c)) == 0;
}

bool consists_of(std::string_view text, bool (*letter)(char), std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || others.find(c) != std::string_view::npos; });
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Type<std::string> cluster_name() {
  return text("1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit", [](std::string_view t) {
    return !t.empty() && t.size() <= 63 && consists_of(t, is_lower_or_digit, "-") && t.front() != '-' &&
           t.back() != '-';
  });
}

Type<std::string> node_name() {
  return text("1 to 63 letters, digits and . _ -, beginning with a letter or digit", [](std::string_view t) {
    return !t.empty() && t.size() <= 63 && consists_of(t, is_letter_or_digit, "._-") && is_letter_or_digit(t.front());
  });
}

/// CHANGE REPLICATION SOURCE TO takes up to 255 ASCII characters. Source: MySQL 8.4 Reference Manual, 15.4.2.2.
Type<std::string> host() {
  return text("a host name or an address without port or brackets (the port has a field of its own)",
              [](std::string_view t) {
                const auto colons = std::count(t.begin(), t.end(), ':');
                return !t.empty() && t.size() <= 255 && consists_of(t, is_letter_or_digit, ".-_:%") && colons != 1 &&
                       t.front() != '-' && !t.ends_with(".invalid");
              });
}

Type<std::string> region() {
  return text("a text of at most 64 printable characters",
              [](std::string_view t) { return t.size() <= 64 && is_printable(t); });
}

/// The server allows 32 characters. Source: MySQL 8.4 Reference Manual, 8.2.1. Fewer kinds of them are taken here, so
/// that a name needs quotes nowhere.
Type<std::string> user_name() {
  return text("1 to 32 letters, digits and . _ - $, and none of the server's own (mysql.*)", [](std::string_view t) {
    return !t.empty() && t.size() <= 32 && consists_of(t, is_letter_or_digit, "._-$") && !t.starts_with("mysql.");
  });
}

Type<std::string> schema_name() {
  return text("the name of a schema, at most 64 characters, none of the server's own", [](std::string_view t) {
    constexpr std::array<std::string_view, 4> kSystem{"mysql", "sys", "information_schema", "performance_schema"};
    return !t.empty() && t.size() <= 64 && is_printable(t) && t.find_first_of("`/\\.") == std::string_view::npos &&
           std::find(kSystem.begin(), kSystem.end(), t) == kSystem.end();
  });
}

Type<std::string> table_name() {
  return text("schema.table", [](std::string_view t) {
    const auto dot = t.find('.');
    return dot != std::string_view::npos && dot > 0 && dot + 1 < t.size() &&
           t.find('.', dot + 1) == std::string_view::npos && is_printable(t);
  });
}

Type<std::string> file_path() {
  auto plain = text("the path of a file", [](std::string_view t) { return !t.empty() && is_printable(t); });
  return {
      [plain](Reader& reader, const Tree& tree) -> std::optional<std::string> {
        const auto path = plain.read(reader, tree);
        return path ? std::optional{reader.resolved(*path)} : std::nullopt;
      },
      [plain](const std::string& path, Defaults d) { return path.empty() ? nullptr : plain.write(path, d); },
  };
}

/// A name of ours, which is a struct with a `name`.
template <class Id>
Type<Id> id_of(Type<std::string> name) {
  return {
      [name](Reader& reader, const Tree& tree) -> std::optional<Id> {
        const auto value = name.read(reader, tree);
        return value ? std::optional{Id{*value}} : std::nullopt;
      },
      [name](const Id& id, Defaults d) { return name.write(id.name, d); },
  };
}

// ---- secrets -------------------------------------------------------------------------------------------------------

constexpr std::string_view kRightSecret = "{ file: PATH }, { env: VARIABLE } or { exec: COMMAND }";

bool is_variable_name(std::string_view t) {
  return !t.empty() && consists_of(t, is_letter_or_digit, "_") &&
         std::isdigit(static_cast<unsigned char>(t.front())) == 0;
}

/// Never shows a value, not even that of a wrong reference: somebody may have written the password there.
std::optional<SecretRef> read_secret(Reader& reader, const Tree& tree) {
  if (tree.kind != Tree::Kind::Mapping) {
    reader.error(tree.at, tree.kind == Tree::Kind::Null
                              ? fmt::format("has no value: write {}", kRightSecret)
                              : fmt::format("a password never stands in the file (the value is not repeated here): "
                                            "write {}",
                                            kRightSecret));
    return std::nullopt;
  }
  std::vector<std::string_view> kinds;
  for (const auto& row : kSecretKinds) kinds.push_back(row.name);
  bool wrong = false;
  for (const auto& entry : tree.entries) {
    if (secret_kind_from(entry.key)) continue;
    report_unknown(reader, entry, kinds);
    wrong = true;
  }
  if (wrong) return std::nullopt;
  if (tree.entries.size() != 1) {
    reader.error(tree.at, fmt::format("a secret is in one place: write one of {}", kRightSecret));
    return std::nullopt;
  }
  const auto& [key, at, value] = tree.entries.front();
  const auto kind = *secret_kind_from(key);
  const Reader::Scope scope{reader, key, {at, value->at}};
  if (value->kind != Tree::Kind::Scalar || value->text.empty() || !is_printable(value->text)) {
    reader.error(value->at, fmt::format("expected {}", kind == SecretRef::Kind::File  ? "the path of a file"
                                                       : kind == SecretRef::Kind::Env ? "the name of a variable"
                                                                                      : "a command"));
    return std::nullopt;
  }
  if (kind == SecretRef::Kind::Env && !is_variable_name(value->text)) {
    reader.error(value->at,
                 "not the name of an environment variable (the value is not repeated here): expected letters, "
                 "digits and _, not beginning with a digit");
    return std::nullopt;
  }
  return SecretRef{kind, kind == SecretRef::Kind::File ? reader.resolved(value->text) : value->text};
}

Type<SecretRef> secret() {
  return {
      read_secret,
      [](const SecretRef& ref, Defaults) -> TreePtr {
        Tree tree{.kind = Tree::Kind::Mapping};
        tree.entries.push_back({std::string{to_string(ref.kind)}, {}, scalar(ref.value)});
        tree.in_short = to_string(ref);
        return std::make_shared<const Tree>(std::move(tree));
      },
  };
}

// ---- server variables ----------------------------------------------------------------------------------------------

/// Variables that follow from another part of the file, or that differ from server to server by nature.
struct Reserved {
  std::string_view name;  ///< With a trailing *: every variable that begins so.
  std::string_view why;
};
constexpr std::array kReserved{
    Reserved{"read_only", "repld sets it: who takes writes follows from the term"},
    Reserved{"super_read_only", "repld sets it: who takes writes follows from the term"},
    Reserved{"offline_mode", "repld sets it when it fences a server"},
    Reserved{"rpl_semi_sync_*", "it follows from \"sync\""},
    Reserved{"gtid_mode", "it follows from \"positioning\""},
    Reserved{"enforce_gtid_consistency", "it follows from \"positioning\""},
    Reserved{"group_replication_group_*", "it follows from the topology"},
    Reserved{"group_replication_communication_stack", "repld's groups talk over the servers' own port"},
    Reserved{"group_replication_local_address", "it follows from the node's host and port"},
    Reserved{"group_replication_advertise_recovery_endpoints", "it follows from the node's host and port"},
    Reserved{"group_replication_single_primary_mode", "it follows from \"topology\""},
    Reserved{"group_replication_enforce_update_everywhere_checks", "it follows from \"topology\""},
    Reserved{"group_replication_ssl_mode", "it follows from \"tls\""},
    Reserved{"group_replication_recovery_use_ssl", "it follows from \"tls\""},
    Reserved{"group_replication_recovery_ssl_*", "it follows from \"tls\""},
    Reserved{"group_replication_recovery_get_public_key", "it follows from \"tls\""},
    Reserved{"group_replication_recovery_compression_algorithms", "it follows from \"network\""},
    Reserved{"group_replication_recovery_zstd_compression_level", "it follows from \"network\""},
    Reserved{"group_replication_member_expel_timeout", "it is groupReplication.expelAfter"},
    Reserved{"group_replication_unreachable_majority_timeout", "it is groupReplication.majorityTimeout"},
    Reserved{"group_replication_consistency", "it is groupReplication.consistency"},
    Reserved{"group_replication_member_weight", "it is groupReplication.weight"},
    Reserved{"group_replication_start_on_boot", "repld sets it: members join by themselves"},
    Reserved{"group_replication_bootstrap_group", "left on, the next start would make a second group"},
    Reserved{"group_replication_force_members", "a person decides that, at the server, when the majority is lost"},
    Reserved{"replica_skip_errors", "it follows from \"skipErrors\""},
    Reserved{"slave_skip_errors", "it follows from \"skipErrors\""},
    Reserved{"server_id", "it must differ on each server: set it in the server's own option file"},
};

const Reserved* reserved(std::string_view name) {
  const auto* const found = std::find_if(kReserved.begin(), kReserved.end(), [name](const Reserved& r) {
    return r.name.back() == '*' ? name.starts_with(r.name.substr(0, r.name.size() - 1)) : name == r.name;
  });
  return found == kReserved.end() ? nullptr : found;
}

bool is_variable(std::string_view name) {
  return !name.empty() && name.size() <= 64 && consists_of(name, is_lower_or_digit, "_.") &&
         std::islower(static_cast<unsigned char>(name.front())) != 0;
}

/// The value as the server itself prints it: ON and OFF for booleans, "64M" as a number of bytes.
std::string as_the_server_prints(const std::string& plain) {
  std::string lower;
  for (const char c : plain) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "true" || lower == "on") return "ON";
  if (lower == "false" || lower == "off") return "OFF";
  constexpr std::string_view kSuffixes = "kmgt";
  const auto power = lower.empty() ? std::string_view::npos : kSuffixes.find(lower.back());
  const auto digits = std::string_view{lower}.substr(0, lower.empty() ? 0 : lower.size() - 1);
  const bool is_size = power != std::string_view::npos && !digits.empty() && digits.size() <= 6 &&
                       digits.find_first_not_of("0123456789") == std::string_view::npos;
  return is_size ? fmt::format("{}", std::stoull(std::string{digits}) << (10 * (power + 1))) : plain;
}

using Settings = std::map<std::string, std::string>;

std::optional<Settings> read_settings(Reader& reader, const Tree& tree) {
  if (!expect_kind(reader, tree, Tree::Kind::Mapping)) return std::nullopt;
  Settings out;
  for (const auto& [name, at, value] : tree.entries) {
    if (!is_variable(name)) {
      reader.error(at, fmt::format("{} is no name of a server variable: expected a-z, 0-9, _ and .", shown(name)));
      continue;
    }
    const Reader::Scope scope{reader, name, {at, value->at}};
    if (const auto* row = reserved(name)) {
      reader.error(at, fmt::format("cannot be set by hand: {}", row->why));
    } else if (value->kind == Tree::Kind::Null) {
      reader.error(value->at, "has no value: remove the line, or write \"\" for an empty text");
    } else if (const auto given = read_scalar(reader, *value, "one value")) {
      if (is_printable(*given) && given->size() <= 1024) {
        out.emplace(name, value->quoted ? *given : as_the_server_prints(*given));
      } else {
        reader.error(value->at, "expected at most 1024 printable characters");
      }
    }
  }
  return out;
}

Type<Settings> settings() {
  return {
      read_settings,
      [](const Settings& from, Defaults) -> TreePtr {
        std::vector<Entry> entries;
        for (const auto& [name, value] : from) {
          Tree tree{.kind = Tree::Kind::Scalar};
          tree.text = value;
          tree.quoted = as_the_server_prints(value) != value;
          entries.push_back({name, {}, std::make_shared<const Tree>(std::move(tree))});
        }
        return entries.empty() ? nullptr : mapping(std::move(entries));
      },
  };
}

/// Written also when it is empty: on a node that is another thing than nothing.
Type<std::vector<int>> error_numbers() {
  const auto list = list_of(integer(1000, 65535));
  return {list.read, [list](const std::vector<int>& numbers, Defaults defaults) -> TreePtr {
            return numbers.empty() ? sequence({}) : list.write(numbers, defaults);
          }};
}

// ---- mappings of the document --------------------------------------------------------------------------------------

Fields<SyncSpec> sync_fields() {
  return {
      field<SyncSpec>("mode", &SyncSpec::mode, one_of(kDataSyncTypes), Presence::Shown),
      field<SyncSpec>("acks", &SyncSpec::acks, integer(1, 9)),
      field<SyncSpec>("onTooFewReplicas", &SyncSpec::on_too_few, one_of(kOnTooFewReplicas)),
      field<SyncSpec>("timeout", &SyncSpec::timeout, duration<milliseconds>(10ms, kDay)),
  };
}

Fields<NodeSpec> node_fields() {
  const auto host_of = [](auto& node) -> auto& {
    return node.address.host;
  };
  const auto port = integer(1, 65535);
  return {
      field<NodeSpec>("name", &NodeSpec::id, id_of<NodeId>(node_name()), Presence::Required),
      field<NodeSpec>("host", host_of, host(), Presence::Required),
      Field<NodeSpec>{.name = "port",
                      .presence = Presence::Shown,
                      .read =
                          [port](Reader& reader, const Tree& tree, NodeSpec& node) {
                            if (const auto value = port.read(reader, tree))
                              node.address.port = static_cast<std::uint16_t>(*value);
                          },
                      .write = [port](const NodeSpec& node, Defaults d) { return port.write(node.address.port, d); }},
      field<NodeSpec>("type", &NodeSpec::type, one_of<NodeType>(kNodeTypes, node_type_from), Presence::Shown),
      field<NodeSpec>("region", &NodeSpec::region, region()),
      field<NodeSpec>("promotion", &NodeSpec::promotion, one_of(kPromotions)),
      field<NodeSpec>("delay", &NodeSpec::delay, duration<seconds>(0s, 365 * kDay)),
      field<NodeSpec>("readWeight", &NodeSpec::read_weight, integer(0, 1000)),
      optional_field<NodeSpec>("follows", &NodeSpec::follows, id_of<NodeId>(node_name())),
      field<NodeSpec>("nodeSettings", &NodeSpec::settings, settings()),
      optional_field<NodeSpec>("skipErrors", &NodeSpec::skip_errors, error_numbers()),
  };
}

Fields<Account> account_fields(AccountRole role) {
  Fields<Account> rows{
      field<Account>("user", &Account::user, user_name(), Presence::Required),
      field<Account>("password", &Account::password, secret(), Presence::Required),
  };
  if (role == AccountRole::Application) {
    rows.push_back(field<Account>("schemas", &Account::schemas, list_of(schema_name())));
  }
  return rows;
}

using Accounts = std::map<AccountRole, Account>;

Fields<Accounts> accounts_fields() {
  Fields<Accounts> rows;
  for (const auto& [role, name] : kAccountRoles) {
    const auto type = mapping_of(account_fields(role));
    const bool needed = role == AccountRole::Admin || role == AccountRole::Replication;
    rows.push_back({.name = std::string{name},
                    .presence = needed ? Presence::Required : Presence::Optional,
                    .read =
                        [role = role, type](Reader& reader, const Tree& tree, Accounts& into) {
                          if (auto account = type.read(reader, tree)) into[role] = std::move(*account);
                        },
                    .write = [role = role, type](const Accounts& from, Defaults defaults) -> TreePtr {
                      const auto found = from.find(role);
                      return found == from.end() ? nullptr : type.write(found->second, defaults);
                    }});
  }
  return rows;
}

/// Where the server counts days.
Type<seconds> days(int most) {
  const auto any = duration<seconds>(kDay, most * kDay);
  return {
      [any](Reader& reader, const Tree& tree) -> std::optional<seconds> {
        const auto value = any.read(reader, tree);
        if (!value || *value % kDay == 0s) return value;
        reader.error(tree.at, fmt::format("{} is not a whole number of days, and the server counts days",
                                          print_duration(*value)));
        return std::nullopt;
      },
      any.write,
  };
}

/// maxFailedLogins: what is found out about a password that has changed may cost two failed logins.
Fields<PasswordPolicy> password_policy_fields() {
  return {
      optional_field<PasswordPolicy>("minLength", &PasswordPolicy::min_length, integer(4, 64)),
      optional_field<PasswordPolicy>("history", &PasswordPolicy::history, integer(1, 65535)),
      optional_field<PasswordPolicy>("expireAfter", &PasswordPolicy::expire_after, days(3650)),
      optional_field<PasswordPolicy>("maxFailedLogins", &PasswordPolicy::max_failed_logins, integer(3, 32767)),
      optional_field<PasswordPolicy>("lockFor", &PasswordPolicy::lock_for, days(3650)),
  };
}

Fields<TlsSpec> tls_fields() {
  return {
      field<TlsSpec>("mode", &TlsSpec::mode, one_of(kTlsModes)),
      field<TlsSpec>("ca", &TlsSpec::ca, file_path()),
  };
}

Fields<NetworkSpec> network_fields() {
  return {
      field<NetworkSpec>("compression", &NetworkSpec::compression, one_of(kCompressions)),
      field<NetworkSpec>("scope", &NetworkSpec::scope, one_of(kCompressionScopes)),
      field<NetworkSpec>("zstdLevel", &NetworkSpec::zstd_level, integer(1, 22)),
  };
}

Fields<DetectionSpec> detection_fields() {
  return {
      field<DetectionSpec>("probeInterval", &DetectionSpec::probe_interval, duration<milliseconds>(100ms, 60s)),
      field<DetectionSpec>("probeTimeout", &DetectionSpec::probe_timeout, duration<milliseconds>(20ms, 30s)),
      field<DetectionSpec>("misses", &DetectionSpec::misses, integer(1, 20)),
  };
}

struct Fencing {
  FencingMode mode = FencingMode::Auto;
  seconds lease{3};
};

Fields<Fencing> fencing_fields() {
  return {
      field<Fencing>("mode", &Fencing::mode, one_of(kFencingModes)),
      // The server's wait_timeout, which counts whole seconds, ends a lease.
      field<Fencing>("lease", &Fencing::lease, duration<seconds>(2s, kDay)),
  };
}

/// `fencing: none` is short for `fencing: { mode: none }`.
Type<FencingMode> fencing() {
  const auto full = mapping_of(fencing_fields());
  const auto mode = one_of(kFencingModes);
  return {
      [=](Reader& reader, const Tree& tree) -> std::optional<FencingMode> {
        if (tree.kind == Tree::Kind::Scalar) {
          const Reader::Scope scope{reader, "mode", {tree.at, tree.at}};
          return mode.read(reader, tree);
        }
        const auto value = full.read(reader, tree);
        return value ? std::optional{value->mode} : std::nullopt;
      },
      [full](const FencingMode& value, Defaults defaults) -> TreePtr {
        return full.write(Fencing{.mode = value}, Defaults::Hidden) == nullptr && defaults == Defaults::Hidden
                   ? nullptr
                   : mapping({{"mode", {}, scalar(std::string{to_string(value)})}});
      },
  };
}

Fields<FailoverSpec> failover_fields() {
  return {
      field<FailoverSpec>("automatic", &FailoverSpec::automatic, boolean()),
      field<FailoverSpec>("detection", &FailoverSpec::detection, mapping_of(detection_fields())),
      field<FailoverSpec>("blockedAfter", &FailoverSpec::blocked_after, duration<milliseconds>(1s, 1h)),
      field<FailoverSpec>("fencing", &FailoverSpec::fencing, fencing()),
      field<FailoverSpec>("maxLag", &FailoverSpec::max_lag, duration<seconds>(0s, 30 * kDay)),
      field<FailoverSpec>("minReplicas", &FailoverSpec::min_replicas, integer(1, 9)),
      field<FailoverSpec>("crossRegion", &FailoverSpec::cross_region, boolean()),
      field<FailoverSpec>("cooldown", &FailoverSpec::cooldown, duration<seconds>(0s, 365 * kDay)),
      field<FailoverSpec>("perDay", &FailoverSpec::per_day, integer(1, 1000)),
      field<FailoverSpec>("rejoin", &FailoverSpec::rejoin, one_of(kRejoins)),
  };
}

Fields<Provisioning> provisioning_fields() {
  const auto itself = [](auto& method) -> auto& {
    return method;
  };
  return {field<Provisioning>("method", itself, one_of(kProvisionings))};
}

Fields<milliseconds> alerts_fields() {
  const auto lag = duration<milliseconds>(100ms, 30 * kDay);
  return {{.name = "lag",
           .read =
               [lag](Reader& reader, const Tree& tree, milliseconds& into) {
                 if (const auto value = lag.read(reader, tree)) into = *value;
               },
           .write = [lag](const milliseconds& from, Defaults d) { return lag.write(from, d); }}};
}

/// Weights of nodes: name to a number from 0 to 100.
Type<std::map<std::string, int>> weights() {
  const auto weight = integer(0, 100);
  return {
      [weight](Reader& reader, const Tree& tree) -> std::optional<std::map<std::string, int>> {
        if (!expect_kind(reader, tree, Tree::Kind::Mapping)) return std::nullopt;
        std::map<std::string, int> out;
        for (const auto& [name, at, value] : tree.entries) {
          const Reader::Scope scope{reader, name, {at, value->at}};
          if (const auto read = weight.read(reader, *value)) out[name] = *read;
        }
        return out;
      },
      [weight](const std::map<std::string, int>& from, Defaults defaults) -> TreePtr {
        std::vector<Entry> entries;
        for (const auto& [name, value] : from) entries.push_back({name, {}, weight.write(value, defaults)});
        return entries.empty() ? nullptr : mapping(std::move(entries));
      },
  };
}

Fields<GroupSpec> group_replication_fields() {
  return {
      field<GroupSpec>("expelAfter", &GroupSpec::expel_after, duration<seconds>(0s, 1h)),
      field<GroupSpec>("majorityTimeout", &GroupSpec::majority_timeout, duration<seconds>(0s, 365 * kDay)),
      field<GroupSpec>("consistency", &GroupSpec::consistency, one_of(kGroupConsistencies)),
      field<GroupSpec>("weight", &GroupSpec::weights, weights()),
  };
}

/// What repld runs is in one directory, and no path leads out of it: the rest is asked of the file system.
Type<std::string> hook_program() {
  return text("the name of a file in repld's hooks directory, or its absolute path", [](std::string_view t) {
    const auto name = t.substr(t.rfind('/') == std::string_view::npos ? 0 : t.rfind('/') + 1);
    const bool plain = !name.empty() && name.size() <= 255 && is_letter_or_digit(name.front()) &&
                       consists_of(name, is_letter_or_digit, "._-");
    return plain && is_printable(t) && t.size() <= 4096 && (name == t || t.front() == '/');
  });
}

Fields<HooksSpec> hooks_fields() {
  return {
      field<HooksSpec>("preFailover", &HooksSpec::pre_failover, list_of(hook_program())),
      field<HooksSpec>("postFailover", &HooksSpec::post_failover, list_of(hook_program())),
      field<HooksSpec>("preSwitchover", &HooksSpec::pre_switchover, list_of(hook_program())),
      field<HooksSpec>("postSwitchover", &HooksSpec::post_switchover, list_of(hook_program())),
      field<HooksSpec>("timeout", &HooksSpec::timeout, duration<milliseconds>(100ms, 10min)),
  };
}

// ---- mappings that are checked, and refused until they are carried out (not_yet.hpp) --------------------------------

Fields<ConsistencySpec> consistency_fields() {
  return {
      optional_field<ConsistencySpec>("checksumEvery", &ConsistencySpec::checksum_every,
                                      duration<seconds>(60s, 365 * kDay)),
      field<ConsistencySpec>("schemas", &ConsistencySpec::schemas, list_of(schema_name())),
  };
}

Fields<Unused> audit_fields() {
  return {
      checked("ddl", boolean()),
      checked("tables", list_of(table_name())),
  };
}

Fields<Unused> routing_fields() {
  return {checked("mysqlRouter", boolean())};
}

/// A mapping of the document of which nothing is kept.
Field<Spec> refused(std::string name, Fields<Unused> fields) {
  return {.name = std::move(name),
          .read = [type = mapping_of(std::move(fields))](Reader& reader, const Tree& tree,
                                                         Spec&) { type.read(reader, tree); },
          .write = [](const Spec&, Defaults) { return TreePtr{}; }};
}

Field<Spec> api_version() {
  const auto type = text(kApiVersion, [](std::string_view t) { return t == kApiVersion; });
  return {.name = "apiVersion",
          .read = [type](Reader& reader, const Tree& tree, Spec&) { type.read(reader, tree); },
          .write = [](const Spec&, Defaults) { return scalar(kApiVersion); }};
}

Fields<Spec> spec_fields() {
  return {
      api_version(),
      field<Spec>("name", &Spec::cluster, id_of<ClusterId>(cluster_name()), Presence::Required),
      field<Spec>("topology", &Spec::topology, one_of(kTopologyTypes), Presence::Required),
      field<Spec>("management", &Spec::management, one_of(kManagements)),
      field<Spec>("drift", &Spec::drift, one_of(kDrifts)),
      field<Spec>("tuning", &Spec::tuning, one_of(kTunings)),
      field<Spec>("positioning", &Spec::positioning, one_of(kPositionings), Presence::Shown),
      field<Spec>("sync", &Spec::sync, mapping_of(sync_fields())),
      field<Spec>("nodes", &Spec::nodes, list_of(mapping_of(node_fields())), Presence::Required),
      field<Spec>("accounts", &Spec::accounts, mapping_of(accounts_fields()), Presence::Required),
      field<Spec>("passwordPolicy", &Spec::password_policy, mapping_of(password_policy_fields())),
      field<Spec>("tls", &Spec::tls, mapping_of(tls_fields())),
      field<Spec>("network", &Spec::network, mapping_of(network_fields())),
      field<Spec>("failover", &Spec::failover, mapping_of(failover_fields())),
      field<Spec>("provisioning", &Spec::provisioning, mapping_of(provisioning_fields())),
      field<Spec>("groupReplication", &Spec::group, mapping_of(group_replication_fields())),
      field<Spec>("settings", &Spec::settings, settings()),
      field<Spec>("skipErrors", &Spec::skip_errors, error_numbers()),
      field<Spec>("consistency", &Spec::consistency, mapping_of(consistency_fields())),
      refused("audit", audit_fields()),
      field<Spec>("hooks", &Spec::hooks, mapping_of(hooks_fields())),
      refused("routing", routing_fields()),
      field<Spec>("alerts", &Spec::alert_lag, mapping_of(alerts_fields(), Spec{}.alert_lag)),
  };
}

template <class T>
void append(std::vector<std::string>& out, const std::string& prefix, const Fields<T>& fields) {
  for (const auto& row : fields) out.push_back(prefix + row.name);
}

}  // namespace

const Type<Spec>& spec_type() {
  static const Type<Spec> type = mapping_of(spec_fields());
  return type;
}

std::vector<std::string> field_labels() {
  std::vector<std::string> out;
  append(out, "", spec_fields());
  append(out, "sync.", sync_fields());
  append(out, "nodes.", node_fields());
  append(out, "accounts.", accounts_fields());
  append(out, "accounts.application.", account_fields(AccountRole::Application));
  append(out, "passwordPolicy.", password_policy_fields());
  append(out, "tls.", tls_fields());
  append(out, "network.", network_fields());
  append(out, "failover.", failover_fields());
  append(out, "failover.detection.", detection_fields());
  append(out, "failover.fencing.", fencing_fields());
  append(out, "provisioning.", provisioning_fields());
  append(out, "groupReplication.", group_replication_fields());
  append(out, "consistency.", consistency_fields());
  append(out, "audit.", audit_fields());
  append(out, "hooks.", hooks_fields());
  append(out, "routing.", routing_fields());
  append(out, "alerts.", alerts_fields());
  return out;
}

}  // namespace repl::spec

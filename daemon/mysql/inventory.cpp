// Reads the inventory.
#include "mysql/inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "model/spec_variables.hpp"
#include "model/variable_value.hpp"
#include "mysql/account_row.hpp"
#include "mysql/accounts.hpp"
#include "mysql/cluster_records.hpp"
#include "mysql/login.hpp"
#include "mysql/secrets.hpp"

namespace repl::mysql {
namespace {

Result<std::vector<std::string>> first_column(Server& server, const Statement& statement) {
  const auto rows = server.query(statement);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> out;
  for (const auto& row : *rows) out.push_back(row.at(0).value_or(""));
  return out;
}

Result<std::map<std::string, std::string>> two_columns(Server& server, const Statement& statement) {
  const auto rows = server.query(statement);
  if (!rows) return tl::unexpected(rows.error());
  std::map<std::string, std::string> out;
  for (const auto& row : *rows) out.emplace(row.at(0).value_or(""), row.at(1).value_or(""));
  return out;
}

/// Whether the declared password gets in. LockedOut: it may be right, and failed logins keep everybody out.
Result<LoginOutcome> declared_password(Server& server, const std::string& user, const AccountRow& row,
                                       const std::string& password, const Endpoint& admin, TriedPasswords& tried) {
  const auto which = which_password(row, password);
  if (which == WhichPassword::Neither) return LoginOutcome::Denied;
  // That failed logins have locked an account is written nowhere: only a login is told.
  if (which && !row.may_be_locked_out()) return LoginOutcome::Works;
  if (const auto known = which ? std::nullopt : tried.works(user, row.state, password)) {
    return *known ? LoginOutcome::Works : LoginOutcome::Denied;
  }
  const auto outcome = try_login(server.call(), admin, user, password);
  if (which) return outcome && *outcome == LoginOutcome::LockedOut ? *outcome : LoginOutcome::Works;
  if (outcome && *outcome != LoginOutcome::LockedOut) {
    tried.note(user, row.state, password, *outcome == LoginOutcome::Works);
  }
  return outcome;
}

/// What is to be found out about the account of one role.
Result<void> read_profile(Server& server, AccountRole role, const Account& account, const Spec& spec,
                          const Endpoint& admin, TriedPasswords& tried, Inventory& out) {
  const auto row = read_account(server, account.user);
  if (!row) return tl::unexpected(row.error());
  if (*row && !(*row)->kept_former.empty()) out.former_passwords.insert(role);
  const bool must_stay = role == AccountRole::Admin || role == AccountRole::Replication;
  const bool may_fail = *row && ((*row)->may_expire || (*row)->may_be_locked_out());
  if (role == AccountRole::Admin) {
    // This session is the proof of the rest.
    if (may_fail) {
      out.account_faults[role] = {AccountFault::Policy};
    } else {
      out.accounts.insert(role);
    }
    return {};
  }
  const auto password = resolve_secret(account.password);
  if (!password) {
    out.unusable_passwords[role] = password.error().message;
  } else if (auto weakness = weakness_of(*password, account, spec); !weakness.empty()) {
    out.unusable_passwords[role] = std::move(weakness);
  }
  if (!*row) {
    out.account_faults[role] = {AccountFault::Missing};
    return {};
  }
  std::set<AccountFault> faults;
  const auto shown = shown_grants(server, account_name(account.user));
  if (!shown) return tl::unexpected(shown.error());
  if (!has_grants(profile_grants(role, account, spec), *shown)) faults.insert(AccountFault::Grants);
  if ((*row)->locked) faults.insert(AccountFault::Locked);
  // An account that must not expire is cured of an expiry by its age with the rule.
  if ((*row)->expired || ((*row)->too_old && !must_stay)) faults.insert(AccountFault::Expired);
  const bool other_rules = !spec.password_policy.empty() && (*row)->rules != password_rules(role, spec.password_policy);
  if (must_stay ? may_fail : other_rules) faults.insert(AccountFault::Policy);
  const auto outcome = password ? declared_password(server, account.user, **row, *password, admin, tried)
                                : Result<LoginOutcome>{LoginOutcome::Denied};
  if (!outcome) return tl::unexpected(outcome.error());
  if (*outcome == LoginOutcome::Denied) faults.insert(AccountFault::Password);
  if (*outcome == LoginOutcome::LockedOut) faults.insert(AccountFault::LockedOut);
  if (faults.empty()) {
    out.accounts.insert(role);
  } else {
    out.account_faults[role] = std::move(faults);
  }
  return {};
}

Result<std::map<std::string, std::string>> values_of(Server& server, const std::vector<std::string>& variables) {
  if (variables.empty()) return std::map<std::string, std::string>{};
  std::string names;
  for (const auto& name : variables) names += (names.empty() ? "" : ",") + sql_quoted(name);
  return two_columns(server,
                     fmt::format("SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables "
                                 "WHERE VARIABLE_NAME IN ({})",
                                 names));
}

constexpr unsigned kOnlyAtStart = 1238;

/// Whether the server refuses such a SET for good. Asked without setting anything: the names are looked up before the
/// first value is checked, and the first value here is wrong (1231). Tried on 9.7.
Result<bool> is_refused(Server& server, std::string_view how, const std::string& name) {
  const auto answer = server.execute(fmt::format("SET SESSION sql_mode='?', {} {} = @@GLOBAL.{}", how, name, name));
  if (!answer && server.session().lost()) return tl::unexpected(answer.error());
  return !answer && server.last_error() == kOnlyAtStart;
}

/// Comes with a plugin that a plan may load first, or with a component (`validate_password.length`).
bool may_come_yet(const std::string& name) {
  constexpr std::array<std::string_view, 3> kPrefixes{"clone_", "group_replication_", "rpl_semi_sync_"};
  return name.find('.') != std::string::npos ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](auto prefix) { return name.starts_with(prefix); });
}

/// Which variables only a start changes. Asked of those that are otherwise than the file says, and of those that
/// are persisted and that the file does not name: they may have to go back.
/// @param asked  names whose values were asked for; one that is not in `out` is no variable of this server
Result<void> ask_what_is_fixed(Server& server, const Spec& spec, const std::vector<std::string>& asked,
                               Inventory& out) {
  const auto settings = spec.settings_of(server.node());
  for (const auto& [name, value] : out.variables) {
    const auto wanted = settings.find(name);
    const bool matters = wanted != settings.end() ? !same_value(value, wanted->second) : out.persisted.contains(name);
    if (!matters || !is_variable_name(name)) continue;
    const auto fixed = is_refused(server, "GLOBAL", name);
    if (!fixed) return tl::unexpected(fixed.error());
    if (!*fixed) continue;
    out.fixed_until_restart.insert(name);
    const auto for_good = is_refused(server, "PERSIST_ONLY", name);
    if (!for_good) return tl::unexpected(for_good.error());
    if (*for_good) out.fixed_by_option_file.insert(name);
  }
  for (const auto& name : asked) {
    if (settings.contains(name) && !out.variables.contains(name) && !may_come_yet(name)) {
      out.fixed_by_option_file.insert(name);
    }
  }
  return {};
}

/// Source: MySQL 8.4 Reference Manual, "CHANGE REPLICATION SOURCE TO": with an authority the certificate is checked,
/// with SOURCE_SSL_VERIFY_SERVER_CERT the name as well.
Result<std::optional<ReceiverTls>> read_receiver_tls(Server& server) {
  const auto rows = server.query(
      "SELECT SSL_ALLOWED='YES', CONCAT(COALESCE(SSL_CA_FILE, ''), COALESCE(SSL_CA_PATH, '')), "
      "SSL_VERIFY_SERVER_CERTIFICATE='YES', COALESCE(SSL_CERTIFICATE, '')<>'', COALESCE(@@GLOBAL.ssl_ca, '') FROM "
      "performance_schema.replication_connection_configuration WHERE HOST<>'' AND CHANNEL_NAME NOT LIKE "
      "'group\\_replication\\_%'");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() != 1) return std::optional<ReceiverTls>{};
  const auto& row = rows->front();
  const auto is = [&](std::size_t i) { return row.at(i) == "1"; };
  const auto authority = row.at(1).value_or("");
  ReceiverTls out;
  if (is(0)) out.mode = is(2) ? TlsMode::VerifyIdentity : authority.empty() ? TlsMode::Required : TlsMode::VerifyCa;
  out.other_authority = is(0) && !authority.empty() && authority != row.at(4).value_or("");
  out.own_certificate = is(0) && is(3);
  return std::optional{out};
}

Result<std::vector<std::string>> tables_unfit_for_group(Server& server) {
  return first_column(
      server,
      fmt::format("SELECT CONCAT(t.TABLE_SCHEMA, '.', t.TABLE_NAME, IF(t.ENGINE='InnoDB', ' (no primary key)', "
                  "CONCAT(' (', t.ENGINE, ')'))) FROM information_schema.TABLES t LEFT JOIN "
                  "information_schema.TABLE_CONSTRAINTS k ON k.TABLE_SCHEMA=t.TABLE_SCHEMA AND "
                  "k.TABLE_NAME=t.TABLE_NAME AND k.CONSTRAINT_TYPE='PRIMARY KEY' WHERE t.TABLE_TYPE='BASE TABLE' AND "
                  "t.TABLE_SCHEMA NOT IN ('mysql','sys','performance_schema','information_schema','repld') AND "
                  "(t.ENGINE<>'InnoDB' OR k.CONSTRAINT_NAME IS NULL) ORDER BY 1 LIMIT {}",
                  Inventory::kUnfitListed));
}

/// What the receiver gets is compressed as declared between these two. One that is detached, or follows a server that
/// is not in the file, is told when it follows another.
bool is_packed_as_declared(const Spec& spec, const NodeId& replica, const Address& source,
                           const std::string& algorithms, const std::string& zstd_level) {
  if (spec.find(source) == nullptr) return true;
  const auto wanted = spec.compression_between(replica, source);
  return algorithms == compression_algorithms(wanted) &&
         (wanted != Compression::Zstd || zstd_level == std::to_string(spec.network.zstd_level));
}

}  // namespace

Result<std::vector<std::string>> user_schemas(Server& server) {
  return first_column(server,
                      "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN "
                      "('mysql','sys','performance_schema','information_schema','repld') ORDER BY SCHEMA_NAME");
}

Result<std::vector<std::string>> shown_grants(Server& server, const std::string& account) {
  return first_column(server, "SHOW GRANTS FOR " + account);
}

std::optional<bool> TriedPasswords::works(const std::string& user, const std::string& state,
                                          const std::string& password) const {
  const std::lock_guard lock{mutex_};
  const auto found = last_.find(user);
  if (found == last_.end() || found->second.state != state || found->second.password_hash != sha256(password)) {
    return std::nullopt;
  }
  return found->second.works;
}

void TriedPasswords::note(const std::string& user, const std::string& state, const std::string& password, bool works) {
  const std::lock_guard lock{mutex_};
  last_[user] = {state, sha256(password), works};
}

Result<std::optional<bool>> receiver_is_as_declared(Server& server, const Spec& spec) {
  const auto account = spec.accounts.find(AccountRole::Replication);
  if (account == spec.accounts.end()) return std::optional<bool>{};
  const auto password = resolve_secret(account->second.password);
  if (!password) return std::optional<bool>{};
  const auto which = spec.is_group() ? std::string{"m.Channel_name='group_replication_recovery'"}
                                     : std::string{"m.Channel_name NOT LIKE 'group\\_replication\\_%'"};
  const auto rows = server.query(
      "SELECT m.User_name, SHA2(m.User_password, 256), c.SSL_ALLOWED, COALESCE(c.SSL_CA_FILE, ''), "
      "c.SSL_VERIFY_SERVER_CERTIFICATE, COALESCE(@@GLOBAL.ssl_ca, ''), c.COMPRESSION_ALGORITHM, "
      "c.ZSTD_COMPRESSION_LEVEL, c.HOST, c.PORT FROM mysql.slave_master_info m JOIN "
      "performance_schema.replication_connection_configuration c ON c.CHANNEL_NAME=m.Channel_name WHERE " +
      which);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() != 1) return std::optional<bool>{};
  const auto& row = rows->front();
  const auto text = [&](std::size_t i) { return row.at(i).value_or(""); };
  const bool right_login = text(0) == account->second.user && text(1) == sha256(*password);
  if (spec.is_group()) return std::optional{right_login};  // its TLS follows from variables
  const auto mode = spec.tls.mode;
  const bool encrypted = text(2) == "YES", verifies_name = text(4) == "YES";
  bool right_tls = true;  // preferred: as the replica was told once
  if (mode == TlsMode::Disabled) right_tls = !encrypted;
  if (mode == TlsMode::Required) right_tls = encrypted;
  if (spec.tls.verifies()) {
    right_tls =
        encrypted && !text(5).empty() && text(3) == text(5) && verifies_name == (mode == TlsMode::VerifyIdentity);
  }
  const Address source{text(8), static_cast<std::uint16_t>(std::strtoul(text(9).c_str(), nullptr, 10))};
  const bool right_packing = is_packed_as_declared(spec, server.node(), source, text(6), text(7));
  return std::optional{right_login && right_tls && right_packing};
}

Result<Inventory> read_inventory(Server& server, const Spec& spec, const Endpoint& admin,
                                 const std::vector<std::string>& variables, TriedPasswords& tried) {
  Inventory out;
  auto schemas = user_schemas(server);
  if (!schemas) return tl::unexpected(schemas.error());
  out.user_schemas = std::move(*schemas);

  auto values = values_of(server, variables);
  if (!values) return tl::unexpected(values.error());
  out.variables = std::move(*values);

  auto persisted =
      two_columns(server, "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables");
  if (!persisted) return tl::unexpected(persisted.error());
  out.persisted = std::move(*persisted);

  if (auto asked = ask_what_is_fixed(server, spec, variables, out); !asked) return tl::unexpected(asked.error());

  const auto own_grants = shown_grants(server, "CURRENT_USER()");
  if (!own_grants) return tl::unexpected(own_grants.error());
  out.admin_lacks = lacking_for_admin(spec, *own_grants);
  out.admin_may_operate = out.admin_lacks.empty();
  out.admin_may_restart = may_restart(*own_grants);

  const auto loadable = server.value("SELECT @@GLOBAL.plugin_dir <> ''");
  if (!loadable) return tl::unexpected(loadable.error());
  out.plugins_loadable = *loadable == "1";

  const auto clone = server.value("SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME='clone'");
  if (!clone) return tl::unexpected(clone.error());
  out.clone_plugin = *clone == "1";
  if (spec.is_group()) {
    auto unfit = tables_unfit_for_group(server);
    if (!unfit) return tl::unexpected(unfit.error());
    out.unfit_for_group = std::move(*unfit);
  }

  auto records = read_cluster_records(server);
  if (!records) return tl::unexpected(records.error());
  out.records = std::move(*records);

  for (const auto& [role, account] : spec.accounts) {
    if (auto read = read_profile(server, role, account, spec, admin, tried, out); !read) {
      return tl::unexpected(read.error());
    }
  }
  const auto receiver = receiver_is_as_declared(server, spec);
  if (!receiver) return tl::unexpected(receiver.error());
  out.receiver_as_declared = *receiver;
  const auto tls = read_receiver_tls(server);
  if (!tls) return tl::unexpected(tls.error());
  out.receiver_tls = *tls;
  return out;
}

}  // namespace repl::mysql

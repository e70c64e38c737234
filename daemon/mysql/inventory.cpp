// Reads the inventory.
#include "mysql/inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "model/variable_value.hpp"
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

struct AccountRow {
  bool locked = false;
  bool expired = false;
  bool has_former_password = false;
  PasswordRules rules;
  std::string state;  ///< Another one after every change of password or attributes.
};

/// Empty: no such account.
Result<std::optional<AccountRow>> read_account(Server& server, const std::string& user) {
  const auto rows = server.query(fmt::format(
      "SELECT account_locked='Y', password_expired='Y' OR COALESCE(NULLIF(COALESCE(password_lifetime, "
      "@@GLOBAL.default_password_lifetime), 0) < TIMESTAMPDIFF(SECOND, password_last_changed, NOW())/86400, 0), "
      "password_lifetime, Password_reuse_history, "
      "COALESCE(User_attributes->>'$.Password_locking.failed_login_attempts', '0'), "
      "COALESCE(User_attributes->>'$.Password_locking.password_lock_time_days', '0'), "
      "COALESCE(User_attributes->'$.additional_password' IS NOT NULL, 0), "
      "CONCAT(SHA2(authentication_string, 256), SHA2(COALESCE(User_attributes, ''), 256), account_locked) "
      "FROM mysql.user WHERE User={} AND Host='%'",
      sql_quoted(user)));
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::optional<AccountRow>{};
  const auto& row = rows->front();
  const auto is = [&](std::size_t i) { return row.at(i) == "1"; };
  const auto number = [&](std::size_t i) {
    return row.at(i) ? std::optional{std::atoi(row.at(i)->c_str())} : std::nullopt;
  };
  AccountRow out;
  out.locked = is(0);
  out.expired = is(1);
  out.rules = {number(2), number(3), number(4).value_or(0), number(5).value_or(0)};
  out.has_former_password = is(6);
  out.state = row.at(7).value_or("");
  return std::optional{std::move(out)};
}

Result<bool> declared_password_works(Server& server, const std::string& user, const AccountRow& row,
                                     const std::string& password, const Endpoint& admin, TriedPasswords& tried) {
  if (const auto known = tried.works(user, row.state, password)) return *known;
  const auto works = password_works(server.call(), admin, user, password);
  if (works) tried.note(user, row.state, password, *works);
  return works;
}

/// What is to be found out about the account of one role.
Result<void> read_profile(Server& server, AccountRole role, const Account& account, const Spec& spec,
                          const Endpoint& admin, TriedPasswords& tried, Inventory& out) {
  const auto row = read_account(server, account.user);
  if (!row) return tl::unexpected(row.error());
  if (*row && (*row)->has_former_password) out.former_passwords.insert(role);
  if (role == AccountRole::Admin) {
    out.accounts.insert(role);  // this session is the proof
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
  if (!has_grants_for(role, account, spec, *shown)) faults.insert(AccountFault::Grants);
  if ((*row)->locked) faults.insert(AccountFault::Locked);
  if ((*row)->expired) faults.insert(AccountFault::Expired);
  if (!spec.password_policy.empty() && (*row)->rules != password_rules(role, spec.password_policy)) {
    faults.insert(AccountFault::Policy);
  }
  const auto works =
      password ? declared_password_works(server, account.user, **row, *password, admin, tried) : Result<bool>{false};
  if (!works) return tl::unexpected(works.error());
  if (!*works) faults.insert(AccountFault::Password);
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
      "c.SSL_VERIFY_SERVER_CERTIFICATE, COALESCE(@@GLOBAL.ssl_ca, '') FROM mysql.slave_master_info m JOIN "
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
  return std::optional{right_login && right_tls};
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
  return out;
}

}  // namespace repl::mysql

// Reads the inventory.
#include "mysql/inventory.hpp"

#include <fmt/format.h>

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

/// Exists, with the grants of its role, and its password works.
Result<bool> is_true(Server& server, AccountRole role, const Account& account, const Spec& spec,
                     const Endpoint& admin) {
  const auto exists =
      server.value(fmt::format("SELECT COUNT(*) FROM mysql.user WHERE User={} AND Host='%'", sql_quoted(account.user)));
  if (!exists) return tl::unexpected(exists.error());
  if (*exists == "0") return false;
  const auto shown = shown_grants(server, account_name(account.user));
  if (!shown) return tl::unexpected(shown.error());
  if (!has_grants_for(role, account, spec, *shown)) return false;
  const auto password = resolve_secret(account.password);
  if (!password) return false;  // the step that repairs the account says why
  return password_works(server.call(), admin, account.user, *password);
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

Result<Inventory> read_inventory(Server& server, const Spec& spec, const Endpoint& admin,
                                 const std::vector<std::string>& variables) {
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

  const auto own_grants = shown_grants(server, "CURRENT_USER()");
  if (!own_grants) return tl::unexpected(own_grants.error());
  out.admin_lacks = lacking_for_admin(spec, *own_grants);
  out.admin_may_operate = out.admin_lacks.empty();

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
    if (role == AccountRole::Admin) {
      out.accounts.insert(role);  // this session is the proof
      continue;
    }
    const auto good = is_true(server, role, account, spec, admin);
    if (!good) return tl::unexpected(good.error());
    if (*good) out.accounts.insert(role);
  }
  return out;
}

}  // namespace repl::mysql

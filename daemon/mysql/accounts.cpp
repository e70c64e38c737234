// The table of profiles, and reading SHOW GRANTS against it.
#include "mysql/accounts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <set>
#include <string_view>

#include "model/privileges.hpp"

namespace repl::mysql {
namespace {

struct Grant {
  std::vector<std::string> privileges;
  std::string scope;  ///< As SHOW GRANTS prints it: "*.*", "`performance_schema`.*".
};

std::vector<Grant> profile(AccountRole role, const Account& account, const Spec& spec) {
  switch (role) {
    case AccountRole::Admin:
      return {};
    case AccountRole::Replication: {
      std::vector<Grant> all{{{"REPLICATION SLAVE"}, "*.*"}};
      if (spec.provisioning == Provisioning::Clone) all.push_back({{"BACKUP_ADMIN"}, "*.*"});
      // Members stay connected when one of them turns clients away.
      if (spec.is_group()) all.push_back({{"CONNECTION_ADMIN", "GROUP_REPLICATION_STREAM"}, "*.*"});
      return all;
    }
    case AccountRole::Monitoring:
      return {{{"PROCESS", "REPLICATION CLIENT"}, "*.*"}, {{"SELECT"}, "`performance_schema`.*"}};
    case AccountRole::Application: {
      std::vector<Grant> all;
      for (const auto& schema : account.schemas) all.push_back({{"ALL PRIVILEGES"}, grant_schema(schema) + ".*"});
      return all;
    }
  }
  return {};
}

struct GrantLine {
  std::set<std::string, std::less<>> privileges;
  std::string scope;
};

/// "GRANT a, b ON scope TO `user`@`host` WITH GRANT OPTION"; empty for roles, proxies and column privileges.
GrantLine parse(std::string_view line) {
  constexpr std::string_view kGrant = "GRANT ", kOn = " ON ", kTo = " TO ";
  GrantLine out;
  const auto on = line.find(kOn);
  if (line.substr(0, kGrant.size()) != kGrant || on == std::string_view::npos) return out;
  const auto to = line.find(kTo, on);
  if (to == std::string_view::npos) return out;
  out.scope = std::string{line.substr(on + kOn.size(), to - on - kOn.size())};
  auto list = line.substr(kGrant.size(), on - kGrant.size());
  while (!list.empty()) {
    const auto comma = list.find(',');
    out.privileges.emplace(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (!list.empty() && list.front() == ' ') list.remove_prefix(1);  // static ones have blanks, dynamic ones have none
  }
  if (line.find(" WITH GRANT OPTION", to) != std::string_view::npos) out.privileges.emplace("GRANT OPTION");
  return out;
}

bool holds(const std::vector<GrantLine>& lines, const std::string& privilege, const std::string& scope) {
  return std::any_of(lines.begin(), lines.end(), [&](const GrantLine& line) {
    return line.scope == scope && (line.privileges.count(privilege) > 0 || line.privileges.count("ALL PRIVILEGES") > 0);
  });
}

std::vector<GrantLine> parse_all(const std::vector<std::string>& shown) {
  std::vector<GrantLine> lines;
  lines.reserve(shown.size());
  for (const auto& line : shown) lines.push_back(parse(line));
  return lines;
}

}  // namespace

std::vector<Statement> grants_for(AccountRole role, const Account& account, const Spec& spec) {
  std::vector<Statement> statements;
  for (const auto& grant : profile(role, account, spec)) {
    statements.emplace_back(fmt::format("GRANT {} ON {} TO {}", fmt::join(grant.privileges, ", "), grant.scope,
                                        account_name(account.user)));
  }
  return statements;
}

bool has_grants_for(AccountRole role, const Account& account, const Spec& spec, const std::vector<std::string>& shown) {
  const auto lines = parse_all(shown);
  const auto wanted = profile(role, account, spec);
  return std::all_of(wanted.begin(), wanted.end(), [&](const Grant& grant) {
    return std::all_of(grant.privileges.begin(), grant.privileges.end(), [&](const std::string& privilege) {
      return holds(lines, privilege, grant.scope) || holds(lines, privilege, "*.*");
    });
  });
}

PasswordRules password_rules(AccountRole role, const PasswordPolicy& policy) {
  const auto days = [](std::chrono::seconds time) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::hours>(time).count() / 24);
  };
  PasswordRules out;
  if (role == AccountRole::Admin || role == AccountRole::Replication) {
    out.lifetime_days = 0;  // whatever default_password_lifetime is
    return out;
  }
  if (policy.expire_after) out.lifetime_days = days(*policy.expire_after);
  out.history = policy.history;
  if (policy.max_failed_logins && policy.lock_for) {
    out.failed_logins = *policy.max_failed_logins;
    out.lock_days = days(*policy.lock_for);
  }
  return out;
}

std::string password_options(AccountRole role, const PasswordPolicy& policy) {
  const auto rules = password_rules(role, policy);
  const auto expire = !rules.lifetime_days        ? std::string{"DEFAULT"}
                      : *rules.lifetime_days == 0 ? std::string{"NEVER"}
                                                  : fmt::format("INTERVAL {} DAY", *rules.lifetime_days);
  return fmt::format("PASSWORD HISTORY {} PASSWORD EXPIRE {} FAILED_LOGIN_ATTEMPTS {} PASSWORD_LOCK_TIME {}",
                     rules.history ? std::to_string(*rules.history) : "DEFAULT", expire, rules.failed_logins,
                     rules.lock_days);
}

std::string weakness_of(const std::string& password, const Account& account, const Spec& spec) {
  const auto& policy = spec.password_policy;
  if (!policy.min_length) return {};
  // Characters, not bytes: what continues a character of UTF-8 is not counted.
  const auto length = std::count_if(password.begin(), password.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (length < *policy.min_length) {
    return fmt::format("it has {} characters, and passwordPolicy.minLength is {}", length, *policy.min_length);
  }
  if (password == account.user ||
      std::equal(password.rbegin(), password.rend(), account.user.begin(), account.user.end())) {
    return "it is the name of its user";
  }
  const auto level = spec.settings.find("validate_password.policy");
  if (level != spec.settings.end() && (level->second == "LOW" || level->second == "0")) return {};
  const auto has = [&](int (*is)(int)) {
    return std::any_of(password.begin(), password.end(),
                       [is](char c) { return is(static_cast<unsigned char>(c)) != 0; });
  };
  const bool special = std::any_of(password.begin(), password.end(),
                                   [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  std::string lacks;
  const auto need = [&](bool there, const char* what) {
    if (!there) lacks += (lacks.empty() ? "" : ", ") + std::string{what};
  };
  need(has(std::islower), "a small letter");
  need(has(std::isupper), "a capital letter");
  need(has(std::isdigit), "a digit");
  need(special, "a character that is neither letter nor digit");
  return lacks.empty() ? "" : "it lacks " + lacks + " (validate_password.policy MEDIUM)";
}

namespace {

/// What ALL PRIVILEGES on a schema gives, which only who has it may give. Source: MySQL 9.7 Reference Manual,
/// "Privileges Provided by MySQL": the static ones of the database level.
constexpr std::array<const char*, 19> kAllOnSchema{"SELECT",
                                                   "INSERT",
                                                   "UPDATE",
                                                   "DELETE",
                                                   "CREATE",
                                                   "DROP",
                                                   "REFERENCES",
                                                   "INDEX",
                                                   "ALTER",
                                                   "LOCK TABLES",
                                                   "EXECUTE",
                                                   "CREATE VIEW",
                                                   "SHOW VIEW",
                                                   "CREATE ROUTINE",
                                                   "ALTER ROUTINE",
                                                   "EVENT",
                                                   "TRIGGER",
                                                   "GRANT OPTION",
                                                   "CREATE TEMPORARY TABLES"};

/// A pattern of GRANT: % and _ stand for any text and any character, unless escaped.
bool stands_for(std::string_view pattern, std::string_view schema) {
  if (pattern.empty()) return schema.empty();
  if (pattern.front() == '%') {
    return stands_for(pattern.substr(1), schema) || (!schema.empty() && stands_for(pattern, schema.substr(1)));
  }
  const bool any = pattern.front() == '_';
  if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return !schema.empty() && (any || pattern.front() == schema.front()) &&
         stands_for(pattern.substr(1), schema.substr(1));
}

/// "`shop\_eu`.*" covers shop_eu, and "*.*" everything.
bool covers(const std::string& scope, const std::string& schema) {
  constexpr std::string_view kEnd = "`.*";
  if (scope == "*.*") return true;
  if (!scope.starts_with('`') || !scope.ends_with(kEnd)) return false;
  return stands_for(std::string_view{scope}.substr(1, scope.size() - 1 - kEnd.size()), schema);
}

bool may_give_all_on(const std::vector<GrantLine>& lines, const std::string& schema) {
  return std::all_of(kAllOnSchema.begin(), kAllOnSchema.end(), [&](const char* privilege) {
    const bool option = privilege == std::string_view{"GRANT OPTION"};
    return std::any_of(lines.begin(), lines.end(), [&](const GrantLine& line) {
      const bool has = line.privileges.contains(privilege) || (!option && line.privileges.contains("ALL PRIVILEGES"));
      return has && covers(line.scope, schema);
    });
  });
}

bool is_dynamic(const std::string& privilege) {
  return privilege.find('_') != std::string::npos;
}

/// Of a dynamic privilege the right to give it belongs to that privilege alone.
bool may_give(const std::vector<GrantLine>& lines, const std::string& privilege) {
  return std::any_of(lines.begin(), lines.end(), [&](const GrantLine& line) {
    return line.scope == "*.*" && line.privileges.contains(privilege) && line.privileges.contains("GRANT OPTION");
  });
}

/// Of what the profiles of the file's accounts give.
std::vector<std::string> cannot_be_given(const Spec& spec, const std::vector<GrantLine>& lines) {
  std::vector<std::string> out;
  for (const auto& [role, account] : spec.accounts) {
    if (role == AccountRole::Application) {
      for (const auto& schema : account.schemas) {
        if (may_give_all_on(lines, schema)) continue;
        out.push_back(fmt::format("ALL PRIVILEGES ON {}.* WITH GRANT OPTION", grant_schema(schema)));
      }
      continue;
    }
    for (const auto& grant : profile(role, account, spec)) {
      for (const auto& privilege : grant.privileges) {
        // Whether it has them at all was asked before.
        if (!is_dynamic(privilege) || !holds(lines, privilege, "*.*") || may_give(lines, privilege)) continue;
        out.push_back(privilege + " WITH GRANT OPTION");
      }
    }
  }
  return out;
}

}  // namespace

std::string lacking_for_admin(const Spec& spec, const std::vector<std::string>& shown) {
  const auto lines = parse_all(shown);
  const bool super = holds(lines, "SUPER", "*.*");
  std::string lacking;
  for (const auto& need : kAdminPrivileges) {
    if (!need.is_needed(spec)) continue;
    if ((need.super_will_do && super) || holds(lines, std::string{need.name}, "*.*")) continue;
    lacking += (lacking.empty() ? "" : ", ") + std::string{need.name};
  }
  for (const auto& privilege : cannot_be_given(spec, lines)) lacking += (lacking.empty() ? "" : ", ") + privilege;
  return lacking;
}

bool may_restart(const std::vector<std::string>& shown) {
  return holds(parse_all(shown), "SHUTDOWN", "*.*");
}

}  // namespace repl::mysql

// What is asked, section by section.
#include "tests/support/fingerprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace repl::testing {
namespace {

struct Section {
  const char* name;
  const char* query;
};

constexpr Section kSections[] = {
    // What a server has executed grows with every write.
    {"variables",
     "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME NOT IN "
     "('gtid_executed', 'gtid_purged', 'gtid_owned') ORDER BY 1"},
    {"persisted", "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables ORDER BY 1"},
    {"plugins",
     "SELECT PLUGIN_NAME, PLUGIN_STATUS FROM information_schema.PLUGINS UNION ALL SELECT component_urn, '' FROM "
     "mysql.component ORDER BY 1"},
    // The channels of a group are the server's own.
    {"channels",
     "SELECT c.CHANNEL_NAME, c.HOST, c.PORT, c.USER, c.AUTO_POSITION, c.SSL_ALLOWED, a.DESIRED_DELAY, "
     "r.SERVICE_STATE, t.SERVICE_STATE FROM performance_schema.replication_connection_configuration c "
     "JOIN performance_schema.replication_connection_status r USING (CHANNEL_NAME) "
     "JOIN performance_schema.replication_applier_configuration a USING (CHANNEL_NAME) "
     "JOIN performance_schema.replication_applier_status t USING (CHANNEL_NAME) "
     "WHERE c.CHANNEL_NAME NOT LIKE 'group\\_replication\\_%' ORDER BY 1"},
    {"accounts",
     "SELECT User, Host, plugin, SHA2(authentication_string, 256), account_locked, password_expired, "
     "password_lifetime, Password_reuse_history, ssl_type, SHA2(User_attributes, 256) FROM mysql.user ORDER BY 1, 2"},
    {"privileges",
     "SELECT GRANTEE, '*', PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.USER_PRIVILEGES UNION ALL SELECT "
     "GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.SCHEMA_PRIVILEGES ORDER BY 1, 2, 3"},
    {"members",
     "SELECT MEMBER_PORT, MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members "
     "WHERE MEMBER_STATE <> 'OFFLINE' ORDER BY 1"},
};

std::set<std::string> lines_of(const Fingerprint& fingerprint, const std::string& section) {
  std::set<std::string> out;
  const auto found = fingerprint.find(section);
  if (found == fingerprint.end()) return out;
  std::istringstream in{found->second};
  for (std::string line; std::getline(in, line);) out.insert(line);
  return out;
}

std::set<std::string> without(const std::set<std::string>& all, const std::set<std::string>& others) {
  std::set<std::string> out;
  std::set_difference(all.begin(), all.end(), others.begin(), others.end(), std::inserter(out, out.end()));
  return out;
}

}  // namespace

Result<Fingerprint> fingerprint_of(const ctl::sandbox::Sandbox& sandbox, const std::string& node) {
  auto session = sandbox.root_session(node);
  if (!session) return tl::unexpected(session.error());
  Fingerprint out;
  for (const auto& [name, query] : kSections) {
    const auto rows = session->query(query);
    if (!rows) return tl::unexpected(rows.error());
    auto& text = out[name];
    for (const auto& row : *rows) {
      for (const auto& field : row) text += field.value_or("NULL") + " ";
      text += "\n";
    }
  }
  return out;
}

Fingerprints fingerprints_of(const ctl::sandbox::Sandbox& sandbox) {
  Fingerprints out;
  for (const auto& node : sandbox.nodes()) {
    auto found = fingerprint_of(sandbox, node.name);
    out[node.name] = found ? std::move(*found) : Fingerprint{{"unreachable", found.error().message}};
  }
  return out;
}

std::string difference(const Fingerprints& before, const Fingerprints& after) {
  std::string out;
  for (const auto& [node, then] : before) {
    const auto found = after.find(node);
    const auto now = found == after.end() ? Fingerprint{} : found->second;
    std::set<std::string> sections;
    for (const auto* side : {&then, &now}) {
      for (const auto& [name, text] : *side) sections.insert(name);
    }
    for (const auto& section : sections) {
      const auto old_lines = lines_of(then, section), new_lines = lines_of(now, section);
      for (const auto& line : without(old_lines, new_lines)) out += fmt::format("{} {}: - {}\n", node, section, line);
      for (const auto& line : without(new_lines, old_lines)) out += fmt::format("{} {}: + {}\n", node, section, line);
    }
  }
  return out;
}

}  // namespace repl::testing

// The privileges on *.* that repld's own account needs, in the server's words. A table: `replctl init` prints it, plans
// are refused by it, docs/topology-file.md lists it. And what repld gives to the accounts that it keeps.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "model/spec.hpp"

namespace repl {

struct AdminPrivilege {
  enum class For { Everything, Cloning, Groups, Restarts };
  std::string_view name;
  bool super_will_do = false;  ///< The old SUPER stands for it.
  For used_for = For::Everything;

  bool is_needed(const Spec& spec) const {
    switch (used_for) {
      case For::Everything:
        return true;
      case For::Cloning:
        return spec.provisioning == Provisioning::Clone;
      case For::Groups:
        return spec.is_group();
      case For::Restarts:
        return false;  // asked about by itself: only a plan knows whether it restarts a server
    }
    return true;
  }
};

inline constexpr std::array kAdminPrivileges{
    AdminPrivilege{"SELECT"},              // mysql.user, mysql.slave_master_info, performance_schema
    AdminPrivilege{"INSERT"},              // INSTALL PLUGIN, INSTALL COMPONENT
    AdminPrivilege{"DELETE"},              // UNINSTALL
    AdminPrivilege{"RELOAD"},              // RESET
    AdminPrivilege{"PROCESS"},             // who is in the way
    AdminPrivilege{"REPLICATION SLAVE"},   // to grant it
    AdminPrivilege{"REPLICATION CLIENT"},  // status, and to grant it
    AdminPrivilege{"CREATE USER"},         // and ALTER USER, with two passwords of one account
    AdminPrivilege{"GRANT OPTION"},
    AdminPrivilege{"SYSTEM_VARIABLES_ADMIN", true},
    AdminPrivilege{"PERSIST_RO_VARIABLES_ADMIN"},
    AdminPrivilege{"REPLICATION_SLAVE_ADMIN", true},
    AdminPrivilege{"CONNECTION_ADMIN", true},  // KILL; to stay under offline_mode and when max_connections is reached
    AdminPrivilege{"CLONE_ADMIN", false, AdminPrivilege::For::Cloning},
    AdminPrivilege{"BACKUP_ADMIN", false, AdminPrivilege::For::Cloning},  // to grant it
    AdminPrivilege{"GROUP_REPLICATION_ADMIN", true, AdminPrivilege::For::Groups},
    AdminPrivilege{"GROUP_REPLICATION_STREAM", false, AdminPrivilege::For::Groups},  // to grant it
    AdminPrivilege{"SHUTDOWN", false, AdminPrivilege::For::Restarts},                // RESTART
};

/// One privilege that the profile of an account gives, in the server's words: "ALL PRIVILEGES" on a schema.
struct ProfileGrant {
  std::string privilege;
  std::string schema;  ///< Its name, no pattern; "": everywhere (*.*).
  auto operator<=>(const ProfileGrant&) const = default;
};
/// What repld gives an account of that role under `spec`. Replication gets REPLICATION SLAVE, for clones BACKUP_ADMIN,
/// and more in groups only: with CONNECTION_ADMIN its receivers would survive offline_mode, which is there to cut them
/// too. Admin gets nothing, it must exist beforehand.
std::vector<ProfileGrant> profile_grants(AccountRole role, const Account& account, const Spec& spec);
/// "ALL PRIVILEGES on crm, BACKUP_ADMIN"
std::string describe(const std::vector<ProfileGrant>& grants);

}  // namespace repl

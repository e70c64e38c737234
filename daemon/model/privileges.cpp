// The profiles of the accounts that repld keeps.
#include "model/privileges.hpp"

namespace repl {

std::vector<ProfileGrant> profile_grants(AccountRole role, const Account& account, const Spec& spec) {
  std::vector<ProfileGrant> out;
  switch (role) {
    case AccountRole::Admin:
      break;
    case AccountRole::Replication:
      out.push_back({"REPLICATION SLAVE", ""});
      if (spec.provisioning == Provisioning::Clone) out.push_back({"BACKUP_ADMIN", ""});
      if (spec.is_group()) {
        // Members stay connected when one of them turns clients away.
        out.push_back({"CONNECTION_ADMIN", ""});
        out.push_back({"GROUP_REPLICATION_STREAM", ""});
      }
      break;
    case AccountRole::Monitoring:
      out = {{"PROCESS", ""}, {"REPLICATION CLIENT", ""}, {"SELECT", "performance_schema"}};
      break;
    case AccountRole::Application:
      for (const auto& schema : account.schemas) out.push_back({"ALL PRIVILEGES", schema});
      break;
  }
  return out;
}

std::string describe(const std::vector<ProfileGrant>& grants) {
  std::string out;
  for (const auto& grant : grants) {
    out += (out.empty() ? "" : ", ") + grant.privilege + (grant.schema.empty() ? "" : " on " + grant.schema);
  }
  return out;
}

}  // namespace repl

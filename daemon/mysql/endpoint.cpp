// From the spec to the endpoint of a node.
#include "mysql/endpoint.hpp"

#include "mysql/secrets.hpp"

namespace repl::mysql {

Endpoint endpoint_for(const NodeSpec& node, const Spec& spec, const Result<std::string>& password) {
  const auto admin = spec.accounts.find(AccountRole::Admin);
  Endpoint e;
  e.address = node.address;
  e.user = admin == spec.accounts.end() ? "" : admin->second.user;
  e.tls = spec.tls;
  if (password) {
    e.password = *password;
  } else {
    e.secret_problem = password.error().message;
  }
  return e;
}

Result<std::string> admin_password(const Spec& spec) {
  const auto admin = spec.accounts.find(AccountRole::Admin);
  if (admin == spec.accounts.end()) return fail(ErrorCode::SecretUnavailable, "the spec names no admin account");
  return resolve_secret(admin->second.password);
}

}  // namespace repl::mysql

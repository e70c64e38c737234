// Steps that prepare a server: plugins, accounts, variables, a clean start.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mysql/accounts.hpp"
#include "mysql/inventory.hpp"
#include "mysql/login.hpp"
#include "mysql/secrets.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

constexpr unsigned kReadOnlyVariable = 1238;
constexpr unsigned kWrongType = 1232;
constexpr unsigned kPasswordWasUsedBefore = 3638;
constexpr unsigned kPasswordTooWeak = 1819;
constexpr std::string_view kPasswordValidation = "file://component_validate_password";

struct PluginFile {
  std::string_view name, file, old_name;
};

PluginFile file_of(Plugin plugin) {
  switch (plugin) {
    case Plugin::SemiSyncSource:
      return {"rpl_semi_sync_source", "semisync_source.so", "rpl_semi_sync_master"};
    case Plugin::SemiSyncReplica:
      return {"rpl_semi_sync_replica", "semisync_replica.so", "rpl_semi_sync_slave"};
    case Plugin::Clone:
      return {"clone", "mysql_clone.so", ""};
    case Plugin::GroupReplication:
      return {"group_replication", "group_replication.so", ""};
    case Plugin::PasswordValidation:
      break;  // a component
  }
  return {};
}

Result<bool> has_plugin(Server& server, std::string_view name) {
  const auto found = server.value(
      fmt::format("SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME={}", sql_quoted(name)));
  if (!found) return tl::unexpected(found.error());
  return *found != "0";
}

Result<bool> has_password_validation(Server& server) {
  const auto found = server.value(
      fmt::format("SELECT COUNT(*) FROM mysql.component WHERE component_urn={}", sql_quoted(kPasswordValidation)));
  if (!found) return tl::unexpected(found.error());
  return *found != "0";
}

/// Statements that go to the binary log; the session's default is that none does.
class LoggedStatements {
 public:
  static Result<void> begin(Server& server, Logged logged) {
    return logged == Logged::Yes ? server.execute("SET SESSION sql_log_bin=1") : Result<void>{};
  }
  static Result<void> end(Server& server, Logged logged, Result<void> outcome) {
    if (logged == Logged::No || server.session().lost()) return outcome;
    auto off = server.execute("SET SESSION sql_log_bin=0");
    return outcome ? off : outcome;
  }
};

Result<bool> account_exists(Server& server, const std::string& user) {
  const auto found =
      server.value(fmt::format("SELECT COUNT(*) FROM mysql.user WHERE User={} AND Host='%'", sql_quoted(user)));
  if (!found) return tl::unexpected(found.error());
  return *found != "0";
}

/// For ALTER USER of an account that exists.
Statement alter_password(const Account& account, const std::string& password, std::string_view how) {
  return {fmt::format("ALTER USER {} IDENTIFIED BY {}{}", account_name(account.user), sql_quoted(password), how),
          {password}};
}

/// An account that exists with another password: where it is in use already, that one works on.
Result<void> make_account_exist(Server& server, const CreateAccount& step, const std::string& password,
                                const Endpoint& admin, const Spec& spec) {
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) {
    const auto options = spec.password_policy.empty() ? "" : " " + password_options(step.role, spec.password_policy);
    return server.execute({fmt::format("CREATE USER {} IDENTIFIED WITH caching_sha2_password BY {}{}",
                                       account_name(step.account.user), sql_quoted(password), options),
                           {password}});
  }
  const auto works = password_works(server.call(), admin, step.account.user, password);
  if (!works) return tl::unexpected(works.error());
  if (*works) return {};
  const auto* how = step.logged == Logged::Yes ? " RETAIN CURRENT PASSWORD ACCOUNT UNLOCK" : " ACCOUNT UNLOCK";
  return server.execute(alter_password(step.account, password, how));
}

Result<void> make_grants_true(Server& server, AccountRole role, const Account& account, const Spec& spec) {
  const auto shown = shown_grants(server, account_name(account.user));
  if (!shown) return tl::unexpected(shown.error());
  const auto grants = profile_grants(role, account, spec);
  if (has_grants(grants, *shown)) return {};
  for (const auto& grant : grants_for(account.user, grants)) {
    if (auto done = server.execute(grant); !done) return done;
  }
  return {};
}

/// What the applier reads when it starts, so that a running one has to be started anew.
bool is_read_by_applier(std::string_view name) {
  return name == "replica_parallel_workers" || name == "replica_preserve_commit_order";
}

/// Sets it while the applier is stopped: refused otherwise (3017), or without effect. The receiver goes on, and
/// acknowledges. Afterwards the applier runs, also where an earlier attempt was cut off and left it stopped.
Result<void> set_around_applier(Server& server, std::string_view how, const std::string& name,
                                const std::string& value) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  const auto* channel = now->channel();
  const bool replicates = channel != nullptr && channel->applier_errno == 0 &&
                          (channel->applier == ThreadState::Running || channel->receiver == ThreadState::Running);
  if (!replicates) return set_to(server, how, name, value);
  const auto which = "SQL_THREAD FOR CHANNEL " + sql_quoted(channel->name);
  auto done = server.execute("STOP REPLICA " + which);
  if (done) done = set_to(server, how, name, value);
  if (server.session().lost()) return done;
  const auto started = server.execute("START REPLICA " + which);
  return done ? started : done;
}

/// What an attempt that was cut off after it had set the variable has left stopped.
Result<void> applier_runs(Server& server) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  const auto* channel = now->channel();
  const bool cut_off = channel != nullptr && channel->applier_errno == 0 && channel->applier == ThreadState::Stopped &&
                       channel->receiver == ThreadState::Running;
  if (!cut_off) return {};
  return server.execute("START REPLICA SQL_THREAD FOR CHANNEL " + sql_quoted(channel->name));
}

}  // namespace

Result<void> set_to(Server& server, std::string_view how, const std::string& name, const std::string& value) {
  const auto statement = [&](const std::string& text) {
    return server.execute(fmt::format("SET {} {} = {}", how, name, text));
  };
  // Number variables do not take quoted text, text variables no numbers, and the name does not tell which it is.
  const auto done = statement(variable_value(value));
  if (done || server.last_error() != kWrongType || !is_number(value)) return done;
  return statement(sql_quoted(value));
}

Result<void> require_variable_name(const Server& server, const std::string& name) {
  if (is_variable_name(name)) return {};
  return fail(ErrorCode::InvalidArgument, "{}: \"{}\" is no name of a variable", server.node(), name);
}

Result<void> install_plugin(Server& server, Plugin plugin) {
  if (plugin == Plugin::PasswordValidation) {
    const auto there = has_password_validation(server);
    if (!there) return tl::unexpected(there.error());
    return *there ? Result<void>{} : server.execute(fmt::format("INSTALL COMPONENT '{}'", kPasswordValidation));
  }
  const auto file = file_of(plugin);
  const auto present = has_plugin(server, file.name);
  if (!present) return tl::unexpected(present.error());
  if (*present) return {};
  const auto old = file.old_name.empty() ? Result<bool>{false} : has_plugin(server, file.old_name);
  if (!old) return tl::unexpected(old.error());
  if (*old) {
    return fail(ErrorCode::PreconditionFailed,
                "{}: the old plugin {} is installed and excludes {}. Run there: UNINSTALL PLUGIN {}", server.node(),
                file.old_name, file.name, file.old_name);
  }
  return server.execute(fmt::format("INSTALL PLUGIN {} SONAME '{}'", file.name, file.file));
}

Result<void> uninstall_plugin(Server& server, Plugin plugin) {
  if (plugin == Plugin::PasswordValidation) {
    const auto there = has_password_validation(server);
    if (!there) return tl::unexpected(there.error());
    return *there ? server.execute(fmt::format("UNINSTALL COMPONENT '{}'", kPasswordValidation)) : Result<void>{};
  }
  const auto name = file_of(plugin).name;
  const auto present = has_plugin(server, name);
  if (!present) return tl::unexpected(present.error());
  return *present ? server.execute(fmt::format("UNINSTALL PLUGIN {}", name)) : Result<void>{};
}

Result<void> create_account(Server& server, const CreateAccount& step, const Endpoint& admin, const Spec& spec) {
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  if (auto begun = LoggedStatements::begin(server, step.logged); !begun) return begun;
  auto done = make_account_exist(server, step, *password, admin, spec);
  if (done) done = make_grants_true(server, step.role, step.account, spec);
  return LoggedStatements::end(server, step.logged, std::move(done));
}

Result<void> amend_account(Server& server, const AmendAccount& step, const Endpoint& admin, const Spec& spec) {
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) return create_account(server, {step.node, step.role, step.account, step.logged}, admin, spec);
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  const auto name = account_name(step.account.user);
  if (auto begun = LoggedStatements::begin(server, step.logged); !begun) return begun;
  const auto amend = [&]() -> Result<void> {
    if (step.faults.contains(AccountFault::Password)) {
      const auto works = password_works(server.call(), admin, step.account.user, *password);
      if (!works) return tl::unexpected(works.error());
      if (!*works) {
        // Where others log in with it already, the present one works on.
        const auto* how = step.logged == Logged::Yes ? " RETAIN CURRENT PASSWORD" : "";
        if (auto done = server.execute(alter_password(step.account, *password, how)); !done) return done;
      }
    }
    if (step.faults.contains(AccountFault::Locked)) {
      if (auto done = server.execute(fmt::format("ALTER USER {} ACCOUNT UNLOCK", name)); !done) return done;
    }
    if (step.faults.contains(AccountFault::Policy)) {
      const auto options = password_options(step.role, spec.password_policy);
      if (auto done = server.execute(fmt::format("ALTER USER {} {}", name, options)); !done) return done;
    }
    return make_grants_true(server, step.role, step.account, spec);
  };
  auto done = amend();
  return LoggedStatements::end(server, step.logged, std::move(done));
}

Result<void> rotate_password(Server& server, const RotatePassword& step, const Endpoint& admin) {
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) {
    return fail(ErrorCode::PreconditionFailed, "{}: there is no account '{}'@'%' whose password could be changed",
                server.node(), step.account.user);
  }
  const auto works = password_works(server.call(), admin, step.account.user, *password);
  if (!works) return tl::unexpected(works.error());
  if (*works) return {};
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  auto done = server.execute(alter_password(step.account, *password, " RETAIN CURRENT PASSWORD ACCOUNT UNLOCK"));
  return LoggedStatements::end(server, Logged::Yes, std::move(done));
}

Result<void> discard_former_password(Server& server, const DiscardFormerPassword& step, const Endpoint& admin) {
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  const auto works = [&] { return password_works(server.call(), admin, step.account.user, *password); };
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::PreconditionFailed, "{}: the declared password of '{}' {}", server.node(), step.account.user,
                what);
  };
  const auto before = works();
  if (!before) return tl::unexpected(before.error());
  if (!*before) return refuse("does not work, so the former one is kept. Rotate first");
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  const auto discard = [&]() -> Result<void> {
    // Of two passwords that work a login does not tell which is the first. Declared once more it is; a history that
    // refuses this knows it as used, and what was used last is the first.
    const auto first = server.execute(alter_password(step.account, *password, ""));
    const auto code = server.last_error();
    if (!first && code != kPasswordWasUsedBefore && code != kPasswordTooWeak) return first;
    return server.execute(fmt::format("ALTER USER {} DISCARD OLD PASSWORD", account_name(step.account.user)));
  };
  auto done = LoggedStatements::end(server, Logged::Yes, discard());
  if (!done) return done;
  const auto after = works();
  if (!after) return tl::unexpected(after.error());
  return *after ? Result<void>{} : refuse("was the former one: it works no longer. Put the new one back and rotate");
}

Result<void> drop_account(Server& server, const DropAccount& step) {
  if (step.role == AccountRole::Admin) {
    return fail(ErrorCode::InvalidArgument, "{}: the admin account is not repld's to drop", server.node());
  }
  if (auto begun = LoggedStatements::begin(server, step.logged); !begun) return begun;
  return LoggedStatements::end(server, step.logged,
                               server.execute("DROP USER IF EXISTS " + account_name(step.account.user)));
}

Result<void> change_grants(Server& server, const ChangeGrants& step) {
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) return {};  // the one that is made anew gets what the file says
  const auto shown = shown_grants(server, account_name(step.account.user));
  if (!shown) return tl::unexpected(shown.error());
  const auto version = server.value("SELECT @@version");
  if (!version) return tl::unexpected(version.error());
  const auto statements =
      step.to ? grants_for(step.account.user, step.grants)
              : revocations(step.account.user, step.grants, *shown, parse_version(version->value_or("")));
  if (statements.empty() || (step.to && has_grants(step.grants, *shown))) return {};
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  Result<void> done;
  for (const auto& statement : statements) {
    if (done) done = server.execute(statement);
  }
  return LoggedStatements::end(server, Logged::Yes, std::move(done));
}

Result<void> lock_account(Server& server, const LockAccount& step) {
  if (step.role == AccountRole::Admin) {
    return fail(ErrorCode::InvalidArgument, "{}: the admin account is not repld's to lock", server.node());
  }
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) return {};
  const auto locked = server.value(fmt::format("SELECT account_locked='Y' FROM mysql.user WHERE User={} AND Host='%'",
                                               sql_quoted(step.account.user)));
  if (!locked) return tl::unexpected(locked.error());
  if ((*locked == "1") == step.to) return {};
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  auto done = server.execute(
      fmt::format("ALTER USER IF EXISTS {} ACCOUNT {}", account_name(step.account.user), step.to ? "LOCK" : "UNLOCK"));
  return LoggedStatements::end(server, Logged::Yes, std::move(done));
}

Result<void> set_variable(Server& server, const SetVariable& step) {
  if (auto named = require_variable_name(server, step.name); !named) return named;
  const auto current = server.variable(step.name);
  if (!current) return tl::unexpected(current.error());
  const auto persisted = server.persisted(step.name);
  if (!persisted) return tl::unexpected(persisted.error());
  const bool for_applier = is_read_by_applier(step.name);
  if (*current == step.to && *persisted == step.to) return for_applier ? applier_runs(server) : Result<void>{};
  const auto done = for_applier && *current != step.to ? set_around_applier(server, "PERSIST", step.name, step.to)
                                                       : set_to(server, "PERSIST", step.name, step.to);
  if (done || server.last_error() != kReadOnlyVariable) return done;
  if (*current == step.to) return {};  // read-only, and as wanted from its option file
  return fail(ErrorCode::PreconditionFailed,
              "{}: {} can only change with a restart, and the server was not asked about that when this was planned. "
              "Nothing was persisted; apply again",
              server.node(), step.name);
}

Result<void> reset_variable(Server& server, const ResetVariable& step) {
  if (auto named = require_variable_name(server, step.name); !named) return named;
  if (auto done = server.execute("RESET PERSIST IF EXISTS " + step.name); !done) return done;
  const auto current = server.variable(step.name);
  if (!current) return tl::unexpected(current.error());
  // A variable of a plugin that is gone has no value to be put back.
  const bool for_applier = is_read_by_applier(step.name);
  if (step.to.empty() || !*current) return {};
  if (*current == step.to) return for_applier ? applier_runs(server) : Result<void>{};
  const auto done = for_applier ? set_around_applier(server, "GLOBAL", step.name, step.to)
                                : set_to(server, "GLOBAL", step.name, step.to);
  if (done || server.last_error() != kReadOnlyVariable) return done;
  return fail(
      ErrorCode::PreconditionFailed,
      "{}: {} can only change with a restart. It is persisted no longer; restart the server to make it what its "
      "option files say",
      server.node(), step.name);
}

Result<void> reset_gtids_of_empty(Server& server, const ResetGtids& step) {
  const auto now = server.look();
  if (!now) return tl::unexpected(now.error());
  if (now->executed.empty()) return {};
  if (!step.discarded.contains(now->executed)) {
    return fail(ErrorCode::PreconditionFailed, "{}: has executed {} more transactions than it was to forget ({})",
                server.node(), subtract(now->executed, step.discarded).count(),
                subtract(now->executed, step.discarded).to_string());
  }
  if (now->channel() != nullptr) {
    return fail(ErrorCode::PreconditionFailed, "{}: replicates from {}, so its transactions are not its own",
                server.node(), to_string(now->channel()->source));
  }
  const auto schemas = user_schemas(server);
  if (!schemas) return tl::unexpected(schemas.error());
  if (!schemas->empty()) {
    return fail(ErrorCode::PreconditionFailed, "{}: is not empty, it has the schema {}", server.node(),
                schemas->front());
  }
  return server.execute(reset_gtids(server.version()));
}

}  // namespace repl::mysql

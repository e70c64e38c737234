// Steps that prepare a server: plugins, accounts, variables, a clean start.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mysql/account_row.hpp"
#include "mysql/accounts.hpp"
#include "mysql/inventory.hpp"
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

// What is logged is carried out by every node, and one on which it fails replicates no longer. Their accounts may be
// otherwise than this server's, so all of it is said in a way that fails nowhere: made where it is missing, and made so
// where it is there.

Statement alter_password(const Account& account, const std::string& password, std::string_view how) {
  return {
      fmt::format("ALTER USER IF EXISTS {} IDENTIFIED BY {}{}", account_name(account.user), sql_quoted(password), how),
      {password}};
}

Result<void> alter(Server& server, const Account& account, std::string_view how) {
  return server.execute(fmt::format("ALTER USER IF EXISTS {} {}", account_name(account.user), how));
}

Result<void> create_where_missing(Server& server, const Account& account, const std::string& password,
                                  const std::string& options = {}) {
  return server.execute({fmt::format("CREATE USER IF NOT EXISTS {} IDENTIFIED WITH caching_sha2_password BY {} {}",
                                     account_name(account.user), sql_quoted(password), options),
                         {password}});
}

/// For the other nodes: this server has the account.
Result<void> create_elsewhere(Server& server, const Account& account, const std::string& password, Logged logged) {
  if (logged == Logged::No) return {};
  const auto done = create_where_missing(server, account, password);
  return done || server.last_error() != kPasswordTooWeak ? done : Result<void>{};
}

Result<void> make_new_account(Server& server, const CreateAccount& step, const std::string& password,
                              const Spec& spec) {
  const bool has_rules = !spec.password_policy.empty() || step.role == AccountRole::Replication;
  const auto rules = has_rules ? password_options(step.role, spec.password_policy) : std::string{};
  if (step.logged == Logged::No) return create_where_missing(server, step.account, password, rules);
  if (auto made = create_where_missing(server, step.account, password); !made) return made;
  if (has_rules) {
    if (auto done = alter(server, step.account, rules); !done) return done;
  }
  // Where a node had the account already, it has this password now. After the rules, so that the history knows it, too.
  const auto said = server.execute(alter_password(step.account, password, " ACCOUNT UNLOCK"));
  return said || server.last_error() != kPasswordWasUsedBefore ? said : Result<void>{};
}

/// An account that exists with another password: where it is in use already, that one works on.
Result<void> make_account_exist(Server& server, const CreateAccount& step, const std::string& password,
                                const Endpoint& admin, const Spec& spec) {
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) return make_new_account(server, step, password, spec);
  const auto works = password_gets_in(server, step.account.user, password, admin);
  if (!works) return tl::unexpected(works.error());
  if (auto made = create_elsewhere(server, step.account, password, step.logged); !made) return made;
  if (*works) return {};
  const auto* how = step.logged == Logged::Yes ? " RETAIN CURRENT PASSWORD ACCOUNT UNLOCK" : " ACCOUNT UNLOCK";
  return server.execute(alter_password(step.account, password, how));
}

/// Logged they are said also where this server has them: others may not.
Result<void> make_grants_true(Server& server, AccountRole role, const Account& account, Logged logged,
                              const Spec& spec) {
  const auto shown = shown_grants(server, account_name(account.user));
  if (!shown) return tl::unexpected(shown.error());
  const bool has_them = has_grants_for(role, account, spec, *shown);
  if (has_them && logged == Logged::No) return {};
  for (const auto& grant : grants_for(role, account, spec)) {
    auto done = server.execute(grant);
    if (!done && !(has_them && done.error().code == ErrorCode::AccessDenied)) return done;
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

/// What a server reads when it is told to, and not before.
bool is_read_by_tls(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames{"ssl_ca",     "ssl_capath",  "ssl_cert",
                                                   "ssl_cipher", "ssl_crl",     "ssl_crlpath",
                                                   "ssl_key",    "tls_version", "tls_ciphersuites"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

/// A certificate and its key are set one after the other, and fit each other only when both are there.
Result<bool> waits_for_its_pair(Server& server, const std::string& name, const Spec& spec) {
  if (name != "ssl_cert" && name != "ssl_key") return false;
  const auto settings = spec.settings_of(server.node());
  bool named = false;
  for (const auto* half : {"ssl_cert", "ssl_key"}) {
    const auto wanted = settings.find(half);
    if (wanted == settings.end()) continue;
    named = true;
    const auto is = server.variable(half);
    if (!is) return tl::unexpected(is.error());
    if (*is != wanted->second) return true;
  }
  return !named;  // both go back to what they were
}

/// New connections get what the variables say from then on; until then, and when that cannot be used, what was before.
Result<void> serve_as_set(Server& server, const std::string& name, const Spec& spec) {
  const auto reloaded = server.execute("ALTER INSTANCE RELOAD TLS");
  if (reloaded || server.session().lost()) return reloaded;
  const auto waits = waits_for_its_pair(server, name, spec);
  if (!waits) return tl::unexpected(waits.error());
  if (*waits) return {};
  return fail(reloaded.error().code,
              "{}: {} was set and put back, for the server cannot use it (ALTER INSTANCE RELOAD TLS): {}. Look at the "
              "file that it names, on the server",
              server.node(), name, reloaded.error().message);
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
  if (done) done = make_grants_true(server, step.role, step.account, step.logged, spec);
  return LoggedStatements::end(server, step.logged, std::move(done));
}

Result<void> amend_account(Server& server, const AmendAccount& step, const Endpoint& admin, const Spec& spec) {
  const auto exists = account_exists(server, step.account.user);
  if (!exists) return tl::unexpected(exists.error());
  if (!*exists) return create_account(server, {step.node, step.role, step.account, step.logged}, admin, spec);
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  if (auto begun = LoggedStatements::begin(server, step.logged); !begun) return begun;
  const auto amend = [&]() -> Result<void> {
    if (auto made = create_elsewhere(server, step.account, *password, step.logged); !made) return made;
    if (step.faults.contains(AccountFault::Password)) {
      const auto works = password_gets_in(server, step.account.user, *password, admin);
      if (!works) return tl::unexpected(works.error());
      if (!*works) {
        // Where others log in with it already, the present one works on.
        const auto* how = step.logged == Logged::Yes ? " RETAIN CURRENT PASSWORD" : "";
        if (auto done = server.execute(alter_password(step.account, *password, how)); !done) return done;
      }
    }
    if (step.faults.contains(AccountFault::Locked) || step.faults.contains(AccountFault::LockedOut)) {
      if (auto done = alter(server, step.account, "ACCOUNT UNLOCK"); !done) return done;
    }
    if (step.faults.contains(AccountFault::Policy)) {
      const auto options = password_options(step.role, spec.password_policy);
      if (auto done = alter(server, step.account, options); !done) return done;
    }
    return make_grants_true(server, step.role, step.account, step.logged, spec);
  };
  auto done = amend();
  return LoggedStatements::end(server, step.logged, std::move(done));
}

Result<void> rotate_password(Server& server, const RotatePassword& step, const Endpoint& admin, const Spec& spec) {
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  // Asked first: said once more, the present password would take the place of the former one, which others need.
  const auto works = password_gets_in(server, step.account.user, *password, admin);
  if (!works) return tl::unexpected(works.error());
  if (*works) return {};
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  auto done = create_elsewhere(server, step.account, *password, Logged::Yes);
  if (done) done = server.execute(alter_password(step.account, *password, " RETAIN CURRENT PASSWORD ACCOUNT UNLOCK"));
  if (done) done = make_grants_true(server, step.role, step.account, Logged::Yes, spec);
  return LoggedStatements::end(server, Logged::Yes, std::move(done));
}

Result<void> discard_former_password(Server& server, const DiscardFormerPassword& step, const Endpoint& admin) {
  const auto password = resolve_secret(step.account.password);
  if (!password) return tl::unexpected(password.error());
  const auto works = [&] { return password_gets_in(server, step.account.user, *password, admin); };
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::PreconditionFailed, "{}: the declared password of '{}' {}", server.node(), step.account.user,
                what);
  };
  const auto before = works();
  if (!before) return tl::unexpected(before.error());
  if (!*before) return refuse("does not work, so the former one is kept. Rotate first");
  if (auto begun = LoggedStatements::begin(server, Logged::Yes); !begun) return begun;
  const auto discard = [&]() -> Result<void> {
    // Of two passwords that work this may be the second. Declared once more it is the first; a history that refuses
    // this knows it as used, and what was used last is the first.
    const auto first = server.execute(alter_password(step.account, *password, ""));
    const auto code = server.last_error();
    if (!first && code != kPasswordWasUsedBefore && code != kPasswordTooWeak) return first;
    return alter(server, step.account, "DISCARD OLD PASSWORD");
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

namespace {

Result<void> persist_variable(Server& server, const SetVariable& step) {
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

}  // namespace

Result<void> set_variable(Server& server, const SetVariable& step, const Spec& spec) {
  if (auto named = require_variable_name(server, step.name); !named) return named;
  const auto set = persist_variable(server, step);
  if (!set || !is_read_by_tls(step.name)) return set;
  auto served = serve_as_set(server, step.name, spec);
  if (served || server.session().lost()) return served;
  const auto back = step.was_persisted ? set_to(server, "PERSIST", step.name, step.from)
                                       : server.execute("RESET PERSIST IF EXISTS " + step.name);
  const auto as_before = back ? set_to(server, "GLOBAL", step.name, step.from) : back;
  if (!as_before) served.error().message += fmt::format(". It is still set: {}", as_before.error().message);
  return served;
}

Result<void> reset_variable(Server& server, const ResetVariable& step, const Spec& spec) {
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
  if (done && is_read_by_tls(step.name)) return serve_as_set(server, step.name, spec);
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

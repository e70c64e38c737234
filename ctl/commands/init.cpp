// init: writes a topology file, by flags or by questions. Works without repld and without a server; what is written was
// checked by the same rules as everything that is applied.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/findings.hpp"
#include "ctl/random_password.hpp"
#include "ctl/topology_file.hpp"
#include "model/privileges.hpp"
#include "model/spec_text.hpp"
#include "spec/parse.hpp"

namespace repl::ctl {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string name;
  std::string topology;
  std::vector<std::string> nodes;
  std::string sync;
  int acks = 0;  ///< 0: not said.
  std::string admin_user = "repl_admin";
  std::string replication_user = "repl_replica";
  std::string monitoring_user;
  std::string application_user;
  std::vector<std::string> schemas;
  std::string tls;
  std::string ca;
  std::string out = "topology.yaml";
  bool generate_secrets = false;
  bool force = false;
};

struct NodeText {
  std::string name, host;
  std::string port;  ///< As it was given, so that the validator can say what is wrong with it.
};

/// "[NAME=]HOST[:PORT]"; an IPv6 address with a port stands in brackets.
NodeText node_from(const std::string& text, std::size_t index) {
  NodeText node{fmt::format("db{}", index + 1), text, "3306"};
  if (const auto equals = text.find('='); equals != std::string::npos) {
    node.name = text.substr(0, equals);
    node.host = text.substr(equals + 1);
  }
  const auto colon = node.host.rfind(':');
  if (node.host.starts_with("[")) {
    const auto close = node.host.find(']');
    if (close == std::string::npos) return node;
    if (close + 1 < node.host.size() && node.host[close + 1] == ':') node.port = node.host.substr(close + 2);
    node.host = node.host.substr(1, close - 1);
  } else if (colon != std::string::npos && node.host.find(':') == colon) {
    node.port = node.host.substr(colon + 1);
    node.host.resize(colon);
  }
  return node;
}

/// In quotes where YAML would read something else than the text.
std::string yaml_text(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '/' || c == '$';
  });
  const bool begins_plainly =
      plain && (std::isalpha(static_cast<unsigned char>(text.front())) != 0 || text.front() == '/');
  const bool is_word = text != "true" && text != "false" && text != "null" && text != "yes" && text != "no" &&
                       text != "on" && text != "off" && text != "y" && text != "n";
  const bool is_address = plain && text.find_first_not_of("0123456789.") == std::string::npos &&
                          std::count(text.begin(), text.end(), '.') == 3;
  if ((begins_plainly && is_word) || is_address) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

bool is_group(const std::string& topology) {
  return topology.starts_with("group-");
}

std::string account_line(const char* role, const std::string& user, const char* secret, const std::string& more = {}) {
  return fmt::format("  {:<12} {{ user: {}, password: {{ file: secrets/{} }}{} }}\n", std::string{role} + ":",
                     yaml_text(user), secret, more);
}

std::string document_for(const InitOptions& o) {
  std::string text =
      "# A topology file of replctl: what the servers are to be. docs/topology-file.md explains every field.\n"
      "#   replctl validate FILE    checks it without asking anybody\n"
      "#   replctl apply FILE       shows what would be changed, and does it\n"
      "apiVersion: replctl/v1\n";
  text += fmt::format("name: {}\n", yaml_text(o.name));
  text += fmt::format(
      "topology: {}   # source-replica, source-source, circular, group-single-primary, group-multi-primary\n\n",
      yaml_text(o.topology));
  if (!is_group(o.topology)) {
    const bool waits = o.sync != "async";
    text +=
        "# What a commit waits for. async: nothing; semi-sync: so many replicas have it; sync: all direct replicas "
        "have it.\n";
    text += fmt::format("sync:\n  mode: {}\n", yaml_text(o.sync));
    if (o.acks > 0) text += fmt::format("  acks: {}\n", o.acks);
    if (waits) text += "  onTooFewReplicas: wait   # or degrade-to-async: such commits can be lost in a failover\n";
    text += "\n";
  }
  text += is_group(o.topology) || o.topology != "source-replica"
              ? "nodes:\n"
              : "# type: source is the primary at first; a failover or `replctl switchover` moves it without changing "
                "this file.\n"
                "# More fields: region, promotion, delay, readWeight, follows, nodeSettings.\nnodes:\n";
  for (std::size_t i = 0; i < o.nodes.size(); ++i) {
    const auto node = node_from(o.nodes[i], i);
    text += fmt::format("  - {{ name: {}, host: {}, port: {}{} }}\n", yaml_text(node.name), yaml_text(node.host),
                        node.port.empty() ? "\"\"" : node.port,
                        o.topology == "source-replica" && i == 0 ? ", type: source" : "");
  }
  text +=
      "\n# Passwords never stand here: { file: PATH }, { env: VARIABLE of repld } or { exec: COMMAND }. Files have "
      "mode 600.\n"
      "# repld creates every account but admin, which must exist on each server before.\naccounts:\n";
  text += account_line("admin", o.admin_user, "admin");
  text += account_line("replication", o.replication_user, "replica");
  if (!o.monitoring_user.empty()) text += account_line("monitoring", o.monitoring_user, "monitor");
  if (!o.application_user.empty()) {
    std::string schemas;
    for (const auto& schema : o.schemas) schemas += (schemas.empty() ? "" : ", ") + yaml_text(schema);
    text += account_line("application", o.application_user, "app",
                         schemas.empty() ? "" : fmt::format(", schemas: [{}]", schemas));
  }
  text += "\n";
  if (!o.tls.empty()) {
    text += fmt::format("tls:\n  mode: {}\n", yaml_text(o.tls));
    if (!o.ca.empty()) text += fmt::format("  ca: {}\n", yaml_text(o.ca));
  } else {
    text += "# tls: { mode: verify-identity, ca: certs/ca.pem }\n";
  }
  text += "# passwordPolicy: { minLength: 14, history: 5, expireAfter: 90d, maxFailedLogins: 5, lockFor: 1d }\n";
  if (!is_group(o.topology)) {
    text += "# failover: { automatic: true, maxLag: 30s, cooldown: 1h, perDay: 3 }\n";
  }
  text += "# settings: { binlog_expire_logs_seconds: 604800 }   # server variables kept on every node, persisted\n";
  return text;
}

// ---- questions ------------------------------------------------------------------------------------------------------

/// The answer, or `otherwise` for an empty one. Empty: the input has ended.
std::optional<std::string> asked(Console& console, const std::string& question, const std::string& otherwise) {
  console.out << question << (otherwise.empty() ? "" : " [" + otherwise + "]") << ": " << std::flush;
  std::string answer;
  if (!std::getline(console.in, answer)) return std::nullopt;
  const auto begin = answer.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return otherwise;
  return answer.substr(begin, answer.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text + ",") {
    if (c != ',' && c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  return out;
}

/// What was not said on the command line. @errors InvalidArgument: the input ended
Result<void> ask_for_the_rest(Console& console, InitOptions& o) {
  const auto fill = [&](std::string& into, const std::string& question, const std::string& otherwise) {
    if (!into.empty()) return true;
    const auto answer = asked(console, question, otherwise);
    if (answer) into = *answer;
    return answer.has_value();
  };
  const auto ended = [] { return fail(ErrorCode::InvalidArgument, "the answers ended; nothing was written"); };
  if (!fill(o.name, "name of the cluster", "shop")) return ended();
  if (!fill(o.topology, "topology (source-replica, source-source, circular, group-single-primary, group-multi-primary)",
            "source-replica")) {
    return ended();
  }
  while (o.nodes.empty()) {
    const auto answer = asked(console, "nodes, the source first: [name=]host[:port], ...", "");
    if (!answer) return ended();
    o.nodes = words_of(*answer);
  }
  if (!is_group(o.topology)) {
    const auto before = o.sync;
    if (!fill(o.sync, "commits wait for (async: nothing, semi-sync: some replicas, sync: all)",
              o.nodes.size() > 2 ? "semi-sync" : "async")) {
      return ended();
    }
    if (o.sync == "semi-sync" && o.acks == 0 && o.topology == "source-replica") {
      const auto answer = asked(console, "replicas that must have a commit", "1");
      if (!answer) return ended();
      o.acks = std::atoi(answer->c_str());
    }
  }
  if (o.application_user.empty()) {
    const auto answer = asked(console, "user of the application (empty: none)", "");
    if (!answer) return ended();
    o.application_user = *answer;
    if (!o.application_user.empty() && o.schemas.empty()) {
      const auto schemas = asked(console, "its schemas", o.name);
      if (!schemas) return ended();
      o.schemas = words_of(*schemas);
    }
  }
  if (!o.generate_secrets) o.generate_secrets = confirmed(console, "write secrets/ with random passwords?");
  return {};
}

// ---- writing --------------------------------------------------------------------------------------------------------

enum class Existing { Refused, Replaced };

/// Whole or not at all. @errors Conflict: it is there; StoreFailed
Result<void> write_file(const fs::path& path, const std::string& text, mode_t mode, Existing existing) {
  const auto failed = [&] {
    return fail(ErrorCode::StoreFailed, "{} cannot be written: {}", path.string(), std::strerror(errno));
  };
  const auto draft = path.string() + ".new";
  ::unlink(draft.c_str());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  // link() does not replace what is there, rename() does.
  const bool placed = written && (existing == Existing::Replaced ? ::rename(draft.c_str(), path.c_str()) == 0
                                                                 : ::link(draft.c_str(), path.c_str()) == 0);
  const int error = errno;
  if (existing == Existing::Refused || !placed) ::unlink(draft.c_str());
  if (placed) return {};
  errno = error;
  if (error == EEXIST) {
    return fail(ErrorCode::Conflict, "{} is there already: --force replaces it, --out names another file",
                path.string());
  }
  return failed();
}

struct Secrets {
  std::vector<std::string> made, kept;
};

/// A password each where there is none; one that is there may be in use.
Result<Secrets> write_secrets(const fs::path& folder, const InitOptions& o) {
  std::error_code error;
  if (!folder.parent_path().empty()) fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::StoreFailed, "{} cannot be made: {}", folder.string(), std::strerror(errno));
  }
  std::vector<std::string> names{"admin", "replica"};
  if (!o.monitoring_user.empty()) names.emplace_back("monitor");
  if (!o.application_user.empty()) names.emplace_back("app");
  Secrets out;
  for (const auto& name : names) {
    const auto done = write_file(folder / name, random_password() + "\n", 0600, Existing::Refused);
    if (!done && done.error().code != ErrorCode::Conflict) return tl::unexpected(done.error());
    (done ? out.made : out.kept).push_back((folder / name).string());
  }
  return out;
}

/// What has to be run on every server before the first apply. Never a password.
std::string statements_for_admin(const Spec& spec) {
  std::string privileges;
  for (const auto& privilege : kAdminPrivileges) {
    if (privilege.name == "GRANT OPTION" || !privilege.is_needed(spec)) continue;
    privileges += (privileges.empty() ? "" : ", ") + std::string{privilege.name};
  }
  const auto& admin = spec.accounts.at(AccountRole::Admin);
  std::string out = fmt::format(
      "  SET SESSION sql_log_bin=0;\n  CREATE USER '{0}'@'%' IDENTIFIED BY '(what is in {1})';\n"
      "  GRANT {2} ON *.* TO '{0}'@'%' WITH GRANT OPTION;\n",
      admin.user, admin.password.value, privileges);
  if (spec.provisioning == Provisioning::Clone && !spec.by_position()) {
    // Only 8.3 and later know it, to commit discarded transactions with tags empty.
    out += fmt::format("  /*!80300 GRANT TRANSACTION_GTID_TAG ON *.* TO '{}'@'%' */;\n", admin.user);
  }
  if (const auto application = spec.accounts.find(AccountRole::Application); application != spec.accounts.end()) {
    for (const auto& schema : application->second.schemas) {
      out += fmt::format("  GRANT ALL PRIVILEGES ON `{}`.* TO '{}'@'%' WITH GRANT OPTION;\n", schema, admin.user);
    }
  }
  return out;
}

Result<Exit> init(Invocation& run, const InitOptions& given) {
  auto o = given;
  auto& console = run.console();
  const bool to_output = o.out == "-";
  if (o.nodes.size() == 1) o.nodes = words_of(o.nodes.front());
  if (o.nodes.empty() && console.interactive() && !to_output) {
    if (auto filled = ask_for_the_rest(console, o); !filled) return tl::unexpected(filled.error());
  }
  if (o.nodes.empty()) {
    return fail(
        ErrorCode::InvalidArgument,
        "--nodes is missing: the servers as [NAME=]HOST[:PORT],..., the source first (on a terminal it is asked "
        "for)");
  }
  if (o.name.empty()) o.name = "shop";
  if (o.topology.empty()) o.topology = "source-replica";
  if (o.sync.empty()) o.sync = o.acks > 0 ? "semi-sync" : "async";

  const fs::path path = fs::absolute(to_output ? "topology.yaml" : o.out);
  const auto text = document_for(o);
  const auto parsed = spec::parse(text, to_output ? "<init>" : o.out, path.parent_path().string());
  if (!parsed.errors.empty()) {
    const auto checked = check(TopologyFile{to_output ? "<init>" : o.out, text, path.parent_path().string()});
    console.err << render_findings(checked.errors, text, console.err_style);
    return fail(ErrorCode::InvalidSpec, "{}; nothing was written",
                counted(static_cast<long long>(parsed.errors.size()), "error"));
  }
  const auto& spec = parsed.clusters.front();
  if (to_output) {
    console.out << text;
    return Exit::Done;
  }
  std::error_code ignored;
  if (!o.force && fs::exists(path, ignored)) {
    return fail(ErrorCode::Conflict, "{} is there already: --force replaces it, --out names another file", o.out);
  }
  Secrets secrets;
  if (o.generate_secrets) {
    auto made = write_secrets(path.parent_path() / "secrets", o);
    if (!made) return tl::unexpected(made.error());
    secrets = std::move(*made);
  }
  fs::create_directories(path.parent_path(), ignored);
  if (auto written = write_file(path, text, 0600, o.force ? Existing::Replaced : Existing::Refused); !written) {
    return tl::unexpected(written.error());
  }
  std::string said = fmt::format("{} written: {}, {}, {}\n", o.out, spec.cluster.name, to_string(spec.topology),
                                 counted(static_cast<long long>(spec.nodes.size()), "node"));
  for (const auto& file : secrets.made) said += fmt::format("{} written: a random password, mode 600\n", file);
  for (const auto& file : secrets.kept) said += fmt::format("{} was there already and was left alone\n", file);
  if (!o.generate_secrets) said += "put the passwords into secrets/ (mode 600); --generate-secrets makes random ones\n";
  const auto statements = statements_for_admin(spec);
  said += fmt::format("on every server, before the first apply:\n{}then: replctl apply {}\n", statements, o.out);
  Json warnings = Json::array();
  for (const auto& warning : parsed.warnings) {
    warnings.push_back(to_string(warning));
    console.err << "warning: " << to_string(warning) << '\n';
  }
  if (run.for_people()) {
    console.out << said;
    return Exit::Done;
  }
  return run.say({{"file", path.string()},
                  {"cluster", spec.cluster.name},
                  {"document", text},
                  {"secretsMade", secrets.made},
                  {"secretsKept", secrets.kept},
                  {"adminStatements", statements},
                  {"warnings", std::move(warnings)}},
                 said);
}

}  // namespace

void add_init_commands(CLI::App& app, Invocation& run) {
  auto [sub, options] =
      add_command<InitOptions>(app, run, {"init", kChange, "write a topology file, by options or by questions"}, init);
  sub->add_option("--name", options->name, "of the cluster (default: shop)")->type_name("NAME");
  sub->add_option("--topology", options->topology, "who replicates from whom (default: source-replica)")
      ->type_name("TOPOLOGY")
      ->check(CLI::IsMember(names_in(kTopologyTypes)));
  sub->add_option("--nodes", options->nodes, "[NAME=]HOST[:PORT],..., the source first")->type_name("NODES");
  sub->add_option("--sync", options->sync, "what commits wait for (default: async, with --acks semi-sync)")
      ->type_name("MODE")
      ->check(CLI::IsMember(names_in(kDataSyncTypes)));
  sub->add_option("--acks", options->acks, "semi-sync: so many replicas must have a commit")->type_name("N");
  sub->add_option("--admin-user", options->admin_user, "how repld logs in")->type_name("USER")->capture_default_str();
  sub->add_option("--replication-user", options->replication_user, "how replicas log in")
      ->type_name("USER")
      ->capture_default_str();
  sub->add_option("--monitoring-user", options->monitoring_user, "for exporters; none when left out")
      ->type_name("USER");
  sub->add_option("--application-user", options->application_user, "for the application; none when left out")
      ->type_name("USER");
  sub->add_option("--schemas", options->schemas, "what the application may read and write")
      ->type_name("SCHEMAS")
      ->delimiter(',');
  sub->add_option("--tls", options->tls, "TLS mode (default: preferred)")
      ->type_name("MODE")
      ->check(CLI::IsMember(names_in(kTlsModes)));
  sub->add_option("--ca", options->ca, "the authority's certificate, for the verifying modes")->type_name(kFileType);
  sub->add_option("--out", options->out, "the file to write; - is standard output")
      ->type_name(kFileType)
      ->capture_default_str();
  sub->add_flag("--generate-secrets", options->generate_secrets,
                "write secrets/ beside it with random passwords, mode 600; what is there is kept");
  sub->add_flag("--force", options->force, "replace the file when it is there");
  sub->footer(
      "What is wrong is said, and nothing is written. repld and servers are not asked. On a terminal, without "
      "--nodes,\n"
      "every question has a default. The statements that make the admin account are printed, without the password.\n\n"
      "Examples:\n  replctl init\n"
      "  replctl init --name shop --nodes db1=10.0.0.11,db2=10.0.0.12,db3=10.0.0.13 --acks 1 --generate-secrets\n"
      "  replctl init --nodes 10.0.0.11,10.0.0.12 --out - | replctl validate -");
}

}  // namespace repl::ctl

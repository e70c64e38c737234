// adopt: from a running topology to its file, and into the hands of repld, which only looks on at first.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "ctl/commands/applying.hpp"
#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/words.hpp"
#include "model/spec_text.hpp"

namespace repl::ctl {
namespace {

struct AdoptOptions {
  std::vector<std::string> servers;
  std::string user;
  std::string password_file;
  std::string password_env;
  std::string password_exec;
  std::string name;
  std::string tls_mode;
  std::string tls_ca;
  std::string out;
  bool yes = false;
};

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// @errors InvalidArgument: not exactly one place for the password
Result<Json> request_of(const AdoptOptions& options) {
  Json password = Json::object();
  if (!options.password_file.empty()) password["file"] = absolute(options.password_file);
  if (!options.password_env.empty()) password["env"] = options.password_env;
  if (!options.password_exec.empty()) password["exec"] = options.password_exec;
  if (password.size() != 1) {
    return fail(ErrorCode::InvalidArgument,
                "say where the password of '{}' is: --password-file, --password-env or --password-exec", options.user);
  }
  Json body{{"servers", options.servers}, {"admin", {{"user", options.user}, {"password", std::move(password)}}}};
  if (!options.name.empty()) body["name"] = options.name;
  if (!options.tls_mode.empty()) body["tls"]["mode"] = options.tls_mode;
  if (!options.tls_ca.empty()) body["tls"]["ca"] = absolute(options.tls_ca);
  return body;
}

// ---- what was found
// ---------------------------------------------------------------------------------------------------

std::string facts_of(const Json& node, const Style& style) {
  if (!is_true(node, "reached")) return style.paint(Colour::Red, "not reached");
  std::string facts = text_of(node, "role");
  const auto add = [&](const std::string& fact) { facts += ", " + fact; };
  add(text_of(node, "version"));
  add(mode_word(text_of(node, "readOnly")));
  if (const auto delay = integer_of(node, "delaySeconds"); delay > 0) {
    add("delayed " + coarse_duration(static_cast<double>(delay)));
  }
  return facts;
}

class FoundTree {
 public:
  FoundTree(const Json& found, const Style& style) : nodes_(items_of(found, "nodes")), style_(style) {}

  std::string text() && {
    // A ring and a group have no top: all of their nodes stand side by side.
    const bool flat = std::all_of(nodes_.begin(), nodes_.end(), [](const Json* n) {
      return text_of(*n, "role") != "replica" || text_of(*n, "source").empty();
    });
    for (const auto* node : nodes_) {
      if (flat || !is_below_another(*node)) add(*node, 0, flat);
    }
    for (const auto* node : nodes_) add(*node, 0, true);  // what hangs below nobody that is known
    return std::move(text_);
  }

 private:
  bool is_below_another(const Json& node) const {
    const auto source = text_of(node, "source");
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const Json* n) { return text_of(*n, "name") == source; });
  }

  void add(const Json& node, std::size_t depth, bool alone) {
    if (!shown_.insert(text_of(node, "name")).second) return;
    const auto source = text_of(node, "source");
    const bool says_source = !source.empty() && (alone || depth == 0);
    text_ += fmt::format("  {}{}  {}  [{}{}]\n", std::string(2 * depth, ' '), text_of(node, "name"),
                         text_of(node, "address"), facts_of(node, style_), says_source ? ", follows " + source : "");
    if (alone) return;
    for (const auto* other : nodes_) {
      if (text_of(*other, "source") == text_of(node, "name")) add(*other, depth + 1, false);
    }
  }

  std::vector<const Json*> nodes_;
  const Style& style_;
  std::set<std::string> shown_;
  std::string text_;
};

std::string render_found(const Json& found, const Style& style) {
  std::string text =
      fmt::format("{}  {}", style.paint(Colour::Bold, text_of(found, "cluster")), text_of(found, "topology"));
  if (const auto* recorded = find(found, "recorded"); recorded != nullptr && recorded->is_object()) {
    text += fmt::format(", known to its servers: revision {}, term {}", integer_of(*recorded, "revision"),
                        integer_of(*recorded, "term"));
  }
  text += "\n" + FoundTree{found, style}.text();
  for (const auto* other : items_of(found, "unreached")) {
    text += fmt::format("  {} {} ({}): {}\n", style.paint(Colour::Yellow, "not reached:"), text_of(*other, "address"),
                        text_of(*other, "seenBy"), text_of(*other, "why"));
  }
  for (const auto* note : items_of(found, "notes")) {
    text += fmt::format("  note: {}\n", note->get<std::string>());
  }
  for (const auto* difference : items_of(found, "differences")) {
    text += fmt::format("  {} {}\n", style.paint(Colour::Red, "differs:"), difference->get<std::string>());
  }
  return text;
}

Table found_table(const Json& found) {
  Table table{.columns = {{"NODE"}, {"ADDRESS"}, {"ROLE"}, {"SOURCE"}, {"VERSION"}, {"READ-ONLY"}}, .rows = {}};
  for (const auto* node : items_of(found, "nodes")) {
    auto& row = table.rows.emplace_back();
    for (const auto* key : {"name", "address", "role", "source", "version", "readOnly"}) {
      row.push_back({text_of(*node, key), Colour::None});
    }
  }
  return table;
}

// ---- the command
// ------------------------------------------------------------------------------------------------------

/// @errors Conflict: it is there already; InvalidArgument: it cannot be written
Result<void> write_file(const std::string& path, const std::string& text) {
  if (std::filesystem::exists(path)) return fail(ErrorCode::Conflict, "{} is there already; nothing was written", path);
  std::ofstream file(path);
  if (!(file << text) || !file.flush()) return fail(ErrorCode::InvalidArgument, "{} cannot be written", path);
  file.close();
  std::error_code ignored;  // repld refuses files that others may write
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  return {};
}

Result<Exit> adopt(Invocation& run, const AdoptOptions& options) {
  const auto body = request_of(options);
  if (!body) return tl::unexpected(body.error());
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto found = (*repld)->post("/api/v1/adopt", *body, kPlanningTime);
  if (!found) return tl::unexpected(found.error());
  const auto document = text_of(*found, "document");

  // What is not the file goes elsewhere when standard output is no terminal, so that it can be redirected into one.
  const bool beside = run.for_people() && !run.console().out_is_terminal;
  auto& talk = beside ? run.console().err : run.talk();
  const auto& style = beside ? run.console().err_style : run.talk_style();
  talk << render_found(*found, style) << std::flush;
  if (!options.out.empty()) {
    if (auto written = write_file(options.out, document); !written) return tl::unexpected(written.error());
    talk << fmt::format("written to {}\n", options.out);
  } else if (run.for_people()) {
    run.console().out << document << std::flush;
  }

  Json result = *found;
  auto code = Exit::Done;
  const auto differences = items_of(*found, "differences");
  const bool may_ask = run.console().interactive();
  if (!differences.empty()) {
    if (!run.for_people()) run.show(result, found_table(*found));
    return fail(ErrorCode::PreconditionFailed,
                "{}: nothing was changed: the file does not say what the servers are ({}); see \"differs\" above",
                text_of(*found, "cluster"), counted(static_cast<long long>(differences.size()), "difference"));
  }
  if (options.yes || (may_ask && confirmed(run.console(), "Take it over like this? repld only looks on."))) {
    Json apply{{"document", document},
               {"file", options.out.empty() ? "adopted.yaml" : options.out},
               {"baseDirectory", std::filesystem::current_path().string()},
               {"dryRun", false},
               {"note", "adopted"}};
    const auto applied = (*repld)->post("/api/v1/apply", apply, kPlanningTime);
    if (!applied) return tl::unexpected(applied.error());
    for (const auto* cluster : items_of(*applied, "clusters")) {
      result["revision"] = integer_of(*cluster, "revision");
      talk << fmt::format("{}: repld looks on, revision {} is in force and no server was changed\n",
                          text_of(*cluster, "cluster"), integer_of(*cluster, "revision"));
    }
  } else if (run.for_people()) {
    talk << "nothing was taken over; --yes, or `replctl apply` of the file, does that\n";
  }
  if (!run.for_people()) run.show(result, found_table(*found));
  return code;
}

}  // namespace

void add_adopt_commands(CLI::App& app, Invocation& run) {
  auto [sub, options] =
      add_command<AdoptOptions>(app, run, {"adopt", kChange, "take a running topology over, only looking on"}, adopt);
  sub->add_option("SERVER", options->servers, "host:port of one of its servers, or of several; the others are found")
      ->type_name("HOST:PORT")
      ->required();
  sub->add_option("--user", options->user, "the account with which repld logs in to every server")
      ->type_name("USER")
      ->required();
  sub->add_option("--password-file", options->password_file, "file with its password, on the machine of repld")
      ->type_name(kFileType);
  sub->add_option("--password-env", options->password_env, "variable of repld with its password")
      ->type_name("VARIABLE");
  sub->add_option("--password-exec", options->password_exec, "command that prints its password")->type_name("COMMAND");
  sub->add_option("--name", options->name, "of the cluster; else what its servers keep, or \"adopted\"")
      ->type_name("NAME");
  sub->add_option("--tls-mode", options->tls_mode, "how repld connects")
      ->type_name("MODE")
      ->check(CLI::IsMember(names_in(kTlsModes)));
  sub->add_option("--tls-ca", options->tls_ca, "the authority's certificate, for verify-ca and verify-identity")
      ->type_name(kFileType);
  sub->add_option("--out", options->out, "write the file there instead of to standard output")->type_name(kFileType);
  add_yes_option(*sub, options->yes);
  sub->footer(
      "Looks at the servers named, finds their sources, replicas and group members, and prints the topology file that\n"
      "says what is there. Nothing is changed. With --yes, or when you say so on a terminal, repld takes it over with\n"
      "`management: observe`: it watches and reports, until a file with `management: full` is applied.\n\n"
      "Examples:\n  replctl adopt 10.0.0.11:3306 --user repl_admin --password-file /etc/repld/secrets/admin\n"
      "  replctl adopt db1 --user repl_admin --password-file admin --name shop --out shop.yaml --yes");
}

}  // namespace repl::ctl

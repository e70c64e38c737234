// completion: the command tree as CLI11 has it, turned into scripts; and the hidden command that those scripts call.
#include "ctl/completion.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"

namespace repl::ctl {
namespace {

/// "FORMAT:{table,wide}" -> table, wide.
std::vector<std::string> words_in(const std::string& type) {
  const auto open = type.find('{');
  const auto close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

CompletionOption describe_option(const CLI::Option& option) {
  CompletionOption out;
  for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
  if (out.names.empty()) out.names.push_back(option.get_name(true));
  out.summary = option.get_description();
  if (option.get_items_expected_max() > 0) {
    const auto type = option.get_type_name();
    out.words = words_in(type);
    out.type = type.substr(0, type.find(':'));
    if (out.type.empty()) out.type = "VALUE";
  }
  return out;
}

void describe_into(const CLI::App& app, const std::string& path, std::vector<CompletionCommand>& out) {
  CompletionCommand command{
      .path = path, .summary = app.get_description(), .options = {}, .arguments = {}, .subcommands = {}};
  for (const auto* option : app.get_options({})) {
    const bool inherited = !path.empty() && option == app.get_help_ptr();  // listed once, with replctl's own options
    if (option->get_group().empty() || inherited) continue;
    auto described = describe_option(*option);
    (option->get_positional() ? command.arguments : command.options).push_back(std::move(described));
  }
  const auto subcommands =
      app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty() && !sub->get_name().empty(); });
  for (const auto* sub : subcommands) command.subcommands.push_back(sub->get_name());
  out.push_back(std::move(command));
  for (const auto* sub : subcommands) describe_into(*sub, path + "/" + sub->get_name(), out);
}

struct CompletionOptions {
  std::string shell;
  const CLI::App* app = nullptr;
};
struct NamesOptions {
  std::string kind;
};

Result<Exit> completion(Invocation& run, const CompletionOptions& options) {
  const auto shell = options.shell == "zsh" ? Shell::Zsh : options.shell == "fish" ? Shell::Fish : Shell::Bash;
  run.console().out << completion_script(shell, describe_commands(*options.app));
  return Exit::Done;
}

/// Where the names of a kind stand in the answers of repld.
struct KindRow {
  std::string_view kind;
  const char* target;
  const char* list;
  const char* field;
};
constexpr std::array kKinds{KindRow{"clusters", "/api/v1/clusters", "clusters", "cluster"},
                            KindRow{"nodes", "/api/v1/nodes", "nodes", "name"},
                            KindRow{"operations", "/api/v1/events?limit=100", "events", "operation"}};

/// Those that some cluster may have: the scripts do not tell which cluster was named before.
std::set<std::string> revisions(Invocation& run) {
  std::set<std::string> found;
  auto repld = run.repld();
  const auto answer = repld ? (*repld)->get("/api/v1/clusters") : tl::unexpected(repld.error());
  if (!answer) return found;
  for (const auto* cluster : items_of(*answer, "clusters")) {
    for (std::uint64_t n = cluster->value("revision", std::uint64_t{0}); n > 0; --n) found.insert(std::to_string(n));
  }
  return found;
}

/// A name per line. Whatever goes wrong, completion must not disturb: then there are no names.
Result<Exit> names(Invocation& run, const NamesOptions& options) {
  std::set<std::string> found;
  const auto* row =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindRow& r) { return r.kind == options.kind; });
  if (row != kKinds.end()) {
    auto repld = run.repld();
    const auto answer = repld ? (*repld)->get(row->target) : tl::unexpected(repld.error());
    if (!answer) return Exit::Done;
    for (const auto* item : items_of(*answer, row->list)) found.insert(text_of(*item, row->field));
  } else if (options.kind == "revisions") {
    found = revisions(run);
  } else if (run.more_names) {
    for (auto& name : run.more_names(options.kind)) found.insert(std::move(name));
  }
  for (const auto& name : found) {
    if (!name.empty()) run.console().out << name << '\n';
  }
  return Exit::Done;
}

}  // namespace

std::vector<CompletionCommand> describe_commands(const CLI::App& app) {
  std::vector<CompletionCommand> out;
  describe_into(app, "", out);
  return out;
}

void add_completion_commands(CLI::App& app, Invocation& run) {
  auto [sub, options] = add_command<CompletionOptions>(
      app, run, {"completion", kMore, "a completion script for bash, zsh or fish"}, completion);
  options->app = &app;
  sub->add_option("SHELL", options->shell, "for which shell")
      ->type_name("SHELL")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->footer(
      "Examples:\n  source <(replctl completion bash)\n  replctl completion zsh > \"${fpath[1]}/_replctl\"\n"
      "  replctl completion fish > ~/.config/fish/completions/replctl.fish");
  auto [hidden, names_options] =
      add_command<NamesOptions>(app, run, {"__names", "", "names for completion scripts"}, names);
  hidden->add_option("KIND", names_options->kind)
      ->required()
      ->check(CLI::IsMember({"clusters", "nodes", "operations", "revisions"}));
}

}  // namespace repl::ctl

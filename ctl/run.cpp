// The top of replctl: global options, help, and what is printed when something goes wrong.
#include "ctl/run.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "ctl/commands/families.hpp"
#include "ctl/invocation.hpp"

namespace repl::ctl {
namespace {

constexpr const char* kFooter = R"(Examples:
  replctl init                               write a topology file, by questions
  replctl validate shop.yaml                 check a topology file
  replctl apply shop.yaml --dry-run          what would be changed
  replctl apply shop.yaml                    make it so
  replctl rollback shop                      back to what was in force before
  replctl adopt db1:3306 --user repl_admin --password-file admin   take over what runs
  replctl status shop --watch                the cluster as a tree, live
  replctl switchover shop --to db2           move the primary
  replctl verify shop                        compare the data of all nodes
  replctl events --follow -o json            everything that happens, for programs

repld is looked for at --server, REPLCTL_SERVER, its address file, 127.0.0.1:10330 (`replctl connection`).
`replctl COMMAND --help` tells more.
Exit codes: 0 done or equal, 1 differs, 2 bad usage or file, 3 refused, 4 failed and taken back,
5 failed and needs a person, 6 --timeout passed, 7 repld not reachable or not authorised.)";

/// "FORMAT:{table,wide}" as CLI11 composes it: what is before the colon, and what is in the braces.
struct TypeText {
  std::string name;
  std::string choices;
};
TypeText type_text(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.rfind('}');
  TypeText text{type.substr(0, type.find(':')), {}};
  if (open == std::string::npos || close == std::string::npos) return text;
  for (const auto& choice : CLI::detail::split(type.substr(open + 1, close - open - 1), ',')) {
    text.choices += (text.choices.empty() ? "" : ", ") + choice;
  }
  return text;
}

/// CLI11's layout with commands before options, one line each, and without aliases and hidden options.
class Help : public CLI::Formatter {
 public:
  Help() { column_width(28); }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    return make_description(app) + make_usage(app, std::move(name)) + make_positionals(app) +
           make_subcommands(app, mode) + make_groups(app, mode) + '\n' + make_footer(app);
  }
  std::string make_description(const CLI::App* app) const override {
    auto text = app->get_description();
    if (!text.empty() && app->get_parent() != nullptr && text[0] >= 'a' && text[0] <= 'z') {
      text[0] = static_cast<char>(text[0] - 'a' + 'A');
    }
    return text + ".\n\n";
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    return row(sub->get_name(), sub->get_description());
  }
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const auto type = type_text(*option);
    std::string name = option->get_name(true);
    if (!is_positional) {
      std::string names;
      for (const auto& s : option->get_snames()) names += (names.empty() ? "-" : ", -") + s;
      for (const auto& l : option->get_lnames()) names += (names.empty() ? "--" : ", --") + l;
      name = names + (option->get_items_expected_max() > 0 && !type.name.empty() ? " " + type.name : "");
    }
    std::string text = option->get_description();
    if (!type.choices.empty()) text += (text.empty() ? "" : ": ") + type.choices;
    if (const auto value = option->get_default_str(); !value.empty()) text += " (default: " + value + ")";
    return row(name, text);
  }

 private:
  std::string row(const std::string& name, const std::string& text) const {
    std::ostringstream out;
    CLI::detail::format_help(out, name, text, get_column_width());
    return out.str();
  }
};

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("-o,--output", options.format, "how results are printed")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(CLI::IsMember(std::vector<std::string>(kFormatNames.begin(), kFormatNames.end())));
  app.add_option("--server", options.connection.servers, "address of repld; several are tried in order")
      ->type_name("URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--token-file", options.connection.token_file, "file with the token of repld")->type_name("FILE");
  app.add_option("--colour,--color", options.colour, "when to use colours")
      ->type_name("WHEN")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

/// The names that could be meant by a word at the place where the parser stopped.
std::vector<std::string> command_names(const CLI::App& app) {
  const auto* at = &app;
  while (true) {
    const auto parsed = at->get_subcommands();
    if (parsed.empty()) break;
    at = parsed.back();
  }
  std::vector<std::string> names;
  for (const auto* sub : at->get_subcommands({})) {
    names.push_back(sub->get_name());
    names.insert(names.end(), sub->get_aliases().begin(), sub->get_aliases().end());
  }
  for (const auto* a : {at, &app}) {
    for (const auto* option : a->get_options({})) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.back());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  std::string message = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extras = app.remaining(true);
    if (!extras.empty()) {
      const auto& word = extras.front();
      const bool command_expected = !deepest(app).get_subcommands([](const CLI::App*) { return true; }).empty();
      message = word.starts_with('-') ? fmt::format("there is no option {}", word)
                : command_expected    ? fmt::format("there is no command {}", word)
                                      : fmt::format("'{}' is one argument too many", word);
      if (const auto near = closest(word, command_names(app)); !near.empty())
        message += fmt::format("; did you mean {}?", near);
    }
  }
  return message + fmt::format("\n`{} --help` shows what there is", full_name(deepest(app)));
}

void print_error(Console& console, std::string_view message) {
  console.err << console.err_style.paint(Colour::Red, "replctl:") << ' ' << message << '\n';
}

void set_colour(Console& console, const std::string& when) {
  if (when != "auto") console.style.colour = console.err_style.colour = when == "always";
}

}  // namespace

int run(const std::vector<std::string>& arguments, Console& console, const Extension& extension) {
  Invocation invocation(console);
  invocation.more_names = extension.names;
  CLI::App app("replctl keeps MySQL replication topologies as declared, through repld", "replctl");
  app.formatter(std::make_shared<Help>());
  app.set_help_flag("-h,--help", "show this");
  app.set_version_flag("--version", "replctl " REPLCTL_VERSION, "show the version of replctl");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.fallthrough();
  add_global_options(app, invocation.options);
  add_init_commands(app, invocation);
  add_file_commands(app, invocation);
  add_adopt_commands(app, invocation);
  add_revision_commands(app, invocation);
  add_primary_commands(app, invocation);
  add_see_commands(app, invocation);
  add_past_commands(app, invocation);
  add_verify_commands(app, invocation);
  add_switch_commands(app, invocation);
  add_maintenance_commands(app, invocation);
  add_backup_commands(app, invocation);
  if (extension.add_commands) extension.add_commands(app);
  add_completion_commands(app, invocation);
  add_about_commands(app, invocation);

  auto words = arguments;
  if (!words.empty() && words.front() == "help") {  // `replctl help apply`
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
  try {
    app.parse(std::move(words));
  } catch (const CLI::RuntimeError& error) {  // a command that ran within the parser and has said what went wrong
    return error.get_exit_code();
  } catch (const CLI::Success& wanted) {  // --help, --version
    static_cast<void>(app.exit(wanted, console.out, console.err));
    return static_cast<int>(Exit::Done);
  } catch (const CLI::ParseError& error) {
    print_error(console, usage_message(app, error));
    return static_cast<int>(Exit::Usage);
  }
  if (!invocation.action) {
    if (app.get_subcommands().empty()) console.out << app.help();
    return static_cast<int>(Exit::Done);
  }
  set_colour(console, invocation.options.colour);
  const auto exit = invocation.action();
  console.out << std::flush;
  if (exit) return static_cast<int>(*exit);
  print_error(console, exit.error().message);
  return static_cast<int>(exit_for(exit.error().code));
}

}  // namespace repl::ctl

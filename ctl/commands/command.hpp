// How commands are declared: a row with name, group and summary, a struct of options, and a function. Included by the
// command families only, because CLI11 is heavy.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "ctl/invocation.hpp"
#include "ctl/wait.hpp"

namespace repl::ctl {

inline constexpr const char* kSee = "See";
inline constexpr const char* kChange = "Change";
inline constexpr const char* kOperate = "Operate";
inline constexpr const char* kTry = "Try";
inline constexpr const char* kMore = "More";

/// Types of arguments; completion scripts know how to complete each (completion.cpp).
inline constexpr const char* kClusterType = "CLUSTER";
inline constexpr const char* kNodeType = "NODE";
inline constexpr const char* kFileType = "FILE";
inline constexpr const char* kDurationType = "DURATION";

/// For commands without options of their own, and with nothing but [CLUSTER].
struct NoOptions {};
struct ClusterOptions {
  std::string cluster;
};

struct CommandText {
  const char* name;
  const char* group;
  const char* summary;  ///< One line, a small letter first, no full stop.
};

template <class Options>
struct Command {
  CLI::App* app;
  Options* options;
};

/// `app` runs `action` with the options as parsed. The options live as long as the app.
template <class Options>
Command<Options> add_command(CLI::App& parent, Invocation& run, const CommandText& text,
                             Result<Exit> (*action)(Invocation&, const Options&)) {
  auto* app = parent.add_subcommand(text.name, text.summary);
  app->group(text.group);
  auto options = std::make_shared<Options>();
  app->callback([&run, options, action] { run.action = [&run, options, action] { return action(run, *options); }; });
  return {app, options.get()};
}

inline CLI::Option* add_cluster_argument(CLI::App& app, std::string& cluster) {
  return app.add_option("CLUSTER", cluster, "name of the cluster; may be left out when there is only one")
      ->type_name(kClusterType);
}

inline CLI::Option* add_yes_option(CLI::App& app, bool& yes) {
  return app.add_flag("-y,--yes", yes, "do not ask");
}

/// What an option takes of which a table of model/enum_text.hpp holds the words.
template <class Table>
std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> out;
  for (const auto& row : table) out.emplace_back(row.name);
  return out;
}

/// --wait, --no-wait and --timeout.
void add_wait_options(CLI::App& app, WaitOptions& options);

/// Refuses what is no duration.
const CLI::Validator& is_duration();

}  // namespace repl::ctl

#include "ctl/sandbox/commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ctl/sandbox/sandbox.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
namespace {

// Completion scripts know values by these.
constexpr const char* kSandboxType = "SANDBOX";
constexpr const char* kNodeType = "SANDBOX-NODE";
constexpr const char* kNodeHelp = "db1; where there are several sandboxes NAME db1, or NAME/db1";

using JsonValue = nlohmann::ordered_json;

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "replctl: {}\n", error.message);
  throw CLI::RuntimeError(exit_code(error.code));
}

template <class T>
T or_give_up(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Column {
  std::string title;
  enum class Align { Left, Right } align = Align::Left;
};

using Rows = std::vector<std::vector<std::string>>;

/// Columns two blanks apart, or tab-separated values for programs.
void print_table(const std::vector<Column>& columns, const Rows& rows, std::string_view format) {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    titles.push_back(column.title);
    widths.push_back(column.title.size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print_row = [&](const std::vector<std::string>& row) {
    if (format == "tsv") {
      fmt::print("{}\n", fmt::join(row, "\t"));
      return;
    }
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += columns[i].align == Column::Align::Right ? fmt::format("{:>{}}  ", row[i], widths[i])
                                                       : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    fmt::print("{}\n", std::string_view(line).substr(0, line.find_last_not_of(' ') + 1));
  };
  print_row(titles);
  for (const auto& row : rows) print_row(row);
}

std::string mebibytes(const std::optional<std::uint64_t>& bytes) {
  return bytes ? fmt::format("{} MiB", *bytes / (1024 * 1024)) : "-";
}

std::string state_text(const NodeStatus& node) {
  if (node.state == ServerState::Dead || node.supervised) return std::string(to_string(node.state));
  return fmt::format("{}, no supervisor", to_string(node.state));
}

JsonValue to_json(const NodeStatus& node) {
  return {{"name", node.name},
          {"host", "127.0.0.1"},
          {"port", node.port},
          {"state", to_string(node.state)},
          {"supervised", node.supervised},
          {"pid", node.pid ? JsonValue(*node.pid) : JsonValue()},
          {"readOnly", node.read_only ? JsonValue(to_string(*node.read_only)) : JsonValue()},
          {"residentBytes", node.resident_bytes ? JsonValue(*node.resident_bytes) : JsonValue()}};
}

JsonValue to_json(const Sandbox& sandbox) {
  const bool has_topology = fs::exists(sandbox.folder().topology());
  JsonValue json{{"name", sandbox.name()},
                 {"folder", sandbox.folder().path().string()},
                 {"mysqlVersion", sandbox.mysql_version()},
                 {"mysqlRoot", sandbox.mysql_root().string()},
                 {"topology", has_topology ? JsonValue(sandbox.folder().topology().string()) : JsonValue()},
                 {"nodes", JsonValue::array()}};
  for (const auto& node : sandbox.status()) json["nodes"].push_back(to_json(node));
  return json;
}

void print_status(const Sandbox& sandbox, std::string_view format) {
  Rows rows;
  for (const auto& node : sandbox.status()) {
    rows.push_back({node.name, std::to_string(node.port), node.pid ? std::to_string(*node.pid) : "-", state_text(node),
                    node.read_only ? std::string(to_string(*node.read_only)) : "-", mebibytes(node.resident_bytes)});
  }
  using enum Column::Align;
  print_table({{"NODE"}, {"PORT", Right}, {"PID", Right}, {"STATE"}, {"READ-ONLY"}, {"RSS", Right}}, rows, format);
}

Sandbox the_only_sandbox() {
  const auto names = Sandbox::names();
  if (names.size() == 1) return or_give_up(Sandbox::open(names.front()));
  give_up({ErrorCode::InvalidArgument, names.empty()
                                           ? std::string("there is no sandbox; make one with `replctl sandbox up NAME`")
                                           : fmt::format("which sandbox? There are {}", fmt::join(names, ", "))});
}

Sandbox sandbox_named(const std::string& name) {
  return name.empty() ? the_only_sandbox() : or_give_up(Sandbox::open(name));
}

struct NodeRef {
  Sandbox sandbox;
  std::string node;
};

/// "db1" in the only sandbox there is, or "shop/db1".
NodeRef node_named(const std::string& text) {
  const auto slash = text.find('/');
  if (slash != std::string::npos) return {or_give_up(Sandbox::open(text.substr(0, slash))), text.substr(slash + 1)};
  const auto names = Sandbox::names();
  if (names.size() > 1) {
    give_up({ErrorCode::InvalidArgument, fmt::format("'{}' of which sandbox? There are {}: write `{} {}`", text,
                                                     fmt::join(names, ", "), names.front(), text)});
  }
  return {the_only_sandbox(), text};
}

/// Whether the first of several words names the sandbox of the others: "shop db1 db2".
bool begins_with_sandbox(const std::vector<std::string>& words) {
  const auto names = Sandbox::names();
  return words.size() > 1 && std::ranges::find(names, words.front()) != names.end();
}

std::vector<NodeRef> nodes_named(const std::vector<std::string>& words) {
  std::vector<NodeRef> nodes;
  if (begins_with_sandbox(words)) {
    const auto sandbox = or_give_up(Sandbox::open(words.front()));
    std::for_each(words.begin() + 1, words.end(), [&](const auto& node) { nodes.push_back({sandbox, node}); });
  } else {
    for (const auto& word : words) nodes.push_back(node_named(word));
  }
  return nodes;
}

NodeRef one_node_named(const std::vector<std::string>& words) {
  auto nodes = nodes_named(words);
  if (nodes.size() == 1) return std::move(nodes.front());
  give_up({ErrorCode::InvalidArgument,
           fmt::format("one node is wanted, and there are {}: {}", nodes.size(), fmt::join(words, " "))});
}

/// Replaces this process.
[[noreturn]] void become(const std::vector<std::string>& command) {
  std::fflush(nullptr);
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  give_up({ErrorCode::Internal, fmt::format("cannot run {}: {}", command[0], std::generic_category().message(errno))});
}

/// The options of all commands, one instance for the life of the App: CLI11 writes into it, the callbacks read it.
struct Options {
  UpOptions up;
  std::vector<std::string> settings;
  bool async = false;
  std::string positioning = "gtid";
  bool restart_after_crash = false;
  bool all = false;
  bool path_only = false;
  bool follow = false;
  std::string output = "table";
  std::string name;
  std::vector<std::string> nodes;
  std::size_t lines = 40;
  std::string donor;
  int timeout = 60;
  int rebuild_timeout = 600;
  std::string folder;
  std::vector<std::string> first_options;
  std::vector<std::string> server;
};

void add_output(CLI::App& command, Options& options) {
  command.add_option("-o,--output", options.output, "how the result is printed")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "tsv", "json"}));
}

void add_mirror(CLI::App& command, Options& options) {
  command
      .add_option("--mirror", options.up.mysql.mirror,
                  "Debian mirror to fetch MySQL from, if this machine has none (default: the one apt uses; also "
                  "REPLCTL_DEBIAN_MIRROR)")
      ->type_name("URL");
}

void run_up(Options& options) {
  options.up.sync = options.async ? DataSync::Async : DataSync::SemiSync;
  options.up.positioning = options.positioning == "binlog" ? Positioning::Binlog : Positioning::Gtid;
  options.up.after_crash = options.restart_after_crash ? AfterCrash::Restart : AfterCrash::StayDown;
  options.up.ready_within = std::chrono::seconds(options.timeout);
  options.up.mysql.announce = [](std::string_view text) { fmt::print(stderr, "{}\n", text); };
  for (const auto& setting : options.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      give_up({ErrorCode::InvalidArgument, fmt::format("--set {}: NAME=VALUE is wanted", setting)});
    }
    options.up.settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto sandbox = or_give_up(Sandbox::up(options.up));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (options.output == "json") {
    fmt::print("{}\n", to_json(sandbox).dump(2));
    return;
  }
  fmt::print("sandbox {}: {} {} of MySQL {}, ready in {:.1f} s\n\n", sandbox.name(), sandbox.nodes().size(),
             sandbox.nodes().size() == 1 ? "server" : "servers", sandbox.mysql_version(), took.count());
  print_status(sandbox, "table");
  const auto admin = sandbox.folder().secret("admin");
  if (fs::exists(sandbox.folder().topology())) {
    fmt::print("\ntopology  {}\nsecrets   {}/\nnext      replctl apply {}\n", sandbox.folder().topology().string(),
               sandbox.folder().secrets().string(), sandbox.folder().topology().string());
  } else {
    fmt::print("\naccount   repl_admin, password in {}\nnext      replctl sandbox mysql {}/db1\n", admin.string(),
               sandbox.name());
  }
}

void run_list(const Options& options) {
  const auto names = Sandbox::names();
  JsonValue json = JsonValue::array();
  Rows rows;
  for (const auto& name : names) {
    const auto sandbox = Sandbox::open(name);
    if (!sandbox) {
      json.push_back({{"name", name}, {"incomplete", true}});
      rows.push_back({name, "-", "-", "-", "incomplete: replctl sandbox down " + name});
      continue;
    }
    const auto nodes = sandbox->status();
    const auto alive = std::ranges::count_if(nodes, [](const auto& n) { return n.state != ServerState::Dead; });
    json.push_back(to_json(*sandbox));
    rows.push_back({name, std::to_string(nodes.size()), std::to_string(alive), sandbox->mysql_version(),
                    sandbox->folder().path().string()});
  }
  if (options.output == "json") {
    fmt::print("{}\n", json.dump(2));
  } else if (names.empty() && options.output == "table") {
    fmt::print("no sandboxes; make one with `replctl sandbox up NAME`\n");
  } else {
    using enum Column::Align;
    print_table({{"NAME"}, {"NODES", Right}, {"ALIVE", Right}, {"MYSQL"}, {"FOLDER"}}, rows, options.output);
  }
}

void run_down(const Options& options) {
  auto names = Sandbox::names();
  if (!options.all) names = {options.name.empty() ? the_only_sandbox().name() : options.name};
  for (const auto& name : names) {
    or_give_up(Sandbox::down(name));
    fmt::print("sandbox {} is gone\n", name);
  }
}

void run_status(const Options& options) {
  const auto sandbox = sandbox_named(options.name);
  if (options.output == "json") {
    fmt::print("{}\n", to_json(sandbox).dump(2));
  } else {
    print_status(sandbox, options.output);
  }
}

void run_start(const Options& options) {
  std::vector<NodeRef> wanted;
  if (options.all) {
    const auto sandbox = sandbox_named(options.name);
    for (const auto& node : sandbox.status()) {
      if (node.state == ServerState::Dead) wanted.push_back({sandbox, node.name});
    }
  }
  if (!options.all) wanted = nodes_named(options.nodes);
  if (wanted.empty() && !options.all)
    give_up({ErrorCode::InvalidArgument, "which node? Name one or more, or use --all"});
  for (const auto& [sandbox, node] : wanted) {
    or_give_up(sandbox.start(node, std::chrono::seconds(options.timeout)));
    fmt::print("{} runs\n", node);
  }
}

void run_logs(const Options& options) {
  const auto [sandbox, name] = one_node_named(options.nodes);
  const auto node = or_give_up(sandbox.node(name));
  const auto log = node.folder.error_log().string();
  if (options.path_only) {
    fmt::print("{}\n", log);
    return;
  }
  if (options.follow) become({"tail", "-n", std::to_string(options.lines), "-F", log});
  for (const auto& line : last_lines(log, options.lines)) fmt::print("{}\n", line);
}

void run_rebuild(const Options& options) {
  const auto [sandbox, node] = one_node_named(options.nodes);
  const auto begin = std::chrono::steady_clock::now();
  or_give_up(sandbox.rebuild(node, {.donor = options.donor, .within = std::chrono::seconds(options.rebuild_timeout)}));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print("{} was cloned anew in {:.1f} s; it is read-only, and repld attaches it\n", node, took.count());
}

using NodeAction = Result<void> (Sandbox::*)(std::string_view) const;

void add_node_action(CLI::App& sandbox, const std::shared_ptr<Options>& options, const std::string& name,
                     const std::string& description, const std::string& done, NodeAction action) {
  auto* command = sandbox.add_subcommand(name, description);
  command->add_option("NODE", options->nodes, kNodeHelp)->type_name(kNodeType)->required();
  command->callback([options, done, action] {
    for (const auto& [where, node] : nodes_named(options->nodes)) {
      or_give_up((where.*action)(node));
      fmt::print("{} {}\n", node, done);
    }
  });
}

}  // namespace

void add_sandbox_commands(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* sandbox = parent.add_subcommand("sandbox", "real MySQL servers on this machine, to try, test and break");
  sandbox->group("Try");
  sandbox->require_subcommand(1);

  auto* up = sandbox->add_subcommand("up", "make a sandbox: servers, a topology file, secrets");
  up->add_option("NAME", options->up.name, "its name and the cluster's: a-z, 0-9 and dashes")->required();
  up->add_option("-n,--nodes", options->up.nodes, "how many servers, 1 to 10")
      ->type_name("COUNT")
      ->capture_default_str();
  up->add_flag("--async", options->async, "the topology file asks for async instead of semi-sync");
  up->add_option("--positioning", options->positioning,
                 "how replicas find their place: gtid, or binlog, with gtid_mode=OFF on the servers")
      ->type_name("KIND")
      ->capture_default_str()
      ->check(CLI::IsMember({"gtid", "binlog"}));
  up->add_flag("--restart-after-crash", options->restart_after_crash, "supervisors also restart a killed server");
  up->add_option("--set", options->settings, "a server variable for every node; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  up->add_option("--timeout", options->timeout, "seconds within which the servers must answer")
      ->type_name("SECONDS")
      ->capture_default_str();
  add_mirror(*up, *options);
  add_output(*up, *options);
  up->callback([options] { run_up(*options); });

  auto* list = sandbox->add_subcommand("list", "all sandboxes");
  add_output(*list, *options);
  list->callback([options] { run_list(*options); });

  auto* down = sandbox->add_subcommand("down", "end a sandbox's servers at once and remove all its files");
  down->add_option("NAME", options->name, "may be left out where there is only one")->type_name(kSandboxType);
  down->add_flag("--all", options->all, "all sandboxes");
  down->callback([options] { run_down(*options); });

  auto* status = sandbox->add_subcommand("status", "the servers of a sandbox");
  status->add_option("NAME", options->name, "may be left out where there is only one")->type_name(kSandboxType);
  add_output(*status, *options);
  status->callback([options] { run_status(*options); });

  auto* path = sandbox->add_subcommand("path", "print the folder of a sandbox");
  path->add_option("NAME", options->name, "may be left out where there is only one")->type_name(kSandboxType);
  path->callback([options] { fmt::print("{}\n", sandbox_named(options->name).folder().path().string()); });

  add_node_action(*sandbox, options, "kill", "SIGKILL: as if the server had crashed", "was killed", &Sandbox::kill);
  add_node_action(*sandbox, options, "freeze", "SIGSTOP: connections stay open, nothing answers", "is frozen",
                  &Sandbox::freeze);
  add_node_action(*sandbox, options, "thaw", "SIGCONT: end of a freeze", "goes on", &Sandbox::thaw);

  auto* start = sandbox->add_subcommand("start", "start servers that are down");
  start->add_option("NODE", options->nodes, kNodeHelp)->type_name(kNodeType);
  start->add_flag("--all", options->all, "all that are down");
  start->add_option("--sandbox", options->name, "with --all: of this sandbox")->type_name(kSandboxType);
  start->add_option("--timeout", options->timeout, "seconds within which each must answer")
      ->type_name("SECONDS")
      ->capture_default_str();
  start->callback([options] { run_start(*options); });

  auto* stop = sandbox->add_subcommand("stop", "a clean shutdown");
  stop->add_option("NODE", options->nodes, kNodeHelp)->type_name(kNodeType)->required();
  stop->callback([options] {
    for (const auto& [where, node] : nodes_named(options->nodes)) {
      or_give_up(where.stop(node));
      fmt::print("{} was stopped\n", node);
    }
  });

  auto* mysql = sandbox->add_subcommand("mysql", "the mysql client as root: mysql NODE [ARGUMENTS...]");
  mysql->footer(
      "NODE is db1, or NAME/db1 where there are several sandboxes; what follows is for mysql:\n"
      "  replctl sandbox mysql db1 -e 'SELECT @@version'");
  // No positional of ours: whatever CLI11 knew here, it would pick from among the client's arguments.
  mysql->prefix_command();
  mysql->fallthrough(false);
  mysql->callback([mysql] {
    auto words = mysql->remaining();
    if (words.empty()) give_up({ErrorCode::InvalidArgument, "which node? replctl sandbox mysql NODE [ARGUMENTS...]"});
    // "shop db1 ..." or "db1 ...": the second word may also be the client's first.
    std::vector<std::string> name{words.front()};
    words.erase(words.begin());
    if (!words.empty() && begins_with_sandbox({name.front(), words.front()})) {
      name.push_back(words.front());
      words.erase(words.begin());
    }
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    const auto [where, node] = one_node_named(name);
    auto command = or_give_up(where.client_command(node));
    command.insert(command.end(), words.begin(), words.end());
    become(command);
  });

  auto* logs = sandbox->add_subcommand("logs", "the end of a server's error log");
  logs->add_option("NODE", options->nodes, kNodeHelp)->type_name(kNodeType)->required();
  logs->add_option("-n,--lines", options->lines, "how many lines")->type_name("COUNT")->capture_default_str();
  logs->add_flag("-f,--follow", options->follow, "go on as the log grows");
  logs->add_flag("--path", options->path_only, "print the file's name instead");
  logs->callback([options] { run_logs(*options); });

  auto* rebuild = sandbox->add_subcommand("rebuild", "throw a node's data away and clone it anew from another node");
  rebuild->add_option("NODE", options->nodes, kNodeHelp)->type_name(kNodeType)->required();
  rebuild->add_option("--from", options->donor, "the donor (default: the other node that takes writes)")
      ->type_name("DB");
  rebuild->add_option("--timeout", options->rebuild_timeout, "seconds for all of it")
      ->type_name("SECONDS")
      ->capture_default_str();
  rebuild->callback([options] { run_rebuild(*options); });

  auto* root = sandbox->add_subcommand("mysql-root", "find or fetch a MySQL, and print its folder");
  add_mirror(*root, *options);
  root->callback([options] {
    options->up.mysql.announce = [](std::string_view text) { fmt::print(stderr, "{}\n", text); };
    fmt::print("{}\n", or_give_up(find_mysql(options->up.mysql)).root().string());
  });

  auto* supervisor = sandbox->add_subcommand("supervise", "stand behind one server (started by the other commands)");
  supervisor->group("");  // hidden
  supervisor->add_option("--node-folder", options->folder)->required();
  supervisor->add_option("--first-option", options->first_options)->allow_extra_args(false);
  supervisor->add_flag("--restart-after-crash", options->restart_after_crash);
  supervisor->add_option("COMMAND", options->server)->required();
  supervisor->callback([options] {
    const int code =
        supervise({.node_folder = options->folder,
                   .server = options->server,
                   .first_options = options->first_options,
                   .after_crash = options->restart_after_crash ? AfterCrash::Restart : AfterCrash::StayDown});
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace repl::ctl::sandbox

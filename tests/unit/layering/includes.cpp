// The tables of the layers, and reading #include lines against them.
#include "includes.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace repl::layering {
namespace {

using Names = std::vector<std::string_view>;

/// serve -> run -> store, mysql -> control -> plan -> diagnose -> spec -> model; store, mysql -> verify -> model;
/// mysql -> adopt -> plan
struct Folder {
  std::string_view name;
  Names may_include;  ///< Folders of the project.
};
const std::vector<Folder>& folders() {
  static const std::vector<Folder> table{
      {"model", {"model"}},
      {"spec", {"spec", "model"}},
      {"diagnose", {"diagnose", "spec", "model"}},
      {"plan", {"plan", "diagnose", "spec", "model"}},
      {"control", {"control", "plan", "diagnose", "spec", "model"}},
      {"adopt", {"adopt", "plan", "diagnose", "spec", "model"}},
      {"verify", {"verify", "model"}},
      {"mysql", {"mysql", "adopt", "verify", "control", "plan", "diagnose", "spec", "model"}},
      {"store", {"store", "verify", "control", "plan", "diagnose", "spec", "model"}},
      {"run", {"run", "store", "mysql", "verify", "control", "plan", "diagnose", "spec", "model"}},
      {"serve", {"serve", "run", "store", "mysql", "adopt", "verify", "control", "plan", "diagnose", "spec", "model"}},
      {"main", {"serve", "run", "store", "mysql", "adopt", "control", "plan", "diagnose", "spec", "model"}},
      {"ctl", {"ctl", "spec", "model"}},
  };
  return table;
}

/// Libraries, by how their headers begin, and the folders that may know them.
struct Library {
  std::string_view prefix;
  Names folders;
};
const std::vector<Library>& libraries() {
  static const std::vector<Library> table{
      {"yaml-cpp/", {"spec"}},
      {"cppconn/", {"mysql"}},
      {"mysql_", {"mysql"}},
      {"mysql.h", {"mysql"}},
      {"mysql/", {"mysql"}},
      {"mariadb/", {"mysql", "ctl"}},  // ctl: the sandbox creates accounts on a new server
      {"SQLiteCpp/", {"store"}},
      {"sqlite3", {"store"}},
      {"boost/", {"serve", "ctl"}},
      {"spdlog/", {"mysql", "store", "run", "serve", "main"}},
      {"prometheus/", {"serve"}},
      {"openssl/", {"mysql", "serve", "ctl"}},
      {"nlohmann/", {"mysql", "store", "serve", "ctl"}},
      {"CLI/", {"main", "ctl"}},
  };
  return table;
}

/// Values in, values out: no thread, no file, no system call, no clock.
constexpr std::array<std::string_view, 7> kPure{"model", "spec", "diagnose", "plan", "adopt", "control", "verify"};
const Names& impure_headers() {
  static const Names table{
      "thread",   "mutex",    "shared_mutex", "condition_variable", "future",    "atomic",  "stop_token", "fstream",
      "iostream", "cstdio",   "csignal",      "unistd.h",           "pthread.h", "fcntl.h", "poll.h",     "netdb.h",
      "sys/",     "netinet/", "arpa/"};
  return table;
}
constexpr std::array<std::string_view, 2> kImpureCalls{"_clock::now(", "std::this_thread"};

bool has(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view trimmed(std::string_view line) {
  const auto start = line.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : line.substr(start);
}

struct Include {
  std::string_view header;
  bool ours;  ///< In quotes.
};

/// Empty when the line is no #include.
std::optional<Include> include_in(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = trimmed(line.substr(7));
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return std::nullopt;
  const bool ours = line.front() == '"';
  const auto end = line.find(ours ? '"' : '>', 1);
  return Include{line.substr(1, end == std::string_view::npos ? end : end - 1), ours};
}

std::string wrong_include(const Folder& folder, const Include& include) {
  const auto header = std::string{include.header};
  const auto slash = include.header.find('/');
  if (include.ours && slash != std::string_view::npos) {
    const auto target = include.header.substr(0, slash);
    const bool known =
        std::any_of(folders().begin(), folders().end(), [&](const Folder& f) { return f.name == target; });
    if (known) {
      return has(folder.may_include, target) ? "" : "includes \"" + header + "\", and dependencies point the other way";
    }
  }
  if (include.ours && slash == std::string_view::npos) {
    return "includes \"" + header + "\" without its folder: write the path from the include root";
  }
  for (const auto& library : libraries()) {
    if (include.header.starts_with(library.prefix) && !has(library.folders, folder.name)) {
      return "includes <" + header + ">, which only other folders may know";
    }
  }
  if (has(kPure, folder.name)) {
    for (const auto impure : impure_headers()) {
      if (impure.ends_with('/') ? include.header.starts_with(impure) : include.header == impure) {
        return "includes <" + header + "> in the pure part";
      }
    }
  }
  return "";
}

}  // namespace

std::string folder_of(std::string_view path) {
  if (path.starts_with("ctl/")) return "ctl";
  constexpr std::string_view kDaemon = "daemon/";
  if (!path.starts_with(kDaemon)) return "";
  path.remove_prefix(kDaemon.size());
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? "main" : std::string{path.substr(0, slash)};
}

std::vector<std::string> violations(std::string_view path, std::string_view contents) {
  const auto name = folder_of(path);
  const auto folder = std::find_if(folders().begin(), folders().end(), [&](const Folder& f) { return f.name == name; });
  if (folder == folders().end()) {
    return {std::string{path} + ": the folder \"" + name + "\" is not in the table of layers"};
  }
  std::vector<std::string> out;
  int number = 1;
  const auto report = [&](const std::string& what) {
    if (!what.empty()) out.push_back(std::string{path} + ":" + std::to_string(number) + ": " + what);
  };
  while (!contents.empty()) {
    const auto end = contents.find('\n');
    const auto line = contents.substr(0, end);
    if (const auto include = include_in(line)) report(wrong_include(*folder, *include));
    for (const auto call : kImpureCalls) {
      if (has(kPure, name) && line.find(call) != std::string_view::npos) report("reads a clock in the pure part");
    }
    if (end == std::string_view::npos) break;
    contents.remove_prefix(end + 1);
    ++number;
  }
  return out;
}

}  // namespace repl::layering

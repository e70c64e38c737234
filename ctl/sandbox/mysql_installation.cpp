#include "ctl/sandbox/mysql_installation.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "ctl/sandbox/folders.hpp"
#include "ctl/sandbox/process.hpp"

namespace repl::ctl::sandbox {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr std::string_view kPackages = "mysql-server-core,mysql-client-core,mysql-router";
constexpr std::string_view kKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
constexpr std::string_view kPartialPrefix = ".mysql-partial-";

bool is_program(const fs::path& path) {
  return ::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes our environment
  return value == nullptr ? "" : value;
}

std::optional<fs::path> in_path(std::string_view program) {
  std::istringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (auto path = fs::path(folder) / program; is_program(path)) return path;
  }
  return std::nullopt;
}

/// The dynamic loader of an extracted tree. Source: the ABI's names, ld-linux-x86-64.so.2, ld-linux-aarch64.so.1 ...
std::optional<fs::path> loader_below(const fs::path& root) {
  for (const auto* folder : {"usr/lib64", "usr/lib"}) {
    std::error_code ignored;  // not every tree has both
    for (const auto& entry : fs::directory_iterator(root / folder, ignored)) {
      if (entry.path().filename().string().starts_with("ld-linux-")) return entry.path();
    }
  }
  return std::nullopt;
}

/// The folder for the machine's kind, ROOT/usr/lib/x86_64-linux-gnu.
std::optional<fs::path> libraries_below(const fs::path& root) {
  std::error_code ignored;  // the caller reports that there is none
  for (const auto& entry : fs::directory_iterator(root / "usr/lib", ignored)) {
    if (entry.path().filename().string().ends_with("-linux-gnu")) return entry.path();
  }
  return std::nullopt;
}

std::vector<AptSource> apt_sources() {
  const auto text = output_of({"apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(LABEL)"});
  std::vector<AptSource> sources;
  if (!text) return sources;  // no apt here: the same as an apt that knows no mirror
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    AptSource source;
    std::getline(fields, source.uri, '|');
    std::getline(fields, source.origin, '|');
    std::getline(fields, source.label, '|');
    sources.push_back(source);
  }
  return sources;
}

void remove_partial_trees(const fs::path& cache) {
  std::vector<fs::path> partial;
  std::error_code ignored;  // a first run has no cache folder
  for (const auto& entry : fs::directory_iterator(cache, ignored)) {
    if (entry.path().filename().string().starts_with(kPartialPrefix)) partial.push_back(entry.path());
  }
  for (const auto& path : partial) fs::remove_all(path, ignored);
}

Result<void> extract(const fs::path& tree, const FindMysql& options) {
  constexpr std::string_view kOtherWay =
      "or install MySQL 8.0.26 or newer yourself and name its folder in REPLCTL_MYSQL_ROOT";
  if (!in_path("mmdebstrap") || !fs::exists(kKeyring)) {
    return fail(ErrorCode::PreconditionFailed,
                "this machine has no MySQL, and fetching one needs the Debian packages mmdebstrap and "
                "debian-archive-keyring. Install them (apt-get install mmdebstrap debian-archive-keyring), {}",
                kOtherWay);
  }
  auto mirror = options.mirror.empty() ? environment("REPLCTL_DEBIAN_MIRROR") : options.mirror;
  if (mirror.empty()) {
    const auto found = debian_mirror(apt_sources());
    if (!found) {
      return fail(ErrorCode::PreconditionFailed,
                  "this machine has no MySQL, and its apt names no Debian mirror to fetch one from. Give one with "
                  "--mirror URL or in REPLCTL_DEBIAN_MIRROR, {}",
                  kOtherWay);
    }
    mirror = *found;
  }

  const auto cache = tree.parent_path();
  remove_partial_trees(cache);  // of a run that was killed; nobody else is at it, for we hold the lock
  const auto partial = cache / fmt::format("{}{}", kPartialPrefix, ::getpid());
  const auto log = cache / "mysql-extraction.log";
  fs::remove(log);
  options.announce(fmt::format("fetching MySQL from {} into {} (once; about 20 s, 480 MB)", mirror, tree.string()));

  const InterruptGuard interrupts;
  std::vector<std::string> arguments{"mmdebstrap", "--variant=extract", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                                     fmt::format("--include={}", kPackages)};
  // Without root there is nothing to be gained from user namespaces: files are only unpacked. They would even leave a
  // tree that belongs to other users.
  if (::geteuid() != 0) arguments.emplace_back("--mode=chrootless");
  arguments.insert(arguments.end(),
                   {"sid", partial.string(), fmt::format("deb [signed-by={}] {} sid main", kKeyring, mirror)});
  const auto code = run({.arguments = arguments, .environment = {}, .output = log});

  const auto give_up = [&](Error error) -> Result<void> {
    std::error_code ignored;  // the error below is the one to tell
    fs::remove_all(partial, ignored);
    return tl::unexpected(std::move(error));
  };
  if (!code) return give_up(code.error());
  if (*code != 0) {
    return give_up({ErrorCode::Internal,
                    fmt::format("fetching MySQL from {} failed; mmdebstrap ended with exit code {}:\n  {}\n"
                                "The whole log: {}. Try again, give another --mirror, {}",
                                mirror, *code, fmt::join(last_lines(log, 8), "\n  "), log.string(), kOtherWay)});
  }
  // Runs the new mysqld once: a tree that does not work is not kept.
  if (const auto works = MysqlInstallation::at(partial); !works) return give_up(works.error());
  std::error_code error;
  fs::rename(partial, tree, error);
  if (error) {
    return give_up({ErrorCode::Internal,
                    fmt::format("cannot rename {} to {}: {}", partial.string(), tree.string(), error.message())});
  }
  fs::remove(log, error);
  return {};
}

}  // namespace

std::string to_string(const MysqlVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

Result<MysqlVersion> version_from(std::string_view output) {
  const std::string text(output);
  if (text.find("MariaDB") != std::string::npos) return fail(ErrorCode::PreconditionFailed, "it is MariaDB, not MySQL");
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(R"(Ver (\d+)\.(\d+)\.(\d+))"))) {
    return fail(ErrorCode::PreconditionFailed, "no version in its answer: {}", text);
  }
  return MysqlVersion{.major = std::stoi(match[1]), .minor = std::stoi(match[2]), .patch = std::stoi(match[3])};
}

Result<MysqlInstallation> MysqlInstallation::at(const fs::path& root) {
  MysqlInstallation found;
  found.root_ = root;
  const auto loader = loader_below(root);
  const auto libraries = libraries_below(root);
  if (root != "/" && is_program(root / "usr/sbin/mysqld") && loader && libraries) {
    found.loader_ = {loader->string(), "--library-path",
                     fmt::format("{}:{}", libraries->string(), (root / "usr/lib/mysql-router").string())};
    found.programs_ = {root / "usr/sbin", root / "usr/bin"};
    const auto share = root / "usr/share/mysql";
    found.character_sets_ = (share / "charsets").string();
    found.server_options_ = {{"basedir", (root / "usr").string()},
                             {"lc_messages_dir", share.string()},
                             {"character_sets_dir", found.character_sets_},
                             {"plugin_dir", (root / "usr/lib/mysql/plugin").string()}};
  } else if (is_program(root / "bin/mysqld")) {
    found.programs_ = {root / "bin"};
    found.server_options_ = {{"basedir", root.string()}};
  } else {
    for (const auto* folder : {"usr/sbin", "usr/libexec", "usr/bin", "sbin", "libexec", "bin"}) {
      found.programs_.push_back(root / folder);
    }
  }
  const auto mysqld = found.command("mysqld");
  if (!mysqld) return tl::unexpected(mysqld.error());
  auto asked = *mysqld;
  asked.insert(asked.end(), {"--no-defaults", "--version"});
  const auto answer = output_of(asked);
  if (!answer) return tl::unexpected(answer.error());
  const auto version = version_from(*answer);
  if (!version) {
    return fail(version.error().code, "the mysqld below {} cannot be used: {}", root.string(), version.error().message);
  }
  if (*version < kOldestMysql) {
    return fail(ErrorCode::PreconditionFailed, "the mysqld below {} is MySQL {}; {} is the oldest that can be used",
                root.string(), to_string(*version), to_string(kOldestMysql));
  }
  found.version_ = *version;
  std::smatch match;
  found.full_version_ =
      std::regex_search(*answer, match, std::regex(R"(Ver (\S+))")) ? match[1].str() : to_string(*version);
  return found;
}

Result<std::vector<std::string>> MysqlInstallation::command(std::string_view program) const {
  for (const auto& folder : programs_) {
    if (!is_program(folder / program)) continue;
    auto words = loader_;
    words.push_back((folder / program).string());
    return words;
  }
  return fail(ErrorCode::PreconditionFailed, "there is no {} below {}", program, root_.string());
}

fs::path extracted_mysql() {
  return cache_folder() / "mysql";
}

Result<MysqlInstallation> find_mysql(const FindMysql& options) {
  if (const auto named = environment("REPLCTL_MYSQL_ROOT"); !named.empty()) {
    auto found = MysqlInstallation::at(named);
    if (!found) {
      return fail(found.error().code, "{} (the folder is named by REPLCTL_MYSQL_ROOT: correct or unset it)",
                  found.error().message);
    }
    return found;
  }
  for (const auto* program : {"mysqld", "/usr/sbin/mysqld", "/usr/libexec/mysqld", "/usr/local/mysql/bin/mysqld"}) {
    auto path = std::string_view(program).starts_with('/') ? fs::path(program) : in_path(program).value_or("");
    if (!is_program(path)) continue;
    path = fs::canonical(path);
    // MariaDB or an old one is no error here: there is still the archive.
    if (auto found = MysqlInstallation::at(path.parent_path().parent_path())) return found;
  }
  const auto tree = extracted_mysql();
  if (auto found = MysqlInstallation::at(tree)) return found;

  std::error_code error;
  fs::create_directories(tree.parent_path(), error);
  if (error) {
    return fail(ErrorCode::Internal, "cannot create {}: {}", tree.parent_path().string(), error.message());
  }
  const auto lock = FileLock::take(tree.parent_path() / "mysql.lock", FileLock::Kind::Exclusive, deadline_in(15min));
  if (!lock) return tl::unexpected(lock.error());
  if (auto found = MysqlInstallation::at(tree)) return found;  // somebody else has done it meanwhile
  fs::remove_all(tree, error);                                 // it is there, but does not work
  if (const auto done = extract(tree, options); !done) return tl::unexpected(done.error());
  return MysqlInstallation::at(tree);
}

std::optional<std::string> debian_mirror(const std::vector<AptSource>& sources) {
  const auto fitness = [](const AptSource& source) {
    if (source.uri.find("security") != std::string::npos || source.label == "Debian-Security") return 0;
    if (source.origin == "Debian" && source.label == "Debian") return 3;
    if (!source.origin.empty()) return 0;  // another vendor's, or backports: not where sid is
    // The package lists were never fetched, so the name has to do.
    if (source.uri.ends_with("/debian/") || source.uri.ends_with("/debian")) return 2;
    return source.uri.find("debian") != std::string::npos ? 1 : 0;
  };
  const auto best = std::ranges::max_element(sources, {}, fitness);
  if (best == sources.end() || fitness(*best) == 0) return std::nullopt;
  return best->uri;
}

}  // namespace repl::ctl::sandbox

// A MySQL to run: found on the machine, or extracted from the Debian archive into the user's cache folder, with nothing
// installed into the system.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.hpp"

namespace repl::ctl::sandbox {

struct MysqlVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const MysqlVersion&) const = default;
};

std::string to_string(const MysqlVersion& version);

/// From the output of `mysqld --version`. @errors PreconditionFailed: MariaDB, or no version in it
Result<MysqlVersion> version_from(std::string_view output);

/// The oldest we work with: rpl_semi_sync_source_* came with 8.0.26.
inline constexpr MysqlVersion kOldestMysql{.major = 8, .minor = 0, .patch = 26};

/// Immutable; knows how each of its programs is to be run.
class MysqlInstallation {
 public:
  /// Looks at what is below `root`: a Debian tree extracted somewhere (ROOT/usr/sbin/mysqld and its own loader), an
  /// unpacked archive of the vendor (ROOT/bin/mysqld), or a system ("/", "/usr").
  /// @errors PreconditionFailed: no mysqld there, MariaDB, or one older than kOldestMysql
  static Result<MysqlInstallation> at(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }
  const MysqlVersion& version() const { return version_; }
  /// With the packager's suffix, "9.7.4-2": what a data folder depends on.
  const std::string& full_version() const { return full_version_; }

  /// The first words of a command line that runs "mysqld", "mysql", "mysqlbinlog", "mysqlrouter" ... An extracted tree
  /// brings its own C library, so its programs are run through its own loader.
  /// @errors PreconditionFailed: there is no such program
  Result<std::vector<std::string>> command(std::string_view program) const;

  /// Options with which the server finds its own files; none where the compiled-in places are right.
  const std::vector<std::pair<std::string, std::string>>& server_options() const { return server_options_; }
  /// The folder with character sets, for the clients; empty: the compiled-in one.
  const std::string& character_sets() const { return character_sets_; }

 private:
  MysqlInstallation() = default;

  std::filesystem::path root_;
  MysqlVersion version_;
  std::string full_version_;
  std::vector<std::string> loader_;              // empty: run directly
  std::vector<std::filesystem::path> programs_;  // folders, in the order in which they are searched
  std::vector<std::pair<std::string, std::string>> server_options_;
  std::string character_sets_;
};

struct FindMysql {
  /// Debian mirror to extract from; empty: the one the machine's own apt uses.
  std::string mirror;
  /// Told in a sentence before something takes long.
  std::function<void(std::string_view)> announce = [](std::string_view) {};
};

/// In this order: $REPLCTL_MYSQL_ROOT; a mysqld on this machine (MySQL, not MariaDB, new enough); the tree extracted
/// earlier; a tree extracted now (mmdebstrap, about 20 s and 480 MB, under a lock: of several callers one does the
/// work). Whatever interrupts the extraction, a half-made tree is never used and the next call removes it.
Result<MysqlInstallation> find_mysql(const FindMysql& options = {});

/// Where a tree is extracted to.
std::filesystem::path extracted_mysql();

/// One line of `apt-get indextargets`.
struct AptSource {
  std::string uri;
  std::string origin;  ///< Empty until the machine has fetched its package lists.
  std::string label;
};

/// The general Debian mirror among them: never the one that only has security updates, nor another vendor's.
std::optional<std::string> debian_mirror(const std::vector<AptSource>& sources);

}  // namespace repl::ctl::sandbox

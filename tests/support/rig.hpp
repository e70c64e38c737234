// A whole product under test: a sandbox of real servers, a repld of its own, replctl beside it. Everything ends with
// it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ctl/sandbox/sandbox.hpp"
#include "tests/support/acked_writer.hpp"

namespace repl::testing {

/// What a finished command said.
struct Outcome {
  int exit_code = 0;
  std::string output;  ///< Standard output.
  std::string errors;  ///< Standard error.
};

/// Runs a program to its end. @throws std::runtime_error when it cannot be started
Outcome run_program(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

/// A repld with a state directory of its own, in a temporary folder. Started in the constructor.
class Repld {
 public:
  explicit Repld(const std::filesystem::path& binaries);
  ~Repld();  ///< Ends it and removes its folder.
  Repld(const Repld&) = delete;
  Repld& operator=(const Repld&) = delete;

  /// Returns when it answers. @throws with the end of its log
  /// @param environment  "NAME=value", beside this program's own
  void start(const std::vector<std::string>& environment = {});
  /// Whether it has ended without being asked to.
  bool died();
  void kill();  ///< SIGKILL.
  void stop();  ///< SIGTERM, waits for its end.
  pid_t pid() const { return pid_; }
  std::filesystem::path log() const { return folder_ / "repld.log"; }
  std::filesystem::path state() const { return folder_ / "state"; }
  /// Its hooks directory.
  std::filesystem::path hooks() const { return folder_ / "hooks"; }
  /// Puts a program there that it may run.
  void add_hook(const std::string& name, const std::string& text) const;

  struct Usage {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::size_t open_files = 0;
  };
  Usage usage() const;

 private:
  std::filesystem::path binaries_, folder_;
  pid_t pid_ = -1;
};

class Rig {
 public:
  /// @param binaries  the folder with repld and replctl; empty: the one this program is in
  explicit Rig(const ctl::sandbox::UpOptions& options, std::filesystem::path binaries = {});

  const ctl::sandbox::Sandbox& sandbox() const { return *sandbox_; }
  Repld& repld() { return repld_; }
  const std::string& cluster() const { return sandbox_->name(); }
  std::filesystem::path topology_file() const;
  std::string application_password() const;
  /// All nodes, for an AckedWriter.
  std::vector<WriterNode> writer_nodes() const;

  /// replctl with these arguments, talking to this repld.
  Outcome replctl(std::vector<std::string> arguments) const;
  /// The same with `-o json`; null when the answer is none.
  nlohmann::json replctl_json(std::vector<std::string> arguments) const;

  nlohmann::json status() const;  ///< `Cluster` of docs/api.md
  std::string primary() const;    ///< "" when there is none
  nlohmann::json node(const std::string& name) const;

  /// root on that node: the first field of the answer, "NULL", "" when there is none, or what the server said against
  /// it.
  std::string ask(const std::string& node, const std::string& sql) const;
  /// Why repld does nothing about that problem; "": there is none, or it does.
  std::string why_not(const std::string& problem) const;

  /// Waits until `condition` holds of the status. @return false when it did not in time
  bool wait_for(const std::function<bool(const nlohmann::json&)>& condition, std::chrono::seconds within) const;
  /// Every node ok, everybody attached and caught up, no problem, nothing running.
  bool wait_until_whole(std::chrono::seconds within) const;

  /// For failed tests: status, events, the ends of the logs.
  std::string story() const;

 private:
  std::filesystem::path binaries_;
  ctl::sandbox::TemporarySandbox sandbox_;
  Repld repld_;
};

/// Whether `condition` came to hold.
bool comes_true(const std::function<bool()>& condition, std::chrono::seconds within = std::chrono::seconds{30});

/// The folder of the running program.
std::filesystem::path own_folder();

}  // namespace repl::testing

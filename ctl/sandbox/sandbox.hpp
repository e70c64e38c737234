// Real MySQL servers on this machine, made in seconds and gone without a trace: for trying, testing and drilling.
//
// Everything about a sandbox is in one folder, and its servers live on their own: any replctl can look after a sandbox
// that another one has made. The functions here are what `replctl sandbox` calls, and what tests and benches use
// directly:
//
//   auto made = Sandbox::up({.name = "shop"});
//   TemporarySandbox shop(std::move(*made));      // taken down at the end of the scope
//   shop->kill("db1");
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/sandbox/folders.hpp"
#include "ctl/sandbox/mysql_installation.hpp"
#include "ctl/sandbox/process.hpp"
#include "ctl/sandbox/root_session.hpp"
#include "ctl/sandbox/server_options.hpp"
#include "ctl/sandbox/supervisor.hpp"
#include "model/error.hpp"
#include "model/snapshot.hpp"
#include "model/spec.hpp"

namespace repl::ctl::sandbox {

/// What the topology file asks for.
enum class DataSync { SemiSync, Async };

struct UpOptions {
  std::string name;  ///< [a-z0-9-], becomes the cluster's name.
  int nodes = 3;     ///< 1 to 10: db1 (the source), db2 ...; with a single one there is no topology file.
  DataSync sync = DataSync::SemiSync;
  /// Binlog: the servers have gtid_mode=OFF, and the topology file says so.
  Positioning positioning = Positioning::Gtid;
  AfterCrash after_crash = AfterCrash::StayDown;
  Settings settings;  ///< Added to every server's options.
  std::chrono::seconds ready_within{60};
  FindMysql mysql;
};

struct SandboxNode {
  std::string name;
  std::uint16_t port = 0;  ///< On 127.0.0.1; also the server_id.
  NodeFolder folder;
};

enum class ServerState { Running, Frozen, Dead };
std::string_view to_string(ServerState state);
std::string_view to_string(ReadOnly read_only);

struct NodeStatus {
  std::string name;
  std::uint16_t port = 0;
  ServerState state = ServerState::Dead;
  std::optional<pid_t> pid;
  std::optional<ReadOnly> read_only;            ///< Empty: it did not answer within a second, or is not running.
  std::optional<std::uint64_t> resident_bytes;  ///< Memory in RAM.
  bool supervised = false;                      ///< RESTART and CLONE bring it back.
};

struct RebuildOptions {
  std::string donor;  ///< Empty: the node that takes writes.
  std::chrono::seconds within{600};
};

/// A sandbox that exists. Copies mean the same sandbox. Thread-safe but for `down`; different nodes may be operated at
/// the same time.
class Sandbox {
 public:
  /// Makes a sandbox and returns when all its servers answer. On failure, and when the user interrupts, nothing is
  /// left.
  /// @errors InvalidArgument: name, number, too long a path; Conflict: it exists; whatever find_mysql says; Internal: a
  /// server does not come up, with the end of its error log
  static Result<Sandbox> up(const UpOptions& options);

  /// @errors NoSuchCluster: no sandbox of that name
  static Result<Sandbox> open(std::string_view name);

  /// Names of all sandboxes, sorted; also of those whose making was cut short.
  static std::vector<std::string> names();

  /// Ends all servers at once and removes everything. Works also for what an interrupted `up` has left.
  /// @errors NoSuchCluster; Conflict: another replctl is making or rebuilding it
  static Result<void> down(std::string_view name);

  const std::string& name() const { return name_; }
  const SandboxFolder& folder() const { return folder_; }
  const std::vector<SandboxNode>& nodes() const { return nodes_; }
  const std::string& mysql_version() const { return mysql_version_; }
  const std::filesystem::path& mysql_root() const { return mysql_root_; }
  /// The user repl_admin, the account `admin` of the topology file.
  Result<std::string> admin_password() const { return read_file(folder_.secret("admin")); }

  /// @errors NoSuchNode, naming those that exist
  Result<SandboxNode> node(std::string_view name) const;
  Result<NodeStatus> status(std::string_view node) const;
  std::vector<NodeStatus> status() const;
  Result<RootSession> root_session(std::string_view node,
                                   std::chrono::seconds answer_within = std::chrono::seconds(10)) const;
  /// The command line of a client as root; of mysql by default.
  Result<std::vector<std::string>> client_command(std::string_view node, std::string_view program = "mysql") const;

  /// SIGKILL to mysqld alone; returns when it is gone. It stays down unless the sandbox restarts after crashes.
  Result<void> kill(std::string_view node) const;
  /// SIGSTOP: connections stay open, nothing answers; returns when that is so. Of a frozen node: no change.
  Result<void> freeze(std::string_view node) const;
  Result<void> thaw(std::string_view node) const;
  /// Starts a server that is down; returns when it answers.
  Result<void> start(std::string_view node, std::chrono::seconds ready_within = std::chrono::seconds(60)) const;
  /// A clean shutdown; mysqld waits up to 10 s for idle clients.
  Result<void> stop(std::string_view node, std::chrono::seconds within = std::chrono::seconds(60)) const;

  /// Gives `node` a new, empty data folder with a new server_uuid, then the donor's data by CLONE, accounts included.
  /// What the node held is lost. It ends up read-only and follows whom its donor follows: a clone of the primary
  /// nobody, and repld attaches it.
  ///
  /// Until the clone is complete the server listens on its unix socket only, so neither an application nor repld meets
  /// it half-made; from its next start on a persisted super_read_only=ON keeps it closed. The donor is not held up.
  /// @errors PreconditionFailed: no single writable node and no donor named; the donor is down, or read-only and
  /// without the clone plugin, so that it cannot be installed there; ServerRefused: the clone failed, the node is left
  /// stopped
  Result<void> rebuild(std::string_view node, const RebuildOptions& options = {}) const;

 private:
  friend class SandboxMaker;
  explicit Sandbox(std::string name);

  Result<void> start_server(const SandboxNode& node, const std::vector<std::string>& first_options,
                            std::chrono::seconds ready_within) const;
  Result<SandboxNode> donor_for(const SandboxNode& node, const std::string& wanted) const;
  Result<void> clone_into(const SandboxNode& node, const SandboxNode& donor, Deadline deadline) const;

  std::string name_;
  SandboxFolder folder_;
  std::vector<SandboxNode> nodes_;
  AfterCrash after_crash_ = AfterCrash::StayDown;
  std::filesystem::path mysql_root_;
  std::string mysql_version_;
};

/// Takes a sandbox down at the end of its scope.
class TemporarySandbox {
 public:
  explicit TemporarySandbox(Sandbox sandbox) : sandbox_(std::move(sandbox)) {}
  ~TemporarySandbox();
  TemporarySandbox(TemporarySandbox&& other) noexcept;
  TemporarySandbox& operator=(TemporarySandbox&&) = delete;

  const Sandbox* operator->() const { return &*sandbox_; }
  const Sandbox& operator*() const { return *sandbox_; }

 private:
  std::optional<Sandbox> sandbox_;
};

}  // namespace repl::ctl::sandbox

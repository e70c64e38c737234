// Where the sandbox keeps its files, and what they are called.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace repl::ctl::sandbox {

/// ${XDG_CACHE_HOME:-~/.cache}/replctl: the extracted MySQL, initialised data folders, ports in use. May be deleted at
/// any time no sandbox runs; it is made again.
std::filesystem::path cache_folder();

/// ${REPLCTL_SANDBOX_DIR:-${XDG_DATA_HOME:-~/.local/share}/replctl/sandboxes}: a folder per sandbox.
std::filesystem::path sandboxes_folder();

/// The files of one server.
class NodeFolder {
 public:
  explicit NodeFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path options() const { return path_ / "my.cnf"; }
  std::filesystem::path client_options() const { return path_ / "client.cnf"; }  ///< root over the socket; mode 0600
  std::filesystem::path data() const { return path_ / "data"; }
  std::filesystem::path temporary() const { return path_ / "tmp"; }
  std::filesystem::path socket() const { return path_ / "mysqld.sock"; }
  std::filesystem::path error_log() const { return path_ / "error.log"; }
  std::filesystem::path supervisor_log() const { return path_ / "supervisor.log"; }
  std::filesystem::path server_process() const { return path_ / "mysqld.process"; }
  std::filesystem::path supervisor_process() const { return path_ / "supervisor.process"; }
  std::filesystem::path supervisor_lock() const { return path_ / "supervisor.lock"; }
  /// Statements of a server's first start. Holds passwords, mode 0600, removed once they have run.
  std::filesystem::path first_statements() const { return path_ / "first-start.sql"; }

  /// The argument by which a server, or a supervisor, is known in the process list.
  std::string server_argument() const { return "--defaults-file=" + options().string(); }
  std::string supervisor_argument() const { return "--node-folder=" + path_.string(); }

 private:
  std::filesystem::path path_;
};

/// The files of one sandbox.
class SandboxFolder {
 public:
  explicit SandboxFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path description() const { return path_ / "sandbox.json"; }
  std::filesystem::path topology() const { return path_ / "topology.yaml"; }
  std::filesystem::path secrets() const { return path_ / "secrets"; }
  std::filesystem::path secret(std::string_view account) const { return secrets() / account; }
  std::filesystem::path nodes() const { return path_ / "nodes"; }
  NodeFolder node(std::string_view name) const { return NodeFolder(nodes() / name); }

 private:
  std::filesystem::path path_;
};

}  // namespace repl::ctl::sandbox

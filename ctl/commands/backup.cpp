// backup, restore: all that repld knows, to a file and back.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"

namespace repl::ctl {
namespace {

struct BackupOptions {
  std::string file;
};
struct RestoreOptions {
  std::string file;
  std::string state_directory;
  bool dry_run = false;
  bool force = false;
  bool yes = false;
};

/// Whole or not at all, and never over another file.
Result<void> write_private(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorCode::InvalidArgument, "{} cannot be written: {}", path, std::strerror(errno));
  bool written = true;
  while (written && !bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    written = n > 0;
    if (written) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  written = written && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (written) return {};
  ::unlink(path.c_str());
  return fail(ErrorCode::StoreFailed, "{} cannot be written: {}", path, std::strerror(error));
}

Result<Exit> backup(Invocation& run, const BackupOptions& options) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto bytes = (*repld)->download("/api/v1/backup");
  if (!bytes) return tl::unexpected(bytes.error());
  if (!bytes->starts_with("repld backup ")) return fail(ErrorCode::Unreachable, "what repld sent is no backup");
  if (auto written = write_private(options.file, *bytes); !written) return tl::unexpected(written.error());
  return run.say({{"file", options.file}, {"bytes", bytes->size()}},
                 fmt::format("{}: all that repld knows, {} KiB; `replctl restore` takes it up again", options.file,
                             (bytes->size() + 1023) / 1024));
}

/// The repld beside this program, else that of the path.
std::string repld_program() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = own.parent_path() / "repld";
  return !error && std::filesystem::exists(beside, error) ? beside.string() : "repld";
}

/// Runs it with our own input and output; its exit code.
Result<int> run_program(const std::vector<std::string>& command) {
  const auto pid = ::fork();
  if (pid < 0) return fail(ErrorCode::Internal, "no process can be started: {}", std::strerror(errno));
  if (pid == 0) {
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

Result<Exit> restore(Invocation& run, const RestoreOptions& options) {
  std::vector<std::string> command{repld_program(), "--restore", options.file};
  if (!options.state_directory.empty()) command.insert(command.end(), {"--state-dir", options.state_directory});
  if (options.force) command.emplace_back("--force");
  const auto carry_out = [&](bool dry_run) -> Result<Exit> {
    run.console().out << std::flush;
    auto words = command;
    if (dry_run) words.emplace_back("--dry-run");
    const auto code = run_program(words);
    if (!code) return tl::unexpected(code.error());
    if (*code == 127)
      return fail(ErrorCode::InvalidArgument, "repld is not installed here: restore works on its files");
    return static_cast<Exit>(*code);
  };
  if (options.dry_run) return carry_out(true);
  if (run.console().interactive() && !options.yes) {
    if (const auto shown = carry_out(true); !shown || *shown != Exit::Done) return shown;
    if (!confirmed(run.console(), "Restore it?")) {
      return fail(ErrorCode::PreconditionFailed, "not confirmed: nothing was changed");
    }
  }
  return carry_out(false);
}

}  // namespace

void add_backup_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] =
        add_command<BackupOptions>(app, run, {"backup", kOperate, "all that repld knows, to a file"}, backup);
    sub->add_option("FILE", options->file, "a new file; only its owner may read it")->type_name(kFileType)->required();
    sub->footer(
        "Specs, revisions, operations and events of all clusters, as of one moment. No secrets: those stay where the\n"
        "topology files say.\n\nExample:\n  replctl backup /var/backups/repld-$(date +%F).backup");
  }
  {
    auto [sub, options] = add_command<RestoreOptions>(
        app, run, {"restore", kOperate, "take up a backup, on the machine of a repld that is stopped"}, restore);
    sub->add_option("FILE", options->file, "what `replctl backup` has written")->type_name(kFileType)->required();
    sub->add_option("--state-dir", options->state_directory, "the state directory of that repld")->type_name("DIR");
    sub->add_flag("--dry-run", options->dry_run, "only tell what is in it");
    sub->add_flag("--force", options->force, "also where clusters are known; the old store is kept");
    add_yes_option(*sub, options->yes);
    sub->footer(
        "repld must not run. The backup is read whole before anything is changed. Afterwards repld changes nothing "
        "until\n"
        "it has found every server as the backup says, or `replctl resume`.\n\n"
        "Example:\n  systemctl stop repld && replctl restore repld.backup && systemctl start repld");
  }
}

}  // namespace repl::ctl

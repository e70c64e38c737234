// The form of a backup:
//
//   repld backup 1
//   version 0.1.0
//   at 1764000000000000 (2025-11-24 16:00:00Z)
//   size 73728
//   sha256 9f86...
//   <an empty line, then as many bytes of an SQLite database>
#include "serve/backup.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/time_text.hpp"

namespace repl::serve {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "repld backup 1";
/// More operations than a store ever keeps.
constexpr std::size_t kAll = 1'000'000;

std::string digest(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  ::EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, ::EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(hash.begin(), hash.begin() + length, ""));
}

Result<std::string> contents_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (!in || !(out << in.rdbuf())) {
    return fail(ErrorCode::InvalidArgument, "{} cannot be read: {}", path, std::strerror(errno));
  }
  return std::move(out).str();
}

/// A new file for the owner only.
Result<void> write_new(const std::string& path, std::string_view bytes) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool written = fd >= 0;
  for (auto left = bytes; written && !left.empty();) {
    const auto n = ::write(fd, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    written = n > 0;
    if (written) left.remove_prefix(static_cast<std::size_t>(n));
  }
  written = written && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (written) return {};
  return fail(ErrorCode::StoreFailed, "{} cannot be written: {}", path, std::strerror(error));
}

struct Parts {
  std::string version;
  Time at{};
  std::string_view database;
};

/// @errors InvalidArgument
Result<Parts> parse(const std::string& file, std::string_view text) {
  const auto no_backup = [&](std::string_view why) {
    return fail(ErrorCode::InvalidArgument, "{} is no backup of repld: {}; nothing was changed", file, why);
  };
  const auto line = [&]() {
    const auto end = std::min(text.find('\n'), text.size());
    const auto found = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return found;
  };
  const auto value = [&](std::string_view key) -> std::string {
    const auto found = line();
    return found.starts_with(key) && found.size() > key.size() ? std::string(found.substr(key.size() + 1)) : "";
  };
  if (const auto first = line(); first != kFirstLine) {
    return first.starts_with("repld backup ") ? no_backup("a newer repld has made it")
                                              : no_backup("its first line is another");
  }
  Parts parts;
  parts.version = value("version");
  const auto at = value("at"), size = value("size"), sha = value("sha256");
  Time::rep microseconds = 0;
  std::size_t bytes = 0;
  const auto number = [](const std::string& from, auto& to) {
    return std::from_chars(from.data(), from.data() + from.size(), to).ec == std::errc{};
  };
  if (parts.version.empty() || !number(at, microseconds) || !number(size, bytes) || !line().empty()) {
    return no_backup("its header is damaged");
  }
  if (text.size() != bytes) {
    return no_backup(fmt::format("it is damaged: {} of {} bytes are there", text.size(), bytes));
  }
  if (digest(text) != sha) return no_backup("it is damaged: its digest is another");
  parts.at = Time{Duration{microseconds}};
  parts.database = text;
  return parts;
}

/// What was going on when the backup was made may have ended in any way since.
store::Record as_restored(const ClusterId& cluster, Memory memory, Time at) {
  store::Record record{.cluster = cluster};
  if (auto operation = std::exchange(memory.operation, std::nullopt)) {
    operation->state = OperationState::NeedsPerson;
    operation->finished = at;
    operation->error =
        Error{ErrorCode::StoreFailed,
              "it was going on when the backup was made that repld was restored from; how it ended is not known"};
    if (operation->revision > memory.revision) {
      record.outcomes.push_back({operation->revision, RevisionState::NeedsPerson, at});
    }
    record.operations.push_back(std::move(*operation));
  }
  memory.proposed.reset();
  if (auto proposed = std::exchange(memory.proposed_prior_settings, std::nullopt)) {
    for (auto& [server, variables] : *proposed) memory.prior_settings[server].merge(variables);
  }
  if (memory.spec) memory.restored = at;
  record.events.push_back({.at = at,
                           .severity = Severity::Warning,
                           .kind = "restored",
                           .text = fmt::format("from the backup of {}: nothing is done automatically until the servers "
                                               "are found as it says",
                                               time_text(at))});
  record.memory = std::move(memory);
  return record;
}

/// What would be lost with the store; "": nothing. Opening and closing it also takes its side files in; one that is
/// damaged keeps them.
std::string known_by(const std::string& path) {
  const auto store = store::Store::open(path);
  const auto clusters = store ? (*store)->clusters() : tl::unexpected(store.error());
  if (!clusters) return "cannot be read (" + clusters.error().message + ")";
  if (clusters->empty()) return {};
  std::string names;
  for (const auto& [cluster, memory] : *clusters) {
    names += (names.empty() ? "knows " : ", ") + cluster.name;
    if (memory.operation) names += fmt::format(" (with operation {} under way)", memory.operation->id);
  }
  return names;
}

/// Everything in the database can be read; it is marked as restored.
Result<std::vector<std::string>> take_over(const std::string& database, Time at) {
  const auto store = store::Store::open(database);
  if (!store) return tl::unexpected(store.error());
  const auto clusters = (*store)->clusters();
  if (!clusters) return tl::unexpected(clusters.error());
  std::vector<std::string> lines;
  for (const auto& [cluster, memory] : *clusters) {
    const auto revisions = (*store)->revisions(cluster);
    if (!revisions) return tl::unexpected(revisions.error());
    const auto operations = (*store)->operations(cluster, kAll);
    if (!operations) return tl::unexpected(operations.error());
    lines.push_back(
        fmt::format("cluster {}: revision {}, {} nodes, primary {} in term {}; {} revisions and {} operations{}",
                    cluster, memory.revision.number, memory.spec ? memory.spec->nodes.size() : 0,
                    memory.office.primary ? memory.office.primary->name : "none", memory.office.term.number,
                    revisions->size(), operations->size(),
                    memory.operation
                        ? fmt::format("; {} ({}) was going on", memory.operation->id, to_string(memory.operation->goal))
                        : std::string{}));
    if (auto written = (*store)->write(as_restored(cluster, memory, at)); !written)
      return tl::unexpected(written.error());
  }
  const auto events = (*store)->events(std::nullopt, 0, kAll);
  if (!events) return tl::unexpected(events.error());
  lines.push_back(fmt::format("{} events", events->size()));
  return lines;
}

}  // namespace

void remove_database(const std::string& path) {
  for (const auto* suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
}

Result<std::string> make_backup(const store::Store& store, const std::string& version, Time at,
                                const std::string& scratch) {
  remove_database(scratch);
  const auto copied = store.copy_to(scratch);
  auto bytes = copied ? contents_of(scratch) : tl::unexpected(copied.error());
  remove_database(scratch);
  if (!bytes) return tl::unexpected(bytes.error());
  return fmt::format("{}\nversion {}\nat {} ({})\nsize {}\nsha256 {}\n\n{}", kFirstLine, version,
                     at.time_since_epoch().count(), time_text(at), bytes->size(), digest(*bytes), *bytes);
}

Result<Contents> read_backup(const std::string& file, const std::string& database) {
  const auto text = contents_of(file);
  if (!text) return tl::unexpected(text.error());
  const auto parts = parse(file, *text);
  if (!parts) return tl::unexpected(parts.error());
  remove_database(database);
  if (auto written = write_new(database, parts->database); !written) return tl::unexpected(written.error());
  auto lines = take_over(database, parts->at);
  if (!lines) {
    remove_database(database);
    return fail(lines.error().code, "{} cannot be restored, nothing was changed: {}", file, lines.error().message);
  }
  return Contents{.version = parts->version, .at = parts->at, .lines = std::move(*lines)};
}

Result<std::string> put_in_place(const std::string& database, const std::string& store, Time now, Overwrite overwrite) {
  const auto failed = [&](const char* what) {
    return fail(ErrorCode::StoreFailed, "{} {}: {}; the store is as it was", what, store, std::strerror(errno));
  };
  std::string kept;
  if (fs::exists(store)) {
    if (const auto known = known_by(store); overwrite == Overwrite::No && !known.empty()) {
      return fail(ErrorCode::Conflict, "{} {}: --force replaces it and keeps it beside the new one", store, known);
    }
    kept = fmt::format("{}.before-restore-{}", store, now.time_since_epoch().count());
    if (::link(store.c_str(), kept.c_str()) != 0) return failed("cannot keep");
    for (const auto* suffix : {"-wal", "-shm"}) {
      if (fs::exists(store + suffix) && ::rename((store + suffix).c_str(), (kept + suffix).c_str()) != 0) {
        return failed("cannot keep the side files of");
      }
    }
  }
  if (::rename(database.c_str(), store.c_str()) != 0) return failed("cannot replace");
  remove_database(database);
  const int directory = ::open(fs::path(store).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
  return kept;
}

}  // namespace repl::serve

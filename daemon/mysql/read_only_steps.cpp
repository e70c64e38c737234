// Steps that open and close a server. "Closed" is what has *returned*: while SET GLOBAL super_read_only=ON waits behind
// a LOCK TABLES, a writing statement or a commit that waits for its acknowledgement, the variable reads 1 already, and
// when the SET is given up it goes back to 0.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/snapshot_text.hpp"
#include "mysql/step_functions.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;

// In close_returned(): how long the SET may wait before those in its way are ended.
constexpr std::chrono::milliseconds kLockWait = 1000ms;
constexpr auto kPollWaiting = 20ms;
// Of one statement; well below Session::kReadTimeout.
constexpr std::chrono::seconds kLongestWait = 5s;

Result<void> open(Server& server) {
  if (auto done = server.execute("SET GLOBAL super_read_only=0"); !done) return done;
  return server.execute("SET GLOBAL read_only=0");  // the first leaves this one at 1
}

/// Neither statement can wait.
Result<void> put_back(Server& server, ReadOnly before) {
  if (before == ReadOnly::Super) return {};
  const auto now = server.read_only();
  if (!now) return tl::unexpected(now.error());
  if (*now == before) return {};
  if (before == ReadOnly::Off) return open(server);
  return server.execute("SET GLOBAL super_read_only=0");
}

std::string names_of(const Result<std::vector<Blocker>>& found) {
  if (!found) return "who it is cannot be found out: " + found.error().message;
  if (found->empty()) return "nobody is in the way any more";
  std::string out;
  for (const auto& b : *found) out += fmt::format("{}session {} ({})", out.empty() ? "" : ", ", b.id, b.who);
  return "in the way: " + out;
}

/// Sets `variable` to 1, waiting at most `lock_wait` for those in the way; the server's time-out is in whole seconds.
/// Long waits go in slices, for a session does not wait longer than its read time-out for an answer.
Result<void> set_within(Server& server, std::string_view variable, std::chrono::milliseconds lock_wait) {
  const auto until = std::min(server.call().deadline, std::chrono::steady_clock::now() + lock_wait);
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(until - std::chrono::steady_clock::now());
    const auto slice = std::clamp(left, 1s, kLongestWait);
    if (auto limited = server.execute(fmt::format("SET SESSION lock_wait_timeout={}", slice.count())); !limited) {
      return limited;
    }
    auto set = server.execute(fmt::format("SET GLOBAL {}=1", variable));
    const bool again =
        !set && set.error().code == ErrorCode::LockWaitTimeout && std::chrono::steady_clock::now() < until;
    if (!again) return set;
  }
}

Result<void> close(Server& server, std::string_view variable, ReadOnly before, std::chrono::milliseconds lock_wait) {
  const auto closed = set_within(server, variable, lock_wait);
  if (closed || closed.error().code != ErrorCode::LockWaitTimeout) return closed;
  const auto found = blockers(server);
  if (auto undone = put_back(server, before); !undone) return undone;
  return fail(ErrorCode::LockWaitTimeout, "{}: could not be closed within {} ms and is {} as before; {}", server.node(),
              lock_wait.count(), describe(before), names_of(found));
}

/// Ends sessions that write or commit; those in `ended` were ended already and wait for an acknowledgement.
/// True: there was none.
Result<bool> end_writers(Server& server, std::set<std::string>& ended) {
  const auto found = blockers(server);
  if (!found) return tl::unexpected(found.error());
  bool none = true;
  for (const auto& blocker : *found) {
    if (!ended.insert(blocker.id).second) continue;
    none = false;
    if (auto done = kill(server, blocker.id); !done) return tl::unexpected(done.error());
  }
  return none;
}

Result<void> semi_sync_off(Server& server) {
  const auto enabled = server.variable("rpl_semi_sync_source_enabled");
  if (!enabled) return tl::unexpected(enabled.error());
  if (*enabled != "ON") return {};
  return server.execute("SET GLOBAL rpl_semi_sync_source_enabled=0");
}

/// A restart of the server would end this session too, so what is read here still holds when the next statement runs.
Result<void> require_semi_sync_source(Server& server) {
  const auto enabled = server.variable("rpl_semi_sync_source_enabled");
  if (!enabled) return tl::unexpected(enabled.error());
  if (*enabled == "ON") return {};
  return fail(ErrorCode::PreconditionFailed,
              "{}: not opened: its semi-sync source side is off, and it would acknowledge commits alone",
              server.node());
}

}  // namespace

Result<void> set_read_only(Server& server, const SetReadOnly& step) {
  const auto before = server.read_only();
  if (!before) return tl::unexpected(before.error());
  if (step.to == ReadOnly::Off && step.only_with_semi_sync) {
    // In the session that opens the server afterwards: a restart in between, which switches semi-sync off, breaks it.
    const auto enabled = server.variable("rpl_semi_sync_source_enabled");
    if (!enabled) return tl::unexpected(enabled.error());
    if (*enabled != "ON") {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: its semi-sync source side is off, so it would acknowledge commits that no replica has",
                  server.node());
    }
  }
  switch (step.to) {
    case ReadOnly::Off:
      if (step.only_with_semi_sync) {
        if (const auto waits = require_semi_sync_source(server); !waits) return waits;
      }
      return open(server);
    case ReadOnly::On:
      if (*before == ReadOnly::On) return {};
      if (*before == ReadOnly::Super) return server.execute("SET GLOBAL super_read_only=0");
      return close(server, "read_only", *before, step.lock_wait);
    case ReadOnly::Super:
      // Even when it reads 1: another session's SET may still wait, and ours returns only when it is true.
      return close(server, "super_read_only", *before, step.lock_wait);
  }
  return fail(ErrorCode::Internal, "{}: unknown read-only state", server.node());
}

Result<void> persist_read_only(Server& server, bool on) {
  const auto persisted = server.persisted("super_read_only");
  if (!persisted) return tl::unexpected(persisted.error());
  if (on) {
    const auto loaded = server.variable("persisted_globals_load");
    if (!loaded) return tl::unexpected(loaded.error());
    if (*loaded == "OFF") {
      return fail(ErrorCode::PreconditionFailed,
                  "{}: persisted_globals_load is OFF, so the server would ignore super_read_only=ON at its start and "
                  "come back writable after a crash. Remove that option and restart it.",
                  server.node());
    }
    if (*persisted == "ON" || *persisted == "1") return {};
    return server.execute("SET PERSIST_ONLY super_read_only=ON");
  }
  if (!*persisted) return {};
  return server.execute("RESET PERSIST IF EXISTS super_read_only");
}

Result<void> set_offline_mode(Server& server, bool on) {
  return server.execute(fmt::format("SET GLOBAL offline_mode={}", on ? 1 : 0));
}

Result<void> close_returned(Server& server) {
  // Cuts the clients, those in a waiting commit too: nobody can be told any more that it succeeded. Privileged clients
  // are left, and end_writers() ends them.
  if (auto offline = set_offline_mode(server, true); !offline) return offline;
  std::set<std::string> ended;
  while (true) {
    // A killed commit that waits for its acknowledgement stays: its client is gone, which is what matters.
    const auto none = end_writers(server, ended);
    if (!none) return tl::unexpected(none.error());
    if (*none) break;
    if (server.call().is_over()) {
      return fail(ErrorCode::DeadlineExceeded, "{}: clients are cut off, but new writers keep coming", server.node());
    }
    wait_within(server.call(), kPollWaiting);
  }
  if (auto off = semi_sync_off(server); !off) return off;
  while (true) {
    const auto closed = close(server, "super_read_only", ReadOnly::Super, kLockWait);
    if (closed || closed.error().code != ErrorCode::LockWaitTimeout || server.call().is_over()) return closed;
    ended.clear();
    if (const auto again = end_writers(server, ended); !again) return tl::unexpected(again.error());
  }
}

}  // namespace repl::mysql

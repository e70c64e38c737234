// Commits of a simulated server: the binary log, the wait for semi-sync acknowledgements, and the read-only switches
// that wait for commits.
#include <algorithm>

#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

Error error(ErrorCode code, const NodeId& node, std::string_view what) {
  return Error{code, fmt::format("{}: {}", node, what)};
}

}  // namespace

bool Server::has(const Transaction& t) const {
  return disk_.executed.contains(world_.server(t.origin).uuid(), "", t.number);
}

bool Server::holds(const Transaction& t) const {
  const auto same = [&](const Transaction& other) { return other.origin == t.origin && other.number == t.number; };
  return has(t) || std::any_of(disk_.relay_log.begin(), disk_.relay_log.end(), same) ||
         std::any_of(disk_.binary_log.rbegin(), disk_.binary_log.rend(), same);
}

Transaction Server::number(std::optional<AccountRole> account, bool setup) {
  std::int64_t last = 0;
  const auto own = disk_.executed.origins().find({uuid_, ""});
  if (own != disk_.executed.origins().end()) last = own->second.back().last;
  for (const auto& c : commits_) {
    if (c.transaction.origin == index_) last = std::max(last, c.transaction.number);
  }
  return {index_, last + 1, account, setup, world_.events.now() + pace.clock_skew};
}

void Server::take_into_data(const Transaction& t) {
  disk_.executed.add({world_.server(t.origin).uuid(), ""}, {t.number, t.number});
  if (t.account) {
    disk_.accounts.insert(*t.account);
  } else if (!t.setup) {
    disk_.user_data = true;
  }
}

void Server::write(const std::function<void(std::optional<Error>, Transaction)>& reply) {
  if (offline_) return reply(error(ErrorCode::ServerRefused, id_, "3032: the server is in offline mode"), {});
  if (read_only_wait_) {
    // Waits for the global read lock that the SET wants. The client is cut by offline_mode like any other.
    hung_writes_.push_back([this, reply] { write(reply); });
    return;
  }
  if (read_only_ != ReadOnly::Off) return reply(error(ErrorCode::ReadOnlyServer, id_, "1290: read-only"), {});
  ++running_writes_;
  later(random_.between(pace.commit_shortest, pace.commit_longest), [this, reply, epoch = offline_epoch_] {
    --running_writes_;
    if (epoch != offline_epoch_) {  // killed before it committed: rolled back
      reply(error(ErrorCode::ConnectionLost, id_, "cut by offline_mode"), {});
      read_only_settled();
      return;
    }
    const auto transaction = number(std::nullopt, false);
    commit(transaction, true, false,
           [reply, transaction](std::optional<Error> e) { reply(std::move(e), transaction); });
  });
}

void Server::write_errant() {
  const auto transaction = number(std::nullopt, false);
  world_.trace.line("{}: a person writes {}:{} past read-only", id_, transaction.origin, transaction.number);
  commit(transaction, false, false, [](const auto&) {});
}

void Server::commit(const Transaction& transaction, bool client, bool applier,
                    std::function<void(std::optional<Error>)> reply) {
  const auto log_index = disk_.binary_log.size();
  disk_.binary_log.push_back(transaction);
  commits_.push_back({transaction, log_index, std::move(reply), {}, client, applier});
  for (const auto& dump : dumps_) send(dump, log_index);
  if (!source_waits()) {
    finish_acknowledged();
    return;
  }
  if (variable("rpl_semi_sync_source_wait_no_replica") == "OFF" && semi_sync_clients() < wait_for_count_) {
    source_status_ = false;
    finish_acknowledged();
    return;
  }
  const auto timeout = std::chrono::milliseconds{std::stoll(variable("rpl_semi_sync_source_timeout"))};
  if (timeout < std::chrono::hours{1}) {
    later(timeout, [this, log_index] {
      const bool waits =
          std::any_of(commits_.begin(), commits_.end(), [&](const Commit& c) { return c.log_index == log_index; });
      if (!waits || !source_waits()) return;
      world_.trace.line("{} goes on alone: no acknowledgement in time", id_);
      source_status_ = false;
      finish_acknowledged();
      changed();
    });
  }
}

void Server::acknowledged(std::uint64_t connection, std::size_t log_index) {
  const auto dump =
      std::find_if(dumps_.begin(), dumps_.end(), [&](const Dump& d) { return d.connection == connection; });
  if (dump == dumps_.end() || !dump->semi_sync) return;
  for (auto& c : commits_) {
    if (c.log_index <= log_index) c.acked_by.insert(dump->replica);
  }
  if (source_enabled_ && !source_status_ && log_index + 1 == disk_.binary_log.size() &&
      semi_sync_clients() >= wait_for_count_) {
    source_status_ = true;  // the replica has caught up
    changed();
  }
  finish_acknowledged();
}

void Server::finish_acknowledged() {
  while (!commits_.empty()) {
    if (source_waits() && static_cast<int>(commits_.front().acked_by.size()) < wait_for_count_) break;
    auto commit = std::move(commits_.front());
    commits_.pop_front();
    if (source_waits()) ++acknowledged_commits_;
    finish(std::move(commit));
  }
  read_only_settled();
}

void Server::finish(Commit commit) {
  take_into_data(commit.transaction);
  if (commit.client && world_.hooks.acknowledging) world_.hooks.acknowledging(*this, commit.transaction);
  commit.reply(std::nullopt);
  if (commit.applier) applied();
}

void Server::set_read_only(ReadOnly to, Duration lock_wait, std::uint64_t session, const Reply& reply) {
  if (read_only_wait_) {
    later(Duration{1'000}, [=, this] { set_read_only(to, lock_wait, session, reply); });
    return;
  }
  if (to <= read_only_) {
    if (to == ReadOnly::Super || to != read_only_)
      world_.trace.line("{}: read-only level {}", id_, static_cast<int>(to));
    read_only_ = to;
    if (to != ReadOnly::Off) opened_by_person = false;
    reply(std::nullopt);
    changed();
    return;
  }
  const auto id = ++read_only_waits_;
  read_only_wait_ = ReadOnlyWait{to, session, id, reply};
  later(lock_wait, [this, id] {
    if (!read_only_wait_ || read_only_wait_->id != id) return;
    const auto waited = *std::exchange(read_only_wait_, std::nullopt);
    world_.trace.line("{}: read-only not reached, {} commits in the way", id_, commits_.size());
    waited.reply(Error{ErrorCode::LockWaitTimeout,
                       fmt::format("{}: 1205, {} commits wait for acknowledgements", id_, commits_.size())});
    read_only_settled();
    changed();
  });
  changed();
  read_only_settled();
}

void Server::read_only_settled() {
  if (read_only_wait_) {
    if (running_writes_ > 0 || !commits_.empty()) return;
    const auto done = *std::exchange(read_only_wait_, std::nullopt);
    read_only_ = done.to;
    opened_by_person = false;
    world_.trace.line("{}: read-only level {}", id_, static_cast<int>(read_only_));
    done.reply(std::nullopt);
    changed();
  }
  for (auto& write : std::exchange(hung_writes_, {})) write();
}

void Server::set_offline_mode(bool on) {
  if (offline_ == on) return;
  world_.trace.line("{}: offline_mode {}", id_, on ? "ON" : "OFF");
  offline_ = on;
  if (!on) {
    changed();
    return;
  }
  ++offline_epoch_;
  for (auto& c : commits_) {
    if (!c.client) continue;
    // The client is cut off now; its commit stays where it is.
    c.client = false;
    c.reply(error(ErrorCode::ConnectionLost, id_, "cut by offline_mode"));
    c.reply = [](const auto&) {};
  }
  auto hung = std::exchange(hung_writes_, {});
  for (auto& write : hung) write();  // answered: the server is offline
  // The dump threads end as well: the replication account has no CONNECTION_ADMIN.
  for (const auto& dump : std::exchange(dumps_, {})) {
    auto* replica = &world_.server(dump.replica);
    world_.network.send(
        index_, dump.replica,
        [replica, connection = dump.connection] { replica->gate([=] { replica->connection_broke(connection); }); },
        dump.stream);
  }
  changed();
}

void Server::set_semi_sync_source(bool on, int acks) {
  world_.trace.line("{}: semi-sync source {}, {} acks", id_, on ? "ON" : "OFF", acks);
  wait_for_count_ = acks;
  source_enabled_ = on;
  source_status_ = on;
  finish_acknowledged();
  changed();
}

void Server::flush_optimizer_costs(const Reply& reply) {
  if (read_only() == ReadOnly::Super || semi_sync_clients() < wait_for_count_) return reply(std::nullopt);
  commit(number(std::nullopt, true), false, false, reply);
}

int Server::clients_waiting() const {
  return static_cast<int>(std::count_if(commits_.begin(), commits_.end(), [](const Commit& c) { return c.client; }));
}

void Server::set_semi_sync_replica(bool on) {
  replica_enabled_ = on;
  persist("rpl_semi_sync_replica_enabled", on ? "ON" : "OFF");
}

}  // namespace repl::sim

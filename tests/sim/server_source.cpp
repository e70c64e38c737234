// The source side of replication on a simulated server: dump threads, what they send, heartbeats.
#include <algorithm>

#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
int Server::semi_sync_clients() const {
  return static_cast<int>(std::count_if(dumps_.begin(), dumps_.end(), [](const Dump& d) { return d.semi_sync; }));
}

void Server::hello(int replica, std::uint64_t connection, bool semi_sync, const GtidSet& has) {
  auto* peer = &world_.server(replica);
  const auto stream = new_stream();
  const auto answer = [&](auto action) {
    world_.network.send(
        index_, replica, [peer, action] { peer->gate(action); }, stream);
  };
  int error = 0;
  if (offline_) error = 3032;
  if (!disk_.accounts.contains(AccountRole::Replication)) error = 1045;
  // Transactions that carry our own UUID and that we never had. Those in a waiting commit are ours: in the binary log.
  const auto theirs = has.origins().find({uuid_, ""});
  if (theirs != has.origins().end()) {
    const auto last = theirs->second.back().last;
    std::int64_t ours = 0;
    for (const auto& t : disk_.binary_log) {
      if (t.origin == index_) ours = std::max(ours, t.number);
    }
    if (last > ours) error = 13114;
  }
  for (std::size_t i = 0; i < disk_.purged_until && error == 0; ++i) {
    const auto& t = disk_.binary_log[i];
    if (!has.contains(world_.server(t.origin).uuid(), "", t.number)) error = 13114;
  }
  if (error != 0) {
    answer([peer, connection, error] { peer->refused_by_source(connection, error); });
    return;
  }
  // A replica that comes again ends its former dump thread.
  std::erase_if(dumps_, [&](const Dump& d) { return d.replica == replica; });
  const bool acknowledges = semi_sync && disk_.plugins.contains(Plugin::SemiSyncSource);
  dumps_.push_back({replica, connection, acknowledges, stream});
  const auto dump = dumps_.back();
  answer([peer, connection, acknowledges] { peer->connected(connection, acknowledges); });
  for (std::size_t i = 0; i < disk_.binary_log.size(); ++i) {
    const auto& t = disk_.binary_log[i];
    // What the replica has already is skipped, and never acknowledged: its commit waits for the acknowledgement of a
    // later one.
    if (!has.contains(world_.server(t.origin).uuid(), "", t.number)) send(dump, i);
  }
  heartbeat(connection);
  changed();
}

void Server::goodbye(std::uint64_t connection) {
  if (std::erase_if(dumps_, [&](const Dump& d) { return d.connection == connection; }) > 0) changed();
}

void Server::send(const Dump& dump, std::size_t log_index) {
  auto* replica = &world_.server(dump.replica);
  world_.network.send(
      index_, dump.replica,
      [replica, connection = dump.connection, t = disk_.binary_log[log_index], log_index] {
        replica->gate([=] { replica->receive(connection, t, log_index); });
      },
      dump.stream);
}

void Server::heartbeat(std::uint64_t connection) {
  const auto dump =
      std::find_if(dumps_.begin(), dumps_.end(), [&](const Dump& d) { return d.connection == connection; });
  if (dump == dumps_.end()) return;
  auto* replica = &world_.server(dump->replica);
  world_.network.send(
      index_, dump->replica, [replica, connection] { replica->gate([=] { replica->hear(connection); }); },
      dump->stream);
  later(kHeartbeat, [this, connection] { heartbeat(connection); });
}

}  // namespace repl::sim

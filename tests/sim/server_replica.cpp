// The replica side of replication on a simulated server: receiver, relay log, applier.
#include <algorithm>

#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

constexpr Duration kConnectRetry{1'000'000};
constexpr Duration kLongestStop{2'200'000};  ///< STOP REPLICA IO_THREAD while it connects to a server that is silent.

}  // namespace

Duration Server::net_timeout() const {
  return std::chrono::seconds{std::stoll(variable("replica_net_timeout"))};
}

void Server::start_receiver(const Reply& reply) {
  if (!disk_.channel) return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1200, no channel", id_)});
  if (receiver_.state == ThreadState::Stopped) {
    world_.trace.line(
        "{}: receiver starts towards {}", id_,
        disk_.channel->source == kNowhere ? kDetachedHost : world_.server(disk_.channel->source).id().name);
    receiver_ = {};
    receiver_.state = ThreadState::Connecting;
    connect();
  }
  reply(std::nullopt);
}

void Server::connect() {
  const auto connection = receiver_.connection = world_.new_id();
  const auto source = disk_.channel->source;
  if (source == kNowhere) {
    later(Duration{2'000}, [this, connection] { connect_failed(connection, 2005); });
    return;
  }
  receiver_.stream = new_stream();
  auto* peer = &world_.server(source);
  world_.network.send(
      index_, source,
      [this, peer, connection, semi_sync = replica_enabled_ && disk_.plugins.contains(Plugin::SemiSyncReplica),
       has = position()] {
        peer->request(
            index_,
            [this, peer, connection, semi_sync, has](const Action& completed) {
              completed();
              peer->hello(index_, connection, semi_sync, has);
            },
            [this, connection](Reach) { gate([=, this] { connect_failed(connection, 2003); }); });
      },
      receiver_.stream);
  later(net_timeout(), [this, connection] { connect_failed(connection, 2013); });
}

void Server::connect_failed(std::uint64_t connection, int error) {
  if (receiver_.connection != connection || receiver_.state != ThreadState::Connecting) return;
  receiver_.error = error;
  abandon_connection();
  later(kConnectRetry, [this, waiting = receiver_.connection] {
    if (receiver_.connection == waiting && receiver_.state == ThreadState::Connecting) connect();
  });
}

void Server::refused_by_source(std::uint64_t connection, int error) {
  if (receiver_.connection != connection || receiver_.state != ThreadState::Connecting) return;
  if (error == 13114) {
    world_.trace.line("{}: receiver stops, it has more of the source's transactions than the source", id_);
    receiver_.state = ThreadState::Stopped;
    receiver_.error = error;
    return;
  }
  connect_failed(connection, error);
}

void Server::connected(std::uint64_t connection, bool semi_sync) {
  if (receiver_.connection != connection || receiver_.state != ThreadState::Connecting) return;
  world_.trace.line("{}: receiver connected to {}{}", id_, world_.server(disk_.channel->source).id(),
                    semi_sync ? ", semi-sync" : "");
  receiver_.state = ThreadState::Running;
  receiver_.error = 0;
  receiver_.semi_sync = semi_sync;
  watch_silence(connection, net_timeout());
  changed();
}

void Server::hear(std::uint64_t connection) {
  if (receiver_.connection == connection && receiver_.state == ThreadState::Running)
    receiver_.heard = world_.events.now();
}

void Server::watch_silence(std::uint64_t connection, Duration rest) {
  later(rest, [this, connection] {
    if (receiver_.connection != connection || receiver_.state != ThreadState::Running) return;
    const auto silence = receiver_.heard ? world_.events.now() - *receiver_.heard : net_timeout();
    if (silence < net_timeout()) {
      watch_silence(connection, net_timeout() - silence);
    } else {
      connection_broke(connection);
    }
  });
}

void Server::connection_broke(std::uint64_t connection) {
  if (receiver_.connection != connection || receiver_.state != ThreadState::Running) return;
  world_.trace.line("{}: receiver lost its source", id_);
  receiver_.state = ThreadState::Connecting;
  receiver_.semi_sync = false;
  abandon_connection();
  connect();
  changed();
}

void Server::abandon_connection() {
  if (disk_.channel && disk_.channel->source != kNowhere) {
    auto* peer = &world_.server(disk_.channel->source);
    world_.network.send(
        index_, disk_.channel->source,
        [peer, connection = receiver_.connection] { peer->gate([=] { peer->goodbye(connection); }); },
        receiver_.stream);
  }
  receiver_.connection = world_.new_id();  // whatever the former one still brings is void
}

void Server::close_receiver() {
  if (receiver_.state != ThreadState::Stopped) abandon_connection();
  receiver_.state = ThreadState::Stopped;
  receiver_.semi_sync = false;
  changed();
}

void Server::stop_receiver(const Reply& reply) {
  if (receiver_.state == ThreadState::Stopped) return reply(std::nullopt);
  const bool towards_silence = receiver_.state == ThreadState::Connecting && disk_.channel &&
                               disk_.channel->source != kNowhere &&
                               (world_.server(disk_.channel->source).life() == Life::Frozen ||
                                !world_.network.is_connected(index_, disk_.channel->source));
  const auto takes = random_.between(Duration{500}, towards_silence ? kLongestStop : Duration{10'000});
  later(takes, [this, reply] {
    if (receiver_.state != ThreadState::Stopped) {
      world_.trace.line("{}: receiver stops", id_);
      close_receiver();
    }
    reply(std::nullopt);
  });
}

void Server::receive(std::uint64_t connection, const Transaction& t, std::size_t log_index) {
  if (receiver_.connection != connection || receiver_.state != ThreadState::Running) return;
  hear(connection);
  // Its own server_id: dropped, whatever the GTID says, and acknowledged like any other.
  if (t.origin != index_ && !has(t) && !disk_.received.contains(world_.server(t.origin).uuid(), "", t.number)) {
    disk_.relay_log.push_back(t);
    disk_.received.add({world_.server(t.origin).uuid(), ""}, {t.number, t.number});
    apply_next();
  }
  if (!receiver_.semi_sync) return;
  const auto source = disk_.channel->source;
  later(random_.between(Duration{20}, pace.flush_longest), [this, connection, source, log_index] {
    if (receiver_.connection != connection) return;
    auto* peer = &world_.server(source);
    world_.network.send(
        index_, source,
        [peer, connection, log_index] { peer->gate([=] { peer->acknowledged(connection, log_index); }); },
        receiver_.stream);
  });
}

void Server::start_applier(const Reply& reply) {
  if (!disk_.channel) return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1200, no channel", id_)});
  if (applier_.state == ThreadState::Stopped) {
    applier_.state = ThreadState::Running;
    apply_next();
  }
  reply(std::nullopt);
}

void Server::stop_applier(const Reply& reply) {
  if (applier_.state == ThreadState::Stopped) return reply(std::nullopt);
  if (applier_.busy) {
    applier_.stopping.push_back([reply] { reply(std::nullopt); });
    return;
  }
  applier_.state = ThreadState::Stopped;
  reply(std::nullopt);
}

void Server::apply_next() {
  if (applier_.state != ThreadState::Running || applier_.busy || applier_stalled || life_ == Life::Down) return;
  while (!disk_.relay_log.empty() && has(disk_.relay_log.front())) disk_.relay_log.pop_front();
  if (disk_.relay_log.empty()) return;
  const auto t = disk_.relay_log.front();
  const auto due = t.committed + Duration{disk_.channel->delay};
  if (disk_.channel->delay.count() > 0 && due > world_.events.now()) {
    if (!std::exchange(applier_.waits_for_delay, true)) {
      later(due - world_.events.now(), [this] {
        applier_.waits_for_delay = false;
        apply_next();
      });
    }
    return;
  }
  applier_.busy = true;
  applier_.began = world_.events.now();
  later(random_.between(pace.apply_shortest, pace.apply_longest), [this, t] {
    // With log_replica_updates it commits like everybody: into the binary log, and into the wait for acknowledgements
    // where the source side of semi-sync is enabled. That is the trap on replicas.
    commit(t, false, true, [](const auto&) {});
  });
}

void Server::applied() {
  applier_.busy = false;
  if (!disk_.relay_log.empty()) disk_.relay_log.pop_front();
  if (!applier_.stopping.empty()) {
    applier_.state = ThreadState::Stopped;
    for (auto& stopped : std::exchange(applier_.stopping, {})) stopped();
    return;
  }
  apply_next();
}

void Server::change_source(const ChannelConfig& config, const Reply& reply) {
  if (receiver_.state != ThreadState::Stopped) {
    return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 3021, stop the receiver first", id_)});
  }
  if (applier_.state == ThreadState::Stopped) {
    if (!disk_.relay_log.empty()) {
      world_.trace.line("{}: CHANGE with both threads stopped throws {} relay log events away", id_,
                        disk_.relay_log.size());
    }
    disk_.relay_log.clear();
    disk_.received = {};
  }
  disk_.channel = config;
  receiver_.error = 0;
  reply(std::nullopt);
}

void Server::reset_replica(const Reply& reply) {
  if (receiver_.state != ThreadState::Stopped || applier_.state != ThreadState::Stopped) {
    return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 3081, stop replication first", id_)});
  }
  if (!disk_.relay_log.empty()) {
    world_.trace.line("{}: RESET REPLICA throws {} relay log events away", id_, disk_.relay_log.size());
  }
  disk_.relay_log.clear();
  disk_.received = {};
  disk_.channel.reset();
  receiver_ = {};
  reply(std::nullopt);
}

}  // namespace repl::sim

// What a clone makes of a simulated server, and what is not in its binary log any more.
#include "sim/server.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

constexpr Duration kShortestClone{300'000}, kLongestClone{2'000'000};
/// Some are of much data.
constexpr Duration kHugeClone{30'000'000};
constexpr int kHugeOneOf = 4;
constexpr Duration kRestart{200'000};

}  // namespace

void Server::restart() {
  crash_and_restart(kRestart);
}

void Server::purge_binary_logs() {
  world_.trace.line("{}: PURGE BINARY LOGS", id_);
  disk_.purged_until = disk_.binary_log.size();
}

void Server::commit_empty(const GtidSet& numbers, const Reply& reply) {
  if (read_only() != ReadOnly::Off) {
    return reply(Error{ErrorCode::PreconditionFailed, fmt::format("{}: takes no writes", id_)});
  }
  const auto missing = subtract(numbers, disk_.executed);
  const auto left = std::make_shared<std::size_t>(static_cast<std::size_t>(missing.count()));
  if (*left == 0) return reply(std::nullopt);
  for (const auto& server : world_.servers) {
    const auto found = missing.origins().find({server->uuid(), ""});
    if (found == missing.origins().end()) continue;
    for (const auto& interval : found->second) {
      for (auto number = interval.first; number <= interval.last; ++number) {
        const Transaction empty{server->index(), number, std::nullopt, true, world_.events.now()};
        commit(empty, false, false, [left, reply](const auto&) {
          if (--*left == 0) reply(std::nullopt);
        });
      }
    }
  }
}

GtidSet Server::purged() const {
  GtidSet out;
  for (std::size_t i = 0; i < disk_.purged_until; ++i) {
    const auto& t = disk_.binary_log[i];
    out.add({world_.server(t.origin).uuid(), ""}, {t.number, t.number});
  }
  return out;
}

void Server::clone_from(Server& donor, const Reply& reply) {
  if (read_only() == ReadOnly::Super) {
    return reply(Error{ErrorCode::ReadOnlyServer, fmt::format("{}: 1290, CLONE under super_read_only", id_)});
  }
  const auto reaches = [this, &donor] { return donor.up() && world_.network.is_connected(index_, donor.index()); };
  if (!reaches()) return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 3862, no donor", id_)});
  const auto clone = ++clones_;
  cloning_ = [reply, this] { reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 1317, interrupted", id_)}); };
  const auto longest = random_.below(kHugeOneOf) == 0 ? kHugeClone : kLongestClone;
  later(random_.between(kShortestClone, longest), [this, &donor, reply, reaches, clone] {
    if (clone != clones_) return;
    cloning_ = nullptr;
    if (!reaches()) {
      return reply(Error{ErrorCode::ServerRefused, fmt::format("{}: 3862, the donor was lost", id_)});
    }
    world_.trace.line("{} is a clone of {} now", id_, donor.id());
    if (disk_.user_data && !donor.disk_.executed.contains(disk_.executed) && world_.hooks.data_reset) {
      world_.hooks.data_reset(*this);
    }
    disk_.executed = donor.disk_.executed;
    disk_.accounts = donor.disk_.accounts;
    disk_.plugins = donor.disk_.plugins;  // mysql.plugin is data; what is persisted is not
    disk_.user_data = donor.disk_.user_data;
    disk_.channel = donor.disk_.channel;
    if (disk_.channel) disk_.channel->source = kNowhere;  // it does not start, and is reset
    disk_.relay_log.clear();
    disk_.received = {};
    disk_.binary_log.clear();
    for (const auto& t : donor.disk_.binary_log) {
      if (donor.has(t)) disk_.binary_log.push_back(t);
    }
    disk_.purged_until = disk_.binary_log.size();
    disk_.cloned_from = donor.index();
    reply(std::nullopt);
    restart();
  });
}

void Server::end_clone() {
  if (!cloning_) return;
  world_.trace.line("{}: its clone is killed, its data is gone", id_);
  const bool elsewhere = std::any_of(world_.servers.begin(), world_.servers.end(), [this](const auto& other) {
    return other.get() != this && other->disk_.executed.contains(disk_.executed);
  });
  if (disk_.user_data && !elsewhere && world_.hooks.data_reset) world_.hooks.data_reset(*this);
  ++clones_;
  std::exchange(cloning_, nullptr)();
  disk_.executed = {};
  disk_.received = {};
  disk_.relay_log.clear();
  disk_.binary_log.clear();
  disk_.purged_until = 0;
  disk_.channel.reset();
  disk_.user_data = false;
  read_only_ = ReadOnly::Super;
  offline_ = false;
}

}  // namespace repl::sim

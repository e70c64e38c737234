// What follows from a snapshot alone.
#include "model/snapshot.hpp"

#include <algorithm>

namespace repl {

GtidSet Snapshot::position() const {
  if (by_position() && !channels.empty()) return channels.front().received;
  GtidSet all = executed;
  for (const auto& c : channels) all = unite(all, c.received);
  return unite(all, group.received);
}

GtidSet Snapshot::written() const {
  return by_position() ? history(server_uuid, log_position) : executed;
}

namespace {
constexpr std::size_t kLengthOfUuid = 36;
constexpr std::size_t kLongestHost = 255;  // Source: MySQL 8.0.17 release notes
}  // namespace

std::string detached_host(const std::string& source_uuid, const std::string& source_host) {
  if (source_uuid.size() != kLengthOfUuid) return kDetachedHost;
  const auto whole = source_uuid + "." + source_host + "." + kDetachedHost;
  return whole.size() <= kLongestHost ? whole : source_uuid + "." + kDetachedHost;
}

DetachedFrom detached_from(const std::string& host) {
  const auto suffix = std::string{"."} + kDetachedHost;
  if (host.size() < kLengthOfUuid + suffix.size() || !host.ends_with(suffix)) return {};
  const auto name = host.substr(0, host.size() - suffix.size());
  return {name.substr(0, kLengthOfUuid), name.size() > kLengthOfUuid ? name.substr(kLengthOfUuid + 1) : std::string{}};
}

bool is_detached(const Channel& channel) {
  return channel.source.host == kDetachedHost || !detached_from(channel.source.host).server_uuid.empty();
}

void use_positions(Snapshot& snapshot) {
  snapshot.executed = history(snapshot.server_uuid, snapshot.log_position);
  snapshot.purged = {};
  for (auto& channel : snapshot.channels) {
    if (is_detached(channel)) channel.source_uuid = detached_from(channel.source.host).server_uuid;
    channel.received = history(channel.source_uuid, std::max(channel.read, channel.applied));
    snapshot.executed = unite(snapshot.executed, history(channel.source_uuid, channel.applied));
  }
}

MemberState Snapshot::member_state() const {
  const auto* self = group.find(server_uuid);
  return self == nullptr ? MemberState::Offline : self->state;
}

const GroupMember* GroupView::find(const std::string& server_uuid) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const GroupMember& m) { return m.server_uuid == server_uuid; });
  return found == members.end() ? nullptr : &*found;
}

bool GroupView::has_majority() const {
  const auto counted = std::count_if(members.begin(), members.end(), [](const GroupMember& m) {
    return m.state == MemberState::Online || m.state == MemberState::Recovering;
  });
  return 2 * static_cast<std::size_t>(counted) > members.size();
}

GtidSet errant_transactions(const Snapshot& replica, const Snapshot& source) {
  return subtract(replica.executed, source.executed);
}

std::set<AccountFault> Inventory::faults_of(AccountRole role) const {
  if (accounts.contains(role)) return {};
  const auto found = account_faults.find(role);
  return found == account_faults.end() ? std::set{AccountFault::Missing} : found->second;
}

}  // namespace repl

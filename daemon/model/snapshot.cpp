// What follows from a snapshot alone.
#include "model/snapshot.hpp"

#include <algorithm>

namespace repl {

GtidSet Snapshot::position() const {
  GtidSet all = executed;
  for (const auto& c : channels) all = unite(all, c.received);
  return unite(all, group.received);
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

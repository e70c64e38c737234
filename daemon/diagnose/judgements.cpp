// What rules have in common.
#include "diagnose/judgements.hpp"

#include <algorithm>
#include <set>

#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"

namespace repl::diagnose {

using std::string;

string primary_name(const Facts& f) {
  return f.office->primary->name;
}

string what_replicas_say(const Facts& f) {
  return fmt::format("{} of {} other nodes reached, {} lost it, {} hear it", f.others_reached, f.others,
                     f.replicas_that_lost_it, f.replicas_hearing);
}

string last_words(const Facts& f) {
  const auto& seen = *f.primary->seen;
  return seen.latest->problem.empty() ? string{"no answer"} : seen.latest->problem;
}

bool primary_gone(const Facts& f) {
  return f.primary != nullptr && !f.spec->is_group() && !f.primary_alive && f.primary->seen->seen();
}

bool replicas_agree_it_is_gone(const Facts& f) {
  return f.replicas_hearing == 0 && f.replicas_that_lost_it > 0;
}

bool clients_wait_in_commits(const NodeFacts& n) {
  return n.channel == nullptr && n.now->semi_sync.wait_sessions > 0;
}

bool receiver_needs_a_person(const NodeFacts& n) {
  // Semi-sync was switched off while it connected: another start agrees on it anew.
  const bool missed_semi_sync = n.channel->receiver_error.find("'after_read_event' hook") != std::string::npos;
  return n.channel->receiver_errno != 0 && !is_connection_error(n.channel->receiver_errno) && !missed_semi_sync;
}

bool healthy_follower(const NodeFacts& n) {
  return n.now != nullptr && !n.is_primary && !n.detached;
}

bool source_answers(const Facts& f, const NodeFacts& n) {
  return f.spec->is_ring() ? n.source_now != nullptr : f.primary_reachable;
}

bool may_be_attached(const Facts& f, const NodeFacts& n) {
  if (f.spec->is_ring()) return n.source_now != nullptr && n.purged_but_needed.empty() && n.own_lost.empty();
  if (f.spec->by_position()) return n.source_now != nullptr && n.same_log && n.errant.empty();
  return f.primary_reachable && n.compared && n.errant.empty() && n.purged_but_needed.empty();
}

bool takes_writes(const NodeFacts& n) {
  return n.writer && n.now != nullptr && n.now->read_only == ReadOnly::Off;
}

string listed(const std::vector<DeviatingSetting>& deviating) {
  string out;
  for (const auto& d : deviating) {
    out +=
        fmt::format("{}{} is {} instead of {}", out.empty() ? "" : ", ", d.name, d.is.empty() ? "''" : d.is, d.wanted);
  }
  return out;
}

string settings_that(const Facts& f, const NodeFacts& n, NeedRestart need) {
  auto deviating = deviating_settings(*f.spec, n);
  std::erase_if(deviating, [&](const auto& d) { return d.needs_restart != (need == NeedRestart::Yes); });
  return listed(deviating);
}

string deviations(const Facts& f, const NodeFacts& n) {
  if (!n.seen->inventory) return {};
  string out;
  for (const auto& [role, account] : f.spec->accounts) {
    const auto faults = role == AccountRole::Admin ? std::set<AccountFault>{} : n.seen->inventory->faults_of(role);
    if (faults.empty()) continue;
    string what;
    for (const auto fault : faults) what += (what.empty() ? "" : ", ") + string{to_string(fault)};
    out += fmt::format("{}{} '{}' ({})", out.empty() ? "" : ", ", to_string(role), account.user, what);
  }
  return out;
}

bool receiver_outdated(const Facts& f, const NodeFacts& n) {
  if (n.now == nullptr || !n.seen->inventory || n.seen->inventory->receiver_as_declared.value_or(true)) return false;
  if (f.spec->is_group() ? !n.now->in_group() : !healthy_follower(n) || !n.follows) return false;
  return std::any_of(f.nodes.begin(), f.nodes.end(), [&](const NodeFacts& other) {
    const bool source = f.spec->is_group() ? takes_writes(other) : other.spec->id == n.follows;
    return source && other.now != nullptr && other.seen->inventory &&
           other.seen->inventory->accounts.contains(AccountRole::Replication);
  });
}

bool is_member(const NodeFacts& n) {
  return n.now != nullptr && n.now->in_group();
}

bool in_single_primary_group(const NodeFacts& n) {
  return is_member(n) && n.now->group.single_primary;
}

bool in_multi_primary_group(const NodeFacts& n) {
  return is_member(n) && !n.now->group.single_primary;
}

bool is_elected(const NodeFacts& n) {
  return is_member(n) && n.now->group.find(n.now->server_uuid)->primary;
}

bool out_of_the_group(const Facts& f, const NodeFacts& n) {
  if (!f.spec->is_group() || n.now == nullptr || f.members_online == 0) return false;
  const auto state = n.now->member_state();
  return state == MemberState::Offline || state == MemberState::Error;
}

bool group_is_down(const Facts& f) {
  return f.spec->is_group() && f.members_online == 0 && f.members_without_majority == 0 &&
         std::any_of(f.nodes.begin(), f.nodes.end(), [](const NodeFacts& n) { return n.now != nullptr; }) &&
         std::none_of(f.nodes.begin(), f.nodes.end(), [](const NodeFacts& n) {
           return n.now != nullptr && n.now->member_state() == MemberState::Recovering;
         });
}

}  // namespace repl::diagnose

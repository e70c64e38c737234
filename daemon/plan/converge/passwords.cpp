// Accounts of a cluster that runs: said once, on a node that takes writes, and replicated. A password that has changed
// is rotated: first both work, then everybody who logs in with it is told, one after the other, then the former one is
// discarded. Nothing has to be taken back on the way, for nobody is ever locked out.
#include "plan/converge/passwords.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/facts.hpp"
#include "model/spec_text.hpp"
#include "plan/converge/planners.hpp"

namespace repl::plan::converge {
namespace {

using Indices = std::vector<Builder::Index>;

bool takes_writes(const Node& node) {
  return node.now->read_only == ReadOnly::Off;
}

void append(Indices& to, const Indices& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// Its applier has stopped at an error, and somebody has to help it first.
bool is_stuck(const Node& node) {
  const auto* channel = node.now->channel();
  return channel != nullptr && channel->applier == ThreadState::Stopped && channel->applier_errno != 0;
}

/// Those that get the changes of accounts soon; a delayed one gets them when its time has come.
Indices everybody_has_it(Draft& draft, const Node& writer, Builder::Index change) {
  Indices out{change};
  for (const auto& [id, node] : draft.checked.nodes) {
    if (id == writer.id() || !node.attached() || node.spec->delay.count() > 0 || draft.checked.to_clone.contains(id)) {
      continue;
    }
    if (is_stuck(node)) continue;
    out.push_back(draft.plan.add(WaitForApplied{id, writer.id(), kDrainTimeout}, {change}));
  }
  return out;
}

std::optional<NodeId> source_of(const Draft& draft, const Node& node) {
  return node.now->channel() == nullptr ? std::nullopt : diagnose::source_node(draft.known, *node.now->channel());
}

/// Semi-sync: the source has its acker back before the next one goes.
std::optional<Builder::Index> acker_is_back(Draft& draft, const Node& node, Builder::Index renewed) {
  const auto source = source_of(draft, node);
  if (!node.now->semi_sync.replica_status || !source) return std::nullopt;
  const auto count = std::count_if(draft.checked.nodes.begin(), draft.checked.nodes.end(), [&](const auto& n) {
    return n.second.now->semi_sync.replica_status && source_of(draft, n.second) == source;
  });
  return draft.plan.add_beside(WaitForAckers{*source, static_cast<int>(count), kAckersTimeout}, {renewed});
}

/// A channel that is moved keeps its login.
bool is_attached_by(const Draft& draft, const NodeId& node) {
  const auto& steps = draft.plan.steps();
  return std::any_of(steps.begin(), steps.end(), [&](const PlannedStep& planned) {
    const auto* follow = std::get_if<FollowSource>(&planned.step);
    return follow != nullptr && follow->replica == node;
  });
}

/// A delayed node gets a new password when its time has come.
bool lacks_password_for_long(const Draft& draft, const NodeId& source) {
  const auto found = draft.checked.nodes.find(source);
  if (found == draft.checked.nodes.end() || found->second.spec->delay.count() == 0) return false;
  const auto faults = found->second.has->faults_of(AccountRole::Replication);
  return faults.contains(AccountFault::Password) || faults.contains(AccountFault::Missing);
}

/// The receivers that do not log in as declared are told, one at a time. @return whether all of them are
bool renew_receivers(Draft& draft, Indices& last) {
  bool all = draft.checked.nodes.size() == draft.wanted.nodes.size();
  for (const auto& [id, node] : draft.checked.nodes) {
    if (node.has->receiver_as_declared.value_or(true) || draft.checked.to_clone.contains(id)) continue;
    if (!node.attached() && draft.wanted.is_group()) continue;  // it is told when it joins
    if (!node.attached() && !is_attached_by(draft, id)) {
      all = false;
      continue;
    }
    const auto source = source_of(draft, node);
    if (source && lacks_password_for_long(draft, *source)) {
      draft.plan.because(
          fmt::format("{} follows {}, which is delayed: it is told its new login by a later apply", id, *source));
      all = false;
      continue;
    }
    const auto renewed = draft.plan.add(RenewReceiver{id}, last);
    last = {renewed};
    if (const auto back = acker_is_back(draft, node, renewed)) last = {*back};
  }
  return all;
}

/// The declared password is another one, and somebody may be logging in with the present one.
bool to_be_rotated(const Node& writer, AccountRole role) {
  const auto faults = writer.has->faults_of(role);
  return role != AccountRole::Admin && faults.contains(AccountFault::Password) && takes_writes(writer);
}

void tell_about_former(Draft& draft, const Node& writer, AccountRole role) {
  if (role == AccountRole::Replication) return;  // repld knows who logs in with it, and ends it by itself
  if (writer.has->former_passwords.contains(role)) {
    draft.plan.because(
        fmt::format("{}: the password before the present one worked still, and does no longer", to_string(role)));
  }
  draft.plan.because(fmt::format("{}: the present password works on until `replctl rotate {} --discard-former {}`",
                                 to_string(role), draft.wanted.cluster, to_string(role)));
}

/// What is left once the rest was made true.
std::set<AccountFault> only_passwords(std::set<AccountFault> faults) {
  std::erase_if(faults, [](AccountFault f) { return f != AccountFault::Password && f != AccountFault::Expired; });
  return faults;
}

std::string how_admin_stays(const Account& account) {
  return fmt::format(
      "admin: '{}' may expire or be locked by failed logins, and repld with it. On the node that takes writes: "
      "ALTER USER '{}'@'%' PASSWORD EXPIRE NEVER FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0",
      account.user, account.user);
}

std::set<AccountFault> without_passwords(std::set<AccountFault> faults) {
  faults.erase(AccountFault::Password);
  faults.erase(AccountFault::Expired);
  return faults;
}

}  // namespace

void replication_account_first(Draft& draft, const Node& writer) {
  const auto account = draft.wanted.accounts.find(AccountRole::Replication);
  const bool begins = draft.begins() && !draft.runs();
  if (account == draft.wanted.accounts.end() || !takes_writes(writer)) return;
  if (begins && !draft.gives_account_to_new_nodes()) return;
  auto faults = without_passwords(writer.has->faults_of(AccountRole::Replication));
  std::optional<Builder::Index> said;
  if (faults.contains(AccountFault::Missing) || (faults.empty() && draft.gives_account_to_new_nodes())) {
    said = draft.plan.add(CreateAccount{writer.id(), AccountRole::Replication, account->second, Logged::Yes});
  } else if (!faults.empty()) {
    said = draft.plan.add(
        AmendAccount{writer.id(), AccountRole::Replication, account->second, std::move(faults), Logged::Yes});
  }
  if (!said) return;
  draft.replication_account_is_made = true;
  draft.login_is_known = everybody_has_it(draft, writer, *said);
}

void rotate_passwords(Draft& draft, const Node& writer) {
  for (const auto& [role, account] : draft.wanted.accounts) {
    if (!to_be_rotated(writer, role) || (draft.begins() && !draft.runs())) continue;
    const auto rotated = draft.plan.add(RotatePassword{writer.id(), role, account});
    draft.rotated.insert(role);
    tell_about_former(draft, writer, role);
    if (role == AccountRole::Replication) append(draft.login_is_known, everybody_has_it(draft, writer, rotated));
  }
}

void accounts_through_the_binary_log(Draft& draft, const Node& writer, Indices after) {
  const bool no_policy_any_more =
      draft.before != nullptr && !draft.before->password_policy.empty() && draft.wanted.password_policy.empty();
  for (const auto& [role, account] : draft.wanted.accounts) {
    if (role == AccountRole::Admin) {
      if (writer.has->faults_of(role).contains(AccountFault::Policy)) draft.plan.because(how_admin_stays(account));
      continue;
    }
    auto faults = writer.has->faults_of(role);
    // The replication account was made on every node before replication runs.
    if (role == AccountRole::Replication && draft.begins() && !draft.runs()) continue;
    if (role == AccountRole::Replication && draft.replication_account_is_made) {
      faults = only_passwords(std::move(faults));
    }
    if (faults.contains(AccountFault::Missing)) {
      const auto made = draft.plan.add(CreateAccount{writer.id(), role, account, Logged::Yes}, after);
      if (role == AccountRole::Replication) append(draft.login_is_known, {made});
      continue;
    }
    if (no_policy_any_more) faults.insert(AccountFault::Policy);
    if (faults.erase(AccountFault::Expired) > 0 && !draft.rotated.contains(role)) {
      draft.plan.because(fmt::format("{}: its password has expired; only a new one helps", to_string(role)));
    }
    if (draft.rotated.contains(role)) {
      faults.erase(AccountFault::Password);
      faults.erase(AccountFault::Locked);
      faults.erase(AccountFault::LockedOut);
    }
    if (faults.empty()) continue;
    draft.plan.add(AmendAccount{writer.id(), role, account, std::move(faults), Logged::Yes}, after);
  }
}

void settle_passwords(Draft& draft, const Node& writer) {
  if (!takes_writes(writer)) return;
  const auto replication = draft.wanted.accounts.find(AccountRole::Replication);
  if (replication == draft.wanted.accounts.end()) return;
  auto last = draft.login_is_known;
  const bool all_told = renew_receivers(draft, last);
  append(last, draft.last_step_of(writer.id()));
  const bool has_former = writer.has->former_passwords.contains(AccountRole::Replication) ||
                          draft.rotated.contains(AccountRole::Replication);
  if (has_former && all_told) {
    draft.plan.add(DiscardFormerPassword{writer.id(), AccountRole::Replication, replication->second}, last);
  } else if (has_former) {
    draft.plan.because("replication: the former password works on until every node is there and was told the new one");
  }
  for (const auto role : draft.discard_former) {
    const auto account = draft.wanted.accounts.find(role);
    if (account == draft.wanted.accounts.end() || role == AccountRole::Replication) continue;
    if (writer.has->former_passwords.contains(role) || draft.rotated.contains(role)) {
      draft.plan.add(DiscardFormerPassword{writer.id(), role, account->second}, last);
    } else {
      draft.plan.because(fmt::format("{}: has no former password", to_string(role)));
    }
  }
}

}  // namespace repl::plan::converge

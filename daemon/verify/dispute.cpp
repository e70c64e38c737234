// The verdict on each row.
#include "verify/dispute.hpp"

#include <set>

namespace repl::verify {
namespace {

std::optional<std::string> value_of(const RowHashes& rows, const Key& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

std::vector<Key> Dispute::open() const {
  std::vector<Key> keys;
  for (const auto& [key, suspicion] : open_) keys.push_back(key);
  return keys;
}

void Dispute::take(const Round& round) {
  std::set<Key> keys;
  if (rounds_ == 0) {
    for (const auto* rows : {&round.reference_before, &round.node, &round.reference_after}) {
      for (const auto& [key, value] : *rows) keys.insert(key);
    }
  } else {
    for (const auto& [key, suspicion] : open_) keys.insert(key);
  }
  ++rounds_;
  for (const auto& key : keys) judge(key, round);
}

void Dispute::judge(const Key& key, const Round& round) {
  const auto before = value_of(round.reference_before, key);
  const auto after = value_of(round.reference_after, key);
  const auto node = value_of(round.node, key);
  if (node == before || node == after) {
    open_.erase(key);
    return;
  }
  auto& suspicion = open_[key];
  if (before != after) {
    suspicion = {};
    return;
  }
  if (suspicion.times == 0 || suspicion.reference != before || suspicion.node != node) suspicion = {before, node, 0};
  ++suspicion.times;
  if (!round.quiet && suspicion.times < kConfirmations) return;
  differences_[key] = !node ? Difference::Missing : !before ? Difference::Extra : Difference::Changed;
  open_.erase(key);
}

}  // namespace repl::verify

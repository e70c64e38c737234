// Hands calls over to the loop's thread.
#include "mysql/watcher.hpp"

namespace repl::mysql {

Watcher::Watcher() = default;

Watcher::~Watcher() {
  loop_.run([this] { nodes_.clear(); });
}

WatchedNode* Watcher::find(const Key& key) {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? nullptr : found->second.get();
}

void Watcher::watch(const Key& key, const Endpoint& endpoint, std::shared_ptr<SessionCounters> counters) {
  loop_.post([this, key, endpoint, counters = std::move(counters)] {
    if (auto* const node = find(key)) return node->set_endpoint(endpoint);
    nodes_.emplace(key, std::make_unique<WatchedNode>(loop_, resolver_, key.node, endpoint, counters));
  });
}

void Watcher::unwatch(const Key& key) {
  // On the loop's own thread the node may be the one that is calling: it goes when it has returned.
  if (loop_.on_loop_thread()) return loop_.post([this, key] { nodes_.erase(key); });
  loop_.run([this, &key] { nodes_.erase(key); });
}

void Watcher::probe(const Key& key, Deadline deadline, OnSnapshot done) {
  loop_.post([this, key, deadline, done = std::move(done)]() mutable {
    if (auto* const node = find(key)) node->probe(deadline, std::move(done));
  });
}

void Watcher::keep_sentinel(const Key& key, std::function<void()> on_broken) {
  loop_.post([this, key, on_broken = std::move(on_broken)]() mutable {
    if (auto* const node = find(key)) node->keep_sentinel(std::move(on_broken));
  });
}

void Watcher::drop_sentinel(const Key& key) {
  loop_.post([this, key] {
    if (auto* const node = find(key)) node->drop_sentinel();
  });
}

void Watcher::follow_clone(const Key& key, bool on) {
  loop_.post([this, key, on] {
    if (auto* const node = find(key)) node->follow_clone(on);
  });
}

}  // namespace repl::mysql

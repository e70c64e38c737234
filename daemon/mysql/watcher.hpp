// Watching never waits: one thread keeps a session to every node of every cluster, probes them all at once, each with
// its own deadline of milliseconds, and holds the sentinels of the primaries.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "mysql/event_loop.hpp"
#include "mysql/resolver.hpp"
#include "mysql/watched_node.hpp"

namespace repl::mysql {

/// Thread-safe. Callbacks run on the watcher's thread and must not block; they may call the watcher.
class Watcher {
 public:
  using OnSnapshot = WatchedNode::OnSnapshot;
  struct Key {
    ClusterId cluster;
    NodeId node;
    auto operator<=>(const Key&) const = default;
  };

  Watcher();
  ~Watcher();  ///< Nothing is called back any more once it has returned.

  /// Makes the node known, or gives it another endpoint; its sessions are kept when that is the same.
  void watch(const Key& key, const Endpoint& endpoint, std::shared_ptr<SessionCounters> counters);
  /// Probes under way are dropped. Nothing is called back for the node any more once it has returned, except when it is
  /// called on the watcher's own thread.
  void unwatch(const Key& key);

  /// One look at the node. `done` gets a snapshot without `taken_at`, at the deadline at the latest (Reach::Silent). A
  /// kept session that turns out to be broken is replaced at once, within the same deadline, so that a dead process is
  /// known as refused in less than a millisecond. Never called back when the node is not known.
  void probe(const Key& key, Deadline deadline, OnSnapshot done);

  /// Keeps a session blocked on the node and calls `on_broken` each time that it breaks. Replaces the one before.
  void keep_sentinel(const Key& key, std::function<void()> on_broken);
  void drop_sentinel(const Key& key);
  /// From now on, or no longer, snapshots of the node say how far a clone over it is.
  void follow_clone(const Key& key, bool on);

  /// Runs `work` on the watcher's thread once `when` has come.
  void call_at(Deadline when, std::function<void()> work) { loop_.call_at(when, std::move(work)); }

 private:
  WatchedNode* find(const Key& key);

  EventLoop loop_;  // first: the resolver's thread, which posts to it, must end before it
  Resolver resolver_;
  std::map<Key, std::unique_ptr<WatchedNode>> nodes_;  // the loop's thread only
};

}  // namespace repl::mysql

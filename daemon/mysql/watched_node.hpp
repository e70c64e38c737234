// One node as the watcher sees it: the kept session, the probe under way, who waits for it, the sentinel.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mysql/async_session.hpp"
#include "mysql/counters.hpp"
#include "mysql/event_loop.hpp"
#include "mysql/resolver.hpp"
#include "mysql/sentinel.hpp"
#include "mysql/status_query.hpp"

namespace repl::mysql {

/// The loop's thread only.
class WatchedNode {
 public:
  using OnSnapshot = std::function<void(Snapshot)>;

  WatchedNode(EventLoop& loop, Resolver& resolver, NodeId node, Endpoint endpoint,
              std::shared_ptr<SessionCounters> counters);
  ~WatchedNode();

  /// Sessions are opened anew when it differs from the present one.
  void set_endpoint(const Endpoint& endpoint);
  /// Requests that come while a probe is under way share the next one, for they ask for what is true from now on.
  void probe(Deadline deadline, OnSnapshot done);
  void keep_sentinel(std::function<void()> on_broken);
  void drop_sentinel();
  /// Every probe asks how far a clone is of which the node is the recipient.
  void follow_clone(bool on) { follows_clone_ = on; }

 private:
  using Progress = AsyncSession::Progress;
  struct Request {
    Deadline asked;
    Deadline deadline;
    OnSnapshot done;
  };
  enum class Activity {
    None,
    Resolving,
    Connecting,
    Probing,
    AskingForPlaces,
    AskingForClone,
    FindingLeftovers,
    KillingLeftovers
  };

  Route route();
  void begin();
  void open();
  void send();
  void advance(Progress progress);
  void on_connected();
  void on_answer();
  void on_places();
  void on_status(Snapshot snapshot);
  void on_failure();
  void on_connect_failure(Reach reach);
  void finish(Snapshot snapshot);
  void finish(Reach reach, std::string problem);
  void on_deadline();
  void set_timer();
  void abandon();
  void session_is_gone();
  void find_leftovers();
  void kill_next_leftover();

  EventLoop& loop_;
  Resolver& resolver_;
  NodeId node_;
  Endpoint endpoint_;
  std::shared_ptr<SessionCounters> counters_;
  AsyncSession session_;
  IoWatch io_;
  Timer timer_;
  std::unique_ptr<Sentinel> sentinel_;
  std::function<void()> on_sentinel_broken_;
  std::shared_ptr<WatchedNode*> self_;  // emptied by the destructor, for answers of the resolver

  Activity activity_ = Activity::None;
  std::vector<Request> current_, next_;
  bool tls_ = false;
  bool tls_changed_ = false;  // in this probe
  bool established_ = false;  // the session was counted as open
  bool broke_ = false;        // the kept session turned out to be closed since the last answer
  int fresh_attempts_ = 0;    // in this probe
  std::size_t address_ = 0;   // which of several addresses is tried
  LoadedPlugins plugins_{true, true, false};
  bool follows_clone_ = false;
  // While AskingForPlaces and AskingForClone: what was answered so far.
  Snapshot partial_;
  Rows status_rows_;
  std::optional<Rows> own_place_;
  std::string label_;                          // of the present session
  std::vector<std::string> leftovers_;         // labels of sessions that were given up
  std::vector<std::string> leftover_threads_;  // their ids on the server
  Deadline housekeeping_until_{};
};

}  // namespace repl::mysql

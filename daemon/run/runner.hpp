// One cluster at work: a thread that feeds the controller, stores what it intends, and hands its orders to the nodes.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/controller.hpp"
#include "mysql/node_manager.hpp"
#include "run/clock.hpp"
#include "run/hooks.hpp"
#include "run/inbox.hpp"
#include "run/observer.hpp"
#include "run/registry.hpp"
#include "run/verifier.hpp"
#include "store/store.hpp"

namespace repl::run {

/// Thread-safe. The thread runs from construction to destruction.
class Runner {
 public:
  /// @param hooks_directory  of repld.yaml: where the programs are that plans may run
  Runner(ClusterId cluster, Memory remembered, store::Store& store, mysql::Watcher& watcher, const Clock& clock,
         Observer& observer, const std::string& hooks_directory);
  ~Runner();  ///< Ends the loop. Steps under way may still be carried out by their servers; the store knows of them.

  std::shared_ptr<const ClusterState> state() const;

  /// Hands a request in and waits for the answer. @errors DeadlineExceeded, what the controller refuses
  Result<control::Reply> ask(control::Request request, Time deadline);

  /// Nothing is remembered of the cluster and nothing is going on: it may be dropped without a trace.
  bool blank() const;

  Verifier& verifier() { return verifier_; }

 private:
  void run(const std::stop_token& stop);
  /// False when what is to be remembered could not be stored: then none of the steps may be started.
  bool record(control::Output& output);
  void refuse_steps(const control::Output& output);
  void publish(const control::Output& output);
  void answer(const control::Output& output);
  void publish(std::shared_ptr<const verify::Run> verification);

  const ClusterId cluster_;
  store::Store& store_;
  const Clock& clock_;
  Observer& observer_;
  Inbox inbox_;
  control::Controller controller_;  // the loop's thread only
  mysql::NodeManager nodes_;
  Hooks hooks_;  // the loop's thread only

  mutable std::mutex mutex_;
  std::condition_variable answered_;
  std::shared_ptr<const ClusterState> state_;                     // under mutex_
  std::map<std::uint64_t, std::optional<control::Reply>> asked_;  // by ticket, until they are taken; under mutex_
  std::uint64_t tickets_ = 0;                                     // under mutex_
  store::Record unsaved_;  // what the store did not take and must have; the runner's thread only
  Verifier verifier_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace repl::run
